// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "exec_error.h"
#include "host.h"
#include "message.h"
#include "signals.h"
#include "trace.h"

/* How long after the last exit the final switches may take to appear. */
#define LAST_SWITCHES_MS 2000
/* SIGCHLD wakes; this is for descendants that another process reaps. */
#define LOOK_AGAIN_MS 100

static int complain(int err)
{
	message("cannot record: %s",
		err == -ECONNRESET ? "the recorder has ended" : strerror(-err));
	return err;
}

int trace__start(struct trace *trace, const struct trace_options *options)
{
	struct record_round round = { 0 };
	int err, disarmed = 0;

	memset(trace, 0, sizeof(*trace));
	trace->launch.cork_fd = trace->launch.failure_fd = -1;
	trace->tool_cpu_ns = own_cpu_ns();
	err = options->session ? session__arm(options->session) : 0;
	if (!err)
		err = launch__start(&trace->launch, &options->launch);
	if (options->session)
		disarmed = session__disarm(options->session);
	if (!err)
		err = disarmed;
	/* Ctrl-C reaches a child that has not left this process group yet; nothing runs yet. */
	trace->signal = signals__read(options->signal_fd);
	if (!err && !trace->signal)
		err = launch__release(&trace->launch, &trace->start_ns);
	if (err || trace->signal) {
		if (!trace->signal)
			trace->start_status =
				launch__explain_start_error(&trace->launch, &options->launch, err);
		launch__kill(&trace->launch);
		launch__close(&trace->launch);
		return trace->signal ? 0 : err;
	}
	snprintf(round.mode, sizeof(round.mode), "%s", options->mode);
	round.start_ns = trace->start_ns;
	err = recorder__begin(options->recorder, &round, false, NULL);
	trace->begun = !err;
	if (!err)
		return 0;
	complain(err);
	trace->released = options->launch.leave_alone;
	if (!trace->released) {
		launch__kill(&trace->launch);
		launch__close(&trace->launch);
	}
	return err;
}

/* Has the command ended so long ago that nobody waits for those whom it left behind? */
static bool is_past(struct trace *trace, const struct trace_options *options)
{
	if (!options->linger_ms || !trace->launch.reaped)
		return false;
	if (!trace->reaped_ns)
		trace->reaped_ns = monotonic_ns();
	return monotonic_ns() - trace->reaped_ns > options->linger_ms * UINT64_C(1000000);
}

/* Wait until the command and all its descendants have ended, or a signal comes. */
static int watch(struct trace *trace, const struct trace_options *options)
{
	struct pollfd fds[] = {
		{ .fd = options->signal_fd, .events = POLLIN },
		{ .fd = recorder__fd(options->recorder), .events = POLLIN },
	};

	for (;;) {
		int gone;

		if (poll(fds, 2, LOOK_AGAIN_MS) < 0 && errno != EINTR)
			return -errno;
		trace->signal = signals__read(options->signal_fd);
		if (trace->signal)
			return 0;
		if (fds[1].revents && recorder__news(options->recorder).failed)
			return complain(recorder__news(options->recorder).failed);
		gone = launch__reap(&trace->launch);
		if (gone)
			return gone < 0 ? gone : 0;
		trace->lingered = is_past(trace, options);
		if (trace->lingered)
			return 0;
	}
}

int trace__command(struct trace *trace, const struct trace_options *options)
{
	int err = trace__start(trace, options);

	if (err || trace->signal)
		return err;
	err = watch(trace, options);
	if (err || trace->signal || trace->lingered)
		launch__kill(&trace->launch);
	if (!err && !trace->signal) {
		trace->exec_error = launch__exec_error(&trace->launch);
		trace->usage = trace->launch.usage;
		rusage__add(&trace->usage, &trace->launch.orphans);
	}
	trace->end_ns = monotonic_ns();
	trace->tool_cpu_ns = own_cpu_ns() - trace->tool_cpu_ns;
	launch__close(&trace->launch);
	return err;
}

int trace__end(struct trace *trace, struct recorder *recorder, bool measured, json_t *work)
{
	struct record_round_end end = {
		.measured = measured,
		.end_ns = trace->end_ns,
		.has_usage = true,
		.usage = trace->usage,
		.tool_cpu_ns = trace->tool_cpu_ns,
		.work = work,
	};
	int err = trace->begun ? recorder__end(recorder, &end, LAST_SWITCHES_MS) : 0;

	trace->begun = false;
	return err ? complain(err) : 0;
}
