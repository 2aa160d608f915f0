// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ledger_private.h"

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
	err = holders__new(&ledger->holders);
	if (!err) {
		const struct locks_options locks_options = {
			.published = options->published,
			.words = options->words,
			.holders = ledger->holders,
		};

		err = locks__new(&ledger->locks, &locks_options);
	}
	if (err) {
		holders__free(ledger->holders);
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
	holders__free(ledger->holders);
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

int ledger__book_running(struct ledger *ledger, struct ledger_thread *thread, uint64_t until)
{
	if (until < thread->last_in_ns) {
		thread->disordered++;
		return 0;
	}
	return book_cpu(ledger, thread->cpu,
			ledger__book(ledger, thread, ACCOUNT_RUNNING, thread->last_in_ns, until));
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

	ledger__assume_born(ledger, thread, out_ns);
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
		ledger__close_at_end(ledger, thread);
	else if (!before)
		count_switch(ledger, thread, hdr->flags, out_ns);
	return ledger__book_running(ledger, thread, out_ns);
}

/* The end of both: it runs again, or did not before the end. */
static void back_on_cpu(const struct ledger *ledger, struct ledger_thread *thread, uint64_t in_ns,
			uint16_t cpu_in)
{
	if (in_ns > ledger->end_ns) {
		thread->unfinished = true;
		ledger__close_at_end(ledger, thread);
		return;
	}
	/* On its way to the cork it may move; that is none of the work's. */
	if (thread->cpu != cpu_in && in_ns > thread->start_ns)
		thread->migrations++;
	thread->cpu = cpu_in;
	if (in_ns > thread->last_in_ns)
		thread->last_in_ns = in_ns;
}

/* Off the CPU, but never blocked. */
static int book_preempted(const struct ledger *ledger, struct ledger_thread *thread, uint16_t flags,
			  uint64_t from, uint64_t in_ns)
{
	ledger__book(ledger, thread, ACCOUNT_PREEMPTED, from, in_ns);
	if (in_ns > thread->start_ns)
		thread->waited_before |= ledger__under_way_before(ledger, flags, from);
	return holders__was(ledger->holders, ledger__index(ledger, thread), HOLDER_RUNNABLE, from,
			    in_ns);
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
	err = book_preempted(ledger, thread, ev->hdr.flags, from, in_ns);
	back_on_cpu(ledger, thread, in_ns, ev->cpu_in);
	return err;
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
	err = ledger__wait(ledger, thread, ev, from, woken_ns, in_ns);
	if (!err)
		back_on_cpu(ledger, thread, in_ns, ev->cpu_in);
	return err;
}

static int feed_futex(struct ledger *ledger, struct ledger_thread *thread,
		      const struct convoy_ev_futex *ev)
{
	ledger__assume_born(ledger, thread, ev->hdr.time_ns);
	/* They are of its whole life: which of them fell into a part of it is not known. */
	if (thread->outside || ledger->options.window)
		return 0;
	return locks__calls(ledger->locks, thread->pid, thread->ns_pid, ev);
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
		return ledger__birth(ledger, thread, (const void *)ev);
	case CONVOY_EV_DEATH:
		return ledger__death(ledger, thread, (const void *)ev);
	case CONVOY_EV_FUTEX:
		return feed_futex(ledger, thread, (const void *)ev);
	case CONVOY_EV_OPEN:
		memcpy(&thread->open, ev, sizeof(thread->open));
		return 0;
	case CONVOY_EV_SEEN:
		return ledger__seen(ledger, thread, (const void *)ev);
	case CONVOY_EV_ALIVE:
		return ledger__alive(ledger, thread, (const void *)ev);
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
		return ledger__book_running(ledger, thread, end_ns);
	err = book_switch(ledger, thread, &open->hdr, open->out_ns, open->cpu_out, &from);
	if (err || thread->closed)
		return err;
	thread->unfinished = true;
	if (!(open->hdr.flags & CONVOY_F_VOLUNTARY))
		return book_preempted(ledger, thread, open->hdr.flags, from, end_ns);
	/* Nobody woke it yet: unlike in a closed wait, it still sleeps. */
	woken_ns = open->waking_ns ? open->waking_ns : end_ns;
	return ledger__wait(ledger, thread, open, from, woken_ns, end_ns);
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
		ledger__set_outside(&ledger->table.threads[i - 1]);
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
			ledger__assume_born(ledger, thread, thread->open.out_ns);
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
	return ledger__settle(ledger, end_ns);
}

int ledger__finish_cut(struct ledger *ledger)
{
	uint64_t last_ns = 0;

	for (size_t i = 0; i < ledger->table.n_threads; i++) {
		struct ledger_thread *thread = &ledger->table.threads[i];
		int err;

		if (thread->seen && (thread->dead || thread->closed) && thread->end_ns > last_ns)
			last_ns = thread->end_ns;
		if (!thread->seen || thread->dead || thread->closed)
			continue;
		/* It broke off after the end, and how this one stood then was told. */
		if (thread->alive && ledger->end_ns != UINT64_MAX) {
			err = finish_thread(ledger, thread, ledger->end_ns);
			if (err)
				return err;
			limit_runtime(ledger, thread);
			last_ns = ledger->end_ns;
			continue;
		}
		thread->end_ns = thread->last_in_ns > thread->start_ns ? thread->last_in_ns :
									 thread->start_ns;
		if (thread->end_ns > last_ns)
			last_ns = thread->end_ns;
		thread->unfinished = true;
		limit_runtime(ledger, thread);
	}
	return ledger__settle(ledger, last_ns);
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
