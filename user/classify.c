// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stddef.h>

#include <linux/futex.h>

#include "classify.h"

static const char *const kind_names[LOCK_KIND_COUNT] = {
	[LOCK_UNKNOWN] = "unknown",
	[LOCK_GIL] = "gil",
	[LOCK_MUTEX] = "mutex",
	[LOCK_RWLOCK] = "rwlock",
	[LOCK_SEMAPHORE] = "semaphore",
	[LOCK_COND] = "cond",
	[LOCK_BARRIER] = "barrier",
	[LOCK_ONCE] = "once",
	[LOCK_JOIN] = "join",
	[LOCK_KERNEL] = "kernel",
};

const char *lock_kind__name(enum lock_kind kind)
{
	return kind_names[kind];
}

enum account classify__kind_account(enum lock_kind kind)
{
	switch (kind) {
	case LOCK_GIL:
	case LOCK_MUTEX:
	case LOCK_RWLOCK:
	case LOCK_ONCE:
	case LOCK_KERNEL:
		return ACCOUNT_LOCK;
	case LOCK_COND:
	case LOCK_BARRIER:
	case LOCK_SEMAPHORE:
		return ACCOUNT_COND;
	case LOCK_JOIN:
		return ACCOUNT_JOIN;
	case LOCK_UNKNOWN:
	case LOCK_KIND_COUNT:
		break;
	}
	return ACCOUNT_OTHER;
}

static unsigned futex_cmd(const struct convoy_ev_wait *wait)
{
	return wait->op & FUTEX_CMD_MASK;
}

bool classify__may_be_join(const struct convoy_ev_wait *wait)
{
	/* glibc: a shared operation, since the kernel's exit path does the wake. */
	return (wait->hdr.flags & CONVOY_F_FUTEX) && !(wait->op & FUTEX_PRIVATE_FLAG) &&
	       (futex_cmd(wait) == FUTEX_WAIT_BITSET || futex_cmd(wait) == FUTEX_WAIT);
}

unsigned classify__may_be_owned_by(const struct convoy_ev_wait *wait)
{
	if (!(wait->hdr.flags & CONVOY_F_FUTEX) || futex_cmd(wait) != FUTEX_WAIT ||
	    !(wait->val & FUTEX_WAITERS))
		return 0;
	return wait->val & FUTEX_TID_MASK;
}

static bool is_pi(const struct convoy_ev_wait *wait)
{
	switch (futex_cmd(wait)) {
	case FUTEX_LOCK_PI:
	case FUTEX_LOCK_PI2:
	case FUTEX_WAIT_REQUEUE_PI:
		return true;
	}
	return false;
}

static void classify_futex(const struct convoy_ev_wait *wait, const struct word_facts *facts,
			   struct wait_class *class)
{
	class->pi = is_pi(wait);
	class->robust = facts->owned && !facts->foreign;
	if (facts->reused && futex_cmd(wait) == FUTEX_WAIT && wait->val == 2)
		class->kind = LOCK_MUTEX; /* its memory has become one since */
	else if (facts->known != LOCK_UNKNOWN)
		class->kind = facts->known;
	else if (facts->for_tid)
		class->kind = LOCK_JOIN;
	else if (class->pi || class->robust)
		class->kind = LOCK_MUTEX;
	else if (futex_cmd(wait) == FUTEX_WAIT && wait->val == 2 && !facts->foreign)
		class->kind = LOCK_MUTEX; /* glibc's low-level lock: "locked, with waiters" */
	class->robust &= class->kind == LOCK_MUTEX;
	/* The kernel wakes joiners, so that theirs are shared operations, between nobody. */
	class->shared = !(wait->op & FUTEX_PRIVATE_FLAG) && class->kind != LOCK_JOIN;
	class->account = classify__kind_account(class->kind);
}

struct wait_class classify__wait(const struct convoy_ev_wait *wait, const struct word_facts *facts,
				 const struct syscalls *syscalls)
{
	unsigned flags = wait->hdr.flags;
	struct wait_class class = { .account = ACCOUNT_OTHER };

	/* A stop can hit a thread inside any system call: it comes first. */
	if (flags & CONVOY_F_STOPPED) {
		class.account = ACCOUNT_STOPPED;
	} else if (flags & CONVOY_F_KLOCK) {
		class.account = ACCOUNT_LOCK;
		class.has_lock = true;
		class.kind = LOCK_KERNEL;
	} else if (flags & CONVOY_F_IOWAIT) {
		class.account = ACCOUNT_DISK;
	} else if (flags & CONVOY_F_FUTEX) {
		class.has_lock = true;
		classify_futex(wait, facts, &class);
	} else if (wait->nr == CONVOY_NR_KERNEL_THREAD) {
		class.account = ACCOUNT_OTHER;
	} else if (!(flags & CONVOY_F_SYSCALL)) {
		class.account = ACCOUNT_FAULT;
	} else if (!(flags & CONVOY_F_COMPAT)) {
		class.account = syscalls__account(syscalls, wait->nr);
	}
	return class;
}
