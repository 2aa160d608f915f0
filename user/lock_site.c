// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <string.h>

#include "lock_site.h"

/*
 * Names of C functions, without leading underscores (a library calls its own functions by
 * names with more of them): equal, or, where the rule ends in '*', beginning so.
 */
struct c_rule {
	const char *name;
	enum lock_kind kind;	/* LOCK_UNKNOWN: a part of how it waits */
};

static const struct c_rule c_rules[] = {
	/* glibc, musl, and C11's names */
	{ "pthread_mutex_lock", LOCK_MUTEX },
	{ "pthread_mutex_lock_full", LOCK_MUTEX },
	{ "pthread_mutex_timedlock", LOCK_MUTEX },
	{ "pthread_mutex_timedlock_pi", LOCK_MUTEX },
	{ "pthread_mutex_clocklock", LOCK_MUTEX },
	{ "pthread_mutex_clocklock_common", LOCK_MUTEX },
	{ "pthread_mutex_cond_lock", LOCK_MUTEX },
	{ "pthread_mutex_cond_lock_full", LOCK_MUTEX },
	{ "mtx_lock", LOCK_MUTEX },
	{ "mtx_timedlock", LOCK_MUTEX },
	{ "lll_lock_wait", LOCK_MUTEX },
	{ "lll_lock_wait_private", LOCK_MUTEX },
	{ "lll_timedlock_wait", LOCK_MUTEX },
	{ "lll_clocklock_wait", LOCK_MUTEX },
	{ "lll_robust_lock_wait", LOCK_MUTEX },
	{ "lll_robust_timedlock_wait", LOCK_MUTEX },
	{ "pthread_cond_wait", LOCK_COND },
	{ "pthread_cond_timedwait", LOCK_COND },
	{ "pthread_cond_clockwait", LOCK_COND },
	{ "pthread_cond_wait_common", LOCK_COND },
	{ "cnd_wait", LOCK_COND },
	{ "cnd_timedwait", LOCK_COND },
	{ "sem_wait", LOCK_SEMAPHORE },
	{ "sem_timedwait", LOCK_SEMAPHORE },
	{ "sem_clockwait", LOCK_SEMAPHORE },
	{ "old_sem_wait", LOCK_SEMAPHORE },
	{ "new_sem_wait", LOCK_SEMAPHORE },
	{ "new_sem_wait_slow", LOCK_SEMAPHORE },
	{ "new_sem_wait_slow64", LOCK_SEMAPHORE },
	{ "pthread_rwlock_rdlock*", LOCK_RWLOCK },
	{ "pthread_rwlock_wrlock*", LOCK_RWLOCK },
	{ "pthread_rwlock_timed*", LOCK_RWLOCK },
	{ "pthread_rwlock_clock*", LOCK_RWLOCK },
	{ "pthread_barrier_wait", LOCK_BARRIER },
	{ "pthread_barrier_destroy", LOCK_BARRIER },
	{ "pthread_once", LOCK_ONCE },
	{ "pthread_once_slow", LOCK_ONCE },
	{ "pthread_once_full", LOCK_ONCE },
	{ "call_once", LOCK_ONCE },
	{ "pthread_join", LOCK_JOIN },
	{ "pthread_timedjoin_np", LOCK_JOIN },
	{ "pthread_clockjoin_np", LOCK_JOIN },
	{ "pthread_timedjoin_ex", LOCK_JOIN },
	{ "pthread_clockjoin_ex", LOCK_JOIN },
	{ "thrd_join", LOCK_JOIN },
	{ "lll_wait_tid", LOCK_JOIN },
	{ "syscall", LOCK_UNKNOWN },
	{ "do_futex_wait", LOCK_UNKNOWN },
	{ "futex_abstimed_wait*", LOCK_UNKNOWN },
	{ "futex_reltimed_wait*", LOCK_UNKNOWN },
	{ "futex_lock_pi64", LOCK_UNKNOWN },
	{ "condvar_*", LOCK_UNKNOWN },
	{ "lll_futex*", LOCK_UNKNOWN },
	/* the C++ ABI; what is between a mutex of GCC's C++ library and the C library's */
	{ "cxa_guard_acquire", LOCK_ONCE },
	{ "gthread_mutex_lock*", LOCK_MUTEX },
	{ "gthread_recursive_mutex_lock*", LOCK_MUTEX },
	{ "gthread_cond_wait*", LOCK_COND },
	{ "gthread_cond_timedwait*", LOCK_COND },
	{ "gthread_once*", LOCK_ONCE },
	{ "gthread_join*", LOCK_JOIN },
	/* GCC's OpenMP */
	{ "gomp_mutex_lock*", LOCK_MUTEX },
	{ "gomp_ptrlock_get_slow", LOCK_ONCE },
	{ "gomp_sem_wait*", LOCK_SEMAPHORE },
	{ "gomp_barrier_wait*", LOCK_BARRIER },
	{ "gomp_team_barrier_wait*", LOCK_BARRIER },
};

/* Names that are others' without their underscores: equal. */
static const struct c_rule exact_rules[] = {
	{ "__timedwait", LOCK_UNKNOWN },	/* musl */
	{ "__timedwait_cp", LOCK_UNKNOWN },
	{ "__wait", LOCK_UNKNOWN },
	{ "__lock", LOCK_UNKNOWN },
	{ "__futexwait", LOCK_UNKNOWN },
	{ "__syscall_cp", LOCK_UNKNOWN },
	{ "__syscall_cp_c", LOCK_UNKNOWN },
	{ "__syscall_cp_asm", LOCK_UNKNOWN },
	{ "__futex_wait", LOCK_UNKNOWN },
	{ "take_gil", LOCK_UNKNOWN },		/* CPython */
	{ "drop_gil", LOCK_UNKNOWN },
	{ "PyThread_acquire_lock", LOCK_UNKNOWN },
	{ "PyThread_acquire_lock_timed", LOCK_UNKNOWN },
	{ "_PySemaphore_Wait", LOCK_UNKNOWN },
	{ "_PySemaphore_PlatformWait", LOCK_UNKNOWN },
	{ "_PyParkingLot_Park", LOCK_UNKNOWN },
	{ "_PyMutex_LockTimed", LOCK_UNKNOWN },
	{ "_PyMutex_LockSlow", LOCK_UNKNOWN },
	{ "runtime.lock", LOCK_MUTEX },		/* Go */
	{ "runtime.lock2", LOCK_MUTEX },
	{ "runtime.lockWithRank", LOCK_MUTEX },
	{ "runtime.notesleep", LOCK_COND },
	{ "runtime.notetsleep", LOCK_COND },
	{ "runtime.notetsleepg", LOCK_COND },
	{ "runtime.notetsleep_internal", LOCK_COND },
	{ "runtime.futex", LOCK_UNKNOWN },
	{ "runtime.futexsleep", LOCK_UNKNOWN },
};

/*
 * Mangled names: those that begin so and have `part` in them. What was mangled has lengths
 * of words before them, so a part is a word's end, or one. In Rust's new mangling ("_R") it
 * must be of the crate `std`, which can stand anywhere.
 */
struct mangled_rule {
	const char *begin, *part;
	enum lock_kind kind;
};

static const struct mangled_rule mangled_rules[] = {
	/* C++: GCC's library and LLVM's */
	{ "_ZNSt5mutex4lockEv", "", LOCK_MUTEX },
	{ "_ZNSt15recursive_mutex4lockEv", "", LOCK_MUTEX },
	{ "_ZNSt11unique_lockI", "4lockEv", LOCK_MUTEX },
	{ "_ZNSt11unique_lockI", "C1ER", LOCK_MUTEX },
	{ "_ZNSt11unique_lockI", "C2ER", LOCK_MUTEX },
	{ "_ZNSt10lock_guardI", "C1ER", LOCK_MUTEX },
	{ "_ZNSt10lock_guardI", "C2ER", LOCK_MUTEX },
	{ "_ZNSt18condition_variable4wait", "", LOCK_COND },
	{ "_ZNSt18condition_variable10wait_until", "", LOCK_COND },
	{ "_ZNSt18condition_variable8wait_for", "", LOCK_COND },
	{ "_ZNSt18condition_variable17__wait_until_impl", "", LOCK_COND },
	{ "_ZNSt22condition_variable_any4wait", "", LOCK_COND },
	{ "_ZNSt8__condvar4wait", "", LOCK_COND },
	{ "_ZNSt12shared_mutex4lockEv", "", LOCK_RWLOCK },
	{ "_ZNSt12shared_mutex11lock_sharedEv", "", LOCK_RWLOCK },
	{ "_ZNSt22__shared_mutex_pthread", "4lockEv", LOCK_RWLOCK },
	{ "_ZNSt22__shared_mutex_pthread", "11lock_sharedEv", LOCK_RWLOCK },
	{ "_ZNSt6thread4joinEv", "", LOCK_JOIN },
	{ "_ZSt9call_onceI", "", LOCK_ONCE },
	{ "_ZNSt8__detail", "wait", LOCK_UNKNOWN },
	{ "_ZNSt28__atomic_futex_unsigned_base", "", LOCK_UNKNOWN },
	{ "_ZNSt3__15mutex4lockEv", "", LOCK_MUTEX },
	{ "_ZNSt3__111timed_mutex4lockEv", "", LOCK_MUTEX },
	{ "_ZNSt3__115recursive_mutex4lockEv", "", LOCK_MUTEX },
	{ "_ZNSt3__118condition_variable4wait", "", LOCK_COND },
	{ "_ZNSt3__118condition_variable15__do_timed_wait", "", LOCK_COND },
	{ "_ZNSt3__119__shared_mutex_base4lockEv", "", LOCK_RWLOCK },
	{ "_ZNSt3__119__shared_mutex_base11lock_sharedEv", "", LOCK_RWLOCK },
	{ "_ZNSt3__16thread4joinEv", "", LOCK_JOIN },
	{ "_ZNSt3__111__call_once", "", LOCK_ONCE },
	/* Rust: its standard library, in the old mangling and the new one; parking_lot */
	{ "_ZN3std", "14lock_contended", LOCK_MUTEX },
	{ "_ZN3std", "14read_contended", LOCK_RWLOCK },
	{ "_ZN3std", "15write_contended", LOCK_RWLOCK },
	{ "_ZN3std", "7Condvar4wait", LOCK_COND },
	{ "_ZN3std", "7Condvar12wait_timeout", LOCK_COND },
	{ "_ZN3std", "7Condvar21wait_optional_timeout", LOCK_COND },
	{ "_ZN3std", "6Parker4park", LOCK_COND },
	{ "_ZN3std", "4Once4call", LOCK_ONCE },
	{ "_ZN3std", "4Once4wait", LOCK_ONCE },
	{ "_ZN3std", "6Thread4join", LOCK_JOIN },
	{ "_ZN3std", "10futex_wait", LOCK_UNKNOWN },
	{ "_ZN3std6thread", "4park", LOCK_COND },
	{ "_ZN3std6thread", "4join", LOCK_JOIN },
	{ "_R", "14lock_contended", LOCK_MUTEX },
	{ "_R", "14read_contended", LOCK_RWLOCK },
	{ "_R", "15write_contended", LOCK_RWLOCK },
	{ "_R", "7Condvar4wait", LOCK_COND },
	{ "_R", "7Condvar12wait_timeout", LOCK_COND },
	{ "_R", "7Condvar21wait_optional_timeout", LOCK_COND },
	{ "_R", "6Parker4park", LOCK_COND },
	{ "_R", "4Once4call", LOCK_ONCE },
	{ "_R", "4Once4wait", LOCK_ONCE },
	{ "_R", "6Thread4join", LOCK_JOIN },
	{ "_R", "6thread9functions4park", LOCK_COND },
	{ "_R", "6thread4park", LOCK_COND },
	{ "_R", "10futex_wait", LOCK_UNKNOWN },
	{ "_ZN11parking_lot9raw_mutex", "9lock_slow", LOCK_MUTEX },
	{ "_ZN11parking_lot10raw_rwlock", "_slow", LOCK_RWLOCK },
	{ "_ZN11parking_lot7condvar", "", LOCK_COND },
	{ "_ZN16parking_lot_core", "", LOCK_UNKNOWN },
};

#define N(array) (sizeof(array) / sizeof((array)[0]))

/* What compilers and assemblers append to a function's name. */
static const char *const suffixes[] = { "constprop.", "isra.", "part.", "cold",
					"lto_priv.",  "llvm.", "abi0",	NULL };

static bool is_suffix(const char *text, size_t n)
{
	for (const char *const *suffix = suffixes; *suffix; suffix++)
		if (n >= strlen(*suffix) && !strncmp(text, *suffix, strlen(*suffix)))
			return true;
	return false;
}

/* The length of the name, without a version (@GLIBC_2.34) and without such suffixes. */
static size_t plain_length(const char *name)
{
	size_t n = strcspn(name, "@");

	for (size_t i = 1; i + 1 < n; i++)
		if (name[i] == '.' && is_suffix(name + i + 1, n - i - 1))
			return i;
	return n;
}

static bool matches(const char *rule, const char *name, size_t n)
{
	size_t length = strlen(rule);

	if (rule[length - 1] == '*')
		return n >= length - 1 && !memcmp(rule, name, length - 1);
	return n == length && !memcmp(rule, name, n);
}

static bool find_in(const struct c_rule *rules, size_t n_rules, const char *name, size_t n,
		    enum lock_kind *kind)
{
	for (size_t i = 0; i < n_rules; i++) {
		if (matches(rules[i].name, name, n)) {
			*kind = rules[i].kind;
			return true;
		}
	}
	return false;
}

static bool is_mangled(const char *name)
{
	return !strncmp(name, "_Z", 2) || !strncmp(name, "_R", 2);
}

/* The rule for a function; false: there is none. */
static bool find(const char *function, enum lock_kind *kind)
{
	size_t underscores, n;

	if (is_mangled(function)) {
		for (size_t i = 0; i < N(mangled_rules); i++) {
			const struct mangled_rule *rule = &mangled_rules[i];

			if (!strcmp(rule->begin, "_R") && !strstr(function, "_3std"))
				continue;
			if (!strncmp(function, rule->begin, strlen(rule->begin)) &&
			    strstr(function + strlen(rule->begin), rule->part)) {
				*kind = rule->kind;
				return true;
			}
		}
		return false;
	}
	/* What glibc calls a function of its own by, within. */
	if (!strncmp(function, "__GI_", 5))
		function += 5;
	n = plain_length(function);
	if (find_in(exact_rules, N(exact_rules), function, n, kind))
		return true;
	underscores = strspn(function, "_");
	return underscores < n &&
	       find_in(c_rules, N(c_rules), function + underscores, n - underscores, kind);
}

enum lock_kind lock_site__kind(const char *function)
{
	enum lock_kind kind = LOCK_UNKNOWN;

	return find(function, &kind) ? kind : LOCK_UNKNOWN;
}

bool lock_site__is_inner(const char *function)
{
	enum lock_kind kind;

	return find(function, &kind);
}
