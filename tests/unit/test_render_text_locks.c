/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_render_text_locks.c - what the text report says of locks with names, of what their
 * holders did, and of runtimes.
 *
 * With CONVOY_TEST_SHOW=1, the text of the first report is printed.
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
#include "user/contention.h"

static char *text_of(const struct report *report, unsigned width)
{
	const struct render_options options = { .width = width, .locks = 5 };

	return rendered("text", report, &options);
}

static void test_the_section(void **state)
{
	struct report *report = python_report();
	char *out = text_of(report, 80);

	(void)state;
	if (getenv("CONVOY_TEST_SHOW"))
		printf("%s", out);
	assert_contains(
		out,
		"\nlocks: blocked\n"
		"mode     lock                       episodes   total      p50      p99  "
		"handoffs\n"
		"command  GIL of CPython 3.11.7          1010  2.04 s  5.01 ms  5.40 ms      "
		"1005\n"
		"command  std::unorde...mutex_+0x28        33  596 ms        -        -         "
		"0\n");
	assert_contains(
		out,
		"\n\nGIL of CPython 3.11.7: first waited for in take_gil+0x1d3; held by worker-1 50\n"
		"  %, worker-2 48 %; while others waited its holders ran 97 %, were runnable but\n"
		"  not running 2.0 %, slept 0 %, waited 1.0 % (holder known for 99 % of the\n"
		"  waiting)\n");
	assert_contains(
		out,
		"\nstd::unordered_map<Key, Value>::cache_of_results.mutex_+0x28: first waited for\n"
		"  in Cache::get+0x3f; 3 locks of this name, added up, with priority inheritance,\n"
		"  robust, shared between processes; held by worker-1 50 %; while others waited\n"
		"  its holders ran 20 %, were runnable but not running 10 %, slept 70 %, waited 0\n"
		"  % (holder known for 50 % of the waiting)\n"
		"  for 35 % of the waiting its holders were asleep or in I/O with it held: let\n"
		"    the lock go before a call that may block; more threads or CPUs will not\n"
		"    help.\n");
	/* Where nothing is to be done about holders, nothing is said to be. */
	assert_lacks(out, "preemption");
	free(out);

	/* Whole names where there is room, and all columns. */
	out = text_of(report, 0);
	assert_contains(out, "  std::unordered_map<Key, Value>::cache_of_results.mutex_+0x28  ");
	assert_contains(out, "  eagain  interrupted  lost races  ");
	assert_contains(out, "  505      12            2           4  2.04 s");
	free(out);
	check_widths(report);
	report__free(report);
}

/* What holders do is said with the top lock, too, when it is what is wrong. */
static void test_trouble_of_the_top_lock(void **state)
{
	struct report *report = python_report();
	struct report_lock *gil = &report->modes[0].locks[0];
	char *out;

	(void)state;
	gil->held = (struct report_holding){ .running = gil->total_ns / 100 * 79,
					     .runnable = gil->total_ns / 100 * 21 };
	out = text_of(report, 80);
	assert_contains(out, "\n            lock-holder preemption: for 21 % of the waiting its "
			     "holders wanted");
	assert_contains(out, "run no more threads than there are CPUs");
	free(out);

	/* Its threshold. */
	gil->held.runnable = gil->total_ns / 1000 * 199;
	out = text_of(report, 80);
	assert_lacks(out, "preemption");
	free(out);

	/* The larger of both. */
	gil->held.runnable = gil->total_ns / 100 * 30;
	gil->held.asleep = gil->total_ns / 100 * 31;
	out = text_of(report, 300);
	assert_lacks(out, "preemption");
	assert_contains(out, "for 31 % of the waiting its holders were asleep or in I/O with it "
			     "held: native code that sleeps or does I/O should let the GIL go");
	free(out);
	report__free(report);
}

static void test_details_are_of_what_matters(void **state)
{
	struct render_options options = { .width = 300 };
	struct report *report = python_report();
	struct report_mode *mode = &report->modes[0];
	struct report_lock *lock;
	char *out;

	(void)state;
	/* Just too little, nothing more known than the table says, too many, and for work. */
	lock = add_bare_lock(mode, "small", LOCK_MUTEX, mode->lifetime_ns / 21);
	lock->objects = 2;
	lock = add_bare_lock(mode, "plain", LOCK_MUTEX, mode->lifetime_ns / 10);
	lock->holder_known = 0.5;
	lock = add_bare_lock(mode, "(unnamed futex)", LOCK_COND, mode->lifetime_ns / 10);
	snprintf(lock->site, sizeof(lock->site), "queue_pop+0x10");
	lock = add_bare_lock(mode, "fourth", LOCK_MUTEX, mode->lifetime_ns / 10);
	lock->robust = true;
	out = rendered("text", report, &options);
	assert_contains(out, "\n(unnamed futex): first waited for in queue_pop+0x10\n");
	assert_lacks(out, "\nsmall: ");
	assert_lacks(out, "\nplain: ");
	assert_lacks(out, "\nfourth: ");
	free(out);

	options.verbose = true;
	out = rendered("text", report, &options);
	assert_contains(out, "\nsmall: 2 locks of this name, added up; who held it is not known\n");
	assert_contains(out, "\nfourth: robust; who held it is not known\n");
	assert_lacks(out, "\nplain: ");
	free(out);

	/* A contended lock of which no holder is known: that is said, whatever else is. */
	mode->locks[3].holder_known = 0.49;
	mode->locks[1].total_ns = 0;
	options.verbose = false;
	out = rendered("text", report, &options);
	assert_contains(out, "\nplain: who held it is not known\n");
	free(out);
	report__free(report);
}

static void test_of_several_modes(void **state)
{
	struct report *report = full_report(3);
	struct report_lock *lock = &report->modes[2].locks[0];
	char *out;

	(void)state;
	out = text_of(report, 100);
	/* Of what is only in the table, no more is said. */
	assert_lacks(out, "while others waited");
	assert_lacks(out, "\nruntimes\n");
	free(out);
	lock->held.running = lock->total_ns;
	add_runtime(&report->modes[2], "3.11.7", GIL_PRESENT)->lifetime_ns = 100;
	out = text_of(report, 300);
	assert_contains(out, "\nGIL of convoy-work (gil-timed): held by worker-1 50 %, worker-2 48 "
			     "%; while others waited its holders ran 100 %,");
	assert_contains(out, "\ngil-timed: CPython 3.11.7 in 1 process: waiting for its GIL took 0 "
			     "% of all the time of its threads; 0 handoffs\n");
	free(out);
	check_widths(report);
	report__free(report);
}

static void test_runtimes(void **state)
{
	struct report *report = python_report();
	struct report_mode *mode = &report->modes[0];
	struct report_runtime *runtime;
	char *out;

	(void)state;
	mode->runtimes[0].wanted_ns = mode->runtimes[0].gil_wait_ns * 4 / 3;
	out = text_of(report, 80);
	assert_contains(
		out,
		"\nruntimes\n"
		"CPython 3.11.7 in 1 process: of the time that its threads wanted to run, 75 %\n"
		"  went by waiting for its GIL (52 % of all their time); 198 handoffs/s, held\n"
		"  5.02 ms on average, switch interval as observed 5.00 ms\n"
		"3.0 threads wanted to run at once, on average, and 1.0 did, on 2 CPUs\n"
		"\n"
		"pid  tid  comm      GIL wait  of its life  held for others\n"
		"100  101  worker-1    1.32 s         67 %             50 %\n"
		"100  102  worker-2    1.32 s         67 %             48 %\n");
	free(out);

	/* One line for each version, and a column for those whose threads are listed. */
	add_runtime(mode, "3.13.0", GIL_ABSENT)->processes = 2;
	runtime = add_runtime(mode, "", GIL_UNKNOWN);
	snprintf(runtime->hint, sizeof(runtime->hint), "install its symbols");
	runtime = add_runtime(mode, "3.12.1", GIL_PRESENT);
	runtime->gil_wait_ns = 300000000;
	runtime->lifetime_ns = 1000000000;
	runtime->handoffs = 1;
	runtime->threads = need(calloc(10, sizeof(*runtime->threads)));
	runtime->n_threads = 10;
	for (unsigned i = 0; i < 10; i++) {
		runtime->threads[i].pid = 500;
		runtime->threads[i].tid = 500 + i;
		runtime->threads[i].lifetime_ns = 100000000;
		runtime->threads[i].gil_wait_ns = i * 10000000;
	}
	out = text_of(report, 120);
	assert_contains(out, "\nCPython 3.13.0 (free-threaded) in 2 processes: no GIL\n");
	assert_contains(out, "\nCPython in 1 process: its GIL was not found, and what waits for it "
			     "is among the other waits; install its symbols\n");
	assert_contains(out, "\nCPython 3.12.1 in 1 process: waiting for its GIL took 30 % of "
			     "all the time of its threads; 1 handoff\n");
	assert_contains(out,
			"\nruntime         pid  tid  comm      GIL wait  of its life  held for "
			"others\n");
	/* Most waiting first, and of many the first ones. */
	assert_contains(out,
			"\nCPython 3.12.1  500  509             90.0 ms         90 %              "
			"0 %\n"
			"CPython 3.12.1  500  508 ");
	assert_contains(out, "\n2 more threads not shown (--threads shows all).\n");
	assert_lacks(out, "  501  ");
	free(out);
	check_widths(report);

	/* More than the report has, and fewer handoffs than are worth a number. */
	mode->runtimes[0].handoffs_per_s = known(0.049);
	runtime->n_more_threads = 36;
	out = text_of(report, 300);
	assert_contains(out, "\nand 38 more threads, which waited less (--threads shows more).\n");
	assert_contains(out, "(52 % of all their time), held 5.02 ms on average");
	assert_lacks(out, "0.0 handoffs/s");
	free(out);
	out = rendered("text", report, &(struct render_options){ .width = 120, .threads = true });
	assert_contains(out, "\nand 36 more threads, which waited less.\n");
	free(out);
	mode->runtimes[0].handoffs_per_s = known(0.05);
	runtime->n_more_threads = 0;
	out = text_of(report, 300);
	assert_contains(out, "; 0.1 handoffs/s, held");
	free(out);

	/* The hint of a runtime that is known. */
	mode->n_runtimes = 1;
	snprintf(mode->runtimes[0].hint, sizeof(mode->runtimes[0].hint), "\033[2Jby the way");
	out = text_of(report, 300);
	assert_contains(out, "as observed 5.00 ms; \\x1b[2Jby the way\n");
	free(out);
	mode->n_runtimes = 4;
	report__free(report);
}

/* A site that is in the name, and joins, are no news. */
static void test_no_details_of_what_is_said(void **state)
{
	const struct render_options options = { .width = 300, .verbose = true };
	struct report *report = python_report();
	struct report_mode *mode = &report->modes[0];
	struct report_lock *lock;
	char *out;

	(void)state;
	lock = add_bare_lock(mode, "(thread exit)", LOCK_JOIN, mode->lifetime_ns / 10);
	snprintf(lock->site, sizeof(lock->site), "__pthread_clockjoin_ex+0x95");
	lock->objects = 3;
	lock = add_bare_lock(mode, "cond of pop+0x10", LOCK_COND, mode->lifetime_ns / 10);
	snprintf(lock->site, sizeof(lock->site), "pop+0x10");
	lock = add_bare_lock(mode, "mutex of push+0x8", LOCK_MUTEX, mode->lifetime_ns / 10);
	snprintf(lock->site, sizeof(lock->site), "push+0x8");
	lock->robust = true;
	out = rendered("text", report, &options);
	assert_lacks(out, "pthread_clockjoin");
	assert_lacks(out, "\n(thread exit): ");
	assert_lacks(out, "\ncond of pop+0x10: ");
	/* What else is known of it is. */
	assert_contains(out, "\nmutex of push+0x8: robust; who held it is not known\n");
	free(out);
	report__free(report);
}

/* Waits that nobody knows the use of may be for locks; those for work are not. */
static void test_waits_that_may_be_for_locks(void **state)
{
	static const struct {
		const char *name;
		enum lock_kind kind;
		unsigned per_mille; /* of all thread time */
		bool none;	    /* can it be said that no thread slept for a lock? */
	} cases[] = {
		{ "(unnamed futex)", LOCK_UNKNOWN, 390, false },
		{ "pool+0x40", LOCK_UNKNOWN, 11, false },
		{ "(unnamed futex)", LOCK_UNKNOWN, 9, true },
		{ "(unnamed condition variable)", LOCK_COND, 390, false },
		{ "start barrier", LOCK_BARRIER, 390, true },
		{ "queue", LOCK_COND, 390, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct report *report = empty_report();
		const struct sketch sketch = { "command", 1000, 0, 1, 4, 4, 500, 0, 0, 0, 0 };
		struct report_mode *mode = add_mode(report, &sketch, 1);
		uint64_t ns = mode->lifetime_ns / 1000 * cases[i].per_mille;
		char *out;

		report->job[0] = report->reference[0] = '\0';
		add_bare_lock(mode, cases[i].name, cases[i].kind, ns);
		judge(report);
		out = text_of(report, 200);
		if (cases[i].none) {
			assert_contains(out, "none: no thread slept for a lock");
			assert_contains(out, "none waiting for locks");
		} else {
			assert_lacks(out, "no thread slept for a lock");
			assert_lacks(out, "none waiting for locks");
		}
		free(out);
		report__free(report);
	}
}

/* What `other` mostly is, is of those threads of which its share is. */
static void test_unknown_futexes_of_workers(void **state)
{
	struct report *report = python_report();
	struct report_mode *mode = &report->modes[0];

	(void)state;
	mode->worker_time_ns[ACCOUNT_OTHER] = mode->time_ns[ACCOUNT_OTHER] = 100;
	add_bare_lock(mode, "(unnamed futex)", LOCK_UNKNOWN, 51);
	assert_true(report_mode__unknown_futexes(mode));
	mode->locks[2].total_ns = 50;
	assert_false(report_mode__unknown_futexes(mode));
	/* All of it may have been what the others waited for. */
	mode->locks[2].total_ns = 800;
	mode->time_ns[ACCOUNT_OTHER] = 1000;
	assert_false(report_mode__unknown_futexes(mode));
	mode->locks[2].total_ns = 951;
	assert_true(report_mode__unknown_futexes(mode));
	report__free(report);
}

static void test_coverage(void **state)
{
	struct report_holder holders[2] = { { .share = 0.5 }, { .share = 0.25 } };
	struct report_lock lock = { .holders = holders, .total_ns = 100 };

	(void)state;
	assert_true(report_lock__coverage(&lock) == 0);
	lock.n_holders = 2;
	assert_true(report_lock__coverage(&lock) == 0.75);
	/* Not everybody need be listed. */
	lock.holder_known = 0.9;
	assert_true(report_lock__coverage(&lock) == 0.9);
	/* Nor is any sum more than all. */
	holders[0].share = 0.9;
	assert_true(report_lock__coverage(&lock) == 1);
}

static void test_outlook(void **state)
{
	struct report *report = python_report();
	struct report_mode *mode = &report->modes[0];
	struct gil_outlook outlook = report_mode__outlook(report, mode);

	(void)state;
	assert_true(outlook.known && outlook.bounded);
	assert_true(outlook.gain == 2 && outlook.wanted == 3 && outlook.cpus == 2);
	mode->could_run = known(1.5);
	outlook = report_mode__outlook(report, mode);
	assert_true(outlook.gain == 1.5 && !outlook.bounded);
	/* Never slower. */
	mode->could_run = known(0.5);
	assert_true(report_mode__outlook(report, mode).gain == 1);
	/* Waiting for a CPU is no gain. */
	mode->could_run = known(3);
	mode->ready_run = known(1.6);
	assert_true(report_mode__outlook(report, mode).gain == 2 / 1.6);
	/* Of what others took, it is not known. */
	mode->did_run = known(0.9);
	mode->time_ns[ACCOUNT_RUNNING] = (uint64_t)mode->wall_ns.median;
	outlook = report_mode__outlook(report, mode);
	assert_true(outlook.known && !outlook.alone && outlook.gain == 1);
	/* Of nothing that ran, nothing is known. */
	mode->ready_run = known(0);
	assert_false(report_mode__outlook(report, mode).known);
	mode->ready_run.known = false;
	assert_false(report_mode__outlook(report, mode).known);
	mode->ready_run = known(1);
	mode->did_run.known = false;
	assert_false(report_mode__outlook(report, mode).known);
	mode->did_run = known(1);
	mode->could_run.known = false;
	assert_false(report_mode__outlook(report, mode).known);
	mode->could_run.known = true;
	report->host.cpus_usable = 0;
	assert_false(report_mode__outlook(report, mode).known);
	report__free(report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_section),
		cmocka_unit_test(test_trouble_of_the_top_lock),
		cmocka_unit_test(test_details_are_of_what_matters),
		cmocka_unit_test(test_of_several_modes),
		cmocka_unit_test(test_runtimes),
		cmocka_unit_test(test_no_details_of_what_is_said),
		cmocka_unit_test(test_waits_that_may_be_for_locks),
		cmocka_unit_test(test_unknown_futexes_of_workers),
		cmocka_unit_test(test_coverage),
		cmocka_unit_test(test_outlook),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
