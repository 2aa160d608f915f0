/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_guards.c - the probes' table of locks that are known by their mutex: one place a
 * process, and what happens where two would have the same one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "user/guards.h"

#define PID 77u

static struct convoy_guard table[CONVOY_GUARDS];

static int clear(void **state)
{
	(void)state;
	memset(table, 0, sizeof(table));
	return 0;
}

static struct convoy_guard guard_of(uint32_t pid)
{
	return (struct convoy_guard){
		.pid = pid,
		.size = 184,
		.lock = 0x5000,
		.mutex = 0x5008,
		.thread_before = 8,
		.node_at = 72,
		.tid_by = 40,
		.tid_at = 24,
	};
}

static void test_put_and_dropped(void **state)
{
	const struct convoy_guard guard = guard_of(PID);

	(void)state;
	assert_true(guards__put(table, &guard));
	assert_memory_equal(&table[PID], &guard, sizeof(guard));
	guards__drop(table, PID);
	assert_int_equal(table[PID].pid, 0);
}

static void test_replaced(void **state)
{
	struct convoy_guard guard = guard_of(PID);

	(void)state;
	assert_true(guards__put(table, &guard));
	guard.lock = 0x9000;
	guard.mutex = 0x9028;
	guard.node_at = 0;
	assert_true(guards__put(table, &guard));
	assert_memory_equal(&table[PID], &guard, sizeof(guard));
}

static void test_a_place_for_one(void **state)
{
	const struct convoy_guard guard = guard_of(PID), other = guard_of(PID + CONVOY_GUARDS);

	(void)state;
	assert_true(guards__put(table, &guard));
	assert_false(guards__put(table, &other));
	guards__drop(table, other.pid); /* it has none */
	assert_memory_equal(&table[PID], &guard, sizeof(guard));
	guards__drop(table, PID);
	assert_true(guards__put(table, &other));
	assert_memory_equal(&table[PID], &other, sizeof(other));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_put_and_dropped, clear),
		cmocka_unit_test_setup(test_replaced, clear),
		cmocka_unit_test_setup(test_a_place_for_one, clear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
