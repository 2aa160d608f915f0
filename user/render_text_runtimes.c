// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * render_text_runtimes.c - the language runtimes of the text report, and the waits for
 * their GIL.
 */
#include "render_text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "contention.h"
#include "outside.h"

#define THREADS_SHOWN 8		/* of each runtime, unless all are asked for */

/* "CPython 3.11.7 in 2 processes", of a mode where there are several. */
static void say_which(FILE *out, const struct text *text, const struct report_mode *mode,
		      const struct report_runtime *runtime)
{
	char of[TEXT_CELL], name[TEXT_CELL], version[TEXT_CELL];

	if (text->report->n_modes > 1)
		fprintf(out, "%s: ", TEXT_SAFE(text, of, mode->mode));
	fprintf(out, "%s%s%s", TEXT_SAFE(text, name, runtime->name), runtime->version[0] ? " " : "",
		TEXT_SAFE(text, version, runtime->version));
	if (runtime->gil == GIL_ABSENT)
		fputs(" (free-threaded)", out);
	fprintf(out, " in %u process%s: ", runtime->processes, runtime->processes == 1 ? "" : "es");
}

static void say_waits(FILE *out, const struct report_runtime *runtime)
{
	char share[TEXT_CELL], buf[TEXT_CELL];

	/* The first is what the verdict judges by; the second is how much it was. */
	if (runtime->wanted_ns)
		fprintf(out,
			"of the time that its threads wanted to run, %s went by waiting for its "
			"GIL (%s of all their time)",
			text__share(buf, runtime->gil_wait_ns, runtime->wanted_ns),
			text__share(share, runtime->gil_wait_ns, runtime->lifetime_ns));
	else
		fprintf(out, "waiting for its GIL took %s of all the time of its threads",
			text__share(share, runtime->gil_wait_ns, runtime->lifetime_ns));
	if (runtime->handoffs_per_s.known && runtime->handoffs_per_s.value >= TEXT_LEAST_RATE)
		fprintf(out, "; %.*f handoffs/s", runtime->handoffs_per_s.value < 10 ? 1 : 0,
			runtime->handoffs_per_s.value);
	else if (!runtime->handoffs_per_s.known)
		fprintf(out, "; %" PRIu64 " handoff%s", runtime->handoffs,
			runtime->handoffs == 1 ? "" : "s");
	if (runtime->mean_hold_ns.known)
		fprintf(out, ", held %s on average",
			text__duration(buf, runtime->mean_hold_ns.value));
	if (runtime->switch_interval_ns.known)
		fprintf(out, ", switch interval as observed %s",
			text__duration(buf, runtime->switch_interval_ns.value));
}

static void print_runtime(struct text *text, const struct report_mode *mode,
			  const struct report_runtime *runtime)
{
	char hint[4 * sizeof(runtime->hint) + 1], *words = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&words, &size);

	if (!out) {
		text->err = text->err ? text->err : -ENOMEM;
		return;
	}
	outside__terminal(hint, sizeof(hint), runtime->hint, sizeof(runtime->hint),
			  text->options->utf8);
	say_which(out, text, mode, runtime);
	if (runtime->gil == GIL_ABSENT)
		fputs("no GIL", out);
	else if (report_runtime__waits_known(runtime))
		say_waits(out, runtime);
	else
		fputs("its GIL was not found, and what waits for it is among the other waits", out);
	if (hint[0])
		fprintf(out, "; %s", hint);
	if (fclose(out))
		text->err = text->err ? text->err : -ENOMEM;
	else
		text__paragraph(text, 0, 2, "%s", words);
	free(words);
}

/* How many threads wanted to run at once, beside how many did. */
static void print_outlook(struct text *text, const struct report_mode *mode)
{
	struct gil_outlook outlook = report_mode__outlook(text->report, mode);
	char of[TEXT_CELL];

	if (!outlook.known)
		return;
	TEXT_SAFE(text, of, mode->mode);
	text__paragraph(text, 0, 2,
			"%s%s%.1f threads wanted to run at once, on average, and %.1f did, on %u "
			"CPU%s",
			text->report->n_modes > 1 ? of : "", text->report->n_modes > 1 ? ": " : "",
			outlook.wanted, outlook.ran, outlook.cpus, outlook.cpus == 1 ? "" : "s");
}

/* One thread of the table, with whose it is. */
struct row {
	const struct report_mode *mode;
	const struct report_runtime *runtime;
	const struct report_runtime_thread *thread;
};

/* Most waiting first; what waits as long stays in the order of the report. */
static int compare_rows(const void *a, const void *b)
{
	const struct report_runtime_thread *x = ((const struct row *)a)->thread;
	const struct report_runtime_thread *y = ((const struct row *)b)->thread;

	if (x->gil_wait_ns != y->gil_wait_ns)
		return x->gil_wait_ns < y->gil_wait_ns ? 1 : -1;
	return x < y ? -1 : x > y;
}

static void thread_row(struct text *text, struct text_table *table, const struct row *row,
		       bool named)
{
	const struct report_runtime_thread *thread = row->thread;
	char buf[TEXT_CELL], version[TEXT_CELL];

	if (text->report->n_modes > 1)
		text_table__cell(table, "%s", TEXT_SAFE(text, buf, row->mode->mode));
	if (named)
		text_table__cell(table, "%s %s", TEXT_SAFE(text, buf, row->runtime->name),
				 TEXT_SAFE(text, version, row->runtime->version));
	text_table__cell(table, "%" PRIu32, thread->pid);
	text_table__cell(table, "%" PRIu32, thread->tid);
	text_table__cell(table, "%s", TEXT_SAFE(text, buf, thread->comm));
	text_table__cell(table, "%s", text__duration(buf, (double)thread->gil_wait_ns));
	text_table__cell(table, "%s", text__share(buf, thread->gil_wait_ns, thread->lifetime_ns));
	text_table__cell(table, "%s", text__percent(buf, thread->held_share));
}

/* Threads of interpreters are those of the job, and alike: they are listed if asked for. */
static bool lists_threads(const struct text *text, const struct report_mode *mode)
{
	return !report_mode__family(mode)[0] || text->options->threads || text->options->verbose;
}

/* Adds the rows of one runtime; returns how many were left out. */
static size_t add_rows(struct text *text, struct text_table *table, const struct report_mode *mode,
		       const struct report_runtime *runtime, bool named)
{
	bool all = text->options->threads || text->options->verbose;
	size_t n = runtime->n_threads, most = all || n < THREADS_SHOWN ? n : THREADS_SHOWN;
	struct row *rows = calloc(n, sizeof(*rows));

	if (!rows) {
		text->err = text->err ? text->err : -ENOMEM;
		return 0;
	}
	for (size_t i = 0; i < n; i++)
		rows[i] = (struct row){ mode, runtime, &runtime->threads[i] };
	qsort(rows, n, sizeof(*rows), compare_rows);
	for (size_t i = 0; i < most; i++)
		thread_row(text, table, &rows[i], named);
	free(rows);
	return n - most;
}

/* Threads that the table has not: left out here, and more that the report has not either. */
static void print_more_threads(struct text *text, size_t left_out, size_t more)
{
	if (left_out && !more)
		text__paragraph(text, 0, 2, "%zu more thread%s not shown (--threads shows all).",
				left_out, left_out == 1 ? "" : "s");
	else if (more)
		text__paragraph(text, 0, 2, "and %zu more thread%s, which waited less%s.",
				left_out + more, left_out + more == 1 ? "" : "s",
				left_out ? " (--threads shows more)" : "");
}

static void print_threads(struct text *text)
{
	static const struct text_column columns[] = {
		{ "mode", false, 12, 0 },
		{ "runtime", false, 12, 3 },
		{ "pid", true, 0, 4 },
		{ "tid", true, 0, 0 },
		{ "comm", false, 8, 0 },
		{ "GIL wait", true, 0, 0 },
		{ "of its life", true, 0, 1 },
		{ "held for others", true, 0, 2 },
	};
	const struct report *report = text->report;
	struct text_column chosen[sizeof(columns) / sizeof(*columns)];
	size_t with = 0, n = 0, left_out = 0, more = 0;
	struct text_table table;

	for (size_t i = 0; i < report->n_modes; i++)
		for (size_t j = 0; j < report->modes[i].n_runtimes; j++)
			with += report->modes[i].runtimes[j].n_threads > 0 &&
				lists_threads(text, &report->modes[i]);
	if (!with)
		return;
	for (size_t i = 0; i < sizeof(columns) / sizeof(*columns); i++)
		if ((i != 0 || report->n_modes > 1) && (i != 1 || with > 1))
			chosen[n++] = columns[i];
	text_table__init(&table, chosen, n);
	for (size_t i = 0; i < report->n_modes; i++)
		for (size_t j = 0; j < report->modes[i].n_runtimes; j++)
			if (report->modes[i].runtimes[j].n_threads &&
			    lists_threads(text, &report->modes[i])) {
				left_out += add_rows(text, &table, &report->modes[i],
						     &report->modes[i].runtimes[j], with > 1);
				more += report->modes[i].runtimes[j].n_more_threads;
			}
	fputc('\n', text->out);
	text_table__print(&table, text);
	print_more_threads(text, left_out, more);
}

/* A mode of an interpreter whose GIL is worth a row: of its threads, or one that waited for it. */
static bool in_table(const struct report_mode *mode)
{
	if (!report_mode__family(mode)[0])
		return false;
	return !strcmp(report_mode__kind(mode), "threads") ||
	       report_mode__gils(mode).share >= GIL_MATTERS;
}

static void rate_cell(struct text_table *table, struct maybe rate)
{
	if (rate.known)
		text_table__cell(table, "%.*f", rate.value > 0 && rate.value < 9.95 ? 1 : 0,
				 rate.value);
	else
		text_table__cell(table, "-");
}

static void gil_row(struct text *text, struct text_table *table, const struct report_mode *mode)
{
	struct gil_rates rates = report_mode__gil_rates(mode);
	struct gil_sum gils = report_mode__gils(mode);
	bool threads = !strcmp(report_mode__kind(mode), "threads");
	char buf[TEXT_CELL];

	/* Nearly all are of threads: it goes without saying. */
	text_table__cell(table, "%s",
			 threads ? text__safe(text, buf, report_mode__family(mode), TEXT_FAMILY) :
				   TEXT_SAFE(text, buf, mode->mode));
	text_table__cell(table, "%s", TEXT_SAFE(text, buf, mode->interpreter.version));
	rate_cell(table, rates.switches);
	rate_cell(table, rates.handoffs);
	rate_cell(table, rates.calls);
	text_table__cell(table, "%s", text__maybe_duration(buf, rates.hold_ns));
	text_table__cell(table, "%s", text__maybe_duration(buf, rates.interval_ns));
	if (report_mode__has_gil(mode) == GIL_ABSENT)
		text_table__cell(table, "no GIL");
	else if (gils.with)
		text_table__cell(table, "%s", text__percent(buf, gils.share));
	else
		text_table__cell(table, "not found");
}

/* Old GIL and new ones side by side. */
static void print_gils(struct text *text)
{
	static const struct text_column columns[] = {
		{ "threads of", false, 12, 0 },
		{ "version", false, 0, 4 },
		{ "switches", true, 0, 2 },
		{ "handoffs", true, 0, 0 },
		{ "futexes", true, 0, 3 },
		{ "held", true, 0, 0 },
		{ "interval", true, 0, 1 },
		{ "GIL wait", true, 0, 0 },
	};
	const struct report *report = text->report;
	struct text_table table;
	bool any = false;

	text_table__init(&table, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = text__next_mode(report, SIZE_MAX); i < report->n_modes;
	     i = text__next_mode(report, i)) {
		if (!in_table(&report->modes[i]))
			continue;
		any = true;
		gil_row(text, &table, &report->modes[i]);
	}
	if (!any) {
		text_table__free(&table);
		return;
	}
	text_table__print(&table, text);
	text__paragraph(text, 0, 2,
			"switches, handoffs and futex calls on the GIL a second; held on average; "
			"switch interval as observed; GIL wait of the time that threads wanted to "
			"run");
}

void text__runtimes(struct text *text)
{
	const struct report *report = text->report;
	bool any = false, interpreters = false;

	for (size_t i = 0; i < report->n_modes; i++) {
		any |= report->modes[i].n_runtimes > 0;
		interpreters |= in_table(&report->modes[i]);
	}
	if (!any && !interpreters)
		return;
	text__heading(text, "runtimes");
	print_gils(text);
	for (size_t i = 0; i < report->n_modes; i++) {
		/* Of interpreters the table has it, unless each is asked for. */
		if (report_mode__family(&report->modes[i])[0] && !text->options->verbose)
			continue;
		for (size_t j = 0; j < report->modes[i].n_runtimes; j++)
			print_runtime(text, &report->modes[i], &report->modes[i].runtimes[j]);
		print_outlook(text, &report->modes[i]);
	}
	print_threads(text);
}
