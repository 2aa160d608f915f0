/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * mode_processes.c - one process per worker, each with its own interpreter and
 * GIL, started with fork or as a new program (spawn).
 *
 * A barrier cannot be broken. So the parent never stands in it: it watches its
 * children, and when one ends badly, wherever it was, it kills the others.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "workloads/clock.h"
#include "workloads/job.h"
#include "workloads/mode.h"
#include "workloads/work_log.h"
#include "workloads/worker_process.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int run_in_processes(struct run *run)
{
	unsigned count = run->shared->slot_count;
	pid_t *pids = calloc(count, sizeof(*pids));
	int err = 0;

	if (!pids) {
		work_log__print("cannot make %u workers: %s", count, strerror(ENOMEM));
		return -ENOMEM;
	}
	run->shared->start_ns = clock__now();
	for (unsigned i = 0; !err && i < count; i++) {
		err = worker_process__start(run, i, &pids[i]);
		if (!err && !pids[i]) {
			free(pids);
			run->in_worker = 1;
			return worker_process__main(run, i);
		}
	}
	if (!err)
		err = mode__start_client(run);
	if (!err)
		err = worker_process__join(run, pids);
	worker_process__kill(run, pids);
	if (err && run->job->abort)
		run->job->abort(run); /* for the client: its workers are no more */
	mode__join_client(run);
	run->shared->end_ns = clock__now();
	free(pids);
	return err;
}

const struct spawner spawner_processes = {
	.gil = GIL_TIMED,
	.processes = 1,
	.run = run_in_processes,
};
