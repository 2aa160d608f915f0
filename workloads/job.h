/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * job.h - the bodies of the jobs: one program each, the same in every mode.
 *
 * A new job is one file that defines a struct job, and one row in job_rows.h.
 */
#ifndef CONVOY_JOB_H
#define CONVOY_JOB_H

#include "workloads/run.h"
#include "workloads/vm.h"

#define JOB_MAX_ARGS 4

/* One task: a call of one function of the job's program. */
struct job_task {
	char name[TASK_NAME_LEN];
	size_t function;
	int64_t args[JOB_MAX_ARGS];
	size_t arg_count;
	int64_t result;	       /* what it must return */
	uint64_t instructions; /* what it must execute */
};

struct job {
	const struct vm_program *program;
	/* Describe task number i (from 0). Pure: every process makes its own. */
	void (*plan)(const struct run_params *params, unsigned i, struct job_task *out);
};

#define JOB(symbol, ...) extern const struct job job_##symbol;
#include "workloads/job_rows.h"
#undef JOB

/* NULL if there is none. */
const struct job *job__find(const char *name);

#endif /* CONVOY_JOB_H */
