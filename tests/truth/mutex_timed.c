// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * mutex_timed.c - waits for a mutex with a time-out: a few of them pass, then it is there.
 * All of that is one attempt.
 */
#include <errno.h>

#include "tests/truth/truth.h"

#define ATTEMPTS 6
#define TIMEOUTS 3	/* of each */
#define EACH_NS (TRUTH_NS / 3)
#define LONG_NS 30000000000u

static pthread_mutex_t truth_timed = PTHREAD_MUTEX_INITIALIZER;
static int timed_out;	/* so far; atomic */
static void *holder(void *self);
static void *waiter(void *self);

static struct truth truth = {
	.class = "mutex_timed",
	.account = "lock",
	.locks = { { .name = "truth_timed", .kind = "mutex", .held = true } },
	.n_locks = 1,
	.threads = { { .name = "holder", .run = holder, .waits_for = TRUTH_NOBODY },
		     { .name = "waiter", .run = waiter, .holds = TRUTH_NOBODY } },
	.n_threads = 2,
};

static void *holder(void *self)
{
	(void)self;
	for (int turn = 0; turn < ATTEMPTS; turn++) {
		truth__await(&truth, 2 * turn);
		pthread_mutex_lock(&truth_timed);
		truth__pass(&truth, 2 * turn + 1);
		while (__atomic_load_n(&timed_out, __ATOMIC_ACQUIRE) < (turn + 1) * TIMEOUTS)
			truth__sleep(EACH_NS / 10);
		/* The last wait is a long one, so this is in the middle of it. */
		truth__until_asleep(&truth.threads[1]);
		truth__sleep(EACH_NS);
		pthread_mutex_unlock(&truth_timed);
	}
	return NULL;
}

static void *waiter(void *arg)
{
	struct truth_lock *lock = &truth.locks[0];
	struct truth_thread *self = arg;

	for (int turn = 0; turn < ATTEMPTS; turn++) {
		struct truth_clock clock;
		uint64_t ran_ns = 0;

		truth__await(&truth, 2 * turn + 1);
		clock = truth__before();
		for (int i = 0; i <= TIMEOUTS; i++) {
			uint64_t had_ns = ran_ns;
			struct timespec until;
			int err;

			ran_ns = truth__cpu_time();
			if (i && ran_ns - had_ns > TRUTH_GAP_NS)
				lock->long_gaps++;
			until = truth__deadline(i < TIMEOUTS ? EACH_NS : LONG_NS);
			err = pthread_mutex_timedlock(&truth_timed, &until);
			truth__must(err == (i < TIMEOUTS ? ETIMEDOUT : 0), "no such end");
			if (err)
				__atomic_add_fetch(&timed_out, 1, __ATOMIC_ACQ_REL);
		}
		truth__after(self, clock);
		pthread_mutex_unlock(&truth_timed);
		lock->attempts++;
		lock->timeouts += TIMEOUTS;
		truth__pass(&truth, 2 * turn + 2);
	}
	return NULL;
}

int main(void)
{
	truth__run(&truth);
	/* The time-outs are by another clock. */
	return truth__end(&truth, (TIMEOUTS + 1) * EACH_NS / 10 * 9);
}
