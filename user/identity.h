/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * identity.h - the user that a command is started as (--as).
 */
#ifndef CONVOY_IDENTITY_H
#define CONVOY_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* From the user database; all memory is its own. */
struct identity {
	uid_t uid;
	gid_t gid;
	gid_t *groups;		/* gid among them */
	int n_groups;
	char *name, *home, *shell;	/* an empty shell is /bin/sh */
};

/*
 * Looks up a user by name or, if there is none of that name, by number. Returns 0,
 * -ENOENT after a message if there is no such user (exit 2), or another negative errno
 * after a message. identity__free() ends it (also after an error, or of zeroes).
 */
int identity__find(const char *name, struct identity *identity);
/* The same without a word. */
int identity__look_up(const char *name, struct identity *identity);
void identity__free(struct identity *identity);

/*
 * May this process become that user? Returns 0, or -EPERM after a message that says
 * what is missing (exit 3).
 */
int identity__may_switch(const struct identity *identity);

/*
 * Become that user for good: groups, group, user, in this order; then no capability
 * outlives exec but by being root. For a child before exec; allocates nothing. A process
 * that is that user already gets the user's groups, if it may choose them, and keeps its
 * own otherwise. 0 or a negative errno; then the process is in between and must end.
 */
int identity__switch(const struct identity *identity);

/*
 * A copy of an environment as that user needs it: HOME, USER, LOGNAME and SHELL are
 * the user's; MAIL, SUDO_* and another user's XDG_RUNTIME_DIR are dropped; PATH stays,
 * with those of the user's own places that exist and it lacks put in front, as the
 * user's shell would (~/bin, ~/.local/bin, ...). Everything else is as it was. NULL when
 * memory runs out; identity__free_environ() frees it.
 */
char **identity__environ(const struct identity *identity, char *const *environment);
void identity__free_environ(char **environment);

/* A variable's value in an environment, or NULL. */
const char *environ__get(char *const *environment, const char *name);

/*
 * The places below a home directory where programs of its user's usually are: the i-th,
 * relative to it, or NULL past the end.
 */
const char *identity__place(size_t i);

#endif /* CONVOY_IDENTITY_H */
