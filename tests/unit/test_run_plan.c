/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_run_plan.c - what `convoy run` takes, and what it refuses, with a message.
 */
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <wordexp.h>

#include <cmocka.h>

#include "tests/unit/plan_fixture.h"
#include "user/run_plan.h"
#include "user/session.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

static cpu_set_t allowed_cpus(void)
{
	cpu_set_t set;

	assert_int_equal(sched_getaffinity(0, sizeof(set), &set), 0);
	return set;
}

/* A CPU that this process may use, or may not. */
static int find_cpu(bool usable)
{
	cpu_set_t set = allowed_cpus();

	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (!CPU_ISSET(cpu, &set) != usable)
			return cpu;
	return -1;
}

/* Of a job that has no number of its own: the CPUs, and one alone contends with nobody. */
static unsigned default_workers(void)
{
	cpu_set_t set = allowed_cpus();
	unsigned n = (unsigned)CPU_COUNT(&set);

	return n > 2 ? n : 2;
}

/* The workers of every bundled mode of the plan; a command has none. */
static void check_workers(const struct run_plan *plan, unsigned workers)
{
	for (size_t i = 0; i < plan->n_modes; i++)
		assert_int_equal(plan->modes[i].workers, plan->modes[i].bundled ? workers : 0);
}

static void test_defaults(void **state)
{
	static const char *const modes[] = { "serial", "gil-ticks", "gil-timed", "threads",
					     "processes" };
	struct run_plan plan = take(NULL);
	cpu_set_t cpus = allowed_cpus();
	unsigned n = default_workers();

	(void)state;
	assert_string_equal(plan.job->name, "countdown");
	assert_int_equal(plan.n_modes, N(modes));
	for (size_t i = 0; i < N(modes); i++)
		assert_string_equal(plan.modes[i].label, modes[i]);
	/* Nobody said -w: each mode has its own. */
	assert_int_equal(plan.workers, 0);
	check_workers(&plan, n);
	assert_int_equal(plan.rounds, plan.job->default_rounds);
	assert_true(plan.work == plan.job->default_work);
	assert_true(plan.sleep_scale == 1);
	assert_false(plan.spawn);
	assert_int_equal(plan.yield_every, 0);
	assert_int_equal(plan.check_interval, 100);
	assert_true(plan.switch_interval_ms == 5);
	assert_false(plan.pinned);
	assert_true(CPU_EQUAL(&plan.cpus, &cpus));
	assert_string_equal(plan.cpu_list, "");
	assert_int_equal(plan.futex, FUTEX_ALL);
	assert_int_equal(plan.ring_bytes, 0);
	assert_false(plan.allow_loss);
	assert_string_equal(plan.report.renderer->name, "text");
	assert_int_equal(plan.report.n_exports, 0);
	assert_false(plan.report.threads);
	assert_false(plan.verbose);
	assert_true(plan.probes);
	assert_string_equal(plan.reference, "serial");
	for (size_t i = 0; i < N(modes); i++) {
		assert_ptr_equal(plan.modes[i].bundled, catalog_mode(modes[i]));
		assert_null(plan.modes[i].command);
	}
	assert_string_equal(plan.command_line, "convoy run");
}

static void test_defaults_of_another_job(void **state)
{
	static const char *const modes[] = { "serial", "threads", "gil-timed", "processes" };
	struct run_plan plan = take("-j", "recursion", NULL);

	(void)state;
	assert_string_equal(plan.job->name, "recursion");
	assert_int_equal(plan.n_modes, N(modes));
	for (size_t i = 0; i < N(modes); i++)
		assert_string_equal(plan.modes[i].label, modes[i]);
	assert_int_equal(plan.workers, 0);
	check_workers(&plan, 3);
	assert_int_equal(plan.rounds, plan.job->default_rounds);
	assert_int_equal(plan.work, 0);
}

static void test_every_option(void **state)
{
	char list[16];
	struct run_plan plan;

	(void)state;
	snprintf(list, sizeof(list), "%d", find_cpu(true));
	plan = take("--job=countdown", "--modes=processes,serial", "--workers=7", "--work=12345",
		    "--rounds=9", "--start=spawn", "--yield-every=1000", "--check-interval=250",
		    "--switch-interval=0.25", "--cpus", list, "--futex=blocking",
		    "--ring-bytes=65536", "--allow-loss", "--format=json", "--threads", "--verbose",
		    NULL);
	assert_int_equal(plan.n_modes, 2);
	assert_string_equal(plan.modes[0].label, "processes");
	assert_string_equal(plan.modes[1].label, "serial");
	assert_int_equal(plan.workers, 7);
	check_workers(&plan, 7);
	assert_int_equal(plan.work, 12345);
	assert_int_equal(plan.rounds, 9);
	assert_true(plan.spawn);
	assert_int_equal(plan.yield_every, 1000);
	assert_int_equal(plan.check_interval, 250);
	assert_true(plan.switch_interval_ms == 0.25);
	assert_true(plan.pinned);
	assert_int_equal(CPU_COUNT(&plan.cpus), 1);
	assert_true(CPU_ISSET(find_cpu(true), &plan.cpus));
	assert_string_equal(plan.cpu_list, list);
	assert_int_equal(plan.futex, FUTEX_BLOCKING);
	assert_int_equal(plan.ring_bytes, 65536);
	assert_true(plan.allow_loss);
	assert_string_equal(plan.report.renderer->name, "json");
	assert_true(plan.report.threads);
	assert_true(plan.verbose);

	plan = take("-jcountdown", "-mthreads", "-w1", "-n1", "-r1", "-v", "--start=fork",
		    "--futex=all", "--yield-every=0", NULL);
	assert_int_equal(plan.n_modes, 1);
	assert_int_equal(plan.workers, 1);
	check_workers(&plan, 1);
	assert_int_equal(plan.work, 1);
	assert_int_equal(plan.rounds, 1);
	assert_false(plan.spawn);
	assert_int_equal(plan.futex, FUTEX_ALL);

	plan = take("-j", "recursion", "--sleep-scale", "0.2", NULL);
	assert_true(plan.sleep_scale == 0.2);
	plan = take("-j", "recursion", "--sleep-scale", "0", NULL);
	assert_true(plan.sleep_scale == 0);

	plan = take("--job=sleepers", "--seed=4294967295", NULL);
	assert_true(plan.seed == 4294967295u);
	plan = take("-j", "sleepers", "--seed", "0", NULL); /* a seed as any other */
	assert_true(plan.seed == 0);
	plan = take("--job=counter", "--inside=90", "--outside=10", NULL);
	assert_true(plan.inside == 90);
	assert_true(plan.outside == 10);
	plan = take("-j", "counter", "--outside", "0", "--inside", "1000000000", NULL);
	assert_true(plan.inside == 1000000000);
	assert_true(plan.outside == 0);
	/* One of them leaves the other as it was. */
	plan = take("--inside=7", "-j", "counter", NULL);
	assert_true(plan.inside == 7);
	assert_true(plan.outside == 50);
	plan = take("--outside=0", "-j", "counter", NULL);
	assert_true(plan.inside == 50);
	assert_true(plan.outside == 0);
}

static void test_the_last_of_two_wins(void **state)
{
	struct run_plan plan = take("-w", "2", "-j", "recursion", "-w", "3", "-j", "countdown",
				    "-m", "serial", "-m", "threads", "--format=json",
				    "--format=text", NULL);

	(void)state;
	assert_int_equal(plan.workers, 3);
	check_workers(&plan, 3);
	assert_string_equal(plan.job->name, "countdown");
	assert_int_equal(plan.n_modes, 1);
	assert_string_equal(plan.modes[0].label, "threads");
	assert_string_equal(plan.report.renderer->name, "text");
	assert_int_equal(take("-j", "sleepers", "--seed=1", "--seed=2", NULL).seed, 2);
	assert_int_equal(take("-j", "counter", "--inside=1", "--inside=0", NULL).inside, 0);
	/* Whether a job takes an option is a question to the job that runs. */
	assert_int_equal(take("-j", "counter", "--seed=2", "-j", "sleepers", NULL).seed, 2);
}

static void test_workers_follow_the_cpus(void **state)
{
	char list[16];
	struct run_plan plan;

	(void)state;
	snprintf(list, sizeof(list), "%d", find_cpu(true));
	plan = take("--cpus", list, NULL);
	/* Of one CPU too: one worker alone contends with nobody. */
	assert_int_equal(plan.workers, 0);
	assert_int_equal(plan.n_modes, 5);
	check_workers(&plan, 2);
	/* The jobs that have a number of their own do not follow. */
	plan = take("-j", "queue", "--cpus", list, NULL);
	check_workers(&plan, 3);
}

/* In a pool, tasks wait for workers, so it has as many as the CPUs can run. */
static void test_workers_of_each_mode(void **state)
{
	static const char *const modes[] = { "serial", "threads", "gil-timed", "pool" };
	unsigned n = default_workers();
	struct run_plan plan = take("-j", "sleepers", NULL);
	char list[16];

	(void)state;
	assert_int_equal(plan.workers, 0);
	assert_int_equal(plan.n_modes, N(modes));
	for (size_t i = 0; i < N(modes); i++)
		assert_string_equal(plan.modes[i].label, modes[i]);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(plan.modes[i].workers, 5);
	assert_int_equal(plan.modes[3].workers, n < 5 ? n : 5);

	/* On one CPU: 2 in the pool, and all the others as before. */
	snprintf(list, sizeof(list), "%d", find_cpu(true));
	plan = take("-j", "sleepers", "-m", "pool,processes,gil-ticks", "--cpus", list, NULL);
	assert_int_equal(plan.modes[0].workers, 2);
	assert_int_equal(plan.modes[1].workers, 5);
	assert_int_equal(plan.modes[2].workers, 5);

	plan = take("-j", "recursion", "-m", "serial,pool", NULL);
	assert_int_equal(plan.modes[0].workers, 3);
	assert_int_equal(plan.modes[1].workers, n < 3 ? n : 3);
	/* Without a fixed number of tasks, a pool is as large as everything else. */
	plan = take("-j", "countdown", "-m", "threads,pool", NULL);
	check_workers(&plan, n);
	/* A command has none. */
	plan = take("-j", "sleepers", "-m", "serial", "--cmd", "a=true", "-w", "4", NULL);
	assert_int_equal(plan.modes[0].workers, 4);
	assert_int_equal(plan.modes[1].workers, 0);
}

static void test_workers_that_were_said(void **state)
{
	(void)state;
	for (unsigned workers = 1; workers <= 5; workers++) {
		char text[8];
		struct run_plan plan;

		snprintf(text, sizeof(text), "%u", workers);
		plan = take("-j", "sleepers", "-w", text, "-m",
			    "pool,serial,threads,gil-ticks,gil-timed,processes", NULL);
		assert_int_equal(plan.workers, workers);
		assert_int_equal(plan.n_modes, 6);
		check_workers(&plan, workers); /* the pool too */
	}
	refuse("use at most 5 workers", "-j", "sleepers", "-w", "6", NULL);
	refuse("in mode 'pool' with 6 workers", "-j", "sleepers", "-w", "6", "-m", "pool", NULL);
}

static void test_defaults_are_the_catalogs(void **state)
{
	size_t n = 0;

	(void)state;
	for (const struct job_info *job; (job = catalog_job_at(n)); n++) {
		struct run_plan plan = take("-j", job->name, NULL);
		size_t modes = 0;

		assert_ptr_equal(plan.job, job);
		assert_true(plan.seed == CATALOG_DEFAULT_SEED);
		assert_true(plan.inside == job->default_inside);
		assert_true(plan.outside == job->default_outside);
		assert_true(plan.work == job->default_work);
		assert_int_equal(plan.rounds, job->default_rounds);
		assert_int_equal(plan.workers, 0);
		for (; job->default_modes[modes]; modes++) {
			assert_true(modes < plan.n_modes);
			assert_string_equal(plan.modes[modes].label, job->default_modes[modes]);
			assert_int_equal(plan.modes[modes].workers,
					 catalog_workers(job, plan.modes[modes].bundled,
							 (unsigned)CPU_COUNT(&plan.cpus)));
			assert_true(plan.modes[modes].workers >= 2);
		}
		assert_int_equal(plan.n_modes, modes);
	}
	assert_true(n >= 7);
	/* And these are known to scripts. */
	assert_int_equal(take("-j", "sleepers", NULL).seed, 11);
	assert_int_equal(take("-j", "counter", NULL).inside, 50);
	assert_int_equal(take("-j", "counter", NULL).outside, 50);
}

/* By name, for the catalog could be wrong. */
static void test_options_that_a_job_takes_not(void **state)
{
	char words[80];

	(void)state;
	for (size_t i = 0; catalog_job_at(i); i++) {
		const char *job = catalog_job_at(i)->name;

		snprintf(words, sizeof(words), "job '%s'", job);
		if (strcmp(job, "sleepers")) {
			refuse("takes no --seed", "-j", job, "--seed", "1", NULL);
			refuse(words, "--seed", "1", "-j", job, NULL);
			/* Even if it says what is the default anyway. */
			refuse("takes no --seed", "-j", job, "--seed=11", NULL);
			refuse("takes no --seed", "-j", job, "--seed=0", NULL);
		}
		if (strcmp(job, "counter")) {
			refuse("takes no --inside", "-j", job, "--inside", "1", NULL);
			refuse("no --outside", "-j", job, "--outside", "1", NULL);
			refuse("takes no --inside", "-j", job, "--inside=0", NULL);
			refuse("no --outside", "-j", job, "--outside=0", NULL);
			refuse(words, "--inside=2", "--outside=3", "-j", job, NULL);
		}
		if (strcmp(job, "sleepers") && strcmp(job, "recursion"))
			refuse("takes no --sleep-scale", "-j", job, "--sleep-scale=1", NULL);
		else
			refuse("takes no -n", "-j", job, "-n", "1", NULL);
	}
	/* The default job is a job too. */
	refuse("job 'countdown' has nothing random: it takes no --seed", "--seed=1", NULL);
	refuse("job 'countdown' has no lock of its own", "--inside=1", NULL);
	refuse("takes no --seed", "-j", "sleepers", "--seed=1", "-j", "counter", NULL);
}

static void test_unknown_names(void **state)
{
	(void)state;
	refuse("'factorial'", "-j", "factorial", NULL);
	refuse("countdown", "-j", "", NULL); /* says what there is */
	refuse("'Countdown'", "-j", "Countdown", NULL);
	refuse("'fibers'", "-m", "fibers", NULL);
	refuse("'fibers'", "-m", "serial,fibers", NULL);
	refuse("gil-timed", "-m", "gil", NULL);
	refuse("''", "-m", "", NULL);
	refuse("''", "-m", "serial,", NULL);
	refuse("''", "-m", ",serial", NULL);
	refuse("''", "-m", "serial,,threads", NULL);
	refuse("' threads'", "-m", "serial, threads", NULL);
	refuse("'clone'", "--start=clone", NULL);
	refuse("'none'", "--futex=none", NULL);
	refuse("'xml'", "--format=xml", NULL);
	refuse("'JSON'", "--format=JSON", NULL);
	refuse("'stray'", "stray", NULL);
	refuse("'stray'", "-w", "2", "--", "stray", NULL);
}

static void test_duplicate_modes(void **state)
{
	(void)state;
	refuse("'serial' is named twice", "-m", "serial,serial", NULL);
	refuse("'threads' is named twice", "-m", "threads,serial,processes,threads", NULL);
	refuse("twice", "-m",
	       "serial,threads,gil-ticks,gil-timed,processes,serial,threads,gil-ticks", NULL);
}

static void test_numbers(void **state)
{
	static const char *const counts[] = { "-w",
					      "-r",
					      "-n",
					      "--check-interval",
					      "--switch-interval",
					      "--ring-bytes",
					      "--yield-every",
					      "--seed",
					      "--inside",
					      "--outside" };
	static const char *const bad[] = { "",	   "two", "2x",	 "-1",	"+1", " 2",
					   "0x10", "2 ",  "nan", "inf", "1e", "--3" };

	(void)state;
	for (size_t i = 0; i < N(counts); i++)
		for (size_t j = 0; j < N(bad); j++)
			refuse("is not a number", counts[i], bad[j], NULL);
	for (size_t j = 0; j < N(bad); j++)
		refuse("is not a number", "-j", "recursion", "--sleep-scale", bad[j], NULL);
	refuse("is not a number", "-w", "1.5", NULL);
	refuse("is not a number", "-n", "1e6", NULL);
	refuse("--seed '1.0' is not a number", "-j", "sleepers", "--seed", "1.0", NULL);
	refuse("--inside '1k' is not a number", "-j", "counter", "--inside", "1k", NULL);
	refuse("--outside '' is not a number", "-j", "counter", "--outside=", NULL);
}

static void test_ranges(void **state)
{
	static const char *const ranges[][2] = {
		{ "-w", "0" },
		{ "-w", "1025" },
		{ "-w", "18446744073709551617" },
		{ "-w", "4294967297" },
		{ "-r", "0" },
		{ "-r", "10001" },
		{ "-n", "0" },
		{ "-n", "1000000000001" },
		{ "-n", "99999999999999999999999" },
		{ "--check-interval", "0" },
		{ "--check-interval", "1000000001" },
		{ "--switch-interval", "0" },
		{ "--switch-interval", "0.0009" },
		{ "--switch-interval", "10001" },
		{ "--switch-interval", "1e400" },
		{ "--yield-every", "18446744073709551615" },
		{ "--ring-bytes", "2048" },
		{ "--ring-bytes", "4194304" },
		{ "--ring-bytes", "0" },
		{ "--seed", "4294967296" },
		{ "--seed", "18446744073709551616" },
		{ "--inside", "1000000001" },
		{ "--inside", "18446744073709551616" },
		{ "--outside", "1000000001" },
		{ "--outside", "99999999999999999999999" },
	};

	(void)state;
	for (size_t i = 0; i < N(ranges); i++)
		refuse("is out of range", ranges[i][0], ranges[i][1], NULL);
	refuse("is out of range", "-j", "recursion", "--sleep-scale", "1000.5", NULL);
	refuse("--seed 4294967296 is out of range: it must be from 0 to 4294967295", "-j",
	       "sleepers", "--seed=4294967296", NULL);
	refuse("--inside 1000000001 is out of range: it must be from 0 to 1000000000", "-j",
	       "counter", "--inside=1000000001", NULL);
	refuse("--outside 1000000001 is out of range: it must be from 0 to 1000000000", "-j",
	       "counter", "--outside=1000000001", NULL);
	/* Each job has its own most work. */
	for (size_t i = 0; catalog_job_at(i); i++) {
		const struct job_info *job = catalog_job_at(i);
		char text[32];

		if (!job->work_unit)
			continue;
		snprintf(text, sizeof(text), "%llu", job->max_work);
		assert_true(take("-j", job->name, "-n", text, NULL).work == job->max_work);
		snprintf(text, sizeof(text), "%llu", job->max_work + 1);
		refuse("is out of range", "-j", job->name, "-n", text, NULL);
		refuse(job->work_unit, "-n", text, "-j", job->name, NULL);
	}
	/* The bounds themselves are in it. */
	take("-w", "1024", "-r", "10000", "-n", "1000000000000", "--check-interval", "1000000000",
	     "--switch-interval", "10000", "--ring-bytes", "2097152", NULL);
	take("-w", "1", "-r", "1", "-n", "1", "--check-interval", "1", "--switch-interval", "0.001",
	     "--ring-bytes", "4096", NULL);
	take("-j", "recursion", "--sleep-scale", "1000", NULL);
}

static void test_ring_is_a_power_of_two(void **state)
{
	(void)state;
	refuse("power of two", "--ring-bytes", "4097", NULL);
	refuse("power of two", "--ring-bytes", "65535", NULL);
	refuse("power of two", "--ring-bytes", "12288", NULL);
	for (size_t size = SESSION_RING_MIN; size <= SESSION_RING_MAX; size *= 2) {
		char text[32];
		struct run_plan plan;

		snprintf(text, sizeof(text), "%zu", size);
		plan = take("--ring-bytes", text, NULL);
		assert_int_equal(plan.ring_bytes, size);
	}
}

static void test_refused_pairs(void **state)
{
	(void)state;
	refuse("at most 3 workers", "-j", "recursion", "-w", "4", NULL);
	refuse("at most 3 workers", "-w", "4", "-m", "threads", "-j", "recursion", NULL);
	refuse("takes no -n", "-j", "recursion", "-n", "5", NULL);
	refuse("takes no -n", "-n", "5", "-j", "recursion", NULL);
	refuse("takes no --sleep-scale", "-j", "countdown", "--sleep-scale", "1", NULL);
	refuse("takes no --sleep-scale", "--sleep-scale", "0.5", NULL);
	refuse("at least 2 workers", "-j", "mixed", "-w", "1", NULL);
	refuse("at least 2 workers", "-j", "queue", "-w", "1", NULL);
	refuse("job 'counter' in mode 'pool'", "-j", "counter", "-m", "pool", NULL);
	refuse("job 'mixed' in mode 'pool'", "-j", "mixed", "-m", "threads,pool", NULL);
	refuse("job 'queue' in mode 'serial'", "-m", "serial", "-j", "queue", NULL);
	for (unsigned workers = 1; workers <= 3; workers++) {
		char text[8];
		struct run_plan plan;

		snprintf(text, sizeof(text), "%u", workers);
		plan = take("-j", "recursion", "-w", text, NULL);
		assert_int_equal(plan.workers, workers);
		check_workers(&plan, workers);
	}
}

static void test_cpus(void **state)
{
	static const char *const lists[] = { "",
					     "a",
					     "0-",
					     "-1",
					     "1-0",
					     "0,",
					     ",0",
					     "0;1",
					     "0 ",
					     " 0",
					     "0-1-2",
					     "0x1",
					     "99999999999999999999",
					     "1024" };
	int usable = find_cpu(true), missing = find_cpu(false);
	char long_list[1024] = "";
	char text[64];
	struct run_plan plan;

	(void)state;
	for (size_t i = 0; i < N(lists); i++)
		refuse("is not a list of CPUs", "--cpus", lists[i], NULL);
	assert_true(usable >= 0);
	snprintf(text, sizeof(text), "%d,%d-%d", usable, usable, usable);
	plan = take("--cpus", text, NULL);
	assert_int_equal(CPU_COUNT(&plan.cpus), 1);
	assert_string_equal(plan.cpu_list, text);
	if (missing >= 0) {
		snprintf(text, sizeof(text), "%d,%d", usable, missing);
		refuse("is not there", "--cpus", text, NULL);
		snprintf(text, sizeof(text), "CPU %d", missing);
		refuse(text, "--cpus", "0-1023", NULL);
	}
	/* A long list is as good as a short one, and kept whole. */
	for (size_t i = 0; i < 200; i++)
		snprintf(long_list + strlen(long_list), sizeof(long_list) - strlen(long_list),
			 "%s%d", i ? "," : "", usable);
	plan = take("--cpus", long_list, NULL);
	assert_int_equal(CPU_COUNT(&plan.cpus), 1);
	assert_string_equal(plan.cpu_list, long_list);
}

static void test_exports(void **state)
{
	const char *directory = getenv("TEST_TMPDIR") ? getenv("TEST_TMPDIR") : "/tmp";
	char specs[MAX_EXPORTS + 1][512];
	char *argv[MAX_EXPORTS + 4] = { (char *)"run" };
	struct run_plan plan;
	int argc = 1;

	(void)state;
	for (size_t i = 0; i <= MAX_EXPORTS; i++) {
		snprintf(specs[i], sizeof(specs[i]), "--export=%s=%s/convoy-plan-%d-%zu",
			 i % 2 ? "json" : "text", directory, (int)getpid(), i);
		argv[argc++] = specs[i];
	}
	assert_int_equal(parse_argv(&plan, argc, argv), -EINVAL);
	assert_non_null(strstr(said, "more than 16 exports"));
	assert_int_equal(parse_argv(&plan, argc - 1, argv), 0);
	assert_int_equal(plan.report.n_exports, MAX_EXPORTS);
	for (size_t i = 0; i < MAX_EXPORTS; i++) {
		assert_string_equal(plan.report.exports[i], specs[i] + strlen("--export="));
		/* Checked, not made: a refused run must leave nothing. */
		assert_int_not_equal(access(strrchr(plan.report.exports[i], '=') + 1, F_OK), 0);
	}

	refuse("", "--export", "xml=/tmp/x", NULL);
	refuse("", "--export", "json", NULL);
	refuse("", "--export", "json=", NULL);
	refuse("", "--export", "=/tmp/x", NULL);
	refuse("", "--export", "json=/nonexistent/directory/x", NULL);
	refuse("", "--export", "json=/", NULL);
}

/* The command line can be given to a shell again, whatever is in it. */
static void check_quoted(const char *argument)
{
	const char *directory = getenv("TEST_TMPDIR") ? getenv("TEST_TMPDIR") : "/tmp";
	struct run_plan plan;
	char spec[512];
	wordexp_t words;

	snprintf(spec, sizeof(spec), "--export=json=%s/%s", directory, argument);
	plan = take("-w", "2", spec, "-v", NULL);
	if (wordexp(plan.command_line, &words, WRDE_NOCMD | WRDE_UNDEF))
		fail_msg("a shell cannot read: %s", plan.command_line);
	if (words.we_wordc != 6 || strcmp(words.we_wordv[4], spec))
		fail_msg("a shell reads another argument from: %s", plan.command_line);
	assert_string_equal(words.we_wordv[0], "convoy");
	assert_string_equal(words.we_wordv[1], "run");
	assert_string_equal(words.we_wordv[5], "-v");
	wordfree(&words);
}

static void test_command_line_is_quoted(void **state)
{
	static const char *const names[] = {
		"plain",    "a b",   "tab\there",  "new\nline",	  "dollar$HOME",
		"back`id`", "star*", "semi;colon", "amp&",	  "pipe|",
		"tilde~",   "hash#", "\"double\"", "back\\slash", "(a)",
		"{a,b}",    "[a]",   "<in>out",	   "what?"
	};

	(void)state;
	assert_string_equal(take("-j", "countdown", "--modes=serial", NULL).command_line,
			    "convoy run -j countdown --modes=serial");
	for (size_t i = 0; i < N(names); i++)
		check_quoted(names[i]);
}

/* Once, a quote was put between quotes as it is. */
static void test_quotes_in_the_command_line(void **state)
{
	(void)state;
	check_quoted("it's");
	check_quoted("'");
	check_quoted("a'b c'd");
}

static void test_command_line_of_an_empty_argument(void **state)
{
	char *argv[] = { (char *)"run", (char *)"-j", (char *)"", NULL };
	struct run_plan plan;

	(void)state;
	assert_int_equal(parse_argv(&plan, 3, argv), -EINVAL);
	assert_string_equal(plan.command_line, "convoy run -j ''");
}

static void test_long_command_line_is_cut(void **state)
{
	char *argv[301] = { (char *)"run" };
	struct run_plan plan;

	(void)state;
	for (int i = 1; i < 300; i++)
		argv[i] = (char *)"--allow-loss";
	assert_int_equal(parse_argv(&plan, 300, argv), 0);
	assert_int_equal(strlen(plan.command_line), sizeof(plan.command_line) - 1);
	assert_int_equal(strncmp(plan.command_line, "convoy run --allow-loss --allow", 31), 0);
}

static json_t *params_of(struct run_plan plan)
{
	json_t *params = run_plan__params(&plan);

	assert_true(json_is_object(params));
	return params;
}

static void test_params_of_defaults(void **state)
{
	struct run_plan plan = take("-j", "recursion", NULL);
	json_t *params = params_of(plan), *expected;

	(void)state;
	expected = json_pack(
		"{s:s, s:[s,s,s,s], s:{}, s:{}, s:s, s:i, s:{s:i, s:i, s:i, s:i}, s:n, s:i, s:f, "
		"s:n, s:n, s:n, s:s, s:i, s:i, s:f, s:n, s:s, s:n, s:s}",
		"job", "recursion", "modes", "serial", "threads", "gil-timed", "processes",
		"commands", "interpreters", "reference", "serial", "workers", 3, "mode_workers",
		"serial", 3, "threads", 3, "gil-timed", 3, "processes", 3, "work", "rounds",
		(int)plan.rounds, "sleep_scale", 1.0, "seed", "inside", "outside", "start", "fork",
		"yield_every", 0, "check_interval", 100, "switch_interval_ms", 5.0, "cpus", "futex",
		"all", "ring_bytes", "probes", "ebpf");
	assert_non_null(expected);
	assert_true(json_equal(params, expected));
	json_decref(params);
	json_decref(expected);
}

static void test_params_of_everything(void **state)
{
	char list[16];
	json_t *params, *expected;

	(void)state;
	snprintf(list, sizeof(list), "%d", find_cpu(true));
	params = params_of(take("-m", "threads,gil-ticks", "-w", "4", "-n", "1000000000000", "-r",
				"2", "--cmd", "a=x=y", "--reference=gil-ticks", "--start=spawn",
				"--yield-every", "9223372036854775807", "--check-interval", "7",
				"--switch-interval", "0.5", "--cpus", list, "--futex=blocking",
				"--ring-bytes", "8192", NULL));
	expected = json_pack(
		"{s:s, s:[s,s,s], s:{s:s}, s:{}, s:s, s:i, s:{s:i, s:i}, s:I, s:i, s:f, s:n, s:n, s:n, "
		"s:s, s:I, s:i, s:f, s:s, s:s, s:i, s:s}",
		"job", "countdown", "modes", "threads", "gil-ticks", "a", "commands", "a", "x=y",
		"interpreters", "reference", "gil-ticks", "workers", 4, "mode_workers", "threads",
		4, "gil-ticks", 4, "work", (json_int_t)1000000000000, "rounds", 2, "sleep_scale",
		1.0, "seed", "inside", "outside", "start", "spawn", "yield_every",
		(json_int_t)INT64_MAX, "check_interval", 7, "switch_interval_ms", 0.5, "cpus", list,
		"futex", "blocking", "ring_bytes", 8192, "probes", "ebpf");
	assert_non_null(expected);
	assert_true(json_equal(params, expected));
	json_decref(params);
	json_decref(expected);
}

static void check_param(json_t *params, const char *key, json_t *expected)
{
	json_t *value = json_object_get(params, key);

	assert_non_null(expected);
	if (!value || !json_equal(value, expected)) {
		char *text = json_dumps(value, JSON_ENCODE_ANY);

		fail_msg("%s is %s", key, text ? text : "missing");
	}
	json_decref(expected);
}

static void test_params_of_jobs_that_take_more(void **state)
{
	char list[16];
	json_t *params;

	(void)state;
	snprintf(list, sizeof(list), "%d", find_cpu(true));
	params = params_of(take("-j", "sleepers", "--cpus", list, "--cmd", "a=true", NULL));
	check_param(params, "seed", json_integer(11)); /* said or not: to run it again */
	check_param(params, "inside", json_null());
	check_param(params, "outside", json_null());
	check_param(params, "work", json_null());
	check_param(params, "workers", json_integer(5));
	/* Of the bundled modes alone. */
	check_param(params, "mode_workers",
		    json_pack("{s:i, s:i, s:i, s:i}", "serial", 5, "threads", 5, "gil-timed", 5,
			      "pool", 2));
	json_decref(params);

	params = params_of(take("-j", "sleepers", "--seed=4294967295", "-w4", NULL));
	check_param(params, "seed", json_integer(4294967295));
	check_param(params, "workers", json_integer(4));
	check_param(params, "mode_workers",
		    json_pack("{s:i, s:i, s:i, s:i}", "serial", 4, "threads", 4, "gil-timed", 4,
			      "pool", 4));
	json_decref(params);
	/* 0 is a number, not "none". */
	params = params_of(take("-j", "sleepers", "--seed=0", NULL));
	check_param(params, "seed", json_integer(0));
	json_decref(params);

	params = params_of(take("-j", "counter", "--inside=0", "--outside=1000000000", "-n9", "-m",
				"threads", "--cpus", list, NULL));
	check_param(params, "seed", json_null());
	check_param(params, "inside", json_integer(0));
	check_param(params, "outside", json_integer(1000000000));
	check_param(params, "work", json_integer(9));
	check_param(params, "workers", json_integer(2));
	check_param(params, "mode_workers", json_pack("{s:i}", "threads", 2));
	json_decref(params);
	params = params_of(take("-j", "counter", NULL));
	check_param(params, "inside", json_integer(50));
	check_param(params, "outside", json_integer(50));
	json_decref(params);
}

/*
 * What getopt itself finds ends in failure too. (argp ends the process there,
 * with the status that main() chose, so a child has to try it.)
 */
static void refuse_in_child(char **argv)
{
	int argc = 0, status;
	pid_t pid;

	while (argv[argc])
		argc++;
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		struct run_plan plan;

		if (!freopen("/dev/null", "w", stderr))
			_exit(99);
		_exit(run_plan__parse(&plan, argc, argv) ? 2 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_true(WEXITSTATUS(status) == 2 || WEXITSTATUS(status) == 64 /* EX_USAGE */);
}

static void test_options_that_do_not_exist(void **state)
{
	char *unknown[] = { (char *)"run", (char *)"--frobnicate", NULL };
	char *short_one[] = { (char *)"run", (char *)"-x", NULL };
	char *no_value[] = { (char *)"run", (char *)"-w", NULL };
	char *too_much[] = { (char *)"run", (char *)"--threads=yes", NULL };
	char *ambiguous[] = { (char *)"run", (char *)"--wo=3", NULL };

	(void)state;
	refuse_in_child(unknown);
	refuse_in_child(short_one);
	refuse_in_child(no_value);
	refuse_in_child(too_much);
	refuse_in_child(ambiguous);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_defaults_of_another_job),
		cmocka_unit_test(test_every_option),
		cmocka_unit_test(test_the_last_of_two_wins),
		cmocka_unit_test(test_workers_follow_the_cpus),
		cmocka_unit_test(test_workers_of_each_mode),
		cmocka_unit_test(test_workers_that_were_said),
		cmocka_unit_test(test_defaults_are_the_catalogs),
		cmocka_unit_test(test_options_that_a_job_takes_not),
		cmocka_unit_test(test_unknown_names),
		cmocka_unit_test(test_duplicate_modes),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_ring_is_a_power_of_two),
		cmocka_unit_test(test_refused_pairs),
		cmocka_unit_test(test_cpus),
		cmocka_unit_test(test_exports),
		cmocka_unit_test(test_command_line_is_quoted),
		cmocka_unit_test(test_quotes_in_the_command_line),
		cmocka_unit_test(test_command_line_of_an_empty_argument),
		cmocka_unit_test(test_long_command_line_is_cut),
		cmocka_unit_test(test_params_of_defaults),
		cmocka_unit_test(test_params_of_everything),
		cmocka_unit_test(test_params_of_jobs_that_take_more),
		cmocka_unit_test(test_options_that_do_not_exist),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
