/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* run.c - make, map and judge the shared state of a run. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "workloads/run.h"
#include "workloads/catalog.h"
#include "workloads/job.h"
#include "workloads/mode.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define RUN_MAGIC 0x4e55524bu

static size_t shared_size(const struct job *job, unsigned slots, unsigned tasks)
{
	return sizeof(struct run_shared) + slots * sizeof(struct worker_slot) +
	       tasks * sizeof(struct task_slot) + job->area_size;
}

struct task_slot *run__tasks(const struct run_shared *shared)
{
	return (struct task_slot *)(void *)&shared->slots[shared->slot_count];
}

void *run__area(const struct run_shared *shared)
{
	return &run__tasks(shared)[shared->task_count];
}

int run__barrier_opened(const struct run_shared *shared)
{
	for (unsigned i = 0; i < shared->slot_count; i++)
		if (__atomic_load_n(&shared->slots[i].start_ns, __ATOMIC_RELAXED))
			return 1;
	return 0;
}

static int init_barrier(struct run *run)
{
	pthread_barrierattr_t attr;
	int err = pthread_barrierattr_init(&attr);

	if (err)
		return -err;
	err = pthread_barrierattr_setpshared(
		&attr, run->spawner->processes ? PTHREAD_PROCESS_SHARED : PTHREAD_PROCESS_PRIVATE);
	if (!err)
		err = pthread_barrier_init(&run->shared->barrier, &attr, run->shared->slot_count);
	pthread_barrierattr_destroy(&attr);
	return -err;
}

/* Tasks are dealt to the workers in turn, so that it is known who does what. */
static void deal_tasks(struct run *run)
{
	struct task_slot *tasks = run__tasks(run->shared);

	for (unsigned i = 0; i < run->shared->task_count; i++) {
		struct job_task task;

		run->job->plan(&run->shared->params, i, &task);
		memcpy(tasks[i].name, task.name, sizeof(tasks[i].name));
		tasks[i].worker = i % run->shared->slot_count;
	}
}

int run__create(struct run *run, const struct run_params *params)
{
	const struct job_info *info = catalog_job(params->job);
	unsigned slots, tasks;
	int err;

	*run = (struct run){ .fd = -1 };
	run->job = job__find(params->job);
	run->spawner = spawner__find(params->mode);
	if (!info || !run->job || !run->spawner || !params->workers)
		return -EINVAL;
	slots = run->spawner->one_worker ? 1 : params->workers;
	tasks = info->tasks ? info->tasks : params->workers;
	run->size = shared_size(run->job, slots, tasks);

	/* No MFD_CLOEXEC: spawned workers find it by its number. */
	run->fd = memfd_create("convoy-work", 0);
	if (run->fd < 0 || ftruncate(run->fd, (off_t)run->size))
		goto fail;
	run->shared = mmap(NULL, run->size, PROT_READ | PROT_WRITE, MAP_SHARED, run->fd, 0);
	if (run->shared == MAP_FAILED) {
		run->shared = NULL;
		goto fail;
	}
	run->shared->magic = RUN_MAGIC;
	run->shared->slot_count = slots;
	run->shared->task_count = tasks;
	run->shared->parent = getpid();
	run->shared->params = *params;
	deal_tasks(run);
	err = init_barrier(run);
	if (!err && run->job->prepare) {
		run->prepared = 1;
		err = run->job->prepare(run);
	}
	if (err)
		run__close(run);
	return err;
fail:
	err = -errno;
	run__close(run);
	return err;
}

int run__open(struct run *run, int fd)
{
	struct run_shared *shared;
	struct stat st;

	*run = (struct run){ .fd = fd };
	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size < (off_t)sizeof(*shared))
		return -EPROTO;
	shared = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (shared == MAP_FAILED)
		return -errno;
	run->shared = shared;
	run->size = (size_t)st.st_size;
	if (shared->magic != RUN_MAGIC || !shared->slot_count ||
	    shared->slot_count > CATALOG_MAX_WORKERS || shared->task_count > CATALOG_MAX_WORKERS) {
		run__close(run);
		return -EPROTO;
	}
	run->job = job__find(shared->params.job);
	run->spawner = spawner__find(shared->params.mode);
	if (!run->job || !run->spawner ||
	    run->size != shared_size(run->job, shared->slot_count, shared->task_count)) {
		run__close(run);
		return -EPROTO;
	}
	return 0;
}

void run__close(struct run *run)
{
	if (run->prepared && run->job->release)
		run->job->release(run);
	run->prepared = 0;
	if (run->shared)
		munmap(run->shared, run->size);
	if (run->fd >= 0)
		close(run->fd);
	run->shared = NULL;
	run->fd = -1;
}

int run__ok(const struct run_shared *shared)
{
	const struct task_slot *tasks = run__tasks(shared);

	if (shared->client_error || shared->wrong)
		return 0;
	for (unsigned i = 0; i < shared->slot_count; i++)
		if (!shared->slots[i].finished || shared->slots[i].error)
			return 0;
	for (unsigned i = 0; i < shared->task_count; i++)
		if (!tasks[i].finished || !tasks[i].ok)
			return 0;
	return 1;
}
