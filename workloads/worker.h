/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * worker.h - a worker: the thread or process that executes its tasks. It does
 * the same in every mode; only the GIL it is given differs.
 */
#ifndef CONVOY_WORKER_H
#define CONVOY_WORKER_H

#include "workloads/run.h"

struct vm;

struct worker {
	struct run *run; /* not owned */
	struct gil *gil; /* not owned, shared with the mode's other threads */
	struct vm *vm;
	struct worker_slot *slot;
	int holds_gil;	/* as far as its thread knows */
	int gave_up;	/* the GIL, in the native function that runs */
	unsigned index; /* from 0; its name is worker-(index + 1) */
	unsigned next;	/* number from which on to look for dealt tasks */
};

/*
 * All that can fail is done here, before anybody stands in the barrier. May be
 * called from another thread than worker__run. Returns 0 or a negative errno.
 */
int worker__init(struct worker *worker, struct run *run, unsigned index, struct gil *gil);

/* Idempotent. */
void worker__fini(struct worker *worker);

/*
 * On the worker's own thread: take its name, wait for all others in the
 * barrier, do its tasks. Returns 0 or a negative errno, also in its slot. A
 * wrong result is no error here: it is noted with the task.
 */
int worker__run(struct worker *worker);

/*
 * For native functions, around what may block: let others have the GIL, and get
 * it back. Each returns 0 or a negative errno, which the function must return.
 * It may return without the GIL only with an error.
 */
int worker__drop_gil(struct worker *worker);
int worker__take_gil(struct worker *worker);

#endif /* CONVOY_WORKER_H */
