/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_render_json.c - the contract convoy.report/1.
 *
 * With CONVOY_TEST_JSON_OUT=DIRECTORY, reports are left there for the schema check.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/report_fixture.h"
#include "user/account.h"

/* Leaves the report for the schema check, where it wants it. */
static void keep(const struct report *report, const char *name)
{
	const struct render_options options = { .threads = true };
	const char *directory = getenv("CONVOY_TEST_JSON_OUT");
	char path[512];
	FILE *out;

	if (!directory)
		return;
	snprintf(path, sizeof(path), "%s/%s.json", directory, name);
	out = need(fopen(path, "w"));
	assert_int_equal(render__write(render__find("json"), report, &options, out), 0);
	assert_int_equal(fclose(out), 0);
}

static json_int_t median_of(json_t *mode, const char *key)
{
	json_t *median = json_object_get(json_object_get(mode, key), "median");

	assert_true(json_is_integer(median));
	return json_integer_value(median);
}

static json_t *mode_at(json_t *report, size_t i)
{
	json_t *mode = json_array_get(json_object_get(report, "modes"), i);

	assert_true(json_is_object(mode));
	return mode;
}

/* Every value of the object, and there are `n`. */
static void check_all_null(json_t *object, size_t n)
{
	const char *key;
	json_t *value;

	assert_int_equal(json_object_size(object), n);
	json_object_foreach(object, key, value)
		if (!json_is_null(value))
			fail_msg("%s is not null", key);
}

static void check_integer(json_t *object, const char *key, json_int_t expected)
{
	json_t *value = json_object_get(object, key);

	if (!json_is_integer(value) || json_integer_value(value) != expected)
		fail_msg("%s is not %lld", key, (long long)expected);
}

static void test_json_of_a_full_report(void **state)
{
	struct report *report = full_report(5);
	json_t *json = parsed(report, true), *mode, *wall, *time_ns, *lock, *tasks;
	json_int_t sum = 0;

	(void)state;
	assert_string_equal(json_string_value(json_object_get(json, "schema")), "convoy.report/1");
	assert_true(json_is_true(json_object_get(json, "valid")));
	assert_int_equal(json_integer_value(
				 json_object_get(json_object_get(json, "audit"), "threads_equal")),
			 55);
	assert_int_equal(json_array_size(json_object_get(json, "modes")), 5);
	mode = json_array_get(json_object_get(json, "modes"), 2);
	assert_string_equal(json_string_value(json_object_get(mode, "mode")), "gil-timed");
	check_integer(json_object_get(mode, "audit"), "threads_checked", 11);
	check_integer(json_object_get(mode, "audit"), "rusage_voluntary", 5 * 412 + 1);
	check_integer(json_object_get(mode, "audit"), "rusage_involuntary", 5 * 38);
	check_integer(json_object_get(mode, "audit"), "rusage_unsure", 2);

	wall = json_object_get(mode, "wall_ns");
	assert_true(json_is_integer(json_object_get(wall, "median")));
	assert_int_equal(json_integer_value(json_object_get(wall, "median")), 1030000000);
	assert_int_equal(json_array_size(json_object_get(wall, "rounds")), 5);
	assert_int_equal(json_array_size(json_object_get(wall, "ci95")), 2);
	assert_true(json_is_real(json_object_get(json_object_get(mode, "cores_used"), "median")));
	assert_true(fabs(json_real_value(json_object_get(mode, "speedup")) - 1020.0 / 1030) < 1e-9);

	/* Nothing left over, nothing counted twice: also in what was written. */
	time_ns = json_object_get(mode, "time_ns");
	assert_int_equal(json_object_size(time_ns), ACCOUNT_COUNT + 2);
	for (unsigned i = 0; i < ACCOUNT_COUNT; i++)
		sum += json_integer_value(json_object_get(time_ns, account__name((enum account)i)));
	sum += json_integer_value(json_object_get(time_ns, "residual"));
	assert_true(sum == json_integer_value(json_object_get(time_ns, "lifetime")));

	lock = json_array_get(json_object_get(mode, "locks"), 0);
	assert_string_equal(json_string_value(json_object_get(lock, "kind")), "gil");
	assert_int_equal(json_integer_value(json_object_get(lock, "eagain")), 12);
	assert_int_equal(json_array_size(json_object_get(lock, "holders")), 2);
	assert_int_equal(json_array_size(json_object_get(mode, "threads")), 2);
	assert_int_equal(median_of(mode, "system_ns"), 10403000);
	assert_true(json_is_null(json_object_get(mode, "command")));
	assert_true(json_object_size(json_object_get(mode, "job_metrics")) == 0);

	tasks = json_object_get(json_array_get(json_object_get(json, "modes"), 0), "tasks");
	assert_int_equal(json_integer_value(json_object_get(json_array_get(tasks, 0), "result")),
			 479001600);
	assert_string_equal(json_string_value(json_object_get(json_array_get(tasks, 1), "result")),
			    "9999999999999999999999999");
	json_decref(json);

	json = parsed(report, false);
	mode = json_array_get(json_object_get(json, "modes"), 2);
	assert_int_equal(json_array_size(json_object_get(mode, "threads")), 0);
	json_decref(json);
	keep(report, "full");
	report__free(report);
}

/* What no probe saw is null, not 0; what others know is there. */
static void test_json_of_an_untraced_report(void **state)
{
	struct report *report = untraced_report(5);
	json_t *json, *mode, *metrics, *object;

	(void)state;
	add_metric(&report->modes[2], "latency_p99_ns", 5.4e6, 5);
	add_metric(&report->modes[2], "requests_per_s", 250.5, 4);
	add_metric(&report->modes[2], "never", 1, 0);
	/* Of no use without a probe, whatever it says. */
	report->modes[2].lock_wait.episodes = 3;
	report->modes[2].yields = 4;
	json = parsed(report, true);
	assert_true(json_is_false(json_object_get(json_object_get(json, "probes"), "sched")));
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(json, "probes"), "futex")),
		"none");
	assert_string_equal(json_string_value(json_object_get(json, "reference")), "serial");
	for (size_t i = 0; i < FIVE; i++) {
		mode = mode_at(json, i);
		check_all_null(json_object_get(mode, "time_ns"), ACCOUNT_COUNT + 2);
		check_all_null(json_object_get(mode, "worker_time_ns"), ACCOUNT_COUNT + 1);
		check_all_null(json_object_get(mode, "lock_wait"), 7);
		assert_true(json_is_null(json_object_get(mode, "migrations")));
		assert_true(json_is_null(json_object_get(mode, "yields")));
		assert_int_equal(json_array_size(json_object_get(mode, "locks")), 0);
		assert_int_equal(json_array_size(json_object_get(mode, "threads")), 0);
		assert_int_equal(json_array_size(json_object_get(mode, "cpus")), 0);
		assert_int_equal(json_object_size(json_object_get(mode, "own_clock")), 2);
		assert_int_equal(json_object_size(json_object_get(mode, "schedstat")), 2);
		assert_int_equal(json_object_size(json_object_get(mode, "job_metrics")),
				 i == 2 ? 3 : 0);
	}
	mode = mode_at(json, 2);
	/* rusage, and the workload's own clock. */
	assert_int_equal(median_of(mode, "wall_ns"), 1030000000);
	assert_int_equal(median_of(mode, "cpu_ns"), 1040300000);
	assert_int_equal(median_of(json_object_get(mode, "switches"), "voluntary"), 412);
	object = json_object_get(mode, "own_clock");
	check_integer(object, "thread_ns", 10300000000);
	check_integer(object, "lock_wait_ns", 5047000000);
	object = json_object_get(mode, "schedstat");
	check_integer(object, "run_ns", 5201500000);
	check_integer(object, "run_delay_ns", 51500000);
	/* What the job measured has the shape of every estimate. */
	metrics = json_object_get(mode, "job_metrics");
	object = json_object_get(metrics, "requests_per_s");
	assert_int_equal(json_array_size(json_object_get(object, "rounds")), 4);
	assert_int_equal(json_array_size(json_object_get(object, "ci95")), 2);
	assert_true(json_is_real(json_object_get(object, "median")));
	assert_true(json_is_null(json_object_get(metrics, "never")));
	assert_true(json_number_value(json_object_get(json_object_get(metrics, "latency_p99_ns"),
						      "median")) == 5.4e6);
	keep(report, "untraced");
	json_decref(json);

	/* Witnesses that are missing too. */
	memset(&report->modes[2].own, 0, sizeof(report->modes[2].own));
	json = parsed(report, false);
	check_all_null(json_object_get(mode_at(json, 2), "own_clock"), 2);
	check_all_null(json_object_get(mode_at(json, 2), "schedstat"), 2);
	json_decref(json);
	report__free(report);
}

/* With probes the same is told, and what they saw beside it. */
static void test_json_of_own_clocks_beside_a_ledger(void **state)
{
	struct report *report = full_report(3);
	json_t *json, *mode;

	(void)state;
	add_metric(&report->modes[2], "requests_per_s", 250.5, 2);
	report->modes[2].yields = 0;
	report->loss.recovered = 5;
	json = parsed(report, false);
	mode = mode_at(json, 2);
	check_integer(json_object_get(mode, "own_clock"), "thread_ns", 6180000000);
	check_integer(json_object_get(mode, "schedstat"), "run_delay_ns", 30900000);
	check_integer(mode, "yields", 0);
	check_integer(json_object_get(json, "loss"), "recovered", 5);
	assert_int_equal(median_of(mode, "migrations"), 4);
	assert_true(json_is_null(json_object_get(
		json_object_get(json_object_get(mode, "job_metrics"), "requests_per_s"), "ci95")));
	keep(report, "metrics");
	json_decref(json);
	report__free(report);
}

static void test_json_of_commands(void **state)
{
	static const char *const words[] = { "/bin/sh", "-c", "make \"x\"\n-j2 \u00fc" };
	struct report *report = full_report(3);
	json_t *json, *command;

	(void)state;
	/* Commands alone: there is no job, nor workers of one. */
	report->job[0] = '\0';
	snprintf(report->reference, sizeof(report->reference), "gil-ticks");
	for (size_t i = 0; i < FIVE; i++)
		give_command(&report->modes[i], words[2]);
	judge(report);
	json = parsed(report, true);
	assert_true(json_is_null(json_object_get(json, "job")));
	assert_true(json_is_null(json_object_get(json, "workers")));
	assert_string_equal(json_string_value(json_object_get(json, "reference")), "gil-ticks");
	command = json_object_get(mode_at(json, 4), "command");
	assert_int_equal(json_array_size(command), 3);
	for (size_t i = 0; i < 3; i++)
		assert_string_equal(json_string_value(json_array_get(command, i)), words[i]);
	assert_true(fabs(json_real_value(json_object_get(mode_at(json, 1), "speedup")) - 1) < 1e-9);
	assert_true(fabs(json_real_value(json_object_get(mode_at(json, 0), "speedup")) -
			 1610.0 / 1020) < 1e-9);
	keep(report, "commands");
	json_decref(json);

	report->reference[0] = '\0';
	json = parsed(report, true);
	assert_true(json_is_null(json_object_get(json, "reference")));
	json_decref(json);
	report__free(report);
}

static void test_json_of_a_recording(void **state)
{
	struct report *report = recording_report();
	json_t *json = parsed(report, true), *mode = mode_at(json, 0), *lock, *thread;
	json_t *audit = json_object_get(mode, "audit");

	(void)state;
	keep(report, "recording");
	assert_true(json_is_null(json_object_get(audit, "rusage_voluntary")));
	assert_true(json_is_null(json_object_get(audit, "rusage_involuntary")));
	check_integer(audit, "rusage_unsure", 0);
	lock = json_array_get(json_object_get(mode, "locks"), 0);
	check_integer(lock, "since_before", 2);
	check_integer(lock, "unfinished", 1);
	thread = json_array_get(json_object_get(mode, "threads"), 0);
	assert_true(json_is_true(json_object_get(thread, "since_before")));
	assert_true(json_is_true(json_object_get(thread, "unfinished")));
	assert_true(json_is_null(json_object_get(thread, "audit_equal")));
	check_integer(thread, "pid", 100);
	check_integer(thread, "ns_pid", 7);
	thread = json_array_get(json_object_get(mode, "threads"), 1);
	assert_true(json_is_false(json_object_get(thread, "since_before")));
	assert_true(json_is_false(json_object_get(thread, "unfinished")));
	assert_true(json_is_null(json_object_get(mode, "system_ns")));
	assert_true(json_is_null(json_object_get(json, "incomplete_why")));
	json_decref(json);

	report->incomplete = true;
	snprintf(report->incomplete_why, sizeof(report->incomplete_why), "it was cut off");
	json = parsed(report, false);
	assert_string_equal(json_string_value(json_object_get(json, "incomplete_why")),
			    "it was cut off");
	json_decref(json);
	report__free(report);
}

/* What is said of locks, their holders, and runtimes. */
static void test_json_of_locks_and_runtimes(void **state)
{
	struct report *report = python_report();
	struct report_runtime *other = add_runtime(&report->modes[0], "3.13.0", GIL_ABSENT);
	json_t *json, *mode, *lock, *did, *runtime, *thread;

	(void)state;
	snprintf(other->hint, sizeof(other->hint), "it was built without");
	add_runtime(&report->modes[0], "", GIL_UNKNOWN);
	report->modes[0].ready_run = known(1.5);
	report->modes[0].runtimes[0].n_more_threads = 7;
	report->modes[0].runtimes[0].wanted_ns = 12345678901;
	json = parsed(report, false);
	keep(report, "python");
	mode = mode_at(json, 0);
	assert_true(json_number_value(json_object_get(mode, "could_run")) == 3);
	assert_true(json_number_value(json_object_get(mode, "ready_run")) == 1.5);
	assert_true(json_number_value(json_object_get(mode, "did_run")) == 1);

	lock = json_array_get(json_object_get(mode, "locks"), 0);
	assert_string_equal(json_string_value(json_object_get(lock, "object")), "cpython:gil");
	assert_string_equal(json_string_value(json_object_get(lock, "site")), "take_gil+0x1d3");
	assert_string_equal(json_string_value(json_object_get(lock, "runtime")), "CPython 3.11.7");
	assert_int_equal(json_array_size(need(json_object_get(lock, "flags"))), 0);
	check_integer(lock, "objects", 1);
	check_integer(lock, "interrupted", 2);
	check_integer(lock, "lost_races", 4);
	assert_true(json_real_value(json_object_get(lock, "holder_known")) == 0.99);
	did = json_object_get(lock, "holder_did");
	assert_int_equal(json_object_size(did), 4);
	check_integer(did, "running", (json_int_t)report->modes[0].locks[0].held.running);
	check_integer(did, "runnable", (json_int_t)report->modes[0].locks[0].held.runnable);
	check_integer(did, "asleep", 0);
	check_integer(did, "waiting", (json_int_t)report->modes[0].locks[0].held.waiting);
	did = json_object_get(json_array_get(json_object_get(lock, "holders"), 1), "did");
	check_integer(did, "runnable", 0);
	check_integer(did, "running", (json_int_t)report->modes[0].locks[0].holders[1].did.running);

	lock = json_array_get(json_object_get(mode, "locks"), 1);
	assert_int_equal(json_array_size(json_object_get(lock, "flags")), 3);
	for (size_t i = 0; i < 3; i++)
		assert_string_equal(
			json_string_value(json_array_get(json_object_get(lock, "flags"), i)),
			((const char *[]){ "pi", "robust", "shared" })[i]);
	assert_true(json_is_null(json_object_get(lock, "runtime")));
	assert_true(json_is_null(json_object_get(lock, "interrupted")));
	check_integer(lock, "objects", 3);

	assert_int_equal(json_array_size(json_object_get(mode, "runtimes")), 3);
	runtime = json_array_get(json_object_get(mode, "runtimes"), 0);
	assert_string_equal(json_string_value(json_object_get(runtime, "name")), "CPython");
	assert_string_equal(json_string_value(json_object_get(runtime, "version")), "3.11.7");
	assert_string_equal(json_string_value(json_object_get(runtime, "gil")), "present");
	assert_true(json_is_null(json_object_get(runtime, "hint")));
	check_integer(runtime, "processes", 1);
	check_integer(runtime, "handoffs", 397);
	check_integer(runtime, "threads_more", 7);
	check_integer(runtime, "wanted_ns", 12345678901);
	check_integer(runtime, "mean_hold_ns", 5020000);
	check_integer(runtime, "switch_interval_ns", 5000000);
	check_integer(runtime, "gil_wait_ns", (json_int_t)report->modes[0].runtimes[0].gil_wait_ns);
	assert_true(json_real_value(json_object_get(runtime, "handoffs_per_s")) == 198.5);
	assert_true(fabs(json_real_value(json_object_get(runtime, "gil_share")) -
			 (double)report->modes[0].runtimes[0].gil_wait_ns /
				 (double)report->modes[0].runtimes[0].lifetime_ns) < 1e-9);
	thread = json_array_get(json_object_get(runtime, "threads"), 1);
	assert_int_equal(json_object_size(thread), 6);
	check_integer(thread, "pid", 100);
	check_integer(thread, "tid", 102);
	assert_string_equal(json_string_value(json_object_get(thread, "comm")), "worker-2");
	assert_true(json_real_value(json_object_get(thread, "held_share")) == 0.48);

	/* Without a GIL nobody waited for it; where it was not found, that is not known. */
	runtime = json_array_get(json_object_get(mode, "runtimes"), 1);
	assert_string_equal(json_string_value(json_object_get(runtime, "gil")), "absent");
	assert_string_equal(json_string_value(json_object_get(runtime, "hint")),
			    "it was built without");
	check_integer(runtime, "gil_wait_ns", 0);
	check_integer(runtime, "threads_more", 0);
	assert_true(json_is_null(json_object_get(runtime, "wanted_ns")));
	assert_true(json_is_null(json_object_get(runtime, "gil_share")));
	assert_true(json_is_null(json_object_get(runtime, "handoffs_per_s")));
	runtime = json_array_get(json_object_get(mode, "runtimes"), 2);
	assert_string_equal(json_string_value(json_object_get(runtime, "gil")), "unknown");
	assert_true(json_is_null(json_object_get(runtime, "version")));
	assert_true(json_is_null(json_object_get(runtime, "gil_wait_ns")));
	assert_true(json_is_null(json_object_get(runtime, "handoffs")));
	json_decref(json);
	report__free(report);

	/* What is not known of a lock is null; nothing known of holders is a share of 0. */
	report = full_report(3);
	json = parsed(report, false);
	mode = mode_at(json, 1);
	lock = json_array_get(json_object_get(mode, "locks"), 0);
	assert_true(json_is_null(json_object_get(lock, "object")));
	assert_true(json_is_null(json_object_get(lock, "site")));
	assert_true(json_is_null(json_object_get(mode, "could_run")));
	assert_true(json_is_null(json_object_get(mode, "ready_run")));
	assert_true(json_is_null(json_object_get(mode, "did_run")));
	assert_int_equal(json_array_size(need(json_object_get(mode, "runtimes"))), 0);
	/* Older recordings tell it by the shares alone. */
	assert_true(fabs(json_real_value(json_object_get(lock, "holder_known")) - 0.98) < 1e-9);
	json_decref(json);
	report__free(report);
}

/* In which interpreter a mode ran; convoy's own machine and commands are none. */
static void test_json_of_interpreters(void **state)
{
	struct report *report = full_report(3);
	struct report_interpreter *interpreter = &report->modes[1].interpreter;
	json_t *json, *object;

	(void)state;
	snprintf(interpreter->name, sizeof(interpreter->name), "python3.13t");
	snprintf(interpreter->implementation, sizeof(interpreter->implementation), "CPython");
	snprintf(interpreter->version, sizeof(interpreter->version), "3.13.0");
	snprintf(interpreter->path, sizeof(interpreter->path), "/opt/\xff/python");
	json = parsed(report, false);
	keep(report, "interpreters");
	object = need(json_object_get(mode_at(json, 0), "interpreter"));
	assert_true(json_is_null(object));
	object = json_object_get(mode_at(json, 1), "interpreter");
	assert_int_equal(json_object_size(object), 4);
	assert_string_equal(json_string_value(json_object_get(object, "name")), "python3.13t");
	assert_string_equal(json_string_value(json_object_get(object, "implementation")),
			    "CPython");
	assert_string_equal(json_string_value(json_object_get(object, "version")), "3.13.0");
	/* Text of outside, as all is. */
	assert_non_null(strstr(json_string_value(json_object_get(object, "path")), "/python"));
	json_decref(json);
	report__free(report);
}

static void test_keys_come_in_order(void **state)
{
	static const char *const keys[] = {
		"\"schema\"",	   "\n  \"tool\"",  "\n  \"host\"",   "\n  \"probes\"",
		"\n  \"loss\"",	   "\n  \"valid\"", "\n  \"job\"",    "\n  \"reference\"",
		"\n  \"workers\"", "\n  \"modes\"", "\n  \"verdict\""
	};
	struct report *report = full_report(3);
	const struct render_options options = { 0 };
	char *first = rendered("json", report, &options);
	char *second = rendered("json", report, &options);
	const char *at = first;

	(void)state;
	assert_string_equal(first, second);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		at = need(strstr(at, keys[i]));
	free(first);
	free(second);
	report__free(report);
}

static size_t allocations_left;

static void *failing_malloc(size_t size)
{
	return allocations_left ? (allocations_left--, malloc(size)) : NULL;
}

/* Whichever allocation of jansson fails: an error, no crash, nothing leaked. */
static void test_json_without_memory(void **state)
{
	struct report *report = python_report();
	const struct render_options options = { .threads = true };
	json_malloc_t saved_malloc;
	json_free_t saved_free;
	size_t failures = 0;
	int err;

	(void)state;
	add_metric(&report->modes[0], "requests_per_s", 250.5, 1);
	give_command(&report->modes[0], "make -j2");
	json_get_alloc_funcs(&saved_malloc, &saved_free);
	do {
		FILE *out = need(fopen("/dev/null", "w"));

		allocations_left = failures;
		json_set_alloc_funcs(failing_malloc, free);
		err = render_json(report, &options, out);
		json_set_alloc_funcs(saved_malloc, saved_free);
		fclose(out);
	} while (err && ++failures < 100000);
	assert_int_equal(err, 0);
	assert_true(failures > 100);
	report__free(report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json_of_a_full_report),
		cmocka_unit_test(test_json_of_an_untraced_report),
		cmocka_unit_test(test_json_of_own_clocks_beside_a_ledger),
		cmocka_unit_test(test_json_of_commands),
		cmocka_unit_test(test_json_of_a_recording),
		cmocka_unit_test(test_json_of_locks_and_runtimes),
		cmocka_unit_test(test_json_of_interpreters),
		cmocka_unit_test(test_keys_come_in_order),
		cmocka_unit_test(test_json_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
