/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * holders.h - what those who held a lock did while others waited for it. Pure.
 *
 * Two things are kept for each thread: a history of what it did when, which thins out as it
 * grows (memory stays bounded: exact for the last HISTORY_EXACT switches, interpolated for
 * what is older), and stretches of waiting that are to be split by it once it is known that
 * far. A thread is known up to the last event of it that was fed.
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

struct holders;

int holders__new(struct holders **holders);	/* 0 or -ENOMEM */
void holders__free(struct holders *holders);	/* NULL is fine */

/*
 * The thread (an index) was in this state in [from, to). In order, for each thread; what
 * lies between two calls, it was running. Returns 0 or -ENOMEM.
 */
int holders__was(struct holders *holders, size_t thread, enum holder_state state, uint64_t from,
		 uint64_t to);

/*
 * A waiter waited in [from, to) while `holder` held the lock: its time is added to
 * split[HOLDER_STATES] once the holder is known up to `to`, at the latest by
 * holders__finish(). `split` must stay where it is until then. Returns 0 or -ENOMEM.
 */
int holders__waited(struct holders *holders, size_t holder, uint64_t from, uint64_t to,
		    uint64_t *split);

/*
 * Nothing more comes of any thread: one that was last told of is taken to run up to
 * `end_ns`. Returns 0 or -ENOMEM.
 */
int holders__finish(struct holders *holders, uint64_t end_ns);

/* --- whose the lock was ----------------------------------------------------------------- */

/*
 * Who held one lock when, as far as waits tell: who took it and who gave it up, at which
 * time. The latest TENURE_KEPT of these are kept.
 */
#define TENURE_KEPT 256

struct tenures;

int tenures__new(struct tenures **tenures);
void tenures__free(struct tenures *tenures);

/* In any order that is nearly that of time. Return 0 or -ENOMEM. */
int tenures__took(struct tenures *tenures, size_t thread, uint64_t when_ns);
int tenures__gave_up(struct tenures *tenures, size_t thread, uint64_t when_ns);

/* A stretch of time in which one thread had the lock, or (NO_THREAD) nobody knows who. */
typedef int (*tenure_fn)(void *ctx, size_t thread, uint64_t from, uint64_t to);

/*
 * Divide [from, to), in which `waiter` waited, by who held the lock. `owner` is who held it
 * at `from`, by the word itself, and `releaser` who gave it up at `to`; NO_THREAD where that
 * is not known. Neither is ever the waiter. Returns 0 or what `fn` returned.
 */
int tenures__divide(const struct tenures *tenures, size_t waiter, size_t owner, size_t releaser,
		    uint64_t from, uint64_t to, tenure_fn fn, void *ctx);

#endif /* CONVOY_HOLDERS_H */
