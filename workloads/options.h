/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * options.h - the command line of convoy-work.
 */
#ifndef CONVOY_WORK_OPTIONS_H
#define CONVOY_WORK_OPTIONS_H

#include "workloads/run.h"

struct job_info;
struct mode_info;

struct options {
	struct run_params params;
	const struct job_info *job;
	const struct mode_info *mode;
	int has_inside;
	int has_outside;
	int list;      /* --list: nothing else counts */
	int worker_fd; /* a spawned worker's run, or -1 */
	unsigned worker_index;
};

/*
 * Parse and check all that can be checked without touching the machine; what
 * is wrong has been printed. An option that the job or mode does not need is
 * checked, but then ignored. Returns 0 or -EINVAL. params.workers stays 0 when
 * -w was not given. --help, --usage, --version and misspelt options end the
 * process here: argp does that.
 */
int options__parse(int argc, char **argv, struct options *options);

#endif /* CONVOY_WORK_OPTIONS_H */
