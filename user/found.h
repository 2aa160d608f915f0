/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * found.h - threads that were there when a recording began: who they are, what they
 * were in the middle of, where and for whom they waited, and what they have mapped.
 */
#ifndef CONVOY_FOUND_H
#define CONVOY_FOUND_H

#include <stddef.h>
#include <stdint.h>

#include "maps.h"
#include "names.h"
#include "recording.h"
#include "session.h"

struct found {
	uint8_t *events;	/* CONVOY_EV_SEEN, _HOLDER and _DEATH, one after the other */
	size_t size, room;
	size_t n_threads;
	uint64_t failed_reads;	/* of the holder of a lock */
	/* Of threads that waited for a futex word: where. Never recorded. */
	struct convoy_ev_stack *stacks;
	size_t n_stacks, stacks_room;
	struct convoy_ev_seen seen;	/* the thread that was looked at last, and */
	struct convoy_ev_wait blocked;	/* what it waits for, if it does */
	uint32_t *pids;		/* their processes, by found__follow() */
	size_t n_pids;
	size_t n_mapped;	/* of them, whose mappings were written */
};

/*
 * Find the session's targets, at most so many `times` until no more come to light. Returns
 * 0 or a negative errno. found__free() ends it, after an error, too.
 */
int found__find(struct found *found, struct session *session, int times);
void found__free(struct found *found);

/* Hand over where they wait, for names; once. Returns 0 or -ENOMEM. */
int found__give_stacks(struct found *found, struct names *names);

/* Write the threads. */
int found__write(const struct found *found, struct recording_writer *writer);

/* Their processes are recorded from now on. */
int found__follow(struct found *found, struct maps *maps);

/* Write what the next processes have mapped, `at_most` so many; all, if called long enough. */
int found__write_maps(struct found *found, struct maps *maps, struct recording_writer *writer,
		      size_t at_most);

#endif /* CONVOY_FOUND_H */
