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

#define TASK \
	"{\"name\": \"fib\", \"worker\": 1, \"pid\": 100, \"tid\": 101, \"start_ns\": 5, " \
	"\"end_ns\": 9, \"result\": \"233\", \"ok\": true}"
#define THREAD "{\"worker\": 1, \"pid\": 100, \"tid\": 101}"
#define RESULT(tasks, threads) \
	"{\"schema\": \"convoy.work/1\", \"tasks\": [" tasks "], \"threads\": [" threads "]}"

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
	assert_int_equal(result.n_tasks + result.n_threads, 0);
	work_result__free(&result);
}

static void test_a_result(void **state)
{
	struct work_result result;

	(void)state;
	assert_int_equal(parse(&result, RESULT(TASK, THREAD ", {\"pid\": 7, \"tid\": 8}")), 0);
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

static void test_bad_threads(void **state)
{
	(void)state;
	refuse(RESULT(TASK, "null"));
	refuse(RESULT(TASK, THREAD ", {}"));
	refuse(RESULT(TASK, THREAD ", {\"pid\": 1}"));
	refuse(RESULT(TASK, THREAD ", {\"tid\": 1}"));
	refuse(RESULT(TASK, THREAD ", {\"pid\": -1, \"tid\": 1}"));
	refuse(RESULT(TASK, THREAD ", {\"pid\": 1, \"tid\": -1}"));
	refuse(RESULT(TASK, THREAD ", {\"pid\": true, \"tid\": 1}"));
}

/*
 * No PID is that large: it must not come out as another one, cut to 32 bits.
 * Fails as of ca2a8fd: parse_task() and parse_thread() bound it below only.
 */
static void test_numbers_that_do_not_fit(void **state)
{
	(void)state;
	refuse(RESULT(TASK, "{\"pid\": 4294967296, \"tid\": 1}"));
	refuse(RESULT(TASK, "{\"pid\": 1, \"tid\": 4294967301}"));
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
		cmocka_unit_test(test_numbers_that_do_not_fit),
		cmocka_unit_test(test_deep_nesting_ends),
		cmocka_unit_test(test_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
