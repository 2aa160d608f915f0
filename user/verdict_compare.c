// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * verdict_compare.c - what two walls say about each other.
 */
#include <math.h>

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
	c.ratio = c.first_wins ? b->median / a->median : a->median / b->median;
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
