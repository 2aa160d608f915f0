// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * holder_waits.c - the holder of a mutex waits for another one, whose holder sleeps. Whoever
 * waits for the first is not helped by looking at its holder alone.
 */
#include "tests/truth/truth.h"

static pthread_mutex_t truth_outer = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t truth_inner = PTHREAD_MUTEX_INITIALIZER;
static void *sleeper(void *self);
static void *between(void *self);
static void *waiter(void *self);
enum { OUTER, INNER };

static struct truth truth = {
	.class = "holder_waits",
	.account = "lock",
	.locks = { { .name = "truth_outer", .kind = "mutex", .held = true },
		   { .name = "truth_inner", .kind = "mutex", .held = true } },
	.n_locks = 2,
	.threads = { { .name = "sleeper",
		       .run = sleeper,
		       .waits_for = TRUTH_NOBODY,
		       .holds = INNER },
		     { .name = "between", .run = between, .waits_for = INNER, .holds = OUTER },
		     { .name = "waiter",
		       .run = waiter,
		       .waits_for = OUTER,
		       .holds = TRUTH_NOBODY } },
	.n_threads = 3,
};

/* A turn: the sleeper has the inner one; the one between the outer one; both have waited. */
static void *sleeper(void *self)
{
	(void)self;
	for (int turn = 0; turn < TRUTH_TURNS; turn++) {
		struct truth_stat before;
		uint64_t start, ns;

		pthread_mutex_lock(&truth_inner);
		truth__pass(&truth, 4 * turn + 1);
		truth__await(&truth, 4 * turn + 2);
		truth__until_asleep(&truth.threads[1]);
		truth__until_asleep(&truth.threads[2]);
		before = truth__stat();
		start = truth__now();
		truth__sleep(TRUTH_NS);
		ns = truth__now() - start - (truth__stat().delayed_ns - before.delayed_ns);
		truth.locks[INNER].slept_ns += ns;
		/* All of that time, both of them waited. */
		truth.locks[OUTER].waited_ns += ns;
		pthread_mutex_unlock(&truth_inner);
		truth__await(&truth, 4 * turn + 4);
	}
	return NULL;
}

static void *between(void *self)
{
	for (int turn = 0; turn < TRUTH_TURNS; turn++) {
		struct truth_clock clock;

		truth__await(&truth, 4 * turn + 1);
		pthread_mutex_lock(&truth_outer);
		truth__pass(&truth, 4 * turn + 2);
		clock = truth__before();
		pthread_mutex_lock(&truth_inner);
		truth__after(self, clock);
		pthread_mutex_unlock(&truth_inner);
		pthread_mutex_unlock(&truth_outer);
		__atomic_add_fetch(&truth.turn, 1, __ATOMIC_ACQ_REL);
		truth__await(&truth, 4 * turn + 4);
	}
	return NULL;
}

static void *waiter(void *self)
{
	for (int turn = 0; turn < TRUTH_TURNS; turn++) {
		struct truth_clock clock;

		truth__await(&truth, 4 * turn + 2);
		clock = truth__before();
		pthread_mutex_lock(&truth_outer);
		truth__after(self, clock);
		pthread_mutex_unlock(&truth_outer);
		__atomic_add_fetch(&truth.turn, 1, __ATOMIC_ACQ_REL);
	}
	return NULL;
}

int main(void)
{
	truth__run(&truth);
	return truth__end(&truth, TRUTH_NS);
}
