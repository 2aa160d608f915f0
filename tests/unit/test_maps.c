/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_maps.c - which processes' mappings are wanted, while processes come and go.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "user/maps.h"

static struct maps *new_maps(bool all)
{
	struct maps *maps;

	assert_int_equal(maps__open(&maps, false, all), 0);
	return maps;
}

static void test_come_and_go(void **state)
{
	struct maps *maps = new_maps(false);

	(void)state;
	maps__unfollow(maps, 1); /* of none */
	assert_false(maps__is_followed(maps, 1));
	assert_int_equal(maps__follow(maps, 1), 0);
	assert_int_equal(maps__follow(maps, 1), 0);
	assert_true(maps__is_followed(maps, 1));
	assert_false(maps__is_followed(maps, 2));
	maps__unfollow(maps, 2);
	maps__unfollow(maps, 0);
	assert_true(maps__is_followed(maps, 1));
	maps__unfollow(maps, 1);
	assert_false(maps__is_followed(maps, 1));
	maps__unfollow(maps, 1);
	assert_int_equal(maps__follow(maps, 1), 0);
	assert_true(maps__is_followed(maps, 1));
	maps__free(maps);
}

/* Against a plain array, with numbers so dense that most do not find their own place. */
#define NUMBERS 300

static void test_many_against_an_array(void **state)
{
	struct maps *maps = new_maps(false);
	bool wanted[NUMBERS] = { false };
	uint32_t seed = 7;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		uint32_t pid;

		seed = seed * 1664525 + 1013904223;
		pid = 1 + (seed >> 8) % (NUMBERS - 1);
		/* Now mostly births, now mostly ends. */
		wanted[pid] = (seed >> 20) % 8 > (i / 1000 % 2 ? 1u : 5u);
		if (wanted[pid])
			assert_int_equal(maps__follow(maps, pid), 0);
		else
			maps__unfollow(maps, pid);
		for (uint32_t k = 1; i % 50 == 0 && k < NUMBERS; k++)
			assert_int_equal(maps__is_followed(maps, k), wanted[k]);
	}
	maps__free(maps);
}

static void test_the_whole_machine(void **state)
{
	struct maps *maps = new_maps(true);

	(void)state;
	assert_int_equal(maps__follow(maps, 1), 0);
	maps__unfollow(maps, 1);
	assert_true(maps__is_followed(maps, 1));
	assert_true(maps__is_followed(maps, 4711));
	assert_int_equal(maps__map(maps), 0);
	assert_int_equal(maps__drain(maps, UINT64_MAX, NULL), 0);
	maps__free(maps);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_come_and_go),
		cmocka_unit_test(test_many_against_an_array),
		cmocka_unit_test(test_the_whole_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
