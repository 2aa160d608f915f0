// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "tests/truth/truth.h"

#define LOOK_NS 500000		/* between two looks at what another thread does */
#define LIMIT_S 30		/* then something hangs */

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif

void truth__must(bool so, const char *what)
{
	if (so)
		return;
	fprintf(stderr, "truth: %s\n", what);
	_exit(1);
}

/* --- the clocks ------------------------------------------------------------------------ */

static uint64_t time_of(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * UINT64_C(1000000000) + now.tv_nsec;
}

uint64_t truth__now(void)
{
	return time_of(CLOCK_MONOTONIC);
}

uint64_t truth__cpu_time(void)
{
	return time_of(CLOCK_THREAD_CPUTIME_ID);
}

static bool read_file(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = -1;

	if (fd >= 0) {
		n = read(fd, text, size - 1);
		close(fd);
	}
	text[n > 0 ? n : 0] = 0;
	return n > 0;
}

struct truth_stat truth__stat(void)
{
	struct truth_stat stat = { 0 };
	char text[96], *end = text;

	truth__must(read_file("/proc/thread-self/schedstat", text, sizeof(text)),
		    "no /proc/thread-self/schedstat");
	stat.ran_ns = strtoull(text, &end, 10);
	stat.delayed_ns = strtoull(end, NULL, 10);
	return stat;
}

/* The delays are those of a longer time than the clock's, so they cannot be too small. */
struct truth_clock truth__before(void)
{
	struct truth_clock clock = { .stat = truth__stat() };

	clock.start_ns = truth__now();
	return clock;
}

void truth__after(struct truth_thread *self, struct truth_clock clock)
{
	uint64_t waited_ns = truth__now() - clock.start_ns;

	self->run_delay_ns += truth__stat().delayed_ns - clock.stat.delayed_ns;
	self->waited_ns += waited_ns;
	if (!self->waits || waited_ns < self->shortest_ns)
		self->shortest_ns = waited_ns;
	self->waits++;
}

void truth__sleep(uint64_t ns)
{
	struct timespec left = { .tv_sec = ns / 1000000000u, .tv_nsec = ns % 1000000000u };

	while (nanosleep(&left, &left) && errno == EINTR)
		;
}

struct timespec truth__deadline(uint64_t ns)
{
	struct timespec at;

	clock_gettime(CLOCK_REALTIME, &at);
	ns += at.tv_nsec;
	at.tv_sec += ns / 1000000000u;
	at.tv_nsec = ns % 1000000000u;
	return at;
}

/* --- threads --------------------------------------------------------------------------- */

void truth__begin(struct truth_thread *self)
{
	alarm(LIMIT_S);
	pthread_setname_np(pthread_self(), self->name);
	__atomic_store_n(&self->tid, gettid(), __ATOMIC_RELEASE);
}

static void *run(void *arg)
{
	struct truth_thread *self = arg;

	truth__begin(self);
	self->run(self);
	__atomic_store_n(&self->done, 1, __ATOMIC_RELEASE);
	return NULL;
}

void truth__start(void *(*body)(void *arg), void *arg)
{
	pthread_t thread;

	truth__must(!pthread_create(&thread, NULL, body, arg), "no thread");
	pthread_detach(thread);
}

void truth__run(struct truth *truth)
{
	for (size_t i = 0; i < truth->n_threads; i++)
		truth__start(run, &truth->threads[i]);
	for (size_t i = 0; i < truth->n_threads; i++)
		while (!__atomic_load_n(&truth->threads[i].done, __ATOMIC_ACQUIRE))
			truth__sleep(LOOK_NS);
}

void truth__await(struct truth *truth, int turn)
{
	while (__atomic_load_n(&truth->turn, __ATOMIC_ACQUIRE) < turn)
		truth__sleep(LOOK_NS);
}

void truth__pass(struct truth *truth, int turn)
{
	__atomic_store_n(&truth->turn, turn, __ATOMIC_RELEASE);
}

void truth__until_asleep(const struct truth_thread *thread)
{
	char path[64], text[256], *end;
	pid_t tid;
	long nr;

	while (!(tid = __atomic_load_n(&thread->tid, __ATOMIC_ACQUIRE)))
		truth__sleep(LOOK_NS);
	/* "running", or the system call's number. It may be in another process. */
	snprintf(path, sizeof(path), "/proc/%d/syscall", (int)tid);
	for (;;) {
		truth__must(read_file(path, text, sizeof(text)), "no /proc/TID/syscall");
		nr = strtol(text, &end, 10);
		if (end != text && (nr == SYS_futex || nr == SYS_futex_waitv))
			return;
		truth__sleep(LOOK_NS);
	}
}

/* --- what is expected ------------------------------------------------------------------ */

static void print_text(const char *key, const char *text, const char *after)
{
	if (text)
		printf("\"%s\": \"%s\"%s", key, text, after);
	else
		printf("\"%s\": null%s", key, after);
}

static void print_words(const char *key, const char *words)
{
	printf("\"%s\": [", key);
	for (const char *sep = ""; words && *words; sep = ", ") {
		int length = (int)strcspn(words, " ");

		printf("%s\"%.*s\"", sep, length, words);
		words += length + strspn(words + length, " ");
	}
	printf("], ");
}

static void print_lock(const struct truth *truth, size_t at)
{
	const struct truth_lock *lock = &truth->locks[at];
	uint64_t waited_ns = 0, run_delay_ns = 0;
	const char *sep = "";
	unsigned waits = 0;

	printf("  {");
	print_text("name", lock->name, ", ");
	print_text("kind", lock->kind, ", ");
	print_text("site", lock->site, ", ");
	print_words("flags", lock->flags);
	print_words("flags_may", lock->may);
	printf("\"may_be_unseen\": %s,\n", lock->may_be_unseen ? "true" : "false");
	for (size_t i = 0; i < truth->n_threads; i++) {
		const struct truth_thread *thread = &truth->threads[i];

		if (thread->waits_for != (int)at)
			continue;
		waits += thread->waits;
		waited_ns += thread->waited_ns;
		run_delay_ns += thread->run_delay_ns;
	}
	printf("   \"waits\": %u, \"waited_ns\": %llu, \"run_delay_ns\": %llu, \"objects\": %u,\n",
	       waits, (unsigned long long)waited_ns, (unsigned long long)run_delay_ns,
	       lock->objects ? lock->objects : 1);
	printf("   \"attempts\": %u, \"timeouts\": %u, \"long_gaps\": %u, \"holders\": ",
	       lock->attempts ? lock->attempts : waits, lock->timeouts, lock->long_gaps);
	printf("%s", lock->held ? "[" : "null");
	for (size_t i = 0; lock->held && i < truth->n_threads; i++)
		if (truth->threads[i].holds == (int)at) {
			printf("%s\"%s\"", sep, truth->threads[i].name);
			sep = ", ";
		}
	printf("%s,\n", lock->held ? "]" : "");
	printf("   \"did\": {\"running\": %llu, \"runnable\": %llu, \"asleep\": %llu, "
	       "\"waiting\": %llu}}",
	       (unsigned long long)lock->ran_ns, (unsigned long long)lock->delayed_ns,
	       (unsigned long long)lock->slept_ns, (unsigned long long)lock->waited_ns);
}

int truth__end(const struct truth *truth, uint64_t least_ns)
{
	int status = 0;

	printf("{\"class\": \"%s\", \"account\": \"%s\", \"locks\": [\n", truth->class,
	       truth->account);
	for (size_t i = 0; i < truth->n_locks; i++) {
		print_lock(truth, i);
		printf("%s\n", i + 1 < truth->n_locks ? "," : "");
	}
	printf(" ], \"threads\": [\n");
	for (size_t i = 0; i < truth->n_threads; i++) {
		const struct truth_thread *thread = &truth->threads[i];

		printf("  {\"name\": \"%s\", \"tid\": %d, \"waits\": %u, \"waited_ns\": %llu, "
		       "\"run_delay_ns\": %llu, \"lock\": %d}%s\n",
		       thread->name, (int)thread->tid, thread->waits,
		       (unsigned long long)thread->waited_ns,
		       (unsigned long long)thread->run_delay_ns, thread->waits_for,
		       i + 1 < truth->n_threads ? "," : "");
		if (thread->waits_for != TRUTH_NOBODY &&
		    (!thread->waits || thread->shortest_ns < least_ns)) {
			fprintf(stderr, "truth: %s: %u waits, the shortest of %llu ns\n",
				thread->name, thread->waits,
				(unsigned long long)thread->shortest_ns);
			status = 1;
		}
	}
	printf("]}\n");
	return status;
}

/* --- one holder at a time -------------------------------------------------------------- */

/*
 * A turn is 1 + n values of truth->turn: the holder has it, and then each of the others, one
 * after the other, says that it has had it.
 */
void truth__contend(const struct truth_contest *contest, struct truth_thread *self, int turns)
{
	struct truth *truth = contest->truth;
	size_t n = truth->n_threads, at = self - truth->threads;
	struct truth_clock clock;

	for (int turn = 0; turn < turns; turn++) {
		size_t holder = turn % n;
		int first = turn * (int)(n + 1);

		if (at == holder) {
			truth__await(truth, first);
			contest->acquire(at);
			truth__pass(truth, first + 1);
			for (size_t i = 0; i < n; i++)
				if (i != at && (!contest->excludes || contest->excludes(at, i)))
					truth__until_asleep(&truth->threads[i]);
			if (contest->hold)
				contest->hold(at);
			else
				truth__sleep(TRUTH_NS);
			contest->release(at);
			__atomic_add_fetch(&truth->turn, 1, __ATOMIC_ACQ_REL);
			continue;
		}
		truth__await(truth, first + 1);
		if (!contest->excludes || contest->excludes(holder, at)) {
			clock = truth__before();
			contest->acquire(at);
			truth__after(self, clock);
			contest->release(at);
		}
		__atomic_add_fetch(&truth->turn, 1, __ATOMIC_ACQ_REL);
	}
}
