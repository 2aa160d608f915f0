// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "classify.h"
#include "ledger.h"

struct ledger {
	struct ledger_options options;
	struct ledger_thread *threads;	/* by id - first_id - 1 */
	size_t n_threads, n_room;
	uint64_t *cpu_busy_ns;
	unsigned n_cpus;
	uint64_t last_death_ns;
	struct locks *locks;
	/* (ns_pid, ns_tid) -> thread + 1; open addressing, the latest wins */
	uint32_t *tids;
	size_t n_tids, tids_room;
};

int ledger__new(struct ledger **out, const struct ledger_options *options)
{
	struct ledger *ledger = calloc(1, sizeof(*ledger));
	int err;

	if (!ledger)
		return -ENOMEM;
	ledger->options = *options;
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
	free(ledger->tids);
	free(ledger->threads);
	free(ledger);
}

static size_t tid_slot(const struct ledger *ledger, uint32_t ns_pid, uint32_t ns_tid)
{
	uint64_t key = ((uint64_t)ns_pid << 32 | ns_tid) * 0x9e3779b97f4a7c15ull;
	size_t at = (key >> 32) & (ledger->tids_room - 1);

	while (ledger->tids[at]) {
		const struct ledger_thread *thread = &ledger->threads[ledger->tids[at] - 1];

		if (thread->ns_pid == ns_pid && thread->ns_tid == ns_tid)
			break;
		at = (at + 1) & (ledger->tids_room - 1);
	}
	return at;
}

static int remember_tid(struct ledger *ledger, size_t index)
{
	const struct ledger_thread *thread = &ledger->threads[index];
	size_t slot;

	if (2 * (ledger->n_tids + 1) > ledger->tids_room) {
		uint32_t *old = ledger->tids;
		size_t old_room = ledger->tids_room;

		ledger->tids_room = old_room ? 2 * old_room : 64;
		ledger->tids = calloc(ledger->tids_room, sizeof(*ledger->tids));
		if (!ledger->tids) {
			ledger->tids = old;
			ledger->tids_room = old_room;
			return -ENOMEM;
		}
		for (size_t i = 0; i < old_room; i++) {
			const struct ledger_thread *t;

			if (!old[i])
				continue;
			t = &ledger->threads[old[i] - 1];
			ledger->tids[tid_slot(ledger, t->ns_pid, t->ns_tid)] = old[i];
		}
		free(old);
	}
	slot = tid_slot(ledger, thread->ns_pid, thread->ns_tid);
	if (!ledger->tids[slot])
		ledger->n_tids++;
	ledger->tids[slot] = (uint32_t)index + 1;
	return 0;
}

/* Index of the latest thread with this TID in this process, or NO_THREAD. */
static size_t find_tid(const struct ledger *ledger, uint32_t ns_pid, uint32_t ns_tid)
{
	uint32_t found;

	if (!ledger->tids_room || !ns_tid)
		return NO_THREAD;
	found = ledger->tids[tid_slot(ledger, ns_pid, ns_tid)];
	return found ? found - 1 : NO_THREAD;
}

static size_t index_of(const struct ledger *ledger, uint32_t id)
{
	if (id & CONVOY_FOREIGN || id <= ledger->options.first_id)
		return NO_THREAD;
	return id - ledger->options.first_id - 1;
}

/* The probes number threads one by one: an id that is far ahead is a damaged event. */
#define MAX_GAP (1u << 20)

/* The thread of an event, made on its first one. */
static int thread_of(struct ledger *ledger, uint32_t id, struct ledger_thread **thread)
{
	size_t index = index_of(ledger, id);

	*thread = NULL;
	if (index == NO_THREAD)
		return 0;
	if (index > ledger->n_threads + MAX_GAP)
		return -EBADMSG;
	if (index >= ledger->n_room) {
		size_t room = ledger->n_room ? ledger->n_room : 16;
		struct ledger_thread *grown;

		while (room <= index)
			room *= 2;
		grown = realloc(ledger->threads, room * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		memset(grown + ledger->n_room, 0, (room - ledger->n_room) * sizeof(*grown));
		ledger->threads = grown;
		ledger->n_room = room;
	}
	if (index >= ledger->n_threads)
		ledger->n_threads = index + 1;
	*thread = &ledger->threads[index];
	(*thread)->id = id;
	return 0;
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

/* Length of [from, to) within the thread's life. */
static uint64_t span(const struct ledger_thread *thread, uint64_t from, uint64_t to)
{
	if (from < thread->start_ns)
		from = thread->start_ns;
	return to > from ? to - from : 0;
}

static uint64_t book(struct ledger_thread *thread, enum account account, uint64_t from, uint64_t to)
{
	uint64_t ns = span(thread, from, to);

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
			book(thread, ACCOUNT_RUNNING, thread->last_in_ns, until));
}

/* An event of a thread whose birth nobody saw: it was there before, or lost. */
static void assume_born(const struct ledger *ledger, struct ledger_thread *thread, uint64_t out_ns)
{
	if (thread->seen)
		return;
	thread->seen = true;
	thread->since_before = out_ns <= ledger->options.start_ns;
	thread->start_ns = thread->since_before ? ledger->options.start_ns : out_ns;
	thread->last_in_ns = thread->start_ns < out_ns ? thread->start_ns : out_ns;
	thread->cpu = -1;
}

/* The common part of both intervals: the run before it, and its switch. */
static int book_switch(struct ledger *ledger, struct ledger_thread *thread, uint16_t flags,
		       uint64_t out_ns, uint16_t cpu_out)
{
	assume_born(ledger, thread, out_ns);
	if (thread->cpu < 0)
		thread->cpu = cpu_out;
	if (flags & CONVOY_F_VOLUNTARY) {
		thread->voluntary++;
		thread->rusage_voluntary += !(flags & CONVOY_F_REAPED);
	} else {
		thread->involuntary++;
		thread->rusage_involuntary += !(flags & CONVOY_F_REAPED);
	}
	return book_running(ledger, thread, out_ns);
}

static void back_on_cpu(struct ledger_thread *thread, uint64_t in_ns, uint16_t cpu_in)
{
	/* On its way to the cork it may move; that is none of the work's. */
	if (thread->cpu != cpu_in && in_ns > thread->start_ns)
		thread->migrations++;
	thread->cpu = cpu_in;
	if (in_ns > thread->last_in_ns)
		thread->last_in_ns = in_ns;
}

static int feed_runnable(struct ledger *ledger, struct ledger_thread *thread,
			 const struct convoy_ev_runnable *ev)
{
	uint64_t in_ns = ev->hdr.time_ns;
	uint64_t from = ev->out_ns;
	int err;

	if (in_ns < ev->out_ns)
		return -EBADMSG;
	err = book_switch(ledger, thread, ev->hdr.flags, ev->out_ns, ev->cpu_out);
	if (err)
		return err;
	if (from < thread->last_in_ns)
		from = thread->last_in_ns;
	book(thread, ACCOUNT_PREEMPTED, from, in_ns);
	back_on_cpu(thread, in_ns, ev->cpu_in);
	return 0;
}

/* Who held the lock by the word that the waiter read when it blocked. */
static size_t holder_of(const struct ledger *ledger, const struct ledger_thread *thread,
			const struct convoy_ev_wait *ev)
{
	if (!(ev->hdr.flags & CONVOY_F_HOLDER))
		return NO_THREAD;
	return find_tid(ledger, thread->ns_pid, ev->holder);
}

/* Whose release woke the waiter. */
static size_t releaser_of(const struct ledger *ledger, const struct convoy_ev_wait *ev)
{
	size_t releaser = index_of(ledger, ev->waker);

	if (!(ev->hdr.flags & CONVOY_F_RELEASED))
		return NO_THREAD;
	/* One that is not among the threads would be a damaged event. */
	return releaser < ledger->n_threads ? releaser : NO_THREAD;
}

/*
 * Book an off-CPU interval that blocked: blocked from out to waking, then on a
 * run queue until it runs. With no waking after the switch-out it never slept.
 */
static int book_wait(struct ledger *ledger, struct ledger_thread *thread,
		     const struct convoy_ev_wait *ev, uint64_t woken_ns, uint64_t in_ns)
{
	size_t index = (size_t)(thread - ledger->threads);
	bool for_tid = classify__may_be_join(ev) &&
		       find_tid(ledger, thread->ns_pid, ev->val) != NO_THREAD;
	struct lock_word word = locks__find(ledger->locks, thread->ns_pid, ev->word);
	struct wait_class class = classify__wait(ev, word.kind, for_tid);
	uint64_t from = ev->out_ns;
	uint64_t blocked, delayed;

	if (from < thread->last_in_ns)
		from = thread->last_in_ns;
	if (woken_ns > in_ns)
		woken_ns = in_ns;
	blocked = book(thread, class.account, from, woken_ns);
	delayed = book(thread, ACCOUNT_WAKEUP, woken_ns > from ? woken_ns : from, in_ns);
	if (!class.has_lock || in_ns <= thread->start_ns)
		return 0;

	struct lock_wait wait = {
		.thread = index,
		.holder = holder_of(ledger, thread, ev),
		.releaser = releaser_of(ledger, ev),
		.pid = thread->ns_pid,
		.word = word,
		.kind = class.kind,
		.mmap_lock = ev->hdr.flags & CONVOY_F_MMAP_LOCK,
		.released = ev->hdr.flags & CONVOY_F_RELEASED,
		.early = ev->waking_ns && ev->waking_ns < ev->out_ns,
		.open = ev->hdr.type == CONVOY_EV_OPEN,
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
	uint64_t in_ns = ev->hdr.time_ns;
	uint64_t woken_ns = ev->waking_ns > ev->out_ns ? ev->waking_ns : ev->out_ns;
	int err;

	if (in_ns < ev->out_ns)
		return -EBADMSG;
	err = book_switch(ledger, thread, ev->hdr.flags, ev->out_ns, ev->cpu_out);
	if (!err)
		err = book_wait(ledger, thread, ev, woken_ns, in_ns);
	if (!err)
		back_on_cpu(thread, in_ns, ev->cpu_in);
	return err;
}

static int feed_birth(struct ledger *ledger, struct ledger_thread *thread,
		      const struct convoy_ev_birth *ev)
{
	if (thread->seen || ev->hdr.time_ns < ev->born_ns)
		return -EBADMSG;
	thread->seen = true;
	thread->parent = ev->parent;
	thread->tid = ev->tid;
	thread->pid = ev->pid;
	thread->ns_tid = ev->ns_tid;
	thread->ns_pid = ev->ns_pid;
	thread->root = ev->hdr.flags & CONVOY_F_ROOT;
	memcpy(thread->comm, ev->comm, sizeof(thread->comm));
	thread->start_ns = ev->born_ns;
	if (thread->start_ns < ledger->options.start_ns)
		thread->start_ns = ledger->options.start_ns;
	/* A new thread waits for its first turn; nothing wakes it. */
	book(thread, ACCOUNT_WAKEUP, ev->born_ns, ev->hdr.time_ns);
	thread->last_in_ns = ev->hdr.time_ns;
	thread->cpu = ev->cpu_in;
	return remember_tid(ledger, (size_t)(thread - ledger->threads));
}

static int feed_death(struct ledger *ledger, struct ledger_thread *thread,
		      const struct convoy_ev_death *ev)
{
	int err;

	assume_born(ledger, thread, ev->hdr.time_ns);
	if (thread->dead)
		return -EBADMSG;
	if (thread->cpu < 0)
		thread->cpu = ev->cpu_out;
	err = book_running(ledger, thread, ev->hdr.time_ns);
	if (err)
		return err;
	thread->dead = true;
	thread->end_ns = ev->hdr.time_ns;
	thread->tid = ev->tid;
	thread->pid = ev->pid;
	memcpy(thread->comm, ev->comm, sizeof(thread->comm));
	if (ev->hdr.flags & CONVOY_F_VOLUNTARY) {
		thread->voluntary++;
		if (ev->hdr.flags & CONVOY_F_ZOMBIE)
			thread->rusage_voluntary++;
		thread->rusage_unsure = ev->hdr.flags & CONVOY_F_REAPING;
	} else {
		thread->involuntary++;
	}
	thread->kernel_voluntary = ev->nvcsw;
	thread->kernel_involuntary = ev->nivcsw;
	thread->runtime_ns = ev->runtime_ns;
	thread->run_delay_ns = ev->run_delay_ns;
	thread->yields = ev->yields;
	if (ev->hdr.time_ns > ledger->last_death_ns)
		ledger->last_death_ns = ev->hdr.time_ns;
	return 0;
}

static int feed_futex(struct ledger *ledger, struct ledger_thread *thread,
		      const struct convoy_ev_futex *ev)
{
	assume_born(ledger, thread, ev->hdr.time_ns);
	return locks__calls(ledger->locks, thread->ns_pid, ev);
}

int ledger__feed(struct ledger *ledger, const struct convoy_ev_hdr *ev)
{
	struct ledger_thread *thread;
	int err = thread_of(ledger, ev->id, &thread);

	if (err || !thread)
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
	}
	return -EBADMSG;
}

/* A thread that outlives the round: close what it was doing at the end. */
static int finish_thread(struct ledger *ledger, struct ledger_thread *thread, uint64_t end_ns)
{
	const struct convoy_ev_wait *open = &thread->open;
	uint64_t woken_ns;
	int err;

	/* One that is older than the thread's last run was over after all. */
	if (open->hdr.type != CONVOY_EV_OPEN || open->out_ns > end_ns ||
	    open->out_ns < thread->last_in_ns) {
		thread->end_ns = end_ns;
		return book_running(ledger, thread, end_ns);
	}
	err = book_switch(ledger, thread, open->hdr.flags, open->out_ns, open->cpu_out);
	if (err)
		return err;
	thread->end_ns = end_ns;
	thread->unfinished = true;
	if (!(open->hdr.flags & CONVOY_F_VOLUNTARY)) {
		book(thread, ACCOUNT_PREEMPTED, open->out_ns, end_ns);
		return 0;
	}
	/* Nobody woke it yet: unlike in a closed wait, it still sleeps. */
	woken_ns = open->waking_ns ? open->waking_ns : end_ns;
	return book_wait(ledger, thread, open, woken_ns, end_ns);
}

int ledger__finish(struct ledger *ledger, uint64_t end_ns)
{
	for (size_t i = 0; i < ledger->n_threads; i++) {
		struct ledger_thread *thread = &ledger->threads[i];
		int err;

		if (thread->dead)
			continue;
		if (thread->open.hdr.type == CONVOY_EV_OPEN)
			assume_born(ledger, thread, thread->open.out_ns);
		if (!thread->seen)
			continue;
		err = finish_thread(ledger, thread, end_ns);
		if (err)
			return err;
	}
	return locks__finish(ledger->locks);
}

size_t ledger__n_threads(const struct ledger *ledger)
{
	return ledger->n_threads;
}

const struct ledger_thread *ledger__thread(const struct ledger *ledger, size_t at)
{
	return &ledger->threads[at];
}

const struct ledger_thread *ledger__find(const struct ledger *ledger, uint32_t ns_pid,
					 uint32_t ns_tid)
{
	size_t index = find_tid(ledger, ns_pid, ns_tid);

	return index == NO_THREAD ? NULL : &ledger->threads[index];
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

uint64_t ledger_thread__lifetime_ns(const struct ledger_thread *thread)
{
	return span(thread, thread->start_ns, thread->end_ns);
}

int64_t ledger_thread__residual_ns(const struct ledger_thread *thread)
{
	int64_t residual = (int64_t)ledger_thread__lifetime_ns(thread);

	for (int i = 0; i < ACCOUNT_COUNT; i++)
		residual -= (int64_t)thread->time_ns[i];
	return residual;
}

bool ledger_thread__audited(const struct ledger_thread *thread)
{
	return thread->dead && !thread->since_before;
}

bool ledger_thread__audit_equal(const struct ledger_thread *thread)
{
	return thread->voluntary == thread->kernel_voluntary &&
	       thread->involuntary == thread->kernel_involuntary;
}

uint64_t ledger__unmatched(const struct ledger *ledger)
{
	uint64_t unmatched = 0;

	for (size_t i = 0; i < ledger->n_threads; i++) {
		const struct ledger_thread *thread = &ledger->threads[i];
		uint64_t kernel = thread->kernel_voluntary + thread->kernel_involuntary;
		uint64_t records = thread->voluntary + thread->involuntary;

		unmatched += thread->disordered;
		if (!thread->seen)
			unmatched++;
		else if (ledger_thread__audited(thread))
			unmatched += kernel > records ? kernel - records : records - kernel;
	}
	return unmatched;
}

size_t ledger__n_alive(const struct ledger *ledger)
{
	size_t alive = 0;

	for (size_t i = 0; i < ledger->n_threads; i++)
		alive += ledger->threads[i].seen && !ledger->threads[i].dead;
	return alive;
}
