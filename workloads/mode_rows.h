/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * mode_rows.h - the table of modes, one row each; no include guard, for it is
 * included once for every list that is made of it.
 *
 *	MODE(ID, symbol, fields of struct mode_info)
 *
 * ID makes MODE_ID, and spawner_SYMBOL, in the mode's own file, starts its
 * workers. The order is that of the lists shown.
 */
/* clang-format off */

MODE(SERIAL, serial,
	.name = "serial",
	.summary = "one thread does the work of all workers in turn")

MODE(THREADS, threads,
	.name = "threads",
	.summary = "one thread per worker, no global lock")

MODE(GIL_TICKS, gil_ticks,
	.name = "gil-ticks",
	.summary = "threads under a GIL released every few instructions (Python 2)",
	.gil = 1)

MODE(GIL_TIMED, gil_timed,
	.name = "gil-timed",
	.summary = "threads under a GIL released on a timed request (Python 3.2 and later)",
	.gil = 1)

MODE(PROCESSES, processes,
	.name = "processes",
	.summary = "one process per worker, each with its own interpreter and GIL",
	.processes = 1)

MODE(POOL, pool,
	.name = "pool",
	.summary = "a fixed set of processes, each given the next task when it is free",
	.processes = 1,
	.pool = 1)
