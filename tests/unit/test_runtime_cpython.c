/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_runtime_cpython.c - CPython up to 3.11 in processes that are made up: one GIL at most, and
 * which version it is.
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

static void test_none(void **state)
{
	struct process *process = *state;

	assert_int_equal(find(process), -ENOENT);
	process->path = "/opt/libpython3.so";
	assert_int_equal(find(process), -ENOENT);
	process->path = "/opt/python3.9-config";
	assert_int_equal(find(process), -ENOENT);
	process->path = "/opt/python3.9";
	assert_int_equal(find(process), 0);
	assert_string_equal(found.info.version, "3.9");
	assert_int_equal(found.info.gil, GIL_UNKNOWN);
	assert_string_not_equal(found.info.hint, "");
	assert_int_equal(found.n_words, 0);
}

static void test_2_7(void **state)
{
	struct process *process = *state;
	uint32_t tid = 0;

	has(process, "PyEval_RestoreThread", BASE, 8);
	has(process, "PyString_FromString", BASE, 8);
	has(process, "version.0", BASE + 64, 250);
	put_text(process, BASE + 64, "2.7.18 (default, Apr 20 2020)");
	assert_int_equal(find(process), 0);
	assert_int_equal(found.info.gil, GIL_UNKNOWN);
	assert_non_null(strstr(found.info.hint, "debug symbols"));
	assert_string_equal(found.info.version, "2.7.18");

	has(process, "interpreter_lock", BASE + 32, 8);
	assert_int_equal(find(process), -EAGAIN);
	put64(process, BASE + 32, 0x7f0012345670);
	assert_int_equal(find(process), 0);
	assert_int_equal(found.info.gil, GIL_PRESENT);
	assert_int_equal(found.n_words, 1);
	assert_int_equal(found.words[0].address, 0x7f0012345670);
	assert_int_equal(found.words[0].size, 32);
	assert_string_equal(found.words[0].object, "gil:77:7f0012345670");
	assert_string_equal(found.words[0].runtime, "CPython 2.7.18");

	assert_int_equal(holder(process, found.words[0].address, &tid), -ENOENT);
	has(process, "_PyThreadState_Current", BASE + 40, 8);
	assert_int_equal(holder(process, found.words[0].address, &tid), -ENOENT);
	put64(process, BASE + 40, STATE);
	put64(process, STATE + 144, PTHREAD);
	put_pthread(process);
	assert_int_equal(holder(process, found.words[0].address, &tid), 0);
	assert_int_equal(tid, TID);

	process->gone = true;
	assert_int_equal(find(process), 0);
	assert_int_equal(found.info.gil, GIL_UNKNOWN);
	assert_int_equal(holder(process, 0x7f0012345670, &tid), -ESRCH);
}

static void test_3_6(void **state)
{
	struct process *process = *state;
	uint32_t tid = 0;

	put_exports(process, 6);
	has(process, "gil_cond", BASE + 0x100, 48);
	has(process, "gil_mutex", BASE + 0x140, 40);
	has(process, "switch_cond", BASE + 0x180, 48);
	has(process, "gil_locked", BASE + 32, 4);
	has(process, "gil_last_holder", BASE + 40, 8);
	assert_int_equal(find(process), 0);
	assert_int_equal(found.info.gil, GIL_UNKNOWN);
	assert_int_equal(found.n_words, 0);
	has(process, "switch_mutex", BASE + 0x1c0, 40);
	process->gone = true;
	assert_int_equal(find(process), 0);
	process->gone = false;
	assert_int_equal(found.info.gil, GIL_PRESENT);
	assert_string_equal(found.info.version, "3.6");
	assert_int_equal(found.n_words, 4);
	assert_int_equal(found.words[0].role, LOCK_ROLE_ACQUIRE);
	assert_int_equal(found.words[0].address, BASE + 0x100);
	assert_int_equal(found.words[2].role, LOCK_ROLE_ACK);
	assert_string_equal(found.words[3].object, found.words[0].object);

	put64(process, BASE + 40, STATE);
	put64(process, STATE + 152, PTHREAD);
	put_pthread(process);
	assert_int_equal(holder(process, BASE + 0x100 + 40, &tid), -ENOENT);
	put32(process, BASE + 32, 1);
	assert_int_equal(holder(process, BASE + 0x100 + 40, &tid), 0);
	assert_int_equal(tid, TID);
	put32(process, PTHREAD + TID_AT, UINT32_MAX);
	assert_int_equal(holder(process, BASE + 0x100 + 40, &tid), -EINVAL);
	put32(process, NPTL + 8, UINT32_MAX - 3);
	assert_int_equal(holder(process, BASE + 0x100 + 40, &tid), -EINVAL);
	lacks(process, "_thread_db_pthread_tid");
	assert_int_equal(holder(process, BASE + 0x100 + 40, &tid), -ENOENT);
}

static void check_in_runtime(struct process *process, unsigned int minor, uint64_t at,
			     uint64_t state_at, bool native)
{
	char object[64], name[64];
	uint32_t tid = 0;

	if (minor == 11)
		put_version(process, 0x030b07f0);
	else
		put_exports(process, minor);
	has(process, "_PyRuntime", RUNTIME, 2000);
	snprintf(object, sizeof(object), "gil:77:%llx", (unsigned long long)(RUNTIME + at));
	snprintf(name, sizeof(name), "GIL of CPython 3.%u", minor);
	assert_int_equal(find(process), -EAGAIN);
	put32(process, RUNTIME + at + 16, UINT32_MAX);
	assert_int_equal(find(process), -EAGAIN);
	/* With nothing but files the place is known as well. */
	put32(process, RUNTIME + at + 16, 0);
	process->gone = true;
	assert_int_equal(find(process), 0);
	check_words(0, RUNTIME + at + 32, object, name);
	process->gone = false;

	put_gil(process, RUNTIME + at);
	assert_int_equal(find(process), 0);
	assert_int_equal(found.n_words, 4);
	check_words(0, RUNTIME + at + 32, object, name);
	put_pthread(process);
	put64(process, STATE + state_at, native ? TID : PTHREAD);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(holder(process, found.words[i].address + 4, &tid), 0);
		assert_int_equal(tid, TID);
	}
	assert_int_equal(holder(process, RUNTIME, &tid), -EOPNOTSUPP);
	put32(process, RUNTIME + at + 16, 0);
	assert_int_equal(holder(process, found.words[0].address, &tid), -ENOENT);
	put32(process, RUNTIME + at + 16, 1);
	put64(process, RUNTIME + at + 8, UINT64_MAX - 7);
	assert_int_equal(holder(process, found.words[0].address, &tid), -EFAULT);

	/* What is no GIL. */
	put32(process, RUNTIME + at + 16, 7);
	assert_int_equal(find(process), 0);
	assert_int_equal(found.info.gil, GIL_UNKNOWN);
	assert_int_equal(found.n_words, 0);
	put32(process, RUNTIME + at + 16, 1);
	put64(process, RUNTIME + at, UINT64_MAX);
	assert_int_equal(find(process), 0);
	assert_int_equal(found.info.gil, GIL_UNKNOWN);
	put64(process, RUNTIME + at, 5000);
	put64(process, RUNTIME + at + 8, 3);
	assert_int_equal(find(process), 0);
	assert_int_equal(found.info.gil, GIL_UNKNOWN);
	lacks(process, "_PyRuntime");
	assert_int_equal(find(process), 0);
	assert_int_equal(found.info.gil, GIL_UNKNOWN);
}

static void test_3_7(void **state)
{
	check_in_runtime(*state, 7, 1264, 176, false);
}

static void test_3_8(void **state)
{
	check_in_runtime(*state, 8, 1152, 176, false);
}

static void test_3_9(void **state)
{
	check_in_runtime(*state, 9, 352, 176, false);
}

static void test_3_10(void **state)
{
	check_in_runtime(*state, 10, 352, 176, false);
}

static void test_3_11(void **state)
{
	check_in_runtime(*state, 11, 360, 160, true);
	assert_string_equal(found.info.version, "3.11.7");
}

static void test_version(void **state)
{
	struct process *process = *state;

	put_version(process, 0x030e00c2);
	assert_int_equal(find(process), 0);
	assert_string_equal(found.info.version, "3.14.0rc2");
	put64(process, BASE + 16, 0x020700f0);
	assert_int_equal(find(process), 0);
	assert_string_equal(found.info.version, "");
	assert_int_equal(found.info.gil, GIL_UNKNOWN);
	lacks(process, "Py_Version");
	assert_int_equal(find(process), 0);
	assert_string_equal(found.info.version, "3.10");
	/* Another's `version`, and text without an end. */
	has(process, "version", BASE + 64, 16);
	put_text(process, BASE + 64, "3.9.18 (main)");
	assert_int_equal(find(process), 0);
	assert_string_equal(found.info.version, "3.10");
	put_text(process, BASE + 64, "3.10.99999999999999999999");
	assert_int_equal(find(process), 0);
	assert_string_equal(found.info.version, "3.10");
	put_text(process, BASE + 64, "3.10.13+ (main)");
	assert_int_equal(find(process), 0);
	assert_string_equal(found.info.version, "3.10.13+");
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(none), TEST(2_7),	TEST(3_6),  TEST(3_7),	   TEST(3_8),
		TEST(3_9),  TEST(3_10), TEST(3_11), TEST(version),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
