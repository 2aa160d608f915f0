/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * render_text_sections.c - the text report after its first screen: the ledger and CPUs.
 */
#include "render_text.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "outside.h"

#define IDLE_SHARE 0.01		/* a CPU busy for less in every mode is summed up */
#define METRICS_SHOWN 8		/* columns; no bundled job measures more */
#define CPUS_SHOWN 16		/* but only on machines with more than these */

bool text__alone(const struct report *report)
{
	return !report->job[0] && report->n_modes < 2;
}

/* A mode's name cut to what a column of numbers may take. */
static void short_name(const struct text *text, char *buf, const char *mode)
{
	size_t most = text->width < 60 ? 12 : 24;

	text__safe(text, buf, mode, sizeof(((struct report_mode *)NULL)->mode));
	if (outside__columns(buf) > most)
		snprintf(buf + outside__fit(buf, most - 3), 4, "...");
}

/*
 * A table whose columns are modes: as many at a time as fit, one table below the other.
 * `fill` adds the rows of modes [from, to), first column included.
 */
static void by_modes(struct text *text, const char *title,
		     void (*fill)(struct text *text, struct text_table *table, size_t from,
				  size_t to))
{
	size_t n = text->report->n_modes;
	struct text_column *columns = calloc(n + 1, sizeof(*columns));
	char(*names)[TEXT_CELL] = calloc(n, sizeof(*names));

	if (!columns || !names) {
		text->err = text->err ? text->err : -ENOMEM;
		goto out;
	}
	for (size_t i = 0; i < n; i++)
		short_name(text, names[i], text->report->modes[i].mode);
	for (size_t from = 0, to; from < n; from = to) {
		struct text_table table;

		for (to = n;; to--) {
			columns[0] = (struct text_column){ .title = title };
			for (size_t i = from; i < to; i++)
				columns[1 + i - from] =
					(struct text_column){ .title = names[i], .right = true };
			text_table__init(&table, columns, 1 + to - from);
			fill(text, &table, from, to);
			if (to == from + 1 || text_table__width(&table) <= text->width)
				break;
			text_table__free(&table);
		}
		if (from)
			fputc('\n', text->out);
		text_table__print(&table, text);
	}
out:
	free(columns);
	free(names);
}

/* Milliseconds and per cent of lifetime, without units: the heading names them. */
static void ledger_cell(struct text_table *table, double ns, uint64_t lifetime_ns)
{
	double ms = ns / 1e6, size = fabs(ms), percent;

	if (!lifetime_ns) {
		text_table__cell(table, "-");
		return;
	}
	percent = ns / (double)lifetime_ns * 100;
	text_table__cell(table, "%.*f %5.1f",
			 ns == 0	? 0 :
			 size >= 99.95	? 0 :
			 size >= 9.995	? 1 :
			 size >= 0.9995 ? 2 :
					  3,
			 ms, fabs(percent) < 0.05 ? 0.0 : percent);
}

static void fill_ledger(struct text *text, struct text_table *table, size_t from, size_t to)
{
	const struct report *report = text->report;

	for (unsigned account = 0; account < ACCOUNT_COUNT; account++) {
		bool any = false;

		/* The same rows in every part of a table that had to be split. */
		for (size_t i = 0; i < report->n_modes; i++)
			any |= report->modes[i].time_ns[account] > 0;
		if (!any)
			continue;
		text_table__cell(table, "%s", account__name((enum account)account));
		for (size_t i = from; i < to; i++)
			ledger_cell(table, (double)report->modes[i].time_ns[account],
				    report->modes[i].lifetime_ns);
	}
	text_table__cell(table, "lifetime");
	for (size_t i = from; i < to; i++)
		ledger_cell(table, (double)report->modes[i].lifetime_ns,
			    report->modes[i].lifetime_ns);
	text_table__cell(table, "residual");
	for (size_t i = from; i < to; i++)
		ledger_cell(table, (double)report->modes[i].residual_ns,
			    report->modes[i].lifetime_ns);
}

void text__ledger(struct text *text)
{
	text__heading(text,
		      text__alone(text->report) ?
			      "ledger: ms of all threads, and % of their lifetime" :
			      "ledger: ms of all threads in all rounds, and % of their lifetime");
	by_modes(text, "account", fill_ledger);
}

static const struct estimate *find_metric(const struct report_mode *mode, const char *name)
{
	for (size_t i = 0; i < mode->n_metrics; i++)
		if (!strcmp(mode->metrics[i].name, name))
			return &mode->metrics[i].value;
	return NULL;
}

static bool ends_in(const char *name, const char *unit)
{
	return strlen(name) > strlen(unit) && !strcmp(name + strlen(name) - strlen(unit), unit);
}

static void metric_cell(struct text_table *table, const char *name, const struct estimate *value)
{
	char buf[TEXT_CELL];

	if (!value || !value->n)
		text_table__cell(table, "-");
	else if (ends_in(name, "_ns"))
		text_table__cell(table, "%s", text__duration(buf, value->median));
	else
		text_table__cell(
			table, "%.*f",
			value->median < 99.95 && value->median != floor(value->median) ? 2 : 0,
			value->median);
}

/* "latency p99" of "latency_p99_ns": the cells have units. */
static void metric_label(const struct text *text, char *label, const struct report_metric *metric)
{
	TEXT_SAFE(text, label, metric->name);
	if (ends_in(label, "_ns"))
		label[strlen(label) - 3] = '\0';
	for (char *c = label; *c; c++)
		if (*c == '_')
			*c = ' ';
}

/* Each thing that was measured, once: of the first mode that has it. NULL after the last. */
static const struct report_metric *next_metric(const struct report *report, size_t *mode,
					       size_t *metric)
{
	for (; *mode < report->n_modes; (*mode)++, *metric = 0) {
		while (*metric < report->modes[*mode].n_metrics) {
			const struct report_metric *found =
				&report->modes[*mode].metrics[(*metric)++];
			bool seen = false;

			for (size_t k = 0; k < *mode && !seen; k++)
				seen = find_metric(&report->modes[k], found->name);
			if (!seen)
				return found;
		}
	}
	return NULL;
}

static void fill_metrics(struct text *text, struct text_table *table, size_t from, size_t to)
{
	const struct report_metric *metric;
	size_t mode = 0, at = 0;
	char label[TEXT_CELL];

	while ((metric = next_metric(text->report, &mode, &at))) {
		metric_label(text, label, metric);
		text_table__cell(table, "%s", label);
		for (size_t k = from; k < to; k++)
			metric_cell(table, metric->name,
				    find_metric(&text->report->modes[k], metric->name));
	}
}

/* As a row for each mode: those of several interpreters would be a table for every third. */
static void metrics_by_family(struct text *text)
{
	const struct report *report = text->report;
	struct text_column columns[1 + METRICS_SHOWN] = { { "mode", false, 12, 0 } };
	const struct report_metric *metrics[METRICS_SHOWN];
	char labels[METRICS_SHOWN][TEXT_CELL], name[TEXT_CELL + 2];
	size_t n = 0, mode = 0, at = 0;
	const char *family = "";
	struct text_table table;

	while (n < METRICS_SHOWN && (metrics[n] = next_metric(report, &mode, &at))) {
		metric_label(text, labels[n], metrics[n]);
		/* What a job says first is what matters most. */
		columns[1 + n] = (struct text_column){ labels[n], true, 0, (unsigned)n };
		n++;
	}
	text_table__init(&table, columns, 1 + n);
	for (size_t i = text__next_mode(report, SIZE_MAX); i < report->n_modes;
	     i = text__next_mode(report, i)) {
		if (strcmp(family, report_mode__family(&report->modes[i])) != 0) {
			family = report_mode__family(&report->modes[i]);
			text__family_row(text, &table, family);
		}
		text_table__cell(&table, "%s", text__mode_label(text, name, &report->modes[i]));
		for (size_t k = 0; k < n; k++)
			metric_cell(&table, metrics[k]->name,
				    find_metric(&report->modes[i], metrics[k]->name));
	}
	text_table__print(&table, text);
}

void text__job_metrics(struct text *text)
{
	bool any = false, families = false;

	for (size_t i = 0; i < text->report->n_modes; i++) {
		any |= text->report->modes[i].n_metrics > 0;
		families |= report_mode__family(&text->report->modes[i])[0] != '\0';
	}
	if (!any)
		return;
	text__heading(text, "what the job measured: medians");
	if (families)
		metrics_by_family(text);
	else
		by_modes(text, "", fill_metrics);
}

static const struct report_cpu *find_cpu(const struct report_mode *mode, int cpu)
{
	for (size_t i = 0; i < mode->n_cpus; i++) {
		if (mode->cpus[i].cpu == cpu)
			return &mode->cpus[i];
	}
	return NULL;
}

/* Busy time of a CPU over all walls of a mode; NAN when nothing is known. */
static double busy_share(const struct report_mode *mode, int cpu)
{
	const struct report_cpu *found = find_cpu(mode, cpu);
	double wall = 0;

	for (size_t i = 0; i < mode->wall_ns.n; i++)
		wall += mode->wall_ns.rounds[i];
	if (!mode->n_cpus || wall <= 0)
		return NAN;
	return found ? (double)found->busy_ns / wall : 0;
}

/* The smallest CPU number above `cpu` that any mode mentions, or -1. */
static int next_cpu(const struct report *report, int cpu)
{
	int next = -1;

	for (size_t i = 0; i < report->n_modes; i++) {
		const struct report_mode *mode = &report->modes[i];

		for (size_t j = 0; j < mode->n_cpus; j++) {
			int candidate = mode->cpus[j].cpu;

			if (candidate > cpu && (next < 0 || candidate < next))
				next = candidate;
		}
	}
	return next;
}

static bool is_idle(const struct report *report, int cpu)
{
	for (size_t i = 0; i < report->n_modes; i++) {
		if (busy_share(&report->modes[i], cpu) >= IDLE_SHARE)
			return false;
	}
	return true;
}

/* A machine on which idle CPUs would make the table a wall of zeroes. */
static bool folds_cpus(const struct text *text)
{
	size_t n = 0;

	for (int cpu = next_cpu(text->report, -1); cpu >= 0; cpu = next_cpu(text->report, cpu))
		n++;
	return n > CPUS_SHOWN && !text->options->verbose;
}

static void fill_cpus(struct text *text, struct text_table *table, size_t from, size_t to)
{
	const struct report *report = text->report;
	bool folds = folds_cpus(text);
	char buf[TEXT_CELL];

	for (int cpu = next_cpu(report, -1); cpu >= 0; cpu = next_cpu(report, cpu)) {
		if (folds && is_idle(report, cpu))
			continue;
		text_table__cell(table, "%d", cpu);
		for (size_t i = from; i < to; i++)
			text_table__cell(table, "%s",
					 text__percent(buf, busy_share(&report->modes[i], cpu)));
	}
}

/* convoy's own cost in the same rounds. */
static void print_tool(struct text *text)
{
	double tool = 0, probes = 0, work = 0;
	bool tool_known = false, probes_known = false;
	char a[TEXT_CELL], b[TEXT_CELL], c[TEXT_CELL];

	for (size_t i = 0; i < text->report->n_modes; i++) {
		const struct report_mode *mode = &text->report->modes[i];

		tool += mode->tool_cpu_ns.known ? mode->tool_cpu_ns.value : 0;
		probes += mode->probe_ns.known ? mode->probe_ns.value : 0;
		tool_known |= mode->tool_cpu_ns.known;
		probes_known |= mode->probe_ns.known;
		for (size_t j = 0; j < mode->cpu_ns.n; j++)
			work += mode->cpu_ns.rounds[j];
	}
	if (!tool_known && !probes_known)
		return;
	text__paragraph(text, 0, 2, "convoy's own CPU time meanwhile: %s%s%s%s%s%s",
			tool_known ? text__duration(a, tool) : "unknown",
			tool_known && work > 0 ? " (" : "",
			tool_known && work > 0 ? text__percent(b, tool / work) : "",
			tool_known && work > 0 ? " of the work's)" : "",
			probes_known ? ", in probes " : "",
			probes_known ? text__duration(c, probes) : "");
}

void text__cpus(struct text *text)
{
	size_t folded = 0;

	text__heading(text, "CPU utilization: % of the walls that each CPU was busy with the work");
	if (next_cpu(text->report, -1) < 0) {
		text__paragraph(text, 0, 2, "unknown");
	} else {
		by_modes(text, "CPU", fill_cpus);
		for (int cpu = folds_cpus(text) ? next_cpu(text->report, -1) : -1; cpu >= 0;
		     cpu = next_cpu(text->report, cpu))
			folded += is_idle(text->report, cpu);
		if (folded)
			text__paragraph(text, 0, 2,
					"%zu more CPU%s busy for less than 1 %% in "
					"every mode (-v shows all)",
					folded, folded == 1 ? "" : "s");
	}
	print_tool(text);
}
