// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * waitv.c - futex_waitv(2), which waits for one of several words. What they are for, nobody
 * can tell. Status 77 where the kernel does not have it.
 */
#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/truth/truth.h"

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif
#define NOT_THERE 77
#define WORDS 2

/* As in the kernel's header, which is older than the call in some places. */
struct waitv {
	uint64_t val, uaddr;
	uint32_t flags, reserved;
};
#define WAITV_PRIVATE_32 (2 | FUTEX_PRIVATE_FLAG)

static uint32_t truth_waitv[WORDS];
static void *waker(void *self);
static void *waiter(void *self);

static struct truth truth = {
	.class = "waitv",
	.account = "other",
	.locks = { { .kind = "unknown", .may_be_unseen = true } },
	.n_locks = 1,
	.threads = { { .name = "waker", .run = waker, .waits_for = TRUTH_NOBODY },
		     { .name = "waiter", .run = waiter } },
	.n_threads = 2,
};

static long wait_for_any(uint32_t value)
{
	struct waitv waits[WORDS];

	for (int i = 0; i < WORDS; i++)
		waits[i] = (struct waitv){ value, (uintptr_t)&truth_waitv[i], WAITV_PRIVATE_32, 0 };
	return syscall(SYS_futex_waitv, waits, WORDS, 0, NULL, 0);
}

static void *waker(void *self)
{
	(void)self;
	for (int turn = 0; turn < TRUTH_TURNS; turn++) {
		uint32_t *word = &truth_waitv[turn % WORDS];

		truth__await(&truth, 2 * turn + 1);
		truth__until_asleep(&truth.threads[1]);
		truth__sleep(TRUTH_NS);
		syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
		truth__await(&truth, 2 * turn + 2);
	}
	return NULL;
}

static void *waiter(void *self)
{
	for (int turn = 0; turn < TRUTH_TURNS; turn++) {
		struct truth_clock clock;

		truth__pass(&truth, 2 * turn + 1);
		clock = truth__before();
		truth__must(wait_for_any(0) == turn % WORDS, "not woken");
		truth__after(self, clock);
		truth__pass(&truth, 2 * turn + 2);
	}
	return NULL;
}

int main(void)
{
	if (wait_for_any(1) && errno == ENOSYS) /* else: the value is another */
		return NOT_THERE;
	truth__run(&truth);
	return truth__end(&truth, TRUTH_NS);
}
