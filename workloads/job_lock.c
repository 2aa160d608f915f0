/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* job_lock.c - acquire at once, or release the GIL and wait. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "workloads/job_lock.h"
#include "workloads/clock.h"
#include "workloads/worker.h"

#include <errno.h>

int job_lock__init(struct job_lock *lock, int between_processes)
{
	pthread_mutexattr_t attr;
	int err = pthread_mutexattr_init(&attr);

	if (err)
		return -err;
	if (between_processes) {
		err = pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
		if (!err)
			err = pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	}
	if (!err)
		err = pthread_mutex_init(&lock->mutex, &attr);
	pthread_mutexattr_destroy(&attr);
	return -err;
}

/* The mutex was acquired, or not: what a call of pthread says, with our account. */
static int acquired(struct job_lock *lock, struct lock_account *account, int err)
{
	if (err == EOWNERDEAD) {
		account->recovered++;
		err = pthread_mutex_consistent(&lock->mutex);
	}
	if (!err)
		account->acquires++;
	return -err;
}

static int wait_for_it(struct job_lock *lock, struct lock_account *account)
{
	uint64_t since = clock__now(), waited;
	int err = acquired(lock, account, pthread_mutex_lock(&lock->mutex));

	waited = clock__now() - since;
	account->contended++;
	account->wait_ns += waited;
	if (waited > account->max_wait_ns)
		account->max_wait_ns = waited;
	return err;
}

int job_lock__acquire_outside(struct job_lock *lock, struct lock_account *account)
{
	int err = pthread_mutex_trylock(&lock->mutex);

	return err == EBUSY ? wait_for_it(lock, account) : acquired(lock, account, err);
}

int job_lock__acquire(struct job_lock *lock, struct worker *worker)
{
	struct lock_account *account = &worker->slot->job_lock;
	int err = pthread_mutex_trylock(&lock->mutex);

	if (err != EBUSY)
		return acquired(lock, account, err);
	err = worker__drop_gil(worker);
	if (err)
		return err;
	err = wait_for_it(lock, account);
	return err ? err : worker__take_gil(worker);
}

int job_lock__release(struct job_lock *lock)
{
	return -pthread_mutex_unlock(&lock->mutex);
}
