// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis.h"
#include "ledger.h"
#include "metrics.h"
#include "record_docs.h"
#include "round_words.h"
#include "verdict.h"

struct analysis {
	const struct analysis_options *options;
	struct recording_status *status;
	struct report *report;
	struct record_meta meta;
	bool has_meta;
	struct mode_metrics **metrics;	/* by the modes of `meta` */
	struct lock_table *locks;	/* that the round's work published so far */
	struct round_words *words;
	uint64_t n_words;		/* documents of words and runtimes so far */
	uint64_t unmatched;		/* over all rounds, by the ledgers */
	unsigned rounds;		/* that began */
	bool lost_round;		/* one began whose end is missing */
	bool ended;			/* END was read */
	bool nonsense;			/* it stopped where the recording makes no sense */

	/* The round that is being read: */
	bool in_round;
	struct record_round round;
	const struct words *round_words;	/* NULL: none */
	size_t mode;			/* index of its mode */
	uint64_t start_ns;		/* of what is looked at */
	uint64_t stop_ns;		/* when it was stopped; 0: it was not */
	uint64_t to_ns;			/* where the part that is looked at ends; 0: with it */
	uint64_t last_ns;		/* time of its last event */
	uint64_t last_death_ns;		/* 0: none */
	struct ledger *ledger;		/* NULL without probes */
};

static int complain(struct analysis *analysis, const char *what)
{
	snprintf(analysis->status->damage, sizeof(analysis->status->damage), "%s", what);
	analysis->nonsense = analysis->has_meta;
	return -EBADMSG;
}

static int read_meta(struct analysis *analysis, const json_t *document)
{
	int err;

	if (analysis->has_meta)
		return complain(analysis, "a second beginning");
	analysis->meta.report = analysis->report;
	err = record_docs__read_meta(document, &analysis->meta);
	if (err)
		return err == -EBADMSG ?
			       complain(analysis, "what it says of itself makes no sense") :
			       err;
	analysis->has_meta = true;
	analysis->metrics = calloc(analysis->meta.n_modes + 1, sizeof(*analysis->metrics));
	analysis->report->modes =
		calloc(analysis->meta.n_modes + 1, sizeof(*analysis->report->modes));
	if (!analysis->metrics || !analysis->report->modes)
		return -ENOMEM;
	for (size_t i = 0; i < analysis->meta.n_modes && !err; i++)
		err = mode_metrics__new(&analysis->metrics[i], analysis->meta.modes[i].label);
	return err;
}

/* Nothing after the stop or the part that is looked at is booked. */
static void limit_ledger(struct analysis *analysis)
{
	uint64_t end_ns = analysis->stop_ns;

	if (analysis->to_ns && (!end_ns || analysis->to_ns < end_ns))
		end_ns = analysis->to_ns;
	if (analysis->ledger && end_ns)
		ledger__end_at(analysis->ledger, end_ns);
}

static void drop_round(struct analysis *analysis)
{
	ledger__free(analysis->ledger);
	analysis->ledger = NULL;
	analysis->in_round = false;
}

static int begin_round(struct analysis *analysis, const json_t *document)
{
	const struct analysis_options *options = analysis->options;
	struct ledger_options ledger_options = {
		.published = analysis->locks,
		.syscalls = analysis->meta.syscalls,
		.window = options->window,
	};
	int err;

	analysis->lost_round |= analysis->in_round;
	drop_round(analysis);
	analysis->round_words = ledger_options.words =
		round_words__of(analysis->words, analysis->rounds);
	if (record_docs__read_round(document, &analysis->round))
		return complain(analysis, "a round makes no sense");
	if (analysis->rounds++ && options->window)
		return -ERANGE;
	for (analysis->mode = 0; analysis->mode < analysis->meta.n_modes; analysis->mode++)
		if (!strcmp(analysis->meta.modes[analysis->mode].label, analysis->round.mode))
			break;
	if (analysis->mode == analysis->meta.n_modes)
		return complain(analysis, "a round is of no known mode");
	analysis->in_round = true;
	analysis->locks->count = 0;
	analysis->start_ns = analysis->round.start_ns + (options->window ? options->from_ns : 0);
	analysis->stop_ns = analysis->last_death_ns = 0;
	analysis->to_ns =
		options->window && options->to_ns ? analysis->round.start_ns + options->to_ns : 0;
	analysis->last_ns = analysis->round.start_ns;
	if (!analysis->report->probes.sched)
		return 0;
	ledger_options.start_ns = analysis->start_ns;
	ledger_options.first_id = analysis->round.first_id;
	err = ledger__new(&analysis->ledger, &ledger_options);
	if (!err)
		limit_ledger(analysis);
	return err;
}

/* When the round, or the part of it that is looked at, was over. */
static uint64_t end_of_round(const struct analysis *analysis, const struct record_round_end *end)
{
	uint64_t end_ns = analysis->stop_ns ? analysis->stop_ns :
			  !end		    ? analysis->last_ns :
			  analysis->last_death_ns ? analysis->last_death_ns :
						    end->end_ns;

	return analysis->to_ns && analysis->to_ns < end_ns ? analysis->to_ns : end_ns;
}

/* Add the round up: `end` is NULL when the recording was cut off in it. */
static int add_round(struct analysis *analysis, const struct record_round_end *end,
		     const struct work_result *work)
{
	struct round round = {
		.ledger = analysis->ledger,
		.words = analysis->round_words,
		.start_ns = analysis->start_ns,
		.end_ns = end_of_round(analysis, end),
		.work = work,
		/* Not known of what broke off, nor of a part. */
		.no_tool_cpu = !end || analysis->options->window,
		.no_yields = !end || analysis->options->window,
	};
	int err = 0;

	if (analysis->options->window && round.end_ns <= round.start_ns)
		return -ERANGE;
	if (analysis->options->window) {
		analysis->report->window.given = true;
		analysis->report->window.from_ns = round.start_ns - analysis->round.start_ns;
		analysis->report->window.to_ns = round.end_ns - analysis->round.start_ns;
	}
	if (round.end_ns < round.start_ns)
		return complain(analysis, "a round ends before it begins");
	if (end && !analysis->options->window) {
		round.has_usage = end->has_usage;
		round.usage = end->usage;
	}
	round.tool_cpu_ns = end ? end->tool_cpu_ns : 0;
	if (analysis->ledger && !end)
		err = ledger__finish_cut(analysis->ledger);
	else if (analysis->ledger)
		err = ledger__finish(analysis->ledger, round.end_ns);
	if (!err && analysis->ledger && !end)
		analysis->unmatched += ledger__unmatched_of_cut(analysis->ledger);
	else if (!err && analysis->ledger)
		analysis->unmatched +=
			ledger__unmatched(analysis->ledger) + ledger__n_vanished(analysis->ledger);
	if (!err)
		err = mode_metrics__add(analysis->metrics[analysis->mode], &round);
	return err;
}

static int end_round(struct analysis *analysis, const json_t *document)
{
	struct record_round_end end;
	struct work_result work = { 0 };
	int err;

	if (!analysis->in_round)
		return complain(analysis, "a round ends that did not begin");
	err = record_docs__read_round_end(document, &end);
	if (!err && end.measured && end.work)
		err = work_result__of_json(&work, end.work);
	if (err == -EBADMSG)
		complain(analysis, "what its work said makes no sense");
	if (!err && end.measured)
		err = add_round(analysis, &end, end.work ? &work : NULL);
	work_result__free(&work);
	drop_round(analysis);
	return err;
}

static int read_end(struct analysis *analysis, const json_t *document)
{
	struct report *report = analysis->report;
	struct record_end end;

	if (record_docs__read_end(document, &end))
		return complain(analysis, "its end makes no sense");
	analysis->ended = true;
	report->loss = end.loss;
	report->host.stolen_share = end.stolen_share;
	report->command_status = end.command_status;
	report->incomplete = end.incomplete;
	snprintf(report->incomplete_why, sizeof(report->incomplete_why), "%s", end.incomplete_why);
	return 0;
}

static int on_document(void *ctx, json_t *document)
{
	struct analysis *analysis = ctx;
	enum record_doc type = record_docs__type(document);

	if (type == RECORD_DOC_META)
		return read_meta(analysis, document);
	if (!analysis->has_meta)
		return complain(analysis, "it does not say what it is of");
	switch (type) {
	case RECORD_DOC_ROUND:
		return begin_round(analysis, document);
	case RECORD_DOC_LOCKS:
		if (record_docs__read_locks(document, analysis->locks))
			return complain(analysis, "a list of locks makes no sense");
		return 0;
	case RECORD_DOC_WORDS:
	case RECORD_DOC_RUNTIME:
		/* They were read before. */
		if (!round_words__good(analysis->words, analysis->n_words++))
			return complain(analysis, "what it says of futex words makes no sense");
		return 0;
	case RECORD_DOC_STOP:
		if (!analysis->in_round || analysis->stop_ns ||
		    record_docs__read_stop(document, &analysis->stop_ns))
			return complain(analysis, "a stop makes no sense");
		limit_ledger(analysis);
		return 0;
	case RECORD_DOC_LOSS:
		return record_docs__read_loss(document, &analysis->report->loss);
	case RECORD_DOC_ROUND_END:
		return end_round(analysis, document);
	case RECORD_DOC_END:
		return read_end(analysis, document);
	default:
		return 0; /* of a later version, and it can be done without */
	}
}

static int on_event(void *ctx, const struct convoy_ev_hdr *ev)
{
	struct analysis *analysis = ctx;
	int err;

	if (analysis->options->event) {
		err = analysis->options->event(analysis->options->ctx, ev);
		if (err)
			return err;
	}
	if (!analysis->ledger)
		return 0;
	if (ev->id > analysis->round.first_id && ev->time_ns > analysis->last_ns)
		analysis->last_ns = ev->time_ns;
	if (ev->id > analysis->round.first_id && ev->type == CONVOY_EV_DEATH &&
	    ev->time_ns > analysis->last_death_ns)
		analysis->last_death_ns = ev->time_ns;
	err = ledger__feed(analysis->ledger, ev);
	return err == -EBADMSG ? complain(analysis, "an event contradicts those before it") : err;
}

static int on_mapping(void *ctx, const struct mapping *mapping)
{
	const struct analysis *analysis = ctx;

	return analysis->options->mapping ?
		       analysis->options->mapping(analysis->options->ctx, mapping) :
		       0;
}

static char **copy_command(char **command)
{
	char **copy;
	size_t n = 0;

	while (command[n])
		n++;
	copy = calloc(n + 1, sizeof(*copy));
	for (size_t i = 0; copy && i < n; i++) {
		copy[i] = strdup(command[i]);
		if (!copy[i]) {
			while (i)
				free(copy[--i]);
			free(copy);
			return NULL;
		}
	}
	return copy;
}

/* All of the report that is made of what was added up. */
static int fill_report(struct analysis *analysis)
{
	struct report *report = analysis->report;
	struct metrics_context context = {
		.cpus_usable = report->host.cpus_usable,
		/* Which of them fell into a part of the recording is not known. */
		.futex_exits = report->probes.futex == FUTEX_ALL && !analysis->options->window,
	};
	int err = 0;

	/* A record that found no room is missed by the ledger too: named once. */
	if (analysis->unmatched > report->loss.ring &&
	    analysis->unmatched - report->loss.ring > report->loss.unmatched)
		report->loss.unmatched = analysis->unmatched - report->loss.ring;
	report->valid = !report->loss.ring && !report->loss.task_state && !report->loss.unmatched;
	for (size_t i = 0; i < analysis->meta.n_modes && !err; i++) {
		struct report_mode *mode = &report->modes[report->n_modes];

		/* An interrupted run shows the modes that it got to. */
		if (!mode_metrics__rounds(analysis->metrics[i]))
			continue;
		report->n_modes++;
		err = mode_metrics__fill(analysis->metrics[i], &context, mode);
		mode->interpreter = analysis->meta.modes[i].interpreter;
		if (!err && analysis->meta.modes[i].command) {
			mode->command = copy_command(analysis->meta.modes[i].command);
			err = mode->command ? 0 : -ENOMEM;
		}
	}
	if (err)
		return err;
	report__fill_speedups(report);
	return verdict__judge(report);
}

/* How far the last round was read. */
static double seconds_in(const struct analysis *analysis)
{
	return analysis->last_ns > analysis->round.start_ns ?
		       (double)(analysis->last_ns - analysis->round.start_ns) / 1e9 :
		       0;
}

/* A recording that was cut off: what it has of its last round, and how it ended. */
static int close_cut(struct analysis *analysis)
{
	struct report *report = analysis->report;
	const char *damage = analysis->status->damage;
	int err = 0;

	if (!analysis->has_meta)
		return complain(analysis, "it breaks off before it says what it is of");
	analysis->lost_round |= analysis->in_round;
	if (analysis->in_round && analysis->meta.kind != RECORDING_OF_RUN)
		err = add_round(analysis, NULL, NULL);
	drop_round(analysis);
	if (analysis->status->complete && analysis->ended && !analysis->lost_round)
		return err;
	report->incomplete = true;
	if (analysis->status->complete && analysis->ended)
		snprintf(report->incomplete_why, sizeof(report->incomplete_why),
			 "the end of a round is missing");
	else if (analysis->nonsense)
		snprintf(report->incomplete_why, sizeof(report->incomplete_why),
			 "the recording makes no sense from %.3f s on: %.120s",
			 seconds_in(analysis), damage);
	else
		/* What the recorder had lost by then, it says about once a second. */
		snprintf(report->incomplete_why, sizeof(report->incomplete_why),
			 "the recording breaks off: %.120s; what was lost in its last second is "
			 "not known",
			 damage[0] ? damage : "its end is missing");
	return err;
}

int analysis__read(int fd, const struct analysis_options *options, struct report **out,
		   struct recording_status *status)
{
	struct analysis analysis = {
		.options = options,
		.status = status,
		.report = report__new(),
		.locks = calloc(1, sizeof(*analysis.locks)),
	};
	struct recording_handler handler = {
		.event = on_event,
		.mapping = on_mapping,
		.document = on_document,
		.ctx = &analysis,
	};
	int err = analysis.report && analysis.locks ? 0 : -ENOMEM;

	memset(status, 0, sizeof(*status));
	if (!err)
		err = round_words__read(fd, &analysis.words);
	if (!err) {
		analysis.locks->magic = LOCK_TABLE_MAGIC;
		analysis.locks->capacity = LOCK_TABLE_CAPACITY;
		err = recording__read(fd, &handler, status);
	}
	/* What came before is good, as in one that breaks off there. */
	if (err == -EBADMSG && analysis.nonsense)
		err = 0;
	if (!err)
		err = close_cut(&analysis);
	if (!err)
		err = fill_report(&analysis);
	for (size_t i = 0; analysis.metrics && i < analysis.meta.n_modes; i++)
		mode_metrics__free(analysis.metrics[i]);
	free(analysis.metrics);
	drop_round(&analysis);
	record_meta__free(&analysis.meta);
	round_words__free(analysis.words);
	free(analysis.locks);
	if (err) {
		report__free(analysis.report);
		return err;
	}
	*out = analysis.report;
	return 0;
}
