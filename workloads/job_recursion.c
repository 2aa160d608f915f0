/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * job_recursion.c - fib(12), fac(12) and sum(12), recursive; each call sleeps
 * first. The textbook example of threads that gain by waiting together, with
 * or without a GIL: the negative control of countdown.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "workloads/clock.h"
#include "workloads/job.h"

#include <stdio.h>

enum { FIB, FAC, SUM };

/* clang-format off: one instruction a line */

/* Sleep for local 1, then go on at `go_on` unless local 0 is below 2: then 1. */
#define SLEEP_AND_BASE(go_on)                                                         \
	{ .op = VM_LOAD, .arg = 1 }, { .op = VM_SLEEP }, { .op = VM_LOAD, .arg = 0 }, \
		{ .op = VM_PUSH, .arg = 2 }, { .op = VM_LT },                         \
		{ .op = VM_JUMP_ZERO, .arg = (go_on) }, { .op = VM_PUSH, .arg = 1 },  \
	{                                                                             \
		.op = VM_RET                                                          \
	}

/* function(n - less, ns) */
#define RECURSE(function, less)                                                          \
	{ .op = VM_LOAD, .arg = 0 }, { .op = VM_PUSH, .arg = (less) }, { .op = VM_SUB }, \
		{ .op = VM_LOAD, .arg = 1 },                                             \
	{                                                                                \
		.op = VM_CALL, .arg = (function)                                         \
	}

/* clang-format on */

static const struct vm_insn code[] = {
	/* 0: fib(n, ns) = n < 2 ? 1 : fib(n - 1) + fib(n - 2) */
	SLEEP_AND_BASE(8),
	RECURSE(FIB, 1),
	RECURSE(FIB, 2),
	{ .op = VM_ADD },
	{ .op = VM_RET },
	/* 20: fac(n, ns) = n < 2 ? 1 : n * fac(n - 1) */
	SLEEP_AND_BASE(28),
	{ .op = VM_LOAD, .arg = 0 },
	RECURSE(FAC, 1),
	{ .op = VM_MUL },
	{ .op = VM_RET },
	/* 36: sum(n, ns) = n < 2 ? 1 : n + sum(n - 1) */
	SLEEP_AND_BASE(44),
	{ .op = VM_LOAD, .arg = 0 },
	RECURSE(SUM, 1),
	{ .op = VM_ADD },
	{ .op = VM_RET },
};

static const struct vm_function functions[] = {
	[FIB] = { .name = "fib", .entry = 0, .end = 20, .args = 2, .locals = 2 },
	[FAC] = { .name = "fac", .entry = 20, .end = 36, .args = 2, .locals = 2 },
	[SUM] = { .name = "sum", .entry = 36, .end = 52, .args = 2, .locals = 2 },
};

_Static_assert(sizeof(code) / sizeof(code[0]) == 52, "entries above");

static const struct vm_program program = {
	.code = code,
	.length = sizeof(code) / sizeof(code[0]),
	.functions = functions,
	.function_count = sizeof(functions) / sizeof(functions[0]),
};

/*
 * Eight instructions in a call that ends the recursion. fib(12) makes 233 of
 * them and 232 others of 18; fac(12) and sum(12) make one and 11 others of 14.
 */
static const struct {
	const char *name;
	unsigned sleep_ms;
	unsigned calls;
	int64_t result;
	uint64_t instructions;
} tasks[] = {
	[FIB] = { "fib(12)", 5, 465, 233, 233 * 8 + 232 * 18 },
	[FAC] = { "fac(12)", 100, 12, 479001600, 8 + 11 * 14 },
	[SUM] = { "sum(12)", 100, 12, 78, 8 + 11 * 14 },
};

static void plan(const struct run_params *params, unsigned i, struct job_task *out)
{
	double ns = tasks[i].sleep_ms * (double)NSEC_PER_MSEC * params->sleep_scale;

	*out = (struct job_task){
		.function = i,
		.args = { 12, (int64_t)(ns + 0.5) },
		.arg_count = 2,
		.result = tasks[i].result,
		.instructions = tasks[i].instructions,
		.min_ns = tasks[i].calls * (uint64_t)(ns + 0.5),
	};
	snprintf(out->name, sizeof(out->name), "%s", tasks[i].name);
}

const struct job job_recursion = {
	.program = &program,
	.plan = plan,
};
