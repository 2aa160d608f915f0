/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * runner.h - run the rounds of a plan, and have them recorded.
 */
#ifndef CONVOY_RUNNER_H
#define CONVOY_RUNNER_H

#include <stdbool.h>

#include "recorder.h"
#include "run_plan.h"
#include "session.h"
#include "work_argv.h"
#include "workloads/lock_table.h"

/* Where the work publishes its locks; shared with it and with the recorder. */
struct run_table {
	struct lock_table *locks;
	int fd;
};

/* 0 or a negative errno after a message; run_table__free() ends it, after an error, too. */
int run_table__new(struct run_table *table);
void run_table__free(struct run_table *table);

struct run_outcome {
	int signal;		/* that ended it early; 0: none */
	bool workload_failed;	/* after a message */
	/* The round, from 1, in which a mode of an interpreter failed, after a message; 0: none. */
	unsigned failed_in[MAX_MODES];
	unsigned rounds;	/* that were measured */
};

/* How much of what the plan asked for is left out: modes that failed, interpreters that cannot
 * be used. */
size_t run_outcome__left_out(const struct run_outcome *outcome, const struct run_plan *plan);

/* That as a part of a sentence, "" if it is all there or for another reason not. */
void run_outcome__explain(const struct run_outcome *outcome, const struct run_plan *plan,
			  char *text, size_t size);

/* What runs the modes of a plan, and as whom. */
struct run_means {
	struct work_places places;
	struct interpreter_user user;	/* of interpreters */
};

/*
 * Run every mode of the plan `plan->rounds` times, interleaved in rotated order. A mode of
 * convoy's own or a command that fails ends it all; one of an interpreter is left out from then on.
 * Whatever happens, no child is left but the recorder, which was started with `table`.
 * Without a session it runs without probes. Returns 0 (then *outcome says how it went)
 * or a negative errno after a message.
 */
int runner__run(const struct run_plan *plan, struct session *session, struct recorder *recorder,
		const struct run_table *table, const struct run_means *means,
		struct run_outcome *outcome);

#endif /* CONVOY_RUNNER_H */
