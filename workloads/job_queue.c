/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * job_queue.c - a producer feeds workers, who answer.
 *
 * Worker-1 puts numbers into a queue from which all other workers take, N each;
 * they put their answers into a second one, which the producer reads. The
 * producer runs at most WINDOW messages ahead of the answers, so that neither
 * waits for room in both queues at once.
 *
 * Between threads the queues are shared memory with a mutex and conditions,
 * between processes they are pipes: what a message costs is the point.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "workloads/channel.h"
#include "workloads/job.h"
#include "workloads/mode.h"
#include "workloads/worker.h"

#include <stdio.h>

#define WINDOW CHANNEL_ROOM
#define QUEUE_ROOM (WINDOW / 4) /* so that the producer has to wait for room too */

enum { PUT_QUESTION, GET_QUESTION, PUT_ANSWER, GET_ANSWER, NATIVES };
enum { PRODUCE, ANSWER };
enum { N, DONE, SENT, SUM, LOCALS };

struct area {
	struct channel questions;
	struct channel answers;
};

static const struct vm_insn code[] = {
	/* 0: produce(n): while done < n */
	{ .op = VM_LOAD, .arg = DONE },
	{ .op = VM_LOAD, .arg = N },
	{ .op = VM_LT },
	{ .op = VM_JUMP_ZERO, .arg = 30 },
	/* 4: if sent < n and sent < done + WINDOW */
	{ .op = VM_LOAD, .arg = SENT },
	{ .op = VM_LOAD, .arg = N },
	{ .op = VM_LT },
	{ .op = VM_JUMP_ZERO, .arg = 20 },
	{ .op = VM_LOAD, .arg = SENT },
	{ .op = VM_LOAD, .arg = DONE },
	{ .op = VM_PUSH, .arg = WINDOW },
	{ .op = VM_ADD },
	{ .op = VM_LT },
	{ .op = VM_JUMP_ZERO, .arg = 20 },
	/* 14: put sent, sent += 1 (the result of PUT is 1) */
	{ .op = VM_LOAD, .arg = SENT },
	{ .op = VM_NATIVE, .arg = PUT_QUESTION },
	{ .op = VM_LOAD, .arg = SENT },
	{ .op = VM_ADD },
	{ .op = VM_STORE, .arg = SENT },
	{ .op = VM_JUMP, .arg = 0 },
	/* 20: else sum += get, done += 1 */
	{ .op = VM_PUSH },
	{ .op = VM_NATIVE, .arg = GET_ANSWER },
	{ .op = VM_LOAD, .arg = SUM },
	{ .op = VM_ADD },
	{ .op = VM_STORE, .arg = SUM },
	{ .op = VM_LOAD, .arg = DONE },
	{ .op = VM_PUSH, .arg = 1 },
	{ .op = VM_ADD },
	{ .op = VM_STORE, .arg = DONE },
	{ .op = VM_JUMP, .arg = 0 },
	/* 30: return sum */
	{ .op = VM_LOAD, .arg = SUM },
	{ .op = VM_RET },
	/* 32: answer(n): while done < n */
	{ .op = VM_LOAD, .arg = DONE },
	{ .op = VM_LOAD, .arg = N },
	{ .op = VM_LT },
	{ .op = VM_JUMP_ZERO, .arg = 47 },
	/* 36: put 2 * get + 1, done += 1 */
	{ .op = VM_PUSH },
	{ .op = VM_NATIVE, .arg = GET_QUESTION },
	{ .op = VM_PUSH, .arg = 2 },
	{ .op = VM_MUL },
	{ .op = VM_PUSH, .arg = 1 },
	{ .op = VM_ADD },
	{ .op = VM_NATIVE, .arg = PUT_ANSWER },
	{ .op = VM_LOAD, .arg = DONE },
	{ .op = VM_ADD },
	{ .op = VM_STORE, .arg = DONE },
	{ .op = VM_JUMP, .arg = 32 },
	/* 47: return done */
	{ .op = VM_LOAD, .arg = DONE },
	{ .op = VM_RET },
};

static const struct vm_function functions[] = {
	[PRODUCE] = { .name = "produce", .entry = 0, .end = 32, .args = 1, .locals = LOCALS },
	[ANSWER] = { .name = "answer", .entry = 32, .end = 49, .args = 1, .locals = 2 },
};

static const struct vm_program program = {
	.code = code,
	.length = sizeof(code) / sizeof(code[0]),
	.functions = functions,
	.function_count = 2,
	.natives = NATIVES,
};

static struct area *area_of(const struct worker *worker)
{
	return run__area(worker->run->shared);
}

static int put_question(struct worker *worker, int64_t argument, int64_t *result)
{
	*result = 1;
	return channel__put(&area_of(worker)->questions, worker, argument);
}

static int get_question(struct worker *worker, int64_t argument, int64_t *result)
{
	(void)argument;
	return channel__get(&area_of(worker)->questions, worker, result);
}

static int put_answer(struct worker *worker, int64_t argument, int64_t *result)
{
	*result = 1;
	return channel__put(&area_of(worker)->answers, worker, argument);
}

static int get_answer(struct worker *worker, int64_t argument, int64_t *result)
{
	(void)argument;
	return channel__get(&area_of(worker)->answers, worker, result);
}

static const job_native natives[NATIVES] = {
	[PUT_QUESTION] = put_question,
	[GET_QUESTION] = get_question,
	[PUT_ANSWER] = put_answer,
	[GET_ANSWER] = get_answer,
};

static uint64_t messages_of(const struct run_params *params)
{
	return params->work * (params->workers - 1);
}

static void plan(const struct run_params *params, unsigned i, struct job_task *out)
{
	uint64_t all = messages_of(params), last = all < WINDOW ? all : WINDOW;

	if (i) {
		*out = (struct job_task){
			.function = ANSWER,
			.args = { (int64_t)params->work },
			.arg_count = 1,
			.result = (int64_t)params->work,
			.instructions = 15 * params->work + 6,
		};
		snprintf(out->name, sizeof(out->name), "answer-%u", i);
		return;
	}
	*out = (struct job_task){
		.name = "produce",
		.function = PRODUCE,
		.args = { (int64_t)all },
		.arg_count = 1,
		/* The sum of the first odd numbers is a square. */
		.result = (int64_t)(all * all),
		/* A put is 20, a get 24, or 18 when all is sent. */
		.instructions = 20 * all + 24 * (all - last) + 18 * last + 6,
	};
}

static int prepare(struct run *run)
{
	struct area *area = run__area(run->shared);
	int err = channel__init(&area->questions, run->spawner->processes, QUEUE_ROOM);
	int err2 = channel__init(&area->answers, run->spawner->processes, WINDOW);

	return err ? err : err2;
}

static void release(struct run *run)
{
	struct area *area = run__area(run->shared);

	channel__fini(&area->questions);
	channel__fini(&area->answers);
}

static int publish(const struct run *run)
{
	const struct area *area = run__area(run->shared);
	int err = channel__publish(&area->questions, run->publisher, "queue");

	return err ? err : channel__publish(&area->answers, run->publisher, "answers");
}

static void abort_all(struct run *run)
{
	struct area *area = run__area(run->shared);

	channel__close(&area->questions);
	channel__close(&area->answers);
}

static int finish(struct run *run)
{
	const struct task_slot *produce = run__tasks(run->shared);
	uint64_t messages = messages_of(&run->shared->params);

	if (!produce->finished)
		return 0;
	job__add_metric(run, "messages", messages);
	job__add_rate(run, "messages_per_s", messages, produce->end_ns - produce->start_ns);
	return 0;
}

const struct job job_queue = {
	.program = &program,
	.plan = plan,
	.natives = natives,
	.area_size = sizeof(struct area),
	.prepare = prepare,
	.release = release,
	.publish = publish,
	.abort = abort_all,
	.finish = finish,
};
