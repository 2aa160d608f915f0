// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands.h"
#include "exit_codes.h"
#include "features.h"
#include "host.h"
#include "message.h"
#include "own_files.h"
#include "read_back.h"
#include "record_file.h"
#include "recorder.h"
#include "run_plan.h"
#include "runner.h"
#include "session.h"

static int find_work(char *path, size_t size)
{
	char folder[PATH_MAX];
	int err = own_files__folder(folder, sizeof(folder), ".", "convoy-work");

	if (err)
		return err;
	return snprintf(path, size, "%s/convoy-work", folder) < (int)size ? 0 : -ENAMETOOLONG;
}

static void fill_interpreter(struct report_interpreter *to, const struct interpreter *from)
{
	if (!from)
		return;
	snprintf(to->name, sizeof(to->name), "%s", from->name);
	snprintf(to->implementation, sizeof(to->implementation), "%s", from->implementation);
	snprintf(to->version, sizeof(to->version), "%s", from->version);
	snprintf(to->path, sizeof(to->path), "%s", from->path);
}

/* What the recording says of itself before anything runs. */
static int fill_meta(struct record_meta *meta, const struct run_plan *plan,
		     const struct session *session)
{
	struct report *report = meta->report;

	host__describe(report);
	snprintf(report->version, sizeof(report->version), "%s", CONVOY_VERSION);
	snprintf(report->command_line, sizeof(report->command_line), "%s", plan->command_line);
	report->host.cpus_usable = (unsigned)CPU_COUNT(&plan->cpus);
	report->probes.sched = plan->probes;
	report->probes.futex = plan->probes ? plan->futex : FUTEX_NONE;
	if (session)
		snprintf(report->probes.note, sizeof(report->probes.note), "%s",
			 session__note(session));
	report->allow_loss = plan->allow_loss;
	report->workers = plan->n_modes ? plan->modes[0].workers : 0;
	snprintf(report->job, sizeof(report->job), "%s", plan->job ? plan->job->name : "");
	snprintf(report->reference, sizeof(report->reference), "%s", plan->reference);
	report->params = run_plan__params(plan);
	meta->kind = RECORDING_OF_RUN;
	meta->modes = calloc(plan->n_modes, sizeof(*meta->modes));
	if (!report->params || !meta->modes)
		return -ENOMEM;
	for (size_t i = 0; i < plan->n_modes; i++) {
		const char *const words[] = { "/bin/sh", "-c", plan->modes[i].command };
		struct record_mode *mode = &meta->modes[meta->n_modes++];

		snprintf(mode->label, sizeof(mode->label), "%s", plan->modes[i].label);
		fill_interpreter(&mode->interpreter, plan->modes[i].interpreter);
		if (!plan->modes[i].command)
			continue;
		mode->command = calloc(4, sizeof(*mode->command));
		for (size_t k = 0; mode->command && k < 3; k++)
			mode->command[k] = strdup(words[k]);
		if (!mode->command || !mode->command[0] || !mode->command[1] || !mode->command[2])
			return -ENOMEM;
	}
	return 0;
}

static int write_meta(struct recorder *recorder, const struct run_plan *plan,
		      const struct session *session)
{
	struct report *report = report__new();
	struct record_meta meta = { .report = report };
	int err = report ? fill_meta(&meta, plan, session) : -ENOMEM;

	if (!err)
		err = recorder__meta(recorder, &meta);
	record_meta__free(&meta);
	report__free(report);
	return err;
}

/* The file that was asked for, which is read back then, or memory. */
static int open_recording(const struct run_plan *plan, struct record_file *file)
{
	struct stat st;
	int err = plan->output ? record_file__create(file, plan->output, plan->force) : 0;

	if (err)
		return err;
	if (plan->output && (fstat(file->fd, &st) || !S_ISREG(st.st_mode))) {
		message("%s is no file: the recording of a run is read back from it", plan->output);
		close(file->fd);
		return -EINVAL;
	}
	if (plan->output)
		return 0;
	return record_file__in_memory(file);
}

/* One without a round that was measured must not cost the one that was there before. */
static int keep_or_remove(const struct run_plan *plan, struct record_file *file,
			  const struct run_outcome *outcome)
{
	if (!plan->output)
		return 0;
	if (outcome->rounds)
		return record_file__keep(file);
	record_file__remove(file);
	return 0;
}

static int exit_status(const struct run_plan *plan, const struct report *report,
		       const struct run_outcome *outcome)
{
	if (outcome->signal)
		return CONVOY_EXIT_SIGNAL + outcome->signal;
	if (outcome->workload_failed || run_outcome__left_out(outcome, plan))
		return CONVOY_EXIT_FAILED;
	if (!report->valid && !report->allow_loss)
		return CONVOY_EXIT_INVALID;
	return CONVOY_EXIT_OK;
}

static int make_report(const struct run_plan *plan, int fd, const struct run_outcome *outcome)
{
	struct report *report;
	int status = CONVOY_EXIT_FAILED;

	if (read_back(fd, &report))
		return CONVOY_EXIT_FAILED;
	/* Where nothing was measured there is nothing to say. */
	if (!report->n_modes || !report_output__write(&plan->report, report))
		status = exit_status(plan, report, outcome);
	if (status == CONVOY_EXIT_INVALID)
		message("events were lost, so these numbers cannot be trusted (exit 4); "
			"--allow-loss accepts them, a larger --ring-bytes may help");
	report__free(report);
	return status;
}

/* Run the rounds and finish the recording. Returns 0 or a negative errno after a message. */
static int record(const struct run_plan *plan, struct session *session, struct recorder *recorder,
		  const struct run_table *table, const struct run_means *means,
		  struct run_outcome *outcome)
{
	struct record_end end = { .command_status = -1 };
	struct stolen_clock stolen;
	int err;

	stolen_clock__start(&stolen);
	err = write_meta(recorder, plan, session);
	if (err)
		message("cannot begin the recording: %s", strerror(-err));
	else
		err = runner__run(plan, session, recorder, table, means, outcome);
	if (err)
		return err;
	end.incomplete = outcome->signal || outcome->workload_failed ||
			 run_outcome__left_out(outcome, plan);
	run_outcome__explain(outcome, plan, end.incomplete_why, sizeof(end.incomplete_why));
	end.stolen_share = stolen_clock__share(&stolen);
	recorder__loss(session, &end.loss);
	if (recorder)
		end.loss.words = recorder__news(recorder).words;
	err = recorder__finish(recorder, &end);
	if (err)
		message("cannot end the recording: %s", strerror(-err));
	return err;
}

static int find_interpreter(void *ctx, const char *spec, struct interpreters *found)
{
	return interpreters__add(found, ctx, spec);
}

/* Who the interpreters are that were asked for. Returns 0 or an exit status, after a message. */
static int find_interpreters(struct run_plan *plan, struct run_means *means)
{
	struct interpreter_search search = { .sources = means->places.sources };
	int err;

	if (!plan->n_requests)
		return 0;
	if (interpreter__sources(means->places.sources, sizeof(means->places.sources)) ||
	    interpreter_user__find(&means->user))
		return CONVOY_EXIT_FAILED;
	search.environment = means->user.environment;
	search.as = means->user.as;
	err = run_plan__add_interpreters(plan, find_interpreter, &search);
	if (err == -EINTR && plan->interpreters.signal)
		return CONVOY_EXIT_SIGNAL + plan->interpreters.signal;
	return !err ? 0 : err == -EINVAL ? CONVOY_EXIT_USAGE : CONVOY_EXIT_FAILED;
}

/* All rounds into a recording that is open already, and the report of them. */
static int run_into(const struct run_plan *plan, const struct run_means *means,
		    struct session *session, struct record_file *file)
{
	struct run_table table = { .fd = -1 };
	struct recorder_options options = { .session = session, .fd = file->fd };
	struct recorder *recorder = NULL;
	struct run_outcome outcome = { 0 };
	int status = CONVOY_EXIT_FAILED;
	int err;

	options.codec = recording__best_codec();
	err = run_table__new(&table);
	options.published = table.locks;
	if (!err)
		err = recorder__start(&recorder, &options);
	if (!err)
		err = record(plan, session, recorder, &table, means, &outcome);
	if (keep_or_remove(plan, file, &outcome) && !err)
		err = -EIO;
	if (!err) {
		if (outcome.signal)
			message("ended by signal %d (%s); %s", outcome.signal,
				strsignal(outcome.signal),
				outcome.rounds ? "the report has the rounds before it" :
						 "no round was complete, so there is no report");
		status = make_report(plan, options.fd, &outcome);
	}
	recorder__free(recorder);
	run_table__free(&table);
	return status;
}

static int run(struct run_plan *plan, struct run_means *means, struct session *session)
{
	const struct run_outcome nothing = { 0 };
	struct record_file file;
	int status, err;

	err = open_recording(plan, &file);
	if (err)
		return err == -ENOSPC || err == -EIO || err == -EMFILE || err == -ENOMEM ?
			       CONVOY_EXIT_FAILED :
			       CONVOY_EXIT_USAGE;
	status = find_interpreters(plan, means);
	if (!status)
		status = run_into(plan, means, session, &file);
	else
		keep_or_remove(plan, &file, &nothing);
	close(file.fd);
	return status;
}

int cmd_run(int argc, char **argv)
{
	struct session_options options = { 0 };
	struct session *session = NULL;
	struct run_means means = { 0 };
	struct run_plan plan;
	int err, status;

	if (run_plan__parse(&plan, argc, argv))
		return CONVOY_EXIT_USAGE;
	if (plan.probes && features__require(&options.features)) {
		message("--probes=none needs neither permission nor such a kernel, and says less");
		return CONVOY_EXIT_REFUSED;
	}
	if (plan.job && find_work(means.places.work, sizeof(means.places.work)))
		return CONVOY_EXIT_FAILED;
	options.futex = plan.futex;
	options.ring_bytes = plan.ring_bytes;
	options.verbose = plan.verbose;
	signal(SIGPIPE, SIG_IGN); /* a closed pipe is an error of write() */
	err = plan.probes ? session__new(&session, &options) : 0;
	if (err)
		return session__exit_code(err);
	status = run(&plan, &means, session);
	interpreter_user__free(&means.user);
	run_plan__free(&plan);
	session__free(session);
	return status;
}
