// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "host.h"
#include "message.h"
#include "trace.h"

/* Bounds of the time between two drains; in between, the fill of the rings decides. */
#define DRAIN_MIN_MS 1
#define DRAIN_MAX_MS 100
/*
 * A record carries the time at which its probe began, and is visible a little
 * later: younger ones wait for the next drain, so that all CPUs have delivered.
 */
#define DRAIN_SETTLE_NS 5000000u
/* How long after the last exit the final switches may take to appear. */
#define LAST_SWITCHES_NS 2000000000u

/* Where events go. */
struct sink {
	struct session *session;
	struct convoy_counters before;	/* when the trace began */
	struct ledger *ledger;
	session_event_fn observer;
	void *observer_ctx;
};

static int feed(void *ctx, const struct convoy_ev_hdr *ev)
{
	const struct sink *sink = ctx;
	int err = sink->observer ? sink->observer(sink->observer_ctx, ev) : 0;

	return err ? err : ledger__feed(sink->ledger, ev);
}

static int drain(struct sink *sink, uint64_t limit_ns, double *fill)
{
	int err = session__drain(sink->session, limit_ns, feed, sink, fill);

	if (err)
		message("cannot book an event: %s", strerror(-err));
	return err;
}

int trace__read_signal(int signal_fd)
{
	struct signalfd_siginfo info;

	while (read(signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		if (info.ssi_signo != SIGCHLD)
			return (int)info.ssi_signo;
	return 0;
}

/* Drain until the command and all its descendants have ended, or a signal comes. */
static int watch(struct trace *trace, struct sink *sink, int signal_fd)
{
	struct pollfd poll_fd = { .fd = signal_fd, .events = POLLIN };
	int interval_ms = 10;

	for (;;) {
		double fill = 0;
		int err, gone;

		if (poll(&poll_fd, 1, interval_ms) < 0 && errno != EINTR)
			return -errno;
		trace->signal = trace__read_signal(signal_fd);
		if (trace->signal)
			return 0;
		err = sink->session ? drain(sink, monotonic_ns() - DRAIN_SETTLE_NS, &fill) : 0;
		if (err)
			return err;
		gone = launch__reap(&trace->launch);
		if (gone)
			return gone < 0 ? gone : 0;
		if (fill > 0.25)
			interval_ms = interval_ms / 2 > DRAIN_MIN_MS ? interval_ms / 2 :
								       DRAIN_MIN_MS;
		else if (fill < 0.05)
			interval_ms = 2 * interval_ms < DRAIN_MAX_MS ? 2 * interval_ms :
								       DRAIN_MAX_MS;
	}
}

/* A reaped thread may still be on its way to its last switch on another CPU. */
static void await_last_switches(const struct session *session, const struct convoy_counters *before)
{
	uint64_t give_up = monotonic_ns() + LAST_SWITCHES_NS;

	while (monotonic_ns() < give_up) {
		struct convoy_counters counters = session__counters(session);
		struct timespec pause = { .tv_nsec = 200000 };

		if (counters.dead - before->dead >= counters.born - before->born)
			return;
		nanosleep(&pause, NULL);
	}
}

static int finish(struct trace *trace, struct sink *sink)
{
	int err;

	trace->exec_error = launch__exec_error(&trace->launch);
	trace->usage = trace->launch.usage;
	rusage__add(&trace->usage, &trace->launch.orphans);
	if (!sink->session) {
		trace->end_ns = monotonic_ns();
		return 0;
	}
	await_last_switches(sink->session, &sink->before);
	err = drain(sink, UINT64_MAX, NULL);
	if (err)
		return err;
	trace->end_ns = ledger__last_death_ns(trace->ledger);
	if (trace->end_ns < trace->start_ns)
		trace->end_ns = monotonic_ns();
	return ledger__finish(trace->ledger, trace->end_ns);
}

/* Fork it corked, with the probes armed for just that fork, and pull the cork. */
static int start(struct trace *trace, struct session *session, const struct trace_options *options)
{
	int err, disarmed = 0;

	err = session ? session__arm(session) : 0;
	if (err)
		return err;
	err = launch__start(&trace->launch, &options->launch);
	if (session)
		disarmed = session__disarm(session);
	if (!err)
		err = disarmed;
	if (!err)
		err = launch__release(&trace->launch, &trace->start_ns);
	return err;
}

static int ignore_event(void *ctx, const struct convoy_ev_hdr *ev)
{
	(void)ctx;
	(void)ev;
	return 0;
}

int trace__command(struct trace *trace, struct session *session,
		   const struct trace_options *options)
{
	struct ledger_options ledger_options = {
		.published = options->published,
	};
	struct sink sink = {
		.session = session,
		.observer = options->observer,
		.observer_ctx = options->observer_ctx,
	};
	uint64_t cpu_before = own_cpu_ns();
	int err;

	memset(trace, 0, sizeof(*trace));
	trace->launch.cork_fd = trace->launch.failure_fd = -1;
	if (session)
		sink.before = session__counters(session);
	ledger_options.first_id = (uint32_t)sink.before.born;
	err = start(trace, session, options);
	if (err) {
		/* Ctrl-C reaches a child that has not left this process group yet. */
		trace->signal = trace__read_signal(options->signal_fd);
		if (trace->signal)
			err = 0;
		else
			message("cannot start %s: %s", options->launch.argv[0], strerror(-err));
	} else if (session) {
		ledger_options.start_ns = trace->start_ns;
		err = ledger__new(&trace->ledger, &ledger_options);
		sink.ledger = trace->ledger;
	}
	if (!err && !trace->signal)
		err = watch(trace, &sink, options->signal_fd);
	if (!err && !trace->signal)
		err = finish(trace, &sink);
	trace->tool_cpu_ns = own_cpu_ns() - cpu_before;
	if (err || trace->signal) {
		launch__kill(&trace->launch);
		if (session) {
			await_last_switches(session, &sink.before);
			/* What is left of it in the rings belongs to nobody. */
			session__drain(session, UINT64_MAX, ignore_event, NULL, NULL);
		}
	}
	launch__close(&trace->launch);
	return err;
}

void trace__free(struct trace *trace)
{
	ledger__free(trace->ledger);
	trace->ledger = NULL;
}
