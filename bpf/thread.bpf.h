/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * thread.bpf.h - what the probes remember of a thread (task storage), why it blocks, and
 * what the scheduler noted of it.
 */
#ifndef CONVOY_THREAD_BPF_H
#define CONVOY_THREAD_BPF_H

/* include/linux/sched.h; what is in prev_state besides is of no interest here */
#define TASK_UNINTERRUPTIBLE	0x0002
#define __TASK_STOPPED		0x0004
#define __TASK_TRACED		0x0008
#define EXIT_ZOMBIE		0x0020
#define TASK_DEAD		0x0080
#define TASK_NEW		0x0800

/* include/linux/sched.h: threads without user registers of their own */
#define PF_IO_WORKER		0x00000010
#define PF_KTHREAD		0x00200000

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct convoy_thread);
} threads SEC(".maps");

static __always_inline struct convoy_thread *thread__find(struct task_struct *task)
{
	return bpf_task_storage_get(&threads, task, NULL, 0);
}

/*
 * The storage of a thread, made if there is none; NULL without memory. One that another
 * CPU makes at the same moment fails the making, and is there the next time.
 */
static __always_inline struct convoy_thread *thread__make(struct task_struct *task)
{
	for (int i = 0; i < 3; i++) {
		struct convoy_thread *thread =
			bpf_task_storage_get(&threads, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);

		if (thread)
			return thread;
	}
	__sync_fetch_and_add(&counters.task_state, 1);
	return NULL;
}

/*
 * A new thread can be forked, found by the iterator and moved into a cgroup at once, on
 * three CPUs: the first of them makes it a traced thread, for the others it is one.
 */
static __always_inline bool thread__claim(struct convoy_thread *thread)
{
	return !__sync_val_compare_and_swap(&thread->claimed, 0, 1);
}

/* Who writes a thread's death: its last switch, or who found it dying, and not both. */
static __always_inline bool thread__claim_death(struct convoy_thread *thread)
{
	return !__sync_val_compare_and_swap(&thread->gone, 0, 1);
}

/* How a record names a thread: its id, or its TID when it is not traced. */
static __always_inline u32 thread__who(struct convoy_thread *thread, struct task_struct *task)
{
	if (thread && thread->id)
		return thread->id;
	return CONVOY_FOREIGN | (u32)task->pid;
}

/*
 * Who owns the lock that this thread is about to sleep on, as user memory says. Two kinds of
 * glibc's mutexes have their owner in pthread_mutex_t.__data.__owner, 8 bytes behind the
 * word. One waits with the value 2; the other, a robust one, with what was in the word: the
 * owner's TID with FUTEX_WAITERS (__pthread_mutex_lock_full() in nptl/pthread_mutex_lock.c).
 * The second is believed only where both say the same, for musl's locks wait with that bit
 * and a number that is no TID.
 */
static __always_inline void thread__read_holder(struct convoy_thread *thread)
{
	u32 cmd = thread->op & FUTEX_CMD_MASK;
	u32 robust = thread->val & FUTEX_WAITERS ? thread->val & FUTEX_TID_MASK : 0;
	u32 owner = 0;
	u64 from;

	if (cmd == FUTEX_WAIT && (thread->val == 2 || robust))
		from = thread->word + 8;
	else if (cmd == FUTEX_LOCK_PI || cmd == FUTEX_LOCK_PI2)
		from = thread->word;
	else
		return;
	if (bpf_probe_read_user(&owner, sizeof(owner), (void *)from)) {
		__sync_fetch_and_add(&counters.reads, 1);
		return;
	}
	if (from == thread->word)
		owner &= FUTEX_TID_MASK;
	else if (robust && owner != robust)
		return;
	thread->holder = owner;
	thread->flags |= CONVOY_F_HOLDER;
}

/* futex_waitv(2): of all the words it waits on, the first. */
static __always_inline void thread__read_first_word(struct convoy_thread *thread, u64 array)
{
	struct futex_waitv first;

	if (bpf_probe_read_user(&first, sizeof(first), (void *)array)) {
		__sync_fetch_and_add(&counters.reads, 1);
		return;
	}
	thread->word = first.uaddr;
	thread->op = FUTEX_WAIT | (first.flags & FUTEX2_PRIVATE ? FUTEX_PRIVATE_FLAG : 0);
	thread->val = (u32)first.val;
	thread->flags |= CONVOY_F_FUTEX;
}

/*
 * Why a thread blocks: fills nr, word, slept_on, op, val, holder and flags. `current`: it is
 * the one that runs here, so that its memory can be read.
 */
static __always_inline void thread__note_reason(struct convoy_thread *thread,
						struct task_struct *task, u64 state, bool current)
{
	struct syscall_regs regs;

	/* Any program can have the latter, for its io_uring. */
	if (task->flags & (PF_KTHREAD | PF_IO_WORKER)) {
		thread->nr = CONVOY_NR_KERNEL_THREAD;
		thread->word = 0;
		if (BPF_CORE_READ_BITFIELD(task, in_iowait))
			thread->flags |= CONVOY_F_IOWAIT;
		return;
	}
	syscall_regs__read(task, &regs);
	if (state & (__TASK_STOPPED | __TASK_TRACED))
		thread->flags |= CONVOY_F_STOPPED;
	if ((state & TASK_UNINTERRUPTIBLE) && BPF_CORE_READ_BITFIELD(task, in_iowait))
		thread->flags |= CONVOY_F_IOWAIT;

	if (regs.nr == NR_restart_syscall) {
		/* A restarted call keeps its arguments but not its number. */
		thread->flags |= CONVOY_F_RESTARTED;
	} else {
		thread->nr = (__s32)regs.nr;
		thread->word = 0;
	}
	if (thread->nr >= 0)
		thread->flags |= CONVOY_F_SYSCALL;
	if (task_in_compat_syscall(task)) {
		thread->flags |= CONVOY_F_COMPAT;
	} else if (thread->nr == NR_futex && futex_op_waits((u32)regs.arg1)) {
		thread->word = regs.arg0;
		thread->op = (u32)regs.arg1;
		thread->val = (u32)regs.arg2;
		thread->flags |= CONVOY_F_FUTEX;
		if (current)
			thread__read_holder(thread);
	} else if (thread->nr == NR_futex_wait) {
		thread->word = regs.arg0;
		thread->op = FUTEX_WAIT_BITSET;
		thread->val = (u32)regs.arg1;
		thread->flags |= CONVOY_F_FUTEX;
	} else if (thread->nr == NR_futex_waitv && current) {
		thread__read_first_word(thread, regs.arg0);
	}
	thread->slept_on = thread->word;

	if (thread->klock) {
		thread->flags |= CONVOY_F_KLOCK;
		thread->flags &= ~CONVOY_F_FUTEX;
		if (task->mm && thread->klock == (u64)&task->mm->mmap_lock)
			thread->flags |= CONVOY_F_MMAP_LOCK;
	}
}

/*
 * The scheduler's own notes of a thread (CONFIG_SCHED_INFO), by the runqueues'
 * clock; 0 where the kernel keeps none.
 */
static __always_inline u64 task__last_arrival(struct task_struct *task)
{
	return bpf_core_field_exists(task->sched_info.last_arrival) ?
		       task->sched_info.last_arrival :
		       0;
}

static __always_inline u64 task__last_queued(struct task_struct *task)
{
	return bpf_core_field_exists(task->sched_info.last_queued) ? task->sched_info.last_queued :
								     0;
}

static __always_inline u64 task__run_delay(struct task_struct *task)
{
	return bpf_core_field_exists(task->sched_info.run_delay) ? task->sched_info.run_delay : 0;
}

#endif /* CONVOY_THREAD_BPF_H */
