/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * mode_pool.c - a fixed set of worker processes, fed tasks one by one.
 *
 * As Python's multiprocessing.Pool: the main process hands a task to whichever
 * worker is free and takes results as they come (asynchronously); when all are
 * back it closes the lines, at which the workers end; then it joins them. Each
 * worker has a line of its own, a pair of sockets, so a worker that dies is
 * seen at once, whatever the others do.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "workloads/clock.h"
#include "workloads/mode.h"
#include "workloads/work_log.h"
#include "workloads/worker.h"
#include "workloads/worker_process.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* To the worker: a number of a task. Back: the same, and its result. */
struct message {
	uint32_t task;
	uint32_t pad;
	int64_t result; /* 0 on the way to the worker */
};

struct pool {
	struct run *run;
	unsigned count; /* of workers */
	pid_t *pids;
	struct pollfd *lines; /* our ends; -1: none */
	uint32_t *given;      /* the task that each works on */
	unsigned next;	      /* task to hand out */
	unsigned back;	      /* results that are back */
};

static int send_message(int fd, uint32_t task, int64_t result)
{
	const struct message message = { .task = task, .result = result };
	ssize_t sent;

	do
		sent = send(fd, &message, sizeof(message), MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent == sizeof(message) ? 0 : sent < 0 ? -errno : -EPROTO;
}

/* Returns 1, 0 if the other end is closed or gone, or a negative errno. */
static int receive_message(int fd, struct message *message)
{
	ssize_t got;

	do
		got = recv(fd, message, sizeof(*message), 0);
	while (got < 0 && errno == EINTR);
	if (got == sizeof(*message))
		return 1;
	return !got || (got < 0 && errno == ECONNRESET) ? 0 : got < 0 ? -errno : -EPROTO;
}

/* In the worker. */

static int wait_for_task(struct worker *worker, unsigned *number)
{
	struct message message = { 0 };
	int err = worker__drop_gil(worker), got;

	if (err)
		return err;
	got = receive_message(worker->slot->fd, &message);
	err = worker__take_gil(worker);
	if (got <= 0 || err)
		return err ? err : got;
	if (message.task >= worker->run->shared->task_count)
		return -EPROTO;
	*number = message.task;
	return 1;
}

static int send_result(struct worker *worker, unsigned number)
{
	const struct task_slot *task = &run__tasks(worker->run->shared)[number];
	int err = worker__drop_gil(worker), sent;

	if (err)
		return err;
	sent = send_message(worker->slot->fd, number, task->result);
	err = worker__take_gil(worker);
	return sent ? sent : err;
}

/* In the main process. */

static void close_lines(struct pool *pool)
{
	for (unsigned i = 0; i < pool->count; i++) {
		if (pool->lines[i].fd >= 0)
			close(pool->lines[i].fd);
		pool->lines[i].fd = -1;
	}
}

static void pool_free(struct pool *pool)
{
	if (pool->lines)
		close_lines(pool);
	free(pool->given);
	free(pool->lines);
	free(pool->pids);
}

static int pool_init(struct pool *pool, struct run *run)
{
	*pool = (struct pool){ .run = run, .count = run->shared->slot_count };
	pool->pids = calloc(pool->count, sizeof(*pool->pids));
	pool->lines = calloc(pool->count, sizeof(*pool->lines));
	pool->given = calloc(pool->count, sizeof(*pool->given));
	if (!pool->pids || !pool->lines || !pool->given) {
		free(pool->lines);
		pool->lines = NULL;
		pool_free(pool);
		return -ENOMEM;
	}
	for (unsigned i = 0; i < pool->count; i++)
		pool->lines[i] = (struct pollfd){ .fd = -1, .events = POLLIN };
	return 0;
}

/*
 * Start one worker with a line to it. Our end is closed on exec, and a forked
 * worker closes all of ours: otherwise lines would never end.
 */
static int start_worker(struct pool *pool, unsigned index)
{
	struct worker_slot *slot = &pool->run->shared->slots[index];
	int ends[2], err;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends)) {
		err = -errno;
		work_log__print("cannot make a line to worker-%u: %s", index + 1, strerror(-err));
		return err;
	}
	pool->lines[index].fd = ends[0];
	/* dup() leaves the flag out: this one shall survive the exec of a spawn. */
	slot->fd = dup(ends[1]);
	close(ends[1]);
	if (slot->fd < 0) {
		err = -errno;
		work_log__print("cannot make a line to worker-%u: %s", index + 1, strerror(-err));
		return err;
	}
	err = worker_process__start(pool->run, index, &pool->pids[index]);
	if (err || pool->pids[index])
		close(slot->fd);
	return err;
}

static void give_task(struct pool *pool, unsigned index)
{
	struct run_shared *shared = pool->run->shared;

	if (pool->next == shared->task_count)
		return;
	pool->given[index] = pool->next;
	run__tasks(shared)[pool->next].worker = index;
	/* A worker that is gone is noticed when its line is read. */
	send_message(pool->lines[index].fd, pool->next++, 0);
}

static int take_result(struct pool *pool, unsigned index)
{
	const struct task_slot *tasks = run__tasks(pool->run->shared);
	struct message message;
	int got = receive_message(pool->lines[index].fd, &message);

	if (got < 0)
		return got;
	if (!got) {
		/* It cannot have ended well: nobody has told it to end. */
		got = worker_process__reap(pool->pids, index);
		return got ? got : -EPROTO;
	}
	if (message.task != pool->given[index] || message.result != tasks[message.task].result)
		return -EPROTO;
	pool->back++;
	return 0;
}

/* Until all results are back. */
static int feed(struct pool *pool)
{
	int err = 0;

	for (unsigned i = 0; i < pool->count; i++)
		give_task(pool, i);
	while (!err && pool->back < pool->run->shared->task_count) {
		if (poll(pool->lines, pool->count, -1) < 0) {
			err = errno == EINTR ? 0 : -errno;
			continue;
		}
		for (unsigned i = 0; !err && i < pool->count; i++) {
			if (!pool->lines[i].revents)
				continue;
			err = take_result(pool, i);
			if (!err)
				give_task(pool, i);
		}
	}
	if (err && err != -ECHILD)
		work_log__print("the pool broke: %s", strerror(-err));
	return err;
}

static int run_in_pool(struct run *run)
{
	struct pool pool;
	int err = pool_init(&pool, run);

	if (err) {
		work_log__print("cannot make %u workers: %s", run->shared->slot_count,
				strerror(-err));
		return err;
	}
	run->shared->start_ns = clock__now();
	for (unsigned i = 0; !err && i < pool.count; i++) {
		err = start_worker(&pool, i);
		if (!err && !pool.pids[i]) {
			pool_free(&pool);
			run->in_worker = 1;
			return worker_process__main(run, i);
		}
	}
	if (!err)
		err = feed(&pool);
	close_lines(&pool);
	if (!err)
		err = worker_process__join(run, pool.pids);
	worker_process__kill(run, pool.pids);
	run->shared->end_ns = clock__now();
	pool_free(&pool);
	return err;
}

const struct spawner spawner_pool = {
	.gil = GIL_TIMED,
	.processes = 1,
	.run = run_in_pool,
	.next_task = wait_for_task,
	.task_done = send_result,
};
