// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* semaphore_lock.c - a semaphore that its waiters post themselves, so it is a lock. */
#include <semaphore.h>

#include "tests/truth/truth.h"

static sem_t truth_semaphore;
static void *contender(void *self);

static struct truth truth = {
	.class = "semaphore_lock",
	.account = "lock",
	.locks = { { .name = "truth_semaphore", .kind = "semaphore", .held = true } },
	.n_locks = 1,
	.threads = { { .name = "first", .run = contender },
		     { .name = "second", .run = contender } },
	.n_threads = 2,
};

static void acquire(size_t at)
{
	(void)at;
	truth__must(!sem_wait(&truth_semaphore), "no semaphore");
}

static void release(size_t at)
{
	(void)at;
	sem_post(&truth_semaphore);
}

static void *contender(void *self)
{
	const struct truth_contest contest = { &truth, acquire, release, NULL, NULL };

	truth__contend(&contest, self, TRUTH_TURNS);
	return NULL;
}

int main(void)
{
	sem_init(&truth_semaphore, 0, 1);
	truth__run(&truth);
	return truth__end(&truth, TRUTH_NS);
}
