// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * many_lives.c - threads and processes that begin and end in every way there is, each of
 * which says "PID TID" on standard output, by its own numbers.
 *
 *	many_lives threads N	N threads at once
 *	many_lives first N	the same, and the first thread ends before them
 *	many_lives io_uring	a thread that the kernel makes; it says nothing of itself.
 *				Exit status 77: this kernel does not let it
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
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/io_uring.h>

#include "tests/root/live.h"

static const char usage[] =
	"many_lives threads N | first N | io_uring | exec N | spawn N | session | stops | ignored N | orphan | daemon S";

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
	nap();
	return NULL;
}

/* All of them at once; with `first`, the first thread does not wait for their end. */
static int threads(unsigned n, bool first)
{
	static pthread_barrier_t barrier; /* outlives the first thread */
	pthread_t *all = calloc(n, sizeof(*all));

	say("");
	if (!all || pthread_barrier_init(&barrier, NULL, n + 1))
		return 1;
	for (unsigned i = 0; i < n; i++)
		if (pthread_create(&all[i], NULL, be_a_thread, &barrier))
			return 1;
	pthread_barrier_wait(&barrier);
	if (first)
		pthread_exit(NULL);
	for (unsigned i = 0; i < n; i++)
		pthread_join(all[i], NULL);
	free(all);
	return 0;
}

/* A read from an empty pipe that io_uring is to leave to a thread of its own at once. */
static int io_uring(void)
{
	struct io_uring_params params = { 0 };
	int ends[2], fd = (int)syscall(SYS_io_uring_setup, 1, &params);
	struct io_uring_sqe *entry;
	uint8_t *ring;
	char byte;

	say("");
	if (fd < 0)
		return 77;
	ring = mmap(NULL, params.sq_off.array + sizeof(uint32_t), PROT_READ | PROT_WRITE,
		    MAP_SHARED, fd, IORING_OFF_SQ_RING);
	entry = mmap(NULL, sizeof(*entry), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		     (off_t)IORING_OFF_SQES);
	if (ring == MAP_FAILED || entry == MAP_FAILED || pipe(ends))
		return 1;
	*entry = (struct io_uring_sqe){
		.opcode = IORING_OP_READ,
		.flags = IOSQE_ASYNC,
		.fd = ends[0],
		.addr = (uintptr_t)&byte,
		.len = 1,
	};
	*(uint32_t *)(void *)(ring + params.sq_off.array) = 0;
	__atomic_store_n((uint32_t *)(void *)(ring + params.sq_off.tail), 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, fd, 1, 0, 0, NULL, 0) != 1)
		return 77;
	nap();
	if (write(ends[1], "", 1) != 1)
		return 1;
	return syscall(SYS_io_uring_enter, fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0) != 0;
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
		return threads(n, false);
	else if (n && !strcmp(what, "first"))
		return threads(n, true);
	else if (argc == 2 && !strcmp(what, "io_uring"))
		return io_uring();
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
