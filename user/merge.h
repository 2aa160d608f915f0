/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * merge.h - several rings of events, each in time order, as one.
 *
 * Pure: works on memory that somebody else maps and frees.
 */
#ifndef CONVOY_MERGE_H
#define CONVOY_MERGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/events.h"

/* One ring as the reader sees it: positions count bytes and never wrap. */
struct merge_source {
	const uint8_t *data;
	uint64_t mask;		/* ring size - 1 */
	uint64_t pos;		/* next byte to read; moved by merge__next() */
	uint64_t end;		/* first byte that is not written yet */
};

struct merge {
	struct merge_source *sources;
	size_t *heap;		/* indices of sources that have a record, earliest first */
	size_t n_heap;
	bool damaged;		/* bytes that are no event come next */
};

/* Bytes of an event of this type, 0 for a type that does not exist. */
size_t event__size(uint16_t type);

/*
 * Begin to merge `n` sources, which stay the caller's; `heap` is the caller's
 * room for n indices. Returns 0, or -EBADMSG when a source does not begin with
 * an event.
 */
int merge__init(struct merge *merge, struct merge_source *sources, size_t n, size_t *heap);

/*
 * The earliest record that is not later than `limit_ns`; *next is NULL when
 * there is none. The record stays valid until the producer reuses its bytes,
 * that is, until the caller gives the source's new `pos` back.
 * Returns 0, or -EBADMSG for bytes that are no event.
 */
int merge__next(struct merge *merge, uint64_t limit_ns, const struct convoy_ev_hdr **next);

#endif /* CONVOY_MERGE_H */
