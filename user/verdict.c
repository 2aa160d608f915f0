/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * verdict.c - which mode wins, and what is said around the sentences that say why.
 */
#include "verdict.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "verdict_parts.h"

static void say_warnings(const struct report *report, FILE *out)
{
	unsigned long long wrong = 0;

	if (!report->valid)
		fputs("Warning: events were lost. Walls hold; shares, waits and switches are "
		      "incomplete.\n",
		      out);
	for (size_t i = 0; i < report->n_modes; i++)
		wrong += report->modes[i].tasks_wrong;
	if (wrong)
		fprintf(out, "Warning: %llu result%s of the work itself %s wrong.\n", wrong,
			wrong == 1 ? "" : "s", wrong == 1 ? "was" : "were");
}

/* Why nothing was advised. */
static void say_busy(const struct family *families, size_t n, FILE *out)
{
	const struct report_mode *worst = NULL;
	bool serial = false;
	char share[24];

	for (size_t i = 0; i < n; i++) {
		const struct report_mode *waited = families[i].waited;

		if (!waited || (worst && verdict__queued(waited) <= verdict__queued(worst)))
			continue;
		worst = waited;
		serial = waited == families[i].ways[WAY_SERIAL];
	}
	if (worst)
		fprintf(out,
			"The machine was busy: even %s spent %s of %s time waiting for a CPU. Ask "
			"again when it is quiet.\n",
			serial ? "serial, one thread alone," :
				 "processes, of which there were no more than CPUs,",
			verdict__percent(share, verdict__queued(worst)), serial ? "its" : "their");
}

static bool is_command(const struct report_mode *mode)
{
	return mode->command && !mode->interpreter.name[0];
}

/* The user's own commands, each against the reference. */
static void say_commands(const struct judge *j)
{
	const struct report_mode *reference = report__mode(j->report, j->report->reference);

	for (size_t i = 0; reference && i < j->report->n_modes; i++) {
		const struct report_mode *mode = &j->report->modes[i];

		if (is_command(mode) && mode != reference)
			verdict__say_modes(j, mode, reference);
	}
}

/* Why there is no interval, and what to do about it. */
static void say_rounds(const struct report *report, FILE *out)
{
	size_t least = SIZE_MAX;

	for (size_t i = 0; i < report->n_modes; i++) {
		if (report->modes[i].wall_ns.n < least)
			least = report->modes[i].wall_ns.n;
	}
	/* A single command was run once because that is what recording does. */
	if (least >= 3 || (!report->job[0] && report->n_modes < 2))
		return;
	if (least == 0)
		fputs("Not every mode has a measured round.\n", out);
	else
		fprintf(out, "%zu round%s: no interval; use -r 5.\n", least, least == 1 ? "" : "s");
}

/* Jobs have a mode for each way of doing it, which is a better answer. */
static void say_runtimes(const struct judge *j)
{
	for (size_t i = 0; i < j->report->n_modes; i++)
		if (is_command(&j->report->modes[i]) || !j->report->job[0])
			verdict__say_runtimes(j, &j->report->modes[i]);
}

static int say_all(const struct report *report, const struct family *families, size_t n, FILE *out)
{
	const struct family *first = families;
	const struct judge everyone = { .report = report, .families = &first, .n = 1, .out = out };
	int err = 0;

	say_warnings(report, out);
	if (n == 1)
		err = verdict__say_family(report, families, out);
	else if (n)
		err = verdict__say_families(report, families, n, out);
	say_commands(&everyone);
	say_runtimes(&everyone);
	say_busy(families, n, out);
	say_rounds(report, out);
	return err;
}

/* The modes that are compared with each other. */
struct contest {
	const struct report_mode **modes;
	size_t n;
};

/* Of one family; of all interpreters if `family` is NULL, or of all modes if there is none. */
static int contest__of(struct contest *contest, const struct report *report, const char *family)
{
	bool interpreters = false;

	contest->n = 0;
	contest->modes = calloc(report->n_modes + 1, sizeof(*contest->modes));
	if (!contest->modes)
		return -ENOMEM;
	for (size_t i = 0; i < report->n_modes; i++)
		interpreters |= report_mode__family(&report->modes[i])[0] != '\0';
	for (size_t i = 0; i < report->n_modes; i++) {
		const char *of = report_mode__family(&report->modes[i]);

		/* The same work takes convoy's own machine other instructions. */
		if (family ? !strcmp(of, family) : (of[0] || !interpreters))
			contest->modes[contest->n++] = &report->modes[i];
	}
	return 0;
}

/* The mode of the smallest median wall, or NULL. Sets *clear when it is alone down there. */
static const struct report_mode *fastest(const struct contest *contest, bool *clear)
{
	const struct report_mode *best = NULL;

	*clear = contest->n > 1;
	for (size_t i = 0; i < contest->n; i++) {
		const struct report_mode *mode = contest->modes[i];

		if (mode->wall_ns.n && (!best || mode->wall_ns.median < best->wall_ns.median))
			best = mode;
	}
	for (size_t i = 0; i < contest->n; i++) {
		const struct estimate *wall = &contest->modes[i]->wall_ns;

		if (contest->modes[i] == best)
			*clear = *clear && wall->has_ci;
		else if (!best || !wall->has_ci || best->wall_ns.ci_hi >= wall->ci_lo)
			*clear = false;
	}
	return best;
}

/* How sure it is that `best` is the fastest; memory is the only thing that can fail. */
static int weigh(const struct contest *contest, const struct report_mode *best,
		 struct maybe *confidence)
{
	const struct estimate **others;
	size_t n = 0;

	*confidence = (struct maybe){ .known = false };
	if (!best || contest->n < 2)
		return 0;
	others = calloc(contest->n, sizeof(*others));
	if (!others)
		return -ENOMEM;
	for (size_t i = 0; i < contest->n; i++) {
		if (contest->modes[i] != best)
			others[n++] = &contest->modes[i]->wall_ns;
	}
	confidence->known =
		estimate__least_probability(&best->wall_ns, others, n, &confidence->value);
	free(others);
	return 0;
}

/* Who wins: the best mode and how sure that is; whether it is clear, is for the caller, too. */
static int decide(const struct report *report, const char *family, const struct report_mode **best,
		  bool *clear, struct maybe *confidence)
{
	struct contest contest;
	int err;

	err = contest__of(&contest, report, family);
	if (err)
		return err;
	*best = fastest(&contest, clear);
	err = weigh(&contest, *best, confidence);
	free(contest.modes);
	return err;
}

/* Of all families that compete. */
static int decide_all(struct report *report, const struct family *families, size_t n)
{
	const struct report_mode *best;
	bool clear, interpreters = false;
	int err = decide(report, NULL, &best, &clear, &report->verdict.confidence);

	if (err)
		return err;
	for (size_t i = 0; i < n; i++)
		interpreters |= families[i].name[0] != '\0';
	for (size_t i = 0; i < n; i++)
		clear = clear && (!families[i].waited || (interpreters && !families[i].name[0]));
	if (best && clear)
		snprintf(report->verdict.best_mode, sizeof(report->verdict.best_mode), "%s",
			 best->mode);
	return 0;
}

/* Ends what is said with the last sentence, not with an empty line. */
static int close_text(FILE *out, char **text, const size_t *size)
{
	if (fclose(out)) {
		free(*text);
		*text = NULL;
		return -ENOMEM;
	}
	if (*size && (*text)[*size - 1] == '\n')
		(*text)[*size - 1] = '\0';
	return 0;
}

static int judge_family(const struct report *report, struct family *family,
			struct report_family *to)
{
	size_t size = 0;
	FILE *out;
	int err;

	snprintf(to->name, sizeof(to->name), "%s", family->name);
	err = decide(report, family->name, &family->best, &family->clear, &to->confidence);
	if (err)
		return err;
	family->clear = family->clear && !family->waited;
	if (family->best && family->clear)
		snprintf(to->best_mode, sizeof(to->best_mode), "%s", family->best->mode);
	out = open_memstream(&to->text, &size);
	if (!out)
		return -ENOMEM;
	err = verdict__say_family(report, family, out);
	return close_text(out, &to->text, &size) ? -ENOMEM : err;
}

static int judge_all(struct report *report, struct family *families, size_t n)
{
	struct report_family *told = calloc(n + 1, sizeof(*told));
	size_t size = 0;
	FILE *out;
	int err;

	report->verdict.families = told;
	report->verdict.n_families = told ? n : 0;
	err = told ? decide_all(report, families, n) : -ENOMEM;
	for (size_t i = 0; i < n && !err; i++)
		err = judge_family(report, &families[i], &told[i]);
	if (err)
		return err;
	out = open_memstream(&report->verdict.text, &size);
	if (!out)
		return -ENOMEM;
	err = say_all(report, families, n, out);
	return close_text(out, &report->verdict.text, &size) ? -ENOMEM : err;
}

int verdict__judge(struct report *report)
{
	struct family *families;
	size_t n;
	int err;

	report__forget_verdict(report);
	err = verdict__families(report, &families, &n);
	if (!err)
		err = judge_all(report, families, n);
	free(families);
	return err;
}
