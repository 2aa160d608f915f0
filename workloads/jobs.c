/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* jobs.c - the table of the jobs' bodies. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "workloads/job.h"

#include <string.h>

static const struct job *const jobs[] = {
	&job_countdown,
	&job_recursion,
};

const struct job *job__find(const char *name)
{
	for (size_t i = 0; i < sizeof(jobs) / sizeof(jobs[0]); i++)
		if (!strcmp(jobs[i]->name, name))
			return jobs[i];
	return NULL;
}
