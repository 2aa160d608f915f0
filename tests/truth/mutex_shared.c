// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * mutex_shared.c - a mutex that two processes share, each of which has it at another address
 * and holds it in turn.
 */
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/truth/truth.h"

/* What is in the file that both have mapped. */
struct shared {
	char before[256];	/* the mutex is not where the file begins */
	pthread_mutex_t mutex;
	struct truth truth;
};

static struct shared *shared;	/* as this process has it */

static const struct truth truth = {
	.class = "mutex_shared",
	.account = "lock",
	.locks = { { .name = "truth_shared", .kind = "mutex", .flags = "shared", .held = true } },
	.n_locks = 1,
	.threads = { { .name = "parent" }, { .name = "child" } },
	.n_threads = 2,
};

static void acquire(size_t at)
{
	(void)at;
	truth__must(!pthread_mutex_lock(&shared->mutex), "no mutex");
}

static void release(size_t at)
{
	(void)at;
	pthread_mutex_unlock(&shared->mutex);
}

static void contend(size_t at)
{
	const struct truth_contest contest = { &shared->truth, acquire, release, NULL, NULL };

	truth__begin(&shared->truth.threads[at]);
	truth__contend(&contest, &shared->truth.threads[at], TRUTH_TURNS);
}

static struct shared *map(int fd)
{
	void *at = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	truth__must(at != MAP_FAILED, "no shared memory");
	return at;
}

int main(void)
{
	int fd = memfd_create("truth_shared", MFD_CLOEXEC), status;
	struct shared *parents;
	pthread_mutexattr_t attr;
	pid_t child;

	truth__must(fd >= 0 && !ftruncate(fd, sizeof(*shared)), "no memfd");
	shared = parents = map(fd);
	shared->truth = truth;
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	truth__must(!pthread_mutex_init(&shared->mutex, &attr), "no such mutex");
	child = fork();
	truth__must(child >= 0, "no child");
	if (!child) {
		shared = map(fd);
		munmap(parents, sizeof(*parents));
		contend(1);
		_exit(shared == parents); /* then it would prove nothing */
	}
	contend(0);
	truth__must(waitpid(child, &status, 0) == child && status == 0, "the child failed");
	return truth__end(&shared->truth, TRUTH_NS);
}
