/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_render_recording.c - the text of a recording's report.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/report_fixture.h"

static char *text_of(const struct report *report)
{
	struct render_options options = { .width = 140, .threads = true, .locks = 5 };
	char *out = rendered("text", report, &options);

	if (getenv("CONVOY_TEST_SHOW"))
		printf("%s", out);
	return out;
}

static void test_a_recording(void **state)
{
	struct report *report = recording_report();
	char *out = text_of(report);

	(void)state;
	assert_contains(out, "convoy record -p 100\n");
	assert_contains(out,
			"\n  Threads spent 40 % of their time waiting for locks, 30 % running, "
			"20 % asleep, 10 % runnable without a CPU, none for I/O.\n");
	assert_contains(out,
			"\n2 waits were under way before the recording began, 1 was not over at "
			"its end.\n");
	/* One round of one mode: neither is said again in each row. */
	assert_contains(out, "\n100 (7)  101 (7)  worker-1 ");
	assert_contains(out, "\n    100      102  worker-2 ");
	assert_contains(out, " <>  ");
	assert_contains(out, "  equal\n");
	assert_contains(out, "In brackets: the number in the thread's own PID namespace.\n");
	assert_contains(out, "\nlife: < it was there before");
	/* There is nothing to compare it with, and nothing to do better. */
	assert_lacks(out, "next");
	assert_lacks(out, "rounds");
	assert_lacks(out, "-r 5");
	assert_lacks(out, "INCOMPLETE");
	free(out);
	check_widths(report);
	report__free(report);
}

/* Nothing was cut: not a word of it. */
static void test_whole_lives(void **state)
{
	struct report *report = full_report(3);
	char *out = text_of(report);

	(void)state;
	assert_lacks(out, "under way");
	assert_lacks(out, "not over");
	assert_lacks(out, "life: ");
	assert_lacks(out, "<>");
	assert_lacks(out, "In brackets");
	assert_lacks(out, "101 (");
	free(out);
	report__free(report);
}

static void test_waits_that_were_cut(void **state)
{
	static const struct {
		uint64_t before, unfinished;
		const char *sentence;
	} cases[] = {
		{ 1, 0, "\n1 wait was under way before the recording began.\n" },
		{ 3, 0, "\n3 waits were under way before the recording began.\n" },
		{ 0, 1, "\n1 wait was not over at its end.\n" },
		{ 0, 2, "\n2 waits were not over at its end.\n" },
		{ 1, 2,
		  "\n1 wait was under way before the recording began, 2 were not over at its "
		  "end.\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct report *report = recording_report();
		char *out;

		report->modes[0].locks[0].since_before = cases[i].before;
		report->modes[0].locks[0].unfinished = cases[i].unfinished;
		out = text_of(report);
		assert_contains(out, cases[i].sentence);
		free(out);
		report__free(report);
	}
}

static void test_what_is_missing(void **state)
{
	struct report *report = recording_report();
	char *out;

	(void)state;
	report->incomplete = true;
	snprintf(report->incomplete_why, sizeof(report->incomplete_why),
		 "the file ends\033[2J after 1.2 s");
	out = text_of(report);
	assert_ptr_equal(strstr(out, "INCOMPLETE: the file ends"), out);
	assert_lacks(out, "\033");
	assert_lacks(out, "rounds are missing");
	free(out);
	memset(report->incomplete_why, 'x', sizeof(report->incomplete_why));
	check_widths(report);
	report->incomplete_why[0] = '\0';
	out = text_of(report);
	assert_contains(out, "INCOMPLETE: interrupted, some rounds are missing\n");
	free(out);
	report__free(report);
}

/* A larger ring helps against lost records, and against nothing else. */
static void test_an_invalid_recording(void **state)
{
	struct report *report = recording_report();
	char *out;

	(void)state;
	report->valid = false;
	report->loss.ring = 5;
	out = text_of(report);
	assert_contains(out, "once more, with a larger --ring-bytes\n");
	free(out);
	report->loss.ring = 0;
	report->loss.unmatched = 5;
	out = text_of(report);
	assert_lacks(out, "next");
	free(out);
	report__free(report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_recording),	cmocka_unit_test(test_whole_lives),
		cmocka_unit_test(test_waits_that_were_cut), cmocka_unit_test(test_what_is_missing),
		cmocka_unit_test(test_an_invalid_recording),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
