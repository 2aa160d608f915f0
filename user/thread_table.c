// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "thread_table.h"

void thread_table__free(struct thread_table *table)
{
	free(table->by_pid.tids);
	free(table->by_ns_pid.tids);
	free(table->by_tid.tids);
	free(table->threads);
}

static uint32_t pid_of(const struct tid_index *index, const struct thread_table *table,
		       const struct ledger_thread *thread)
{
	if (index == &table->by_tid)
		return 0;
	return index == &table->by_pid ? thread->pid : thread->ns_pid;
}

static size_t tid_slot(const struct thread_table *table, const struct tid_index *index,
		       uint32_t pid, uint32_t ns_tid)
{
	uint64_t key = ((uint64_t)pid << 32 | ns_tid) * 0x9e3779b97f4a7c15ull;
	size_t at = (key >> 32) & (index->room - 1);

	while (index->tids[at]) {
		const struct ledger_thread *thread = &table->threads[index->tids[at] - 1];

		if (pid_of(index, table, thread) == pid && thread->ns_tid == ns_tid)
			break;
		at = (at + 1) & (index->room - 1);
	}
	return at;
}

static int remember(const struct thread_table *table, struct tid_index *index,
		    const struct ledger_thread *thread)
{
	size_t slot;

	if (2 * (index->n + 1) > index->room) {
		uint32_t *old = index->tids;
		size_t old_room = index->room;

		index->room = old_room ? 2 * old_room : 64;
		index->tids = calloc(index->room, sizeof(*index->tids));
		if (!index->tids) {
			index->tids = old;
			index->room = old_room;
			return -ENOMEM;
		}
		for (size_t i = 0; i < old_room; i++) {
			const struct ledger_thread *t;

			if (!old[i])
				continue;
			t = &table->threads[old[i] - 1];
			slot = tid_slot(table, index, pid_of(index, table, t), t->ns_tid);
			index->tids[slot] = old[i];
		}
		free(old);
	}
	slot = tid_slot(table, index, pid_of(index, table, thread), thread->ns_tid);
	if (!index->tids[slot])
		index->n++;
	index->tids[slot] = (uint32_t)(thread - table->threads) + 1;
	return 0;
}

int thread_table__remember_tid(struct thread_table *table, const struct ledger_thread *thread)
{
	int err = remember(table, &table->by_pid, thread);

	if (!err)
		err = remember(table, &table->by_ns_pid, thread);
	return err ? err : remember(table, &table->by_tid, thread);
}

static size_t find(const struct thread_table *table, const struct tid_index *index, uint32_t pid,
		   uint32_t ns_tid)
{
	uint32_t found;

	if (!index->room || !ns_tid)
		return NO_THREAD;
	found = index->tids[tid_slot(table, index, pid, ns_tid)];
	return found ? found - 1 : NO_THREAD;
}

size_t thread_table__find_tid(const struct thread_table *table, uint32_t pid, uint32_t ns_tid)
{
	return find(table, &table->by_pid, pid, ns_tid);
}

size_t thread_table__find_any(const struct thread_table *table, uint32_t ns_tid)
{
	size_t index = find(table, &table->by_tid, 0, ns_tid);

	if (index != NO_THREAD && table->threads[index].pid != table->threads[index].ns_pid)
		return NO_THREAD;
	return index;
}

size_t thread_table__find_ns(const struct thread_table *table, uint32_t ns_pid, uint32_t ns_tid)
{
	return find(table, &table->by_ns_pid, ns_pid, ns_tid);
}

size_t thread_table__index(const struct thread_table *table, uint32_t id)
{
	if (id & CONVOY_FOREIGN || id <= table->first_id)
		return NO_THREAD;
	return id - table->first_id - 1;
}

/*
 * The probes number threads one by one, and each has an event unless it is lost: an id
 * that is further ahead of the events than this is a damaged one.
 */
#define MISSING_THREADS 65536
#define MISSING_PER_EVENT 4

int thread_table__get(struct thread_table *table, uint32_t id, struct ledger_thread **thread)
{
	size_t index = thread_table__index(table, id);

	*thread = NULL;
	if (index == NO_THREAD)
		return 0;
	table->n_events++;
	if (index >= MISSING_THREADS + (MISSING_PER_EVENT + 1) * table->n_events)
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
