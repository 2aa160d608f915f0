/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * py_answer.h - is a script bound by its GIL, what would processes gain, and what proves it?
 *
 * Only what the report holds is said: every number is from it, and what is unknown is called
 * so. Pure.
 */
#ifndef CONVOY_PY_ANSWER_H
#define CONVOY_PY_ANSWER_H

#include <stdbool.h>
#include <stdio.h>

#include "py_plan.h"
#include "report.h"

/* What the report does not know of what was run. */
struct py_context {
	enum py_kind kind;
	const char *script;		/* as the user called it: file, module or code */
	char *const *command;		/* that was executed, up to NULL; the interpreter first */
	size_t script_at;		/* where in it the file, module or code is */
	const char *implementation, *version;	/* of the interpreter: "CPython", "3.11.7" */
	const char *recording;		/* where it is kept; NULL: it is not */
	bool sudo;			/* convoy was called by it */
	bool threads;			/* each thread's account is printed already */
};

enum py_answer {
	PY_NOTHING,	/* nothing was recorded */
	PY_BOUND,	/* threads wait for the GIL, and that matters */
	PY_WAITS,	/* they do, and would wait for something else without it */
	PY_FREE,	/* it has a GIL, and that is not what threads wait for */
	PY_NO_GIL,	/* it has none */
	PY_ALONE,	/* no process has two threads that could wait for each other */
	PY_NO_WAITS,	/* what may be waiting for a GIL is too little to matter */
	PY_CROWDED,	/* too little to matter, but others had the CPUs */
	PY_UNKNOWN,	/* it may have one that was not found */
};

/* What can be said of the one mode of a report. */
enum py_answer py_answer__choose(const struct report *report);

/*
 * The answer in sentences, and the commands that prove it: lines with '\n' between them, those
 * of commands further in by two blanks (render_verdict() does not break them). Names in
 * them are harmless. The caller frees *text. Returns 0, -EINVAL when there is not exactly one
 * mode, or -ENOMEM.
 */
int py_answer__make(const struct report *report, const struct py_context *context, char **text);

/* py_prove.c: the commands, with what comes before them. Nothing where none helps. */
enum py_proof {
	PROOF_NONE,
	PROOF_GIL,	/* what threads and processes of this interpreter do with computing */
	PROOF_SPLIT,	/* the same, for work of which it is not known whether it can be split */
	PROOF_SLEEP,	/* what they do with sleeping */
	PROOF_THREADS,	/* each thread's own account */
};

void py_answer__prove(const struct py_context *context, enum py_proof proof, unsigned workers,
		      FILE *out);

#endif /* CONVOY_PY_ANSWER_H */
