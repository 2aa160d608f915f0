/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_render_text.c - the text report: full, invalid, without probes, with what the job
 * measured of itself; its bars and numbers.
 *
 * With CONVOY_TEST_SHOW=1, the text of the reports is printed.
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

static void test_text_of_a_full_report(void **state)
{
	struct report *report = full_report(5);
	struct render_options options = { .width = 80, .utf8 = true, .locks = 5 };
	char *out = rendered("text", report, &options);

	(void)state;
	if (getenv("CONVOY_TEST_SHOW"))
		printf("%s", out);
	assert_contains(out, "convoy run -j countdown -w 2 -r 5\n");
	assert_contains(out, "Linux 6.18.5 x86_64, 2 CPUs (kvm, 0.4 % stolen), futex=all\n");
	assert_contains(out, "0 lost, ledger closes to <0.001 %, switches = kernel's "
			     "for 55 of 55 threads\n");
	assert_contains(out, "\n  Under a GIL, use PROCESSES: 1.94x faster than GIL threads");
	assert_contains(out, "\nserial     1.02 s \u00b11 %  1.00     1.00   50 %");
	assert_contains(out, "where thread time went   # running  ~ runnable  L lock\n");
	assert_contains(out, "\nserial     ########################################\n");
	assert_contains(out, "\ngil-timed  ####################LLLLLLLLLLLLLLLLLLLL\n");
	/* That of most waiting time: 440/1000 of 1610 ms is more than 490/1000 of 1030 ms. */
	assert_contains(out, "top lock    GIL of convoy-work (gil-ticks): 125 handoffs/s, held "
			     "5.02 ms on\n            average\n");
	assert_contains(out, "held by worker-1 50 %, worker-2 48 % (holder known for 98 % of");
	assert_contains(out, "next        convoy run -j recursion");
	assert_contains(out, "\nresidual");
	assert_contains(out, "convoy's own CPU time meanwhile: 15.5 ms");
	free(out);

	options.utf8 = false;
	out = rendered("text", report, &options);
	assert_contains(out, "1.02 s +-1 %");
	free(out);

	options.color = true;
	out = rendered("text", report, &options);
	assert_contains(out, "\033[31mLLLL");
	free(out);

	options = (struct render_options){ .threads = true, .verbose = true };
	out = rendered("text", report, &options);
	assert_contains(out, "threads: % of each life");
	assert_contains(out, "tasks: by their own clock");
	assert_contains(out, "7 sched_yield calls");
	assert_contains(out, "479001600");
	free(out);
	check_widths(report);
	report__free(report);
}

static void test_text_of_an_invalid_report(void **state)
{
	struct report *report = full_report(3);
	struct render_options options = { .width = 100 };
	char *out;

	(void)state;
	report->valid = false;
	report->incomplete = true;
	report->loss = (struct report_loss){ .ring = 12, .unmatched = 3, .reads = 9 };
	report->modes[1].threads_equal = 9;
	judge(report);
	out = rendered("text", report, &options);
	assert_ptr_equal(strstr(out, "INVALID: events were lost"), out);
	assert_contains(out, "(ring 12, task state 0, unmatched 3)");
	assert_contains(out, "\nINCOMPLETE: ");
	assert_contains(out, "\n15 lost, ");
	assert_contains(out, "53 of 55 threads, 9 failed reads");
	assert_contains(out, "\n  Warning: events were lost.");
	assert_contains(out, "--ring-bytes");
	free(out);
	check_widths(report);
	report__free(report);
}

/* What no probe saw is not shown, and the report says so. */
static void test_text_of_an_untraced_report(void **state)
{
	struct report *report = untraced_report(5);
	struct render_options options = { .width = 80, .threads = true, .verbose = true };
	char *out = rendered("text", report, &options), *line, *end;

	(void)state;
	if (getenv("CONVOY_TEST_SHOW"))
		printf("%s", out);
	assert_contains(out, "2 CPUs (kvm, 0.4 % stolen), no probes, futex=none\n");
	assert_contains(out, "Under a GIL, use PROCESSES: 1.94x faster than GIL threads");
	/* By the workload's own clock and schedstat; by rusage; unknown. */
	line = need(strstr(out, "\ngil-timed"));
	end = need(strchr(line + 1, '\n'));
	*end = '\0';
	assert_contains(line, "1.03 s +-1 %");
	assert_contains(line, "  412    49 %  0.5 %      -");
	free(out);

	out = rendered("text", report, &options);
	assert_contains(out, "\nWithout probes: vol, invol and CPU are from rusage; lock is the "
			     "workload's own\n");
	assert_contains(out, "run-queue is from schedstat");
	assert_contains(out, "there is no ledger, no p99, and no lock can be\n  named.\n");
	assert_contains(out, "\ntasks: by their own clock");
	assert_lacks(out, "where thread time went");
	assert_lacks(out, "top lock");
	assert_lacks(out, "ledger: ");
	assert_lacks(out, "ledger closes");
	assert_lacks(out, " lost");
	assert_lacks(out, "locks: ");
	assert_lacks(out, "CPU utilization");
	assert_lacks(out, "threads: %");
	assert_lacks(out, "of their time"); /* nor does the verdict say where time went */
	free(out);
	check_widths(report);

	/* A result that is wrong is known without probes. */
	report->modes[1].tasks_wrong = 1;
	judge(report);
	out = rendered("text", report, &options);
	assert_contains(out, ", 1 of 10 results WRONG\n");
	assert_contains(out, "1 result of the work itself was wrong.");
	free(out);
	report__free(report);
}

/* Commands say nothing of themselves. */
static void test_text_of_untraced_commands(void **state)
{
	static const struct sketch two[] = {
		{ "fast", 100, 0.01, 1, 3, 41, 1000, 0, 0, 0, 0 },
		{ "slow", 200, 0.01, 1, 3, 41, 1000, 0, 0, 0, 0 },
	};
	struct render_options options = { .width = 80 };
	struct report *commands = empty_report();
	char *out;

	(void)state;
	commands->probes.sched = false;
	commands->probes.futex = FUTEX_NONE;
	commands->job[0] = '\0';
	snprintf(commands->reference, sizeof(commands->reference), "slow");
	for (size_t i = 0; i < 2; i++) {
		struct report_mode *mode = add_mode(commands, &two[i], 3);

		give_command(mode, "make");
		memset(&mode->own, 0, sizeof(mode->own));
		mode->worker_lifetime_ns = 0;
	}
	judge(commands);
	out = rendered("text", commands, &options);
	assert_contains(out, "fast is 2.00x faster than slow (");
	assert_contains(out, "\nfast  100 ms +-1 %  2.00     1.00   50 %  3    41     -     -"
			     "          -\n");
	assert_contains(out, "\nslow  200 ms +-1 %  1.00 ");
	assert_lacks(out, "what the job measured");
	free(out);
	check_widths(commands);
	report__free(commands);
}

/* The row of a table that begins with `label`: copied, to be freed. */
static char *row_of(const char *text, const char *label)
{
	const char *start = text;

	while (start && (strncmp(start, label, strlen(label)) || start[strlen(label)] != ' ')) {
		start = strchr(start, '\n');
		start = start ? start + 1 : NULL;
	}
	if (!start)
		fail_msg("no row \"%s\" in:\n%s", label, text);
	return need(strndup(start, strcspn(start, "\n")));
}

static void check_row(const char *text, const char *row)
{
	const char *gap = need(strstr(row, "  "));
	char name[64], *found;

	snprintf(name, sizeof(name), "%.*s", (int)(gap - row), row);
	found = row_of(text, name);
	assert_string_equal(found, row);
	free(found);
}

static void test_text_of_job_metrics(void **state)
{
	struct render_options options = { .width = 80 };
	struct report *report = full_report(3);
	char *out = rendered("text", report, &options);
	unsigned parts = 0;

	(void)state;
	/* Without any, no table. */
	assert_lacks(out, "what the job measured");
	free(out);

	/* Of some modes only, in another order, in units of all kinds. */
	add_metric(&report->modes[1], "latency_p99_ns", 9.9e6, 3);
	add_metric(&report->modes[2], "latency_p99_ns", 5.4e6, 3);
	add_metric(&report->modes[2], "requests_per_s", 250.5, 3);
	add_metric(&report->modes[4], "requests_per_s", 31234.25, 3);
	add_metric(&report->modes[4], "latency_p99_ns", 8200, 3);
	add_metric(&report->modes[4], "messages", 12, 3);
	add_metric(&report->modes[4], "nothing", 1, 0);
	add_metric(&report->modes[4], "share", 0, 3);
	out = rendered("text", report, &options);
	if (getenv("CONVOY_TEST_SHOW"))
		printf("%s", out);
	assert_contains(out, "\nwhat the job measured: medians\n");
	check_row(out, "latency p99          -    9.90 ms    5.40 ms        -    8.20 us");
	check_row(out, "requests per s       -          -        250        -      31234");
	check_row(out, "messages             -          -          -        -         12");
	check_row(out, "nothing              -          -          -        -          -");
	check_row(out, "share                -          -          -        -          0");
	free(out);
	check_widths(report);

	/* Too narrow for all modes: below each other, and the same rows in every part. */
	options.width = 40;
	out = rendered("text", report, &options);
	for (const char *at = out; (at = strstr(at, "\nrequests per s ")); at++)
		parts++;
	assert_true(parts >= 2);
	for (const char *at = out; (at = strstr(at, "\nmessages ")); at++)
		parts--;
	assert_int_equal(parts, 0);
	free(out);
	report__free(report);
}

static void test_bars_sum_to_their_width(void **state)
{
	uint64_t parts[5];
	unsigned cells[5];

	(void)state;
	for (uint64_t seed = 1; seed < 2000; seed++) {
		unsigned sum = 0, width = (unsigned)(seed % 61);

		for (unsigned i = 0; i < 5; i++)
			parts[i] = (seed * 2654435761u >> (3 * i)) % (i == seed % 5 ? 1 : 977);
		text__apportion(parts, 5, width, cells);
		for (unsigned i = 0; i < 5; i++) {
			sum += cells[i];
			assert_true(parts[i] || !cells[i]);
		}
		assert_int_equal(sum, width);
	}
	memset(parts, 0, sizeof(parts));
	text__apportion(parts, 5, 40, cells);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(cells[i], 0);
	parts[3] = UINT64_MAX;
	parts[4] = UINT64_MAX;
	text__apportion(parts, 5, 41, cells);
	assert_int_equal(cells[3] + cells[4], 41);
}

static void test_durations(void **state)
{
	static const struct {
		double ns;
		const char *shown;
	} cases[] = {
		{ 0, "0 ns" }, { 999.4, "999 ns" }, { 999.6, "1.00 us" }, { 8200, "8.20 us" },
		{ 12345, "12.3 us" }, { 999960, "1.00 ms" }, { 5.4e6, "5.40 ms" },
		{ 1.02e9, "1.02 s" }, { 1.5e13, "15000 s" },
	};
	char buf[TEXT_CELL];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(text__duration(buf, cases[i].ns), cases[i].shown);
	assert_string_equal(text__percent(buf, 0), "0 %");
	assert_string_equal(text__percent(buf, 0.0004), "<0.1 %");
	assert_string_equal(text__percent(buf, 0.0997), "10 %");
	assert_string_equal(text__percent(buf, 1), "100 %");
	assert_string_equal(text__share(buf, 1, 0), "-");
}

/* What is to be pasted is in one piece, and as it was; but no more harmful than the rest. */
static void test_commands_in_a_verdict(void **state)
{
	static const char command[] = "  convoy run --cmd 'a=sh  -c  \"x  y\"' --cmd 'b=a program "
				      "with a name that is much longer than a line\\x1b'";
	struct report *report = full_report(3);
	struct render_options options = { .width = 40 };
	char *text = NULL, *out, *line = NULL;
	size_t size = 0;
	FILE *stream = need(open_memstream(&text, &size));

	(void)state;
	free(report->verdict.text);
	assert_true(asprintf(&report->verdict.text, "Prove it:\n%s\033[2J\nThe end.", command) > 0);
	out = rendered("text", report, &options);
	assert_true(asprintf(&line, "\n  Prove it:\n  %s\\x1b[2J\n  The end.\n", command) > 0);
	assert_contains(out, line);
	free(out);
	free(line);

	assert_int_equal(render_verdict(report, &options, stream), 0);
	assert_int_equal(fclose(stream), 0);
	assert_true(asprintf(&line, "Prove it:\n%s\\x1b[2J\nThe end.\n", command) > 0);
	assert_string_equal(text, line);
	free(line);
	free(text);
	report__free(report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text_of_a_full_report),
		cmocka_unit_test(test_text_of_an_invalid_report),
		cmocka_unit_test(test_text_of_an_untraced_report),
		cmocka_unit_test(test_text_of_untraced_commands),
		cmocka_unit_test(test_text_of_job_metrics),
		cmocka_unit_test(test_bars_sum_to_their_width),
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_commands_in_a_verdict),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
