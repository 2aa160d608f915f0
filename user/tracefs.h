/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * tracefs.h - numbers of system call tracepoints.
 */
#ifndef CONVOY_TRACEFS_H
#define CONVOY_TRACEFS_H

#include <stddef.h>

/* Where tracefs is mounted and can be read by this user; NULL where it is not. */
const char *tracefs__mounted(void);

/*
 * The ids of the tracepoints syscalls/NAME for each of `n` names; -ENOENT in
 * ids[i] for one that this kernel does not have. Where tracefs is not mounted it
 * is mounted for a moment in a mount namespace of a child's own, so that the
 * caller's namespace is never touched.
 * Returns 0, or a negative errno when tracefs cannot be had at all.
 */
int tracefs__syscall_event_ids(const char *const *names, size_t n, int *ids);

#endif /* CONVOY_TRACEFS_H */
