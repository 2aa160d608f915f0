/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * tenures.h - whose a lock was when, as far as waits tell. Pure.
 *
 * Only waiting is seen: a take is known if its thread had to wait before, a give-up if it
 * woke somebody. So of one lock either may be missing, and what is between two of them is
 * concluded from both.
 */
#ifndef CONVOY_TENURES_H
#define CONVOY_TENURES_H

#include <stddef.h>
#include <stdint.h>

/*
 * The latest TENURE_KEPT takes and give-ups of a lock are kept, in 24 bytes each; the memory
 * grows with how many there were.
 */
#define TENURE_KEPT 256

struct tenures;

int tenures__new(struct tenures **tenures);	/* 0 or -ENOMEM */
void tenures__free(struct tenures *tenures);	/* NULL is fine */

/*
 * In any order that is nearly that of time; at the same time, whoever gave it up did so
 * before another took it. Return 0 or -ENOMEM.
 */
int tenures__took(struct tenures *tenures, size_t thread, uint64_t when_ns);
int tenures__gave_up(struct tenures *tenures, size_t thread, uint64_t when_ns);

/* A stretch of time in which one thread had the lock, or (NO_THREAD) nobody knows who. */
typedef int (*tenure_fn)(void *ctx, size_t thread, uint64_t from, uint64_t to);

/*
 * Divide [from, to), in which `waiter` waited, by who held the lock. `owner` is who held it
 * at `from`, by the word itself, and `releaser` who gave it up at `to`; NO_THREAD where that
 * is not known. Neither is ever the waiter. The stretches are in order, cover [from, to)
 * without a gap, and no two neighbours are of the same thread. Returns 0 or what `fn`
 * returned, which ends it.
 *
 * The times at which the lock was taken or given up cut [from, to) into parts. A part's is
 *  - the first one of all: `owner`. If that is not known: who gave the lock up at its end;
 *    else who took it last before `from`.
 *  - any other: who took the lock at its beginning, up to its end, whatever comes then (if
 *    the next to give it up is another one, its take was not seen, nor when that was). If it
 *    was given up at its beginning: who gives it up at its end, for that one had it.
 *  - else nobody's that is known.
 * `releaser` gives up at the end of the last part. So that part is the releaser's unless
 * another is known to have had the lock in it: an owner, or who took it in [from, to).
 * A part of the waiter itself is nobody's, since it cannot hold what it waits for.
 * What lies before the oldest event that is kept, when others had to be forgotten, is
 * nobody's.
 */
int tenures__divide(const struct tenures *tenures, size_t waiter, size_t owner, size_t releaser,
		    uint64_t from, uint64_t to, tenure_fn fn, void *ctx);

#endif /* CONVOY_TENURES_H */
