/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * verdict.c - which mode wins and why.
 */
#include "verdict.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SAME_ANYWAY 0.02	/* a clear difference below it makes no difference */
#define SAME_AT_MOST 0.10	/* overlapping intervals wider than this leave it open */
#define SLEEPS 0.5		/* share of thread time from which waiting rules the job */
#define WORTH_SAYING 0.05	/* share of thread time from which it belongs in a sentence */
#define IN_KERNEL 0.15		/* share of CPU time from which the kernel is worth a sentence */
#define MANY_CALLS 100000	/* futex calls a second that cost a CPU a tenth of its time */
#define BUSY 0.5		/* cores in use from which a mode is one that computes */
#define CONVOY_EFFECT 3		/* latency under the GIL over the best without it */
#define STYLES_DIFFER 1.2	/* wall of one GIL style over the other */

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

/* A ratio with three significant digits, which is more than most runs deserve. */
static const char *times(char buf[24], double ratio)
{
	snprintf(buf, 24, "%.*f", ratio < 9.995 ? 2 : ratio < 99.95 ? 1 : 0, ratio);
	return buf;
}

static const char *percent(char buf[24], double share)
{
	double value = share * 100;

	if (value <= 0)
		snprintf(buf, 24, "none");
	else if (value < 0.1)
		snprintf(buf, 24, "less than 0.1 %%");
	else
		snprintf(buf, 24, "%.*f %%", value < 9.95 ? 1 : 0, value);
	return buf;
}

static struct comparison compare(const struct report_mode *first, const struct report_mode *second)
{
	struct comparison c = { .relation = RELATION_MISSING };
	const struct estimate *a, *b;
	double off;

	if (!first || !second || !first->wall_ns.n || !second->wall_ns.n ||
	    first->wall_ns.median <= 0 || second->wall_ns.median <= 0)
		return c;
	a = &first->wall_ns;
	b = &second->wall_ns;
	c.first_wins = a->median < b->median;
	c.ratio = c.first_wins ? b->median / a->median : a->median / b->median;
	c.relation = RELATION_POINT;
	if (!a->has_ci || !b->has_ci || !estimate__ratio_ci(b, a, &c.lo, &c.hi))
		return c;
	off = fmax(fabs(c.hi - 1), fabs(1 - c.lo));
	c.percent = (unsigned)ceil(off * 100);
	if (c.percent == 0)
		c.percent = 1;
	if (off <= SAME_ANYWAY) {
		c.relation = RELATION_SAME;
	} else if (a->ci_hi < b->ci_lo || b->ci_hi < a->ci_lo) {
		c.relation = RELATION_CLEAR;
		if (!c.first_wins)
			estimate__ratio_ci(a, b, &c.lo, &c.hi);
	} else {
		c.relation = off <= SAME_AT_MOST ? RELATION_SAME : RELATION_OPEN;
	}
	return c;
}

/* "1.93x faster than GIL threads (1.89-1.97" : the caller closes the bracket. */
static void say_faster(struct judge *j, const struct comparison *c, const char *slower)
{
	char ratio[24], lo[24], hi[24];

	fprintf(j->out, "%sx faster than %s (%s-%s", times(ratio, c->ratio), slower,
		times(lo, c->lo), times(hi, c->hi));
}

/* The whole sentence that compares two kinds of worker, for every outcome but a named best. */
static void say_compared(struct judge *j, const struct comparison *c, const char *under,
			 const char *first, const char *second)
{
	char a[24], b[24], low[32];

	/* Where `first` does not begin the sentence. */
	snprintf(low, sizeof(low), "%s", first);
	low[0] = (char)tolower((unsigned char)low[0]);

	switch (c->relation) {
	case RELATION_MISSING:
		return;
	case RELATION_POINT:
		if (c->ratio < 1.005)
			fprintf(j->out, "%s%s and %s took the same time.\n", under, first, second);
		else
			fprintf(j->out, "%s%s ran %sx as fast as %s.\n", under,
				c->first_wins ? first : second, times(a, c->ratio),
				c->first_wins ? second : low);
		return;
	case RELATION_CLEAR:
		fprintf(j->out, "%s%s are ", under, c->first_wins ? first : second);
		say_faster(j, c, c->first_wins ? second : low);
		fputs(").\n", j->out);
		return;
	case RELATION_SAME:
		fprintf(j->out, "%s%s do as well as %s (same within %u %%).\n", under, first,
			second, c->percent);
		return;
	case RELATION_OPEN:
		fprintf(j->out, "%sno clear difference between %s and %s (%s-%sx).\n", under, first,
			second, times(a, c->lo), times(b, c->hi));
		return;
	}
}

static double share(const struct report_mode *mode, enum account account)
{
	if (!mode || !mode->worker_lifetime_ns)
		return 0;
	return (double)mode->worker_time_ns[account] / (double)mode->worker_lifetime_ns;
}

static double queued(const struct report_mode *mode)
{
	return share(mode, ACCOUNT_PREEMPTED) + share(mode, ACCOUNT_WAKEUP);
}

static double io(const struct report_mode *mode)
{
	return share(mode, ACCOUNT_IO) + share(mode, ACCOUNT_DISK);
}

/* Waiting that needs neither a CPU nor a lock, and so overlaps in any threads. */
static bool waits_overlap(const struct report_mode *mode)
{
	return share(mode, ACCOUNT_SLEEP) + io(mode) + share(mode, ACCOUNT_CHILD) > SLEEPS;
}

/* The part of the mode's lock waiting that was for a GIL: 0..1. */
static double gil_part(const struct report_mode *mode)
{
	double gil = 0, all = 0;

	for (size_t i = 0; i < mode->n_locks; i++) {
		const struct report_lock *lock = &mode->locks[i];

		switch (lock->kind) {
		case LOCK_GIL:
			gil += (double)lock->total_ns;
			all += (double)lock->total_ns;
			break;
		case LOCK_MUTEX:
		case LOCK_RWLOCK:
		case LOCK_ONCE:
		case LOCK_KERNEL:
			all += (double)lock->total_ns;
			break;
		default:
			break;	/* waiting for work, mostly */
		}
	}
	return all > 0 ? gil / all : mode->locks ? 0 : 1;
}

/* One thing that threads spent time on. */
struct item {
	double share;
	bool always;		/* said even when it is none */
	char words[96];
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
		items[i].share = share(mode, others[i].account);
		snprintf(items[i].words, sizeof(items[i].words), "%s", others[i].words);
	}
	return n;
}

/*
 * "GIL threads spent 49 % of their time waiting for the GIL, none for I/O."
 * `ticks` (or NULL) is the other GIL style, to be named beside the first.
 */
static void say_spent(struct judge *j, const char *who, const struct report_mode *mode,
		      const struct report_mode *ticks, bool gil)
{
	double lock = share(mode, ACCOUNT_LOCK), part = gil ? gil_part(mode) : 0, other;
	char a[24];
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
				 percent(a, share(ticks, ACCOUNT_LOCK) * gil_part(ticks)));
		else
			snprintf(items[n].words, sizeof(items[n].words), "waiting for the GIL");
		n++;
		items[n].share = other;
		snprintf(items[n++].words, sizeof(items[0].words), "for other locks");
	} else {
		items[n].share = lock;
		items[n].always = true;
		snprintf(items[n++].words, sizeof(items[0].words), "waiting for locks");
		items[n].share = share(mode, ACCOUNT_RUNNING);
		snprintf(items[n++].words, sizeof(items[0].words), "running");
	}
	if (!j->report->job[0])
		n += list_other(items + n, mode);
	items[n].share = io(mode);
	items[n].always = true;
	snprintf(items[n++].words, sizeof(items[0].words), "for I/O");
	items[n].share = share(mode, ACCOUNT_SLEEP);
	snprintf(items[n++].words, sizeof(items[0].words), "asleep");
	items[n].share = queued(mode);
	snprintf(items[n++].words, sizeof(items[0].words), "runnable without a CPU");
	qsort(items, n, sizeof(items[0]), compare_items);

	for (size_t i = 0; i < n; i++) {
		if (!items[i].always && items[i].share < WORTH_SAYING)
			continue;
		if (said == 0)
			fprintf(j->out, "%s spent %s of their time ", who,
				percent(a, items[i].share));
		else
			fprintf(j->out, ", %s ", percent(a, items[i].share));
		if (said == 0 && strncmp(items[i].words, "for ", 4) == 0)
			fputs("waiting ", j->out);
		fputs(items[i].words, j->out);
		said++;
	}
	fputs(".\n", j->out);
}

static void say_warnings(struct judge *j)
{
	unsigned long long wrong = 0;

	if (!j->report->valid)
		fputs("Warning: events were lost. Walls hold; shares, waits and switches are "
		      "incomplete.\n",
		      j->out);
	for (size_t i = 0; i < j->report->n_modes; i++)
		wrong += j->report->modes[i].tasks_wrong;
	if (wrong)
		fprintf(j->out, "Warning: %llu result%s of the work itself %s wrong.\n", wrong,
			wrong == 1 ? "" : "s", wrong == 1 ? "was" : "were");
}

/* On one CPU nothing runs in parallel: what used to be a wait is run-queue delay. */
static void say_turns(struct judge *j)
{
	const struct report_mode *threads = j->threads ? j->threads : j->gil;
	const char *who = j->threads ? "threads" : "GIL threads";
	double a = queued(threads), b = queued(j->processes);
	char x[24], y[24];

	if (j->report->host.cpus_usable != 1 || fmax(a, b) < WORTH_SAYING)
		return;
	if (threads && j->processes)
		fprintf(j->out,
			"On one CPU threads and processes only take turns: the wait is "
			"run-queue delay (%s of thread time in %s, %s in processes).\n",
			percent(x, a), who, percent(y, b));
	else
		fprintf(j->out,
			"On one CPU %s only take turns: the wait is run-queue delay "
			"(%s of thread time).\n",
			threads ? who : "processes", percent(x, threads ? a : b));
}

/* Serial beats everything that shares the work out. */
static void say_serial(struct judge *j)
{
	const struct report_mode *next = NULL;
	struct comparison c;

	if (!j->serial_wins)
		return;
	for (size_t i = 0; i < j->report->n_modes; i++) {
		const struct report_mode *mode = &j->report->modes[i];

		if (mode != j->serial && mode->wall_ns.n &&
		    (!next || mode->wall_ns.median < next->wall_ns.median))
			next = mode;
	}
	c = compare(j->serial, next);
	if (c.relation != RELATION_CLEAR)
		return;
	fputs("Nothing gains here, use SERIAL: ", j->out);
	say_faster(j, &c, next->mode);
	fputs(").\n", j->out);
}

/* The GIL's threads gain because the waiting overlaps; do processes add to that? */
static void say_overlap(struct judge *j)
{
	struct comparison gain = compare(j->gil, j->serial);
	struct comparison c = compare(j->gil, j->processes);
	char a[24], b[24];

	if (gain.relation == RELATION_CLEAR && gain.first_wins) {
		fputs("Threads gain even under a GIL: ", j->out);
		say_faster(j, &gain, "serial");
		fputs("), because the waiting overlaps.\n", j->out);
	} else {
		say_compared(j, &gain, "Under a GIL, ", "threads", "serial");
	}
	switch (c.relation) {
	case RELATION_CLEAR:
		if (c.first_wins)
			fprintf(j->out,
				"Processes buy nothing: GIL threads are %sx faster "
				"(%s-%s).\n",
				times(a, c.ratio), times(b, c.lo), times((char[24]){ 0 }, c.hi));
		else
			fprintf(j->out,
				"Processes still gain: %sx faster than GIL threads "
				"(%s-%s).\n",
				times(a, c.ratio), times(b, c.lo), times((char[24]){ 0 }, c.hi));
		break;
	case RELATION_SAME:
		fprintf(j->out, "Processes buy nothing: same as GIL threads within %u %%.\n",
			c.percent);
		break;
	default:
		say_compared(j, &c, "Under a GIL, ", "threads", "processes");
	}
}

/* Threads under a GIL or processes? Without processes: threads under a GIL or none? */
static void say_choice(struct judge *j)
{
	struct comparison c = compare(j->gil, j->processes), other;
	const char *use = j->serial_wins ? "" : "use ";
	char ratio[24];

	if (c.relation == RELATION_MISSING) {
		c = compare(j->gil, j->serial);
		if (c.relation == RELATION_SAME)
			fprintf(j->out,
				"Under a GIL, threads gain nothing over serial "
				"(same within %u %%).\n",
				c.percent);
		else
			say_compared(j, &c, "Under a GIL, ", "threads", "serial");
		return;
	}
	if (c.relation != RELATION_CLEAR) {
		say_compared(j, &c, "Under a GIL, ", "threads", "processes");
		return;
	}
	if (c.first_wins) {
		fprintf(j->out, "Under a GIL, %s%s ", use, *use ? "THREADS:" : "threads are");
		say_faster(j, &c, "processes");
	} else {
		fprintf(j->out, "Under a GIL, %s%s ", use, *use ? "PROCESSES:" : "processes are");
		say_faster(j, &c, "GIL threads");
	}
	other = j->gil == j->timed ? compare(j->ticks, j->processes) :
				     (struct comparison){ .relation = RELATION_MISSING };
	if (other.relation == RELATION_CLEAR && other.first_wins == c.first_wins)
		fprintf(j->out, "; %sx with gil-ticks", times(ratio, other.ratio));
	else if (other.relation == RELATION_CLEAR)
		fprintf(j->out, "; with gil-ticks %sx slower", times(ratio, other.ratio));
	else if (other.relation != RELATION_MISSING)
		fputs("; no clear difference with gil-ticks", j->out);
	fputs(").\n", j->out);
}

static double all_switches(const struct report_mode *mode)
{
	if (!mode->voluntary.n || !mode->involuntary.n)
		return 0;
	return mode->voluntary.median + mode->involuntary.median;
}

/* The two styles of GIL, when it matters which. */
static void say_styles(struct judge *j)
{
	struct comparison c = compare(j->timed, j->ticks);
	const struct report_mode *fast, *slow;
	char ratio[24], lo[24], hi[24];

	if (c.relation != RELATION_CLEAR || c.ratio < STYLES_DIFFER)
		return;
	fast = c.first_wins ? j->timed : j->ticks;
	slow = c.first_wins ? j->ticks : j->timed;
	fprintf(j->out, "The style of the GIL matters: %s takes %sx as long as %s (%s-%s)",
		slow->mode, times(ratio, c.ratio), fast->mode, times(lo, c.lo), times(hi, c.hi));
	if (!j->report->valid || all_switches(fast) <= 0 ||
	    all_switches(slow) < 2 * all_switches(fast))
		fputs(".\n", j->out);
	else
		fprintf(j->out, ", with %sx as many context switches.\n",
			times(ratio, all_switches(slow) / all_switches(fast)));
}

/* A GIL that is fought over in the kernel: what its waiters do not sleep, it burns. */
static void say_kernel(struct judge *j, const struct report_mode *mode)
{
	double calls = 0, wall = 0;
	char a[24];

	/* Of a job that hardly runs, the kernel's part means nothing. */
	if (!mode || !mode->system_ns.n || !mode->cores_used.n || mode->cores_used.median < BUSY ||
	    mode->system_ns.median < IN_KERNEL * mode->cpu_ns.median)
		return;
	for (size_t i = 0; i < mode->n_locks; i++)
		if (mode->locks[i].kind == LOCK_GIL && mode->locks[i].futex_calls.known)
			calls += mode->locks[i].futex_calls.value;
	for (size_t i = 0; i < mode->wall_ns.n; i++)
		wall += mode->wall_ns.rounds[i];
	/* A job may have other business there; this is about the GIL. */
	if (wall <= 0 || calls * 1e9 / wall < MANY_CALLS)
		return;
	fprintf(j->out,
		"With %s, %s of the CPU time went to the kernel: %.0f futex calls a second pass "
		"the GIL around, most without sleeping.\n",
		mode->mode, percent(a, mode->system_ns.median / mode->cpu_ns.median),
		calls * 1e9 / wall);
}

/* What free threads would do. */
static void say_free(struct judge *j)
{
	struct comparison c = compare(j->threads, j->processes);

	if (c.relation != RELATION_MISSING) {
		say_compared(j, &c, "Without a GIL, ", "threads", "processes");
		return;
	}
	c = compare(j->threads, j->gil);
	if (c.relation != RELATION_MISSING) {
		say_compared(j, &c, "Without a GIL, ", "threads", "GIL threads");
		return;
	}
	c = compare(j->threads, j->serial);
	say_compared(j, &c, "", "Threads", "serial");
	if (!j->threads && !j->gil) {
		c = compare(j->processes, j->serial);
		say_compared(j, &c, "", "Processes", "serial");
	}
}

/* The user's own commands, each against the reference. */
static void say_commands(struct judge *j)
{
	const struct report_mode *reference = report__mode(j->report, j->report->reference);

	for (size_t i = 0; i < j->report->n_modes; i++) {
		const struct report_mode *mode = &j->report->modes[i];
		struct comparison c = compare(mode, reference);
		const char *first = mode->mode, *second;
		char a[24], b[24];

		if (!mode->command || mode == reference || c.relation == RELATION_MISSING)
			continue;
		second = reference->mode;
		switch (c.relation) {
		case RELATION_CLEAR:
			fprintf(j->out, "%s is ", c.first_wins ? first : second);
			say_faster(j, &c, c.first_wins ? second : first);
			fputs(").\n", j->out);
			break;
		case RELATION_POINT:
			if (c.ratio < 1.005) {
				fprintf(j->out, "%s and %s took the same time.\n", first, second);
				break;
			}
			fprintf(j->out, "%s ran %sx as fast as %s.\n",
				c.first_wins ? first : second, times(a, c.ratio),
				c.first_wins ? second : first);
			break;
		case RELATION_SAME:
			fprintf(j->out, "%s does as well as %s (same within %u %%).\n", first,
				second, c.percent);
			break;
		default:
			fprintf(j->out, "No clear difference between %s and %s (%s-%sx).\n", first,
				second, times(a, c.lo), times(b, c.hi));
		}
	}
}

/* Requests that wait for the GIL behind CPU-bound threads: the convoy effect. */
static void say_convoy(struct judge *j)
{
	const char *name = "latency_p99_ns";
	const struct estimate *gil = NULL, *best = NULL;
	const char *where = NULL;
	char a[24];

	for (size_t i = 0; i < j->report->n_modes; i++) {
		const struct report_mode *mode = &j->report->modes[i];

		for (size_t k = 0; k < mode->n_metrics; k++) {
			const struct estimate *value = &mode->metrics[k].value;

			if (strcmp(mode->metrics[k].name, name) || !value->n)
				continue;
			if (mode == j->gil) {
				gil = value;
			} else if (mode != j->ticks && (!best || value->median < best->median)) {
				best = value;
				where = mode->mode;
			}
		}
	}
	if (!gil || !best || best->median <= 0 || gil->median < CONVOY_EFFECT * best->median)
		return;
	fprintf(j->out,
		"Convoy effect: under %s a request takes %.2f ms (p99), %sx as long as in "
		"%s, for each waits for the GIL behind CPU-bound threads.\n",
		j->gil->mode, gil->median / 1e6, times(a, gil->median / best->median), where);
}

/* Why there is no interval, and what to do about it. */
static void say_rounds(struct judge *j)
{
	size_t least = SIZE_MAX;

	for (size_t i = 0; i < j->report->n_modes; i++) {
		if (j->report->modes[i].wall_ns.n < least)
			least = j->report->modes[i].wall_ns.n;
	}
	/* A single command was run once because that is what recording does. */
	if (least >= 3 || (!j->report->job[0] && j->report->n_modes < 2))
		return;
	if (least == 0)
		fputs("Not every mode has a measured round.\n", j->out);
	else
		fprintf(j->out, "%zu round%s: no interval; use -r 5.\n", least,
			least == 1 ? "" : "s");
}

static void say_all(struct judge *j)
{
	const struct report_mode *only = j->report->n_modes == 1 ? &j->report->modes[0] : NULL;
	const struct report_mode *ticks = j->gil == j->timed ? j->ticks : NULL;

	say_warnings(j);
	say_serial(j);
	if (j->gil && waits_overlap(j->gil)) {
		say_overlap(j);
	} else {
		say_turns(j);
		say_choice(j);
	}
	if (j->gil)
		say_spent(j, "GIL threads", j->gil, ticks, true);
	else if (only)
		say_spent(j, "Threads", only, NULL, false);
	else if (j->threads && share(j->threads, ACCOUNT_LOCK) >= WORTH_SAYING)
		say_spent(j, "Threads", j->threads, NULL, false);
	say_styles(j);
	say_kernel(j, j->timed);
	say_kernel(j, j->ticks);
	say_free(j);
	say_convoy(j);
	say_commands(j);
	say_rounds(j);
}

/* The mode of the smallest median wall, or NULL. Sets *clear when it is alone down there. */
static const struct report_mode *fastest(const struct report *report, bool *clear)
{
	const struct report_mode *best = NULL;

	*clear = report->n_modes > 1;
	for (size_t i = 0; i < report->n_modes; i++) {
		const struct estimate *wall = &report->modes[i].wall_ns;

		if (wall->n && (!best || wall->median < best->wall_ns.median))
			best = &report->modes[i];
	}
	for (size_t i = 0; i < report->n_modes; i++) {
		const struct estimate *wall = &report->modes[i].wall_ns;

		if (&report->modes[i] == best)
			*clear = *clear && wall->has_ci;
		else if (!best || !wall->has_ci || best->wall_ns.ci_hi >= wall->ci_lo)
			*clear = false;
	}
	return best;
}

/* How sure it is that `best` is the fastest; memory is the only thing that can fail. */
static int weigh(struct report *report, const struct report_mode *best)
{
	const struct estimate **others;
	size_t n = 0;

	if (!best || report->n_modes < 2)
		return 0;
	others = calloc(report->n_modes, sizeof(*others));
	if (!others)
		return -ENOMEM;
	for (size_t i = 0; i < report->n_modes; i++) {
		if (&report->modes[i] != best)
			others[n++] = &report->modes[i].wall_ns;
	}
	report->verdict.confidence.known = estimate__least_probability(
		&best->wall_ns, others, n, &report->verdict.confidence.value);
	free(others);
	return 0;
}

int verdict__judge(struct report *report)
{
	struct judge j = {
		.report = report,
		.serial = report__mode(report, "serial"),
		.threads = report__mode(report, "threads"),
		.processes = report__mode(report, "processes"),
		.ticks = report__mode(report, "gil-ticks"),
		.timed = report__mode(report, "gil-timed"),
	};
	const struct report_mode *best;
	char *text = NULL;
	size_t size = 0;
	bool clear;
	int err;

	free(report->verdict.text);
	memset(&report->verdict, 0, sizeof(report->verdict));
	j.gil = j.timed ? j.timed : j.ticks;

	best = fastest(report, &clear);
	if (best && clear)
		snprintf(report->verdict.best_mode, sizeof(report->verdict.best_mode), "%s",
			 best->mode);
	j.serial_wins = clear && best && best == j.serial;
	err = weigh(report, best);
	if (err)
		return err;

	j.out = open_memstream(&text, &size);
	if (!j.out)
		return -ENOMEM;
	say_all(&j);
	if (fclose(j.out)) {
		free(text);
		return -ENOMEM;
	}
	if (size && text[size - 1] == '\n')
		text[size - 1] = '\0';
	report->verdict.text = text;
	return 0;
}
