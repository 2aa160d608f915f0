// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "host.h"
#include "launch.h"
#include "ledger.h"
#include "message.h"
#include "runner.h"
#include "workloads/lock_table.h"

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

struct runner {
	const struct run_plan *plan;
	struct session *session;
	const char *work_path;
	struct run_outcome *outcome;
	int signal_fd;
	sigset_t old_mask;
	uint64_t unmatched;	/* over all rounds, by the ledgers */
	bool progress;
};

/* What one round needs while it runs. */
struct one_round {
	struct launch launch;
	int output_fd;			/* the workload's stdout */
	int table_fd;
	struct lock_table *table;
	struct ledger *ledger;
	struct work_result work;
	uint64_t start_ns, end_ns;
	uint64_t tool_cpu_ns;
};

static int make_table(struct one_round *round)
{
	void *memory;

	round->table_fd = memfd_create("convoy-locks", MFD_CLOEXEC);
	if (round->table_fd < 0 || ftruncate(round->table_fd, sizeof(*round->table)))
		return -errno;
	memory = mmap(NULL, sizeof(*round->table), PROT_READ | PROT_WRITE, MAP_SHARED,
		      round->table_fd, 0);
	if (memory == MAP_FAILED)
		return -errno;
	round->table = memory;
	round->table->capacity = LOCK_TABLE_CAPACITY;
	round->table->magic = LOCK_TABLE_MAGIC;
	return 0;
}

/* One argument list for all modes: what a job or mode does not need, it ignores. */
#define WORK_ARGS 32
struct work_argv {
	char text[WORK_ARGS][160];
	char *argv[WORK_ARGS + 1];
	size_t n;
};

static void add_arg(struct work_argv *args, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void add_arg(struct work_argv *args, const char *format, ...)
{
	va_list list;

	if (args->n == WORK_ARGS)
		return;
	va_start(list, format);
	vsnprintf(args->text[args->n], sizeof(args->text[args->n]), format, list);
	va_end(list);
	args->argv[args->n] = args->text[args->n];
	args->argv[++args->n] = NULL;
}

static void build_argv(struct work_argv *args, const struct runner *runner,
		       const struct mode_info *mode)
{
	const struct run_plan *plan = runner->plan;

	args->n = 0;
	add_arg(args, "%s", runner->work_path);
	args->argv[0] = (char *)runner->work_path; /* however long it is */
	add_arg(args, "--job=%s", plan->job->name);
	add_arg(args, "--mode=%s", mode->name);
	add_arg(args, "--workers=%u", plan->workers);
	if (plan->job->work_unit)
		add_arg(args, "--work=%llu", plan->work);
	if (plan->job->sleeps)
		add_arg(args, "--sleep-scale=%.17g", plan->sleep_scale);
	add_arg(args, "--start=%s", plan->spawn ? "spawn" : "fork");
	add_arg(args, "--yield-every=%llu", plan->yield_every);
	add_arg(args, "--check-interval=%llu", plan->check_interval);
	add_arg(args, "--switch-interval=%.17g", plan->switch_interval_ms);
	if (plan->verbose)
		add_arg(args, "--verbose");
}

/* Fork it corked, with the probes armed for just that fork. */
static int start(struct runner *runner, struct one_round *round, const struct mode_info *mode)
{
	struct work_argv args;
	struct launch_options options = {
		.argv = args.argv,
		.stdout_fd = round->output_fd,
		.keep_fd = round->table_fd,
		.cpus = runner->plan->pinned ? &runner->plan->cpus : NULL,
		.sigmask = &runner->old_mask,
	};
	char number[16];
	int err, disarmed;

	build_argv(&args, runner, mode);
	snprintf(number, sizeof(number), "%d", round->table_fd);
	if (setenv(LOCK_TABLE_ENV, number, 1))
		return -errno;
	err = session__arm(runner->session);
	if (err) {
		message("cannot arm the probes: %s", strerror(-err));
		return err;
	}
	err = launch__start(&round->launch, &options);
	disarmed = session__disarm(runner->session);
	unsetenv(LOCK_TABLE_ENV);
	if (err)
		message("cannot start a workload: %s", strerror(-err));
	return err ? err : disarmed;
}

static int feed(void *ctx, const struct convoy_ev_hdr *ev)
{
	return ledger__feed(ctx, ev);
}

static int drain(struct runner *runner, struct one_round *round, uint64_t limit_ns, double *fill)
{
	int err = session__drain(runner->session, limit_ns, feed, round->ledger, fill);

	if (err)
		message("cannot book an event: %s", strerror(-err));
	return err;
}

/* The signal that asked convoy to end, or 0. SIGCHLD only wakes the loop. */
static int read_signal(const struct runner *runner)
{
	struct signalfd_siginfo info;

	while (read(runner->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		if (info.ssi_signo != SIGCHLD)
			return (int)info.ssi_signo;
	return 0;
}

/* Drain until the workload and all its descendants have ended, or a signal comes. */
static int watch(struct runner *runner, struct one_round *round)
{
	struct pollfd poll_fd = { .fd = runner->signal_fd, .events = POLLIN };
	int interval_ms = 10;

	for (;;) {
		double fill = 0;
		int err, gone;

		if (poll(&poll_fd, 1, interval_ms) < 0 && errno != EINTR)
			return -errno;
		runner->outcome->signal = read_signal(runner);
		if (runner->outcome->signal)
			return 0;
		err = drain(runner, round, monotonic_ns() - DRAIN_SETTLE_NS, &fill);
		if (err)
			return err;
		gone = launch__reap(&round->launch);
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
static void await_last_switches(const struct runner *runner)
{
	uint64_t give_up = monotonic_ns() + LAST_SWITCHES_NS;

	while (monotonic_ns() < give_up) {
		struct convoy_counters counters = session__counters(runner->session);
		struct timespec pause = { .tv_nsec = 200000 };

		if (counters.dead >= counters.born)
			return;
		nanosleep(&pause, NULL);
	}
}

static int finish(struct runner *runner, struct one_round *round)
{
	int err;

	await_last_switches(runner);
	err = drain(runner, round, UINT64_MAX, NULL);
	if (err)
		return err;
	round->end_ns = ledger__last_death_ns(round->ledger);
	if (round->end_ns < round->start_ns)
		round->end_ns = monotonic_ns();
	err = ledger__finish(round->ledger, round->end_ns);
	runner->unmatched += ledger__unmatched(round->ledger);
	return err;
}

/* Did the workload end well, and what does it say? Prints why not. */
static bool read_outcome(struct one_round *round, const struct mode_info *mode)
{
	const struct launch *launch = &round->launch;
	int exec_error = launch__exec_error(&round->launch);
	struct stat stat;
	void *text;
	int err;

	if (exec_error)
		message("cannot execute the workload: %s", strerror(exec_error));
	else if (WIFSIGNALED(launch->status))
		message("the workload was killed by signal %d (%s) in mode %s",
			WTERMSIG(launch->status), strsignal(WTERMSIG(launch->status)), mode->name);
	else if (WEXITSTATUS(launch->status))
		message("the workload failed in mode %s with exit status %d", mode->name,
			WEXITSTATUS(launch->status));
	if (exec_error || launch->status)
		return false;

	if (fstat(round->output_fd, &stat) || !stat.st_size) {
		message("the workload printed no result in mode %s", mode->name);
		return false;
	}
	text = mmap(NULL, (size_t)stat.st_size, PROT_READ, MAP_SHARED, round->output_fd, 0);
	if (text == MAP_FAILED) {
		message("cannot read the workload's result: %s", strerror(errno));
		return false;
	}
	err = work_result__parse(&round->work, text, (size_t)stat.st_size);
	munmap(text, (size_t)stat.st_size);
	if (err)
		message("the workload's result in mode %s cannot be used: %s", mode->name,
			strerror(-err));
	return !err;
}

static int do_round(struct runner *runner, struct one_round *round, const struct mode_info *mode,
		    struct mode_metrics *metrics)
{
	struct ledger_options options = {
		.first_id = (uint32_t)session__counters(runner->session).born,
	};
	uint64_t cpu_before = own_cpu_ns();
	int err;

	round->output_fd = memfd_create("convoy-result", MFD_CLOEXEC);
	if (round->output_fd < 0) {
		message("memfd_create: %s", strerror(errno));
		return -errno;
	}
	err = make_table(round);
	if (err) {
		message("cannot make the lock table: %s", strerror(-err));
		return err;
	}
	err = start(runner, round, mode);
	if (!err)
		err = launch__release(&round->launch, &round->start_ns);
	if (err)
		return err;
	options.start_ns = round->start_ns;
	options.published = round->table;
	err = ledger__new(&round->ledger, &options);
	if (!err)
		err = watch(runner, round);
	if (err || runner->outcome->signal)
		return err;
	err = finish(runner, round);
	if (err)
		return err;
	round->tool_cpu_ns = own_cpu_ns() - cpu_before;
	if (!read_outcome(round, mode)) {
		runner->outcome->workload_failed = true;
		return 0;
	}
	rusage__add(&round->launch.usage, &round->launch.orphans);

	struct round measured = {
		.ledger = round->ledger,
		.start_ns = round->start_ns,
		.end_ns = round->end_ns,
		.usage = round->launch.usage,
		.tool_cpu_ns = round->tool_cpu_ns,
		.work = &round->work,
	};
	return mode_metrics__add(metrics, &measured);
}

static int ignore_event(void *ctx, const struct convoy_ev_hdr *ev)
{
	(void)ctx;
	(void)ev;
	return 0;
}

static int run_round(struct runner *runner, const struct mode_info *mode,
		     struct mode_metrics *metrics)
{
	struct one_round round = { .output_fd = -1, .table_fd = -1 };
	int err;

	round.launch.cork_fd = round.launch.failure_fd = -1;
	err = do_round(runner, &round, mode, metrics);
	if (err || runner->outcome->signal) {
		launch__kill(&round.launch);
		await_last_switches(runner);
		/* What is left of it in the rings belongs to no round. */
		session__drain(runner->session, UINT64_MAX, ignore_event, NULL, NULL);
	}
	launch__close(&round.launch);
	work_result__free(&round.work);
	ledger__free(round.ledger);
	if (round.table)
		munmap(round.table, sizeof(*round.table));
	if (round.table_fd >= 0)
		close(round.table_fd);
	if (round.output_fd >= 0)
		close(round.output_fd);
	return err;
}

static void show_progress(const struct runner *runner, unsigned done, unsigned total,
			  const char *mode)
{
	if (!runner->progress)
		return;
	if (mode)
		fprintf(stderr, "\r\033[Kconvoy: %u of %u, %s ", done + 1, total, mode);
	else
		fprintf(stderr, "\r\033[K");
	fflush(stderr);
}

static int run_all(struct runner *runner, struct mode_metrics **metrics)
{
	const struct run_plan *plan = runner->plan;
	unsigned total = plan->rounds * (unsigned)plan->n_modes, done = 0;
	int err = 0;

	for (unsigned r = 0; r < plan->rounds; r++) {
		for (size_t i = 0; i < plan->n_modes; i++) {
			/* Another mode goes first in each round: drift hits all alike. */
			size_t m = (i + r) % plan->n_modes;

			show_progress(runner, done++, total, plan->modes[m]->name);
			err = run_round(runner, plan->modes[m], metrics[m]);
			if (err || runner->outcome->signal || runner->outcome->workload_failed)
				goto out;
		}
	}
out:
	show_progress(runner, 0, 0, NULL);
	return err;
}

static struct report_loss count_loss(const struct runner *runner)
{
	struct convoy_counters counters = session__counters(runner->session);
	struct report_loss loss = {
		.ring = session__ring_dropped(runner->session),
		.task_state = counters.task_state,
		.reads = counters.reads,
		.unmatched = counters.unmatched,
	};

	/* A record that found no room is missed by the ledger too: named once. */
	if (runner->unmatched > loss.ring && runner->unmatched - loss.ring > loss.unmatched)
		loss.unmatched = runner->unmatched - loss.ring;
	return loss;
}

int runner__run(const struct run_plan *plan, struct session *session, const char *work_path,
		struct mode_metrics **metrics, struct run_outcome *outcome)
{
	struct runner runner = {
		.plan = plan,
		.session = session,
		.work_path = work_path,
		.outcome = outcome,
		.progress = isatty(STDERR_FILENO) && !plan->verbose,
	};
	uint64_t began = monotonic_ns(), stolen_before = 0, stolen_after = 0;
	bool knows_stolen = !host__stolen_ns(&stolen_before);
	sigset_t mask;
	int err;

	memset(outcome, 0, sizeof(*outcome));
	sigemptyset(&mask);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGHUP);
	sigaddset(&mask, SIGCHLD);
	sigprocmask(SIG_BLOCK, &mask, &runner.old_mask);
	runner.signal_fd = signalfd(-1, &mask, SFD_NONBLOCK | SFD_CLOEXEC);
	if (runner.signal_fd < 0) {
		err = -errno;
		message("signalfd: %s", strerror(-err));
		sigprocmask(SIG_SETMASK, &runner.old_mask, NULL);
		return err;
	}
	err = run_all(&runner, metrics);
	close(runner.signal_fd);
	sigprocmask(SIG_SETMASK, &runner.old_mask, NULL);

	outcome->loss = count_loss(&runner);
	if (knows_stolen && !host__stolen_ns(&stolen_after)) {
		double available = (double)(monotonic_ns() - began) *
				   (double)sysconf(_SC_NPROCESSORS_ONLN);

		outcome->stolen_share = (struct maybe){
			true, (double)(stolen_after - stolen_before) / available
		};
	}
	return err;
}
