/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_verdict_runtimes.c - what the verdict says of the GIL of commands' runtimes, and what
 * it must not say.
 *
 * With CONVOY_TEST_SHOW=1, verdicts are printed.
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

/* Judges, and gives the report up for its verdict. The caller frees it. */
static char *verdict_of(struct report *report)
{
	char *text;

	judge(report);
	text = need(strdup(report->verdict.text));
	if (getenv("CONVOY_TEST_SHOW"))
		printf("%s\n\n", text);
	report__free(report);
	return text;
}

/* All that threads did, per mille: sleeping, running, waiting for the GIL and other locks. */
static void spend(struct report_mode *mode, unsigned sleep, unsigned running, unsigned gil,
		  unsigned other)
{
	uint64_t life = mode->worker_lifetime_ns;

	assert_int_equal(sleep + running + gil + other, 1000);
	memset(mode->worker_time_ns, 0, sizeof(mode->worker_time_ns));
	mode->worker_time_ns[ACCOUNT_SLEEP] = life / 1000 * sleep;
	mode->worker_time_ns[ACCOUNT_RUNNING] = life / 1000 * running;
	mode->worker_time_ns[ACCOUNT_LOCK] = life / 1000 * (gil + other);
	mode->locks[0].total_ns = mode->runtimes[0].gil_wait_ns = life / 1000 * gil;
	mode->runtimes[0].wanted_ns = life / 1000 * (running + gil);
	mode->locks[1].total_ns = life / 1000 * other;
}

/* What all programs of the mode used. */
static void use_cores(struct report *report, double cores)
{
	struct report_mode *mode = &report->modes[0];

	estimate__free(&mode->cores_used);
	around(&mode->cores_used, cores, 0, 1);
	mode->time_ns[ACCOUNT_RUNNING] = (uint64_t)(mode->wall_ns.median * cores);
}

/* How many threads wanted to run, had all but a CPU, and ran; nothing else did. */
static void run_at_once(struct report *report, double could, double ready, double did)
{
	report->modes[0].could_run = known(could);
	report->modes[0].ready_run = known(ready);
	report->modes[0].did_run = known(did);
	use_cores(report, did);
}

static struct report *spent(unsigned sleep, unsigned running, unsigned gil, unsigned other)
{
	struct report *report = python_report();

	spend(&report->modes[0], sleep, running, gil, other);
	return report;
}

static void test_gil_waits(void **state)
{
	char *text = verdict_of(spent(0, 330, 660, 10));

	(void)state;
	assert_contains(text, "Threads spent 66 % of their time waiting for the GIL of CPython "
			      "3.11.7, 33 % running, none for I/O.\n");
	assert_contains(text, "\nOn average 3.0 threads wanted to run at once and 1.0 did: on 2 "
			      "CPUs processes could be up to 2.0x faster; more threads would not "
			      "be.");
	/* Once is enough. */
	assert_lacks(text, "went by waiting for the GIL");
	assert_lacks(text, "is not what threads wait for");
	free(text);
}

/* The bound is by the threads, where these are fewer than the CPUs. */
static void test_gain_is_bounded(void **state)
{
	struct report *report = spent(0, 330, 660, 10);
	char *text;

	(void)state;
	report->host.cpus_usable = 8;
	text = verdict_of(report);
	assert_contains(text, "on 8 CPUs processes could be up to 3.0x faster");
	free(text);

	/* Nor is it more than the CPUs, whatever kept those who hold the GIL. */
	report = spent(0, 160, 830, 10);
	run_at_once(report, 3, 0.5, 0.5);
	text = verdict_of(report);
	assert_contains(text, "3.0 threads wanted to run at once and 0.5 did: on 2 CPUs processes "
			      "could be up to 2.0x faster");
	free(text);

	/* On one CPU it is not known what keeps them. */
	report = spent(0, 160, 830, 10);
	report->host.cpus_usable = 1;
	run_at_once(report, 3, 0.5, 0.5);
	text = verdict_of(report);
	assert_contains(text, "3.0 threads wanted to run at once and 0.5 did, on one CPU: more "
			      "threads would not be faster, and processes only if the GIL is held "
			      "by threads that sleep.");
	free(text);

	/* Of threads that hardly ever want to run, nearly all the time is something else. */
	report = spent(940, 30, 30, 0);
	run_at_once(report, 0.12, 0.06, 0.06);
	text = verdict_of(report);
	assert_contains(text, "0.1 did: processes would hardly be faster.");
	free(text);
	report = spent(940, 30, 30, 0);
	run_at_once(report, 0.02, 0.01, 0.01);
	text = verdict_of(report);
	assert_contains(text, "On average 0.020 threads wanted to run at once and 0.010 did: ");
	free(text);
}

/* What waits for a CPU would not run any sooner. */
static void test_waiting_for_a_cpu_is_no_gain(void **state)
{
	struct report *report = spent(0, 330, 660, 10);
	char *text;

	(void)state;
	run_at_once(report, 5, 2, 1.5);
	text = verdict_of(report);
	assert_contains(text, "5.0 threads wanted to run at once and 1.5 did, and others waited "
			      "for a CPU already: processes would not be faster");
	assert_lacks(text, "could be up to");
	free(text);

	report = spent(0, 330, 660, 10);
	run_at_once(report, 5, 1.6, 1.5);
	text = verdict_of(report);
	assert_contains(text, "on 2 CPUs processes could be up to 1.2x faster");
	free(text);
}

/* How much others left is not known of what they did not leave. */
static void test_other_programs(void **state)
{
	struct report *report = spent(0, 330, 660, 10);
	char *text;

	(void)state;
	use_cores(report, 1.06);
	text = verdict_of(report);
	assert_contains(text, "66 % of their time waiting for the GIL");
	assert_lacks(text, "faster");
	assert_lacks(text, "wanted to run at once");
	free(text);

	report = spent(0, 330, 660, 10);
	use_cores(report, 1.04);
	text = verdict_of(report);
	assert_contains(text, "could be up to 2.0x faster");
	free(text);

	/* The kernel counts the way out of idle as CPU time: nobody else ran. */
	report = spent(0, 330, 660, 10);
	use_cores(report, 1.2);
	report->modes[0].time_ns[ACCOUNT_RUNNING] = (uint64_t)report->modes[0].wall_ns.median;
	text = verdict_of(report);
	assert_contains(text, "could be up to 2.0x faster");
	free(text);

	/* Nor is said that there is none, where the GIL is not waited for. */
	report = spent(0, 980, 20, 0);
	use_cores(report, 1.5);
	text = verdict_of(report);
	assert_contains(text, "is not what threads wait for");
	assert_lacks(text, "faster");
	free(text);
}

/* Threads that sleep do not make a GIL that the others fight for less of a trouble. */
static void test_idle_threads_do_not_dilute(void **state)
{
	struct report *report = spent(957, 15, 28, 0);
	char *text;

	(void)state;
	text = verdict_of(report);
	assert_contains(text, "\nOf the time that its threads wanted to run, 65 % went by waiting "
			      "for the GIL of CPython 3.11.7.\nOn average 3.0 threads wanted");
	assert_contains(text, "could be up to 2.0x faster");
	assert_lacks(text, "is not what threads wait for");
	free(text);

	/* By their lives, where it is not known what they wanted. */
	report = spent(957, 15, 28, 0);
	report->modes[0].runtimes[0].wanted_ns = 0;
	text = verdict_of(report);
	assert_contains(text, "is not what threads wait for: of the time that they wanted to run, "
			      "2.8 % went by");
	free(text);
}

static void test_one_cpu(void **state)
{
	struct report *report = spent(0, 330, 660, 10);
	char *text;

	(void)state;
	report->host.cpus_usable = 1;
	text = verdict_of(report);
	assert_contains(text, "wanted to run at once and 1.0 did, on one CPU: neither processes "
			      "nor more threads would be faster");
	assert_lacks(text, "could be up to");
	free(text);
}

static void test_all_cpus_are_in_use(void **state)
{
	struct report *report = spent(0, 500, 490, 10);
	char *text;

	(void)state;
	run_at_once(report, 3, 1.94, 1.94);
	text = verdict_of(report);
	assert_contains(text, "1.9 did, on all of the 2 CPUs: processes would not be faster");
	assert_lacks(text, "could be up to");
	free(text);

	/* Neither all CPUs, nor much to gain. */
	report = spent(700, 200, 90, 10);
	run_at_once(report, 0.63, 0.6, 0.6);
	text = verdict_of(report);
	assert_contains(text, "0.6 did: processes would hardly be faster.");
	free(text);

	/* Nor is anything said where it is not known. */
	report = spent(0, 330, 660, 10);
	report->modes[0].could_run.known = false;
	text = verdict_of(report);
	assert_contains(text, "66 % of their time waiting for the GIL");
	assert_lacks(text, "wanted to run");
	assert_lacks(text, "faster");
	free(text);
}

/* The negative control. */
static void test_sleeping_threads(void **state)
{
	char *text = verdict_of(spent(980, 15, 0, 5));

	(void)state;
	assert_contains(text, "Threads spent 98 % of their time asleep");
	assert_contains(
		text,
		"\nThe GIL of CPython 3.11.7 is not what threads wait for: of the "
		"time that they wanted to run, none went by waiting for it.\nThey sleep or wait for I/O");
	assert_contains(text, "there is no contention");
	assert_lacks(text, "could be up to");
	free(text);
}

static void test_little_gil_wait(void **state)
{
	struct report *report = spent(0, 970, 30, 0);
	char *text;

	(void)state;
	run_at_once(report, 1.02, 1, 1);
	text = verdict_of(report);
	assert_contains(
		text,
		"The GIL of CPython 3.11.7 is not what threads wait for: of the "
		"time that they wanted to run, 3.0 % went by waiting for it.\nOn average 1.0 threads wanted to run at once: "
		"to use more of the 2 CPUs, the work itself must be split");
	free(text);

	/* From GIL_MATTERS on, it is. */
	text = verdict_of(spent(0, 949, 51, 0));
	assert_lacks(text, "is not what threads wait for");
	free(text);

	text = verdict_of(spent(0, 480, 20, 500));
	assert_contains(text, "What they wait for are other locks");
	free(text);

	report = spent(0, 1000, 0, 0);
	report->modes[0].worker_time_ns[ACCOUNT_RUNNING] = report->modes[0].worker_lifetime_ns / 4;
	report->modes[0].worker_time_ns[ACCOUNT_PREEMPTED] =
		report->modes[0].worker_lifetime_ns / 4 * 3;
	text = verdict_of(report);
	assert_contains(text, "They wait for a CPU: neither processes nor more threads");
	free(text);
}

static void test_without_a_gil(void **state)
{
	struct report *report = spent(0, 990, 0, 10);
	char *text;

	(void)state;
	snprintf(report->modes[0].runtimes[0].version, sizeof(report->modes[0].runtimes[0].version),
		 "3.13.0");
	report->modes[0].runtimes[0].gil = GIL_ABSENT;
	text = verdict_of(report);
	assert_contains(text, "\nCPython 3.13.0 is free-threaded: its threads run in parallel");
	assert_lacks(text, "is not what threads wait for");
	assert_lacks(text, "GIL of");
	free(text);
}

static void test_a_gil_that_was_not_found(void **state)
{
	struct report *report = spent(500, 490, 0, 10);
	char *text;

	(void)state;
	report->modes[0].runtimes[0].gil = GIL_UNKNOWN;
	text = verdict_of(report);
	assert_contains(text, "\nThe GIL of CPython 3.11.7 was not found: what waits for it is "
			      "among the other waits.");
	/* What is not known is no comfort. */
	assert_lacks(text, "is not what threads wait for");
	assert_lacks(text, "no contention");
	free(text);
}

static void test_several_versions(void **state)
{
	struct report *report = spent(0, 330, 660, 10);
	char *text;

	(void)state;
	add_runtime(&report->modes[0], "3.12.1", GIL_PRESENT)->wanted_ns =
		report->modes[0].runtimes[0].wanted_ns;
	text = verdict_of(report);
	assert_contains(text, "waiting for the GIL of CPython 3.11.7 and others");
	/* Of both, it is half as much: another number than the one of all threads. */
	assert_contains(text, "\nOf the time that its threads wanted to run, 33 % went by waiting "
			      "for the GIL of CPython 3.11.7 and others.");
	free(text);
}

/* Of several commands, each is told of by its label; bundled modes are not. */
static void test_commands(void **state)
{
	struct report *report = python_report();
	char *text;

	(void)state;
	spend(&report->modes[0], 0, 330, 660, 10);
	snprintf(report->modes[0].mode, sizeof(report->modes[0].mode), "python");
	give_command(&report->modes[0], "python3 x");
	add_mode(report, &five[4], 1);
	snprintf(report->job, sizeof(report->job), "countdown");
	text = verdict_of(report);
	assert_contains(
		text,
		"python: Of the time that its threads wanted to run, 67 % went by "
		"waiting for the GIL of CPython 3.11.7.\npython: On average 3.0 threads wanted");
	assert_lacks(text, "processes: ");
	free(text);

	report = python_report();
	snprintf(report->job, sizeof(report->job), "countdown");
	add_runtime(add_mode(report, &five[4], 1), "3.13.0", GIL_ABSENT);
	text = verdict_of(report);
	assert_lacks(text, "CPython");
	free(text);
}

static void test_hostile_names(void **state)
{
	struct report *report = python_report();
	struct report_runtime *runtime = &report->modes[0].runtimes[0];
	char *text;

	(void)state;
	memset(runtime->name, '\n', sizeof(runtime->name));
	memset(runtime->version, '\033', sizeof(runtime->version));
	text = verdict_of(report);
	assert_contains(text, "\\x0a");
	assert_lacks(text, "\n\n");
	assert_lacks(text, "\033");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gil_waits),
		cmocka_unit_test(test_gain_is_bounded),
		cmocka_unit_test(test_waiting_for_a_cpu_is_no_gain),
		cmocka_unit_test(test_other_programs),
		cmocka_unit_test(test_idle_threads_do_not_dilute),
		cmocka_unit_test(test_one_cpu),
		cmocka_unit_test(test_all_cpus_are_in_use),
		cmocka_unit_test(test_sleeping_threads),
		cmocka_unit_test(test_little_gil_wait),
		cmocka_unit_test(test_without_a_gil),
		cmocka_unit_test(test_a_gil_that_was_not_found),
		cmocka_unit_test(test_several_versions),
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_hostile_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
