/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_lock_site.c - what a function waits for, by the names that libraries have given.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "user/lock_site.h"

static void test_functions_that_wait(void **state)
{
	static const struct {
		const char *function;
		enum lock_kind kind;
	} rows[] = {
		{ "pthread_mutex_lock", LOCK_MUTEX },
		{ "__pthread_mutex_lock", LOCK_MUTEX },
		{ "___pthread_mutex_lock", LOCK_MUTEX },
		{ "pthread_mutex_lock@@GLIBC_2.2.5", LOCK_MUTEX },
		{ "__pthread_mutex_lock_full", LOCK_MUTEX },
		{ "__pthread_mutex_clocklock_common", LOCK_MUTEX },
		{ "__lll_lock_wait", LOCK_MUTEX },
		{ "__lll_lock_wait_private", LOCK_MUTEX },
		{ "__GI___lll_lock_wait", LOCK_MUTEX },
		/* A waiter that was signalled, and waits for the mutex again. */
		{ "__pthread_mutex_cond_lock", LOCK_MUTEX },
		{ "pthread_cond_wait@GLIBC_2.3.2", LOCK_COND },
		{ "pthread_cond_timedwait", LOCK_COND },
		{ "cnd_wait", LOCK_COND },
		{ "sem_wait", LOCK_SEMAPHORE },
		{ "__new_sem_wait_slow64.constprop.0", LOCK_SEMAPHORE },
		{ "__new_sem_wait_slow.constprop.1.isra.2", LOCK_SEMAPHORE },
		{ "pthread_rwlock_wrlock", LOCK_RWLOCK },
		{ "__pthread_rwlock_rdlock_full64", LOCK_RWLOCK },
		{ "pthread_rwlock_clockrdlock", LOCK_RWLOCK },
		{ "pthread_barrier_wait", LOCK_BARRIER },
		{ "__pthread_once_slow.isra.0", LOCK_ONCE },
		{ "call_once", LOCK_ONCE },
		{ "__cxa_guard_acquire", LOCK_ONCE },
		{ "__pthread_clockjoin_ex", LOCK_JOIN },
		{ "thrd_join", LOCK_JOIN },
		{ "_ZNSt18condition_variable4waitERSt11unique_lockISt5mutexE", LOCK_COND },
		{ "_ZNSt6thread4joinEv", LOCK_JOIN },
		{ "_ZN3std3sys4sync5mutex5futex5Mutex14lock_contended17h0123456789abcdefE",
		  LOCK_MUTEX },
		{ "_ZN3std3sys4unix5locks11futex_mutex5Mutex14lock_contended17h0123456789abcdefE",
		  LOCK_MUTEX },
		{ "_RNvMNtNtNtNtCs1_3std3sys4sync5mutex5futexNtB2_5Mutex14lock_contended",
		  LOCK_MUTEX },
		{ "_ZN3std3sys4sync7condvar5futex7Condvar4wait17h0123456789abcdefE", LOCK_COND },
		{ "_RNvNtNtCsjrHSEGnQ3l9_3std6thread9functions4park", LOCK_COND },
		{ "_ZN3std6thread9lifecycle18JoinInner$LT$T$GT$4join17hfff90314570fb69dE",
		  LOCK_JOIN },
		{ "runtime.lock2", LOCK_MUTEX },
		{ "runtime.notesleep", LOCK_COND },
		{ "runtime.notetsleep_internal", LOCK_COND },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (lock_site__kind(rows[i].function) != rows[i].kind)
			fail_msg("%s: %d, not %d", rows[i].function,
				 lock_site__kind(rows[i].function), rows[i].kind);
		assert_int_equal(lock_site__is_inner(rows[i].function),
				 rows[i].kind != LOCK_UNKNOWN);
	}
}

static void test_parts_of_waiting(void **state)
{
	static const char *const inner[] = {
		"syscall",
		"__futex_abstimed_wait_common64",
		"__futex_abstimed_wait_common",
		"do_futex_wait.constprop.1",
		"__timedwait",
		"__timedwait_cp",
		"__lock",
		"__syscall_cp_asm",
		"runtime.futex.abi0",
		"runtime.futexsleep",
		"_ZN3std3sys3pal4unix5futex10futex_wait17h0123456789abcdefE",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(inner) / sizeof(*inner); i++) {
		if (!lock_site__is_inner(inner[i]))
			fail_msg("%s", inner[i]);
		assert_int_equal(lock_site__kind(inner[i]), LOCK_UNKNOWN);
	}
}

/* A program's own functions, however much they sound like a library's. */
static void test_others(void **state)
{
	static const char *const others[] = {
		"",
		"_",
		"__",
		"@",
		".",
		"main",
		"lock",
		"_lock",
		"wait",
		"timedwait",
		"my_pthread_mutex_lock",
		"pthread_mutex_lock_it",
		"pthread_mutex_unlock",
		"pthread_cond_signal",
		"sem_wait_all",
		"sem_post",
		"lock2",
		"main.lock2",
		"runtime.gopark",
		"_ZN3app5mutex14lock_contended17h0123456789abcdefE",
		"_ZN6worker4joinEv",
		"_Z18pthread_mutex_lockv",
		"_R",
		"__GI_",
		"__GI_main",
		"_RNvMNtCs1_3app5mutexNtB2_5Mutex14lock_contended",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		if (lock_site__is_inner(others[i]))
			fail_msg("%s", others[i]);
		assert_int_equal(lock_site__kind(others[i]), LOCK_UNKNOWN);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_functions_that_wait),
		cmocka_unit_test(test_parts_of_waiting),
		cmocka_unit_test(test_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
