/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* channel.c - a ring for threads, a pipe for processes. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "workloads/channel.h"
#include "workloads/clock.h"
#include "workloads/publish.h"
#include "workloads/worker.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

/*
 * glibc before 2.41 can lose a signal (bug 25847). Whoever sleeps looks for
 * itself this often, so that a lost one costs a moment and not the run.
 */
#define LOOK_AGAIN_NS (500 * NSEC_PER_MSEC)

static int init_conds(struct channel *channel)
{
	pthread_condattr_t attr;
	int err = pthread_condattr_init(&attr);

	if (err)
		return -err;
	err = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	if (!err)
		err = pthread_cond_init(&channel->not_empty, &attr);
	if (!err)
		err = pthread_cond_init(&channel->not_full, &attr);
	pthread_condattr_destroy(&attr);
	return -err;
}

int channel__init(struct channel *channel, int between_processes, uint32_t room)
{
	int err;

	*channel = (struct channel){
		.between_processes = between_processes,
		.fds = { -1, -1 },
		.room = room,
	};
	if (between_processes)
		return pipe(channel->fds) ? -errno : 0;
	err = job_lock__init(&channel->lock, 0);
	return err ? err : init_conds(channel);
}

void channel__fini(struct channel *channel)
{
	for (int i = 0; channel->between_processes && i < 2; i++)
		if (channel->fds[i] >= 0)
			close(channel->fds[i]);
}

int channel__publish(const struct channel *channel, struct publisher *publisher, const char *name)
{
	const struct {
		const void *address;
		uint32_t size;
		enum lock_kind kind;
		const char *what;
	} parts[] = {
		{ &channel->lock, sizeof(channel->lock), LOCK_MUTEX, "mutex" },
		{ &channel->not_empty, sizeof(channel->not_empty), LOCK_COND, "not empty" },
		{ &channel->not_full, sizeof(channel->not_full), LOCK_COND, "not full" },
	};

	for (size_t i = 0; !channel->between_processes && i < sizeof(parts) / sizeof(parts[0]);
	     i++) {
		char text[LOCK_NAME_LEN];
		int err;

		snprintf(text, sizeof(text), "%s %s", name, parts[i].what);
		err = publish__lock(publisher, parts[i].address, parts[i].size, parts[i].kind,
				    LOCK_ROLE_ACQUIRE, text);
		if (err)
			return err;
	}
	return 0;
}

/* Sleep on one of the conditions, with the lock held and no GIL. */
static int sleep_on(struct channel *channel, pthread_cond_t *cond, uint32_t *sleepers,
		    struct lock_account *account)
{
	uint64_t since = clock__now();
	struct timespec until = clock__timespec(since + LOOK_AGAIN_NS);
	int err;

	(*sleepers)++;
	err = pthread_cond_timedwait(cond, &channel->lock.mutex, &until);
	(*sleepers)--;
	account->cond_waits++;
	account->cond_wait_ns += clock__now() - since;
	return err == ETIMEDOUT ? 0 : -err;
}

/* Append or remove, if there is room or something; else 0. Under the lock. */
static int move(struct channel *channel, int putting, int64_t *value)
{
	if (channel->count == (putting ? channel->room : 0))
		return 0;
	if (putting) {
		channel->ring[(channel->first + channel->count) % channel->room] = *value;
		channel->count++;
	} else {
		*value = channel->ring[channel->first];
		channel->first = (channel->first + 1) % channel->room;
		channel->count--;
	}
	return 1;
}

/* Something was put in (or taken out): release, and wake who waits for that. */
static int release(struct channel *channel, int putting)
{
	uint32_t sleepers = putting ? channel->getters : channel->putters;
	int err = job_lock__release(&channel->lock);

	/* After the release: the woken must not run into the mutex. */
	if (!err && sleepers)
		err = -pthread_cond_signal(putting ? &channel->not_empty : &channel->not_full);
	return err;
}

/* Without the GIL: wait for the mutex, then for room or something to take. */
static int move_or_sleep(struct channel *channel, struct lock_account *account, int putting,
			 int64_t *value)
{
	int err = job_lock__acquire_outside(&channel->lock, account);

	if (err)
		return err;
	for (;;) {
		if (channel->closed)
			err = -ECANCELED;
		else if (move(channel, putting, value))
			return release(channel, putting);
		if (!err && putting)
			err = sleep_on(channel, &channel->not_full, &channel->putters, account);
		else if (!err)
			err = sleep_on(channel, &channel->not_empty, &channel->getters, account);
		if (err) {
			job_lock__release(&channel->lock);
			return err;
		}
	}
}

/* What can be done at once is done with the GIL in hand: 1, else 0 or an error. */
static int try_at_once(struct channel *channel, struct lock_account *account, int putting,
		       int64_t *value)
{
	int err = pthread_mutex_trylock(&channel->lock.mutex);

	if (err)
		return err == EBUSY ? 0 : -err;
	if (channel->closed || !move(channel, putting, value))
		return job_lock__release(&channel->lock);
	account->acquires++;
	err = release(channel, putting);
	return err ? err : 1;
}

static int through_ring(struct channel *channel, struct worker *worker, int putting, int64_t *value)
{
	struct lock_account *account = &worker->slot->job_lock;
	int err = try_at_once(channel, account, putting, value), back;

	if (err)
		return err < 0 ? err : 0;
	err = worker__drop_gil(worker);
	if (err)
		return err;
	err = move_or_sleep(channel, account, putting, value);
	back = worker__take_gil(worker);
	return err ? err : back;
}

static int through_pipe(struct channel *channel, struct worker *worker, int putting, int64_t *value)
{
	int err = worker__drop_gil(worker), back;
	ssize_t moved;

	if (err)
		return err;
	do
		moved = putting ? write(channel->fds[1], value, sizeof(*value)) :
				  read(channel->fds[0], value, sizeof(*value));
	while (moved < 0 && errno == EINTR);
	if (moved < 0)
		err = -errno;
	else if (moved != sizeof(*value))
		err = moved ? -EPROTO : -EPIPE;
	back = worker__take_gil(worker);
	return err ? err : back;
}

int channel__put(struct channel *channel, struct worker *worker, int64_t value)
{
	return (channel->between_processes ? through_pipe : through_ring)(channel, worker, 1,
									  &value);
}

int channel__get(struct channel *channel, struct worker *worker, int64_t *value)
{
	return (channel->between_processes ? through_pipe : through_ring)(channel, worker, 0,
									  value);
}

void channel__close(struct channel *channel)
{
	if (channel->between_processes || pthread_mutex_lock(&channel->lock.mutex))
		return;
	channel->closed = 1;
	pthread_cond_broadcast(&channel->not_empty);
	pthread_cond_broadcast(&channel->not_full);
	pthread_mutex_unlock(&channel->lock.mutex);
}
