/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_classify.c - what each kind of wait counts as, and which rule comes first.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>

#include <linux/futex.h>

#include <cmocka.h>

#include "tests/unit/events_fixture.h"
#include "user/classify.h"

static struct wait_class classify_with(union event event, struct word_facts facts)
{
	return classify__wait(&event.wait, &facts, syscalls__native());
}

static struct wait_class classify(union event event, enum lock_kind known, bool for_tid)
{
	return classify_with(event, (struct word_facts){ .known = known, .for_tid = for_tid });
}

static void check_account(union event event, enum account account)
{
	struct wait_class class = classify(event, LOCK_UNKNOWN, false);

	if (class.account != account)
		fail_msg("system call %d, flags %#x: %s instead of %s", event.wait.nr,
			 event.hdr.flags, account__name(class.account), account__name(account));
	assert_false(class.has_lock);
}

static void check_lock(struct wait_class class, enum account account, enum lock_kind kind)
{
	assert_true(class.has_lock);
	assert_string_equal(lock_kind__name(class.kind), lock_kind__name(kind));
	assert_string_equal(account__name(class.account), account__name(account));
}

static union event blocked_in(int nr)
{
	return ev_wait(1, 10, 20, 30, nr);
}

static union event futex(unsigned op, uint32_t val)
{
	return ev_futex(1, 10, 20, 30, 0x1000, op, val);
}

static void test_names_are_those_of_the_contract(void **state)
{
	static const char *const accounts[] = { "running", "preempted", "wakeup", "lock", "cond",
						"join", "sleep", "io", "disk", "child", "fault",
						"stopped", "other" };
	static const char *const kinds[] = { "unknown", "gil", "mutex", "rwlock", "semaphore",
					     "cond", "barrier", "once", "join", "kernel" };

	(void)state;
	assert_int_equal(N(accounts), ACCOUNT_COUNT);
	assert_int_equal(N(kinds), LOCK_KIND_COUNT);
	for (int i = 0; i < ACCOUNT_COUNT; i++)
		assert_string_equal(account__name((enum account)i), accounts[i]);
	for (int i = 0; i < LOCK_KIND_COUNT; i++)
		assert_string_equal(lock_kind__name((enum lock_kind)i), kinds[i]);
}

static void test_account_of_each_kind(void **state)
{
	static const enum account expected[LOCK_KIND_COUNT] = {
		[LOCK_UNKNOWN] = ACCOUNT_OTHER,
		[LOCK_GIL] = ACCOUNT_LOCK,
		[LOCK_MUTEX] = ACCOUNT_LOCK,
		[LOCK_RWLOCK] = ACCOUNT_LOCK,
		[LOCK_ONCE] = ACCOUNT_LOCK,
		[LOCK_KERNEL] = ACCOUNT_LOCK,
		[LOCK_COND] = ACCOUNT_COND,
		[LOCK_BARRIER] = ACCOUNT_COND,
		[LOCK_SEMAPHORE] = ACCOUNT_COND,
		[LOCK_JOIN] = ACCOUNT_JOIN,
	};

	(void)state;
	for (int kind = 0; kind < LOCK_KIND_COUNT; kind++) {
		assert_int_equal(classify__kind_account((enum lock_kind)kind), expected[kind]);
		/* A known kind decides, whatever the operation looks like. */
		if (kind != LOCK_UNKNOWN) {
			check_lock(classify(futex(FUTEX_WAIT, 2), (enum lock_kind)kind, false),
				   expected[kind], (enum lock_kind)kind);
			check_lock(classify(futex(FUTEX_WAIT_BITSET, 77), (enum lock_kind)kind,
					    true),
				   expected[kind], (enum lock_kind)kind);
		}
	}
}

static void test_system_calls(void **state)
{
	static const struct {
		int nr;
		enum account account;
	} calls[] = {
		{ SYS_nanosleep, ACCOUNT_SLEEP },
		{ SYS_clock_nanosleep, ACCOUNT_SLEEP },
		{ SYS_read, ACCOUNT_IO },
		{ SYS_write, ACCOUNT_IO },
		{ SYS_readv, ACCOUNT_IO },
		{ SYS_ppoll, ACCOUNT_IO },
		{ SYS_pselect6, ACCOUNT_IO },
		{ SYS_epoll_pwait, ACCOUNT_IO },
		{ SYS_accept4, ACCOUNT_IO },
		{ SYS_sendto, ACCOUNT_IO },
		{ SYS_recvfrom, ACCOUNT_IO },
		{ SYS_sendmsg, ACCOUNT_IO },
		{ SYS_recvmsg, ACCOUNT_IO },
		{ SYS_connect, ACCOUNT_IO },
		{ SYS_fsync, ACCOUNT_IO },
		{ SYS_wait4, ACCOUNT_CHILD },
		{ SYS_waitid, ACCOUNT_CHILD },
#ifdef SYS_vfork
		{ SYS_vfork, ACCOUNT_CHILD },
#endif
#ifdef SYS_poll
		{ SYS_poll, ACCOUNT_IO },
		{ SYS_select, ACCOUNT_IO },
		{ SYS_epoll_wait, ACCOUNT_IO },
#endif
		{ SYS_rt_sigtimedwait, ACCOUNT_OTHER },
		{ SYS_mmap, ACCOUNT_OTHER },
		{ SYS_exit_group, ACCOUNT_OTHER },
		{ SYS_futex, ACCOUNT_OTHER }, /* its arguments could not be read */
		{ 32767, ACCOUNT_OTHER },
	};

	(void)state;
	for (size_t i = 0; i < N(calls); i++) {
		assert_int_equal(syscalls__account(syscalls__native(), calls[i].nr),
				 calls[i].account);
		check_account(blocked_in(calls[i].nr), calls[i].account);
		/* Restarted or not. */
		check_account(with_flags(blocked_in(calls[i].nr), CONVOY_F_RESTARTED),
			      calls[i].account);
		/* 32-bit numbers mean other calls. */
		check_account(with_flags(blocked_in(calls[i].nr), CONVOY_F_COMPAT), ACCOUNT_OTHER);
	}
	/* A thread of the kernel has no system calls, and no faults. */
	check_account(blocked_in(CONVOY_NR_KERNEL_THREAD), ACCOUNT_OTHER);
}

static void test_fault_disk_and_stop(void **state)
{
	(void)state;
	check_account(blocked_in(-1), ACCOUNT_FAULT);
	check_account(with_flags(blocked_in(-1), CONVOY_F_IOWAIT), ACCOUNT_DISK);
	check_account(with_flags(blocked_in(SYS_read), CONVOY_F_IOWAIT), ACCOUNT_DISK);
	check_account(with_flags(blocked_in(SYS_fsync), CONVOY_F_IOWAIT), ACCOUNT_DISK);
	/* No disk, whatever the call, unless the kernel says so. */
	check_account(blocked_in(SYS_read), ACCOUNT_IO);
}

static void test_a_stop_comes_first_in_any_call(void **state)
{
	static const int calls[] = { -1,	SYS_read,	    SYS_futex, SYS_nanosleep,
				     SYS_wait4, SYS_rt_sigtimedwait };

	(void)state;
	for (size_t i = 0; i < N(calls); i++)
		check_account(with_flags(blocked_in(calls[i]), CONVOY_F_STOPPED), ACCOUNT_STOPPED);
	check_account(with_flags(futex(FUTEX_WAIT, 2), CONVOY_F_STOPPED), ACCOUNT_STOPPED);
	check_account(with_flags(blocked_in(SYS_mmap), CONVOY_F_STOPPED | CONVOY_F_KLOCK),
		      ACCOUNT_STOPPED);
	check_account(with_flags(blocked_in(SYS_read), CONVOY_F_STOPPED | CONVOY_F_IOWAIT),
		      ACCOUNT_STOPPED);
	assert_false(classify(with_flags(futex(FUTEX_WAIT, 2), CONVOY_F_STOPPED), LOCK_GIL, true)
			     .has_lock);
}

static void test_kernel_locks(void **state)
{
	const unsigned mmap_lock = CONVOY_F_KLOCK | CONVOY_F_MMAP_LOCK;

	(void)state;
	/* By system call or by page fault, it is a lock. */
	check_lock(classify(with_flags(blocked_in(SYS_munmap), mmap_lock), LOCK_UNKNOWN, false),
		   ACCOUNT_LOCK, LOCK_KERNEL);
	check_lock(classify(with_flags(blocked_in(-1), mmap_lock), LOCK_UNKNOWN, false),
		   ACCOUNT_LOCK, LOCK_KERNEL);
	check_lock(classify(with_flags(blocked_in(SYS_read), CONVOY_F_KLOCK), LOCK_UNKNOWN, false),
		   ACCOUNT_LOCK, LOCK_KERNEL);
	/* Even when some disk keeps its holder busy. */
	check_lock(classify(with_flags(blocked_in(SYS_read), CONVOY_F_KLOCK | CONVOY_F_IOWAIT),
			    LOCK_UNKNOWN, false),
		   ACCOUNT_LOCK, LOCK_KERNEL);
}

static const unsigned modifiers[] = { 0, FUTEX_PRIVATE_FLAG, FUTEX_CLOCK_REALTIME,
				      FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME };

static void test_futexes_of_which_nothing_is_known(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(modifiers); i++) {
		unsigned m = modifiers[i];

		/* glibc's low-level lock */
		check_lock(classify(futex(FUTEX_WAIT | m, 2), LOCK_UNKNOWN, false), ACCOUNT_LOCK,
			   LOCK_MUTEX);
		check_lock(classify(futex(FUTEX_LOCK_PI | m, 0), LOCK_UNKNOWN, false), ACCOUNT_LOCK,
			   LOCK_MUTEX);
		check_lock(classify(futex(FUTEX_LOCK_PI2 | m, 0), LOCK_UNKNOWN, false),
			   ACCOUNT_LOCK, LOCK_MUTEX);
		check_lock(classify(futex(FUTEX_WAIT_REQUEUE_PI | m, 5), LOCK_UNKNOWN, false),
			   ACCOUNT_LOCK, LOCK_MUTEX);
		/* The rest is not guessed. */
		for (uint32_t val = 0; val < 5; val++) {
			if (val != 2)
				check_lock(classify(futex(FUTEX_WAIT | m, val), LOCK_UNKNOWN,
						    false),
					   ACCOUNT_OTHER, LOCK_UNKNOWN);
			check_lock(classify(futex(FUTEX_WAIT_BITSET | m, val), LOCK_UNKNOWN, false),
				   ACCOUNT_OTHER, LOCK_UNKNOWN);
		}
		check_lock(classify(futex(FUTEX_WAIT | m, FUTEX_WAITERS | 101), LOCK_UNKNOWN,
				    false),
			   ACCOUNT_OTHER, LOCK_UNKNOWN);
	}
}

/* A function that is not known can mean anything by its values. */
static void test_foreign_words(void **state)
{
	const struct word_facts foreign = { .foreign = true, .owned = true };
	const struct word_facts joining = { .foreign = true, .for_tid = true };
	struct wait_class class;

	(void)state;
	check_lock(classify_with(futex(FUTEX_WAIT_PRIVATE, 2), foreign), ACCOUNT_OTHER,
		   LOCK_UNKNOWN);
	class = classify_with(futex(FUTEX_WAIT, FUTEX_WAITERS | 101), foreign);
	check_lock(class, ACCOUNT_OTHER, LOCK_UNKNOWN);
	assert_false(class.robust);
	/* What the kernel itself takes part in is no matter of values. */
	check_lock(classify_with(futex(FUTEX_LOCK_PI_PRIVATE, 0), foreign), ACCOUNT_LOCK,
		   LOCK_MUTEX);
	check_lock(classify_with(futex(FUTEX_WAIT_BITSET, 101), joining), ACCOUNT_JOIN, LOCK_JOIN);
}

static unsigned may_be_owned_by(union event event)
{
	return classify__may_be_owned_by(&event.wait);
}

static void test_robust_mutexes(void **state)
{
	const struct word_facts owned = { .owned = true };
	const struct word_facts known = { .known = LOCK_MUTEX, .owned = true };
	const struct word_facts no_mutex = { .known = LOCK_COND, .owned = true };
	struct wait_class class = classify_with(futex(FUTEX_WAIT, FUTEX_WAITERS | 101), owned);

	(void)state;
	check_lock(class, ACCOUNT_LOCK, LOCK_MUTEX);
	assert_true(class.robust && class.shared && !class.pi);
	class = classify_with(futex(FUTEX_WAIT_PRIVATE, FUTEX_WAITERS | 101), known);
	assert_true(class.robust && !class.shared);
	class = classify_with(futex(FUTEX_WAIT, FUTEX_WAITERS | 101), no_mutex);
	check_lock(class, ACCOUNT_COND, LOCK_COND);
	assert_false(class.robust);

	assert_int_equal(may_be_owned_by(futex(FUTEX_WAIT, FUTEX_WAITERS | 101)), 101);
	assert_int_equal(
		may_be_owned_by(futex(FUTEX_WAIT_PRIVATE, FUTEX_WAITERS | FUTEX_OWNER_DIED | 7)),
		7);
	assert_int_equal(may_be_owned_by(futex(FUTEX_WAIT, 101)), 0);
	assert_int_equal(may_be_owned_by(futex(FUTEX_WAIT, FUTEX_WAITERS)), 0);
	assert_int_equal(may_be_owned_by(futex(FUTEX_WAIT_BITSET, FUTEX_WAITERS | 101)), 0);
	assert_int_equal(may_be_owned_by(futex(FUTEX_LOCK_PI, FUTEX_WAITERS | 101)), 0);
	assert_int_equal(may_be_owned_by(blocked_in(SYS_read)), 0);
}

static void test_flags(void **state)
{
	static const unsigned pi[] = { FUTEX_LOCK_PI, FUTEX_LOCK_PI2, FUTEX_WAIT_REQUEUE_PI };
	struct wait_class class;

	(void)state;
	for (size_t i = 0; i < N(pi); i++) {
		class = classify(futex(pi[i], 0), LOCK_UNKNOWN, false);
		assert_true(class.pi && class.shared && !class.robust);
		class = classify(futex(pi[i] | FUTEX_PRIVATE_FLAG, 0), LOCK_MUTEX, false);
		assert_true(class.pi && !class.shared);
	}
	class = classify(futex(FUTEX_WAIT, 2), LOCK_UNKNOWN, false);
	assert_true(class.shared && !class.pi && !class.robust);
	class = classify(futex(FUTEX_WAIT_PRIVATE, 2), LOCK_UNKNOWN, false);
	assert_false(class.shared || class.pi || class.robust);
	/* Joins are shared operations, but of no two processes. */
	class = classify(futex(FUTEX_WAIT_BITSET, 101), LOCK_UNKNOWN, true);
	assert_int_equal(class.kind, LOCK_JOIN);
	assert_false(class.shared);
	class = classify(with_flags(blocked_in(SYS_mmap), CONVOY_F_KLOCK), LOCK_UNKNOWN, false);
	assert_false(class.shared || class.pi || class.robust);
}

/* What is known of the word comes before what its value looks like. */
static void test_what_is_known_comes_first(void **state)
{
	const struct word_facts all = {
		.known = LOCK_RWLOCK, .foreign = true, .for_tid = true, .owned = true
	};
	const struct word_facts join = { .for_tid = true, .owned = true };

	(void)state;
	check_lock(classify_with(futex(FUTEX_LOCK_PI, 2), all), ACCOUNT_LOCK, LOCK_RWLOCK);
	check_lock(classify_with(futex(FUTEX_WAIT, 2), join), ACCOUNT_JOIN, LOCK_JOIN);
}

static bool may_be_join(union event event)
{
	return classify__may_be_join(&event.wait);
}

/* The memory of a condition variable has become a mutex. */
static void test_memory_that_is_used_again(void **state)
{
	const struct word_facts cond = { .known = LOCK_COND, .reused = true };
	const struct word_facts other = { .known = LOCK_COND };

	(void)state;
	check_lock(classify_with(futex(FUTEX_WAIT_PRIVATE, 2), cond), ACCOUNT_LOCK, LOCK_MUTEX);
	check_lock(classify_with(futex(FUTEX_WAIT_PRIVATE, 1), cond), ACCOUNT_COND, LOCK_COND);
	check_lock(classify_with(futex(FUTEX_WAIT_BITSET_PRIVATE, 2), cond), ACCOUNT_COND,
		   LOCK_COND);
	/* Others' may wait so all the time. */
	check_lock(classify_with(futex(FUTEX_WAIT_PRIVATE, 2), other), ACCOUNT_COND, LOCK_COND);
}

static void test_join(void **state)
{
	(void)state;
	check_lock(classify(futex(FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 101), LOCK_UNKNOWN,
			    true),
		   ACCOUNT_JOIN, LOCK_JOIN);
	check_lock(classify(futex(FUTEX_WAIT, 101), LOCK_UNKNOWN, true), ACCOUNT_JOIN, LOCK_JOIN);

	/* Only then is it worth looking the value up. */
	assert_true(may_be_join(futex(FUTEX_WAIT_BITSET, 101)));
	assert_true(may_be_join(futex(FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 101)));
	assert_true(may_be_join(futex(FUTEX_WAIT, 101)));
	assert_false(may_be_join(futex(FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, 101)));
	assert_false(may_be_join(futex(FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 101)));
	assert_false(may_be_join(futex(FUTEX_LOCK_PI, 101)));
	assert_false(may_be_join(blocked_in(SYS_read)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_are_those_of_the_contract),
		cmocka_unit_test(test_account_of_each_kind),
		cmocka_unit_test(test_system_calls),
		cmocka_unit_test(test_fault_disk_and_stop),
		cmocka_unit_test(test_a_stop_comes_first_in_any_call),
		cmocka_unit_test(test_kernel_locks),
		cmocka_unit_test(test_futexes_of_which_nothing_is_known),
		cmocka_unit_test(test_foreign_words),
		cmocka_unit_test(test_robust_mutexes),
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_what_is_known_comes_first),
		cmocka_unit_test(test_memory_that_is_used_again),
		cmocka_unit_test(test_join),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
