// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stddef.h>
#include <sys/syscall.h>

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

/* System calls in which waiting has a name of its own; the rest is `other`. */
enum account classify__syscall(int nr)
{
	switch (nr) {
	case SYS_nanosleep:
	case SYS_clock_nanosleep:
		return ACCOUNT_SLEEP;
	case SYS_wait4:
	case SYS_waitid:
#ifdef SYS_vfork
	case SYS_vfork:
#endif
	case SYS_clone:
	case SYS_clone3:
		return ACCOUNT_CHILD;
	case SYS_read:
	case SYS_readv:
	case SYS_pread64:
	case SYS_preadv:
	case SYS_preadv2:
	case SYS_write:
	case SYS_writev:
	case SYS_pwrite64:
	case SYS_pwritev:
	case SYS_pwritev2:
	case SYS_sendfile:
	case SYS_splice:
	case SYS_tee:
	case SYS_vmsplice:
	case SYS_copy_file_range:
	case SYS_fsync:
	case SYS_fdatasync:
	case SYS_sync_file_range:
	case SYS_accept:
	case SYS_accept4:
	case SYS_connect:
	case SYS_recvfrom:
	case SYS_recvmsg:
	case SYS_recvmmsg:
	case SYS_sendto:
	case SYS_sendmsg:
	case SYS_sendmmsg:
	case SYS_ppoll:
	case SYS_pselect6:
	case SYS_epoll_pwait:
	case SYS_epoll_pwait2:
	case SYS_io_getevents:
	case SYS_io_uring_enter:
	case SYS_mq_timedsend:
	case SYS_mq_timedreceive:
	case SYS_msgsnd:
	case SYS_msgrcv:
	case SYS_flock:
#ifdef SYS_poll
	case SYS_poll:
#endif
#ifdef SYS_select
	case SYS_select:
#endif
#ifdef SYS_epoll_wait
	case SYS_epoll_wait:
#endif
		return ACCOUNT_IO;
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
				 bool waits_for_tid)
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
	} else if (!(flags & CONVOY_F_SYSCALL)) {
		class.account = ACCOUNT_FAULT;
	} else if (!(flags & CONVOY_F_COMPAT)) {
		class.account = classify__syscall(wait->nr);
	}
	return class;
}

const char *syscall__name(int nr)
{
	switch (nr) {
#define SYSCALL_NAME(number, name) \
	case number:               \
		return name;
#include "syscall_names.h"
#undef SYSCALL_NAME
	}
	return NULL;
}
