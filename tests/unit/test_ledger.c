/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_ledger.c - lives: how they begin and end, and what the events do not say.
 *
 * What waits are for is in test_ledger_waits.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include <linux/futex.h>

#include <cmocka.h>

#include "tests/unit/events_fixture.h"
#include "user/ledger.h"

static void test_nothing_happened(void **state)
{
	struct ledger *ledger = new_ledger(100, NULL);

	(void)state;
	ledger__free(NULL);
	finish(ledger, 200);
	assert_int_equal(ledger__n_threads(ledger), 0);
	assert_int_equal(ledger__n_cpus(ledger), 0);
	assert_int_equal(ledger__cpu_busy_ns(ledger, 0), 0);
	assert_int_equal(ledger__cpu_busy_ns(ledger, UINT32_MAX), 0);
	assert_int_equal(ledger__last_death_ns(ledger), 0);
	assert_int_equal(ledger__unmatched(ledger), 0);
	assert_int_equal(locks__n(ledger__locks(ledger)), 0);
	ledger__free(ledger);
}

static void test_a_whole_life(void **state)
{
	const union event life[] = {
		with_flags(ev_birth(1, 100, 110), CONVOY_F_ROOT),
		ev_runnable(1, 150, 160),
		ev_wait(1, 200, 290, 300, SYS_nanosleep),
		ev_runnable(1, 340, 343),
		ev_death(1, 400, 2, 2),
	};
	struct ledger *ledger = new_ledger(50, NULL);
	const struct ledger_thread *t;

	(void)state;
	feed_all(ledger, life, N(life));
	finish(ledger, 400);
	t = thread_at(ledger, 0);
	check_times(t, TIMES([ACCOUNT_RUNNING] = 40 + 40 + 40 + 57, [ACCOUNT_PREEMPTED] = 13,
			     [ACCOUNT_SLEEP] = 90, [ACCOUNT_WAKEUP] = 10 + 10));
	assert_int_equal(t->start_ns, 100);
	assert_int_equal(t->end_ns, 400);
	assert_true(t->seen && t->root && t->dead);
	assert_false(t->since_before || t->unfinished);
	assert_int_equal(t->voluntary, 2);
	assert_int_equal(t->involuntary, 2);
	assert_int_equal(t->migrations, 0);
	assert_int_equal(t->disordered, 0);
	assert_true(ledger_thread__audited(t) && ledger_thread__audit_equal(t));
	assert_int_equal(ledger__unmatched(ledger), 0);
	assert_int_equal(ledger__n_cpus(ledger), 1);
	assert_int_equal(ledger__cpu_busy_ns(ledger, 0), 177);
	assert_int_equal(ledger__last_death_ns(ledger), 400);
	ledger__free(ledger);
}

static void test_who_it_was(void **state)
{
	union event birth = ev_birth(2, 100, 110), death = ev_death(2, 200, 1, 0);
	struct ledger *ledger = new_ledger(0, NULL);
	const struct ledger_thread *t;

	(void)state;
	birth.birth.parent = 1;
	feed(ledger, birth);
	t = thread_at(ledger, 1);
	assert_string_equal(t->comm, "born-2");
	assert_int_equal(t->parent, 1);
	assert_int_equal(t->tid, FIXTURE_ROOT_PID + 1);
	assert_int_equal(t->pid, FIXTURE_ROOT_PID);
	assert_int_equal(t->ns_tid, FIXTURE_PID + 1);
	assert_int_equal(t->ns_pid, FIXTURE_PID);
	assert_false(t->root);

	/* exec by a thread that is no leader, then a new name */
	death.death.tid = FIXTURE_ROOT_PID;
	death.death.runtime_ns = 77;
	death.death.run_delay_ns = 11;
	death.death.yields = 3;
	feed(ledger, death);
	t = thread_at(ledger, 1);
	assert_string_equal(t->comm, "thread-2");
	assert_int_equal(t->tid, FIXTURE_ROOT_PID);
	assert_int_equal(t->ns_tid, FIXTURE_PID + 1);
	assert_int_equal(t->runtime_ns, 77);
	assert_int_equal(t->run_delay_ns, 11);
	assert_int_equal(t->yields, 3);
	ledger__free(ledger);
}

static void test_a_new_thread_waits_for_its_turn(void **state)
{
	struct ledger *ledger = new_ledger(0, NULL);

	(void)state;
	/* No waking: sched_wakeup_new is none. */
	feed(ledger, ev_birth(1, 100, 175));
	feed(ledger, ev_death(1, 180, 1, 0));
	finish(ledger, 180);
	check_times(thread_at(ledger, 0), TIMES([ACCOUNT_WAKEUP] = 75, [ACCOUNT_RUNNING] = 5));
	ledger__free(ledger);
}

static void test_a_life_of_zero_length(void **state)
{
	struct ledger *ledger = new_ledger(100, NULL);

	(void)state;
	/* Born and dead at once, at the cork, before it, and without anything in between. */
	feed(ledger, ev_birth(1, 200, 200));
	feed(ledger, ev_death(1, 200, 1, 0));
	feed(ledger, ev_birth(2, 100, 100));
	feed(ledger, ev_death(2, 100, 1, 0));
	feed(ledger, ev_birth(3, 50, 60));
	feed(ledger, ev_death(3, 70, 1, 0));
	/* Intervals of zero length in a life. */
	feed(ledger, ev_birth(4, 200, 200));
	feed(ledger, ev_runnable(4, 200, 200));
	feed(ledger, ev_wait(4, 200, 200, 200, SYS_read));
	feed(ledger, ev_wait(4, 200, 0, 200, SYS_read));
	feed(ledger, ev_death(4, 201, 3, 1));
	finish(ledger, 300);
	for (size_t i = 0; i < 3; i++) {
		check_times(thread_at(ledger, i), TIMES(0));
		assert_true(ledger_thread__audit_equal(thread_at(ledger, i)));
	}
	check_times(thread_at(ledger, 3), TIMES([ACCOUNT_RUNNING] = 1));
	assert_true(ledger_thread__audit_equal(thread_at(ledger, 3)));
	assert_int_equal(ledger__unmatched(ledger), 0);
	ledger__free(ledger);
}

/* The corked child: everything before the release is cut off, its switches are not. */
static void test_clipped_at_the_release_of_the_cork(void **state)
{
	const union event life[] = {
		ev_birth(1, 100, 200),
		ev_runnable(1, 300, 350),
		ev_wait(1, 400, 450, 460, SYS_nanosleep),
		ev_wait(1, 500, 1100, 1120, SYS_read), /* straddles 1000 */
		ev_death(1, 1200, 3, 1),
	};
	struct ledger *ledger = new_ledger(1000, NULL);
	const struct ledger_thread *t;

	(void)state;
	feed_all(ledger, life, N(life));
	finish(ledger, 1200);
	t = thread_at(ledger, 0);
	check_times(t, TIMES([ACCOUNT_IO] = 100, [ACCOUNT_WAKEUP] = 20, [ACCOUNT_RUNNING] = 80));
	assert_int_equal(t->start_ns, 1000);
	assert_int_equal(t->voluntary, 3);
	assert_int_equal(t->involuntary, 1);
	assert_true(ledger_thread__audit_equal(t));
	assert_false(t->since_before);
	assert_int_equal(ledger__cpu_busy_ns(ledger, 0), 80);
	ledger__free(ledger);
}

static void test_each_kind_of_interval_clipped(void **state)
{
	struct ledger *ledger = new_ledger(1000, NULL);

	(void)state;
	/* the first turn */
	feed(ledger, ev_birth(1, 900, 1010));
	feed(ledger, ev_death(1, 1020, 1, 0));
	/* a run */
	feed(ledger, ev_birth(2, 900, 910));
	feed(ledger, ev_wait(2, 1005, 1010, 1015, SYS_read));
	feed(ledger, ev_death(2, 1020, 2, 0));
	/* preemption */
	feed(ledger, ev_birth(3, 900, 910));
	feed(ledger, ev_runnable(3, 950, 1015));
	feed(ledger, ev_death(3, 1020, 1, 1));
	/* the run-queue delay after a wait that was over before */
	feed(ledger, ev_birth(4, 900, 910));
	feed(ledger, ev_wait(4, 920, 950, 1007, SYS_read));
	feed(ledger, ev_death(4, 1020, 2, 0));
	finish(ledger, 1020);
	check_times(thread_at(ledger, 0), TIMES([ACCOUNT_WAKEUP] = 10, [ACCOUNT_RUNNING] = 10));
	check_times(thread_at(ledger, 1),
		    TIMES([ACCOUNT_RUNNING] = 5 + 5, [ACCOUNT_IO] = 5, [ACCOUNT_WAKEUP] = 5));
	check_times(thread_at(ledger, 2), TIMES([ACCOUNT_PREEMPTED] = 15, [ACCOUNT_RUNNING] = 5));
	check_times(thread_at(ledger, 3), TIMES([ACCOUNT_WAKEUP] = 7, [ACCOUNT_RUNNING] = 13));
	assert_int_equal(ledger__cpu_busy_ns(ledger, 0), 10 + 10 + 5 + 13);
	ledger__free(ledger);
}

static void test_blocked_at_the_start(void **state)
{
	struct ledger *ledger = new_ledger(1000, NULL);
	const struct ledger_thread *t;

	(void)state;
	/* Nobody saw its birth; the first record began before. */
	feed(ledger, on_cpus(ev_wait(1, 400, 1100, 1150, SYS_read), 2, 3));
	feed(ledger, on_cpus(ev_runnable(1, 1200, 1210), 3, 3));
	feed(ledger, on_cpus(ev_death(1, 1300, 1000, 2000), 3, 3));
	finish(ledger, 1300);
	t = thread_at(ledger, 0);
	check_times(t, TIMES([ACCOUNT_IO] = 100, [ACCOUNT_WAKEUP] = 50, [ACCOUNT_RUNNING] = 50 + 90,
			     [ACCOUNT_PREEMPTED] = 10));
	assert_true(t->since_before);
	assert_int_equal(t->start_ns, 1000);
	assert_int_equal(t->migrations, 1);
	/* The kernel counted what no record can show: neither compared nor lost. */
	assert_false(ledger_thread__audited(t));
	assert_int_equal(ledger__unmatched(ledger), 0);
	assert_int_equal(ledger__cpu_busy_ns(ledger, 2), 0);
	assert_int_equal(ledger__cpu_busy_ns(ledger, 3), 140);
	ledger__free(ledger);
}

static void test_preempted_at_the_start(void **state)
{
	struct ledger *ledger = new_ledger(1000, NULL);

	(void)state;
	feed(ledger, ev_runnable(1, 1000, 1030)); /* out at the very release */
	feed(ledger, ev_death(1, 1040, 5, 5));
	finish(ledger, 1040);
	check_times(thread_at(ledger, 0), TIMES([ACCOUNT_PREEMPTED] = 30, [ACCOUNT_RUNNING] = 10));
	assert_true(thread_at(ledger, 0)->since_before);
	ledger__free(ledger);
}

/* It was there before and is there after: one wait is all its life. */
static void test_blocked_throughout(void **state)
{
	struct ledger *ledger = new_ledger(1000, NULL);
	const struct ledger_thread *t;

	(void)state;
	feed(ledger, ev_still(ev_wait(1, 10, 0, 0, SYS_read)));
	finish(ledger, 5000);
	t = thread_at(ledger, 0);
	check_times(t, TIMES([ACCOUNT_IO] = 4000));
	assert_true(t->since_before && t->unfinished);
	assert_false(t->dead);
	assert_int_equal(ledger__n_cpus(ledger) ? ledger__cpu_busy_ns(ledger, 0) : 0, 0);
	ledger__free(ledger);
}

static void test_blocked_at_the_end(void **state)
{
	union event preempted = ev_still(ev_wait(4, 150, 0, 0, -1));
	struct ledger *ledger = new_ledger(0, NULL);

	(void)state;
	for (uint32_t id = 1; id <= 6; id++)
		feed(ledger, ev_birth(id, 100, 100));
	/* asleep; asleep, and woken since; woken before it went to sleep; preempted; running */
	feed(ledger, ev_still(ev_wait(1, 150, 0, 0, SYS_nanosleep)));
	feed(ledger, ev_still(ev_wait(2, 150, 180, 0, SYS_read)));
	feed(ledger, ev_still(ev_wait(3, 150, 140, 0, SYS_read)));
	preempted.hdr.flags = 0;
	feed(ledger, preempted);
	/* off the CPU only after the end, and woken only after it */
	feed(ledger, ev_still(ev_wait(5, 250, 0, 0, SYS_read)));
	feed(ledger, ev_wait(6, 120, 130, 140, SYS_read));
	feed(ledger, ev_still(ev_wait(6, 150, 300, 0, SYS_wait4)));
	finish(ledger, 200);
	check_times(thread_at(ledger, 0), TIMES([ACCOUNT_RUNNING] = 50, [ACCOUNT_SLEEP] = 50));
	check_times(thread_at(ledger, 1),
		    TIMES([ACCOUNT_RUNNING] = 50, [ACCOUNT_IO] = 30, [ACCOUNT_WAKEUP] = 20));
	check_times(thread_at(ledger, 2), TIMES([ACCOUNT_RUNNING] = 50, [ACCOUNT_WAKEUP] = 50));
	check_times(thread_at(ledger, 3), TIMES([ACCOUNT_RUNNING] = 50, [ACCOUNT_PREEMPTED] = 50));
	check_times(thread_at(ledger, 4), TIMES([ACCOUNT_RUNNING] = 100));
	check_times(thread_at(ledger, 5), TIMES([ACCOUNT_RUNNING] = 20 + 10, [ACCOUNT_IO] = 10,
						[ACCOUNT_WAKEUP] = 10, [ACCOUNT_CHILD] = 50));
	for (size_t i = 0; i < 6; i++) {
		const struct ledger_thread *t = thread_at(ledger, i);

		assert_int_equal(t->unfinished, i != 4);
		assert_false(t->dead);
		assert_false(ledger_thread__audited(t));
		assert_int_equal(t->end_ns, 200);
		assert_int_equal(t->voluntary, i == 3 || i == 4 ? 0 : i == 5 ? 2 : 1);
		assert_int_equal(t->involuntary, i == 3);
	}
	assert_int_equal(ledger__unmatched(ledger), 0);
	assert_int_equal(ledger__last_death_ns(ledger), 0);
	ledger__free(ledger);
}

static void test_running_at_the_end(void **state)
{
	struct ledger *ledger = new_ledger(0, NULL);

	(void)state;
	feed(ledger, on_cpus(ev_birth(1, 100, 110), 0, 5));
	feed(ledger, on_cpus(ev_birth(2, 100, 110), 0, 6));
	feed(ledger, on_cpus(ev_runnable(2, 150, 160), 6, 4));
	finish(ledger, 300);
	check_times(thread_at(ledger, 0), TIMES([ACCOUNT_WAKEUP] = 10, [ACCOUNT_RUNNING] = 190));
	check_times(thread_at(ledger, 1), TIMES([ACCOUNT_WAKEUP] = 10, [ACCOUNT_RUNNING] = 40 + 140,
						[ACCOUNT_PREEMPTED] = 10));
	assert_false(thread_at(ledger, 0)->unfinished);
	assert_int_equal(ledger__n_cpus(ledger), 7);
	assert_int_equal(ledger__cpu_busy_ns(ledger, 5), 190);
	assert_int_equal(ledger__cpu_busy_ns(ledger, 6), 40);
	assert_int_equal(ledger__cpu_busy_ns(ledger, 4), 140);
	ledger__free(ledger);
}

/*
 * A wait that was still open when somebody looked, and ended before the end:
 * what came later counts, once. Fails as of ca2a8fd: finish_thread() books the
 * old look on top, 200..300 as sleep, and a second voluntary switch.
 */
static void test_an_open_wait_that_ended_after_all(void **state)
{
	struct ledger *ledger = new_ledger(0, NULL);
	const struct ledger_thread *t;

	(void)state;
	feed(ledger, ev_birth(1, 0, 0));
	feed(ledger, ev_still(ev_wait(1, 100, 0, 0, SYS_nanosleep)));
	feed(ledger, ev_wait(1, 100, 190, 200, SYS_nanosleep));
	finish(ledger, 300);
	t = thread_at(ledger, 0);
	assert_int_equal(t->voluntary, 1);
	assert_false(t->unfinished);
	check_times(t, TIMES([ACCOUNT_RUNNING] = 200, [ACCOUNT_SLEEP] = 90, [ACCOUNT_WAKEUP] = 10));
	ledger__free(ledger);
}

/* Killed while it waited: woken to die, dead without another wait. */
static void test_exit_while_waiting(void **state)
{
	struct ledger *ledger = new_ledger(0, NULL);
	const struct ledger_thread *t;

	(void)state;
	feed(ledger, ev_birth(1, 100, 100));
	feed(ledger, ev_futex(1, 120, 190, 195, 0x1000, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 2));
	feed(ledger, ev_death(1, 200, 2, 0));
	/* An open record of a thread that died is not booked once more. */
	feed(ledger, ev_birth(2, 100, 100));
	feed(ledger, ev_still(ev_wait(2, 120, 0, 0, SYS_read)));
	feed(ledger, ev_wait(2, 120, 190, 195, SYS_read));
	feed(ledger, ev_death(2, 200, 2, 0));
	finish(ledger, 500);
	t = thread_at(ledger, 0);
	check_times(t, TIMES([ACCOUNT_RUNNING] = 25, [ACCOUNT_LOCK] = 70, [ACCOUNT_WAKEUP] = 5));
	assert_true(t->dead);
	assert_false(t->unfinished);
	assert_int_equal(t->end_ns, 200);
	check_times(thread_at(ledger, 1),
		    TIMES([ACCOUNT_RUNNING] = 25, [ACCOUNT_IO] = 70, [ACCOUNT_WAKEUP] = 5));
	assert_int_equal(thread_at(ledger, 1)->voluntary, 2);
	ledger__free(ledger);
}

static void test_fork_storm(void **state)
{
	const uint32_t n = 10000;
	struct ledger *ledger = new_ledger(0, NULL);
	uint64_t busy = 0;

	(void)state;
	for (uint32_t id = 1; id <= n; id++) {
		union event birth = ev_birth(id, 10 * id, 10 * id + 3);

		birth.birth.parent = id / 2;
		feed(ledger, on_cpus(birth, 0, id % 16));
		/* Their TIDs come round, 500 of them. */
		if (id > 500)
			feed(ledger, on_cpus(ev_death(id - 500, 10 * id + 4, 1, 0), id % 16, 0));
	}
	for (uint32_t id = n - 499; id <= n; id++)
		feed(ledger, ev_death(id, 10 * n + 10, 1, 0));
	finish(ledger, 10 * n + 10);
	assert_int_equal(ledger__n_threads(ledger), n);
	for (uint32_t id = 1; id <= n; id++) {
		const struct ledger_thread *t = thread_at(ledger, id - 1);

		assert_int_equal(t->id, id);
		assert_int_equal(t->parent, id / 2);
		assert_true(t->dead && ledger_thread__audit_equal(t));
		assert_int_equal(t->time_ns[ACCOUNT_WAKEUP], 3);
		assert_int_equal(ledger_thread__residual_ns(t), 0);
		busy += t->time_ns[ACCOUNT_RUNNING];
	}
	assert_int_equal(ledger__unmatched(ledger), 0);
	assert_int_equal(ledger__n_cpus(ledger), 16);
	for (unsigned cpu = 0; cpu < 16; cpu++)
		busy -= ledger__cpu_busy_ns(ledger, cpu);
	assert_int_equal(busy, 0);
	ledger__free(ledger);
}

/* The same TID twice: each thread keeps its own life, and its own counts. */
static void check_reuse(bool reborn_first)
{
	union event reborn = ev_birth(2, 200, 210);
	struct ledger *ledger = new_ledger(0, NULL);

	reborn.birth.tid = FIXTURE_ROOT_PID;
	reborn.birth.ns_tid = FIXTURE_PID;
	feed(ledger, ev_birth(1, 100, 110));
	feed(ledger, ev_runnable(1, 120, 130));
	if (reborn_first) /* release_task() came before the last switch */
		feed(ledger, reborn);
	feed(ledger, ev_death(1, 215, 1, 1));
	if (!reborn_first)
		feed(ledger, reborn);
	feed(ledger, ev_runnable(2, 220, 240));
	feed(ledger, ev_runnable(2, 250, 260));
	feed(ledger, ev_death(2, 300, 1, 2));
	finish(ledger, 300);
	assert_int_equal(ledger__n_threads(ledger), 2);
	check_times(thread_at(ledger, 0),
		    TIMES([ACCOUNT_WAKEUP] = 10, [ACCOUNT_PREEMPTED] = 10, [ACCOUNT_RUNNING] = 95));
	check_times(thread_at(ledger, 1),
		    TIMES([ACCOUNT_WAKEUP] = 10, [ACCOUNT_PREEMPTED] = 30, [ACCOUNT_RUNNING] = 60));
	assert_true(ledger_thread__audit_equal(thread_at(ledger, 0)));
	assert_true(ledger_thread__audit_equal(thread_at(ledger, 1)));
	assert_int_equal(ledger__unmatched(ledger), 0);
	ledger__free(ledger);
}

static void test_tid_reuse(void **state)
{
	(void)state;
	check_reuse(false);
	check_reuse(true);
}

/* What a TID in user memory means changes with its owner. */
static void test_holder_of_a_reused_tid(void **state)
{
	union event wait = ev_futex(2, 200, 250, 260, 0x1000, FUTEX_WAIT, 2);
	union event reborn = ev_birth(3, 300, 300);
	struct ledger *ledger = new_ledger(0, NULL);
	const struct lock *lock;

	(void)state;
	reborn.birth.ns_tid = FIXTURE_PID;
	wait.wait.holder = FIXTURE_PID;
	wait.wait.hdr.flags |= CONVOY_F_HOLDER;
	feed(ledger, ev_birth(1, 100, 100));
	feed(ledger, ev_birth(2, 100, 100));
	feed(ledger, wait);
	feed(ledger, reborn);
	feed(ledger, ev_death(1, 310, 1, 0)); /* after the birth: must not take the TID along */
	wait.wait.out_ns = 400;
	wait.wait.waking_ns = 407;
	wait.hdr.time_ns = 410;
	feed(ledger, wait);
	finish(ledger, 500);
	lock = find_lock(ledger__locks(ledger), 0, "(unnamed mutex)");
	assert_non_null(lock);
	assert_int_equal(lock->n_holders, 2);
	assert_int_equal(lock->holders[0].thread, 0);
	assert_int_equal(lock->holders[0].wait_ns, 50);
	assert_int_equal(lock->holders[1].thread, 2);
	assert_int_equal(lock->holders[1].wait_ns, 7);
	ledger__free(ledger);
}

static void test_ids_of_others_are_ignored(void **state)
{
	struct ledger_options options = { .start_ns = 0, .first_id = 1000 };
	struct ledger *ledger = NULL;

	(void)state;
	assert_int_equal(ledger__new(&ledger, &options), 0);
	/* The last round's threads, still dying; and threads that are not traced. */
	feed(ledger, ev_death(1000, 10, 5, 5));
	feed(ledger, ev_birth(1, 10, 20));
	feed(ledger, ev_runnable(0, 10, 20));
	feed(ledger, ev_wait(CONVOY_FOREIGN | 1001, 10, 20, 30, SYS_read));
	feed(ledger, ev_still(ev_wait(999, 10, 0, 0, SYS_read)));
	feed(ledger, ev_calls(1000, 10, 0x1000, 1, 1));
	assert_int_equal(ledger__n_threads(ledger), 0);
	assert_int_equal(ledger__last_death_ns(ledger), 0);
	assert_int_equal(ledger__n_cpus(ledger), 0);

	feed(ledger, ev_birth(1001, 10, 20));
	feed(ledger, ev_birth(1003, 10, 20));
	assert_int_equal(ledger__n_threads(ledger), 3);
	assert_int_equal(thread_at(ledger, 0)->id, 1001);
	assert_int_equal(thread_at(ledger, 2)->id, 1003);
	assert_false(thread_at(ledger, 1)->seen);
	/* Of 1002 there must have been something. */
	assert_int_equal(ledger__unmatched(ledger), 1);
	feed(ledger, ev_birth(1002, 10, 20));
	assert_int_equal(ledger__unmatched(ledger), 0);
	ledger__free(ledger);
}

static void test_migrations_and_busy_cpus(void **state)
{
	const union event life[] = {
		on_cpus(ev_birth(1, 100, 100), 0, 1), /* wherever it comes first is no migration */
		on_cpus(ev_runnable(1, 110, 115), 1, 1),
		on_cpus(ev_runnable(1, 120, 125), 1, 3),
		on_cpus(ev_wait(1, 140, 145, 150, SYS_read), 3, 0),
		on_cpus(ev_wait(1, 190, 195, 200, SYS_read), 0, 0),
		on_cpus(ev_death(1, 300, 3, 2), 0, 0),
	};
	struct ledger *ledger = new_ledger(0, NULL);

	(void)state;
	feed_all(ledger, life, N(life));
	finish(ledger, 300);
	assert_int_equal(thread_at(ledger, 0)->migrations, 2);
	assert_int_equal(ledger__n_cpus(ledger), 4);
	assert_int_equal(ledger__cpu_busy_ns(ledger, 0), 40 + 100);
	assert_int_equal(ledger__cpu_busy_ns(ledger, 1), 10 + 5);
	assert_int_equal(ledger__cpu_busy_ns(ledger, 2), 0);
	assert_int_equal(ledger__cpu_busy_ns(ledger, 3), 15);
	assert_int_equal(ledger__cpu_busy_ns(ledger, 4), 0);
	ledger__free(ledger);
}

/* An arrival that was not traced is booked like any other. */
static void test_recovered_arrivals(void **state)
{
	const union event life[] = {
		with_flags(ev_birth(1, 100, 110), CONVOY_F_RECOVERED),
		with_flags(ev_wait(1, 120, 130, 130, SYS_read), CONVOY_F_RECOVERED),
		with_flags(ev_runnable(1, 150, 150), CONVOY_F_RECOVERED),
		with_flags(ev_wait(1, 160, 0, 160, SYS_read), CONVOY_F_RECOVERED),
		ev_death(1, 200, 3, 1),
	};
	struct ledger *ledger = new_ledger(0, NULL);
	const struct ledger_thread *t;

	(void)state;
	feed_all(ledger, life, N(life));
	finish(ledger, 200);
	t = thread_at(ledger, 0);
	check_times(t, TIMES([ACCOUNT_WAKEUP] = 10, [ACCOUNT_IO] = 10, [ACCOUNT_RUNNING] = 80));
	assert_true(ledger_thread__audit_equal(t));
	assert_int_equal(t->disordered, 0);
	assert_int_equal(ledger__unmatched(ledger), 0);
	ledger__free(ledger);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_happened),
		cmocka_unit_test(test_a_whole_life),
		cmocka_unit_test(test_who_it_was),
		cmocka_unit_test(test_a_new_thread_waits_for_its_turn),
		cmocka_unit_test(test_a_life_of_zero_length),
		cmocka_unit_test(test_clipped_at_the_release_of_the_cork),
		cmocka_unit_test(test_each_kind_of_interval_clipped),
		cmocka_unit_test(test_blocked_at_the_start),
		cmocka_unit_test(test_preempted_at_the_start),
		cmocka_unit_test(test_blocked_throughout),
		cmocka_unit_test(test_blocked_at_the_end),
		cmocka_unit_test(test_running_at_the_end),
		cmocka_unit_test(test_an_open_wait_that_ended_after_all),
		cmocka_unit_test(test_exit_while_waiting),
		cmocka_unit_test(test_fork_storm),
		cmocka_unit_test(test_tid_reuse),
		cmocka_unit_test(test_holder_of_a_reused_tid),
		cmocka_unit_test(test_ids_of_others_are_ignored),
		cmocka_unit_test(test_migrations_and_busy_cpus),
		cmocka_unit_test(test_recovered_arrivals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
