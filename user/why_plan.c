// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <argp.h>
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "message.h"
#include "parse_option.h"
#include "why_plan.h"
#include "workloads/parse_number.h"

#define DEFAULT_SECONDS 10
#define LEAST_NS 100000000ull
#define MOST_NS (86400 * 1000000000ull)

enum option_key {
	KEY_FORMAT = 0x100,
	KEY_FORCE,
};

static const struct argp_option options[] = {
	{ "pid", 'p', "PID", 0, "The process to explain, with all its threads", 0 },
	{ "duration", 'd', "TIME", 0, "How long to watch it: 0.5, 500ms, 2m (default: 10s)", 0 },
	{ "format", KEY_FORMAT, "text|json", 0, "text: a paragraph; json: the whole report with it",
	  0 },
	{ "output", 'o', "FILE", 0, "Keep the recording, for `convoy report FILE`", 0 },
	{ "force", KEY_FORCE, 0, 0, "Replace FILE if it exists", 0 },
	{ "verbose", 'v', 0, 0, "Say more: what libbpf says", 0 },
	{ 0 }
};

static const char doc[] =
	"Watch a running process for a while and say in a few sentences what its threads did, "
	"what they waited for, who held it, and what to try."
	"\v"
	"Examples:\n"
	"  convoy why -p 4711                          ten seconds of it\n"
	"  convoy why -p 4711 -d 2 --format json | jq .verdict\n"
	"  convoy why -p 4711 -o why.rec               keep what was seen\n"
	"\n"
	"Only waiting that blocks is watched: system calls are as fast as ever, and each switch "
	"of another process costs one look-up that finds nothing.\n"
	"\n"
	"Exit status: 0 done; 2 usage; 3 not permitted, or the kernel lacks something; "
	"4 events were lost; 6 failed; 128+N ended by signal N.";

static int parse_pid(const char *text, pid_t *pid)
{
	unsigned long long value;

	if (parse__u64(text, 1, INT_MAX, &value)) {
		message("-p '%s' is not a process: it must be a number from 1 to %d", text,
			INT_MAX);
		return -EINVAL;
	}
	*pid = (pid_t)value;
	return 0;
}

static int parse_duration(const char *text, double *seconds)
{
	uint64_t ns;
	int err = option__duration("-d", text, &ns);

	if (err)
		return err;
	if (ns < LEAST_NS || ns > MOST_NS) {
		message("-d %s is out of range: it must be from 100ms to 24h", text);
		return -EINVAL;
	}
	*seconds = (double)ns / 1e9;
	return 0;
}

static int parse_format(const char *text, const struct renderer **renderer)
{
	if (strcmp(text, "text") && strcmp(text, "json")) {
		message("--format '%s' does not exist here: it is text or json", text);
		return -EINVAL;
	}
	*renderer = render__find(text);
	return 0;
}

/* Where the parser stands: argp's own status cannot hold more than an errno. */
struct parse_state {
	struct why_plan *plan;
	int err;
};

static error_t parse_option(int key, char *arg, struct argp_state *argp)
{
	struct parse_state *state = argp->input;
	struct why_plan *plan = state->plan;
	int err = 0;

	switch (key) {
	case 'p':
		if (plan->pid) {
			message("-p is named twice: why explains one process");
			err = -EINVAL;
			break;
		}
		err = parse_pid(arg, &plan->pid);
		break;
	case 'd':
		err = parse_duration(arg, &plan->seconds);
		break;
	case KEY_FORMAT:
		err = parse_format(arg, &plan->renderer);
		break;
	case 'o':
		plan->recording = arg;
		if (!arg[0]) {
			message("-o needs the name of a file");
			err = -EINVAL;
		}
		break;
	case KEY_FORCE:
		plan->force = true;
		break;
	case 'v':
		plan->verbose = true;
		break;
	case ARGP_KEY_ARG:
		message("'%s' is not an option; a process is named by -p PID", arg);
		err = -EINVAL;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	if (err)
		state->err = err;
	return -err;
}

int why_plan__parse(struct why_plan *plan, int argc, char **argv)
{
	const struct argp argp = { options, parse_option, NULL, doc, NULL, NULL, NULL };
	struct parse_state state = { .plan = plan };
	int err;

	memset(plan, 0, sizeof(*plan));
	plan->seconds = DEFAULT_SECONDS;
	plan->renderer = render__find("text");

	err = option__parse_all(&argp, "convoy why", argc, argv, 0, &state);
	if (err || state.err)
		return -EINVAL;
	if (!plan->pid) {
		message("which process? name it by -p PID");
		return -EINVAL;
	}
	return 0;
}
