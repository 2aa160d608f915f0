/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * estimate.h - one number measured in several rounds: the {same} of the JSON contract.
 */
#ifndef CONVOY_ESTIMATE_H
#define CONVOY_ESTIMATE_H

#include <stdbool.h>
#include <stddef.h>

struct estimate {
	size_t n;		/* rounds; 0: unknown, all numbers below are meaningless */
	double *rounds;		/* one value a round, in the order they ran (owned) */
	double median, min, max;
	bool has_ci;		/* false below 3 rounds */
	double ci_lo, ci_hi;	/* 95 % of the median, by bootstrap */
};

/*
 * Estimate from `n` values, which are copied. The same values always give the
 * same interval: the bootstrap's generator is seeded from nothing but a constant.
 * Returns 0 or -ENOMEM. n = 0 gives an unknown estimate.
 */
int estimate__init(struct estimate *estimate, const double *values, size_t n);
void estimate__free(struct estimate *estimate);

/*
 * 95 % interval of the ratio of the medians of A and B (A over B), by bootstrap.
 * False (and *lo, *hi untouched) when either has fewer than 3 rounds or B has a zero.
 */
bool estimate__ratio_ci(const struct estimate *a, const struct estimate *b, double *lo, double *hi);

/*
 * How often the median of `candidate` is below the medians of all `n` others when
 * every one of them is resampled: 0..1, by bootstrap, a tie counting as a loss.
 * False (and *probability untouched) when n is 0, one has fewer than 3 rounds, or
 * memory runs out.
 */
bool estimate__least_probability(const struct estimate *candidate,
				 const struct estimate *const *others, size_t n,
				 double *probability);

#endif /* CONVOY_ESTIMATE_H */
