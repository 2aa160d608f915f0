/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_runtime_cpython_interpreters.c - CPython from 3.12 on in processes that are made up: a GIL
 * for each interpreter, and tables that lie.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "tests/unit/cpython_fixture.h"
#include "user/runtime_cpython.h"

/* --- interpreters with a GIL each ------------------------------------------------------- */

static void put_interpreter(struct process *process, uint64_t at, int64_t id, uint64_t next,
			    uint64_t gil)
{
	put64(process, at, next);
	put64(process, at + 8, (uint64_t)id);
	put64(process, at + 384, gil);
}

static void put_3_12(struct process *process)
{
	put_version(process, 0x030c01f0);
	has(process, "_PyRuntime", RUNTIME, 459944);
	put64(process, RUNTIME + 40, INTERP(0));
	put64(process, RUNTIME + 48, INTERP(0));
	put_interpreter(process, INTERP(0), 0, 0, INTERP(0) + 1040);
	put_gil(process, INTERP(0) + 1040);
}

static void test_3_12(void **state)
{
	struct process *process = *state;
	char object[64], inner[64];
	uint32_t tid = 0;

	put_3_12(process);
	assert_int_equal(find(process), 0);
	assert_int_equal(found.n_words, 4);
	snprintf(object, sizeof(object), "gil:77:%llx", (unsigned long long)INTERP(0) + 1040);
	check_words(0, INTERP(0) + 1072, object, "GIL of CPython 3.12");
	put32(process, STATE + 144, TID);
	assert_int_equal(holder(process, INTERP(0) + 1072 + 44, &tid), 0);
	assert_int_equal(tid, TID);

	/* The newest comes first; one of them has no GIL of its own, one not yet. */
	put64(process, RUNTIME + 40, INTERP(3));
	put_interpreter(process, INTERP(3), 3, INTERP(2), 0);
	put_interpreter(process, INTERP(2), 2, INTERP(1), INTERP(0) + 1040);
	put_interpreter(process, INTERP(1), 1, INTERP(0), INTERP(1) + 1040);
	put_gil(process, INTERP(1) + 1040);
	snprintf(inner, sizeof(inner), "gil:77:%llx", (unsigned long long)INTERP(1) + 1040);
	assert_int_equal(find(process), 0);
	assert_int_equal(found.n_words, 8);
	check_words(0, INTERP(0) + 1072, object, "GIL of CPython 3.12");
	check_words(4, INTERP(1) + 1072, inner, "GIL of CPython 3.12, interpreter 1");
	/* Also when nothing says which is the main one but its id. */
	put64(process, RUNTIME + 48, 0);
	assert_int_equal(find(process), 0);
	assert_int_equal(found.n_words, 8);
	check_words(0, INTERP(0) + 1072, object, "GIL of CPython 3.12");
}

static void test_interpreters_lie(void **state)
{
	struct process *process = *state;

	put_3_12(process);
	/* Loops, of one and of two. */
	put64(process, INTERP(0), INTERP(0));
	assert_int_equal(find(process), 0);
	assert_int_equal(found.n_words, 4);
	put_interpreter(process, INTERP(1), 1, INTERP(0), INTERP(1) + 1040);
	put_gil(process, INTERP(1) + 1040);
	put64(process, INTERP(0), INTERP(1));
	assert_int_equal(find(process), 0);
	assert_int_equal(found.n_words, 8);
	/* More than there is room for: the main one is among them. */
	put64(process, RUNTIME + 40, INTERP(1));
	for (unsigned int i = 1; i < 40; i++) {
		put_interpreter(process, INTERP(i), i, INTERP(i + 1), INTERP(i) + 1040);
		put_gil(process, INTERP(i) + 1040);
	}
	assert_int_equal(find(process), 0);
	assert_int_equal(found.n_words, RUNTIME_WORDS_MAX);
	assert_string_equal(found.words[0].name, "GIL of CPython 3.12");
	/* Pointers to nowhere. */
	put64(process, RUNTIME + 48, 0);
	put64(process, RUNTIME + 40, UINT64_MAX - 7);
	assert_int_equal(find(process), 0);
	assert_int_equal(found.info.gil, GIL_UNKNOWN);
	assert_int_equal(found.n_words, 0);
	put64(process, RUNTIME + 40, INTERP(0) + 1);
	assert_int_equal(find(process), 0);
	assert_int_equal(found.info.gil, GIL_UNKNOWN);
	put64(process, RUNTIME + 40, INTERP(0));
	put_interpreter(process, INTERP(0), 0, 0, UINT64_MAX - 7);
	assert_int_equal(find(process), 0);
	assert_int_equal(found.info.gil, GIL_UNKNOWN);
	/* Not there yet. */
	put_interpreter(process, INTERP(0), 0, 0, 0);
	assert_int_equal(find(process), -EAGAIN);
	put64(process, RUNTIME + 40, 0);
	assert_int_equal(find(process), -EAGAIN);
}

static void test_3_12_gone(void **state)
{
	struct process *process = *state;
	const uint64_t gil = RUNTIME + 76392 + 1040;
	char object[64];

	put_3_12(process);
	process->gone = true;
	snprintf(object, sizeof(object), "gil:77:%llx", (unsigned long long)gil);
	assert_int_equal(find(process), 0);
	check_words(0, gil + 32, object, "GIL of CPython 3.12");
	/* A build of another size is another build. */
	lacks(process, "_PyRuntime");
	has(process, "_PyRuntime", RUNTIME, 459952);
	assert_int_equal(find(process), 0);
	assert_int_equal(found.info.gil, GIL_UNKNOWN);
	assert_int_equal(found.n_words, 0);
}

/* --- _Py_DebugOffsets ------------------------------------------------------------------- */

#define OWN_GIL 1000ull

static void put_offsets(struct process *process, unsigned int minor, bool free_threaded)
{
	const uint64_t later = minor >= 14 ? 8 : 0, fields = OWN_GIL + (free_threaded ? 8 : 0);
	const uint64_t thread = RUNTIME + 152 + (minor >= 14 ? 24 : 0);

	put_version(process, 0x030000f0 | (uint64_t)minor << 16);
	has(process, "_PyRuntime", RUNTIME, 4096);
	put_text(process, RUNTIME, "xdebugpy");
	put64(process, RUNTIME + 8, 0x030000f0 | (uint64_t)minor << 16);
	put64(process, RUNTIME + 16, free_threaded);
	put64(process, RUNTIME + 24, 4096);
	put64(process, RUNTIME + 40, 632);
	put64(process, RUNTIME + 48, 8192);
	put64(process, RUNTIME + 56, 72);	/* id */
	put64(process, RUNTIME + 64, 64);	/* next */
	put64(process, RUNTIME + 112 + later, 16);
	put64(process, RUNTIME + 120 + later, OWN_GIL);
	put64(process, RUNTIME + 136 + later, fields + 16);
	put64(process, RUNTIME + 144 + later, fields + 8);
	put64(process, thread, 600);
	put64(process, thread + 48, 160);
	put64(process, RUNTIME + 632, INTERP(0));
	put64(process, RUNTIME + 640, INTERP(0));
	put64(process, INTERP(0) + 16, INTERP(0) + OWN_GIL);
	put_gil(process, INTERP(0) + fields);
}

static void check_offsets(struct process *process, unsigned int minor)
{
	char object[64], name[64];
	uint32_t tid = 0;

	put_offsets(process, minor, false);
	snprintf(object, sizeof(object), "gil:77:%llx", (unsigned long long)INTERP(0) + OWN_GIL);
	snprintf(name, sizeof(name), "GIL of CPython 3.%u", minor);
	assert_int_equal(find(process), 0);
	assert_int_equal(found.n_words, 4);
	check_words(0, INTERP(0) + OWN_GIL + 32, object, name);
	put32(process, STATE + 160, TID);
	assert_int_equal(holder(process, found.words[0].address, &tid),
			 minor <= 14 ? 0 : -EOPNOTSUPP);
	assert_int_equal(tid, minor <= 14 ? TID : 0);
}

static void test_3_13(void **state)
{
	check_offsets(*state, 13);
}

static void test_3_14(void **state)
{
	check_offsets(*state, 14);
}

/* A version that is not known: as the last one, if all of it fits together. */
static void test_later(void **state)
{
	struct process *process = *state;

	check_offsets(process, 15);
	put64(process, RUNTIME + 152, OWN_GIL + 16);
	assert_int_equal(find(process), 0);
	assert_int_equal(found.info.gil, GIL_UNKNOWN);
	assert_string_not_equal(found.info.hint, "");
}

static void test_offsets_lie(void **state)
{
	/* Where, and what no layout has there. */
	static const struct {
		uint64_t at, value;
	} lies[] = {
		{ 0, 0 },
		{ 8, 0x030c00f0 },
		{ 8, UINT64_MAX },
		{ 16, 2 },
		{ 24, UINT64_MAX },
		{ 24, 4104 },
		{ 40, UINT64_MAX - 7 },
		{ 40, 4088 },
		{ 40, 633 },
		{ 48, 8 },
		{ 48, UINT64_MAX },
		{ 56, UINT64_MAX - 7 },
		{ 64, 8192 },
		{ 112, UINT64_MAX - 7 },
		{ 120, UINT64_MAX - 7 },
		{ 120, OWN_GIL + 8 },
		{ 136, OWN_GIL + 24 },
		{ 144, OWN_GIL + 16 },
	};
	struct process *process = *state;
	struct process *copy = malloc(sizeof(*copy));

	assert_non_null(copy);
	put_offsets(process, 13, false);
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		*copy = *process;
		copy->view.ctx = copy;
		put64(copy, RUNTIME + lies[i].at, lies[i].value);
		assert_int_equal(find(copy), 0);
		assert_int_equal(found.info.gil, GIL_UNKNOWN);
		assert_int_equal(found.n_words, 0);
	}
	/* A table that says that it is of a build without a GIL, and is not. */
	*copy = *process;
	copy->view.ctx = copy;
	put64(copy, RUNTIME + 16, 1);
	assert_int_equal(find(copy), 0);
	assert_int_equal(found.info.gil, GIL_UNKNOWN);
	free(copy);
}

static void test_free_threaded(void **state)
{
	struct process *process = *state;
	char object[64];
	uint32_t tid = 0;

	put_offsets(process, 13, true);
	assert_int_equal(find(process), 0);
	assert_int_equal(found.info.gil, GIL_ABSENT);
	assert_int_equal(found.n_words, 0);
	put32(process, INTERP(0) + OWN_GIL, INT32_MAX);
	assert_int_equal(find(process), 0);
	snprintf(object, sizeof(object), "gil:77:%llx", (unsigned long long)INTERP(0) + OWN_GIL);
	check_words(0, INTERP(0) + OWN_GIL + 40, object, "GIL of CPython 3.13");
	put32(process, STATE + 160, TID);
	assert_int_equal(holder(process, found.words[0].address, &tid), 0);
	assert_int_equal(tid, TID);
	/* Whether it is on is in memory only. */
	process->gone = true;
	assert_int_equal(find(process), 0);
	assert_int_equal(found.info.gil, GIL_UNKNOWN);
	assert_string_not_equal(found.info.hint, "");
}

/* Memory that ends anywhere: an answer, and no words that are half there. */
static void test_reads_fail(void **state)
{
	struct process *process = *state;

	put_offsets(process, 13, false);
	for (uint64_t end = BASE + 8; end < INTERP(1); end += 8) {
		int err;

		process->unreadable = end;
		err = find(process);
		assert_true(err == 0 || err == -EAGAIN);
		assert_int_equal(found.n_words, !err && found.info.gil == GIL_PRESENT ? 4 : 0);
		assert_true(end >= INTERP(0) + OWN_GIL || found.n_words == 0);
	}
	assert_int_equal(found.n_words, 4);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(3_12),	   TEST(3_12_gone),	TEST(interpreters_lie),
		TEST(3_13),	   TEST(3_14),		TEST(later),
		TEST(offsets_lie), TEST(free_threaded), TEST(reads_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
