// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * test_runtime_sums.c - what waiting for a runtime's lock cost, over processes and rounds.
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

#include <cmocka.h>

#include "tests/unit/locks_fixture.h"
#include "user/runtime_sums.h"

#define GIL_WORD 0x1000
#define OTHER_PID 6000u

static void add_runtime(struct words *words, uint32_t pid, const char *name, const char *version,
			enum gil_state gil)
{
	struct runtime_info runtime = { .pid = pid, .gil = gil };
	struct word_info word = { .pid = pid, .address = GIL_WORD, .size = 48, .kind = LOCK_GIL };

	snprintf(runtime.name, sizeof(runtime.name), "%s", name);
	snprintf(runtime.version, sizeof(runtime.version), "%s", version);
	snprintf(runtime.hint, sizeof(runtime.hint), "%s", gil == GIL_UNKNOWN ? "why" : "");
	assert_int_equal(words__add_runtime(words, &runtime), 0);
	if (gil == GIL_UNKNOWN)
		return;
	snprintf(word.object, sizeof(word.object), "gil of %u", pid);
	snprintf(word.name, sizeof(word.name), "GIL");
	snprintf(word.runtime, sizeof(word.runtime), "%s %s", name, version);
	assert_int_equal(words__add(words, &word), 0);
}

static void add_process(struct words *words, uint32_t pid, const char *version, enum gil_state gil)
{
	add_runtime(words, pid, "CPython", version, gil);
}

static struct words *new_words(void)
{
	struct words *words;

	assert_int_equal(words__new(&words), 0);
	return words;
}

static struct report *filled(const struct runtime_sums *sums, bool futex_exits)
{
	struct report *report = report__new();

	assert_non_null(report);
	report->modes = calloc(1, sizeof(*report->modes));
	assert_non_null(report->modes);
	report->n_modes = 1;
	assert_int_equal(runtime_sums__fill(sums, futex_exits, report->modes), 0);
	return report;
}

/*
 * 1 ms of two threads of one process: 1 waits 100 us for 2, in vain at first, and 2 waits
 * 300 us for 1; a third one waits for nothing.
 */
static struct ledger *round_of_two(const struct words *words)
{
	struct ledger *ledger = with_words(words, 3);

	feed(ledger, waits(1, GIL_WORD, 100 * US, 150 * US, 150 * US));
	feed(ledger, released_by(2, waits(1, GIL_WORD, 152 * US, 202 * US, 202 * US)));
	feed(ledger, released_by(1, waits(2, GIL_WORD, 210 * US, 510 * US, 520 * US)));
	feed(ledger, ev_wait(3, 0, 1000 * US, 1000 * US, SYS_read));
	finish(ledger, 1000 * US);
	return ledger;
}

/* From so many timed waits on, their median is told. */
#define ROUNDS 10

static void test_several_rounds(void **state)
{
	struct words *words = new_words();
	const struct report_runtime *runtime;
	struct runtime_sums *sums;
	struct report *report;

	(void)state;
	add_process(words, FIXTURE_ROOT_PID, "3.11.7", GIL_PRESENT);
	assert_int_equal(runtime_sums__new(&sums), 0);
	for (int i = 0; i < ROUNDS; i++) {
		struct ledger *ledger = round_of_two(words);

		assert_int_equal(runtime_sums__add(sums, ledger, words, 1000 * US), 0);
		ledger__free(ledger);
	}
	report = filled(sums, true);
	assert_int_equal(report->modes->n_runtimes, 1);
	runtime = report->modes->runtimes;
	assert_string_equal(runtime->name, "CPython");
	assert_string_equal(runtime->version, "3.11.7");
	assert_int_equal(runtime->gil, GIL_PRESENT);
	assert_int_equal(runtime->processes, ROUNDS);
	assert_int_equal(runtime->gil_wait_ns, ROUNDS * 400 * US);
	assert_int_equal(runtime->lifetime_ns, ROUNDS * 3 * 1000 * US);
	assert_int_equal(runtime->handoffs, 2 * ROUNDS);
	assert_true(runtime->handoffs_per_s.known);
	assert_true(fabs(runtime->handoffs_per_s.value - 2000) < 1e-6);
	assert_true(runtime->mean_hold_ns.known);
	assert_true(fabs(runtime->mean_hold_ns.value - 308e3) < 1e-6);
	assert_true(runtime->switch_interval_ns.known);
	assert_true(runtime->switch_interval_ns.value == 50e3);
	/* Most waiting first, and who did not wait is not there. */
	assert_int_equal(runtime->n_threads, 2 * ROUNDS);
	assert_int_equal(runtime->threads[0].tid, FIXTURE_ROOT_PID + 1);
	assert_int_equal(runtime->threads[0].gil_wait_ns, 300 * US);
	/* The other's waits were all for this one. */
	assert_true(fabs(runtime->threads[0].held_share - 1) < 1e-9);
	assert_int_equal(runtime->threads[ROUNDS].tid, FIXTURE_ROOT_PID);
	assert_string_equal(runtime->threads[ROUNDS].comm, "born-1");
	assert_true(fabs(runtime->threads[ROUNDS].held_share - 1) < 1e-9);
	/* Two of three wanted to run all the time. */
	assert_true(report->modes->could_run.known);
	assert_true(fabs(report->modes->could_run.value - 2) < 1e-9);
	assert_true(fabs(report->modes->ready_run.value - 1.6) < 1e-9);
	assert_true(report->modes->did_run.value < 1.6);
	assert_int_equal(runtime->wanted_ns, ROUNDS * 2000 * US);
	report__free(report);
	report = filled(sums, false);
	assert_false(report->modes->runtimes->mean_hold_ns.known);
	report__free(report);
	runtime_sums__free(sums);
	words__free(words);
}

/* Its waiters time out because they look again, not because a switch interval is over. */
static void test_a_gil_that_is_polled(void **state)
{
	struct words *words = new_words();
	struct runtime_sums *sums;
	struct report *report;

	(void)state;
	add_runtime(words, FIXTURE_ROOT_PID, "PyPy", "7.3.11", GIL_PRESENT);
	assert_int_equal(runtime_sums__new(&sums), 0);
	for (int i = 0; i < ROUNDS; i++) {
		struct ledger *ledger = round_of_two(words);

		assert_int_equal(runtime_sums__add(sums, ledger, words, 1000 * US), 0);
		ledger__free(ledger);
	}
	report = filled(sums, true);
	assert_int_equal(report->modes->n_runtimes, 1);
	assert_string_equal(report->modes->runtimes->name, "PyPy");
	assert_int_equal(report->modes->runtimes->gil_wait_ns, ROUNDS * 400 * US);
	assert_int_equal(report->modes->runtimes->handoffs, 2 * ROUNDS);
	assert_false(report->modes->runtimes->switch_interval_ns.known);
	report__free(report);
	runtime_sums__free(sums);
	words__free(words);
}

/* Nobody waited: it is not known how many could have run, but what there is is told. */
static void test_runtimes_without_waiting(void **state)
{
	struct words *words = new_words();
	struct runtime_sums *sums;
	struct ledger *ledger;
	struct report *report;
	union event birth = ev_birth(2, 0, 0);

	(void)state;
	birth.birth.pid = OTHER_PID;
	add_process(words, FIXTURE_ROOT_PID, "3.13.1", GIL_ABSENT);
	add_process(words, OTHER_PID, "2.7.18", GIL_UNKNOWN);
	add_process(words, OTHER_PID + 1, "3.9", GIL_PRESENT); /* of no thread */
	ledger = with_words(words, 1);
	feed(ledger, birth);
	finish(ledger, 500);
	assert_int_equal(runtime_sums__new(&sums), 0);
	assert_int_equal(runtime_sums__add(sums, ledger, words, 500), 0);
	report = filled(sums, true);
	assert_int_equal(report->modes->n_runtimes, 2);
	assert_string_equal(report->modes->runtimes[0].version, "2.7.18");
	assert_int_equal(report->modes->runtimes[0].gil, GIL_UNKNOWN);
	assert_string_equal(report->modes->runtimes[0].hint, "why");
	assert_int_equal(report->modes->runtimes[1].gil, GIL_ABSENT);
	assert_int_equal(report->modes->runtimes[1].n_threads, 0);
	assert_false(report->modes->runtimes[1].switch_interval_ns.known);
	assert_false(report->modes->runtimes[1].mean_hold_ns.known);
	assert_false(report->modes->could_run.known);
	report__free(report);
	runtime_sums__free(sums);
	ledger__free(ledger);
	words__free(words);
}

/* A GIL that the workload published has no runtime, and its process could run more, too. */
static void test_a_gil_without_a_runtime(void **state)
{
	struct lock_table *table = gil_table();
	struct ledger *ledger = with_threads(table, 2);
	struct runtime_sums *sums;
	struct report *report;

	(void)state;
	feed(ledger, released_by(2, waits(1, GIL_COND, 100, 300, 310)));
	feed(ledger, ev_runnable(2, 400, 500));
	feed(ledger, ev_wait(2, 600, 700, 720, SYS_read));
	finish(ledger, 1000);
	assert_int_equal(runtime_sums__new(&sums), 0);
	assert_int_equal(runtime_sums__add(sums, ledger, NULL, 1000), 0);
	report = filled(sums, true);
	assert_int_equal(report->modes->n_runtimes, 0);
	assert_true(report->modes->could_run.known);
	assert_true(fabs(report->modes->could_run.value - 1.9) < 1e-9);
	report__free(report);
	runtime_sums__free(sums);
	ledger__free(ledger);
	free(table);
}

static void test_too_many_threads_to_tell(void **state)
{
	struct words *words = new_words();
	struct runtime_sums *sums;
	struct report *report;

	(void)state;
	add_process(words, FIXTURE_ROOT_PID, "3.11.7", GIL_PRESENT);
	for (uint32_t n = 64; n <= 65; n++) {
		struct ledger *ledger = with_words(words, n);

		for (uint32_t id = 1; id <= n; id++)
			feed(ledger, waits(id, GIL_WORD, 100, 100 + id, 200));
		finish(ledger, 1000);
		assert_int_equal(runtime_sums__new(&sums), 0);
		assert_int_equal(runtime_sums__add(sums, ledger, words, 1000), 0);
		report = filled(sums, true);
		assert_int_equal(report->modes->runtimes->n_threads, 64);
		assert_int_equal(report->modes->runtimes->n_more_threads, n - 64);
		/* The one that waited least is left out. */
		assert_int_equal(report->modes->runtimes->threads[63].gil_wait_ns, n - 63);
		assert_int_equal(report->modes->runtimes->gil_wait_ns, n * (n + 1) / 2);
		report__free(report);
		runtime_sums__free(sums);
		ledger__free(ledger);
	}
	words__free(words);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_several_rounds),
		cmocka_unit_test(test_a_gil_that_is_polled),
		cmocka_unit_test(test_runtimes_without_waiting),
		cmocka_unit_test(test_a_gil_without_a_runtime),
		cmocka_unit_test(test_too_many_threads_to_tell),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
