// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "exit_codes.h"
#include "message.h"
#include "parse_option.h"
#include "read_back.h"
#include "record.h"
#include "record_file.h"
#include "report_output.h"
#include "why.h"
#include "why_plan.h"

static int open_recording(const struct why_plan *plan, struct record_file *file)
{
	if (plan->recording)
		return record_file__create(file, plan->recording, plan->force);
	return record_file__in_memory(file);
}

/* The name of a process as it is now; "" when that cannot be known. */
static void read_name(pid_t pid, char *name, size_t size)
{
	char path[64];
	FILE *file;

	name[0] = '\0';
	snprintf(path, sizeof(path), "/proc/%ld/comm", (long)pid);
	file = fopen(path, "re");
	if (!file)
		return;
	if (fgets(name, (int)size, file))
		name[strcspn(name, "\n")] = '\0';
	fclose(file);
}

/* The explanation takes the verdict's place, in every format. */
static int explain(struct report *report, const struct why_context *context)
{
	char *text;
	int err = why__explain(report, context, &text);

	if (err)
		return err;
	free(report->verdict.text);
	report->verdict.text = text;
	return 0;
}

static int print(const struct why_plan *plan, const struct report *report)
{
	static const struct renderer paragraph = { "text", "", render_verdict };
	struct report_output output;

	report_output__init(&output);
	output.renderer = strcmp(plan->renderer->name, "text") ? plan->renderer : &paragraph;
	output.threads = true;
	return report_output__write(&output, report);
}

static int make_explanation(const struct why_plan *plan, const struct why_context *context, int fd)
{
	struct report *report;
	int err = read_back(fd, &report);
	bool valid;

	if (err)
		return CONVOY_EXIT_FAILED;
	valid = report->valid;
	err = explain(report, context);
	if (!err)
		err = print(plan, report);
	if (err)
		message("cannot explain: %s", strerror(-err));
	report__free(report);
	return err ? CONVOY_EXIT_FAILED : valid ? CONVOY_EXIT_OK : CONVOY_EXIT_INVALID;
}

int cmd_why(int argc, char **argv)
{
	struct record_plan record = {
		.targets = CONVOY_TARGETS_PIDS,
		.n_wanted = 1,
		.futex = FUTEX_BLOCKING,
		.maps = RECORD_MAPS_NONE,
	};
	struct record_request request = { .plan = &record, .quiet = true };
	struct record_outcome outcome;
	struct record_file file;
	struct why_context context = { .futex = FUTEX_BLOCKING };
	struct why_plan plan;
	char name[64];
	int status;

	if (why_plan__parse(&plan, argc, argv))
		return CONVOY_EXIT_USAGE;
	record.wanted[0] = (uint32_t)plan.pid;
	record.duration_ns = (uint64_t)(plan.seconds * 1e9);
	record.verbose = plan.verbose;
	record.output = plan.recording;
	command_line__quote(record.command_line, sizeof(record.command_line), argc, argv);
	status = record_plan__check_targets(&record);
	if (status)
		return status == -EPERM ? CONVOY_EXIT_REFUSED : CONVOY_EXIT_USAGE;
	if (open_recording(&plan, &file))
		return CONVOY_EXIT_USAGE;
	request.fd = file.fd;
	request.file = plan.recording ? &file : NULL;
	read_name(plan.pid, name, sizeof(name));
	if (isatty(STDERR_FILENO))
		message("watching process %ld for %g s; Ctrl-C shortens it", (long)plan.pid,
			plan.seconds);
	status = record__run(&request, &outcome);
	if (plan.recording)
		record_outcome__keep(&outcome, status, &file);
	if (!status && outcome.failed)
		status = CONVOY_EXIT_FAILED;
	if (!status) {
		context.pid = (uint32_t)plan.pid;
		context.name = name;
		/* What there was of it, in tenths: the process may have ended, or Ctrl-C come. */
		context.seconds = round((double)outcome.duration_ns / 1e8) / 10;
		if (context.seconds + 0.5 < plan.seconds && !outcome.signal)
			message("the process has ended after %.1f s", context.seconds);
		status = make_explanation(&plan, &context, request.fd);
		if (!status && outcome.signal && outcome.signal != SIGINT)
			status = CONVOY_EXIT_SIGNAL + outcome.signal;
	}
	close(request.fd);
	return status;
}
