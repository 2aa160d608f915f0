// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* locks_fixture.c - waits for a GIL and for a mutex next to it, as unit tests write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <linux/futex.h>

#include <cmocka.h>

#include "tests/unit/locks_fixture.h"

struct lock_table *new_table(void)
{
	struct lock_table *table = calloc(1, sizeof(*table));

	assert_non_null(table);
	return table;
}

struct lock_table *gil_table(void)
{
	struct lock_table *table = new_table();

	publish_range(table, FIXTURE_PID, GIL_COND, 48, LOCK_GIL, LOCK_ROLE_ACQUIRE, "GIL");
	publish_range(table, FIXTURE_PID, GIL_MUTEX, 40, LOCK_GIL, LOCK_ROLE_GUARD, "GIL");
	publish_range(table, FIXTURE_PID, GIL_SWITCH, 48, LOCK_GIL, LOCK_ROLE_ACK, "GIL");
	publish_range(table, FIXTURE_PID, MUTEX, 40, LOCK_MUTEX, LOCK_ROLE_ACQUIRE, "mutex");
	return table;
}

/* Threads 1 .. n of one process, on a CPU since 0. */
struct ledger *with_threads(const struct lock_table *table, uint32_t n)
{
	struct ledger *ledger = new_ledger(0, table);

	for (uint32_t id = 1; id <= n; id++)
		feed(ledger, ev_birth(id, 0, 0));
	return ledger;
}

union event waits(uint32_t id, uint64_t word, uint64_t out_ns, uint64_t waking_ns, uint64_t in_ns)
{
	return ev_futex(id, out_ns, waking_ns, in_ns, word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 2);
}

union event released_by(uint32_t waker, union event wait)
{
	wait.wait.waker = waker;
	return with_flags(wait, CONVOY_F_RELEASED);
}

union event held_by(uint32_t ns_tid, union event wait)
{
	wait.wait.holder = ns_tid;
	return with_flags(wait, CONVOY_F_HOLDER);
}

struct ledger *with_words(const struct words *words, uint32_t n)
{
	const struct ledger_options options = { .words = words };
	struct ledger *ledger = NULL;

	assert_int_equal(ledger__new(&ledger, &options), 0);
	for (uint32_t id = 1; id <= n; id++)
		feed(ledger, ev_birth(id, 0, 0));
	return ledger;
}

const struct lock *lock_of(struct ledger *ledger, const char *name)
{
	const struct locks *locks = ledger__locks(ledger);

	for (size_t i = 0; i < locks__n(locks); i++)
		if (!strcmp(locks__at(locks, i)->name, name))
			return locks__at(locks, i);
	fail_msg("there is no lock '%s'", name);
	return NULL;
}

static const struct lock_holder *holder_at(const struct lock *lock, size_t thread)
{
	for (size_t i = 0; i < lock->n_holders; i++)
		if (lock->holders[i].thread == thread)
			return &lock->holders[i];
	fail_msg("thread %zu is no holder of '%s'", thread, lock->name);
	return NULL;
}

void check_holder(const struct lock *lock, size_t thread, uint64_t wait_ns)
{
	assert_int_equal(holder_at(lock, thread)->wait_ns, wait_ns);
}

void check_did(const struct lock *lock, size_t thread, uint64_t running, uint64_t runnable,
	       uint64_t asleep, uint64_t waiting)
{
	const uint64_t *did = holder_at(lock, thread)->did;

	assert_int_equal(did[HOLDER_RUNNING], running);
	assert_int_equal(did[HOLDER_RUNNABLE], runnable);
	assert_int_equal(did[HOLDER_ASLEEP], asleep);
	assert_int_equal(did[HOLDER_WAITING], waiting);
}
