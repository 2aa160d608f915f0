// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <argp.h>
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "exit_codes.h"
#include "message.h"

static const struct command commands[] = {
	{ "run", "run a job in several modes and say which wins and why", cmd_run },
	{ "record", "record a command, a running process, a cgroup or the machine", cmd_record },
	{ "report", "make the report of a recording, anywhere", cmd_report },
	{ "py", "run a Python script and say whether it is GIL-bound", cmd_py },
	{ "why", "say what a running process waits for, in a paragraph", cmd_why },
	{ "list", "list the jobs and modes, or the interpreters here", cmd_list },
	{ "doctor", "say what this kernel and user can do, and how to get the rest", cmd_doctor },
};

const char *argp_program_version = "convoy " CONVOY_VERSION;

static const char doc[] =
	"Threads or processes, and which lock is it? convoy runs work in several modes on "
	"this machine, watches the kernel's scheduler and futex events with eBPF, and says "
	"where every nanosecond of every thread went."
	"\v"
	"Examples:\n"
	"  sudo convoy run                  the GIL benchmark in five modes, about 15 s\n"
	"  sudo convoy run -j recursion     work that mostly sleeps\n"
	"  sudo convoy record -- ./app      a program of your own; convoy report shows it\n"
	"  sudo convoy py script.py         is it bound by Python's GIL?\n"
	"  sudo convoy why -p 4711          what does this process wait for?\n"
	"  convoy list                      the jobs and modes there are\n"
	"  convoy run --help                all options of a command";

/* What comes before the command; the rest is the command's own. */
struct invocation {
	int at;			/* index of the command's name, 0 if there is none */
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct invocation *invocation = state->input;

	switch (key) {
	case ARGP_KEY_ARG:
		(void)arg;
		invocation->at = state->next - 1;
		state->next = state->argc; /* leave the rest alone */
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* The list of commands, between the description and the examples. */
static char *filter_help(int key, const char *text, void *input)
{
	char *help = NULL;
	size_t size = 0;
	FILE *out;

	(void)input;
	if (key != ARGP_KEY_HELP_POST_DOC)
		return (char *)text;
	out = open_memstream(&help, &size);
	if (!out)
		return (char *)text;
	fprintf(out, "Commands:\n");
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].summary);
	fprintf(out, "\n%s", text);
	fclose(out);
	return help;
}

/*
 * A standard descriptor that the caller closed would be given to the next file
 * opened. /dev/null takes its place; what is then written to stdout still fails.
 */
static int fill_standard_fds(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY) != fd)
			return -1;
	return 0;
}

int main(int argc, char **argv)
{
	const struct argp argp = {
		.parser = parse_option,
		.args_doc = "COMMAND [OPTION...]",
		.doc = doc,
		.help_filter = filter_help,
	};
	struct invocation invocation = { 0 };
	char own_name[] = "convoy"; /* as argp's own messages shall name it */

	if (fill_standard_fds())
		return CONVOY_EXIT_FAILED;
	setlocale(LC_CTYPE, "");
	argv[0] = own_name;
	argp_err_exit_status = CONVOY_EXIT_USAGE;
	if (argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &invocation))
		return CONVOY_EXIT_USAGE;
	if (!invocation.at) {
		message("no command given; `convoy --help` lists them, `sudo convoy run` is a start");
		return CONVOY_EXIT_USAGE;
	}
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		if (!strcmp(commands[i].name, argv[invocation.at]))
			return commands[i].run(argc - invocation.at, argv + invocation.at);
	message("command '%s' does not exist; `convoy --help` lists them", argv[invocation.at]);
	return CONVOY_EXIT_USAGE;
}
