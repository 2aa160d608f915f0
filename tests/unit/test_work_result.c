/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_work_result.c - what convoy-work says, and everything that it cannot say.
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

#include "user/work_result.h"
#include "workloads/output.h"

#define TASK                                                                               \
	"{\"name\": \"fib\", \"worker\": 1, \"pid\": 100, \"tid\": 101, \"start_ns\": 5, " \
	"\"end_ns\": 9, \"result\": \"233\", \"ok\": true}"
#define IDS(pid, tid) "\"pid\": " pid ", \"tid\": " tid
#define CLOCK "\"start_ns\": 5, \"end_ns\": 9, \"lock\": {\"acquires\": 2, \"wait_ns\": 3}"
#define SCHEDSTAT "\"schedstat\": {\"run_ns\": 4, \"run_delay_ns\": 1}"
#define THREAD "{\"worker\": 1, " IDS("100", "101") ", " CLOCK ", " SCHEDSTAT "}"
#define RESULT(tasks, threads) \
	"{\"schema\": \"convoy.work/1\", \"tasks\": [" tasks "], \"threads\": [" threads "]}"
#define METRICS(metrics)                                                               \
	"{\"schema\": \"convoy.work/1\", \"tasks\": [" TASK "], \"threads\": [" THREAD \
	"], \"metrics\": " metrics "}"

/* From a block that ends where the text does, for sanitizers; no NUL behind it. */
static int parse_bytes(struct work_result *result, const char *text, size_t size)
{
	char *copy = malloc(size ? size : 1);
	int err;

	assert_non_null(copy);
	memcpy(copy, text, size);
	memset(result, 0xee, sizeof(*result));
	err = work_result__parse(result, copy, size);
	free(copy);
	return err;
}

static int parse(struct work_result *result, const char *text)
{
	return parse_bytes(result, text, strlen(text));
}

static void refuse(const char *text)
{
	struct work_result result;
	int err = parse(&result, text);

	if (err != -EBADMSG)
		fail_msg("%d instead of -EBADMSG for %s", err, text);
	/* Nothing is left to free. */
	assert_null(result.tasks);
	assert_null(result.threads);
	assert_null(result.metrics);
	assert_int_equal(result.n_tasks + result.n_threads + result.n_metrics, 0);
	work_result__free(&result);
}

static void test_a_result(void **state)
{
	struct work_result result;

	(void)state;
	assert_int_equal(parse(&result, RESULT(TASK, THREAD ", {" IDS("7", "8") ", " CLOCK "}")),
			 0);
	assert_int_equal(result.n_tasks, 1);
	assert_string_equal(result.tasks[0].name, "fib");
	assert_string_equal(result.tasks[0].result, "233");
	assert_int_equal(result.tasks[0].pid, 100);
	assert_int_equal(result.tasks[0].tid, 101);
	assert_int_equal(result.tasks[0].start_ns, 5);
	assert_int_equal(result.tasks[0].end_ns, 9);
	assert_true(result.tasks[0].ok);
	assert_int_equal(result.n_threads, 2);
	assert_int_equal(result.threads[0].pid, 100);
	assert_int_equal(result.threads[0].tid, 101);
	assert_int_equal(result.threads[1].pid, 7);
	assert_int_equal(result.threads[1].tid, 8);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(result.threads[i].start_ns, 5);
		assert_int_equal(result.threads[i].end_ns, 9);
		assert_int_equal(result.threads[i].lock_wait_ns, 3);
	}
	/* A kernel without schedstat says nothing of it. */
	assert_true(result.threads[0].has_schedstat);
	assert_int_equal(result.threads[0].run_ns, 4);
	assert_int_equal(result.threads[0].run_delay_ns, 1);
	assert_false(result.threads[1].has_schedstat);
	assert_int_equal(result.n_metrics, 0);
	work_result__free(&result);
	assert_null(result.tasks);
	assert_int_equal(result.n_threads, 0);
	work_result__free(&result);
}

static void test_nothing_done_is_a_result(void **state)
{
	struct work_result result;

	(void)state;
	assert_int_equal(parse(&result, RESULT("", "")), 0);
	assert_int_equal(result.n_tasks, 0);
	assert_int_equal(result.n_threads, 0);
	work_result__free(&result);
}

static void test_what_is_not_known_is_ignored(void **state)
{
	struct work_result result;

	(void)state;
	assert_int_equal(parse(&result, "\n {\"future\": {\"a\": [1, null]}, \"threads\": [], "
					"\"tasks\": [], \"schema\": \"convoy.work/1\"} \n"),
			 0);
	work_result__free(&result);
}

static void test_long_texts_are_cut(void **state)
{
	struct work_result result;

	(void)state;
	assert_int_equal(
		parse(&result,
		      RESULT("{\"name\": \"0123456789012345678901234567890123456789\", "
			     "\"pid\": 1, \"tid\": 2, \"start_ns\": 0, \"end_ns\": 0, \"result\": "
			     "\"01234567890123456789012345678901234567\", \"ok\": false}",
			     "")),
		0);
	assert_string_equal(result.tasks[0].name, "0123456789012345678901234567890");
	assert_string_equal(result.tasks[0].result, "0123456789012345678901234567890");
	assert_false(result.tasks[0].ok);
	work_result__free(&result);
}

static void test_texts_that_are_no_result(void **state)
{
	(void)state;
	refuse("");
	refuse(" ");
	refuse("null");
	refuse("1");
	refuse("\"convoy.work/1\"");
	refuse("[]");
	refuse("{}");
	refuse("{\"schema\": \"convoy.work/1\"}");
	refuse("{\"schema\": \"convoy.work/2\", \"tasks\": [], \"threads\": []}");
	refuse("{\"schema\": \"convoy.work/11\", \"tasks\": [], \"threads\": []}");
	refuse("{\"schema\": 1, \"tasks\": [], \"threads\": []}");
	refuse("{\"schema\": \"convoy.work/1\", \"tasks\": {}, \"threads\": []}");
	refuse("{\"schema\": \"convoy.work/1\", \"tasks\": [], \"threads\": {}}");
	refuse("{\"schema\": \"convoy.work/1\", \"tasks\": null, \"threads\": []}");
	refuse("{\"schema\": \"convoy.work/1\", \"tasks\": []}");
	refuse("{\"schema\": \"convoy.work/1\", \"threads\": []}");
	refuse(RESULT("", "") "x");
	refuse(RESULT("", "") RESULT("", ""));
	refuse("\xff\xfe");
}

static void test_every_prefix_is_refused(void **state)
{
	static const char text[] = RESULT(TASK ", " TASK, THREAD ", " THREAD);

	(void)state;
	for (size_t size = 0; size < sizeof(text) - 1; size++) {
		struct work_result result;

		assert_int_equal(parse_bytes(&result, text, size), -EBADMSG);
		assert_null(result.tasks);
	}
}

/* A good one comes first, so that something is there to be freed. */
#define BAD_TASK(name, pid, tid, start, end, result, ok)                                  \
	RESULT(TASK ", {\"name\": " name ", \"pid\": " pid ", \"tid\": " tid              \
		    ", \"start_ns\": " start ", \"end_ns\": " end ", \"result\": " result \
		    ", \"ok\": " ok "}",                                                  \
	       THREAD)

static void test_bad_tasks(void **state)
{
	(void)state;
	refuse(BAD_TASK("1", "1", "1", "1", "2", "\"\"", "true"));
	refuse(BAD_TASK("null", "1", "1", "1", "2", "\"\"", "true"));
	refuse(BAD_TASK("\"a\"", "-1", "1", "1", "2", "\"\"", "true"));
	refuse(BAD_TASK("\"a\"", "1", "-1", "1", "2", "\"\"", "true"));
	refuse(BAD_TASK("\"a\"", "1.5", "1", "1", "2", "\"\"", "true"));
	refuse(BAD_TASK("\"a\"", "\"1\"", "1", "1", "2", "\"\"", "true"));
	refuse(BAD_TASK("\"a\"", "1", "null", "1", "2", "\"\"", "true"));
	refuse(BAD_TASK("\"a\"", "1", "1", "-1", "2", "\"\"", "true"));
	refuse(BAD_TASK("\"a\"", "1", "1", "3", "2", "\"\"", "true"));
	refuse(BAD_TASK("\"a\"", "1", "1", "null", "2", "\"\"", "true"));
	refuse(BAD_TASK("\"a\"", "1", "1", "1", "1e99", "\"\"", "true"));
	refuse(BAD_TASK("\"a\"", "1", "1", "1", "99999999999999999999999", "\"\"", "true"));
	/* A task that did not finish has neither an end nor a result. */
	refuse(BAD_TASK("\"a\"", "1", "1", "1", "null", "null", "false"));
	refuse(BAD_TASK("\"a\"", "1", "1", "1", "2", "233", "true"));
	refuse(BAD_TASK("\"a\"", "1", "1", "1", "2", "\"233\"", "1"));
	refuse(BAD_TASK("\"a\"", "1", "1", "1", "2", "\"233\"", "null"));
	refuse(RESULT("null", ""));
	refuse(RESULT("[]", ""));
	refuse(RESULT(TASK ", {}", THREAD));
}

#define BAD_THREAD(ids, start, end, lock, more)                                     \
	RESULT(TASK, THREAD ", {" ids ", \"start_ns\": " start ", \"end_ns\": " end \
			    ", \"lock\": " lock more "}")
#define WAIT(ns) "{\"wait_ns\": " ns "}"
#define BAD_IDS(pid, tid) BAD_THREAD(IDS(pid, tid), "1", "2", WAIT("0"), "")
#define BAD_CLOCK(start, end, lock) BAD_THREAD(IDS("1", "2"), start, end, lock, "")
#define BAD_SCHEDSTAT(run, delay)                      \
	BAD_THREAD(IDS("1", "2"), "1", "2", WAIT("0"), \
		   ", \"schedstat\": {\"run_ns\": " run ", \"run_delay_ns\": " delay "}")

static void test_bad_threads(void **state)
{
	struct work_result result;

	(void)state;
	/* All of these are good but for one thing. */
	assert_int_equal(parse(&result, BAD_IDS("1", "2")), 0);
	work_result__free(&result);
	assert_int_equal(parse(&result, BAD_SCHEDSTAT("0", "9223372036854775807")), 0);
	assert_true(result.threads[1].run_delay_ns == INT64_MAX);
	work_result__free(&result);

	refuse(RESULT(TASK, "null"));
	refuse(RESULT(TASK, "[]"));
	refuse(RESULT(TASK, THREAD ", {}"));
	refuse(RESULT(TASK, THREAD ", {" IDS("1", "1") "}"));
	refuse(RESULT(TASK, THREAD ", {" CLOCK "}"));
	refuse(RESULT(TASK, THREAD ", {\"pid\": 1, " CLOCK "}"));
	refuse(RESULT(TASK, THREAD ", {\"tid\": 1, " CLOCK "}"));
	refuse(BAD_IDS("-1", "1"));
	refuse(BAD_IDS("1", "-1"));
	refuse(BAD_IDS("true", "1"));
	refuse(BAD_IDS("1", "null"));

	refuse(BAD_CLOCK("-1", "2", WAIT("0")));
	refuse(BAD_CLOCK("3", "2", WAIT("0"))); /* it cannot end before it begins */
	refuse(BAD_CLOCK("null", "2", WAIT("0")));
	refuse(BAD_CLOCK("1", "null", WAIT("0")));
	refuse(BAD_CLOCK("1.5", "2", WAIT("0")));
	refuse(BAD_CLOCK("1", "\"2\"", WAIT("0")));
	refuse(BAD_CLOCK("1", "99999999999999999999999", WAIT("0")));
	refuse(BAD_CLOCK("1", "2", WAIT("-1")));
	refuse(BAD_CLOCK("1", "2", WAIT("0.5")));
	refuse(BAD_CLOCK("1", "2", "{}"));
	refuse(BAD_CLOCK("1", "2", "0"));
	refuse(BAD_CLOCK("1", "2", "[]"));
	refuse(BAD_CLOCK("1", "2", "\"\""));
	refuse(BAD_CLOCK("1", "2", "true"));

	/* If it is there at all, it is whole. */
	refuse(BAD_SCHEDSTAT("-1", "0"));
	refuse(BAD_SCHEDSTAT("0", "-1"));
	refuse(BAD_SCHEDSTAT("null", "0"));
	refuse(BAD_SCHEDSTAT("0", "\"1\""));
	refuse(BAD_SCHEDSTAT("0", "1.5"));
	refuse(BAD_THREAD(IDS("1", "2"), "1", "2", WAIT("0"), ", \"schedstat\": {}"));
	refuse(BAD_THREAD(IDS("1", "2"), "1", "2", WAIT("0"), ", \"schedstat\": {\"run_ns\": 1}"));
	refuse(BAD_THREAD(IDS("1", "2"), "1", "2", WAIT("0"),
			  ", \"schedstat\": {\"run_delay_ns\": 1}"));
}

#define MORE(more) BAD_THREAD(IDS("1", "2"), "1", "2", WAIT("3"), more)

/* A kernel without it says null, or nothing; all else is a mistake. */
static void test_schedstat(void **state)
{
	static const char *const without[] = { MORE(""), MORE(", \"schedstat\": null") };
	struct work_result result;

	(void)state;
	for (size_t i = 0; i < sizeof(without) / sizeof(without[0]); i++) {
		assert_int_equal(parse(&result, without[i]), 0);
		assert_int_equal(result.n_threads, 2);
		assert_true(result.threads[0].has_schedstat);
		assert_false(result.threads[1].has_schedstat);
		assert_int_equal(result.threads[1].run_ns, 0);
		assert_int_equal(result.threads[1].run_delay_ns, 0);
		work_result__free(&result);
	}
	assert_int_equal(parse(&result, BAD_SCHEDSTAT("0", "0")), 0);
	assert_true(result.threads[1].has_schedstat); /* known to be nothing */
	work_result__free(&result);

	refuse(MORE(", \"schedstat\": 5"));
	refuse(MORE(", \"schedstat\": 0"));
	refuse(MORE(", \"schedstat\": 1.5"));
	refuse(MORE(", \"schedstat\": \"4 1 1\""));
	refuse(MORE(", \"schedstat\": \"\""));
	refuse(MORE(", \"schedstat\": [4, 1]"));
	refuse(MORE(", \"schedstat\": []"));
	refuse(MORE(", \"schedstat\": true"));
	refuse(MORE(", \"schedstat\": false"));
}

/* Waiting is waiting, for the GIL or for a lock of the job's own. */
static void test_job_lock(void **state)
{
	struct work_result result;

	(void)state;
	assert_int_equal(parse(&result, MORE(", \"job_lock\": {\"acquires\": 9, \"wait_ns\": 40}")),
			 0);
	assert_int_equal(result.threads[0].lock_wait_ns, 3);
	assert_int_equal(result.threads[1].lock_wait_ns, 43);
	work_result__free(&result);
	assert_int_equal(parse(&result, MORE(", \"job_lock\": {\"wait_ns\": 0}")), 0);
	assert_int_equal(result.threads[1].lock_wait_ns, 3);
	assert_true(result.threads[1].has_lock_wait);
	work_result__free(&result);
	/* The largest two still have a sum. */
	assert_int_equal(parse(&result,
			       BAD_THREAD(IDS("1", "2"), "1", "2", WAIT("9223372036854775807"),
					  ", \"job_lock\": " WAIT("9223372036854775807"))),
			 0);
	assert_true(result.threads[1].lock_wait_ns == 2 * (uint64_t)INT64_MAX);
	work_result__free(&result);

	refuse(MORE(", \"job_lock\": {\"wait_ns\": -1}"));
	refuse(MORE(", \"job_lock\": {\"wait_ns\": 1.5}"));
	refuse(MORE(", \"job_lock\": {\"wait_ns\": \"1\"}"));
	refuse(MORE(", \"job_lock\": {\"wait_ns\": 9223372036854775808}"));
	refuse(MORE(", \"job_lock\": {}"));
	refuse(MORE(", \"job_lock\": 7"));
	refuse(MORE(", \"job_lock\": []"));
	refuse(MORE(", \"job_lock\": \"\""));
}

#define NO_LOCK(more)                                                                   \
	RESULT(TASK, THREAD ", {" IDS("1", "2") ", \"start_ns\": 1, \"end_ns\": 2" more \
						", \"schedstat\": null}")

/* Nobody's clock ran for it, as in an interpreter: that is not 0, and no part of it is all. */
static void test_waits_that_are_not_known(void **state)
{
	static const char *const texts[] = {
		NO_LOCK(""),
		NO_LOCK(", \"job_lock\": {\"wait_ns\": 1}"),
		NO_LOCK(", \"job_lock\": null"),
		BAD_CLOCK("1", "2", "null"),
		BAD_CLOCK("1", "2", WAIT("null")),
		BAD_THREAD(IDS("1", "2"), "1", "2", "null", ", \"job_lock\": {\"wait_ns\": 1}"),
		MORE(", \"job_lock\": null"),
		MORE(", \"job_lock\": {\"wait_ns\": null}"),
	};
	struct work_result result;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(parse(&result, texts[i]), 0);
		assert_true(result.threads[0].has_lock_wait);
		assert_int_equal(result.threads[0].lock_wait_ns, 3);
		assert_false(result.threads[1].has_lock_wait);
		assert_int_equal(result.threads[1].lock_wait_ns, 0);
		work_result__free(&result);
	}
	/* What is there is right, whatever the other is. */
	refuse(NO_LOCK(", \"job_lock\": {\"wait_ns\": -1}"));
	refuse(NO_LOCK(", \"job_lock\": {}"));
	refuse(BAD_THREAD(IDS("1", "2"), "1", "2", "null", ", \"job_lock\": 1"));
	refuse(BAD_THREAD(IDS("1", "2"), "1", "2", "{}", ", \"job_lock\": null"));
}

static void test_metrics(void **state)
{
	/* As long as its name may be. */
	static const char longest[] = "a23456789b23456789c23456789d23456789abc";
	struct work_result result;

	(void)state;
	assert_int_equal(parse(&result, METRICS("{}")), 0);
	assert_int_equal(result.n_metrics, 0);
	work_result__free(&result);

	assert_int_equal(parse(&result, METRICS("{\"requests_per_s\": 250.5, \"messages\": 7, "
						"\"a23456789b23456789c23456789d23456789abc\": "
						"-1e300}")),
			 0);
	assert_int_equal(result.n_metrics, 3);
	assert_string_equal(result.metrics[0].name, "requests_per_s");
	assert_true(result.metrics[0].value == 250.5);
	assert_string_equal(result.metrics[1].name, "messages");
	assert_true(result.metrics[1].value == 7);
	assert_string_equal(result.metrics[2].name, longest);
	assert_true(result.metrics[2].value == -1e300);
	assert_int_equal(strlen(longest), sizeof(result.metrics[2].name) - 1);
	work_result__free(&result);
	assert_null(result.metrics);
	assert_int_equal(result.n_metrics, 0);

	refuse(METRICS("null"));
	refuse(METRICS("[]"));
	refuse(METRICS("1"));
	refuse(METRICS("{\"a\": 1, \"b\": null}"));
	refuse(METRICS("{\"a\": \"1\"}"));
	refuse(METRICS("{\"a\": {}}"));
	refuse(METRICS("{\"a\": true}"));
	refuse(METRICS("{\"a\": 1e999}"));
	refuse(METRICS("{\"a\": NaN}"));
	/* Cut, two of them could become one. */
	refuse(METRICS("{\"a\": 1, \"a23456789b23456789c23456789d23456789abcd\": 1}"));
}

/* No PID is that large: it must not come out as another one, cut to 32 bits. */
static void test_numbers_that_do_not_fit(void **state)
{
	(void)state;
	refuse(BAD_IDS("4294967296", "1"));
	refuse(BAD_IDS("1", "4294967301"));
	refuse(BAD_TASK("\"a\"", "4294967297", "1", "1", "2", "\"\"", "true"));
	refuse(BAD_TASK("\"a\"", "1", "9223372036854775807", "1", "2", "\"\"", "true"));
}

static void test_deep_nesting_ends(void **state)
{
	static char text[200000];

	(void)state;
	memset(text, '[', sizeof(text) - 1);
	refuse(text);
}

/* What convoy-work itself writes. */
static void test_round_trip(void **state)
{
	/* output__json() reads the tasks behind the slots, as run.h lays them out. */
	const size_t slots = 2, tasks = 3;
	size_t size = sizeof(struct run_shared) + slots * sizeof(struct worker_slot) +
		      tasks * sizeof(struct task_slot);
	struct run_shared *shared = aligned_alloc(128, (size + 127) / 128 * 128);
	struct work_result result;
	char *text = NULL;
	size_t length = 0;
	FILE *stream;

	(void)state;
	assert_non_null(shared);
	memset(shared, 0, size);
	strcpy(shared->params.job, "recursion");
	strcpy(shared->params.mode, "threads");
	shared->params.workers = 2;
	shared->params.sleep_scale = 1;
	shared->slot_count = (uint32_t)slots;
	shared->task_count = (uint32_t)tasks;
	shared->start_ns = 1000000000000u;
	shared->end_ns = shared->start_ns + 500;
	for (size_t i = 0; i < slots; i++) {
		shared->slots[i].pid = 4000;
		shared->slots[i].tid = 4001 + (int)i;
		shared->slots[i].start_ns = shared->start_ns + 10 + i;
		shared->slots[i].end_ns = shared->start_ns + 400 + i;
		shared->slots[i].lock.wait_ns = 77 + i;
		shared->slots[i].job_lock.wait_ns = 1000 * i;
		shared->slots[i].run_ns = 300;
		shared->slots[i].run_delay_ns = 20;
		shared->slots[i].has_schedstat = i == 1;
		shared->slots[i].finished = 1;
	}
	for (size_t i = 0; i < tasks; i++) {
		struct task_slot *task = &run__tasks(shared)[i];

		snprintf(task->name, sizeof(task->name), "task-%zu", i);
		task->worker = i % 2;
		task->finished = 1;
		task->ok = i != 2;
		task->start_ns = shared->start_ns + i;
		task->end_ns = shared->start_ns + 100 + i;
		task->result = -479001600 * (int64_t)(i + 1);
	}
	stream = open_memstream(&text, &length);
	assert_non_null(stream);
	assert_int_equal(output__json(shared, stream), 0);
	assert_int_equal(fclose(stream), 0);

	assert_int_equal(parse_bytes(&result, text, length), 0);
	assert_int_equal(result.n_threads, slots);
	assert_int_equal(result.n_tasks, tasks);
	for (size_t i = 0; i < slots; i++) {
		assert_int_equal(result.threads[i].pid, 4000);
		assert_int_equal(result.threads[i].tid, 4001 + i);
		assert_int_equal(result.threads[i].start_ns, 1000000000010u + i);
		assert_int_equal(result.threads[i].end_ns, 1000000000400u + i);
		assert_int_equal(result.threads[i].lock_wait_ns, 77 + i + 1000 * i);
		assert_true(result.threads[i].has_lock_wait);
		/* What the kernel did not say is not 300. */
		assert_int_equal(result.threads[i].has_schedstat, i == 1);
		assert_int_equal(result.threads[i].run_ns, i ? 300 : 0);
		assert_int_equal(result.threads[i].run_delay_ns, i ? 20 : 0);
	}
	for (size_t i = 0; i < tasks; i++) {
		assert_int_equal(result.tasks[i].tid, 4001 + i % 2);
		assert_int_equal(result.tasks[i].start_ns, 1000000000000u + i);
		assert_int_equal(result.tasks[i].end_ns, 1000000000100u + i);
		assert_int_equal(result.tasks[i].ok, i != 2);
	}
	assert_string_equal(result.tasks[1].name, "task-1");
	assert_string_equal(result.tasks[1].result, "-958003200");
	work_result__free(&result);
	free(text);
	free(shared);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_result),
		cmocka_unit_test(test_nothing_done_is_a_result),
		cmocka_unit_test(test_what_is_not_known_is_ignored),
		cmocka_unit_test(test_long_texts_are_cut),
		cmocka_unit_test(test_texts_that_are_no_result),
		cmocka_unit_test(test_every_prefix_is_refused),
		cmocka_unit_test(test_bad_tasks),
		cmocka_unit_test(test_bad_threads),
		cmocka_unit_test(test_schedstat),
		cmocka_unit_test(test_job_lock),
		cmocka_unit_test(test_waits_that_are_not_known),
		cmocka_unit_test(test_metrics),
		cmocka_unit_test(test_numbers_that_do_not_fit),
		cmocka_unit_test(test_deep_nesting_ends),
		cmocka_unit_test(test_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
