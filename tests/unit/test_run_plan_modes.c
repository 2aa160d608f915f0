/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_run_plan_modes.c - `convoy run` with interpreters: what is asked of them, which modes
 * come of it once it is known who they are, how these are run, and what is said of those
 * that are missing.
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
#include "user/runner.h"
#include "user/work_argv.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

/* --- interpreters that are not there --- */

/* The languages' rows are convoy's own: Python has all four modes, Ruby no pool. */
static const struct interpreter_language *language(const char *name)
{
	for (size_t i = 0; interpreter_languages[i]; i++)
		if (!strcmp(interpreter_languages[i]->name, name))
			return interpreter_languages[i];
	fail_msg("no language '%s'", name);
	return NULL;
}

struct fake {
	const char *specs; /* that name it, in blanks */
	const char *name, *version, *path, *language;
};

static const struct fake fakes[] = {
	{ " python3.13 3.13 ", "python3.13", "3.13.0", "/nowhere/3.13/python", "python" },
	{ " python2.7 2.7 /nowhere/2.7/python ", "python2.7", "2.7.18", "/nowhere/2.7/python",
	  "python" },
	/* The same file as above, that is another one by another name. */
	{ " multi ", "python3.9", "3.9.1", "/nowhere/2.7/python", "python" },
	{ " ruby ruby3.1 ", "ruby3.1", "3.1.2", "/nowhere/ruby", "ruby" },
};

/* How often it was asked, in all. */
static int asked;

static void append(struct interpreters *found, const struct fake *fake)
{
	struct interpreter *one;

	found->list = realloc(found->list, (found->n + 1) * sizeof(*found->list));
	assert_non_null(found->list);
	one = &found->list[found->n++];
	memset(one, 0, sizeof(*one));
	snprintf(one->name, sizeof(one->name), "%s", fake->name);
	snprintf(one->implementation, sizeof(one->implementation), "Fake");
	snprintf(one->version, sizeof(one->version), "%s", fake->version);
	one->path = strdup(fake->path);
	assert_non_null(one->path);
	one->language = language(fake->language);
}

/* ctx: what it returns, of all specs. */
static int find(void *ctx, const char *spec, struct interpreters *found)
{
	char word[64];
	size_t before = found->n;

	asked++;
	assert_int_equal(found->n, 0); /* each request for itself */
	if (ctx && *(int *)ctx == -EINTR)
		found->signal = 15;
	if (ctx)
		return *(int *)ctx;
	snprintf(word, sizeof(word), " %s ", spec);
	for (size_t i = 0; i < N(fakes); i++)
		if (!strcmp(spec, "all") || strstr(fakes[i].specs, word))
			append(found, &fakes[i]);
	found->failed += found->n == before;
	return 0;
}

/* Asks, with stderr put aside; gives what was returned. */
static int ask(struct run_plan *plan, int *result)
{
	int err;

	asked = 0;
	begin_hearing();
	err = run_plan__add_interpreters(plan, find, result);
	end_hearing();
	return err;
}

/* The labels of all modes, in order, with blanks between them. */
static const char *labels(const struct run_plan *plan)
{
	static char text[64 * MAX_MODES];

	text[0] = '\0';
	for (size_t i = 0; i < plan->n_modes; i++)
		sprintf(text + strlen(text), "%s%s", i ? " " : "", plan->modes[i].label);
	return text;
}

/* These arguments give these modes, without a word. The plan is to be freed. */
#define check(modes, ...) check_args(modes, __VA_ARGS__, NULL)
#define check_args(modes, ...)                              \
	do {                                                \
		struct run_plan plan_ = take(__VA_ARGS__);  \
		assert_int_equal(ask(&plan_, NULL), 0);     \
		assert_string_equal(said, "");              \
		assert_string_equal(labels(&plan_), modes); \
		run_plan__free(&plan_);                     \
	} while (0)

/* --- what is taken --- */

static void test_nothing_is_asked_without_need(void **state)
{
	struct run_plan plan = take("-m", "serial,threads", NULL);

	(void)state;
	assert_int_equal(plan.n_requests, 0);
	assert_int_equal(ask(&plan, NULL), 0);
	assert_int_equal(asked, 0);
	assert_string_equal(labels(&plan), "serial threads");
	run_plan__free(&plan);
}

static void test_requests(void **state)
{
	struct run_plan plan = take("--interpreter", "python3.13,2.7", "--interpreter=all", "-m",
				    "gil-timed,/a:b/python:threads,serial,pool", NULL);

	(void)state;
	/* What only convoy's machine has is there already, the rest waits. */
	assert_string_equal(labels(&plan), "gil-timed");
	assert_int_equal(plan.n_plain, 2);
	assert_string_equal(plan.plain[0]->name, "serial");
	assert_string_equal(plan.plain[1]->name, "pool");
	assert_int_equal(plan.n_requests, 4);
	assert_int_equal(plan.requests[0].length, 11);
	assert_memory_equal(plan.requests[0].spec, "/a:b/python", 11);
	assert_ptr_equal(plan.requests[0].mode, catalog_mode("threads"));
	assert_int_equal(plan.requests[1].length, 10);
	assert_memory_equal(plan.requests[1].spec, "python3.13", 10);
	assert_null(plan.requests[1].mode);
	assert_int_equal(plan.requests[2].length, 3);
	assert_memory_equal(plan.requests[2].spec, "2.7", 3);
	assert_memory_equal(plan.requests[3].spec, "all", 4);
}

static void test_without_m(void **state)
{
	(void)state;
	/* The job's own, and of the interpreter all that the job does not refuse. */
	check("serial threads gil-timed processes python3.13:serial python3.13:threads "
	      "python3.13:processes python3.13:pool",
	      "-j", "recursion", "--interpreter", "python3.13");
	check("gil-ticks gil-timed threads processes python3.13:threads python3.13:processes", "-j",
	      "queue", "--interpreter", "3.13");
	check("serial gil-ticks gil-timed threads processes python2.7:serial python2.7:threads "
	      "python2.7:processes",
	      "-j", "counter", "--interpreter", "2.7");
	/* Nobody said pool. */
	check("serial threads gil-timed processes ruby3.1:serial ruby3.1:threads "
	      "ruby3.1:processes",
	      "-j", "recursion", "--interpreter", "ruby");
}

static void test_with_m(void **state)
{
	(void)state;
	/* Plain names are theirs. */
	check("python3.13:threads python3.13:serial python2.7:threads python2.7:serial",
	      "--interpreter", "python3.13,2.7", "-m", "threads,serial");
	/* What they have not is convoy's. */
	check("gil-timed gil-ticks python3.13:threads", "--interpreter", "python3.13", "-m",
	      "gil-timed,threads,gil-ticks");
	/* One mode of one, without --interpreter: plain names are convoy's. */
	check("gil-timed threads python3.13:threads python2.7:threads", "-m",
	      "gil-timed,python3.13:threads,2.7:threads,threads");
	check("python2.7:processes", "-m", "/nowhere/2.7/python:processes");
	/* All of one stand together, in the order of the first. */
	check("python3.13:threads python3.13:serial python2.7:threads", "-m",
	      "3.13:threads,2.7:threads,3.13:serial");
	check("python3.13:pool python3.13:threads python2.7:threads", "-m", "3.13:pool,threads",
	      "--interpreter=3.13,2.7");
	/* Commands come last. */
	check("gil-timed python3.13:threads a b", "--cmd", "a=true", "-m", "3.13:threads,gil-timed",
	      "--cmd", "b=true");
	check("python3.13:threads a", "--cmd", "a=true", "-m", "threads", "--interpreter", "3.13");
	/* With an interpreter there is a job. */
	check("gil-ticks gil-timed threads processes python3.13:threads python3.13:processes a",
	      "--cmd", "a=true", "-j", "queue", "--interpreter", "3.13");
	check("serial gil-ticks gil-timed threads processes python3.13:serial python3.13:threads "
	      "python3.13:processes python3.13:pool a",
	      "--cmd", "a=true", "--interpreter", "3.13");
}

static void test_each_once(void **state)
{
	(void)state;
	/* Two names of one are one; and all of them overlap with each. */
	check("python3.13:threads", "--interpreter", "3.13,python3.13,3.13", "-m", "threads");
	check("python3.13:threads", "-m", "3.13:threads,python3.13:threads");
	check("python2.7:threads python3.13:threads python3.9:threads ruby3.1:threads",
	      "--interpreter=2.7", "--interpreter=all", "-m", "threads");
	/* One file that is two by its names. */
	check("python2.7:threads python3.9:threads", "--interpreter=2.7,multi", "-m", "threads");
}

static void test_nobody_is_asked_twice(void **state)
{
	struct run_plan plan = take("-m", "3.13:threads,3.13:serial,2.7:serial,serial",
				    "--interpreter=3.13,2.7", NULL);

	(void)state;
	assert_int_equal(ask(&plan, NULL), 0);
	assert_int_equal(asked, 2);
	assert_string_equal(labels(&plan), "python3.13:threads python3.13:serial python2.7:serial");
	run_plan__free(&plan);
}

static void test_what_a_mode_is(void **state)
{
	struct run_plan plan = take("-j", "sleepers", "-w3", "--interpreter", "3.13", "-m",
				    "pool,gil-timed", "--cmd", "a=true", NULL);

	(void)state;
	assert_int_equal(ask(&plan, NULL), 0);
	assert_string_equal(labels(&plan), "gil-timed python3.13:pool a");
	assert_null(plan.modes[0].interpreter);
	assert_ptr_equal(plan.modes[1].interpreter, &plan.interpreters.list[0]);
	assert_ptr_equal(plan.modes[1].bundled, catalog_mode("pool"));
	assert_int_equal(plan.modes[1].workers, 3);
	assert_null(plan.modes[1].command);
	assert_null(plan.modes[2].interpreter);
	assert_string_equal(plan.modes[2].command, "true");
	run_plan__free(&plan);

	/* Workers are those of the job and mode, as for convoy's own. */
	plan = take("-j", "recursion", "-m", "threads,3.13:threads", NULL);
	assert_int_equal(ask(&plan, NULL), 0);
	assert_int_equal(plan.modes[0].workers, 3);
	assert_int_equal(plan.modes[1].workers, 3);
	run_plan__free(&plan);
}

/* --- what is refused --- */

static void test_refused_before_anybody_is_asked(void **state)
{
	(void)state;
	refuse("names no interpreter", "-m", ":threads", NULL);
	refuse("'' does not exist", "-m", "3.13:", NULL);
	refuse("'fibers' does not exist", "-m", "3.13:fibers", NULL);
	refuse("'threads '", "-m", "3.13:threads ", NULL);
	refuse("only convoy's own machine has mode 'gil-timed'", "-m", "3.13:gil-timed", NULL);
	refuse("only convoy's own machine has mode 'gil-ticks'", "-m", "all:gil-ticks", NULL);
	refuse("'3.13:threads' is named twice", "-m", "3.13:threads,serial,3.13:threads", NULL);
	refuse("'threads' is named twice", "-m", "threads,threads", "--interpreter=3.13", NULL);
	refuse("'gil-timed' is named twice", "-m", "gil-timed,threads,gil-timed",
	       "--interpreter=3.13", NULL);
	refuse("has an empty name", "--interpreter", "", NULL);
	refuse("has an empty name", "--interpreter", "3.13,", NULL);
	refuse("has an empty name", "--interpreter", ",3.13", NULL);
	refuse("has an empty name", "--interpreter=3.13", "--interpreter=2.7,,ruby", NULL);
	refuse("'fibers' does not exist", "--interpreter", "3.13", "-m", "fibers", NULL);
	/* Then nothing would be run in it. */
	refuse("no mode for --interpreter", "--interpreter", "3.13", "-m", "gil-timed", NULL);
	refuse("no mode for --interpreter", "--interpreter", "3.13", "-m", "2.7:serial", NULL);
	/* What the job refuses it refuses everywhere. */
	refuse("'counter' in mode 'pool'", "-j", "counter", "--interpreter", "3.13", "-m", "pool",
	       NULL);
	refuse("'counter' in mode '3.13:pool'", "-j", "counter", "-m", "serial,3.13:pool", NULL);
	refuse("with 4 workers", "-j", "recursion", "-w4", "-m", "3.13:threads", NULL);
}

static void test_no_counting_of_instructions(void **state)
{
	(void)state;
	refuse("--yield-every counts", "--yield-every", "7", "--interpreter", "3.13", NULL);
	refuse("--yield-every counts", "-m", "3.13:threads,threads", "--yield-every=7", NULL);
	/* Never is what they do. */
	assert_int_equal(take("-m", "3.13:threads", "--yield-every=0", NULL).n_requests, 1);
	assert_int_equal(take("-m", "threads", "--yield-every=7", NULL).n_requests, 0);
}

static void test_too_many(void **state)
{
	static char list[2 * MAX_REQUESTS + 4];
	struct run_plan plan;

	(void)state;
	for (size_t i = 0; i < MAX_REQUESTS; i++)
		memcpy(list + 2 * i, "p,", 2);
	list[2 * MAX_REQUESTS - 1] = '\0';
	plan = take("--interpreter", list, "-m", "serial", NULL);
	assert_int_equal(plan.n_requests, MAX_REQUESTS);
	strcat(list, ",p");
	refuse("more than 256 interpreters", "--interpreter", list, "-m", "serial", NULL);
}

/* --- who cannot be used --- */

static void test_the_rest_goes_on(void **state)
{
	struct run_plan plan =
		take("--interpreter=3.13,nonesuch,2.7", "-m", "threads,neither:serial", NULL);

	(void)state;
	assert_int_equal(ask(&plan, NULL), 0);
	assert_string_equal(labels(&plan), "python3.13:threads python2.7:threads");
	assert_int_equal(plan.interpreters.failed, 2);
	run_plan__free(&plan);

	/* Nor is anything left of these alone. */
	plan = take("--interpreter=nonesuch", "-m", "threads", NULL);
	assert_int_equal(ask(&plan, NULL), -EINVAL);
	assert_non_null(strstr(said, "nothing is left to run"));
	run_plan__free(&plan);
	plan = take("-m", "nonesuch:threads", "--cmd", "a=true", NULL);
	assert_int_equal(ask(&plan, NULL), 0);
	assert_string_equal(labels(&plan), "a");
	assert_int_equal(plan.interpreters.failed, 1);
	run_plan__free(&plan);
}

static void test_modes_that_a_language_has_not(void **state)
{
	struct run_plan plan = take("-m", "ruby:pool,3.13:pool", NULL);

	(void)state;
	assert_int_equal(ask(&plan, NULL), 0);
	assert_string_equal(labels(&plan), "python3.13:pool");
	assert_string_equal(said, "convoy: ruby3.1 has no mode 'pool'\n");
	assert_int_equal(plan.n_lacking, 1);
	run_plan__free(&plan);

	plan = take("--interpreter=ruby,3.13", "-m", "pool,threads", NULL);
	assert_int_equal(ask(&plan, NULL), 0);
	assert_string_equal(labels(&plan), "ruby3.1:threads python3.13:pool python3.13:threads");
	assert_int_equal(plan.n_lacking, 1);
	run_plan__free(&plan);

	/* Of all of them it is what they have. */
	check("python3.13:pool python2.7:pool python3.9:pool", "--interpreter=all", "-m", "pool");
	plan = take("-m", "ruby:pool", NULL);
	assert_int_equal(ask(&plan, NULL), -EINVAL);
	run_plan__free(&plan);
}

static void test_what_a_finder_returns(void **state)
{
	static const int errors[] = { -ENOMEM, -EIO, -EINTR };

	(void)state;
	for (size_t i = 0; i < N(errors); i++) {
		struct run_plan plan = take("--interpreter=3.13,2.7", NULL);
		int err = errors[i];

		assert_int_equal(ask(&plan, &err), err);
		assert_int_equal(asked, 1);
		assert_int_equal(plan.interpreters.signal, err == -EINTR ? 15 : 0);
		run_plan__free(&plan);
	}
}

/* A command of the user's may be called anything, but not the same as a mode. */
static void test_a_command_of_the_same_name(void **state)
{
	struct run_plan plan = take("-m", "3.13:threads", "--cmd", "python3.13:threads=true", NULL);

	(void)state;
	assert_int_equal(ask(&plan, NULL), -EINVAL);
	assert_non_null(strstr(said, "'python3.13:threads' is named twice"));
	run_plan__free(&plan);
	check("python3.13:threads 3.13:threads", "-m", "3.13:threads", "--cmd",
	      "3.13:threads=true");
}

/* --- reference --- */

#define check_reference(expected, ...)                           \
	do {                                                     \
		struct run_plan plan_ = take(__VA_ARGS__, NULL); \
		assert_int_equal(ask(&plan_, NULL), 0);          \
		assert_string_equal(plan_.reference, expected);  \
		run_plan__free(&plan_);                          \
	} while (0)

static void test_reference(void **state)
{
	struct run_plan plan;

	(void)state;
	check_reference("serial", "-m", "3.13:threads,serial");
	check_reference("serial", "--interpreter=3.13", "-m", "threads,serial");
	check_reference("a", "-m", "3.13:threads", "--cmd", "a=true");
	/* By its name, or as -m has it. */
	check_reference("python3.13:threads", "-m", "3.13:threads,serial",
			"--reference=python3.13:threads");
	check_reference("python3.13:threads", "-m", "3.13:threads,serial",
			"--reference=3.13:threads");
	check_reference("python2.7:serial", "--interpreter=3.13,2.7", "-m", "threads,serial",
			"--reference", "2.7:serial");
	check_reference("a:b", "-m", "3.13:threads", "--cmd", "a:b=true", "--reference=a:b");
	check_reference("gil-timed", "-m", "3.13:threads,gil-timed", "--reference=gil-timed");

	/* Without a colon it is none of theirs. */
	refuse("'threads' is not among the modes", "-m", "3.13:threads,serial",
	       "--reference=threads", NULL);
	refuse("'3.13:threads' is not among the modes", "-m", "threads", "--reference=3.13:threads",
	       NULL);
	plan = take("-m", "3.13:threads,serial", "--reference=2.7:threads", NULL);
	assert_int_equal(ask(&plan, NULL), -EINVAL);
	assert_non_null(strstr(said, "'2.7:threads' is not among the modes"));
	run_plan__free(&plan);
	/* One of those that cannot be used is missed, and the rest goes on. */
	plan = take("-m", "nonesuch:threads,serial", "--reference=nonesuch:threads", NULL);
	assert_int_equal(ask(&plan, NULL), 0);
	assert_string_equal(plan.reference, "serial");
	assert_non_null(strstr(said, "'nonesuch:threads' is not among the modes"));
	run_plan__free(&plan);
}

/* --- to run it again --- */

static void test_params(void **state)
{
	struct run_plan plan = take("-m", "threads,3.13:threads", NULL);
	json_t *params, *expected;

	(void)state;
	assert_int_equal(ask(&plan, NULL), 0);
	params = run_plan__params(&plan);
	expected = json_pack("{s:s}", "python3.13", "/nowhere/3.13/python");
	assert_true(json_equal(json_object_get(params, "interpreters"), expected));
	json_decref(expected);
	expected = json_pack("[s, s]", "threads", "python3.13:threads");
	assert_true(json_equal(json_object_get(params, "modes"), expected));
	json_decref(expected);
	assert_int_equal(json_object_size(json_object_get(params, "mode_workers")), 2);
	json_decref(params);
	run_plan__free(&plan);
}

/* --- command lines --- */

static bool has_argument(const struct work_argv *args, const char *word)
{
	for (size_t i = 0; i < args->n; i++)
		if (!strcmp(args->argv[i], word))
			return true;
	return false;
}

static void test_command_lines(void **state)
{
	static const struct work_places places = { "/lib/convoy-work", "/share/workloads" };
	static const char *const all[] = { "--workers=2", "--work=9",   "--inside=1",
					   "--outside=2", "--verbose", "--switch-interval=0.5" };
	struct run_plan plan = take("-j", "counter", "-w2", "-n9", "--inside=1", "--outside=2",
				    "--switch-interval=0.5", "-v", "--start=spawn", "-m",
				    "gil-timed,3.13:threads,3.13:processes", "--cmd", "a=make -j2",
				    NULL);
	struct work_argv args;

	(void)state;
	assert_int_equal(ask(&plan, NULL), 0);
	work_argv__build(&args, &places, &plan, &plan.modes[0]);
	assert_string_equal(args.argv[0], "/lib/convoy-work");
	assert_true(has_argument(&args, "--mode=gil-timed"));
	assert_true(has_argument(&args, "--yield-every=0"));
	assert_true(has_argument(&args, "--start=spawn"));
	assert_null(args.argv[args.n]);

	work_argv__build(&args, &places, &plan, &plan.modes[1]);
	assert_string_equal(args.argv[0], "/nowhere/3.13/python");
	assert_string_equal(args.argv[1], "-B");
	assert_string_equal(args.argv[2], "/share/workloads/python/convoy_work.py");
	assert_string_equal(args.argv[3], "--job=counter");
	assert_string_equal(args.argv[4], "--mode=threads");
	for (size_t i = 0; i < N(all); i++)
		assert_true(has_argument(&args, all[i]));
	/* It has none to count, and processes neither. */
	assert_false(has_argument(&args, "--yield-every=0"));
	assert_false(has_argument(&args, "--start=spawn"));
	assert_false(has_argument(&args, "--seed=11"));
	assert_null(args.argv[args.n]);
	work_argv__build(&args, &places, &plan, &plan.modes[2]);
	assert_true(has_argument(&args, "--mode=processes"));
	assert_true(has_argument(&args, "--start=spawn"));

	work_argv__build(&args, &places, &plan, &plan.modes[3]);
	assert_int_equal(args.n, 3);
	assert_string_equal(args.argv[0], "/bin/sh");
	assert_string_equal(args.argv[2], "make -j2");
	assert_null(args.argv[3]);
	run_plan__free(&plan);
}

/* --- what is missing, in words --- */

static void test_what_is_missing(void **state)
{
	struct run_plan plan = take("-m", "threads,3.13:threads,2.7:threads", NULL);
	struct run_outcome outcome = { 0 };
	char text[240];

	(void)state;
	assert_int_equal(ask(&plan, NULL), 0);
	assert_int_equal(run_outcome__left_out(&outcome, &plan), 0);
	run_outcome__explain(&outcome, &plan, text, sizeof(text));
	assert_string_equal(text, "");
	/* Ended early: the report knows a sentence of its own. */
	outcome.signal = 2;
	run_outcome__explain(&outcome, &plan, text, sizeof(text));
	assert_string_equal(text, "");

	outcome.signal = 0;
	outcome.failed_in[1] = 3;
	assert_int_equal(run_outcome__left_out(&outcome, &plan), 1);
	run_outcome__explain(&outcome, &plan, text, sizeof(text));
	assert_string_equal(text, "python3.13:threads failed in round 3");
	outcome.signal = 2;
	outcome.failed_in[2] = 1;
	plan.interpreters.failed = 1;
	plan.n_lacking = 2;
	assert_int_equal(run_outcome__left_out(&outcome, &plan), 5);
	run_outcome__explain(&outcome, &plan, text, sizeof(text));
	assert_string_equal(text, "interrupted, some rounds are missing; 1 interpreter cannot be "
				  "used; 2 modes are not there in that language; "
				  "python3.13:threads failed in round 3; python2.7:threads failed "
				  "in round 1");
	run_plan__free(&plan);
}

static void test_much_is_missing(void **state)
{
	static struct run_plan plan;
	struct run_outcome outcome = { 0 };
	char text[240], more[32];
	size_t named = 0;

	(void)state;
	for (size_t i = 0; i < MAX_MODES; i++) {
		snprintf(plan.modes[i].label, sizeof(plan.modes[i].label), "%063zu", i);
		outcome.failed_in[i] = 10000;
	}
	plan.n_modes = MAX_MODES;
	run_outcome__explain(&outcome, &plan, text, sizeof(text));
	for (const char *at = text; (at = strstr(at, "failed in round 10000")); at++)
		named++;
	assert_true(named >= 1 && named < MAX_MODES);
	snprintf(more, sizeof(more), "; and %zu more", MAX_MODES - named);
	assert_string_equal(text + strlen(text) - strlen(more), more);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_is_asked_without_need),
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_without_m),
		cmocka_unit_test(test_with_m),
		cmocka_unit_test(test_each_once),
		cmocka_unit_test(test_nobody_is_asked_twice),
		cmocka_unit_test(test_what_a_mode_is),
		cmocka_unit_test(test_refused_before_anybody_is_asked),
		cmocka_unit_test(test_no_counting_of_instructions),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_the_rest_goes_on),
		cmocka_unit_test(test_modes_that_a_language_has_not),
		cmocka_unit_test(test_what_a_finder_returns),
		cmocka_unit_test(test_a_command_of_the_same_name),
		cmocka_unit_test(test_reference),
		cmocka_unit_test(test_params),
		cmocka_unit_test(test_command_lines),
		cmocka_unit_test(test_what_is_missing),
		cmocka_unit_test(test_much_is_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
