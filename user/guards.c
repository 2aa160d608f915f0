// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "guards.h"

static struct convoy_guard *place_of(struct convoy_guard *table, uint32_t pid)
{
	return &table[pid & (CONVOY_GUARDS - 1)];
}

bool guards__put(struct convoy_guard *table, const struct convoy_guard *guard)
{
	struct convoy_guard *place = place_of(table, guard->pid);

	if (place->pid && place->pid != guard->pid)
		return false;
	/* The probes look at any time: at nothing, while it is half written. */
	guards__drop(table, guard->pid);
	place->size = guard->size;
	place->lock = guard->lock;
	place->mutex = guard->mutex;
	place->thread_before = guard->thread_before;
	place->node_at = guard->node_at;
	place->tid_by = guard->tid_by;
	place->tid_at = guard->tid_at;
	__atomic_store_n(&place->pid, guard->pid, __ATOMIC_RELEASE);
	return true;
}

void guards__drop(struct convoy_guard *table, uint32_t pid)
{
	struct convoy_guard *place = place_of(table, pid);

	if (place->pid == pid)
		__atomic_store_n(&place->pid, 0, __ATOMIC_SEQ_CST);
}
