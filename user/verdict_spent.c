// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * verdict_spent.c - what threads spent their time on, in one sentence.
 */
#include <stdlib.h>
#include <string.h>

#include "contention.h"
#include "verdict_parts.h"

#define SLEEPS 0.5		/* share of thread time from which waiting rules the job */

double verdict__share(const struct report_mode *mode, enum account account)
{
	if (!mode || !mode->worker_lifetime_ns)
		return 0;
	return (double)mode->worker_time_ns[account] / (double)mode->worker_lifetime_ns;
}

double verdict__queued(const struct report_mode *mode)
{
	return verdict__share(mode, ACCOUNT_PREEMPTED) + verdict__share(mode, ACCOUNT_WAKEUP);
}

static double io(const struct report_mode *mode)
{
	return verdict__share(mode, ACCOUNT_IO) + verdict__share(mode, ACCOUNT_DISK);
}

/* Waiting that needs neither a CPU nor a lock, and so overlaps in any threads. */
bool verdict__waits_overlap(const struct report_mode *mode)
{
	return verdict__share(mode, ACCOUNT_SLEEP) + io(mode) +
		       verdict__share(mode, ACCOUNT_CHILD) >
	       SLEEPS;
}

/* The part of the mode's lock waiting that was for a GIL: 0..1. */
static double gil_part(const struct report_mode *mode)
{
	double gil = 0, all = 0;

	for (size_t i = 0; i < mode->n_locks; i++) {
		const struct report_lock *lock = &mode->locks[i];

		if (lock->kind == LOCK_GIL)
			gil += (double)lock->total_ns;
		if (report_lock__contended(lock))
			all += (double)lock->total_ns;
	}
	return all > 0 ? gil / all : mode->locks ? 0 : 1;
}

double verdict__gil_share(const struct report_mode *mode)
{
	return verdict__share(mode, ACCOUNT_LOCK) * gil_part(mode);
}

/* One thing that threads spent time on. */
struct item {
	double share;
	bool always;		/* said even when it is none */
	char words[200];
};

static int compare_items(const void *a, const void *b)
{
	double x = ((const struct item *)a)->share, y = ((const struct item *)b)->share;

	return (x < y) - (x > y);
}

/* What threads of any command may spend their time on, and those of a job do not. */
static size_t list_other(struct item *items, const struct report_mode *mode)
{
	static const struct {
		enum account account;
		const char *words;
	} others[] = {
		{ ACCOUNT_COND, "waiting for work or a signal" },
		{ ACCOUNT_JOIN, "waiting for other threads to end" },
		{ ACCOUNT_CHILD, "waiting for child processes" },
		{ ACCOUNT_FAULT, "blocked in page faults" },
		{ ACCOUNT_STOPPED, "stopped" },
		{ ACCOUNT_OTHER, "blocked in other system calls" },
	};
	size_t n = sizeof(others) / sizeof(*others);

	for (size_t i = 0; i < n; i++) {
		const char *words = others[i].words;

		if (others[i].account == ACCOUNT_OTHER && report_mode__unknown_futexes(mode))
			words = "waiting for futexes of a use that is not known";
		items[i].share = verdict__share(mode, others[i].account);
		snprintf(items[i].words, sizeof(items[i].words), "%s", words);
	}
	return n;
}

/*
 * "GIL threads spent 49 % of their time waiting for the GIL, none for I/O."
 * `ticks` (or NULL) is the other GIL style, to be named beside the first.
 */
void verdict__say_spent(const struct judge *j, const char *who, const struct report_mode *mode,
			const struct report_mode *ticks, bool gil)
{
	double lock = verdict__share(mode, ACCOUNT_LOCK), part = gil ? gil_part(mode) : 0, other;
	char a[24], name[VERDICT_RUNTIME];
	struct gil_sum gils = report_mode__gils(mode);
	struct item items[12];
	size_t n = 0, said = 0;

	if (!mode->worker_lifetime_ns)
		return;
	memset(items, 0, sizeof(items));
	if (gil) {
		/* What is left of a few short waits for other locks is not worth a word. */
		other = lock * (1 - part);
		if (other < 0.01) {
			part = 1;
			other = 0;
		}
		items[n].share = lock * part;
		items[n].always = true;
		if (ticks && ticks->worker_lifetime_ns)
			snprintf(items[n].words, sizeof(items[n].words),
				 "waiting for the GIL (%s with gil-ticks)",
				 verdict__percent(a, verdict__gil_share(ticks)));
		else if (gils.with)
			snprintf(items[n].words, sizeof(items[n].words),
				 "waiting for the GIL of %s",
				 verdict__runtime(name, gils.with, gils.n_with));
		else
			snprintf(items[n].words, sizeof(items[n].words), "waiting for the GIL");
		n++;
		items[n].share = other;
		snprintf(items[n++].words, sizeof(items[0].words), "for other locks");
		/* Of a job it is known that it computes. */
		if (!j->report->job[0]) {
			items[n].share = verdict__share(mode, ACCOUNT_RUNNING);
			snprintf(items[n++].words, sizeof(items[0].words), "running");
		}
	} else {
		items[n].share = lock;
		/* Futexes that are not told apart may be locks, too. */
		items[n].always = report_mode__maybe_locks(mode) < MAYBE_LOCKS;
		snprintf(items[n++].words, sizeof(items[0].words), "waiting for locks");
		items[n].share = verdict__share(mode, ACCOUNT_RUNNING);
		snprintf(items[n++].words, sizeof(items[0].words), "running");
	}
	if (!j->report->job[0])
		n += list_other(items + n, mode);
	items[n].share = io(mode);
	items[n].always = true;
	snprintf(items[n++].words, sizeof(items[0].words), "for I/O");
	items[n].share = verdict__share(mode, ACCOUNT_SLEEP);
	snprintf(items[n++].words, sizeof(items[0].words), "asleep");
	items[n].share = verdict__queued(mode);
	snprintf(items[n++].words, sizeof(items[0].words), "runnable without a CPU");
	qsort(items, n, sizeof(items[0]), compare_items);

	for (size_t i = 0; i < n; i++) {
		if (!items[i].always && items[i].share < WORTH_SAYING)
			continue;
		if (said == 0)
			fprintf(j->out, "%s spent %s of their time ", who,
				verdict__percent(a, items[i].share));
		else
			fprintf(j->out, ", %s ", verdict__percent(a, items[i].share));
		if (said == 0 && strncmp(items[i].words, "for ", 4) == 0)
			fputs("waiting ", j->out);
		fputs(items[i].words, j->out);
		said++;
	}
	fputs(".\n", j->out);
}
