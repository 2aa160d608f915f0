/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * truth.h - for programs that wait a known time: each waiter takes the time of each of its
 * waits by its own clock, and the program says at its end what a report must say of it.
 *
 * A program is static objects to wait for, a struct truth that describes them, and threads.
 * Whoever lets a waiter go first sees it asleep in the kernel, and then takes its time, so
 * that every wait is a wait, however busy the machine. Threads that have nothing to do
 * sleep: no wait happens that is not in the account. compare.py compares; truth.sh runs.
 */
#ifndef CONVOY_TESTS_TRUTH_H
#define CONVOY_TESTS_TRUTH_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define TRUTH_LOCKS 4
#define TRUTH_THREADS 8
#define TRUTH_NS 30000000u	/* that a waiter waits, and a little more */
#define TRUTH_NOBODY (-1)
#define TRUTH_TURNS 8		/* usually: so many waits */
/*
 * From one wait of an attempt to the next a thread runs 40 to 300 us (its wake-up, on a CPU
 * that has gone to sleep, is part of it). Where it was more than this, something else
 * intervened, and a report may see two attempts.
 */
#define TRUTH_GAP_NS 500000u

/* One kind of object that is waited for, and what a report must say of it. */
struct truth_lock {
	const char *name;	/* part of its name; NULL: none is expected */
	const char *kind;	/* as in the report; NULL: it is no lock at all */
	const char *flags;	/* all that must be there, with blanks between; NULL: none */
	const char *may;	/* flags that may be there, too */
	const char *site;	/* part of where it is waited for; NULL: whatever that is */
	bool may_be_unseen;	/* or no lock at all, in its account all the same */
	bool held;		/* somebody holds it, and a report knows who */
	unsigned objects;	/* how many there are of it; 0: one */
	/* Filled in as the program runs; 0: not known. */
	unsigned attempts, timeouts;
	unsigned long_gaps;	/* time-outs after which the attempt did not go on at once */
	/* What the holder did while it was waited for, by its own clocks; 0: not measured. */
	uint64_t ran_ns, delayed_ns, slept_ns, waited_ns;
};

/* A thread; `next` and what it waited are its own to write until it has ended. */
struct truth_thread {
	const char *name;
	int waits_for;		/* which of the locks, or TRUTH_NOBODY */
	int holds;		/* which of them others wait for because of it */
	void *(*run)(void *thread);	/* gets the struct truth_thread */
	pid_t tid;		/* 0: has not begun; atomic */
	int done;		/* atomic */
	unsigned waits;
	uint64_t waited_ns, run_delay_ns;
	uint64_t shortest_ns;
};

struct truth {
	const char *class;
	const char *account;	/* where the waiters' time must be */
	struct truth_lock locks[TRUTH_LOCKS];
	size_t n_locks;
	struct truth_thread threads[TRUTH_THREADS];
	size_t n_threads;
	int turn;		/* for the program to pass on; truth__await(), truth__pass() */
};

/* --- the clocks ------------------------------------------------------------------------ */

/* Nanoseconds of CLOCK_MONOTONIC, which is the clock of the kernel's events too. */
uint64_t truth__now(void);

/* What the calling thread ran, and wanted to run but did not, in ns; by the kernel. */
struct truth_stat {
	uint64_t ran_ns, delayed_ns;
};
struct truth_stat truth__stat(void);

/* CPU time of the calling thread, in ns, up to now; what truth__stat() says of it is late. */
uint64_t truth__cpu_time(void);

struct truth_clock {
	uint64_t start_ns;
	struct truth_stat stat;
};

/* Around the call that waits, in the thread that waits. */
struct truth_clock truth__before(void);
void truth__after(struct truth_thread *self, struct truth_clock clock);

/* --- threads --------------------------------------------------------------------------- */

/* Ends the program unless it is true. */
void truth__must(bool so, const char *what);

void truth__sleep(uint64_t ns);
/* CLOCK_REALTIME so many ns from now, for timed waits. */
struct timespec truth__deadline(uint64_t ns);

/* The calling thread is this one from now on. */
void truth__begin(struct truth_thread *self);

/* Starts a thread that nobody waits for: joining it would be one more wait. */
void truth__start(void *(*body)(void *arg), void *arg);

/* Starts all threads and sleeps until they have done what they are to do. */
void truth__run(struct truth *truth);

/* Sleeps until the turn has come, and lets the next one come. */
void truth__await(struct truth *truth, int turn);
void truth__pass(struct truth *truth, int turn);

/* Sleeps until that thread has begun, and is asleep in the kernel, waiting for a futex. */
void truth__until_asleep(const struct truth_thread *thread);

/*
 * Prints what is expected of a report of this program. Returns its exit status: 1 if one of
 * the waits was shorter than `least_ns`, or a waiter did not wait at all.
 */
int truth__end(const struct truth *truth, uint64_t least_ns);

/* --- one holder at a time -------------------------------------------------------------- */

/* What is done with the lock by thread number `at`. */
struct truth_contest {
	struct truth *truth;
	void (*acquire)(size_t at);
	void (*release)(size_t at);
	/* NULL: it sleeps for TRUTH_NS. All others are asleep when this is called. */
	void (*hold)(size_t at);
	/* NULL: everybody. */
	bool (*excludes)(size_t holder, size_t other);
};

/*
 * `turns` times: one thread, in turn, holds the lock until it has let all others (that it
 * excludes) wait; they acquire and release it. To be called by each of the threads.
 */
void truth__contend(const struct truth_contest *contest, struct truth_thread *self, int turns);

#endif /* CONVOY_TESTS_TRUTH_H */
