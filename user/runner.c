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
#include "signals.h"
#include "trace.h"
#include "work_result.h"
#include "workloads/lock_table.h"

struct runner {
	const struct run_plan *plan;
	struct session *session;
	const char *work_path;
	struct recorder *recorder;
	const struct run_table *table;
	struct run_outcome *outcome;
	int signal_fd;
	sigset_t old_mask;
	bool progress;
};

/* What one round needs besides its trace. */
struct one_round {
	struct trace trace;
	int output_fd;			/* the workload's stdout */
	json_t *work;			/* what it said there; NULL: nothing that is needed */
};

int run_table__new(struct run_table *table)
{
	void *memory;

	table->fd = memfd_create("convoy-locks", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	/* Sealed, for a workload that shrank it would take this process along. */
	if (table->fd < 0 || ftruncate(table->fd, sizeof(*table->locks)) ||
	    fcntl(table->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW))
		goto fail;
	memory =
		mmap(NULL, sizeof(*table->locks), PROT_READ | PROT_WRITE, MAP_SHARED, table->fd, 0);
	if (memory == MAP_FAILED)
		goto fail;
	table->locks = memory;
	return 0;
fail:
	message("cannot make the lock table: %s", strerror(errno));
	return -errno;
}

void run_table__free(struct run_table *table)
{
	if (table->locks)
		munmap(table->locks, sizeof(*table->locks));
	if (table->fd >= 0)
		close(table->fd);
}

/* Nothing of an earlier round is left in it. */
static void clear_table(struct lock_table *table)
{
	memset(table, 0, sizeof(*table));
	table->capacity = LOCK_TABLE_CAPACITY;
	table->magic = LOCK_TABLE_MAGIC;
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
	struct work_result work;
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
	round->work = json_loadb(text, (size_t)stat.st_size, 0, NULL);
	munmap(text, (size_t)stat.st_size);
	err = round->work ? work_result__of_json(&work, round->work) : -EBADMSG;
	if (!err)
		work_result__free(&work);
	else
		message("the workload's result in mode %s cannot be used: %s", mode->label,
			strerror(-err));
	return !err;
}

/* A job of convoy's own gets the table, and finds it by its environment. A command of the
 * user's does not know of it, and must not be able to write there by accident. */
static int trace_workload(struct runner *runner, struct one_round *round,
			  const struct plan_mode *mode)
{
	struct work_argv args;
	struct trace_options options = {
		.launch = {
			.argv = args.argv,
			/* The report has stdout to itself: a command speaks on stderr. */
			.stdout_fd = mode->command ? STDERR_FILENO : round->output_fd,
			.keep_fd = mode->command ? -1 : runner->table->fd,
			.cpus = runner->plan->pinned ? &runner->plan->cpus : NULL,
			.sigmask = &runner->old_mask,
		},
		.mode = mode->label,
		.session = runner->session,
		.recorder = runner->recorder,
		.signal_fd = runner->signal_fd,
	};
	char number[16];
	int err;

	build_argv(&args, runner, mode);
	clear_table(runner->table->locks);
	snprintf(number, sizeof(number), "%d", runner->table->fd);
	if (!mode->command && setenv(LOCK_TABLE_ENV, number, 1)) {
		message("cannot set %s: %s", LOCK_TABLE_ENV, strerror(errno));
		return -errno;
	}
	err = trace__command(&round->trace, &options);
	if (!mode->command)
		unsetenv(LOCK_TABLE_ENV);
	return err;
}

static int do_round(struct runner *runner, struct one_round *round, const struct plan_mode *mode)
{
	bool measured = false;
	int err, ended;

	round->output_fd = memfd_create("convoy-result", MFD_CLOEXEC);
	if (round->output_fd < 0) {
		message("memfd_create: %s", strerror(errno));
		return -errno;
	}
	err = trace_workload(runner, round, mode);
	runner->outcome->signal = round->trace.signal;
	if (!err && !round->trace.signal) {
		measured = read_outcome(round, mode);
		runner->outcome->workload_failed = !measured;
		runner->outcome->rounds += measured;
	}
	ended = trace__end(&round->trace, runner->recorder, measured, round->work);
	return err ? err : ended;
}

static int run_round(struct runner *runner, const struct plan_mode *mode)
{
	struct one_round round = { .output_fd = -1 };
	int err = do_round(runner, &round, mode);

	json_decref(round.work);
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

static int run_all(struct runner *runner)
{
	const struct run_plan *plan = runner->plan;
	unsigned total = plan->rounds * (unsigned)plan->n_modes, done = 0;
	int err = 0;

	for (unsigned r = 0; r < plan->rounds; r++) {
		for (size_t i = 0; i < plan->n_modes; i++) {
			/* Another mode goes first in each round: drift hits all alike. */
			size_t m = (i + r) % plan->n_modes;

			show_progress(runner, done++, total, plan->modes[m].label);
			err = run_round(runner, &plan->modes[m]);
			if (err || runner->outcome->signal || runner->outcome->workload_failed)
				goto out;
		}
	}
out:
	show_progress(runner, 0, 0, NULL);
	return err;
}

int runner__run(const struct run_plan *plan, struct session *session, struct recorder *recorder,
		const struct run_table *table, const char *work_path, struct run_outcome *outcome)
{
	struct runner runner = {
		.plan = plan,
		.session = session,
		.recorder = recorder,
		.table = table,
		.work_path = work_path,
		.outcome = outcome,
		.progress = isatty(STDERR_FILENO) && !plan->verbose,
	};
	int err;

	memset(outcome, 0, sizeof(*outcome));
	err = signals__take(&runner.signal_fd, &runner.old_mask);
	if (err)
		return err;
	err = run_all(&runner);
	/* One that came as the last round ended must not kill the report. */
	if (!outcome->signal)
		outcome->signal = trace__read_signal(runner.signal_fd);
	signals__give_back(runner.signal_fd, &runner.old_mask);
	return err;
}
