/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * trace.h - one command from its cork to the end of its last descendant, recorded.
 */
#ifndef CONVOY_TRACE_H
#define CONVOY_TRACE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>

#include "launch.h"
#include "recorder.h"
#include "session.h"

struct trace_options {
	struct launch_options launch;
	const char *mode;		/* label of the round */
	struct session *session;	/* NULL: without probes */
	struct recorder *recorder;
	int signal_fd;	/* a signalfd: SIGCHLD wakes, any other signal ends the trace */
	unsigned linger_ms;	/* descendants that outlive the command by that are killed; 0: never */
};

struct trace {
	struct launch launch;	/* how the command ended */
	bool begun;		/* the recording has a round of it, which is to be ended */
	bool lingered;		/* descendants outlived the command, and were killed */
	bool released;		/* trace__start() failed, but the command was left alone: it runs */
	uint64_t reaped_ns;	/* when the command was seen to have ended; 0: not, or nobody asked */
	uint64_t start_ns, end_ns;	/* release of the cork, when the last one was reaped */
	struct rusage usage;	/* of the command and all its descendants, by wait4(2) */
	uint64_t tool_cpu_ns;	/* this process's own CPU time meanwhile */
	int start_status;	/* after trace__start() failed: the exit status for it */
	int exec_error;		/* positive errno: the command could not be executed */
	int signal;		/* that ended the trace early; 0: none */
};

/*
 * Fork a command with the probes armed for just that fork, pull the cork and begin a
 * round of the recording: everything before it runs. Returns 0 (with trace->signal: a
 * signal came first, and it does not run) or a negative errno after a message. Then no
 * child is left, unless trace->released.
 */
int trace__start(struct trace *trace, const struct trace_options *options);

/*
 * trace__start(), and wait for the last of the command's descendants, or until they are killed
 * (trace->lingered). Returns 0 (then
 * *trace says how it went) or a negative errno after a message. Either way no child is
 * left.
 */
int trace__command(struct trace *trace, const struct trace_options *options);

/*
 * End the round. `measured`: its numbers are to be used; `work` is what convoy-work said
 * of it, or NULL. Returns 0 or a negative errno after a message.
 */
int trace__end(struct trace *trace, struct recorder *recorder, bool measured, json_t *work);

#endif /* CONVOY_TRACE_H */
