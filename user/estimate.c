/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * estimate.c - median and bootstrap interval of one number over several rounds.
 */
#include "estimate.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define RESAMPLES 2000
#define MIN_ROUNDS 3		/* below it a bootstrap interval says nothing */
#define SEED 0x9e3779b97f4a7c15ull

/* splitmix64 (Steele, Lea, Flood 2014): one word of state, good enough to pick rounds. */
static uint64_t random__next(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15ull);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

static size_t random__below(uint64_t *state, size_t n)
{
	return (size_t)(((random__next(state) >> 32) * (uint64_t)n) >> 32);
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Sorts `values`. A handful of rounds is the rule, and there insertion beats qsort(). */
static void sort(double *values, size_t n)
{
	if (n > 32) {
		qsort(values, n, sizeof(*values), compare_doubles);
		return;
	}
	for (size_t i = 1; i < n; i++) {
		double value = values[i];
		size_t j = i;

		for (; j > 0 && values[j - 1] > value; j--)
			values[j] = values[j - 1];
		values[j] = value;
	}
}

static double median_of_sorted(const double *values, size_t n)
{
	if (n % 2)
		return values[n / 2];
	return values[n / 2 - 1] + (values[n / 2] - values[n / 2 - 1]) / 2;
}

/* The median of as many values as there are, drawn with replacement into `scratch`. */
static double resample(const struct estimate *estimate, double *scratch, uint64_t *state)
{
	for (size_t i = 0; i < estimate->n; i++)
		scratch[i] = estimate->rounds[random__below(state, estimate->n)];
	sort(scratch, estimate->n);
	return median_of_sorted(scratch, estimate->n);
}

/* The middle 95 % of the resamples, which are sorted in place. */
static void middle(double *samples, double *lo, double *hi)
{
	sort(samples, RESAMPLES);
	*lo = samples[(size_t)(RESAMPLES * 0.025)];
	*hi = samples[RESAMPLES - 1 - (size_t)(RESAMPLES * 0.025)];
}

int estimate__init(struct estimate *estimate, const double *values, size_t n)
{
	uint64_t state = SEED;
	double *samples;

	memset(estimate, 0, sizeof(*estimate));
	if (n == 0)
		return 0;
	/* The copy, then one resample, then their medians. */
	samples = calloc(n + RESAMPLES, sizeof(*samples));
	estimate->rounds = calloc(n, sizeof(*estimate->rounds));
	if (!samples || !estimate->rounds) {
		free(samples);
		estimate__free(estimate);
		return -ENOMEM;
	}
	estimate->n = n;
	memcpy(estimate->rounds, values, n * sizeof(*values));

	memcpy(samples, values, n * sizeof(*values));
	sort(samples, n);
	estimate->median = median_of_sorted(samples, n);
	estimate->min = samples[0];
	estimate->max = samples[n - 1];
	if (n >= MIN_ROUNDS) {
		for (size_t i = 0; i < RESAMPLES; i++)
			samples[n + i] = resample(estimate, samples, &state);
		middle(samples + n, &estimate->ci_lo, &estimate->ci_hi);
		estimate->has_ci = true;
	}
	free(samples);
	return 0;
}

void estimate__free(struct estimate *estimate)
{
	free(estimate->rounds);
	memset(estimate, 0, sizeof(*estimate));
}

bool estimate__ratio_ci(const struct estimate *a, const struct estimate *b, double *lo, double *hi)
{
	size_t n = a->n > b->n ? a->n : b->n;
	uint64_t state = SEED;
	double *samples;

	if (a->n < MIN_ROUNDS || b->n < MIN_ROUNDS)
		return false;
	for (size_t i = 0; i < b->n; i++) {
		if (b->rounds[i] == 0)
			return false;
	}
	samples = calloc(n + RESAMPLES, sizeof(*samples));
	if (!samples)
		return false;
	for (size_t i = 0; i < RESAMPLES; i++) {
		double top = resample(a, samples, &state);

		samples[n + i] = top / resample(b, samples, &state);
	}
	middle(samples + n, lo, hi);
	free(samples);
	return true;
}

bool estimate__least_probability(const struct estimate *candidate,
				 const struct estimate *const *others, size_t n,
				 double *probability)
{
	size_t longest = candidate->n, wins = 0;
	uint64_t state = SEED;
	double *scratch;

	if (n == 0 || candidate->n < MIN_ROUNDS)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (others[i]->n < MIN_ROUNDS)
			return false;
		if (others[i]->n > longest)
			longest = others[i]->n;
	}
	scratch = calloc(longest, sizeof(*scratch));
	if (!scratch)
		return false;
	for (size_t i = 0; i < RESAMPLES; i++) {
		double own = resample(candidate, scratch, &state);
		bool least = true;

		/* All are drawn even after a loss: the sequence depends on the counts alone. */
		for (size_t j = 0; j < n; j++)
			least &= own < resample(others[j], scratch, &state);
		wins += least;
	}
	free(scratch);
	*probability = (double)wins / RESAMPLES;
	return true;
}
