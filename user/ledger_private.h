/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * ledger_private.h - what the parts of the ledger share: ledger.c (what is fed, and how a
 * thread moves), ledger_life.c (births and deaths), ledger_wait.c (waits).
 */
#ifndef CONVOY_LEDGER_PRIVATE_H
#define CONVOY_LEDGER_PRIVATE_H

#include "holders.h"
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
	struct holders *holders;
};

static inline size_t ledger__index(const struct ledger *ledger, const struct ledger_thread *thread)
{
	return (size_t)(thread - ledger->table.threads);
}

/* Book what of [from, to) lies within the thread's life and before the end; its length. */
static inline uint64_t ledger__book(const struct ledger *ledger, struct ledger_thread *thread,
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

static inline bool ledger__under_way_before(const struct ledger *ledger, uint16_t flags,
					    uint64_t out_ns)
{
	return flags & CONVOY_F_SINCE_BEFORE || out_ns < ledger->options.start_ns;
}

/* The thread went past the end: nothing more of it is booked or counted. */
static inline void ledger__close_at_end(const struct ledger *ledger, struct ledger_thread *thread)
{
	thread->closed = true;
	thread->end_ns = ledger->end_ns;
}

/* It lived before the start or after the end only. */
static inline void ledger__set_outside(struct ledger_thread *thread)
{
	thread->outside = true;
	thread->seen = false;
}

/* It ran from when it came in until then. Returns 0 or -ENOMEM. */
int ledger__book_running(struct ledger *ledger, struct ledger_thread *thread, uint64_t until);

/* --- ledger_life.c: 0, -ENOMEM, or -EBADMSG for what cannot be --- */

/* An event of a thread whose birth nobody saw: it was there before, or lost. */
void ledger__assume_born(const struct ledger *ledger, struct ledger_thread *thread,
			 uint64_t out_ns);
int ledger__birth(struct ledger *ledger, struct ledger_thread *thread,
		  const struct convoy_ev_birth *ev);
int ledger__seen(struct ledger *ledger, struct ledger_thread *thread,
		 const struct convoy_ev_seen *ev);
int ledger__death(struct ledger *ledger, struct ledger_thread *thread,
		  const struct convoy_ev_death *ev);
/* Found at the end. It may have died by the time that it is told, or run for the first time. */
int ledger__alive(const struct ledger *ledger, struct ledger_thread *thread,
		  const struct convoy_ev_death *ev);

/* --- ledger_wait.c --- */

/*
 * Book an off-CPU interval that blocked: blocked from out to waking, then on a
 * run queue until it runs. With no waking after the switch-out it never slept.
 */
int ledger__wait(struct ledger *ledger, struct ledger_thread *thread,
		 const struct convoy_ev_wait *ev, uint64_t from, uint64_t woken_ns, uint64_t in_ns);

/*
 * All was fed: close the locks' episodes, find out which waits for semaphores were for
 * locks, and what each thread waited for GILs. Returns 0 or -ENOMEM.
 */
int ledger__settle(struct ledger *ledger, uint64_t end_ns);

#endif /* CONVOY_LEDGER_PRIVATE_H */
