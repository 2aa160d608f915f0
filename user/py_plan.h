/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * py_plan.h - what `convoy py` was asked to do, checked.
 */
#ifndef CONVOY_PY_PLAN_H
#define CONVOY_PY_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "report.h"
#include "report_output.h"

/* What the interpreter is to run. */
enum py_kind {
	PY_SCRIPT,	/* a file; "-": what comes on its standard input */
	PY_MODULE,	/* -m */
	PY_CODE,	/* -c */
};

/* All strings are those of the argv that was parsed. */
struct py_plan {
	enum py_kind kind;
	const char *script;		/* the file, the module, or the code */
	char *const *arguments;		/* what follows it, up to NULL: its own */
	const char *interpreter;	/* -i, for interpreters__add(); NULL: to be found */
	const char *as;			/* for identity__find(); NULL: who called sudo, or the caller */
	struct report_output report;
	bool answer_only;		/* with the format text: no tables */
	enum futex_probes futex;	/* FUTEX_ALL or FUTEX_BLOCKING */
	size_t ring_bytes;		/* 0: default */
	bool allow_loss;
	const char *recording;		/* file to keep it in; NULL: none is kept */
	bool force;			/* replace that file */
	bool verbose;
	char command_line[512];
};

/*
 * Parse the arguments after `convoy` (argv[0] is "py"). Looks at nothing else, but for where
 * --export writes. Returns 0, or -EINVAL after a message. --help, --version and unknown options
 * end the process, as argp does.
 */
int py_plan__parse(struct py_plan *plan, int argc, char **argv);

/*
 * The command that does it: this interpreter with these options (up to NULL, may be NULL
 * itself) before what is the plan's. Ends with NULL; py_plan__free_command() frees it. NULL
 * without memory.
 */
char **py_plan__command(const struct py_plan *plan, const char *interpreter,
			const char *const *options);
void py_plan__free_command(char **command);

/* Goes stdout to the report alone, so that the script's has to go elsewhere? */
bool py_plan__takes_stdout(const struct py_plan *plan);

#endif /* CONVOY_PY_PLAN_H */
