/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * job_mixed.c - a server beside computing: the convoy effect.
 *
 * Worker-1 answers N requests, one after another, over a pair of sockets; all
 * others count down, COMPUTE iterations for each request, which is about as
 * long as a request needs under a GIL with its usual switch interval. The
 * server releases the GIL around receiving and sending. Whenever it wants it
 * back, a computing thread has it, and gives it up only when asked to.
 *
 * The client is a thread of the main process that is no worker and never takes
 * the GIL: as if it were another machine. It is a thread and not a process so
 * that it ends with the run in every case; what it does to the server is the
 * same. Its own clock says how long each answer took. Between an answer and the
 * next request it pauses for PAUSE_NS: one that comes back at once would find
 * the server with the GIL still in its hands, before the computing thread that
 * was promised it is awake.
 *
 * In mode serial the one thread serves first and computes then: that is how
 * long requests take with nothing beside them.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "workloads/bytecode.h"
#include "workloads/clock.h"
#include "workloads/job.h"
#include "workloads/work_log.h"
#include "workloads/worker.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define COMPUTE 600000u
#define PER_REQUEST 100 /* iterations of the server */
#define PAUSE_NS NSEC_PER_MSEC

enum { RECEIVE, SEND, NATIVES };
enum { SERVE, COUNT_DOWN };
enum { N, DONE, LEFT, QUESTION, LOCALS };

/* Inherited by every worker, also across exec. */
struct area {
	int32_t server; /* sockets */
	int32_t client;
};

struct exchange {
	uint64_t sent_ns;
	uint64_t answered_ns;
};

static const struct vm_insn code[] = {
	/* 0: serve(n): say that it is there */
	{ .op = VM_PUSH },
	{ .op = VM_NATIVE, .arg = SEND },
	{ .op = VM_POP },
	/* 3: while done < n */
	{ .op = VM_LOAD, .arg = DONE },
	{ .op = VM_LOAD, .arg = N },
	{ .op = VM_LT },
	{ .op = VM_JUMP_ZERO, .arg = 29 },
	/* 7: receive a question, work, send it + 1 */
	{ .op = VM_PUSH },
	{ .op = VM_NATIVE, .arg = RECEIVE },
	{ .op = VM_STORE, .arg = QUESTION },
	{ .op = VM_PUSH, .arg = PER_REQUEST },
	{ .op = VM_STORE, .arg = LEFT },
	BYTECODE_COUNT_DOWN(12, LEFT),
	{ .op = VM_LOAD, .arg = QUESTION },
	{ .op = VM_PUSH, .arg = 1 },
	{ .op = VM_ADD },
	{ .op = VM_NATIVE, .arg = SEND },
	/* 25: SEND's result is 1 */
	{ .op = VM_LOAD, .arg = DONE },
	{ .op = VM_ADD },
	{ .op = VM_STORE, .arg = DONE },
	{ .op = VM_JUMP, .arg = 3 },
	/* 29: return done */
	{ .op = VM_LOAD, .arg = DONE },
	{ .op = VM_RET },
	/* 31: countdown(n) */
	BYTECODE_COUNT_DOWN(31, 0),
	{ .op = VM_LOAD, .arg = 0 },
	{ .op = VM_RET },
};

static const struct vm_function functions[] = {
	[SERVE] = { .name = "serve", .entry = 0, .end = 31, .args = 1, .locals = LOCALS },
	[COUNT_DOWN] = { .name = "countdown", .entry = 31, .end = 42, .args = 1, .locals = 1 },
};

static const struct vm_program program = {
	.code = code,
	.length = sizeof(code) / sizeof(code[0]),
	.functions = functions,
	.function_count = 2,
	.natives = NATIVES,
};

/* -EPIPE when the other end is closed. */
static int receive_number(int fd, int64_t *number)
{
	ssize_t got;

	do
		got = recv(fd, number, sizeof(*number), 0);
	while (got < 0 && errno == EINTR);
	return got == sizeof(*number) ? 0 : got < 0 ? -errno : !got ? -EPIPE : -EPROTO;
}

static int send_number(int fd, int64_t number)
{
	ssize_t sent;

	do
		sent = send(fd, &number, sizeof(number), MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent == sizeof(number) ? 0 : sent < 0 ? -errno : -EPROTO;
}

static int server_of(const struct worker *worker)
{
	const struct area *area = run__area(worker->run->shared);

	return area->server;
}

static int native_receive(struct worker *worker, int64_t argument, int64_t *result)
{
	int err = worker__drop_gil(worker), back;

	(void)argument;
	if (err)
		return err;
	err = receive_number(server_of(worker), result);
	back = worker__take_gil(worker);
	return err ? err : back;
}

static int native_send(struct worker *worker, int64_t argument, int64_t *result)
{
	int err = worker__drop_gil(worker), back;

	if (err)
		return err;
	err = send_number(server_of(worker), argument);
	back = worker__take_gil(worker);
	*result = 1;
	return err ? err : back;
}

static const job_native natives[NATIVES] = {
	[RECEIVE] = native_receive,
	[SEND] = native_send,
};

static void plan(const struct run_params *params, unsigned i, struct job_task *out)
{
	if (!i) {
		*out = (struct job_task){
			.name = "requests",
			.function = SERVE,
			.args = { (int64_t)params->work },
			.arg_count = 1,
			.result = (int64_t)params->work,
			/* 3 to begin, 17 a request besides its work, 6 to see the end. */
			.instructions =
				9 + params->work * (17 + BYTECODE_COUNT_DOWN_COST(PER_REQUEST)),
		};
		return;
	}
	*out = (struct job_task){
		.function = COUNT_DOWN,
		.args = { (int64_t)(params->work * COMPUTE) },
		.arg_count = 1,
		.instructions = BYTECODE_COUNT_DOWN_COST(params->work * COMPUTE) + 2,
	};
	snprintf(out->name, sizeof(out->name), "countdown-%u", i);
}

static int prepare(struct run *run)
{
	struct area *area = run__area(run->shared);
	int ends[2];

	area->server = area->client = -1;
	run->job_state = calloc(run->shared->params.work, sizeof(struct exchange));
	if (!run->job_state)
		return -ENOMEM;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends))
		return -errno;
	area->server = ends[0];
	area->client = ends[1];
	return 0;
}

static void release(struct run *run)
{
	const struct area *area = run__area(run->shared);

	if (area->server >= 0)
		close(area->server);
	if (area->client >= 0)
		close(area->client);
	free(run->job_state);
	run->job_state = NULL;
}

/* Whoever waits at the other end, in whatever process, sees the end of it. */
static void abort_all(struct run *run)
{
	const struct area *area = run__area(run->shared);

	shutdown(area->server, SHUT_RDWR);
}

static int client(struct run *run)
{
	const struct area *area = run__area(run->shared);
	struct exchange *exchanges = run->job_state;
	const struct timespec pause = clock__timespec(PAUSE_NS);
	int64_t answer = 0;
	int err = receive_number(area->client, &answer); /* the server is there */

	for (uint64_t i = 0; !err && i < run->shared->params.work; i++) {
		clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
		exchanges[i].sent_ns = clock__now();
		err = send_number(area->client, (int64_t)i);
		if (!err)
			err = receive_number(area->client, &answer);
		exchanges[i].answered_ns = clock__now();
		if (!err && answer != (int64_t)i + 1) {
			work_log__print("request %" PRIu64 " has a wrong answer", i);
			err = -EPROTO;
		}
	}
	/* A server that still waits shall not. */
	if (err)
		abort_all(run);
	return err;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* The smallest value that at least this share of all do not exceed. */
static uint64_t percentile(const uint64_t *sorted, uint64_t count, uint64_t percent)
{
	return sorted[(count * percent + 99) / 100 - 1];
}

/* Requests of which every moment was beside some computing. */
static uint64_t count_beside(const struct run_shared *shared, const struct exchange *exchanges)
{
	const struct task_slot *tasks = run__tasks(shared);
	uint64_t from = UINT64_MAX, to = 0, beside = 0;

	for (unsigned i = 1; i < shared->task_count; i++) {
		from = tasks[i].start_ns < from ? tasks[i].start_ns : from;
		to = tasks[i].end_ns > to ? tasks[i].end_ns : to;
	}
	for (uint64_t i = 0; i < shared->params.work; i++)
		beside += exchanges[i].sent_ns >= from && exchanges[i].answered_ns <= to;
	return beside;
}

static int finish(struct run *run)
{
	const struct run_shared *shared = run->shared;
	const struct exchange *exchanges = run->job_state;
	uint64_t count = shared->params.work;
	uint64_t *latency;

	if (shared->client_error)
		return 0; /* there are no such numbers, and the run fails anyway */
	latency = calloc(count, sizeof(*latency));
	if (!latency)
		return -ENOMEM;
	for (uint64_t i = 0; i < count; i++)
		latency[i] = exchanges[i].answered_ns - exchanges[i].sent_ns;
	qsort(latency, count, sizeof(*latency), compare);
	job__add_metric(run, "requests", count);
	job__add_rate(run, "requests_per_s", count,
		      exchanges[count - 1].answered_ns - exchanges[0].sent_ns);
	job__add_metric(run, "latency_p50_ns", percentile(latency, count, 50));
	job__add_metric(run, "latency_p99_ns", percentile(latency, count, 99));
	job__add_metric(run, "latency_max_ns", latency[count - 1]);
	job__add_metric(run, "requests_beside_computing", count_beside(shared, exchanges));
	free(latency);
	return 0;
}

const struct job job_mixed = {
	.program = &program,
	.plan = plan,
	.natives = natives,
	.area_size = sizeof(struct area),
	.prepare = prepare,
	.release = release,
	.client = client,
	.abort = abort_all,
	.finish = finish,
};
