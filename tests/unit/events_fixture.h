/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * events_fixture.h - hand-written events for unit tests.
 *
 * Thread `id` has TID FIXTURE_PID + id - 1 in its process, whose number is
 * FIXTURE_PID there and FIXTURE_ROOT_PID to the initial namespace; all happens
 * on CPU 0. A test changes in an event what it wants to be different.
 */
#ifndef CONVOY_TESTS_EVENTS_FIXTURE_H
#define CONVOY_TESTS_EVENTS_FIXTURE_H

#include <stddef.h>
#include <stdint.h>

#include "bpf/events.h"
#include "user/ledger.h"

#define FIXTURE_PID 100u
#define FIXTURE_ROOT_PID 5000u

#define N(array) (sizeof(array) / sizeof((array)[0]))

union event {
	struct convoy_ev_hdr hdr;
	struct convoy_ev_runnable runnable;
	struct convoy_ev_wait wait;
	struct convoy_ev_birth birth;
	struct convoy_ev_death death;
	struct convoy_ev_futex calls;
	struct convoy_ev_seen seen;
	struct convoy_ev_holder holder;
};

union event ev_birth(uint32_t id, uint64_t born_ns, uint64_t in_ns);
/* Preempted from out to in. */
union event ev_runnable(uint32_t id, uint64_t out_ns, uint64_t in_ns);
/* Blocked in system call `nr`, -1 for a fault. */
union event ev_wait(uint32_t id, uint64_t out_ns, uint64_t waking_ns, uint64_t in_ns, int nr);
/* Blocked in futex(word, op, val). */
union event ev_futex(uint32_t id, uint64_t out_ns, uint64_t waking_ns, uint64_t in_ns,
		     uint64_t word, unsigned op, uint32_t val);
/* Any of the two above, but not over yet. */
union event ev_still(union event wait);
/* The kernel's own counts, the death included, which is voluntary. */
union event ev_death(uint32_t id, uint64_t at_ns, uint64_t nvcsw, uint64_t nivcsw);
/* Found at the start, with these counts of the kernel's. */
union event ev_seen(uint32_t id, uint64_t at_ns, enum convoy_seen_state state, uint64_t nvcsw,
		    uint64_t nivcsw);
/* Found at the end, not dead. */
union event ev_alive(uint32_t id, uint64_t at_ns);
/* `waiter` was found waiting on the word, which held this TID. */
union event ev_holder(uint32_t waiter, uint64_t word, uint32_t ns_tid);
union event ev_calls(uint32_t id, uint64_t at_ns, uint64_t word, uint32_t eagain,
		     uint32_t timeouts);

/* The same event with more flags, or on other CPUs. */
union event with_flags(union event event, unsigned flags);
union event on_cpus(union event event, unsigned cpu_out, unsigned cpu_in);

struct ledger *new_ledger(uint64_t start_ns, const struct lock_table *published);
/* Feeds what must be taken. */
void feed(struct ledger *ledger, union event event);
void feed_all(struct ledger *ledger, const union event *events, size_t n);
void finish(struct ledger *ledger, uint64_t end_ns);
/* The thread with the id at + 1, which must be there. */
const struct ledger_thread *thread_at(const struct ledger *ledger, size_t at);

/* Exactly these times are booked, and they are the whole life. */
void check_times(const struct ledger_thread *thread, const uint64_t *expected);
#define TIMES(...) ((const uint64_t[ACCOUNT_COUNT]){ __VA_ARGS__ })

void publish_range(struct lock_table *table, uint32_t pid, uint64_t address, uint32_t size,
		   enum lock_kind kind, enum lock_role role, const char *name);
/* The lock of this process (0: of none) and name, or NULL. */
const struct lock *find_lock(const struct locks *locks, uint32_t pid, const char *name);

/* A small generator of our own: the same numbers everywhere. */
uint64_t random_next(uint64_t *seed);
/* 0 .. n - 1 */
unsigned random_below(uint64_t *seed, unsigned n);

#endif /* CONVOY_TESTS_EVENTS_FIXTURE_H */
