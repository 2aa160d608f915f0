// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>

#include "live_processes.h"

struct live_entry {
	uint32_t key;		/* 0: free */
	uint32_t value;		/* of a thread: its process; of a process: its threads */
	uint32_t life;		/* of the process; 0: of a thread that is dead */
};

/* --- a table -------------------------------------------------------------------------- */

/* Where the search for it begins. */
static size_t home_of(size_t room, uint32_t key)
{
	return (key * 2654435761u) & (room - 1);
}

static struct live_entry *slot_of(struct live_entry *entries, size_t room, uint32_t key)
{
	size_t at = home_of(room, key);

	while (entries[at].key && entries[at].key != key)
		at = (at + 1) & (room - 1);
	return &entries[at];
}

static struct live_entry *find(const struct live_table *table, uint32_t key)
{
	struct live_entry *entry;

	if (!key || !table->room)
		return NULL;
	entry = slot_of(table->entries, table->room, key);
	return entry->key ? entry : NULL;
}

/* NULL without memory. */
static struct live_entry *find_or_add(struct live_table *table, uint32_t key)
{
	struct live_entry *entry;

	if (2 * (table->n + 1) > table->room) {
		size_t room = table->room ? 2 * table->room : 64;
		struct live_entry *grown = calloc(room, sizeof(*grown));

		if (!grown)
			return NULL;
		for (size_t i = 0; i < table->room; i++)
			if (table->entries[i].key)
				*slot_of(grown, room, table->entries[i].key) = table->entries[i];
		free(table->entries);
		table->entries = grown;
		table->room = room;
	}
	entry = slot_of(table->entries, table->room, key);
	table->n += !entry->key;
	entry->key = key;
	return entry;
}

static void drop(struct live_table *table, struct live_entry *entry)
{
	size_t mask = table->room - 1, hole = (size_t)(entry - table->entries);

	/* Those behind it that were put there because it was taken move up. */
	for (size_t at = (hole + 1) & mask; table->entries[at].key; at = (at + 1) & mask) {
		size_t home = home_of(table->room, table->entries[at].key);

		if (((at - home) & mask) >= ((at - hole) & mask)) {
			table->entries[hole] = table->entries[at];
			hole = at;
		}
	}
	table->entries[hole] = (struct live_entry){ 0 };
	table->n--;
}

/* --- threads and processes ------------------------------------------------------------ */

void live_processes__free(struct live_processes *live)
{
	free(live->threads.entries);
	free(live->processes.entries);
	free(live->dead);
	*live = (struct live_processes){ 0 };
}

int live_processes__add(struct live_processes *live, uint32_t id, uint32_t pid, bool first)
{
	struct live_entry *thread, *process;

	if (!id || !pid || find(&live->threads, id))
		return 0;
	process = find_or_add(&live->processes, pid);
	if (!process)
		return -ENOMEM;
	/* Deaths of an older one can have been lost. */
	if (!process->life || first) {
		if (!++live->life)
			live->life = 1;
		process->life = live->life;
		process->value = 0;
	}
	thread = find_or_add(&live->threads, id);
	if (!thread) {
		if (!process->value)
			drop(&live->processes, process);
		return -ENOMEM;
	}
	thread->value = pid;
	thread->life = process->life;
	process->value++;
	return 0;
}

/* Without memory to remember it, now. */
static void sweep_later(struct live_processes *live, struct live_entry *thread)
{
	if (live->n_dead == live->dead_room) {
		size_t room = live->dead_room ? 2 * live->dead_room : 64;
		uint32_t *grown = realloc(live->dead, room * sizeof(*grown));

		if (!grown) {
			drop(&live->threads, thread);
			return;
		}
		live->dead = grown;
		live->dead_room = room;
	}
	live->dead[live->n_dead++] = thread->key;
	thread->life = 0;
}

uint32_t live_processes__remove(struct live_processes *live, uint32_t id)
{
	struct live_entry *thread = find(&live->threads, id), *process;
	uint32_t pid, life;

	if (!thread || !thread->life)
		return 0;
	pid = thread->value;
	life = thread->life;
	sweep_later(live, thread);
	process = find(&live->processes, pid);
	if (!process || process->life != life || --process->value)
		return 0;
	drop(&live->processes, process);
	return pid;
}

uint32_t live_processes__pid_of(const struct live_processes *live, uint32_t id)
{
	const struct live_entry *thread = find(&live->threads, id);

	return thread ? thread->value : 0;
}

uint32_t live_processes__threads(const struct live_processes *live, uint32_t pid)
{
	const struct live_entry *process = find(&live->processes, pid);

	return process ? process->value : 0;
}

void live_processes__sweep(struct live_processes *live)
{
	while (live->n_dead) {
		struct live_entry *thread = find(&live->threads, live->dead[--live->n_dead]);

		if (thread)
			drop(&live->threads, thread);
	}
}
