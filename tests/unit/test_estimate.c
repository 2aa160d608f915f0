/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_estimate.c - medians, intervals, and that they never change between runs.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "user/estimate.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))
#define assert_near(a, b) assert_true(fabs((double)(a) - (double)(b)) < 1e-9)

static void test_nothing_is_unknown(void **state)
{
	struct estimate e;

	(void)state;
	assert_int_equal(estimate__init(&e, NULL, 0), 0);
	assert_int_equal(e.n, 0);
	assert_null(e.rounds);
	assert_false(e.has_ci);
	estimate__free(&e);
}

static void test_order_of_rounds_is_kept(void **state)
{
	const double values[] = { 5, 1, 4, 2, 3 };
	struct estimate e;

	(void)state;
	assert_int_equal(estimate__init(&e, values, N(values)), 0);
	for (size_t i = 0; i < N(values); i++)
		assert_near(e.rounds[i], values[i]);
	assert_near(e.median, 3);
	assert_near(e.min, 1);
	assert_near(e.max, 5);
	estimate__free(&e);
	assert_int_equal(e.n, 0);
	estimate__free(&e);
}

static void test_even_median_lies_between(void **state)
{
	const double values[] = { 40, 10, 20, 30 };
	struct estimate e;

	(void)state;
	assert_int_equal(estimate__init(&e, values, N(values)), 0);
	assert_near(e.median, 25);
	estimate__free(&e);
}

static void test_no_interval_below_three_rounds(void **state)
{
	const double values[] = { 7, 9, 8 };
	struct estimate e;

	(void)state;
	for (size_t n = 1; n <= 3; n++) {
		assert_int_equal(estimate__init(&e, values, n), 0);
		assert_int_equal(e.has_ci, n == 3);
		estimate__free(&e);
	}
}

static void test_interval_of_equal_rounds_is_a_point(void **state)
{
	const double values[] = { 7, 7, 7 };
	struct estimate e;

	(void)state;
	assert_int_equal(estimate__init(&e, values, N(values)), 0);
	assert_near(e.ci_lo, 7);
	assert_near(e.ci_hi, 7);
	estimate__free(&e);
}

static void test_interval_surrounds_the_median_within_the_rounds(void **state)
{
	const double values[] = { 101, 99, 104, 97, 100, 102, 98, 250, 103 };
	struct estimate e;

	(void)state;
	assert_int_equal(estimate__init(&e, values, N(values)), 0);
	assert_true(e.min <= e.ci_lo && e.ci_lo <= e.median);
	assert_true(e.median <= e.ci_hi && e.ci_hi <= e.max);
	/* One outlier of nine does not reach the interval of a median. */
	assert_true(e.ci_hi < 250);
	estimate__free(&e);
}

static void test_more_rounds_narrow_it(void **state)
{
	double few[9], many[900];
	struct estimate a, b;

	(void)state;
	for (size_t i = 0; i < N(many); i++)
		many[i] = 100 + (double)((i * 37) % 101) / 10;
	for (size_t i = 0; i < N(few); i++)
		few[i] = many[i * 97 % N(many)];
	assert_int_equal(estimate__init(&a, few, N(few)), 0);
	assert_int_equal(estimate__init(&b, many, N(many)), 0);
	assert_true(b.ci_hi - b.ci_lo < a.ci_hi - a.ci_lo);
	estimate__free(&a);
	estimate__free(&b);
}

static void test_same_values_same_interval(void **state)
{
	const double values[] = { 1.5, 1.25, 1.75, 1.125, 1.875 };
	struct estimate a, b;

	(void)state;
	assert_int_equal(estimate__init(&a, values, N(values)), 0);
	assert_int_equal(estimate__init(&b, values, N(values)), 0);
	assert_memory_equal(&a.ci_lo, &b.ci_lo, sizeof(a.ci_lo));
	assert_memory_equal(&a.ci_hi, &b.ci_hi, sizeof(a.ci_hi));
	estimate__free(&a);
	estimate__free(&b);
}

static void test_ratio(void **state)
{
	const double slow[] = { 200, 202, 198, 201, 199 }, fast[] = { 100, 101, 99, 100, 100 };
	const double zero[] = { 100, 0, 100 }, short_of[] = { 1, 2 };
	struct estimate a, b, z, s;
	double lo = -1, hi = -1;

	(void)state;
	assert_int_equal(estimate__init(&a, slow, N(slow)), 0);
	assert_int_equal(estimate__init(&b, fast, N(fast)), 0);
	assert_int_equal(estimate__init(&z, zero, N(zero)), 0);
	assert_int_equal(estimate__init(&s, short_of, N(short_of)), 0);

	assert_false(estimate__ratio_ci(&a, &z, &lo, &hi));
	assert_false(estimate__ratio_ci(&a, &s, &lo, &hi));
	assert_false(estimate__ratio_ci(&s, &a, &lo, &hi));
	assert_near(lo, -1);
	assert_near(hi, -1);

	assert_true(estimate__ratio_ci(&a, &b, &lo, &hi));
	assert_true(lo >= 198 / 101.0 && lo <= 2 && hi >= 2 && hi <= 202 / 99.0);
	/* A zero above the line is just a small number. */
	assert_true(estimate__ratio_ci(&z, &a, &lo, &hi));

	estimate__free(&a);
	estimate__free(&b);
	estimate__free(&z);
	estimate__free(&s);
}

static void test_least_probability(void **state)
{
	const double low[] = { 10, 11, 12 }, high[] = { 20, 21, 22 }, mixed[] = { 9, 11, 13 };
	const double two[] = { 1, 2 };
	struct estimate a, b, c, s;
	const struct estimate *others[2] = { &b, &c };
	double p = -1;

	(void)state;
	assert_int_equal(estimate__init(&a, low, N(low)), 0);
	assert_int_equal(estimate__init(&b, high, N(high)), 0);
	assert_int_equal(estimate__init(&c, mixed, N(mixed)), 0);
	assert_int_equal(estimate__init(&s, two, N(two)), 0);

	assert_false(estimate__least_probability(&a, others, 0, &p));
	assert_false(estimate__least_probability(&s, others, 2, &p));
	assert_near(p, -1);
	assert_true(estimate__least_probability(&a, others, 1, &p));
	assert_near(p, 1);
	assert_true(estimate__least_probability(&a, others, 2, &p));
	assert_true(p > 0.1 && p < 0.9);
	others[0] = &a;
	assert_true(estimate__least_probability(&b, others, 1, &p));
	assert_near(p, 0);

	estimate__free(&a);
	estimate__free(&b);
	estimate__free(&c);
	estimate__free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_is_unknown),
		cmocka_unit_test(test_order_of_rounds_is_kept),
		cmocka_unit_test(test_even_median_lies_between),
		cmocka_unit_test(test_no_interval_below_three_rounds),
		cmocka_unit_test(test_interval_of_equal_rounds_is_a_point),
		cmocka_unit_test(test_interval_surrounds_the_median_within_the_rounds),
		cmocka_unit_test(test_more_rounds_narrow_it),
		cmocka_unit_test(test_same_values_same_interval),
		cmocka_unit_test(test_ratio),
		cmocka_unit_test(test_least_probability),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
