/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * regs.bpf.h - a thread's system call, read from its saved user registers.
 *
 * One inline reader per architecture. bpf_task_pt_regs() came with 5.15
 * (dd6e10fbd9fb), which is therefore the oldest kernel that convoy supports.
 */
#ifndef CONVOY_REGS_BPF_H
#define CONVOY_REGS_BPF_H

struct syscall_regs {
	s64 nr;		/* -1 in an interrupt or a fault */
	u64 arg0;	/* survives until the system call's exit */
	u64 arg1;
	u64 arg2;
};

#if defined(__TARGET_ARCH_x86)

#define NR_futex		202
#define NR_sched_yield		24
#define NR_restart_syscall	219
#define TS_COMPAT		0x0002	/* arch/x86/include/asm/thread_info.h */

static __always_inline void syscall_regs__read(struct task_struct *task, struct syscall_regs *out)
{
	struct pt_regs___convoy_x86 *regs = (void *)bpf_task_pt_regs(task);

	out->nr = (s64)regs->orig_ax;
	out->arg0 = regs->di;
	out->arg1 = regs->si;
	out->arg2 = regs->dx;
}

/* Where a thread stands in user space, and the registers that functions keep. */
static __always_inline void user_regs__read(struct task_struct *task, struct convoy_ev_stack *out)
{
	struct pt_regs___convoy_x86 *regs = (void *)bpf_task_pt_regs(task);

	out->pc = regs->ip;
	out->sp = regs->sp;
	out->saved[0] = regs->bx;
	out->saved[1] = regs->bp;
	out->saved[2] = regs->r12;
	out->saved[3] = regs->r13;
	out->saved[4] = regs->r14;
	out->saved[5] = regs->r15;
	for (int i = 6; i < CONVOY_STACK_SAVED; i++)
		out->saved[i] = 0;
}

static __always_inline u64 user_regs__sp(struct task_struct *task)
{
	return ((struct pt_regs___convoy_x86 *)bpf_task_pt_regs(task))->sp;
}

static __always_inline bool task_in_compat_syscall(struct task_struct *task)
{
	return task->thread_info.status & TS_COMPAT;
}

#elif defined(__TARGET_ARCH_arm64)

#define NR_futex		98
#define NR_sched_yield		124
#define NR_restart_syscall	128

static __always_inline void syscall_regs__read(struct task_struct *task, struct syscall_regs *out)
{
	struct pt_regs___convoy_arm64 *regs = (void *)bpf_task_pt_regs(task);

	out->nr = regs->syscallno;
	out->arg0 = regs->orig_x0; /* regs[0] holds the result at the exit */
	out->arg1 = regs->regs[1];
	out->arg2 = regs->regs[2];
}

static __always_inline void user_regs__read(struct task_struct *task, struct convoy_ev_stack *out)
{
	struct pt_regs___convoy_arm64 *regs = (void *)bpf_task_pt_regs(task);

	out->pc = regs->pc;
	out->sp = regs->sp;
	for (int i = 0; i < CONVOY_STACK_SAVED; i++)
		out->saved[i] = regs->regs[19 + i];
}

static __always_inline u64 user_regs__sp(struct task_struct *task)
{
	return ((struct pt_regs___convoy_arm64 *)bpf_task_pt_regs(task))->sp;
}

static __always_inline bool task_in_compat_syscall(struct task_struct *task)
{
	return false; /* not told apart yet; numbers of AArch32 calls are misread */
}

#else
#error "convoy's probes know x86 and arm64"
#endif

#define NR_futex_waitv		449	/* the same on every architecture, 5.16 */
#define NR_futex_wake		454	/* 6.7 */
#define NR_futex_wait		455

/* include/uapi/linux/futex.h */
#define FUTEX_WAIT		0
#define FUTEX_WAKE		1
#define FUTEX_REQUEUE		3
#define FUTEX_CMP_REQUEUE	4
#define FUTEX_WAKE_OP		5
#define FUTEX_LOCK_PI		6
#define FUTEX_UNLOCK_PI		7
#define FUTEX_WAIT_BITSET	9
#define FUTEX_WAKE_BITSET	10
#define FUTEX_WAIT_REQUEUE_PI	11
#define FUTEX_LOCK_PI2		13
#define FUTEX_PRIVATE_FLAG	0x80
#define FUTEX_CMD_MASK		0x7f
#define FUTEX_TID_MASK		0x3fffffff
#define FUTEX_WAITERS		0x80000000
#define FUTEX2_PRIVATE		0x80	/* of the newer system calls */

/* An element of futex_waitv(2)'s array. */
struct futex_waitv {
	u64 val;
	u64 uaddr;
	u32 flags;
	u32 reserved;
};

static __always_inline bool futex_op_waits(u32 op)
{
	switch (op & FUTEX_CMD_MASK) {
	case FUTEX_WAIT:
	case FUTEX_WAIT_BITSET:
	case FUTEX_LOCK_PI:
	case FUTEX_LOCK_PI2:
	case FUTEX_WAIT_REQUEUE_PI:
		return true;
	}
	return false;
}

static __always_inline bool futex_op_wakes(u32 op)
{
	switch (op & FUTEX_CMD_MASK) {
	case FUTEX_WAKE:
	case FUTEX_WAKE_OP:
	case FUTEX_WAKE_BITSET:
	case FUTEX_UNLOCK_PI:
	case FUTEX_REQUEUE:
	case FUTEX_CMP_REQUEUE:
		return true;
	}
	return false;
}

#endif /* CONVOY_REGS_BPF_H */
