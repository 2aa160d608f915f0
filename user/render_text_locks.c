// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * render_text_locks.c - the locks of the text report: the one on its first screen, and the
 * section.
 */
#include "render_text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "classify.h"
#include "contention.h"

#define COVERED 0.5		/* of the waiting; where holders are known for less, it is said */
#define DETAILS 3		/* locks of each mode that are told of in sentences */

const char *text__lock_name(const struct text *text, char *buf, const struct report_lock *lock)
{
	char name[sizeof(lock->name) + sizeof(lock->runtime) + 8];

	if (!lock->name[0])
		snprintf(name, sizeof(name), "(unnamed %s)", lock_kind__name(lock->kind));
	else if (lock->runtime[0] && !report_lock__names_runtime(lock))
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

/* Threads waited on futexes of which nobody knows whether they are locks. */
static bool maybe_locks(const struct report *report)
{
	for (size_t i = 0; i < report->n_modes; i++)
		if (report_mode__maybe_locks(&report->modes[i]) >= MAYBE_LOCKS)
			return true;
	return false;
}

/* The lock that was waited for the most, of all modes; NULL: none was. */
static const struct report_lock *find_top(const struct report *report,
					  const struct report_mode **where)
{
	const struct report_lock *top = NULL;

	for (size_t i = 0; i < report->n_modes; i++) {
		for (size_t j = 0; j < report->modes[i].n_locks; j++) {
			const struct report_lock *lock = &report->modes[i].locks[j];

			if (report_lock__contended(lock) &&
			    (!top || lock->total_ns > top->total_ns)) {
				top = lock;
				*where = &report->modes[i];
			}
		}
	}
	return top;
}

/* Why its waiters wait although nobody works under it, and what to do about it. */
static void print_trouble(struct text *text, unsigned first, unsigned rest,
			  const struct report_lock *lock)
{
	enum holder_trouble trouble;
	char part[TEXT_CELL];
	double share;

	trouble = report_lock__trouble(lock, &share);
	if (trouble == HOLDERS_WORK)
		return;
	text__percent(part, share);
	if (trouble == HOLDERS_PREEMPTED)
		text__paragraph(text, first, rest,
				"lock-holder preemption: for %s of the waiting its holders wanted "
				"to run and had no CPU: %s",
				part, holder_trouble__advice(lock, trouble));
	else
		text__paragraph(text, first, rest,
				"for %s of the waiting its holders were asleep or in I/O with it "
				"held: %s",
				part, holder_trouble__advice(lock, trouble));
}

void text__top_lock(struct text *text)
{
	const struct report_mode *where = NULL;
	const struct report_lock *top = find_top(text->report, &where);
	char name[TEXT_CELL], mode[TEXT_CELL], hold[TEXT_CELL], line[TEXT_CELL];
	char holders[TEXT_CELL], covered[TEXT_CELL];
	double seconds = 0;
	int n = 0;

	if (!top) {
		if (!maybe_locks(text->report))
			text__paragraph(text, 0, TEXT_LABEL, "%-*snone: no thread slept for a lock",
					TEXT_LABEL, "top lock");
		return;
	}
	for (size_t i = 0; i < where->wall_ns.n; i++)
		seconds += where->wall_ns.rounds[i] / 1e9;
	line[0] = '\0';
	if (seconds > 0 && (double)top->handoffs / seconds >= TEXT_LEAST_RATE)
		n = snprintf(line, sizeof(line), ": %.*f handoffs/s",
			     (double)top->handoffs / seconds < 10 ? 1 : 0,
			     (double)top->handoffs / seconds);
	if (top->mean_hold_ns.known)
		snprintf(line + n, sizeof(line) - (size_t)n, "%s held %s on average", n ? "," : ":",
			 text__duration(hold, top->mean_hold_ns.value));
	text__paragraph(text, 0, TEXT_LABEL, "%-*s%s (%s)%s", TEXT_LABEL, "top lock",
			text__lock_name(text, name, top), TEXT_SAFE(text, mode, where->mode), line);
	if (!top->n_holders) {
		text__paragraph(text, TEXT_LABEL, TEXT_LABEL, "holders unknown");
		return;
	}
	text__paragraph(text, TEXT_LABEL, TEXT_LABEL,
			"held by %s (holder known for %s of the waiting)",
			text__holders(text, holders, top, 4),
			text__percent(covered, report_lock__coverage(top)));
	print_trouble(text, TEXT_LABEL, TEXT_LABEL, top);
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
	count_cell(table, lock->interrupted);
	text_table__cell(table, "%" PRIu64, lock->lost_races);
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

/* Is it known where it was first waited for, and does its name not say so already? */
static bool has_site(const struct report_lock *lock)
{
	size_t name = strnlen(lock->name, sizeof(lock->name));
	size_t site = strnlen(lock->site, sizeof(lock->site));

	return site && !memmem(lock->name, name, lock->site, site);
}

/* "3 locks of this name, with priority inheritance, robust": what else is known of it. */
static size_t say_nature(FILE *out, const struct text *text, const struct report_lock *lock)
{
	const struct {
		bool is;
		const char *words;
	} flags[] = {
		{ lock->pi, "with priority inheritance" },
		{ lock->robust, "robust" },
		{ lock->shared, "shared between processes" },
	};
	char site[TEXT_CELL];
	size_t said = 0;

	if (has_site(lock)) {
		fprintf(out, ": first waited for in %s", TEXT_SAFE(text, site, lock->site));
		said++;
	}
	if (lock->objects > 1)
		fprintf(out, "%s%u locks of this name, added up", said++ ? "; " : ": ",
			lock->objects);
	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++)
		if (flags[i].is)
			fprintf(out, "%s%s", said++ ? ", " : ": ", flags[i].words);
	return said;
}

/* Who held it, and what they did meanwhile. */
static void say_holders(FILE *out, const struct text *text, const struct report_lock *lock)
{
	const struct report_holding *held = &lock->held;
	uint64_t all = report_holding__total(held);
	char holders[TEXT_CELL], parts[4][TEXT_CELL];

	if (!lock->n_holders && !all) {
		fputs("who held it is not known", out);
		return;
	}
	fprintf(out, "held by %s", text__holders(text, holders, lock, 4));
	if (all)
		fprintf(out,
			"; while others waited its holders ran %s, were runnable but not running "
			"%s, slept %s, waited %s",
			text__share(parts[0], held->running, all),
			text__share(parts[1], held->runnable, all),
			text__share(parts[2], held->asleep, all),
			text__share(parts[3], held->waiting, all));
	fprintf(out, " (holder known for %s of the waiting)",
		text__percent(parts[0], report_lock__coverage(lock)));
}

/* Is there more to say of it than the table does? */
static bool has_details(const struct report_lock *lock)
{
	/* Whoever waits for a thread to end does so in pthread_join(3). */
	if (lock->kind == LOCK_JOIN)
		return false;
	return has_site(lock) || lock->objects > 1 || lock->pi || lock->robust || lock->shared ||
	       (report_lock__contended(lock) &&
		(report_holding__total(&lock->held) || report_lock__coverage(lock) < COVERED));
}

static void print_details(struct text *text, const struct report_mode *mode,
			  const struct report_lock *lock, bool trouble)
{
	char name[TEXT_CELL], of[TEXT_CELL], *words = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&words, &size);

	if (!out) {
		text->err = text->err ? text->err : -ENOMEM;
		return;
	}
	fputs(text__lock_name(text, name, lock), out);
	if (text->report->n_modes > 1)
		fprintf(out, " (%s)", TEXT_SAFE(text, of, mode->mode));
	if (!say_nature(out, text, lock))
		fputs(": ", out);
	else if (report_lock__contended(lock))
		fputs("; ", out);
	if (report_lock__contended(lock))
		say_holders(out, text, lock);
	if (fclose(out)) {
		text->err = text->err ? text->err : -ENOMEM;
	} else {
		text__paragraph(text, 0, 2, "%s", words);
		if (trouble && report_lock__contended(lock))
			print_trouble(text, 2, 4, lock);
	}
	free(words);
}

/*
 * Is it worth a row? An interpreter waits for much that is its own business, start and end and
 * queues of work; and there may be ten of them. So of theirs there are the GIL, and locks whose
 * waits matter.
 */
static bool in_table(const struct text *text, const struct report_mode *mode,
		     const struct report_lock *lock)
{
	if (text->options->verbose || !report_mode__family(mode)[0])
		return true;
	return lock->kind == LOCK_GIL ||
	       (report_lock__contended(lock) && report_lock__matters(mode, lock));
}

/* Below the table: of those that matter, what holders did, and where they were waited for. */
static void print_all_details(struct text *text, size_t most)
{
	const struct report_mode *where = NULL;
	const struct report_lock *top = find_top(text->report, &where);
	bool verbose = text->options->verbose, any = false;

	for (size_t i = 0; i < text->report->n_modes; i++) {
		const struct report_mode *mode = &text->report->modes[i];
		size_t said = 0;

		for (size_t j = 0; j < mode->n_locks && j < most; j++) {
			const struct report_lock *lock = &mode->locks[j];

			if (!has_details(lock) || !in_table(text, mode, lock) ||
			    (!verbose && (said == DETAILS || !report_lock__matters(mode, lock))))
				continue;
			if (!any)
				fputc('\n', text->out);
			any = true;
			/* Of the top lock, the first screen says it. */
			print_details(text, mode, lock, lock != top);
			said++;
		}
	}
}

void text__locks(struct text *text)
{
	static const struct text_column columns[] = {
		{ "mode", false, 12, 0 },
		{ "lock", false, 24, 0 },
		{ "kind", false, 0, 6 },
		{ "episodes", true, 0, 4 },
		{ "waits", true, 0, 10 },
		{ "early", true, 0, 12 },
		{ "timeouts", true, 0, 13 },
		{ "eagain", true, 0, 11 },
		{ "interrupted", true, 0, 15 },
		{ "lost races", true, 0, 14 },
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
	struct text_column chosen[sizeof(columns) / sizeof(*columns)];
	size_t left_out = 0, shown = 0;
	struct text_table table;

	text__heading(text, text__alone(text->report) ? "locks: blocked" :
							"locks: blocked in all rounds");
	memcpy(chosen, columns, sizeof(chosen));
	/* "python3.13:processes" cut to twelve columns would be any of its modes. */
	for (size_t i = 0; i < text->report->n_modes; i++)
		if (report_mode__family(&text->report->modes[i])[0])
			chosen[0].least = 20;
	text_table__init(&table, chosen, sizeof(columns) / sizeof(columns[0]));
	table.middle = 1;
	for (size_t i = 0; i < text->report->n_modes; i++) {
		const struct report_mode *mode = &text->report->modes[i];

		for (size_t j = 0; j < mode->n_locks; j++) {
			if (j >= most || !in_table(text, mode, &mode->locks[j])) {
				left_out++;
				continue;
			}
			lock_row(text, &table, mode, &mode->locks[j]);
			shown++;
		}
	}
	if (shown) {
		text_table__print(&table, text);
	} else {
		text_table__free(&table);
		text__paragraph(text, 0, 2, "none");
	}
	print_unseen(text, left_out);
	print_all_details(text, most);
}
