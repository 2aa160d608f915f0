// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "exact_share.h"
#include "holders.h"
#include "stretches.h"

uint64_t stretch__cut(struct stretch *stretch, uint64_t when)
{
	uint64_t end = when < stretch->to ? when : stretch->to;
	uint64_t ns;

	if (end <= stretch->from)
		return 0;
	ns = exact_share(stretch->ns, end - stretch->from, stretch->to - stretch->from);
	stretch->from = end;
	stretch->ns -= ns;
	return ns;
}

void stretches__drop(struct stretches *stretches)
{
	free(stretches->list);
	stretches->list = NULL;
	stretches->n = stretches->room = 0;
	stretches->due = STRETCHES_NEVER;
}

static int compare_numbers(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int by_time(const void *a, const void *b)
{
	const struct stretch *x = a, *y = b;

	return compare_numbers(x->from, y->from);
}

/* Of the same split by all that is in them, so that what is paired is always the same. */
static int by_split(const void *a, const void *b)
{
	const struct stretch *x = a, *y = b;
	int order = compare_numbers((uintptr_t)x->split, (uintptr_t)y->split);

	order = order ? order : compare_numbers(x->from, y->from);
	order = order ? order : compare_numbers(x->to, y->to);
	return order ? order : compare_numbers(x->ns, y->ns);
}

/* Make pairs of the older half of the stretches, where two are of the same split. */
static void pair_up(struct stretches *stretches)
{
	struct stretch *list = stretches->list;
	uint32_t old = stretches->n / 2, n = 0;
	uint64_t last;

	qsort(list, stretches->n, sizeof(*list), by_time);
	/* Of those that begin at the same time all or none, for their order is by chance. */
	for (last = list[old].from; old < stretches->n; old++)
		if (list[old].from != last)
			break;
	qsort(list, old, sizeof(*list), by_split);
	for (uint32_t i = 0; i < old; i++) {
		struct stretch pair = list[i];

		if (i + 1 < old && list[i + 1].split == pair.split) {
			i++;
			pair.to = pair.to > list[i].to ? pair.to : list[i].to;
			pair.ns += list[i].ns;
		}
		list[n++] = pair;
	}
	memmove(list + n, list + old, (stretches->n - old) * sizeof(*list));
	stretches->n -= old - n;
}

static int need_room(struct stretches *stretches)
{
	uint32_t room = stretches->room ? 2 * stretches->room : 4;
	struct stretch *grown;

	if (stretches->n < stretches->room)
		return 0;
	if (stretches->room >= PENDING_EXACT) {
		pair_up(stretches);
		/* Few pairs: that many different splits there are. */
		if (stretches->n <= stretches->room - stretches->room / 8)
			return 0;
	}
	grown = realloc(stretches->list, room * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	stretches->list = grown;
	stretches->room = room;
	return 0;
}

static bool is_even(const struct stretch *stretch)
{
	return stretch->ns == stretch->to - stretch->from;
}

int stretches__add(struct stretches *stretches, const struct stretch *stretch)
{
	int err;

	/* Threads that wait in line wait for the same: what is alike, or goes on, is one. */
	if (stretches->n) {
		struct stretch *last = &stretches->list[stretches->n - 1];

		if (last->split == stretch->split && last->from == stretch->from &&
		    last->to == stretch->to) {
			last->ns += stretch->ns;
			return 0;
		}
		if (last->split == stretch->split && last->to == stretch->from && is_even(last) &&
		    is_even(stretch)) {
			last->to = stretch->to;
			last->ns += stretch->ns;
			return 0;
		}
	}
	err = need_room(stretches);
	if (err)
		return err;
	stretches->list[stretches->n++] = *stretch;
	if (stretch->to < stretches->due)
		stretches->due = stretch->to;
	return 0;
}
