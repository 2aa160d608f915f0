/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * locks_fixture.h - waits for a GIL and for a mutex next to it, as unit tests write them.
 */
#ifndef CONVOY_TESTS_LOCKS_FIXTURE_H
#define CONVOY_TESTS_LOCKS_FIXTURE_H

#include "tests/unit/events_fixture.h"

#define US 1000ull
#define MS 1000000ull

/* A GIL as CPython builds it; and a mutex next to it. */
#define GIL_COND 0x1000
#define GIL_MUTEX 0x1030
#define GIL_SWITCH 0x1058
#define MUTEX 0x2000

/* For who asks to free(): an empty one, and one that tells of these. */
struct lock_table *new_table(void);
struct lock_table *gil_table(void);
/* A ledger with threads 1 .. n of one process, on a CPU since 0. */
struct ledger *with_threads(const struct lock_table *table, uint32_t n);
/* The same, with what a recording says of words. */
struct ledger *with_words(const struct words *words, uint32_t n);

/* As glibc's mutex waits. */
union event waits(uint32_t id, uint64_t word, uint64_t out_ns, uint64_t waking_ns, uint64_t in_ns);
union event released_by(uint32_t waker, union event wait);
union event held_by(uint32_t ns_tid, union event wait);

/* The lock of this name, which there must be. */
const struct lock *lock_of(struct ledger *ledger, const char *name);
/* The thread at this index held it while others waited so long. */
void check_holder(const struct lock *lock, size_t thread, uint64_t wait_ns);
/* Meanwhile it did this, in ns. */
void check_did(const struct lock *lock, size_t thread, uint64_t running, uint64_t runnable,
	       uint64_t asleep, uint64_t waiting);

#endif /* CONVOY_TESTS_LOCKS_FIXTURE_H */
