/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_ledger_waits.c - where the time of a wait goes: by its reason and its wake-up.
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

#define PRIVATE_WAIT (FUTEX_WAIT | FUTEX_PRIVATE_FLAG)

/* A life 0..1000 with this one wait. */
static struct ledger *live_with(union event wait, const struct lock_table *published)
{
	struct ledger *ledger = new_ledger(0, published);

	wait.hdr.id = 1;
	feed(ledger, ev_birth(1, 0, 0));
	feed(ledger, wait);
	feed(ledger, ev_death(1, 1000, 2, 0));
	finish(ledger, 1000);
	assert_true(ledger_thread__audit_equal(thread_at(ledger, 0)));
	return ledger;
}

/* Out at 100, woken at 170, in at 180, without a lock. */
static void check_account(union event wait, enum account account)
{
	struct ledger *ledger = live_with(wait, NULL);
	uint64_t times[ACCOUNT_COUNT] = { [ACCOUNT_RUNNING] = 920, [ACCOUNT_WAKEUP] = 10 };

	times[account] = 70;
	check_times(thread_at(ledger, 0), times);
	assert_int_equal(locks__n(ledger__locks(ledger)), 0);
	ledger__free(ledger);
}

/* The same, and the lock that it was. */
static void check_lock(union event wait, const struct lock_table *published, enum account account,
		       enum lock_kind kind, uint32_t pid, const char *name)
{
	struct ledger *ledger = live_with(wait, published);
	uint64_t times[ACCOUNT_COUNT] = { [ACCOUNT_RUNNING] = 920, [ACCOUNT_WAKEUP] = 10 };
	const struct lock *lock = find_lock(ledger__locks(ledger), pid, name);

	times[account] = 70;
	check_times(thread_at(ledger, 0), times);
	assert_int_equal(locks__n(ledger__locks(ledger)), 1);
	if (!lock)
		fail_msg("the lock is called '%s', not '%s'",
			 locks__at(ledger__locks(ledger), 0)->name, name);
	assert_int_equal(lock->kind, kind);
	assert_int_equal(lock->waits, 1);
	assert_int_equal(lock->total_ns, 70);
	assert_int_equal(lock->wakeup_ns, 10);
	assert_int_equal(lock->woken_early, 0);
	assert_int_equal(lock->episodes.count, 1);
	assert_int_equal(lock->episodes.sum, 70);
	ledger__free(ledger);
}

static union event blocked_in(int nr)
{
	return ev_wait(1, 100, 170, 180, nr);
}

static union event futex(uint64_t word, unsigned op, uint32_t val)
{
	return ev_futex(1, 100, 170, 180, word, op, val);
}

static void test_waits_without_a_lock(void **state)
{
	(void)state;
	check_account(blocked_in(SYS_nanosleep), ACCOUNT_SLEEP);
	check_account(blocked_in(SYS_clock_nanosleep), ACCOUNT_SLEEP);
	check_account(blocked_in(SYS_read), ACCOUNT_IO);
	check_account(blocked_in(SYS_ppoll), ACCOUNT_IO);
	check_account(blocked_in(SYS_wait4), ACCOUNT_CHILD);
	check_account(with_flags(blocked_in(SYS_read), CONVOY_F_IOWAIT), ACCOUNT_DISK);
	check_account(blocked_in(-1), ACCOUNT_FAULT);
	check_account(with_flags(blocked_in(-1), CONVOY_F_IOWAIT), ACCOUNT_DISK);
	check_account(with_flags(blocked_in(SYS_read), CONVOY_F_STOPPED), ACCOUNT_STOPPED);
	check_account(with_flags(futex(0x1000, FUTEX_WAIT, 2), CONVOY_F_STOPPED), ACCOUNT_STOPPED);
	check_account(with_flags(blocked_in(-1), CONVOY_F_STOPPED), ACCOUNT_STOPPED);
	check_account(blocked_in(SYS_rt_sigtimedwait), ACCOUNT_OTHER);
	check_account(with_flags(blocked_in(SYS_read), CONVOY_F_COMPAT), ACCOUNT_OTHER);
	/* restart_syscall: the record carries the call that goes on */
	check_account(with_flags(blocked_in(SYS_nanosleep), CONVOY_F_RESTARTED), ACCOUNT_SLEEP);
}

static void test_unpublished_locks(void **state)
{
	(void)state;
	check_lock(futex(0x1000, PRIVATE_WAIT, 2), NULL, ACCOUNT_LOCK, LOCK_MUTEX, 0,
		   "(unnamed mutex)");
	check_lock(futex(0x1000, FUTEX_WAIT, 2), NULL, ACCOUNT_LOCK, LOCK_MUTEX, 0,
		   "(unnamed mutex)");
	check_lock(futex(0x1000, FUTEX_LOCK_PI | FUTEX_PRIVATE_FLAG, 0), NULL, ACCOUNT_LOCK,
		   LOCK_MUTEX, 0, "(unnamed mutex)");
	check_lock(futex(0x1000, PRIVATE_WAIT, 1), NULL, ACCOUNT_OTHER, LOCK_UNKNOWN, 0,
		   "(unnamed futex)");
	check_lock(futex(0x1000, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, 2), NULL, ACCOUNT_OTHER,
		   LOCK_UNKNOWN, 0, "(unnamed futex)");
	check_lock(with_flags(futex(0x1000, PRIVATE_WAIT, 2), CONVOY_F_RESTARTED), NULL,
		   ACCOUNT_LOCK, LOCK_MUTEX, 0, "(unnamed mutex)");
}

static void test_kernel_locks(void **state)
{
	union event wait = with_flags(blocked_in(SYS_munmap), CONVOY_F_KLOCK);

	(void)state;
	wait.wait.word = 0xffff888012345678ull;
	check_lock(wait, NULL, ACCOUNT_LOCK, LOCK_KERNEL, 0, "(kernel lock)");
	wait = with_flags(wait, CONVOY_F_MMAP_LOCK);
	check_lock(wait, NULL, ACCOUNT_LOCK, LOCK_KERNEL, 0, "mmap_lock");
	wait = with_flags(blocked_in(-1), CONVOY_F_KLOCK | CONVOY_F_MMAP_LOCK);
	check_lock(wait, NULL, ACCOUNT_LOCK, LOCK_KERNEL, 0, "mmap_lock");
}

static void test_published_locks(void **state)
{
	struct lock_table *table = calloc(1, sizeof(*table));

	(void)state;
	assert_non_null(table);
	publish_range(table, FIXTURE_PID, 0x1000, 8, LOCK_GIL, LOCK_ROLE_ACQUIRE, "GIL");
	publish_range(table, FIXTURE_PID, 0x2000, 32, LOCK_BARRIER, LOCK_ROLE_ACQUIRE, "start");
	publish_range(table, FIXTURE_PID, 0x3000, 32, LOCK_SEMAPHORE, LOCK_ROLE_ACQUIRE, "queue");
	publish_range(table, FIXTURE_PID + 1, 0x4000, 8, LOCK_GIL, LOCK_ROLE_ACQUIRE, "GIL");
	/* As a GIL's own condition variable waits: the kind decides, not the operation. */
	check_lock(futex(0x1004, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, 8), table, ACCOUNT_LOCK,
		   LOCK_GIL, FIXTURE_PID, "GIL");
	check_lock(futex(0x2010, PRIVATE_WAIT, 2), table, ACCOUNT_COND, LOCK_BARRIER, FIXTURE_PID,
		   "start");
	check_lock(futex(0x301c, PRIVATE_WAIT, 2), table, ACCOUNT_COND, LOCK_SEMAPHORE, FIXTURE_PID,
		   "queue");
	/* One byte further, and in another process: not published. */
	check_lock(futex(0x1008, PRIVATE_WAIT, 2), table, ACCOUNT_LOCK, LOCK_MUTEX, 0,
		   "(unnamed mutex)");
	check_lock(futex(0x4000, PRIVATE_WAIT, 0), table, ACCOUNT_OTHER, LOCK_UNKNOWN, 0,
		   "(unnamed futex)");
	free(table);
}

/* pthread_join(): the value is the TID of a thread of this process. */
static void test_join(void **state)
{
	static const struct {
		unsigned op;
		uint32_t val;
		enum account account;
	} waits[] = {
		{ FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, FIXTURE_PID + 1, ACCOUNT_JOIN },
		{ FUTEX_WAIT_BITSET, FIXTURE_PID + 1, ACCOUNT_JOIN },
		{ FUTEX_WAIT, FIXTURE_PID + 1, ACCOUNT_JOIN },
		{ FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, FIXTURE_PID + 1, ACCOUNT_OTHER },
		{ FUTEX_WAIT_BITSET, FIXTURE_PID + 7, ACCOUNT_OTHER }, /* nobody */
		{ FUTEX_WAIT_BITSET, FIXTURE_ROOT_PID + 1, ACCOUNT_OTHER }, /* its TID outside */
		{ FUTEX_WAIT_BITSET, FIXTURE_PID + 2, ACCOUNT_OTHER }, /* in another process */
		{ FUTEX_WAIT_BITSET, 0, ACCOUNT_OTHER },
	};

	(void)state;
	for (size_t i = 0; i < N(waits); i++) {
		struct ledger *ledger = new_ledger(0, NULL);
		uint64_t times[ACCOUNT_COUNT] = { [ACCOUNT_RUNNING] = 100, [ACCOUNT_WAKEUP] = 10 };
		union event other = ev_birth(3, 0, 5);

		other.birth.pid = FIXTURE_ROOT_PID + 2;
		other.birth.ns_pid = FIXTURE_PID + 2;
		feed(ledger, ev_birth(1, 0, 0));
		feed(ledger, ev_birth(2, 0, 5));
		feed(ledger, other);
		feed(ledger, ev_futex(1, 100, 170, 180, 0x7000, waits[i].op, waits[i].val));
		finish(ledger, 180);
		times[waits[i].account] = 70;
		check_times(thread_at(ledger, 0), times);
		if (waits[i].account == ACCOUNT_JOIN) {
			const struct lock *lock =
				find_lock(ledger__locks(ledger), 0, "(thread exit)");

			assert_non_null(lock);
			assert_int_equal(lock->kind, LOCK_JOIN);
			assert_int_equal(lock->episodes.count, 1);
		}
		ledger__free(ledger);
	}
}

/* A joiner blocks before its thread dies, and is booked when it is dead. */
static void test_join_of_the_dead(void **state)
{
	struct ledger *ledger = new_ledger(0, NULL);

	(void)state;
	feed(ledger, ev_birth(1, 0, 0));
	feed(ledger, ev_birth(2, 0, 0));
	feed(ledger, ev_death(2, 165, 1, 0));
	feed(ledger, ev_futex(1, 100, 160, 180, 0x7000, FUTEX_WAIT_BITSET, FIXTURE_PID + 1));
	finish(ledger, 180);
	assert_int_equal(thread_at(ledger, 0)->time_ns[ACCOUNT_JOIN], 60);
	ledger__free(ledger);
}

static void check_wait(union event wait, uint64_t blocked, uint64_t delayed, bool early)
{
	struct ledger *ledger = live_with(wait, NULL);
	const struct lock *lock = find_lock(ledger__locks(ledger), 0, "(unnamed mutex)");

	check_times(thread_at(ledger, 0),
		    TIMES([ACCOUNT_LOCK] = blocked, [ACCOUNT_WAKEUP] = delayed,
			  [ACCOUNT_RUNNING] = 1000 - blocked - delayed));
	assert_non_null(lock);
	assert_int_equal(lock->total_ns, blocked);
	assert_int_equal(lock->wakeup_ns, delayed);
	assert_int_equal(lock->woken_early, early);
	ledger__free(ledger);
}

static void test_when_it_was_woken(void **state)
{
	(void)state;
	/* in between */
	check_wait(ev_futex(1, 100, 101, 200, 8, PRIVATE_WAIT, 2), 1, 99, false);
	check_wait(ev_futex(1, 100, 199, 200, 8, PRIVATE_WAIT, 2), 99, 1, false);
	/* as it arrives: no delay */
	check_wait(ev_futex(1, 100, 200, 200, 8, PRIVATE_WAIT, 2), 100, 0, false);
	/* from another CPU, before it was off: it never slept */
	check_wait(ev_futex(1, 100, 99, 200, 8, PRIVATE_WAIT, 2), 0, 100, true);
	check_wait(ev_futex(1, 100, 1, 200, 8, PRIVATE_WAIT, 2), 0, 100, true);
	/* in the same nanosecond */
	check_wait(ev_futex(1, 100, 100, 200, 8, PRIVATE_WAIT, 2), 0, 100, false);
	/* by nobody: a signal was pending, the block was refused */
	check_wait(ev_futex(1, 100, 0, 200, 8, PRIVATE_WAIT, 2), 0, 100, false);
	/* later than it ran, so clocks disagree: not more than there is */
	check_wait(ev_futex(1, 100, 201, 200, 8, PRIVATE_WAIT, 2), 100, 0, false);
	check_wait(ev_futex(1, 100, UINT64_MAX, 200, 8, PRIVATE_WAIT, 2), 100, 0, false);
	/* no time at all */
	check_wait(ev_futex(1, 100, 100, 100, 8, PRIVATE_WAIT, 2), 0, 0, false);
	check_wait(ev_futex(1, 100, 0, 100, 8, PRIVATE_WAIT, 2), 0, 0, false);
}

/* A wake-up that precedes the switch-out, of a wait that straddles the cork. */
static void test_early_waking_at_the_cork(void **state)
{
	struct ledger *ledger = new_ledger(1000, NULL);

	(void)state;
	feed(ledger, ev_birth(1, 0, 0));
	feed(ledger, ev_wait(1, 900, 890, 1030, SYS_read));
	feed(ledger, ev_death(1, 1100, 2, 0));
	finish(ledger, 1100);
	check_times(thread_at(ledger, 0), TIMES([ACCOUNT_WAKEUP] = 30, [ACCOUNT_RUNNING] = 70));
	ledger__free(ledger);
}

/* Since 6.14 a block that a signal refused has state 0: runnable, yet voluntary. */
static void test_refused_block_is_preemption_and_voluntary(void **state)
{
	struct ledger *ledger = new_ledger(0, NULL);

	(void)state;
	feed(ledger, ev_birth(1, 0, 0));
	feed(ledger, with_flags(ev_runnable(1, 100, 130), CONVOY_F_VOLUNTARY));
	feed(ledger, ev_runnable(1, 200, 220));
	feed(ledger, with_flags(ev_death(1, 300, 2, 1), CONVOY_F_ZOMBIE));
	finish(ledger, 300);
	check_times(thread_at(ledger, 0), TIMES([ACCOUNT_PREEMPTED] = 50, [ACCOUNT_RUNNING] = 250));
	assert_int_equal(thread_at(ledger, 0)->voluntary, 2);
	assert_int_equal(thread_at(ledger, 0)->involuntary, 1);
	assert_int_equal(thread_at(ledger, 0)->rusage_voluntary, 2);
	assert_true(ledger_thread__audit_equal(thread_at(ledger, 0)));
	ledger__free(ledger);
}

/* Before 6.14 it shows a state: blocked, counted as involuntary by some kernels. */
static void test_involuntary_wait(void **state)
{
	union event wait = blocked_in(SYS_read);
	struct ledger *ledger = new_ledger(0, NULL);

	(void)state;
	wait.hdr.flags &= (__u16)~CONVOY_F_VOLUNTARY;
	wait.wait.waking_ns = 0;
	feed(ledger, ev_birth(1, 0, 0));
	feed(ledger, wait);
	feed(ledger, ev_death(1, 1000, 1, 1));
	finish(ledger, 1000);
	assert_int_equal(thread_at(ledger, 0)->voluntary, 1);
	assert_int_equal(thread_at(ledger, 0)->involuntary, 1);
	check_times(thread_at(ledger, 0), TIMES([ACCOUNT_WAKEUP] = 80, [ACCOUNT_RUNNING] = 920));
	ledger__free(ledger);
}

/* getrusage(2) sees the last switch of those that somebody reaps, not of the others. */
static void test_last_switch_as_rusage_counts_it(void **state)
{
	union event preempted = with_flags(ev_death(3, 300, 1, 2), CONVOY_F_ZOMBIE);
	union event leader = ev_birth(5, 0, 0);
	struct ledger *ledger = new_ledger(0, NULL);

	(void)state;
	for (uint32_t id = 1; id <= 3; id++) {
		feed(ledger, ev_birth(id, 0, 0));
		feed(ledger, ev_wait(id, 100, 170, 180, SYS_read));
		feed(ledger, ev_runnable(id, 200, 210));
	}
	feed(ledger, with_flags(ev_death(1, 300, 2, 1), CONVOY_F_ZOMBIE));
	feed(ledger, ev_death(2, 300, 2, 1));
	preempted.hdr.flags &= (__u16)~CONVOY_F_VOLUNTARY;
	feed(ledger, preempted);
	finish(ledger, 300);
	assert_int_equal(thread_at(ledger, 0)->rusage_voluntary, 2);
	assert_int_equal(thread_at(ledger, 1)->rusage_voluntary, 1);
	assert_int_equal(thread_at(ledger, 2)->rusage_voluntary, 1);
	/* The kernel's own counters see it either way. */
	assert_int_equal(thread_at(ledger, 0)->voluntary, 2);
	assert_int_equal(thread_at(ledger, 1)->voluntary, 2);
	assert_int_equal(thread_at(ledger, 2)->involuntary, 2);
	/* One that its parent reaps right now may count or not. */
	feed(ledger, ev_birth(4, 0, 0));
	feed(ledger, with_flags(ev_death(4, 300, 1, 0), CONVOY_F_REAPING));
	assert_int_equal(thread_at(ledger, 3)->rusage_voluntary, 0);
	assert_true(thread_at(ledger, 3)->rusage_unsure);
	assert_true(ledger_thread__audit_equal(thread_at(ledger, 3)));
	for (size_t i = 0; i < 3; i++)
		assert_false(thread_at(ledger, i)->rusage_unsure);
	/* Nor is a first thread that another one reaps, whose number it died with. */
	leader.birth.pid = leader.birth.tid;
	feed(ledger, leader);
	feed(ledger, ev_death(5, 300, 1, 0));
	assert_int_equal(thread_at(ledger, 4)->rusage_voluntary, 0);
	assert_true(thread_at(ledger, 4)->rusage_unsure);
	for (size_t i = 0; i < 5; i++)
		assert_true(ledger_thread__audit_equal(thread_at(ledger, i)));
	assert_int_equal(ledger__unmatched(ledger), 0);
	ledger__free(ledger);
}

static void test_open_waits_have_their_accounts(void **state)
{
	struct ledger *ledger = new_ledger(0, NULL);
	const struct lock *lock;

	(void)state;
	for (uint32_t id = 1; id <= 4; id++)
		feed(ledger, ev_birth(id, 0, 0));
	feed(ledger, ev_still(ev_futex(1, 100, 0, 0, 0x1000, PRIVATE_WAIT, 2)));
	feed(ledger, ev_still(ev_futex(2, 100, 150, 0, 0x1000, PRIVATE_WAIT, 2)));
	feed(ledger, ev_still(ev_futex(3, 100, 0, 0, 0x7000, FUTEX_WAIT_BITSET, FIXTURE_PID)));
	feed(ledger, ev_still(with_flags(ev_wait(4, 100, 0, 0, SYS_read), CONVOY_F_STOPPED)));
	finish(ledger, 300);
	check_times(thread_at(ledger, 0), TIMES([ACCOUNT_RUNNING] = 100, [ACCOUNT_LOCK] = 200));
	check_times(thread_at(ledger, 1),
		    TIMES([ACCOUNT_RUNNING] = 100, [ACCOUNT_LOCK] = 50, [ACCOUNT_WAKEUP] = 150));
	check_times(thread_at(ledger, 2), TIMES([ACCOUNT_RUNNING] = 100, [ACCOUNT_JOIN] = 200));
	check_times(thread_at(ledger, 3), TIMES([ACCOUNT_RUNNING] = 100, [ACCOUNT_STOPPED] = 200));
	lock = find_lock(ledger__locks(ledger), 0, "(unnamed mutex)");
	assert_non_null(lock);
	assert_int_equal(lock->waits, 2);
	assert_int_equal(lock->total_ns, 250);
	assert_int_equal(lock->episodes.count, 2);
	assert_int_equal(lock->handoffs, 0);
	ledger__free(ledger);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_waits_without_a_lock),
		cmocka_unit_test(test_unpublished_locks),
		cmocka_unit_test(test_kernel_locks),
		cmocka_unit_test(test_published_locks),
		cmocka_unit_test(test_join),
		cmocka_unit_test(test_join_of_the_dead),
		cmocka_unit_test(test_when_it_was_woken),
		cmocka_unit_test(test_early_waking_at_the_cork),
		cmocka_unit_test(test_refused_block_is_preemption_and_voluntary),
		cmocka_unit_test(test_involuntary_wait),
		cmocka_unit_test(test_last_switch_as_rusage_counts_it),
		cmocka_unit_test(test_open_waits_have_their_accounts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
