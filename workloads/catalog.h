/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * catalog.h - which jobs and modes exist, for both binaries.
 *
 * Linked into convoy (to list, to choose defaults, to refuse early) and into
 * convoy-work (which runs them). Pure data and look-ups.
 */
#ifndef CONVOY_CATALOG_H
#define CONVOY_CATALOG_H

#include <stddef.h>

enum mode_id {
	MODE_SERIAL,
	MODE_THREADS,
	MODE_GIL_TICKS,
	MODE_GIL_TIMED,
	MODE_PROCESSES,
	MODE_COUNT,
};

struct mode_info {
	const char *name;	/* as on the command line */
	const char *summary;	/* one line, for `convoy list` */
	int gil;		/* its threads share a global lock */
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
	unsigned tasks;		/* fixed number of tasks; 0: one per worker */
	const char *too_many;	/* the refusal of more workers than tasks */
};

/* More workers than this are refused for every job. */
#define CATALOG_MAX_WORKERS 1024

/* Look a name up; NULL if there is none. */
const struct mode_info *catalog_mode(const char *name);
const struct job_info *catalog_job(const char *name);

/* The n-th, in the order to list them; NULL past the end. */
const struct mode_info *catalog_mode_at(size_t n);
const struct job_info *catalog_job_at(size_t n);

/*
 * Why this job makes no sense in this mode with this many workers: a sentence
 * for the user, or NULL when it does.
 */
const char *catalog_refusal(const struct job_info *job, const struct mode_info *mode,
			    unsigned workers);

#endif /* CONVOY_CATALOG_H */
