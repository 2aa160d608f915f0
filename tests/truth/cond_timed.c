// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * cond_timed.c - a condition variable that is waited for with a time-out, and never signalled.
 * Time-outs with nothing between them are one attempt; after it, the thread does other things.
 */
#include <errno.h>

#include "tests/truth/truth.h"

#define ATTEMPTS 4
#define TIMEOUTS 3	/* of each */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t truth_cond_timed = PTHREAD_COND_INITIALIZER;
static void *waiter(void *self);

static struct truth truth = {
	.class = "cond_timed",
	.account = "cond",
	.locks = { { .name = "truth_cond_timed", .kind = "cond" } },
	.n_locks = 1,
	.threads = { { .name = "waiter", .run = waiter } },
	.n_threads = 1,
};

/* Other things: far more CPU time than there is between two waits of an attempt. */
static void compute(void)
{
	uint64_t until = truth__cpu_time() + 40 * TRUTH_GAP_NS;

	while (truth__cpu_time() < until)
		;
}

static void *waiter(void *arg)
{
	struct truth_lock *lock = &truth.locks[0];
	struct truth_thread *self = arg;

	for (int turn = 0; turn < ATTEMPTS; turn++) {
		struct truth_clock clock;
		uint64_t ran_ns = 0;

		pthread_mutex_lock(&mutex);
		clock = truth__before();
		for (int i = 0; i < TIMEOUTS; i++) {
			uint64_t had_ns = ran_ns;
			struct timespec until;

			ran_ns = truth__cpu_time();
			if (i && ran_ns - had_ns > TRUTH_GAP_NS)
				lock->long_gaps++;
			until = truth__deadline(TRUTH_NS);
			truth__must(pthread_cond_timedwait(&truth_cond_timed, &mutex, &until) ==
					    ETIMEDOUT,
				    "no time-out");
		}
		truth__after(self, clock);
		pthread_mutex_unlock(&mutex);
		lock->attempts++;
		lock->timeouts += TIMEOUTS;
		compute();
	}
	return NULL;
}

int main(void)
{
	truth__run(&truth);
	/* The time-out is by another clock. */
	return truth__end(&truth, TIMEOUTS * TRUTH_NS / 10 * 9);
}
