/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_render_text_families.c - interpreters as modes in the text report: grouped by
 * interpreter, and their GILs side by side.
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
#include "user/render_text.h"

static const struct sketch three[] = {
	{ "serial", 1000, 0.004, 1.00, 3, 41, 1000, 0, 0, 0, 0 },
	{ "threads", 1010, 0.004, 1.01, 410, 38, 505, 1, 14, 480, 0 },
	{ "processes", 520, 0.01, 1.95, 9, 61, 985, 14, 1, 0, 0 },
};

static void find_gil(struct report_mode *mode, const char *version, double handoffs, double held_ms)
{
	struct report_runtime *runtime = add_runtime(mode, version, GIL_PRESENT);
	struct report_lock *gil = &mode->locks[0];

	snprintf(gil->name, sizeof(gil->name), "GIL of CPython %s", version);
	snprintf(gil->runtime, sizeof(gil->runtime), "CPython %s", version);
	gil->futex_calls = known(4.6 * handoffs);
	gil->held.running = gil->total_ns;
	runtime->gil_wait_ns = gil->total_ns;
	runtime->lifetime_ns = mode->worker_lifetime_ns;
	runtime->wanted_ns = mode->worker_lifetime_ns;
	runtime->handoffs = (uint64_t)handoffs;
	runtime->handoffs_per_s = known(handoffs / 5);
	if (held_ms > 0)
		runtime->mean_hold_ns = known(held_ms * 1e6);
	runtime->switch_interval_ns = known(5.08e6);
	gil->timeouts = known(held_ms > 0 ? 500 : 0);
	runtime->threads = need(calloc(1, sizeof(*runtime->threads)));
	runtime->n_threads = 1;
	runtime->threads[0].tid = 4711;
}

/* Two interpreters, asked for in turn, and a mode of convoy's own machine between them. */
static struct report *two(void)
{
	struct report *report = empty_report();

	for (size_t i = 0; i < 3; i++) {
		add_interpreter_mode(report, "python2.7", &three[i], 5);
		if (i == 1)
			add_mode(report, &five[0], 5);
		add_interpreter_mode(report, "python3.13", &three[i], 5);
	}
	find_gil(&report->modes[2], "2.7.18", 12000, 0);
	find_gil(&report->modes[4], "3.13.0", 1000, 5);
	judge(report);
	return report;
}

static char *text_of(const struct report *report, bool verbose)
{
	const struct render_options options = {
		.width = 80, .locks = 5, .utf8 = true, .verbose = verbose
	};

	return rendered("text", report, &options);
}

static void test_modes_are_grouped(void **state)
{
	struct report *report = two();
	char *out = text_of(report, false);

	(void)state;
	assert_contains(out, "\nmode         wall           speedup  cores  CPU   vol  lock  "
			     "run-queue  p99\n"
			     "python2.7\n"
			     "  serial     1.00 s ");
	assert_contains(out, "\n  threads    1.01 s ");
	assert_contains(out, "\n  processes  520 ms ");
	/* Each with its own serial. */
	assert_contains(out, "\nserial       1.02 s ");
	assert_contains(out, "\npython3.13\n  serial     1.00 s ±0.4 %  1.00 ");
	/* The bars say what a mode is called. */
	assert_contains(out, "\npython2.7:serial      #");
	assert_contains(out, "\npython2.7:processes   #");
	assert_contains(out, "\npython3.13:processes  #");
	assert_true(strstr(out, "\npython2.7:processes ") < strstr(out, "\nserial        "));
	free(out);
	check_widths(report);
	report__free(report);
}

static void test_gils_side_by_side(void **state)
{
	struct report *report = two();
	char *out = text_of(report, false);

	(void)state;
	assert_contains(
		out, "\nruntimes\n"
		     "threads of  version  switches  handoffs  futexes     held  interval  GIL "
		     "wait\n"
		     "python2.7   2.7.1         444      2376    10931        -         -      48 "
		     "%\n"
		     "python3.13  3.13.1        444       198      911  5.00 ms   5.08 ms      48 "
		     "%\n");
	/* Where no wait has a time limit, there is no interval to be observed. */
	assert_lacks(out, "10931        -   5.08 ms");
	/* Instead of a line for each mode, and of its threads. */
	assert_lacks(out, "CPython 2.7.18 in 1 process");
	assert_lacks(out, "4711");
	free(out);
	out = text_of(report, true);
	assert_contains(out, "python2.7:threads: CPython 2.7.18 in 1 process");
	assert_contains(out, "4711");
	free(out);
	report__free(report);

	/* What is not there, or not known. */
	report = empty_report();
	add_interpreter(report, "python3.13t", three, 3, 5);
	add_interpreter(report, "pypy3", three, 3, 5);
	judge(report);
	out = text_of(report, false);
	assert_contains(out,
			"\npython3.13t  3.13t.1       444         -        -     -         -     "
			"no GIL\n");
	assert_contains(out,
			"\npypy3        3.1           444         -        -     -         -  not "
			"found\n");
	free(out);
	report__free(report);
}

/* Of ten interpreters each waits for much that is nobody's concern. */
static void test_locks_of_interpreters(void **state)
{
	struct report *report = two();
	char *out;

	(void)state;
	add_bare_lock(&report->modes[4], "[heap]+0x10", LOCK_COND, 900000000);
	add_bare_lock(&report->modes[4], "sem.X", LOCK_MUTEX, 1000);
	add_bare_lock(&report->modes[4], "hot", LOCK_MUTEX, 900000000);
	out = text_of(report, false);
	assert_contains(out, "\npython3.13:threads  GIL of CPython 3.13.0 ");
	assert_contains(out, "\npython3.13:threads  hot ");
	assert_lacks(out, "[heap]");
	assert_lacks(out, "sem.X");
	assert_contains(out, "2 more locks not shown (-v shows all).");
	free(out);
	out = text_of(report, true);
	assert_contains(out, "[heap]");
	free(out);
	report__free(report);
}

/* As rows: ten interpreters with a column for each mode would be a table for every third. */
static void test_job_metrics(void **state)
{
	struct report *report = two();
	char *out;

	(void)state;
	for (size_t i = 0; i < report->n_modes; i++) {
		add_metric(&report->modes[i], "requests", 100, 5);
		add_metric(&report->modes[i], "latency_p99_ns", i == 4 ? 5.3e6 : 130e3, 5);
		if (i == 4)
			add_metric(&report->modes[i], "requests_beside_computing", 99, 5);
	}
	out = text_of(report, false);
	assert_contains(out, "\nwhat the job measured: medians\n"
			     "mode         requests  latency p99  requests beside computing\n"
			     "python2.7\n"
			     "  serial          100       130 us                          -\n");
	assert_contains(out, "\npython3.13\n"
			     "  serial          100       130 us                          -\n"
			     "  threads         100      5.30 ms                         99\n");
	/* What is of no interpreter stands by itself. */
	assert_contains(out, "\nserial            100       130 us                          -\n");
	free(out);
	check_widths(report);
	report__free(report);
}

static void test_next(void **state)
{
	static const struct {
		const char *job, *next;
	} cases[] = {
		{ "countdown", "convoy run -j recursion --interpreter python2.7,python3.13" },
		{ "recursion", "convoy run -j mixed --interpreter python2.7,python3.13" },
		{ "mixed", "convoy run -j mixed --interpreter python2.7,python3.13 --threads" },
	};
	struct render_options options = { .width = 160, .locks = 5 };
	struct report *report = two();
	char *out;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		snprintf(report->job, sizeof(report->job), "%s", cases[i].job);
		out = rendered("text", report, &options);
		assert_contains(out, cases[i].next);
		free(out);
	}
	/* Many names are no command that anybody types. */
	add_interpreter(report, "python3.11", three, 3, 5);
	add_interpreter(report, "python3.12", three, 3, 5);
	snprintf(report->job, sizeof(report->job), "countdown");
	judge(report);
	out = rendered("text", report, &options);
	assert_contains(out, "convoy run -j recursion --interpreter all (work that sleeps)");
	free(out);
	report__free(report);

	/* Convoy's own machine is a model; what it is a model of can be run, too. */
	report = full_report(5);
	snprintf(report->job, sizeof(report->job), "recursion");
	out = rendered("text", report, &options);
	assert_contains(out, "convoy run -j recursion --interpreter all (the same in your own");
	free(out);
	report__free(report);
}

static void test_order(void **state)
{
	struct report *report = two();
	static const char *const order[] = {
		"python2.7:serial", "python2.7:threads", "python2.7:processes", "python3.13:serial",
		"python3.13:threads", "python3.13:processes", "serial",
	};
	size_t n = 0;

	(void)state;
	for (size_t i = text__next_mode(report, SIZE_MAX); i < report->n_modes;
	     i = text__next_mode(report, i))
		assert_string_equal(report->modes[i].mode, order[n++]);
	assert_int_equal(n, sizeof(order) / sizeof(*order));
	report->n_modes = 0;
	assert_int_equal(text__next_mode(report, SIZE_MAX), 0);
	report->n_modes = n;
	report__free(report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_modes_are_grouped),
		cmocka_unit_test(test_gils_side_by_side),
		cmocka_unit_test(test_locks_of_interpreters),
		cmocka_unit_test(test_job_metrics),
		cmocka_unit_test(test_next),
		cmocka_unit_test(test_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
