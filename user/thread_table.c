// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "thread_table.h"

void thread_table__free(struct thread_table *table)
{
	free(table->tids);
	free(table->threads);
}

static size_t tid_slot(const struct thread_table *table, uint32_t ns_pid, uint32_t ns_tid)
{
	uint64_t key = ((uint64_t)ns_pid << 32 | ns_tid) * 0x9e3779b97f4a7c15ull;
	size_t at = (key >> 32) & (table->tids_room - 1);

	while (table->tids[at]) {
		const struct ledger_thread *thread = &table->threads[table->tids[at] - 1];

		if (thread->ns_pid == ns_pid && thread->ns_tid == ns_tid)
			break;
		at = (at + 1) & (table->tids_room - 1);
	}
	return at;
}

int thread_table__remember_tid(struct thread_table *table, const struct ledger_thread *thread)
{
	size_t slot;

	if (2 * (table->n_tids + 1) > table->tids_room) {
		uint32_t *old = table->tids;
		size_t old_room = table->tids_room;

		table->tids_room = old_room ? 2 * old_room : 64;
		table->tids = calloc(table->tids_room, sizeof(*table->tids));
		if (!table->tids) {
			table->tids = old;
			table->tids_room = old_room;
			return -ENOMEM;
		}
		for (size_t i = 0; i < old_room; i++) {
			const struct ledger_thread *t;

			if (!old[i])
				continue;
			t = &table->threads[old[i] - 1];
			table->tids[tid_slot(table, t->ns_pid, t->ns_tid)] = old[i];
		}
		free(old);
	}
	slot = tid_slot(table, thread->ns_pid, thread->ns_tid);
	if (!table->tids[slot])
		table->n_tids++;
	table->tids[slot] = (uint32_t)(thread - table->threads) + 1;
	return 0;
}

size_t thread_table__find_tid(const struct thread_table *table, uint32_t ns_pid, uint32_t ns_tid)
{
	uint32_t found;

	if (!table->tids_room || !ns_tid)
		return NO_THREAD;
	found = table->tids[tid_slot(table, ns_pid, ns_tid)];
	return found ? found - 1 : NO_THREAD;
}

size_t thread_table__index(const struct thread_table *table, uint32_t id)
{
	if (id & CONVOY_FOREIGN || id <= table->first_id)
		return NO_THREAD;
	return id - table->first_id - 1;
}

/* The probes number threads one by one: an id that is far ahead is a damaged event. */
#define MAX_GAP (1u << 20)

int thread_table__get(struct thread_table *table, uint32_t id, struct ledger_thread **thread)
{
	size_t index = thread_table__index(table, id);

	*thread = NULL;
	if (index == NO_THREAD)
		return 0;
	if (index > table->n_threads + MAX_GAP)
		return -EBADMSG;
	if (index >= table->n_room) {
		size_t room = table->n_room ? table->n_room : 16;
		struct ledger_thread *grown;

		while (room <= index)
			room *= 2;
		grown = realloc(table->threads, room * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		memset(grown + table->n_room, 0, (room - table->n_room) * sizeof(*grown));
		table->threads = grown;
		table->n_room = room;
	}
	if (index >= table->n_threads)
		table->n_threads = index + 1;
	*thread = &table->threads[index];
	(*thread)->id = id;
	return 0;
}
