// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * blocked_mutex.c - threads that all wait for one mutex, which main holds and sleeps.
 *
 *	blocked_mutex [THREADS]
 *
 * Prints "ready PID" when all of them (4, waiter-1 ...) are blocked, and then main goes to
 * sleep, too: no thread has another switch until the end (live.h).
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "tests/root/live.h"

static const char usage[] = "blocked_mutex [THREADS]";
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void *wait_for_it(void *arg)
{
	struct live_thread *self = arg;

	__atomic_store_n(&self->tid, gettid(), __ATOMIC_RELEASE);
	pthread_mutex_lock(&mutex);
	pthread_mutex_unlock(&mutex);
	return NULL;
}

int main(int argc, char **argv)
{
	const struct timespec long_time = { .tv_sec = 3600 };
	unsigned n = argc > 1 ? live__number(argv[1], 1, usage) : 4;
	struct live_thread *threads = calloc(n, sizeof(*threads));

	live__begin();
	pthread_mutex_lock(&mutex);
	for (unsigned i = 0; i < n; i++) {
		pthread_t thread;
		char name[16];

		threads[i].word = &mutex;
		if (pthread_create(&thread, NULL, wait_for_it, &threads[i]))
			return 1;
		snprintf(name, sizeof(name), "waiter-%u", i + 1);
		pthread_setname_np(thread, name);
	}
	if (!live__wait_until_blocked(threads, n))
		return 1;
	live__listen();
	live__say_ready();
	for (;;)
		nanosleep(&long_time, NULL);
}
