/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * record_plan.h - what `convoy record` was asked to record, checked.
 */
#ifndef CONVOY_RECORD_PLAN_H
#define CONVOY_RECORD_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "bpf/events.h"
#include "report.h"

/* Where the names of addresses come from. */
enum record_maps {
	RECORD_MAPS_EVENTS,	/* /proc at the start, then what is mapped as it happens */
	RECORD_MAPS_PROC,	/* /proc alone */
	RECORD_MAPS_NONE,	/* nowhere: addresses have no names */
};

/* All strings are those of the argv that was parsed. */
struct record_plan {
	enum convoy_targets targets;	/* CONVOY_TARGETS_NONE: a command */
	char *const *command;		/* ends with NULL; NULL if there is none */
	uint32_t wanted[CONVOY_MAX_WANTED];	/* PIDs or TIDs, each once */
	size_t n_wanted;
	const char *cgroup;		/* as the user wrote it; for cgroup__find() */
	const char *output;		/* "-": standard output, which is no terminal */
	bool force;			/* replace what is there */
	uint64_t duration_ns;		/* 0: until the target ends, or Ctrl-C */
	enum futex_probes futex;	/* FUTEX_ALL or FUTEX_BLOCKING */
	const char *as;			/* for identity__find(); NULL: the caller */
	enum record_maps maps;
	size_t ring_bytes;		/* 0: default */
	bool allow_loss;
	bool verbose;
	char command_line[512];
	json_t *python;			/* of `convoy py`, for params; borrowed; NULL: none */
};

/*
 * Parse the arguments after `convoy` (argv[0] is "record"). Looks at nothing but
 * them, this process's own id and whether stdout is a terminal. Returns 0, or -EINVAL
 * after a message (exit 2). --help, --usage, --version and unknown options end the
 * process, as argp does.
 */
int record_plan__parse(struct record_plan *plan, int argc, char **argv);

/*
 * Is what -p or -t names there, and can it be recorded? 0 for other targets. Returns 0,
 * or after a message: -EINVAL if it cannot be (exit 2), -EPERM if this user may not see
 * it (exit 3).
 */
int record_plan__check_targets(const struct record_plan *plan);

/* What /proc says of a thread. */
struct proc_stat {
	char state;		/* 'R', 'S', 'Z', ... */
	bool kernel_thread;
	unsigned long n_threads;	/* of its process */
};

/*
 * Understands a line of /proc/PID/stat, whatever the thread's name. Pure; 0 or
 * -EBADMSG.
 */
int proc_stat__parse(struct proc_stat *stat, const char *line);

#endif /* CONVOY_RECORD_PLAN_H */
