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

struct worker;

struct spawner {
	enum gil_style gil; /* of one interpreter */
	int one_worker;	    /* a single worker does the work of all */
	int processes;	    /* workers are processes: what they share is set up so */
	/*
	 * Start all workers, join them, fill in start_ns and end_ns. Returns 0
	 * or a negative errno, whose cause has been printed. In a forked worker
	 * it returns too, with run->in_worker set: then main must only exit. If
	 * it sets run->stuck, even that must be done without cleaning up.
	 */
	int (*run)(struct run *run);
	/*
	 * In the worker: the number of its next task, waiting for one if need be.
	 * Returns 1, 0 if there will be none, or a negative errno. NULL: the
	 * tasks were dealt beforehand.
	 */
	int (*next_task)(struct worker *worker, unsigned *number);
	/* A task has finished; its slot says how. NULL: nobody waits to hear it. */
	int (*task_done)(struct worker *worker, unsigned number);
};

#define MODE(id, symbol, ...) extern const struct spawner spawner_##symbol;
#include "workloads/mode_rows.h"
#undef MODE

/* NULL if there is none. */
const struct spawner *spawner__find(const char *mode);

/*
 * Make the GIL of one interpreter of this run, and publish all locks that the
 * workers of this process may wait for. Prints the cause of an error.
 */
int mode__make_locks(struct run *run, struct gil **out);

/*
 * The thread of job->client, if the job has one; in the main process, and after
 * its last fork. Prints the cause of an error.
 */
int mode__start_client(struct run *run);

/* Harmless without one. What became of it is in shared->client_error. */
void mode__join_client(struct run *run);

#endif /* CONVOY_MODE_H */
