/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* catalog.c - the lists of jobs and modes, and look-ups in them. */
#include "workloads/catalog.h"

#include <string.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static const struct mode_info modes[MODE_COUNT] = {
#define MODE(mode_id, symbol, ...) [MODE_##mode_id] = { .id = MODE_##mode_id, __VA_ARGS__ },
#include "workloads/mode_rows.h"
#undef MODE
};

#define MODES(...) ((const char *const[]){ __VA_ARGS__, NULL })

static const struct job_info jobs[] = {
#define JOB(job_name, ...) { .name = #job_name, __VA_ARGS__ },
#include "workloads/job_rows.h"
#undef JOB
};

const struct mode_info *catalog_mode_at(size_t n)
{
	return n < ARRAY_SIZE(modes) ? &modes[n] : NULL;
}

const struct job_info *catalog_job_at(size_t n)
{
	return n < ARRAY_SIZE(jobs) ? &jobs[n] : NULL;
}

const struct mode_info *catalog_mode(const char *name)
{
	for (size_t i = 0; name && i < ARRAY_SIZE(modes); i++)
		if (!strcmp(modes[i].name, name))
			return &modes[i];
	return NULL;
}

const struct job_info *catalog_job(const char *name)
{
	for (size_t i = 0; name && i < ARRAY_SIZE(jobs); i++)
		if (!strcmp(jobs[i].name, name))
			return &jobs[i];
	return NULL;
}

unsigned catalog_workers(const struct job_info *job, const struct mode_info *mode, unsigned cpus)
{
	unsigned workers = cpus < 2 ? 2 : cpus;

	if (mode->pool && job->tasks && workers > job->tasks)
		workers = job->tasks;
	else if (!mode->pool && job->default_workers)
		workers = job->default_workers;
	if (workers < job->min_workers)
		workers = job->min_workers;
	return workers > CATALOG_MAX_WORKERS ? CATALOG_MAX_WORKERS : workers;
}

const char *catalog_refusal(const struct job_info *job, const struct mode_info *mode,
			    unsigned workers)
{
	if (!job)
		return "there is no such job";
	if (!mode)
		return "there is no such mode";
	if (workers == 0)
		return "without a worker nobody does the work: use at least 1 worker";
	if (workers > CATALOG_MAX_WORKERS)
		return "so many workers would measure the creation of threads and processes, "
		       "not their work: use at most 1024 workers";
	if (job->tasks && workers > job->tasks)
		return job->too_many;
	if (job->refusals[mode->id])
		return job->refusals[mode->id];
	return workers < job->min_workers ? job->too_few : NULL;
}
