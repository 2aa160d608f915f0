// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* sleep.c - a thread that sleeps. Nothing here waits for anything. */
#include "tests/truth/truth.h"

static void *sleeper(void *self);

static struct truth truth = {
	.class = "sleep",
	.account = "sleep",
	.locks = { { .kind = NULL } },
	.n_locks = 1,
	.threads = { { .name = "sleeper", .run = sleeper } },
	.n_threads = 1,
};

static void *sleeper(void *self)
{
	for (int turn = 0; turn < TRUTH_TURNS; turn++) {
		struct truth_clock clock = truth__before();

		truth__sleep(TRUTH_NS);
		truth__after(self, clock);
	}
	return NULL;
}

int main(void)
{
	truth__run(&truth);
	return truth__end(&truth, TRUTH_NS);
}
