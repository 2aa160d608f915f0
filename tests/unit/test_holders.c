/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_holders.c - waiting is split by what holders did, exactly, against a model that knows
 * of every nanosecond what each thread did in it.
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
#include "user/holders.h"

static struct holders *new_holders(void)
{
	struct holders *holders = NULL;

	assert_int_equal(holders__new(&holders), 0);
	return holders;
}

static void was(struct holders *holders, size_t thread, enum holder_state state, uint64_t from,
		uint64_t to)
{
	assert_int_equal(holders__was(holders, thread, state, from, to), 0);
}

static void waited(struct holders *holders, size_t holder, uint64_t from, uint64_t to,
		   uint64_t *split)
{
	assert_int_equal(holders__waited(holders, holder, from, to, split), 0);
}

static void end(struct holders *holders, uint64_t end_ns)
{
	assert_int_equal(holders__finish(holders, end_ns), 0);
	holders__free(holders);
}

static void check_split(const uint64_t *split, uint64_t running, uint64_t runnable, uint64_t asleep,
			uint64_t waiting)
{
	assert_int_equal(split[HOLDER_RUNNING], running);
	assert_int_equal(split[HOLDER_RUNNABLE], runnable);
	assert_int_equal(split[HOLDER_ASLEEP], asleep);
	assert_int_equal(split[HOLDER_WAITING], waiting);
}

static uint64_t sum(const uint64_t *split)
{
	uint64_t ns = 0;

	for (int i = 0; i < HOLDER_STATES; i++)
		ns += split[i];
	return ns;
}

static void test_a_sleep_and_the_way_back(void **state)
{
	struct holders *holders = new_holders();
	uint64_t whole[HOLDER_STATES] = { 0 }, middle[HOLDER_STATES] = { 0 };

	(void)state;
	was(holders, 3, HOLDER_RUNNING, 1000, 1000);
	was(holders, 3, HOLDER_ASLEEP, 1100, 1300);
	was(holders, 3, HOLDER_RUNNABLE, 1300, 1350);
	was(holders, 3, HOLDER_WAITING, 1400, 1500);
	waited(holders, 3, 1000, 1500, whole);
	check_split(whole, 150, 50, 200, 100);
	waited(holders, 3, 1299, 1401, middle);
	check_split(middle, 50, 50, 1, 1);
	end(holders, 1500);
}

static void test_what_is_not_known_yet_is_split_later(void **state)
{
	struct holders *holders = new_holders();
	uint64_t split[HOLDER_STATES] = { 0 }, last[HOLDER_STATES] = { 0 };

	(void)state;
	was(holders, 0, HOLDER_RUNNABLE, 0, 10);
	waited(holders, 0, 5, 200, split);
	waited(holders, 0, 100, 1000, last);
	was(holders, 0, HOLDER_ASLEEP, 50, 120);
	was(holders, 0, HOLDER_RUNNABLE, 120, 210);
	check_split(split, 40, 85, 70, 0);
	holders__finish(holders, 500);
	check_split(split, 40, 85, 70, 0);
	/* Running from its last event to the end, and nothing after the end. */
	check_split(last, 290, 90, 20, 0);
	holders__free(holders);
}

static void test_what_was_never_known_is_left_out(void **state)
{
	struct holders *holders = new_holders();
	uint64_t early[HOLDER_STATES] = { 0 }, nobody[HOLDER_STATES] = { 0 };
	uint64_t before[HOLDER_STATES] = { 0 };

	(void)state;
	waited(holders, 1, 100, 300, early);
	waited(holders, 1, 100, 150, before);
	waited(holders, 2, 100, 300, nobody);
	waited(holders, (size_t)-1, 100, 300, nobody);
	was(holders, 1, HOLDER_ASLEEP, 200, 250);
	waited(holders, 1, 190, 210, early);
	end(holders, 1000);
	check_split(early, 50, 0, 60, 0);
	check_split(before, 0, 0, 0, 0);
	check_split(nobody, 0, 0, 0, 0);
}

static void test_contradictions_are_cut_off(void **state)
{
	struct holders *holders = new_holders();
	uint64_t split[HOLDER_STATES] = { 0 };

	(void)state;
	was(holders, 0, HOLDER_ASLEEP, 100, 200);
	was(holders, 0, HOLDER_WAITING, 150, 260);  /* from 200 on */
	was(holders, 0, HOLDER_RUNNABLE, 110, 180); /* is known otherwise */
	was(holders, 0, HOLDER_RUNNABLE, 300, 290); /* means nothing */
	was(holders, 0, HOLDER_RUNNABLE, 0, 0);
	was(holders, 0, HOLDER_RUNNABLE, 280, 300);
	waited(holders, 0, 0, 300, split);
	check_split(split, 20, 20, 100, 60);
	end(holders, 250);
}

static void test_a_dead_holder_does_nothing(void **state)
{
	struct holders *holders = new_holders();
	uint64_t split[HOLDER_STATES] = { 0 }, late[HOLDER_STATES] = { 0 };
	uint64_t unknown[HOLDER_STATES] = { 0 };

	(void)state;
	was(holders, 0, HOLDER_ASLEEP, 100, 200);
	waited(holders, 0, 150, 1000, split);
	assert_int_equal(holders__ended(holders, 0, 300), 0);
	was(holders, 0, HOLDER_RUNNABLE, 400, 500);
	waited(holders, 0, 299, 1000, late);
	waited(holders, 7, 0, 1000, unknown);
	assert_int_equal(holders__ended(holders, 7, 300), 0);
	end(holders, 1000);
	check_split(split, 100, 0, 50, 0);
	check_split(late, 1, 0, 0, 0);
	check_split(unknown, 0, 0, 0, 0);
}

/* --- against a model -------------------------------------------------------------------- */

#define THREADS 4
#define SPLITS 7
#define LIFE 6000
#define UNKNOWN HOLDER_STATES

struct model {
	uint64_t seed;
	struct holders *holders;
	uint8_t did[THREADS][LIFE + 1]; /* in each nanosecond */
	uint64_t known[THREADS];
	bool begun[THREADS], ended[THREADS];
	uint64_t splits[SPLITS][HOLDER_STATES];
	struct {
		size_t holder, split;
		uint64_t from, to;
	} waits[4096];
	size_t n_waits;
};

static void tell(struct model *model, size_t thread, enum holder_state state, uint64_t from,
		 uint64_t to)
{
	if (to > LIFE)
		to = LIFE;
	if (from > to)
		from = to;
	if (model->begun[thread])
		memset(model->did[thread] + model->known[thread], HOLDER_RUNNING,
		       from - model->known[thread]);
	memset(model->did[thread] + from, (int)state, to - from);
	was(model->holders, thread, state, from, to);
	model->known[thread] = to;
	model->begun[thread] = true;
}

/* Off the CPU and on it again, or a preemption. */
static void live(struct model *model, size_t thread)
{
	uint64_t out = model->known[thread] + random_below(&model->seed, 60);
	uint64_t waking = out + random_below(&model->seed, 50);
	uint64_t in = waking + random_below(&model->seed, 20);

	if (model->ended[thread])
		return;
	if (random_below(&model->seed, 3))
		tell(model, thread, random_below(&model->seed, 2) ? HOLDER_ASLEEP : HOLDER_WAITING,
		     out, waking);
	tell(model, thread, HOLDER_RUNNABLE, waking, in);
}

static void die(struct model *model, size_t thread)
{
	uint64_t when = model->known[thread] + random_below(&model->seed, 50);

	if (model->ended[thread] || !model->begun[thread] || when > LIFE)
		return;
	memset(model->did[thread] + model->known[thread], HOLDER_RUNNING,
	       when - model->known[thread]);
	assert_int_equal(holders__ended(model->holders, thread, when), 0);
	model->ended[thread] = true;
}

static void wait_for(struct model *model, size_t holder)
{
	uint64_t from = random_below(&model->seed, LIFE);
	uint64_t to = from + random_below(&model->seed, random_below(&model->seed, 2) ? 50 : 2000);
	size_t split = random_below(&model->seed, SPLITS);

	if (to > LIFE)
		to = LIFE;
	waited(model->holders, holder, from, to, model->splits[split]);
	assert_true(model->n_waits < N(model->waits));
	model->waits[model->n_waits].holder = holder;
	model->waits[model->n_waits].split = split;
	model->waits[model->n_waits].from = from;
	model->waits[model->n_waits++].to = to;
}

static void check_model(const struct model *model)
{
	uint64_t expected[SPLITS][HOLDER_STATES + 1] = { 0 };

	for (size_t i = 0; i < model->n_waits; i++)
		for (uint64_t at = model->waits[i].from; at < model->waits[i].to; at++)
			expected[model->waits[i].split][model->did[model->waits[i].holder][at]]++;
	for (size_t i = 0; i < SPLITS; i++)
		for (int state = 0; state < HOLDER_STATES; state++)
			assert_int_equal(model->splits[i][state], expected[i][state]);
}

/* Histories and lists are short enough to be exact. */
static void test_exact_as_a_model_of_every_nanosecond(void **state)
{
	struct model *model = malloc(sizeof(*model));

	(void)state;
	assert_non_null(model);
	for (unsigned round = 0; round < 300; round++) {
		memset(model, 0, sizeof(*model));
		memset(model->did, UNKNOWN, sizeof(model->did));
		model->seed = round + 1;
		model->holders = new_holders();
		for (size_t thread = 0; thread < THREADS; thread++)
			model->known[thread] = random_below(&model->seed, 3000);
		for (unsigned step = 0; step < 500; step++) {
			size_t thread = random_below(&model->seed, THREADS);
			unsigned dice = random_below(&model->seed, 100);

			if (dice < 50)
				wait_for(model, thread);
			else if (dice < 99)
				live(model, thread);
			else
				die(model, thread);
		}
		for (size_t thread = 0; thread < THREADS; thread++)
			if (model->begun[thread] && !model->ended[thread])
				memset(model->did[thread] + model->known[thread], HOLDER_RUNNING,
				       LIFE - model->known[thread]);
		/* The last one of all has no event; finish() must not make one up. */
		assert_int_equal(holders__finish(model->holders, LIFE), 0);
		check_model(model);
		/* All is known now. */
		for (unsigned i = 0; i < 50; i++)
			wait_for(model, random_below(&model->seed, THREADS));
		check_model(model);
		holders__free(model->holders);
	}
	free(model);
}

/* --- what is older, and what waits for long -------------------------------------------------- */

/* All that one thread did, without a limit. */
#define FULL 200000
struct full {
	uint64_t seed;
	size_t n;
	struct {
		uint64_t when, spent[HOLDER_STATES];
	} points[FULL];
};

static void full_add(struct full *full, enum holder_state state, uint64_t to)
{
	uint64_t from = full->points[full->n - 1].when;

	if (to == from)
		return;
	assert_true(full->n < FULL);
	full->points[full->n] = full->points[full->n - 1];
	full->points[full->n].when = to;
	full->points[full->n++].spent[state] += to - from;
}

static void full_until(const struct full *full, uint64_t when, uint64_t *spent)
{
	size_t low = 0, high = full->n - 1;

	/* The last point at or before this time, and the part of the one state after it. */
	while (low < high) {
		size_t middle = (low + high + 1) / 2;

		if (full->points[middle].when <= when)
			low = middle;
		else
			high = middle - 1;
	}
	memcpy(spent, full->points[low].spent, HOLDER_STATES * sizeof(*spent));
	for (int state = 0; low + 1 < full->n && state < HOLDER_STATES; state++)
		if (full->points[low + 1].spent[state] != spent[state])
			spent[state] += when - full->points[low].when;
}

static void full_in(const struct full *full, uint64_t from, uint64_t to, uint64_t *spent)
{
	uint64_t before[HOLDER_STATES];

	full_until(full, from, before);
	full_until(full, to, spent);
	for (int state = 0; state < HOLDER_STATES; state++)
		spent[state] -= before[state];
}

static uint64_t apart(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

/* Of all orders of magnitude up to 2^bits. */
static uint64_t some_time(uint64_t *seed, unsigned bits)
{
	return random_next(seed) >> 1 >> (63 - random_below(seed, bits + 1));
}

static void check_full(struct full *full, struct holders *holders)
{
	uint64_t now = full->points[full->n - 1].when, start = full->points[0].when;
	size_t exact = full->n > HISTORY_EXACT ? full->n - 1 - HISTORY_EXACT : 0;
	uint64_t from = now - random_next(&full->seed) % (now - start + 1);
	uint64_t to, split[HOLDER_STATES] = { 0 }, expected[HOLDER_STATES];

	if (random_below(&full->seed, 2))
		from = now - some_time(&full->seed, 45) % (now - start + 1);
	if (random_below(&full->seed, 4) == 0)
		from = full->points[exact].when;
	to = from + random_next(&full->seed) % (now - from + 1);
	waited(holders, 0, from, to, split);
	full_in(full, from, to, expected);
	/*
	 * Gaps are an eighth of their age at most, here. A straight line through one is off by
	 * a quarter of it where a state changes in its middle.
	 */
	assert_int_equal(sum(split), to - from);
	for (int state = 0; state < HOLDER_STATES; state++) {
		uint64_t off = apart(split[state], expected[state]);

		if (from >= full->points[exact].when)
			assert_int_equal(off, 0);
		else
			assert_true(off <= (now - from) / 32 + (now - to) / 32 + HOLDER_STATES);
	}
}

/*
 * Fifty thousand times off the CPU. bits: how much intervals differ in length; up to 2^36 ns
 * products exceed 64 bits.
 */
static void check_thinned(unsigned bits, uint64_t seed)
{
	struct full *full = calloc(1, sizeof(*full));
	struct holders *holders = new_holders();
	enum holder_state state = HOLDER_ASLEEP;
	uint64_t now = 1000000, phase = 0;

	assert_non_null(full);
	full->seed = seed;
	full->n = 1;
	full->points[0].when = now;
	was(holders, 0, HOLDER_RUNNING, now, now);
	for (unsigned i = 0; i < 50000; i++) {
		uint64_t out = now + some_time(&full->seed, bits);
		uint64_t waking = out + some_time(&full->seed, bits);

		/* It does the same for long, so that where it changes is seen in old times. */
		if (phase-- == 0) {
			phase = some_time(&full->seed, 13);
			state = state == HOLDER_ASLEEP ? HOLDER_WAITING : HOLDER_ASLEEP;
		}
		now = waking + some_time(&full->seed, bits / 2);
		full_add(full, HOLDER_RUNNING, out);
		full_add(full, state, waking);
		full_add(full, HOLDER_RUNNABLE, now);
		was(holders, 0, state, out, waking);
		was(holders, 0, HOLDER_RUNNABLE, waking, now);
		if (i % 16 == 0)
			check_full(full, holders);
	}
	end(holders, now);
	free(full);
}

static void test_old_times_are_nearly_right(void **state)
{
	(void)state;
	check_thinned(4, 1);
	check_thinned(16, 2);
	check_thinned(36, 3);
}

/* Each stretch is split as far as the holder is known before that part of it gets old. */
static void test_what_waits_is_split_before_it_is_old(void **state)
{
	struct holders *holders = new_holders();
	uint64_t split[HOLDER_STATES] = { 0 };

	(void)state;
	was(holders, 0, HOLDER_RUNNING, 0, 0);
	/* From within one sleep to within another. */
	waited(holders, 0, 105, 50 * 100005, split);
	for (uint64_t i = 1; i <= 100000; i++)
		was(holders, 0, HOLDER_ASLEEP, 100 * i, 100 * i + 10 + i % 7);
	end(holders, 20000000);
	{
		uint64_t asleep = 0;

		for (uint64_t i = 1; i <= 100000; i++)
			for (uint64_t at = 100 * i; at < 100 * i + 10 + i % 7; at++)
				asleep += at >= 105 && at < 50 * 100005;
		check_split(split, 50 * 100005 - 105 - asleep, 0, asleep, 0);
	}
}

static void test_many_waits_for_a_silent_holder(void **state)
{
	struct holders *holders = new_holders();
	uint64_t splits[3][HOLDER_STATES] = { 0 }, expected[3][HOLDER_STATES] = { 0 };
	uint64_t seed = 7;

	(void)state;
	was(holders, 0, HOLDER_RUNNING, 0, 0);
	for (uint64_t i = 0; i < 10000; i++) {
		uint64_t from = 1000 * i + random_below(&seed, 500);
		uint64_t to = from + random_below(&seed, 3000);
		uint64_t at = i % 3;

		waited(holders, 0, from, to, splits[at]);
		for (; from < to; from++)
			expected[at][from < 7003300 ? HOLDER_RUNNING :
				     from < 9000000 ? HOLDER_ASLEEP :
						      HOLDER_RUNNABLE]++;
	}
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(sum(splits[i]), 0);
	was(holders, 0, HOLDER_ASLEEP, 7003300, 9000000);
	was(holders, 0, HOLDER_RUNNABLE, 9000000, 20000000);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(sum(splits[i]), sum(expected[i]));
		for (int at = 0; at < HOLDER_STATES; at++)
			assert_true(apart(splits[i][at], expected[i][at]) <= sum(expected[i]) / 50);
	}
	end(holders, 20000000);
}

/* Nothing can be taken together then, and all of it is exact. */
static void test_many_splits_for_a_silent_holder(void **state)
{
	enum { MANY = 3000 };
	struct holders *holders = new_holders();
	uint64_t(*splits)[HOLDER_STATES] = calloc(MANY, sizeof(*splits));

	(void)state;
	assert_non_null(splits);
	was(holders, 0, HOLDER_RUNNING, 0, 0);
	for (uint64_t i = 0; i < MANY; i++)
		waited(holders, 0, 10 * i, 20 * i + 5, splits[i]);
	was(holders, 0, HOLDER_WAITING, 30000, 90000);
	for (uint64_t i = 0; i < MANY; i++) {
		uint64_t from = 10 * i, to = 20 * i + 5, before = to < 30000 ? to : 30000;

		check_split(splits[i], before - from, 0, 0, to - before);
	}
	free(splits);
	end(holders, 90000);
}

/* A thousand wait in line for the same, one after the other told of. */
static void test_alike_waits_are_exact(void **state)
{
	struct holders *holders = new_holders();
	uint64_t alike[HOLDER_STATES] = { 0 }, in_a_row[HOLDER_STATES] = { 0 };

	(void)state;
	was(holders, 0, HOLDER_RUNNING, 0, 0);
	for (unsigned i = 0; i < 1000; i++)
		waited(holders, 0, 17, 119, alike);
	for (uint64_t i = 0; i < 1000; i++)
		waited(holders, 0, 3 * i, 3 * i + 3, in_a_row);
	was(holders, 0, HOLDER_ASLEEP, 90, 110);
	was(holders, 0, HOLDER_RUNNABLE, 110, 118);
	end(holders, 3000);
	check_split(alike, 74000, 8000, 20000, 0);
	check_split(in_a_row, 2972, 8, 20, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_sleep_and_the_way_back),
		cmocka_unit_test(test_what_is_not_known_yet_is_split_later),
		cmocka_unit_test(test_what_was_never_known_is_left_out),
		cmocka_unit_test(test_contradictions_are_cut_off),
		cmocka_unit_test(test_a_dead_holder_does_nothing),
		cmocka_unit_test(test_exact_as_a_model_of_every_nanosecond),
		cmocka_unit_test(test_old_times_are_nearly_right),
		cmocka_unit_test(test_what_waits_is_split_before_it_is_old),
		cmocka_unit_test(test_many_waits_for_a_silent_holder),
		cmocka_unit_test(test_many_splits_for_a_silent_holder),
		cmocka_unit_test(test_alike_waits_are_exact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
