/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * work_result.h - what convoy-work says of a round it ran ("convoy.work/1").
 */
#ifndef CONVOY_WORK_RESULT_H
#define CONVOY_WORK_RESULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

struct work_task {
	char name[32];
	char result[32];
	uint32_t pid, tid;	/* as the workload sees them */
	uint64_t start_ns, end_ns;	/* CLOCK_MONOTONIC */
	bool ok;
};

/* A worker, by its own clock and the kernel's own account of it. */
struct work_thread {
	uint32_t pid, tid;
	uint64_t start_ns, end_ns;	/* CLOCK_MONOTONIC */
	uint64_t lock_wait_ns;		/* in acquires that were contended, on its CPU or off */
	bool has_lock_wait;	/* an interpreter has no clock for its lock */
	uint64_t run_ns, run_delay_ns;	/* /proc/thread-self/schedstat */
	bool has_schedstat;
};

/* Something that the job measured of itself. */
struct work_metric {
	char name[40];
	double value;
};

struct work_result {
	struct work_task *tasks;
	size_t n_tasks;
	struct work_thread *threads;	/* the workers */
	size_t n_threads;
	struct work_metric *metrics;
	size_t n_metrics;
};

/*
 * Parse convoy-work's JSON. Returns 0, -ENOMEM, or -EBADMSG for anything that is
 * not such a result. work_result__free() ends it.
 */
int work_result__parse(struct work_result *result, const char *json, size_t size);
/* The same, parsed as JSON already. */
int work_result__of_json(struct work_result *result, const json_t *json);
void work_result__free(struct work_result *result);

#endif /* CONVOY_WORK_RESULT_H */
