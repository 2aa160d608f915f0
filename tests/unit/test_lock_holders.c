// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * test_lock_holders.c - who held a lock while others waited, and what it did.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include <linux/futex.h>

#include <cmocka.h>

#include "tests/unit/locks_fixture.h"

static void test_holders(void **state)
{
	union event other = ev_birth(5, 0, 0);
	struct ledger *ledger = with_threads(NULL, 4);
	const struct lock *lock;

	(void)state;
	other.birth.pid = FIXTURE_ROOT_PID + 500;
	other.birth.ns_pid = FIXTURE_PID + 500;
	other.birth.ns_tid = 900;
	feed(ledger, other);
	/* by the word that was read, even if another releases it */
	feed(ledger, released_by(3, held_by(FIXTURE_PID + 1, waits(1, MUTEX, 100, 110, 110))));
	/* by the releaser, if nothing was read */
	feed(ledger, released_by(3, waits(1, MUTEX, 200, 220, 220)));
	/* by the releaser, if what was read is nobody */
	feed(ledger, released_by(4, held_by(77777, waits(1, MUTEX, 300, 340, 340))));
	/* read, and not released: a time-out */
	feed(ledger, held_by(FIXTURE_PID + 1, waits(1, MUTEX, 400, 480, 480)));
	feed(ledger, released_by(3, held_by(FIXTURE_PID + 3, waits(1, MUTEX, 490, 491, 491))));
	finish(ledger, 500);
	lock = lock_of(ledger, "(unnamed mutex)");
	assert_int_equal(lock->n_holders, 3);
	check_holder(lock, 1, 10 + 80);
	check_holder(lock, 2, 20);
	check_holder(lock, 3, 40 + 1);
	ledger__free(ledger);
}

/* Two containers, whose processes and threads have the same numbers in each. */
static void test_holders_of_two_namespaces(void **state)
{
	struct ledger *ledger = with_threads(NULL, 2);

	(void)state;
	for (uint32_t id = 3; id <= 4; id++) {
		union event other = ev_birth(id, 0, 0);

		other.birth.pid = FIXTURE_ROOT_PID + 500;
		other.birth.ns_tid = FIXTURE_PID + id - 3;
		feed(ledger, other);
	}
	feed(ledger, held_by(FIXTURE_PID + 1, waits(1, MUTEX, 100, 110, 110)));
	feed(ledger, held_by(FIXTURE_PID + 1, waits(3, MUTEX, 100, 130, 130)));
	finish(ledger, 300);
	check_holder(lock_of(ledger, "(unnamed mutex)"), 1, 10);
	check_holder(lock_of(ledger, "(unnamed mutex)"), 3, 30);
	ledger__free(ledger);
}

static void test_unknown_holders(void **state)
{
	union event unread = held_by(FIXTURE_PID + 1, waits(1, MUTEX, 200, 210, 210));
	union event woken = waits(1, MUTEX, 220, 230, 230);
	union event other = ev_birth(3, 0, 0);
	struct ledger *ledger = with_threads(NULL, 2);
	const struct lock *lock;

	(void)state;
	other.birth.pid = FIXTURE_ROOT_PID + 500;
	other.birth.ns_pid = FIXTURE_PID + 500;
	other.birth.ns_tid = 900;
	feed(ledger, other);
	/* a TID of another process; of nobody; 0; the TID outside; released by an untraced one */
	feed(ledger, held_by(900, waits(1, MUTEX, 100, 110, 110)));
	feed(ledger, held_by(901, waits(1, MUTEX, 120, 130, 130)));
	feed(ledger, held_by(0, waits(1, MUTEX, 140, 150, 150)));
	feed(ledger, held_by(FIXTURE_ROOT_PID + 1, waits(1, MUTEX, 160, 170, 170)));
	feed(ledger, released_by(CONVOY_FOREIGN | 2, waits(1, MUTEX, 180, 190, 190)));
	/* a holder without the flag that says that it was read */
	unread.hdr.flags &= (__u16)~CONVOY_F_HOLDER;
	feed(ledger, unread);
	/* a waker that only woke, as a signal does */
	woken.wait.waker = 2;
	feed(ledger, woken);
	finish(ledger, 300);
	lock = lock_of(ledger, "(unnamed mutex)");
	assert_int_equal(lock->n_holders, 0);
	assert_int_equal(lock->waits, 7);
	assert_int_equal(lock->total_ns, 70);
	ledger__free(ledger);
}

/* Who took it while others waited, and who gave it up: the time is divided among them. */
/* Who has the mutex of a GIL's fields need not have the GIL: he may wait for that himself. */
static void test_owner_of_a_guard(void **state)
{
	struct lock_table *table = gil_table();
	struct ledger *ledger = with_threads(table, 3);
	const struct lock *lock;

	(void)state;
	feed(ledger, held_by(FIXTURE_PID + 1, waits(1, GIL_MUTEX, 100, 200, 210)));
	feed(ledger, held_by(FIXTURE_PID + 1, waits(3, MUTEX, 100, 150, 160)));
	finish(ledger, 500);
	lock = lock_of(ledger, "GIL");
	assert_int_equal(lock->total_ns, 100);
	assert_int_equal(lock->n_holders, 0);
	check_holder(lock_of(ledger, "mutex"), 1, 50);
	ledger__free(ledger);
	free(table);
}

static void test_several_holders_of_one_wait(void **state)
{
	struct ledger *ledger = with_threads(NULL, 4);
	const struct lock *lock;

	(void)state;
	/* 2 has it at first; 3 takes it over at 250, and 4 at 550, which gives it to 1. */
	feed(ledger, released_by(2, held_by(FIXTURE_PID + 1, waits(3, MUTEX, 100, 240, 250))));
	feed(ledger, released_by(3, waits(4, MUTEX, 100, 540, 550)));
	feed(ledger, released_by(4, held_by(FIXTURE_PID + 1, waits(1, MUTEX, 100, 900, 910))));
	finish(ledger, 1000);
	lock = lock_of(ledger, "(unnamed mutex)");
	assert_int_equal(lock->handoffs, 3);
	/* 1 waited 140 for 2, 290 for 3 and 350 for 4; from release to take it was nobody's. */
	check_holder(lock, 1, 140 + 140 + 140);
	check_holder(lock, 2, 2 * (540 - 250));
	check_holder(lock, 3, 900 - 550);
	ledger__free(ledger);
}

/* Whatever a holder does, others wait for it. */
static void test_what_holders_did(void **state)
{
	struct ledger *ledger = with_threads(NULL, 3);
	const struct lock *lock;

	(void)state;
	/* 2 runs, is preempted 300..400, waits for another lock 500..600, sleeps 700..750. */
	feed(ledger, ev_runnable(2, 300, 400));
	feed(ledger, waits(2, 0x9000, 500, 590, 600));
	feed(ledger, ev_wait(2, 700, 740, 750, SYS_read));
	feed(ledger, released_by(2, held_by(FIXTURE_PID + 1, waits(1, MUTEX, 200, 900, 910))));
	feed(ledger, ev_death(2, 1000, 2, 1));
	finish(ledger, 1000);
	lock = lock_of(ledger, "(unnamed mutex)");
	check_holder(lock, 1, 700);
	check_did(lock, 1, 700 - 100 - 100 - 50, 100 + 10 + 10, 40, 90);
	ledger__free(ledger);
}

/* A holder that is told of no more when all ends ran on. */
static void test_a_holder_that_runs_on(void **state)
{
	struct ledger *ledger = with_threads(NULL, 2);

	(void)state;
	feed(ledger, ev_still(held_by(FIXTURE_PID + 1, waits(1, MUTEX, 200, 0, 0))));
	finish(ledger, 1000);
	check_holder(lock_of(ledger, "(unnamed mutex)"), 1, 800);
	check_did(lock_of(ledger, "(unnamed mutex)"), 1, 800, 0, 0, 0);
	ledger__free(ledger);
}

/* Who wakes those who wait for work is whom they waited for, all the time. */
static void test_conds_have_no_owner(void **state)
{
	struct lock_table *table = new_table();
	struct ledger *ledger;

	(void)state;
	publish_range(table, FIXTURE_PID, 0x3000, 48, LOCK_COND, LOCK_ROLE_ACQUIRE, "queue");
	ledger = with_threads(table, 3);
	feed(ledger, released_by(3, waits(1, 0x3000, 100, 200, 210)));
	feed(ledger, released_by(3, waits(2, 0x3000, 100, 300, 310)));
	/* As soon as it has an item it waits for the next one: another episode. */
	feed(ledger, released_by(2, waits(1, 0x3000, 220, 400, 410)));
	finish(ledger, 500);
	assert_int_equal(lock_of(ledger, "queue")->episodes.count, 3);
	assert_int_equal(lock_of(ledger, "queue")->lost_races, 0);
	check_holder(lock_of(ledger, "queue"), 2, 100 + 200);
	check_holder(lock_of(ledger, "queue"), 1, 180);
	ledger__free(ledger);
	free(table);
}

/* The longest attempt takes no more memory than others do; nothing of it is lost. */
static void test_very_many_waits_of_an_attempt(void **state)
{
	struct lock_table *table = gil_table();
	struct ledger *ledger = with_threads(table, 2);
	const struct lock *gil;
	uint64_t out = 1 * MS;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		feed(ledger,
		     held_by(FIXTURE_PID + 1, waits(1, GIL_COND, out, out + 5 * MS, out + 5 * MS)));
		out += 5 * MS + 3 * US;
	}
	feed(ledger, released_by(2, waits(1, GIL_COND, out, out + 7, out + 7)));
	finish(ledger, out + 100);
	gil = lock_of(ledger, "GIL");
	assert_int_equal(gil->episodes.count, 1);
	assert_int_equal(gil->total_ns, 5000 * MS + 7);
	check_holder(gil, 1, 5000 * MS + 7);
	check_did(gil, 1, 5000 * MS + 7, 0, 0, 0);
	ledger__free(ledger);
	free(table);
}

/* Damaged: a thread that holds or releases what it waits for itself. */
static void test_nobody_waits_for_himself(void **state)
{
	struct ledger *ledger = with_threads(NULL, 2);

	(void)state;
	feed(ledger, held_by(FIXTURE_PID, waits(1, MUTEX, 100, 200, 210)));
	feed(ledger, released_by(1, waits(1, MUTEX, 220, 300, 310)));
	finish(ledger, 400);
	assert_int_equal(lock_of(ledger, "(unnamed mutex)")->n_holders, 0);
	ledger__free(ledger);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_holders),
		cmocka_unit_test(test_holders_of_two_namespaces),
		cmocka_unit_test(test_unknown_holders),
		cmocka_unit_test(test_owner_of_a_guard),
		cmocka_unit_test(test_several_holders_of_one_wait),
		cmocka_unit_test(test_what_holders_did),
		cmocka_unit_test(test_a_holder_that_runs_on),
		cmocka_unit_test(test_conds_have_no_owner),
		cmocka_unit_test(test_very_many_waits_of_an_attempt),
		cmocka_unit_test(test_nobody_waits_for_himself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
