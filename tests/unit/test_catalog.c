/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_catalog.c - what both binaries share: the catalog of jobs and modes,
 * strict numbers, lists of CPUs.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "workloads/catalog.h"
#include "workloads/cpulist.h"
#include "workloads/job.h"
#include "workloads/mode.h"
#include "workloads/parse_number.h"

static void test_names(void **state)
{
	static const char *const names[MODE_COUNT] = {
		"serial", "threads", "gil-ticks", "gil-timed", "processes", "pool",
	};

	(void)state;
	for (size_t i = 0; i < MODE_COUNT; i++) {
		assert_string_equal(catalog_mode_at(i)->name, names[i]);
		assert_ptr_equal(catalog_mode(names[i]), catalog_mode_at(i));
		assert_int_equal(catalog_mode_at(i)->gil,
				 i == MODE_GIL_TICKS || i == MODE_GIL_TIMED);
		assert_int_equal(catalog_mode_at(i)->id, i);
		assert_int_equal(catalog_mode_at(i)->processes,
				 i == MODE_PROCESSES || i == MODE_POOL);
		assert_int_equal(catalog_mode_at(i)->pool, i == MODE_POOL);
		assert_true(strlen(catalog_mode_at(i)->summary) > 0);
	}
	assert_null(catalog_mode_at(MODE_COUNT));
	assert_null(catalog_mode_at(SIZE_MAX));
	assert_null(catalog_mode("Serial"));
	assert_null(catalog_mode(""));
	assert_null(catalog_mode(NULL));
	assert_null(catalog_job("count"));
	assert_null(catalog_job(NULL));
}

static void test_every_row_can_run(void **state)
{
	const struct job_info *job;
	size_t jobs = 0;

	(void)state;
	for (; (job = catalog_job_at(jobs)); jobs++) {
		assert_ptr_equal(catalog_job(job->name), job);
		assert_non_null(job__find(job->name));
		assert_int_equal(vm__check(job__find(job->name)->program, NULL, NULL, 0), 0);
		for (size_t i = 0; i < job__find(job->name)->program->natives; i++)
			assert_non_null(job__find(job->name)->natives[i]);
		assert_true(job->default_rounds > 0);
		assert_true(job->default_work <= job->max_work);
		assert_int_equal(job->work_unit != NULL, job->default_work != 0);
		assert_int_equal(job->tasks != 0, job->too_many != NULL);
		assert_int_equal(job->min_workers > 1, job->too_few != NULL);
		assert_true(job->default_inside <= CATALOG_MAX_LOCK_WORK);
		assert_true(job->default_outside <= CATALOG_MAX_LOCK_WORK);
		assert_true(job->lock_work || !(job->default_inside || job->default_outside));
		assert_non_null(job->default_modes[0]);
		for (size_t i = 0; job->default_modes[i]; i++) {
			const struct mode_info *mode = catalog_mode(job->default_modes[i]);

			assert_non_null(mode);
			for (unsigned cpus = 0; cpus < 2000; cpus += 1 + cpus)
				assert_null(catalog_refusal(job, mode,
							    catalog_workers(job, mode, cpus)));
		}
	}
	assert_int_equal(jobs, 7);
	for (size_t i = 0; i < MODE_COUNT; i++)
		assert_non_null(spawner__find(catalog_mode_at(i)->name));
	assert_null(spawner__find("serially"));
	assert_null(job__find(""));
}

static void test_defaults(void **state)
{
	const struct job_info *countdown = catalog_job("countdown");
	const struct job_info *recursion = catalog_job("recursion");

	(void)state;
	assert_int_equal(countdown->default_workers, 0);
	assert_int_equal(countdown->default_rounds, 5);
	assert_false(countdown->sleeps);
	assert_int_equal(recursion->default_workers, 3);
	assert_int_equal(recursion->default_rounds, 1);
	assert_true(recursion->sleeps);
	assert_null(recursion->work_unit);
}

static void test_refusals(void **state)
{
	const struct job_info *countdown = catalog_job("countdown");
	const struct job_info *recursion = catalog_job("recursion");

	(void)state;
	for (size_t i = 0; i < MODE_COUNT; i++) {
		const struct mode_info *mode = catalog_mode_at(i);

		assert_null(catalog_refusal(countdown, mode, 1));
		assert_null(catalog_refusal(countdown, mode, CATALOG_MAX_WORKERS));
		assert_non_null(catalog_refusal(countdown, mode, CATALOG_MAX_WORKERS + 1));
		assert_non_null(catalog_refusal(countdown, mode, UINT_MAX));
		assert_non_null(catalog_refusal(countdown, mode, 0));
		assert_null(catalog_refusal(recursion, mode, 1));
		assert_null(catalog_refusal(recursion, mode, 3));
		assert_non_null(strstr(catalog_refusal(recursion, mode, 4), "three tasks"));
	}
	assert_non_null(catalog_refusal(NULL, catalog_mode_at(0), 1));
	assert_non_null(catalog_refusal(countdown, NULL, 1));
}

/* The table of job_rows.h: who runs where. */
static void test_every_pair(void **state)
{
	static const struct {
		const char *job;
		int runs[MODE_COUNT]; /* serial threads gil-ticks gil-timed processes pool */
	} rows[] = {
		{ "countdown", { 1, 1, 1, 1, 1, 1 } }, { "recursion", { 1, 1, 1, 1, 1, 1 } },
		{ "sleepers", { 1, 1, 1, 1, 1, 1 } },  { "counter", { 1, 1, 1, 1, 1, 0 } },
		{ "mixed", { 1, 1, 1, 1, 1, 0 } },     { "queue", { 0, 1, 1, 1, 1, 0 } },
		{ "pages", { 1, 1, 1, 1, 1, 1 } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct job_info *job = catalog_job(rows[i].job);

		assert_ptr_equal(job, catalog_job_at(i));
		for (size_t j = 0; j < MODE_COUNT; j++) {
			const char *why = catalog_refusal(job, catalog_mode_at(j), 2);

			assert_int_equal(!why, rows[i].runs[j]);
			/* A sentence, not a word; and with one worker the same one. */
			assert_true(!why || strlen(why) > 40);
			if (why)
				assert_ptr_equal(catalog_refusal(job, catalog_mode_at(j), 1), why);
		}
	}
	assert_null(catalog_job_at(sizeof(rows) / sizeof(rows[0])));
}

static void test_fewest_and_most_workers(void **state)
{
	const struct mode_info *threads = catalog_mode("threads"), *pool = catalog_mode("pool");

	(void)state;
	assert_non_null(strstr(catalog_refusal(catalog_job("mixed"), threads, 1), "at least 2"));
	assert_non_null(strstr(catalog_refusal(catalog_job("queue"), threads, 1), "at least 2"));
	assert_null(catalog_refusal(catalog_job("counter"), threads, 1));
	assert_non_null(strstr(catalog_refusal(catalog_job("sleepers"), threads, 6), "five tasks"));
	/* Fewer workers than tasks are a pool's point; more have nothing to do there either. */
	assert_null(catalog_refusal(catalog_job("recursion"), pool, 2));
	assert_null(catalog_refusal(catalog_job("sleepers"), pool, 1));
	assert_non_null(catalog_refusal(catalog_job("sleepers"), pool, 6));
}

static void test_default_workers(void **state)
{
	static const struct {
		const char *job, *mode;
		unsigned cpus, workers;
	} rows[] = {
		{ "countdown", "threads", 8, 8 }, { "countdown", "pool", 8, 8 },
		{ "countdown", "pool", 1, 2 },	  { "countdown", "serial", 0, 2 },
		{ "recursion", "threads", 8, 3 }, { "recursion", "pool", 8, 3 },
		{ "recursion", "pool", 2, 2 },	  { "sleepers", "threads", 2, 5 },
		{ "sleepers", "serial", 2, 5 },	  { "sleepers", "pool", 2, 2 },
		{ "sleepers", "pool", 4, 4 },	  { "sleepers", "pool", 64, 5 },
		{ "queue", "threads", 1, 3 },	  { "mixed", "threads", 1, 2 },
		{ "pages", "pool", 3, 3 },	  { "countdown", "pool", 5000, 1024 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(catalog_workers(catalog_job(rows[i].job),
						 catalog_mode(rows[i].mode), rows[i].cpus),
				 rows[i].workers);
}

static void test_plans(void **state)
{
	static const int64_t results[] = { 233, 479001600, 78 };
	struct run_params params = { .work = 7, .sleep_scale = 0.2 };
	struct job_task task;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		job__find("recursion")->plan(&params, i, &task);
		assert_int_equal(task.result, results[i]);
		assert_int_equal(task.args[1], i ? 20000000 : 1000000);
	}
	job__find("countdown")->plan(&params, 1, &task);
	assert_string_equal(task.name, "countdown-2");
	assert_int_equal(task.args[0], 7);
	assert_int_equal(task.result, 0);
}

static void test_whole_numbers(void **state)
{
	static const char *const bad[] = {
		"",
		" 1",
		"1 ",
		"+1",
		"-1",
		"-0",
		"0x10",
		"1e3",
		"1.0",
		"a",
		"1a",
		"1\n",
		"99999999999999999999999999x",
	};
	unsigned long long value = 77;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(parse__u64(bad[i], 0, ULLONG_MAX, &value), -EINVAL);
	assert_int_equal(parse__u64(NULL, 0, 1, &value), -EINVAL);
	assert_int_equal(parse__u64("18446744073709551616", 0, ULLONG_MAX, &value), -ERANGE);
	assert_int_equal(parse__u64("36893488147419103232", 0, ULLONG_MAX, &value), -ERANGE);
	assert_int_equal(parse__u64("4", 5, 10, &value), -ERANGE);
	assert_int_equal(parse__u64("11", 5, 10, &value), -ERANGE);
	assert_int_equal(value, 77);
	assert_int_equal(parse__u64("18446744073709551615", 0, ULLONG_MAX, &value), 0);
	assert_true(value == ULLONG_MAX);
	assert_int_equal(parse__u64("007", 5, 10, &value), 0);
	assert_int_equal(value, 7);
	assert_int_equal(parse__u64("0", 0, 0, &value), 0);
	assert_int_equal(value, 0);
}

static void test_real_numbers(void **state)
{
	static const char *const bad[] = {
		"",	    " 1", "1 ", "+1", "-1",  "-0",  "0x1p3", "nan",   "inf",
		"infinity", ".",  "e5", "1e", "1e+", "1,5", "1.2.3", "1e5.5", "5ms",
	};
	double value = 77;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(parse__double(bad[i], 0, 1e9, &value), -EINVAL);
	assert_int_equal(parse__double(NULL, 0, 1, &value), -EINVAL);
	assert_int_equal(parse__double("1e999", 0, 1e9, &value), -ERANGE);
	assert_int_equal(parse__double("1e-999", 0, 1e9, &value), -ERANGE);
	assert_int_equal(parse__double("0.5", 1, 2, &value), -ERANGE);
	assert_int_equal(parse__double("2.0001", 1, 2, &value), -ERANGE);
	assert_true(value == 77);
	assert_int_equal(parse__double("0.25", 0, 1, &value), 0);
	assert_true(value == 0.25);
	assert_int_equal(parse__double(".5", 0, 1, &value), 0);
	assert_true(value == 0.5);
	assert_int_equal(parse__double("5.", 0, 10, &value), 0);
	assert_true(value == 5);
	assert_int_equal(parse__double("125E-3", 0, 1, &value), 0);
	assert_true(value == 0.125);
	assert_int_equal(parse__double("0", 0, 0, &value), 0);
	assert_true(value == 0);
}

static void check_list(const char *text, const char *shortest, int count)
{
	char out[CPULIST_TEXT_MAX];
	cpu_set_t set;

	assert_int_equal(cpulist__parse(text, &set), 0);
	assert_int_equal(CPU_COUNT(&set), count);
	assert_int_equal(cpulist__format(&set, out, sizeof(out)), (int)strlen(shortest));
	assert_string_equal(out, shortest);
}

static void test_cpu_lists(void **state)
{
	(void)state;
	check_list("0", "0", 1);
	check_list("0,2-3", "0,2-3", 3);
	check_list("3,2,1,0", "0-3", 4);
	check_list("5,5,5-5", "5", 1);
	check_list("1-3,2-6", "1-6", 6);
	check_list("007", "7", 1);
	check_list("0-1023", "0-1023", 1024);
	check_list("1023", "1023", 1);
}

static void test_bad_cpu_lists(void **state)
{
	static const char *const bad[] = {
		"",	 ",", "0,",  ",0", "0,,1", "-",	   "-1",  "1-",	    "3-1",
		"1-2-3", "a", "0x1", " 0", "0 ",   "0, 1", "0;1", "1024,x",
	};
	cpu_set_t set, before;

	(void)state;
	memset(&set, 0x5a, sizeof(set));
	before = set;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(cpulist__parse(bad[i], &set), -EINVAL);
	assert_int_equal(cpulist__parse(NULL, &set), -EINVAL);
	assert_int_equal(cpulist__parse("1024", &set), -ERANGE);
	assert_int_equal(cpulist__parse("0-4294967296", &set), -ERANGE);
	assert_int_equal(cpulist__parse("99999999999999999999", &set), -ERANGE);
	assert_memory_equal(&set, &before, sizeof(set));
}

static void test_cpu_list_text_fits(void **state)
{
	char out[CPULIST_TEXT_MAX];
	cpu_set_t set;

	(void)state;
	CPU_ZERO(&set);
	assert_int_equal(cpulist__format(&set, out, sizeof(out)), 0);
	assert_string_equal(out, "");
	/* The longest text of all: every second CPU. */
	for (int cpu = 1; cpu < CPU_SETSIZE; cpu += 2)
		CPU_SET(cpu, &set);
	assert_true(cpulist__format(&set, out, sizeof(out)) > 0);
	assert_int_equal(cpulist__format(&set, out, 10), -ENOSPC);
	assert_int_equal(cpulist__format(&set, out, 0), -ENOSPC);
}

static void test_apply_refuses_missing_cpus(void **state)
{
	cpu_set_t before, after, wanted;
	int missing = 0;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
	if (CPU_ISSET(CPU_SETSIZE - 1, &before))
		skip();
	wanted = before;
	CPU_SET(CPU_SETSIZE - 1, &wanted);
	assert_int_equal(cpulist__apply(&wanted, &missing), -ENODEV);
	assert_int_equal(missing, CPU_SETSIZE - 1);
	CPU_ZERO(&wanted);
	CPU_SET(CPU_SETSIZE - 1, &wanted);
	assert_int_equal(cpulist__apply(&wanted, &missing), -ENODEV);
	assert_int_equal(missing, CPU_SETSIZE - 1);
	assert_int_equal(sched_getaffinity(0, sizeof(after), &after), 0);
	assert_true(CPU_EQUAL(&before, &after));
	assert_int_equal(cpulist__apply(&before, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_every_row_can_run),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_every_pair),
		cmocka_unit_test(test_fewest_and_most_workers),
		cmocka_unit_test(test_default_workers),
		cmocka_unit_test(test_plans),
		cmocka_unit_test(test_whole_numbers),
		cmocka_unit_test(test_real_numbers),
		cmocka_unit_test(test_cpu_lists),
		cmocka_unit_test(test_bad_cpu_lists),
		cmocka_unit_test(test_cpu_list_text_fits),
		cmocka_unit_test(test_apply_refuses_missing_cpus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
