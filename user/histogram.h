/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * histogram.h - durations in bounded memory, with quantiles within 1 %.
 *
 * Log-linear: every octave of values is cut in 64 equal buckets, so a bucket's
 * middle is less than 0.8 % away from any value in it; values below 128 are kept
 * exactly. Count, sum, min and max are exact. An empty histogram owns no memory,
 * a full one at most 30 KiB, whatever the number of values.
 */
#ifndef CONVOY_HISTOGRAM_H
#define CONVOY_HISTOGRAM_H

#include <stdbool.h>
#include <stdint.h>

struct histogram {
	/* For anyone to read. */
	uint64_t count;
	uint64_t sum;
	uint64_t min, max;	/* meaningless while count is 0 */
	/* Private: one block of buckets an octave, made when first needed. */
	uint64_t **octaves;
};

/* Makes an empty one; a zeroed struct is one already. */
void histogram__init(struct histogram *histogram);

/* Frees what it owns and leaves it empty. */
void histogram__free(struct histogram *histogram);

/* Counts one value (ns). Returns 0, or -ENOMEM, and then nothing was counted. */
int histogram__add(struct histogram *histogram, uint64_t value);

/* Adds all values of `from`. Returns 0, or -ENOMEM, and then `into` is as it was. */
int histogram__merge(struct histogram *into, const struct histogram *from);

/*
 * The value (ns) that a share `q` (0..1) of all values do not exceed: that of nearest
 * rank, within 1 %, never below min or above max; q = 0 is min and q = 1 is max.
 * False (and *value untouched) when there are no values.
 */
bool histogram__quantile(const struct histogram *histogram, double q, uint64_t *value);

#endif /* CONVOY_HISTOGRAM_H */
