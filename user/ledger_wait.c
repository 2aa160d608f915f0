// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <linux/futex.h>

#include "classify.h"
#include "ledger_private.h"

/*
 * Who held the lock by the word that the waiter read when it blocked, or that we read. The
 * owner of a mutex that only guards the lock does not hold that: he may be waiting for it.
 */
static size_t holder_of(const struct ledger *ledger, const struct ledger_thread *thread,
			const struct convoy_ev_wait *ev, const struct lock_word *word)
{
	uint32_t tid = 0;
	size_t holder;

	if (word && word->role == LOCK_ROLE_GUARD)
		return NO_THREAD;
	if (ev->hdr.flags & CONVOY_F_HOLDER)
		tid = ev->holder;
	else if (ev->hdr.flags & CONVOY_F_SINCE_BEFORE && ev->word == thread->held_word)
		tid = thread->held_by;
	holder = thread_table__find_tid(&ledger->table, thread->pid, tid);
	/*
	 * A lock that processes share can be held by any of them. Only in the initial PID
	 * namespace is it known whose number it is.
	 */
	if (holder == NO_THREAD && !(ev->op & FUTEX_PRIVATE_FLAG) && thread->pid == thread->ns_pid)
		holder = thread_table__find_any(&ledger->table, tid);
	return holder;
}

/* Whose release woke the waiter. */
static size_t releaser_of(const struct ledger *ledger, const struct convoy_ev_wait *ev)
{
	size_t releaser = thread_table__index(&ledger->table, ev->waker);

	if (!(ev->hdr.flags & CONVOY_F_RELEASED))
		return NO_THREAD;
	/* One that is not among the threads would be a damaged event. */
	return releaser < ledger->table.n_threads ? releaser : NO_THREAD;
}

static bool is_thread_of(const struct ledger *ledger, const struct ledger_thread *thread,
			 uint32_t ns_tid)
{
	return thread_table__find_tid(&ledger->table, thread->pid, ns_tid) != NO_THREAD;
}

/*
 * glibc's condition variables (which are more than a word) and semaphores wait with
 * FUTEX_WAIT_BITSET: what waits with FUTEX_WAIT for 2 at their address is a mutex that has
 * their memory now.
 */
static bool can_be_reused(const struct word_info *info)
{
	return (info->kind == LOCK_COND && info->size >= 8) || info->kind == LOCK_SEMAPHORE;
}

static struct wait_class classify(const struct ledger *ledger, const struct ledger_thread *thread,
				  const struct convoy_ev_wait *ev, const struct lock_word *word)
{
	uint32_t owner = classify__may_be_owned_by(ev);
	const struct word_facts facts = {
		.known = word ? word->kind : LOCK_UNKNOWN,
		.foreign = word && word->info && word->info->foreign,
		.reused = word && word->info && can_be_reused(word->info),
		.for_tid = classify__may_be_join(ev) && is_thread_of(ledger, thread, ev->val),
		/* The owner of a shared one may be of a process that is not recorded. */
		.owned = owner &&
			 (!(ev->op & FUTEX_PRIVATE_FLAG) || is_thread_of(ledger, thread, owner)),
	};

	return classify__wait(ev, &facts, ledger->options.syscalls);
}

/* For those who wait for what this thread may hold. */
static int tell_holders(struct ledger *ledger, const struct ledger_thread *thread,
			const struct wait_class *class, uint64_t from, uint64_t woken_ns,
			uint64_t in_ns)
{
	bool for_lock = class->account == ACCOUNT_LOCK ||
			(class->has_lock && class->kind == LOCK_SEMAPHORE);

	return holders__was_off(ledger->holders, ledger__index(ledger, thread),
				for_lock ? HOLDER_WAITING : HOLDER_ASLEEP, from, woken_ns, in_ns);
}

int ledger__wait(struct ledger *ledger, struct ledger_thread *thread,
		 const struct convoy_ev_wait *ev, uint64_t from, uint64_t woken_ns, uint64_t in_ns)
{
	struct lock_word *word =
		ev->hdr.flags & CONVOY_F_FUTEX ?
			locks__find(ledger->locks, thread->pid, thread->ns_pid, ev->word) :
			NULL;
	struct wait_class class = classify(ledger, thread, ev, word);
	bool before = ledger__under_way_before(ledger, ev->hdr.flags, from);
	bool open = ev->hdr.type == CONVOY_EV_OPEN || in_ns > ledger->end_ns;
	bool early = ev->waking_ns && ev->waking_ns < ev->out_ns;
	uint64_t since_ns = from > thread->start_ns ? from : thread->start_ns;
	uint64_t blocked, delayed;
	int err;

	if (woken_ns > in_ns)
		woken_ns = in_ns;
	err = tell_holders(ledger, thread, &class, from, woken_ns, in_ns);
	if (err)
		return err;
	blocked = ledger__book(ledger, thread, class.account, from, woken_ns);
	delayed = ledger__book(ledger, thread, ACCOUNT_WAKEUP, woken_ns > from ? woken_ns : from,
			       in_ns);
	/* A stop or a fault can come in the middle of a wait for a lock. */
	if (!class.has_lock && class.account != ACCOUNT_STOPPED && class.account != ACCOUNT_FAULT)
		thread->other_waits++;
	if (in_ns <= thread->start_ns)
		return 0;
	thread->waited_before |= before;
	if (!class.has_lock)
		return 0;

	struct lock_wait wait = {
		.thread = ledger__index(ledger, thread),
		.holder = holder_of(ledger, thread, ev, word),
		.releaser = releaser_of(ledger, ev),
		.pid = thread->pid,
		.ns_pid = thread->ns_pid,
		.address = ev->word,
		.word = class.kind == LOCK_KERNEL ? NULL : word,
		.kind = class.kind,
		.mmap_lock = ev->hdr.flags & CONVOY_F_MMAP_LOCK,
		.pi = class.pi,
		.robust = class.robust,
		.shared = class.shared,
		.released = ev->hdr.flags & CONVOY_F_RELEASED,
		.early = early,
		.since_before = before,
		.open = open,
		.from_ns = since_ns,
		.blocked_ns = blocked,
		.wakeup_ns = delayed,
		.woken_ns = woken_ns,
		.released_ns = ev->waking_ns && ev->waking_ns < woken_ns ? ev->waking_ns : woken_ns,
		.in_ns = in_ns,
		.ran_ns = thread->time_ns[ACCOUNT_RUNNING],
		.others = thread->other_waits,
	};

	/* A damaged event: nobody waits for himself. */
	if (wait.holder == wait.thread)
		wait.holder = NO_THREAD;
	if (wait.releaser == wait.thread)
		wait.releaser = NO_THREAD;
	return locks__wait(ledger->locks, &wait);
}

int ledger__settle(struct ledger *ledger, uint64_t end_ns)
{
	const struct locks *locks = ledger->locks;
	int err = locks__finish(ledger->locks);

	for (size_t i = 0; i < locks__n_threads(locks); i++) {
		const struct lock_thread *of = locks__thread(locks, i);
		const struct lock *lock = locks__at(locks, of->lock);
		struct ledger_thread *thread = &ledger->table.threads[of->thread];

		if (lock->kind == LOCK_GIL) {
			thread->gil_wait_ns += of->wait_ns;
		} else if (lock->account == ACCOUNT_LOCK) {
			thread->time_ns[ACCOUNT_COND] -= of->wait_ns;
			thread->time_ns[ACCOUNT_LOCK] += of->wait_ns;
		}
	}
	return err ? err : holders__finish(ledger->holders, end_ns);
}
