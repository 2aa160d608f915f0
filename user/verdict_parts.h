/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * verdict_parts.h - what the parts of the verdict share. Private to verdict*.c.
 */
#ifndef CONVOY_VERDICT_PARTS_H
#define CONVOY_VERDICT_PARTS_H

#include <stdbool.h>
#include <stdio.h>

#include "report.h"

#define WORTH_SAYING 0.05	/* share of thread time from which it belongs in a sentence */

/* What two walls say about each other. */
enum relation {
	RELATION_MISSING,	/* a mode was not run, or has no round */
	RELATION_POINT,		/* too few rounds for an interval */
	RELATION_CLEAR,		/* the intervals do not overlap */
	RELATION_SAME,
	RELATION_OPEN,		/* they overlap, and widely */
};

struct comparison {
	enum relation relation;
	bool first_wins;	/* CLEAR, POINT: the first has the smaller median */
	double ratio, lo, hi;	/* slower over faster; OPEN: second over first */
	unsigned percent;	/* SAME: within how much */
};

struct judge {
	const struct report *report;
	const struct report_mode *serial, *threads, *processes, *ticks, *timed;
	const struct report_mode *gil;	/* the reference: timed, else ticks */
	bool serial_wins;
	FILE *out;
};

/* Numbers for sentences. Each writes to `buf` and returns it. */
const char *verdict__times(char buf[24],
			   double ratio); /* three digits: more than most runs deserve */
const char *verdict__percent(char buf[24], double share);	/* "none", "4.2 %" */

/* verdict_compare.c: the walls of two modes, either of which may be NULL. */
struct comparison verdict__compare(const struct report_mode *first,
				   const struct report_mode *second);

/* verdict_spent.c: shares of thread time, 0..1; 0 of a mode that is NULL. */
double verdict__share(const struct report_mode *mode, enum account account);
double verdict__queued(const struct report_mode *mode);	/* runnable without a CPU */
double verdict__gil_share(const struct report_mode *mode);	/* waiting for a GIL */
bool verdict__waits_overlap(const struct report_mode *mode);	/* mostly sleeps or does I/O */

/* What the threads of a mode did, in one sentence. `ticks`: the second style of GIL, or NULL. */
void verdict__say_spent(struct judge *j, const char *who, const struct report_mode *mode,
			const struct report_mode *ticks, bool gil);

/*
 * verdict_runtimes.c: of a command or what ran already, what the GIL of its runtimes has to
 * do with it, and what processes could gain. Nothing where no runtime was found.
 */
void verdict__say_runtimes(struct judge *j, const struct report_mode *mode);

/* What threads that wait for a GIL could gain by not having one; nothing where nobody knows. */
void verdict__say_gain(struct judge *j, const struct report_mode *mode);

/* What keeps threads that do not wait for a GIL, and so what processes would do for them. */
enum verdict_instead {
	INSTEAD_UNKNOWN,	/* nothing is said */
	INSTEAD_OVERLAP,	/* waiting that threads do at the same time */
	INSTEAD_QUEUE,		/* CPUs */
	INSTEAD_ALONE,		/* nothing: one of them does all the work */
	INSTEAD_LOCKS,		/* locks of their own */
	INSTEAD_LITTLE,		/* nothing that processes would not have */
};

void verdict__say_instead(struct judge *j, const struct report_mode *mode,
			  enum verdict_instead instead);

/*
 * "CPython 3.11.7", and "and others" where there are several versions; harmless. Writes to
 * `buf` and returns it.
 */
#define VERDICT_RUNTIME 160
const char *verdict__runtime(char buf[VERDICT_RUNTIME], const struct report_runtime *runtime,
			     size_t versions);

#endif /* CONVOY_VERDICT_PARTS_H */
