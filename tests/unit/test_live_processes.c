/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_live_processes.c - processes end with the last of their threads.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "user/live_processes.h"

static void add(struct live_processes *live, uint32_t id, uint32_t pid, bool first)
{
	assert_int_equal(live_processes__add(live, id, pid, first), 0);
}

static void test_the_last_one_ends_it(void **state)
{
	struct live_processes live = { 0 };

	(void)state;
	assert_int_equal(live_processes__pid_of(&live, 1), 0);
	assert_int_equal(live_processes__threads(&live, 100), 0);
	assert_int_equal(live_processes__remove(&live, 1), 0);
	add(&live, 1, 100, true);
	add(&live, 2, 100, false);
	add(&live, 2, 100, false); /* told twice */
	add(&live, 3, 101, false);
	add(&live, 0, 102, false);
	add(&live, 4, 0, false);
	assert_int_equal(live_processes__threads(&live, 100), 2);
	assert_int_equal(live_processes__threads(&live, 102), 0);
	assert_int_equal(live_processes__remove(&live, 1), 0); /* the leader */
	assert_int_equal(live_processes__remove(&live, 1), 0);
	assert_int_equal(live_processes__threads(&live, 100), 1);
	assert_int_equal(live_processes__remove(&live, 2), 100);
	assert_int_equal(live_processes__remove(&live, 3), 101);
	assert_int_equal(live_processes__threads(&live, 100), 0);
	live_processes__free(&live);
}

/* What it started can be told of after its death. */
static void test_dead_ones_are_known_until_swept(void **state)
{
	struct live_processes live = { 0 };

	(void)state;
	add(&live, 1, 100, true);
	add(&live, 2, 200, true);
	assert_int_equal(live_processes__remove(&live, 1), 100);
	assert_int_equal(live_processes__pid_of(&live, 1), 100);
	live_processes__sweep(&live);
	assert_int_equal(live_processes__pid_of(&live, 1), 0);
	assert_int_equal(live_processes__pid_of(&live, 2), 200);
	assert_int_equal(live.threads.n, 1);
	assert_int_equal(live.processes.n, 1);
	live_processes__free(&live);
}

/* A death was lost, and the number is another's. */
static void test_number_of_another(void **state)
{
	struct live_processes live = { 0 };

	(void)state;
	add(&live, 1, 100, true);
	add(&live, 2, 100, false);
	add(&live, 3, 100, true);
	assert_int_equal(live_processes__threads(&live, 100), 1);
	assert_int_equal(live_processes__remove(&live, 2), 0); /* of the one before */
	assert_int_equal(live_processes__threads(&live, 100), 1);
	assert_int_equal(live_processes__remove(&live, 3), 100);
	live_processes__free(&live);
}

#define IDS 30000
#define PIDS 200

static void test_many_against_arrays(void **state)
{
	static uint32_t process_of[IDS + 1], counts[PIDS + 1];
	struct live_processes live = { 0 };
	uint32_t seed = 7, next = 1, n_live = 0;

	(void)state;
	for (int i = 0; i < 100000; i++) {
		uint32_t id, pid;

		seed = seed * 1664525 + 1013904223;
		id = 1 + (seed >> 8) % (next > 400 ? 400 : next);
		id = next > id ? next - id : 1;
		pid = 1 + (seed >> 12) % PIDS;
		if (seed >> 31 && next <= IDS) {
			add(&live, next, pid, false);
			process_of[next++] = pid;
			counts[pid]++;
			n_live++;
		} else if (process_of[id]) {
			pid = process_of[id];
			process_of[id] = 0;
			n_live--;
			assert_int_equal(live_processes__remove(&live, id),
					 --counts[pid] ? 0 : pid);
		}
		if (i % 64)
			continue;
		live_processes__sweep(&live);
		assert_int_equal(live.threads.n, n_live);
		for (uint32_t at = next > 400 ? next - 400 : 1; at < next; at++)
			assert_int_equal(live_processes__pid_of(&live, at), process_of[at]);
		for (pid = 1; pid <= PIDS; pid++)
			assert_int_equal(live_processes__threads(&live, pid), counts[pid]);
	}
	assert_true(next > 10000);
	live_processes__free(&live);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_last_one_ends_it),
		cmocka_unit_test(test_dead_ones_are_known_until_swept),
		cmocka_unit_test(test_number_of_another),
		cmocka_unit_test(test_many_against_arrays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
