/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * job_countdown.c - while n > 0: n -= 1. The classic benchmark of a GIL: it
 * only computes, so nothing but the lock can stand in the way of two threads.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "workloads/bytecode.h"
#include "workloads/job.h"

#include <stdio.h>

static const struct vm_insn code[] = {
	/* 0: countdown(n) */
	BYTECODE_COUNT_DOWN(0, 0),
	/* 9: return n */
	{ .op = VM_LOAD, .arg = 0 },
	{ .op = VM_RET },
};

static const struct vm_function functions[] = {
	{ .name = "countdown", .entry = 0, .end = 11, .args = 1, .locals = 1 },
};

static const struct vm_program program = {
	.code = code,
	.length = sizeof(code) / sizeof(code[0]),
	.functions = functions,
	.function_count = 1,
};

static void plan(const struct run_params *params, unsigned i, struct job_task *out)
{
	*out = (struct job_task){
		.args = { (int64_t)params->work },
		.arg_count = 1,
		.result = 0,
		.instructions = BYTECODE_COUNT_DOWN_COST(params->work) + 2,
	};
	snprintf(out->name, sizeof(out->name), "countdown-%u", i + 1);
}

const struct job job_countdown = {
	.program = &program,
	.plan = plan,
};
