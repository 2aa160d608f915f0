/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * contention.h - what the locks and runtimes of a report come to.
 *
 * The text report, the verdict and `convoy why` judge by these, so that they cannot
 * disagree. The thresholds that they share, and why they are what they are:
 * docs/decisions.md, 35. Pure.
 */
#ifndef CONVOY_CONTENTION_H
#define CONVOY_CONTENTION_H

#include <stdbool.h>

#include "report.h"

#define LOCK_MATTERS 0.05	/* share of all thread time from which a lock's waits matter */
#define HOLDER_TROUBLE 0.20	/* of the waiting, that its holders were not getting on with it */
#define GIL_MATTERS 0.05	/* of the time that its threads wanted to run, likewise for a GIL */
#define GAIN_MATTERS 1.10	/* times faster, from which it is worth to change something */
#define ALL_CPUS 0.9		/* of the CPUs in use, from which there is none left to be had */
#define OTHERS_RAN 0.05		/* CPUs that other programs used, from which a gain is not known */
#define MAYBE_LOCKS 0.01	/* share of all thread time from which what may be locks is no none */

/* --- who held a lock, and what they did meanwhile ------------------------------------------ */

/* What is known of it, ns; 0: nothing. */
uint64_t report_holding__total(const struct report_holding *held);

/* The share of the lock's waiting for which a holder is known: 0..1. */
double report_lock__coverage(const struct report_lock *lock);

/* Is waiting for it contention? For others it may as well be for work. */
bool report_lock__contended(const struct report_lock *lock);

/* Does its name say already of which runtime it is? ("GIL of CPython 3.13") */
bool report_lock__names_runtime(const struct report_lock *lock);

/* Does waiting for it take LOCK_MATTERS of the mode's thread time? */
bool report_lock__matters(const struct report_mode *mode, const struct report_lock *lock);

/*
 * The share of all thread time, 0..1, that went by in waits that may be for locks: on words of
 * which nobody knows what they are. Where it is MAYBE_LOCKS or more, nobody can say that no
 * thread waited for a lock.
 */
double report_mode__maybe_locks(const struct report_mode *mode);

/* Of what workers waited in the account `other`: was most of it for words of unknown use? */
bool report_mode__unknown_futexes(const struct report_mode *mode);

/* Why waiters wait although nobody works under the lock. */
enum holder_trouble {
	HOLDERS_WORK,		/* or it is not known what they do */
	HOLDERS_PREEMPTED,	/* they wanted to run and had no CPU */
	HOLDERS_ASLEEP,		/* they slept or did I/O with the lock held */
};

/*
 * The larger of the two, if it is HOLDER_TROUBLE of the waiting, also of that whose holder
 * is not known: so it is never said because of the little that is. `*share` (may be NULL)
 * is its part of the waiting.
 */
enum holder_trouble report_lock__trouble(const struct report_lock *lock, double *share);

/* What to do about it, in words that follow a colon, and end in a full stop. */
const char *holder_trouble__advice(const struct report_lock *lock, enum holder_trouble trouble);

/* --- runtimes ------------------------------------------------------------------------------- */

/* Is it known how long its threads waited for its GIL? */
bool report_runtime__waits_known(const struct report_runtime *runtime);

/* All runtimes of a mode. */
struct gil_sum {
	const struct report_runtime *with;	/* a GIL, most waited for; NULL: none has one */
	const struct report_runtime *without;	/* free-threaded ones, the first; or NULL */
	const struct report_runtime *unknown;	/* where it could not be found, the first */
	size_t n_with;		/* versions that have one */
	uint64_t wait_ns, lifetime_ns;	/* of all that have one */
	/*
	 * wait / what their threads wanted to run: threads that sleep or wait for work say
	 * nothing of a GIL. Of all their lives where that is not known; 0 of nothing.
	 */
	double share;
};

struct gil_sum report_mode__gils(const struct report_mode *mode);

/*
 * How much faster the mode could be if threads did not have to wait for a GIL. All threads
 * are those of processes with a GIL that was waited for.
 */
struct gil_outlook {
	bool known;		/* the numbers of threads, and the CPUs */
	double wanted, ran;	/* threads, on average */
	double ready;		/* ran, or wanted only a CPU to do so */
	unsigned cpus;		/* that it may use */
	bool alone;		/* no other program ran to speak of: else, no gain is known */
	double gain;		/* times faster at most; 1 : not at all */
	bool bounded;		/* by the CPUs, rather than by the threads that wanted to run */
};

struct gil_outlook report_mode__outlook(const struct report *report,
					const struct report_mode *mode);

/* --- interpreters as modes ------------------------------------------------------------------ */

/*
 * Has the interpreter that the mode runs in a GIL? What was found in its process decides, else
 * what is known of its implementation and build. Unknown where neither says, and of a mode
 * that runs in no interpreter.
 */
enum gil_state report_mode__has_gil(const struct report_mode *mode);

/* How often a mode's threads switched, and what its GILs had to do with that. */
struct gil_rates {
	struct maybe switches, voluntary;	/* a second: medians of switches and wall */
	struct maybe handoffs;		/* a second; unknown where no GIL was found */
	struct maybe calls;		/* futex calls on GILs, a second; known with futex=all only */
	struct maybe lost_races;	/* a second: woken, and it was taken again */
	struct maybe hold_ns, interval_ns;	/* of the GIL with the most handoffs */
};

struct gil_rates report_mode__gil_rates(const struct report_mode *mode);

#endif /* CONVOY_CONTENTION_H */
