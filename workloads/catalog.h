/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * catalog.h - which jobs and modes exist, for both binaries.
 *
 * Linked into convoy (to list, to choose defaults, to refuse early) and into
 * convoy-work (which runs them). Pure data and look-ups; the rows are in
 * job_rows.h and mode_rows.h.
 */
#ifndef CONVOY_CATALOG_H
#define CONVOY_CATALOG_H

#include <stddef.h>

/* MODE_SERIAL, MODE_THREADS, ... */
enum mode_id {
#define MODE(id, ...) MODE_##id,
#include "workloads/mode_rows.h"
#undef MODE
	MODE_COUNT,
};

struct mode_info {
	enum mode_id id;
	const char *name;	/* as on the command line */
	const char *summary;	/* one line, for `convoy list` */
	int gil;		/* its threads share a global lock */
	int processes;		/* its workers are processes: --start applies */
	int pool;		/* each worker takes the next task when it is free */
};

struct job_info {
	const char *name;
	const char *summary;
	const char *const *default_modes;	/* NULL-terminated */
	unsigned default_workers;	/* 0: as many as CPUs, at least 2 */
	unsigned default_rounds;
	unsigned long long default_work;	/* -n; unit in work_unit */
	unsigned long long max_work;
	const char *work_unit;	/* NULL: the job takes no -n */
	int sleeps;		/* --sleep-scale applies */
	int seeded;		/* --seed applies */
	int lock_work;		/* --inside and --outside apply: */
	unsigned long long default_inside;	/* iterations with the lock held */
	unsigned long long default_outside;	/* and without it */
	unsigned tasks;		/* fixed number of tasks; 0: one per worker */
	const char *too_many;	/* the refusal of more workers than tasks */
	unsigned min_workers;	/* 0: one is enough */
	const char *too_few;	/* the refusal of fewer */
	const char *refusals[MODE_COUNT];	/* why it makes no sense there; or NULL */
};

/* More workers than this are refused for every job. */
#define CATALOG_MAX_WORKERS 1024

#define CATALOG_DEFAULT_SEED 11	/* sleeps of 0.5 to 1.9 s, 5.7 s together */
#define CATALOG_MAX_SEED 4294967295ull
#define CATALOG_MAX_LOCK_WORK 1000000000ull	/* of --inside and of --outside */

/* Look a name up; NULL if there is none. */
const struct mode_info *catalog_mode(const char *name);
const struct job_info *catalog_job(const char *name);

/* The n-th, in the order to list them; NULL past the end. */
const struct mode_info *catalog_mode_at(size_t n);
const struct job_info *catalog_job_at(size_t n);

/*
 * How many workers this job has in this mode, on so many CPUs, when nobody says
 * (-w). The same in all modes but pool, where a job of a fixed number of tasks
 * gets one for each CPU, at least 2 and not more than tasks.
 */
unsigned catalog_workers(const struct job_info *job, const struct mode_info *mode, unsigned cpus);

/*
 * Why this job makes no sense in this mode with this many workers: a sentence
 * for the user, or NULL when it does.
 */
const char *catalog_refusal(const struct job_info *job, const struct mode_info *mode,
			    unsigned workers);

#endif /* CONVOY_CATALOG_H */
