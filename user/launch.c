// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "host.h"
#include "launch.h"

extern char **environ;

/* A child's word to its parent: 0 for "at the cork", else why not, and how far it came. */
struct word {
	int err;
	enum launch_step step;
};

static void tell(int fd, int err, enum launch_step step)
{
	struct word word = { .err = err, .step = step };

	if (write(fd, &word, sizeof(word)) != (ssize_t)sizeof(word))
		_exit(126);
}

void launch__note_ignored(sigset_t *ignored)
{
	struct sigaction action;

	sigemptyset(ignored);
	for (int number = 1; number < NSIG; number++)
		if (!sigaction(number, NULL, &action) && action.sa_handler == SIG_IGN)
			sigaddset(ignored, number);
}

/* In the child. */
static void set_signals(const struct launch_options *options)
{
	bool all = options->leave_alone && options->ignored;

	/* Two numbers belong to libc, two cannot be set; they stay as they are. */
	for (int number = 1; all && number < NSIG; number++)
		signal(number, sigismember(options->ignored, number) == 1 ? SIG_IGN : SIG_DFL);
	if (!all)
		signal(SIGPIPE, SIG_DFL);
}

/* In the child. The command is convoy's: it ends with it. */
static int end_with(pid_t parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL))
		return -errno;
	if (getppid() != parent)
		_exit(127);
	return 0;
}

/* In the child. Becomes options->as; the kernel then forgets with whom it was to end. */
static int become(const struct launch_options *options, pid_t parent)
{
	int err = options->as ? identity__switch(options->as) : 0;

	return err || options->leave_alone ? err : end_with(parent);
}

/* In the child: the descriptors that the command starts with. */
static int set_descriptors(const struct launch_options *options)
{
	if ((options->stdin_fd > 0 && dup2(options->stdin_fd, STDIN_FILENO) < 0) ||
	    (options->stdout_fd >= 0 && dup2(options->stdout_fd, STDOUT_FILENO) < 0) ||
	    (options->stderr_fd > 0 && dup2(options->stderr_fd, STDERR_FILENO) < 0) ||
	    (options->keep_fd >= 0 && fcntl(options->keep_fd, F_SETFD, 0)))
		return -errno;
	return 0;
}

/* In the child. Returns why it failed, as a negative errno. */
static int execute(const struct launch_options *options)
{
	/* execvp() searches the PATH of `environ`. */
	if (options->envp)
		environ = (char **)options->envp;
	/* A path as it is: execvp() would feed a file of no known format to a shell. */
	if (strchr(options->argv[0], '/'))
		execve(options->argv[0], options->argv, environ);
	else
		execvp(options->argv[0], options->argv);
	return -errno;
}

/* In the child. Never returns. */
static void run_child(const struct launch_options *options, int cork, int tell_fd, pid_t parent)
{
	enum launch_step step = LAUNCH_PREPARING;
	ssize_t got;
	char byte;
	int err = 0;

	if (!options->leave_alone) {
		/* Its own group, so that all of it can be killed, and Ctrl-C is convoy's. */
		setpgid(0, 0);
		err = end_with(parent);
	}
	if (err)
		goto fail;
	if (options->cpus && sched_setaffinity(0, sizeof(*options->cpus), options->cpus))
		goto fail_errno;
	set_signals(options);
	if (options->sigmask && sigprocmask(SIG_SETMASK, options->sigmask, NULL))
		goto fail_errno;
	err = set_descriptors(options);
	if (err)
		goto fail;
	step = LAUNCH_SWITCHING;
	err = become(options, parent);
	if (err)
		goto fail;
	tell(tell_fd, 0, LAUNCH_CORKED);
	do {
		got = read(cork, &byte, 1);
	} while (got < 0 && errno == EINTR);
	if (got != 1) /* convoy went away without pulling it */
		_exit(127);
	step = LAUNCH_EXECUTING;
	err = execute(options);
	goto fail;
fail_errno:
	err = -errno;
fail:
	tell(tell_fd, -err, step);
	_exit(127);
}

/*
 * The children of this process's main thread; NULL with *n = 0 when there are
 * none. Needs CONFIG_PROC_CHILDREN, as distributions' kernels have it.
 */
static pid_t *list_children(size_t *n)
{
	pid_t *pids = NULL, *grown;
	char path[64];
	FILE *file;
	int pid;

	*n = 0;
	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	file = fopen(path, "re");
	if (!file)
		return NULL;
	while (fscanf(file, "%d", &pid) == 1) {
		grown = realloc(pids, (*n + 1) * sizeof(*pids));
		if (!grown)
			break;
		pids = grown;
		pids[(*n)++] = pid;
	}
	fclose(file);
	return pids;
}

/* What the child has to say, waiting for it; -EPIPE when it is gone without a word. */
static int hear(struct launch *launch)
{
	struct word word = { 0 };
	ssize_t got;

	do {
		got = read(launch->failure_fd, &word, sizeof(word));
	} while (got < 0 && errno == EINTR);
	launch->failed_step = word.step;
	return got == (ssize_t)sizeof(word) ? -word.err : -EPIPE;
}

int launch__start(struct launch *launch, const struct launch_options *options)
{
	int cork[2], failure[2];
	pid_t parent = getpid();
	int err;

	memset(launch, 0, sizeof(*launch));
	launch->cork_fd = launch->failure_fd = -1;
	launch->leave_alone = options->leave_alone;
	/* Orphaned descendants come to this process, so that none is left behind. */
	if (!launch->leave_alone && prctl(PR_SET_CHILD_SUBREAPER, 1))
		return -errno;
	if (pipe2(cork, O_CLOEXEC))
		return -errno;
	if (pipe2(failure, O_CLOEXEC)) {
		err = -errno;
		close(cork[0]);
		close(cork[1]);
		return err;
	}
	/* A shell that execs convoy leaves it children, and they are none of its business. */
	if (!launch->leave_alone)
		launch->foreign = list_children(&launch->n_foreign);
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
	if (!launch->leave_alone)
		setpgid(launch->pid, launch->pid); /* whoever comes first */
	return hear(launch);
}

int launch__release(struct launch *launch, uint64_t *when_ns)
{
	*when_ns = monotonic_ns();
	if (write(launch->cork_fd, "", 1) != 1)
		return -errno;
	close(launch->cork_fd);
	launch->cork_fd = -1;
	return 0;
}

static bool is_foreign(const struct launch *launch, pid_t pid)
{
	for (size_t i = 0; i < launch->n_foreign; i++)
		if (launch->foreign[i] == pid)
			return true;
	return false;
}

/* Returns 1 when it was reaped, 0 when it still runs, or a negative errno. */
static int reap_one(struct launch *launch, pid_t pid)
{
	struct rusage usage;
	int status;
	pid_t got;

	do {
		got = wait4(pid, &status, WNOHANG, &usage);
	} while (got < 0 && errno == EINTR);
	if (got <= 0)
		return got < 0 ? -errno : 0;
	if (got == launch->pid) {
		launch->status = status;
		launch->usage = usage;
		launch->reaped = true;
	} else {
		rusage__add(&launch->orphans, &usage);
		launch->n_orphans++;
	}
	return 1;
}

int launch__reap(struct launch *launch)
{
	bool left = false;
	size_t n = 0;
	pid_t *pids;
	int err = 0;

	if (!launch->reaped) {
		err = reap_one(launch, launch->pid);
		if (err <= 0)
			return err;
	}
	if (launch->leave_alone)
		return 1;
	/* The command has ended; whom it left behind has come to this process. */
	pids = list_children(&n);
	for (size_t i = 0; i < n && err >= 0; i++) {
		if (is_foreign(launch, pids[i]))
			continue;
		err = reap_one(launch, pids[i]);
		left |= !err;
	}
	free(pids);
	return err < 0 ? err : !left;
}

/* What the child says of its exec; nothing when that succeeds. Waits for it. */
static void read_exec_error(struct launch *launch)
{
	struct word word = { 0 };
	ssize_t got;

	do {
		got = read(launch->failure_fd, &word, sizeof(word));
	} while (got < 0 && errno == EINTR);
	if (got == (ssize_t)sizeof(word))
		launch->exec_error = word.err;
}

int launch__executed(struct launch *launch, int ms)
{
	struct pollfd fd = { .fd = launch->failure_fd, .events = POLLIN };

	/* exec closes the child's end. */
	if (!launch->exec_error) {
		if (poll(&fd, 1, ms) <= 0)
			return 0;
		read_exec_error(launch);
	}
	return launch->exec_error ? -launch->exec_error : 1;
}

int launch__exec_error(struct launch *launch)
{
	if (launch->failure_fd >= 0 && !launch->exec_error)
		read_exec_error(launch);
	return launch->exec_error;
}

/* How long killed descendants may take to end: none can refuse, but a disk can be slow. */
#define KILL_ROUNDS 10000

/* One more look in a moment. */
static void pause_shortly(void)
{
	struct timespec pause = { .tv_nsec = 1000000 };

	nanosleep(&pause, NULL);
}

/* A child that still stands at the cork sees that nobody will pull it, and ends. */
static void uncork_never(struct launch *launch)
{
	if (launch->cork_fd < 0)
		return;
	close(launch->cork_fd);
	launch->cork_fd = -1;
	for (int i = 0; i < KILL_ROUNDS && launch__reap(launch) == 0; i++)
		pause_shortly();
}

void launch__kill(struct launch *launch)
{
	if (!launch->started)
		return;
	if (launch->leave_alone) {
		uncork_never(launch);
		return;
	}
	if (!launch->reaped)
		kill(-launch->pid, SIGKILL);
	/* Those that left the group come to this process as their parents die. */
	for (int i = 0; i < KILL_ROUNDS && launch__reap(launch) == 0; i++) {
		size_t n = 0;
		pid_t *pids = list_children(&n);

		for (size_t k = 0; k < n; k++)
			if (!is_foreign(launch, pids[k]))
				kill(pids[k], SIGKILL);
		free(pids);
		pause_shortly();
	}
}

void launch__close(struct launch *launch)
{
	if (launch->cork_fd >= 0)
		close(launch->cork_fd);
	if (launch->failure_fd >= 0)
		close(launch->failure_fd);
	launch->cork_fd = launch->failure_fd = -1;
	free(launch->foreign);
	launch->foreign = NULL;
	launch->n_foreign = 0;
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
