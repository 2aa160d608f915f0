/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* jobs.c - the list of the jobs' bodies, and what they have in common. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "workloads/clock.h"
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

void job__add_metric(struct run *run, const char *name, uint64_t value)
{
	struct run_metrics *metrics = &run->shared->metrics;

	if (metrics->count == RUN_MAX_METRICS)
		return;
	metrics->list[metrics->count++] = (struct run_metric){ .name = name, .whole = value };
}

void job__add_rate(struct run *run, const char *name, uint64_t times, uint64_t ns)
{
	struct run_metrics *metrics = &run->shared->metrics;

	if (!ns || metrics->count == RUN_MAX_METRICS)
		return;
	metrics->list[metrics->count++] = (struct run_metric){
		.name = name,
		.is_real = 1,
		.real = (double)times * NSEC_PER_SEC / (double)ns,
	};
}
