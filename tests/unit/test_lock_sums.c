// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * test_lock_sums.c - who held a lock: threads of one round, names over several.
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

#include <cmocka.h>
#include <linux/futex.h>

#include "tests/unit/locks_fixture.h"
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

static const struct report_lock *sum_of(const struct report_mode *mode, const char *name)
{
	for (size_t i = 0; i < mode->n_locks; i++)
		if (!strcmp(mode->locks[i].name, name))
			return &mode->locks[i];
	fail_msg("no sum for '%s'", name);
	return NULL;
}

static void test_sums_over_rounds(void **state)
{
	struct lock_table *table = gil_table();
	struct report_mode mode = { 0 }, blind = { 0 };
	const struct report_lock *gil;
	struct lock_sums *sums;

	(void)state;
	assert_int_equal(lock_sums__new(&sums), 0);
	for (uint64_t round = 1; round <= 2; round++) {
		struct ledger *ledger = new_ledger(0, table);

		/* Other ids and TIDs in each round, the same names. */
		for (uint32_t id = 1; id <= 3; id++) {
			union event birth = ev_birth(id, 0, 0);

			birth.birth.tid += 1000 * (uint32_t)round;
			feed(ledger, birth);
		}
		feed(ledger, released_by(2, waits(1, GIL_COND, 1000, 1000 + 100 * round, 1500)));
		feed(ledger, ev_wait(1, 1600, 1700, 1700, SYS_read)); /* it had it, and went on */
		feed(ledger, released_by(2, waits(1, GIL_COND, 2000, 2100, 2150)));
		feed(ledger, released_by(1, waits(3, GIL_COND, 3000, 3000 + 700 * round, 5000)));
		feed(ledger, waits(2, 0x9000, 100, 100000, 100000)); /* some mutex */
		feed(ledger, ev_futex(2, 100100, 900000, 900000, 0x9100, FUTEX_WAIT, 0));
		feed(ledger, ev_calls(1, 900000, GIL_COND, 4, 2));
		finish(ledger, 900000);
		assert_int_equal(lock_sums__add(sums, ledger), 0);
		ledger__free(ledger);
	}
	assert_int_equal(lock_sums__fill(sums, true, &mode), 0);
	assert_int_equal(mode.n_locks, 3);
	/* Contended locks come first, then queues, however long these took. */
	assert_string_equal(mode.locks[0].name, "(unnamed mutex)");
	assert_string_equal(mode.locks[1].name, "GIL");
	assert_string_equal(mode.locks[2].name, "(unnamed futex)");
	gil = sum_of(&mode, "GIL");
	assert_int_equal(gil->kind, LOCK_GIL);
	assert_int_equal(gil->waits, 6);
	assert_int_equal(gil->episodes, 6);
	assert_int_equal(gil->total_ns, 100 + 200 + 2 * 100 + 700 + 1400);
	assert_int_equal(gil->handoffs, 6);
	assert_true(gil->max_ns.known && gil->max_ns.value == 1400);
	assert_true(gil->timeouts.known && gil->timeouts.value == 4);
	assert_true(gil->eagain.known && gil->eagain.value == 8);
	/* Between the first and the last handoff of each round: 2600 and 3200 ns in 2 steps. */
	assert_true(gil->mean_hold_ns.known);
	assert_true(fabs(gil->mean_hold_ns.value - (2600.0 + 3200.0) / 4) < 1e-6);
	/* Holders by their names, the largest share first; all of it is known here. */
	assert_int_equal(gil->n_holders, 2);
	assert_string_equal(gil->holders[0].comm, "born-1");
	assert_int_equal(gil->holders[0].tid, FIXTURE_ROOT_PID + 1000);
	assert_true(fabs(gil->holders[0].share - 2100.0 / 2600) < 1e-9);
	assert_string_equal(gil->holders[1].comm, "born-2");
	assert_true(fabs(gil->holders[1].share - 500.0 / 2600) < 1e-9);
	/* Of locks that nobody published, and of time-outs that nobody counted: unknown. */
	assert_false(sum_of(&mode, "(unnamed mutex)")->timeouts.known);
	assert_false(sum_of(&mode, "(unnamed mutex)")->mean_hold_ns.known);
	assert_int_equal(sum_of(&mode, "(unnamed mutex)")->n_holders, 0);
	assert_int_equal(lock_sums__fill(sums, false, &blind), 0);
	assert_false(sum_of(&blind, "GIL")->timeouts.known);
	assert_false(sum_of(&blind, "GIL")->eagain.known);
	assert_int_equal(gil->objects, 1);
	/* Lock wait is of contended locks only. */
	assert_int_equal(mode.lock_wait.episodes, 6 + 2);
	assert_int_equal(mode.lock_wait.total_ns, 2600 + 2 * 99900);
	assert_true(mode.lock_wait.max_ns.known && mode.lock_wait.max_ns.value == 99900);
	assert_true(fabs(mode.lock_wait.mean_ns.value - (2600 + 2 * 99900) / 8.0) < 1e-6);
	for (size_t i = 0; i < 3; i++) {
		free(mode.locks[i].holders);
		free(blind.locks[i].holders);
	}
	free(mode.locks);
	free(blind.locks);
	lock_sums__free(sums);
	free(table);
}

static void test_no_lock_at_all(void **state)
{
	struct report_mode mode = { 0 };
	struct lock_sums *sums;

	(void)state;
	assert_int_equal(lock_sums__new(&sums), 0);
	assert_int_equal(lock_sums__fill(sums, true, &mode), 0);
	assert_int_equal(mode.n_locks, 0);
	assert_int_equal(mode.lock_wait.episodes, 0);
	assert_false(mode.lock_wait.mean_ns.known || mode.lock_wait.p50_ns.known ||
		     mode.lock_wait.p90_ns.known || mode.lock_wait.p99_ns.known ||
		     mode.lock_wait.max_ns.known);
	free(mode.locks);
	lock_sums__free(sums);
	lock_sums__free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_namesakes_in_one_round),
		cmocka_unit_test(test_namesakes_in_several_rounds),
		cmocka_unit_test(test_sums_over_rounds),
		cmocka_unit_test(test_no_lock_at_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
