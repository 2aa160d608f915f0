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
#include "workloads/work_log.h"
#include "workloads/mode.h"
#include "workloads/worker.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void kill_all(pid_t *pids, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (pids[i])
			kill(pids[i], SIGKILL);
	for (unsigned i = 0; i < count; i++) {
		while (pids[i] && waitpid(pids[i], NULL, 0) < 0 && errno == EINTR)
			;
		pids[i] = 0;
	}
}

int mode_processes__worker(struct run *run, unsigned index)
{
	struct worker worker = { 0 };
	struct gil *gil = NULL;
	int err;

	/* Die with the parent; if it died before this call, no signal will come. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != run->shared->parent)
		return -ESRCH;
	err = mode__make_gil(run, &gil);
	if (err)
		return err;
	err = worker__init(&worker, run, index, gil);
	if (err)
		work_log__print("cannot make worker-%u: %s", index + 1, strerror(-err));
	else if ((err = worker__run(&worker)))
		work_log__print("worker-%u failed: %s", index + 1, strerror(-err));
	worker__fini(&worker);
	gil__destroy(gil);
	return err;
}

static int spawn_worker(const struct run *run, unsigned index, pid_t *pid)
{
	char option[64], name[] = "convoy-work";
	char *argv[] = { name, option, NULL };

	snprintf(option, sizeof(option), "--worker=%d:%u", run->fd, index);
	return -posix_spawn(pid, "/proc/self/exe", NULL, NULL, argv, environ);
}

/* Returns 0 in the parent and in a forked worker, which has *pid 0. */
static int start_worker(const struct run *run, unsigned index, pid_t *pid)
{
	if (run->shared->params.start == START_SPAWN)
		return spawn_worker(run, index, pid);
	*pid = fork();
	return *pid < 0 ? -errno : 0;
}

static int worker_of(const pid_t *pids, unsigned count, pid_t pid)
{
	for (unsigned i = 0; i < count; i++)
		if (pids[i] == pid)
			return (int)i;
	return -1;
}

/* Wait for all; the first bad end is reported and returned. */
static int join_workers(pid_t *pids, unsigned count)
{
	unsigned left = count;

	while (left) {
		int status, index;
		pid_t pid = waitpid(-1, &status, 0);

		if (pid < 0) {
			int err = -errno;

			if (err == -EINTR)
				continue;
			work_log__print("cannot wait for the workers: %s", strerror(-err));
			return err;
		}
		index = worker_of(pids, count, pid);
		if (index < 0)
			continue; /* a child that was there before this program */
		pids[index] = 0;
		left--;
		if (WIFSIGNALED(status)) {
			work_log__print("worker-%d (%d) was killed by signal %d (%s)", index + 1,
					pid, WTERMSIG(status), strsignal(WTERMSIG(status)));
			return -ECHILD;
		}
		if (WEXITSTATUS(status)) {
			work_log__print("worker-%d (%d) failed with exit status %d", index + 1, pid,
					WEXITSTATUS(status));
			return -ECHILD;
		}
	}
	return 0;
}

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
	for (unsigned i = 0; i < count; i++) {
		err = start_worker(run, i, &pids[i]);
		if (err) {
			pids[i] = 0;
			work_log__print("cannot start process %u of %u: %s; %s", i + 1, count,
					strerror(-err),
					err == -EAGAIN || err == -ENOMEM ?
						"use fewer workers (-w)" :
						"try --start=fork");
			break;
		}
		if (!pids[i]) {
			free(pids);
			run->in_worker = 1;
			return mode_processes__worker(run, i);
		}
	}
	if (!err)
		err = join_workers(pids, count);
	run->shared->end_ns = clock__now();
	kill_all(pids, count);
	free(pids);
	return err;
}

const struct spawner spawner_processes = {
	.gil = GIL_TIMED,
	.processes = 1,
	.run = run_in_processes,
};
