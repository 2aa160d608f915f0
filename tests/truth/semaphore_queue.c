// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* semaphore_queue.c - a semaphore that counts items: whoever waits for one never posts. */
#include <semaphore.h>

#include "tests/truth/truth.h"

static sem_t truth_items;
static void *producer(void *self);
static void *consumer(void *self);

static struct truth truth = {
	.class = "semaphore_queue",
	.account = "cond",
	.locks = { { .name = "truth_items", .kind = "semaphore" } },
	.n_locks = 1,
	.threads = { { .name = "producer", .run = producer, .waits_for = TRUTH_NOBODY },
		     { .name = "consumer", .run = consumer } },
	.n_threads = 2,
};

static void *producer(void *self)
{
	(void)self;
	for (int turn = 0; turn < TRUTH_TURNS; turn++) {
		truth__await(&truth, 2 * turn + 1);
		truth__until_asleep(&truth.threads[1]);
		truth__sleep(TRUTH_NS);
		sem_post(&truth_items);
		truth__await(&truth, 2 * turn + 2);
	}
	return NULL;
}

static void *consumer(void *self)
{
	for (int turn = 0; turn < TRUTH_TURNS; turn++) {
		struct truth_clock clock;

		truth__pass(&truth, 2 * turn + 1);
		clock = truth__before();
		truth__must(!sem_wait(&truth_items), "no semaphore");
		truth__after(self, clock);
		truth__pass(&truth, 2 * turn + 2);
	}
	return NULL;
}

int main(void)
{
	sem_init(&truth_items, 0, 0);
	truth__run(&truth);
	return truth__end(&truth, TRUTH_NS);
}
