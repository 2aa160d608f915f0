// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * tenures.c - a ring of takes and give-ups in the order of time, and what lies between them.
 */
#include "tenures.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "locks.h"

struct event {
	uint64_t when;
	size_t thread;
	bool took; /* or it gave up */
};

struct tenures {
	struct event *events;		/* a ring of `room`, a power of two */
	size_t first, n, room;
	struct event forgotten;		/* the latest one that is not kept */
	bool forgot;
};

int tenures__new(struct tenures **tenures)
{
	*tenures = calloc(1, sizeof(**tenures));
	return *tenures ? 0 : -ENOMEM;
}

void tenures__free(struct tenures *tenures)
{
	if (!tenures)
		return;
	free(tenures->events);
	free(tenures);
}

static struct event *event_at(const struct tenures *tenures, size_t at)
{
	return &tenures->events[(tenures->first + at) & (tenures->room - 1)];
}

static int grow(struct tenures *tenures)
{
	size_t room = tenures->room ? 2 * tenures->room : 8;
	struct event *grown = malloc(room * sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	for (size_t i = 0; i < tenures->n; i++)
		grown[i] = *event_at(tenures, i);
	free(tenures->events);
	tenures->events = grown;
	tenures->room = room;
	tenures->first = 0;
	return 0;
}

static bool is_before(const struct event *event, const struct event *other)
{
	if (event->when != other->when)
		return event->when < other->when;
	return !event->took && other->took && event->thread != other->thread;
}

static void forget(struct tenures *tenures, const struct event *event)
{
	if (!tenures->forgot || !is_before(event, &tenures->forgotten))
		tenures->forgotten = *event;
	tenures->forgot = true;
}

static int add(struct tenures *tenures, const struct event *event)
{
	size_t at;

	if (tenures->n == tenures->room && tenures->room < TENURE_KEPT) {
		int err = grow(tenures);

		if (err)
			return err;
	}
	if (tenures->n == tenures->room) {
		if (is_before(event, event_at(tenures, 0))) {
			forget(tenures, event);
			return 0;
		}
		forget(tenures, event_at(tenures, 0));
		tenures->first = (tenures->first + 1) & (tenures->room - 1);
		tenures->n--;
	}
	for (at = tenures->n++; at > 0; at--) {
		if (!is_before(event, event_at(tenures, at - 1)))
			break;
		*event_at(tenures, at) = *event_at(tenures, at - 1);
	}
	*event_at(tenures, at) = *event;
	return 0;
}

int tenures__took(struct tenures *tenures, size_t thread, uint64_t when_ns)
{
	return add(tenures, &(struct event){ when_ns, thread, true });
}

int tenures__gave_up(struct tenures *tenures, size_t thread, uint64_t when_ns)
{
	return add(tenures, &(struct event){ when_ns, thread, false });
}

/* Stretches on their way out: of one thread what comes one after the other is one. */
struct divided {
	tenure_fn fn;
	void *ctx;
	size_t thread;
	uint64_t from, to;
};

static int flush(const struct divided *divided)
{
	return divided->from < divided->to ?
		       divided->fn(divided->ctx, divided->thread, divided->from, divided->to) :
		       0;
}

/* Goes on where the last one ended. */
static int hand_out(struct divided *divided, size_t thread, uint64_t to)
{
	int err = 0;

	if (to <= divided->to)
		return 0;
	if (thread != divided->thread) {
		err = flush(divided);
		divided->thread = thread;
		divided->from = divided->to;
	}
	divided->to = to;
	return err;
}

/* The first event later than a time. */
static size_t find_later(const struct tenures *tenures, uint64_t when)
{
	size_t low = 0, high = tenures->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (event_at(tenures, middle)->when <= when)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int tenures__divide(const struct tenures *tenures, size_t waiter, size_t owner, size_t releaser,
		    uint64_t from, uint64_t to, tenure_fn fn, void *ctx)
{
	struct divided divided = { fn, ctx, NO_THREAD, from, from };
	const struct event *before = NULL;
	size_t at;
	int err = 0;

	if (from >= to)
		return 0;
	if (tenures->forgot && tenures->forgotten.when > from) {
		/* Who had it in between is forgotten, even if the first one is known. */
		from = tenures->forgotten.when < to ? tenures->forgotten.when : to;
		owner = NO_THREAD;
		hand_out(&divided, NO_THREAD, from);
	}
	at = find_later(tenures, from);
	if (at > 0)
		before = event_at(tenures, at - 1);
	else if (tenures->forgot && tenures->forgotten.when <= from)
		before = &tenures->forgotten;

	for (bool first = true, last = false; !err && !last; first = false, at++) {
		const struct event *after = at < tenures->n ? event_at(tenures, at) : NULL;
		size_t taker = before && before->took ? before->thread : NO_THREAD;
		size_t giver = after && !after->took ? after->thread : NO_THREAD;
		size_t whose;

		last = !after || after->when >= to;
		if (last && releaser != NO_THREAD)
			giver = releaser;
		if (first)
			whose = owner != NO_THREAD ? owner : giver != NO_THREAD ? giver : taker;
		else
			whose = taker != NO_THREAD ? taker : giver;
		if (whose == waiter)
			whose = NO_THREAD;
		err = hand_out(&divided, whose, last ? to : after->when);
		before = after;
	}
	return err ? err : flush(&divided);
}
