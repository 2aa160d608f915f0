/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * render_text_sections.c - the text report after its first screen: the ledger, locks and
 * CPUs.
 */
#include "render_text.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "classify.h"
#include "outside.h"

#define IDLE_SHARE 0.01		/* a CPU busy for less in every mode is summed up */
#define CPUS_SHOWN 16		/* but only on machines with more than these */

bool text__alone(const struct report *report)
{
	return !report->job[0] && report->n_modes < 2;
}

const char *text__lock_name(const struct text *text, char *buf, const struct report_lock *lock)
{
	char name[sizeof(lock->name) + sizeof(lock->runtime) + 8];

	if (!lock->name[0])
		snprintf(name, sizeof(name), "(unnamed %s)", lock_kind__name(lock->kind));
	else if (lock->runtime[0] && !strstr(lock->name, lock->runtime))
		snprintf(name, sizeof(name), "%.*s of %.*s", (int)sizeof(lock->name), lock->name,
			 (int)sizeof(lock->runtime), lock->runtime);
	else
		snprintf(name, sizeof(name), "%.*s", (int)sizeof(lock->name), lock->name);
	return TEXT_SAFE(text, buf, name);
}

static bool is_namesake(const struct report_lock *lock, size_t at)
{
	for (size_t i = 0; i < lock->n_holders; i++)
		if (i != at && !strncmp(lock->holders[i].comm, lock->holders[at].comm,
					sizeof(lock->holders[i].comm)))
			return true;
	return false;
}

const char *text__holders(const struct text *text, char *buf, const struct report_lock *lock,
			  size_t most)
{
	size_t used = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < lock->n_holders && i < most; i++) {
		const struct report_holder *holder = &lock->holders[i];
		char comm[TEXT_CELL], share[TEXT_CELL];

		TEXT_SAFE(text, comm, holder->comm);
		if (!comm[0])
			snprintf(comm, sizeof(comm), "%" PRIu32, holder->tid);
		else if (is_namesake(lock, i))
			snprintf(comm + strlen(comm), sizeof(comm) - strlen(comm), " (%" PRIu32 ")",
				 holder->tid);
		text__percent(share, holder->share);
		/* A comm of 15 bytes takes 60 columns when all of them are escaped. */
		if (used + strlen(comm) + strlen(share) + 4 > TEXT_CELL)
			break;
		used += (size_t)snprintf(buf + used, TEXT_CELL - used, "%s%s %s", i ? ", " : "",
					 comm, share);
	}
	if (!used)
		snprintf(buf, TEXT_CELL, "-");
	return buf;
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

/* A row for each thing that the first mode that has it, and all after it, measured. */
static void fill_metrics(struct text *text, struct text_table *table, size_t from, size_t to)
{
	const struct report *report = text->report;

	for (size_t i = 0; i < report->n_modes; i++) {
		for (size_t j = 0; j < report->modes[i].n_metrics; j++) {
			const char *name = report->modes[i].metrics[j].name;
			char label[TEXT_CELL];
			bool seen = false;

			for (size_t k = 0; k < i && !seen; k++)
				seen = find_metric(&report->modes[k], name);
			if (seen)
				continue;
			TEXT_SAFE(text, label, report->modes[i].metrics[j].name);
			if (ends_in(label, "_ns"))
				label[strlen(label) - 3] = '\0'; /* the cells have units */
			for (char *c = label; *c; c++)
				if (*c == '_')
					*c = ' ';
			text_table__cell(table, "%s", label);
			for (size_t k = from; k < to; k++)
				metric_cell(table, name, find_metric(&report->modes[k], name));
		}
	}
}

void text__job_metrics(struct text *text)
{
	bool any = false;

	for (size_t i = 0; i < text->report->n_modes; i++)
		any |= text->report->modes[i].n_metrics > 0;
	if (!any)
		return;
	text__heading(text, "what the job measured: medians");
	by_modes(text, "", fill_metrics);
}

/* A time that is certain unless nothing was counted. */
static void total_cell(struct text_table *table, uint64_t ns)
{
	char buf[TEXT_CELL];

	text_table__cell(table, "%s", text__duration(buf, (double)ns));
}

static void maybe_cell(struct text_table *table, struct maybe ns)
{
	char buf[TEXT_CELL];

	text_table__cell(table, "%s", text__maybe_duration(buf, ns));
}

static void count_cell(struct text_table *table, struct maybe count)
{
	if (count.known)
		text_table__cell(table, "%.0f", count.value);
	else
		text_table__cell(table, "-");
}

static void lock_row(struct text *text, struct text_table *table, const struct report_mode *mode,
		     const struct report_lock *lock)
{
	char buf[TEXT_CELL];

	text_table__cell(table, "%s", TEXT_SAFE(text, buf, mode->mode));
	text_table__cell(table, "%s", text__lock_name(text, buf, lock));
	text_table__cell(table, "%s", lock_kind__name(lock->kind));
	text_table__cell(table, "%" PRIu64, lock->episodes);
	text_table__cell(table, "%" PRIu64, lock->waits);
	text_table__cell(table, "%" PRIu64, lock->woken_early);
	count_cell(table, lock->timeouts);
	count_cell(table, lock->eagain);
	total_cell(table, lock->total_ns);
	maybe_cell(table, lock->p50_ns);
	maybe_cell(table, lock->p99_ns);
	maybe_cell(table, lock->max_ns);
	text_table__cell(table, "%" PRIu64, lock->handoffs);
	maybe_cell(table, lock->handoff_p50_ns);
	text_table__cell(table, "%s", text__holders(text, buf, lock, 4));
}

/* Waits of which only a part could be seen. */
static void print_cut_waits(struct text *text, uint64_t before, uint64_t unfinished)
{
	char first[TEXT_CELL] = "";

	if (before)
		snprintf(first, sizeof(first), "%" PRIu64 " wait%s under way before %s", before,
			 before == 1 ? " was" : "s were",
			 text->report->window.given ? "this part" : "the recording began");
	if (before && !unfinished)
		text__paragraph(text, 0, 2, "%s.", first);
	else if (unfinished)
		text__paragraph(text, 0, 2, "%s%s%" PRIu64 "%s %s not over at its end.", first,
				before ? ", " : "", unfinished,
				before		  ? "" :
				unfinished == 1 ? " wait" :
						  " waits",
				unfinished == 1 ? "was" : "were");
}

/* What the table of locks cannot show. */
static void print_unseen(struct text *text, size_t left_out)
{
	uint64_t yields = 0, before = 0, unfinished = 0;
	bool no_yields = false;

	for (size_t i = 0; i < text->report->n_modes; i++) {
		const struct report_mode *mode = &text->report->modes[i];

		yields += mode->yields;
		no_yields |= mode->no_yields;
		for (size_t j = 0; j < mode->n_locks; j++) {
			before += mode->locks[j].since_before;
			unfinished += mode->locks[j].unfinished;
		}
	}
	if (left_out)
		text__paragraph(text, 0, 2, "%zu more lock%s not shown (-v shows all).", left_out,
				left_out == 1 ? "" : "s");
	print_cut_waits(text, before, unfinished);
	if (no_yields) {
		text__paragraph(text, 0, 2,
				"slept contention only: spinning in user space is invisible to "
				"futex tracing");
		return;
	}
	text__paragraph(text, 0, 2,
			"slept contention only: spinning in user space is invisible to "
			"futex tracing; %" PRIu64 " sched_yield call%s gave up a CPU",
			yields, yields == 1 ? "" : "s");
}

void text__locks(struct text *text)
{
	static const struct text_column columns[] = {
		{ "mode", false, 12, 0 },
		{ "lock", false, 18, 0 },
		{ "kind", false, 0, 6 },
		{ "episodes", true, 0, 4 },
		{ "waits", true, 0, 10 },
		{ "early", true, 0, 12 },
		{ "timeouts", true, 0, 13 },
		{ "eagain", true, 0, 11 },
		{ "total", true, 0, 0 },
		{ "p50", true, 0, 5 },
		{ "p99", true, 0, 2 },
		{ "max", true, 0, 7 },
		{ "handoffs", true, 0, 3 },
		{ "handoff p50", true, 0, 9 },
		{ "held by", false, 24, 8 },
	};
	size_t most = text->options->verbose || !text->options->locks ? SIZE_MAX :
									text->options->locks;
	size_t left_out = 0, shown = 0;
	struct text_table table;

	text__heading(text, text__alone(text->report) ? "locks: blocked" :
							"locks: blocked in all rounds");
	text_table__init(&table, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < text->report->n_modes; i++) {
		const struct report_mode *mode = &text->report->modes[i];

		for (size_t j = 0; j < mode->n_locks && j < most; j++, shown++)
			lock_row(text, &table, mode, &mode->locks[j]);
		left_out += mode->n_locks > most ? mode->n_locks - most : 0;
	}
	if (shown) {
		text_table__print(&table, text);
	} else {
		text_table__free(&table);
		text__paragraph(text, 0, 2, "none");
	}
	print_unseen(text, left_out);
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
