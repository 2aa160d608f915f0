/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * why_plan.h - what `convoy why` was asked to do, checked.
 */
#ifndef CONVOY_WHY_PLAN_H
#define CONVOY_WHY_PLAN_H

#include <stdbool.h>
#include <sys/types.h>

#include "render.h"

struct why_plan {
	pid_t pid;
	double seconds;
	const struct renderer *renderer;	/* text or json */
	const char *recording;	/* file to keep it in; NULL: none is kept */
	bool force;		/* replace that file */
	bool verbose;
};

/*
 * Parse the arguments after `convoy` (argv[0] is "why"). Whether the process exists and
 * the file can be written is not asked here. Returns 0, or -EINVAL after a message.
 * --help, --version and unknown options end the process, as argp does.
 */
int why_plan__parse(struct why_plan *plan, int argc, char **argv);

#endif /* CONVOY_WHY_PLAN_H */
