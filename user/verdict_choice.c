// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * verdict_choice.c - serial, threads or processes: the sentences that say which.
 *
 * Each is said of one family of modes or of several that came out alike, and does not know
 * which (struct judge).
 */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "contention.h"
#include "verdict_parts.h"

#define TOOK_AS_LONG 1.005	/* a ratio below it is printed as 1.00 */
#define STARTS_LONG 0.25	/* of a wall, before the first task */
#define POOL_MATTERS 1.10	/* a pool over processes that are started for each task */

static const char *const pool = "a pool";

/* The first letter of what begins a sentence: of `word`, unless `before` has begun it. */
static int first_letter(const char *before, const char *word)
{
	return *before ? word[0] : toupper((unsigned char)word[0]);
}

static bool is_one(const char *noun)
{
	return !strcmp(noun, "serial") || noun == pool;
}

/* What holds, or what only was so while the machine did other things as well. */
static const char *is_or_are(const struct judge *j, const char *noun)
{
	if (j->busy)
		return is_one(noun) ? "was" : "were";
	return is_one(noun) ? "is" : "are";
}

/* "1.93x faster than threads (1.89-1.97; more)": the interval is of one family only. */
static void say_faster(const struct judge *j, const struct comparison *c, const char *slower,
		       const char *more)
{
	char ratio[VERDICT_RANGE], lo[24], hi[24];

	fprintf(j->out, "%s faster than %s%s", verdict__times_range(ratio, &c->ratio), slower,
		j->busy ? " this time" : "");
	if (j->n == 1)
		fprintf(j->out, " (%s-%s%s)", verdict__times(lo, c->lo), verdict__times(hi, c->hi),
			more);
}

/* The whole sentence that compares two kinds of worker, for every outcome but a named best. */
static void say_compared(const struct judge *j, const struct comparison *c, const char *under,
			 const char *first, const char *second)
{
	const char *faster = c->first_wins ? first : second;
	const char *slower = c->first_wins ? second : first;
	char a[VERDICT_RANGE], lo[24], hi[24];

	switch (c->relation) {
	case RELATION_MISSING:
		return;
	case RELATION_POINT:
		if (c->ratio.most < TOOK_AS_LONG)
			fprintf(j->out, "%s%c%s and %s took the same time.\n", under,
				first_letter(under, first), first + 1, second);
		else
			fprintf(j->out, "%s%c%s ran %s as fast as %s.\n", under,
				first_letter(under, faster), faster + 1,
				verdict__times_range(a, &c->ratio), slower);
		return;
	case RELATION_CLEAR:
		fprintf(j->out, "%s%c%s %s ", under, first_letter(under, faster), faster + 1,
			is_or_are(j, faster));
		say_faster(j, c, slower, "");
		fputs(".\n", j->out);
		return;
	case RELATION_SAME:
		fprintf(j->out, "%s%c%s %s as well as %s (same within %u %%).\n", under,
			first_letter(under, first), first + 1, is_one(first) ? "does" : "do",
			second, c->percent);
		return;
	case RELATION_OPEN:
		fprintf(j->out, "%s%co clear difference between %s and %s", under,
			first_letter(under, "n"), first, second);
		if (j->n == 1)
			fprintf(j->out, " (%s-%sx)", verdict__times(lo, c->lo),
				verdict__times(hi, c->hi));
		fputs(".\n", j->out);
		return;
	}
}

enum way verdict__threads(const struct family *family)
{
	return family->ways[WAY_GIL] ? WAY_GIL : WAY_THREADS;
}

bool verdict__work_waits(const struct family *family)
{
	const struct report_mode *threads = family->ways[WAY_GIL];

	/* Of convoy's own machine, threads without a GIL are told of by themselves. */
	if (!threads && family->name[0])
		threads = family->ways[WAY_THREADS];
	return threads && verdict__waits_overlap(threads);
}

bool verdict__serial_wins(const struct family *family)
{
	return family->clear && family->best == family->ways[WAY_SERIAL];
}

/* On one CPU nothing runs in parallel: what used to be a wait is run-queue delay. */
static void say_turns(const struct judge *j)
{
	enum way way = j->families[0]->ways[WAY_THREADS] ? WAY_THREADS : WAY_GIL;
	const char *who = way == WAY_THREADS ? "threads" : j->gil_threads;
	struct range threads = { 0 }, processes = { 0 };
	char a[VERDICT_RANGE], b[VERDICT_RANGE];
	bool both = false, any = false;

	if (j->report->host.cpus_usable != 1)
		return;
	for (size_t i = 0; i < j->n; i++) {
		const struct family *family = j->families[i];
		double x = verdict__queued(family->ways[way]);
		double y = verdict__queued(family->ways[WAY_PROCESSES]);

		if (fmax(x, y) < WORTH_SAYING)
			return;
		any = family->ways[way];
		both = any && family->ways[WAY_PROCESSES];
		verdict__widen(&threads, x, family->label, i == 0);
		verdict__widen(&processes, y, family->label, i == 0);
	}
	if (both)
		fprintf(j->out,
			"On one CPU threads and processes only take turns: the wait is "
			"run-queue delay (%s of thread time in %s, %s in processes).\n",
			verdict__percent_range(a, &threads), who,
			verdict__percent_range(b, &processes));
	else
		fprintf(j->out,
			"On one CPU %s only take turns: the wait is run-queue delay "
			"(%s of thread time).\n",
			any ? who : "processes",
			verdict__percent_range(a, any ? &threads : &processes));
}

/* The family's fastest mode but for the serial one; NULL if there is none. */
static const struct report_mode *next_best(const struct judge *j, const struct family *family)
{
	const struct report_mode *next = NULL;

	for (size_t i = 0; i < j->report->n_modes; i++) {
		const struct report_mode *mode = &j->report->modes[i];

		if (mode != family->ways[WAY_SERIAL] && mode->wall_ns.n &&
		    !strcmp(report_mode__family(mode), family->name) &&
		    (!next || mode->wall_ns.median < next->wall_ns.median))
			next = mode;
	}
	return next;
}

/* Serial beats everything that shares the work out. */
static void say_serial(const struct judge *j)
{
	struct comparison all = { .relation = RELATION_MISSING };
	const char *slower = NULL;

	for (size_t i = 0; i < j->n; i++) {
		const struct family *family = j->families[i];
		const struct report_mode *next = next_best(j, family);
		struct comparison one;

		if (!verdict__serial_wins(family) || !next)
			return;
		one = verdict__compare(family->ways[WAY_SERIAL], next);
		if (one.relation != RELATION_CLEAR ||
		    !verdict__merge(&all, &one, family->label, i == 0))
			return;
		if (!slower)
			slower = report_mode__kind(next);
		else if (strcmp(slower, report_mode__kind(next)) != 0)
			slower = "the next best";
	}
	if (!slower)
		return;
	fputs("Nothing gains here, use SERIAL: ", j->out);
	say_faster(j, &all, slower, "");
	fputs(".\n", j->out);
}

/* Threads gain because the waiting overlaps; do processes add to that? */
static void say_overlap(const struct judge *j, enum way threads)
{
	struct comparison gain = verdict__compare_ways(j, threads, WAY_SERIAL);
	struct comparison c = verdict__compare_ways(j, threads, WAY_PROCESSES);
	char range[VERDICT_RANGE];

	if (gain.relation == RELATION_CLEAR && gain.first_wins) {
		fprintf(j->out, "Threads gain%s: ", threads == WAY_GIL ? " even under a GIL" : "");
		say_faster(j, &gain, "serial", "");
		fputs(", because the waiting overlaps.\n", j->out);
	} else {
		say_compared(j, &gain, j->under, "threads", "serial");
	}
	switch (c.relation) {
	case RELATION_CLEAR:
		if (c.first_wins)
			fprintf(j->out, "Processes buy nothing: %s %s %s faster%s", j->gil_threads,
				is_or_are(j, "threads"), verdict__times_range(range, &c.ratio),
				j->busy ? " this time" : "");
		else
			fprintf(j->out, "Processes still gain: %s faster than %s%s",
				verdict__times_range(range, &c.ratio), j->gil_threads,
				j->busy ? " this time" : "");
		if (j->n == 1)
			fprintf(j->out, " (%s-%s)", verdict__times((char[24]){ 0 }, c.lo),
				verdict__times((char[24]){ 0 }, c.hi));
		fputs(".\n", j->out);
		break;
	case RELATION_SAME:
		fprintf(j->out, "Processes buy nothing: same as %s within %u %%.\n", j->gil_threads,
			c.percent);
		break;
	default:
		say_compared(j, &c, j->under, "threads", "processes");
	}
}

/* Of several: those whose threads are slower than serial, or that none of them gains. */
static void say_slower(const struct judge *j, const struct comparison *all)
{
	struct judge slower = *j;
	struct range range = { 0 };
	char words[VERDICT_RANGE];
	const struct family **families = calloc(j->n, sizeof(*families));

	/* Without memory for it, open_memstream() has none either, and tells of it. */
	if (!families)
		return;
	slower.families = families;
	slower.n = 0;
	for (size_t i = 0; i < j->n; i++) {
		const struct family *family = j->families[i];
		struct comparison c =
			verdict__compare(family->ways[WAY_GIL], family->ways[WAY_SERIAL]);
		bool clear = c.relation == RELATION_CLEAR && c.ratio.least >= GAIN_MATTERS;

		if (c.first_wins || (!clear && c.relation != RELATION_POINT))
			continue;
		families[slower.n] = family;
		verdict__widen(&range, c.ratio.least, family->label, slower.n++ == 0);
	}
	if (slower.n) {
		if (slower.n < j->n) {
			fputs("In ", j->out);
			verdict__say_names(&slower);
			fputc(' ', j->out);
		}
		fprintf(j->out, "%chreads %s %s as long as serial.\n", slower.n < j->n ? 't' : 'T',
			j->busy ? "took" : "take", verdict__times_range(words, &range));
	} else if (all->relation == RELATION_SAME) {
		fprintf(j->out, "Threads gain nothing over serial (same within %u %%).\n",
			all->percent);
	}
	free(families);
}

/* What threads do against serial, where processes are the answer. */
static void say_against_serial(const struct judge *j)
{
	struct comparison c = verdict__compare_ways(j, WAY_GIL, WAY_SERIAL);

	if (j->n > 1)
		say_slower(j, &c);
	else if (c.relation == RELATION_SAME)
		fprintf(j->out, "Threads gain nothing over serial (same within %u %%).\n",
			c.percent);
	else
		say_compared(j, &c, "", "threads", "serial");
}

/* The other style of GIL against processes, for the bracket of the first: "; 3.04x with ...". */
static const char *other_style(const struct judge *j, const struct comparison *c, char *buf,
			       size_t size)
{
	const struct family *family = j->families[0];
	struct comparison other = { .relation = RELATION_MISSING };
	char ratio[VERDICT_RANGE];

	buf[0] = '\0';
	if (j->n == 1 && family->ways[WAY_GIL] == family->ways[WAY_TIMED])
		other = verdict__compare_ways(j, WAY_TICKS, WAY_PROCESSES);
	if (other.relation == RELATION_MISSING)
		return buf;
	verdict__times_range(ratio, &other.ratio);
	if (other.relation != RELATION_CLEAR)
		snprintf(buf, size, "; no clear difference with gil-ticks");
	else if (other.first_wins == c->first_wins)
		snprintf(buf, size, "; %s with gil-ticks", ratio);
	else
		snprintf(buf, size, "; with gil-ticks %s slower", ratio);
	return buf;
}

/* Under its GIL one thread ran at a time, and none had anything to wait for meanwhile. */
static bool took_turns(const struct judge *j, const struct report_mode *gil)
{
	struct gil_outlook outlook;

	if (!gil)
		return false;
	outlook = report_mode__outlook(j->report, gil);
	return outlook.known && outlook.ran < GAIN_MATTERS &&
	       verdict__share(gil, ACCOUNT_SLEEP) + verdict__share(gil, ACCOUNT_IO) +
			       verdict__share(gil, ACCOUNT_DISK) <
		       WORTH_SAYING;
}

/*
 * Threads that beat processes, and not serial, are nothing to use. If they cannot have done
 * more than serial did, they did not beat that either, whatever the walls are.
 */
static bool worth_threads(const struct judge *j)
{
	struct comparison c;

	for (size_t i = 0; i < j->n; i++) {
		const struct family *family = j->families[i];

		c = verdict__compare(family->ways[verdict__threads(family)],
				     family->ways[WAY_SERIAL]);
		if (took_turns(j, family->ways[WAY_GIL]))
			return false;
		if (c.relation != RELATION_MISSING &&
		    (c.relation != RELATION_CLEAR || !c.first_wins || c.ratio.least < GAIN_MATTERS))
			return false;
	}
	return true;
}

/* "PROCESSES: 1.93x faster than threads (..)", or THREADS, or no advice if serial is best. */
static void say_use(const struct judge *j, const struct comparison *c, const char *under,
		    const char *threads)
{
	const char *faster = c->first_wins ? "threads" : "processes";
	char more[VERDICT_RANGE + 32];

	fputs(under, j->out);
	if (j->busy || verdict__serial_wins(j->families[0]) || (c->first_wins && !worth_threads(j)))
		fprintf(j->out, "%c%s %s ", first_letter(under, faster), faster + 1,
			is_or_are(j, faster));
	else
		fprintf(j->out, "%cse %s: ", first_letter(under, "u"),
			c->first_wins ? "THREADS" : "PROCESSES");
	say_faster(j, c, c->first_wins ? "processes" : threads,
		   other_style(j, c, more, sizeof(more)));
	fputs(".\n", j->out);
}

/* The part of the walls that was over before the first task began; 0 where that is not known. */
static double starting(const struct report_mode *mode)
{
	double first_ns = 0, wall_ns = 0;

	for (size_t round = 0; round < mode->wall_ns.n; round++) {
		double first = INFINITY;

		for (size_t i = 0; i < mode->n_tasks; i++)
			if (mode->tasks[i].round == round)
				first = fmin(first, (double)mode->tasks[i].start_ns);
		if (!isfinite(first))
			return 0;
		first_ns += first;
		wall_ns += mode->wall_ns.rounds[round];
	}
	return wall_ns > 0 ? first_ns / wall_ns : 0;
}

/* Processes that took longer to start than their work is worth. */
static void say_start(const struct judge *j)
{
	struct range share = { 0 };
	char words[VERDICT_RANGE];

	for (size_t i = 0; i < j->n; i++) {
		const struct report_mode *processes = j->families[i]->ways[WAY_PROCESSES];
		double value = processes ? starting(processes) : 0;

		if (value < STARTS_LONG)
			return;
		verdict__widen(&share, value, j->families[i]->label, i == 0);
	}
	fprintf(j->out,
		"%s of the wall of processes was over before their first task began: with more "
		"work (-n) that would be less.\n",
		verdict__percent_range(words, &share));
}

/* Threads under a GIL or processes? Without processes: threads under a GIL or none? */
static void say_threads_or_processes(const struct judge *j)
{
	struct comparison c = verdict__compare_ways(j, WAY_GIL, WAY_PROCESSES);

	if (c.relation == RELATION_MISSING) {
		c = verdict__compare_ways(j, WAY_GIL, WAY_SERIAL);
		/* If serial was best, that has been said, and by how much. */
		if (c.relation == RELATION_CLEAR && verdict__serial_wins(j->families[0]))
			return;
		if (c.relation == RELATION_SAME)
			fprintf(j->out,
				"%s%chreads gain nothing over serial "
				"(same within %u %%).\n",
				j->under, first_letter(j->under, "t"), c.percent);
		else
			say_compared(j, &c, j->under, "threads", "serial");
		return;
	}
	if (c.relation == RELATION_CLEAR)
		say_use(j, &c, j->under, j->gil_threads);
	else
		say_compared(j, &c, j->under, "threads", "processes");
	if (c.relation != RELATION_CLEAR || c.first_wins || verdict__serial_wins(j->families[0]))
		say_start(j);
	/* Of convoy's own machine there is the table, and a sentence on each style of GIL. */
	if (j->families[0]->name[0] && !verdict__serial_wins(j->families[0]))
		say_against_serial(j);
}

void verdict__say_choice(const struct judge *j)
{
	say_serial(j);
	if (verdict__work_waits(j->families[0])) {
		say_overlap(j, verdict__threads(j->families[0]));
	} else {
		say_turns(j);
		say_threads_or_processes(j);
	}
}

/* What free threads of convoy's own machine do, beside those under a GIL. */
static void say_without(const struct judge *j)
{
	struct comparison c = verdict__compare_ways(j, WAY_THREADS, WAY_PROCESSES);

	if (c.relation != RELATION_MISSING) {
		say_compared(j, &c, j->without, "threads", "processes");
		return;
	}
	c = verdict__compare_ways(j, WAY_THREADS, WAY_GIL);
	if (c.relation != RELATION_MISSING) {
		say_compared(j, &c, j->without, "threads", j->gil_threads);
		return;
	}
	c = verdict__compare_ways(j, WAY_THREADS, WAY_SERIAL);
	say_compared(j, &c, "", "threads", "serial");
}

/* An interpreter whose threads are free: are they worth it? */
static void say_free(const struct judge *j)
{
	struct comparison gain = verdict__compare_ways(j, WAY_THREADS, WAY_SERIAL);
	struct comparison c = verdict__compare_ways(j, WAY_THREADS, WAY_PROCESSES);
	bool serial = verdict__serial_wins(j->families[0]);

	if (c.relation == RELATION_CLEAR) {
		say_use(j, &c, "", "threads");
	} else if (gain.relation == RELATION_CLEAR && gain.first_wins && !j->busy) {
		fputs("Use THREADS: ", j->out);
		say_faster(j, &gain, "serial", "");
		fputs(".\n", j->out);
		say_compared(j, &c, "", "threads", "processes");
		return;
	} else {
		say_compared(j, &c, "", "threads", "processes");
	}
	if (!serial || c.relation == RELATION_MISSING)
		say_compared(j, &gain, "", "threads", "serial");
}

/* Processes that are kept for the next task, where that makes a difference. */
static void say_pool(const struct judge *j)
{
	enum way threads = verdict__threads(j->families[0]);
	struct comparison c = verdict__compare_ways(j, WAY_POOL, WAY_PROCESSES);

	if (j->families[0]->ways[WAY_PROCESSES]) {
		if (c.relation == RELATION_CLEAR && c.ratio.most >= POOL_MATTERS)
			say_compared(j, &c, "", pool, "processes");
		return;
	}
	c = verdict__compare_ways(j, threads, WAY_POOL);
	say_compared(j, &c, "", threads == WAY_GIL ? j->gil_threads : "threads", pool);
}

void verdict__say_others(const struct judge *j)
{
	const struct family *family = j->families[0];
	struct comparison c;

	if (!family->name[0])
		say_without(j);
	else if (family->ways[WAY_THREADS] && !verdict__work_waits(family))
		say_free(j);
	if (!family->ways[WAY_THREADS] && !family->ways[WAY_GIL]) {
		c = verdict__compare_ways(j, WAY_PROCESSES, WAY_SERIAL);
		say_compared(j, &c, "", "processes", "serial");
	}
	say_pool(j);
}

void verdict__say_modes(const struct judge *j, const struct report_mode *mode,
			const struct report_mode *reference)
{
	struct comparison c = verdict__compare(mode, reference);
	const char *faster = c.first_wins ? mode->mode : reference->mode;
	const char *slower = c.first_wins ? reference->mode : mode->mode;
	char ratio[VERDICT_RANGE], a[24], b[24];

	switch (c.relation) {
	case RELATION_MISSING:
		break;
	case RELATION_CLEAR:
		fprintf(j->out, "%s is ", faster);
		say_faster(j, &c, slower, "");
		fputs(".\n", j->out);
		break;
	case RELATION_POINT:
		if (c.ratio.most < TOOK_AS_LONG)
			fprintf(j->out, "%s and %s took the same time.\n", mode->mode,
				reference->mode);
		else
			fprintf(j->out, "%s ran %s as fast as %s.\n", faster,
				verdict__times_range(ratio, &c.ratio), slower);
		break;
	case RELATION_SAME:
		fprintf(j->out, "%s does as well as %s (same within %u %%).\n", mode->mode,
			reference->mode, c.percent);
		break;
	case RELATION_OPEN:
		fprintf(j->out, "No clear difference between %s and %s (%s-%sx).\n", mode->mode,
			reference->mode, verdict__times(a, c.lo), verdict__times(b, c.hi));
	}
}
