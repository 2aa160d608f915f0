/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* catalog.c - the rows of jobs and modes, and look-ups in them. */
#include "workloads/catalog.h"

#include <string.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static const struct mode_info modes[MODE_COUNT] = {
	[MODE_SERIAL] = {
		.name = "serial",
		.summary = "one thread does the work of all workers in turn",
	},
	[MODE_THREADS] = {
		.name = "threads",
		.summary = "one thread per worker, no global lock",
	},
	[MODE_GIL_TICKS] = {
		.name = "gil-ticks",
		.summary = "threads under a GIL released every few instructions (Python 2)",
		.gil = 1,
	},
	[MODE_GIL_TIMED] = {
		.name = "gil-timed",
		.summary = "threads under a GIL released on a timed request (Python 3.2 and later)",
		.gil = 1,
	},
	[MODE_PROCESSES] = {
		.name = "processes",
		.summary = "one process per worker, each with its own interpreter and GIL",
	},
};

static const char *const countdown_modes[] = {
	"serial", "gil-ticks", "gil-timed", "threads", "processes", NULL,
};

static const char *const recursion_modes[] = {
	"serial", "threads", "gil-timed", "processes", NULL,
};

static const struct job_info jobs[] = {
	{
		.name = "countdown",
		.summary = "each worker counts N down to 0 in bytecode: pure computing",
		.default_modes = countdown_modes,
		.default_workers = 0,
		.default_rounds = 5,
		.default_work = 12000000ull,
		.max_work = 1000000000000ull,
		.work_unit = "iterations of each worker",
	},
	{
		.name = "recursion",
		.summary = "fib(12), fac(12) and sum(12), where each call sleeps first: waiting",
		.default_modes = recursion_modes,
		.default_workers = 3,
		.default_rounds = 1,
		.sleeps = 1,
		.tasks = 3,
		.too_many = "recursion has three tasks (fib, fac, sum), so a fourth worker would "
			    "have nothing to do: use at most 3 workers",
	},
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
	return NULL;
}
