/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * live_processes.h - which recorded threads live, of which process: a process has ended when
 * the last of its threads has, be it the leader or not.
 */
#ifndef CONVOY_LIVE_PROCESSES_H
#define CONVOY_LIVE_PROCESSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* By a number that is not 0; open addressing. */
struct live_table {
	struct live_entry *entries;
	size_t n, room;
};

/* Begins as all 0. */
struct live_processes {
	struct live_table threads, processes;
	uint32_t life;		/* the last one that began */
	uint32_t *dead;		/* threads, until they are swept */
	size_t n_dead, dead_room;
};

void live_processes__free(struct live_processes *live);

/*
 * A thread (its id, never used again) of a process came. `first`: with it the process began,
 * so that of others with that number nothing counts any more. One that is known, and numbers
 * of 0, are left alone. Returns 0 or -ENOMEM.
 */
int live_processes__add(struct live_processes *live, uint32_t id, uint32_t pid, bool first);

/* A thread died. Returns its process if it was the last thread of it, else 0. */
uint32_t live_processes__remove(struct live_processes *live, uint32_t id);

/* The process of a thread that lives, or died since the last sweep; 0: unknown. */
uint32_t live_processes__pid_of(const struct live_processes *live, uint32_t id);

/* How many threads of the process live. */
uint32_t live_processes__threads(const struct live_processes *live, uint32_t pid);

/* Threads that died are forgotten: what they started is known by now. */
void live_processes__sweep(struct live_processes *live);

#endif /* CONVOY_LIVE_PROCESSES_H */
