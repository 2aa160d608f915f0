// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * test_analysis_words.c - what a recording says of words holds for all of its round, and for
 * no other one.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/futex.h>

#include <cmocka.h>

#include "tests/unit/analysis_fixture.h"
#include "tests/unit/events_fixture.h"

#define WORD 0x1000

static void write_words(struct written *written, const char *name)
{
	struct word_info info = {
		.pid = FIXTURE_ROOT_PID, .address = WORD, .size = 8, .kind = LOCK_RWLOCK
	};
	struct runtime_info runtime = { FIXTURE_ROOT_PID, "CPython", "3.11.7", GIL_PRESENT, "" };

	snprintf(info.name, sizeof(info.name), "%s", name);
	write_document(written, record_docs__words(&info, 1));
	write_document(written, record_docs__runtime(&runtime));
}

static void add(struct written *written, union event event)
{
	write_event(written, &event.hdr);
}

/* A thread that waits 100 ns for the word. */
static void write_thread(struct written *written, uint32_t id, uint64_t start)
{
	add(written, ev_birth(id, start, start));
	add(written,
	    ev_futex(id, start + 100, start + 200, start + 200, WORD + 4, FUTEX_WAIT_PRIVATE, 1));
	add(written, ev_death(id, start + 1000, 2, 0));
}

static struct report *report_of(struct written *written, const struct analysis_options *options,
				struct recording_status *status)
{
	struct report *report;
	size_t size;
	uint8_t *bytes = written__bytes(written, &size);

	assert_int_equal(analyse(bytes, size, options, &report, status), 0);
	free(bytes);
	written__free(written);
	return report;
}

static const struct report_lock *lock_at(const struct report *report, size_t at)
{
	assert_true(report->n_modes == 1 && at < report->modes->n_locks);
	return &report->modes->locks[at];
}

static void test_words_after_their_waits(void **state)
{
	struct written written = written__new();
	struct recording_status status;
	struct report *report;

	(void)state;
	write_document(&written, meta_of(RECORDING_OF_COMMAND, NULL, 0));
	write_round(&written, "command", 5000, 0);
	write_thread(&written, 1, 5000);
	write_words(&written, "table");
	write_round_end(&written, 0, true);
	write_end(&written);
	written__finish(&written);
	report = report_of(&written, NULL, &status);
	assert_string_equal(lock_at(report, 0)->name, "table");
	assert_int_equal(lock_at(report, 0)->kind, LOCK_RWLOCK);
	assert_int_equal(lock_at(report, 0)->total_ns, 100);
	assert_int_equal(report->modes->time_ns[ACCOUNT_LOCK], 100);
	assert_int_equal(report->modes->n_runtimes, 1);
	assert_int_equal(report->modes->runtimes[0].lifetime_ns, 1000);
	report__free(report);
}

/* The second round has none, the third others, one of them before it begins. */
static void test_words_of_rounds(void **state)
{
	struct written written = written__new();
	struct recording_status status;
	struct report *report;

	(void)state;
	write_document(&written, meta_of(RECORDING_OF_COMMAND, NULL, 0));
	for (uint32_t round = 0; round < 3; round++) {
		if (round == 2)
			write_words(&written, "third");
		write_round(&written, "command", 5000 * (round + 1), round);
		write_thread(&written, round + 1, 5000 * (round + 1));
		if (round == 0)
			write_words(&written, "first");
		write_round_end(&written, 0, true);
	}
	write_end(&written);
	written__finish(&written);
	report = report_of(&written, NULL, &status);
	assert_int_equal(report->modes->n_locks, 3);
	assert_string_equal(lock_at(report, 0)->name, "first");
	assert_string_equal(lock_at(report, 1)->name, "third");
	assert_string_equal(lock_at(report, 2)->name, "(unnamed futex)");
	assert_int_equal(report->modes->time_ns[ACCOUNT_LOCK], 200);
	assert_int_equal(report->modes->time_ns[ACCOUNT_OTHER], 100);
	assert_int_equal(report->modes->runtimes[0].processes, 2);
	report__free(report);
}

static void test_a_part_has_all_words(void **state)
{
	const struct analysis_options part = { .window = true, .from_ns = 150 };
	struct written written = written__new();
	struct recording_status status;
	struct report *report;

	(void)state;
	write_document(&written, meta_of(RECORDING_OF_COMMAND, NULL, 0));
	write_round(&written, "command", 5000, 0);
	write_thread(&written, 1, 5000);
	write_words(&written, "table");
	write_round_end(&written, 0, true);
	write_end(&written);
	written__finish(&written);
	report = report_of(&written, &part, &status);
	assert_string_equal(lock_at(report, 0)->name, "table");
	assert_int_equal(lock_at(report, 0)->total_ns, 50);
	report__free(report);
}

/* What comes before a document that makes no sense is good. */
static void test_bad_words(void **state)
{
	struct written written = written__new();
	struct recording_status status;
	struct report *report;

	(void)state;
	write_document(&written, meta_of(RECORDING_OF_COMMAND, NULL, 0));
	write_round(&written, "command", 5000, 0);
	write_words(&written, "table");
	write_thread(&written, 1, 5000);
	write_json(&written, "{\"type\": \"words\", \"entries\": 7}");
	write_words(&written, "never read");
	write_round_end(&written, 0, true);
	write_end(&written);
	written__finish(&written);
	report = report_of(&written, NULL, &status);
	assert_true(report->incomplete);
	assert_non_null(strstr(report->incomplete_why, "futex words"));
	assert_string_equal(lock_at(report, 0)->name, "table");
	report__free(report);
}

static void test_what_cannot_be_read_twice(void **state)
{
	const struct analysis_options none = { 0 };
	struct recording_status status;
	struct report *report = NULL;
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	close(ends[1]);
	assert_int_equal(analysis__read(ends[0], &none, &report, &status), -ESPIPE);
	close(ends[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words_after_their_waits),
		cmocka_unit_test(test_words_of_rounds),
		cmocka_unit_test(test_a_part_has_all_words),
		cmocka_unit_test(test_bad_words),
		cmocka_unit_test(test_what_cannot_be_read_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
