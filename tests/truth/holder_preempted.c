// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * holder_preempted.c - whoever holds the mutex computes, on one CPU with threads that do
 * nothing else: so it wants to run, and does not, for a good part of the others' wait.
 */
#include <sched.h>

#include "tests/truth/truth.h"

#define HOGS 3
#define TURNS 4
#define HELD_NS 15000000u	/* of CPU time, in each */

static pthread_mutex_t truth_preempted = PTHREAD_MUTEX_INITIALIZER;
static int over;	/* atomic */
static void *contender(void *self);
static void *hog(void *self);

static struct truth truth = {
	.class = "holder_preempted",
	.account = "lock",
	.locks = { { .name = "truth_preempted", .kind = "mutex", .held = true } },
	.n_locks = 1,
	.threads = { { .name = "first", .run = contender },
		     { .name = "second", .run = contender } },
	.n_threads = 2,
};

static void acquire(size_t at)
{
	(void)at;
	truth__must(!pthread_mutex_lock(&truth_preempted), "no mutex");
}

static void release(size_t at)
{
	(void)at;
	pthread_mutex_unlock(&truth_preempted);
}

static void hold(size_t at)
{
	struct truth_stat before = truth__stat(), now;
	struct truth_lock *lock = &truth.locks[0];

	(void)at;
	for (uint64_t until = truth__cpu_time() + HELD_NS; truth__cpu_time() < until;)
		;
	now = truth__stat();
	lock->ran_ns += HELD_NS;
	lock->delayed_ns += now.delayed_ns - before.delayed_ns;
}

static void *contender(void *arg)
{
	const struct truth_contest contest = { &truth, acquire, release, hold, NULL };

	truth__contend(&contest, arg, TURNS);
	return NULL;
}

static void *hog(void *arg)
{
	(void)arg;
	while (!__atomic_load_n(&over, __ATOMIC_ACQUIRE))
		;
	return NULL;
}

/* The whole process, on the first CPU that it may use. */
static void pin(void)
{
	cpu_set_t cpus;
	int cpu = 0;

	truth__must(!sched_getaffinity(0, sizeof(cpus), &cpus), "no CPUs are known");
	while (!CPU_ISSET(cpu, &cpus))
		cpu++;
	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	truth__must(!sched_setaffinity(0, sizeof(cpus), &cpus), "not to be pinned");
}

int main(void)
{
	const struct truth_lock *lock = &truth.locks[0];

	pin();
	for (int i = 0; i < HOGS; i++)
		truth__start(hog, NULL);
	truth__run(&truth);
	__atomic_store_n(&over, 1, __ATOMIC_RELEASE);
	truth__must(lock->delayed_ns > lock->ran_ns / 4, "the holder was hardly preempted");
	return truth__end(&truth, HELD_NS);
}
