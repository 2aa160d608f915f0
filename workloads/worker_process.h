/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * worker_process.h - the processes of workers: started, watched, ended.
 *
 * For the modes whose workers are processes. Each such mode keeps an array of
 * pids, one for each worker, 0 where there is none (any more).
 */
#ifndef CONVOY_WORKER_PROCESS_H
#define CONVOY_WORKER_PROCESS_H

#include "workloads/run.h"

/*
 * Start worker number index by fork or spawn, as the run's parameters say.
 * Returns 0 in the main process; 0 in a forked worker, which has *pid 0; or a
 * negative errno, whose cause has been printed.
 */
int worker_process__start(const struct run *run, unsigned index, pid_t *pid);

/*
 * The whole life of a worker process, once it runs in this program: from
 * making sure that it dies with its parent to the end of its work.
 */
int worker_process__main(struct run *run, unsigned index);

/* Wait for one; returns 0, or -ECHILD after a word on how badly it ended. */
int worker_process__reap(pid_t *pids, unsigned index);

/*
 * Wait for all. Returns 0; or, after a word on it, -ECHILD when the first ends
 * badly. If the job can go on without that one and all have begun their work,
 * waits for the others and returns 0: then the slot of the dead has an error.
 */
int worker_process__join(struct run *run, pid_t *pids);

/* Kill and wait for all that are left. */
void worker_process__kill(const struct run *run, pid_t *pids);

#endif /* CONVOY_WORKER_PROCESS_H */
