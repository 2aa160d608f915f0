/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * futex.bpf.h - finished futex calls, counted by thread and word.
 *
 * Programs on the exits of futex calls. They write no record: the counts ride in
 * the thread's storage until its last switch.
 */
#ifndef CONVOY_FUTEX_BPF_H
#define CONVOY_FUTEX_BPF_H

/* include/uapi/asm-generic/errno*.h and include/linux/errno.h */
#define EINTR			4
#define EAGAIN			11
#define ETIMEDOUT		110
#define ERESTARTSYS		512
#define ERESTART_RESTARTBLOCK	516

/* Count one finished futex call in the thread's slot for its word. */
static __always_inline void count_futex_call(struct convoy_thread *thread, u64 word, u32 op,
					     s64 ret)
{
	struct convoy_futex_slot *slot = &thread->futex[CONVOY_FUTEX_SLOTS];

	/* What it was waited on for, unless it was not waited on at all. */
	if (word == thread->slept_on && futex_op_waits(op) && ret != -EAGAIN)
		word = thread->word;
	for (int i = 0; word && i < CONVOY_FUTEX_SLOTS; i++) {
		struct convoy_futex_slot *one = &thread->futex[i];

		if (!one->word)
			one->word = word;
		if (one->word == word) {
			slot = one;
			break;
		}
	}
	if (futex_op_waits(op)) {
		slot->waits++;
		if (ret == -EAGAIN)
			slot->eagain++;
		else if (ret == -ETIMEDOUT)
			slot->timeouts++;
		else if (ret == -EINTR || ret == -ERESTARTSYS || ret == -ERESTART_RESTARTBLOCK)
			slot->interrupted++;
	} else if (futex_op_wakes(op)) {
		slot->wakes++;
		if (!ret)
			slot->wakes_nobody++;
	}
}

static __always_inline int on_futex_exit(s64 ret)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct convoy_thread *thread = thread__find(task);
	struct syscall_regs regs;

	if (!thread || !thread->id || task_in_compat_syscall(task))
		return 0;
	syscall_regs__read(task, &regs);
	if (regs.nr == NR_futex)
		count_futex_call(thread, regs.arg0, (u32)regs.arg1, ret);
	else if (regs.nr == NR_futex_wait)
		count_futex_call(thread, regs.arg0, FUTEX_WAIT, ret);
	else if (regs.nr == NR_futex_wake)
		count_futex_call(thread, regs.arg0, FUTEX_WAKE, ret);
	return 0;
}

/* Attached to the exits of futex, futex_wait and futex_wake, as the kernel has them. */
SEC("tp")
int sys_exit_futex(struct trace_event_raw_sys_exit *ctx)
{
	return on_futex_exit(ctx->ret);
}

/* Where tracefs cannot be read: the exit of every system call. */
SEC("tp_btf/sys_exit")
int BPF_PROG(sys_exit_any, struct pt_regs *regs, long ret)
{
	return on_futex_exit(ret);
}

#endif /* CONVOY_FUTEX_BPF_H */
