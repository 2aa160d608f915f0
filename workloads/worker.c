/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* worker.c - what a worker does, and what its interpreter asks of it. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "workloads/worker.h"
#include "workloads/clock.h"
#include "workloads/job.h"
#include "workloads/mode.h"
#include "workloads/work_log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

int worker__take_gil(struct worker *worker)
{
	int err = gil__take(worker->gil, &worker->slot->lock);

	worker->holds_gil = !err;
	return err;
}

int worker__drop_gil(struct worker *worker)
{
	worker->gave_up = 1;
	worker->holds_gil = 0;
	return gil__drop(worker->gil, &worker->slot->lock);
}

static int hook_checkpoint(void *context)
{
	struct worker *worker = context;
	int err = gil__checkpoint(worker->gil, &worker->slot->lock);

	worker->holds_gil = !err;
	return err;
}

/* What sleep(0) does in a program: give up control, want it back at once. */
static int hook_yield(void *context)
{
	int err = worker__drop_gil(context);

	if (err)
		return err;
	sched_yield();
	return worker__take_gil(context);
}

static int hook_sleep(void *context, uint64_t ns)
{
	struct timespec left = clock__timespec(ns);
	int err = worker__drop_gil(context);

	if (err)
		return err;
	do
		err = clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left);
	while (err == EINTR);
	if (err)
		return -err;
	return worker__take_gil(context);
}

static int hook_native(void *context, size_t number, int64_t argument, int64_t *result)
{
	struct worker *worker = context;
	int err;

	worker->gave_up = 0;
	err = worker->run->job->natives[number](worker, argument, result);
	return err ? err : worker->gave_up;
}

static const struct vm_hooks hooks = {
	.checkpoint = hook_checkpoint,
	.yield = hook_yield,
	.sleep = hook_sleep,
	.native = hook_native,
};

int worker__init(struct worker *worker, struct run *run, unsigned index, struct gil *gil)
{
	const struct vm_config config = {
		.check_interval = run->shared->params.check_interval,
		.yield_every = run->shared->params.yield_every,
		.hooks = &hooks,
		.context = worker,
	};

	*worker = (struct worker){
		.run = run,
		.gil = gil,
		.slot = &run->shared->slots[index],
		.index = index,
	};
	return vm__create(&worker->vm, run->job->program, &config);
}

void worker__fini(struct worker *worker)
{
	vm__destroy(worker->vm);
	worker->vm = NULL;
}

/* Write a line of the log: a blocking call, so without the GIL. */
static int log_task(struct worker *worker, const struct task_slot *task)
{
	const struct run_shared *shared = worker->run->shared;
	uint64_t at = task->finished ? task->end_ns : task->start_ns;
	double seconds = (double)(at - shared->start_ns) / NSEC_PER_SEC;
	int err;

	if (!shared->params.verbose)
		return 0;
	err = worker__drop_gil(worker);
	if (err)
		return err;
	if (task->finished)
		work_log__print("%10.6f s  worker-%u (pid %d, tid %d)  %s finished after %.6f s: "
				"%" PRId64 "%s",
				seconds, worker->index + 1, worker->slot->pid, worker->slot->tid,
				task->name, (double)(task->end_ns - task->start_ns) / NSEC_PER_SEC,
				task->result, task->ok ? "" : ", which is WRONG");
	else
		work_log__print("%10.6f s  worker-%u (pid %d, tid %d)  %s started", seconds,
				worker->index + 1, worker->slot->pid, worker->slot->tid,
				task->name);
	return worker__take_gil(worker);
}

static int run_task(struct worker *worker, unsigned number)
{
	struct task_slot *slot = &run__tasks(worker->run->shared)[number];
	uint64_t before = vm__instructions(worker->vm);
	struct job_task task;
	int err;

	worker->run->job->plan(&worker->run->shared->params, number, &task);
	slot->start_ns = clock__now();
	err = log_task(worker, slot);
	if (err)
		return err;
	err = vm__run(worker->vm, task.function, task.args, task.arg_count, &slot->result);
	slot->end_ns = clock__now();
	if (err)
		return err;
	slot->ok = slot->result == task.result &&
		   vm__instructions(worker->vm) - before == task.instructions &&
		   slot->end_ns - slot->start_ns >= task.min_ns;
	slot->finished = 1;
	return log_task(worker, slot);
}

/* The next of the tasks that were dealt to this worker. */
static int next_dealt(struct worker *worker, unsigned *number)
{
	const struct run_shared *shared = worker->run->shared;
	const struct task_slot *tasks = run__tasks(shared);

	for (unsigned i = worker->next; i < shared->task_count; i++) {
		if (tasks[i].worker == worker->index) {
			worker->next = i + 1;
			*number = i;
			return 1;
		}
	}
	return 0;
}

static int run_tasks(struct worker *worker)
{
	const struct spawner *spawner = worker->run->spawner;
	int (*next)(struct worker *, unsigned *) = spawner->next_task;
	unsigned number = 0;
	int err;

	while ((err = (next ? next : next_dealt)(worker, &number)) > 0) {
		err = run_task(worker, number);
		if (!err && spawner->task_done)
			err = spawner->task_done(worker, number);
		if (err)
			return err;
	}
	return err;
}

/* The scheduler's own account of the calling thread (CONFIG_SCHED_INFO), ns. */
struct schedstat {
	uint64_t run_ns, run_delay_ns;
};

/* Returns 0, or -ENOENT where the kernel keeps none. */
static int read_schedstat(struct schedstat *stat)
{
	FILE *file = fopen("/proc/thread-self/schedstat", "re");
	int n;

	if (!file)
		return -ENOENT;
	n = fscanf(file, "%" SCNu64 " %" SCNu64, &stat->run_ns, &stat->run_delay_ns);
	fclose(file);
	return n == 2 ? 0 : -ENOENT;
}

int worker__run(struct worker *worker)
{
	struct run_shared *shared = worker->run->shared;
	struct worker_slot *slot = worker->slot;
	struct schedstat before, after;
	char name[16];
	int err;

	snprintf(name, sizeof(name), "worker-%u", worker->index + 1);
	prctl(PR_SET_NAME, name);
	slot->pid = getpid();
	slot->tid = gettid();

	err = pthread_barrier_wait(&shared->barrier);
	if (err == PTHREAD_BARRIER_SERIAL_THREAD)
		err = 0;
	slot->has_schedstat = !read_schedstat(&before);
	__atomic_store_n(&slot->start_ns, clock__now(), __ATOMIC_RELAXED);
	if (err) {
		err = -err;
		goto out;
	}
	err = worker__take_gil(worker);
	if (!err)
		err = run_tasks(worker);
	/* Whatever went wrong: the others still need the GIL. */
	if (worker->holds_gil) {
		int left = gil__leave(worker->gil, &slot->lock);

		err = err ? err : left;
	}
	if (err && worker->run->job->abort)
		worker->run->job->abort(worker->run);
out:
	slot->end_ns = clock__now();
	if (slot->has_schedstat && !read_schedstat(&after)) {
		slot->run_ns = after.run_ns - before.run_ns;
		slot->run_delay_ns = after.run_delay_ns - before.run_delay_ns;
	} else {
		slot->has_schedstat = 0;
	}
	slot->instructions = vm__instructions(worker->vm);
	slot->error = err;
	slot->finished = 1;
	return err;
}
