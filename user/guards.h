/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * guards.h - the table in which the probes look up whether a wait is one for a lock that is
 * known by its mutex (struct convoy_guard): CONVOY_GUARDS entries, one a process.
 */
#ifndef CONVOY_GUARDS_H
#define CONVOY_GUARDS_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/events.h"

/*
 * That is how waits of the process guard->pid are to be told apart from now on. Replaces what
 * there is of it. False: its place is taken by another process.
 */
bool guards__put(struct convoy_guard *table, const struct convoy_guard *guard);

/* No more, unless the place is another's. */
void guards__drop(struct convoy_guard *table, uint32_t pid);

#endif /* CONVOY_GUARDS_H */
