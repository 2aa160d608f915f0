/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * guards.bpf.h - is a thread that waits on a condition variable of its own waiting for a lock
 * that is known by its mutex (struct convoy_guard)?
 *
 * glibc's pthread_cond_wait() keeps what it would need if it was cancelled on its stack: the
 * number of the wait, the condition variable, the mutex (struct _condvar_cleanup_buffer in
 * nptl/pthread_cond_wait.c, 2.25 and later). It is found by the condition variable, which the
 * futex word lies in.
 *
 * Processes without such a lock pay one look at the table at each wait.
 */
#ifndef CONVOY_GUARDS_BPF_H
#define CONVOY_GUARDS_BPF_H

/* The top of a stack that is looked at, in 8 bytes. Seen: 24 of them, glibc 2.36. */
#define STACK_TOP		48
/* The words of pthread_cond_t that are slept on: at 40 and 44, from 2.41 on at 32 and 36. */
#define COND_WORD_MIN		32
#define COND_SIZE		48
/* Waits are counted by the condition variable; what has more bits is something else. */
#define COND_WAITS_BITS		40
/* Lower down nothing is mapped, and numbers are no addresses. */
#define FIRST_ADDRESS		4096

/* Too much for the stack of a program. Interrupts are off: no other one comes between. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64[STACK_TOP]);
} stack_tops SEC(".maps");

static __always_inline const struct convoy_guard *guard__of(const struct task_struct *task)
{
	return &guards[(u32)task->tgid & (CONVOY_GUARDS - 1)];
}

/* struct _condvar_cleanup_buffer */
struct cond_wait {
	u64 waits, cond, mutex;
	u32 shared, pad;
};

/* All bits if the number is negative, taken as a signed one. */
static __always_inline u64 all_if_negative(u64 number)
{
	barrier_var(number); /* else clang makes a branch of it */
	return (u64)((s64)number >> 63);
}

/*
 * All bits if this is none with that word. The number of a wait is even in the one, odd in the
 * other of the condition variable's two groups, which have a word each.
 */
static __always_inline u64 cond_wait__is_none(const struct cond_wait *wait, u64 word)
{
	u64 within = word - wait->cond;

	return all_if_negative((within - COND_WORD_MIN) | (COND_SIZE - 1 - within) |
			       -((within >> 2 ^ wait->waits) & 1) |
			       -(wait->waits >> COND_WAITS_BITS) | (wait->mutex - FIRST_ADDRESS) |
			       wait->mutex | -(u64)wait->shared);
}

/*
 * What the latest wait on the word was given: a stack can have what is left of earlier ones.
 * False: it is no condition variable, or not glibc's. Without a branch in the loop, whose
 * ways the verifier would all go.
 */
static __always_inline bool cond_wait__find(struct cond_wait *found, const u64 *top, u64 word)
{
	found->waits = found->cond = found->mutex = 0;
	for (int i = 0; i + 4 <= STACK_TOP; i++) {
		const struct cond_wait *wait = (const void *)&top[i];
		u64 other = cond_wait__is_none(wait, word) |
			    all_if_negative(wait->waits - found->waits);

		found->waits = (found->waits & other) | (wait->waits & ~other);
		found->cond = (found->cond & other) | (wait->cond & ~other);
		found->mutex = (found->mutex & other) | (wait->mutex & ~other);
	}
	return found->mutex;
}

/* Has another thread queued the waiter, or has it done so itself? */
static __always_inline bool is_queued(const struct convoy_guard *guard, u64 cond)
{
	u64 thread = 0, next = 0;

	if (bpf_probe_read_user(&thread, sizeof(thread), (void *)(cond - guard->thread_before)) ||
	    bpf_probe_read_user(&next, sizeof(next), (void *)(thread + guard->node_at))) {
		__sync_fetch_and_add(&counters.reads, 1);
		return false;
	}
	return next != thread + guard->node_at;
}

static __always_inline bool read_holder(const struct convoy_guard *guard, u32 *tid)
{
	u64 holder = 0;

	if (bpf_probe_read_user(&holder, sizeof(holder), (void *)guard->lock))
		return false;
	/* It has been given up since the thread looked. */
	if (!holder)
		return true;
	if (guard->tid_by &&
	    bpf_probe_read_user(&holder, sizeof(holder), (void *)(holder + guard->tid_by)))
		return false;
	return !bpf_probe_read_user(tid, sizeof(*tid), (void *)(holder + guard->tid_at));
}

static __always_inline void thread__note_holder(struct convoy_thread *thread,
						const struct convoy_guard *guard)
{
	u32 tid = 0;

	if (!guard->tid_at)
		return;
	if (!read_holder(guard, &tid))
		__sync_fetch_and_add(&counters.reads, 1);
	if (!tid)
		return;
	thread->holder = tid;
	thread->flags |= CONVOY_F_HOLDER;
}

/*
 * This thread, the one that runs here, is about to block on a futex word, in a process that
 * has such a lock. Apart from what runs at every switch.
 */
static __noinline void thread__find_lock(struct convoy_thread *thread, struct task_struct *task,
					 const struct convoy_guard *guard)
{
	struct cond_wait wait;
	u32 cmd = thread->op & FUTEX_CMD_MASK;
	u32 first = 0;
	u64 *top;

	/* Before 2.34, untimed waits were FUTEX_WAIT. The lock's own words are known. */
	if ((cmd != FUTEX_WAIT_BITSET && cmd != FUTEX_WAIT) ||
	    thread->word - guard->lock < guard->size)
		return;
	top = bpf_map_lookup_elem(&stack_tops, &first);
	if (!top)
		return;
	/* Where its end is near nobody waits. */
	if (bpf_probe_read_user(top, STACK_TOP * sizeof(*top), (void *)user_regs__sp(task)))
		return;
	if (!cond_wait__find(&wait, top, thread->word) || wait.mutex != guard->mutex)
		return;
	if (guard->node_at && !is_queued(guard, wait.cond))
		return;
	thread->word = guard->lock;
	thread__note_holder(thread, guard);
}

#endif /* CONVOY_GUARDS_BPF_H */
