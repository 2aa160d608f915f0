/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * classify.h - what a wait was for.
 *
 * Pure rules over one record: which account it belongs to and which kind of
 * object it waited on. What the rules need to know of the world (a published
 * lock, a living thread's TID) is passed in.
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
};

/*
 * Classify a blocked interval.
 * published: the kind of the published lock that holds the word, or LOCK_UNKNOWN.
 * waits_for_tid: the word's expected value is the TID of a thread of this process.
 * syscalls: those of the machine that the record is from.
 */
struct wait_class classify__wait(const struct convoy_ev_wait *wait, enum lock_kind published,
				 bool waits_for_tid, const struct syscalls *syscalls);

/* Could this futex wait be a pthread_join()? (Only then is waits_for_tid worth finding out.) */
bool classify__may_be_join(const struct convoy_ev_wait *wait);

/* The account that waiting on an object of this kind belongs to. */
enum account classify__kind_account(enum lock_kind kind);

/* Name of a kind, as in the JSON contract. */
const char *lock_kind__name(enum lock_kind kind);

#endif /* CONVOY_CLASSIFY_H */
