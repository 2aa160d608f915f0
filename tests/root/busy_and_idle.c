// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * busy_and_idle.c - threads that compute without end, and threads that wait for work that
 * never comes.
 *
 *	busy_and_idle [BUSY [IDLE]]
 *
 * Prints "ready PID" when the idle ones (4, idle-1 ...) are blocked on their condition
 * variable and the busy ones (1, busy-1 ...) have begun. main sleeps until the end (live.h).
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "tests/root/live.h"

static const char usage[] = "busy_and_idle [BUSY [IDLE]]";
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t work = PTHREAD_COND_INITIALIZER;
static unsigned begun;

static void *compute(void *arg)
{
	volatile uint64_t x = 1;

	(void)arg;
	__atomic_add_fetch(&begun, 1, __ATOMIC_RELEASE);
	for (;;)
		x = x * 6364136223846793005u + 1;
	return NULL;
}

static void *wait_for_work(void *arg)
{
	struct live_thread *self = arg;

	__atomic_store_n(&self->tid, gettid(), __ATOMIC_RELEASE);
	pthread_mutex_lock(&mutex);
	for (;;)
		pthread_cond_wait(&work, &mutex);
	return NULL;
}

static bool start(const char *name, unsigned number, void *(*run)(void *), void *arg)
{
	pthread_t thread;
	char full[16];

	if (pthread_create(&thread, NULL, run, arg))
		return false;
	snprintf(full, sizeof(full), "%s-%u", name, number);
	pthread_setname_np(thread, full);
	return true;
}

int main(int argc, char **argv)
{
	const struct timespec short_time = { .tv_nsec = LIVE_LOOK_NS };
	const struct timespec long_time = { .tv_sec = 3600 };
	unsigned busy = argc > 1 ? live__number(argv[1], 0, usage) : 1;
	unsigned idle = argc > 2 ? live__number(argv[2], 0, usage) : 4;
	struct live_thread *threads = calloc(idle + 1, sizeof(*threads));

	live__begin();
	for (unsigned i = 0; i < idle; i++)
		if (!start("idle", i + 1, wait_for_work, &threads[i]))
			return 1;
	if (!live__wait_until_blocked(threads, idle))
		return 1;
	for (unsigned i = 0; i < busy; i++)
		if (!start("busy", i + 1, compute, NULL))
			return 1;
	while (__atomic_load_n(&begun, __ATOMIC_ACQUIRE) < busy)
		nanosleep(&short_time, NULL);
	live__listen();
	live__say_ready();
	for (;;)
		nanosleep(&long_time, NULL);
}
