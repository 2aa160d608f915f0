// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "analysis.h"
#include "commands.h"
#include "exit_codes.h"
#include "message.h"
#include "parse_option.h"
#include "record.h"
#include "record_file.h"

/* "1.2 MB" */
static const char *bytes(char *buf, size_t size, uint64_t n)
{
	static const char *const units[] = { "bytes", "kB", "MB", "GB", "TB" };
	double value = (double)n;
	size_t unit = 0;

	while (value >= 999.5 && unit < sizeof(units) / sizeof(*units) - 1) {
		value /= 1000;
		unit++;
	}
	snprintf(buf, size, "%.*f %s", unit && value < 9.95 ? 1 : 0, value, units[unit]);
	return buf;
}

static void summarise(const struct record_plan *plan, const struct record_outcome *outcome)
{
	uint64_t lost = outcome->loss.ring + outcome->loss.task_state + outcome->loss.unmatched;
	char size[32], file[512];

	/* Of one that failed nobody counted what there is; that it failed was said. */
	if (!outcome->failed)
		message("%.3f s, %llu thread%s, %llu context switches, %llu lost: %s%s%s",
			(double)outcome->duration_ns / 1e9, (unsigned long long)outcome->threads,
			outcome->threads == 1 ? "" : "s", (unsigned long long)outcome->switches,
			(unsigned long long)lost, bytes(size, sizeof(size), outcome->bytes),
			strcmp(plan->output, "-") ? " in " : "",
			strcmp(plan->output, "-") ? plan->output : "");
	if (strcmp(plan->output, "-")) {
		word__quote(file, sizeof(file), plan->output);
		message("`convoy report %s` shows it", file);
	}
	if (outcome->left)
		message("the command still runs, as process %ld: it is left alone",
			(long)outcome->left);
}

/*
 * Can its numbers be trusted? As the report will say, which knows more than the probes'
 * counters: of a file it is made here. A pipe's is not looked at again.
 */
static bool is_valid(const struct record_outcome *outcome, int fd)
{
	const struct report_loss *loss = &outcome->loss;
	const struct analysis_options options = { 0 };
	bool valid = !loss->ring && !loss->task_state && !loss->unmatched;
	struct recording_status status;
	struct report *report;

	if (lseek(fd, 0, SEEK_SET) || analysis__read(fd, &options, &report, &status))
		return valid;
	valid = report->valid;
	report__free(report);
	return valid;
}

static int exit_status(const struct record_plan *plan, const struct record_outcome *outcome, int fd)
{
	bool valid;

	if (outcome->exec_status)
		return outcome->exec_status;
	if (outcome->failed)
		return CONVOY_EXIT_FAILED;
	valid = is_valid(outcome, fd);
	if (!valid)
		record__say_lost();
	return record_outcome__status(outcome, valid, plan->allow_loss);
}

static int record(struct record_request *request)
{
	const struct record_plan *plan = request->plan;
	struct record_outcome outcome;
	struct record_file file;
	int status;

	if (record_file__create(&file, plan->output, plan->force))
		return CONVOY_EXIT_USAGE;
	request->fd = file.fd;
	request->file = &file;
	status = record__run(request, &outcome);
	if (record_outcome__keep(&outcome, status, &file))
		summarise(plan, &outcome);
	if (!status)
		status = exit_status(plan, &outcome, request->fd);
	close(request->fd);
	return status;
}

int cmd_record(int argc, char **argv)
{
	struct record_request request = { .fd = -1 };
	struct cgroup_target cgroup;
	struct identity identity = { 0 };
	struct record_plan plan;
	int err, status;

	if (record_plan__parse(&plan, argc, argv))
		return CONVOY_EXIT_USAGE;
	request.plan = &plan;
	err = record_plan__check_targets(&plan);
	if (!err && plan.cgroup) {
		err = cgroup__find(plan.cgroup, &cgroup);
		request.cgroup = &cgroup;
	}
	if (!err && plan.as) {
		err = identity__find(plan.as, &identity);
		if (!err)
			err = identity__may_switch(&identity);
		request.as = &identity;
	}
	if (err) {
		identity__free(&identity);
		return err == -EPERM || err == -EACCES || err == -EOPNOTSUPP ? CONVOY_EXIT_REFUSED :
									       CONVOY_EXIT_USAGE;
	}
	status = record(&request);
	identity__free(&identity);
	return status;
}
