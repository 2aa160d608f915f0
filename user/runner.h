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
	unsigned rounds;	/* that were measured */
};

/*
 * Run every mode of the plan `plan->rounds` times, interleaved in rotated order.
 * Whatever happens, no child is left but the recorder, which was started with `table`.
 * Without a session it runs without probes. Returns 0 (then *outcome says how it went)
 * or a negative errno after a message.
 */
int runner__run(const struct run_plan *plan, struct session *session, struct recorder *recorder,
		const struct run_table *table, const char *work_path, struct run_outcome *outcome);

#endif /* CONVOY_RUNNER_H */
