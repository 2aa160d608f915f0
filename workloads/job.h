/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * job.h - the bodies of the jobs: one program each, the same in every mode.
 *
 * A new job is one file that defines a struct job, and one row in job_rows.h.
 * A job that only computes and sleeps needs a program and a plan. The rest is
 * for jobs whose workers have to do with each other or with the kernel.
 */
#ifndef CONVOY_JOB_H
#define CONVOY_JOB_H

#include "workloads/run.h"
#include "workloads/vm.h"

#define JOB_MAX_ARGS 4

struct worker;

/* One task: a call of one function of the job's program. */
struct job_task {
	char name[TASK_NAME_LEN];
	size_t function;
	int64_t args[JOB_MAX_ARGS];
	size_t arg_count;
	int64_t result;	       /* what it must return */
	uint64_t instructions; /* what it must execute */
	uint64_t min_ns;       /* what it must at least take by its own clock */
};

/*
 * A native function of a program. It is called with the GIL held and must
 * release it around whatever may block (worker.h). Returns 0 or a negative
 * errno, which ends the task and the worker.
 */
typedef int (*job_native)(struct worker *worker, int64_t argument, int64_t *result);

struct job {
	const struct vm_program *program;
	const job_native *natives; /* program->natives of them */
	/* Describe task number i (from 0). Pure: every process makes its own. */
	void (*plan)(const struct run_params *params, unsigned i, struct job_task *out);
	size_t area_size; /* bytes of shared memory, see run__area() */
	/* If one of its processes dies, the others can finish, and shall. */
	int goes_on;

	/* All below may be NULL. What returns an int returns 0 or a negative errno. */

	/* In the main process, before there is any worker. */
	int (*prepare)(struct run *run);
	/* Undo that, also half-way; once in every process that has forked from it. */
	void (*release)(struct run *run);
	/* In each process that has workers, before they work: tell of the locks. */
	int (*publish)(const struct run *run);
	/*
	 * What the job's workers serve: runs on a thread of its own in the main
	 * process, which is no worker, knows no GIL, and begins when all workers
	 * are started or about to be.
	 */
	int (*client)(struct run *run);
	/* A worker failed: whoever waits for it must not wait for ever. */
	void (*abort)(struct run *run);
	/*
	 * In the main process, when all came to their end: judge the results as a
	 * whole and work out the metrics. -EPROTO if they are wrong, after a word
	 * on what is wrong. Some workers may have failed; then only that matters.
	 */
	int (*finish)(struct run *run);
};

#define JOB(symbol, ...) extern const struct job job_##symbol;
#include "workloads/job_rows.h"
#undef JOB

/* NULL if there is none. */
const struct job *job__find(const char *name);

/* Add to the run's metrics; what does not fit is a mistake in a job and left out. */
void job__add_metric(struct run *run, const char *name, uint64_t value);
/* How often a second something happened; nothing is added for no time at all. */
void job__add_rate(struct run *run, const char *name, uint64_t times, uint64_t ns);

#endif /* CONVOY_JOB_H */
