/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * contention.h - what the locks and runtimes of a report come to.
 *
 * The text report, the verdict and `convoy why` judge by these, so that they cannot
 * disagree. The thresholds and why they are what they are: docs/decisions.md, 35. Pure.
 */
#ifndef CONVOY_CONTENTION_H
#define CONVOY_CONTENTION_H

#include <stdbool.h>

#include "report.h"

#define LOCK_MATTERS 0.05	/* share of all thread time from which a lock's waits matter */
#define HOLDER_TROUBLE 0.20	/* of the waiting, that its holders were not getting on with it */
#define GIL_MATTERS 0.05	/* share of its threads' time from which waiting for it matters */
#define GAIN_MATTERS 1.10	/* times faster, from which it is worth to change something */

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
	double share;		/* wait / lifetime; 0 of nothing */
};

struct gil_sum report_mode__gils(const struct report_mode *mode);

/* How much faster the mode could be if threads did not have to wait for a GIL. */
struct gil_outlook {
	bool known;
	double wanted, ran;	/* threads, on average */
	unsigned cpus;		/* that it may use */
	double gain;		/* times faster at most; 1 : not at all */
	bool bounded;		/* by the CPUs, rather than by the threads that wanted to run */
};

struct gil_outlook report_mode__outlook(const struct report *report,
					const struct report_mode *mode);

#endif /* CONVOY_CONTENTION_H */
