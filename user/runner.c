// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host.h"
#include "message.h"
#include "runner.h"
#include "trace.h"
#include "workloads/lock_table.h"

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

/* What one round needs besides its trace. */
struct one_round {
	struct trace trace;
	int output_fd;			/* the workload's stdout */
	int table_fd;
	struct lock_table *table;
	struct work_result work;
};

static int make_table(struct one_round *round)
{
	void *memory;

	round->table_fd = memfd_create("convoy-locks", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	/* Sealed, for a workload that shrank it would take this process along. */
	if (round->table_fd < 0 || ftruncate(round->table_fd, sizeof(*round->table)) ||
	    fcntl(round->table_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW))
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
		       const struct plan_mode *mode)
{
	const struct run_plan *plan = runner->plan;

	args->n = 0;
	if (mode->command) {
		add_arg(args, "/bin/sh");
		add_arg(args, "-c");
		add_arg(args, "%s", "");
		args->argv[2] = (char *)mode->command; /* however long it is */
		return;
	}
	add_arg(args, "%s", "");
	args->argv[0] = (char *)runner->work_path;
	add_arg(args, "--job=%s", plan->job->name);
	add_arg(args, "--mode=%s", mode->label);
	add_arg(args, "--workers=%u", mode->workers);
	if (plan->job->work_unit)
		add_arg(args, "--work=%llu", plan->work);
	if (plan->job->sleeps)
		add_arg(args, "--sleep-scale=%.17g", plan->sleep_scale);
	if (plan->job->seeded)
		add_arg(args, "--seed=%llu", plan->seed);
	if (plan->job->lock_work) {
		add_arg(args, "--inside=%llu", plan->inside);
		add_arg(args, "--outside=%llu", plan->outside);
	}
	add_arg(args, "--start=%s", plan->spawn ? "spawn" : "fork");
	add_arg(args, "--yield-every=%llu", plan->yield_every);
	add_arg(args, "--check-interval=%llu", plan->check_interval);
	add_arg(args, "--switch-interval=%.17g", plan->switch_interval_ms);
	if (plan->verbose)
		add_arg(args, "--verbose");
}

/* Did the workload end well, and what does it say? Prints why not. */
static bool read_outcome(struct one_round *round, const struct plan_mode *mode)
{
	const struct launch *launch = &round->trace.launch;
	int exec_error = round->trace.exec_error;
	struct stat stat;
	void *text;
	int err;

	if (exec_error)
		message("cannot execute the workload: %s", strerror(exec_error));
	else if (WIFSIGNALED(launch->status))
		message("the workload was killed by signal %d (%s) in mode %s",
			WTERMSIG(launch->status), strsignal(WTERMSIG(launch->status)), mode->label);
	else if (WEXITSTATUS(launch->status))
		message("the workload failed in mode %s with exit status %d", mode->label,
			WEXITSTATUS(launch->status));
	if (exec_error || launch->status)
		return false;
	if (mode->command)
		return true;
	if (fstat(round->output_fd, &stat) || !stat.st_size) {
		message("the workload printed no result in mode %s", mode->label);
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
		message("the workload's result in mode %s cannot be used: %s", mode->label,
			strerror(-err));
	return !err;
}

/* Where the workload finds the table, in its environment. */
static int trace_workload(struct runner *runner, struct one_round *round,
			  const struct plan_mode *mode)
{
	struct work_argv args;
	struct trace_options options = {
		.launch = {
			.argv = args.argv,
			/* The report has stdout to itself: a command speaks on stderr. */
			.stdout_fd = mode->command ? STDERR_FILENO : round->output_fd,
			.keep_fd = round->table_fd,
			.cpus = runner->plan->pinned ? &runner->plan->cpus : NULL,
			.sigmask = &runner->old_mask,
		},
		.published = round->table,
		.signal_fd = runner->signal_fd,
	};
	char number[16];
	int err;

	build_argv(&args, runner, mode);
	snprintf(number, sizeof(number), "%d", round->table_fd);
	if (setenv(LOCK_TABLE_ENV, number, 1)) {
		message("cannot set %s: %s", LOCK_TABLE_ENV, strerror(errno));
		return -errno;
	}
	err = trace__command(&round->trace, runner->session, &options);
	unsetenv(LOCK_TABLE_ENV);
	return err;
}

static int do_round(struct runner *runner, struct one_round *round, const struct plan_mode *mode,
		    struct mode_metrics *metrics)
{
	struct trace *trace = &round->trace;
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
	err = trace_workload(runner, round, mode);
	runner->outcome->signal = trace->signal;
	if (err || trace->signal)
		return err;
	if (trace->ledger)
		runner->unmatched +=
			ledger__unmatched(trace->ledger) + ledger__n_alive(trace->ledger);
	if (!read_outcome(round, mode)) {
		runner->outcome->workload_failed = true;
		return 0;
	}

	struct round measured = {
		.ledger = trace->ledger,
		.start_ns = trace->start_ns,
		.end_ns = trace->end_ns,
		.has_usage = true,
		.usage = trace->usage,
		.tool_cpu_ns = trace->tool_cpu_ns,
		.work = mode->command ? NULL : &round->work,
	};
	return mode_metrics__add(metrics, &measured);
}

static int run_round(struct runner *runner, const struct plan_mode *mode,
		     struct mode_metrics *metrics)
{
	struct one_round round = { .output_fd = -1, .table_fd = -1 };
	int err = do_round(runner, &round, mode, metrics);

	work_result__free(&round.work);
	trace__free(&round.trace);
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

			show_progress(runner, done++, total, plan->modes[m].label);
			err = run_round(runner, &plan->modes[m], metrics[m]);
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
	struct report_loss loss = { 0 };
	struct convoy_counters counters;

	if (!runner->session)
		return loss;
	counters = session__counters(runner->session);
	loss.ring = session__ring_dropped(runner->session);
	loss.task_state = counters.task_state;
	loss.reads = counters.reads;
	loss.unmatched = counters.unmatched;
	loss.recovered = counters.recovered;
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
	static const int endings[] = { SIGINT, SIGTERM, SIGHUP };
	sigset_t mask;
	int err;

	memset(outcome, 0, sizeof(*outcome));
	signal(SIGCHLD, SIG_DFL); /* ignored, as a caller may have left it, it loses rusage */
	sigemptyset(&mask);
	sigaddset(&mask, SIGCHLD);
	for (size_t i = 0; i < sizeof(endings) / sizeof(*endings); i++) {
		struct sigaction action;

		/* Who ignores a signal (nohup, a shell's &) wants to go on. */
		if (!sigaction(endings[i], NULL, &action) && action.sa_handler != SIG_IGN)
			sigaddset(&mask, endings[i]);
	}
	sigprocmask(SIG_BLOCK, &mask, &runner.old_mask);
	runner.signal_fd = signalfd(-1, &mask, SFD_NONBLOCK | SFD_CLOEXEC);
	if (runner.signal_fd < 0) {
		err = -errno;
		message("signalfd: %s", strerror(-err));
		sigprocmask(SIG_SETMASK, &runner.old_mask, NULL);
		return err;
	}
	err = run_all(&runner, metrics);
	/* One that came as the last round ended must not kill the report. */
	if (!outcome->signal)
		outcome->signal = trace__read_signal(runner.signal_fd);
	close(runner.signal_fd);
	sigprocmask(SIG_SETMASK, &runner.old_mask, NULL);

	outcome->loss = count_loss(&runner);
	if (knows_stolen && !host__stolen_ns(&stolen_after)) {
		double available =
			(double)(monotonic_ns() - began) * (double)sysconf(_SC_NPROCESSORS_ONLN);

		outcome->stolen_share =
			(struct maybe){ true, (double)(stolen_after - stolen_before) / available };
	}
	return err;
}
