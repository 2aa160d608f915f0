// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * raw.c - futexes of a program's own: with values that mean nothing to others, and with those
 * of a mutex of the C library (2: locked, with waiters), which prove nothing here.
 */
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/truth/truth.h"

static uint32_t truth_raw_seven;
static uint32_t truth_raw_two;
static void *waker(void *self);
static void *waiter(void *self);

static struct truth truth = {
	.class = "raw",
	.account = "other",
	.locks = { { .name = "truth_raw_seven", .kind = "unknown", .site = "own_protocol" },
		   { .name = "truth_raw_two", .kind = "unknown", .site = "own_protocol" } },
	.n_locks = 2,
	.threads = { { .name = "waiter-7", .run = waiter, .waits_for = 0 },
		     { .name = "waiter-2", .run = waiter, .waits_for = 1 },
		     { .name = "waker", .run = waker, .waits_for = TRUTH_NOBODY } },
	.n_threads = 3,
};

static uint32_t *const words[] = { &truth_raw_seven, &truth_raw_two };
static const uint32_t values[] = { 7, 2 };

/* Until there is no such value in the word. */
static __attribute__((noinline)) void own_protocol(uint32_t *word, uint32_t value)
{
	while (__atomic_load_n(word, __ATOMIC_ACQUIRE) == value)
		syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

/* A turn: the waker has set the words, both have waited. */
static void *waker(void *self)
{
	(void)self;
	for (int turn = 0; turn < TRUTH_TURNS; turn++) {
		for (int i = 0; i < 2; i++)
			__atomic_store_n(words[i], values[i], __ATOMIC_RELEASE);
		truth__pass(&truth, 3 * turn + 1);
		for (int i = 0; i < 2; i++)
			truth__until_asleep(&truth.threads[i]);
		truth__sleep(TRUTH_NS);
		for (int i = 0; i < 2; i++) {
			__atomic_store_n(words[i], 0, __ATOMIC_RELEASE);
			syscall(SYS_futex, words[i], FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
		}
		truth__await(&truth, 3 * turn + 3);
	}
	return NULL;
}

static void *waiter(void *arg)
{
	struct truth_thread *self = arg;

	for (int turn = 0; turn < TRUTH_TURNS; turn++) {
		struct truth_clock clock;

		truth__await(&truth, 3 * turn + 1);
		clock = truth__before();
		own_protocol(words[self->waits_for], values[self->waits_for]);
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
