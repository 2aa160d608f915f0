/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * render_text.c - the text report, and its first screen: what was run, whether it can be
 * believed, what it means, and what to do next.
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
#define NEXT_INTERPRETERS 3	/* that a command is suggested with by name */
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

/* "--interpreter python2.7,python3.13": those that ran, or all if they are many; "" of none. */
static void which_interpreters(const struct text *text, char *buf, size_t size)
{
	const struct report *report = text->report;
	const char *last = "";
	size_t n = 0, used = 0;
	char name[TEXT_CELL];

	buf[0] = '\0';
	for (size_t i = 0; i < report->n_modes; i++) {
		const char *family = report_mode__family(&report->modes[i]);
		bool seen = !family[0] || !strcmp(family, last);

		for (size_t j = 0; j < i && !seen; j++)
			seen = !strcmp(family, report_mode__family(&report->modes[j]));
		if (seen)
			continue;
		last = family;
		text__safe(text, name, family, TEXT_FAMILY);
		if (++n > NEXT_INTERPRETERS || used + strlen(name) + 20 > size) {
			snprintf(buf, size, " --interpreter all");
			return;
		}
		used += (size_t)snprintf(buf + used, size - used, "%s%s",
					 n > 1 ? "," : " --interpreter ", name);
	}
}

/* Another job, or the same one otherwise, that tells what this one does not. */
static void print_next_job(struct text *text)
{
	static const struct {
		const char *after, *job, *why;
	} jobs[] = {
		{ "countdown", "recursion", "work that sleeps" },
		{ "recursion", "mixed", "requests beside work that computes" },
	};
	const char *job = text->report->job;
	char interpreters[TEXT_CELL], name[TEXT_CELL];

	which_interpreters(text, interpreters, sizeof(interpreters));
	for (size_t i = 0; i < sizeof(jobs) / sizeof(*jobs); i++) {
		/* What convoy's own machine shows of sleeping is shown better by what people use. */
		if (strcmp(job, jobs[i].after) != 0 || (i > 0 && !interpreters[0]))
			continue;
		text__paragraph(text, 0, TEXT_LABEL, "%-*sconvoy run -j %s%s (%s)", TEXT_LABEL,
				"next", jobs[i].job, interpreters, jobs[i].why);
		return;
	}
	TEXT_SAFE(text, name, text->report->job);
	if (!strcmp(job, "recursion"))
		text__paragraph(text, 0, TEXT_LABEL,
				"%-*sconvoy run -j %s --interpreter all (the same in your own "
				"interpreters)",
				TEXT_LABEL, "next", name);
	else if (!text->options->threads)
		text__paragraph(text, 0, TEXT_LABEL,
				"%-*sconvoy run -j %s%s --threads (each thread's own account)",
				TEXT_LABEL, "next", name, interpreters);
}

/* What to run next: only what this convoy can do. */
static void print_next(struct text *text)
{
	const struct report *report = text->report;
	bool alone = text__alone(report);
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
	if (least < 3)
		text__paragraph(text, 0, TEXT_LABEL, "%-*sthe same with -r 5, for intervals",
				TEXT_LABEL, "next");
	else if (!report->probes.sched)
		text__paragraph(text, 0, TEXT_LABEL,
				"%-*sthe same as root, without --probes=none, to see the locks",
				TEXT_LABEL, "next");
	else if (report->job[0])
		print_next_job(text);
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
	text__modes(text);
	if (text->report->probes.sched)
		text__bars(text);
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
