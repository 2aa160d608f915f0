// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * test_lock_identity.c - which words are one lock, and what is said of it.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include <linux/futex.h>

#include <cmocka.h>

#include "tests/unit/locks_fixture.h"
#include "user/lock_sums.h"

/* A name that fills its field has no NUL to end it. */
static void test_a_name_without_its_end(void **state)
{
	struct lock_table *table = gil_table();
	struct ledger *ledger;

	(void)state;
	memset(table->entries[3].name, 'x', LOCK_NAME_LEN);
	ledger = with_threads(table, 2);
	for (int i = 1; i <= 3; i++)
		feed(ledger, released_by(2, waits(1, MUTEX, 100u * i, 110u * i, 110u * i)));
	assert_int_equal(locks__n(ledger__locks(ledger)), 1);
	assert_int_equal(strlen(locks__at(ledger__locks(ledger), 0)->name), LOCK_NAME_LEN - 1);
	assert_int_equal(locks__at(ledger__locks(ledger), 0)->waits, 3);
	ledger__free(ledger);
	free(table);
}

static void test_same_name_in_two_processes(void **state)
{
	struct lock_table *table = new_table();
	struct ledger *ledger = new_ledger(0, table);
	struct report_mode mode = { 0 };
	struct lock_sums *sums;

	(void)state;
	for (uint32_t i = 0; i < 2; i++) {
		union event birth = ev_birth(i + 1, 0, 0);

		birth.birth.ns_pid = birth.birth.ns_tid = 300 + i;
		feed(ledger, birth);
		/* The same address, too, as after a fork. */
		publish_range(table, 300 + i, 0x1000, 8, LOCK_GIL, LOCK_ROLE_ACQUIRE, "GIL");
		feed(ledger, waits(i + 1, 0x1000, 100, 110 + 10 * i, 150));
	}
	finish(ledger, 200);
	assert_int_equal(locks__n(ledger__locks(ledger)), 2);
	assert_int_equal(find_lock(ledger__locks(ledger), 300, "GIL")->total_ns, 10);
	assert_int_equal(find_lock(ledger__locks(ledger), 301, "GIL")->total_ns, 20);

	/* To the report it is one. */
	assert_int_equal(lock_sums__new(&sums), 0);
	assert_int_equal(lock_sums__add(sums, ledger), 0);
	assert_int_equal(lock_sums__fill(sums, true, &mode), 0);
	assert_int_equal(mode.n_locks, 1);
	assert_string_equal(mode.locks[0].name, "GIL");
	assert_int_equal(mode.locks[0].waits, 2);
	assert_int_equal(mode.locks[0].total_ns, 30);
	assert_int_equal(mode.locks[0].episodes, 2);
	free(mode.locks[0].holders);
	free(mode.locks);
	lock_sums__free(sums);
	ledger__free(ledger);
	free(table);
}

static void test_futex_calls(void **state)
{
	struct lock_table *table = gil_table();
	struct ledger *ledger = with_threads(table, 2);

	(void)state;
	feed(ledger, ev_calls(1, 10, GIL_COND, 3, 40));
	feed(ledger, ev_calls(1, 10, GIL_MUTEX, 5, 0));
	feed(ledger, ev_calls(2, 10, GIL_COND + 44, 7, 2)); /* another word of it */
	feed(ledger, ev_calls(1, 10, MUTEX, 100, 200));
	feed(ledger, ev_calls(1, 10, 0, 1000, 1000)); /* what had no slot left */
	feed(ledger, ev_calls(1, 10, 0x9999000, 1000, 1000)); /* not published */
	finish(ledger, 20);
	assert_int_equal(locks__n(ledger__locks(ledger)), 2);
	assert_int_equal(lock_of(ledger, "GIL")->eagain, 15);
	assert_int_equal(lock_of(ledger, "GIL")->timeouts, 42);
	assert_int_equal(lock_of(ledger, "mutex")->eagain, 100);
	assert_int_equal(lock_of(ledger, "mutex")->timeouts, 200);
	/* Calls alone are no waits. */
	assert_int_equal(lock_of(ledger, "GIL")->waits, 0);
	assert_int_equal(lock_of(ledger, "GIL")->episodes.count, 0);
	ledger__free(ledger);
	free(table);
}

static void add_word(struct words *words, uint32_t pid, uint64_t address, uint32_t size,
		     enum lock_kind kind, const char *object, const char *name)
{
	struct word_info info = { .pid = pid, .address = address, .size = size, .kind = kind };

	snprintf(info.object, sizeof(info.object), "%s", object);
	snprintf(info.name, sizeof(info.name), "%s", name);
	snprintf(info.site, sizeof(info.site), "wait_for_%s", name);
	snprintf(info.runtime, sizeof(info.runtime), "R %s", name);
	assert_int_equal(words__add(words, &info), 0);
}

static struct words *new_words(void)
{
	struct words *words;

	assert_int_equal(words__new(&words), 0);
	return words;
}

/* A thread of another process. */
static union event birth_in(uint32_t id, uint32_t pid)
{
	union event birth = ev_birth(id, 0, 0);

	birth.birth.pid = pid;
	birth.birth.tid = pid + id;
	return birth;
}

static union event waits_shared(uint32_t id, uint64_t word, uint64_t out_ns, uint64_t in_ns)
{
	return ev_futex(id, out_ns, in_ns, in_ns, word, FUTEX_WAIT, 2);
}

/* All words of one range are one lock, and its name, site and runtime are said. */
static void test_a_range_is_one_lock(void **state)
{
	struct words *words = new_words();
	struct ledger *ledger;
	const struct lock *lock;

	(void)state;
	add_word(words, FIXTURE_ROOT_PID, 0x1000, 48, LOCK_RWLOCK, "", "table");
	ledger = with_words(words, 2);
	feed(ledger, waits(1, 0x1004, 100, 150, 150));
	feed(ledger, waits(2, 0x102c, 100, 170, 170));
	finish(ledger, 200);
	assert_int_equal(locks__n(ledger__locks(ledger)), 1);
	lock = lock_of(ledger, "table");
	assert_int_equal(lock->kind, LOCK_RWLOCK);
	assert_int_equal(lock->pid, FIXTURE_ROOT_PID);
	assert_int_equal(lock->total_ns, 120);
	assert_int_equal(lock->objects, 1);
	assert_string_equal(lock->site, "wait_for_table");
	assert_string_equal(lock->runtime, "R table");
	assert_true(lock->known);
	assert_int_equal(thread_at(ledger, 0)->time_ns[ACCOUNT_LOCK], 50);
	ledger__free(ledger);
	words__free(words);
}

/* At other addresses in other processes, it is the same object; and one without is not. */
static void test_processes_share_an_object(void **state)
{
	struct words *words = new_words();
	struct report_mode mode = { 0 };
	struct lock_sums *sums;
	struct ledger *ledger;
	const struct lock *lock;

	(void)state;
	add_word(words, FIXTURE_ROOT_PID, 0x1000, 8, LOCK_MUTEX, "8:1:77+0x40", "shared");
	add_word(words, 6000, 0x5000, 8, LOCK_MUTEX, "8:1:77+0x40", "shared");
	add_word(words, 6000, 0x6000, 8, LOCK_MUTEX, "8:1:78+0x40", "shared");
	add_word(words, FIXTURE_ROOT_PID, 0x2000, 8, LOCK_MUTEX, "", "own");
	add_word(words, 6000, 0x2000, 8, LOCK_MUTEX, "", "own");
	ledger = with_words(words, 1);
	feed(ledger, birth_in(2, 6000));
	feed(ledger, waits_shared(1, 0x1000, 100, 110));
	feed(ledger, waits_shared(2, 0x5000, 100, 130));
	feed(ledger, waits_shared(2, 0x6000, 200, 205));
	feed(ledger, waits(1, 0x2000, 300, 301, 301));
	feed(ledger, waits(2, 0x2000, 300, 302, 302));
	finish(ledger, 400);
	assert_int_equal(locks__n(ledger__locks(ledger)), 4);
	lock = lock_of(ledger, "shared");
	assert_int_equal(lock->total_ns, 40);
	assert_true(lock->several && lock->shared);
	assert_string_equal(lock->object, "8:1:77+0x40");

	assert_int_equal(lock_sums__new(&sums), 0);
	assert_int_equal(lock_sums__add(sums, ledger), 0);
	assert_int_equal(lock_sums__fill(sums, true, &mode), 0);
	assert_int_equal(mode.n_locks, 3);
	assert_string_equal(mode.locks[0].object, "8:1:77+0x40");
	assert_int_equal(mode.locks[0].objects, 1);
	assert_true(mode.locks[0].shared);
	assert_string_equal(mode.locks[1].object, "8:1:78+0x40");
	assert_string_equal(mode.locks[2].name, "own");
	assert_string_equal(mode.locks[2].object, "");
	assert_int_equal(mode.locks[2].objects, 2);
	assert_int_equal(mode.locks[2].total_ns, 3);
	assert_false(mode.locks[2].shared);
	free(mode.locks);
	lock_sums__free(sums);
	ledger__free(ledger);
	words__free(words);
}

/* One row for all of which nothing is known, but each a lock of its own. */
static void test_unknown_words_are_told_apart(void **state)
{
	struct ledger *ledger = with_threads(NULL, 3);
	const struct lock *lock;

	(void)state;
	feed(ledger, waits(1, 0x1000, 100, 150, 150));
	feed(ledger, released_by(3, waits(1, 0x2000, 160, 190, 190))); /* another attempt */
	feed(ledger, released_by(3, waits(2, 0x2000, 100, 200, 210)));
	feed(ledger, ev_futex(3, 100, 150, 150, 0x1000, FUTEX_WAIT, 1)); /* is it one, too? */
	feed(ledger, ev_calls(1, 300, 0x1000, 3, 40));
	finish(ledger, 400);
	assert_int_equal(locks__n(ledger__locks(ledger)), 2);
	lock = lock_of(ledger, "(unnamed mutex)");
	assert_int_equal(lock->objects, 2);
	assert_int_equal(lock->episodes.count, 3);
	assert_int_equal(lock->handoffs, 2);
	assert_false(lock->known);
	assert_int_equal(lock->timeouts, 0);
	lock = lock_of(ledger, "(unnamed futex)");
	assert_int_equal(lock->kind, LOCK_UNKNOWN);
	assert_int_equal(lock->objects, 1);
	assert_int_equal(thread_at(ledger, 2)->time_ns[ACCOUNT_OTHER], 50);
	ledger__free(ledger);
}

/* There is a limit to that, beyond which they are one. */
static void test_very_many_unknown_words(void **state)
{
	struct ledger *ledger = with_threads(NULL, 1);
	const struct lock *lock;

	(void)state;
	for (uint64_t i = 0; i < 20000; i++)
		feed(ledger, waits(1, 0x1000 + 8 * i, 100 * i, 100 * i + 1, 100 * i + 1));
	finish(ledger, 3000000);
	assert_int_equal(locks__n(ledger__locks(ledger)), 1);
	lock = lock_of(ledger, "(unnamed mutex)");
	assert_int_equal(lock->waits, 20000);
	assert_int_equal(lock->total_ns, 20000);
	assert_true(lock->objects > 10000 && lock->objects < 20000);
	ledger__free(ledger);
}

/* A name, but no kind: the wait tells, unless it is where values mean nothing. */
static void test_words_of_no_kind(void **state)
{
	struct word_info foreign = { .pid = FIXTURE_ROOT_PID, .address = 0x3000, .size = 4 };
	struct words *words = new_words();
	struct ledger *ledger;

	(void)state;
	foreign.foreign = true;
	snprintf(foreign.name, sizeof(foreign.name), "foreign");
	assert_int_equal(words__add(words, &foreign), 0);
	add_word(words, FIXTURE_ROOT_PID, 0x2000, 4, LOCK_UNKNOWN, "", "named");
	ledger = with_words(words, 1);
	feed(ledger, waits(1, 0x2000, 100, 150, 150));
	feed(ledger, waits(1, 0x3000, 200, 260, 260));
	feed(ledger, ev_calls(1, 300, 0x2000, 3, 40)); /* by then it is known which */
	feed(ledger, ev_calls(1, 300, 0x2400, 3, 40));
	finish(ledger, 400);
	assert_int_equal(lock_of(ledger, "named")->kind, LOCK_MUTEX);
	assert_int_equal(lock_of(ledger, "named")->timeouts, 40);
	assert_int_equal(lock_of(ledger, "foreign")->kind, LOCK_UNKNOWN);
	assert_int_equal(thread_at(ledger, 0)->time_ns[ACCOUNT_LOCK], 50);
	assert_int_equal(thread_at(ledger, 0)->time_ns[ACCOUNT_OTHER], 60);
	ledger__free(ledger);
	words__free(words);
}

static void test_calls_by_words(void **state)
{
	struct words *words = new_words();
	union event calls = ev_calls(1, 300, 0x1004, 3, 40);
	struct ledger *ledger;

	(void)state;
	calls.calls.interrupted = 5;
	add_word(words, FIXTURE_ROOT_PID, 0x1000, 8, LOCK_MUTEX, "", "m");
	ledger = with_words(words, 1);
	feed(ledger, calls);
	finish(ledger, 400);
	assert_int_equal(lock_of(ledger, "m")->eagain, 3);
	assert_int_equal(lock_of(ledger, "m")->timeouts, 40);
	assert_int_equal(lock_of(ledger, "m")->interrupted, 5);
	assert_int_equal(lock_of(ledger, "m")->calls, 44);
	ledger__free(ledger);
	words__free(words);
}

#define SEMAPHORE 0x4000

static struct lock_table *semaphore_table(void)
{
	struct lock_table *table = new_table();

	publish_range(table, FIXTURE_PID, SEMAPHORE, 32, LOCK_SEMAPHORE, LOCK_ROLE_ACQUIRE, "sem");
	publish_range(table, FIXTURE_PID, GIL_COND, 48, LOCK_GIL, LOCK_ROLE_ACQUIRE, "GIL");
	return table;
}

/* Whom only others post waits for work; those that post it, too, wait for each other. */
static void test_semaphores(void **state)
{
	struct lock_table *table = semaphore_table();

	(void)state;
	for (int used_as_lock = 0; used_as_lock <= 1; used_as_lock++) {
		struct ledger *ledger = with_threads(table, 3);
		enum account account = used_as_lock ? ACCOUNT_LOCK : ACCOUNT_COND;

		feed(ledger, released_by(3, waits(1, SEMAPHORE, 100, 200, 210)));
		feed(ledger, released_by(used_as_lock ? 1 : 3, waits(2, SEMAPHORE, 100, 250, 260)));
		feed(ledger, waits(1, GIL_COND, 400, 430, 440));
		finish(ledger, 500);
		check_times(thread_at(ledger, 0),
			    TIMES([ACCOUNT_RUNNING] = 500 - 150, [ACCOUNT_WAKEUP] = 20,
				  [ACCOUNT_LOCK] = used_as_lock ? 130 : 30,
				  [ACCOUNT_COND] = used_as_lock ? 0 : 100));
		assert_int_equal(thread_at(ledger, 1)->time_ns[account], 150);
		assert_int_equal(lock_of(ledger, "sem")->account, account);
		assert_int_equal(thread_at(ledger, 0)->gil_wait_ns, 30);
		assert_int_equal(thread_at(ledger, 1)->gil_wait_ns, 0);
		ledger__free(ledger);
	}
	free(table);
}

/* The same of a recording that broke off. */
static void test_semaphores_of_what_broke_off(void **state)
{
	struct lock_table *table = semaphore_table();
	struct ledger *ledger = with_threads(table, 2);

	(void)state;
	feed(ledger, released_by(2, waits(1, SEMAPHORE, 100, 200, 210)));
	feed(ledger, released_by(1, waits(2, SEMAPHORE, 250, 300, 310)));
	assert_int_equal(ledger__finish_cut(ledger), 0);
	assert_int_equal(thread_at(ledger, 0)->time_ns[ACCOUNT_LOCK], 100);
	assert_int_equal(thread_at(ledger, 0)->time_ns[ACCOUNT_COND], 0);
	assert_int_equal(ledger_thread__residual_ns(thread_at(ledger, 0)), 0);
	ledger__free(ledger);
	free(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_name_without_its_end),
		cmocka_unit_test(test_same_name_in_two_processes),
		cmocka_unit_test(test_futex_calls),
		cmocka_unit_test(test_a_range_is_one_lock),
		cmocka_unit_test(test_processes_share_an_object),
		cmocka_unit_test(test_unknown_words_are_told_apart),
		cmocka_unit_test(test_very_many_unknown_words),
		cmocka_unit_test(test_words_of_no_kind),
		cmocka_unit_test(test_calls_by_words),
		cmocka_unit_test(test_semaphores),
		cmocka_unit_test(test_semaphores_of_what_broke_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
