/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * map_file.h - the file behind a mapping of a process, opened.
 */
#ifndef CONVOY_MAP_FILE_H
#define CONVOY_MAP_FILE_H

#include "mapping.h"

/*
 * With O_PATH: the file itself where that is permitted (map_files), else by its path, as the
 * process sees it and then as this one does; never another one that has taken its place, but
 * for a mapping without an inode: there the path is all there is, and the caller must compare
 * the build-id. `proc` is the process's directory in /proc, or -1 if it is gone. Returns a
 * descriptor or a negative errno.
 */
int map_file__open(int proc, const struct mapping *mapping);

/* The same, to be read: only if it is a regular file, so that nothing blocks or wakes up. */
int map_file__open_to_read(int proc, const struct mapping *mapping);

/*
 * What an O_PATH descriptor stands for, to be read, as above: a readable descriptor, -ENOENT if
 * it is no regular file, or another negative errno. `fd` is closed, also after an error.
 */
int map_file__reopen_to_read(int fd);

#endif /* CONVOY_MAP_FILE_H */
