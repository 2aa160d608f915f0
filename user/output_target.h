/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * output_target.h - a path that the user named for output: what is there, and how a
 * new file takes its place.
 */
#ifndef CONVOY_OUTPUT_TARGET_H
#define CONVOY_OUTPUT_TARGET_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct output_target {
	const char *path;	/* the caller's */
	bool exists;
	bool special;		/* a pipe or a character device: nothing to replace */
	mode_t mode;		/* permissions of what exists */
	char directory[PATH_MAX];
	char why[128];		/* after an error: what is wrong with the path */
};

/*
 * Looks at what is at `path`, and whether a new file could take its place. Symbolic
 * links, directories, block devices and sockets are refused. Returns 0, or a negative
 * errno with target->why set; prints nothing.
 */
int output_target__check(struct output_target *target, const char *path);

/*
 * Opens a pipe or a character device for writing, waiting for a reader. Returns a
 * descriptor, or a negative errno.
 */
int output_target__open_special(const struct output_target *target);

/*
 * Makes a new file in the target's directory, which belongs to nobody else, whatever
 * others put there; its name goes to `name`. Returns a descriptor, or a negative errno.
 */
int output_target__open_beside(const struct output_target *target, mode_t mode, char *name,
			       size_t size);

#endif /* CONVOY_OUTPUT_TARGET_H */
