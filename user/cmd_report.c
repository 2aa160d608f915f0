// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analysis.h"
#include "commands.h"
#include "exit_codes.h"
#include "message.h"
#include "parse_option.h"
#include "record_file.h"
#include "report_output.h"

enum option_key {
	KEY_FORMAT = 0x100,
	KEY_EXPORT,
	KEY_THREADS,
	KEY_LOCKS,
	KEY_FROM,
	KEY_TO,
};

static const struct argp_option options[] = {
	{ "format", KEY_FORMAT, "text|json|csv", 0,
	  "Format of the report on stdout (default: text)", 0 },
	{ "export", KEY_EXPORT, "FORMAT=FILE", 0, "Also write the report to a file; repeatable",
	  0 },
	{ "threads", KEY_THREADS, 0, 0, "Show every thread's own account", 0 },
	{ "locks", KEY_LOCKS, "N", 0, "Locks to show of each mode; 0: all (default: 5)", 0 },
	{ "from", KEY_FROM, "T", 0,
	  "Only what came after T, since the recording began (0.5, 500ms, 10s, 2m, 1h)", 0 },
	{ "to", KEY_TO, "T", 0, "Only what came before T", 0 },
	{ "verbose", 'v', 0, 0, "Say more: all locks, all CPUs, tasks", 0 },
	{ 0 }
};

static const char doc[] =
	"Make the report of a recording: on any machine, by anyone, as often as you like."
	"\v"
	"FILE is what `convoy record` or `convoy run -o` wrote; - is standard input.\n"
	"\n"
	"Examples:\n"
	"  convoy report convoy.rec                       what the recording shows\n"
	"  convoy report convoy.rec --threads --locks 0   everything of every thread\n"
	"  convoy report convoy.rec --from 2 --to 2500ms    half a second of it\n"
	"  convoy report convoy.rec --format json | jq .modes[0].time_ns\n"
	"\n"
	"Exit status: 0 done, also if the recording breaks off or lost events (the report "
	"says so first); 2 usage, or a file that is no recording; 6 failed.";

struct report_plan {
	struct report_output output;
	const char *file;
	bool has_from;
	struct analysis_options analysis;
	int err;
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct report_plan *plan = state->input;
	unsigned long long locks;
	int err = 0;

	switch (key) {
	case KEY_FORMAT:
		err = report_output__format(&plan->output, arg);
		break;
	case KEY_EXPORT:
		err = report_output__export(&plan->output, arg);
		break;
	case KEY_THREADS:
		plan->output.threads = true;
		break;
	case KEY_LOCKS:
		err = option__unsigned("--locks", arg, 0, 1000000, &locks);
		if (!err)
			plan->output.locks = (size_t)locks;
		break;
	case KEY_FROM:
		plan->analysis.window = true;
		err = option__time("--from", arg, &plan->analysis.from_ns);
		break;
	case KEY_TO:
		plan->analysis.window = true;
		err = option__duration("--to", arg, &plan->analysis.to_ns);
		break;
	case 'v':
		plan->output.verbose = true;
		break;
	case ARGP_KEY_ARG:
		if (plan->file) {
			message("one recording at a time, please: '%s' is a second one", arg);
			err = -EINVAL;
		}
		plan->file = arg;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	if (err)
		plan->err = err;
	return -err;
}

static int parse(struct report_plan *plan, int argc, char **argv)
{
	const struct argp argp = { options, parse_option, "FILE", doc, NULL, NULL, NULL };
	int err;

	memset(plan, 0, sizeof(*plan));
	report_output__init(&plan->output);
	err = option__parse_all(&argp, "convoy report", argc, argv, 0, plan);
	if (err || plan->err)
		return -EINVAL;
	if (!plan->file) {
		message("no recording given; `convoy report convoy.rec` is what `convoy record` "
			"leaves by default");
		return -EINVAL;
	}
	if (plan->analysis.to_ns && plan->analysis.to_ns <= plan->analysis.from_ns) {
		message("--to must be later than --from");
		return -EINVAL;
	}
	return 0;
}

static int open_file(const char *path, int *fd)
{
	struct stat st;

	if (!strcmp(path, "-")) {
		*fd = STDIN_FILENO;
		return 0;
	}
	*fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (*fd >= 0 && !fstat(*fd, &st) && !S_ISDIR(st.st_mode))
		return 0;
	message("%s: %s", path, strerror(*fd < 0 ? errno : EISDIR));
	if (*fd >= 0)
		close(*fd);
	return -EINVAL;
}

/* Why there is no report, in words; returns the exit status. */
static int explain(const struct report_plan *plan, int err, const struct recording_status *status)
{
	switch (err) {
	case -EBADMSG:
		message("%s: %s", plan->file,
			status->damage[0] ? status->damage : "it is no recording of convoy's");
		return CONVOY_EXIT_USAGE;
	case -ERANGE:
		message("--from and --to are of one round, of which they must lie within: this "
			"recording has several, or is shorter");
		return CONVOY_EXIT_USAGE;
	case -EISDIR:
		message("%s: %s", plan->file, strerror(EISDIR));
		return CONVOY_EXIT_USAGE;
	}
	message("%s: %s", plan->file, strerror(-err));
	return CONVOY_EXIT_FAILED;
}

int cmd_report(int argc, char **argv)
{
	struct recording_status status = { 0 };
	struct report_plan plan;
	struct report *report;
	int fd, err;

	if (parse(&plan, argc, argv) || open_file(plan.file, &fd))
		return CONVOY_EXIT_USAGE;
	signal(SIGPIPE, SIG_IGN); /* a closed pipe is an error of write() */
	err = record_file__seekable(&fd);
	if (!err)
		err = analysis__read(fd, &plan.analysis, &report, &status);
	if (fd != STDIN_FILENO)
		close(fd);
	if (err)
		return explain(&plan, err, &status);
	snprintf(report->version, sizeof(report->version), "%s", CONVOY_VERSION);
	err = report_output__write(&plan.output, report);
	report__free(report);
	return err ? CONVOY_EXIT_FAILED : CONVOY_EXIT_OK;
}
