/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * holders.h - what those who held a lock did while others waited for it. Pure.
 *
 * Two things are kept for each thread: a history of what it did when, which thins out as it
 * grows (memory stays bounded: exact for the last HISTORY_EXACT changes of its state,
 * interpolated for what is older, in gaps that are short against how long ago that is), and
 * stretches of waiting that are to be split by it once it is known that far. A thread is
 * known from the first event of it that was fed up to the last one.
 *
 * Memory: a thread costs 64 bytes, 32 more with its first event, and at most 12 KB for its
 * history however long it lives. Stretches that wait cost 32 bytes each. When more than
 * PENDING_EXACT wait for one holder, the older ones of the same `split` are taken together in
 * pairs, each pair as one that is spread evenly over both: no nanosecond is lost, only when
 * it was is less precise. So they are bounded by the number of different `split`s, not by
 * that of the waits.
 */
#ifndef CONVOY_HOLDERS_H
#define CONVOY_HOLDERS_H

#include <stddef.h>
#include <stdint.h>

/* What a holder does. */
enum holder_state {
	HOLDER_RUNNING,		/* on a CPU */
	HOLDER_RUNNABLE,	/* wants to run, and does not: lock-holder preemption */
	HOLDER_ASLEEP,		/* blocked on no lock: sleep, I/O, a fault, ... */
	HOLDER_WAITING,		/* itself waits for a lock */
	HOLDER_STATES,
};

#define HISTORY_EXACT 256
#define PENDING_EXACT 256

struct holders;

int holders__new(struct holders **holders);	/* 0 or -ENOMEM */
void holders__free(struct holders *holders);	/* NULL is fine */

/*
 * The thread (an index) was in this state in [from, to), in ns. In order, for each thread;
 * what lies between two calls, it was running. What contradicts an earlier call (it begins
 * before that one's end) is cut off, and what ends before it begins says nothing. With
 * from == to it was on a CPU up to then; the first call of all says since when the thread
 * is known. Returns 0 or -ENOMEM.
 */
int holders__was(struct holders *holders, size_t thread, enum holder_state state, uint64_t from,
		 uint64_t to);

/*
 * The same of a whole time off the CPU: in this state up to `woken`, then runnable up to
 * `to`; runnable throughout if it was woken before `from`. Returns 0 or -ENOMEM.
 */
int holders__was_off(struct holders *holders, size_t thread, enum holder_state state, uint64_t from,
		     uint64_t woken, uint64_t to);

/*
 * The thread ran up to `when_ns`, and does nothing more ever: what others waited for it
 * later is left out of their splits. Later calls for it are ignored. Returns 0 or -ENOMEM.
 */
int holders__ended(struct holders *holders, size_t thread, uint64_t when_ns);

/*
 * A waiter waited in [from, to) while `holder` held the lock: its time is added to
 * split[HOLDER_STATES] as far as the holder becomes known, at the latest by
 * holders__finish(). `split` must stay where it is until then. The four sum up to the
 * length, less what lies before the holder was known or after it ended. In any order.
 * Nothing is known of a holder NO_THREAD. Returns 0 or -ENOMEM.
 */
int holders__waited(struct holders *holders, size_t holder, uint64_t from, uint64_t to,
		    uint64_t *split);

/*
 * Nothing more comes of any thread: one that was last told of is taken to run up to
 * `end_ns`. What is waited for later than that is left out of the splits. Returns 0 or
 * -ENOMEM.
 */
int holders__finish(struct holders *holders, uint64_t end_ns);

#endif /* CONVOY_HOLDERS_H */
