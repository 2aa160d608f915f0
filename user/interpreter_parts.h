/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * interpreter_parts.h - what the files of interpreter*.c share: asking one, and which there
 * are to be asked.
 */
#ifndef CONVOY_INTERPRETER_PARTS_H
#define CONVOY_INTERPRETER_PARTS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "interpreter.h"

enum ask_outcome {
	ASK_ANSWERED,
	ASK_NOT_EXECUTED,	/* exec refused it */
	ASK_ENDED,		/* by itself, with a status that says failure */
	ASK_NO_END,		/* in time */
	ASK_NOT_UNDERSTOOD,	/* what it printed is no answer */
};

/* What one said of itself, or why that is not known. */
struct interpreter_answer {
	enum ask_outcome outcome;
	char name[32], implementation[16], version[24];
	char executable[PATH_MAX];	/* what it takes for its own file; "" if it does not know */
	int exec_error;			/* a positive errno */
	int status;			/* as wait4() gives it */
	char words[256];		/* its last ones on stderr, or what is wrong; harmless */
};

/*
 * Execute `path` (absolute) with the language's source and --identify. Returns 0 whatever
 * came of it (answer->outcome), -EINTR when a signal came that is to end the process
 * (*signal), or another negative errno after a message.
 */
int interpreter__ask(const struct interpreter_search *search,
		     const struct interpreter_language *language, const char *path,
		     struct interpreter_answer *answer, int *signal);

/*
 * Fill in an answer from what was printed, `size` bytes of anything; else say in
 * answer->words what is wrong with it. The outcome is set accordingly.
 */
void interpreter__read_answer(struct interpreter_answer *answer, const char *text, size_t size);

/* One message: why the one at `path` cannot be used. Not for ASK_ANSWERED. */
void interpreter__explain(const struct interpreter_search *search,
			  const struct interpreter_language *language, const char *path,
			  const struct interpreter_answer *answer);

/* A file that may be an interpreter. */
struct candidate {
	char *path;			/* absolute; owned */
	const struct interpreter_language *language;
	bool shim;	/* stands for another one, which may not be there: no word if it fails */
};

/* Is it a file that somebody may execute? */
bool candidate__is_program(const char *path);
/* Are they one file? The same path is, whatever is there. */
bool candidate__is_same_file(const char *a, const char *b);

struct candidates {
	struct candidate *list;
	size_t n;
};

/* A version of Python: "3.13", "2.7.18", "3.13t" (free-threaded), "3.13d". */
struct wanted_version {
	char number[16];	/* "3.13" */
	char build[4];		/* "t"; "" for whatever there is */
};

/* Is a name such a version? */
bool wanted_version__parse(struct wanted_version *wanted, const char *name);
/* Is that version one of them? `name` and `version` as an interpreter says them. */
bool wanted_version__matches(const struct wanted_version *wanted, const char *name,
			     const char *version);

/*
 * -1, 0 or 1: which of two versions comes first. Numbers count as such (3.9 < 3.13), and
 * what is not released yet comes before what is (3.14.0rc1 < 3.14.0).
 */
int version__compare(const char *a, const char *b);

/* The language whose interpreters have that file name, or NULL ("python3-config"). */
const struct interpreter_language *interpreter_language__of(const char *program);
/* The same of a path's last part, or of what it is a link to. */
const struct interpreter_language *interpreter_language__of_path(const char *path);

/*
 * Candidates for a name without a slash (see interpreters__add()), best first; for all of
 * them. Each 0 or -ENOMEM. candidates__free() ends the list, after an error, too.
 */
int candidates__of_name(struct candidates *candidates, char *const *environment, const char *name);
int candidates__of_version(struct candidates *candidates, char *const *environment,
			   const struct wanted_version *wanted);
int candidates__all(struct candidates *candidates, char *const *environment);
void candidates__free(struct candidates *candidates);

#endif /* CONVOY_INTERPRETER_PARTS_H */
