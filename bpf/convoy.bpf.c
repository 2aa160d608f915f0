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

#include "regs.bpf.h"
#include "ring.bpf.h"

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

/* include/trace/events/lock.h: spinning nests inside and is no wait */
#define LCB_F_SPIN		0x0001

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

/* How a record names a thread: its id, or its TID when it is not traced. */
static __always_inline u32 thread__who(struct convoy_thread *thread, struct task_struct *task)
{
	if (thread && thread->id)
		return thread->id;
	return CONVOY_FOREIGN | (u32)task->pid;
}

/* Who owns the lock that this thread is about to sleep on, as user memory says. */
static __always_inline void thread__read_holder(struct convoy_thread *thread)
{
	u32 cmd = thread->op & FUTEX_CMD_MASK;
	u32 owner = 0;
	u64 from;

	if (cmd == FUTEX_WAIT && thread->val == 2)
		from = thread->word + 8; /* glibc: pthread_mutex_t.__data.__owner */
	else if (cmd == FUTEX_LOCK_PI || cmd == FUTEX_LOCK_PI2)
		from = thread->word;
	else
		return;
	if (bpf_probe_read_user(&owner, sizeof(owner), (void *)from)) {
		__sync_fetch_and_add(&counters.reads, 1);
		return;
	}
	thread->holder = from == thread->word ? owner & FUTEX_TID_MASK : owner;
	thread->flags |= CONVOY_F_HOLDER;
}

/*
 * Why a thread blocks: fills nr, word, op, val, holder and flags. `current`: it is
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
	}

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
	ev->ns_tid = task__ns_nr(task);
	ev->ns_pid = task__ns_nr(task->group_leader);
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
	thread->gone = 1;
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
	if ((flags & CONVOY_F_FUTEX) && thread->waking_ns && thread->waker_word == thread->word)
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

static __always_inline void emit_wait(struct convoy_ring *ring, struct convoy_thread *thread,
				      u64 now, u32 cpu)
{
	struct convoy_ev_wait *ev = ring__reserve(ring, sizeof(*ev));

	if (!ev)
		return;
	fill_wait(ev, thread, now, cpu);
	ring__submit(ring, sizeof(*ev));
}

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
		emit_wait(ring, thread, in_ns, cpu);
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
	} else if (!voluntary && !preempt) {
		struct syscall_regs regs;

		syscall_regs__read(task, &regs);
		if (regs.nr == NR_sched_yield)
			thread->yields++;
	}
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
