// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * short_mutex.c - two threads, each on a CPU of its own, take a mutex in turn
 * and hold it for a few instructions: most waits end before they begin.
 *
 *	short_mutex ITERATIONS
 */
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static volatile uint64_t counter;
static long iterations;
static int arrived;	/* both begin together, or they would hardly meet */

static void *worker(void *arg)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((int)(intptr_t)arg, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		return (void *)1;
	__atomic_add_fetch(&arrived, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&arrived, __ATOMIC_SEQ_CST) < 2)
		sched_yield();
	for (long i = 0; i < iterations; i++) {
		pthread_mutex_lock(&mutex);
		counter++;
		pthread_mutex_unlock(&mutex);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[2];
	void *result;

	if (argc != 2)
		return 2;
	iterations = atol(argv[1]);
	for (intptr_t i = 0; i < 2; i++)
		if (pthread_create(&threads[i], NULL, worker, (void *)i))
			return 1;
	for (int i = 0; i < 2; i++)
		if (pthread_join(threads[i], &result) || result)
			return 1;
	return counter == 2 * (uint64_t)iterations ? 0 : 1;
}
