/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * record_file.h - the file that a recording is written to, made safely.
 */
#ifndef CONVOY_RECORD_FILE_H
#define CONVOY_RECORD_FILE_H

#include <limits.h>
#include <stdbool.h>

struct record_file {
	const char *path;		/* the caller's; must live as long */
	char temporary[PATH_MAX];	/* where it is until it is kept; "": it is at `path` */
	int fd;				/* the caller's to close */
	bool made;			/* a file that is new: not a pipe, nor standard output */
};

/*
 * Opens the output of `convoy record` for writing (a regular file also for reading).
 *
 * A new file is made with mode 0600. With `force` one that is to replace a regular file
 * is made beside it, and the old one stays as it is until record_file__keep(): most that
 * can fail fails before. No symbolic link is followed. Pipes and character devices are
 * written to as they are; "-" is a copy of standard output. Under sudo the new file
 * belongs to who called it.
 *
 * Returns 0 and a descriptor that is closed on exec, or a negative errno after a
 * message: the path cannot be used (exit 2). file->fd is -1 then.
 */
int record_file__create(struct record_file *file, const char *path, bool force);

/* A recording that nobody is to keep: in memory. Returns 0 or a negative errno after a message. */
int record_file__in_memory(struct record_file *file);

/*
 * For who has to read a recording twice: *fd, or where that is a pipe, a copy of all that
 * comes out of it, in a file without a name, from its beginning; *fd is then closed, unless
 * it is standard input. What is no recording is copied only as far as it takes to see that.
 * Returns 0, or a negative errno: *fd is as it was.
 */
int record_file__seekable(int *fd);

/*
 * For a recording that is worth having: gives it its name, replacing the old file at once
 * and as a whole (who reads that can go on). Does nothing where there is nothing to
 * replace, or the second time. 0, or a negative errno after a message that says where the
 * recording is instead.
 */
int record_file__keep(struct record_file *file);

/*
 * For a recording that never began: removes the file again, if its name still is that
 * of the regular file that `fd` is open on. What it was to replace is untouched, unless
 * it was kept. Closes nothing.
 */
void record_file__remove(struct record_file *file);

#endif /* CONVOY_RECORD_FILE_H */
