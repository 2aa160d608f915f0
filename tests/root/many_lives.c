// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * many_lives.c - threads and processes that begin and end in every way there is, each of
 * which says "PID TID" on standard output, by its own numbers.
 *
 *	many_lives threads N	N threads at once
 *	many_lives exec N	N processes in which another thread than the first executes
 *	many_lives spawn N	N times vfork(2) and posix_spawn(3)
 *	many_lives session	a child in a session of its own, and a child of that
 *	many_lives stops	a child that is stopped, continued, and ended by a signal
 *	many_lives ignored N	N children that nobody waits for: SIGCHLD is ignored
 *	many_lives orphan	a child of a child that ended; it ends before the command
 *	many_lives daemon S	the same, but it sleeps S seconds, whatever the command does
 *
 * Children that nobody waits for say "PID TID unwaited", the last one "PID TID daemon".
 */
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/root/live.h"

static const char usage[] =
	"many_lives threads N | exec N | spawn N | session | stops | ignored N | orphan | daemon S";

/* In one write(2), so that lines of different processes do not mix. */
static void say(const char *what)
{
	char line[64];
	int n = snprintf(line, sizeof(line), "%d %ld%s\n", (int)getpid(), syscall(SYS_gettid),
			 what);

	if (write(STDOUT_FILENO, line, (size_t)n) != n)
		_exit(1);
}

static void nap(void)
{
	const struct timespec some = { .tv_nsec = 100000 };

	nanosleep(&some, NULL);
}

/* Waits for a child that should end well. */
static bool ended(pid_t pid)
{
	int status;

	return pid > 0 && waitpid(pid, &status, 0) == pid && !status;
}

static void run_self(const char *what)
{
	execl("/proc/self/exe", "many_lives", what, (char *)NULL);
	_exit(127);
}

/* --- threads --- */

static void *be_a_thread(void *barrier)
{
	say("");
	nap();
	pthread_barrier_wait(barrier);
	return NULL;
}

static int threads(unsigned n)
{
	pthread_t *all = calloc(n, sizeof(*all));
	pthread_barrier_t barrier;

	say("");
	if (!all || pthread_barrier_init(&barrier, NULL, n + 1))
		return 1;
	for (unsigned i = 0; i < n; i++)
		if (pthread_create(&all[i], NULL, be_a_thread, &barrier))
			return 1;
	pthread_barrier_wait(&barrier);
	for (unsigned i = 0; i < n; i++)
		pthread_join(all[i], NULL);
	free(all);
	return 0;
}

/* --- programs --- */

static void *execute(void *unused)
{
	(void)unused;
	say("");
	run_self("say");
	return NULL;
}

/* The first thread and another one, which takes its number when it executes. */
static int exec_from_thread(void)
{
	pthread_t thread;

	say("");
	if (pthread_create(&thread, NULL, execute, NULL))
		return 1;
	pthread_join(thread, NULL);
	return 1; /* it never ends, as that thread */
}

static int execs(unsigned n)
{
	say("");
	for (unsigned i = 0; i < n; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(exec_from_thread());
		if (!ended(pid))
			return 1;
	}
	return 0;
}

static int spawns(unsigned n)
{
	char *argv[] = { (char *)"many_lives", (char *)"say", NULL };

	say("");
	for (unsigned i = 0; i < n; i++) {
		pid_t pid = vfork();

		if (pid == 0) {
			execv("/proc/self/exe", argv);
			_exit(127);
		}
		if (!ended(pid) || posix_spawn(&pid, "/proc/self/exe", NULL, NULL, argv, environ) ||
		    !ended(pid))
			return 1;
	}
	return 0;
}

/* --- processes --- */

static int sessions(void)
{
	pid_t pid;

	say("");
	pid = fork();
	if (pid == 0) {
		setsid();
		say("");
		pid = fork();
		if (pid == 0) {
			setpgid(0, 0);
			say("");
			nap();
			_exit(0);
		}
		_exit(!ended(pid));
	}
	return !ended(pid);
}

static int stops(void)
{
	int status;
	pid_t pid;

	say("");
	pid = fork();
	if (pid == 0) {
		say("");
		raise(SIGSTOP);
		for (;;)
			pause();
	}
	if (waitpid(pid, &status, WUNTRACED) != pid || !WIFSTOPPED(status))
		return 1;
	nap();
	kill(pid, SIGCONT);
	if (waitpid(pid, &status, WCONTINUED) != pid || !WIFCONTINUED(status))
		return 1;
	nap();
	kill(pid, SIGTERM);
	return waitpid(pid, &status, 0) != pid || !WIFSIGNALED(status);
}

static int ignored(unsigned n)
{
	int ends[2];
	char byte;

	say("");
	signal(SIGCHLD, SIG_IGN);
	if (pipe(ends))
		return 1;
	for (unsigned i = 0; i < n; i++) {
		if (fork())
			continue;
		say(" unwaited");
		nap();
		_exit(0);
	}
	close(ends[1]);
	/* Until the last of them has gone. */
	return read(ends[0], &byte, 1) || wait(NULL) >= 0;
}

/* A child's child is nobody's. With `seconds` it stays, else it ends first. */
static int orphan(unsigned seconds)
{
	int ends[2];
	char byte;
	pid_t pid;

	say("");
	if (pipe(ends))
		return 1;
	pid = fork();
	if (pid == 0) {
		say("");
		if (fork())
			_exit(0);
		setsid();
		say(seconds ? " daemon" : " unwaited");
		if (!seconds) {
			nap();
			_exit(0);
		}
		close(ends[1]);
		for (int fd = 0; fd <= 2; fd++)
			close(fd);
		alarm(seconds);
		for (;;)
			pause();
	}
	close(ends[1]);
	return !ended(pid) || read(ends[0], &byte, 1);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	unsigned n = argc == 3 ? live__number(argv[2], 1, usage) : 0;

	alarm(LIVE_LIMIT_S);
	if (argc == 2 && !strcmp(what, "say"))
		say("");
	else if (n && !strcmp(what, "threads"))
		return threads(n);
	else if (n && !strcmp(what, "exec"))
		return execs(n);
	else if (n && !strcmp(what, "spawn"))
		return spawns(n);
	else if (argc == 2 && !strcmp(what, "session"))
		return sessions();
	else if (argc == 2 && !strcmp(what, "stops"))
		return stops();
	else if (n && !strcmp(what, "ignored"))
		return ignored(n);
	else if (argc == 2 && !strcmp(what, "orphan"))
		return orphan(0);
	else if (n && !strcmp(what, "daemon"))
		return orphan(n);
	else
		fprintf(stderr, "usage: %s\n", usage);
	return strcmp(what, "say") ? 2 : 0;
}
