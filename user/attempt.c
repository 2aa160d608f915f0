// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "attempt.h"

/* More waits than this are divided before it is known who released the lock in the end. */
#define MOST_WAITS 64

struct holder_key {
	const struct lock *row;
	size_t thread;
};

static bool is_holder(const void *ctx, size_t place)
{
	const struct holder_key *key = ctx;

	return key->row->holders[place].thread == key->thread;
}

struct lock_holder *lock__holder(struct lock *row, size_t thread)
{
	const struct holder_key key = { row, thread };
	uint64_t hash = place_table__hash(thread);
	size_t place = place_table__find(&row->holder_places, hash, is_holder, &key);
	struct lock_holder *grown;
	uint64_t *did;

	if (place != NO_PLACE)
		return &row->holders[place];
	grown = realloc(row->holders, (row->n_holders + 1) * sizeof(*grown));
	if (!grown)
		return NULL;
	row->holders = grown;
	/* Apart from the others, since it must not move: holders__waited() adds to it later. */
	did = calloc(HOLDER_STATES, sizeof(*did));
	if (!did || place_table__add(&row->holder_places, hash, row->n_holders)) {
		free(did);
		return NULL;
	}
	grown[row->n_holders] = (struct lock_holder){ .thread = thread, .did = did };
	return &grown[row->n_holders++];
}

bool attempt__is_full(const struct attempt *attempt)
{
	return attempt->n_waits == MOST_WAITS;
}

int attempt__add(struct attempt *attempt, const struct lock_wait *wait, size_t releaser)
{
	if (!wait->blocked_ns)
		return 0;
	if (attempt->n_waits == attempt->room) {
		unsigned room = attempt->room ? 2 * attempt->room : 1;
		struct attempt_wait *grown = realloc(attempt->waits, room * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		attempt->waits = grown;
		attempt->room = room;
	}
	attempt->waits[attempt->n_waits++] = (struct attempt_wait){
		.from = wait->from_ns,
		.to = wait->from_ns + wait->blocked_ns,
		.owner = wait->holder,
		.releaser = releaser,
	};
	return 0;
}

struct division {
	struct lock *row;
	struct holders *holders;
	const struct attempt_wait *waits;
	unsigned n;
};

/* What of [from, to) was waited is the thread's. */
static int give_to(void *ctx, size_t thread, uint64_t from, uint64_t to)
{
	const struct division *division = ctx;
	struct lock_holder *holder = NULL;

	if (thread == NO_THREAD)
		return 0;
	for (unsigned i = 0; i < division->n; i++) {
		const struct attempt_wait *wait = &division->waits[i];
		uint64_t begin = wait->from > from ? wait->from : from;
		uint64_t end = wait->to < to ? wait->to : to;
		int err;

		if (begin >= end)
			continue;
		if (!holder)
			holder = lock__holder(division->row, thread);
		if (!holder)
			return -ENOMEM;
		holder->wait_ns += end - begin;
		err = division->holders ?
			      holders__waited(division->holders, thread, begin, end, holder->did) :
			      0;
		if (err)
			return err;
	}
	return 0;
}

/*
 * Without anything in between that tells more, waits one after the other are like one. Who
 * the word says had it when one began need not have it when the next one does.
 */
static unsigned count_alike(const struct attempt_wait *waits, unsigned n)
{
	unsigned alike = 1;

	if (waits[0].owner != NO_THREAD)
		return 1;

	while (alike < n && waits[alike].owner == NO_THREAD &&
	       waits[alike - 1].releaser == NO_THREAD)
		alike++;
	return alike;
}

static int divide_by_tenure(const struct attempt *attempt, size_t waiter,
			    const struct tenures *tenures, struct division *division)
{
	int err = 0;

	for (unsigned i = 0; i < attempt->n_waits && !err; i += division->n) {
		const struct attempt_wait *first = &attempt->waits[i], *last;

		division->waits = first;
		division->n = count_alike(first, attempt->n_waits - i);
		last = &first[division->n - 1];
		err = tenures__divide(tenures, waiter, first->owner, last->releaser, first->from,
				      last->to, give_to, division);
	}
	return err;
}

int attempt__divide(struct attempt *attempt, size_t waiter, struct lock *row,
		    const struct tenures *tenures, bool by_tenure, size_t releaser,
		    struct holders *holders)
{
	struct division division = { row, holders, NULL, 1 };
	int err = 0;

	if (by_tenure && tenures) {
		err = divide_by_tenure(attempt, waiter, tenures, &division);
	} else {
		for (unsigned i = 0; i < attempt->n_waits && !err; i++) {
			const struct attempt_wait *wait = &attempt->waits[i];

			division.waits = wait;
			err = give_to(&division, wait->owner != NO_THREAD ? wait->owner : releaser,
				      wait->from, wait->to);
		}
	}
	attempt->n_waits = 0;
	return err;
}
