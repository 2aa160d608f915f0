/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * record_file.h - the file that a recording is written to, made safely.
 */
#ifndef CONVOY_RECORD_FILE_H
#define CONVOY_RECORD_FILE_H

#include <stdbool.h>

/*
 * Opens the output of `convoy record` for writing (a regular file also for reading).
 *
 * A new file is made with mode 0600. With `force` it takes the place of a regular file
 * at once and as a whole: nothing is truncated, no symbolic link is followed, and who
 * reads the old one can go on. Pipes and character devices are written to as they are;
 * "-" is a copy of standard output. Under sudo the new file belongs to who called it.
 *
 * Returns 0 and a descriptor that is closed on exec, or a negative errno after a
 * message: the path cannot be used (exit 2).
 */
int record_file__create(const char *path, bool force, int *fd);

/*
 * For a recording that never began: removes the file again, if `path` still is the
 * regular file that `fd` is open on. Closes nothing.
 */
void record_file__remove(const char *path, int fd);

#endif /* CONVOY_RECORD_FILE_H */
