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

/* A number that several families have, each its own: the least and the most, and whose they are. */
struct range {
	double least, most;
	const char *least_of, *most_of;	/* NULL: of one family only, whose number both are */
};

struct comparison {
	enum relation relation;
	bool first_wins;	/* CLEAR, POINT: the first has the smaller median */
	struct range ratio;	/* slower over faster; OPEN: second over first */
	double lo, hi;		/* its interval; of one family only */
	unsigned percent;	/* SAME: within how much */
};

/* Ways to do the work that are compared. A family need not have all of them. */
enum way {
	WAY_SERIAL,
	WAY_THREADS,		/* without a GIL, or nobody knows of one */
	WAY_GIL,		/* threads under a GIL: of convoy's own machine, timed or else ticks */
	WAY_TICKS,
	WAY_TIMED,
	WAY_PROCESSES,
	WAY_POOL,
	WAY_COUNT,
};

/* All modes that one interpreter or convoy's own machine ran, and what is known of them. */
struct family {
	const char *name;	/* see report_mode__family() */
	char label[4 * 32 + 1];	/* harmless; of convoy's own machine "convoy-work" */
	const struct report_mode *ways[WAY_COUNT];
	const struct report_mode *best;	/* the smallest median; NULL: nothing was measured */
	bool clear;		/* and its interval lies below all others', on a quiet machine */
	const struct report_mode *waited;	/* what shows that it was busy; NULL: it was not */
};

/*
 * Who is meant by sentences that are being said: one family, or several that came out alike.
 * No sentence knows which; where there are several, numbers become ranges.
 */
struct judge {
	const struct report *report;
	const struct family *const *families;
	size_t n;		/* at least one */
	const char *under, *without;	/* "Under a GIL, "; "" where the family says so already */
	const char *gil_threads;	/* what its threads are called: "GIL threads", "threads" */
	bool brief;		/* which way to go, without the reasons */
	bool busy;		/* the machine was: what was measured is told, and nothing advised */
	FILE *out;
};

/* Numbers for sentences. Each writes to `buf` and returns it. */
const char *verdict__times(char buf[24],
			   double ratio); /* three digits: more than most runs deserve */
const char *verdict__percent(char buf[24], double share);	/* "none", "4.2 %" */
const char *verdict__count(char buf[24], double count);	/* three digits: "7.3", "205", "41,200" */

/* "1.93x", "48 %", "5.30 ms"; of several families "1.52x (pypy3) to 2.45x (python2.7)". */
#define VERDICT_RANGE 400
const char *verdict__times_range(char buf[VERDICT_RANGE], const struct range *range);
const char *verdict__percent_range(char buf[VERDICT_RANGE], const struct range *range);
const char *verdict__ms_range(char buf[VERDICT_RANGE], const struct range *range);

/* Makes `range` reach `value`, which is of `whose`; `first`: it is the first one. */
void verdict__widen(struct range *range, double value, const char *whose, bool first);

/* verdict_compare.c: the walls of two modes, either of which may be NULL. */
struct comparison verdict__compare(const struct report_mode *first,
				   const struct report_mode *second);
/*
 * Of all who are meant. Missing, too, where they do not all say the same: who groups them sees
 * to it that this does not happen where it matters.
 */
struct comparison verdict__compare_ways(const struct judge *j, enum way first, enum way second);
/* Adds what was found of `whose` to what `all` says; false if that is something else. */
bool verdict__merge(struct comparison *all, const struct comparison *one, const char *whose,
		    bool first);

/* verdict_spent.c: shares of thread time, 0..1; 0 of a mode that is NULL. */
double verdict__share(const struct report_mode *mode, enum account account);
double verdict__queued(const struct report_mode *mode);	/* runnable without a CPU */
double verdict__gil_share(const struct report_mode *mode);	/* waiting for a GIL */
bool verdict__waits_overlap(const struct report_mode *mode);	/* mostly sleeps or does I/O */

/* What the threads of a mode did, in one sentence. `ticks`: the second style of GIL, or NULL. */
void verdict__say_spent(const struct judge *j, const char *who, const struct report_mode *mode,
			const struct report_mode *ticks, bool gil);

/* verdict_choice.c: which way to go, in a sentence or two; of work that computes or waits. */
void verdict__say_choice(const struct judge *j);
/* What else was compared: threads without a GIL, a pool. */
void verdict__say_others(const struct judge *j);
/* Two modes, whatever they are called; nothing if one was not measured. */
void verdict__say_modes(const struct judge *j, const struct report_mode *mode,
			const struct report_mode *reference);

/* What threads of a family are judged by: those under its GIL, if it has one. */
enum way verdict__threads(const struct family *family);
/* Does its work mostly wait, so that threads gain whether or not there is a GIL? */
bool verdict__work_waits(const struct family *family);
/* Was its serial mode the best of all its modes? */
bool verdict__serial_wins(const struct family *family);

/* verdict_gil.c: where the time of threads under a GIL went, and what that GIL costs besides. */
void verdict__say_gil(const struct judge *j);
/* Requests that wait for it behind threads that compute. */
void verdict__say_convoy(const struct judge *j);

/* verdict_gils.c: the GILs of several interpreters, side by side, if they are not alike. */
void verdict__say_gils_differ(const struct report *report, const struct family *families, size_t n,
			      FILE *out);

/*
 * verdict_families.c: finds the families of a report, in the order of their first modes. The
 * caller frees them. Returns 0 or -ENOMEM.
 */
int verdict__families(const struct report *report, struct family **families, size_t *n);
/* All that is said of one family, or of all; `out` gets whole lines. 0 or -ENOMEM. */
int verdict__say_family(const struct report *report, const struct family *family, FILE *out);
/* "python2.7 and python3.6", or "5 of them" where names would be too many. */
void verdict__say_names(const struct judge *j);
int verdict__say_families(const struct report *report, const struct family *families, size_t n,
			  FILE *out);

/*
 * verdict_runtimes.c: of a command or what ran already, what the GIL of its runtimes has to
 * do with it, and what processes could gain. Nothing where no runtime was found.
 */
void verdict__say_runtimes(const struct judge *j, const struct report_mode *mode);

/* What threads that wait for a GIL could gain by not having one; nothing where nobody knows. */
void verdict__say_gain(const struct judge *j, const struct report_mode *mode);

/* What keeps threads that do not wait for a GIL, and so what processes would do for them. */
enum verdict_instead {
	INSTEAD_UNKNOWN,	/* nothing is said */
	INSTEAD_OVERLAP,	/* waiting that threads do at the same time */
	INSTEAD_QUEUE,		/* CPUs */
	INSTEAD_ALONE,		/* nothing: one of them does all the work */
	INSTEAD_LOCKS,		/* locks of their own */
	INSTEAD_LITTLE,		/* nothing that processes would not have */
};

void verdict__say_instead(const struct judge *j, const struct report_mode *mode,
			  enum verdict_instead instead);

/*
 * "CPython 3.11.7", and "and others" where there are several versions; harmless. Writes to
 * `buf` and returns it.
 */
#define VERDICT_RUNTIME 160
const char *verdict__runtime(char buf[VERDICT_RUNTIME], const struct report_runtime *runtime,
			     size_t versions);

#endif /* CONVOY_VERDICT_PARTS_H */
