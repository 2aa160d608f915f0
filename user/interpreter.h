/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * interpreter.h - the interpreters of this machine that can run the bundled jobs: where they
 * are, and what they say they are.
 *
 * Nobody is believed by the name of a file: each candidate is executed once, with the bundled
 * source of its language and --identify, and what it prints decides. So whatever is broken, for
 * another architecture, or too old for the source is known before anything is measured.
 */
#ifndef CONVOY_INTERPRETER_H
#define CONVOY_INTERPRETER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "identity.h"

/* A language that the jobs are written in; one row each in languages[]. */
struct interpreter_language {
	const char *name;		/* "python", "ruby": the folder below workloads/ */
	const char *source;		/* in that folder: convoy_work.py */
	const char *const *programs;	/* file names begin with one of these: "python", "pypy" */
	const char *const *options;	/* before the source, e.g. "-B"; ends with NULL */
	const char *const *modes;	/* bundled modes that it has, by name; ends with NULL */
};

extern const struct interpreter_language *const interpreter_languages[]; /* ends with NULL */

struct interpreter {
	/*
	 * Implementation, version and build: "python3.13", "python3.13t" (free-threaded),
	 * "python3.13d", "pypy3", "ruby3.1". Where two in a list would have the same name, both
	 * have their full version in it, and a number if that is not enough.
	 */
	char name[32];
	char implementation[16];	/* "CPython", "PyPy", "CRuby" */
	char version[24];		/* "3.13.0" */
	char *path;			/* what is executed, absolute; owned */
	const struct interpreter_language *language;
};

struct interpreters {
	struct interpreter *list;
	size_t n;
	size_t failed;	/* that were asked for and cannot be used, each after a message */
	int signal;	/* after -EINTR: the one that is to end the process */
};

/* Where to look and as whom to ask. All is borrowed. */
struct interpreter_search {
	char *const
		*environment; /* its PATH, HOME, PYENV_ROOT: the user's, see identity__environ() */
	const struct identity *as;	/* who executes them; NULL: the caller */
	const char *sources;		/* the folder that has python/ and ruby/ */
	/* Keep the name that it is found by: a virtual environment is one of its program's. */
	bool as_found;
	unsigned limit_ms;		/* for the answer of each; 0: 10 s */
};

/*
 * Add what `spec` names:
 *
 *	a path		has a slash: that file
 *	a name		a program of the PATH, else of a pyenv or rbenv version of the user's: "python3",
 *			"python2.7", "pypy3", "ruby"; or the version of such a Python alone: "3.13",
 *			"2.7.18". The first candidate that works; a shim that leads nowhere is none.
 *	all		all of those that work, each program once whatever names it has. What is
 *			there but does not work is told of, and is no failure.
 *
 * What is in the list already is not added again, which is no error. What cannot be used is
 * counted in `failed` after a message that says why (missing, not executable, another
 * architecture, its last words, no answer in time), and is no error either: the rest goes on.
 * Returns 0, -EINTR when a signal came that is to end the process, or another negative errno
 * after a message. interpreters__free() ends the list, after an error, too.
 */
int interpreters__add(struct interpreters *interpreters, const struct interpreter_search *search,
		      const char *spec);
void interpreters__free(struct interpreters *interpreters);

/*
 * Its place in the list, where it is added if it is not there: the same file as the same
 * implementation and version. Its path is taken when it is added (one->path is NULL then). 0 or
 * -ENOMEM.
 */
int interpreters__take(struct interpreters *interpreters, struct interpreter *one, size_t *at);

/* Give them the names that they have in a report; once all are added. */
void interpreters__name(struct interpreters *interpreters);

/* The one of that name, or NULL. */
const struct interpreter *interpreters__find(const struct interpreters *interpreters,
					     const char *name);

/*
 * The folder with the sources: workloads/ beside this binary (a checkout), else where
 * `make install` puts them. 0, or -ENOENT after a message.
 */
int interpreter__sources(char *path, size_t size);

/*
 * Who is meant by "the user": the one who called sudo, if this is root by sudo, else the
 * caller. *as points to *identity, or is NULL for the caller; *environment is a copy to be freed with
 * identity__free_environ(), or this process's own and then not to be freed (*owned false).
 */
struct interpreter_user {
	struct identity identity;
	const struct identity *as;
	char **environment;
	bool owned;
};

/* 0 or a negative errno after a message. */
int interpreter_user__find(struct interpreter_user *user);
void interpreter_user__free(struct interpreter_user *user);

#endif /* CONVOY_INTERPRETER_H */
