// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * render_text_modes.c - the table of modes, and the bars below it: how long each took, and
 * where its threads' time went.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "outside.h"
#include "render_text.h"

#define BAR_LEAST 10
#define BAR_MOST 40

/* The kinds of thread time that a bar shows. */
enum bar { BAR_RUNNING, BAR_RUNNABLE, BAR_LOCK, BAR_SLEEP, BAR_OTHER, BAR_COUNT };

static const struct {
	char cell;
	const char *name;
	const char *color;
} bars[BAR_COUNT] = {
	[BAR_RUNNING] = { '#', "running", "\033[32m" },
	[BAR_RUNNABLE] = { '~', "runnable", "\033[33m" },
	[BAR_LOCK] = { 'L', "lock", "\033[31m" },
	[BAR_SLEEP] = { 's', "sleep", "\033[34m" },
	[BAR_OTHER] = { '.', "other waiting", "\033[36m" },
};

static const enum bar bar_of[ACCOUNT_COUNT] = {
	[ACCOUNT_RUNNING] = BAR_RUNNING,
	[ACCOUNT_PREEMPTED] = BAR_RUNNABLE,
	[ACCOUNT_WAKEUP] = BAR_RUNNABLE,
	[ACCOUNT_LOCK] = BAR_LOCK,
	[ACCOUNT_COND] = BAR_OTHER,
	[ACCOUNT_JOIN] = BAR_OTHER,
	[ACCOUNT_SLEEP] = BAR_SLEEP,
	[ACCOUNT_IO] = BAR_OTHER,
	[ACCOUNT_DISK] = BAR_OTHER,
	[ACCOUNT_CHILD] = BAR_OTHER,
	[ACCOUNT_FAULT] = BAR_OTHER,
	[ACCOUNT_STOPPED] = BAR_OTHER,
	[ACCOUNT_OTHER] = BAR_OTHER,
};

/* "1.02 s +-1 %": the median and half its interval. */
static void wall_cell(struct text_table *table, const struct text *text,
		      const struct estimate *wall)
{
	char duration[TEXT_CELL], half[TEXT_CELL];

	if (!wall->n)
		text_table__cell(table, "-");
	else if (!wall->has_ci || wall->median <= 0)
		text_table__cell(table, "%s", text__duration(duration, wall->median));
	else
		text_table__cell(table, "%s %s%s", text__duration(duration, wall->median),
				 text->options->utf8 ? "\u00b1" : "+-",
				 text__half_width(half,
						  (wall->ci_hi - wall->ci_lo) / 2 / wall->median));
}

static void estimate_cell(struct text_table *table, const struct estimate *estimate, int digits)
{
	if (estimate->n)
		text_table__cell(table, "%.*f", digits, estimate->median);
	else
		text_table__cell(table, "-");
}

/* A share of the workers' lives by other witnesses than the probes. */
static void own_share_cell(struct text_table *table, struct maybe part, struct maybe whole)
{
	char buf[TEXT_CELL];

	if (part.known && whole.known && whole.value > 0)
		text_table__cell(table, "%s", text__percent(buf, part.value / whole.value));
	else
		text_table__cell(table, "-");
}

/* `label`: what it is called, harmless. */
static void mode_row(struct text *text, struct text_table *table, const struct report_mode *mode,
		     const char *label)
{
	uint64_t queue =
		mode->worker_time_ns[ACCOUNT_PREEMPTED] + mode->worker_time_ns[ACCOUNT_WAKEUP];
	char buf[TEXT_CELL];

	text_table__cell(table, "%s", label);
	wall_cell(table, text, &mode->wall_ns);
	if (mode->speedup.known)
		text_table__cell(table, "%.2f", mode->speedup.value);
	else
		text_table__cell(table, "-");
	estimate_cell(table, &mode->cores_used, 2);
	text_table__cell(table, "%s",
			 text__percent(buf, mode->cpu_util.n ? mode->cpu_util.median : NAN));
	estimate_cell(table, &mode->voluntary, 0);
	estimate_cell(table, &mode->involuntary, 0);
	if (text->report->probes.sched) {
		text_table__cell(table, "%s",
				 text__share(buf, mode->worker_time_ns[ACCOUNT_LOCK],
					     mode->worker_lifetime_ns));
		text_table__cell(table, "%s", text__share(buf, queue, mode->worker_lifetime_ns));
	} else {
		own_share_cell(table, mode->own.lock_wait_ns, mode->own.thread_ns);
		own_share_cell(table, mode->own.run_delay_ns, mode->own.thread_ns);
	}
	text_table__cell(table, "%s", text__maybe_duration(buf, mode->lock_wait.p99_ns));
}

size_t text__next_mode(const struct report *report, size_t at)
{
	const char *family = at < report->n_modes ? report_mode__family(&report->modes[at]) : NULL;

	for (size_t i = family ? at + 1 : 0; family && i < report->n_modes; i++)
		if (!strcmp(report_mode__family(&report->modes[i]), family))
			return i;
	/* The first mode of the next family: one that no mode before it is of. */
	for (size_t i = 0, first = 0; i < report->n_modes; i++) {
		const char *other = report_mode__family(&report->modes[i]);

		for (first = 0; strcmp(report_mode__family(&report->modes[first]), other) != 0;)
			first++;
		if (first != i)
			continue;
		if (!family)
			return i;
		if (!strcmp(other, family))
			family = NULL;
	}
	return report->n_modes;
}

void text__family_row(struct text *text, struct text_table *table, const char *family)
{
	char name[TEXT_CELL];

	if (!family[0])
		return;
	text_table__cell(table, "%s", text__safe(text, name, family, TEXT_FAMILY));
	for (size_t i = 1; i < table->n_columns; i++)
		text_table__cell(table, "%s", "");
}

const char *text__mode_label(const struct text *text, char *buf, const struct report_mode *mode)
{
	const char *kind = report_mode__kind(mode);
	char name[TEXT_CELL];

	text__safe(text, name, kind, sizeof(mode->mode) - (size_t)(kind - mode->mode));
	snprintf(buf, TEXT_CELL + 2, "%s%s", report_mode__family(mode)[0] ? "  " : "", name);
	return buf;
}

void text__modes(struct text *text)
{
	static const struct text_column columns[] = {
		{ "mode", false, 12, 0 },
		{ "wall", false, 0, 0 },
		{ "speedup", false, 0, 1 },
		{ "cores", false, 0, 3 },
		{ "CPU", false, 0, 6 },
		{ "vol", false, 0, 7 },
		{ "invol", false, 0, 8 },
		{ "lock", false, 0, 2 },
		{ "run-queue", false, 0, 4 },
		{ "p99", false, 0, 5 },
	};
	const struct report *report = text->report;
	const char *family = "";
	struct text_table table;
	char label[TEXT_CELL + 2];

	text_table__init(&table, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = text__next_mode(report, SIZE_MAX); i < report->n_modes;
	     i = text__next_mode(report, i)) {
		const struct report_mode *mode = &report->modes[i];

		if (strcmp(family, report_mode__family(mode)) != 0) {
			family = report_mode__family(mode);
			text__family_row(text, &table, family);
		}
		mode_row(text, &table, mode, text__mode_label(text, label, mode));
	}
	fputc('\n', text->out);
	text_table__print(&table, text);
	if (!report->probes.sched)
		text__paragraph(
			text, 0, 2,
			"Without probes: vol, invol and CPU are from rusage; lock "
			"is the workload's own clock around contended acquires, which includes "
			"the wait for a CPU after them; run-queue is from schedstat; there is "
			"no ledger, no p99, and no lock can be named.");
}

static void bar_cells(const struct report_mode *mode, unsigned width, unsigned *cells)
{
	uint64_t parts[BAR_COUNT] = { 0 };

	for (size_t i = 0; i < ACCOUNT_COUNT; i++)
		parts[bar_of[i]] += mode->worker_time_ns[i];
	text__apportion(parts, BAR_COUNT, width, cells);
}

static void print_bar(struct text *text, const unsigned *cells)
{
	unsigned all = 0;

	for (size_t i = 0; i < BAR_COUNT; i++) {
		all += cells[i];
		if (!cells[i])
			continue;
		if (text->options->color)
			fputs(bars[i].color, text->out);
		for (unsigned j = 0; j < cells[i]; j++)
			fputc(bars[i].cell, text->out);
		if (text->options->color)
			fputs("\033[0m", text->out);
	}
	fputs(all ? "\n" : "-\n", text->out);
}

/* What the cells mean: those that are used, none of them broken at the end of a line. */
static void print_legend(struct text *text, const bool *used)
{
	static const char heading[] = "where thread time went";
	size_t column = strlen(heading), gap = 3;

	fprintf(text->out, "\n%s", heading);
	for (size_t i = 0; i < BAR_COUNT; i++) {
		size_t width = 2 + strlen(bars[i].name);

		if (!used[i])
			continue;
		if (column + gap + width > text->width) {
			fputc('\n', text->out);
			column = 0;
			gap = 2;
		}
		fprintf(text->out, "%*s%c %s", (int)gap, "", bars[i].cell, bars[i].name);
		column += gap + width;
		gap = 2;
	}
	fputc('\n', text->out);
}

void text__bars(struct text *text)
{
	unsigned label = 4, width, cells[BAR_COUNT];
	bool used[BAR_COUNT] = { false };
	char name[TEXT_CELL];

	for (size_t i = 0; i < text->report->n_modes; i++) {
		unsigned columns = (unsigned)outside__columns(
			TEXT_SAFE(text, name, text->report->modes[i].mode));

		label = columns > label ? columns : label;
	}
	if (label > text->width / 2)
		label = text->width / 2;
	width = text->width - label - 2;
	width = width > BAR_MOST ? BAR_MOST : width < BAR_LEAST ? BAR_LEAST : width;
	if (label + 2 + width > text->width)
		label = text->width - 2 - width;

	for (size_t i = 0; i < text->report->n_modes; i++) {
		bar_cells(&text->report->modes[i], width, cells);
		for (size_t j = 0; j < BAR_COUNT; j++)
			used[j] |= cells[j] > 0;
	}
	print_legend(text, used);
	for (size_t i = text__next_mode(text->report, SIZE_MAX); i < text->report->n_modes;
	     i = text__next_mode(text->report, i)) {
		size_t bytes, columns;

		TEXT_SAFE(text, name, text->report->modes[i].mode);
		bytes = outside__fit(name, label);
		name[bytes] = '\0';
		columns = outside__columns(name);
		fprintf(text->out, "%s%*s", name, (int)(label + 2 - columns), "");
		bar_cells(&text->report->modes[i], width, cells);
		print_bar(text, cells);
	}
}
