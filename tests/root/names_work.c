// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * names_work.c - waits for mutexes of its own, in processes of which little is left when it
 * is asked what they are.
 *
 *	names_work children N		N forked children, each of which waits once and ends
 *	names_work leader		the main thread exits first, then another one waits
 *	names_work forever		the same again and again, for ten seconds
 *	names_work exec			a thread that is not the main one executes `late`
 *	names_work late			waits
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t child_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t late_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_t leader;
static int times = 1;

static void pause_ms(long ms)
{
	const struct timespec pause = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	nanosleep(&pause, NULL);
}

/* For a mutex that nobody gives back. */
static __attribute__((noinline)) void wait_for(pthread_mutex_t *mutex, long ms)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += ms * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_mutex_timedlock(mutex, &until);
}

static int wait_late(void)
{
	/* All that was told of the main thread's end is told by then. */
	pause_ms(400);
	pthread_mutex_lock(&late_mutex);
	for (int i = 0; i < times; i++)
		wait_for(&late_mutex, 20);
	return 0;
}

static void *outlive(void *arg)
{
	pthread_join(leader, NULL);
	wait_late();
	exit(0);
	return arg;
}

static void *execute(void *arg)
{
	execl(arg, arg, "late", (char *)NULL);
	exit(1);
	return NULL;
}

static int fork_children(int n)
{
	for (int i = 0; i < n; i++) {
		pid_t pid = fork();

		if (!pid) {
			pthread_mutex_lock(&child_mutex);
			wait_for(&child_mutex, 2);
			_exit(0);
		}
		if (pid < 0 || waitpid(pid, NULL, 0) != pid)
			return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	pthread_t thread;

	leader = pthread_self();
	if (!strcmp(what, "children") && argc == 3)
		return fork_children((int)strtol(argv[2], NULL, 10));
	if (!strcmp(what, "late"))
		return wait_late();
	if (!strcmp(what, "forever"))
		times = 500;
	else if (strcmp(what, "leader") && strcmp(what, "exec"))
		return 2;
	if (pthread_create(&thread, NULL, strcmp(what, "exec") ? outlive : execute, argv[0]))
		return 1;
	pthread_exit(NULL);
}
