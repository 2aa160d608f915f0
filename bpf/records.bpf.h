/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * records.bpf.h - records filled in (fill_...), and written to a CPU's ring (emit_...).
 */
#ifndef CONVOY_RECORDS_BPF_H
#define CONVOY_RECORDS_BPF_H

static __always_inline void fill_futex_calls(struct convoy_ev_futex *ev,
					     const struct convoy_thread *thread,
					     const struct convoy_futex_slot *slot, u64 now)
{
	ev->hdr.type = CONVOY_EV_FUTEX;
	ev->hdr.flags = 0;
	ev->hdr.id = thread->id;
	ev->hdr.time_ns = now;
	ev->word = slot->word;
	ev->waits = slot->waits;
	ev->eagain = slot->eagain;
	ev->timeouts = slot->timeouts;
	ev->interrupted = slot->interrupted;
	ev->wakes = slot->wakes;
	ev->wakes_nobody = slot->wakes_nobody;
}

static __always_inline void emit_futex_calls(struct convoy_ring *ring, struct convoy_thread *thread,
					     u64 now)
{
	for (int i = 0; i <= CONVOY_FUTEX_SLOTS; i++) {
		struct convoy_futex_slot *slot = &thread->futex[i];
		struct convoy_ev_futex *ev;

		if (!slot->waits && !slot->wakes)
			continue;
		ev = ring__reserve(ring, sizeof(*ev));
		if (!ev)
			return;
		fill_futex_calls(ev, thread, slot, now);
		ring__submit(ring, sizeof(*ev));
	}
}

/* Everything but type and flags of a thread's last words, or of its state at the end. */
static __always_inline void fill_totals(struct convoy_ev_death *ev, struct convoy_thread *thread,
					struct task_struct *task, u64 now, u32 cpu)
{
	ev->hdr.id = thread->id;
	ev->hdr.time_ns = now;
	ev->nvcsw = task->nvcsw;
	ev->nivcsw = task->nivcsw;
	ev->runtime_ns = task->se.sum_exec_runtime;
	ev->run_delay_ns = task__run_delay(task);
	ev->tid = (u32)task->pid;
	ev->pid = (u32)task->tgid;
	ev->yields = thread->yields;
	ev->cpu_out = (u16)cpu;
	ev->pad = 0;
	bpf_probe_read_kernel(ev->comm, sizeof(ev->comm), task->comm);
}

/* The number of a thread in the PID namespace at this level, which it must be in. */
static __always_inline u32 task__nr_at(struct task_struct *task, u32 level)
{
	struct pid *pid = task->thread_pid;
	u32 nr = 0;

	if (pid && level <= pid->level)
		bpf_probe_read_kernel(&nr, sizeof(nr),
				      (void *)&pid->numbers[0] +
					      level * bpf_core_type_size(struct upid));
	return nr;
}

/* In its own. */
static __always_inline u32 task__ns_nr(struct task_struct *task)
{
	struct pid *pid = task->thread_pid;

	return pid ? task__nr_at(task, pid->level) : 0;
}

/* Who is reaped has no numbers any more, and that can come before its first record. */
static __always_inline void thread__note_numbers(struct convoy_thread *thread,
						 struct task_struct *task)
{
	thread->ns_tid = task__ns_nr(task);
	thread->ns_pid = task__ns_nr(task->group_leader);
}

static __always_inline void fill_birth(struct convoy_ev_birth *ev, struct convoy_thread *thread,
				       struct task_struct *task, u64 now, u32 cpu)
{
	ev->hdr.type = CONVOY_EV_BIRTH;
	ev->hdr.flags = thread->is_new == CONVOY_JOINED ?
				CONVOY_F_SINCE_BEFORE | CONVOY_F_RECOVERED :
				thread->flags;
	ev->hdr.id = thread->id;
	ev->hdr.time_ns = now;
	ev->born_ns = thread->born_ns;
	ev->parent = thread->parent;
	ev->tid = (u32)task->pid;
	ev->pid = (u32)task->tgid;
	ev->ns_tid = thread->ns_tid;
	ev->ns_pid = thread->ns_pid;
	ev->cpu_in = (u16)cpu;
	ev->pad = 0;
	bpf_probe_read_kernel(ev->comm, sizeof(ev->comm), task->comm);
}

static __always_inline void emit_birth(struct convoy_ring *ring, struct convoy_thread *thread,
				       struct task_struct *task, u64 now, u32 cpu)
{
	struct convoy_ev_birth *ev = ring__reserve(ring, sizeof(*ev));

	if (!ev)
		return;
	fill_birth(ev, thread, task, now, cpu);
	ring__submit(ring, sizeof(*ev));
}

static __always_inline void emit_death(struct convoy_ring *ring, struct convoy_thread *thread,
				       struct task_struct *task, u64 now, u32 cpu, bool stale)
{
	struct convoy_ev_death *ev;
	u64 last;

	if (!thread__claim_death(thread))
		return; /* who found it dying has written it */
	if (thread->is_new == CONVOY_JOINED)
		emit_birth(ring, thread, task, thread->born_ns, cpu);
	emit_futex_calls(ring, thread, now);
	ev = ring__reserve(ring, sizeof(*ev));
	if (ev) {
		ev->hdr.type = CONVOY_EV_DEATH;
		/*
		 * A group leader (or a traced thread) stays a zombie until it is
		 * reaped, so rusage includes this switch. A thread that reaped
		 * itself was added up in release_task(), before it. A parent that
		 * waits on another CPU can be as fast as this switch: it has marked
		 * the child dead, and read its counters just before or just after.
		 */
		ev->hdr.flags = 0;
		if (task->exit_state & EXIT_ZOMBIE)
			ev->hdr.flags = CONVOY_F_ZOMBIE;
		else if (task->pid == task->tgid)
			ev->hdr.flags = CONVOY_F_REAPING;
		if (task->nvcsw != thread->nvcsw)
			ev->hdr.flags |= CONVOY_F_VOLUNTARY;
		if (stale)
			ev->hdr.flags |= CONVOY_F_RECOVERED;
		fill_totals(ev, thread, task, now, cpu);
		ring__submit(ring, sizeof(*ev));
	}
	/* The result is asked for, so that this stays behind the record on every CPU. */
	last = __sync_fetch_and_add(&counters.dead, 1);
	barrier_var(last);
}

static __always_inline void emit_runnable(struct convoy_ring *ring, struct convoy_thread *thread,
					  u64 now, u32 cpu)
{
	struct convoy_ev_runnable *ev = ring__reserve(ring, sizeof(*ev));

	if (!ev)
		return;
	ev->hdr.type = CONVOY_EV_RUNNABLE;
	ev->hdr.flags = thread->flags;
	ev->hdr.id = thread->id;
	ev->hdr.time_ns = now;
	ev->out_ns = thread->out_ns;
	ev->next = thread->next;
	ev->cpu_out = thread->cpu_out;
	ev->cpu_in = (u16)cpu;
	ring__submit(ring, sizeof(*ev));
}

static __always_inline void fill_wait(struct convoy_ev_wait *ev, const struct convoy_thread *thread,
				      u64 now, u32 cpu)
{
	u16 flags = thread->flags;

	/*
	 * Compared here and not in the waking probe, because a waking on another
	 * CPU may precede the switch-out that names the waiter's word.
	 */
	if ((flags & CONVOY_F_FUTEX) && thread->waking_ns && thread->waker_word == thread->slept_on)
		flags |= CONVOY_F_RELEASED;
	ev->hdr.type = CONVOY_EV_WAIT;
	ev->hdr.flags = flags;
	ev->hdr.id = thread->id;
	ev->hdr.time_ns = now;
	ev->out_ns = thread->out_ns;
	ev->waking_ns = thread->waking_ns;
	ev->word = (flags & CONVOY_F_KLOCK) ? thread->klock : thread->word;
	ev->next = thread->next;
	ev->cpu_out = thread->cpu_out;
	ev->cpu_in = (u16)cpu;
	ev->waker = thread->waker;
	ev->holder = thread->holder;
	ev->nr = (__s16)thread->nr;
	ev->op = (u16)thread->op;
	ev->val = thread->val;
}

/*
 * CONVOY_EV_WAIT: the wait is over. CONVOY_EV_OPEN: what a thread leaves the CPU for, told at
 * once; a record of the interval may still come.
 */
static __always_inline void emit_wait(struct convoy_ring *ring, struct convoy_thread *thread,
				      u16 type, u64 now, u32 cpu)
{
	struct convoy_ev_wait *ev = ring__reserve(ring, sizeof(*ev));

	if (!ev)
		return;
	fill_wait(ev, thread, now, cpu);
	ev->hdr.type = type;
	ring__submit(ring, sizeof(*ev));
}

#endif /* CONVOY_RECORDS_BPF_H */
