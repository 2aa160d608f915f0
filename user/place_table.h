/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * place_table.h - where in an array an item is, found by its key. Pure.
 *
 * The array and its keys are the user's: this keeps a hash of each key, and the place.
 */
#ifndef CONVOY_PLACE_TABLE_H
#define CONVOY_PLACE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NO_PLACE ((size_t)-1)

struct place_entry {
	uint64_t hash;
	size_t place;		/* plus 1; 0: the entry is free */
};

/* Zeroed, it is ready for use; place_table__free() ends it and makes it so again. */
struct place_table {
	struct place_entry *entries;
	size_t n, room;
};

void place_table__free(struct place_table *table);

uint64_t place_table__hash(uint64_t key);

/* The place with this hash of which is_it() is true, or NO_PLACE. */
size_t place_table__find(const struct place_table *table, uint64_t hash,
			 bool (*is_it)(const void *ctx, size_t place), const void *ctx);

/* Remember a place that is not in it. Returns 0 or -ENOMEM. */
int place_table__add(struct place_table *table, uint64_t hash, size_t place);

#endif /* CONVOY_PLACE_TABLE_H */
