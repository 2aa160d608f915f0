// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* rwlock.c - a writer waits for each of two readers, and both of them for the writer. */
#include "tests/truth/truth.h"

#define WRITER 0		/* of the threads */

static pthread_rwlock_t truth_rwlock = PTHREAD_RWLOCK_INITIALIZER;
static void *contender(void *self);

static struct truth truth = {
	.class = "rwlock",
	.account = "lock",
	.locks = { { .name = "truth_rwlock", .kind = "rwlock", .held = true } },
	.n_locks = 1,
	.threads = { { .name = "writer", .run = contender },
		     { .name = "reader-1", .run = contender },
		     { .name = "reader-2", .run = contender } },
	.n_threads = 3,
};

static void acquire(size_t at)
{
	if (at == WRITER)
		truth__must(!pthread_rwlock_wrlock(&truth_rwlock), "not to be written");
	else
		truth__must(!pthread_rwlock_rdlock(&truth_rwlock), "not to be read");
}

static void release(size_t at)
{
	(void)at;
	pthread_rwlock_unlock(&truth_rwlock);
}

static bool excludes(size_t holder, size_t other)
{
	return holder == WRITER || other == WRITER;
}

static void *contender(void *self)
{
	const struct truth_contest contest = { &truth, acquire, release, NULL, excludes };

	truth__contend(&contest, self, TRUTH_TURNS);
	return NULL;
}

int main(void)
{
	truth__run(&truth);
	return truth__end(&truth, TRUTH_NS);
}
