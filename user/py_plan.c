// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"
#include "parse_option.h"
#include "py_plan.h"

enum option_key {
	KEY_AS = 0x100,
	KEY_FORCE,
	KEY_FUTEX,
	KEY_RING_BYTES,
	KEY_ALLOW_LOSS,
	KEY_FORMAT,
	KEY_EXPORT,
	KEY_THREADS,
	KEY_LOCKS,
};

static const struct argp_option options[] = {
	{ 0, 0, 0, 0, "What to run:", 1 },
	{ 0, 'm', "MODULE", 0, "A module instead of a script, as python -m has it", 0 },
	{ 0, 'c', "CODE", 0, "Python code, as python -c has it", 0 },
	{ "interpreter", 'i', "PATH|NAME", 0,
	  "The Python to run it: a path, a program of your PATH, or a version such as 3.12 "
	  "(default: what the script's first line names, else python3, else python)",
	  0 },
	{ "as", KEY_AS, "USER", 0,
	  "Run it as that user, with HOME, SHELL and groups of that user (default: who called sudo)",
	  0 },
	{ 0, 0, 0, 0, "What to print:", 2 },
	{ "answer-only", 'q', 0, 0, "The answer, without the report's tables", 0 },
	{ "format", KEY_FORMAT, "text|json|csv", 0,
	  "Format of the report on stdout; unless it is text, the script's own stdout goes to "
	  "stderr (default: text)",
	  0 },
	{ "export", KEY_EXPORT, "FORMAT=FILE", 0, "Also write the report to a file; repeatable",
	  0 },
	{ "threads", KEY_THREADS, 0, 0, "Show every thread's own account", 0 },
	{ "locks", KEY_LOCKS, "N", 0, "Locks to show; 0: all (default: 5)", 0 },
	{ "output", 'o', "FILE", 0, "Also keep the recording, for `convoy report FILE`", 0 },
	{ "force", KEY_FORCE, 0, 0, "Replace FILE if it is there", 0 },
	{ "verbose", 'v', 0, 0, "Say more: all locks, all CPUs, what libbpf says", 0 },
	{ 0, 0, 0, 0, "How to watch it:", 3 },
	{ "futex", KEY_FUTEX, "all|blocking", 0,
	  "Count every futex call, or only those that block: cheaper (default: all)", 0 },
	{ "ring-bytes", KEY_RING_BYTES, "N", 0,
	  "Size of each CPU's event ring, a power of two (default: by the CPUs)", 0 },
	{ "allow-loss", KEY_ALLOW_LOSS, 0, 0, "Lost events do not fail the run (exit 4)", 0 },
	{ 0 }
};

static const char args_doc[] = "[--] SCRIPT [ARG...]\n-m MODULE [ARG...]\n-c CODE [ARG...]";

static const char doc[] =
	"Run a Python script and say whether it is bound by its GIL, what processes instead of "
	"threads could gain at most, and which command proves it. It runs as you, also under "
	"sudo, with the Python that your shell would take, and keeps the terminal, its output "
	"and its signals; what follows its name belongs to it."
	"\v"
	"Examples:\n"
	"  sudo convoy py script.py --its-own arguments   the answer, then the report\n"
	"  sudo convoy py -q script.py                    the answer alone\n"
	"  sudo convoy py -m pytest -x tests              a module\n"
	"  sudo convoy py -i 3.13 script.py               another Python\n"
	"  sudo convoy py -i venv/bin/python script.py    that of a virtual environment\n"
	"  sudo convoy py -o py.rec script.py && convoy report py.rec --threads\n"
	"                                                 keep everything, look again later\n"
	"  sudo convoy py --format json script.py | jq -r .verdict.text\n"
	"                                                 for a script; its stdout goes to stderr\n"
	"\n"
	"Exit status: that of the script, if it was started; 127 the interpreter was not found; 126 "
	"it cannot be executed; else 0 done (Ctrl-C is a normal end); 2 usage, or no such "
	"script or interpreter; 3 not permitted, or the kernel lacks something; 4 events were "
	"lost; 6 failed; 128+N ended by signal N.";

struct parse_state {
	struct py_plan *plan;
	int err;
};

/* Whatever comes now belongs to what is run. */
static int take_script(struct py_plan *plan, enum py_kind kind, const char *script,
		       struct argp_state *argp)
{
	static const char *const refused[] = {
		[PY_SCRIPT] = "which script? its name is empty",
		[PY_MODULE] = "-m needs the name of a module",
		/* python -c '' does nothing, and does it well. */
		[PY_CODE] = NULL,
	};

	plan->kind = kind;
	plan->script = script;
	plan->arguments = argp->argv + argp->next;
	argp->next = argp->argc;
	if (*script || !refused[kind])
		return 0;
	message("%s", refused[kind]);
	return -EINVAL;
}

static int parse_output(struct py_plan *plan, const char *text)
{
	if (!*text || !strcmp(text, "-")) {
		message("-o needs the name of a file: the recording is not for standard output");
		return -EINVAL;
	}
	plan->recording = text;
	return 0;
}

static int parse_name(const char **to, const char *what, const char *text)
{
	if (!*text) {
		message("%s", what);
		return -EINVAL;
	}
	*to = text;
	return 0;
}

static int parse_locks(struct py_plan *plan, const char *text)
{
	unsigned long long locks = 0;
	int err = option__unsigned("--locks", text, 0, 1000000, &locks);

	if (!err)
		plan->report.locks = (size_t)locks;
	return err;
}

static int parse_futex(struct py_plan *plan, const char *text)
{
	static const char *const futexes[] = { "all", "blocking", NULL };
	size_t which = 0;
	int err = option__choice("--futex", text, futexes, &which);

	if (!err)
		plan->futex = which ? FUTEX_BLOCKING : FUTEX_ALL;
	return err;
}

static error_t parse_option(int key, char *arg, struct argp_state *argp)
{
	struct parse_state *state = argp->input;
	struct py_plan *plan = state->plan;
	int err = 0;

	switch (key) {
	case 'm':
		err = take_script(plan, PY_MODULE, arg, argp);
		break;
	case 'c':
		err = take_script(plan, PY_CODE, arg, argp);
		break;
	case ARGP_KEY_ARG:
		err = take_script(plan, PY_SCRIPT, arg, argp);
		break;
	case 'i':
		err = parse_name(&plan->interpreter,
				 "-i needs a path, a name such as python3, or a version", arg);
		break;
	case KEY_AS:
		err = parse_name(&plan->as, "--as needs the name of a user", arg);
		break;
	case 'q':
		plan->answer_only = true;
		break;
	case KEY_FORMAT:
		err = report_output__format(&plan->report, arg);
		break;
	case KEY_EXPORT:
		err = report_output__export(&plan->report, arg);
		break;
	case KEY_THREADS:
		plan->report.threads = true;
		break;
	case KEY_LOCKS:
		err = parse_locks(plan, arg);
		break;
	case 'o':
		err = parse_output(plan, arg);
		break;
	case KEY_FORCE:
		plan->force = true;
		break;
	case 'v':
		plan->verbose = plan->report.verbose = true;
		break;
	case KEY_FUTEX:
		err = parse_futex(plan, arg);
		break;
	case KEY_RING_BYTES:
		err = option__ring_bytes(arg, &plan->ring_bytes);
		break;
	case KEY_ALLOW_LOSS:
		plan->allow_loss = true;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	if (err)
		state->err = err;
	return -err;
}

static int check_together(const struct py_plan *plan)
{
	if (!plan->script) {
		message("which script? `convoy py script.py`, `convoy py -m module`, or convoy py -c "
			"'some code'");
		return -EINVAL;
	}
	if (plan->answer_only && py_plan__takes_stdout(plan)) {
		message("-q is for the format text; --format %s has everything, the answer as "
			"its verdict",
			plan->report.renderer->name);
		return -EINVAL;
	}
	return 0;
}

int py_plan__parse(struct py_plan *plan, int argc, char **argv)
{
	const struct argp argp = { options, parse_option, args_doc, doc, NULL, NULL, NULL };
	struct parse_state state = { .plan = plan };
	int err;

	memset(plan, 0, sizeof(*plan));
	plan->futex = FUTEX_ALL;
	report_output__init(&plan->report);
	command_line__quote(plan->command_line, sizeof(plan->command_line), argc, argv);

	err = option__parse_all(&argp, "convoy py", argc, argv, ARGP_IN_ORDER, &state);
	if (err || state.err)
		return -EINVAL;
	return check_together(plan);
}

bool py_plan__takes_stdout(const struct py_plan *plan)
{
	return strcmp(plan->report.renderer->name, "text") != 0;
}

/* A copy of a file's name that Python does not take for an option. */
static char *copy_script(const char *script)
{
	char *copy = malloc(strlen(script) + 3);

	if (copy) {
		*copy = 0;
		if (script[0] == '-' && script[1])
			strcpy(copy, "./");
		strcat(copy, script);
	}
	return copy;
}

static size_t count(const char *const *words)
{
	size_t n = 0;

	while (words && words[n])
		n++;
	return n;
}

char **py_plan__command(const struct py_plan *plan, const char *interpreter,
			const char *const *before)
{
	static const char *const flags[] = {
		[PY_SCRIPT] = NULL, [PY_MODULE] = "-m", [PY_CODE] = "-c"
	};
	size_t n = count(before) + count((const char *const *)plan->arguments) + 4, used = 0;
	char **command = calloc(n, sizeof(*command));
	bool complete = command;

	if (!command)
		return NULL;
	command[used++] = strdup(interpreter);
	for (; before && *before; before++)
		command[used++] = strdup(*before);
	if (flags[plan->kind])
		command[used++] = strdup(flags[plan->kind]);
	command[used++] = plan->kind == PY_SCRIPT ? copy_script(plan->script) :
						    strdup(plan->script);
	for (char *const *argument = plan->arguments; *argument; argument++)
		command[used++] = strdup(*argument);
	for (size_t i = 0; i < used; i++)
		complete = complete && command[i];
	if (complete)
		return command;
	for (size_t i = 0; i < used; i++)
		free(command[i]);
	free(command);
	return NULL;
}

void py_plan__free_command(char **command)
{
	for (size_t i = 0; command && command[i]; i++)
		free(command[i]);
	free(command);
}
