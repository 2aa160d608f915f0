/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * runner.h - run the rounds of a plan under the probes.
 */
#ifndef CONVOY_RUNNER_H
#define CONVOY_RUNNER_H

#include <stdbool.h>

#include "metrics.h"
#include "run_plan.h"
#include "session.h"

struct run_outcome {
	int signal;		/* that ended it early; 0: none */
	bool workload_failed;	/* after a message */
	struct report_loss loss;
	struct maybe stolen_share;
};

/*
 * Run every mode of the plan `plan->rounds` times, interleaved in rotated order,
 * and add each round to metrics[i] of its mode. Whatever happens, no child is
 * left. Without a session it runs without probes. Returns 0 (then *outcome says how it went) or a negative errno after a
 * message.
 */
int runner__run(const struct run_plan *plan, struct session *session, const char *work_path,
		struct mode_metrics **metrics, struct run_outcome *outcome);

#endif /* CONVOY_RUNNER_H */
