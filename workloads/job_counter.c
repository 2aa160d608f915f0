/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * job_counter.c - workers increment one shared counter under a lock.
 *
 * An increment reads the counter, works, and writes it: without the lock they
 * would be lost. --inside is that work, --outside the work between two of them,
 * so their ratio is how much the lock is wanted.
 *
 * Between processes the lock is a robust mutex. A worker that dies with it
 * loses its increment, but the others go on.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "workloads/bytecode.h"
#include "workloads/clock.h"
#include "workloads/job.h"
#include "workloads/job_lock.h"
#include "workloads/mode.h"
#include "workloads/publish.h"
#include "workloads/work_log.h"
#include "workloads/worker.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

enum { ACQUIRE, READ, WRITE, RELEASE, NATIVES };

enum { N, INSIDE, OUTSIDE, LEFT, VALUE, DONE, LOCALS };

struct area {
	struct job_lock lock;
	int64_t counter __attribute__((aligned(128))); /* under lock */
};

static const struct vm_insn code[] = {
	/* 0: counter(n, inside, outside): while done < n */
	{ .op = VM_LOAD, .arg = DONE },
	{ .op = VM_LOAD, .arg = N },
	{ .op = VM_LT },
	{ .op = VM_JUMP_ZERO, .arg = 41 },
	/* 4: work outside */
	{ .op = VM_LOAD, .arg = OUTSIDE },
	{ .op = VM_STORE, .arg = LEFT },
	BYTECODE_COUNT_DOWN(6, LEFT),
	/* 15: acquire, read */
	{ .op = VM_PUSH },
	{ .op = VM_NATIVE, .arg = ACQUIRE },
	{ .op = VM_NATIVE, .arg = READ },
	{ .op = VM_STORE, .arg = VALUE },
	/* 19: work inside */
	{ .op = VM_LOAD, .arg = INSIDE },
	{ .op = VM_STORE, .arg = LEFT },
	BYTECODE_COUNT_DOWN(21, LEFT),
	/* 30: write value + 1, release */
	{ .op = VM_LOAD, .arg = VALUE },
	{ .op = VM_PUSH, .arg = 1 },
	{ .op = VM_ADD },
	{ .op = VM_NATIVE, .arg = WRITE },
	{ .op = VM_NATIVE, .arg = RELEASE },
	{ .op = VM_POP },
	/* 36: done += 1 */
	{ .op = VM_LOAD, .arg = DONE },
	{ .op = VM_PUSH, .arg = 1 },
	{ .op = VM_ADD },
	{ .op = VM_STORE, .arg = DONE },
	{ .op = VM_JUMP, .arg = 0 },
	/* 41: return done */
	{ .op = VM_LOAD, .arg = DONE },
	{ .op = VM_RET },
};

static const struct vm_function functions[] = {
	{ .name = "counter", .entry = 0, .end = 43, .args = 3, .locals = LOCALS },
};

static const struct vm_program program = {
	.code = code,
	.length = sizeof(code) / sizeof(code[0]),
	.functions = functions,
	.function_count = 1,
	.natives = NATIVES,
};

static struct area *area_of(const struct worker *worker)
{
	return run__area(worker->run->shared);
}

static int acquire(struct worker *worker, int64_t argument, int64_t *result)
{
	*result = argument;
	return job_lock__acquire(&area_of(worker)->lock, worker);
}

static int read_counter(struct worker *worker, int64_t argument, int64_t *result)
{
	(void)argument;
	*result = area_of(worker)->counter;
	return 0;
}

static int write_counter(struct worker *worker, int64_t argument, int64_t *result)
{
	*result = argument;
	area_of(worker)->counter = argument;
	return 0;
}

/* Wakes a waiter if there is one, but never waits itself: the GIL stays. */
static int release_lock(struct worker *worker, int64_t argument, int64_t *result)
{
	*result = argument;
	return job_lock__release(&area_of(worker)->lock);
}

static const job_native natives[NATIVES] = {
	[ACQUIRE] = acquire,
	[READ] = read_counter,
	[WRITE] = write_counter,
	[RELEASE] = release_lock,
};

static void plan(const struct run_params *params, unsigned i, struct job_task *out)
{
	*out = (struct job_task){
		.args = { (int64_t)params->work, (int64_t)params->inside,
			  (int64_t)params->outside },
		.arg_count = 3,
		.result = (int64_t)params->work,
		/* 23 instructions an increment besides its work, 6 to see the end. */
		.instructions = params->work * (23 + BYTECODE_COUNT_DOWN_COST(params->inside) +
						BYTECODE_COUNT_DOWN_COST(params->outside)) +
				6,
	};
	snprintf(out->name, sizeof(out->name), "counter-%u", i + 1);
}

static int prepare(struct run *run)
{
	struct area *area = run__area(run->shared);

	return job_lock__init(&area->lock, run->spawner->processes);
}

static int publish(const struct run *run)
{
	const struct area *area = run__area(run->shared);

	return publish__lock(run->publisher, &area->lock, sizeof(area->lock), LOCK_MUTEX,
			     LOCK_ROLE_ACQUIRE, "counter mutex");
}

static int finish(struct run *run)
{
	const struct run_shared *shared = run->shared;
	const struct area *area = run__area(shared);
	uint64_t wanted = shared->params.work * shared->task_count, recovered = 0;
	int whole = 1;

	for (unsigned i = 0; i < shared->slot_count; i++) {
		recovered += shared->slots[i].job_lock.recovered;
		whole &= shared->slots[i].finished && !shared->slots[i].error;
	}
	job__add_metric(run, "increments", (uint64_t)area->counter);
	job__add_rate(run, "increments_per_s", (uint64_t)area->counter,
		      shared->end_ns - shared->start_ns);
	job__add_metric(run, "locks_recovered", recovered);
	if (!whole || (uint64_t)area->counter == wanted)
		return 0;
	work_log__print("the counter is %" PRId64 ", not %" PRIu64, area->counter, wanted);
	return -EPROTO;
}

const struct job job_counter = {
	.program = &program,
	.plan = plan,
	.natives = natives,
	.area_size = sizeof(struct area),
	.goes_on = 1,
	.prepare = prepare,
	.publish = publish,
	.finish = finish,
};
