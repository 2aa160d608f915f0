/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * runtime_sums.h - language runtimes of several rounds of one mode: what waiting for their
 * locks cost, and how many threads could have run. Pure.
 */
#ifndef CONVOY_RUNTIME_SUMS_H
#define CONVOY_RUNTIME_SUMS_H

#include "ledger.h"
#include "report.h"

struct runtime_sums;

int runtime_sums__new(struct runtime_sums **sums);	/* 0 or -ENOMEM */
void runtime_sums__free(struct runtime_sums *sums);	/* NULL is fine */

/*
 * Add a round that took `wall_ns`: a finished ledger, and what the recording says of its
 * processes (NULL: nothing). Returns 0 or -ENOMEM.
 */
int runtime_sums__add(struct runtime_sums *sums, struct ledger *ledger, const struct words *words,
		      uint64_t wall_ns);

/* Fill mode->runtimes and mode->could_run. Returns 0 or -ENOMEM. */
int runtime_sums__fill(const struct runtime_sums *sums, bool futex_exits, struct report_mode *mode);

#endif /* CONVOY_RUNTIME_SUMS_H */
