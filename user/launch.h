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

#include "identity.h"

struct launch_options {
	char *const *argv;
	char *const *envp;	/* NULL: this process's own; its PATH is searched */
	int stdin_fd;		/* becomes its stdin; 0: inherited */
	int stdout_fd;		/* becomes its stdout; -1: inherited */
	int stderr_fd;		/* becomes its stderr; 0: inherited */
	int keep_fd;		/* stays open across exec; -1: none */
	const cpu_set_t *cpus;	/* where it may run; NULL: inherited */
	const sigset_t *sigmask;	/* its signal mask; NULL: inherited */
	const struct identity *as;	/* whom it becomes; NULL: stays who this process is */
	/*
	 * The command is the user's, not convoy's: it stays in this process's group and so
	 * in the terminal's foreground, outlives this process, keeps its orphans, and is
	 * never killed.
	 */
	bool leave_alone;
	/*
	 * With leave_alone: signals that it ignores, all others are at their defaults;
	 * NULL: as this process has them, but for SIGPIPE, which is at its default.
	 */
	const sigset_t *ignored;
};

/* How far a child came. */
enum launch_step {
	LAUNCH_PREPARING,	/* CPUs, signals, descriptors */
	LAUNCH_SWITCHING,	/* becoming options->as */
	LAUNCH_CORKED,
	LAUNCH_EXECUTING,
};

struct launch {
	pid_t pid;		/* leader of a process group of its own, unless leave_alone */
	bool leave_alone;
	enum launch_step failed_step;	/* after launch__start() gave an error */
	int cork_fd;
	int failure_fd;		/* the child's word: at the cork, or why not */
	int exec_error;		/* what it said of exec; 0: nothing yet, or it succeeded */
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
 * The signals that this process ignores: for launch_options.ignored, to be called before
 * convoy changes any.
 */
void launch__note_ignored(sigset_t *ignored);

/*
 * Fork, and wait until the child stands at the cork, ready to exec; it dies with
 * this process, with leave_alone only until the cork is pulled (what is forked
 * meanwhile must close launch->cork_fd, or it keeps the child waiting). Returns 0 or a
 * negative errno, also one that the child met, at launch->failed_step.
 */
int launch__start(struct launch *launch, const struct launch_options *options);

/* Pull the cork; *when_ns is CLOCK_MONOTONIC just before. 0 or a negative errno. */
int launch__release(struct launch *launch, uint64_t *when_ns);

/*
 * Reap what has ended of the command and its descendants, without waiting.
 * Returns 1 when none is left, 0 when there are more, or a negative errno. With
 * leave_alone only the command itself counts.
 */
int launch__reap(struct launch *launch);

/*
 * Does the command run, the cork being pulled? Waits for it for up to `ms`. Returns 1, 0 if
 * that is not known yet, or why exec failed as a negative errno.
 */
int launch__executed(struct launch *launch, int ms);

/* Why exec failed, as a positive errno; 0 if it did not. After the command ended. */
int launch__exec_error(struct launch *launch);

/*
 * Kill the command and all its descendants, and reap them. With leave_alone: closes the
 * cork if that was not pulled, and reaps the child, which then ends by itself (127); a
 * command that was started goes on.
 */
void launch__kill(struct launch *launch);

/* Close what is open. Does not kill. */
void launch__close(struct launch *launch);

/* Add the resources of `b` to `a`. */
void rusage__add(struct rusage *a, const struct rusage *b);

#endif /* CONVOY_LAUNCH_H */
