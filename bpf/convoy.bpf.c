// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * convoy.bpf.c - the probes: scheduler, futex and kernel lock events of the
 * traced threads, one record per off-CPU interval.
 *
 * Who is traced: the children of a launcher (user space puts a storage with
 * `launcher` set on itself before it forks), what the iterator found (tasks.bpf.h),
 * and all their descendants. A thread that is not traced costs one failed look-up of
 * its storage.
 *
 * sched_switch does nearly all the work: it stands in the context of the thread
 * that leaves, whose counters tell the kind of the switch and whose registers
 * tell the reason, and it writes the record of the thread that arrives.
 */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "events.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

const volatile struct convoy_config config SEC(".rodata.config");
struct convoy_counters counters SEC(".data.counters");
struct convoy_guard guards[CONVOY_GUARDS] SEC(".data.guards");

#include "regs.bpf.h"
#include "ring.bpf.h"
#include "thread.bpf.h"
#include "records.bpf.h"
#include "words.bpf.h"
#include "guards.bpf.h"

/* include/trace/events/lock.h: spinning nests inside and is no wait */
#define LCB_F_SPIN		0x0001

/*
 * Some kernels do not trace what happens while certain threads run (seen: those
 * of a sandbox's own agent in PID 1), and a program can be skipped. A blocked
 * thread that nobody was seen to wake has been queued all the same: the
 * scheduler noted when. Where a pending signal kept it from sleeping at all, that
 * was when it left.
 */
static __always_inline void recover_waking(struct convoy_thread *thread, u64 queued, u64 in_ns)
{
	if (queued > in_ns)
		queued = in_ns;
	if (queued > thread->out_ns) {
		thread->flags |= CONVOY_F_RECOVERED;
		__sync_fetch_and_add(&counters.recovered, 1);
	} else {
		queued = thread->out_ns;
	}
	thread->waking_ns = queued;
}

/* Write the interval that ends with this thread on a CPU. */
static __always_inline void emit_interval(struct convoy_ring *ring, struct convoy_thread *thread,
					  struct task_struct *task, u64 in_ns, u32 cpu)
{
	u64 earliest = thread->is_new == CONVOY_NEWBORN ? thread->born_ns : thread->out_ns;

	/* The fast clock may step back by a little between two CPUs. */
	if (in_ns < earliest)
		in_ns = earliest;
	if (thread->blocked && !thread->waking_ns && task__last_queued(task))
		recover_waking(thread, task__last_queued(task) + thread->clock_offset, in_ns);
	if (thread->is_new)
		emit_birth(ring, thread, task,
			   thread->is_new == CONVOY_JOINED ? thread->born_ns : in_ns, cpu);
	if (thread->is_new == CONVOY_NEWBORN)
		;
	else if (thread->blocked)
		emit_wait(ring, thread, CONVOY_EV_WAIT, in_ns, cpu);
	else
		emit_runnable(ring, thread, in_ns, cpu);
	thread->in_ns = in_ns;
	thread->is_new = 0;
	thread->is_off = 0;
	thread->found = 0;
	thread->waking_ns = 0;
	thread->waker_word = 0;
	thread->waker = 0;
}

/*
 * This thread leaves a CPU that no event gave it. Nothing is lost but the time
 * of its arrival, and that the scheduler noted too.
 */
static __always_inline void recover_arrival(struct convoy_ring *ring, struct convoy_thread *thread,
					    struct task_struct *task, u64 now, u32 cpu)
{
	u64 in_ns = task__last_arrival(task) + thread->clock_offset;
	u64 waking_ns = thread->waking_ns, waker_word = thread->waker_word;
	u32 waker = thread->waker;

	if (in_ns > now)
		in_ns = now;
	if (waking_ns > in_ns)
		thread->waking_ns = 0;
	/* On the CPU it is queued no more; what is left of that is its length. */
	if (thread->blocked && !thread->waking_ns && task__last_arrival(task))
		recover_waking(thread, in_ns - (task__run_delay(task) - thread->run_delay), in_ns);
	thread->flags |= CONVOY_F_RECOVERED;
	emit_interval(ring, thread, task, in_ns, cpu);
	if (waking_ns > in_ns) {
		/* It came while the thread ran: for the wait that begins now. */
		thread->waking_ns = waking_ns;
		thread->waker_word = waker_word;
		thread->waker = waker;
	}
	__sync_fetch_and_add(&counters.recovered, 1);
}

/* The thread that leaves the CPU. */
static __always_inline void switch_out(struct convoy_ring *ring, struct convoy_thread *thread,
				       struct task_struct *task, u32 next, bool preempt, u64 state,
				       u64 now, u32 cpu)
{
	u64 nvcsw = task->nvcsw, nivcsw = task->nivcsw;
	u64 grown = nvcsw + nivcsw - thread->nvcsw - thread->nivcsw;
	bool voluntary = nvcsw != thread->nvcsw;
	/* Its finder missed a switch, or counted this one: its counts cannot be compared. */
	bool stale = thread->found && grown != 1;

	if (stale)
		voluntary = !preempt && state;
	else if (grown > 1) /* the kernel counts a switch before it traces it */
		__sync_fetch_and_add(&counters.unmatched, grown - 1);
	if (thread->is_off)
		recover_arrival(ring, thread, task, now, cpu);
	else if (!thread->found)
		thread->clock_offset = thread->in_ns - task__last_arrival(task);
	thread->run_delay = task__run_delay(task);
	if (state & TASK_DEAD) {
		emit_death(ring, thread, task, now, cpu, stale);
		return;
	}
	thread->nvcsw = nvcsw;
	thread->nivcsw = nivcsw;
	thread->out_ns = now;
	thread->next = next;
	thread->cpu_out = (u16)cpu;
	thread->is_off = 1;
	thread->holder = 0;
	thread->flags = voluntary ? CONVOY_F_VOLUNTARY : 0;
	if (stale)
		thread->flags |= CONVOY_F_RECOVERED;
	/* __exit_signal() has been here: what a thread still does is in no rusage. */
	if (!task->sighand)
		thread->flags |= CONVOY_F_REAPED;
	/* Since 6.14 a block that a pending signal refused has state 0. */
	thread->blocked = voluntary && state;
	if (thread->blocked) {
		thread__note_reason(thread, task, state, true);
		if (thread->flags & CONVOY_F_FUTEX) {
			const struct convoy_guard *guard = guard__of(task);

			if (guard->pid == (u32)task->tgid)
				thread__find_lock(thread, task, guard);
			if (!thread__knows_word(thread, task))
				emit_stack(ring, thread, task, now);
		}
	} else if (!voluntary && !preempt) {
		struct syscall_regs regs;

		syscall_regs__read(task, &regs);
		if (regs.nr == NR_sched_yield)
			thread->yields++;
	}
	/*
	 * Once it is reaped no iterator finds it, and its last switch can be far away: in
	 * another autogroup by then, it may have to wait for its CPU for half a second.
	 */
	if (task->exit_state)
		emit_wait(ring, thread, CONVOY_EV_OPEN, now, cpu);
}

/* Why a thread blocks that did so before it was looked at. */
static __always_inline void thread__note_old_reason(struct convoy_thread *thread,
						    struct task_struct *task, u64 state)
{
	thread->flags |= CONVOY_F_VOLUNTARY;
	thread__note_reason(thread, task, state, false);
	/* A restarted call, of which nobody saw the beginning. */
	if (thread->flags & CONVOY_F_RESTARTED) {
		thread->nr = NR_restart_syscall;
		thread->flags |= CONVOY_F_SYSCALL;
	}
}

/*
 * It was switched between the iterator's look and its being traced, so it is not what it
 * was taken for. Now that it comes back, what it was off the CPU for can be told, though
 * not since when; and how often it was switched before is not known.
 */
static __always_inline void found_too_late(struct convoy_thread *thread, struct task_struct *task,
					   u32 cpu)
{
	u64 nvcsw = task->nvcsw, nivcsw = task->nivcsw;

	/* If both have grown, or none: only one that had blocked is woken. */
	thread->blocked = (nvcsw != thread->nvcsw) != (nivcsw != thread->nivcsw) ?
				  nvcsw != thread->nvcsw :
				  thread->waking_ns != 0;
	thread->flags = CONVOY_F_SINCE_BEFORE | CONVOY_F_RECOVERED;
	thread->nr = -1;
	thread->nvcsw = nvcsw;
	thread->nivcsw = nivcsw;
	thread->out_ns = thread->in_ns;
	thread->cpu_out = (u16)cpu;
	thread->next = 0;
	thread->is_off = 1;
	/* The state is gone, but a wait for a disk is marked apart from it. */
	if (thread->blocked)
		thread__note_old_reason(thread, task, TASK_UNINTERRUPTIBLE);
}

/* Does it come back from where its finder believed it to be? */
static __always_inline bool was_found_there(const struct convoy_thread *thread,
					    const struct task_struct *task)
{
	return thread->is_off && task->nvcsw == thread->nvcsw && task->nivcsw == thread->nivcsw;
}

static __always_inline int on_switch(bool preempt, struct task_struct *prev,
				     struct task_struct *next, u64 prev_state)
{
	struct convoy_thread *out = thread__find(prev);
	struct convoy_thread *in = thread__find(next);
	struct convoy_ring *ring;
	u32 cpu;
	u64 now;

	if (out && !out->id) {
		if (out->launcher && out->in_ns)
			counters.clock_offset = out->in_ns - task__last_arrival(prev);
		out = NULL;
	}
	if (in && !in->id) {
		if (in->launcher)
			in->in_ns = bpf_ktime_get_ns();
		in = NULL;
	}
	if (!out) {
		barrier_var(in); /* else clang ORs the pointers, which the verifier refuses */
		if (!in)
			return 0;
	}

	cpu = bpf_get_smp_processor_id();
	ring = bpf_map_lookup_elem(&rings, &cpu);
	if (!ring) {
		__sync_fetch_and_add(&counters.unmatched, 1);
		return 0;
	}
	now = bpf_ktime_get_ns();
	if (out)
		switch_out(ring, out, prev, thread__who(in, next), preempt, prev_state, now, cpu);
	if (in && in->found && !was_found_there(in, next))
		found_too_late(in, next, cpu);
	if (in && in->is_off)
		emit_interval(ring, in, next, now, cpu);
	return 0;
}

/* The state became an argument in 5.18 (fa2c3254d7cf), and was re-read before. */
SEC("tp_btf/sched_switch")
int BPF_PROG(sched_switch_state, bool preempt, struct task_struct *prev, struct task_struct *next,
	     unsigned int prev_state)
{
	return on_switch(preempt, prev, next, prev_state);
}

SEC("tp_btf/sched_switch")
int BPF_PROG(sched_switch_nostate, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	return on_switch(preempt, prev, next, prev->__state);
}

SEC("tp_btf/sched_waking")
int BPF_PROG(sched_waking, struct task_struct *task)
{
	struct convoy_thread *thread = thread__find(task);
	struct task_struct *waker;
	struct syscall_regs regs;
	u64 word = 0;

	if (!thread || !thread->id)
		return 0;

	waker = bpf_get_current_task_btf();
	thread->waker = thread__who(thread__find(waker), waker);
	/*
	 * In an interrupt `current` is whoever was running, so only a waker that
	 * stands in a futex wake on the waiter's own word counts as the releaser.
	 */
	if (waker->mm && !task_in_compat_syscall(waker)) {
		syscall_regs__read(waker, &regs);
		if ((regs.nr == NR_futex && futex_op_wakes((u32)regs.arg1)) ||
		    regs.nr == NR_futex_wake)
			word = regs.arg0;
	}
	thread->waker_word = word;
	thread->waking_ns = bpf_ktime_get_ns();
	return 0;
}

#include "targets.bpf.h"

/* Of every new thread: sched_process_fork is silent on what the kernel makes for io_uring. */
SEC("tp_btf/task_newtask")
int BPF_PROG(task_newtask, struct task_struct *child)
{
	struct convoy_thread *creator = thread__find(bpf_get_current_task_btf());
	struct convoy_thread *thread;

	/* A CPU that comes on line is given an idle thread. */
	if (!child->pid || !follows(creator, child))
		return 0;
	thread = thread__make(child);
	if (!thread || !thread__claim(thread))
		return 0;
	thread->nr = -1;
	thread->clock_offset = counters.clock_offset;
	if (creator && creator->id) {
		thread->parent = creator->id;
		thread->clock_offset = creator->clock_offset;
	} else if (creator) {
		thread->flags = CONVOY_F_ROOT;
	}
	thread->born_ns = bpf_ktime_get_ns();
	thread->is_new = CONVOY_NEWBORN;
	thread__note_numbers(thread, child);
	thread->is_off = 1;
	thread->id = (u32)__sync_fetch_and_add(&counters.born, 1) + 1;
	return 0;
}

/* Kernel locks; tracepoints since 5.19 (16edd9b511a1). */
SEC("tp_btf/contention_begin")
int BPF_PROG(contention_begin, void *lock, unsigned int flags)
{
	struct convoy_thread *thread;

	if (flags & LCB_F_SPIN)
		return 0;
	thread = thread__find(bpf_get_current_task_btf());
	if (thread && thread->id)
		thread->klock = (u64)lock;
	return 0;
}

SEC("tp_btf/contention_end")
int BPF_PROG(contention_end, void *lock, int ret)
{
	struct convoy_thread *thread = thread__find(bpf_get_current_task_btf());

	if (thread && thread->klock == (u64)lock)
		thread->klock = 0;
	return 0;
}

#include "futex.bpf.h"
#include "tasks.bpf.h"
