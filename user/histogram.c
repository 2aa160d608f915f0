/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * histogram.c - log-linear histogram, one lazily made block of buckets an octave.
 */
#include "histogram.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SUB_BITS 6
#define SUB_BUCKETS (1u << SUB_BITS)
/* Octave 0 holds 0..63; octave k > 0 holds [2^(k+5), 2^(k+6)), in steps of 2^(k-1). */
#define OCTAVES (64 - SUB_BITS + 1)

static unsigned octave_of(uint64_t value)
{
	return value < SUB_BUCKETS ? 0 : (unsigned)(63 - __builtin_clzll(value)) - SUB_BITS + 1;
}

static unsigned bucket_of(uint64_t value, unsigned octave)
{
	return octave == 0 ? (unsigned)value : (unsigned)(value >> (octave - 1)) - SUB_BUCKETS;
}

static uint64_t middle_of(unsigned octave, unsigned bucket)
{
	if (octave == 0)
		return bucket;
	return ((uint64_t)(SUB_BUCKETS + bucket) << (octave - 1)) +
	       (((1ull << (octave - 1)) - 1) >> 1);
}

void histogram__init(struct histogram *histogram)
{
	memset(histogram, 0, sizeof(*histogram));
}

void histogram__free(struct histogram *histogram)
{
	if (histogram->octaves) {
		for (unsigned i = 0; i < OCTAVES; i++)
			free(histogram->octaves[i]);
		free(histogram->octaves);
	}
	histogram__init(histogram);
}

static int need_octave(struct histogram *histogram, unsigned octave)
{
	if (!histogram->octaves) {
		histogram->octaves = calloc(OCTAVES, sizeof(*histogram->octaves));
		if (!histogram->octaves)
			return -ENOMEM;
	}
	if (!histogram->octaves[octave]) {
		histogram->octaves[octave] = calloc(SUB_BUCKETS, sizeof(uint64_t));
		if (!histogram->octaves[octave])
			return -ENOMEM;
	}
	return 0;
}

static void widen(struct histogram *histogram, uint64_t min, uint64_t max)
{
	if (histogram->count == 0 || min < histogram->min)
		histogram->min = min;
	if (histogram->count == 0 || max > histogram->max)
		histogram->max = max;
}

int histogram__add(struct histogram *histogram, uint64_t value)
{
	unsigned octave = octave_of(value);
	int err = need_octave(histogram, octave);

	if (err)
		return err;
	histogram->octaves[octave][bucket_of(value, octave)]++;
	widen(histogram, value, value);
	histogram->sum += value;
	histogram->count++;
	return 0;
}

int histogram__merge(struct histogram *into, const struct histogram *from)
{
	if (from->count == 0)
		return 0;
	/* All memory first, so that a failure leaves the counts alone. */
	for (unsigned i = 0; i < OCTAVES; i++) {
		int err = from->octaves[i] ? need_octave(into, i) : 0;

		if (err)
			return err;
	}
	for (unsigned i = 0; i < OCTAVES; i++) {
		if (!from->octaves[i])
			continue;
		for (unsigned j = 0; j < SUB_BUCKETS; j++)
			into->octaves[i][j] += from->octaves[i][j];
	}
	widen(into, from->min, from->max);
	into->sum += from->sum;
	into->count += from->count;
	return 0;
}

bool histogram__quantile(const struct histogram *histogram, double q, uint64_t *value)
{
	uint64_t rank, seen = 0;

	if (histogram->count == 0)
		return false;
	*value = histogram->max;
	if (q >= 1)
		return true;
	rank = q > 0 ? (uint64_t)ceil(q * (double)histogram->count) : 0;
	if (rank <= 1) {
		*value = histogram->min;
		return true;
	}
	for (unsigned i = 0; i < OCTAVES; i++) {
		if (!histogram->octaves[i])
			continue;
		for (unsigned j = 0; j < SUB_BUCKETS; j++) {
			seen += histogram->octaves[i][j];
			if (seen < rank)
				continue;
			*value = middle_of(i, j);
			if (*value < histogram->min)
				*value = histogram->min;
			if (*value > histogram->max)
				*value = histogram->max;
			return true;
		}
	}
	return true;
}
