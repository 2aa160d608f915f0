/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * trace.h - one command from its cork to its last switch, booked in a ledger.
 */
#ifndef CONVOY_TRACE_H
#define CONVOY_TRACE_H

#include <stdint.h>
#include <sys/resource.h>

#include "launch.h"
#include "ledger.h"
#include "session.h"

struct trace_options {
	struct launch_options launch;
	const struct lock_table *published;	/* locks that it will publish; may be NULL */
	session_event_fn observer;	/* sees each event before the ledger; may be NULL */
	void *observer_ctx;
	int signal_fd;	/* a signalfd: SIGCHLD wakes, any other signal ends the trace */
};

struct trace {
	struct launch launch;	/* how the command ended */
	struct ledger *ledger;	/* finished, unless a signal came; NULL without probes */
	uint64_t start_ns, end_ns;	/* release of the cork, last exit */
	struct rusage usage;	/* of the command and all its descendants, by wait4(2) */
	uint64_t tool_cpu_ns;	/* this process's own CPU time meanwhile */
	int exec_error;		/* positive errno: the command could not be executed */
	int signal;		/* that ended the trace early; 0: none */
};

/*
 * Run a command under the probes (or, with a NULL session, without), from a fork that they watch to the last
 * switch of its last descendant. Returns 0 (then *trace says how it went) or a
 * negative errno after a message. Either way no child is left, and
 * trace__free() ends it.
 */
int trace__command(struct trace *trace, struct session *session,
		   const struct trace_options *options);
void trace__free(struct trace *trace);

/* The signal that asked convoy to end, or 0; SIGCHLD only wakes. Does not wait. */
int trace__read_signal(int signal_fd);

#endif /* CONVOY_TRACE_H */
