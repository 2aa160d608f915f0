/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_runtime_cpython_site.c - waits for CPython's GIL, told by the functions they are in.
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

#define CLAIMS(info, ...)                                                                          \
	claims(info, (const char *const[]){ __VA_ARGS__ },                                         \
	       sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(const char *))

static bool claims(struct word_info *info, const char *const *functions, size_t n)
{
	memset(info, 0, sizeof(*info));
	return runtime_cpython.claims(&found, functions, n, info);
}

static void test_site_2_7(void **state)
{
	struct word_info info;

	(void)state;
	found = (struct runtime_found){ .info = { .pid = PID, .version = "2.7.18" } };
	assert_true(CLAIMS(&info, "", "sem_wait@@GLIBC_2.34", "PyThread_acquire_lock",
			   "PyEval_RestoreThread", "time_sleep"));
	assert_int_equal(info.kind, LOCK_GIL);
	assert_int_equal(info.role, LOCK_ROLE_ACQUIRE);
	assert_string_equal(info.object, "gil:77");
	assert_string_equal(info.name, "GIL of CPython 2.7");
	assert_string_equal(info.runtime, "CPython 2.7.18");
	assert_true(CLAIMS(&info, "sem_wait", "PyThread_acquire_lock", "PyEval_EvalFrameEx"));
	/* A threading.Lock, with symbols and without. */
	assert_false(CLAIMS(&info, "sem_wait", "PyThread_acquire_lock",
			    "lock_PyThread_acquire_lock", "PyEval_EvalFrameEx"));
	assert_false(CLAIMS(&info, "sem_wait", "PyThread_acquire_lock", "", "PyEval_EvalFrameEx"));
	assert_false(CLAIMS(&info, "sem_wait", "PyThread_acquire_lock"));
	assert_false(CLAIMS(&info, "sem_wait", "job_wait", "PyThread_acquire_lock",
			    "PyEval_RestoreThread"));
	assert_false(runtime_cpython.claims(&found, NULL, 0, &info));
}

static void test_site_3(void **state)
{
	struct word_info info;

	(void)state;
	found = (struct runtime_found){ .info = { .pid = PID, .version = "3.6.15" } };
	assert_true(CLAIMS(&info, "__futex_abstimed_wait_common",
			   "pthread_cond_timedwait@@GLIBC_2.3.2", "take_gil",
			   "PyEval_RestoreThread"));
	assert_int_equal(info.role, LOCK_ROLE_ACQUIRE);
	assert_true(CLAIMS(&info, "", "pthread_cond_wait", "drop_gil.part.0",
			   "_PyEval_EvalFrameDefault"));
	assert_int_equal(info.role, LOCK_ROLE_ACK);
	assert_true(CLAIMS(&info, "__lll_lock_wait", "pthread_mutex_lock", "take_gil.lto_priv.0"));
	assert_int_equal(info.role, LOCK_ROLE_GUARD);
	/* The mutex that a condition variable takes back. */
	assert_true(CLAIMS(&info, "__lll_lock_wait", "__pthread_mutex_cond_lock",
			   "pthread_cond_timedwait", "take_gil"));
	assert_int_equal(info.role, LOCK_ROLE_GUARD);
	/* Stripped. */
	assert_true(CLAIMS(&info, "pthread_cond_timedwait", "", "PyEval_RestoreThread"));
	assert_int_equal(info.role, LOCK_ROLE_ACQUIRE);
	assert_true(CLAIMS(&info, "pthread_cond_wait", "", "_PyEval_EvalFrameDefault"));
	assert_int_equal(info.role, LOCK_ROLE_ACK);
	assert_string_equal(info.object, "gil:77");
	/* Others wait for things of their own. */
	assert_false(CLAIMS(&info, "pthread_cond_timedwait", "", "", "_PyEval_EvalFrameDefault"));
	assert_false(
		CLAIMS(&info, "pthread_cond_timedwait", "queue_get", "_PyEval_EvalFrameDefault"));
	assert_false(CLAIMS(&info, "sem_clockwait", "PyThread_acquire_lock_timed", "",
			    "_PyEval_EvalFrameDefault"));
	assert_false(CLAIMS(&info, "", "", "PyEval_RestoreThread"));
	assert_false(CLAIMS(&info, "", "", ""));

	/* Its words are known: these are of the same GIL, or of another interpreter's. */
	strcpy(found.info.version, "3.11.7");
	found.n_words = 1;
	strcpy(found.words[0].object, "gil:77:1234");
	assert_true(CLAIMS(&info, "pthread_cond_timedwait", "take_gil"));
	assert_string_equal(info.object, "gil:77:1234");
	strcpy(found.info.version, "3.12.1");
	assert_true(CLAIMS(&info, "pthread_cond_timedwait", "take_gil"));
	assert_string_equal(info.object, "gil:77:other");
	assert_string_equal(info.name, "GIL of CPython 3.12, another interpreter");
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(site_2_7),
		TEST(site_3),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
