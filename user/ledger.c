// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "classify.h"
#include "ledger.h"
#include "thread_table.h"

struct ledger {
	struct ledger_options options;
	uint64_t end_ns;	/* nothing after it is booked; UINT64_MAX: not known yet */
	struct thread_table table;
	uint64_t *cpu_busy_ns;
	unsigned n_cpus;
	uint64_t last_death_ns;
	struct locks *locks;
};

int ledger__new(struct ledger **out, const struct ledger_options *options)
{
	struct ledger *ledger = calloc(1, sizeof(*ledger));
	int err;

	if (!ledger)
		return -ENOMEM;
	ledger->options = *options;
	if (!ledger->options.syscalls)
		ledger->options.syscalls = syscalls__native();
	ledger->table.first_id = options->first_id;
	ledger->end_ns = UINT64_MAX;
	err = locks__new(&ledger->locks, options->published);
	if (err) {
		free(ledger);
		return err;
	}
	*out = ledger;
	return 0;
}

void ledger__free(struct ledger *ledger)
{
	if (!ledger)
		return;
	locks__free(ledger->locks);
	free(ledger->cpu_busy_ns);
	thread_table__free(&ledger->table);
	free(ledger);
}

void ledger__end_at(struct ledger *ledger, uint64_t end_ns)
{
	ledger->end_ns = end_ns;
}

static int book_cpu(struct ledger *ledger, int cpu, uint64_t ns)
{
	if (cpu < 0)
		return 0;
	if ((unsigned)cpu >= ledger->n_cpus) {
		uint64_t *grown = realloc(ledger->cpu_busy_ns,
					  ((size_t)cpu + 1) * sizeof(*ledger->cpu_busy_ns));

		if (!grown)
			return -ENOMEM;
		memset(grown + ledger->n_cpus, 0,
		       ((size_t)cpu + 1 - ledger->n_cpus) * sizeof(*grown));
		ledger->cpu_busy_ns = grown;
		ledger->n_cpus = (unsigned)cpu + 1;
	}
	ledger->cpu_busy_ns[cpu] += ns;
	return 0;
}

/* Book what of [from, to) lies within the thread's life and before the end; its length. */
static uint64_t book(const struct ledger *ledger, struct ledger_thread *thread,
		     enum account account, uint64_t from, uint64_t to)
{
	uint64_t ns;

	if (from < thread->start_ns)
		from = thread->start_ns;
	if (to > ledger->end_ns)
		to = ledger->end_ns;
	ns = to > from ? to - from : 0;
	thread->time_ns[account] += ns;
	return ns;
}

static int book_running(struct ledger *ledger, struct ledger_thread *thread, uint64_t until)
{
	if (until < thread->last_in_ns) {
		thread->disordered++;
		return 0;
	}
	return book_cpu(ledger, thread->cpu,
			book(ledger, thread, ACCOUNT_RUNNING, thread->last_in_ns, until));
}

/* The thread went past the end: nothing more of it is booked or counted. */
static void close_at_end(const struct ledger *ledger, struct ledger_thread *thread)
{
	thread->closed = true;
	thread->end_ns = ledger->end_ns;
}

/* It lived before the start or after the end only. */
static void set_outside(struct ledger_thread *thread)
{
	thread->outside = true;
	thread->seen = false;
}

/* An event of a thread whose birth nobody saw: it was there before, or lost. */
static void assume_born(const struct ledger *ledger, struct ledger_thread *thread, uint64_t out_ns)
{
	if (thread->seen)
		return;
	thread->seen = true;
	thread->since_before = out_ns <= ledger->options.start_ns;
	thread->auditable = !thread->since_before && !ledger->options.window;
	thread->start_ns = thread->since_before ? ledger->options.start_ns : out_ns;
	thread->last_in_ns = thread->start_ns < out_ns ? thread->start_ns : out_ns;
	thread->cpu = -1;
	if (thread->start_ns >= ledger->end_ns)
		set_outside(thread);
}

static void count_switch(const struct ledger *ledger, struct ledger_thread *thread, uint16_t flags,
			 uint64_t out_ns)
{
	if (ledger->options.window && out_ns < ledger->options.start_ns)
		return;
	if (flags & CONVOY_F_VOLUNTARY) {
		thread->voluntary++;
		thread->rusage_voluntary += !(flags & CONVOY_F_REAPED);
	} else {
		thread->involuntary++;
		thread->rusage_involuntary += !(flags & CONVOY_F_REAPED);
	}
}

/*
 * The common part of both intervals: the run before it, and its switch. In *from: since
 * when the thread was off the CPU. If that was after the end, the thread is closed.
 */
static int book_switch(struct ledger *ledger, struct ledger_thread *thread,
		       const struct convoy_ev_hdr *hdr, uint64_t out_ns, uint16_t cpu_out,
		       uint64_t *from)
{
	bool first = !thread->had_interval;
	bool before = hdr->flags & CONVOY_F_SINCE_BEFORE;

	assume_born(ledger, thread, out_ns);
	if (thread->outside || thread->closed)
		return 0;
	if (thread->cpu < 0)
		thread->cpu = cpu_out;
	thread->had_interval = true;
	/* It was not found as its first record says: it was switched in between, unseen. */
	if (first && (thread->found_off != before ||
		      ((before || thread->base.known) && hdr->flags & CONVOY_F_RECOVERED)))
		thread->auditable = false;
	if (first && before) {
		*from = thread->last_in_ns < out_ns ? thread->last_in_ns : out_ns;
		return 0;
	}
	*from = out_ns < thread->last_in_ns ? thread->last_in_ns : out_ns;
	if (out_ns >= ledger->end_ns)
		close_at_end(ledger, thread);
	else if (!before)
		count_switch(ledger, thread, hdr->flags, out_ns);
	return book_running(ledger, thread, out_ns);
}

/* The end of both: it runs again, or did not before the end. */
static void back_on_cpu(const struct ledger *ledger, struct ledger_thread *thread, uint64_t in_ns,
			uint16_t cpu_in)
{
	if (in_ns > ledger->end_ns) {
		thread->unfinished = true;
		close_at_end(ledger, thread);
		return;
	}
	/* On its way to the cork it may move; that is none of the work's. */
	if (thread->cpu != cpu_in && in_ns > thread->start_ns)
		thread->migrations++;
	thread->cpu = cpu_in;
	if (in_ns > thread->last_in_ns)
		thread->last_in_ns = in_ns;
}

static bool under_way_before(const struct ledger *ledger, uint16_t flags, uint64_t out_ns)
{
	return flags & CONVOY_F_SINCE_BEFORE || out_ns < ledger->options.start_ns;
}

/* Off the CPU, but never blocked. */
static void book_preempted(const struct ledger *ledger, struct ledger_thread *thread,
			   uint16_t flags, uint64_t from, uint64_t in_ns)
{
	book(ledger, thread, ACCOUNT_PREEMPTED, from, in_ns);
	if (in_ns > thread->start_ns)
		thread->waited_before |= under_way_before(ledger, flags, from);
}

static int feed_runnable(struct ledger *ledger, struct ledger_thread *thread,
			 const struct convoy_ev_runnable *ev)
{
	uint64_t in_ns = ev->hdr.time_ns, from;
	int err;

	if (in_ns < ev->out_ns)
		return -EBADMSG;
	err = book_switch(ledger, thread, &ev->hdr, ev->out_ns, ev->cpu_out, &from);
	if (err || thread->outside || thread->closed)
		return err;
	book_preempted(ledger, thread, ev->hdr.flags, from, in_ns);
	back_on_cpu(ledger, thread, in_ns, ev->cpu_in);
	return 0;
}

/* Who held the lock by the word that the waiter read when it blocked, or that we read. */
static size_t holder_of(const struct ledger *ledger, const struct ledger_thread *thread,
			const struct convoy_ev_wait *ev)
{
	uint32_t tid = 0;

	if (ev->hdr.flags & CONVOY_F_HOLDER)
		tid = ev->holder;
	else if (ev->hdr.flags & CONVOY_F_SINCE_BEFORE && ev->word == thread->held_word)
		tid = thread->held_by;
	return thread_table__find_tid(&ledger->table, thread->pid, tid);
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

/*
 * Book an off-CPU interval that blocked: blocked from out to waking, then on a
 * run queue until it runs. With no waking after the switch-out it never slept.
 */
static int book_wait(struct ledger *ledger, struct ledger_thread *thread,
		     const struct convoy_ev_wait *ev, uint64_t from, uint64_t woken_ns,
		     uint64_t in_ns)
{
	bool for_tid = classify__may_be_join(ev) &&
		       thread_table__find_tid(&ledger->table, thread->pid, ev->val) != NO_THREAD;
	struct lock_word word = locks__find(ledger->locks, thread->ns_pid, ev->word);
	struct wait_class class = classify__wait(ev, word.kind, for_tid, ledger->options.syscalls);
	bool before = under_way_before(ledger, ev->hdr.flags, from);
	bool open = ev->hdr.type == CONVOY_EV_OPEN || in_ns > ledger->end_ns;
	uint64_t blocked, delayed;

	if (woken_ns > in_ns)
		woken_ns = in_ns;
	blocked = book(ledger, thread, class.account, from, woken_ns);
	delayed = book(ledger, thread, ACCOUNT_WAKEUP, woken_ns > from ? woken_ns : from, in_ns);
	if (in_ns <= thread->start_ns)
		return 0;
	thread->waited_before |= before;
	if (!class.has_lock)
		return 0;

	struct lock_wait wait = {
		.thread = (size_t)(thread - ledger->table.threads),
		.holder = holder_of(ledger, thread, ev),
		.releaser = releaser_of(ledger, ev),
		.pid = thread->ns_pid,
		.word = word,
		.kind = class.kind,
		.mmap_lock = ev->hdr.flags & CONVOY_F_MMAP_LOCK,
		.released = ev->hdr.flags & CONVOY_F_RELEASED,
		.early = ev->waking_ns && ev->waking_ns < ev->out_ns,
		.since_before = before,
		.open = open,
		.blocked_ns = blocked,
		.wakeup_ns = delayed,
		.woken_ns = woken_ns,
		.in_ns = in_ns,
		.ran_ns = thread->time_ns[ACCOUNT_RUNNING],
	};
	return locks__wait(ledger->locks, &wait);
}

static int feed_wait(struct ledger *ledger, struct ledger_thread *thread,
		     const struct convoy_ev_wait *ev)
{
	uint64_t in_ns = ev->hdr.time_ns, from;
	uint64_t woken_ns = ev->waking_ns > ev->out_ns ? ev->waking_ns : ev->out_ns;
	int err;

	if (in_ns < ev->out_ns)
		return -EBADMSG;
	err = book_switch(ledger, thread, &ev->hdr, ev->out_ns, ev->cpu_out, &from);
	if (err || thread->outside || thread->closed)
		return err;
	err = book_wait(ledger, thread, ev, from, woken_ns, in_ns);
	if (!err)
		back_on_cpu(ledger, thread, in_ns, ev->cpu_in);
	return err;
}

static int feed_birth(struct ledger *ledger, struct ledger_thread *thread,
		      const struct convoy_ev_birth *ev)
{
	/* Told by who closed the recording already, it may then run for the first time. */
	if (thread->seen && ev->hdr.time_ns > ledger->end_ns)
		return 0;
	if (thread->seen || ev->hdr.time_ns < ev->born_ns)
		return -EBADMSG;
	if (ev->born_ns >= ledger->end_ns) {
		set_outside(thread);
		return 0;
	}
	thread->seen = true;
	/* One that was moved to where it is recorded has a past. */
	thread->since_before = ev->hdr.flags & CONVOY_F_SINCE_BEFORE;
	thread->auditable = !ledger->options.window && !thread->since_before;
	thread->parent = ev->parent;
	thread->tid = ev->tid;
	thread->pid = ev->pid;
	thread->ns_tid = ev->ns_tid;
	thread->ns_pid = ev->ns_pid;
	thread->root = ev->hdr.flags & CONVOY_F_ROOT;
	memcpy(thread->comm, ev->comm, sizeof(thread->comm));
	thread->start_ns = ev->born_ns;
	if (thread->start_ns < ledger->options.start_ns) {
		thread->start_ns = ledger->options.start_ns;
		thread->since_before |= ledger->options.window;
	}
	/* A new thread waits for its first turn; nothing wakes it. */
	book(ledger, thread, ACCOUNT_WAKEUP, ev->born_ns, ev->hdr.time_ns);
	thread->last_in_ns = ev->hdr.time_ns;
	thread->cpu = ev->cpu_in;
	if (ev->hdr.time_ns > ledger->end_ns) {
		thread->unfinished = true;
		close_at_end(ledger, thread);
	}
	return thread_table__remember_tid(&ledger->table, thread);
}

/* What it was doing then is told by its first record; here is from where to count. */
static int feed_seen(struct ledger *ledger, struct ledger_thread *thread,
		     const struct convoy_ev_seen *ev)
{
	if (thread->seen)
		return -EBADMSG;
	if (ev->hdr.time_ns >= ledger->end_ns) {
		set_outside(thread);
		return 0;
	}
	thread->seen = true;
	thread->since_before = true;
	thread->auditable = !ledger->options.window;
	thread->tid = ev->tid;
	thread->pid = ev->pid;
	thread->ns_tid = ev->ns_tid;
	thread->ns_pid = ev->ns_pid;
	memcpy(thread->comm, ev->comm, sizeof(thread->comm));
	/* It may have come later to where it is recorded. */
	thread->last_in_ns = ev->hdr.time_ns;
	thread->start_ns = ledger->options.start_ns > ev->hdr.time_ns ? ledger->options.start_ns :
									ev->hdr.time_ns;
	thread->cpu = ev->cpu;
	thread->found_off = ev->state != CONVOY_SEEN_RUNNING;
	thread->base.known = true;
	thread->base.voluntary = ev->nvcsw;
	thread->base.involuntary = ev->nivcsw;
	thread->base.runtime_ns = ev->runtime_ns;
	thread->base.run_delay_ns = ev->run_delay_ns;
	return thread_table__remember_tid(&ledger->table, thread);
}

/* A count that shrank is damaged. */
static uint64_t grown(uint64_t now, uint64_t before)
{
	return now > before ? now - before : 0;
}

/* The kernel's account of it, since it was born or found. */
static void note_kernels_account(const struct ledger *ledger, struct ledger_thread *thread,
				 const struct convoy_ev_death *ev)
{
	thread->tid = ev->tid;
	thread->pid = ev->pid;
	memcpy(thread->comm, ev->comm, sizeof(thread->comm));
	thread->kernel_voluntary = grown(ev->nvcsw, thread->base.voluntary);
	thread->kernel_involuntary = grown(ev->nivcsw, thread->base.involuntary);
	thread->runtime_ns = grown(ev->runtime_ns, thread->base.runtime_ns);
	thread->run_delay_ns = grown(ev->run_delay_ns, thread->base.run_delay_ns);
	thread->yields = ledger->options.window ? 0 : ev->yields;
	thread->accounted = true;
}

/* The last switch. Before the thread takes the numbers that it died with. */
static void count_last_switch(struct ledger_thread *thread, uint16_t flags)
{
	if (!(flags & CONVOY_F_VOLUNTARY)) {
		thread->involuntary++;
		return;
	}
	thread->voluntary++;
	/* A process's first thread is reaped by another one that executes and takes its number. */
	if (flags & CONVOY_F_ZOMBIE)
		thread->rusage_voluntary++;
	else
		thread->rusage_unsure = flags & CONVOY_F_REAPING ||
					(thread->tid && thread->tid == thread->pid);
}

static int feed_death(struct ledger *ledger, struct ledger_thread *thread,
		      const struct convoy_ev_death *ev)
{
	int err = 0;

	assume_born(ledger, thread, ev->hdr.time_ns);
	if (thread->outside)
		return 0;
	if (thread->dead)
		return -EBADMSG;
	if (ledger->options.window && ev->hdr.time_ns <= ledger->options.start_ns) {
		set_outside(thread);
		return 0;
	}
	if (thread->cpu < 0)
		thread->cpu = ev->cpu_out;
	if (!thread->closed)
		err = book_running(ledger, thread, ev->hdr.time_ns);
	if (err)
		return err;
	if (thread->closed || ev->hdr.time_ns > ledger->end_ns) {
		note_kernels_account(ledger, thread, ev);
		close_at_end(ledger, thread);
		return 0;
	}
	count_last_switch(thread, ev->hdr.flags);
	note_kernels_account(ledger, thread, ev);
	thread->dead = true;
	thread->end_ns = ev->hdr.time_ns;
	/* Found off the CPU, it must have come back on it unseen; or its finder says so. */
	if ((thread->found_off && !thread->had_interval) || (ev->hdr.flags & CONVOY_F_RECOVERED))
		thread->auditable = false;
	if (ev->hdr.time_ns > ledger->last_death_ns)
		ledger->last_death_ns = ev->hdr.time_ns;
	return 0;
}

/* Found at the end. It may have died by the time that it is told, or run for the first time. */
static int feed_alive(const struct ledger *ledger, struct ledger_thread *thread,
		      const struct convoy_ev_death *ev)
{
	thread->alive = true;
	if (thread->seen && !thread->dead)
		note_kernels_account(ledger, thread, ev);
	return 0;
}

static int feed_futex(struct ledger *ledger, struct ledger_thread *thread,
		      const struct convoy_ev_futex *ev)
{
	assume_born(ledger, thread, ev->hdr.time_ns);
	/* They are of its whole life: which of them fell into a part of it is not known. */
	if (thread->outside || ledger->options.window)
		return 0;
	return locks__calls(ledger->locks, thread->ns_pid, ev);
}

static int feed_holder(struct ledger_thread *thread, const struct convoy_ev_holder *ev)
{
	thread->held_word = ev->word;
	thread->held_by = ev->holder;
	return 0;
}

int ledger__feed(struct ledger *ledger, const struct convoy_ev_hdr *ev)
{
	struct ledger_thread *thread;
	int err = thread_table__get(&ledger->table, ev->id, &thread);

	if (err || !thread || thread->outside)
		return err;
	switch (ev->type) {
	case CONVOY_EV_RUNNABLE:
		return feed_runnable(ledger, thread, (const void *)ev);
	case CONVOY_EV_WAIT:
		return feed_wait(ledger, thread, (const void *)ev);
	case CONVOY_EV_BIRTH:
		return feed_birth(ledger, thread, (const void *)ev);
	case CONVOY_EV_DEATH:
		return feed_death(ledger, thread, (const void *)ev);
	case CONVOY_EV_FUTEX:
		return feed_futex(ledger, thread, (const void *)ev);
	case CONVOY_EV_OPEN:
		memcpy(&thread->open, ev, sizeof(thread->open));
		return 0;
	case CONVOY_EV_SEEN:
		return feed_seen(ledger, thread, (const void *)ev);
	case CONVOY_EV_ALIVE:
		return feed_alive(ledger, thread, (const void *)ev);
	case CONVOY_EV_HOLDER:
		return feed_holder(thread, (const void *)ev);
	}
	return -EBADMSG;
}

/* Does what was still going on when the tool looked tell of the end? */
static bool is_open(const struct ledger_thread *thread, uint64_t end_ns)
{
	const struct convoy_ev_wait *open = &thread->open;

	if (open->hdr.type != CONVOY_EV_OPEN || open->out_ns > end_ns)
		return false;
	if (open->hdr.flags & CONVOY_F_SINCE_BEFORE)
		return !thread->had_interval;
	/* One that is older than the thread's last run was over after all. */
	return open->out_ns >= thread->last_in_ns;
}

/* A thread that outlives the round: close what it was doing at the end. */
static int finish_thread(struct ledger *ledger, struct ledger_thread *thread, uint64_t end_ns)
{
	const struct convoy_ev_wait *open = &thread->open;
	uint64_t woken_ns, from;
	int err;

	thread->end_ns = end_ns;
	if (!is_open(thread, end_ns))
		return book_running(ledger, thread, end_ns);
	err = book_switch(ledger, thread, &open->hdr, open->out_ns, open->cpu_out, &from);
	if (err || thread->closed)
		return err;
	thread->unfinished = true;
	if (!(open->hdr.flags & CONVOY_F_VOLUNTARY)) {
		book_preempted(ledger, thread, open->hdr.flags, from, end_ns);
		return 0;
	}
	/* Nobody woke it yet: unlike in a closed wait, it still sleeps. */
	woken_ns = open->waking_ns ? open->waking_ns : end_ns;
	return book_wait(ledger, thread, open, from, woken_ns, end_ns);
}

/* CPU time, of a thread that was there before the start or goes on after the end. */
static void limit_runtime(const struct ledger *ledger, struct ledger_thread *thread)
{
	uint64_t lifetime = ledger_thread__lifetime_ns(thread);

	/* By the kernel it is of a little more than the recording; or it is not known. */
	if (ledger->options.window || !thread->accounted)
		thread->runtime_ns = thread->time_ns[ACCOUNT_RUNNING];
	else if ((thread->base.known || !thread->dead) && thread->runtime_ns > lifetime)
		thread->runtime_ns = lifetime;
}

/*
 * Of the threads that no event tells of, those after the last that does were born
 * after the end, where that is not when everything ended.
 */
static void forget_later_births(struct ledger *ledger)
{
	for (size_t i = ledger->table.n_threads; i > 0; i--) {
		if (ledger->table.threads[i - 1].seen)
			return;
		set_outside(&ledger->table.threads[i - 1]);
	}
}

int ledger__finish(struct ledger *ledger, uint64_t end_ns)
{
	if (end_ns > ledger->end_ns)
		end_ns = ledger->end_ns;
	for (size_t i = 0; i < ledger->table.n_threads; i++) {
		struct ledger_thread *thread = &ledger->table.threads[i];
		int err = 0;

		if (thread->open.hdr.type == CONVOY_EV_OPEN && !thread->outside)
			assume_born(ledger, thread, thread->open.out_ns);
		if (!thread->seen)
			continue;
		if (!thread->dead && !thread->closed)
			err = finish_thread(ledger, thread, end_ns);
		if (err)
			return err;
		limit_runtime(ledger, thread);
	}
	if (ledger->end_ns != UINT64_MAX)
		forget_later_births(ledger);
	return locks__finish(ledger->locks);
}

int ledger__finish_cut(struct ledger *ledger)
{
	for (size_t i = 0; i < ledger->table.n_threads; i++) {
		struct ledger_thread *thread = &ledger->table.threads[i];
		int err;

		if (!thread->seen || thread->dead || thread->closed)
			continue;
		/* It broke off after the end, and how this one stood then was told. */
		if (thread->alive && ledger->end_ns != UINT64_MAX) {
			err = finish_thread(ledger, thread, ledger->end_ns);
			if (err)
				return err;
			limit_runtime(ledger, thread);
			continue;
		}
		thread->end_ns = thread->last_in_ns > thread->start_ns ? thread->last_in_ns :
									 thread->start_ns;
		thread->unfinished = true;
		limit_runtime(ledger, thread);
	}
	return locks__finish(ledger->locks);
}

size_t ledger__n_threads(const struct ledger *ledger)
{
	return ledger->table.n_threads;
}

const struct ledger_thread *ledger__thread(const struct ledger *ledger, size_t at)
{
	return &ledger->table.threads[at];
}

const struct ledger_thread *ledger__find(const struct ledger *ledger, uint32_t ns_pid,
					 uint32_t ns_tid)
{
	size_t index = thread_table__find_ns(&ledger->table, ns_pid, ns_tid);

	return index == NO_THREAD ? NULL : &ledger->table.threads[index];
}

uint64_t ledger__cpu_busy_ns(const struct ledger *ledger, unsigned cpu)
{
	return cpu < ledger->n_cpus ? ledger->cpu_busy_ns[cpu] : 0;
}

unsigned ledger__n_cpus(const struct ledger *ledger)
{
	return ledger->n_cpus;
}

uint64_t ledger__last_death_ns(const struct ledger *ledger)
{
	return ledger->last_death_ns;
}

struct locks *ledger__locks(struct ledger *ledger)
{
	return ledger->locks;
}
