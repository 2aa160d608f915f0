// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
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

/* A thousand tasks are some 200 KB of JSON. */
#define MAX_OUTPUT (64 << 20)

struct runner {
	const struct run_plan *plan;
	struct session *session;
	const struct run_means *means;
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
	char why[200];			/* it is not measured */
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

/* How long what an interpreter started may outlive it: its helpers (the resource tracker of
 * multiprocessing) end by themselves, and who makes himself a daemon does not. */
#define LINGER_MS 5000

/* What went wrong: "the workload ..." */
static bool went_wrong(struct one_round *round, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static bool went_wrong(struct one_round *round, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	vsnprintf(round->why, sizeof(round->why), format, list);
	va_end(list);
	return false;
}

/* Does what an interpreter says answer what it was asked? It checks its own results. */
static bool is_answer(struct one_round *round, const struct plan_mode *mode,
		      const struct run_plan *plan, const struct work_result *result)
{
	const char *job = json_string_value(json_object_get(round->work, "job"));
	const char *name = json_string_value(json_object_get(round->work, "mode"));

	if (!job || !name || strcmp(job, plan->job->name) || strcmp(name, mode->bundled->name))
		return went_wrong(round, "printed the result of something else");
	if (!result->n_tasks)
		return went_wrong(round, "did no task");
	for (size_t i = 0; i < result->n_tasks; i++)
		if (!result->tasks[i].ok)
			return went_wrong(round, "had a wrong result of %s: %s",
					  result->tasks[i].name, result->tasks[i].result);
	return json_is_true(json_object_get(round->work, "ok")) ||
	       went_wrong(round, "said that it went wrong");
}

/* What it printed; NULL when there is nothing. */
static char *read_output(struct one_round *round, size_t *size)
{
	struct stat stat;
	ssize_t got;
	char *text;

	if (fstat(round->output_fd, &stat) || !stat.st_size) {
		went_wrong(round, "printed no result");
		return NULL;
	}
	/* Not mapped: whoever still has it could shrink it. */
	text = stat.st_size <= MAX_OUTPUT ? malloc((size_t)stat.st_size) : NULL;
	got = text ? pread(round->output_fd, text, (size_t)stat.st_size, 0) : -1;
	if (got > 0) {
		*size = (size_t)got;
		return text;
	}
	went_wrong(round, "printed %lld bytes, which cannot be read", (long long)stat.st_size);
	free(text);
	return NULL;
}

static bool read_work(struct one_round *round, const struct plan_mode *mode,
		      const struct run_plan *plan)
{
	struct work_result result;
	size_t size;
	char *text = read_output(round, &size);
	bool good = true;
	int err;

	if (!text)
		return false;
	round->work = json_loadb(text, size, 0, NULL);
	free(text);
	err = round->work ? work_result__of_json(&result, round->work) : -EBADMSG;
	if (err)
		return went_wrong(round, "printed a result that cannot be used (%s)",
				  strerror(-err));
	if (mode->interpreter)
		good = is_answer(round, mode, plan, &result);
	work_result__free(&result);
	return good;
}

/* Did the workload end well, and what does it say? */
static bool read_outcome(struct one_round *round, const struct plan_mode *mode,
			 const struct run_plan *plan)
{
	int status = round->trace.launch.status;

	if (round->trace.exec_error)
		return went_wrong(round, "cannot be executed (%s: %s)",
				  mode->interpreter ? mode->interpreter->path :
				  mode->command	    ? "/bin/sh" :
						      "convoy-work",
				  strerror(round->trace.exec_error));
	if (WIFSIGNALED(status))
		return went_wrong(round, "was killed by signal %d (%s)", WTERMSIG(status),
				  strsignal(WTERMSIG(status)));
	if (WEXITSTATUS(status))
		return went_wrong(round, "failed with exit status %d", WEXITSTATUS(status));
	if (round->trace.lingered)
		return went_wrong(round, "left processes behind, which were killed");
	return mode->command || read_work(round, mode, plan);
}

/* A job of convoy's own gets the table, and finds it by its environment. Commands of the user's
 * and interpreters do not know of it, and must not be able to write there by accident. */
static int trace_workload(struct runner *runner, struct one_round *round,
			  const struct plan_mode *mode)
{
	const struct run_means *means = runner->means;
	bool own = !mode->command && !mode->interpreter;
	struct work_argv args;
	struct trace_options options = {
		.launch = {
			.argv = args.argv,
			.envp = mode->interpreter ? means->user.environment : NULL,
			/* The report has stdout to itself: a command speaks on stderr. */
			.stdout_fd = mode->command ? STDERR_FILENO : round->output_fd,
			.keep_fd = own ? runner->table->fd : -1,
			.cpus = runner->plan->pinned ? &runner->plan->cpus : NULL,
			.sigmask = &runner->old_mask,
			.as = mode->interpreter ? means->user.as : NULL,
		},
		.mode = mode->label,
		.session = runner->session,
		.recorder = runner->recorder,
		.signal_fd = runner->signal_fd,
		.linger_ms = mode->interpreter ? LINGER_MS : 0,
	};
	char number[16];
	int err;

	work_argv__build(&args, &means->places, runner->plan, mode);
	clear_table(runner->table->locks);
	snprintf(number, sizeof(number), "%d", runner->table->fd);
	if (own && setenv(LOCK_TABLE_ENV, number, 1)) {
		message("cannot set %s: %s", LOCK_TABLE_ENV, strerror(errno));
		return -errno;
	}
	err = trace__command(&round->trace, &options);
	if (own)
		unsetenv(LOCK_TABLE_ENV);
	return err;
}

static void show_progress(const struct runner *runner, unsigned done, unsigned total,
			  const char *mode)
{
	if (!runner->progress)
		return;
	if (mode)
		fprintf(stderr, "\r\033[Kconvoy: %u of %u, %s ", done, total, mode);
	else
		fprintf(stderr, "\r\033[K");
	fflush(stderr);
}

/* One of an interpreter's costs the others nothing. */
static void note_failure(struct runner *runner, const struct one_round *round,
			 const struct plan_mode *mode, unsigned number)
{
	size_t at = (size_t)(mode - runner->plan->modes);

	show_progress(runner, 0, 0, NULL);
	if (!mode->interpreter) {
		message("the workload %s in mode %s", round->why, mode->label);
		runner->outcome->workload_failed = true;
		return;
	}
	message("%s: the workload %s in round %u of %u; this mode is left out from here on",
		mode->label, round->why, number, runner->plan->rounds);
	runner->outcome->failed_in[at] = number;
}

static int do_round(struct runner *runner, struct one_round *round, const struct plan_mode *mode,
		    unsigned number)
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
		measured = read_outcome(round, mode, runner->plan);
		runner->outcome->rounds += measured;
		if (!measured)
			note_failure(runner, round, mode, number);
	}
	ended = trace__end(&round->trace, runner->recorder, measured, round->work);
	return err ? err : ended;
}

static int run_round(struct runner *runner, const struct plan_mode *mode, unsigned number)
{
	struct one_round round = { .output_fd = -1 };
	int err = do_round(runner, &round, mode, number);

	json_decref(round.work);
	if (round.output_fd >= 0)
		close(round.output_fd);
	return err;
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

			done++;
			if (runner->outcome->failed_in[m])
				continue;
			show_progress(runner, done, total, plan->modes[m].label);
			err = run_round(runner, &plan->modes[m], r + 1);
			if (err || runner->outcome->signal || runner->outcome->workload_failed)
				goto out;
		}
	}
out:
	show_progress(runner, 0, 0, NULL);
	return err;
}

int runner__run(const struct run_plan *plan, struct session *session, struct recorder *recorder,
		const struct run_table *table, const struct run_means *means,
		struct run_outcome *outcome)
{
	struct runner runner = {
		.plan = plan,
		.session = session,
		.recorder = recorder,
		.table = table,
		.means = means,
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
		outcome->signal = signals__read(runner.signal_fd);
	signals__give_back(runner.signal_fd, &runner.old_mask);
	return err;
}
