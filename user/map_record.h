/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * map_record.h - the kernel's records of programs and mappings, out of a perf buffer.
 *
 * Pure: memory in, struct mapping out. What is read is what map_events.c asks for:
 * sample_id_all with PERF_SAMPLE_TIME and nothing else, so each record ends with its
 * time. No size, position or string is believed before it was checked.
 */
#ifndef CONVOY_MAP_RECORD_H
#define CONVOY_MAP_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/perf_event.h>

#include "mapping.h"

/* The longest record that is looked into: its fixed members, a path, the time. */
#define MAP_RECORD_MAX (72 + MAPPING_PATH_MAX + 64)

struct map_record {
	bool is_mapping;	/* `mapping` is set; its path points into the record */
	uint64_t lost;		/* records that found no room before this one */
	struct mapping mapping;
};

/*
 * What one whole record says. Returns 0, also for one that says nothing of interest
 * (a change of name, a mapping without a name, a process of another PID namespace),
 * or -EBADMSG.
 */
int map_record__parse(struct map_record *parsed, const void *record, size_t size);

/* A perf buffer: `page` is its head, `data` its `size` bytes (a power of two). */
struct map_ring {
	struct perf_event_mmap_page *page;
	const uint8_t *data;
	uint64_t size;
	uint64_t head, tail;	/* bytes ever written, as last looked; ever read */
	uint8_t scratch[MAP_RECORD_MAX];
};

void map_ring__init(struct map_ring *ring, struct perf_event_mmap_page *page, const void *data,
		    uint64_t size);

/* See what was written until now. Returns 0 or -EBADMSG. */
int map_ring__look(struct map_ring *ring);

/*
 * The next record of those that map_ring__look() saw, in one piece; valid until
 * map_ring__advance() gives its room back. Returns 1, 0 when there is none, or -EBADMSG.
 */
int map_ring__next(struct map_ring *ring, const void **record, size_t *size);
void map_ring__advance(struct map_ring *ring, size_t size);

#endif /* CONVOY_MAP_RECORD_H */
