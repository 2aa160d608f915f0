// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* join.c - one thread waits for the ends of others, one after the other. */
#include "tests/truth/truth.h"

static void *joiner(void *self);

static struct truth truth = {
	.class = "join",
	.account = "join",
	/* The word is the thread's TID, which no private call may wait for. */
	.locks = { { .kind = "join", .may = "shared" } },
	.n_locks = 1,
	.threads = { { .name = "joiner", .run = joiner } },
	.n_threads = 1,
};

static void *joined(void *arg)
{
	(void)arg;
	truth__until_asleep(&truth.threads[0]);
	truth__sleep(TRUTH_NS);
	return NULL;
}

static void *joiner(void *self)
{
	for (int turn = 0; turn < TRUTH_TURNS; turn++) {
		struct truth_clock clock;
		pthread_t thread;

		truth__must(!pthread_create(&thread, NULL, joined, NULL), "no thread");
		clock = truth__before();
		pthread_join(thread, NULL);
		truth__after(self, clock);
	}
	return NULL;
}

int main(void)
{
	truth__run(&truth);
	return truth__end(&truth, TRUTH_NS);
}
