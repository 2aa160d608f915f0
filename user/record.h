/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * record.h - record what a plan names: attach, watch until it is over, close.
 */
#ifndef CONVOY_RECORD_H
#define CONVOY_RECORD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "cgroup.h"
#include "identity.h"
#include "record_file.h"
#include "record_plan.h"
#include "report.h"

struct record_request {
	const struct record_plan *plan;
	const struct cgroup_target *cgroup;	/* of CONVOY_TARGETS_CGROUP */
	const struct identity *as;	/* whom a command becomes; NULL: the caller */
	int fd;				/* the recording: empty, open for writing */
	struct record_file *file;	/* gets its name when it has begun; NULL: none */
	bool quiet;			/* do not say that it has begun */
	bool stdout_taken;		/* stdout is the caller's: a command's goes to stderr */
};

struct record_outcome {
	bool begun;		/* there is a recording, which may end early */
	bool failed;		/* it ends early, after a message */
	int signal;		/* that ended it; 0: none */
	bool insisted;		/* another one ended the waiting for the command */
	int exec_status;	/* 126 or 127, after a message: the command did not start */
	int command_status;	/* as a shell has it; -1: none, or it still runs */
	pid_t left;		/* the command that still runs, left alone; 0: none */
	uint64_t duration_ns;
	uint64_t threads, switches, bytes;
	struct report_loss loss;
};

/*
 * Record until the command or the target has ended, the time is over, or a signal comes;
 * a command that goes on is waited for until it has ended or another signal comes.
 * Returns 0 (then *outcome says how it went) or, after a message, an exit status.
 */
int record__run(const struct record_request *request, struct record_outcome *outcome);

/*
 * record__run() gave `status`: the file gets its name if there is something to keep, and is
 * removed if there is not. Is it there now? If it could not be given its name, the outcome is a
 * failure, after a message.
 */
bool record_outcome__keep(struct record_outcome *outcome, int status, struct record_file *file);

/* The exit status of one that did not fail, whose report is `valid` or not. */
int record_outcome__status(const struct record_outcome *outcome, bool valid, bool allow_loss);

/* A message: events were lost, what follows from that, and what may help. */
void record__say_lost(void);

#endif /* CONVOY_RECORD_H */
