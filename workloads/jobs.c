/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* jobs.c - the list of the jobs' bodies. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "workloads/job.h"

#include <string.h>

static const struct {
	const char *name;
	const struct job *job;
} jobs[] = {
#define JOB(symbol, ...) { #symbol, &job_##symbol },
#include "workloads/job_rows.h"
#undef JOB
};

const struct job *job__find(const char *name)
{
	for (size_t i = 0; i < sizeof(jobs) / sizeof(jobs[0]); i++)
		if (!strcmp(jobs[i].name, name))
			return jobs[i].job;
	return NULL;
}
