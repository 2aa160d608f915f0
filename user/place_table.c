// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "place_table.h"

void place_table__free(struct place_table *table)
{
	free(table->entries);
	memset(table, 0, sizeof(*table));
}

uint64_t place_table__hash(uint64_t key)
{
	key *= 0x9e3779b97f4a7c15ull;
	return key ^ key >> 32;
}

size_t place_table__find(const struct place_table *table, uint64_t hash,
			 bool (*is_it)(const void *ctx, size_t place), const void *ctx)
{
	if (!table->room)
		return NO_PLACE;
	for (size_t at = hash & (table->room - 1); table->entries[at].place;
	     at = (at + 1) & (table->room - 1)) {
		const struct place_entry *entry = &table->entries[at];

		if (entry->hash == hash && is_it(ctx, entry->place - 1))
			return entry->place - 1;
	}
	return NO_PLACE;
}

static void put(struct place_entry *entries, size_t room, struct place_entry entry)
{
	size_t at = entry.hash & (room - 1);

	while (entries[at].place)
		at = (at + 1) & (room - 1);
	entries[at] = entry;
}

int place_table__add(struct place_table *table, uint64_t hash, size_t place)
{
	if (2 * (table->n + 1) > table->room) {
		size_t room = table->room ? 2 * table->room : 16;
		struct place_entry *grown = calloc(room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		for (size_t i = 0; i < table->room; i++)
			if (table->entries[i].place)
				put(grown, room, table->entries[i]);
		free(table->entries);
		table->entries = grown;
		table->room = room;
	}
	put(table->entries, table->room, (struct place_entry){ hash, place + 1 });
	table->n++;
	return 0;
}
