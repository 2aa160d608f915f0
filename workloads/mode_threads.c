/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * mode_threads.c - workers as threads of one process: the modes serial,
 * threads, gil-ticks and gil-timed, which differ in the GIL they are given.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "workloads/clock.h"
#include "workloads/job.h"
#include "workloads/mode.h"
#include "workloads/work_log.h"
#include "workloads/worker.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static void *thread_main(void *argument)
{
	worker__run(argument); /* its error is in its slot */
	return NULL;
}

/*
 * Start and join. If a thread cannot be started, those before it stand in a
 * barrier that will never open: returns with run->stuck set, and they must be
 * left alone with all they use until the process exits.
 */
static int run_threads(struct run *run, struct worker *workers, pthread_t *threads)
{
	unsigned count = run->shared->slot_count;
	int err = 0;

	for (unsigned i = 0; i < count; i++) {
		err = pthread_create(&threads[i], NULL, thread_main, &workers[i]);
		if (err) {
			work_log__print("cannot start thread %u of %u: %s; use fewer workers (-w)",
					i + 1, count, strerror(err));
			run->stuck = i > 0;
			return -err;
		}
	}
	for (unsigned i = 0; i < count; i++) {
		int joined = pthread_join(threads[i], NULL);

		if (joined && !err) {
			work_log__print("cannot join worker-%u: %s", i + 1, strerror(joined));
			run->stuck = 1;
			err = -joined;
		}
	}
	return err;
}

static int run_in_threads(struct run *run)
{
	unsigned count = run->shared->slot_count;
	struct worker *workers = calloc(count, sizeof(*workers));
	pthread_t *threads = calloc(count, sizeof(*threads));
	struct gil *gil = NULL;
	int err;

	err = workers && threads ? 0 : -ENOMEM;
	if (!err) {
		err = mode__make_locks(run, &gil);
		if (err)
			goto out;
		for (unsigned i = 0; !err && i < count; i++)
			err = worker__init(&workers[i], run, i, gil);
	}
	if (err) {
		work_log__print("cannot make %u workers: %s", count, strerror(-err));
		goto out;
	}
	run->shared->start_ns = clock__now();
	err = mode__start_client(run);
	if (!err)
		err = run_threads(run, workers, threads);
	if (run->stuck)
		return err;
	if (err && run->job->abort)
		run->job->abort(run); /* no worker was started: the client waits in vain */
	mode__join_client(run);
	run->shared->end_ns = clock__now();
out:
	for (unsigned i = 0; workers && i < count; i++)
		worker__fini(&workers[i]);
	gil__destroy(gil);
	free(threads);
	free(workers);
	return err;
}

const struct spawner spawner_serial = {
	.gil = GIL_NONE,
	.one_worker = 1,
	.run = run_in_threads,
};

const struct spawner spawner_threads = {
	.gil = GIL_NONE,
	.run = run_in_threads,
};

const struct spawner spawner_gil_ticks = {
	.gil = GIL_TICKS,
	.run = run_in_threads,
};

const struct spawner spawner_gil_timed = {
	.gil = GIL_TIMED,
	.run = run_in_threads,
};
