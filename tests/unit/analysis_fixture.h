/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * analysis_fixture.h - recordings written in a test, and the reports of them.
 *
 * Needs no test framework, so that what throws damage at the analysis can use it: what
 * must not fail ends the program.
 */
#ifndef CONVOY_TESTS_ANALYSIS_FIXTURE_H
#define CONVOY_TESTS_ANALYSIS_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "user/analysis.h"
#include "user/record_docs.h"

/* A recording in memory that is being written. */
struct written {
	struct recording_writer *writer;
	int fd;
	bool finished;
};

struct written written__new(void);
/* As `convoy record` says it, of one mode "command", or of these; its META can be changed. */
json_t *meta_of(enum recording_kind kind, const char *const *modes, size_t n_modes);
/* Each takes the document. */
void write_document(struct written *written, json_t *document);
void write_json(struct written *written, const char *json);
void write_event(struct written *written, const struct convoy_ev_hdr *event);
void write_round(struct written *written, const char *mode, uint64_t start_ns, uint32_t first_id);
void write_round_end(struct written *written, uint64_t end_ns, bool measured);
void write_end(struct written *written);
void written__finish(struct written *written);
void written__free(struct written *written);

/* All of its bytes until now, owned by who asks. */
uint8_t *written__bytes(struct written *written, size_t *size);

/* What analysis__read() returns of these bytes; `options` may be NULL. */
int analyse(const void *bytes, size_t size, const struct analysis_options *options,
	    struct report **report, struct recording_status *status);

#endif /* CONVOY_TESTS_ANALYSIS_FIXTURE_H */
