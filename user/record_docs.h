/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * record_docs.h - the documents of a recording: what they are called and what they say.
 *
 * One place that writes each and reads it back, so that the two cannot part. Pure.
 * docs/recording-format.md has the keys.
 */
#ifndef CONVOY_RECORD_DOCS_H
#define CONVOY_RECORD_DOCS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

#include <jansson.h>

#include "report.h"
#include "syscalls.h"
#include "words.h"
#include "workloads/lock_table.h"

enum record_doc {
	RECORD_DOC_OTHER,	/* one that this version does not know */
	RECORD_DOC_META,	/* first of all: host, probes, what was asked for */
	RECORD_DOC_ROUND,	/* a round begins; its events follow */
	RECORD_DOC_LOCKS,	/* locks that the work published, before their first events */
	RECORD_DOC_WORDS,	/* what futex words are, at any time within their round */
	RECORD_DOC_RUNTIME,	/* a language runtime in a process, likewise */
	RECORD_DOC_STOP,	/* the round is over at that time; what follows tells how it stood */
	RECORD_DOC_LOSS,	/* what was lost since the recording began, if more than before */
	RECORD_DOC_ROUND_END,	/* how the round went */
	RECORD_DOC_END,		/* last: how all of it went */
};

enum record_doc record_docs__type(const json_t *document);

/* Bytes that may not be UTF-8: a string, or else an object with them in hexadecimal. */
json_t *record_docs__bytes(const char *text, size_t size);
/* Back into `text`, NUL-terminated; cut to `size`. False if it is neither. */
bool record_docs__to_bytes(const json_t *json, char *text, size_t size);

enum recording_kind { RECORDING_OF_RUN, RECORDING_OF_COMMAND, RECORDING_OF_TARGETS };

/* One way to run, or what was recorded. */
struct record_mode {
	char label[64];
	char **command;		/* NULL-terminated, owned; NULL: none */
	struct report_interpreter interpreter;	/* an empty name: none */
};

/*
 * META. Of the report, what is known before anything runs: version, command line, host,
 * probes, job, reference, workers, params, allow_loss.
 */
struct record_meta {
	enum recording_kind kind;
	struct report *report;		/* borrowed */
	struct record_mode *modes;
	size_t n_modes;
	uint64_t realtime_ns;		/* CLOCK_REALTIME when CLOCK_MONOTONIC was: */
	uint64_t monotonic_ns;
	struct syscalls *syscalls;	/* read only; owned. Writing takes the native ones */
};

/* NULL without memory. */
json_t *record_docs__meta(const struct record_meta *meta);
/* Into `meta->report` and the rest. 0, -EBADMSG or -ENOMEM; record_meta__free() ends both. */
int record_docs__read_meta(const json_t *document, struct record_meta *meta);
void record_meta__free(struct record_meta *meta);

struct record_round {
	char mode[64];
	uint64_t start_ns;
	uint32_t first_id;	/* threads with ids up to this one are of earlier rounds */
};

json_t *record_docs__round(const struct record_round *round);
int record_docs__read_round(const json_t *document, struct record_round *round);

/* The entries [from, to) of a table that are filled in. */
json_t *record_docs__locks(const struct lock_table *table, uint32_t from, uint32_t to);
/* Adds to the table, as far as there is room. */
int record_docs__read_locks(const json_t *document, struct lock_table *table);

/* What the recorder found out about words; in a recording, before its round's end. */
json_t *record_docs__words(const struct word_info *infos, size_t n);
/* Adds to the table. 0, -EBADMSG or -ENOMEM. */
int record_docs__read_words(const json_t *document, struct words *words);
json_t *record_docs__runtime(const struct runtime_info *info);
int record_docs__read_runtime(const json_t *document, struct words *words);

json_t *record_docs__stop(uint64_t end_ns);
int record_docs__read_stop(const json_t *document, uint64_t *end_ns);

/* All that was lost until then. The last one counts, and END says the final numbers. */
json_t *record_docs__loss(const struct report_loss *loss);
int record_docs__read_loss(const json_t *document, struct report_loss *loss);

struct record_round_end {
	bool measured;		/* false: interrupted or failed, its numbers are not to be used */
	uint64_t end_ns;	/* when it was over for who waited; 0: not known */
	bool has_usage;
	struct rusage usage;	/* of the whole process tree, by wait4(2) */
	uint64_t tool_cpu_ns;	/* of all of the tool's processes */
	json_t *work;		/* convoy-work's result; NULL: none. Borrowed */
};

json_t *record_docs__round_end(const struct record_round_end *end);
int record_docs__read_round_end(const json_t *document, struct record_round_end *end);

struct record_end {
	bool incomplete;	/* interrupted: rounds are missing */
	struct report_loss loss;
	struct maybe stolen_share;
	int command_status;	/* exit status as a shell has it; -1: none, or not known */
	char incomplete_why[240];	/* "" : interrupted */
};

json_t *record_docs__end(const struct record_end *end);
int record_docs__read_end(const json_t *document, struct record_end *end);

#endif /* CONVOY_RECORD_DOCS_H */
