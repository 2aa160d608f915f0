/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * classify.h - what a wait was for.
 *
 * Pure rules over one record: which account it belongs to and which kind of
 * object it waited on. What the rules need to know of the world (a lock that is known,
 * a living thread's TID) is passed in.
 */
#ifndef CONVOY_CLASSIFY_H
#define CONVOY_CLASSIFY_H

#include <stdbool.h>

#include "account.h"
#include "bpf/events.h"
#include "syscalls.h"
#include "workloads/lock_table.h"

struct wait_class {
	enum account account;
	bool has_lock;		/* it waited on a synchronisation object of this kind: */
	enum lock_kind kind;
	bool pi, robust, shared;	/* what the operation and the value say of it */
};

/* What is known of a futex word besides the wait itself. */
struct word_facts {
	enum lock_kind known;	/* of the lock that it is a part of; LOCK_UNKNOWN: not known */
	bool foreign;		/* its values prove nothing (words.h) */
	bool reused;		/* that was told of an object which never waits as a mutex does */
	bool for_tid;		/* the expected value is the TID of a thread of this process */
	bool owned;		/* ... has a TID in it, of a thread that can own the word */
};

/*
 * Classify a blocked interval. What no rule tells is LOCK_UNKNOWN, and other.
 * syscalls: those of the machine that the record is from.
 */
struct wait_class classify__wait(const struct convoy_ev_wait *wait, const struct word_facts *facts,
				 const struct syscalls *syscalls);

/* Could this futex wait be a pthread_join()? (Only then is for_tid worth finding out.) */
bool classify__may_be_join(const struct convoy_ev_wait *wait);
/*
 * Could it be for a robust mutex, which has its owner's TID in the word? That, or 0. (Only
 * then is `owned` worth finding out.)
 */
unsigned classify__may_be_owned_by(const struct convoy_ev_wait *wait);

/*
 * The account that waiting on an object of this kind belongs to. A semaphore's is cond,
 * unless those who wait for it post it, too.
 */
enum account classify__kind_account(enum lock_kind kind);

/* Name of a kind, as in the JSON contract. */
const char *lock_kind__name(enum lock_kind kind);

#endif /* CONVOY_CLASSIFY_H */
