// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * verdict_compare.c - what two walls say about each other.
 */
#include <math.h>
#include <string.h>

#include "verdict_parts.h"

#define SAME_ANYWAY 0.02	/* a clear difference below it makes no difference */
#define SAME_AT_MOST 0.10	/* overlapping intervals wider than this leave it open */

const char *verdict__times(char buf[24], double ratio)
{
	snprintf(buf, 24, "%.*f", ratio < 9.995 ? 2 : ratio < 99.95 ? 1 : 0, ratio);
	return buf;
}

const char *verdict__percent(char buf[24], double share)
{
	double value = share * 100;

	if (value <= 0)
		snprintf(buf, 24, "none");
	else if (value < 0.1)
		snprintf(buf, 24, "less than 0.1 %%");
	else
		snprintf(buf, 24, "%.*f %%", value < 9.95 ? 1 : 0, value);
	return buf;
}

const char *verdict__count(char buf[24], double count)
{
	unsigned long long whole, unit = 1;

	if (!(count >= 9.95)) {
		snprintf(buf, 24, "%.*f", count < 0.05 ? 0 : 1, count);
		return buf;
	}
	count = fmin(count, 1e12);
	while (count / (double)unit >= 999.5)
		unit *= 10;
	whole = (unsigned long long)(count / (double)unit + 0.5) * unit;
	if (whole >= 1000000000)
		snprintf(buf, 24, "%llu million", whole / 1000000);
	else if (whole >= 1000000)
		snprintf(buf, 24, "%llu,%03llu,%03llu", whole / 1000000, whole / 1000 % 1000,
			 whole % 1000);
	else if (whole >= 1000)
		snprintf(buf, 24, "%llu,%03llu", whole / 1000, whole % 1000);
	else
		snprintf(buf, 24, "%llu", whole);
	return buf;
}

struct comparison verdict__compare(const struct report_mode *first,
				   const struct report_mode *second)
{
	struct comparison c = { .relation = RELATION_MISSING };
	const struct estimate *a, *b;
	double off;

	if (!first || !second || !first->wall_ns.n || !second->wall_ns.n ||
	    first->wall_ns.median <= 0 || second->wall_ns.median <= 0)
		return c;
	a = &first->wall_ns;
	b = &second->wall_ns;
	c.first_wins = a->median < b->median;
	c.ratio.least = c.first_wins ? b->median / a->median : a->median / b->median;
	c.ratio.most = c.ratio.least;
	c.relation = RELATION_POINT;
	if (!a->has_ci || !b->has_ci || !estimate__ratio_ci(b, a, &c.lo, &c.hi))
		return c;
	off = fmax(fabs(c.hi - 1), fabs(1 - c.lo));
	c.percent = (unsigned)ceil(off * 100);
	if (c.percent == 0)
		c.percent = 1;
	if (off <= SAME_ANYWAY) {
		c.relation = RELATION_SAME;
	} else if (a->ci_hi < b->ci_lo || b->ci_hi < a->ci_lo) {
		c.relation = RELATION_CLEAR;
		if (!c.first_wins)
			estimate__ratio_ci(a, b, &c.lo, &c.hi);
	} else {
		c.relation = off <= SAME_AT_MOST ? RELATION_SAME : RELATION_OPEN;
	}
	return c;
}

void verdict__widen(struct range *range, double value, const char *whose, bool first)
{
	if (first || value < range->least) {
		range->least = value;
		range->least_of = whose;
	}
	if (first || value > range->most) {
		range->most = value;
		range->most_of = whose;
	}
}

bool verdict__merge(struct comparison *all, const struct comparison *one, const char *whose,
		    bool first)
{
	if (first) {
		*all = *one;
	} else if (all->relation != one->relation) {
		return false;
	} else if ((one->relation == RELATION_CLEAR || one->relation == RELATION_POINT) &&
		   all->first_wins != one->first_wins) {
		return false;
	}
	verdict__widen(&all->ratio, one->ratio.least, whose, first);
	if (one->percent > all->percent)
		all->percent = one->percent;
	return true;
}

struct comparison verdict__compare_ways(const struct judge *j, enum way first, enum way second)
{
	struct comparison all = { .relation = RELATION_MISSING };

	for (size_t i = 0; i < j->n; i++) {
		const struct family *family = j->families[i];
		struct comparison one = verdict__compare(family->ways[first], family->ways[second]);

		if (!verdict__merge(&all, &one, family->label, i == 0))
			return (struct comparison){ .relation = RELATION_MISSING };
	}
	return all;
}

/* Both ends in words already; one of them if they are the same. */
static const char *range_words(char buf[VERDICT_RANGE], const struct range *range,
			       const char *least, const char *most)
{
	if (range->least_of == range->most_of || !strcmp(least, most))
		snprintf(buf, VERDICT_RANGE, "%s", most);
	else
		snprintf(buf, VERDICT_RANGE, "%s (%s) to %s (%s)", least, range->least_of, most,
			 range->most_of);
	return buf;
}

const char *verdict__times_range(char buf[VERDICT_RANGE], const struct range *range)
{
	char a[24], b[24], least[32], most[32];

	snprintf(least, sizeof(least), "%sx", verdict__times(a, range->least));
	snprintf(most, sizeof(most), "%sx", verdict__times(b, range->most));
	return range_words(buf, range, least, most);
}

const char *verdict__percent_range(char buf[VERDICT_RANGE], const struct range *range)
{
	char a[24], b[24];
	const char *least = verdict__percent(a, range->least);

	/* "none to 49 %" of their time is no English. */
	if (range->least <= 0 && range->most > 0)
		least = "0 %";
	return range_words(buf, range, least, verdict__percent(b, range->most));
}

const char *verdict__ms_range(char buf[VERDICT_RANGE], const struct range *range)
{
	char least[48], most[48];

	snprintf(least, sizeof(least), "%.2f ms", range->least / 1e6);
	snprintf(most, sizeof(most), "%.2f ms", range->most / 1e6);
	return range_words(buf, range, least, most);
}
