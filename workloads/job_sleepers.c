/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * job_sleepers.c - five tasks, each sleeps a random time in [0, 3) s: the
 * textbook example of a pool of processes. Nothing limits it but the number of
 * workers: a GIL is released for a sleep, and a CPU is not needed.
 *
 * The times depend on the seed alone, not on the C library.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "workloads/clock.h"
#include "workloads/job.h"

#include <stdio.h>

#define MAX_SLEEP_NS (3 * NSEC_PER_SEC)

static const struct vm_insn code[] = {
	/* 0: sleeper(ns, ms): sleep, return ms */
	{ .op = VM_LOAD, .arg = 0 },
	{ .op = VM_SLEEP },
	{ .op = VM_LOAD, .arg = 1 },
	{ .op = VM_RET },
};

static const struct vm_function functions[] = {
	{ .name = "sleeper", .entry = 0, .end = 4, .args = 2, .locals = 2 },
};

static const struct vm_program program = {
	.code = code,
	.length = sizeof(code) / sizeof(code[0]),
	.functions = functions,
	.function_count = 1,
};

/* SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators). */
static uint64_t random_number(uint64_t seed, unsigned i)
{
	uint64_t z = seed + (i + 1ull) * 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

static void plan(const struct run_params *params, unsigned i, struct job_task *out)
{
	/* Milliseconds first: what is said to be slept is then exactly that. */
	uint64_t ms = (random_number(params->seed, i) >> 32) * (MAX_SLEEP_NS / NSEC_PER_MSEC) >> 32;
	double ns = (double)(ms * NSEC_PER_MSEC) * params->sleep_scale;

	*out = (struct job_task){
		.args = { (int64_t)(ns + 0.5), (int64_t)ms },
		.arg_count = 2,
		.result = (int64_t)ms,
		.instructions = 4,
		.min_ns = (uint64_t)(ns + 0.5),
	};
	snprintf(out->name, sizeof(out->name), "sleep-%u", i + 1);
}

const struct job job_sleepers = {
	.program = &program,
	.plan = plan,
};
