/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * why.h - what a running process did, in a paragraph that a person can act on.
 *
 * Only what the report holds is said: every number is from it, and what is unknown is
 * left out. Pure.
 */
#ifndef CONVOY_WHY_H
#define CONVOY_WHY_H

#include <stdint.h>

#include "report.h"

/* What the report does not know of the process that was watched. */
struct why_context {
	uint32_t pid;
	const char *name;	/* its own, as it came from outside; NULL or "": unknown */
	double seconds;		/* how long it was watched; 0: unknown */
	unsigned cpus;		/* that it may use; 0: as report->host says */
	enum futex_probes futex;
};

/*
 * Explains the one mode of `report`: what its threads did, what they waited for and who
 * held it, what to try, and the command that shows more. Lines with '\n' between them, as
 * in report->verdict.text; thread and lock names in them have been made harmless for a
 * UTF-8 terminal, so none of them holds a newline. The caller frees *text.
 * Returns 0, -EINVAL when there is not exactly one mode, or -ENOMEM.
 */
int why__explain(const struct report *report, const struct why_context *context, char **text);

/*
 * The rule of why_rules.c that the explanation follows, by its name: "lock", "idle", ...
 * NULL when there is not exactly one mode.
 */
const char *why__rule(const struct report *report, const struct why_context *context);

#endif /* CONVOY_WHY_H */
