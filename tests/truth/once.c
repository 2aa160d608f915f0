// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* once.c - what is done once takes its time, and two others wait until it is. */
#include "tests/truth/truth.h"

static pthread_once_t truth_once_a = PTHREAD_ONCE_INIT;
static pthread_once_t truth_once_b = PTHREAD_ONCE_INIT;
static pthread_once_t truth_once_c = PTHREAD_ONCE_INIT;
static pthread_once_t truth_once_d = PTHREAD_ONCE_INIT;
static pthread_once_t *const onces[] = { &truth_once_a, &truth_once_b, &truth_once_c,
					 &truth_once_d };
#define ONCES ((int)(sizeof(onces) / sizeof(onces[0])))

static void *initialiser(void *self);
static void *waiter(void *self);

static struct truth truth = {
	.class = "once",
	.account = "lock",
	.locks = { { .name = "truth_once_", .kind = "once", .held = true, .objects = ONCES } },
	.n_locks = 1,
	.threads = { { .name = "initialiser", .run = initialiser, .waits_for = TRUTH_NOBODY },
		     { .name = "waiter-1", .run = waiter, .holds = TRUTH_NOBODY },
		     { .name = "waiter-2", .run = waiter, .holds = TRUTH_NOBODY } },
	.n_threads = 3,
};

/* A turn: the initialiser is at it, and then each of the three has it. */
static void initialise(void)
{
	truth__pass(&truth, truth.turn + 1);
	truth__until_asleep(&truth.threads[1]);
	truth__until_asleep(&truth.threads[2]);
	truth__sleep(TRUTH_NS);
}

static void *initialiser(void *self)
{
	(void)self;
	for (int turn = 0; turn < ONCES; turn++) {
		truth__await(&truth, 4 * turn);
		pthread_once(onces[turn], initialise);
		__atomic_add_fetch(&truth.turn, 1, __ATOMIC_ACQ_REL);
	}
	return NULL;
}

static void *waiter(void *self)
{
	for (int turn = 0; turn < ONCES; turn++) {
		struct truth_clock clock;

		truth__await(&truth, 4 * turn + 1);
		clock = truth__before();
		pthread_once(onces[turn], initialise);
		truth__after(self, clock);
		__atomic_add_fetch(&truth.turn, 1, __ATOMIC_ACQ_REL);
	}
	return NULL;
}

int main(void)
{
	truth__run(&truth);
	return truth__end(&truth, TRUTH_NS);
}
