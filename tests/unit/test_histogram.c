/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_histogram.c - quantiles within 1 % of the sorted truth.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "user/histogram.h"

static void add(struct histogram *h, uint64_t value)
{
	assert_int_equal(histogram__add(h, value), 0);
}

static uint64_t quantile(const struct histogram *h, double q)
{
	uint64_t value = 0;

	assert_true(histogram__quantile(h, q, &value));
	return value;
}

static void test_empty_is_unknown_and_owns_nothing(void **state)
{
	struct histogram h, other = { 0 };
	uint64_t value = 42;

	(void)state;
	histogram__init(&h);
	assert_null(h.octaves);
	assert_false(histogram__quantile(&h, 0.5, &value));
	assert_int_equal(value, 42);
	assert_int_equal(histogram__merge(&h, &other), 0);
	assert_int_equal(h.count, 0);
	histogram__free(&h);
	histogram__free(&other);
}

static void test_one_value_is_exact(void **state)
{
	const uint64_t values[] = { 0, 1, 63, 64, 127, 128, 5000000, 123456789012345, UINT64_MAX };

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		struct histogram h = { 0 };

		add(&h, values[i]);
		assert_true(quantile(&h, 0) == values[i]);
		assert_true(quantile(&h, 0.5) == values[i]);
		assert_true(quantile(&h, 0.99) == values[i]);
		assert_true(quantile(&h, 1) == values[i]);
		assert_true(h.min == values[i] && h.max == values[i] && h.sum == values[i]);
		histogram__free(&h);
	}
}

static void test_small_values_are_exact(void **state)
{
	struct histogram h = { 0 };

	(void)state;
	for (uint64_t i = 0; i < 128; i++)
		add(&h, i);
	for (uint64_t rank = 1; rank <= 128; rank++)
		assert_int_equal(quantile(&h, (double)rank / 128), rank - 1);
	histogram__free(&h);
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Durations over nine decades, from a small generator of our own. */
static void fill(uint64_t *values, size_t n)
{
	uint64_t seed = 12345;

	for (size_t i = 0; i < n; i++) {
		seed = seed * 6364136223846793005ull + 1442695040888963407ull;
		values[i] = (uint64_t)pow(10, (double)(seed >> 40) / (1 << 24) * 9);
	}
}

static void test_within_one_per_cent_of_the_truth(void **state)
{
	static uint64_t values[20000];
	const size_t n = sizeof(values) / sizeof(values[0]);
	struct histogram h = { 0 };
	uint64_t sum = 0;

	(void)state;
	fill(values, n);
	for (size_t i = 0; i < n; i++) {
		add(&h, values[i]);
		sum += values[i];
	}
	qsort(values, n, sizeof(values[0]), compare);
	assert_true(h.count == n && h.sum == sum);
	assert_true(h.min == values[0] && h.max == values[n - 1]);
	for (unsigned i = 1; i <= 1000; i++) {
		double q = i / 1000.0;
		size_t rank = (size_t)ceil(q * (double)n);
		double truth = (double)values[rank - 1], got = (double)quantile(&h, q);

		assert_true(fabs(got - truth) <= 0.01 * truth);
		assert_true(got >= (double)h.min && got <= (double)h.max);
	}
	histogram__free(&h);
}

static void test_merge_equals_adding_all(void **state)
{
	static uint64_t values[3000];
	const size_t n = sizeof(values) / sizeof(values[0]);
	struct histogram all = { 0 }, a = { 0 }, b = { 0 };

	(void)state;
	fill(values, n);
	for (size_t i = 0; i < n; i++) {
		add(&all, values[i]);
		add(i % 3 ? &a : &b, values[i]);
	}
	assert_int_equal(histogram__merge(&a, &b), 0);
	assert_true(a.count == all.count && a.sum == all.sum);
	assert_true(a.min == all.min && a.max == all.max);
	for (unsigned i = 0; i <= 100; i++)
		assert_true(quantile(&a, i / 100.0) == quantile(&all, i / 100.0));
	histogram__free(&all);
	histogram__free(&a);
	histogram__free(&b);
}

static void test_merge_into_an_empty_one(void **state)
{
	struct histogram a = { 0 }, b = { 0 };

	(void)state;
	add(&b, 700);
	add(&b, 900);
	assert_int_equal(histogram__merge(&a, &b), 0);
	assert_true(a.min == 700 && a.max == 900 && a.count == 2);
	histogram__free(&a);
	histogram__free(&b);
	/* Freed is empty, and can be used again. */
	add(&a, 5);
	assert_true(a.count == 1 && a.min == 5);
	histogram__free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty_is_unknown_and_owns_nothing),
		cmocka_unit_test(test_one_value_is_exact),
		cmocka_unit_test(test_small_values_are_exact),
		cmocka_unit_test(test_within_one_per_cent_of_the_truth),
		cmocka_unit_test(test_merge_equals_adding_all),
		cmocka_unit_test(test_merge_into_an_empty_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
