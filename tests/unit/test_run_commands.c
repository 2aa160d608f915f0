/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_run_commands.c - `convoy run` with commands of the user's: --cmd, --reference; and
 * --probes.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/plan_fixture.h"
#include "user/run_plan.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

/* The labels of a plan's modes, in order. */
static void check_labels(const struct run_plan *plan, const char *const *labels, size_t n)
{
	assert_int_equal(plan->n_modes, n);
	for (size_t i = 0; i < n; i++) {
		assert_string_equal(plan->modes[i].label, labels[i]);
		/* Either the one or the other. */
		assert_int_equal(plan->modes[i].bundled == NULL, plan->modes[i].command != NULL);
	}
}

static void test_commands_alone(void **state)
{
	static const char *const labels[] = { "fast", "slow" };
	struct run_plan plan = take("--cmd", "fast=make -j2", "--cmd=slow=make", NULL);

	(void)state;
	check_labels(&plan, labels, N(labels));
	assert_string_equal(plan.modes[0].command, "make -j2");
	assert_string_equal(plan.modes[1].command, "make");
	/* No job runs: there is none to name, nor workers of one. */
	assert_null(plan.job);
	assert_int_equal(plan.workers, 0);
	assert_int_equal(plan.modes[0].workers + plan.modes[1].workers, 0);
	assert_string_equal(plan.reference, "fast");
	assert_true(plan.rounds >= 3); /* enough for an interval */
	plan = take("--cmd", "one=true", "-r", "7", NULL);
	assert_int_equal(plan.rounds, 7);
	assert_int_equal(plan.n_modes, 1);
}

static void test_commands_beside_modes(void **state)
{
	static const char *const with_m[] = { "threads", "serial", "a", "b" };
	static const char *const with_j[] = { "serial", "threads", "gil-timed", "processes", "a" };
	struct run_plan plan;

	(void)state;
	/* The commands come last, wherever they were said. */
	plan = take("--cmd", "a=true", "-m", "threads,serial", "--cmd", "b=false", "-w", "3", NULL);
	check_labels(&plan, with_m, N(with_m));
	assert_string_equal(plan.job->name, "countdown");
	assert_int_equal(plan.modes[0].workers, 3);
	assert_string_equal(plan.reference, "serial");

	plan = take("-j", "recursion", "--cmd", "a=true", NULL);
	check_labels(&plan, with_j, N(with_j));
	assert_string_equal(plan.job->name, "recursion");
	assert_string_equal(plan.reference, "serial");
}

/* They would change nothing, so whoever says them expects something else. */
static void test_commands_alone_take_no_options_of_jobs(void **state)
{
	static const char *const options[] = { "-n1",	   "-w4",	 "--sleep-scale=1",
					       "--seed=1", "--inside=1", "--outside=0" };

	(void)state;
	for (size_t i = 0; i < N(options); i++) {
		refuse("are for bundled jobs", "--cmd", "a=true", options[i], NULL);
		refuse("are for bundled jobs", options[i], "--cmd", "a=true", "--cmd", "b=x", NULL);
	}
	/* With a job they are about that job. */
	take("--cmd", "a=true", "-j", "countdown", "-n1", "-w4", NULL);
	take("--cmd", "a=true", "-m", "serial", "-n1", "-w4", NULL);
	take("--cmd", "a=true", "-j", "sleepers", "--seed=1", "--sleep-scale=1", NULL);
	take("--cmd", "a=true", "-j", "counter", "--inside=1", "--outside=0", NULL);
	refuse("takes no --seed", "--cmd", "a=true", "-m", "serial", "--seed=1", NULL);
}

static void test_what_is_a_command(void **state)
{
	struct run_plan plan = take("--cmd", "a=x=y z=1 ./run --k=v", "--cmd", "-b= ", NULL);

	(void)state;
	/* The first sign divides: a label has none, a command may have many. */
	assert_string_equal(plan.modes[0].label, "a");
	assert_string_equal(plan.modes[0].command, "x=y z=1 ./run --k=v");
	assert_string_equal(plan.modes[1].label, "-b");
	assert_string_equal(plan.modes[1].command, " ");
	plan = take("--cmd", "gr\u00fc\u00df \"x\", y\n=true", NULL);
	assert_string_equal(plan.modes[0].label, "gr\u00fc\u00df \"x\", y\n");
}

static void test_what_is_none(void **state)
{
	(void)state;
	refuse("is not LABEL=COMMAND", "--cmd", "make", NULL);
	refuse("is not LABEL=COMMAND", "--cmd", "", NULL);
	refuse("is not LABEL=COMMAND", "--cmd", "=", NULL);
	refuse("is not LABEL=COMMAND", "--cmd", "=make", NULL);
	refuse("is not LABEL=COMMAND", "--cmd", "a=", NULL);
	refuse("is not LABEL=COMMAND", "--cmd", "==make", NULL);
	/* One that is wrong spoils all. */
	refuse("'make'", "--cmd", "a=true", "--cmd", "make", "-m", "serial", NULL);
}

static void test_labels_are_told_apart(void **state)
{
	(void)state;
	refuse("'a' is named twice", "--cmd", "a=true", "--cmd", "a=false", NULL);
	refuse("'a' is named twice", "--cmd", "a=true", "--cmd", "b=true", "--cmd", "a=true", NULL);
	assert_int_equal(
		take("--cmd", "a=true", "--cmd", "A=true", "--cmd", "a =true", NULL).n_modes, 3);
	/* Also of modes that do not run now: a report's labels mean the same everywhere. */
	for (size_t i = 0; catalog_mode_at(i); i++) {
		char spec[80];

		snprintf(spec, sizeof(spec), "%s=true", catalog_mode_at(i)->name);
		refuse("is the name of a bundled mode", "--cmd", spec, NULL);
		refuse("is the name of a bundled mode", "--cmd", "a=true", "--cmd", spec, NULL);
		refuse(catalog_mode_at(i)->name, "-m", catalog_mode_at(i)->name, "--cmd", spec,
		       NULL);
	}
}

static void test_long_labels(void **state)
{
	const size_t most = sizeof(((struct plan_mode *)NULL)->label) - 1;
	char spec[5000], reference[80];
	struct run_plan plan;

	(void)state;
	memset(spec, 'x', sizeof(spec));
	strcpy(spec + most, "=true");
	plan = take("--cmd", spec, NULL);
	assert_int_equal(strlen(plan.modes[0].label), most);
	assert_string_equal(plan.modes[0].command, "true");
	/* And it can be referred to. */
	snprintf(reference, sizeof(reference), "--reference=%.*s", (int)most, spec);
	plan = take("--cmd", "a=true", "--cmd", spec, reference, NULL);
	assert_string_equal(plan.reference, plan.modes[1].label);

	memset(spec, 'x', sizeof(spec));
	strcpy(spec + most + 1, "=true");
	refuse("is longer than 63 bytes", "--cmd", spec, NULL);
	memset(spec, 'x', sizeof(spec));
	strcpy(spec + sizeof(spec) - 6, "=true");
	refuse("is longer than 63 bytes", "--cmd", spec, NULL);

	/* A command may be as long as it likes. */
	memset(spec, 'x', sizeof(spec));
	spec[1] = '=';
	spec[sizeof(spec) - 1] = 0;
	plan = take("--cmd", spec, NULL);
	assert_int_equal(strlen(plan.modes[0].command), sizeof(spec) - 3);
}

static void test_many_commands(void **state)
{
	char specs[MAX_MODES + 1][32], words[64];
	char *argv[MAX_MODES + 5] = { (char *)"run" };
	struct run_plan plan;
	int argc = 1;

	(void)state;
	for (size_t i = 0; i <= MAX_MODES; i++) {
		snprintf(specs[i], sizeof(specs[i]), "--cmd=c%zu=true", i);
		argv[argc++] = specs[i];
	}
	assert_int_equal(parse_argv(&plan, argc, argv), -EINVAL);
	snprintf(words, sizeof(words), "more than %d commands", MAX_MODES);
	assert_non_null(strstr(said, words));
	argv[--argc] = NULL;
	assert_int_equal(parse_argv(&plan, argc, argv), 0);
	assert_int_equal(plan.n_modes, MAX_MODES);
	snprintf(words, sizeof(words), "c%d", MAX_MODES - 1);
	assert_string_equal(plan.modes[MAX_MODES - 1].label, words);
	argv[argc++] = (char *)"-mserial";
	assert_int_equal(parse_argv(&plan, argc, argv), -EINVAL);
	snprintf(words, sizeof(words), "more than %d modes and commands", MAX_MODES);
	assert_non_null(strstr(said, words));
	argv[argc - 2] = argv[argc - 1];
	argv[--argc] = NULL;
	assert_int_equal(parse_argv(&plan, argc, argv), 0);
	assert_int_equal(plan.n_modes, MAX_MODES);
}

static void test_reference(void **state)
{
	(void)state;
	assert_string_equal(take("--reference", "threads", NULL).reference, "threads");
	assert_string_equal(
		take("-m", "threads,processes", "--reference=processes", NULL).reference,
		"processes");
	assert_string_equal(take("--reference=b", "--cmd", "a=x", "--cmd", "b=y", NULL).reference,
			    "b");
	assert_string_equal(take("--reference=a", "-m", "serial", "--cmd", "a=x", NULL).reference,
			    "a");
	refuse("'fibers' is not among the modes", "--reference", "fibers", NULL);
	refuse("'' is not among the modes", "--reference", "", NULL);
	refuse("'Serial' is not among", "--reference", "Serial", NULL);
	/* There is such a mode, but this run has it not. */
	refuse("'serial' is not among", "--reference=serial", "-m", "threads,processes", NULL);
	refuse("'serial' is not among", "--reference=serial", "--cmd", "a=true", NULL);
	refuse("'a=true' is not among", "--reference=a=true", "--cmd", "a=true", NULL);
	refuse("'aa' is not among", "--reference=aa", "--cmd", "a=true", NULL);
	refuse("'a' is not among", "--reference=a", "--cmd", "aa=true", NULL);
}

static void test_probes(void **state)
{
	(void)state;
	assert_true(take("--probes=ebpf", NULL).probes);
	assert_false(take("--probes=none", NULL).probes);
	assert_false(take("--probes", "none", "--cmd", "a=true", NULL).probes);
	assert_true(take("--probes=none", "--probes=ebpf", NULL).probes);
	refuse("'all' does not exist: it is ebpf or none", "--probes=all", NULL);
	refuse("''", "--probes=", NULL);
	refuse("'None'", "--probes=None", NULL);
	assert_string_equal(take("--format=csv", NULL).report.renderer->name, "csv");
}

static json_t *params_of(struct run_plan plan)
{
	json_t *params = run_plan__params(&plan);

	assert_true(json_is_object(params));
	return params;
}

static void test_params_of_commands(void **state)
{
	struct run_plan plan = take("--cmd", "a=make -j1", "--cmd", "gr\u00fcn=x=\"y\"\n",
				    "--reference", "gr\u00fcn", "--probes=none", "--futex=blocking",
				    "-r2", NULL);
	json_t *params = params_of(plan), *expected;

	(void)state;
	/* Without a job there is neither work nor workers; without probes, no futex is traced. */
	expected = json_pack(
		"{s:n, s:[s,s], s:{s:s, s:s}, s:{}, s:s, s:n, s:{}, s:n, s:i, s:f, s:n, "
		"s:n, s:n, s:s, s:i, s:i, s:f, s:n, s:s, s:n, s:s}",
		"job", "modes", "a", "gr\u00fcn", "commands", "a", "make -j1", "gr\u00fcn",
		"x=\"y\"\n", "interpreters", "reference", "gr\u00fcn", "workers", "mode_workers",
		"work", "rounds", 2, "sleep_scale", 1.0, "seed", "inside", "outside", "start",
		"fork", "yield_every", 0, "check_interval", 100, "switch_interval_ms", 5.0, "cpus",
		"futex", "none", "ring_bytes", "probes", "none");
	assert_non_null(expected);
	assert_true(json_equal(params, expected));
	json_decref(params);
	json_decref(expected);
}

/* "default: serial, else the first command", says --help. */
static void test_default_reference(void **state)
{
	(void)state;
	assert_string_equal(
		take("-m", "threads", "--cmd", "a=true", "--cmd", "b=true", NULL).reference, "a");
	assert_string_equal(take("--cmd", "b=true", "--cmd", "a=true", NULL).reference, "b");
	assert_string_equal(take("-j", "queue", "--cmd", "b=true", NULL).reference, "b");
	/* Wherever serial is. */
	assert_string_equal(take("-m", "threads,serial", NULL).reference, "serial");
	assert_string_equal(
		take("--cmd", "a=true", "--cmd", "b=x", "-m", "threads,serial", NULL).reference,
		"serial");
	assert_string_equal(take("-j", "sleepers", "--cmd", "a=true", NULL).reference, "serial");
	/* With neither of them there is nothing to be against: no other mode stands in. */
	assert_string_equal(take("-m", "threads,processes", NULL).reference, "serial");
	assert_string_equal(take("-j", "queue", NULL).reference, "serial");
	/* What was said goes before all that. */
	assert_string_equal(take("-m", "serial,threads", "--cmd", "a=true", "--cmd", "b=true",
				 "--reference=b", NULL)
				    .reference,
			    "b");
}

/* Arguments are bytes, and JSON is text. */
static void test_params_of_bytes(void **state)
{
	struct run_plan plan = take("--cmd", "a=printf '\xff'", "--cmd", "b=true", NULL);
	json_t *params = run_plan__params(&plan);
	bool whole = json_object_size(json_object_get(params, "commands")) == 2;

	(void)state;
	json_decref(params);
	assert_true(whole);
	/* A label is a key of the report. */
	refuse("a label is UTF-8", "--cmd", "\xff=true", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_commands_alone),
		cmocka_unit_test(test_commands_alone_take_no_options_of_jobs),
		cmocka_unit_test(test_commands_beside_modes),
		cmocka_unit_test(test_what_is_a_command),
		cmocka_unit_test(test_what_is_none),
		cmocka_unit_test(test_labels_are_told_apart),
		cmocka_unit_test(test_long_labels),
		cmocka_unit_test(test_many_commands),
		cmocka_unit_test(test_reference),
		cmocka_unit_test(test_probes),
		cmocka_unit_test(test_params_of_commands),
		cmocka_unit_test(test_default_reference),
		cmocka_unit_test(test_params_of_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
