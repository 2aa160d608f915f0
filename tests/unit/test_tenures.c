/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_tenures.c - whose a lock was: against a GIL whose owner is known at every moment, and
 * against the rules as tenures.h words them, applied to each nanosecond by itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "events_fixture.h"
#include "user/locks.h"
#include "user/tenures.h"

enum { A, B, C, D, W };

struct part {
	size_t thread;
	uint64_t from, to;
};

struct parts {
	size_t n;
	struct part parts[1024];
	int fail;
};

static int collect(void *ctx, size_t thread, uint64_t from, uint64_t to)
{
	struct parts *parts = ctx;

	assert_true(parts->n < N(parts->parts));
	assert_true(from < to);
	if (parts->n) {
		const struct part *last = &parts->parts[parts->n - 1];

		assert_int_equal(last->to, from);
		assert_true(last->thread != thread);
	}
	parts->parts[parts->n++] = (struct part){ thread, from, to };
	return parts->fail;
}

static struct parts divide(const struct tenures *tenures, size_t waiter, size_t owner,
			   size_t releaser, uint64_t from, uint64_t to)
{
	struct parts parts = { 0 };

	assert_int_equal(
		tenures__divide(tenures, waiter, owner, releaser, from, to, collect, &parts), 0);
	assert_int_equal(parts.n == 0, from >= to);
	if (parts.n) {
		assert_int_equal(parts.parts[0].from, from);
		assert_int_equal(parts.parts[parts.n - 1].to, to);
	}
	return parts;
}

static struct tenures *new_tenures(void)
{
	struct tenures *tenures = NULL;

	assert_int_equal(tenures__new(&tenures), 0);
	return tenures;
}

static void took(struct tenures *tenures, size_t thread, uint64_t when)
{
	assert_int_equal(tenures__took(tenures, thread, when), 0);
}

static void gave_up(struct tenures *tenures, size_t thread, uint64_t when)
{
	assert_int_equal(tenures__gave_up(tenures, thread, when), 0);
}

static void check_parts(struct parts parts, const struct part *expected, size_t n)
{
	assert_int_equal(parts.n, n);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(parts.parts[i].thread, expected[i].thread);
		assert_int_equal(parts.parts[i].from, expected[i].from);
		assert_int_equal(parts.parts[i].to, expected[i].to);
	}
}

#define CHECK(parts, ...) \
	check_parts(parts, (const struct part[]){ __VA_ARGS__ }, \
		    sizeof((const struct part[]){ __VA_ARGS__ }) / sizeof(struct part))

static void test_without_events(void **state)
{
	struct tenures *tenures = new_tenures();

	(void)state;
	CHECK(divide(tenures, W, NO_THREAD, NO_THREAD, 10, 20), { NO_THREAD, 10, 20 });
	CHECK(divide(tenures, W, A, NO_THREAD, 10, 20), { A, 10, 20 });
	CHECK(divide(tenures, W, NO_THREAD, B, 10, 20), { B, 10, 20 });
	/* A had it in this part, and nothing tells when B got it. */
	CHECK(divide(tenures, W, A, B, 10, 20), { A, 10, 20 });
	assert_int_equal(divide(tenures, W, A, B, 20, 20).n, 0);
	assert_int_equal(divide(tenures, W, A, B, 20, 10).n, 0);
	tenures__free(tenures);
}

static void test_handed_from_one_to_the_next(void **state)
{
	struct tenures *tenures = new_tenures();

	(void)state;
	gave_up(tenures, A, 12);
	took(tenures, B, 13);
	gave_up(tenures, B, 20);
	took(tenures, C, 22);
	CHECK(divide(tenures, W, NO_THREAD, C, 10, 30), { A, 10, 12 }, { NO_THREAD, 12, 13 },
	      { B, 13, 20 }, { NO_THREAD, 20, 22 }, { C, 22, 30 });
	/* An end that is told of as the releaser's and not as an event. */
	CHECK(divide(tenures, W, A, B, 10, 20), { A, 10, 12 }, { NO_THREAD, 12, 13 },
	      { B, 13, 20 });
	/* Events at both ends are none in between, but tell what was. */
	CHECK(divide(tenures, W, NO_THREAD, NO_THREAD, 13, 20), { B, 13, 20 });
	CHECK(divide(tenures, W, NO_THREAD, NO_THREAD, 20, 22), { NO_THREAD, 20, 22 });
	CHECK(divide(tenures, W, NO_THREAD, NO_THREAD, 25, 26), { C, 25, 26 });
	/* The waiter's own turn is nobody's that it waits for. */
	CHECK(divide(tenures, B, NO_THREAD, NO_THREAD, 10, 23), { A, 10, 12 },
	      { NO_THREAD, 12, 22 }, { C, 22, 23 });
	tenures__free(tenures);
}

static void test_a_take_that_was_not_seen(void **state)
{
	struct tenures *tenures = new_tenures();

	(void)state;
	gave_up(tenures, A, 12);
	gave_up(tenures, B, 20);
	CHECK(divide(tenures, W, NO_THREAD, C, 10, 30), { A, 10, 12 }, { B, 12, 20 },
	      { C, 20, 30 });
	CHECK(divide(tenures, W, NO_THREAD, NO_THREAD, 10, 30), { A, 10, 12 }, { B, 12, 20 },
	      { NO_THREAD, 20, 30 });
	/* Even if it ends before the give-up that tells. */
	CHECK(divide(tenures, W, NO_THREAD, NO_THREAD, 10, 18), { A, 10, 12 }, { B, 12, 18 });
	/* One had it all the time: it is one part. */
	CHECK(divide(tenures, W, NO_THREAD, B, 12, 30), { B, 12, 30 });
	tenures__free(tenures);
}

static void test_contradictions(void **state)
{
	struct tenures *tenures = new_tenures();

	(void)state;
	took(tenures, A, 5);
	/* The word itself before the giver, the giver before an old taker. */
	gave_up(tenures, B, 12);
	CHECK(divide(tenures, W, C, NO_THREAD, 10, 15), { C, 10, 12 }, { NO_THREAD, 12, 15 });
	CHECK(divide(tenures, W, NO_THREAD, NO_THREAD, 10, 15), { B, 10, 12 },
	      { NO_THREAD, 12, 15 });
	took(tenures, C, 20);
	/* After a take nothing is known of until the next event. */
	CHECK(divide(tenures, W, NO_THREAD, NO_THREAD, 16, 22), { NO_THREAD, 16, 20 },
	      { C, 20, 22 });
	took(tenures, A, 30);
	CHECK(divide(tenures, W, NO_THREAD, NO_THREAD, 22, 32), { C, 22, 30 }, { A, 30, 32 });
	/* A took it within the wait, D gave it up: when D got it, nobody knows. */
	CHECK(divide(tenures, W, NO_THREAD, D, 25, 40), { C, 25, 30 }, { A, 30, 40 });
	/* A took it long before: it can have gone through many hands. */
	CHECK(divide(tenures, W, NO_THREAD, D, 35, 40), { D, 35, 40 });
	/* What the waiter took before, it does not have any more. */
	CHECK(divide(tenures, A, NO_THREAD, D, 35, 40), { D, 35, 40 });
	CHECK(divide(tenures, A, NO_THREAD, NO_THREAD, 35, 40), { NO_THREAD, 35, 40 });
	tenures__free(tenures);
}

static void test_the_same_time(void **state)
{
	struct tenures *tenures = new_tenures();

	(void)state;
	took(tenures, B, 20);
	gave_up(tenures, A, 20); /* before B took it */
	took(tenures, C, 30);
	gave_up(tenures, C, 30); /* after it took it itself */
	CHECK(divide(tenures, W, NO_THREAD, NO_THREAD, 10, 40), { A, 10, 20 }, { B, 20, 30 },
	      { NO_THREAD, 30, 40 });
	tenures__free(tenures);
}

static void test_a_callback_that_fails_ends_it(void **state)
{
	struct tenures *tenures = new_tenures();
	struct parts parts = { .fail = -7 };

	(void)state;
	took(tenures, A, 10);
	took(tenures, B, 20);
	assert_int_equal(tenures__divide(tenures, W, NO_THREAD, NO_THREAD, 12, 30, collect, &parts),
			 -7);
	assert_int_equal(parts.n, 1);
	parts.n = 0;
	assert_int_equal(tenures__divide(tenures, W, NO_THREAD, NO_THREAD, 22, 30, collect, &parts),
			 -7);
	assert_int_equal(parts.n, 1);
	tenures__free(tenures);
}

/* --- the rules, for each nanosecond ------------------------------------------------------ */

#define EVENTS 1500
#define THREADS 5

struct told {
	uint64_t when;
	size_t thread;
	bool take;
};

struct model {
	uint64_t seed;
	struct tenures *tenures;
	size_t n;
	struct told events[EVENTS]; /* in the order of time */
};

static void tell(struct model *model, struct told event)
{
	size_t at = model->n++;

	assert_true(at < EVENTS);
	for (; at > 0; at--) {
		const struct told *other = &model->events[at - 1];

		if (other->when < event.when)
			break;
		if (other->when == event.when &&
		    !(other->take && !event.take && other->thread != event.thread))
			break;
		model->events[at] = *other;
	}
	model->events[at] = event;
	if (event.take)
		took(model->tenures, event.thread, event.when);
	else
		gave_up(model->tenures, event.thread, event.when);
}

static size_t whose(const struct model *model, size_t waiter, size_t owner, size_t releaser,
		    uint64_t from, uint64_t to, uint64_t at)
{
	size_t forgotten = model->n > TENURE_KEPT ? model->n - TENURE_KEPT : 0;
	const struct told *before = NULL, *after = NULL;
	size_t whose, gives = NO_THREAD, has = NO_THREAD;
	bool first;

	if (forgotten && model->events[forgotten - 1].when > at)
		return NO_THREAD;
	if (forgotten && model->events[forgotten - 1].when > from)
		owner = NO_THREAD;
	for (size_t i = forgotten ? forgotten - 1 : 0; i < model->n; i++) {
		if (model->events[i].when <= at)
			before = &model->events[i];
		else if (!after)
			after = &model->events[i];
	}
	first = !before || before->when <= from ||
		(forgotten && before->when == model->events[forgotten - 1].when);
	if (releaser != NO_THREAD && (!after || after->when >= to))
		gives = releaser;
	else if (after && !after->take)
		gives = after->thread;
	if (before && before->take)
		has = before->thread;
	if (first && owner != NO_THREAD)
		whose = owner;
	else if (first)
		whose = gives != NO_THREAD ? gives : has;
	else
		whose = has != NO_THREAD ? has : gives;
	return whose == waiter ? NO_THREAD : whose;
}

static size_t somebody(struct model *model, size_t but)
{
	size_t thread = random_below(&model->seed, THREADS + 2);

	return thread >= THREADS || thread == but ? NO_THREAD : thread;
}

static void check_rules(struct model *model, uint64_t latest)
{
	size_t waiter = random_below(&model->seed, THREADS);
	size_t owner = somebody(model, waiter), releaser = somebody(model, waiter);
	uint64_t from = random_below(&model->seed, (unsigned)latest + 20);
	uint64_t to = from + random_below(&model->seed, random_below(&model->seed, 2) ? 10 : 400);
	struct parts parts;

	parts = divide(model->tenures, waiter, owner, releaser, from, to);
	for (size_t i = 0; i < parts.n; i++)
		for (uint64_t at = parts.parts[i].from; at < parts.parts[i].to; at++)
			assert_int_equal(parts.parts[i].thread,
					 whose(model, waiter, owner, releaser, from, to, at));
}

/* step: 0 and more ns from one event to the next, which is told of up to `late` ns later. */
static void check_random(uint64_t seed, unsigned n, unsigned step, unsigned late)
{
	struct model *model = calloc(1, sizeof(*model));
	uint64_t when = late;

	assert_non_null(model);
	model->seed = seed;
	model->tenures = new_tenures();
	for (unsigned i = 0; i < n; i++) {
		struct told event = { .thread = random_below(&model->seed, THREADS),
				      .take = random_below(&model->seed, 2) };

		when += 1 + random_below(&model->seed, step);
		event.when = when - random_below(&model->seed, late + 1);
		tell(model, event);
		if (i % 8 == 0)
			check_rules(model, when);
	}
	for (unsigned i = 0; i < 50; i++)
		check_rules(model, when);
	tenures__free(model->tenures);
	free(model);
}

static void test_the_rules_for_each_nanosecond(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 200; seed++)
		check_random(seed, seed, 1 + seed % 10, seed % 30);
}

/* More than is kept. */
static void test_what_is_forgotten_is_nobodys(void **state)
{
	struct tenures *tenures = new_tenures();

	(void)state;
	for (unsigned seed = 1; seed <= 20; seed++)
		check_random(seed, 700 + 20 * seed, 3, 0);
	for (uint64_t i = 0; i < TENURE_KEPT + 10; i++)
		took(tenures, A, 100 + 10 * i);
	/* Told of much too late. */
	took(tenures, B, 50);
	CHECK(divide(tenures, W, NO_THREAD, NO_THREAD, 60, 300), { NO_THREAD, 60, 190 },
	      { A, 190, 300 });
	CHECK(divide(tenures, W, C, NO_THREAD, 60, 300), { NO_THREAD, 60, 190 }, { A, 190, 300 });
	CHECK(divide(tenures, W, C, D, 60, 150), { NO_THREAD, 60, 150 });
	CHECK(divide(tenures, W, C, D, 190, 195), { C, 190, 195 });
	tenures__free(tenures);
}

/* --- a GIL ------------------------------------------------------------------------------- */

#define TURNS 400
#define TURN_NS 5000000u

struct gil {
	uint64_t seed;
	unsigned threads, n;
	struct {
		size_t owner;
		uint64_t took, gave_up; /* the next one takes it a bit later */
	} turns[TURNS];
};

static void run_gil(struct gil *gil)
{
	uint64_t now = 1000;
	size_t owner = 0;

	for (gil->n = 0; gil->n < TURNS; gil->n++) {
		gil->turns[gil->n].owner = owner;
		gil->turns[gil->n].took = now;
		now += TURN_NS + random_below(&gil->seed, 200000);
		gil->turns[gil->n].gave_up = now;
		now += 1 + random_below(&gil->seed, 80000);
		owner = (owner + 1 + random_below(&gil->seed, gil->threads - 1)) % gil->threads;
	}
}

struct arrival {
	uint64_t at;
	struct told event;
};

static int by_arrival(const void *a, const void *b)
{
	const struct arrival *x = a, *y = b;

	return (x->at > y->at) - (x->at < y->at);
}

enum seen { ALL, MANY_GIVE_UPS, MANY_TAKES };

/*
 * Events that are seen arrive up to 12 ms late. Every part must be the true owner's, except
 * between two turns, when it is nobody's, or one's of the two.
 */
static void check_gil(struct gil *gil, enum seen seen)
{
	static struct arrival arrivals[2 * TURNS];
	struct tenures *tenures = new_tenures();
	uint64_t had = 0, told = 0;
	size_t n = 0;

	run_gil(gil);
	for (unsigned i = 0; i < gil->n; i++) {
		for (int take = 0; take < 2; take++) {
			uint64_t when = take ? gil->turns[i].took : gil->turns[i].gave_up;

			if (seen == (take ? MANY_GIVE_UPS : MANY_TAKES) &&
			    random_below(&gil->seed, 3) == 0)
				continue;
			arrivals[n].at = when + random_below(&gil->seed, 12000000);
			arrivals[n++].event = (struct told){ when, gil->turns[i].owner, take };
		}
	}
	qsort(arrivals, n, sizeof(*arrivals), by_arrival);
	/* As waits come: what happens is soon looked at, when all that matters has arrived. */
	for (unsigned i = 4, fed = 0; i + 8 < gil->n; i++) {
		/* Somebody who waits in this turn, and did in up to three before. */
		size_t waiter = (gil->turns[i].owner + 1) % gil->threads;
		unsigned first = i, most = random_below(&gil->seed, 4);
		uint64_t from, to, at;
		struct parts parts;

		for (; fed < n && arrivals[fed].at < gil->turns[i + 5].took; fed++) {
			const struct told *event = &arrivals[fed].event;

			if (event->take)
				took(tenures, event->thread, event->when);
			else
				gave_up(tenures, event->thread, event->when);
		}
		while (i - first < most && gil->turns[first - 1].owner != waiter)
			first--;
		from = gil->turns[first].took + random_below(&gil->seed, TURN_NS);
		to = gil->turns[i].gave_up;
		parts = divide(tenures, waiter, NO_THREAD,
			       random_below(&gil->seed, 2) ? gil->turns[i].owner : NO_THREAD, from,
			       to);
		at = from;
		for (unsigned j = first, k = 0; j <= i && at < to; j++) {
			uint64_t end = gil->turns[j].gave_up;

			for (; at < end; at = end < parts.parts[k].to ? end : parts.parts[k].to) {
				uint64_t part_end;

				while (parts.parts[k].to <= at)
					k++;
				part_end = end < parts.parts[k].to ? end : parts.parts[k].to;
				had += part_end - at;
				if (parts.parts[k].thread == gil->turns[j].owner)
					told += part_end - at;
				else
					assert_true(parts.parts[k].thread == NO_THREAD);
			}
			at = gil->turns[j + 1].took;
		}
	}
	assert_true(had > 100 * (uint64_t)TURN_NS);
	if (seen == MANY_GIVE_UPS)
		assert_true(told > had / 2);
	else
		assert_int_equal(told, had);
	tenures__free(tenures);
}

static void test_a_gil_of_which_all_is_seen(void **state)
{
	(void)state;
	for (unsigned threads = 2; threads <= 5; threads++)
		for (uint64_t seed = 1; seed <= 20; seed++)
			check_gil(&(struct gil){ .seed = seed, .threads = threads }, ALL);
}

static void test_a_gil_whose_give_ups_are_missed(void **state)
{
	(void)state;
	for (unsigned threads = 2; threads <= 5; threads++)
		for (uint64_t seed = 1; seed <= 20; seed++)
			check_gil(&(struct gil){ .seed = seed, .threads = threads }, MANY_TAKES);
}

static void test_a_gil_whose_takes_are_missed(void **state)
{
	(void)state;
	for (unsigned threads = 2; threads <= 5; threads++)
		for (uint64_t seed = 1; seed <= 20; seed++)
			check_gil(&(struct gil){ .seed = seed, .threads = threads }, MANY_GIVE_UPS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_without_events),
		cmocka_unit_test(test_handed_from_one_to_the_next),
		cmocka_unit_test(test_a_take_that_was_not_seen),
		cmocka_unit_test(test_contradictions),
		cmocka_unit_test(test_the_same_time),
		cmocka_unit_test(test_a_callback_that_fails_ends_it),
		cmocka_unit_test(test_the_rules_for_each_nanosecond),
		cmocka_unit_test(test_what_is_forgotten_is_nobodys),
		cmocka_unit_test(test_a_gil_of_which_all_is_seen),
		cmocka_unit_test(test_a_gil_whose_give_ups_are_missed),
		cmocka_unit_test(test_a_gil_whose_takes_are_missed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
