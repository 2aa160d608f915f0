/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_why_locks.c - what `convoy why` says and advises about a GIL, about locks whose
 * holders do not get on, and about futexes that nobody can tell.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/why_fixture.h"

/* Threads that wait for a lock in two thirds of their time, on so many CPUs. */
static struct report *waiting_report(unsigned cpus, const char *name, enum lock_kind kind)
{
	struct report *report = watched(cpus);
	struct report_lock *lock;

	for (int i = 0; i < 3; i++)
		add_busy(report, "worker", 100, ACCOUNT_RUNNING, 330, ACCOUNT_LOCK, 660,
			 ACCOUNT_SLEEP, 10, -1);
	lock = add_waited(report, name, kind, WATCHED_NS / 100 * 198);
	for (uint32_t tid = 1; tid <= 3; tid++)
		hold(lock, tid, "worker", 0.33);
	lock->holder_known = 0.995;
	snprintf(lock->site, sizeof(lock->site), "take_gil+0x1d3");
	return report;
}

/* What holders did in the waiting for the first lock, per cent; the rest is not known. */
static void held(struct report *report, unsigned running, unsigned runnable, unsigned asleep)
{
	struct report_lock *lock = &report->modes->locks[0];

	lock->held.running = lock->total_ns / 100 * running;
	lock->held.runnable = lock->total_ns / 100 * runnable;
	lock->held.asleep = lock->total_ns / 100 * asleep;
}

static struct report *python_threads(unsigned cpus)
{
	struct report *report = waiting_report(cpus, "GIL of CPython 3.11.7", LOCK_GIL);
	struct report_runtime *runtime = add_runtime(report->modes, "3.11.7", GIL_PRESENT);

	strcpy(report->modes->locks[0].runtime, "CPython 3.11.7");
	runtime->gil_wait_ns = report->modes->locks[0].total_ns;
	runtime->lifetime_ns = 3 * WATCHED_NS;
	runtime->wanted_ns = WATCHED_NS / 100 * 297;
	report->modes->could_run = known(2.97);
	report->modes->ready_run = report->modes->did_run = known(0.99);
	held(report, 97, 1, 0);
	return report;
}

static void test_gil(void **state)
{
	char *text = explain_by(python_threads(2), "lock");

	(void)state;
	assert_contains(text, "66 % of their time waiting for a lock, 33 % running");
	assert_contains(text, "They waited for the GIL of CPython 3.11.7: 1020 waits, first in "
			      "take_gil+0x1d3. It was held by 'worker' (TID 1) 33 %, 'worker' (TID "
			      "2) 33 %, 'worker' (TID 3) 33 % (holders are known for 100 % of that "
			      "waiting). Its holders spent 99 % of it running.");
	assert_contains(text, "On average 3.0 threads wanted to run at once and 1.0 did: on 2 CPUs "
			      "processes could be up to 2.0x faster.");
	assert_contains(text, "\nTry: processes instead of threads");
	assert_lacks(text, "preemption");
	assert_lacks(text, "is not what it waits for");
	free(text);
}

static void test_gil_on_one_cpu(void **state)
{
	char *text = explain_by(python_threads(1), "lock");

	(void)state;
	assert_lacks(text, "could be up to");
	assert_contains(text, "\nTry: more CPUs, and then processes; on one CPU neither processes "
			      "nor more threads will help.");
	free(text);
}

/* Native code that sleeps with the GIL held. */
static void test_gil_of_a_sleeper(void **state)
{
	struct report *report = python_threads(2);
	char *text;

	(void)state;
	held(report, 30, 1, 60);
	text = explain_by(report, "lock");
	assert_contains(text,
			" Its holders spent 33 % of it running, 66 % of it asleep or in I/O.");
	assert_contains(text, "\nTry: native code that sleeps or does I/O should let the GIL go");
	free(text);
}

/* What would run beside others has no CPU to do so, whoever has them all. */
static void test_gil_with_all_cpus_in_use(void **state)
{
	struct report *report = python_threads(2);
	char *text;

	(void)state;
	report->modes->could_run = known(4);
	report->modes->ready_run = report->modes->did_run = known(1.9);
	text = explain_by(report, "lock");
	assert_contains(text, "\nTry: more CPUs, and then processes; what waits for the GIL would "
			      "wait for a CPU");
	assert_lacks(text, "could be up to");
	free(text);

	/* Others have them. */
	report = python_threads(2);
	report->modes->ready_run = known(1.9);
	text = explain_by(report, "lock");
	assert_contains(text, "\nTry: more CPUs, and then processes; what waits");
	free(text);

	/* There are CPUs, and little to run on them. */
	report = python_threads(4);
	report->modes->could_run = known(1.05);
	text = explain_by(report, "lock");
	assert_contains(text, "\nTry: do the heavy part where the GIL is released (native code, "
			      "I/O); processes would hardly be faster");
	free(text);

	/* Nothing is known of what could run. */
	report = python_threads(4);
	report->modes->could_run.known = false;
	text = explain_by(report, "lock");
	assert_contains(text, "\nTry: processes instead of threads");
	free(text);
}

/* A lock that is told of as what is waited for is not what is not waited for. */
static void test_gil_that_is_named_is_not_denied(void **state)
{
	struct report *report = python_threads(2);
	char *text;

	(void)state;
	report->modes->runtimes->wanted_ns = 0;
	report->modes->runtimes->lifetime_ns *= 1000;
	text = explain_by(report, "lock");
	assert_contains(text, "They waited for the GIL of CPython 3.11.7");
	assert_lacks(text, "is not what it waits for");
	free(text);

	/* Idle threads beside them are not asked. */
	report = python_threads(2);
	report->modes->runtimes->lifetime_ns *= 1000;
	for (int i = 0; i < 60; i++)
		add_busy(report, "idler", 0.1, ACCOUNT_SLEEP, 1000, -1);
	text = explain_by(report, "lock");
	assert_lacks(text, "is not what it waits for");
	free(text);
}

static void test_gil_is_not_it(void **state)
{
	struct report *report = watched(2);
	struct report_runtime *runtime;
	char *text;

	(void)state;
	add_busy(report, "main", 100, ACCOUNT_RUNNING, 930, ACCOUNT_LOCK, 40, ACCOUNT_IO, 30, -1);
	runtime = add_runtime(report->modes, "3.12.1", GIL_PRESENT);
	runtime->gil_wait_ns = WATCHED_NS / 1000 * 40;
	runtime->wanted_ns = WATCHED_NS / 1000 * 970;
	runtime->lifetime_ns = WATCHED_NS;
	text = explain_by(report, "compute");
	assert_contains(text, " The GIL of CPython 3.12.1 is not what it waits for (4.1 % of the "
			      "time that its threads wanted to run).");
	/* More threads would. */
	assert_contains(text, "; or share the work among processes, for CPUs are free");
	free(text);

	report = watched(2);
	add_busy(report, "main", 100, ACCOUNT_RUNNING, 1000, -1);
	add_runtime(report->modes, "3.13.0", GIL_ABSENT);
	text = explain_by(report, "compute");
	assert_contains(text, " CPython 3.13.0 is free-threaded: there is no GIL to wait for.");
	assert_lacks(text, "is not what it waits for");
	assert_contains(text, "; or share the work among more threads");
	free(text);
}

static void test_suspicion_needs_a_gil(void **state)
{
	static const struct {
		enum gil_state gil;
		const char *rule;
	} cases[] = {
		{ GIL_UNKNOWN, "gil-suspected" },
		{ GIL_PRESENT, "waiting" },
		{ GIL_ABSENT, "waiting" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct report *report = watched(2);
		struct report_runtime *runtime;
		char *text;

		for (int j = 0; j < 4; j++)
			add_busy(report, "server", 200, ACCOUNT_RUNNING, 250, ACCOUNT_COND, 750,
				 -1);
		runtime = add_runtime(report->modes, "3.11", cases[i].gil);
		if (cases[i].gil == GIL_UNKNOWN)
			snprintf(runtime->hint, sizeof(runtime->hint), "install\033 symbols");
		text = explain_by(report, cases[i].rule);
		if (cases[i].gil == GIL_UNKNOWN)
			assert_contains(text, "more threads will not help. (install\\x1b symbols)");
		free(text);
	}
}

static void test_a_mutex_of_a_sleeper(void **state)
{
	struct report *report = waiting_report(2, "db", LOCK_MUTEX);
	char *text;

	(void)state;
	held(report, 50, 5, 20);
	text = explain_by(report, "lock");
	assert_contains(text, "Try: look whether 'worker' (TID 1) sleeps or does I/O with the lock "
			      "held, and let it go before");
	assert_lacks(text, "processes");
	free(text);

	/* Just below it. */
	report = waiting_report(2, "db", LOCK_MUTEX);
	held(report, 50, 5, 19);
	text = explain_by(report, "lock");
	assert_contains(text, "Try: shorten what is done with the lock held");
	free(text);
}

static void test_lock_holder_preemption(void **state)
{
	struct report *report = waiting_report(2, "db", LOCK_MUTEX);
	char *text;

	(void)state;
	held(report, 50, 30, 19);
	text = explain_by(report, "lock");
	assert_contains(text, "This is lock-holder preemption");
	assert_contains(text, "Try: run no more threads than there are CPUs");
	free(text);

	/* All that is known, but that is not much: no reason to speak of it. */
	report = waiting_report(2, "db", LOCK_MUTEX);
	report->modes->locks[0].n_holders = 1;
	report->modes->locks[0].holders[0].share = report->modes->locks[0].holder_known = 0.1;
	held(report, 0, 10, 0);
	text = explain_by(report, "lock");
	assert_lacks(text, "preemption");
	assert_contains(text,
			"held it for 10 % of that waiting (holders are known for 10 % of it)");
	assert_contains(text, "Its holders spent 100 % of it ready to run without a CPU.");
	free(text);
}

static void test_no_holder_is_known(void **state)
{
	struct report *report = waiting_report(2, "db", LOCK_MUTEX);
	char *text;

	(void)state;
	report->modes->locks[0].n_holders = 0;
	report->modes->locks[0].holder_known = 0;
	text = explain_by(report, "lock");
	assert_contains(text, " Its holders are not known.");
	free(text);
}

static void test_unknown_futexes(void **state)
{
	struct report *report = watched(2);
	struct report_lock *lock;
	char *text;

	(void)state;
	for (int i = 0; i < 3; i++)
		add_busy(report, "worker", 100, ACCOUNT_RUNNING, 300, ACCOUNT_OTHER, 700, -1);
	add_waited(report, "", LOCK_UNKNOWN, WATCHED_NS / 10);
	lock = add_waited(report, "(unnamed futex)", LOCK_UNKNOWN, WATCHED_NS);
	memset(lock->site, '\033', sizeof(lock->site));
	text = explain_by(report, "unknown-futex");
	/* 1.1 of the 3 lives; the rest of `other` is no futex. */
	assert_contains(text, "For 37 % of the time they waited on futexes of which it cannot be "
			      "told");
	assert_contains(text, "Most of it was first in \\x1b\\x1b");
	assert_contains(text, "Try: give convoy names: symbols of the program and its libraries");
	free(text);

	/* Other system calls are other system calls. */
	report = watched(2);
	add_busy(report, "worker", 100, ACCOUNT_RUNNING, 300, ACCOUNT_OTHER, 700, -1);
	free(explain_by(report, "other"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gil),
		cmocka_unit_test(test_gil_on_one_cpu),
		cmocka_unit_test(test_gil_of_a_sleeper),
		cmocka_unit_test(test_gil_with_all_cpus_in_use),
		cmocka_unit_test(test_gil_that_is_named_is_not_denied),
		cmocka_unit_test(test_gil_is_not_it),
		cmocka_unit_test(test_suspicion_needs_a_gil),
		cmocka_unit_test(test_a_mutex_of_a_sleeper),
		cmocka_unit_test(test_lock_holder_preemption),
		cmocka_unit_test(test_no_holder_is_known),
		cmocka_unit_test(test_unknown_futexes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
