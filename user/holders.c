// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * holders.c - histories of threads as cumulative counts, and waiting that is split by them.
 */
#include "holders.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "exact_share.h"
#include "locks.h"
#include "stretches.h"

/*
 * The latest changes of a thread's state are marks: when a state ended, and which. They cost
 * next to nothing to write, which is done with every event. To read a few is enough mostly,
 * for waits are split soon after they were.
 */
#define STATE_BITS 2
#define LATEST (UINT64_MAX >> STATE_BITS)
static_assert(HOLDER_STATES <= 1 << STATE_BITS, "a state does not fit into a mark");

/* What is older: how long the thread was in each state before, but for running. */
struct checkpoint {
	uint64_t when;
	uint64_t ns[HOLDER_STATES - 1]; /* by state, less one */
};

#define MARKS_ROOM (2 * HISTORY_EXACT)
#define OLD_ROOM 256
#define PART_SHIFT 4 /* see is_too_long() */
#define NEVER UINT64_MAX

struct history {
	uint64_t *marks;
	struct checkpoint *old; /* up to base, if there are any; the first is the beginning */
	uint64_t base;	/* where the first mark's state began */
	uint64_t known; /* up to then; NEVER: it has ended, nothing is to come */
	struct stretches pending; /* what others waited for it, and cannot be split yet */
	uint16_t n, room; /* marks */
	uint16_t n_old;
	uint8_t part_shift;
	bool begun;
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
		free(holders->histories[i].marks);
		free(holders->histories[i].old);
		stretches__drop(&holders->histories[i].pending);
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
		grown[i].pending.due = STRETCHES_NEVER;
		grown[i].part_shift = PART_SHIFT;
	}
	holders->histories = grown;
	holders->room = room;
	return 0;
}

/* --- reading a history ------------------------------------------------------------------ */

static uint64_t when_of(uint64_t mark)
{
	return mark >> STATE_BITS;
}

static unsigned state_of(uint64_t mark)
{
	return mark & ((1u << STATE_BITS) - 1);
}

static uint64_t beginning_of(const struct history *history)
{
	return history->n_old ? history->old[0].when : history->base;
}

static uint64_t end_of(const struct history *history)
{
	return history->n ? when_of(history->marks[history->n - 1]) : history->base;
}

/* The last checkpoint at or before this time, which is at or after the first one. */
static size_t find_old(const struct history *history, uint64_t when)
{
	size_t low = 0, high = history->n_old;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (history->old[middle].when <= when)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/*
 * How long the thread was in each state from its beginning up to a time, at most base.
 * Between two checkpoints one state after the other gets its share of what those before left
 * over: so each of them never decreases with time, and all sum up exactly, which rounding
 * each by itself would not achieve.
 */
static void spent_until(const struct history *history, uint64_t when, uint64_t spent[HOLDER_STATES])
{
	const struct checkpoint *point = &history->old[find_old(history, when)];
	uint64_t running = point->when - history->old[0].when;
	uint64_t part = when - point->when, whole = part ? point[1].when - point->when : 0;

	for (int i = 0; i < HOLDER_STATES - 1; i++) {
		uint64_t ns = point->ns[i];

		running -= ns;
		if (part) {
			uint64_t in_whole = point[1].ns[i] - ns;
			uint64_t in_part = exact_share(in_whole, part, whole);

			ns += in_part;
			part -= in_part;
			whole -= in_whole;
		}
		spent[i + 1] = ns;
	}
	spent[HOLDER_RUNNING] = running + part;
}

/* The first mark later than a time, which is before the last one. */
static size_t find_mark(const struct history *history, uint64_t when)
{
	size_t low = 0, high = history->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (when_of(history->marks[middle]) <= when)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* How long the thread was in each state in [from, to), which is known. */
static void spent_in(const struct history *history, uint64_t from, uint64_t to,
		     uint64_t spent[HOLDER_STATES])
{
	memset(spent, 0, HOLDER_STATES * sizeof(*spent));
	if (from < history->base) {
		uint64_t end = to < history->base ? to : history->base;
		uint64_t before[HOLDER_STATES];

		spent_until(history, from, before);
		spent_until(history, end, spent);
		for (int state = 0; state < HOLDER_STATES; state++)
			spent[state] -= before[state];
		from = end;
	}
	if (from >= to)
		return;
	for (const uint64_t *mark = &history->marks[find_mark(history, from)]; from < to; mark++) {
		uint64_t end = when_of(*mark) < to ? when_of(*mark) : to;

		spent[state_of(*mark)] += end - from;
		from = end;
	}
}

/* Add so many ns to the split as the holder spent [from, to), which is known. */
static void add_to_split(const struct history *history, uint64_t from, uint64_t to, uint64_t ns,
			 uint64_t *split)
{
	uint64_t spent[HOLDER_STATES], whole = to - from;

	spent_in(history, from, to, spent);
	for (int state = HOLDER_STATES - 1; state > HOLDER_RUNNING; state--) {
		uint64_t share = spent[state] ? exact_share(ns, spent[state], whole) : 0;

		split[state] += share;
		ns -= share;
		whole -= spent[state];
	}
	split[HOLDER_RUNNING] += ns;
}

/* Split what can be split of a stretch. What is left of it lies where nothing is known yet. */
static void split_known(const struct history *history, struct stretch *stretch)
{
	uint64_t from, ns;

	if (!history->begun)
		return;
	stretch__cut(stretch, beginning_of(history));
	from = stretch->from;
	ns = stretch__cut(stretch, end_of(history));
	if (stretch->from > from)
		add_to_split(history, from, stretch->from, ns, stretch->split);
}

/* --- stretches that wait ---------------------------------------------------------------- */

static __attribute__((noinline)) void split_pending(struct history *history)
{
	uint32_t n = 0;

	history->pending.due = STRETCHES_NEVER;
	for (uint32_t i = 0; i < history->pending.n; i++) {
		struct stretch *stretch = &history->pending.list[i];

		split_known(history, stretch);
		if (stretch->from >= stretch->to)
			continue;
		if (stretch->to < history->pending.due)
			history->pending.due = stretch->to;
		history->pending.list[n++] = *stretch;
	}
	history->pending.n = n;
}

/* --- writing a history ------------------------------------------------------------------ */

/*
 * Between checkpoints is not known when what was. A gap may be as long as a certain part of
 * how long ago it is: then a stretch of waiting that began long ago has a beginning that is
 * off by this part of its length at most.
 */
static bool is_too_long(const struct history *history, uint64_t from, uint64_t to)
{
	return to - from > (history->known - to) >> history->part_shift;
}

/*
 * Checkpoints go, those that stay are as exact as before since counts are cumulative. If too
 * many stay, gaps may be twice as long from now on. (Dropping every second one again and
 * again would hit the oldest each time, and leave nothing of what is more than some 1300
 * changes ago.)
 */
static void thin(struct history *history)
{
	struct checkpoint *old = history->old;

	for (;; history->part_shift--) {
		uint16_t n = 1;
		uint64_t kept = old[0].when;

		/* The first one tells since when the thread is known, the last one is base. */
		for (size_t i = 1; i < history->n_old; i++) {
			bool keep = i + 1u == history->n_old ||
				    is_too_long(history, kept, old[i + 1].when);

			old[n] = old[i];
			n = (uint16_t)(n + keep);
			kept = keep ? old[i].when : kept;
		}
		history->n_old = n;
		/* When it is all of its age, two gaps double it: there cannot be more. */
		if (n <= OLD_ROOM / 2 || history->part_shift == 0)
			return;
	}
}

/* Make checkpoints of the older marks. */
static int fold(struct history *history)
{
	size_t n = history->n - HISTORY_EXACT;
	uint64_t spent[HOLDER_STATES] = { 0 };
	uint64_t when = history->base, kept = when;

	if (!history->old) {
		history->old = malloc(OLD_ROOM * sizeof(*history->old));
		if (!history->old)
			return -ENOMEM;
		history->old[0] = (struct checkpoint){ .when = when };
		history->n_old = 1;
	}
	/* What waits is split by the exact history as far as it goes. */
	if (history->pending.n)
		split_pending(history);
	memcpy(spent + 1, history->old[history->n_old - 1].ns, sizeof(spent) - sizeof(*spent));
	for (size_t i = 0; i < n; i++) {
		uint64_t mark = history->marks[i];
		struct checkpoint *point;

		spent[state_of(mark)] += when_of(mark) - when;
		when = when_of(mark);
		if (i + 1 < n && !is_too_long(history, kept, when_of(history->marks[i + 1])))
			continue;
		if (history->n_old == OLD_ROOM)
			thin(history);
		point = &history->old[history->n_old++];
		point->when = kept = when;
		memcpy(point->ns, spent + 1, sizeof(point->ns));
	}
	history->base = when;
	history->n = (uint16_t)(history->n - n);
	memmove(history->marks, history->marks + n, history->n * sizeof(*history->marks));
	return 0;
}

/* Room for two more marks. Not inlined: it would cost every call of its caller. */
static __attribute__((noinline)) int need_marks(struct history *history)
{
	uint16_t room = history->room ? (uint16_t)(4 * history->room) : 8;
	uint64_t *grown;

	if (history->room >= MARKS_ROOM)
		return fold(history);
	grown = realloc(history->marks, room * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	history->marks = grown;
	history->room = room;
	return 0;
}

int holders__was(struct holders *holders, size_t thread, enum holder_state state, uint64_t from,
		 uint64_t to)
{
	struct history *history;
	int err;

	if (thread >= holders->room) {
		err = need_history(holders, thread);
		if (err)
			return err;
	}
	history = &holders->histories[thread];
	if (from < history->known)
		from = history->known;
	if (to < from || to > LATEST || (to == history->known && history->begun))
		return 0;
	if (history->n + 2 > history->room) {
		err = need_marks(history);
		if (err)
			return err;
	}
	if (!history->begun) {
		history->begun = true;
		history->base = from;
	} else if (from > history->known) {
		history->marks[history->n++] = from << STATE_BITS | HOLDER_RUNNING;
	}
	if (to > from)
		history->marks[history->n++] = to << STATE_BITS | state;
	history->known = to;
	if (to >= history->pending.due)
		split_pending(history);
	return 0;
}

int holders__was_off(struct holders *holders, size_t thread, enum holder_state state, uint64_t from,
		     uint64_t woken, uint64_t to)
{
	struct history *history = thread < holders->room ? &holders->histories[thread] : NULL;
	int err;

	/* Nearly always: there is room, all is in order, and nothing waits to be split. */
	if (history && history->begun && from > history->known && woken > from && to > woken &&
	    to < history->pending.due && to <= LATEST && history->n + 3 <= history->room) {
		history->marks[history->n++] = from << STATE_BITS | HOLDER_RUNNING;
		history->marks[history->n++] = woken << STATE_BITS | state;
		history->marks[history->n++] = to << STATE_BITS | HOLDER_RUNNABLE;
		history->known = to;
		return 0;
	}
	if (woken <= from)
		return holders__was(holders, thread, HOLDER_RUNNABLE, from, to);
	err = holders__was(holders, thread, state, from, woken);
	return err ? err : holders__was(holders, thread, HOLDER_RUNNABLE, woken, to);
}

int holders__ended(struct holders *holders, size_t thread, uint64_t when_ns)
{
	/* With its last nanoseconds; if nothing was known, it is not known before its end. */
	int err = holders__was(holders, thread, HOLDER_RUNNING, when_ns, when_ns);

	if (err)
		return err;
	split_pending(&holders->histories[thread]);
	stretches__drop(&holders->histories[thread].pending);
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
	return stretches__add(&history->pending, &stretch);
}

int holders__finish(struct holders *holders, uint64_t end_ns)
{
	for (size_t i = 0; i < holders->room; i++) {
		struct history *history = &holders->histories[i];
		int err = 0;

		if (history->begun)
			err = holders__was(holders, i, HOLDER_RUNNING, end_ns, end_ns);
		if (err)
			return err;
		split_pending(history);
		stretches__drop(&history->pending);
	}
	holders->finished = true;
	return 0;
}
