// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * states.c - threads and processes that are in one state each, for good.
 *
 *	states
 *
 * The name of each begins with the account where its time belongs ("io-poll"), or is
 * "busy". Prints "ready PID,PID..." when all are there: this process, with its threads, and
 * its children, of which one is stopped and one traced. A page fault that never ends needs
 * userfaultfd(2): where that is refused, its thread is not there. live.h.
 */
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/root/live.h"

static const struct timespec long_time = { .tv_sec = 3600 };
static int never[2];	/* a pipe that nobody writes to */
static volatile char *missing;	/* a page that never comes */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static pthread_mutex_t locked = PTHREAD_MUTEX_INITIALIZER;	/* by main, for good */

static void run_busy(void)
{
	for (volatile uint64_t x = 1;; x++)
		;
}

static void run_read(void)
{
	char byte;

	if (read(never[0], &byte, 1) < 0)
		perror("read");
}

static void run_poll(void)
{
	struct pollfd fd = { .fd = never[0], .events = POLLIN };

	poll(&fd, 1, 3600 * 1000);
}

static void run_sleep(void)
{
	nanosleep(&long_time, NULL);
}

static void run_cond(void)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 3600;
	pthread_mutex_lock(&mutex);
	pthread_cond_timedwait(&cond, &mutex, &until);
}

static void run_lock(void)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 3600;
	pthread_mutex_timedlock(&locked, &until);
}

static void run_fault(void)
{
	(void)*missing;
}

static const struct {
	const char *name;
	void (*run)(void);
} states[] = {
	{ "busy", run_busy },	       { "busy", run_busy },   { "busy", run_busy },
	{ "io-read", run_read },       { "io-poll", run_poll },  { "sleep", run_sleep },
	{ "cond-timed", run_cond },    { "lock-timed", run_lock }, { "fault", run_fault },
};

#define N_STATES (sizeof(states) / sizeof(*states))

static pid_t tids[N_STATES];

static void *enter(void *arg)
{
	size_t i = (size_t)(uintptr_t)arg;

	prctl(PR_SET_NAME, states[i].name);
	__atomic_store_n(&tids[i], gettid(), __ATOMIC_RELEASE);
	states[i].run();
	return NULL;
}

/* Memory whose page faults are for this process to serve, which it does not. */
static bool make_missing(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);

	missing = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (fd < 0 || missing == MAP_FAILED || ioctl(fd, UFFDIO_API, &api))
		return false;
	range.range.start = (uint64_t)(uintptr_t)missing;
	range.range.len = 4096;
	return !ioctl(fd, UFFDIO_REGISTER, &range);
}

static bool is_blocked(pid_t tid)
{
	char text[512], *end;

	return tid && live__read(tid, "stat", text, sizeof(text)) && (end = strrchr(text, ')')) &&
	       (end[2] == 'S' || end[2] == 'D');
}

static bool await_all(bool faults)
{
	const struct timespec look = { .tv_nsec = LIVE_LOOK_NS };
	unsigned settled = 0;

	for (unsigned i = 0; i < LIVE_LOOKS && settled < LIVE_SETTLED; i++) {
		bool all = true;

		for (size_t t = 0; t < N_STATES && all; t++) {
			pid_t tid = __atomic_load_n(&tids[t], __ATOMIC_ACQUIRE);

			if (states[t].run == run_busy)
				all = tid;
			else if (states[t].run != run_fault || faults)
				all = is_blocked(tid);
		}
		settled = all ? settled + 1 : 0;
		nanosleep(&look, NULL);
	}
	return settled == LIVE_SETTLED;
}

/* It has its name and ends with this process by the time that it may be stopped. */
static pid_t start_child(const char *name)
{
	int ends[2];
	char byte = 0;
	pid_t pid;

	if (pipe(ends))
		return -1;
	pid = fork();
	if (pid) {
		close(ends[1]);
		if (pid > 0 && read(ends[0], &byte, 1) != 1)
			pid = -1;
		close(ends[0]);
		return pid;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, name);
	if (write(ends[1], &byte, 1) != 1)
		_exit(1);
	close(ends[0]);
	close(ends[1]);
	for (;;)
		nanosleep(&long_time, NULL);
}

int main(void)
{
	bool faults = make_missing();
	pid_t stopped, traced;
	int status;

	live__begin();
	pthread_mutex_lock(&locked);
	if (pipe(never))
		return 1;
	stopped = start_child("stopped-signal");
	traced = start_child("stopped-traced");
	if (stopped < 0 || traced < 0 || kill(stopped, SIGSTOP) ||
	    waitpid(stopped, &status, WUNTRACED) != stopped ||
	    ptrace(PTRACE_SEIZE, traced, NULL, NULL) ||
	    ptrace(PTRACE_INTERRUPT, traced, NULL, NULL) || waitpid(traced, &status, 0) != traced)
		return 1;
	for (size_t i = 0; i < N_STATES; i++) {
		pthread_t thread;

		if ((states[i].run != run_fault || faults) &&
		    pthread_create(&thread, NULL, enter, (void *)(uintptr_t)i))
			return 1;
	}
	if (!await_all(faults))
		return 1;
	prctl(PR_SET_NAME, "child-wait");
	live__listen();
	printf("ready %d,%d,%d\n", (int)getpid(), (int)stopped, (int)traced);
	fflush(stdout);
	/* Its tracer is this thread, so no other may wait for it. */
	waitpid(stopped, &status, 0);
	return 1;
}
