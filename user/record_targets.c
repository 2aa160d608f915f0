// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * record_targets.c - is what -p and -t name there, and can it be recorded?
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "message.h"
#include "record_plan.h"

/* include/linux/sched.h */
#define PF_KTHREAD 0x00200000u

int proc_stat__parse(struct proc_stat *stat, const char *line)
{
	/* A thread's name can hold blanks and parentheses; what follows cannot. */
	const char *rest = strrchr(line, ')');
	unsigned flags;

	/* state ppid pgrp session tty tpgid flags, 10 of time and faults, 18: nice, num_threads */
	if (!rest || sscanf(rest,
			    ") %c %*d %*d %*d %*d %*d %u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d "
			    "%lu",
			    &stat->state, &flags, &stat->n_threads) != 3)
		return -EBADMSG;
	stat->kernel_thread = flags & PF_KTHREAD;
	return 0;
}

/* The beginning of a file of /proc/ID, as a string. 0 or a negative errno. */
static int read_proc(uint32_t id, const char *name, char *text, size_t size)
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/%s", id, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, text, size - 1);
	if (n < 0) {
		n = -errno;
		close(fd);
		return (int)n;
	}
	text[n] = 0;
	close(fd);
	return 0;
}

/* The process of a thread; 0 when /proc does not say. */
static uint32_t thread_group(uint32_t tid)
{
	char text[4096];
	const char *found;

	if (read_proc(tid, "status", text, sizeof(text)))
		return 0;
	found = strstr(text, "\nTgid:");
	return found ? (uint32_t)strtoul(found + strlen("\nTgid:"), NULL, 10) : 0;
}

/* Why a file of /proc/ID could not be read. */
static int explain_unseen(const char *kind, uint32_t id, int err)
{
	bool gone = err == -ENOENT || err == -ESRCH;

	/* Mounted with hidepid=2, /proc does not show what others own. */
	if (gone && kill((pid_t)id, 0) && errno == ESRCH) {
		message("no %s %u; has it ended already?", kind, id);
		return -EINVAL;
	}
	if (gone || err == -EPERM || err == -EACCES) {
		message("%s %u is not yours to see (/proc is mounted with hidepid): run convoy as "
			"root",
			kind, id);
		return -EPERM;
	}
	message("cannot tell whether %s %u exists: %s", kind, id, strerror(-err));
	return -EINVAL;
}

static int read_stat(const char *kind, uint32_t id, struct proc_stat *stat)
{
	char text[1024];
	int err = read_proc(id, "stat", text, sizeof(text));

	if (err)
		return explain_unseen(kind, id, err);
	if (proc_stat__parse(stat, text)) {
		message("cannot make sense of /proc/%u/stat", id);
		return -EINVAL;
	}
	return 0;
}

static int check_process(uint32_t pid)
{
	struct proc_stat stat;
	int err = read_stat("process", pid, &stat);
	uint32_t process;

	if (err)
		return err;
	process = thread_group(pid);
	if (process && process != pid) {
		message("%u is a thread of process %u: give -t %u for this thread, -p %u for all "
			"of them",
			pid, process, pid, process);
		return -EINVAL;
	}
	if (stat.kernel_thread) {
		message("process %u is a kernel thread: it has no user memory and no locks there; "
			"-a shows it among all others",
			pid);
		return -EINVAL;
	}
	/* A leader that called pthread_exit() is a zombie while its threads go on. */
	if ((stat.state == 'Z' && stat.n_threads <= 1) || stat.state == 'X') {
		message("process %u has ended already; its parent has not noticed yet (a zombie)",
			pid);
		return -EINVAL;
	}
	return 0;
}

static int check_thread(uint32_t tid)
{
	struct proc_stat stat;
	int err = read_stat("thread", tid, &stat);

	if (!err && (stat.state == 'Z' || stat.state == 'X')) {
		message("thread %u has ended already", tid);
		err = -EINVAL;
	}
	return err;
}

int record_plan__check_targets(const struct record_plan *plan)
{
	int err = 0;

	for (size_t i = 0; i < plan->n_wanted && !err; i++) {
		if (plan->wanted[i] == (uint32_t)getpid()) {
			message("%u is convoy itself, which is never recorded", plan->wanted[i]);
			return -EINVAL;
		}
		if (plan->targets == CONVOY_TARGETS_PIDS)
			err = check_process(plan->wanted[i]);
		else
			err = check_thread(plan->wanted[i]);
	}
	return err;
}
