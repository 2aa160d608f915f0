/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * map_proc.h - program and mappings of a living process, from its /proc.
 *
 * For processes that began before map_events.h was open, and for what it does not tell:
 * device, inode and offset of memory that processes share.
 */
#ifndef CONVOY_MAP_PROC_H
#define CONVOY_MAP_PROC_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "mapping.h"

/* Remembers the build-ids of files. */
struct map_proc;

int map_proc__new(struct map_proc **map_proc);	/* 0 or -ENOMEM */
void map_proc__free(struct map_proc *map_proc);	/* NULL is fine */

/*
 * Hand over one MAPPING_EXEC with the path of the program (its name where that cannot be
 * read), then a MAPPING_FILE for each mapping of a file, of shared memory, or with a name
 * of its own: [heap], [stack], [vdso], what prctl(PR_SET_VMA_ANON_NAME) gave. A path that
 * was deleted ends in " (deleted)", as the kernel has it; one of MAPPING_PATH_MAX bytes
 * or more is "". All mappings of a file that is somewhere mapped executable, and can be
 * opened, get its build-id.
 *
 * `pid` is as this process's /proc has it, `host_pid` becomes mapping.pid, `time_ns`
 * (CLOCK_MONOTONIC, from before the call) mapping.time_ns.
 *
 * Needs to be allowed to trace the process (CAP_SYS_PTRACE for others' processes); for
 * the build-id to read the file. The program's own is found wherever it lies, those of
 * libraries only where directories let this process through, unless it has
 * CAP_CHECKPOINT_RESTORE. Returns 0, also when the process vanished midway or was
 * gone already; -EACCES or -EPERM, after the MAPPING_EXEC, if its mappings must not be
 * read; what `fn` returned if negative; or another negative errno.
 */
int map_proc__read(struct map_proc *map_proc, pid_t pid, uint32_t host_pid, uint64_t time_ns,
		   mapping_fn fn, void *ctx);

/* Files mapped executable, of each process that was read, that could not be read. */
uint64_t map_proc__unread(const struct map_proc *map_proc);

/* A line with a path of MAPPING_PATH_MAX bytes, each written as four, fits with room to
 * spare: what does not fit has a path that is too long in any case. */
#define MAP_PROC_LINE_BYTES (8 * MAPPING_PATH_MAX)

/*
 * Pure: one line of /proc/PID/maps, without its newline and of `length` bytes, into all
 * of *mapping but pid, time_ns and build-id. The path is decoded in place and points into
 * `line`, which must have room for a NUL at line[length]. Returns 0 or -EBADMSG.
 */
int map_proc__parse_line(struct mapping *mapping, char *line, size_t length);

#endif /* CONVOY_MAP_PROC_H */
