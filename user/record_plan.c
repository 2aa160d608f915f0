// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "message.h"
#include "parse_option.h"
#include "record_plan.h"
#include "workloads/parse_number.h"

/* The kernel's PID_MAX_LIMIT on 64-bit machines. */
#define MAX_PID (4u << 20)

enum option_key {
	KEY_FORCE = 0x100,
	KEY_FUTEX,
	KEY_AS,
	KEY_MAPS,
	KEY_CGROUP,
	KEY_RING_BYTES,
	KEY_ALLOW_LOSS,
};

static const struct argp_option options[] = {
	{ 0, 0, 0, 0, "What to record, one of these or a COMMAND:", 1 },
	{ "pid", 'p', "PID,...", 0, "Processes that run, with all their threads", 0 },
	{ "tid", 't', "TID,...", 0, "Threads that run, and nothing else of their processes", 0 },
	{ "cgroup", KEY_CGROUP, "PATH", 0,
	  "What is and comes below a cgroup (version 2): a service, a container", 0 },
	{ "all", 'a', 0, 0, "The whole machine", 0 },
	{ "as", KEY_AS, "USER", 0,
	  "Start COMMAND as that user, with HOME, SHELL and groups of that user", 0 },
	{ "duration", 'd', "TIME", 0,
	  "Record for that long: 0.5, 500ms, 30s, 2m, 1h (default: until it ends, or Ctrl-C)", 0 },
	{ 0, 0, 0, 0, "Where to:", 2 },
	{ "output", 'o', "FILE", 0, "The recording; - is stdout (default: convoy.rec)", 0 },
	{ "force", KEY_FORCE, 0, 0, "Replace FILE if it exists", 0 },
	{ 0, 0, 0, 0, "How to watch it:", 3 },
	{ "futex", KEY_FUTEX, "all|blocking", 0,
	  "Count every futex call, or only those that block: cheaper, and no other process is "
	  "disturbed (default: all for a COMMAND, else blocking)",
	  0 },
	{ "maps", KEY_MAPS, "events|proc|none", 0,
	  "Names of addresses: what is mapped as it happens, what /proc lists at the start, or "
	  "none. The kernel's telling costs every mmap on the machine a few per cent (default: "
	  "proc for -p and -t, else events)",
	  0 },
	{ "ring-bytes", KEY_RING_BYTES, "N", 0,
	  "Size of each CPU's event ring, a power of two (default: by the CPUs)", 0 },
	{ "allow-loss", KEY_ALLOW_LOSS, 0, 0, "Lost events do not fail the recording (exit 4)", 0 },
	{ "verbose", 'v', 0, 0, "Say more, also what libbpf says", 0 },
	{ 0 }
};

static const char args_doc[] = "[--] COMMAND [ARG...]\n-p PID,...\n-t TID,...\n--cgroup PATH\n-a";

static const char doc[] =
	"Record what the scheduler did with every thread of a command, of processes that run, of "
	"a cgroup or of the whole machine, into a file for `convoy report`. A COMMAND keeps the "
	"terminal, its output and its signals; what follows its name belongs to it."
	"\v"
	"Examples:\n"
	"  sudo convoy record -- make -j8              a command, from its first switch\n"
	"  sudo convoy record --as \"$USER\" -- ./app    not as root, but as yourself\n"
	"  sudo convoy record -p 1234 -d 10            ten seconds of a process\n"
	"  sudo convoy record -p \"$(pgrep -d, nginx)\"  all processes of that name\n"
	"  sudo convoy record --cgroup system.slice/cron.service\n"
	"                                              a service, until Ctrl-C\n"
	"  sudo convoy record -a -d 0.5 -o all.rec     half a second of everything\n"
	"  sudo convoy record -o - ./app | convoy report -\n"
	"                                              no file; its stdout goes to stderr\n"
	"  convoy report convoy.rec                    read it, here or elsewhere\n"
	"\n"
	"Exit status: that of COMMAND, if it was recorded; 127 COMMAND was not found; 126 it "
	"cannot be executed; else 0 done (Ctrl-C is a normal end); 2 usage, or no such target; "
	"3 not permitted, or the kernel lacks something; 4 events were lost; 6 failed; 128+N "
	"ended by signal N.";

struct parse_state {
	struct record_plan *plan;
	bool has_pids, has_tids, has_all, has_futex, has_maps;
	int err;
};

static int add_wanted(struct record_plan *plan, uint32_t id)
{
	for (size_t i = 0; i < plan->n_wanted; i++)
		if (plan->wanted[i] == id)
			return 0;
	if (plan->n_wanted == CONVOY_MAX_WANTED) {
		message("more than %d of them; a cgroup (--cgroup) or the whole machine (-a) takes "
			"any number",
			CONVOY_MAX_WANTED);
		return -EINVAL;
	}
	plan->wanted[plan->n_wanted++] = id;
	return 0;
}

/* "1,2,3", or several such options. */
static int parse_ids(struct record_plan *plan, const char *what, const char *text)
{
	char *copy = strdup(text), *rest = copy, *word;
	int err = copy ? 0 : -ENOMEM;

	while (!err && (word = strsep(&rest, ","))) {
		unsigned id;

		err = option__count(what, word, MAX_PID, &id);
		if (!err && id == (unsigned)getpid()) {
			message("%s %u is convoy itself, which is never recorded", what, id);
			err = -EINVAL;
		}
		if (!err)
			err = add_wanted(plan, id);
	}
	free(copy);
	return err;
}

static int parse_output(struct record_plan *plan, const char *text)
{
	if (!*text) {
		message("-o needs the name of a file, or - for standard output");
		return -EINVAL;
	}
	plan->output = text;
	return 0;
}

static int parse_cgroup(struct record_plan *plan, const char *text)
{
	if (!*text || plan->cgroup) {
		message(*text ? "--cgroup can be given once; name a cgroup that has both below it" :
				"--cgroup needs a path, such as system.slice/cron.service");
		return -EINVAL;
	}
	plan->cgroup = text;
	return 0;
}

static error_t parse_option(int key, char *arg, struct argp_state *argp)
{
	static const char *const futexes[] = { "all", "blocking", NULL };
	static const char *const maps[] = { "events", "proc", "none", NULL };
	struct parse_state *state = argp->input;
	struct record_plan *plan = state->plan;
	size_t which = 0;
	int err = 0;

	switch (key) {
	case 'p':
		err = parse_ids(plan, "-p", arg);
		state->has_pids = true;
		break;
	case 't':
		err = parse_ids(plan, "-t", arg);
		state->has_tids = true;
		break;
	case KEY_CGROUP:
		err = parse_cgroup(plan, arg);
		break;
	case 'a':
		state->has_all = true;
		break;
	case KEY_AS:
		plan->as = arg;
		break;
	case 'd':
		err = option__duration("-d", arg, &plan->duration_ns);
		break;
	case 'o':
		err = parse_output(plan, arg);
		break;
	case KEY_FORCE:
		plan->force = true;
		break;
	case KEY_FUTEX:
		err = option__choice("--futex", arg, futexes, &which);
		plan->futex = which ? FUTEX_BLOCKING : FUTEX_ALL;
		state->has_futex = true;
		break;
	case KEY_MAPS:
		err = option__choice("--maps", arg, maps, &which);
		plan->maps = (enum record_maps)which;
		state->has_maps = true;
		break;
	case KEY_RING_BYTES:
		err = option__ring_bytes(arg, &plan->ring_bytes);
		break;
	case KEY_ALLOW_LOSS:
		plan->allow_loss = true;
		break;
	case 'v':
		plan->verbose = true;
		break;
	case ARGP_KEY_ARG:
		/* The command: whatever comes now is its own. */
		plan->command = argp->argv + argp->next - 1;
		argp->next = argp->argc;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	if (err)
		state->err = err;
	return -err;
}

/* Exactly one kind of target. */
static int choose_targets(struct record_plan *plan, const struct parse_state *state)
{
	const struct {
		bool given;
		const char *name;
		enum convoy_targets targets;
	} kinds[] = {
		{ state->has_pids, "-p", CONVOY_TARGETS_PIDS },
		{ state->has_tids, "-t", CONVOY_TARGETS_THREADS },
		{ plan->cgroup, "--cgroup", CONVOY_TARGETS_CGROUP },
		{ state->has_all, "-a", CONVOY_TARGETS_ALL },
		{ plan->command, "a command", CONVOY_TARGETS_NONE },
	};
	const char *first = NULL;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (!kinds[i].given)
			continue;
		if (first && plan->command) {
			message("%s and a command ('%s') are two things to record: choose one (to "
				"record for some time, give -d)",
				first, plan->command[0]);
			return -EINVAL;
		}
		if (first) {
			message("%s and %s are two things to record: choose one", first,
				kinds[i].name);
			return -EINVAL;
		}
		first = kinds[i].name;
		plan->targets = kinds[i].targets;
	}
	if (!first) {
		message("nothing to record: give a command (convoy record -- make -j8), -p PID, "
			"-t TID, --cgroup PATH, or -a for the whole machine");
		return -EINVAL;
	}
	return 0;
}

static int check_together(const struct record_plan *plan)
{
	if (plan->as && !plan->command) {
		message("--as %s is for a command that convoy starts; what runs already keeps its "
			"user",
			plan->as);
		return -EINVAL;
	}
	if (!strcmp(plan->output, "-") && isatty(STDOUT_FILENO)) {
		message("a recording is not for the eye: redirect stdout, or name a file with -o");
		return -EINVAL;
	}
	return 0;
}

int record_plan__parse(struct record_plan *plan, int argc, char **argv)
{
	const struct argp argp = { options, parse_option, args_doc, doc, NULL, NULL, NULL };
	struct parse_state state = { .plan = plan };
	int err;

	memset(plan, 0, sizeof(*plan));
	plan->output = "convoy.rec";
	command_line__quote(plan->command_line, sizeof(plan->command_line), argc, argv);

	err = option__parse_all(&argp, "convoy record", argc, argv, ARGP_IN_ORDER, &state);
	if (err || state.err)
		return -EINVAL;
	err = choose_targets(plan, &state);
	if (err)
		return err;
	if (!state.has_maps)
		plan->maps = plan->targets == CONVOY_TARGETS_PIDS ||
					     plan->targets == CONVOY_TARGETS_THREADS ?
				     RECORD_MAPS_PROC :
				     RECORD_MAPS_EVENTS;
	if (!state.has_futex)
		plan->futex = plan->command ? FUTEX_ALL : FUTEX_BLOCKING;
	return check_together(plan);
}
