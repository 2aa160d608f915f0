/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * gil_timed.c - the GIL of CPython >= 3.2: given up on request.
 *
 * The flag `locked` is guarded by `mutex`; waiters sleep on `cond`, an
 * interval at a time. Who has waited a whole interval in which the holder did
 * not change sets `drop_request`. The holder sees it at its next checkpoint,
 * drops, and must then wait on `switch_cond` until another thread has taken
 * the GIL; otherwise it would take it back before the waiter is awake.
 *
 * Order of locks: mutex, then switch_mutex. A request implies a waiter that
 * will not give up, so the untimed wait of the dropper always ends.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "workloads/gil_style.h"
#include "workloads/publish.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

struct gil_timed {
	struct gil base;
	uint64_t interval_ns;
	atomic_int drop_request __attribute__((aligned(128))); /* polled by the holder */
	pthread_mutex_t mutex __attribute__((aligned(128)));
	pthread_cond_t cond;
	int locked;		/* under mutex */
	unsigned waiters;	/* on cond, under mutex */
	uint64_t switch_number; /* how often the holder changed, under mutex */
	pthread_mutex_t switch_mutex;
	pthread_cond_t switch_cond;
	/* Under switch_mutex: */
	const struct gil_account *last_holder;
	unsigned droppers; /* on switch_cond */
};

static struct gil_timed *timed_of(struct gil *gil)
{
	return (struct gil_timed *)gil;
}

static int init_cond(pthread_cond_t *cond)
{
	pthread_condattr_t attr;
	int err = pthread_condattr_init(&attr);

	if (err)
		return -err;
	err = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	if (!err)
		err = pthread_cond_init(cond, &attr);
	pthread_condattr_destroy(&attr);
	return -err;
}

static int timed_create(struct gil **out, const struct gil_config *config)
{
	struct gil_timed *timed;
	int err;

	if (!config->switch_interval_ns)
		return -EINVAL;
	timed = aligned_alloc(128, sizeof(*timed));
	if (!timed)
		return -ENOMEM;
	*timed = (struct gil_timed){
		.base.ops = &gil_timed_ops,
		.interval_ns = config->switch_interval_ns,
		.mutex = PTHREAD_MUTEX_INITIALIZER,
		.switch_mutex = PTHREAD_MUTEX_INITIALIZER,
	};
	err = init_cond(&timed->cond);
	if (err)
		goto fail;
	err = init_cond(&timed->switch_cond);
	if (err)
		goto fail_cond;
	*out = &timed->base;
	return 0;
fail_cond:
	pthread_cond_destroy(&timed->cond);
fail:
	free(timed);
	return err;
}

static void timed_destroy(struct gil *gil)
{
	struct gil_timed *timed = timed_of(gil);

	pthread_cond_destroy(&timed->switch_cond);
	pthread_mutex_destroy(&timed->switch_mutex);
	pthread_cond_destroy(&timed->cond);
	pthread_mutex_destroy(&timed->mutex);
	free(timed);
}

static int timed_publish(const struct gil *gil, struct publisher *publisher)
{
	const struct gil_timed *timed = (const struct gil_timed *)gil;
	const struct {
		const void *address;
		uint32_t size;
		enum lock_role role;
	} parts[] = {
		{ &timed->cond, sizeof(timed->cond), LOCK_ROLE_ACQUIRE },
		{ &timed->mutex, sizeof(timed->mutex), LOCK_ROLE_GUARD },
		{ &timed->switch_cond, sizeof(timed->switch_cond), LOCK_ROLE_ACK },
		{ &timed->switch_mutex, sizeof(timed->switch_mutex), LOCK_ROLE_GUARD },
	};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		int err = publish__lock(publisher, parts[i].address, parts[i].size, LOCK_GIL,
					parts[i].role, GIL_LOCK_NAME);

		if (err)
			return err;
	}
	return 0;
}

/* Lock; if that may sleep and no wait is being timed yet, start one at *since. */
static int guard_lock(pthread_mutex_t *mutex, uint64_t *since)
{
	int err = pthread_mutex_trylock(mutex);

	if (err != EBUSY)
		return -err;
	if (!*since)
		*since = clock__now();
	return -pthread_mutex_lock(mutex);
}

/* Wait one interval for the flag, and ask for it if nothing moved meanwhile. */
static int wait_interval(struct gil_timed *timed)
{
	uint64_t number = timed->switch_number;
	struct timespec until = clock__timespec(clock__now() + timed->interval_ns);
	int err = pthread_cond_timedwait(&timed->cond, &timed->mutex, &until);

	if (err && err != ETIMEDOUT)
		return -err;
	if (err == ETIMEDOUT && timed->locked && timed->switch_number == number)
		atomic_store_explicit(&timed->drop_request, 1, memory_order_relaxed);
	return 0;
}

static int wait_unlocked(struct gil_timed *timed)
{
	int err = 0;

	timed->waiters++;
	while (timed->locked && !err)
		err = wait_interval(timed);
	timed->waiters--;
	return err;
}

static int timed_take(struct gil *gil, struct gil_account *me)
{
	struct gil_timed *timed = timed_of(gil);
	uint64_t since = 0, signal_since = 0;
	int err;

	err = guard_lock(&timed->mutex, &since);
	if (err)
		return err;
	if (timed->locked) {
		if (!since)
			since = clock__now();
		err = wait_unlocked(timed);
	}
	if (!err)
		err = guard_lock(&timed->switch_mutex, &since);
	if (err)
		goto out;
	timed->locked = 1;
	if (timed->last_holder != me) {
		timed->last_holder = me;
		timed->switch_number++;
		me->switches++;
	}
	if (timed->droppers) {
		signal_since = clock__now();
		/*
		 * Several droppers may sleep here; this take ends the wait of
		 * all. Nor is a signal enough for one: glibc before 2.41 can
		 * lose it (bug 25847), and this wait has no time-out.
		 */
		pthread_cond_broadcast(&timed->switch_cond);
		if (!since)
			me->signal_ns += clock__now() - signal_since;
	}
	pthread_mutex_unlock(&timed->switch_mutex);
	atomic_store_explicit(&timed->drop_request, 0, memory_order_relaxed);
	me->acquires++;
out:
	pthread_mutex_unlock(&timed->mutex);
	if (since && !err) {
		gil__count_wait(me, since);
		me->contended++;
	}
	return err;
}

/* The dropper's half of a forced switch. */
static int wait_taken(struct gil_timed *timed, struct gil_account *me)
{
	uint64_t since = 0;
	int err = guard_lock(&timed->switch_mutex, &since), slept = 0;

	if (err)
		return err;
	timed->droppers++;
	while (timed->last_holder == me && !err) {
		if (!since)
			since = clock__now();
		slept = 1;
		err = -pthread_cond_wait(&timed->switch_cond, &timed->switch_mutex);
	}
	timed->droppers--;
	pthread_mutex_unlock(&timed->switch_mutex);
	if (since) {
		uint64_t waited = gil__count_wait(me, since);

		if (slept) {
			me->ack_waits++;
			me->ack_wait_ns += waited;
		} else {
			me->guard_waits++;
			me->guard_wait_ns += waited;
		}
	}
	return err;
}

static int timed_drop(struct gil *gil, struct gil_account *me, int for_good)
{
	struct gil_timed *timed = timed_of(gil);
	uint64_t since = 0;
	int err, forced, waiters;

	err = guard_lock(&timed->mutex, &since);
	if (err)
		return err;
	timed->locked = 0;
	forced = atomic_load_explicit(&timed->drop_request, memory_order_relaxed);
	waiters = timed->waiters != 0;
	pthread_mutex_unlock(&timed->mutex);
	me->drops++;
	if (since) {
		me->guard_waits++;
		me->guard_wait_ns += gil__count_wait(me, since);
	}
	if (waiters) {
		/* After the unlock: the woken must not run into the mutex. */
		since = clock__now();
		pthread_cond_signal(&timed->cond);
		me->signal_ns += clock__now() - since;
	}
	return forced && !for_good ? wait_taken(timed, me) : 0;
}

static int timed_checkpoint(struct gil *gil, struct gil_account *me)
{
	struct gil_timed *timed = timed_of(gil);
	int err;

	if (!atomic_load_explicit(&timed->drop_request, memory_order_relaxed))
		return 0;
	err = timed_drop(gil, me, 0);
	return err ? err : timed_take(gil, me);
}

const struct gil_ops gil_timed_ops = {
	.create = timed_create,
	.destroy = timed_destroy,
	.publish = timed_publish,
	.take = timed_take,
	.drop = timed_drop,
	.checkpoint = timed_checkpoint,
};
