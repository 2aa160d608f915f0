// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* mutex_pi.c - a mutex with priority inheritance: its word is the owner's TID. */
#include "tests/truth/truth.h"

static pthread_mutex_t truth_mutex_pi;
static void *contender(void *self);

static struct truth truth = {
	.class = "mutex_pi",
	.account = "lock",
	.locks = { { .name = "truth_mutex_pi", .kind = "mutex", .flags = "pi", .held = true } },
	.n_locks = 1,
	.threads = { { .name = "first", .run = contender },
		     { .name = "second", .run = contender } },
	.n_threads = 2,
};

static void acquire(size_t at)
{
	(void)at;
	truth__must(!pthread_mutex_lock(&truth_mutex_pi), "no mutex");
}

static void release(size_t at)
{
	(void)at;
	pthread_mutex_unlock(&truth_mutex_pi);
}

static void *contender(void *self)
{
	const struct truth_contest contest = { &truth, acquire, release, NULL, NULL };

	truth__contend(&contest, self, TRUTH_TURNS);
	return NULL;
}

int main(void)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
	truth__must(!pthread_mutex_init(&truth_mutex_pi, &attr), "no such mutex");
	truth__run(&truth);
	return truth__end(&truth, TRUTH_NS);
}
