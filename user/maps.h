/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * maps.h - what the recorded processes run and have mapped, into the recording.
 *
 * From /proc for those that were there before, and from the kernel's own records for
 * all that come: of every process on the machine, of which only the recorded are kept.
 */
#ifndef CONVOY_MAPS_H
#define CONVOY_MAPS_H

#include <stdbool.h>
#include <stdint.h>

#include "mapping.h"
#include "recording.h"

struct maps;

/*
 * Open what needs privilege. `events`: the kernel's records, too; `all`: every process
 * is recorded. Returns 0 or a negative errno, after a message; maps__free() ends it.
 */
int maps__open(struct maps **maps, bool events, bool all);

/*
 * In the process that is to drain it, before it drops privileges. Returns 0 or a negative
 * errno; that the kernel's records cannot be had is none, but a message.
 */
int maps__map(struct maps *maps);

/* Does the kernel tell of mappings, and so of every exec? Once maps__map() was called. */
bool maps__has_events(const struct maps *maps);

/* From now on this process (as the initial PID namespace sees it) is recorded. */
int maps__follow(struct maps *maps, uint32_t pid);
/*
 * It has ended, and what was told of it is drained: its number may become another's. One
 * that is not followed is left alone.
 */
void maps__unfollow(struct maps *maps, uint32_t pid);
bool maps__is_followed(const struct maps *maps, uint32_t pid);

/* From now on every mapping that was written is also given to `fn` (NULL: nobody). */
void maps__observe(struct maps *maps, mapping_fn fn, void *ctx);

/* Write what a process has mapped now. That it cannot be read is no error. */
int maps__write_now(struct maps *maps, uint32_t pid, struct recording_writer *writer);

/*
 * Write what the kernel told of recorded processes, up to `limit_ns`: to be called when
 * those that were born until then are followed.
 */
int maps__drain(struct maps *maps, uint64_t limit_ns, struct recording_writer *writer);

/* Records of the kernel's that found no room. */
uint64_t maps__lost(struct maps *maps);

/* Programs and libraries, of each process, whose file could not be read: no build-id. */
uint64_t maps__unread(const struct maps *maps);

void maps__free(struct maps *maps);	/* NULL is fine */

#endif /* CONVOY_MAPS_H */
