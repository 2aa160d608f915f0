/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_ledger_damage.c - events that are missing, twice there, late or no events at all.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include <cmocka.h>

#include "tests/unit/events_fixture.h"
#include "user/ledger.h"
#include "user/merge.h"

static void refuse(struct ledger *ledger, union event event)
{
	int err = ledger__feed(ledger, &event.hdr);

	if (err != -EBADMSG)
		fail_msg("%d instead of -EBADMSG: type %u, id %u", err, event.hdr.type,
			 event.hdr.id);
}

static void test_intervals_that_end_before_they_begin(void **state)
{
	struct ledger *ledger = new_ledger(0, NULL);

	(void)state;
	feed(ledger, ev_birth(1, 10, 10));
	refuse(ledger, ev_runnable(1, 100, 99));
	refuse(ledger, ev_wait(1, 100, 100, 99, SYS_read));
	refuse(ledger, ev_wait(1, UINT64_MAX, 0, 0, SYS_read));
	refuse(ledger, ev_birth(2, 100, 99));
	/* Nothing of them was booked. */
	feed(ledger, ev_death(1, 200, 1, 0));
	finish(ledger, 200);
	check_times(thread_at(ledger, 0), TIMES([ACCOUNT_RUNNING] = 190));
	assert_true(ledger_thread__audit_equal(thread_at(ledger, 0)));
	ledger__free(ledger);
}

static void test_unknown_types(void **state)
{
	struct ledger *ledger = new_ledger(0, NULL);

	(void)state;
	feed(ledger, ev_birth(1, 10, 10));
	for (unsigned type = 0; type <= 0xffff; type++) {
		union event event = ev_runnable(1, 20, 30);

		if (type >= CONVOY_EV_RUNNABLE && type <= CONVOY_EV_HOLDER)
			continue;
		event.hdr.type = (__u16)type;
		refuse(ledger, event);
	}
	assert_int_equal(thread_at(ledger, 0)->involuntary, 0);
	ledger__free(ledger);
}

static void test_second_birth_and_second_death(void **state)
{
	struct ledger *ledger = new_ledger(0, NULL);

	(void)state;
	feed(ledger, ev_birth(1, 10, 20));
	refuse(ledger, ev_birth(1, 10, 20));
	refuse(ledger, ev_birth(1, 30, 40));
	/* Born after it was seen: its first record was not its birth. */
	feed(ledger, ev_runnable(2, 20, 30));
	refuse(ledger, ev_birth(2, 40, 50));
	feed(ledger, ev_death(1, 100, 1, 0));
	refuse(ledger, ev_death(1, 100, 1, 0));
	refuse(ledger, ev_death(1, 200, 1, 0));
	refuse(ledger, ev_birth(1, 300, 300));
	assert_int_equal(ledger__last_death_ns(ledger), 100);
	finish(ledger, 100);
	check_times(thread_at(ledger, 0), TIMES([ACCOUNT_WAKEUP] = 10, [ACCOUNT_RUNNING] = 80));
	assert_int_equal(thread_at(ledger, 0)->voluntary, 1);
	ledger__free(ledger);
}

static void test_huge_ids(void **state)
{
	static const uint32_t ids[] = { 0x7fffffff, 0x7ffffffe, 0x40000000, 0x10000000 };
	struct ledger_options options = { .first_id = 0x7ffffffe };
	struct ledger *ledger = new_ledger(0, NULL);

	(void)state;
	for (size_t i = 0; i < N(ids); i++) {
		refuse(ledger, ev_birth(ids[i], 10, 20));
		refuse(ledger, ev_still(ev_wait(ids[i], 10, 0, 0, SYS_read)));
	}
	assert_int_equal(ledger__n_threads(ledger), 0);
	ledger__free(ledger);

	/* Each a little further: what one event may claim is limited for all of them. */
	ledger = new_ledger(0, NULL);
	for (uint32_t i = 1; i < 100; i++) {
		union event birth = ev_birth(60000 * i, 10, 20);

		ledger__feed(ledger, &birth.hdr);
	}
	assert_true(ledger__n_threads(ledger) < 67000);
	ledger__free(ledger);

	/* The largest of all, right after the last round. */
	assert_int_equal(ledger__new(&ledger, &options), 0);
	feed(ledger, ev_birth(0x7fffffff, 10, 20));
	assert_int_equal(ledger__n_threads(ledger), 1);
	ledger__free(ledger);
}

static void test_highest_cpu(void **state)
{
	struct ledger *ledger = new_ledger(0, NULL);

	(void)state;
	feed(ledger, on_cpus(ev_birth(1, 0, 0), 0, 0xffff));
	feed(ledger, on_cpus(ev_runnable(1, 10, 20), 0xffff, 0));
	finish(ledger, 30);
	assert_int_equal(ledger__n_cpus(ledger), 0x10000);
	assert_int_equal(ledger__cpu_busy_ns(ledger, 0xffff), 10);
	assert_int_equal(ledger__cpu_busy_ns(ledger, 0xfffe), 0);
	assert_int_equal(ledger__cpu_busy_ns(ledger, 0), 10);
	ledger__free(ledger);
}

/* Wakers and holders that nobody knows are nobody. */
static void test_wakers_that_do_not_exist(void **state)
{
	static const uint32_t wakers[] = {
		0, 2, 77, 0x7fffffff, CONVOY_FOREIGN | 1, CONVOY_FOREIGN, 0xffffffff
	};
	struct ledger *ledger = new_ledger(0, NULL);

	(void)state;
	feed(ledger, ev_birth(1, 0, 0));
	for (size_t i = 0; i < N(wakers); i++) {
		union event wait = ev_futex(1, 100 * (i + 1), 100 * (i + 1) + 50,
					    100 * (i + 1) + 60, 0x1000, 0, 2);

		wait.wait.waker = wakers[i];
		wait.wait.holder = wakers[i];
		feed(ledger, with_flags(wait, CONVOY_F_RELEASED | CONVOY_F_HOLDER));
	}
	finish(ledger, 1000);
	assert_int_equal(find_lock(ledger__locks(ledger), 0, "(unnamed mutex)")->n_holders, 0);
	ledger__free(ledger);
}

/* All records of a life but one: what the kernel counted shows it, for each of them. */
static void test_audit_finds_each_missing_record(void **state)
{
	const union event life[] = {
		ev_birth(1, 0, 10),
		ev_runnable(1, 100, 110),
		ev_wait(1, 200, 210, 220, SYS_read),
		ev_runnable(1, 300, 310),
		ev_wait(1, 400, 410, 420, SYS_read),
		ev_death(1, 500, 3, 2),
	};

	(void)state;
	for (size_t missing = 0; missing <= N(life); missing++) {
		struct ledger *ledger = new_ledger(0, NULL);
		const struct ledger_thread *t;

		for (size_t i = 0; i < N(life); i++)
			if (i != missing)
				feed(ledger, life[i]);
		finish(ledger, 500);
		t = thread_at(ledger, 0);
		if (missing == N(life)) { /* none */
			assert_true(ledger_thread__audit_equal(t));
			assert_int_equal(ledger__unmatched(ledger), 0);
		} else if (missing == 0) {
			/* Its birth is no switch; the life begins where it is first seen. */
			assert_false(t->since_before);
			assert_int_equal(t->start_ns, 100);
			assert_int_equal(ledger_thread__residual_ns(t), 0);
		} else if (missing == N(life) - 1) {
			assert_false(t->dead);
			assert_false(ledger_thread__audited(t));
		} else {
			assert_true(ledger_thread__audited(t));
			assert_false(ledger_thread__audit_equal(t));
			assert_int_equal(ledger__unmatched(ledger), 1);
		}
		ledger__free(ledger);
	}
}

static void test_unmatched_adds_up(void **state)
{
	struct ledger *ledger = new_ledger(0, NULL);

	(void)state;
	feed(ledger, ev_birth(1, 0, 10));
	feed(ledger, ev_death(1, 100, 4, 7)); /* 10 are missing */
	feed(ledger, ev_birth(2, 0, 10));
	feed(ledger, ev_runnable(2, 20, 30));
	feed(ledger, ev_runnable(2, 40, 50));
	feed(ledger, ev_death(2, 100, 1, 0)); /* 2 too many: as wrong */
	feed(ledger, ev_birth(5, 0, 10)); /* and of 3 and 4 nothing at all */
	feed(ledger, ev_death(5, 100, 1, 0));
	finish(ledger, 100);
	assert_int_equal(ledger__unmatched(ledger), 10 + 2 + 2);
	/* Of the wrong kind, the number is right and the audit is not. */
	ledger__free(ledger);
	ledger = new_ledger(0, NULL);
	feed(ledger, ev_birth(1, 0, 10));
	feed(ledger, ev_runnable(1, 20, 30));
	feed(ledger, ev_death(1, 100, 2, 0));
	finish(ledger, 100);
	assert_false(ledger_thread__audit_equal(thread_at(ledger, 0)));
	ledger__free(ledger);
}

/* A life that ends while its last interval still goes on: that much was counted twice. */
static void test_residual_of_a_life_cut_short(void **state)
{
	struct ledger *ledger = new_ledger(0, NULL);

	(void)state;
	feed(ledger, ev_birth(1, 0, 10));
	feed(ledger, ev_wait(1, 100, 190, 200, SYS_read));
	feed(ledger, ev_death(1, 150, 2, 0));
	finish(ledger, 500);
	assert_int_equal(ledger_thread__lifetime_ns(thread_at(ledger, 0)), 150);
	assert_int_equal(ledger_thread__residual_ns(thread_at(ledger, 0)), -50);
	assert_int_equal(thread_at(ledger, 0)->disordered, 1);
	ledger__free(ledger);
}

static void test_residual_of_a_life_after_death(void **state)
{
	struct ledger *ledger = new_ledger(0, NULL);
	union event late = ev_wait(1, 100, 190, 200, SYS_read);

	(void)state;
	feed(ledger, ev_birth(1, 0, 10));
	feed(ledger, ev_death(1, 90, 1, 0));
	/* Either it is refused, or the sums show it. */
	if (!ledger__feed(ledger, &late.hdr)) {
		finish(ledger, 300);
		assert_int_not_equal(ledger_thread__residual_ns(thread_at(ledger, 0)), 0);
		assert_false(ledger_thread__audit_equal(thread_at(ledger, 0)));
	}
	ledger__free(ledger);
}

/* Two intervals of one thread at once: no time is booked twice, and it is counted. */
static void test_overlapping_intervals(void **state)
{
	static const uint64_t outs[] = { 150, 120, 101, 250 };

	(void)state;
	for (size_t i = 0; i < N(outs); i++) {
		struct ledger *ledger = new_ledger(0, NULL);
		const struct ledger_thread *t;
		uint64_t sum = 0;

		feed(ledger, ev_birth(1, 0, 0));
		feed(ledger, ev_wait(1, 100, 290, 300, SYS_nanosleep));
		feed(ledger, i % 2 ? ev_runnable(1, outs[i], 400) :
				     ev_wait(1, outs[i], 390, 400, SYS_read));
		feed(ledger, ev_death(1, 500, 3, 0));
		finish(ledger, 500);
		t = thread_at(ledger, 0);
		assert_int_equal(t->disordered, 1);
		for (int a = 0; a < ACCOUNT_COUNT; a++)
			sum += t->time_ns[a];
		assert_int_equal(sum, 500);
		assert_int_equal(t->time_ns[ACCOUNT_RUNNING], 200);
		assert_int_equal(t->time_ns[ACCOUNT_SLEEP], 190);
		ledger__free(ledger);
	}
}

/* The second of two intervals of a thread comes first, as no ring delivers them. */
static void test_records_of_one_thread_in_disorder(void **state)
{
	struct ledger *ledger = new_ledger(0, NULL);
	const struct ledger_thread *t;

	(void)state;
	feed(ledger, ev_birth(1, 0, 0));
	feed(ledger, ev_wait(1, 300, 390, 400, SYS_read));
	feed(ledger, ev_wait(1, 100, 190, 200, SYS_read));
	feed(ledger, ev_death(1, 500, 3, 0));
	finish(ledger, 500);
	t = thread_at(ledger, 0);
	/* Both switches count; the time is no longer known, but it is not more than a life. */
	assert_int_equal(t->voluntary, 3);
	assert_true(ledger_thread__audit_equal(t));
	assert_int_equal(t->disordered, 1);
	assert_true(ledger_thread__residual_ns(t) >= 0);
	assert_int_equal(ledger__cpu_busy_ns(ledger, 0), t->time_ns[ACCOUNT_RUNNING]);
	ledger__free(ledger);
}

/* A thread that moves from CPU to CPU, its records in three rings. */
static void test_one_life_from_several_rings(void **state)
{
	const union event records[] = {
		on_cpus(ev_birth(1, 0, 10), 0, 0),
		on_cpus(ev_wait(1, 100, 150, 160, SYS_read), 0, 1),
		on_cpus(ev_runnable(1, 200, 210), 1, 2),
		on_cpus(ev_wait(1, 250, 240, 255, SYS_read), 2, 0),
		on_cpus(ev_runnable(1, 300, 310), 0, 2),
		on_cpus(ev_death(1, 400, 3, 2), 2, 0),
	};
	static const unsigned rings[] = { 0, 1, 2, 0, 2, 2 };
	static uint8_t data[3][4096 + CONVOY_RING_SLACK];
	struct merge_source sources[3];
	struct ledger *ledger = new_ledger(0, NULL);
	const struct convoy_ev_hdr *ev;
	struct merge merge;
	size_t heap[3];

	(void)state;
	for (size_t i = 0; i < 3; i++)
		sources[i] = (struct merge_source){ data[i], 4095, 0, 0 };
	for (size_t i = 0; i < N(records); i++) {
		struct merge_source *source = &sources[rings[i]];

		memcpy(&data[rings[i]][source->end], &records[i], event__size(records[i].hdr.type));
		source->end += event__size(records[i].hdr.type);
	}
	assert_int_equal(merge__init(&merge, sources, 3, heap), 0);
	while (!merge__next(&merge, UINT64_MAX, &ev) && ev)
		assert_int_equal(ledger__feed(ledger, ev), 0);
	finish(ledger, 400);
	check_times(
		thread_at(ledger, 0),
		TIMES([ACCOUNT_WAKEUP] = 10 + 10 + 5, [ACCOUNT_IO] = 50,
		      [ACCOUNT_PREEMPTED] = 10 + 10, [ACCOUNT_RUNNING] = 90 + 40 + 40 + 45 + 90));
	assert_int_equal(thread_at(ledger, 0)->disordered, 0);
	assert_int_equal(thread_at(ledger, 0)->migrations, 4);
	assert_true(ledger_thread__audit_equal(thread_at(ledger, 0)));
	ledger__free(ledger);
}

/* Random bytes in every field but the type: refused or booked, never a crash. */
static void test_random_events_do_not_crash(void **state)
{
	struct lock_table *table = calloc(1, sizeof(*table));
	uint64_t seed = 31337;

	(void)state;
	assert_non_null(table);
	publish_range(table, 1, 0, UINT32_MAX, LOCK_GIL, LOCK_ROLE_ACQUIRE, "GIL");
	publish_range(table, 2, 0, UINT32_MAX, LOCK_MUTEX, LOCK_ROLE_GUARD, "guard");
	for (unsigned run = 0; run < 300; run++) {
		struct ledger *ledger = new_ledger(random_below(&seed, 1000), table);

		for (unsigned i = 0; i < 200; i++) {
			union event event;
			int err;

			for (size_t at = 0; at < sizeof(event); at++)
				((uint8_t *)&event)[at] =
					(uint8_t)(random_below(&seed, 4) ?
							  0 :
							  random_below(&seed, 256));
			event.hdr.type = (__u16)random_below(&seed, 8);
			event.hdr.id = random_below(&seed, 40);
			/* Times that a clock can show, though in no order. */
			event.hdr.time_ns = random_below(&seed, 10000);
			event.runnable.out_ns = random_below(&seed, 10000);
			err = ledger__feed(ledger, &event.hdr);
			assert_true(err == 0 || err == -EBADMSG);
		}
		finish(ledger, random_below(&seed, 20000));
		ledger__unmatched(ledger);
		ledger__free(ledger);
	}
	free(table);
}

/* Times that no clock shows: the sums go round, and nothing overflows (SAN=1). */
static void test_times_beyond_all_bounds(void **state)
{
	const uint64_t far = UINT64_MAX - 10;
	struct ledger *ledger = new_ledger(0, NULL);

	(void)state;
	feed(ledger, ev_birth(1, 0, 10));
	feed(ledger, ev_runnable(1, 20, far));
	finish(ledger, far + 5);
	assert_int_equal(thread_at(ledger, 0)->time_ns[ACCOUNT_PREEMPTED], far - 20);
	assert_int_equal(ledger_thread__residual_ns(thread_at(ledger, 0)), 0);
	ledger__free(ledger);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_intervals_that_end_before_they_begin),
		cmocka_unit_test(test_unknown_types),
		cmocka_unit_test(test_second_birth_and_second_death),
		cmocka_unit_test(test_huge_ids),
		cmocka_unit_test(test_highest_cpu),
		cmocka_unit_test(test_wakers_that_do_not_exist),
		cmocka_unit_test(test_audit_finds_each_missing_record),
		cmocka_unit_test(test_unmatched_adds_up),
		cmocka_unit_test(test_residual_of_a_life_cut_short),
		cmocka_unit_test(test_residual_of_a_life_after_death),
		cmocka_unit_test(test_overlapping_intervals),
		cmocka_unit_test(test_records_of_one_thread_in_disorder),
		cmocka_unit_test(test_one_life_from_several_rings),
		cmocka_unit_test(test_random_events_do_not_crash),
		cmocka_unit_test(test_times_beyond_all_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
