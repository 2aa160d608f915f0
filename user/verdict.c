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

#include "contention.h"
#include "verdict_parts.h"

#define IN_KERNEL 0.15		/* share of CPU time from which the kernel is worth a sentence */
#define MANY_CALLS 100000	/* futex calls a second that cost a CPU a tenth of its time */
#define BUSY 0.5		/* cores in use from which a mode is one that computes */
#define CONVOY_EFFECT 3		/* latency under the GIL over the best without it */
#define STYLES_DIFFER 1.2	/* wall of one GIL style over the other */

/* "1.93x faster than GIL threads (1.89-1.97" : the caller closes the bracket. */
static void say_faster(struct judge *j, const struct comparison *c, const char *slower)
{
	char ratio[24], lo[24], hi[24];

	fprintf(j->out, "%sx faster than %s (%s-%s", verdict__times(ratio, c->ratio), slower,
		verdict__times(lo, c->lo), verdict__times(hi, c->hi));
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
				c->first_wins ? first : second, verdict__times(a, c->ratio),
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
			second, verdict__times(a, c->lo), verdict__times(b, c->hi));
		return;
	}
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
	double a = verdict__queued(threads), b = verdict__queued(j->processes);
	char x[24], y[24];

	if (j->report->host.cpus_usable != 1 || fmax(a, b) < WORTH_SAYING)
		return;
	if (threads && j->processes)
		fprintf(j->out,
			"On one CPU threads and processes only take turns: the wait is "
			"run-queue delay (%s of thread time in %s, %s in processes).\n",
			verdict__percent(x, a), who, verdict__percent(y, b));
	else
		fprintf(j->out,
			"On one CPU %s only take turns: the wait is run-queue delay "
			"(%s of thread time).\n",
			threads ? who : "processes", verdict__percent(x, threads ? a : b));
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
	c = verdict__compare(j->serial, next);
	if (c.relation != RELATION_CLEAR)
		return;
	fputs("Nothing gains here, use SERIAL: ", j->out);
	say_faster(j, &c, next->mode);
	fputs(").\n", j->out);
}

/* The GIL's threads gain because the waiting overlaps; do processes add to that? */
static void say_overlap(struct judge *j)
{
	struct comparison gain = verdict__compare(j->gil, j->serial);
	struct comparison c = verdict__compare(j->gil, j->processes);
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
				verdict__times(a, c.ratio), verdict__times(b, c.lo),
				verdict__times((char[24]){ 0 }, c.hi));
		else
			fprintf(j->out,
				"Processes still gain: %sx faster than GIL threads "
				"(%s-%s).\n",
				verdict__times(a, c.ratio), verdict__times(b, c.lo),
				verdict__times((char[24]){ 0 }, c.hi));
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
	struct comparison c = verdict__compare(j->gil, j->processes), other;
	const char *use = j->serial_wins ? "" : "use ";
	char ratio[24];

	if (c.relation == RELATION_MISSING) {
		c = verdict__compare(j->gil, j->serial);
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
	other = j->gil == j->timed ? verdict__compare(j->ticks, j->processes) :
				     (struct comparison){ .relation = RELATION_MISSING };
	if (other.relation == RELATION_CLEAR && other.first_wins == c.first_wins)
		fprintf(j->out, "; %sx with gil-ticks", verdict__times(ratio, other.ratio));
	else if (other.relation == RELATION_CLEAR)
		fprintf(j->out, "; with gil-ticks %sx slower", verdict__times(ratio, other.ratio));
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
	struct comparison c = verdict__compare(j->timed, j->ticks);
	const struct report_mode *fast, *slow;
	char ratio[24], lo[24], hi[24];

	if (c.relation != RELATION_CLEAR || c.ratio < STYLES_DIFFER)
		return;
	fast = c.first_wins ? j->timed : j->ticks;
	slow = c.first_wins ? j->ticks : j->timed;
	fprintf(j->out, "The style of the GIL matters: %s takes %sx as long as %s (%s-%s)",
		slow->mode, verdict__times(ratio, c.ratio), fast->mode, verdict__times(lo, c.lo),
		verdict__times(hi, c.hi));
	if (!j->report->valid || all_switches(fast) <= 0 ||
	    all_switches(slow) < 2 * all_switches(fast))
		fputs(".\n", j->out);
	else
		fprintf(j->out, ", with %sx as many context switches.\n",
			verdict__times(ratio, all_switches(slow) / all_switches(fast)));
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
		mode->mode, verdict__percent(a, mode->system_ns.median / mode->cpu_ns.median),
		calls * 1e9 / wall);
}

/* What free threads would do. */
static void say_free(struct judge *j)
{
	struct comparison c = verdict__compare(j->threads, j->processes);

	if (c.relation != RELATION_MISSING) {
		say_compared(j, &c, "Without a GIL, ", "threads", "processes");
		return;
	}
	c = verdict__compare(j->threads, j->gil);
	if (c.relation != RELATION_MISSING) {
		say_compared(j, &c, "Without a GIL, ", "threads", "GIL threads");
		return;
	}
	c = verdict__compare(j->threads, j->serial);
	say_compared(j, &c, "", "Threads", "serial");
	if (!j->threads && !j->gil) {
		c = verdict__compare(j->processes, j->serial);
		say_compared(j, &c, "", "Processes", "serial");
	}
}

/* The user's own commands, each against the reference. */
static void say_commands(struct judge *j)
{
	const struct report_mode *reference = report__mode(j->report, j->report->reference);

	for (size_t i = 0; i < j->report->n_modes; i++) {
		const struct report_mode *mode = &j->report->modes[i];
		struct comparison c = verdict__compare(mode, reference);
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
				c.first_wins ? first : second, verdict__times(a, c.ratio),
				c.first_wins ? second : first);
			break;
		case RELATION_SAME:
			fprintf(j->out, "%s does as well as %s (same within %u %%).\n", first,
				second, c.percent);
			break;
		default:
			fprintf(j->out, "No clear difference between %s and %s (%s-%sx).\n", first,
				second, verdict__times(a, c.lo), verdict__times(b, c.hi));
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
		j->gil->mode, gil->median / 1e6, verdict__times(a, gil->median / best->median),
		where);
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

/* Waits for its GIL are told from those for other locks. */
static bool knows_gil(const struct report_mode *mode)
{
	return report_mode__gils(mode).wait_ns > 0;
}

/* Jobs have a mode for each way of doing it, which is a better answer. */
static void say_runtimes(struct judge *j)
{
	for (size_t i = 0; i < j->report->n_modes; i++)
		if (j->report->modes[i].command || !j->report->job[0])
			verdict__say_runtimes(j, &j->report->modes[i]);
}

static void say_all(struct judge *j)
{
	const struct report_mode *only = j->report->n_modes == 1 ? &j->report->modes[0] : NULL;
	const struct report_mode *ticks = j->gil == j->timed ? j->ticks : NULL;

	say_warnings(j);
	say_serial(j);
	if (j->gil && verdict__waits_overlap(j->gil)) {
		say_overlap(j);
	} else {
		say_turns(j);
		say_choice(j);
	}
	if (j->gil)
		verdict__say_spent(j, "GIL threads", j->gil, ticks, true);
	else if (only)
		verdict__say_spent(j, "Threads", only, NULL, knows_gil(only));
	else if (j->threads && verdict__share(j->threads, ACCOUNT_LOCK) >= WORTH_SAYING)
		verdict__say_spent(j, "Threads", j->threads, NULL, false);
	say_styles(j);
	say_kernel(j, j->timed);
	say_kernel(j, j->ticks);
	say_free(j);
	say_convoy(j);
	say_commands(j);
	say_runtimes(j);
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
