/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * locks.h - futex words become locks, waits become episodes.
 *
 * One `struct locks` serves one round. A lock is known by its process and name
 * when the workload published it, and otherwise by its kind alone, until words
 * are named from the program itself. Pure.
 */
#ifndef CONVOY_LOCKS_H
#define CONVOY_LOCKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/events.h"
#include "histogram.h"
#include "place_table.h"
#include "workloads/lock_table.h"

#define NO_THREAD ((size_t)-1)

/* What is published of a futex word; kind LOCK_UNKNOWN: nothing. */
struct lock_word {
	enum lock_kind kind;
	enum lock_role role;
	char name[LOCK_NAME_LEN];	/* "" : none */
};

/* One wait on a lock, as the ledger booked it. */
struct lock_wait {
	size_t thread;		/* index of the waiter in its ledger */
	size_t holder;		/* index of who held it when this thread blocked, or NO_THREAD */
	size_t releaser;	/* index of whose release woke it, or NO_THREAD */
	uint32_t pid;
	struct lock_word word;
	enum lock_kind kind;
	bool mmap_lock;
	bool released;		/* its releaser woke it */
	bool early;		/* woken before it was off the CPU */
	bool since_before;	/* it was under way before the start */
	bool open;		/* not over yet */
	uint64_t blocked_ns, wakeup_ns, woken_ns;
	uint64_t in_ns;		/* on a CPU again */
	uint64_t ran_ns;	/* how long the waiter had run in its life when it blocked */
};

struct lock_holder {
	size_t thread;		/* index in the ledger */
	uint64_t wait_ns;	/* what others waited while it held the lock */
};

struct lock {
	uint32_t pid;		/* 0: of no single process */
	enum lock_kind kind;
	char name[LOCK_NAME_LEN];
	uint64_t waits, total_ns, wakeup_ns, woken_early;
	uint64_t since_before, unfinished;	/* of the waits: cut at the start, at the end */
	uint64_t timeouts, eagain, calls;	/* from the futex exits; 0 without them */
	struct histogram episodes;	/* blocked time of each, ns */
	uint64_t handoffs;	/* attempts that ended with the lock taken over */
	uint64_t first_handoff_ns, last_handoff_ns;
	struct histogram handoff_ns;	/* from the releaser's wake-up to running */
	struct lock_holder *holders;
	size_t n_holders;
	struct place_table holder_places;	/* in `holders`, by thread */
};

struct locks;

int locks__new(struct locks **locks, const struct lock_table *published);
void locks__free(struct locks *locks);

/* What is published of this address in this process. */
struct lock_word locks__find(struct locks *locks, uint32_t pid, uint64_t word);

/* Book a wait. Returns 0 or -ENOMEM. */
int locks__wait(struct locks *locks, const struct lock_wait *wait);

/* Book a thread's futex calls on one word. Returns 0 or -ENOMEM. */
int locks__calls(struct locks *locks, uint32_t pid, const struct convoy_ev_futex *calls);

/* Close the episodes that are still open. Returns 0 or -ENOMEM. */
int locks__finish(struct locks *locks);

size_t locks__n(const struct locks *locks);
const struct lock *locks__at(const struct locks *locks, size_t at);

#endif /* CONVOY_LOCKS_H */
