/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_metrics.c - rounds of a mode, added up into its report.
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

#include "tests/unit/events_fixture.h"
#include "user/metrics.h"

#define assert_near(a, b) assert_true(fabs((double)(a) - (double)(b)) <= 1e-9 * fabs((double)(b)))

/* A report with one mode of these metrics. */
static struct report *report_of(const struct mode_metrics *metrics, unsigned cpus_usable)
{
	struct metrics_context context = { .cpus_usable = cpus_usable, .futex_exits = true };
	struct report *report = report__new();

	assert_non_null(report);
	report->modes = calloc(8, sizeof(*report->modes));
	assert_non_null(report->modes);
	report->n_modes = 1;
	assert_int_equal(mode_metrics__fill(metrics, &context, &report->modes[0]), 0);
	return report;
}

static struct mode_metrics *new_metrics(const char *mode)
{
	struct mode_metrics *metrics = NULL;

	assert_int_equal(mode_metrics__new(&metrics, mode), 0);
	return metrics;
}

static void add(struct mode_metrics *metrics, struct ledger *ledger, uint64_t start_ns,
		uint64_t end_ns, uint64_t user_us, uint64_t system_us,
		const struct work_result *work)
{
	struct round round = {
		.ledger = ledger,
		.start_ns = start_ns,
		.end_ns = end_ns,
		.has_usage = true,
		.tool_cpu_ns = 1000 + mode_metrics__rounds(metrics),
		.work = work,
	};

	round.usage.ru_utime.tv_sec = (time_t)(user_us / 1000000);
	round.usage.ru_utime.tv_usec = (suseconds_t)(user_us % 1000000);
	round.usage.ru_stime.tv_sec = (time_t)(system_us / 1000000);
	round.usage.ru_stime.tv_usec = (suseconds_t)(system_us % 1000000);
	assert_int_equal(mode_metrics__add(metrics, &round), 0);
}

/* A root that waits for its two workers; the second worker differs between rounds. */
static struct ledger *round_ledger(uint64_t start_ns, unsigned round)
{
	uint64_t t = start_ns;
	union event death = on_cpus(ev_death(3, t + 950, 1, round), 0, 0);
	struct ledger *ledger = new_ledger(start_ns, NULL);

	feed(ledger, on_cpus(with_flags(ev_birth(1, t - 500, t - 400), CONVOY_F_ROOT), 0, 0));
	feed(ledger, on_cpus(ev_birth(2, t + 100, t + 110), 0, 1));
	feed(ledger, on_cpus(ev_birth(3, t + 100, t + 150), 0, 0));
	feed(ledger, on_cpus(ev_wait(1, t + 150, t + 990, t + 995, SYS_wait4), 0, 2 - round));
	feed(ledger, on_cpus(ev_wait(2, t + 400, t + 450, t + 460, SYS_nanosleep), 1, 1));
	for (unsigned i = 0; i < round; i++)
		feed(ledger, on_cpus(ev_runnable(3, t + 500 + 20 * i, t + 505 + 20 * i), 0, 0));
	feed(ledger, on_cpus(ev_death(2, t + 900, 2, 0), 1, 0));
	death.death.yields = 3;
	death.death.runtime_ns = 790;
	feed(ledger, death);
	feed(ledger,
	     on_cpus(with_flags(ev_death(1, t + 1000, 2, 0), CONVOY_F_ZOMBIE), 2 - round, 0));
	finish(ledger, t + 1000);
	return ledger;
}

static struct work_thread workers[] = {
	{ .pid = FIXTURE_PID,
	  .tid = FIXTURE_PID + 1,
	  .start_ns = 50100,
	  .end_ns = 50800,
	  .lock_wait_ns = 30,
	  .has_lock_wait = true,
	  .has_schedstat = true,
	  .run_ns = 500,
	  .run_delay_ns = 70 },
	{ .pid = FIXTURE_PID,
	  .tid = FIXTURE_PID + 2,
	  .start_ns = 50000,
	  .end_ns = 50900,
	  .lock_wait_ns = 12,
	  .has_lock_wait = true,
	  .has_schedstat = true,
	  .run_ns = 400,
	  .run_delay_ns = 5 },
};

static struct work_task tasks[] = {
	{ "fib", "233", FIXTURE_PID, FIXTURE_PID + 1, 50120, 50800, true },
	{ "fac", "478", FIXTURE_PID, FIXTURE_PID + 2, 49000, 50900, false },
};

static struct work_metric measured[] = { { "requests_per_s", 250.5 } };

static const struct work_result work = { .tasks = tasks,
					 .n_tasks = N(tasks),
					 .threads = workers,
					 .n_threads = N(workers),
					 .metrics = measured,
					 .n_metrics = N(measured) };

static void test_nothing_measured(void **state)
{
	struct mode_metrics *metrics = new_metrics("threads");
	struct report *report = report_of(metrics, 2);
	const struct report_mode *mode = &report->modes[0];

	(void)state;
	assert_int_equal(mode_metrics__rounds(metrics), 0);
	assert_string_equal(mode->mode, "threads");
	assert_int_equal(mode->rounds, 0);
	assert_int_equal(mode->wall_ns.n, 0);
	assert_int_equal(mode->cpu_util.n, 0);
	assert_int_equal(mode->n_threads + mode->n_cpus + mode->n_tasks + mode->n_locks, 0);
	assert_false(mode->tool_cpu_ns.known);
	assert_false(mode->probe_ns.known);
	report__fill_speedups(report);
	assert_false(mode->speedup.known);
	report__free(report);
	mode_metrics__free(metrics);
	mode_metrics__free(NULL);
}

static void test_two_rounds(void **state)
{
	struct mode_metrics *metrics = new_metrics("threads");
	const struct report_mode *mode;
	struct report *report;

	(void)state;
	for (unsigned round = 1; round <= 2; round++) {
		struct ledger *ledger = round_ledger(50000 * round, round);

		/* 1 us wall and 3 us CPU, then 2 us and 2 s (the carry of both parts). */
		add(metrics, ledger, 50000 * round, 50000 * round + 1000 * round,
		    round == 1 ? 1 : 1000001, round == 1 ? 2 : 999999, &work);
		ledger__free(ledger); /* nothing of it is kept */
	}
	assert_int_equal(mode_metrics__rounds(metrics), 2);
	report = report_of(metrics, 4);
	mode = &report->modes[0];
	assert_int_equal(mode->rounds, 2);

	assert_int_equal(mode->wall_ns.n, 2);
	assert_near(mode->wall_ns.rounds[0], 1000);
	assert_near(mode->wall_ns.rounds[1], 2000);
	assert_near(mode->wall_ns.median, 1500);
	assert_near(mode->cpu_ns.rounds[0], 3000);
	assert_near(mode->cpu_ns.rounds[1], 2e9);
	assert_near(mode->system_ns.rounds[0], 2000);
	assert_near(mode->system_ns.rounds[1], 999999000);
	/* CPU time by wall time, and that by the CPUs that may be used. */
	assert_near(mode->cores_used.rounds[0], 3);
	assert_near(mode->cores_used.rounds[1], 1e6);
	assert_near(mode->cpu_util.rounds[0], 0.75);
	assert_near(mode->cpu_util.rounds[1], 2.5e5);
	/* As rusage counts: 1 (root) + 1 (root's death) + 1 (thread 2); its death counts not. */
	assert_near(mode->voluntary.rounds[0], 3);
	assert_near(mode->voluntary.rounds[1], 3);
	assert_near(mode->involuntary.rounds[0], 1);
	assert_near(mode->involuntary.rounds[1], 2);
	/* In the first round the root came back on another CPU. */
	assert_near(mode->migrations.rounds[0], 1);
	assert_near(mode->migrations.rounds[1], 0);
	assert_true(mode->tool_cpu_ns.known);
	assert_near(mode->tool_cpu_ns.value, 1000 + 1001);
	report__free(report);
	mode_metrics__free(metrics);
}

/* A last switch that raced with the parent's wait is in neither sum. */
static void test_unsure_switches(void **state)
{
	struct mode_metrics *metrics = new_metrics("threads");
	struct report *report;

	(void)state;
	for (unsigned round = 1; round <= 2; round++) {
		struct ledger *ledger = new_ledger(100, NULL);

		feed(ledger, with_flags(ev_birth(1, 100, 100), CONVOY_F_ROOT));
		feed(ledger, ev_birth(2, 110, 120));
		feed(ledger, with_flags(ev_death(2, 200, 1, 0), CONVOY_F_REAPING));
		feed(ledger, with_flags(ev_death(1, 300, 1, 0), CONVOY_F_ZOMBIE));
		finish(ledger, 300);
		add(metrics, ledger, 100, 300, 1, 0, NULL);
		ledger__free(ledger);
	}
	report = report_of(metrics, 1);
	assert_int_equal(report->modes[0].rusage_unsure, 2);
	assert_int_equal(report->modes[0].threads_equal, 4);
	report__free(report);
	mode_metrics__free(metrics);
}

static void test_sums_of_all_and_of_workers(void **state)
{
	struct mode_metrics *metrics = new_metrics("threads");
	uint64_t expected[ACCOUNT_COUNT] = { 0 }, of_workers[ACCOUNT_COUNT] = { 0 };
	const struct report_mode *mode;
	struct report *report;

	(void)state;
	for (unsigned round = 1; round <= 2; round++) {
		struct ledger *ledger = round_ledger(50000, round);

		add(metrics, ledger, 50000, 51000, 1, 0, &work);
		ledger__free(ledger);
		of_workers[ACCOUNT_WAKEUP] += 10 + 50 + 10;
		of_workers[ACCOUNT_SLEEP] += 50;
		of_workers[ACCOUNT_PREEMPTED] += 5 * round;
		of_workers[ACCOUNT_RUNNING] += 290 + 440 + 800 - 5 * round;
		expected[ACCOUNT_CHILD] += 840;
		expected[ACCOUNT_RUNNING] += 150 + 5;
		expected[ACCOUNT_WAKEUP] += 5;
	}
	report = report_of(metrics, 2);
	mode = &report->modes[0];
	for (int a = 0; a < ACCOUNT_COUNT; a++) {
		assert_int_equal(mode->worker_time_ns[a], of_workers[a]);
		assert_int_equal(mode->time_ns[a], expected[a] + of_workers[a]);
	}
	assert_int_equal(mode->worker_lifetime_ns, 2 * (800 + 850));
	assert_int_equal(mode->lifetime_ns, 2 * (1000 + 800 + 850));
	assert_int_equal(mode->residual_ns, 0);
	assert_int_equal(mode->yields, 6);
	assert_int_equal(mode->threads_checked, 6);
	assert_int_equal(mode->threads_equal, 6);
	report__free(report);
	mode_metrics__free(metrics);
}

/* A command that says nothing of itself: every thread is what it does. */
static void test_without_roles_all_threads_count(void **state)
{
	struct mode_metrics *metrics = new_metrics("command");
	struct ledger *ledger = round_ledger(50000, 1);
	struct report *report;

	(void)state;
	add(metrics, ledger, 50000, 51000, 1, 0, NULL);
	report = report_of(metrics, 2);
	assert_int_equal(report->modes[0].worker_lifetime_ns, 1000 + 800 + 850);
	for (int a = 0; a < ACCOUNT_COUNT; a++)
		assert_int_equal(report->modes[0].worker_time_ns[a], report->modes[0].time_ns[a]);
	assert_int_equal(report->modes[0].n_tasks, 0);
	assert_int_equal(report->modes[0].tasks_checked, 0);
	assert_string_equal(report->modes[0].threads[0].role, "main");
	assert_string_equal(report->modes[0].threads[1].role, "");
	report__free(report);
	ledger__free(ledger);
	mode_metrics__free(metrics);
}

static void test_workers_are_known_by_pid_and_tid(void **state)
{
	/* One with the TID outside, one with another PID: neither is a worker. */
	struct work_thread strangers[] = {
		{ .pid = FIXTURE_ROOT_PID, .tid = FIXTURE_ROOT_PID + 1 },
		{ .pid = FIXTURE_PID + 9, .tid = FIXTURE_PID + 1 },
	};
	const struct work_result others = { .threads = strangers, .n_threads = N(strangers) };
	struct mode_metrics *metrics = new_metrics("threads");
	struct ledger *ledger = round_ledger(50000, 1);
	struct report *report;

	(void)state;
	add(metrics, ledger, 50000, 51000, 1, 0, &others);
	report = report_of(metrics, 2);
	assert_int_equal(report->modes[0].worker_lifetime_ns, 0);
	assert_int_equal(report->modes[0].lifetime_ns, 2650);
	report__free(report);
	ledger__free(ledger);
	mode_metrics__free(metrics);
}

static void test_threads(void **state)
{
	struct mode_metrics *metrics = new_metrics("threads");
	const struct report_thread *t;
	struct report *report;

	(void)state;
	for (unsigned round = 1; round <= 2; round++) {
		struct ledger *ledger = round_ledger(50000, round);

		add(metrics, ledger, 50000, 51000, 1, 0, &work);
		ledger__free(ledger);
	}
	report = report_of(metrics, 2);
	assert_int_equal(report->modes[0].n_threads, 6);
	for (size_t i = 0; i < 6; i++) {
		t = &report->modes[0].threads[i];
		assert_int_equal(t->round, i / 3);
		assert_int_equal(t->pid, FIXTURE_ROOT_PID);
		assert_int_equal(t->tid, FIXTURE_ROOT_PID + i % 3);
		assert_string_equal(t->role, i % 3 ? "worker" : "main");
		assert_true(t->audited && t->audit_equal);
	}
	t = &report->modes[0].threads[5];
	assert_string_equal(t->comm, "thread-3");
	assert_int_equal(t->lifetime_ns, 850);
	assert_int_equal(t->time_ns[ACCOUNT_PREEMPTED], 10);
	assert_int_equal(t->voluntary, 0); /* as rusage has it */
	assert_int_equal(t->involuntary, 2);
	assert_int_equal(t->cpu_ns, 790);
	report__free(report);
	mode_metrics__free(metrics);
}

static void test_tasks(void **state)
{
	struct mode_metrics *metrics = new_metrics("threads");
	const struct report_mode *mode;
	struct report *report;

	(void)state;
	for (unsigned round = 1; round <= 2; round++) {
		struct ledger *ledger = round_ledger(50000, round);

		add(metrics, ledger, 50000, 51000, 1, 0, &work);
		ledger__free(ledger);
	}
	report = report_of(metrics, 2);
	mode = &report->modes[0];
	assert_int_equal(mode->n_tasks, 4);
	assert_int_equal(mode->tasks_checked, 4);
	assert_int_equal(mode->tasks_wrong, 2);
	assert_string_equal(mode->tasks[2].name, "fib");
	assert_string_equal(mode->tasks[2].result, "233");
	assert_int_equal(mode->tasks[1].round, 0);
	assert_int_equal(mode->tasks[2].round, 1);
	/* The host's numbers, as the threads have them. */
	assert_int_equal(mode->tasks[2].pid, FIXTURE_ROOT_PID);
	assert_int_equal(mode->tasks[2].tid, FIXTURE_ROOT_PID + 1);
	/* Since the release of the cork; nothing was before it. */
	assert_int_equal(mode->tasks[0].start_ns, 120);
	assert_int_equal(mode->tasks[0].end_ns, 800);
	assert_int_equal(mode->tasks[1].start_ns, 0);
	assert_int_equal(mode->tasks[1].end_ns, 900);
	report__free(report);
	mode_metrics__free(metrics);
}

static void test_cpus(void **state)
{
	struct mode_metrics *metrics = new_metrics("threads");
	const struct report_mode *mode;
	uint64_t busy = 0;
	struct report *report;
	struct ledger *ledger = new_ledger(0, NULL);

	(void)state;
	/* The first round knows fewer CPUs than the second. */
	feed(ledger, on_cpus(ev_birth(1, 0, 0), 0, 1));
	feed(ledger, on_cpus(ev_death(1, 77, 1, 0), 1, 0));
	finish(ledger, 77);
	add(metrics, ledger, 0, 77, 1, 0, NULL);
	ledger__free(ledger);
	ledger = new_ledger(0, NULL);
	feed(ledger, on_cpus(ev_birth(1, 0, 0), 0, 5));
	feed(ledger, on_cpus(ev_runnable(1, 100, 110), 5, 1));
	feed(ledger, on_cpus(ev_death(1, 120, 1, 1), 1, 0));
	finish(ledger, 120);
	add(metrics, ledger, 0, 120, 1, 0, NULL);
	ledger__free(ledger);
	ledger = new_ledger(0, NULL);
	finish(ledger, 10);
	add(metrics, ledger, 0, 10, 0, 0, NULL); /* nothing seen at all */
	ledger__free(ledger);

	report = report_of(metrics, 2);
	mode = &report->modes[0];
	assert_int_equal(mode->n_cpus, 2);
	assert_int_equal(mode->cpus[0].cpu, 1);
	assert_int_equal(mode->cpus[0].busy_ns, 77 + 10);
	assert_int_equal(mode->cpus[1].cpu, 5);
	assert_int_equal(mode->cpus[1].busy_ns, 100);
	for (size_t i = 0; i < mode->n_cpus; i++)
		busy += mode->cpus[i].busy_ns;
	assert_int_equal(busy, mode->time_ns[ACCOUNT_RUNNING]);
	assert_int_equal(mode->n_threads, 2);
	assert_near(mode->cpu_ns.rounds[2] + 1, 1);
	report__free(report);
	mode_metrics__free(metrics);
}

static void test_unequal_threads_are_counted(void **state)
{
	struct mode_metrics *metrics = new_metrics("threads");
	struct ledger *ledger = new_ledger(100, NULL);
	struct report *report;

	(void)state;
	feed(ledger, ev_birth(1, 100, 100));
	feed(ledger, ev_death(1, 200, 1, 0)); /* equal */
	feed(ledger, ev_birth(2, 100, 100));
	feed(ledger, ev_death(2, 200, 2, 0)); /* a record is missing */
	feed(ledger, ev_wait(3, 50, 120, 130, SYS_read));
	feed(ledger, ev_death(3, 200, 99, 99)); /* there before: cannot be compared */
	feed(ledger, ev_birth(4, 100, 100)); /* lives on */
	feed(ledger, ev_birth(6, 100, 100)); /* of 5 nothing was seen */
	feed(ledger, ev_wait(6, 150, 190, 230, SYS_read));
	feed(ledger, ev_death(6, 210, 2, 0)); /* overlaps: 20 ns are booked twice */
	finish(ledger, 300);
	add(metrics, ledger, 100, 300, 1, 0, NULL);
	report = report_of(metrics, 2);
	assert_int_equal(report->modes[0].threads_checked, 3);
	assert_int_equal(report->modes[0].threads_equal, 2);
	assert_int_equal(report->modes[0].n_threads, 5);
	assert_int_equal(report->modes[0].residual_ns, -20);
	report__free(report);
	ledger__free(ledger);
	mode_metrics__free(metrics);
}

static void test_util_without_cpus_is_unknown(void **state)
{
	struct mode_metrics *metrics = new_metrics("threads");
	struct ledger *ledger = round_ledger(50000, 1);
	struct report *report;

	(void)state;
	add(metrics, ledger, 50000, 51000, 1, 0, NULL);
	add(metrics, ledger, 50000, 50000, 1, 0, NULL); /* no time at all: no core is used */
	report = report_of(metrics, 0);
	assert_int_equal(report->modes[0].cpu_util.n, 0);
	assert_int_equal(report->modes[0].cores_used.n, 2);
	assert_true(report->modes[0].cores_used.rounds[1] == 0);
	report__free(report);
	ledger__free(ledger);
	mode_metrics__free(metrics);
}

static void test_locks_are_there(void **state)
{
	struct mode_metrics *metrics = new_metrics("threads");
	struct ledger *ledger = new_ledger(0, NULL);
	struct report *report;

	(void)state;
	feed(ledger, ev_birth(1, 0, 0));
	feed(ledger, ev_futex(1, 100, 170, 180, 0x1000, 0, 2));
	finish(ledger, 200);
	add(metrics, ledger, 0, 200, 1, 0, NULL);
	add(metrics, ledger, 0, 200, 1, 0, NULL);
	report = report_of(metrics, 2);
	assert_int_equal(report->modes[0].n_locks, 1);
	assert_int_equal(report->modes[0].locks[0].total_ns, 140);
	assert_int_equal(report->modes[0].lock_wait.episodes, 2);
	assert_int_equal(report->modes[0].lock_wait.total_ns,
			 report->modes[0].time_ns[ACCOUNT_LOCK]);
	report__free(report);
	ledger__free(ledger);
	mode_metrics__free(metrics);
}

static void test_own_clocks_beside_a_ledger(void **state)
{
	struct mode_metrics *metrics = new_metrics("threads");
	struct ledger *ledger = round_ledger(50000, 1);
	const struct report_mode *mode;
	struct report *report;

	(void)state;
	add(metrics, ledger, 50000, 51000, 1, 0, &work);
	report = report_of(metrics, 2);
	mode = &report->modes[0];
	assert_near(mode->own.thread_ns.value, 1600);
	assert_near(mode->own.run_delay_ns.value, 75);
	assert_int_equal(mode->n_metrics, 1);
	assert_string_equal(mode->metrics[0].name, "requests_per_s");
	assert_near(mode->metrics[0].value.rounds[0], 250.5);
	assert_int_equal(mode->migrations.n, 1);
	report__free(report);
	ledger__free(ledger);
	mode_metrics__free(metrics);
}

static void set_wall(struct report *report, size_t at, const char *mode, double wall)
{
	struct report_mode *m = &report->modes[at];

	snprintf(m->mode, sizeof(m->mode), "%s", mode);
	if (wall >= 0)
		assert_int_equal(estimate__init(&m->wall_ns, &wall, 1), 0);
	report->n_modes = at + 1;
}

static struct report *empty_report(void)
{
	struct report *report = report__new();

	assert_non_null(report);
	report->modes = calloc(8, sizeof(*report->modes));
	assert_non_null(report->modes);
	return report;
}

static void test_speedups(void **state)
{
	struct report *report = empty_report();

	(void)state;
	set_wall(report, 0, "threads", 250);
	set_wall(report, 1, "serial", 1000);
	set_wall(report, 2, "gil-ticks", 1600);
	set_wall(report, 3, "gil-timed", 0); /* no time: no ratio */
	set_wall(report, 4, "processes", -1); /* not measured */
	snprintf(report->reference, sizeof(report->reference), "serial");
	report__fill_speedups(report);
	assert_near(report->modes[0].speedup.value, 4);
	assert_near(report->modes[1].speedup.value, 1);
	assert_near(report->modes[2].speedup.value, 0.625);
	assert_true(report->modes[0].speedup.known && report->modes[1].speedup.known &&
		    report->modes[2].speedup.known);
	assert_false(report->modes[3].speedup.known);
	assert_false(report->modes[4].speedup.known);

	/* Against another one, if the user says so. */
	snprintf(report->reference, sizeof(report->reference), "threads");
	report__fill_speedups(report);
	assert_near(report->modes[0].speedup.value, 1);
	assert_near(report->modes[1].speedup.value, 0.25);
	assert_near(report->modes[2].speedup.value, 0.15625);
	report__free(report);
}

static void test_no_speedup_without_its_reference(void **state)
{
	struct report *report = empty_report();

	(void)state;
	set_wall(report, 0, "threads", 250);
	set_wall(report, 1, "serially", 1000);
	report__fill_speedups(report); /* nor without a name of one */
	assert_false(report->modes[0].speedup.known || report->modes[1].speedup.known);
	snprintf(report->reference, sizeof(report->reference), "serial");
	report__fill_speedups(report);
	assert_false(report->modes[0].speedup.known);
	set_wall(report, 2, "serial", -1);
	report__fill_speedups(report);
	assert_false(report->modes[0].speedup.known);
	report__free(report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_measured),
		cmocka_unit_test(test_two_rounds),
		cmocka_unit_test(test_unsure_switches),
		cmocka_unit_test(test_sums_of_all_and_of_workers),
		cmocka_unit_test(test_without_roles_all_threads_count),
		cmocka_unit_test(test_workers_are_known_by_pid_and_tid),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_tasks),
		cmocka_unit_test(test_cpus),
		cmocka_unit_test(test_unequal_threads_are_counted),
		cmocka_unit_test(test_util_without_cpus_is_unknown),
		cmocka_unit_test(test_locks_are_there),
		cmocka_unit_test(test_own_clocks_beside_a_ledger),
		cmocka_unit_test(test_speedups),
		cmocka_unit_test(test_no_speedup_without_its_reference),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
