// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * spin.c - a lock that is spun for in user space, with sched_yield(2): nobody ever sleeps for
 * it, so there is no lock wait to be seen, but threads that want to run.
 */
#include <sched.h>

#include "tests/truth/truth.h"

static int truth_spin;	/* atomic; 1: held */
static void *holder(void *self);
static void *spinner(void *self);

static struct truth truth = {
	.class = "spin",
	.account = "running",
	.locks = { { .kind = NULL } },
	.n_locks = 1,
	.threads = { { .name = "holder", .run = holder, .waits_for = TRUTH_NOBODY },
		     { .name = "spinner", .run = spinner } },
	.n_threads = 2,
};

static void *holder(void *self)
{
	(void)self;
	for (int turn = 0; turn < TRUTH_TURNS; turn++) {
		truth__await(&truth, 3 * turn);
		__atomic_store_n(&truth_spin, 1, __ATOMIC_RELEASE);
		truth__pass(&truth, 3 * turn + 1);
		truth__await(&truth, 3 * turn + 2);
		truth__sleep(TRUTH_NS);
		__atomic_store_n(&truth_spin, 0, __ATOMIC_RELEASE);
		truth__await(&truth, 3 * turn + 3);
	}
	return NULL;
}

static void *spinner(void *self)
{
	for (int turn = 0; turn < TRUTH_TURNS; turn++) {
		struct truth_clock clock;

		truth__await(&truth, 3 * turn + 1);
		clock = truth__before();
		truth__pass(&truth, 3 * turn + 2);
		while (__atomic_exchange_n(&truth_spin, 1, __ATOMIC_ACQUIRE))
			sched_yield();
		truth__after(self, clock);
		__atomic_store_n(&truth_spin, 0, __ATOMIC_RELEASE);
		truth__pass(&truth, 3 * turn + 3);
	}
	return NULL;
}

int main(void)
{
	truth__run(&truth);
	return truth__end(&truth, TRUTH_NS);
}
