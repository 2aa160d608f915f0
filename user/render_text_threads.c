/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * render_text_threads.c - the text report's lists of threads and of tasks.
 */
#include "render_text.h"

#include <inttypes.h>

static void duration_cell(struct text_table *table, uint64_t ns)
{
	char buf[TEXT_CELL];

	text_table__cell(table, "%s", text__duration(buf, (double)ns));
}

/* The host's number, and in brackets the thread's own where that is another. */
static void id_cell(struct text_table *table, uint32_t host, uint32_t own)
{
	if (own && own != host)
		text_table__cell(table, "%" PRIu32 " (%" PRIu32 ")", host, own);
	else
		text_table__cell(table, "%" PRIu32, host);
}

/* How long it lived, and which ends of that life were not its own. */
static void life_cell(struct text_table *table, const struct report_thread *thread)
{
	char buf[TEXT_CELL];

	text_table__cell(table, "%s%s%s%s", text__duration(buf, (double)thread->lifetime_ns),
			 thread->since_before || thread->unfinished ? " " : "",
			 thread->since_before ? "<" : "", thread->unfinished ? ">" : "");
}

static void thread_row(struct text *text, struct text_table *table, const struct report_mode *mode,
		       const struct report_thread *thread, bool one_round)
{
	uint64_t life = thread->lifetime_ns;
	const uint64_t *ns = thread->time_ns;
	char buf[TEXT_CELL];

	if (!one_round) {
		text_table__cell(table, "%s", TEXT_SAFE(text, buf, mode->mode));
		text_table__cell(table, "%u", thread->round + 1);
	}
	id_cell(table, thread->pid, thread->ns_pid);
	id_cell(table, thread->tid, thread->ns_tid);
	text_table__cell(table, "%s", TEXT_SAFE(text, buf, thread->comm));
	text_table__cell(table, "%s", TEXT_SAFE(text, buf, thread->role));
	life_cell(table, thread);
	text_table__cell(table, "%s", text__share(buf, ns[ACCOUNT_RUNNING], life));
	text_table__cell(table, "%s",
			 text__share(buf, ns[ACCOUNT_PREEMPTED] + ns[ACCOUNT_WAKEUP], life));
	text_table__cell(table, "%s", text__share(buf, ns[ACCOUNT_LOCK], life));
	text_table__cell(table, "%s", text__share(buf, ns[ACCOUNT_SLEEP], life));
	text_table__cell(table, "%" PRIu64, thread->voluntary);
	text_table__cell(table, "%" PRIu64, thread->involuntary);
	text_table__cell(table, "%s",
			 !thread->audited    ? "-" :
			 thread->audit_equal ? "equal" :
					       "DIFFERS");
}

void text__threads(struct text *text)
{
	static const struct text_column columns[] = {
		{ "mode", false, 12, 0 },
		{ "round", true, 0, 1 },
		{ "pid", true, 0, 6 },
		{ "tid", true, 0, 0 },
		{ "comm", false, 8, 2 },
		{ "role", false, 0, 10 },
		{ "life", true, 0, 0 },
		{ "running", true, 0, 3 },
		{ "runnable", true, 0, 5 },
		{ "lock", true, 0, 4 },
		{ "sleep", true, 0, 7 },
		{ "vol", true, 0, 8 },
		{ "invol", true, 0, 9 },
		{ "audit", false, 0, 11 },
	};
	/* Of one round, the first two columns would say the same in every row. */
	bool one_round = text->report->n_modes == 1 && text->report->modes[0].rounds == 1;
	size_t skip = one_round ? 2 : 0;
	bool cuts = false, own = false;
	struct text_table table;

	for (size_t i = 0; i < text->report->n_modes; i++) {
		const struct report_mode *mode = &text->report->modes[i];

		for (size_t j = 0; j < mode->n_threads; j++) {
			const struct report_thread *thread = &mode->threads[j];

			cuts |= thread->since_before || thread->unfinished;
			own |= thread->ns_tid && thread->ns_tid != thread->tid;
		}
	}
	text__heading(text, "threads: % of each life");
	text_table__init(&table, columns + skip, sizeof(columns) / sizeof(columns[0]) - skip);
	for (size_t i = 0; i < text->report->n_modes; i++) {
		const struct report_mode *mode = &text->report->modes[i];

		for (size_t j = 0; j < mode->n_threads; j++)
			thread_row(text, &table, mode, &mode->threads[j], one_round);
	}
	text_table__print(&table, text);
	if (own)
		text__paragraph(text, 0, 2,
				"In brackets: the number in the thread's own PID namespace.");
	if (cuts)
		text__paragraph(text, 0, 2,
				"life: < it was there before the recording began, > it was off the "
				"CPU when the recording ended.");
}

void text__tasks(struct text *text)
{
	static const struct text_column columns[] = {
		{ "mode", false, 12, 0 },
		{ "round", true, 0, 1 },
		{ "task", false, 12, 0 },
		{ "pid", true, 0, 5 },
		{ "tid", true, 0, 4 },
		{ "start", true, 0, 2 },
		{ "end", true, 0, 0 },
		{ "result", true, 12, 3 },
	};
	struct text_table table;
	char buf[TEXT_CELL];

	text_table__init(&table, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < text->report->n_modes; i++) {
		const struct report_mode *mode = &text->report->modes[i];

		for (size_t j = 0; j < mode->n_tasks; j++) {
			const struct report_task *task = &mode->tasks[j];

			text_table__cell(&table, "%s", TEXT_SAFE(text, buf, mode->mode));
			text_table__cell(&table, "%u", task->round + 1);
			text_table__cell(&table, "%s", TEXT_SAFE(text, buf, task->name));
			text_table__cell(&table, "%" PRIu32, task->pid);
			text_table__cell(&table, "%" PRIu32, task->tid);
			duration_cell(&table, task->start_ns);
			duration_cell(&table, task->end_ns);
			text_table__cell(&table, "%s", TEXT_SAFE(text, buf, task->result));
		}
	}
	if (!table.n_cells && !table.err)
		return;
	text__heading(text, "tasks: by their own clock, since the release");
	text_table__print(&table, text);
}
