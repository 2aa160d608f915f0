// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * test_lock_sums.c - who held a lock: threads of one round, names over several.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include <cmocka.h>
#include <linux/futex.h>

#include "tests/unit/events_fixture.h"
#include "user/lock_sums.h"

static union event waits_for(uint32_t id, uint32_t holder, uint64_t out_ns, uint64_t ns)
{
	union event event = ev_wait(id, out_ns, out_ns + ns, out_ns + ns, SYS_futex);

	event.wait.hdr.flags |= CONVOY_F_FUTEX | CONVOY_F_HOLDER;
	event.wait.word = 0x1000;
	event.wait.op = FUTEX_WAIT_PRIVATE;
	event.wait.val = 2;
	event.wait.holder = FIXTURE_PID + holder - 1;
	return event;
}

/* Threads 2 and 3 have one name, and hold what thread 1 waits for. */
static void add_round(struct lock_sums *sums, uint64_t by_2, uint64_t by_3)
{
	struct ledger *ledger = new_ledger(0, NULL);

	for (uint32_t id = 1; id <= 3; id++) {
		union event birth = ev_birth(id, 0, 0);

		snprintf(birth.birth.comm, sizeof(birth.birth.comm), id == 1 ? "main" : "worker");
		feed(ledger, birth);
	}
	feed(ledger, waits_for(1, 2, 100, by_2));
	feed(ledger, waits_for(1, 3, 500, by_3));
	finish(ledger, 1000);
	assert_int_equal(lock_sums__add(sums, ledger), 0);
	ledger__free(ledger);
}

static struct report *report_of(const struct lock_sums *sums)
{
	struct report *report = report__new();

	assert_non_null(report);
	report->modes = calloc(1, sizeof(*report->modes));
	assert_non_null(report->modes);
	report->n_modes = 1;
	assert_int_equal(lock_sums__fill(sums, false, report->modes), 0);
	assert_int_equal(report->modes->n_locks, 1);
	return report;
}

static void test_namesakes_in_one_round(void **state)
{
	struct lock_sums *sums = NULL;
	const struct report_lock *lock;
	struct report *report;

	(void)state;
	assert_int_equal(lock_sums__new(&sums), 0);
	add_round(sums, 10, 30);
	report = report_of(sums);
	lock = report->modes->locks;
	assert_int_equal(lock->n_holders, 2);
	assert_string_equal(lock->holders[0].comm, "worker");
	assert_string_equal(lock->holders[1].comm, "worker");
	assert_true(lock->holders[0].share == 0.75);
	assert_true(lock->holders[1].share == 0.25);
	assert_int_equal(lock->holders[0].tid - lock->holders[1].tid, 1);
	report__free(report);
	lock_sums__free(sums);
}

static void test_namesakes_in_several_rounds(void **state)
{
	struct lock_sums *sums = NULL;
	const struct report_lock *lock;
	struct report *report;

	(void)state;
	assert_int_equal(lock_sums__new(&sums), 0);
	for (int i = 0; i < 3; i++)
		add_round(sums, 10, 30);
	report = report_of(sums);
	lock = report->modes->locks;
	assert_int_equal(lock->n_holders, 1);
	assert_string_equal(lock->holders[0].comm, "worker");
	assert_true(lock->holders[0].share == 1);
	report__free(report);
	lock_sums__free(sums);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_namesakes_in_one_round),
		cmocka_unit_test(test_namesakes_in_several_rounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
