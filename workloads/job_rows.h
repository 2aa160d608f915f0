/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * job_rows.h - the table of jobs, one row each; no include guard, for it is
 * included once for every list that is made of it.
 *
 *	JOB(name, fields of struct job_info but its name)
 *
 * job_NAME, in the job's own file, is its body. The order is that of the lists
 * shown.
 *
 * Which job runs in which mode (+ by default, o on request, - refused with the
 * sentence in its row):
 *
 *			serial threads gil-ticks gil-timed processes pool
 *	countdown	+      +       +         +         +         o
 *	recursion	+      +       o         +         +         o
 *	sleepers	+      +       o         +         o         +
 *	counter		+      +       +         +         +         -
 *	mixed		+      +       +         +         +         -
 *	queue		-      +       +         +         +         -
 *	pages		+      +       o         +         +         o
 */
/* clang-format off */

JOB(countdown,
	.summary = "each worker counts N down to 0 in bytecode: pure computing",
	.default_modes = MODES("serial", "gil-ticks", "gil-timed", "threads", "processes"),
	.default_rounds = 5,
	.default_work = 12000000ull,
	.max_work = 1000000000000ull,
	.work_unit = "iterations of each worker")

JOB(recursion,
	.summary = "fib(12), fac(12) and sum(12), where each call sleeps first: waiting",
	.default_modes = MODES("serial", "threads", "gil-timed", "processes"),
	.default_workers = 3,
	.default_rounds = 1,
	.sleeps = 1,
	.tasks = 3,
	.too_many = "recursion has three tasks (fib, fac, sum), so a fourth worker would "
		    "have nothing to do: use at most 3 workers")

JOB(sleepers,
	.summary = "five tasks that sleep a random time below 3 s each: pure waiting",
	.default_modes = MODES("serial", "threads", "gil-timed", "pool"),
	.default_workers = 5,
	.default_rounds = 1,
	.sleeps = 1,
	.seeded = 1,
	.tasks = 5,
	.too_many = "sleepers has five tasks, so a sixth worker would have nothing to do: "
		    "use at most 5 workers")

JOB(counter,
	.summary = "each worker increments one shared counter N times, under a lock",
	.default_modes = MODES("serial", "gil-ticks", "gil-timed", "threads", "processes"),
	.default_rounds = 3,
	.default_work = 200000,
	.max_work = 1000000000ull,
	.work_unit = "increments of each worker",
	.lock_work = 1,
	.default_inside = 50,
	.default_outside = 50,
	.refusals[MODE_POOL] = "the tasks of a pool share nothing, so there would be no lock to "
			       "wait for: use mode processes")

JOB(mixed,
	.summary = "worker-1 serves N requests beside workers that compute: the convoy effect",
	.default_modes = MODES("serial", "gil-ticks", "gil-timed", "threads", "processes"),
	.default_rounds = 3,
	.default_work = 100,
	.max_work = 1000000,
	.work_unit = "requests, for each of which every other worker counts down 600000",
	.min_workers = 2,
	.too_few = "mixed needs one worker for the requests and one that computes beside it: use "
		   "at least 2 workers",
	.refusals[MODE_POOL] = "a pool gives out its tasks one by one, so nothing says that it "
			       "computes beside the requests: use mode processes")

JOB(queue,
	.summary = "worker-1 feeds numbers to the others, who answer: what a message costs",
	.default_modes = MODES("gil-ticks", "gil-timed", "threads", "processes"),
	.default_workers = 3,
	.default_rounds = 3,
	.default_work = 50000,
	.max_work = 1000000000ull,
	.work_unit = "messages to each worker that answers",
	.min_workers = 2,
	.too_few = "queue needs one worker that feeds and one that answers: use at least 2 workers",
	.refusals[MODE_SERIAL] = "one thread cannot wait for answers that only it could give: "
				 "queue needs a mode with several workers",
	.refusals[MODE_POOL] = "a pool is a queue itself, and gives out its tasks one by one, so "
			       "the producer could wait for ever: use mode processes")

JOB(pages,
	.summary = "each worker maps, touches and unmaps 64 pages N times: the kernel's own locks",
	.default_modes = MODES("serial", "gil-timed", "threads", "processes"),
	.default_rounds = 3,
	.default_work = 2000,
	.max_work = 1000000000ull,
	.work_unit = "rounds of 64 pages of each worker")
