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
	case LOCK_SEMAPHORE: /* not known to be posted by its waiters */
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

static enum lock_kind futex_kind(const struct convoy_ev_wait *wait, enum lock_kind published,
				 bool waits_for_tid)
{
	if (published != LOCK_UNKNOWN)
		return published;
	if (waits_for_tid)
		return LOCK_JOIN;
	switch (futex_cmd(wait)) {
	case FUTEX_LOCK_PI:
	case FUTEX_LOCK_PI2:
	case FUTEX_WAIT_REQUEUE_PI:
		return LOCK_MUTEX;
	case FUTEX_WAIT:
		/* glibc's low-level lock: 2 is "locked, with waiters" */
		if (wait->val == 2)
			return LOCK_MUTEX;
	}
	return LOCK_COND;
}

struct wait_class classify__wait(const struct convoy_ev_wait *wait, enum lock_kind published,
				 bool waits_for_tid, const struct syscalls *syscalls)
{
	unsigned flags = wait->hdr.flags;
	struct wait_class class = { .account = ACCOUNT_OTHER };

	/* A stop can hit a thread inside any system call: it comes first. */
	if (flags & CONVOY_F_STOPPED) {
		class.account = ACCOUNT_STOPPED;
	} else if (flags & CONVOY_F_KLOCK) {
		class = (struct wait_class){ ACCOUNT_LOCK, true, LOCK_KERNEL };
	} else if (flags & CONVOY_F_IOWAIT) {
		class.account = ACCOUNT_DISK;
	} else if (flags & CONVOY_F_FUTEX) {
		class.has_lock = true;
		class.kind = futex_kind(wait, published, waits_for_tid);
		class.account = classify__kind_account(class.kind);
	} else if (wait->nr == CONVOY_NR_KERNEL_THREAD) {
		class.account = ACCOUNT_OTHER;
	} else if (!(flags & CONVOY_F_SYSCALL)) {
		class.account = ACCOUNT_FAULT;
	} else if (!(flags & CONVOY_F_COMPAT)) {
		class.account = syscalls__account(syscalls, wait->nr);
	}
	return class;
}
