/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * locks.h - futex words become locks, waits become episodes.
 *
 * One `struct locks` serves one round. A lock is known by its process and name when the
 * workload published it; by what the recording says of its words; and otherwise by its
 * address, and then one row says what there is to say of all those of its kind. Pure.
 */
#ifndef CONVOY_LOCKS_H
#define CONVOY_LOCKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "account.h"
#include "bpf/events.h"
#include "histogram.h"
#include "holders.h"
#include "lock_words.h"
#include "place_table.h"

#define NO_THREAD ((size_t)-1)

/* One wait on a lock, as the ledger booked it. */
struct lock_wait {
	size_t thread;		/* index of the waiter in its ledger */
	size_t holder;		/* index of who held it when this thread blocked, or NO_THREAD */
	size_t releaser;	/* index of whose release woke it, or NO_THREAD */
	uint32_t pid, ns_pid;
	uint64_t address;	/* of the word; of a kernel lock */
	struct lock_word *word;	/* what is known of it; NULL for a kernel lock */
	enum lock_kind kind;
	bool mmap_lock;
	bool pi, robust, shared;
	bool released;		/* its releaser woke it */
	bool early;		/* woken before it was off the CPU */
	bool since_before;	/* it was under way before the start */
	bool open;		/* not over yet */
	uint64_t from_ns, blocked_ns;	/* since when it was blocked, and how long */
	uint64_t wakeup_ns, woken_ns;
	uint64_t released_ns;	/* when it was woken, even if that was before it blocked; 0 */
	uint64_t in_ns;		/* on a CPU again */
	uint64_t ran_ns;	/* how long the waiter had run in its life when it blocked */
	uint64_t others;	/* how often it had waited for what is no lock */
};

struct lock_holder {
	size_t thread;		/* index in the ledger */
	uint64_t wait_ns;	/* what others waited while it held the lock */
	uint64_t *did;		/* what it did then: HOLDER_STATES numbers, ns; of locks that
				 * are held, and of semaphores */
};

struct lock {
	uint32_t pid;		/* 0: of no single process */
	enum lock_kind kind;
	enum account account;	/* of waiting for it; a semaphore's is known at the end */
	char name[WORD_NAME_LEN];
	char object[WORD_OBJECT_LEN];	/* "": it is known by its process or by its address */
	char site[WORD_SITE_LEN];
	char runtime[WORD_RUNTIME_LEN];
	bool known;		/* not just by its waits, so that all calls are told apart, too */
	bool several;		/* processes waited for it */
	bool pi, robust, shared;	/* any wait was */
	unsigned objects;	/* locks in this row: more than one where only the kind is known */
	uint64_t waits, total_ns, wakeup_ns, woken_early;
	uint64_t since_before, unfinished;	/* of the waits: cut at the start, at the end */
	uint64_t timeouts, eagain, interrupted, calls;	/* by the futex exits; 0 without them */
	uint64_t lost_races;	/* woken by a release, and then waiting again */
	struct histogram episodes;	/* blocked time of each, ns */
	uint64_t handoffs;	/* attempts that ended with the lock taken over */
	uint64_t first_handoff_ns, last_handoff_ns;
	struct histogram handoff_ns;	/* from the releaser's wake-up to running */
	struct histogram unreleased_ns;	/* a GIL's: waits that no release ended */
	struct lock_holder *holders;
	size_t n_holders;
	struct place_table holder_places;	/* in `holders`, by thread */
};

/* What one thread waited for one GIL or semaphore. */
struct lock_thread {
	size_t thread, lock;	/* indices */
	uint64_t wait_ns;
	bool waited, posted;	/* did it? */
};

struct locks;

struct locks_options {
	const struct lock_table *published;	/* these may be NULL, and must outlive it: */
	const struct words *words;
	struct holders *holders;	/* is asked what holders did; else that is not known */
};

int locks__new(struct locks **locks, const struct locks_options *options);
void locks__free(struct locks *locks);

/* What is known of this address in this process; for lock_wait.word, before the next call. */
struct lock_word *locks__find(struct locks *locks, uint32_t pid, uint32_t ns_pid, uint64_t word);

/* Book a wait. Returns 0 or -ENOMEM. */
int locks__wait(struct locks *locks, const struct lock_wait *wait);

/* Book a thread's futex calls on one word. Returns 0 or -ENOMEM. */
int locks__calls(struct locks *locks, uint32_t pid, uint32_t ns_pid,
		 const struct convoy_ev_futex *calls);

/*
 * Close the episodes that are still open, and find out which semaphores are used as locks
 * are: those that are posted by who also waits for them. What holders did is known only when
 * holders__finish() was called after it. Returns 0 or -ENOMEM.
 */
int locks__finish(struct locks *locks);

size_t locks__n(const struct locks *locks);
const struct lock *locks__at(const struct locks *locks, size_t at);

/* Who waited for GILs and semaphores, and how long. */
size_t locks__n_threads(const struct locks *locks);
const struct lock_thread *locks__thread(const struct locks *locks, size_t at);

#endif /* CONVOY_LOCKS_H */
