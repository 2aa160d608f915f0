/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * thread_table.h - the ledger's threads, by id and by TID. Pure.
 */
#ifndef CONVOY_THREAD_TABLE_H
#define CONVOY_THREAD_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "ledger.h"

/* (process, the thread's own TID) -> thread + 1; open addressing, the latest wins. */
struct tid_index {
	uint32_t *tids;
	size_t n, room;
};

/* Zeroed but for first_id, it is ready for use; thread_table__free() ends it. */
struct thread_table {
	uint32_t first_id;		/* ids up to this one belong to others */
	struct ledger_thread *threads;	/* by id - first_id - 1 */
	size_t n_threads, n_room;
	uint64_t n_events;		/* that asked for one */
	struct tid_index by_pid, by_ns_pid, by_tid;
};

void thread_table__free(struct thread_table *table);

/* Index of the thread with this id, seen or not; NO_THREAD for an id of others. */
size_t thread_table__index(const struct thread_table *table, uint32_t id);

/*
 * The thread with this id, made (zeroed but for `id`) if it is new; NULL in *thread for
 * an id of others. Valid until the next call. Returns 0, -ENOMEM, or -EBADMSG for an id
 * that cannot have been given out yet.
 */
int thread_table__get(struct thread_table *table, uint32_t id, struct ledger_thread **thread);

/* From now on the thread is the one to be found by its numbers. Returns 0 or -ENOMEM. */
int thread_table__remember_tid(struct thread_table *table, const struct ledger_thread *thread);

/*
 * Index of the latest thread with this TID, as it sees itself, in this process, as the
 * initial namespace sees it (those of two namespaces may have the same numbers), or NO_THREAD.
 */
size_t thread_table__find_tid(const struct thread_table *table, uint32_t pid, uint32_t ns_tid);

/* The same of whatever process of the initial namespace; NO_THREAD if the latest is of another. */
size_t thread_table__find_any(const struct thread_table *table, uint32_t ns_tid);

/* The same of a process that is known by its own number only. */
size_t thread_table__find_ns(const struct thread_table *table, uint32_t ns_pid, uint32_t ns_tid);

#endif /* CONVOY_THREAD_TABLE_H */
