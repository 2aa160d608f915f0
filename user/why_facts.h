/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * why_facts.h - what the rules of `convoy why` ask of a report. Private to why*.c.
 */
#ifndef CONVOY_WHY_FACTS_H
#define CONVOY_WHY_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "why.h"

#define WORTH_SAYING 0.05	/* share of time from which it belongs in a sentence */
#define MOSTLY 0.5		/* share of time from which a thing is what a thread did */

struct why_facts {
	const struct report *report;
	const struct report_mode *mode;
	const struct why_context *context;
	double seconds;		/* watched; 0: unknown */
	unsigned cpus;		/* 0: unknown */
	struct maybe cores;	/* CPUs that were used, on average */
	/*
	 * Threads that only waited for work, I/O, time, children or each other say nothing
	 * of what is slow. Shares are of the others' time; of everybody's, when there are
	 * none.
	 */
	size_t n_idle;
	size_t idle_for[ACCOUNT_COUNT];	/* of these, by what they mostly waited for */
	bool all_idle;
	uint64_t time_ns[ACCOUNT_COUNT], lifetime_ns;
	uint64_t switches;	/* of all threads */
	const struct report_thread *top;	/* that ran the most; NULL: none ran */
	/* Of the locks that somebody can hold, the one most waited for; or NULL. */
	const struct report_lock *lock;
	double lock_part;	/* of all waiting for such locks: 0..1 */
};

/* False when the report has not exactly one mode. */
bool why_facts__init(struct why_facts *facts, const struct report *report,
		     const struct why_context *context);

/* The part of the busy threads' time, 0..1. */
double why_facts__share(const struct why_facts *facts, enum account account);
double why_facts__queued(const struct why_facts *facts);	/* runnable, without a CPU */

/* The same of one thread, of its own life. */
double why_thread__share(const struct report_thread *thread, enum account account);
bool why_thread__idle(const struct report_thread *thread);
/* What it spent the most time on. */
enum account why_thread__mostly(const struct report_thread *thread);
/* It was in one wait from the beginning to the end. */
bool why_thread__blocked_throughout(const struct report_thread *thread);

/* The thread that held the lock for most of the waiting; NULL when it is not known. */
const struct report_thread *why_facts__holder(const struct why_facts *facts,
					      const struct report_lock *lock);

/* Is it of a kind that somebody holds, and was it waited for? */
bool why_lock__contended(const struct report_lock *lock);

/* Threads that a test is true of; `arg` is passed on. */
typedef bool (*why_test)(const struct report_thread *thread, enum account arg);
size_t why_facts__count(const struct why_facts *facts, why_test test, enum account arg);

/* Tests: it was in one wait of this account throughout; it mostly did this; it mostly
 * waited for other threads, whatever `arg` is. */
bool why_test__stuck(const struct report_thread *thread, enum account account);
bool why_test__mostly(const struct report_thread *thread, enum account account);
bool why_test__waits_for_others(const struct report_thread *thread, enum account arg);

/* Did it use all the CPUs that it may? False when that is not known. */
bool why_facts__all_cpus(const struct why_facts *facts);

/* Of the watched time, that the thread ran; 0 when it is not known, or NULL. */
double why_facts__cpu(const struct why_facts *facts, const struct report_thread *thread);

/* 0 when it is not known. */
double why_facts__system(const struct why_facts *facts);	/* of the CPU time, in the kernel */
double why_facts__yields(const struct why_facts *facts);	/* sched_yield a second */
/* Wake-ups a second of a thread that mostly sleeps. */
double why_facts__looks(const struct why_facts *facts);

/* Waiting on futexes that no rule can tell. */
double why_facts__unknown(const struct why_facts *facts);

/* Is it, by its name or by what was found in it, a program that has a global interpreter lock? */
bool why_facts__interpreter(const struct why_facts *facts);

/* Is there a thread of this TID among those that waited for a lock throughout? */
bool why_facts__stuck(const struct why_facts *facts, uint32_t tid);

#endif /* CONVOY_WHY_FACTS_H */
