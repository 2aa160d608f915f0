// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* barrier.c - a barrier for two; in turn, one comes late. */
#include "tests/truth/truth.h"

static pthread_barrier_t truth_barrier;
static void *one_of_two(void *self);

static struct truth truth = {
	.class = "barrier",
	.account = "cond",
	.locks = { { .name = "truth_barrier", .kind = "barrier" } },
	.n_locks = 1,
	.threads = { { .name = "first", .run = one_of_two },
		     { .name = "second", .run = one_of_two } },
	.n_threads = 2,
};

static void *one_of_two(void *arg)
{
	struct truth_thread *self = arg;
	int at = (int)(self - truth.threads);

	for (int turn = 0; turn < TRUTH_TURNS; turn++) {
		struct truth_clock clock;

		truth__await(&truth, 2 * turn);
		if (turn % 2 == at) {
			truth__until_asleep(&truth.threads[!at]);
			truth__sleep(TRUTH_NS);
			pthread_barrier_wait(&truth_barrier);
		} else {
			clock = truth__before();
			pthread_barrier_wait(&truth_barrier);
			truth__after(self, clock);
		}
		__atomic_add_fetch(&truth.turn, 1, __ATOMIC_ACQ_REL);
	}
	return NULL;
}

int main(void)
{
	pthread_barrier_init(&truth_barrier, NULL, 2);
	truth__run(&truth);
	return truth__end(&truth, TRUTH_NS);
}
