// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "launch.h"

extern char **environ;

/* In the child. Never returns. */
static void run_child(const struct launch_options *options, int cork, int failure, pid_t parent)
{
	ssize_t got;
	char byte;
	int err;

	/* Its own group, so that all of it can be killed and Ctrl-C is convoy's to handle. */
	setpgid(0, 0);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent)
		_exit(127);
	if (options->cpus && sched_setaffinity(0, sizeof(*options->cpus), options->cpus))
		goto fail;
	if (options->sigmask)
		sigprocmask(SIG_SETMASK, options->sigmask, NULL);
	signal(SIGPIPE, SIG_DFL);
	if ((options->stdout_fd >= 0 && dup2(options->stdout_fd, STDOUT_FILENO) < 0) ||
	    (options->keep_fd >= 0 && fcntl(options->keep_fd, F_SETFD, 0)))
		goto fail;
	do {
		got = read(cork, &byte, 1);
	} while (got < 0 && errno == EINTR);
	if (got != 1) /* convoy went away without pulling it */
		_exit(127);
	execvpe(options->argv[0], options->argv, options->envp ? options->envp : environ);
fail:
	err = errno;
	if (write(failure, &err, sizeof(err)) < 0)
		_exit(126);
	_exit(127);
}

int launch__start(struct launch *launch, const struct launch_options *options)
{
	int cork[2], failure[2];
	pid_t parent = getpid();
	int err;

	memset(launch, 0, sizeof(*launch));
	launch->cork_fd = launch->failure_fd = -1;
	/* Orphaned descendants come to this process, so that none is left behind. */
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) || pipe2(cork, O_CLOEXEC))
		return -errno;
	if (pipe2(failure, O_CLOEXEC)) {
		err = -errno;
		close(cork[0]);
		close(cork[1]);
		return err;
	}
	launch->pid = fork();
	err = -errno;
	if (!launch->pid) {
		/* Else the cork would stay open in the child itself. */
		close(cork[1]);
		run_child(options, cork[0], failure[1], parent);
	}
	close(cork[0]);
	close(failure[1]);
	launch->cork_fd = cork[1];
	launch->failure_fd = failure[0];
	if (launch->pid < 0) {
		launch__close(launch);
		return err;
	}
	launch->started = true;
	setpgid(launch->pid, launch->pid); /* whoever comes first */
	return 0;
}

int launch__release(struct launch *launch, uint64_t *when_ns)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	*when_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	if (write(launch->cork_fd, "", 1) != 1)
		return -errno;
	close(launch->cork_fd);
	launch->cork_fd = -1;
	return 0;
}

int launch__reap(struct launch *launch)
{
	for (;;) {
		struct rusage usage;
		int status;
		pid_t pid = wait4(-1, &status, WNOHANG, &usage);

		if (!pid)
			return 0;
		if (pid < 0 && errno == EINTR)
			continue;
		if (pid < 0)
			return errno == ECHILD ? 1 : -errno;
		if (pid == launch->pid) {
			launch->status = status;
			launch->usage = usage;
			launch->reaped = true;
		} else {
			rusage__add(&launch->orphans, &usage);
			launch->n_orphans++;
		}
	}
}

int launch__exec_error(struct launch *launch)
{
	int err = 0;

	if (launch->failure_fd < 0 ||
	    read(launch->failure_fd, &err, sizeof(err)) != (ssize_t)sizeof(err))
		return 0;
	return err;
}

/* Kill the children that this process has by now; false when there are none. */
static bool kill_children(void)
{
	char path[64];
	bool any = false;
	FILE *file;
	int pid;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	file = fopen(path, "re");
	if (!file)
		return false;
	while (fscanf(file, "%d", &pid) == 1)
		any |= !kill(pid, SIGKILL);
	fclose(file);
	return any;
}

void launch__kill(struct launch *launch)
{
	if (!launch->started)
		return;
	if (!launch->reaped)
		kill(-launch->pid, SIGKILL);
	/* Those that left the group come to this process as their parents die. */
	while (launch__reap(launch) == 0) {
		struct timespec pause = { .tv_nsec = 1000000 };

		kill_children();
		nanosleep(&pause, NULL);
	}
}

void launch__close(struct launch *launch)
{
	if (launch->cork_fd >= 0)
		close(launch->cork_fd);
	if (launch->failure_fd >= 0)
		close(launch->failure_fd);
	launch->cork_fd = launch->failure_fd = -1;
}

static void add_time(struct timeval *a, const struct timeval *b)
{
	a->tv_sec += b->tv_sec;
	a->tv_usec += b->tv_usec;
	if (a->tv_usec >= 1000000) {
		a->tv_sec++;
		a->tv_usec -= 1000000;
	}
}

void rusage__add(struct rusage *a, const struct rusage *b)
{
	add_time(&a->ru_utime, &b->ru_utime);
	add_time(&a->ru_stime, &b->ru_stime);
	a->ru_nvcsw += b->ru_nvcsw;
	a->ru_nivcsw += b->ru_nivcsw;
}
