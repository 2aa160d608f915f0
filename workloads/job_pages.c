/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * job_pages.c - workers map, touch and unmap memory.
 *
 * What they wait for is in the kernel: threads share one address space, and
 * with it the lock of its mappings (mmap_lock); processes have one each.
 *
 * As in Python, the GIL is released for the calls that map and unmap, but not
 * for touching: an interpreter does not know which store will fault.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "workloads/job.h"
#include "workloads/worker.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGES 64 /* in one round */

enum { MAP, TOUCH, UNMAP, NATIVES };
enum { N, PAGE, AT, LEFT, TOUCHED, LOCALS };

static const struct vm_insn code[] = {
	/* 0: pages(n, page): while n > 0 */
	{ .op = VM_LOAD, .arg = N },
	{ .op = VM_JUMP_ZERO, .arg = 29 },
	/* 2: at = map */
	{ .op = VM_PUSH },
	{ .op = VM_NATIVE, .arg = MAP },
	{ .op = VM_STORE, .arg = AT },
	/* 5: for left = PAGES; left > 0; left -= 1 */
	{ .op = VM_PUSH, .arg = PAGES },
	{ .op = VM_STORE, .arg = LEFT },
	{ .op = VM_LOAD, .arg = LEFT },
	{ .op = VM_JUMP_ZERO, .arg = 23 },
	{ .op = VM_LOAD, .arg = LEFT },
	{ .op = VM_PUSH, .arg = 1 },
	{ .op = VM_SUB },
	{ .op = VM_STORE, .arg = LEFT },
	/* 13: touched += touch(at + left * page), which is 1 */
	{ .op = VM_LOAD, .arg = LEFT },
	{ .op = VM_LOAD, .arg = PAGE },
	{ .op = VM_MUL },
	{ .op = VM_LOAD, .arg = AT },
	{ .op = VM_ADD },
	{ .op = VM_NATIVE, .arg = TOUCH },
	{ .op = VM_LOAD, .arg = TOUCHED },
	{ .op = VM_ADD },
	{ .op = VM_STORE, .arg = TOUCHED },
	{ .op = VM_JUMP, .arg = 7 },
	/* 23: unmap at, n -= 1 */
	{ .op = VM_LOAD, .arg = AT },
	{ .op = VM_NATIVE, .arg = UNMAP },
	{ .op = VM_LOAD, .arg = N },
	{ .op = VM_ADD },
	{ .op = VM_STORE, .arg = N },
	{ .op = VM_JUMP, .arg = 0 },
	/* 29: return touched */
	{ .op = VM_LOAD, .arg = TOUCHED },
	{ .op = VM_RET },
};

static const struct vm_function functions[] = {
	{ .name = "pages", .entry = 0, .end = 31, .args = 2, .locals = LOCALS },
};

static const struct vm_program program = {
	.code = code,
	.length = sizeof(code) / sizeof(code[0]),
	.functions = functions,
	.function_count = 1,
	.natives = NATIVES,
};

static size_t map_size(void)
{
	return PAGES * (size_t)sysconf(_SC_PAGESIZE);
}

static int map_pages(struct worker *worker, int64_t argument, int64_t *result)
{
	int err = worker__drop_gil(worker), back;
	void *at;

	(void)argument;
	if (err)
		return err;
	at = mmap(NULL, map_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (at == MAP_FAILED)
		err = -errno;
	back = worker__take_gil(worker);
	*result = (int64_t)(intptr_t)at;
	return err ? err : back;
}

/* The result is 1 if the page was fresh: what the kernel maps is zero. */
static int touch_page(struct worker *worker, int64_t argument, int64_t *result)
{
	int64_t *page = (int64_t *)(intptr_t)argument;

	(void)worker;
	/* Read and written at once, or there would be two faults. */
	*result = __atomic_exchange_n(page, 1, __ATOMIC_RELAXED) == 0;
	return 0;
}

/* The result is -1, to be added to the rounds that are left. */
static int unmap_pages(struct worker *worker, int64_t argument, int64_t *result)
{
	int err = worker__drop_gil(worker), back;

	if (err)
		return err;
	if (munmap((void *)(intptr_t)argument, map_size()))
		err = -errno;
	back = worker__take_gil(worker);
	*result = -1;
	return err ? err : back;
}

static const job_native natives[NATIVES] = {
	[MAP] = map_pages,
	[TOUCH] = touch_page,
	[UNMAP] = unmap_pages,
};

static void plan(const struct run_params *params, unsigned i, struct job_task *out)
{
	*out = (struct job_task){
		.args = { (int64_t)params->work, sysconf(_SC_PAGESIZE) },
		.arg_count = 2,
		.result = (int64_t)(params->work * PAGES),
		/* 15 a round, 16 a page in it, 4 to see the end. */
		.instructions = params->work * (15 + 16 * PAGES) + 4,
	};
	snprintf(out->name, sizeof(out->name), "pages-%u", i + 1);
}

static int finish(struct run *run)
{
	const struct run_shared *shared = run->shared;
	const struct task_slot *tasks = run__tasks(shared);
	uint64_t pages = 0;

	for (unsigned i = 0; i < shared->task_count; i++)
		pages += (uint64_t)tasks[i].result;
	job__add_metric(run, "pages", pages);
	job__add_rate(run, "pages_per_s", pages, shared->end_ns - shared->start_ns);
	return 0;
}

const struct job job_pages = {
	.program = &program,
	.plan = plan,
	.natives = natives,
	.finish = finish,
};
