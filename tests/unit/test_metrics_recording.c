/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_metrics_recording.c - a recording's report: no rusage, lives that are cut.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include <linux/futex.h>

#include <cmocka.h>

#include "tests/unit/events_fixture.h"
#include "user/metrics.h"

static union event lock_wait(uint32_t id, uint64_t out_ns, uint64_t waking_ns, uint64_t in_ns)
{
	return ev_futex(id, out_ns, waking_ns, in_ns, 0x1000, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 2);
}

/* 100..1100: one thread was there and goes on, one comes and ends. */
static struct ledger *recorded(void)
{
	struct ledger *ledger = new_ledger(100, NULL);
	union event seen = ev_seen(1, 90, CONVOY_SEEN_BLOCKED, 3, 4);
	union event death = ev_death(2, 700, 1, 0);
	union event alive = ev_alive(1, 1110);

	seen.seen.runtime_ns = 5000;
	feed(ledger, seen);
	feed(ledger, with_flags(lock_wait(1, 90, 300, 300), CONVOY_F_SINCE_BEFORE));
	feed(ledger, ev_birth(2, 400, 400));
	death.death.runtime_ns = 290;
	feed(ledger, death);
	ledger__end_at(ledger, 1100);
	alive.death.runtime_ns = 5000 + 700;
	feed(ledger, alive);
	feed(ledger, ev_still(lock_wait(1, 1000, 0, 0)));
	finish(ledger, 1100);
	return ledger;
}

static void fill(struct mode_metrics *metrics, bool has_usage, struct report_mode *mode)
{
	struct metrics_context context = { .cpus_usable = 2 };
	struct ledger *ledger = recorded();
	struct round round = {
		.ledger = ledger,
		.start_ns = 100,
		.end_ns = 1100,
		.has_usage = has_usage,
	};

	round.usage.ru_utime.tv_usec = 7;
	round.usage.ru_stime.tv_usec = 2;
	round.usage.ru_nvcsw = 5;
	round.usage.ru_nivcsw = 3;
	memset(mode, 0, sizeof(*mode));
	assert_int_equal(mode_metrics__add(metrics, &round), 0);
	assert_int_equal(mode_metrics__fill(metrics, &context, mode), 0);
	ledger__free(ledger);
}

static struct report *new_report(void)
{
	struct report *report = report__new();

	assert_non_null(report);
	report->modes = calloc(1, sizeof(*report->modes));
	assert_non_null(report->modes);
	report->n_modes = 1;
	return report;
}

static void test_cpu_time_is_the_threads(void **state)
{
	struct report *report = new_report();
	struct report_mode *mode = &report->modes[0];
	struct mode_metrics *metrics;

	(void)state;
	assert_int_equal(mode_metrics__new(&metrics, "command"), 0);
	fill(metrics, false, mode);
	assert_int_equal(mode->wall_ns.median, 1000);
	assert_int_equal(mode->cpu_ns.n, 1);
	assert_int_equal(mode->cpu_ns.median, 700 + 290);
	assert_true(fabs(mode->cores_used.median - 0.99) < 1e-9);
	assert_true(fabs(mode->cpu_util.median - 0.495) < 1e-9);
	/* How much of it was in the kernel nobody knows. */
	assert_int_equal(mode->system_ns.n, 0);
	assert_int_equal(mode->voluntary.median, 1);
	assert_int_equal(mode->residual_ns, 0);
	assert_int_equal(mode->threads_checked, 1);
	assert_int_equal(mode->threads_equal, 1);
	assert_false(mode->rusage_voluntary.known || mode->rusage_involuntary.known);
	report__free(report);
	mode_metrics__free(metrics);
}

static void test_of_rusage(void **state)
{
	struct report *report = new_report();
	struct report_mode *mode = &report->modes[0];
	struct mode_metrics *metrics;

	(void)state;
	assert_int_equal(mode_metrics__new(&metrics, "command"), 0);
	fill(metrics, true, mode);
	assert_int_equal(mode->cpu_ns.median, 9000);
	assert_int_equal(mode->system_ns.median, 2000);
	/* The switches of the mode are its threads' all the same. */
	assert_true(mode->rusage_voluntary.known && mode->rusage_involuntary.known);
	assert_int_equal(mode->rusage_voluntary.value, 5);
	assert_int_equal(mode->rusage_involuntary.value, 3);
	assert_int_equal(mode->voluntary.median, 1);
	report__free(report);
	mode_metrics__free(metrics);
}

static void test_what_was_cut(void **state)
{
	struct report *report = new_report();
	struct report_mode *mode = &report->modes[0];
	struct mode_metrics *metrics;

	(void)state;
	assert_int_equal(mode_metrics__new(&metrics, "command"), 0);
	fill(metrics, false, mode);
	assert_int_equal(mode->n_threads, 2);
	assert_true(mode->threads[0].since_before && mode->threads[0].unfinished &&
		    mode->threads[0].alive);
	assert_false(mode->threads[1].since_before || mode->threads[1].unfinished ||
		     mode->threads[1].alive);
	assert_false(mode->threads[0].audited);
	assert_int_equal(mode->threads[0].cpu_ns, 700);
	assert_int_equal(mode->threads[1].cpu_ns, 290);
	assert_int_equal(mode->n_locks, 1);
	assert_int_equal(mode->locks[0].waits, 2);
	assert_int_equal(mode->locks[0].since_before, 1);
	assert_int_equal(mode->locks[0].unfinished, 1);
	assert_int_equal(mode->locks[0].total_ns, 200 + 100);
	report__free(report);
	mode_metrics__free(metrics);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cpu_time_is_the_threads),
		cmocka_unit_test(test_of_rusage),
		cmocka_unit_test(test_what_was_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
