/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_verdict.c - every sentence of the verdict, and the ones it must not say.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "user/report.h"
#include "user/verdict.h"

/* A report of `job` with room for modes. */
static struct report *report_of(const char *job, unsigned cpus)
{
	struct report *report = report__new();

	assert_non_null(report);
	report->valid = true;
	report->host.cpus = cpus;
	report->host.cpus_usable = cpus;
	snprintf(report->job, sizeof(report->job), "%s", job);
	report->modes = calloc(8, sizeof(*report->modes));
	assert_non_null(report->modes);
	return report;
}

/* A mode of `rounds` rounds (<= 5) around `ms`, scattered by `scatter` (0.01 = +-1 %). */
static struct report_mode *add_mode(struct report *report, const char *name, double ms,
				    double scatter, unsigned rounds)
{
	static const double offsets[] = { 0, 1, -1, 0.5, -0.5 };
	struct report_mode *mode = &report->modes[report->n_modes++];
	double values[5];

	snprintf(mode->mode, sizeof(mode->mode), "%s", name);
	mode->rounds = rounds;
	for (unsigned i = 0; i < rounds; i++)
		values[i] = ms * 1e6 * (1 + offsets[i] * scatter);
	assert_int_equal(estimate__init(&mode->wall_ns, values, rounds), 0);
	mode->worker_lifetime_ns = 1000;
	mode->worker_time_ns[ACCOUNT_RUNNING] = 1000;
	return mode;
}

/* Moves `share` (per mille) of thread time from running to an account. */
static void spend(struct report_mode *mode, enum account account, uint64_t share)
{
	mode->worker_time_ns[account] += share;
	mode->worker_time_ns[ACCOUNT_RUNNING] -= share;
}

static void add_lock(struct report_mode *mode, enum lock_kind kind, uint64_t total_ns)
{
	mode->locks = realloc(mode->locks, (mode->n_locks + 1) * sizeof(*mode->locks));
	assert_non_null(mode->locks);
	memset(&mode->locks[mode->n_locks], 0, sizeof(*mode->locks));
	mode->locks[mode->n_locks].kind = kind;
	mode->locks[mode->n_locks++].total_ns = total_ns;
}

/* Makes it a command of the user's. */
static void give_command(struct report_mode *mode)
{
	mode->command = calloc(2, sizeof(*mode->command));
	assert_non_null(mode->command);
	mode->command[0] = strdup("make");
	assert_non_null(mode->command[0]);
}

static void add_metric(struct report_mode *mode, const char *name, double value, unsigned rounds)
{
	const double values[3] = { value, value, value };

	mode->metrics = realloc(mode->metrics, (mode->n_metrics + 1) * sizeof(*mode->metrics));
	assert_non_null(mode->metrics);
	memset(&mode->metrics[mode->n_metrics], 0, sizeof(*mode->metrics));
	snprintf(mode->metrics[mode->n_metrics].name, sizeof(mode->metrics->name), "%s", name);
	assert_int_equal(estimate__init(&mode->metrics[mode->n_metrics++].value, values, rounds),
			 0);
}

static void judge(struct report *report)
{
	assert_int_equal(verdict__judge(report), 0);
	assert_non_null(report->verdict.text);
	if (getenv("CONVOY_TEST_SHOW"))
		printf("%s\n", report->verdict.text);
}

#define assert_says(report, words) \
	do { \
		if (!strstr((report)->verdict.text, words)) \
			fail_msg("\"%s\" is not in:\n%s", words, (report)->verdict.text); \
	} while (0)
#define assert_says_not(report, words) \
	do { \
		if (strstr((report)->verdict.text, words)) \
			fail_msg("\"%s\" is in:\n%s", words, (report)->verdict.text); \
	} while (0)

static void test_two_cpus(void **state)
{
	struct report *report = report_of("countdown", 2);
	struct report_mode *gil;

	(void)state;
	add_mode(report, "serial", 1020, 0.01, 5);
	gil = add_mode(report, "gil-timed", 1030, 0.01, 5);
	spend(gil, ACCOUNT_LOCK, 490);
	add_lock(gil, LOCK_GIL, 490);
	add_mode(report, "threads", 530, 0.01, 5);
	add_mode(report, "processes", 531, 0.01, 5);
	judge(report);
	assert_says(report, "Under a GIL, use PROCESSES: 1.94x faster than GIL threads (1.9");
	assert_says(report, "GIL threads spent 49 % of their time waiting for the GIL, none for "
			    "I/O.");
	assert_says(report, "Without a GIL, threads do as well as processes (same within ");
	/* Threads and processes tie: nobody is best. */
	assert_string_equal(report->verdict.best_mode, "");
	assert_true(report->verdict.confidence.known);
	assert_true(report->verdict.confidence.value < 1);
	report__free(report);
}

static void test_best_is_named_when_alone(void **state)
{
	struct report *report = report_of("countdown", 2);

	(void)state;
	add_mode(report, "gil-timed", 1000, 0.01, 3);
	add_mode(report, "threads", 600, 0.01, 3);
	add_mode(report, "processes", 500, 0.01, 3);
	judge(report);
	assert_string_equal(report->verdict.best_mode, "processes");
	assert_true(report->verdict.confidence.known);
	assert_true(report->verdict.confidence.value > 0.999);
	assert_says(report, "Without a GIL, processes are 1.20x faster than threads (");
	report__free(report);
}

static void test_overlap_is_no_difference(void **state)
{
	struct report *report = report_of("countdown", 2);

	(void)state;
	add_mode(report, "gil-timed", 1000, 0.3, 5);
	add_mode(report, "processes", 900, 0.3, 5);
	judge(report);
	assert_string_equal(report->verdict.best_mode, "");
	assert_says(report, "Under a GIL, no clear difference between threads and processes (");
	assert_says_not(report, "use ");
	assert_says_not(report, "faster");
	report__free(report);
}

static void test_both_gil_styles(void **state)
{
	struct report *report = report_of("countdown", 2);
	struct report_mode *ticks, *timed;
	const double many[] = { 88000, 88214, 89000 }, few[] = { 400, 412, 420 };

	(void)state;
	ticks = add_mode(report, "gil-ticks", 1610, 0.01, 5);
	spend(ticks, ACCOUNT_LOCK, 440);
	estimate__init(&ticks->voluntary, many, 3);
	estimate__init(&ticks->involuntary, few, 3);
	timed = add_mode(report, "gil-timed", 1030, 0.01, 5);
	spend(timed, ACCOUNT_LOCK, 490);
	estimate__init(&timed->voluntary, few, 3);
	estimate__init(&timed->involuntary, few, 3);
	add_mode(report, "processes", 530, 0.01, 5);
	judge(report);
	assert_says(report, "use PROCESSES: 1.94x faster than GIL threads (1.9");
	assert_says(report, "; 3.04x with gil-ticks).");
	assert_says(report, "waiting for the GIL (44 % with gil-ticks)");
	assert_says(report, "The style of the GIL matters: gil-ticks takes 1.56x as long as "
			    "gil-timed (");
	assert_says(report, "with 108x as many context switches.");
	report__free(report);
}

static void test_ticks_alone_is_the_gil(void **state)
{
	struct report *report = report_of("countdown", 2);
	struct report_mode *ticks;

	(void)state;
	ticks = add_mode(report, "gil-ticks", 1610, 0.01, 5);
	spend(ticks, ACCOUNT_LOCK, 440);
	add_mode(report, "processes", 530, 0.01, 5);
	judge(report);
	assert_says(report, "3.04x faster than GIL threads");
	assert_says(report, "GIL threads spent 44 %");
	assert_says_not(report, "gil-ticks");
	report__free(report);
}

static void test_sleep_overlaps(void **state)
{
	struct report *report = report_of("recursion", 2);
	struct report_mode *mode;

	(void)state;
	spend(add_mode(report, "serial", 1000, 0.005, 5), ACCOUNT_SLEEP, 990);
	spend(add_mode(report, "threads", 500, 0.005, 5), ACCOUNT_SLEEP, 990);
	mode = add_mode(report, "gil-timed", 501, 0.005, 5);
	spend(mode, ACCOUNT_SLEEP, 980);
	spend(mode, ACCOUNT_LOCK, 1);
	spend(add_mode(report, "processes", 502, 0.005, 5), ACCOUNT_SLEEP, 990);
	judge(report);
	assert_says(report, "Threads gain even under a GIL: 2.00x faster than serial (");
	assert_says(report, "because the waiting overlaps.");
	assert_says(report, "Processes buy nothing: same as GIL threads within ");
	assert_says(report, "GIL threads spent 98 % of their time asleep, 0.1 % waiting for the "
			    "GIL, none for I/O.");
	assert_says_not(report, "PROCESSES");
	report__free(report);
}

static void test_sleep_where_processes_are_slower(void **state)
{
	struct report *report = report_of("recursion", 2);

	(void)state;
	spend(add_mode(report, "gil-timed", 500, 0.005, 5), ACCOUNT_SLEEP, 980);
	spend(add_mode(report, "processes", 600, 0.005, 5), ACCOUNT_SLEEP, 980);
	judge(report);
	assert_says(report, "Processes buy nothing: GIL threads are 1.20x faster (1.1");
	assert_string_equal(report->verdict.best_mode, "gil-timed");
	report__free(report);
}

static void test_one_cpu_takes_turns(void **state)
{
	struct report *report = report_of("countdown", 1);

	(void)state;
	spend(add_mode(report, "threads", 1000, 0.005, 5), ACCOUNT_PREEMPTED, 490);
	spend(add_mode(report, "processes", 1001, 0.005, 5), ACCOUNT_PREEMPTED, 500);
	judge(report);
	assert_says(report, "On one CPU threads and processes only take turns: the wait is "
			    "run-queue delay (49 % of thread time in threads, 50 % in "
			    "processes).");
	assert_says(report, "Without a GIL, threads do as well as processes (same within ");
	report__free(report);
}

static void test_few_rounds(void **state)
{
	struct report *report = report_of("countdown", 2);

	(void)state;
	add_mode(report, "gil-timed", 1000, 0, 1);
	add_mode(report, "processes", 500, 0, 1);
	judge(report);
	assert_says(report, "Under a GIL, processes ran 2.00x as fast as threads.");
	assert_says(report, "1 round: no interval; use -r 5.");
	assert_says_not(report, "use PROCESSES");
	assert_string_equal(report->verdict.best_mode, "");
	assert_false(report->verdict.confidence.known);
	report__free(report);

	report = report_of("countdown", 2);
	add_mode(report, "gil-timed", 1000, 0.01, 5);
	add_mode(report, "processes", 500, 0.01, 2);
	judge(report);
	assert_says(report, "2 rounds: no interval; use -r 5.");
	assert_string_equal(report->verdict.best_mode, "");
	assert_false(report->verdict.confidence.known);
	report__free(report);
}

static void test_mode_without_rounds(void **state)
{
	struct report *report = report_of("countdown", 2);

	(void)state;
	report->incomplete = true;
	add_mode(report, "gil-timed", 1000, 0.01, 3);
	add_mode(report, "processes", 0, 0, 0)->worker_lifetime_ns = 0;
	judge(report);
	assert_string_equal(report->verdict.best_mode, "");
	assert_false(report->verdict.confidence.known);
	assert_says(report, "Not every mode has a measured round.");
	assert_says_not(report, "faster");
	report__free(report);
}

static void test_no_modes(void **state)
{
	struct report *report = report_of("countdown", 2);

	(void)state;
	judge(report);
	assert_string_equal(report->verdict.best_mode, "");
	assert_false(report->verdict.confidence.known);
	/* Judging again replaces, and leaks nothing. */
	judge(report);
	report__free(report);
}

static void test_command(void **state)
{
	struct report *report = report_of("", 2);
	struct report_mode *mode = add_mode(report, "command", 1000, 0, 1);

	(void)state;
	spend(mode, ACCOUNT_LOCK, 300);
	spend(mode, ACCOUNT_IO, 400);
	judge(report);
	assert_string_equal(report->verdict.text,
			    "Threads spent 40 % of their time waiting for I/O, 30 % waiting for "
			    "locks, 30 % running.");
	assert_string_equal(report->verdict.best_mode, "");
	assert_false(report->verdict.confidence.known);
	report__free(report);
}

/* What a command may wait for besides, and a job does not. */
static void test_command_that_waits(void **state)
{
	static const struct {
		enum account account;
		const char *words;
	} waits[] = {
		{ ACCOUNT_COND, "waiting for work or a signal" },
		{ ACCOUNT_JOIN, "waiting for other threads to end" },
		{ ACCOUNT_CHILD, "waiting for child processes" },
		{ ACCOUNT_FAULT, "blocked in page faults" },
		{ ACCOUNT_STOPPED, "stopped" },
		{ ACCOUNT_OTHER, "blocked in other system calls" },
		{ ACCOUNT_SLEEP, "asleep" },
		{ ACCOUNT_IO, "waiting for I/O" },
		{ ACCOUNT_LOCK, "waiting for locks" },
		{ ACCOUNT_WAKEUP, "runnable without a CPU" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(waits) / sizeof(*waits); i++) {
		struct report *report = report_of("", 2);
		char words[128];

		spend(add_mode(report, "command", 1000, 0, 1), waits[i].account, 900);
		judge(report);
		snprintf(words, sizeof(words),
			 "Threads spent 90 %% of their time %s, 10 %% running", waits[i].words);
		assert_says(report, words);
		assert_says_not(report, "-r 5");
		report__free(report);

		/* A job's main thread joins its workers: that goes without saying. */
		report = report_of("countdown", 2);
		spend(add_mode(report, "threads", 1000, 0.01, 5), waits[i].account, 900);
		judge(report);
		if (waits[i].account == ACCOUNT_JOIN)
			assert_says_not(report, waits[i].words);
		report__free(report);
	}
}

/* All of them at once fit, and small ones are left out. */
static void test_command_that_does_everything(void **state)
{
	struct report *report = report_of("", 2);
	struct report_mode *mode = add_mode(report, "command", 1000, 0, 1);

	(void)state;
	for (int account = 0; account < ACCOUNT_COUNT; account++)
		if (account != ACCOUNT_RUNNING)
			spend(mode, (enum account)account, account == ACCOUNT_STOPPED ? 49 : 70);
	judge(report);
	assert_says(report, "7.0 % waiting for child processes");
	assert_says_not(report, "stopped");
	report__free(report);
}

static void test_serial_wins(void **state)
{
	struct report *report = report_of("countdown", 2);

	(void)state;
	add_mode(report, "serial", 10, 0.01, 5);
	add_mode(report, "gil-timed", 30, 0.01, 5);
	add_mode(report, "threads", 15, 0.01, 5);
	add_mode(report, "processes", 20, 0.01, 5);
	judge(report);
	assert_string_equal(report->verdict.best_mode, "serial");
	assert_says(report, "use SERIAL: 1.50x faster than threads (");
	assert_says(report, "Under a GIL, processes are 1.50x faster than GIL threads (");
	assert_says_not(report, "use PROCESSES");
	report__free(report);
}

static void test_without_processes(void **state)
{
	struct report *report = report_of("countdown", 2);

	(void)state;
	add_mode(report, "serial", 1000, 0.005, 5);
	add_mode(report, "gil-timed", 1005, 0.005, 5);
	add_mode(report, "threads", 510, 0.005, 5);
	judge(report);
	assert_says(report, "Under a GIL, threads gain nothing over serial (same within ");
	assert_says(report, "Without a GIL, threads are 1.97x faster than GIL threads (");
	assert_string_equal(report->verdict.best_mode, "threads");
	report__free(report);
}

static void test_other_locks_are_told_apart(void **state)
{
	struct report *report = report_of("mixed", 2);
	struct report_mode *gil = add_mode(report, "gil-timed", 1000, 0.01, 5);

	(void)state;
	spend(gil, ACCOUNT_LOCK, 400);
	add_lock(gil, LOCK_GIL, 300);
	add_lock(gil, LOCK_MUTEX, 100);
	/* Waiting for work is not waiting for a lock. */
	add_lock(gil, LOCK_COND, 9000);
	judge(report);
	assert_says(report, "GIL threads spent 30 % of their time waiting for the GIL, 10 % for "
			    "other locks, none for I/O.");
	report__free(report);
}

static void test_lost_events_and_wrong_results_come_first(void **state)
{
	struct report *report = report_of("countdown", 2);

	(void)state;
	report->valid = false;
	add_mode(report, "gil-timed", 1000, 0.01, 5)->tasks_wrong = 2;
	add_mode(report, "processes", 500, 0.01, 5);
	judge(report);
	assert_ptr_equal(strstr(report->verdict.text, "Warning: events were lost."),
			 report->verdict.text);
	assert_says(report, "Warning: 2 results of the work itself were wrong.");
	report__free(report);
}

/* A report of commands alone: "b" against "a", which is the reference. */
static struct report *commands_of(double a, double b, double scatter, unsigned rounds)
{
	struct report *report = report_of("", 2);

	snprintf(report->reference, sizeof(report->reference), "a");
	give_command(add_mode(report, "a", a, scatter, rounds));
	give_command(add_mode(report, "b", b, scatter, rounds));
	judge(report);
	return report;
}

static void test_commands(void **state)
{
	struct report *report;

	(void)state;
	/* CLEAR, for the one and for the other. */
	report = commands_of(1000, 500, 0.01, 5);
	assert_says(report, "b is 2.00x faster than a (1.9");
	assert_string_equal(report->verdict.best_mode, "b");
	report__free(report);
	report = commands_of(500, 1000, 0.01, 5);
	assert_says(report, "a is 2.00x faster than b (1.9");
	assert_string_equal(report->verdict.best_mode, "a");
	report__free(report);

	/* SAME */
	report = commands_of(1000, 1001, 0.005, 5);
	assert_int_equal(strncmp(report->verdict.text, "b does as well as a (same within ", 33), 0);
	assert_string_equal(report->verdict.best_mode, "");
	assert_says_not(report, "faster");
	report__free(report);

	/* OPEN */
	report = commands_of(1000, 900, 0.3, 5);
	assert_int_equal(
		strncmp(report->verdict.text, "No clear difference between b and a (0.", 39), 0);
	assert_says(report, "x).");
	assert_says_not(report, "faster");
	report__free(report);

	/* POINT: no interval, and what to do about it. */
	report = commands_of(1000, 400, 0, 1);
	assert_string_equal(report->verdict.text,
			    "b ran 2.50x as fast as a.\n1 round: no interval; use -r 5.");
	assert_string_equal(report->verdict.best_mode, "");
	report__free(report);
	report = commands_of(400, 1000, 0, 2);
	assert_says(report, "a ran 2.50x as fast as b.");
	report__free(report);
	/* Never "1.00x as fast". */
	report = commands_of(1000, 1004, 0, 1);
	assert_says(report, "took the same time.");
	assert_says_not(report, "as fast");
	report__free(report);
	report = commands_of(1000, 1006, 0, 1);
	assert_says(report, "a ran 1.01x as fast as b.");
	report__free(report);

	/* A single one has nothing to compare, so nothing to advise. */
	report = report_of("", 2);
	give_command(add_mode(report, "a", 10, 0, 1));
	judge(report);
	assert_says_not(report, "round");
	report__free(report);
}

static void test_commands_are_compared_with_the_reference_only(void **state)
{
	struct report *report = report_of("countdown", 2);

	(void)state;
	add_mode(report, "serial", 1000, 0.01, 5);
	add_mode(report, "threads", 500, 0.01, 5);
	give_command(add_mode(report, "a", 250, 0.01, 5));
	give_command(add_mode(report, "b", 2000, 0.01, 5));
	give_command(add_mode(report, "unmeasured", 0, 0, 0));
	snprintf(report->reference, sizeof(report->reference), "serial");
	judge(report);
	assert_says(report, "a is 4.00x faster than serial (");
	assert_says(report, "serial is 2.00x faster than b (");
	assert_says(report, "Threads are 2.00x faster than serial (");
	assert_says_not(report, "a is 8");
	assert_says_not(report, "unmeasured");
	report__free(report);

	/* One that was not run, or not measured, is compared with nothing. */
	report = report_of("", 2);
	give_command(add_mode(report, "a", 0, 0, 0));
	give_command(add_mode(report, "b", 10, 0.01, 5));
	judge(report);
	assert_string_equal(report->verdict.text, "Not every mode has a measured round.");
	snprintf(report->reference, sizeof(report->reference), "a");
	judge(report);
	assert_string_equal(report->verdict.text, "Not every mode has a measured round.");
	report__free(report);
}

static void test_convoy_effect(void **state)
{
	struct report *report = report_of("mixed", 2);
	struct report_mode *ticks, *timed, *threads, *processes;

	(void)state;
	ticks = add_mode(report, "gil-ticks", 1000, 0.005, 5);
	timed = add_mode(report, "gil-timed", 1000, 0.005, 5);
	threads = add_mode(report, "threads", 1000, 0.005, 5);
	processes = add_mode(report, "processes", 1000, 0.005, 5);
	judge(report);
	assert_says_not(report, "Convoy effect");

	/* Nothing to compare with; another latency is another thing. */
	add_metric(timed, "latency_p50_ns", 9e9, 3);
	add_metric(timed, "latency_p99_ns", 5.43e6, 3);
	add_metric(processes, "latency_p50_ns", 1, 3);
	add_metric(processes, "requests_per_s", 1, 3);
	add_metric(threads, "latency_p99_ns", 0, 0);
	judge(report);
	assert_says_not(report, "Convoy effect");

	/* The other style of GIL is no way out of it. */
	add_metric(ticks, "latency_p99_ns", 20000, 3);
	judge(report);
	assert_says_not(report, "Convoy effect");

	add_metric(processes, "latency_p99_ns", 54300, 3);
	judge(report);
	assert_says(report, "Convoy effect: under gil-timed a request takes 5.43 ms (p99), 100x as "
			    "long as in processes, for each waits for the GIL behind CPU-bound "
			    "threads.");
	/* The best of those without a GIL. */
	estimate__free(&threads->metrics[0].value);
	threads->n_metrics = 0;
	add_metric(threads, "latency_p99_ns", 1.81e6, 3);
	judge(report);
	assert_says(report, "as long as in processes");
	processes->metrics[2].value.median = 1.9e6;
	judge(report);
	assert_says(report, "3.00x as long as in threads");
	report__free(report);
}

static void test_no_convoy_effect_below_three_times(void **state)
{
	struct report *report = report_of("mixed", 2);

	(void)state;
	add_metric(add_mode(report, "gil-ticks", 1000, 0.005, 5), "latency_p99_ns", 2.99e6, 3);
	add_metric(add_mode(report, "threads", 1000, 0.005, 5), "latency_p99_ns", 1e6, 3);
	judge(report);
	assert_says_not(report, "Convoy effect");
	/* gil-ticks stands for the GIL where it is alone. */
	report->modes[0].metrics[0].value.median = 3e6;
	judge(report);
	assert_says(report, "Convoy effect: under gil-ticks a request takes 3.00 ms (p99), 3.00x");
	/* No ratio to nothing. */
	report->modes[1].metrics[0].value.median = 0;
	judge(report);
	assert_says_not(report, "Convoy effect");
	report__free(report);
}

/* Without probes nobody knows where time went: walls alone are judged. */
static void test_untraced(void **state)
{
	struct report *report = report_of("countdown", 1);

	(void)state;
	add_mode(report, "serial", 1020, 0.005, 5);
	add_mode(report, "gil-timed", 1030, 0.005, 5);
	add_mode(report, "processes", 531, 0.005, 5);
	for (size_t i = 0; i < 3; i++) {
		report->modes[i].worker_lifetime_ns = 0;
		report->modes[i].worker_time_ns[ACCOUNT_RUNNING] = 0;
	}
	judge(report);
	assert_says(report, "Under a GIL, use PROCESSES: 1.94x faster than GIL threads (");
	assert_says_not(report, "spent");
	assert_says_not(report, "none");
	assert_says_not(report, "run-queue");
	assert_says_not(report, "0 %");
	report__free(report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_cpus),
		cmocka_unit_test(test_best_is_named_when_alone),
		cmocka_unit_test(test_overlap_is_no_difference),
		cmocka_unit_test(test_both_gil_styles),
		cmocka_unit_test(test_ticks_alone_is_the_gil),
		cmocka_unit_test(test_sleep_overlaps),
		cmocka_unit_test(test_sleep_where_processes_are_slower),
		cmocka_unit_test(test_one_cpu_takes_turns),
		cmocka_unit_test(test_few_rounds),
		cmocka_unit_test(test_mode_without_rounds),
		cmocka_unit_test(test_no_modes),
		cmocka_unit_test(test_command),
		cmocka_unit_test(test_command_that_waits),
		cmocka_unit_test(test_command_that_does_everything),
		cmocka_unit_test(test_serial_wins),
		cmocka_unit_test(test_without_processes),
		cmocka_unit_test(test_other_locks_are_told_apart),
		cmocka_unit_test(test_lost_events_and_wrong_results_come_first),
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_commands_are_compared_with_the_reference_only),
		cmocka_unit_test(test_convoy_effect),
		cmocka_unit_test(test_no_convoy_effect_below_three_times),
		cmocka_unit_test(test_untraced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
