/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * account.h - the accounts of the ledger: what a thread can be doing.
 *
 * Every nanosecond of a thread's life is in exactly one of them.
 */
#ifndef CONVOY_ACCOUNT_H
#define CONVOY_ACCOUNT_H

enum account {
	ACCOUNT_RUNNING,	/* on a CPU */
	ACCOUNT_PREEMPTED,	/* off the CPU while still runnable */
	ACCOUNT_WAKEUP,		/* from waking to running: run-queue delay */
	ACCOUNT_LOCK,		/* blocked on a lock that another thread holds */
	ACCOUNT_COND,		/* waiting for work: condition variable, barrier, queue */
	ACCOUNT_JOIN,		/* waiting for a thread to end */
	ACCOUNT_SLEEP,		/* nanosleep, clock_nanosleep */
	ACCOUNT_IO,		/* read, write, poll, accept, ... */
	ACCOUNT_DISK,		/* the kernel says in_iowait */
	ACCOUNT_CHILD,		/* wait4, waitid, vfork */
	ACCOUNT_FAULT,		/* blocked in a page fault, not for a kernel lock */
	ACCOUNT_STOPPED,	/* signal-stopped or traced */
	ACCOUNT_OTHER,		/* anything else */
	ACCOUNT_COUNT,
};

/* Name of an account, as in the JSON contract. */
const char *account__name(enum account account);

#endif /* CONVOY_ACCOUNT_H */
