/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_why_odd.c - `convoy why` of what is incomplete, empty, hostile or very large.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/why_fixture.h"

static void test_loss_comes_first(void **state)
{
	struct report *report = watched(2);
	char *text;

	(void)state;
	add_busy(report, "a", 100, ACCOUNT_RUNNING, 500, ACCOUNT_LOCK, 500, -1);
	add_waited(report, "db", LOCK_MUTEX, WATCHED_NS / 2);
	report->valid = false;
	report->loss.ring = 12;
	report->loss.unmatched = 3;
	text = explain_by(report, "lock");
	assert_int_equal(strncmp(text,
				 "Warning: events were lost (ring 12, task state 0, unmatched 3), ",
				 64),
			 0);
	free(text);
}

static void test_nothing_recorded(void **state)
{
	struct report *report = watched(2);
	char *text = explain_by(report, "nothing");

	(void)state;
	assert_contains(text, "'app' (PID 4711), 10.0 s");
	assert_contains(text, "\nNothing was recorded of it.");
	free(text);

	/* Threads that did not live. */
	report = watched(2);
	for (int i = 0; i < 3; i++)
		memset(add_stuck(report, "app", ACCOUNT_LOCK)->time_ns, 0,
		       sizeof(report->modes->threads->time_ns));
	for (int i = 0; i < 3; i++)
		report->modes->threads[i].lifetime_ns = 0;
	free(explain_by(report, "nothing"));
}

/* Sums alone: a report whose threads were not kept. */
static void test_without_threads(void **state)
{
	struct why_context context = { .pid = 1 };
	struct report *report = watched(0);
	char *text = NULL;

	(void)state;
	report->modes->lifetime_ns = WATCHED_NS;
	report->modes->time_ns[ACCOUNT_LOCK] = WATCHED_NS / 2;
	report->modes->time_ns[ACCOUNT_RUNNING] = WATCHED_NS / 2;
	hold(add_waited(report, "db", LOCK_MUTEX, WATCHED_NS / 2), 5, "x", 0.7);
	assert_int_equal(why__explain(report, &context, &text), 0);
	assert_contains(text, "PID 1, 10.0 s, 0.50 CPUs used. Locks were not watched.\n");
	assert_contains(text, "The threads spent 50 % of their time running, 50 % waiting for a "
			      "lock.");
	assert_contains(text, "'x' held it for 70 %");
	assert_contains(text, "More: convoy record -p 1 -o why.rec");
	assert_string_equal(why__rule(report, &context), "lock");
	free(text);
	report__free(report);
}

static void test_other_than_one_mode(void **state)
{
	struct why_context context = { .pid = 1 };
	struct report *report = watched(2);
	char *text = NULL;

	(void)state;
	report->n_modes = 0;
	assert_int_equal(why__explain(report, &context, &text), -EINVAL);
	assert_null(why__rule(report, &context));
	assert_null(text);
	report->n_modes = 1;
	report__free(report);
}

/* Each outside string as bad as can be: no control character, no line of its own. */
static void test_hostile_names(void **state)
{
	static const char full[] = "\033]0;x\a\n\xff\xfe\x9b\r\n\t\b\x7f\x01";
	struct report *report = watched(2);
	size_t lines = 0;
	char *text;

	(void)state;
	for (int i = 0; i < 4; i++)
		add_busy(report, full, 100, ACCOUNT_RUNNING, 400, ACCOUNT_LOCK, 600, -1);
	add_busy(report, "\nTry: evil", 100, ACCOUNT_RUNNING, 400, ACCOUNT_LOCK, 600, -1);
	hold(add_waited(report, HOSTILE, LOCK_MUTEX, 3 * WATCHED_NS), 5, "\nTry: evil", 0.9);
	memset(report->modes->locks[0].runtime, '\n', sizeof(report->modes->locks[0].runtime));
	text = explain_as(report, HOSTILE HOSTILE HOSTILE);
	for (const char *c = text; (c = strchr(c, '\n')); c++)
		lines++;
	assert_int_equal(lines, 3);
	assert_contains(text, "'\\x0aTry: evil' held it for 90 %");
	free(text);

	/* Names without an end, that grow fourfold. */
	memset(report->modes->locks[0].name, 0xff, sizeof(report->modes->locks[0].name));
	for (int kind = 0; kind < LOCK_KIND_COUNT; kind++) {
		report->modes->locks[0].kind = (enum lock_kind)kind;
		free(explain(report));
	}
	report__free(report);

	report = watched(2);
	add_stuck(report, "\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n", ACCOUNT_LOCK);
	free(explain_by(report, "blocked"));
}

/* A thousand threads in every account, and of every length of life. */
static void test_a_thousand_threads(void **state)
{
	struct report *report = watched(64);
	char *text;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		char comm[16];
		struct report_thread *thread;

		snprintf(comm, sizeof(comm), "t-%d", i);
		thread = add_busy(report, comm, i, i % ACCOUNT_COUNT, 600, (i + 1) % ACCOUNT_COUNT,
				  400, -1);
		if (i % 7 == 0) {
			memset(thread->time_ns, 0, sizeof(thread->time_ns));
			thread->lifetime_ns = 0;
		}
	}
	text = explain(report);
	assert_contains(text, ", 1000 threads, ");
	assert_contains(text, "more.");
	assert_true(strlen(text) < 2000);
	free(text);
	report__free(report);

	report = watched(64);
	for (int i = 0; i < 1000; i++) {
		char comm[16];

		snprintf(comm, sizeof(comm), "t-%d", i);
		add_stuck(report, comm, ACCOUNT_LOCK);
	}
	text = explain_by(report, "blocked");
	assert_contains(text, "1000 waiting for a lock ('t-0', 't-1', 't-2' and 997 more).");
	assert_true(strlen(text) < 2000);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_loss_comes_first), cmocka_unit_test(test_nothing_recorded),
		cmocka_unit_test(test_without_threads),	 cmocka_unit_test(test_other_than_one_mode),
		cmocka_unit_test(test_hostile_names),	 cmocka_unit_test(test_a_thousand_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
