/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_jobs.c - what jobs are made of: plans, random times, locks that survive
 * their owners, channels. Whole runs are in test_work.c.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "workloads/catalog.h"
#include "workloads/channel.h"
#include "workloads/job.h"
#include "workloads/job_lock.h"
#include "workloads/mode.h"
#include "workloads/worker.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct run_params params_of(const char *job, const char *mode)
{
	const struct job_info *info = catalog_job(job);
	struct run_params params = {
		.workers = 3,
		.work = info->default_work,
		.check_interval = 100,
		.switch_interval_ns = 5000000,
		.sleep_scale = 1,
		.seed = 7,
		.inside = 2,
		.outside = 3,
	};

	snprintf(params.job, sizeof(params.job), "%s", job);
	snprintf(params.mode, sizeof(params.mode), "%s", mode);
	return params;
}

/* Worked out by another program, in another language. */
static void test_sleepers_times_follow_from_the_seed(void **state)
{
	static const struct {
		uint64_t seed;
		int64_t ms[5];
	} rows[] = {
		{ 0, { 2649, 1294, 79, 2912, 319 } },
		{ 1, { 1699, 2237, 2913, 1333, 1332 } },
		{ CATALOG_DEFAULT_SEED, { 948, 787, 1914, 1513, 495 } },
	};
	struct run_params params = params_of("sleepers", "threads");
	struct job_task task;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		params.seed = rows[i].seed;
		for (unsigned t = 0; t < 5; t++) {
			params.sleep_scale = 1;
			job__find("sleepers")->plan(&params, t, &task);
			assert_int_equal(task.result, rows[i].ms[t]);
			assert_int_equal(task.args[0], rows[i].ms[t] * 1000000);
			assert_int_equal(task.min_ns, rows[i].ms[t] * 1000000);
			params.sleep_scale = 0.25;
			job__find("sleepers")->plan(&params, t, &task);
			assert_int_equal(task.result, rows[i].ms[t]);
			assert_int_equal(task.min_ns, rows[i].ms[t] * 250000);
		}
	}
	params.sleep_scale = 1;
	for (params.seed = 0; params.seed < 2000; params.seed++) {
		job__find("sleepers")->plan(&params, params.seed % 5, &task);
		assert_in_range(task.result, 0, 2999);
	}
	params.seed = CATALOG_MAX_SEED;
	job__find("sleepers")->plan(&params, 4, &task);
	assert_in_range(task.result, 0, 2999);
}

/* Pure: a spawned worker works out its own. */
static void test_plans_are_repeatable(void **state)
{
	const struct job_info *info;

	(void)state;
	for (size_t j = 0; (info = catalog_job_at(j)); j++) {
		struct run_params params = params_of(info->name, "threads");
		struct job_task a, b;

		for (unsigned i = 0; i < 3; i++) {
			memset(&a, 0x11, sizeof(a));
			memset(&b, 0x22, sizeof(b));
			job__find(info->name)->plan(&params, i, &a);
			job__find(info->name)->plan(&params, i, &b);
			assert_memory_equal(&a, &b, sizeof(a));
			assert_true(a.name[0]);
			assert_true(a.function < job__find(info->name)->program->function_count);
		}
	}
}

static unsigned count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned count = 0;

	assert_non_null(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

static void test_runs_leave_no_descriptor(void **state)
{
	const struct mode_info *mode;
	const struct job_info *job;
	unsigned before = count_fds();

	(void)state;
	for (size_t j = 0; (job = catalog_job_at(j)); j++) {
		for (size_t m = 0; (mode = catalog_mode_at(m)); m++) {
			struct run_params params = params_of(job->name, mode->name);
			struct run run;

			if (catalog_refusal(job, mode, 3))
				continue;
			assert_int_equal(run__create(&run, &params), 0);
			assert_false(run__ok(run.shared));
			assert_false(run__barrier_opened(run.shared));
			if (run.job->publish)
				assert_int_equal(run.job->publish(&run), 0);
			run__close(&run);
			run__close(&run);
			assert_int_equal(count_fds(), before);
		}
	}
}

static void test_a_run_of_another_layout_is_refused(void **state)
{
	struct run_params params = params_of("counter", "processes");
	struct run run, other;

	(void)state;
	assert_int_equal(run__create(&run, &params), 0);
	assert_int_equal(run__open(&other, dup(run.fd)), 0);
	assert_ptr_equal(other.job, run.job);
	run__close(&other);
	strcpy(run.shared->params.job, "mixed"); /* has another area */
	assert_int_equal(run__open(&other, dup(run.fd)), -EPROTO);
	strcpy(run.shared->params.job, "nothing");
	assert_int_equal(run__open(&other, dup(run.fd)), -EPROTO);
	run__close(&run);
}

/* A worker of no run, without a GIL, for what only needs its accounts. */
struct lone {
	struct worker_slot slot;
	struct worker worker;
};

static void lone_init(struct lone *lone)
{
	const struct gil_config config = { .style = GIL_NONE };

	memset(lone, 0, sizeof(*lone));
	assert_int_equal(gil__create(&lone->worker.gil, &config), 0);
	lone->worker.slot = &lone->slot;
}

static void lone_fini(struct lone *lone)
{
	gil__destroy(lone->worker.gil);
}

static void *shared_memory(size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(at, MAP_FAILED);
	return at;
}

/* Start a process that acquires the lock and waits with it to be killed. */
static pid_t start_owner(struct job_lock *lock)
{
	int there[2];
	pid_t pid;
	char byte;

	assert_int_equal(pipe(there), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		struct lock_account account = { 0 };

		if (job_lock__acquire_outside(lock, &account) || write(there[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(there[1]);
	assert_int_equal(read(there[0], &byte, 1), 1);
	close(there[0]);
	return pid;
}

static void test_a_lock_outlives_its_owner(void **state)
{
	struct job_lock *lock = shared_memory(sizeof(*lock));
	struct lone lone;
	pid_t pid;

	(void)state;
	lone_init(&lone);
	assert_int_equal(job_lock__init(lock, 1), 0);
	for (unsigned i = 1; i <= 3; i++) {
		pid = start_owner(lock);
		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		/* Nobody waits for one who is dead already. */
		assert_int_equal(job_lock__acquire(lock, &lone.worker), 0);
		assert_int_equal(lone.slot.job_lock.recovered, i);
		assert_int_equal(lone.slot.job_lock.contended, 0);
		assert_int_equal(job_lock__release(lock), 0);
		/* It is whole again. */
		assert_int_equal(job_lock__acquire(lock, &lone.worker), 0);
		assert_int_equal(lone.slot.job_lock.recovered, i);
		assert_int_equal(job_lock__release(lock), 0);
	}
	assert_int_equal(lone.slot.job_lock.acquires, 6);
	lone_fini(&lone);
	munmap(lock, sizeof(*lock));
}

static void *kill_soon(void *argument)
{
	usleep(50000);
	kill(*(pid_t *)argument, SIGKILL);
	return NULL;
}

static void test_a_waiter_gets_it_when_the_owner_dies(void **state)
{
	struct job_lock *lock = shared_memory(sizeof(*lock));
	struct lone lone;
	pthread_t killer;
	pid_t pid;

	(void)state;
	lone_init(&lone);
	assert_int_equal(job_lock__init(lock, 1), 0);
	pid = start_owner(lock);
	assert_int_equal(pthread_create(&killer, NULL, kill_soon, &pid), 0);
	assert_int_equal(job_lock__acquire(lock, &lone.worker), 0);
	assert_int_equal(lone.slot.job_lock.acquires, 1);
	assert_int_equal(lone.slot.job_lock.contended, 1);
	assert_int_equal(lone.slot.job_lock.recovered, 1);
	assert_true(lone.slot.job_lock.wait_ns > 0);
	assert_true(lone.slot.job_lock.max_wait_ns == lone.slot.job_lock.wait_ns);
	assert_int_equal(job_lock__release(lock), 0);
	pthread_join(killer, NULL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	lone_fini(&lone);
	munmap(lock, sizeof(*lock));
}

static void test_channels_keep_the_order(void **state)
{
	struct channel *channel = shared_memory(sizeof(*channel));
	struct lone lone;
	int64_t value;

	(void)state;
	lone_init(&lone);
	for (int pipes = 0; pipes < 2; pipes++) {
		assert_int_equal(channel__init(channel, pipes, 3), 0);
		for (int64_t round = 0; round < 5; round++) {
			for (int64_t i = 0; i < 3; i++)
				assert_int_equal(channel__put(channel, &lone.worker, i - round), 0);
			for (int64_t i = 0; i < 3; i++) {
				assert_int_equal(channel__get(channel, &lone.worker, &value), 0);
				assert_int_equal(value, i - round);
			}
		}
		channel__fini(channel);
	}
	assert_int_equal(lone.slot.job_lock.cond_waits, 0);
	lone_fini(&lone);
	munmap(channel, sizeof(*channel));
}

static void *close_soon(void *argument)
{
	usleep(50000);
	channel__close(argument);
	return NULL;
}

static void test_closing_wakes_sleepers(void **state)
{
	struct channel *channel = shared_memory(sizeof(*channel));
	struct lone lone;
	int64_t value = 0;

	(void)state;
	lone_init(&lone);
	for (int putting = 0; putting < 2; putting++) {
		pthread_t closer;

		assert_int_equal(channel__init(channel, 0, 1), 0);
		if (putting)
			assert_int_equal(channel__put(channel, &lone.worker, 1), 0);
		assert_int_equal(pthread_create(&closer, NULL, close_soon, channel), 0);
		if (putting)
			assert_int_equal(channel__put(channel, &lone.worker, 2), -ECANCELED);
		else
			assert_int_equal(channel__get(channel, &lone.worker, &value), -ECANCELED);
		pthread_join(closer, NULL);
		/* And nobody falls asleep in it any more. */
		assert_int_equal(channel__get(channel, &lone.worker, &value), -ECANCELED);
		assert_int_equal(lone.slot.job_lock.cond_waits, 1 + putting);
		channel__fini(channel);
	}
	assert_true(lone.slot.job_lock.cond_wait_ns > 0);
	lone_fini(&lone);
	munmap(channel, sizeof(*channel));
}

static void test_metrics_are_bounded(void **state)
{
	struct run_params params = params_of("pages", "threads");
	struct run run;

	(void)state;
	assert_int_equal(run__create(&run, &params), 0);
	job__add_rate(&run, "none", 5, 0);
	assert_int_equal(run.shared->metrics.count, 0);
	job__add_rate(&run, "half", 1, 2000000000);
	assert_true(run.shared->metrics.list[0].real == 0.5);
	for (int i = 0; i < 2 * RUN_MAX_METRICS; i++)
		job__add_metric(&run, "one", 1);
	job__add_rate(&run, "half", 1, 2);
	assert_int_equal(run.shared->metrics.count, RUN_MAX_METRICS);
	run__close(&run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sleepers_times_follow_from_the_seed),
		cmocka_unit_test(test_plans_are_repeatable),
		cmocka_unit_test(test_runs_leave_no_descriptor),
		cmocka_unit_test(test_a_run_of_another_layout_is_refused),
		cmocka_unit_test(test_a_lock_outlives_its_owner),
		cmocka_unit_test(test_a_waiter_gets_it_when_the_owner_dies),
		cmocka_unit_test(test_channels_keep_the_order),
		cmocka_unit_test(test_closing_wakes_sleepers),
		cmocka_unit_test(test_metrics_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
