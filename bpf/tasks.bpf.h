/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * tasks.bpf.h - threads that are older than the recording, or outlive it.
 *
 * Iterators over all tasks, run when the tool reads them, in its context. They write
 * to the reader and never to a ring, whose only writer is sched_switch.
 */
#ifndef CONVOY_TASKS_BPF_H
#define CONVOY_TASKS_BPF_H

/* The CPU a task is on, or was on last. */
static __always_inline u32 task__cpu(struct task_struct *task)
{
	if (bpf_core_field_exists(task->thread_info.cpu))
		return task->thread_info.cpu;
	if (bpf_core_field_exists(((struct task_struct___cpu *)task)->cpu))
		return BPF_CORE_READ((struct task_struct___cpu *)task, cpu);
	return 0;
}

/* Waiting for a CPU, or for something else? Of a task that has none. */
static __always_inline bool task__is_queued(struct task_struct *task)
{
	if (!task->on_rq)
		return false;
	return !bpf_core_field_exists(task->se.sched_delayed) || !task->se.sched_delayed;
}

/*
 * What a thread is doing at this moment, as far as can be seen from another CPU. It
 * may change while one looks: what is wrong here shows at its next switch.
 */
static __always_inline void thread__look_at(struct convoy_thread *thread, struct task_struct *task,
					    u64 now)
{
	u32 state = task->__state;

	thread->nr = -1;
	thread->flags = 0;
	thread->nvcsw = task->nvcsw;
	thread->nivcsw = task->nivcsw;
	thread->run_delay = task__run_delay(task);
	thread->clock_offset = counters.clock_offset;
	thread->in_ns = now;
	thread->out_ns = now;
	thread->cpu_out = (u16)task__cpu(task);
	thread->is_off = !task->on_cpu;
	if (!thread->is_off)
		return;
	thread->flags = CONVOY_F_SINCE_BEFORE;
	thread->blocked = state && !(state & TASK_NEW) && !task__is_queued(task);
	if (thread->blocked)
		thread__note_old_reason(thread, task, state);
}

/*
 * Did it die before it was traced, so that no record says so? Asked once it is traced: a
 * thread that is not yet off its CPU for good is given the moment that it takes. Where
 * that is not enough nobody can tell, so its death is claimed: it will be written once.
 */
static __always_inline bool died_unseen(struct convoy_thread *thread, struct task_struct *task)
{
	if (!*(volatile int *)&task->exit_state)
		return false;
	for (int i = 0; i < 100; i++) {
		if (*(volatile u32 *)&task->__state != TASK_DEAD)
			return false;
		if (!*(volatile int *)&task->on_cpu)
			break;
	}
	return thread__claim_death(thread);
}

/* Find the threads to be traced that are there already. Those that are traced are left. */
SEC("iter/task")
int find_tasks(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct convoy_ev_seen ev = { 0 };
	struct convoy_thread *thread;

	if (!task || task->exit_state || !task__wanted(task))
		return 0;
	thread = thread__make(task);
	if (!thread || thread->id || thread->launcher || thread->ignored)
		return 0;
	/* The reader's buffer may be full: then the same task comes once more. */
	if (!thread->found_id) {
		if (!thread__claim(thread))
			return 0;
		thread->found_id = (u32)__sync_fetch_and_add(&counters.born, 1) + 1;
	}
	thread->alone = config.targets == CONVOY_TARGETS_THREADS;
	thread->found = 1;
	ev.hdr.type = CONVOY_EV_SEEN;
	ev.hdr.id = thread->found_id;
	ev.hdr.time_ns = bpf_ktime_get_ns();
	thread__look_at(thread, task, ev.hdr.time_ns);
	ev.started_ns = task->start_time;
	ev.nvcsw = thread->nvcsw;
	ev.nivcsw = thread->nivcsw;
	ev.runtime_ns = task->se.sum_exec_runtime;
	ev.run_delay_ns = thread->run_delay;
	ev.tid = (u32)task->pid;
	ev.pid = (u32)task->tgid;
	ev.ns_tid = task__ns_nr(task);
	ev.ns_pid = task__ns_nr(task->group_leader);
	ev.cpu = thread->cpu_out;
	ev.state = !thread->is_off ? CONVOY_SEEN_RUNNING :
		   thread->blocked ? CONVOY_SEEN_BLOCKED :
				     CONVOY_SEEN_RUNNABLE;
	bpf_probe_read_kernel(ev.comm, sizeof(ev.comm), task->comm);
	if (bpf_seq_write(ctx->meta->seq, &ev, sizeof(ev)))
		return 0;
	if (thread->blocked) {
		/* For the reader alone, who can look up the holder in the waiter's memory. */
		struct convoy_ev_wait wait = { 0 };

		fill_wait(&wait, thread, ev.hdr.time_ns, ev.cpu);
		wait.hdr.type = CONVOY_EV_OPEN;
		wait.next = task__nr_at(task->group_leader, tool__level());
		wait.holder = task__nr_at(task, tool__level());
		wait.hdr.id = thread->found_id;
		if (bpf_seq_write(ctx->meta->seq, &wait, sizeof(wait)) ||
		    !write_found_stack(ctx->meta->seq, thread, task, ev.hdr.time_ns))
			return 0;
	}
	/* From here on its switches are recorded. All of the above comes before. */
	__sync_lock_test_and_set(&thread->id, thread->found_id);
	if (died_unseen(thread, task)) {
		struct convoy_ev_death death = { 0 };

		death.hdr.type = CONVOY_EV_DEATH;
		death.hdr.flags = CONVOY_F_VOLUNTARY | CONVOY_F_RECOVERED;
		fill_totals(&death, thread, task, ev.hdr.time_ns, ev.cpu);
		/* In a full buffer all of it is dropped, and not asked for again: its id is missed. */
		if (bpf_seq_write(ctx->meta->seq, &death, sizeof(death)))
			thread->id = 0;
		__sync_fetch_and_add(&counters.dead, 1);
	}
	return 0;
}

/* What a thread that lives on is in the middle of. */
static __always_inline void write_open(struct seq_file *seq, struct convoy_thread *thread,
				       struct task_struct *task, u64 now)
{
	struct convoy_ev_wait ev = { 0 };
	u64 out_ns = *(volatile u64 *)&thread->out_ns;

	if (thread->found && !thread->is_off && !task->on_cpu) {
		/* It left its CPU just before it was traced, and has not come back. */
		thread->flags = CONVOY_F_SINCE_BEFORE | CONVOY_F_RECOVERED;
		thread->blocked = task->__state && !task__is_queued(task);
		if (thread->blocked)
			thread__note_old_reason(thread, task, task->__state);
	} else if (!thread->is_off || (thread->found && task->on_cpu)) {
		return; /* it runs */
	}
	fill_wait(&ev, thread, now, thread->cpu_out);
	ev.hdr.type = CONVOY_EV_OPEN;
	/* Switched meanwhile: that has a record of its own. */
	if (*(volatile u64 *)&thread->out_ns == out_ns)
		bpf_seq_write(seq, &ev, sizeof(ev));
}

/* The state of every traced thread that is still there. Changes nothing. */
SEC("iter/task")
int close_tasks(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct seq_file *seq = ctx->meta->seq;
	struct convoy_ev_death totals = { 0 };
	struct convoy_thread *thread;
	u64 now;

	if (!task)
		return 0;
	thread = thread__find(task);
	if (!thread || !thread->id || task->exit_state)
		return 0;
	now = bpf_ktime_get_ns();
	if (thread->is_new) {
		struct convoy_ev_birth birth = { 0 };

		fill_birth(&birth, thread, task,
			   thread->is_new == CONVOY_JOINED ? thread->born_ns : now,
			   thread->cpu_out);
		bpf_seq_write(seq, &birth, sizeof(birth));
	}
	for (int i = 0; i <= CONVOY_FUTEX_SLOTS; i++) {
		struct convoy_futex_slot *slot = &thread->futex[i];
		struct convoy_ev_futex calls = { 0 };

		if (!slot->waits && !slot->wakes)
			continue;
		fill_futex_calls(&calls, thread, slot, now);
		bpf_seq_write(seq, &calls, sizeof(calls));
	}
	totals.hdr.type = CONVOY_EV_ALIVE;
	fill_totals(&totals, thread, task, now, task__cpu(task));
	if (thread->is_new != CONVOY_NEWBORN)
		write_open(seq, thread, task, now);
	/* Last: who reads it, in a recording that breaks off, has all of the thread. */
	bpf_seq_write(seq, &totals, sizeof(totals));
	return 0;
}

/*
 * A process was moved into the cgroup that is recorded. Of its threads only the one named
 * can be had here; the others are looked for by the tool, which sees `joined` grow.
 */
SEC("tp_btf/cgroup_attach_task")
int BPF_PROG(cgroup_attach_task, struct cgroup *to, const char *path, struct task_struct *task)
{
	struct convoy_thread *thread;
	u64 now;

	if (config.targets != CONVOY_TARGETS_CGROUP || !task__in_cgroup(task))
		return 0;
	thread = thread__make(task);
	if (!thread || thread->launcher || thread->ignored || !thread__claim(thread))
		return 0;
	__sync_fetch_and_add(&counters.joined, 1);
	now = bpf_ktime_get_ns();
	thread->found = 1;
	thread->is_new = CONVOY_JOINED;
	thread__note_numbers(thread, task);
	thread->born_ns = now;
	thread__look_at(thread, task, now);
	thread->found_id = (u32)__sync_fetch_and_add(&counters.born, 1) + 1;
	__sync_lock_test_and_set(&thread->id, thread->found_id);
	return 0;
}

#endif /* CONVOY_TASKS_BPF_H */
