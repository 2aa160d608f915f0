/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* convoy_work.c - main of convoy-work: one job in one mode, once. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "workloads/catalog.h"
#include "workloads/cpulist.h"
#include "workloads/job.h"
#include "workloads/mode.h"
#include "workloads/options.h"
#include "workloads/output.h"
#include "workloads/publish.h"
#include "workloads/work_log.h"
#include "workloads/worker_process.h"

#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { STATUS_OK = 0, STATUS_USAGE = 2, STATUS_FAILED = 6 };

static int flush_stdout(void)
{
	if (fflush(stdout) != EOF && !ferror(stdout))
		return STATUS_OK;
	work_log__print("cannot write to standard output: %s", strerror(errno));
	return STATUS_FAILED;
}

/* Which modes a job does not run in, and why. */
static void list_refusals(const struct job_info *job)
{
	unsigned workers = job->min_workers ? job->min_workers : 1;
	const struct mode_info *mode;

	for (size_t i = 0; (mode = catalog_mode_at(i)); i++) {
		const char *refusal = catalog_refusal(job, mode, workers);

		if (refusal)
			printf("  %-10s not in %s: %s\n", "", mode->name, refusal);
	}
}

static void list_job(const struct job_info *job)
{
	printf("  %-10s %s\n", job->name, job->summary);
	if (job->default_workers)
		printf("  %-10s -w %u%s", "", job->default_workers,
		       job->tasks ? " (in pool: as many as CPUs)" : "");
	else
		printf("  %-10s -w as many as CPUs, at least 2", "");
	if (job->work_unit)
		printf("; -n %llu %s", job->default_work, job->work_unit);
	if (job->lock_work)
		printf("; --inside=%llu; --outside=%llu", job->default_inside,
		       job->default_outside);
	if (job->seeded)
		printf("; --seed=%u", CATALOG_DEFAULT_SEED);
	printf("; usual modes:");
	for (const char *const *mode = job->default_modes; *mode; mode++)
		printf("%s%s", mode == job->default_modes ? " " : ", ", *mode);
	putchar('\n');
	list_refusals(job);
}

static int list_all(void)
{
	const struct mode_info *mode;
	const struct job_info *job;

	puts("jobs:");
	for (size_t i = 0; (job = catalog_job_at(i)); i++)
		list_job(job);
	puts("modes:");
	for (size_t i = 0; (mode = catalog_mode_at(i)); i++)
		printf("  %-10s %s\n", mode->name, mode->summary);
	return flush_stdout();
}

/* CPUs that this program may use. */
static unsigned usable_cpus(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) ? 1 : (unsigned)CPU_COUNT(&set);
}

static int pin(const struct run_params *params)
{
	int missing, err;

	if (!params->pinned)
		return 0;
	err = cpulist__apply(&params->cpus, &missing);
	if (err == -ENODEV && missing >= 0)
		work_log__print("--cpus: CPU %d is not there, offline or not allowed here; "
				"leave it out",
				missing);
	else if (err)
		work_log__print("--cpus: cannot run on these CPUs: %s", strerror(-err));
	return err;
}

static int open_publisher(struct publisher **publisher)
{
	int err = publish__open(publisher);

	if (err)
		work_log__print("%s is set but is no usable lock table (%s); unset it, or let "
				"convoy set it",
				LOCK_TABLE_ENV, strerror(-err));
	return err;
}

/* This program was started again by itself, as one of its workers. */
static int run_as_worker(const struct options *options)
{
	struct publisher *publisher;
	struct run run;
	int err;

	if (open_publisher(&publisher))
		return STATUS_USAGE;
	err = run__open(&run, options->worker_fd);
	if (err || options->worker_index >= run.shared->slot_count || !run.spawner->processes) {
		work_log__print("--worker is for convoy-work itself; use -j and -m");
		if (!err)
			run__close(&run);
		publish__close(publisher);
		return STATUS_USAGE;
	}
	run.publisher = publisher;
	err = worker_process__main(&run, options->worker_index);
	run__close(&run);
	publish__close(publisher);
	return err ? STATUS_FAILED : STATUS_OK;
}

/* Say what went wrong in a run that came to its end. */
static void explain(const struct run_shared *shared)
{
	const struct task_slot *tasks = run__tasks(shared);

	for (unsigned i = 0; i < shared->slot_count; i++)
		/* Of one that did not get to its end, all was said when it ended. */
		if (shared->slots[i].finished && shared->slots[i].error)
			work_log__print("worker-%u failed: %s", i + 1,
					strerror(-shared->slots[i].error));
	for (unsigned i = 0; i < shared->task_count; i++)
		if (tasks[i].finished && !tasks[i].ok)
			work_log__print("%s has a wrong result or number of instructions, or was "
					"over too soon",
					tasks[i].name);
	if (shared->client_error)
		work_log__print("the client failed: %s", strerror(-shared->client_error));
}

static int report(struct run *run)
{
	struct run_shared *shared = run->shared;
	int err;

	if (run->job->finish && run->job->finish(run))
		shared->wrong = 1;
	err = output__json(shared, stdout);
	if (err) {
		work_log__print("cannot write to standard output: %s",
				strerror(err == -EIO && errno ? errno : -err));
		return STATUS_FAILED;
	}
	if (run__ok(shared))
		return STATUS_OK;
	explain(shared);
	return STATUS_FAILED;
}

static int run_job(struct options *options)
{
	struct publisher *publisher;
	const char *refusal;
	struct run run;
	int err, status = STATUS_FAILED;

	if (pin(&options->params))
		return STATUS_USAGE;
	if (!options->params.workers)
		options->params.workers =
			catalog_workers(options->job, options->mode, usable_cpus());
	refusal = catalog_refusal(options->job, options->mode, options->params.workers);
	if (refusal) {
		work_log__print("%s", refusal);
		return STATUS_USAGE;
	}
	if (open_publisher(&publisher))
		return STATUS_USAGE;
	err = run__create(&run, &options->params);
	if (err) {
		work_log__print("cannot prepare the run: %s", strerror(-err));
		publish__close(publisher);
		return STATUS_FAILED;
	}
	run.publisher = publisher;
	err = run.spawner->run(&run);
	if (run.stuck)
		return STATUS_FAILED; /* those threads still use all of it */
	if (run.in_worker)
		status = err ? STATUS_FAILED : STATUS_OK;
	else if (!err)
		status = report(&run);
	run__close(&run);
	publish__close(publisher);
	return status;
}

/*
 * If a standard stream is closed, the next open() gets its number, and text
 * would be written into whatever that is. A closed output stays unwritable.
 */
static int fill_standard_streams(void)
{
	static const int flags[] = { O_RDONLY, O_RDONLY, O_WRONLY };

	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", flags[fd]) != fd)
			return -EBADF;
	return 0;
}

int main(int argc, char **argv)
{
	struct options options;

	if (fill_standard_streams())
		return STATUS_FAILED;
	argp_err_exit_status = STATUS_USAGE;
	/* Inherited as ignored, it would make waitpid() lose the workers' ends. */
	signal(SIGCHLD, SIG_DFL);
	if (options__parse(argc, argv, &options))
		return STATUS_USAGE;
	if (options.list)
		return list_all();
	if (options.worker_fd >= 0)
		return run_as_worker(&options);
	return run_job(&options);
}
