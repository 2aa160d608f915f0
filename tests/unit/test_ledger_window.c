/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_ledger_window.c - threads that were there before, and ends that cut their lives.
 */
#include <errno.h>
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

#define WORD 0x1000
#define MUTEX "(unnamed mutex)"

static union event lock_wait(uint32_t id, uint64_t out_ns, uint64_t waking_ns, uint64_t in_ns)
{
	return ev_futex(id, out_ns, waking_ns, in_ns, WORD, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 2);
}

static union event before(union event event)
{
	return with_flags(event, CONVOY_F_SINCE_BEFORE);
}

static struct ledger *new_window(uint64_t from, uint64_t to)
{
	struct ledger_options options = { .start_ns = from, .window = true };
	struct ledger *ledger = NULL;

	assert_int_equal(ledger__new(&ledger, &options), 0);
	ledger__end_at(ledger, to);
	return ledger;
}

static const struct lock *mutex(struct ledger *ledger)
{
	const struct lock *lock = find_lock(ledger__locks(ledger), 0, MUTEX);

	assert_non_null(lock);
	return lock;
}

/* One thread of each state, found at 90; the recording is 100..200. */
static void test_found_in_each_state(void **state)
{
	struct ledger *ledger = new_ledger(100, NULL);
	const struct ledger_thread *t;

	(void)state;
	feed(ledger, on_cpus(ev_seen(1, 90, CONVOY_SEEN_RUNNING, 7, 8), 0, 2));
	feed(ledger, ev_seen(2, 90, CONVOY_SEEN_RUNNABLE, 0, 3));
	feed(ledger, ev_seen(3, 90, CONVOY_SEEN_BLOCKED, 5, 5));
	feed(ledger, before(ev_runnable(2, 90, 130)));
	feed(ledger, on_cpus(ev_wait(1, 140, 150, 160, SYS_read), 2, 2));
	feed(ledger, before(ev_wait(3, 90, 170, 175, SYS_nanosleep)));
	feed(ledger, ev_death(1, 200, 9, 8));
	feed(ledger, ev_death(2, 200, 1, 3));
	feed(ledger, ev_death(3, 200, 6, 5));
	finish(ledger, 200);

	check_times(thread_at(ledger, 0),
		    TIMES([ACCOUNT_RUNNING] = 80, [ACCOUNT_IO] = 10, [ACCOUNT_WAKEUP] = 10));
	check_times(thread_at(ledger, 1), TIMES([ACCOUNT_PREEMPTED] = 30, [ACCOUNT_RUNNING] = 70));
	check_times(thread_at(ledger, 2),
		    TIMES([ACCOUNT_SLEEP] = 70, [ACCOUNT_WAKEUP] = 5, [ACCOUNT_RUNNING] = 25));
	for (size_t i = 0; i < 3; i++) {
		t = thread_at(ledger, i);
		assert_true(t->since_before && t->dead);
		assert_int_equal(t->waited_before, i > 0);
		assert_int_equal(t->voluntary, i ? 1 : 2);
		assert_int_equal(t->involuntary, 0);
		assert_true(ledger_thread__audited(t));
		assert_true(ledger_thread__audit_equal(t));
	}
	assert_string_equal(thread_at(ledger, 0)->comm, "thread-1");
	assert_int_equal(ledger__cpu_busy_ns(ledger, 2), 80);
	assert_int_equal(ledger__unmatched(ledger), 0);
	assert_ptr_equal(ledger__find(ledger, FIXTURE_PID, FIXTURE_PID + 2), thread_at(ledger, 2));
	ledger__free(ledger);
}

/* A switch between being found and the start is nobody's time, but it is counted. */
static void test_switches_before_the_start(void **state)
{
	struct ledger *ledger = new_ledger(100, NULL);

	(void)state;
	feed(ledger, ev_seen(1, 80, CONVOY_SEEN_RUNNING, 1, 1));
	feed(ledger, ev_runnable(1, 85, 90));
	feed(ledger, ev_wait(1, 95, 110, 120, SYS_read));
	feed(ledger, ev_death(1, 150, 3, 2));
	/* What was under way when it was found was over, too. */
	feed(ledger, ev_seen(2, 80, CONVOY_SEEN_BLOCKED, 1, 0));
	feed(ledger, before(lock_wait(2, 80, 90, 95)));
	feed(ledger, ev_death(2, 150, 2, 0));
	finish(ledger, 150);
	check_times(thread_at(ledger, 0),
		    TIMES([ACCOUNT_IO] = 10, [ACCOUNT_WAKEUP] = 10, [ACCOUNT_RUNNING] = 30));
	check_times(thread_at(ledger, 1), TIMES([ACCOUNT_RUNNING] = 50));
	assert_true(thread_at(ledger, 0)->waited_before);
	assert_false(thread_at(ledger, 1)->waited_before);
	assert_null(find_lock(ledger__locks(ledger), 0, MUTEX));
	assert_int_equal(ledger__unmatched(ledger), 0);
	ledger__free(ledger);
}

/* The count at its death lacks a record: found like that of one that was born here. */
static void test_audit_since_it_was_found(void **state)
{
	struct ledger *ledger = new_ledger(100, NULL);

	(void)state;
	feed(ledger, ev_seen(1, 90, CONVOY_SEEN_RUNNING, 10, 20));
	feed(ledger, ev_runnable(1, 110, 120));
	feed(ledger, ev_death(1, 150, 11, 24));
	finish(ledger, 150);
	assert_true(ledger_thread__audited(thread_at(ledger, 0)));
	assert_false(ledger_thread__audit_equal(thread_at(ledger, 0)));
	assert_int_equal(ledger__unmatched(ledger), 3);
	ledger__free(ledger);
}

/* Found as it was not, or no longer: the counts are of another moment. */
static void test_stale_states_are_not_audited(void **state)
{
	struct ledger *ledger = new_ledger(100, NULL);

	(void)state;
	/* It says so. */
	feed(ledger, ev_seen(1, 90, CONVOY_SEEN_BLOCKED, 1, 1));
	feed(ledger, with_flags(before(ev_wait(1, 90, 120, 130, SYS_read)), CONVOY_F_RECOVERED));
	feed(ledger, ev_death(1, 200, 77, 77));
	/* Blocked, and then it leaves a CPU. */
	feed(ledger, ev_seen(2, 90, CONVOY_SEEN_BLOCKED, 1, 1));
	feed(ledger, ev_wait(2, 150, 160, 170, SYS_read));
	feed(ledger, ev_death(2, 200, 77, 77));
	/* Waiting for a CPU, and then it is dead. */
	feed(ledger, ev_seen(3, 90, CONVOY_SEEN_RUNNABLE, 1, 1));
	feed(ledger, ev_death(3, 200, 77, 77));
	/* On a CPU, and then it comes back on one. */
	feed(ledger, ev_seen(4, 90, CONVOY_SEEN_RUNNING, 1, 1));
	feed(ledger, before(ev_wait(4, 95, 120, 130, SYS_read)));
	feed(ledger, ev_death(4, 200, 77, 77));
	/* On a CPU, but it was switched before it was traced: its first record says so. */
	feed(ledger, ev_seen(5, 90, CONVOY_SEEN_RUNNING, 1, 1));
	feed(ledger, with_flags(ev_runnable(5, 110, 120), CONVOY_F_RECOVERED));
	feed(ledger, ev_death(5, 200, 77, 77));
	/* Dead before it was traced. */
	feed(ledger, ev_seen(6, 90, CONVOY_SEEN_RUNNING, 1, 1));
	feed(ledger, with_flags(ev_death(6, 91, 77, 77), CONVOY_F_RECOVERED));
	/* A later arrival that the scheduler's notes tell of is nothing bad. */
	feed(ledger, ev_seen(7, 90, CONVOY_SEEN_RUNNING, 1, 1));
	feed(ledger, ev_runnable(7, 110, 120));
	feed(ledger, with_flags(ev_runnable(7, 130, 140), CONVOY_F_RECOVERED));
	feed(ledger, ev_death(7, 200, 2, 3));
	finish(ledger, 200);
	check_times(thread_at(ledger, 0),
		    TIMES([ACCOUNT_IO] = 20, [ACCOUNT_WAKEUP] = 10, [ACCOUNT_RUNNING] = 70));
	check_times(thread_at(ledger, 1),
		    TIMES([ACCOUNT_RUNNING] = 80, [ACCOUNT_IO] = 10, [ACCOUNT_WAKEUP] = 10));
	check_times(thread_at(ledger, 2), TIMES([ACCOUNT_RUNNING] = 100));
	check_times(thread_at(ledger, 3),
		    TIMES([ACCOUNT_IO] = 20, [ACCOUNT_WAKEUP] = 10, [ACCOUNT_RUNNING] = 70));
	assert_int_equal(ledger_thread__lifetime_ns(thread_at(ledger, 5)), 0);
	for (size_t i = 0; i < 7; i++)
		assert_int_equal(ledger_thread__audited(thread_at(ledger, i)), i == 6);
	assert_int_equal(ledger__unmatched(ledger), 0);
	ledger__free(ledger);
}

/* Moved to where it is recorded, or after that was over. */
static void test_found_after_the_start(void **state)
{
	struct ledger *ledger = new_ledger(100, NULL);

	(void)state;
	feed(ledger, ev_seen(1, 130, CONVOY_SEEN_BLOCKED, 1, 1));
	feed(ledger, before(ev_wait(1, 130, 150, 160, SYS_read)));
	feed(ledger, ev_seen(2, 130, CONVOY_SEEN_RUNNING, 1, 1));
	feed(ledger, ev_runnable(2, 140, 150));
	ledger__end_at(ledger, 200);
	feed(ledger, ev_seen(3, 210, CONVOY_SEEN_RUNNING, 1, 1));
	feed(ledger, ev_runnable(3, 220, 230));
	finish(ledger, 200);
	check_times(thread_at(ledger, 0),
		    TIMES([ACCOUNT_IO] = 20, [ACCOUNT_WAKEUP] = 10, [ACCOUNT_RUNNING] = 40));
	check_times(thread_at(ledger, 1), TIMES([ACCOUNT_RUNNING] = 60, [ACCOUNT_PREEMPTED] = 10));
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(ledger_thread__lifetime_ns(thread_at(ledger, i)), 70);
	assert_false(thread_at(ledger, 2)->seen);
	ledger__free(ledger);
}

/* What a thread did all the time was over at no time. */
static void test_open_all_along(void **state)
{
	union event queued = ev_wait(2, 90, 0, 0, -1);
	struct ledger *ledger = new_ledger(100, NULL);

	(void)state;
	feed(ledger, ev_seen(1, 90, CONVOY_SEEN_BLOCKED, 1, 1));
	feed(ledger, ev_seen(2, 90, CONVOY_SEEN_RUNNABLE, 1, 1));
	feed(ledger, ev_seen(3, 90, CONVOY_SEEN_BLOCKED, 1, 1));
	feed(ledger, ev_seen(4, 90, CONVOY_SEEN_RUNNING, 1, 1));
	feed(ledger, before(ev_wait(3, 90, 110, 120, SYS_read)));
	ledger__end_at(ledger, 200);
	for (uint32_t id = 1; id <= 4; id++)
		feed(ledger, ev_alive(id, 210));
	feed(ledger, before(ev_still(lock_wait(1, 90, 0, 0))));
	queued.hdr.flags = 0;
	feed(ledger, before(ev_still(queued)));
	/* Left over from before that thread ran again. */
	feed(ledger, before(ev_still(ev_wait(3, 90, 0, 0, SYS_read))));
	finish(ledger, 200);

	check_times(thread_at(ledger, 0), TIMES([ACCOUNT_LOCK] = 100));
	check_times(thread_at(ledger, 1), TIMES([ACCOUNT_PREEMPTED] = 100));
	check_times(thread_at(ledger, 2),
		    TIMES([ACCOUNT_IO] = 10, [ACCOUNT_WAKEUP] = 10, [ACCOUNT_RUNNING] = 80));
	check_times(thread_at(ledger, 3), TIMES([ACCOUNT_RUNNING] = 100));
	for (size_t i = 0; i < 4; i++) {
		const struct ledger_thread *t = thread_at(ledger, i);

		assert_int_equal(t->waited_before, i < 3);
		assert_int_equal(t->unfinished, i < 2);
		assert_int_equal(t->voluntary + t->involuntary, 0);
		assert_int_equal(t->end_ns, 200);
		assert_false(t->dead);
	}
	assert_int_equal(mutex(ledger)->waits, 1);
	assert_int_equal(mutex(ledger)->since_before, 1);
	assert_int_equal(mutex(ledger)->unfinished, 1);
	assert_int_equal(mutex(ledger)->total_ns, 100);
	assert_int_equal(ledger__n_vanished(ledger), 0);
	assert_int_equal(ledger__unmatched(ledger), 0);
	ledger__free(ledger);
}

/* Read from the lock's word by the tool, where the waiter's own context told nothing. */
static void test_holder_of_a_wait_since_before(void **state)
{
	union event told = before(lock_wait(3, 90, 150, 160));
	struct ledger *ledger = new_ledger(100, NULL);

	(void)state;
	for (uint32_t id = 1; id <= 6; id++)
		feed(ledger,
		     ev_seen(id, 90, id > 1 ? CONVOY_SEEN_BLOCKED : CONVOY_SEEN_RUNNING, 0, 0));
	feed(ledger, ev_holder(2, WORD, FIXTURE_PID));
	feed(ledger, ev_holder(3, WORD, FIXTURE_PID));
	feed(ledger, ev_holder(4, WORD + 64, FIXTURE_PID)); /* of another word */
	feed(ledger, ev_holder(5, WORD, FIXTURE_PID + 77)); /* nobody we know */
	feed(ledger, ev_holder(6, WORD, FIXTURE_PID));
	told.wait.holder = FIXTURE_PID + 3;
	feed(ledger, before(lock_wait(2, 90, 140, 150)));
	feed(ledger, with_flags(told, CONVOY_F_HOLDER));
	feed(ledger, before(lock_wait(4, 90, 150, 160)));
	feed(ledger, before(lock_wait(5, 90, 150, 160)));
	/* The next wait is another one's doing. */
	feed(ledger, lock_wait(2, 160, 170, 180));
	feed(ledger, before(ev_still(lock_wait(6, 90, 0, 0))));
	finish(ledger, 200);
	assert_int_equal(mutex(ledger)->n_holders, 2);
	assert_int_equal(mutex(ledger)->holders[0].thread, 0);
	assert_int_equal(mutex(ledger)->holders[0].wait_ns, 40 + 100);
	assert_int_equal(mutex(ledger)->holders[1].thread, 3);
	assert_int_equal(mutex(ledger)->holders[1].wait_ns, 50);
	assert_int_equal(mutex(ledger)->since_before, 5);
	ledger__free(ledger);
}

/* Every way in which the end can fall into an interval; the end is 200. */
static void test_intervals_around_the_end(void **state)
{
	struct ledger *ledger = new_ledger(0, NULL);
	const struct ledger_thread *t;

	(void)state;
	for (uint32_t id = 1; id <= 7; id++)
		feed(ledger, ev_birth(id, 100, 100));
	ledger__end_at(ledger, 200);
	feed(ledger, ev_wait(1, 150, 190, 200, SYS_read));	/* just over */
	feed(ledger, ev_wait(2, 150, 190, 210, SYS_read));	/* woken, not running yet */
	feed(ledger, lock_wait(3, 150, 205, 210));		/* asleep */
	feed(ledger, ev_wait(4, 150, 0, 210, SYS_read));	/* never slept */
	feed(ledger, ev_runnable(5, 150, 210));
	feed(ledger, ev_wait(6, 200, 205, 210, SYS_read));	/* ran until the end */
	feed(ledger, ev_runnable(7, 230, 240));
	/* What they do afterwards is nothing of ours. */
	for (uint32_t id = 1; id <= 7; id++) {
		feed(ledger, lock_wait(id, 250, 260, 270));
		feed(ledger, ev_death(id, 300, 99, 99));
	}
	finish(ledger, 1000);
	check_times(thread_at(ledger, 0),
		    TIMES([ACCOUNT_RUNNING] = 50, [ACCOUNT_IO] = 40, [ACCOUNT_WAKEUP] = 10));
	check_times(thread_at(ledger, 1),
		    TIMES([ACCOUNT_RUNNING] = 50, [ACCOUNT_IO] = 40, [ACCOUNT_WAKEUP] = 10));
	check_times(thread_at(ledger, 2), TIMES([ACCOUNT_RUNNING] = 50, [ACCOUNT_LOCK] = 50));
	check_times(thread_at(ledger, 3), TIMES([ACCOUNT_RUNNING] = 50, [ACCOUNT_WAKEUP] = 50));
	check_times(thread_at(ledger, 4), TIMES([ACCOUNT_RUNNING] = 50, [ACCOUNT_PREEMPTED] = 50));
	check_times(thread_at(ledger, 5), TIMES([ACCOUNT_RUNNING] = 100));
	check_times(thread_at(ledger, 6), TIMES([ACCOUNT_RUNNING] = 100));
	for (size_t i = 0; i < 7; i++) {
		t = thread_at(ledger, i);
		assert_false(t->dead);
		assert_false(ledger_thread__audited(t));
		assert_int_equal(t->unfinished, i >= 1 && i <= 4);
		assert_int_equal(t->voluntary, i <= 3);
		assert_int_equal(t->involuntary, i == 4);
		assert_int_equal(t->end_ns, 200);
		assert_int_equal(t->comm[strlen("thread-")], '1' + i);
	}
	assert_int_equal(mutex(ledger)->waits, 1);
	assert_int_equal(mutex(ledger)->unfinished, 1);
	assert_int_equal(mutex(ledger)->handoffs, 0);
	assert_int_equal(ledger__last_death_ns(ledger), 0);
	assert_int_equal(ledger__unmatched(ledger), 0);
	assert_int_equal(ledger__n_vanished(ledger), 0);
	ledger__free(ledger);
}

static void test_births_around_the_end(void **state)
{
	struct ledger *ledger = new_ledger(0, NULL);

	(void)state;
	feed(ledger, ev_birth(1, 100, 110));
	ledger__end_at(ledger, 200);
	feed(ledger, ev_birth(2, 190, 230));	/* not on a CPU yet */
	feed(ledger, ev_birth(3, 200, 210));	/* not there yet */
	feed(ledger, lock_wait(3, 220, 230, 240));
	feed(ledger, ev_calls(3, 250, WORD, 3, 4));
	feed(ledger, ev_death(3, 250, 2, 0));
	feed(ledger, ev_runnable(2, 240, 260));
	/* 4 and 5 are born later still: of 4 nothing is ever heard. */
	feed(ledger, ev_birth(5, 260, 270));
	feed(ledger, ev_alive(1, 280));
	feed(ledger, ev_alive(2, 280));
	feed(ledger, ev_alive(5, 280));
	finish(ledger, 200);
	check_times(thread_at(ledger, 0), TIMES([ACCOUNT_WAKEUP] = 10, [ACCOUNT_RUNNING] = 90));
	check_times(thread_at(ledger, 1), TIMES([ACCOUNT_WAKEUP] = 10));
	assert_true(thread_at(ledger, 1)->unfinished);
	for (size_t i = 2; i < ledger__n_threads(ledger); i++)
		assert_false(thread_at(ledger, i)->seen);
	assert_null(find_lock(ledger__locks(ledger), 0, MUTEX));
	assert_int_equal(ledger__unmatched(ledger), 0);
	assert_int_equal(ledger__n_vanished(ledger), 0);
	ledger__free(ledger);
}

/* Who has exited tells each time it leaves the CPU that it may not come back. */
static void test_exited_and_not_gone(void **state)
{
	union event preempted = ev_still(ev_wait(1, 120, 0, 0, -1));
	struct ledger *ledger = new_ledger(100, NULL);

	(void)state;
	preempted.hdr.flags = CONVOY_F_REAPED;
	for (uint32_t id = 1; id <= 3; id++) {
		feed(ledger, ev_birth(id, 100, 110));
		preempted.hdr.id = id;
		feed(ledger, preempted);
	}
	/* 1 stays away; 2 comes back and is told of no more; 3 dies. */
	feed(ledger, ev_runnable(2, 120, 130));
	feed(ledger, ev_runnable(3, 120, 130));
	feed(ledger, ev_death(3, 140, 1, 1));
	ledger__end_at(ledger, 200);
	feed(ledger, ev_alive(2, 210));
	finish(ledger, 200);
	check_times(thread_at(ledger, 0),
		    TIMES([ACCOUNT_RUNNING] = 10, [ACCOUNT_WAKEUP] = 10, [ACCOUNT_PREEMPTED] = 80));
	check_times(thread_at(ledger, 1),
		    TIMES([ACCOUNT_RUNNING] = 80, [ACCOUNT_WAKEUP] = 10, [ACCOUNT_PREEMPTED] = 10));
	check_times(thread_at(ledger, 2),
		    TIMES([ACCOUNT_RUNNING] = 20, [ACCOUNT_WAKEUP] = 10, [ACCOUNT_PREEMPTED] = 10));
	assert_true(thread_at(ledger, 0)->unfinished);
	assert_false(thread_at(ledger, 1)->unfinished);
	assert_int_equal(ledger__n_vanished(ledger), 0);
	assert_int_equal(ledger__unmatched(ledger), 0);
	ledger__free(ledger);
}

/* One that is missing in the middle is lost all the same. */
static void test_lost_threads(void **state)
{
	struct ledger *ledger = new_ledger(0, NULL);

	(void)state;
	feed(ledger, ev_birth(1, 100, 110));	/* nothing more of it */
	feed(ledger, ev_birth(3, 120, 130));
	feed(ledger, ev_birth(4, 120, 130));
	feed(ledger, ev_death(4, 140, 1, 0));
	ledger__end_at(ledger, 200);
	feed(ledger, ev_still(ev_wait(3, 150, 0, 0, SYS_read)));
	finish(ledger, 200);
	assert_int_equal(ledger__n_vanished(ledger), 1);
	assert_int_equal(ledger__unmatched(ledger), 1); /* 2 */
	ledger__free(ledger);
}

/* 100..200 of a longer recording. */
static void test_window(void **state)
{
	struct ledger *ledger = new_window(100, 200);
	union event death;
	const struct ledger_thread *t;

	(void)state;
	feed(ledger, ev_seen(1, 10, CONVOY_SEEN_BLOCKED, 5, 5));
	feed(ledger, ev_birth(2, 20, 20));
	feed(ledger, ev_birth(3, 20, 20));
	feed(ledger, ev_birth(4, 20, 20));
	feed(ledger, before(lock_wait(1, 10, 30, 40)));
	feed(ledger, ev_wait(2, 50, 60, 70, SYS_read));
	feed(ledger, ev_calls(3, 90, WORD, 1, 1));
	feed(ledger, ev_death(3, 90, 1, 0));
	feed(ledger, ev_death(4, 100, 1, 0));
	feed(ledger, lock_wait(2, 95, 110, 120));
	death = ev_death(2, 150, 3, 0);
	death.death.runtime_ns = 5000;
	death.death.yields = 9;
	feed(ledger, ev_calls(2, 150, WORD, 1, 1));
	feed(ledger, death);
	feed(ledger, ev_runnable(1, 180, 250));
	feed(ledger, ev_birth(5, 220, 230));
	feed(ledger, ev_death(1, 300, 99, 99));
	feed(ledger, ev_death(5, 300, 1, 0));
	finish(ledger, 200);

	t = thread_at(ledger, 0);
	check_times(t, TIMES([ACCOUNT_RUNNING] = 80, [ACCOUNT_PREEMPTED] = 20));
	assert_true(t->since_before && t->unfinished && !t->waited_before && !t->dead);
	assert_int_equal(t->voluntary, 0);
	assert_int_equal(t->involuntary, 1);
	assert_int_equal(t->runtime_ns, 80);
	t = thread_at(ledger, 1);
	check_times(t, TIMES([ACCOUNT_LOCK] = 10, [ACCOUNT_WAKEUP] = 10, [ACCOUNT_RUNNING] = 30));
	assert_true(t->since_before && !t->unfinished && t->waited_before && t->dead);
	assert_int_equal(t->voluntary, 1); /* its death */
	assert_int_equal(t->runtime_ns, 30);
	assert_int_equal(t->yields, 0);
	assert_false(ledger_thread__audited(t));
	for (size_t i = 2; i < 5; i++)
		assert_false(thread_at(ledger, i)->seen);
	assert_int_equal(mutex(ledger)->waits, 1);
	assert_int_equal(mutex(ledger)->since_before, 1);
	assert_int_equal(mutex(ledger)->calls, 0);
	assert_int_equal(ledger__unmatched(ledger), 0);
	assert_int_equal(ledger__n_vanished(ledger), 0);
	ledger__free(ledger);
}

/* Without a window a switch before the start stays counted: rusage has it, too. */
static void test_no_window(void **state)
{
	struct ledger *ledger = new_ledger(100, NULL);

	(void)state;
	feed(ledger, ev_birth(1, 20, 20));
	feed(ledger, ev_wait(1, 50, 60, 70, SYS_read));
	feed(ledger, ev_death(1, 90, 2, 0));
	finish(ledger, 200);
	assert_true(thread_at(ledger, 0)->seen);
	assert_int_equal(thread_at(ledger, 0)->voluntary, 2);
	assert_int_equal(ledger_thread__lifetime_ns(thread_at(ledger, 0)), 0);
	assert_true(ledger_thread__audited(thread_at(ledger, 0)));
	ledger__free(ledger);
}

/* By the kernel, between the two looks at it; never more than the thread was there for. */
static void test_cpu_time(void **state)
{
	static const uint64_t at_end[] = { 1000 + 60, 1000 + 104, 999 };
	struct ledger *ledger = new_ledger(100, NULL);

	(void)state;
	for (uint32_t id = 1; id <= 4; id++) {
		union event seen = ev_seen(id, 90, CONVOY_SEEN_RUNNING, 0, 0);

		seen.seen.runtime_ns = 1000;
		seen.seen.run_delay_ns = 500;
		feed(ledger, seen);
	}
	ledger__end_at(ledger, 200);
	for (uint32_t id = 1; id <= 3; id++) {
		union event alive = ev_alive(id, 210);

		alive.death.runtime_ns = at_end[id - 1];
		alive.death.run_delay_ns = 507;
		alive.death.yields = 2;
		feed(ledger, alive);
	}
	feed(ledger, ev_runnable(4, 150, 220)); /* found no more */
	finish(ledger, 200);
	assert_int_equal(thread_at(ledger, 0)->runtime_ns, 60);
	assert_int_equal(thread_at(ledger, 1)->runtime_ns, 100);
	assert_int_equal(thread_at(ledger, 2)->runtime_ns, 0); /* damaged */
	assert_int_equal(thread_at(ledger, 3)->runtime_ns, 50);
	assert_int_equal(thread_at(ledger, 0)->run_delay_ns, 7);
	assert_int_equal(thread_at(ledger, 0)->yields, 2);
	assert_string_equal(thread_at(ledger, 0)->comm, "thread-1");
	assert_string_equal(thread_at(ledger, 3)->comm, "seen-4");
	ledger__free(ledger);
}

/* Found alive, and dead by the time that it is told; found twice; found after its records. */
static void test_odd_findings(void **state)
{
	struct ledger *ledger = new_ledger(100, NULL);
	union event seen = ev_seen(1, 90, CONVOY_SEEN_RUNNING, 0, 0);

	(void)state;
	feed(ledger, seen);
	assert_int_equal(ledger__feed(ledger, &seen.hdr), -EBADMSG);
	seen.hdr.id = 2;
	feed(ledger, ev_runnable(2, 110, 120));
	assert_int_equal(ledger__feed(ledger, &seen.hdr), -EBADMSG);
	feed(ledger, ev_death(1, 150, 1, 0));
	feed(ledger, ev_alive(1, 140));
	assert_true(thread_at(ledger, 0)->dead);
	assert_int_equal(thread_at(ledger, 0)->kernel_voluntary, 1);
	/* It never ran, and nobody knows since when it was there: it is not lost. */
	feed(ledger, ev_alive(3, 210));
	feed(ledger, ev_alive(2, 210));
	finish(ledger, 200);
	assert_false(thread_at(ledger, 2)->seen);
	assert_int_equal(ledger__unmatched(ledger), 0);
	assert_int_equal(ledger__n_vanished(ledger), 0);
	ledger__free(ledger);
}

/* The same number is another call elsewhere. */
static void test_system_calls_of_the_recording(void **state)
{
	json_t *names = json_pack("[s, s]", "nanosleep", "read");
	struct ledger_options options = { .start_ns = 0 };
	struct syscalls *syscalls = NULL;
	struct ledger *ledger = NULL;

	(void)state;
	assert_int_equal(syscalls__of_json(&syscalls, names), 0);
	json_decref(names);
	options.syscalls = syscalls;
	assert_int_equal(ledger__new(&ledger, &options), 0);
	feed(ledger, ev_birth(1, 0, 0));
	feed(ledger, ev_wait(1, 10, 20, 20, 0));
	feed(ledger, ev_wait(1, 30, 50, 50, 1));
	finish(ledger, 60);
	check_times(thread_at(ledger, 0),
		    TIMES([ACCOUNT_RUNNING] = 30, [ACCOUNT_SLEEP] = 10, [ACCOUNT_IO] = 20));
	ledger__free(ledger);
	syscalls__free(syscalls);
}

/* Events that cannot be in a recording: the account still closes. */
static void test_contradictions(void **state)
{
	struct ledger *ledger = new_ledger(100, NULL);

	(void)state;
	/* Under way since before, twice: the second is booked, but no switch of this recording. */
	feed(ledger, ev_seen(1, 90, CONVOY_SEEN_BLOCKED, 0, 0));
	feed(ledger, before(ev_wait(1, 90, 110, 110, SYS_read)));
	feed(ledger, before(ev_wait(1, 120, 130, 130, SYS_read)));
	/* Past the end, and dead before it. */
	feed(ledger, ev_birth(2, 100, 100));
	ledger__end_at(ledger, 200);
	feed(ledger, ev_wait(2, 150, 260, 260, SYS_read));
	feed(ledger, ev_death(2, 180, 1, 0));
	finish(ledger, 200);
	check_times(thread_at(ledger, 0), TIMES([ACCOUNT_IO] = 20, [ACCOUNT_RUNNING] = 80));
	assert_int_equal(thread_at(ledger, 0)->voluntary, 0);
	check_times(thread_at(ledger, 1), TIMES([ACCOUNT_IO] = 50, [ACCOUNT_RUNNING] = 50));
	assert_false(thread_at(ledger, 1)->dead);
	ledger__free(ledger);
}

/* Counted over a whole life, they say nothing of a part of it. */
static void test_futex_calls(void **state)
{
	struct lock_table table = { .count = 0 };

	(void)state;
	publish_range(&table, FIXTURE_PID, WORD, 64, LOCK_MUTEX, LOCK_ROLE_ACQUIRE, "mutex");
	for (int window = 0; window < 2; window++) {
		struct ledger_options options = {
			.start_ns = 100,
			.window = window,
			.published = &table,
		};
		struct ledger *ledger = NULL;

		assert_int_equal(ledger__new(&ledger, &options), 0);
		feed(ledger, ev_birth(1, 50, 50));
		feed(ledger, lock_wait(1, 120, 130, 140));
		ledger__end_at(ledger, 200);
		feed(ledger, ev_calls(1, 210, WORD, 3, 4));
		feed(ledger, ev_death(1, 210, 2, 0));
		finish(ledger, 200);
		assert_int_equal(find_lock(ledger__locks(ledger), FIXTURE_PID, "mutex")->eagain,
				 window ? 0 : 3);
		ledger__free(ledger);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_found_in_each_state),
		cmocka_unit_test(test_switches_before_the_start),
		cmocka_unit_test(test_audit_since_it_was_found),
		cmocka_unit_test(test_stale_states_are_not_audited),
		cmocka_unit_test(test_found_after_the_start),
		cmocka_unit_test(test_open_all_along),
		cmocka_unit_test(test_holder_of_a_wait_since_before),
		cmocka_unit_test(test_intervals_around_the_end),
		cmocka_unit_test(test_births_around_the_end),
		cmocka_unit_test(test_exited_and_not_gone),
		cmocka_unit_test(test_lost_threads),
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_no_window),
		cmocka_unit_test(test_cpu_time),
		cmocka_unit_test(test_odd_findings),
		cmocka_unit_test(test_contradictions),
		cmocka_unit_test(test_futex_calls),
		cmocka_unit_test(test_system_calls_of_the_recording),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
