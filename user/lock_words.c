// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lock_words.h"

/* So many are remembered at most: then all are forgotten. */
#define MOST_REMEMBERED 65536

/* A remembered answer. */
struct entry {
	uint64_t address;
	uint32_t pid, ns_pid;
	bool used;
	struct lock_word word;
};

struct lock_words {
	const struct lock_table *published;
	const struct words *words;
	struct entry *entries;
	size_t n, room;
	uint32_t n_published;		/* entries there were when `entries` was begun */
	struct lock_word scratch;	/* an answer that is not remembered */
};

int lock_words__new(struct lock_words **out, const struct lock_table *published,
		    const struct words *words)
{
	struct lock_words *lock_words = calloc(1, sizeof(*lock_words));

	if (!lock_words)
		return -ENOMEM;
	lock_words->published = published;
	lock_words->words = words;
	*out = lock_words;
	return 0;
}

void lock_words__free(struct lock_words *lock_words)
{
	if (!lock_words)
		return;
	free(lock_words->entries);
	free(lock_words);
}

/*
 * The smallest published range that holds the word. False while an entry is being filled
 * in: then there may be another answer soon. The workload can write to the table at any
 * time: each entry is copied, and the copy is what is checked and believed.
 */
static bool search_published(const struct lock_table *table, uint32_t n, uint32_t pid,
			     uint64_t address, struct lock_word *found)
{
	uint32_t smallest = UINT32_MAX;
	bool final = true;

	for (uint32_t i = 0; i < n; i++) {
		struct lock_entry entry;

		if (!__atomic_load_n(&table->entries[i].ready, __ATOMIC_ACQUIRE)) {
			final = false;
			continue;
		}
		memcpy(&entry, &table->entries[i], sizeof(entry));
		if (entry.pid != (int32_t)pid || address < entry.address ||
		    address - entry.address >= entry.size || entry.kind >= LOCK_KIND_COUNT ||
		    entry.size > smallest)
			continue;
		if (entry.size == smallest && found->is_published)
			continue;
		smallest = entry.size;
		found->kind = entry.kind;
		found->role = entry.kind == LOCK_UNKNOWN ? LOCK_ROLE_ACQUIRE : entry.role;
		found->is_published = entry.kind != LOCK_UNKNOWN;
		memcpy(found->published, entry.name, sizeof(found->published) - 1);
	}
	return final;
}

static struct entry *slot_of(struct entry *entries, size_t room, uint32_t pid, uint32_t ns_pid,
			     uint64_t address)
{
	uint64_t key =
		(address ^ (uint64_t)pid << 40 ^ (uint64_t)ns_pid << 20) * 0x9e3779b97f4a7c15ull;
	size_t at = (key >> 32) & (room - 1);

	while (entries[at].used && (entries[at].address != address || entries[at].pid != pid ||
				    entries[at].ns_pid != ns_pid))
		at = (at + 1) & (room - 1);
	return &entries[at];
}

static void forget_all(struct lock_words *lock_words)
{
	if (lock_words->entries)
		memset(lock_words->entries, 0, lock_words->room * sizeof(*lock_words->entries));
	lock_words->n = 0;
}

/* Room for one more remembered word. Without memory the answers are just not kept. */
static bool make_room(struct lock_words *lock_words)
{
	struct entry *grown;
	size_t room;

	if (2 * (lock_words->n + 1) <= lock_words->room)
		return true;
	if (lock_words->n >= MOST_REMEMBERED) {
		forget_all(lock_words);
		return true;
	}
	room = lock_words->room ? 2 * lock_words->room : 64;
	grown = calloc(room, sizeof(*grown));
	if (!grown)
		return false;
	for (size_t i = 0; i < lock_words->room; i++) {
		const struct entry *entry = &lock_words->entries[i];

		if (entry->used)
			*slot_of(grown, room, entry->pid, entry->ns_pid, entry->address) = *entry;
	}
	free(lock_words->entries);
	lock_words->entries = grown;
	lock_words->room = room;
	return true;
}

/* How much of the table is filled in; what was looked up before may have another answer now. */
static uint32_t count_published(struct lock_words *lock_words)
{
	uint32_t n;

	if (!lock_words->published)
		return 0;
	n = __atomic_load_n(&lock_words->published->count, __ATOMIC_ACQUIRE);
	if (n > LOCK_TABLE_CAPACITY)
		n = LOCK_TABLE_CAPACITY;
	if (n != lock_words->n_published)
		forget_all(lock_words);
	lock_words->n_published = n;
	return n;
}

struct lock_word *lock_words__find(struct lock_words *lock_words, uint32_t pid, uint32_t ns_pid,
				   uint64_t address)
{
	struct lock_word found = { .kind = LOCK_UNKNOWN };
	uint32_t n = count_published(lock_words);
	struct entry *entry = NULL;
	bool final = true;

	if (address && make_room(lock_words))
		entry = slot_of(lock_words->entries, lock_words->room, pid, ns_pid, address);
	if (entry && entry->used)
		return &entry->word;
	if (address && n)
		final = search_published(lock_words->published, n, ns_pid, address, &found);
	if (address && lock_words->words)
		found.info = words__find(lock_words->words, pid, address);
	if (found.info && !found.is_published) {
		found.kind = found.info->kind;
		if (found.kind != LOCK_UNKNOWN)
			found.role = found.info->role;
	}
	if (!entry || !final) {
		lock_words->scratch = found;
		return &lock_words->scratch;
	}
	*entry = (struct entry){ address, pid, ns_pid, true, found };
	lock_words->n++;
	return &entry->word;
}
