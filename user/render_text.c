/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * render_text.c - the text report, and its first screen: what was run, whether it can be
 * believed, what it means, and where the time went.
 */
#include "render_text.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "outside.h"

#define WIDTH_LEAST 20
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

/* A whole outside string, harmless. The caller frees it; NULL sets text->err. */
static char *harmless(struct text *text, const char *string, size_t max)
{
	size_t size = 4 * strnlen(string, max) + 1;
	char *out = malloc(size);

	if (out)
		outside__terminal(out, size, string, max, text->options->utf8);
	else
		text->err = text->err ? text->err : -ENOMEM;
	return out;
}

static void print_broken(struct text *text)
{
	const struct report *report = text->report;
	const char *on = text->options->color ? "\033[1;31m" : "";
	const char *off = text->options->color ? "\033[0m" : "";

	if (!report->valid) {
		fputs(on, text->out);
		text__paragraph(text, 0, 2,
				"INVALID%s: events were lost, what follows is "
				"incomplete (ring %" PRIu64 ", task state %" PRIu64
				", unmatched %" PRIu64 ")",
				report->allow_loss ? ", as --allow-loss permits" : "",
				report->loss.ring, report->loss.task_state, report->loss.unmatched);
		fputs(off, text->out);
	}
	if (report->window.given)
		text__paragraph(text, 0, 2, "only %.3f s to %.3f s of the recording (--from, --to)",
				(double)report->window.from_ns / 1e9,
				(double)report->window.to_ns / 1e9);
	if (report->incomplete) {
		char why[4 * sizeof(report->incomplete_why) + 1];

		outside__terminal(why, sizeof(why), report->incomplete_why,
				  sizeof(report->incomplete_why), text->options->utf8);
		fputs(on, text->out);
		text__paragraph(text, 0, 2, "INCOMPLETE: %s",
				why[0] ? why : "interrupted, some rounds are missing");
		fputs(off, text->out);
	}
}

/* "2 CPUs (kvm, 0.4 % stolen)" */
static void describe_cpus(struct text *text, char *buf, size_t size)
{
	const struct report *report = text->report;
	char virt[TEXT_CELL], stolen[TEXT_CELL];
	bool known = report->host.stolen_share.known;
	int n;

	n = snprintf(buf, size, "%u CPU%s", report->host.cpus, report->host.cpus == 1 ? "" : "s");
	if (report->host.cpus_usable && report->host.cpus_usable != report->host.cpus)
		n += snprintf(buf + n, size - (size_t)n, ", %u usable", report->host.cpus_usable);
	if (!report->host.virt[0] && !known)
		return;
	TEXT_SAFE(text, virt, report->host.virt);
	if (known)
		text__percent(stolen, report->host.stolen_share.value);
	snprintf(buf + n, size - (size_t)n, " (%s%s%s%s)", virt, virt[0] && known ? ", " : "",
		 known ? stolen : "", known ? " stolen" : "");
}

static void print_host(struct text *text)
{
	static const char *const futex[] = { "none", "blocking", "all" };
	const struct report *report = text->report;
	char kernel[TEXT_CELL], arch[TEXT_CELL], note[4 * sizeof(report->probes.note) + 1];
	char model[TEXT_CELL], cpus[3 * TEXT_CELL];
	char *line = harmless(text, report->command_line, sizeof(report->command_line));

	if (line && line[0])
		text__paragraph(text, 0, 2, "%s", line);
	free(line);
	TEXT_SAFE(text, kernel, report->host.kernel);
	TEXT_SAFE(text, arch, report->host.arch);
	outside__terminal(note, sizeof(note), report->probes.note, sizeof(report->probes.note),
			  text->options->utf8);
	describe_cpus(text, cpus, sizeof(cpus));
	text__paragraph(text, 0, 2, "%s%s%s%s, %s, %sfutex=%s%s%s%s",
			kernel[0] && !isdigit((unsigned char)kernel[0]) ? "" : "Linux ",
			kernel[0] ? kernel : "(unknown)", arch[0] ? " " : "", arch, cpus,
			report->probes.sched ? "" : "no probes, ", futex[report->probes.futex],
			note[0] ? " (" : "", note, note[0] ? ")" : "");
	if (text->options->verbose && report->host.cpu_model[0])
		text__paragraph(text, 0, 2, "%s", TEXT_SAFE(text, model, report->host.cpu_model));
}

/* How far the worst mode's ledger is from closing: "0.003 %". */
static const char *closes_to(const struct report *report, char *buf)
{
	double worst = 0;
	bool known = false;

	for (size_t i = 0; i < report->n_modes; i++) {
		const struct report_mode *mode = &report->modes[i];

		if (!mode->lifetime_ns)
			continue;
		known = true;
		worst = fmax(worst, fabs((double)mode->residual_ns) / (double)mode->lifetime_ns);
	}
	if (!known)
		return NULL;
	worst *= 100;
	if (worst > 0 && worst < 0.001)
		snprintf(buf, TEXT_CELL, "<0.001 %%");
	else
		snprintf(buf, TEXT_CELL, "%.*f %%", worst == 0 ? 0 : worst < 1 ? 3 : 1, worst);
	return buf;
}

/* Can it be believed? */
static void print_audit(struct text *text)
{
	const struct report *report = text->report;
	uint64_t checked = 0, equal = 0, results = 0, wrong = 0;
	uint64_t lost = report->loss.ring + report->loss.task_state + report->loss.unmatched;
	char closes[TEXT_CELL], line[1024];
	const char *ledger = closes_to(report, closes);
	int n;

	for (size_t i = 0; i < report->n_modes; i++) {
		checked += report->modes[i].threads_checked;
		equal += report->modes[i].threads_equal;
		results += report->modes[i].tasks_checked;
		wrong += report->modes[i].tasks_wrong;
	}
	if (!report->probes.sched && !wrong)
		return;
	n = snprintf(line, sizeof(line), "%" PRIu64 " lost%s%s", lost,
		     ledger ? ", ledger closes to " : "", ledger ? ledger : "");
	if (checked)
		n += snprintf(line + n, sizeof(line) - (size_t)n,
			      ", switches = kernel's for %" PRIu64 " of %" PRIu64 " threads", equal,
			      checked);
	if (report->loss.recovered)
		n += snprintf(line + n, sizeof(line) - (size_t)n,
			      ", %" PRIu64 " from the scheduler's notes", report->loss.recovered);
	if (report->loss.reads)
		n += snprintf(line + n, sizeof(line) - (size_t)n, ", %" PRIu64 " failed reads",
			      report->loss.reads);
	if (report->loss.mappings)
		n += snprintf(line + n, sizeof(line) - (size_t)n,
			      ", %" PRIu64 " mapping records lost: some names are missing",
			      report->loss.mappings);
	if (report->loss.words)
		n += snprintf(line + n, sizeof(line) - (size_t)n,
			      ", %" PRIu64 " futex words without room for a name",
			      report->loss.words);
	if (wrong)
		snprintf(line + n, sizeof(line) - (size_t)n,
			 ", %" PRIu64 " of %" PRIu64 " results WRONG", wrong, results);
	text__paragraph(text, 0, 2, "%s", line);
}

/*
 * Line by line, with the lines of a paragraph after its first one further in. What is further
 * in already is a command, to be pasted: a terminal breaks it better.
 */
static void print_sentences(struct text *text, unsigned first, unsigned rest)
{
	char *all, *line, *next;

	if (!text->report->verdict.text)
		return;
	all = strdup(text->report->verdict.text);
	if (!all) {
		text->err = text->err ? text->err : -ENOMEM;
		return;
	}
	for (line = strtok_r(all, "\n", &next); line; line = strtok_r(NULL, "\n", &next)) {
		char *safe = harmless(text, line, SIZE_MAX);

		if (safe && !strncmp(safe, "  ", 2))
			fprintf(text->out, "%*s%s\n", (int)first, "", safe);
		else if (safe)
			text__paragraph(text, first, rest, "%s", safe);
		free(safe);
	}
	free(all);
}

static void print_verdict(struct text *text)
{
	if (!text->report->verdict.text || !text->report->verdict.text[0])
		return;
	fputc('\n', text->out);
	print_sentences(text, 2, 4);
}

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

static void print_modes(struct text *text)
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
	struct text_table table;
	char buf[TEXT_CELL];

	text_table__init(&table, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < text->report->n_modes; i++) {
		const struct report_mode *mode = &text->report->modes[i];
		uint64_t queue = mode->worker_time_ns[ACCOUNT_PREEMPTED] +
				 mode->worker_time_ns[ACCOUNT_WAKEUP];

		text_table__cell(&table, "%s", TEXT_SAFE(text, buf, mode->mode));
		wall_cell(&table, text, &mode->wall_ns);
		if (mode->speedup.known)
			text_table__cell(&table, "%.2f", mode->speedup.value);
		else
			text_table__cell(&table, "-");
		estimate_cell(&table, &mode->cores_used, 2);
		text_table__cell(&table, "%s",
				 text__percent(buf,
					       mode->cpu_util.n ? mode->cpu_util.median : NAN));
		estimate_cell(&table, &mode->voluntary, 0);
		estimate_cell(&table, &mode->involuntary, 0);
		if (text->report->probes.sched) {
			text_table__cell(&table, "%s",
					 text__share(buf, mode->worker_time_ns[ACCOUNT_LOCK],
						     mode->worker_lifetime_ns));
			text_table__cell(&table, "%s",
					 text__share(buf, queue, mode->worker_lifetime_ns));
		} else {
			own_share_cell(&table, mode->own.lock_wait_ns, mode->own.thread_ns);
			own_share_cell(&table, mode->own.run_delay_ns, mode->own.thread_ns);
		}
		text_table__cell(&table, "%s", text__maybe_duration(buf, mode->lock_wait.p99_ns));
	}
	fputc('\n', text->out);
	text_table__print(&table, text);
	if (!text->report->probes.sched)
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

static void print_bars(struct text *text)
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
	for (size_t i = 0; i < text->report->n_modes; i++) {
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

/* What to run next: only what this convoy can do. */
static void print_next(struct text *text)
{
	const struct report *report = text->report;
	bool alone = text__alone(report);
	char job[TEXT_CELL];
	size_t least = SIZE_MAX;

	for (size_t i = 0; i < report->n_modes; i++) {
		if (report->modes[i].wall_ns.n < least)
			least = report->modes[i].wall_ns.n;
	}
	if (!report->valid && (report->loss.ring || !alone)) {
		text__paragraph(text, 0, TEXT_LABEL, "%-*s%s with a larger --ring-bytes",
				TEXT_LABEL, "next", alone ? "once more," : "the same");
		return;
	}
	if (alone)
		return;
	TEXT_SAFE(text, job, report->job);
	if (least < 3)
		text__paragraph(text, 0, TEXT_LABEL, "%-*sthe same with -r 5, for intervals",
				TEXT_LABEL, "next");
	else if (!report->probes.sched)
		text__paragraph(text, 0, TEXT_LABEL,
				"%-*sthe same as root, without --probes=none, to see the locks",
				TEXT_LABEL, "next");
	else if (!job[0])
		return;
	else if (strcmp(report->job, "countdown") == 0)
		text__paragraph(text, 0, TEXT_LABEL,
				"%-*sconvoy run -j recursion (work that sleeps)", TEXT_LABEL,
				"next");
	else if (!text->options->threads)
		text__paragraph(text, 0, TEXT_LABEL,
				"%-*sconvoy run -j %s --threads (each thread's own "
				"account)",
				TEXT_LABEL, "next", job);
}

void text__first_screen(struct text *text)
{
	print_broken(text);
	print_host(text);
	print_audit(text);
	print_verdict(text);
	if (!text->report->n_modes) {
		fputc('\n', text->out);
		text__paragraph(text, 0, 2, "No mode was measured.");
		return;
	}
	print_modes(text);
	if (text->report->probes.sched)
		print_bars(text);
	text__job_metrics(text);
	fputc('\n', text->out);
	if (text->report->probes.sched)
		text__top_lock(text);
	print_next(text);
}

static void text__init(struct text *text, const struct report *report,
		       const struct render_options *options, FILE *out)
{
	*text = (struct text){
		.out = out,
		.report = report,
		.options = options,
		.width = options->width ? options->width : INT_MAX / 2,
	};
	if (text->width < WIDTH_LEAST)
		text->width = WIDTH_LEAST;
	errno = 0;
}

static int text__end(struct text *text)
{
	if (!text->err && ferror(text->out))
		text->err = errno ? -errno : -EIO;
	return text->err;
}

int render_verdict(const struct report *report, const struct render_options *options, FILE *out)
{
	struct text text;

	text__init(&text, report, options, out);
	print_sentences(&text, 0, 0);
	return text__end(&text);
}

int render_text(const struct report *report, const struct render_options *options, FILE *out)
{
	struct text text;

	text__init(&text, report, options, out);
	text__first_screen(&text);
	if (report->n_modes && report->probes.sched) {
		text__ledger(&text);
		text__locks(&text);
		text__runtimes(&text);
		text__cpus(&text);
		if (options->threads)
			text__threads(&text);
	}
	if (report->n_modes && options->verbose)
		text__tasks(&text);
	return text__end(&text);
}
