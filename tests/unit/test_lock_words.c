// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * test_lock_words.c - what is known of a word: published, while the table grows.
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
#include "user/lock_words.h"

static struct lock_word find(struct lock_words *locks, uint32_t pid, uint64_t word)
{
	struct lock_word first = *lock_words__find(locks, pid, pid, word);
	struct lock_word again = *lock_words__find(locks, pid, pid, word);

	assert_int_equal(first.kind, again.kind);
	assert_string_equal(first.published, again.published);
	return first;
}

static void test_smallest_range_wins(void **state)
{
	struct lock_table *table = new_table();
	struct lock_words *locks;

	(void)state;
	publish_range(table, 7, 0x1000, 0x100, LOCK_MUTEX, LOCK_ROLE_ACQUIRE, "large");
	publish_range(table, 7, 0x1040, 8, LOCK_COND, LOCK_ROLE_GUARD, "small");
	publish_range(table, 7, 0x1040, 16, LOCK_RWLOCK, LOCK_ROLE_ACK, "middle");
	publish_range(table, 7, 0x1080, 0, LOCK_BARRIER, LOCK_ROLE_ACQUIRE, "empty");
	publish_range(table, 7, UINT64_MAX - 3, 4, LOCK_ONCE, LOCK_ROLE_ACQUIRE, "top");
	publish_range(table, 7, UINT64_MAX - 7, 200, LOCK_GIL, LOCK_ROLE_ACQUIRE, "beyond");
	assert_int_equal(lock_words__new(&locks, table, NULL), 0);
	assert_string_equal(find(locks, 7, 0x1000).published, "large");
	assert_string_equal(find(locks, 7, 0x103f).published, "large");
	assert_string_equal(find(locks, 7, 0x1040).published, "small");
	assert_int_equal(find(locks, 7, 0x1040).kind, LOCK_COND);
	assert_int_equal(find(locks, 7, 0x1040).role, LOCK_ROLE_GUARD);
	assert_string_equal(find(locks, 7, 0x1047).published, "small");
	assert_string_equal(find(locks, 7, 0x1048).published, "middle");
	assert_int_equal(find(locks, 7, 0x1048).role, LOCK_ROLE_ACK);
	assert_string_equal(find(locks, 7, 0x1050).published, "large");
	assert_string_equal(find(locks, 7, 0x1080).published, "large");
	assert_string_equal(find(locks, 7, 0x10ff).published, "large");
	assert_int_equal(find(locks, 7, 0x1100).kind, LOCK_UNKNOWN);
	assert_int_equal(find(locks, 7, 0xfff).kind, LOCK_UNKNOWN);
	assert_int_equal(find(locks, 8, 0x1040).kind, LOCK_UNKNOWN);
	assert_int_equal(find(locks, 7, 0).kind, LOCK_UNKNOWN);
	assert_string_equal(find(locks, 7, UINT64_MAX).published, "top");
	assert_string_equal(find(locks, 7, UINT64_MAX - 5).published, "beyond");
	/* Ranges do not come round. */
	assert_int_equal(find(locks, 7, 8).kind, LOCK_UNKNOWN);
	lock_words__free(locks);
	lock_words__free(NULL);
	free(table);
}

static void test_tables_that_are_not_as_they_should(void **state)
{
	struct lock_table *table = new_table();
	struct lock_words *locks;

	(void)state;
	publish_range(table, 7, 0x1000, 8, LOCK_MUTEX, LOCK_ROLE_ACQUIRE, "taken, not filled in");
	table->entries[0].ready = 0;
	publish_range(table, 7, 0x2000, 8, LOCK_KIND_COUNT, LOCK_ROLE_ACQUIRE, "no such kind");
	publish_range(table, 7, 0x3000, 8, (enum lock_kind)0x7fffffff, LOCK_ROLE_ACQUIRE, "nor");
	publish_range(table, 7, 0x4000, 8, LOCK_MUTEX, (enum lock_role)77, "no such role");
	publish_range(table, 7, 0x5000, 8, LOCK_UNKNOWN, LOCK_ROLE_ACQUIRE, "no kind");
	for (size_t i = table->count; i < LOCK_TABLE_CAPACITY - 1; i++)
		publish_range(table, 8, 0x100000 + 8 * i, 8, LOCK_MUTEX, LOCK_ROLE_ACQUIRE, "m");
	publish_range(table, 7, 0x6000, 8, LOCK_GIL, LOCK_ROLE_ACQUIRE, "the last");
	table->count = UINT32_MAX; /* many more were taken than fit */
	assert_int_equal(lock_words__new(&locks, table, NULL), 0);
	assert_int_equal(find(locks, 7, 0x1000).kind, LOCK_UNKNOWN);
	assert_int_equal(find(locks, 7, 0x2000).kind, LOCK_UNKNOWN);
	assert_int_equal(find(locks, 7, 0x3000).kind, LOCK_UNKNOWN);
	assert_int_equal(find(locks, 7, 0x4000).kind, LOCK_MUTEX);
	assert_int_equal(find(locks, 7, 0x5000).kind, LOCK_UNKNOWN);
	assert_string_equal(find(locks, 7, 0x6000).published, "the last");
	assert_int_equal(find(locks, 7, 0x7000).kind, LOCK_UNKNOWN);
	lock_words__free(locks);

	assert_int_equal(lock_words__new(&locks, NULL, NULL), 0);
	assert_int_equal(find(locks, 7, 0x4000).kind, LOCK_UNKNOWN);
	lock_words__free(locks);
	free(table);
}

/*
 * The table grows while it is read: what was not there yet is found later, and a
 * smaller range that comes later wins. Fails as of 41bc8ad: locks__find() keeps
 * its first answer for ever.
 */
static void test_locks_published_later(void **state)
{
	struct lock_table *table = new_table();
	struct lock_words *locks;

	(void)state;
	assert_int_equal(lock_words__new(&locks, table, NULL), 0);
	assert_int_equal(find(locks, 7, 0x1008).kind, LOCK_UNKNOWN);
	publish_range(table, 7, 0x1000, 64, LOCK_MUTEX, LOCK_ROLE_ACQUIRE, "large");
	assert_int_equal(find(locks, 7, 0x1010).kind, LOCK_MUTEX);
	assert_int_equal(find(locks, 7, 0x1008).kind, LOCK_MUTEX);
	publish_range(table, 7, 0x1008, 8, LOCK_GIL, LOCK_ROLE_ACQUIRE, "small");
	assert_int_equal(find(locks, 7, 0x1008).kind, LOCK_GIL);
	lock_words__free(locks);
	free(table);
}

static void test_many_words(void **state)
{
	struct lock_table *table = new_table();
	struct lock_words *locks;
	uint64_t seed = 99;

	(void)state;
	for (uint32_t pid = 1; pid <= 50; pid++)
		publish_range(table, pid, 0x1000 * pid, 0x800, (enum lock_kind)(1 + pid % 9),
			      LOCK_ROLE_ACQUIRE, "one");
	assert_int_equal(lock_words__new(&locks, table, NULL), 0);
	for (unsigned i = 0; i < 20000; i++) {
		uint32_t pid = 1 + random_below(&seed, 60);
		uint64_t word =
			0x1000 * (1 + random_below(&seed, 60)) + 4 * random_below(&seed, 0x400);
		bool published = pid <= 50 && word >= 0x1000 * pid && word < 0x1000 * pid + 0x800;

		assert_int_equal(lock_words__find(locks, pid, pid, word)->kind,
				 published ? 1 + pid % 9 : LOCK_UNKNOWN);
	}
	lock_words__free(locks);
	free(table);
}

static struct words *one_word(uint32_t pid, uint64_t address, uint32_t size, enum lock_kind kind,
			      enum lock_role role)
{
	struct word_info info = { .pid = pid, .address = address, .size = size };
	struct words *words;

	info.kind = kind;
	info.role = role;
	snprintf(info.name, sizeof(info.name), "of the recording");
	assert_int_equal(words__new(&words), 0);
	assert_int_equal(words__add(words, &info), 0);
	return words;
}

/* Numbers of processes differ in a container: published by its own, told by the machine's. */
static void test_what_the_recording_says(void **state)
{
	struct words *words = one_word(5007, 0x1000, 8, LOCK_RWLOCK, LOCK_ROLE_GUARD);
	struct lock_table *table = new_table();
	struct lock_words *locks;
	const struct lock_word *word;

	(void)state;
	publish_range(table, 7, 0x1004, 4, LOCK_MUTEX, LOCK_ROLE_ACK, "published");
	assert_int_equal(lock_words__new(&locks, table, words), 0);
	word = lock_words__find(locks, 5007, 7, 0x1000);
	assert_int_equal(word->kind, LOCK_RWLOCK);
	assert_int_equal(word->role, LOCK_ROLE_GUARD);
	assert_false(word->is_published);
	assert_string_equal(word->info->name, "of the recording");
	/* What was published counts; the rest is told besides. */
	word = lock_words__find(locks, 5007, 7, 0x1004);
	assert_int_equal(word->kind, LOCK_MUTEX);
	assert_int_equal(word->role, LOCK_ROLE_ACK);
	assert_true(word->is_published);
	assert_string_equal(word->published, "published");
	assert_string_equal(word->info->name, "of the recording");
	word = lock_words__find(locks, 7, 5007, 0x1000);
	assert_int_equal(word->kind, LOCK_UNKNOWN);
	assert_null(word->info);
	lock_words__free(locks);
	words__free(words);

	/* Without a kind its role means nothing. */
	words = one_word(5007, 0x1000, 8, LOCK_UNKNOWN, LOCK_ROLE_ACK);
	assert_int_equal(lock_words__new(&locks, NULL, words), 0);
	word = lock_words__find(locks, 5007, 7, 0x1000);
	assert_int_equal(word->role, LOCK_ROLE_ACQUIRE);
	assert_non_null(word->info);
	lock_words__free(locks);
	words__free(words);
	free(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_smallest_range_wins),
		cmocka_unit_test(test_tables_that_are_not_as_they_should),
		cmocka_unit_test(test_locks_published_later),
		cmocka_unit_test(test_many_words),
		cmocka_unit_test(test_what_the_recording_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
