// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <langinfo.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "commands.h"
#include "exit_codes.h"
#include "features.h"
#include "host.h"
#include "message.h"
#include "metrics.h"
#include "render.h"
#include "run_plan.h"
#include "runner.h"
#include "session.h"
#include "verdict.h"

/* convoy-work: beside this binary (a checkout), else where `make install` puts it. */
static int find_work(char *path, size_t size)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n > 0) {
		char *slash;

		self[n] = 0;
		slash = strrchr(self, '/');
		if (slash) {
			*slash = 0;
			if (snprintf(path, size, "%s/convoy-work", self) < (int)size &&
			    !access(path, X_OK))
				return 0;
		}
	}
	if (snprintf(path, size, "%s/convoy-work", CONVOY_LIBEXECDIR) < (int)size &&
	    !access(path, X_OK))
		return 0;
	message("cannot find convoy-work, neither beside convoy nor in %s; run make, or make install",
		CONVOY_LIBEXECDIR);
	return -ENOENT;
}

static struct render_options render_options_for(const struct run_plan *plan, int fd)
{
	const char *no_color = getenv("NO_COLOR"); /* no-color.org: unless it is empty */
	struct render_options options = {
		.width = 80,
		.color = isatty(fd) && !(no_color && *no_color),
		.utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8"),
		.threads = plan->threads,
		.verbose = plan->verbose,
		.locks = 5,
	};
	struct winsize window;

	if (isatty(fd) && !ioctl(fd, TIOCGWINSZ, &window) && window.ws_col)
		options.width = window.ws_col;
	return options;
}

static int fill_mode(const struct plan_mode *plan, const struct mode_metrics *metrics,
		     const struct metrics_context *context, struct report_mode *mode)
{
	const char *const words[] = { "/bin/sh", "-c", plan->command };

	if (plan->command) {
		mode->command = calloc(4, sizeof(*mode->command));
		for (size_t i = 0; mode->command && i < 3; i++) {
			mode->command[i] = strdup(words[i]);
			if (!mode->command[i])
				return -ENOMEM;
		}
		if (!mode->command)
			return -ENOMEM;
	}
	return mode_metrics__fill(metrics, context, mode);
}

/* All of the report but what rendering adds. */
static int fill_report(struct report *report, const struct run_plan *plan,
		       const struct session *session, struct mode_metrics *const *metrics,
		       const struct run_outcome *outcome)
{
	struct metrics_context context = {
		.cpus_usable = (unsigned)CPU_COUNT(&plan->cpus),
		.futex_exits = plan->futex == FUTEX_ALL,
	};
	int err = 0;

	host__describe(report);
	snprintf(report->version, sizeof(report->version), "%s", CONVOY_VERSION);
	snprintf(report->command_line, sizeof(report->command_line), "%s", plan->command_line);
	report->host.cpus_usable = context.cpus_usable;
	report->host.stolen_share = outcome->stolen_share;
	report->probes.sched = plan->probes;
	report->probes.futex = plan->probes ? plan->futex : FUTEX_NONE;
	if (session)
		snprintf(report->probes.note, sizeof(report->probes.note), "%s",
			 session__note(session));
	report->loss = outcome->loss;
	report->valid = !outcome->loss.ring && !outcome->loss.task_state &&
			!outcome->loss.unmatched;
	report->incomplete = outcome->signal || outcome->workload_failed;
	report->allow_loss = plan->allow_loss;
	report->command_status = -1;
	report->workers = plan->n_modes ? plan->modes[0].workers : 0;
	snprintf(report->job, sizeof(report->job), "%s", plan->job ? plan->job->name : "");
	snprintf(report->reference, sizeof(report->reference), "%s", plan->reference);
	report->params = run_plan__params(plan);
	report->modes = calloc(plan->n_modes, sizeof(*report->modes));
	if (!report->params || !report->modes)
		return -ENOMEM;
	for (size_t i = 0; i < plan->n_modes && !err; i++) {
		/* An interrupted run shows the modes that it got to. */
		if (!mode_metrics__rounds(metrics[i]))
			continue;
		err = fill_mode(&plan->modes[i], metrics[i], &context,
				&report->modes[report->n_modes++]);
	}
	if (err)
		return err;
	report__fill_speedups(report);
	return verdict__judge(report);
}

static int print_report(const struct report *report, const struct run_plan *plan)
{
	struct render_options options = render_options_for(plan, STDOUT_FILENO);
	struct render_options file_options = options;
	int err, failed = 0;

	file_options.color = false;
	for (size_t i = 0; i < plan->n_exports; i++) {
		err = render__export(plan->exports[i], report, &file_options);
		if (err)
			failed = err;
	}
	err = render__write(plan->renderer, report, &options, stdout);
	/* A reader that has seen enough (`| head`) is no failure. */
	if (err && err != -EPIPE) {
		message("cannot write the report: %s", strerror(-err));
		failed = err;
	}
	return failed;
}

static int exit_status(const struct report *report, const struct run_outcome *outcome)
{
	if (outcome->signal)
		return CONVOY_EXIT_SIGNAL + outcome->signal;
	if (outcome->workload_failed)
		return CONVOY_EXIT_FAILED;
	if (!report->valid && !report->allow_loss)
		return CONVOY_EXIT_INVALID;
	return CONVOY_EXIT_OK;
}

static int make_report(const struct run_plan *plan, const struct session *session,
		       struct mode_metrics *const *metrics, const struct run_outcome *outcome)
{
	struct report *report = report__new();
	int err = report ? fill_report(report, plan, session, metrics, outcome) : -ENOMEM;
	int status = CONVOY_EXIT_FAILED;

	if (err)
		message("cannot make the report: %s", strerror(-err));
	else if (!report->n_modes)
		status = exit_status(report, outcome); /* nothing was measured, nothing to say */
	else if (!print_report(report, plan))
		status = exit_status(report, outcome);
	if (!err && status == CONVOY_EXIT_INVALID)
		message("events were lost, so these numbers cannot be trusted (exit 4); "
			"--allow-loss accepts them, a larger --ring-bytes may help");
	report__free(report);
	return status;
}

static int run(const struct run_plan *plan, const char *work_path,
	       const struct session_options *options)
{
	struct mode_metrics *metrics[MAX_MODES] = { 0 };
	struct session *session = NULL;
	struct run_outcome outcome;
	int status = CONVOY_EXIT_FAILED;
	int err = 0;

	err = plan->probes ? session__new(&session, options) : 0;
	if (err)
		return err == -EPERM || err == -EACCES || err == -EOPNOTSUPP || err == -EINVAL ||
				       err == -ENOTSUP || err == -ENOENT ?
			       CONVOY_EXIT_REFUSED :
			       CONVOY_EXIT_FAILED;
	for (size_t i = 0; i < plan->n_modes && !err; i++)
		err = mode_metrics__new(&metrics[i], plan->modes[i].label);
	if (!err)
		err = runner__run(plan, session, work_path, metrics, &outcome);
	if (!err) {
		unsigned rounds = 0;

		for (size_t i = 0; i < plan->n_modes; i++)
			rounds += mode_metrics__rounds(metrics[i]);
		if (outcome.signal)
			message("ended by signal %d (%s); %s", outcome.signal,
				strsignal(outcome.signal),
				rounds ? "the report has the rounds before it" :
					 "no round was complete, so there is no report");
		status = make_report(plan, session, metrics, &outcome);
	}
	for (size_t i = 0; i < plan->n_modes; i++)
		mode_metrics__free(metrics[i]);
	session__free(session);
	return status;
}

int cmd_run(int argc, char **argv)
{
	struct session_options options = { 0 };
	char work_path[PATH_MAX];
	struct run_plan plan;

	if (run_plan__parse(&plan, argc, argv))
		return CONVOY_EXIT_USAGE;
	if (plan.probes && features__require(&options.features))
		return CONVOY_EXIT_REFUSED;
	if (plan.job && find_work(work_path, sizeof(work_path)))
		return CONVOY_EXIT_FAILED;
	options.futex = plan.futex;
	options.ring_bytes = plan.ring_bytes;
	options.verbose = plan.verbose;
	signal(SIGPIPE, SIG_IGN); /* a closed pipe is an error of write() */
	return run(&plan, work_path, &options);
}
