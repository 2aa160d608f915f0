// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * holders.c - histories of threads as cumulative counts, and waiting that is split by them.
 */
#include "holders.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "locks.h"

/* A thread's state changed: how long it was in each state before, but for running. */
struct checkpoint {
	uint64_t when;
	uint64_t ns[HOLDER_STATES - 1]; /* by state, less one */
};

/* Waiting of this many ns, spread evenly over [from, to), of which nothing is split yet. */
struct stretch {
	uint64_t from, to, ns;
	uint64_t *split;
};

#define HISTORY_ROOM (2 * HISTORY_EXACT)
#define PART_SHIFT 4 /* a sixteenth, to begin with */
#define NEVER UINT64_MAX

struct history {
	struct checkpoint *points;
	uint16_t n, room;
	uint8_t part_shift; /* see thin() */
	uint64_t known; /* up to then; NEVER: it has ended, nothing is to come */
	uint64_t due;	/* no stretch is known to its end before; NEVER: none waits */
	struct stretch *pending;
	size_t n_pending, pending_room;
};

struct holders {
	struct history *histories;
	size_t room;
	bool finished;
};

int holders__new(struct holders **holders)
{
	*holders = calloc(1, sizeof(**holders));
	return *holders ? 0 : -ENOMEM;
}

void holders__free(struct holders *holders)
{
	if (!holders)
		return;
	for (size_t i = 0; i < holders->room; i++) {
		free(holders->histories[i].points);
		free(holders->histories[i].pending);
	}
	free(holders->histories);
	free(holders);
}

static int need_history(struct holders *holders, size_t thread)
{
	size_t room = holders->room ? holders->room : 16;
	struct history *grown;

	if (thread < holders->room)
		return 0;
	if (thread >= SIZE_MAX / sizeof(*grown) / 2)
		return -ENOMEM;
	while (room <= thread)
		room *= 2;
	grown = realloc(holders->histories, room * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	memset(grown + holders->room, 0, (room - holders->room) * sizeof(*grown));
	for (size_t i = holders->room; i < room; i++) {
		grown[i].due = NEVER;
		grown[i].part_shift = PART_SHIFT;
	}
	holders->histories = grown;
	holders->room = room;
	return 0;
}

/*
 * part * amount / whole, rounded down; part <= whole, whole > 0. Exact, with what a 32-bit
 * machine's compiler has, too.
 */
static uint64_t share_of(uint64_t amount, uint64_t part, uint64_t whole)
{
	uint64_t product, quotient = 0, rest = 0;

	if (part == whole)
		return amount;
	if (!__builtin_mul_overflow(amount, part, &product))
		return product / whole;
	/* Bit by bit; rest < whole, and nothing exceeds 64 bits. */
	for (int bit = 63; bit >= 0; bit--) {
		quotient <<= 1;
		if (rest >= whole - rest) {
			rest -= whole - rest;
			quotient++;
		} else {
			rest += rest;
		}
		if (!(amount >> bit & 1))
			continue;
		if (part >= whole - rest) {
			rest = part - (whole - rest);
			quotient++;
		} else {
			rest += part;
		}
	}
	return quotient;
}

/* --- reading a history ------------------------------------------------------------------ */

/* The last checkpoint at or before this time, which is at or after the first one. */
static size_t find_point(const struct history *history, uint64_t when)
{
	size_t low = 0, high = history->n;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (history->points[middle].when <= when)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/*
 * How long the thread was in each state from its first checkpoint up to a time that is
 * known. Between two checkpoints one state after the other gets its share of what those
 * before left over: so each of them never decreases with time, and all sum up exactly, which
 * rounding each by itself would not achieve.
 */
static void spent_until(const struct history *history, uint64_t when, uint64_t spent[HOLDER_STATES])
{
	const struct checkpoint *point = &history->points[find_point(history, when)];
	uint64_t running = point->when - history->points[0].when;
	uint64_t part = when - point->when, whole = part ? point[1].when - point->when : 0;

	for (int i = 0; i < HOLDER_STATES - 1; i++) {
		uint64_t ns = point->ns[i];

		running -= ns;
		if (part) {
			uint64_t in_whole = point[1].ns[i] - ns;
			uint64_t in_part = share_of(in_whole, part, whole);

			ns += in_part;
			part -= in_part;
			whole -= in_whole;
		}
		spent[i + 1] = ns;
	}
	spent[HOLDER_RUNNING] = running + part;
}

/* Add so many ns to the split as the holder spent [from, to), which is known. */
static void add_to_split(const struct history *history, uint64_t from, uint64_t to, uint64_t ns,
			 uint64_t *split)
{
	uint64_t before[HOLDER_STATES], spent[HOLDER_STATES], whole = to - from;

	spent_until(history, from, before);
	spent_until(history, to, spent);
	for (int state = HOLDER_STATES - 1; state > HOLDER_RUNNING; state--) {
		uint64_t in_state = spent[state] - before[state];
		uint64_t share = in_state ? share_of(ns, in_state, whole) : 0;

		split[state] += share;
		ns -= share;
		whole -= in_state;
	}
	split[HOLDER_RUNNING] += ns;
}

/* Take what lies before a time out of a stretch. Returns its ns. */
static uint64_t cut_stretch(struct stretch *stretch, uint64_t when)
{
	uint64_t end = when < stretch->to ? when : stretch->to;
	uint64_t ns;

	if (end <= stretch->from)
		return 0;
	ns = share_of(stretch->ns, end - stretch->from, stretch->to - stretch->from);
	stretch->from = end;
	stretch->ns -= ns;
	return ns;
}

/* Split what can be split of a stretch. What is left of it lies where nothing is known yet. */
static void split_known(const struct history *history, struct stretch *stretch)
{
	uint64_t from, ns;

	if (!history->n)
		return;
	cut_stretch(stretch, history->points[0].when);
	from = stretch->from;
	ns = cut_stretch(stretch, history->points[history->n - 1].when);
	if (stretch->from > from)
		add_to_split(history, from, stretch->from, ns, stretch->split);
}

/* --- stretches that wait ---------------------------------------------------------------- */

static void split_pending(struct history *history)
{
	size_t n = 0;

	history->due = NEVER;
	for (size_t i = 0; i < history->n_pending; i++) {
		struct stretch *stretch = &history->pending[i];

		split_known(history, stretch);
		if (stretch->from >= stretch->to)
			continue;
		if (stretch->to < history->due)
			history->due = stretch->to;
		history->pending[n++] = *stretch;
	}
	history->n_pending = n;
}

static void drop_pending(struct history *history)
{
	free(history->pending);
	history->pending = NULL;
	history->n_pending = history->pending_room = 0;
	history->due = NEVER;
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
static void pair_pending(struct history *history)
{
	struct stretch *pending = history->pending;
	size_t old = history->n_pending / 2, n = 0;
	uint64_t last;

	qsort(pending, history->n_pending, sizeof(*pending), by_time);
	/* Of those that begin at the same time all or none, for their order is by chance. */
	for (last = pending[old].from; old < history->n_pending; old++)
		if (pending[old].from != last)
			break;
	qsort(pending, old, sizeof(*pending), by_split);
	for (size_t i = 0; i < old; i++) {
		struct stretch pair = pending[i];

		if (i + 1 < old && pending[i + 1].split == pair.split) {
			i++;
			pair.to = pair.to > pending[i].to ? pair.to : pending[i].to;
			pair.ns += pending[i].ns;
		}
		pending[n++] = pair;
	}
	memmove(pending + n, pending + old, (history->n_pending - old) * sizeof(*pending));
	history->n_pending -= old - n;
}

static int need_pending(struct history *history)
{
	size_t room = history->pending_room ? 2 * history->pending_room : 4;
	struct stretch *grown;

	if (history->n_pending < history->pending_room)
		return 0;
	if (history->pending_room >= PENDING_EXACT) {
		pair_pending(history);
		/* Few pairs: that many different splits there are. */
		if (history->n_pending <= history->pending_room - history->pending_room / 8)
			return 0;
	}
	grown = realloc(history->pending, room * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	history->pending = grown;
	history->pending_room = room;
	return 0;
}

static bool is_even(const struct stretch *stretch)
{
	return stretch->ns == stretch->to - stretch->from;
}

static int add_pending(struct history *history, const struct stretch *stretch)
{
	int err;

	/* Threads that wait in line wait for the same: what is alike, or goes on, is one. */
	if (history->n_pending) {
		struct stretch *last = &history->pending[history->n_pending - 1];

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
	err = need_pending(history);
	if (err)
		return err;
	history->pending[history->n_pending++] = *stretch;
	if (stretch->to < history->due)
		history->due = stretch->to;
	return 0;
}

/* --- writing a history ------------------------------------------------------------------ */

/*
 * Checkpoints of the older part go. Counts are cumulative, so those that stay are as exact as
 * before; what goes is only when, between its neighbours, it was so. The first one stays,
 * too, since it tells from when on the thread is known.
 *
 * A gap may be as long as a certain part of how long ago it is: then a stretch of waiting that
 * began long ago has an end that is off by this part of its length at most. If that leaves
 * too many, the part is doubled, for good. (Dropping every second one would leave nothing at
 * all of what is older than some 1300 changes, since it hits the oldest again and again.)
 */
static void thin(struct history *history)
{
	struct checkpoint *points = history->points;
	uint64_t now = points[history->n - 1].when;
	size_t old = history->n - HISTORY_EXACT, n;

	/* What waits is split by the exact history as far as it goes. */
	if (history->n_pending)
		split_pending(history);
	for (;; history->part_shift--) {
		n = 1;
		for (size_t i = 1; i < old; i++) {
			uint64_t next = points[i + 1].when;
			bool keep = next - points[n - 1].when > (now - next) >> history->part_shift;

			points[n] = points[i];
			n += keep;
		}
		/* At the whole of its age, two gaps double it: so few are left of any times. */
		if (n <= HISTORY_EXACT / 2 + 1 || history->part_shift == 0)
			break;
		memmove(points + n, points + old, HISTORY_EXACT * sizeof(*points));
		old = n;
	}
	memmove(points + n, points + old, HISTORY_EXACT * sizeof(*points));
	history->n = (uint16_t)(n + HISTORY_EXACT);
}

/* Room for two more checkpoints. */
static int need_points(struct history *history)
{
	uint16_t room = history->room ? (uint16_t)(2 * history->room) : 4;
	struct checkpoint *grown;

	if (history->room >= HISTORY_ROOM) {
		thin(history);
		return 0;
	}
	grown = realloc(history->points, room * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	history->points = grown;
	history->room = room;
	return 0;
}

int holders__was(struct holders *holders, size_t thread, enum holder_state state, uint64_t from,
		 uint64_t to)
{
	struct history *history;
	struct checkpoint *point;
	int err;

	if (thread >= holders->room) {
		err = need_history(holders, thread);
		if (err)
			return err;
	}
	history = &holders->histories[thread];
	if (from < history->known)
		from = history->known;
	if (to < from || (to == history->known && history->n))
		return 0;
	if (history->n + 2 > history->room) {
		err = need_points(history);
		if (err)
			return err;
	}
	if (history->n) {
		point = &history->points[history->n - 1];
		if (from > point->when) {
			point[1] = point[0];
			(++point)->when = from;
		}
	} else {
		point = history->points;
		*point = (struct checkpoint){ .when = from };
	}
	if (to > from) {
		point[1] = point[0];
		(++point)->when = to;
		if (state != HOLDER_RUNNING)
			point->ns[state - 1] += to - from;
	}
	history->n = (uint16_t)(point - history->points) + 1;
	history->known = to;
	if (to >= history->due)
		split_pending(history);
	return 0;
}

int holders__ended(struct holders *holders, size_t thread, uint64_t when_ns)
{
	/* With its last nanoseconds; if nothing was known, it is not known before its end. */
	int err = holders__was(holders, thread, HOLDER_RUNNING, when_ns, when_ns);

	if (err)
		return err;
	split_pending(&holders->histories[thread]);
	drop_pending(&holders->histories[thread]);
	holders->histories[thread].known = NEVER;
	return 0;
}

int holders__waited(struct holders *holders, size_t holder, uint64_t from, uint64_t to,
		    uint64_t *split)
{
	struct stretch stretch = { from, to, to - from, split };
	struct history *history;
	int err;

	if (holder == NO_THREAD || from >= to)
		return 0;
	err = need_history(holders, holder);
	if (err)
		return err;
	history = &holders->histories[holder];
	split_known(history, &stretch);
	if (stretch.from >= stretch.to || history->known == NEVER || holders->finished)
		return 0;
	return add_pending(history, &stretch);
}

int holders__finish(struct holders *holders, uint64_t end_ns)
{
	for (size_t i = 0; i < holders->room; i++) {
		struct history *history = &holders->histories[i];
		int err = 0;

		if (history->n)
			err = holders__was(holders, i, HOLDER_RUNNING, end_ns, end_ns);
		if (err)
			return err;
		split_pending(history);
		drop_pending(history);
	}
	holders->finished = true;
	return 0;
}
