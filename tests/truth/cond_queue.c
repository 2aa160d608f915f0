// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * cond_queue.c - a condition variable, and a mutex that is always free when it is wanted:
 * waiting for work.
 */
#include "tests/truth/truth.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t truth_cond = PTHREAD_COND_INITIALIZER;
static int items;	/* under the mutex */
static void *producer(void *self);
static void *consumer(void *self);

static struct truth truth = {
	.class = "cond_queue",
	.account = "cond",
	.locks = { { .name = "truth_cond", .kind = "cond" } },
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
		pthread_mutex_lock(&mutex);
		items++;
		pthread_mutex_unlock(&mutex);
		pthread_cond_signal(&truth_cond);
		truth__await(&truth, 2 * turn + 2);
	}
	return NULL;
}

static void *consumer(void *self)
{
	for (int turn = 0; turn < TRUTH_TURNS; turn++) {
		struct truth_clock clock;

		pthread_mutex_lock(&mutex);
		truth__pass(&truth, 2 * turn + 1);
		clock = truth__before();
		while (!items)
			pthread_cond_wait(&truth_cond, &mutex);
		truth__after(self, clock);
		items--;
		pthread_mutex_unlock(&mutex);
		truth__pass(&truth, 2 * turn + 2);
	}
	return NULL;
}

int main(void)
{
	truth__run(&truth);
	return truth__end(&truth, TRUTH_NS);
}
