/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * found.h - threads that were there when a recording began: who they are, what they
 * were in the middle of, who held what they waited for, and what they have mapped.
 */
#ifndef CONVOY_FOUND_H
#define CONVOY_FOUND_H

#include <stddef.h>
#include <stdint.h>

#include "maps.h"
#include "recording.h"
#include "session.h"

struct found {
	uint8_t *events;	/* CONVOY_EV_SEEN, _HOLDER and _DEATH, one after the other */
	size_t size, room;
	size_t n_threads;
	uint64_t failed_reads;	/* of the holder of a lock */
};

/*
 * Find the session's targets, at most so many `times` until no more come to light. Returns
 * 0 or a negative errno. found__free() ends it, after an error, too.
 */
int found__find(struct found *found, struct session *session, int times);
void found__free(struct found *found);

/* Write them, and what their processes have mapped, unless `maps` is NULL. */
int found__write(const struct found *found, struct recording_writer *writer, struct maps *maps);

#endif /* CONVOY_FOUND_H */
