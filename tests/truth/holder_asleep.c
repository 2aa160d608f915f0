// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* holder_asleep.c - the holder of a mutex sleeps, for a time that it takes by its own clock. */
#include "tests/truth/truth.h"

static pthread_mutex_t truth_asleep = PTHREAD_MUTEX_INITIALIZER;
static void *contender(void *self);

static struct truth truth = {
	.class = "holder_asleep",
	.account = "lock",
	.locks = { { .name = "truth_asleep", .kind = "mutex", .held = true } },
	.n_locks = 1,
	.threads = { { .name = "first", .run = contender },
		     { .name = "second", .run = contender } },
	.n_threads = 2,
};

static void acquire(size_t at)
{
	(void)at;
	truth__must(!pthread_mutex_lock(&truth_asleep), "no mutex");
}

static void release(size_t at)
{
	(void)at;
	pthread_mutex_unlock(&truth_asleep);
}

/* All of it while the other waits. What the sleeper wanted to run is no sleep. */
static void hold(size_t at)
{
	struct truth_stat before = truth__stat();
	uint64_t start = truth__now(), ns;

	(void)at;
	truth__sleep(TRUTH_NS);
	ns = truth__now() - start;
	truth.locks[0].slept_ns += ns - (truth__stat().delayed_ns - before.delayed_ns);
}

static void *contender(void *self)
{
	const struct truth_contest contest = { &truth, acquire, release, hold, NULL };

	truth__contend(&contest, self, TRUTH_TURNS);
	return NULL;
}

int main(void)
{
	truth__run(&truth);
	return truth__end(&truth, TRUTH_NS);
}
