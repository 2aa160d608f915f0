/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* worker_process.c - start worker processes, and hear of their end. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "workloads/worker_process.h"
#include "workloads/job.h"
#include "workloads/mode.h"
#include "workloads/work_log.h"
#include "workloads/worker.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

int worker_process__main(struct run *run, unsigned index)
{
	struct worker worker = { 0 };
	struct gil *gil = NULL;
	int err;

	/* Die with the parent; if it died before this call, no signal will come. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != run->shared->parent)
		return -ESRCH;
	err = mode__make_locks(run, &gil);
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

int worker_process__start(const struct run *run, unsigned index, pid_t *pid)
{
	int err = 0;

	if (run->shared->params.start == START_SPAWN) {
		err = spawn_worker(run, index, pid);
	} else {
		*pid = fork();
		if (*pid < 0)
			err = -errno;
	}
	if (err) {
		*pid = 0;
		work_log__print("cannot start process %u of %u: %s; %s", index + 1,
				run->shared->slot_count, strerror(-err),
				err == -EAGAIN || err == -ENOMEM ? "use fewer workers (-w)" :
								   "try --start=fork");
	}
	return err;
}

/* What to make of the end of worker number index. */
static int judge(unsigned index, pid_t pid, int status)
{
	if (WIFSIGNALED(status)) {
		work_log__print("worker-%u (%d) was killed by signal %d (%s)", index + 1, pid,
				WTERMSIG(status), strsignal(WTERMSIG(status)));
		return -ECHILD;
	}
	if (WEXITSTATUS(status)) {
		work_log__print("worker-%u (%d) failed with exit status %d", index + 1, pid,
				WEXITSTATUS(status));
		return -ECHILD;
	}
	return 0;
}

int worker_process__reap(pid_t *pids, unsigned index)
{
	pid_t pid = pids[index];
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	pids[index] = 0;
	return judge(index, pid, status);
}

static unsigned worker_of(const struct run *run, const pid_t *pids, pid_t pid)
{
	unsigned i = 0;

	while (i < run->shared->slot_count && pids[i] != pid)
		i++;
	return i;
}

static unsigned count_left(const struct run *run, const pid_t *pids)
{
	unsigned left = 0;

	for (unsigned i = 0; i < run->shared->slot_count; i++)
		left += pids[i] != 0;
	return left;
}

int worker_process__join(struct run *run, pid_t *pids)
{
	while (count_left(run, pids)) {
		int status, err;
		unsigned index;
		pid_t pid = waitpid(-1, &status, 0);

		if (pid < 0) {
			err = -errno;
			if (err == -EINTR)
				continue;
			work_log__print("cannot wait for the workers: %s", strerror(-err));
			return err;
		}
		index = worker_of(run, pids, pid);
		if (index == run->shared->slot_count)
			continue; /* a child that was there before this program */
		pids[index] = 0;
		err = judge(index, pid, status);
		if (err && (!run->job->goes_on || !run__barrier_opened(run->shared)))
			return err;
		if (err)
			run->shared->slots[index].error = err;
	}
	return 0;
}

void worker_process__kill(const struct run *run, pid_t *pids)
{
	unsigned count = run->shared->slot_count;

	for (unsigned i = 0; i < count; i++)
		if (pids[i])
			kill(pids[i], SIGKILL);
	for (unsigned i = 0; i < count; i++) {
		while (pids[i] && waitpid(pids[i], NULL, 0) < 0 && errno == EINTR)
			;
		pids[i] = 0;
	}
}
