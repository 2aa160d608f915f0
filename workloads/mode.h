/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * mode.h - how the workers of a run are started and joined.
 *
 * A new mode is one file that defines a struct spawner, and one row in
 * mode_rows.h.
 */
#ifndef CONVOY_MODE_H
#define CONVOY_MODE_H

#include "workloads/run.h"

struct spawner {
	enum gil_style gil; /* of one interpreter */
	int one_worker;	    /* a single worker does the work of all */
	int processes;	    /* the barrier is shared by processes */
	/*
	 * Start all workers, join them, fill in start_ns and end_ns. Returns 0
	 * or a negative errno, whose cause has been printed. In a forked worker
	 * it returns too, with run->in_worker set: then main must only exit.
	 */
	int (*run)(struct run *run);
};

/* NULL if there is none. */
const struct spawner *spawner__find(const char *mode);

/* Make and publish the GIL of one interpreter of this run; prints the cause. */
int mode__make_gil(struct run *run, struct gil **out);

#define MODE(id, symbol, ...) extern const struct spawner spawner_##symbol;
#include "workloads/mode_rows.h"
#undef MODE

/*
 * The whole life of a worker process, once it runs in this program: from
 * making sure that it dies with its parent to the end of its work.
 */
int mode_processes__worker(struct run *run, unsigned index);

#endif /* CONVOY_MODE_H */
