/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * launch.h - start a command, corked, and wait for it and all its descendants.
 */
#ifndef CONVOY_LAUNCH_H
#define CONVOY_LAUNCH_H

#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

struct launch_options {
	char *const *argv;
	char *const *envp;	/* NULL: this process's own */
	int stdout_fd;		/* becomes its stdout; -1: inherited */
	int keep_fd;		/* stays open across exec; -1: none */
	const cpu_set_t *cpus;	/* where it may run; NULL: inherited */
	const sigset_t *sigmask;	/* its signal mask; NULL: inherited */
};

struct launch {
	pid_t pid;		/* leader of a process group of its own */
	int cork_fd;
	int failure_fd;		/* the child's word: at the cork, or why not */
	pid_t *foreign;		/* children that this process had before; not to be touched */
	size_t n_foreign;
	bool started;
	int status;		/* of the command itself, as wait4() gives it */
	struct rusage usage;	/* of it and the descendants that it waited for */
	bool reaped;
	struct rusage orphans;	/* of descendants that this process had to reap */
	unsigned n_orphans;
};

/*
 * Fork, and wait until the child stands at the cork, ready to exec; it dies with
 * this process. Returns 0 or a negative errno, also one that the child met.
 */
int launch__start(struct launch *launch, const struct launch_options *options);

/* Pull the cork; *when_ns is CLOCK_MONOTONIC just before. 0 or a negative errno. */
int launch__release(struct launch *launch, uint64_t *when_ns);

/*
 * Reap what has ended of the command and its descendants, without waiting.
 * Returns 1 when none is left, 0 when there are more, or a negative errno.
 */
int launch__reap(struct launch *launch);

/* Why exec failed, as a positive errno; 0 if it did not. After the command ended. */
int launch__exec_error(struct launch *launch);

/* Kill the command and all its descendants, and reap them. */
void launch__kill(struct launch *launch);

/* Close what is open. Does not kill. */
void launch__close(struct launch *launch);

/* Add the resources of `b` to `a`. */
void rusage__add(struct rusage *a, const struct rusage *b);

#endif /* CONVOY_LAUNCH_H */
