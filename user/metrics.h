/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * metrics.h - rounds of one mode, added up into what its report says. Pure.
 */
#ifndef CONVOY_METRICS_H
#define CONVOY_METRICS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>

#include "ledger.h"
#include "report.h"
#include "work_result.h"

/* One measured round, ready to be added up. Nothing in it is kept. */
struct round {
	struct ledger *ledger;		/* finished; NULL: it ran without probes */
	const struct words *words;	/* what is known of its processes; may be NULL */
	uint64_t start_ns, end_ns;	/* release of the cork, last exit */
	bool has_usage;			/* else CPU time is what the threads' own add up to */
	struct rusage usage;		/* of the whole process tree */
	uint64_t tool_cpu_ns;
	bool no_tool_cpu, no_yields;	/* they are not known */
	const struct work_result *work;	/* NULL: a command that says nothing of itself */
};

struct mode_metrics;

int mode_metrics__new(struct mode_metrics **metrics, const char *mode);
void mode_metrics__free(struct mode_metrics *metrics);

/* Returns 0 or -ENOMEM. */
int mode_metrics__add(struct mode_metrics *metrics, const struct round *round);

/* Rounds added so far. */
unsigned mode_metrics__rounds(const struct mode_metrics *metrics);

struct metrics_context {
	unsigned cpus_usable;	/* base of cpu_util */
	bool futex_exits;	/* time-outs and EAGAIN were counted */
};

/* Fill a zeroed `mode`, but for the speed-up. Returns 0 or -ENOMEM. */
int mode_metrics__fill(const struct mode_metrics *metrics, const struct metrics_context *context,
		       struct report_mode *mode);

/*
 * Fill in each mode's speed-up, if what it is against was run: for the family of
 * report->reference (report_mode__family()) and for commands that, for any other family its
 * serial.
 */
void report__fill_speedups(struct report *report);

#endif /* CONVOY_METRICS_H */
