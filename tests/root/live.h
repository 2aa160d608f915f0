/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * live.h - for programs that tests attach to: they say "ready PID" when all of their
 * threads are where they shall be, and end when they are told to.
 *
 * They end with status 0 on SIGTERM, and when standard input is a pipe whose other end
 * closes (a test that died); by SIGALRM when nobody wanted that for LIVE_LIMIT_S seconds.
 */
#ifndef CONVOY_TESTS_LIVE_H
#define CONVOY_TESTS_LIVE_H

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define LIVE_LIMIT_S 300
#define LIVE_LOOK_NS 2000000	/* between two looks at the threads */
#define LIVE_LOOKS 5000		/* before giving up: ten seconds, if nothing takes long */
#define LIVE_SETTLED 3		/* looks in a row that have to agree */

static inline void live__on_term(int signal)
{
	(void)signal;
	_exit(0);
}

static inline void live__on_io(int signal)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = 0 };

	(void)signal;
	if (poll(&in, 1, 0) == 1 && (in.revents & POLLHUP))
		_exit(0);
}

/*
 * To be called by main before it starts threads. The signals that end the program are
 * blocked when it returns: threads shall not be disturbed by them. live__listen() lets
 * them come to main.
 */
static inline void live__begin(void)
{
	sigset_t ours;

	sigemptyset(&ours);
	sigaddset(&ours, SIGTERM);
	sigaddset(&ours, SIGIO);
	sigprocmask(SIG_BLOCK, &ours, NULL);
	signal(SIGTERM, live__on_term);
	signal(SIGIO, live__on_io);
	alarm(LIVE_LIMIT_S);
}

static inline void live__listen(void)
{
	struct stat in;
	sigset_t ours;

	sigemptyset(&ours);
	sigaddset(&ours, SIGTERM);
	sigaddset(&ours, SIGIO);
	if (!fstat(STDIN_FILENO, &in) && S_ISFIFO(in.st_mode)) {
		fcntl(STDIN_FILENO, F_SETOWN, getpid());
		fcntl(STDIN_FILENO, F_SETFL, fcntl(STDIN_FILENO, F_GETFL) | O_ASYNC);
		live__on_io(SIGIO); /* closed already */
	}
	sigprocmask(SIG_UNBLOCK, &ours, NULL);
}

static inline bool live__read(pid_t tid, const char *name, char *buf, size_t size)
{
	char path[64];
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%d/%s", (int)tid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, buf, size - 1);
		close(fd);
	}
	buf[n > 0 ? n : 0] = 0;
	return n > 0;
}

/* Is this thread asleep in futex(2), on `word` unless that is NULL? */
static inline bool live__in_futex(pid_t tid, const void *word)
{
	char text[512], *end;
	unsigned long long address;

	if (live__read(tid, "syscall", text, sizeof(text))) {
		if (strtol(text, &end, 10) != SYS_futex || end == text)
			return false; /* "running" has no number */
		address = strtoull(end, NULL, 16);
		return !word || address == (unsigned long long)(uintptr_t)word;
	}
	/* A kernel without that file: asleep is all that can be known. */
	return live__read(tid, "stat", text, sizeof(text)) && (end = strrchr(text, ')')) &&
	       !strncmp(end, ") S", 3);
}

/* One thread and where it shall be. */
struct live_thread {
	pid_t tid;		/* 0 until the thread itself has stored it, atomically */
	const void *word;	/* NULL: any */
};

/* Waits until all of them are there; false if they do not get there. */
static inline bool live__wait_until_blocked(const struct live_thread *threads, size_t n)
{
	const struct timespec look = { .tv_nsec = LIVE_LOOK_NS };
	unsigned settled = 0;

	for (unsigned i = 0; i < LIVE_LOOKS && settled < LIVE_SETTLED; i++) {
		bool all = true;

		for (size_t t = 0; t < n && all; t++) {
			pid_t tid = __atomic_load_n(&threads[t].tid, __ATOMIC_ACQUIRE);

			all = tid && live__in_futex(tid, threads[t].word);
		}
		settled = all ? settled + 1 : 0;
		nanosleep(&look, NULL);
	}
	return settled == LIVE_SETTLED;
}

static inline void live__say_ready(void)
{
	printf("ready %d\n", (int)getpid());
	fflush(stdout);
}

/* A number of the command line from `least` to 10,000; ends the program if it is none. */
static inline unsigned live__number(const char *text, unsigned least, const char *usage)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (end == text || *end || value < least || value > 10000) {
		fprintf(stderr, "usage: %s\n", usage);
		exit(2);
	}
	return (unsigned)value;
}

#endif /* CONVOY_TESTS_LIVE_H */
