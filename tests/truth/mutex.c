// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* mutex.c - two threads and a plain mutex: who has it sleeps while the other waits. */
#include "tests/truth/truth.h"

static pthread_mutex_t truth_mutex = PTHREAD_MUTEX_INITIALIZER;
static void *contender(void *self);

static struct truth truth = {
	.class = "mutex",
	.account = "lock",
	.locks = { { .name = "truth_mutex", .kind = "mutex", .held = true } },
	.n_locks = 1,
	.threads = { { .name = "first", .run = contender },
		     { .name = "second", .run = contender } },
	.n_threads = 2,
};

static void acquire(size_t at)
{
	(void)at;
	truth__must(!pthread_mutex_lock(&truth_mutex), "no mutex");
}

static void release(size_t at)
{
	(void)at;
	pthread_mutex_unlock(&truth_mutex);
}

static void *contender(void *self)
{
	const struct truth_contest contest = { &truth, acquire, release, NULL, NULL };

	truth__contend(&contest, self, TRUTH_TURNS);
	return NULL;
}

int main(void)
{
	truth__run(&truth);
	return truth__end(&truth, TRUTH_NS);
}
