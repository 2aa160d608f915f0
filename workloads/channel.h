/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * channel.h - numbers from workers to workers, first come, first served.
 *
 * Between threads it is a ring under a mutex with two condition variables, in
 * shared memory; between processes a pipe, whose small messages the kernel keeps
 * whole, so that any number of workers may read and write it.
 *
 * A worker may sleep in put and get: then without the GIL, and without the
 * mutex while it waits for the GIL. Its waits are in its struct lock_account.
 *
 * All functions return 0 or a negative errno.
 */
#ifndef CONVOY_CHANNEL_H
#define CONVOY_CHANNEL_H

#include <stdint.h>

#include "workloads/job_lock.h"

#define CHANNEL_ROOM 64 /* messages, at most */

struct publisher;
struct worker;

struct channel {
	int32_t between_processes;
	int32_t fds[2]; /* read, write; inherited by every worker, also across exec */
	uint32_t room;
	/* Between threads, under lock: */
	struct job_lock lock __attribute__((aligned(128)));
	pthread_cond_t not_empty;
	pthread_cond_t not_full;
	uint32_t first;
	uint32_t count;
	uint32_t getters; /* asleep on not_empty */
	uint32_t putters; /* asleep on not_full */
	int32_t closed;
	int64_t ring[CHANNEL_ROOM];
};

/* In place. room, from 1 to CHANNEL_ROOM, is for threads; a pipe has its own. */
int channel__init(struct channel *channel, int between_processes, uint32_t room);

/* Closes what this process holds. After a failed channel__init too. */
void channel__fini(struct channel *channel);

/* "NAME mutex", "NAME not empty", "NAME not full", as this process sees them. */
int channel__publish(const struct channel *channel, struct publisher *publisher, const char *name);

/* With the GIL held, and again when they return. -ECANCELED once it is closed. */
int channel__put(struct channel *channel, struct worker *worker, int64_t value);
int channel__get(struct channel *channel, struct worker *worker, int64_t *value);

/* Wake all threads that sleep in it, and let none sleep again. */
void channel__close(struct channel *channel);

#endif /* CONVOY_CHANNEL_H */
