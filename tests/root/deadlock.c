// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * deadlock.c - two threads take two mutexes in opposite order, and never get the second.
 *
 *	deadlock
 *
 * Prints "ready PID" when both (left and right) are blocked. main waits for them to end,
 * which they do not: only the program does (live.h).
 */
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/root/live.h"

static pthread_mutex_t a = PTHREAD_MUTEX_INITIALIZER, b = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t both_have_one;
static struct live_thread left = { .word = &b }, right = { .word = &a };

static void *take_both(struct live_thread *self, pthread_mutex_t *first, pthread_mutex_t *second)
{
	__atomic_store_n(&self->tid, gettid(), __ATOMIC_RELEASE);
	pthread_mutex_lock(first);
	pthread_barrier_wait(&both_have_one);
	pthread_mutex_lock(second);
	return NULL;
}

static void *run_left(void *arg)
{
	(void)arg;
	return take_both(&left, &a, &b);
}

static void *run_right(void *arg)
{
	(void)arg;
	return take_both(&right, &b, &a);
}

int main(int argc, char **argv)
{
	pthread_t threads[2];

	(void)argv;
	if (argc != 1) {
		fprintf(stderr, "usage: deadlock\n");
		return 2;
	}
	live__begin();
	pthread_barrier_init(&both_have_one, NULL, 2);
	if (pthread_create(&threads[0], NULL, run_left, NULL) ||
	    pthread_create(&threads[1], NULL, run_right, NULL))
		return 1;
	pthread_setname_np(threads[0], "left");
	pthread_setname_np(threads[1], "right");
	if (!live__wait_until_blocked(&left, 1) || !live__wait_until_blocked(&right, 1))
		return 1;
	live__listen();
	live__say_ready();
	pthread_join(threads[0], NULL);
	return 1; /* it was no deadlock */
}
