/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * attempt.h - what a thread has waited for a lock so far, and who held that. For locks.c. Pure.
 */
#ifndef CONVOY_ATTEMPT_H
#define CONVOY_ATTEMPT_H

#include "lock_objects.h"

/* One wait that had a length, or as many as nothing was known of in between. */
struct attempt_wait {
	uint64_t from, to;
	size_t owner, releaser;		/* at its beginning, at its end; or NO_THREAD */
};

/* A thread's attempt to acquire a lock. */
struct attempt {
	size_t object;		/* plus 1; 0: none */
	size_t of_thread;	/* plus 1: of what the thread waited for this lock so far; 0 */
	uint64_t blocked_ns;
	struct attempt_wait *waits;
	unsigned n_waits, room;
	/* Of its last wait: */
	uint64_t in_ns, ran_ns, others;
	uint64_t woken_ns, wakeup_ns;
	bool open;		/* it has not ended */
	bool released;		/* a release ended it: the lock may be taken over by now */
	size_t releaser;	/* then: whose; or NO_THREAD */
};

/* Adds a wait. Returns 0 or -ENOMEM. */
int attempt__add(struct attempt *attempt, const struct lock_wait *wait, size_t releaser);

/*
 * Divide what was waited among those who held the lock meanwhile, as far as that is known;
 * by takes and give-ups if `by_tenure`, else it is all `releaser`'s but what had an owner.
 * The waits are dropped. `holders` may be NULL. Returns 0 or -ENOMEM.
 */
int attempt__divide(struct attempt *attempt, size_t waiter, struct lock *row,
		    const struct tenures *tenures, bool by_tenure, size_t releaser,
		    struct holders *holders);

/* A lock's holder, made when it is new; NULL without memory. */
struct lock_holder *lock__holder(struct lock *row, size_t thread);

/* Room for another wait, or is it time to divide those that there are? */
bool attempt__is_full(const struct attempt *attempt);

#endif /* CONVOY_ATTEMPT_H */
