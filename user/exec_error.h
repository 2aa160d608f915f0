/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * exec_error.h - why a command could not be started, and what helps.
 */
#ifndef CONVOY_EXEC_ERROR_H
#define CONVOY_EXEC_ERROR_H

#include "identity.h"
#include "launch.h"

/* As shells have them. */
#define EXIT_NOT_EXECUTABLE 126
#define EXIT_NOT_FOUND 127

struct exec_error {
	const char *argv0;
	int err;			/* what exec gave, a positive errno */
	const char *path;		/* the PATH that was searched; NULL: there is none */
	const struct identity *as;	/* --as; NULL: not given */
	const struct identity *caller;	/* who called sudo; NULL: not under sudo, or root did */
};

/*
 * One message about it, with what works instead where that can be known. Looks at the
 * file system, at nothing else. Returns the exit status: 127 if the command was not
 * found, 126 if it cannot be executed.
 */
int exec_error__explain(const struct exec_error *error);

/*
 * The same for a command that was launched; `err` is launch__exec_error()'s. Under sudo
 * ($SUDO_USER) it says so.
 */
int launch__explain_exec_error(const struct launch_options *options, int err);

/*
 * A message for an error of launch__start() (a negative errno). Returns the exit status:
 * 3 if it could not become the user of --as, else 6.
 */
int launch__explain_start_error(const struct launch *launch, const struct launch_options *options,
				int err);

#endif /* CONVOY_EXEC_ERROR_H */
