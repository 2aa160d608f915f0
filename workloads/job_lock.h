/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * job_lock.h - a mutex that the workers of a job share.
 *
 * Between threads it is a plain mutex, between processes a robust one in shared
 * memory: if its owner dies, the next to come gets it and is told so. A worker
 * that has to wait for it releases the GIL meanwhile, as Python does, and keeps
 * its own account of the wait (struct lock_account), in which an acquisition
 * that succeeds at once reads no clock.
 *
 * All functions return 0 or a negative errno.
 */
#ifndef CONVOY_JOB_LOCK_H
#define CONVOY_JOB_LOCK_H

#include <pthread.h>

struct lock_account;
struct worker;

struct job_lock {
	pthread_mutex_t mutex;
};

/* In place; there is nothing to undo. */
int job_lock__init(struct job_lock *lock, int between_processes);

/* With the GIL held, and again when it returns. */
int job_lock__acquire(struct job_lock *lock, struct worker *worker);

/* Needs no GIL, and waits without any; for whoever has released it already. */
int job_lock__acquire_outside(struct job_lock *lock, struct lock_account *account);

int job_lock__release(struct job_lock *lock);

#endif /* CONVOY_JOB_LOCK_H */
