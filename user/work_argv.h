/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * work_argv.h - the command line of one mode of a plan.
 */
#ifndef CONVOY_WORK_ARGV_H
#define CONVOY_WORK_ARGV_H

#include <limits.h>
#include <stddef.h>

#include "run_plan.h"

/* Where what runs the bundled jobs is. */
struct work_places {
	char work[PATH_MAX];		/* convoy-work */
	char sources[PATH_MAX];		/* the folder with the sources of interpreters */
};

#define WORK_ARGS 32
struct work_argv {
	char text[WORK_ARGS][64];
	char source[PATH_MAX + 64];
	char *argv[WORK_ARGS + 1];	/* NULL-terminated; may point into the plan and the places */
	size_t n;
};

/*
 * One argument list for all modes: what a job or mode does not need, it ignores. It is
 * executed as it is (argv[0] is a path), and good as long as plan and places are.
 */
void work_argv__build(struct work_argv *args, const struct work_places *places,
		      const struct run_plan *plan, const struct plan_mode *mode);

#endif /* CONVOY_WORK_ARGV_H */
