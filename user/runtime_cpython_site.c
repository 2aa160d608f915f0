/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * runtime_cpython_site.c - is a thread that waits here waiting for CPython's GIL?
 *
 * Since 3.2 it waits in take_gil(), or, having given it up on request, in drop_gil(). Both are
 * static: without local symbols they are a function without a name, called from one that is
 * exported. 2.7 waits in PyThread_acquire_lock(), as a threading.Lock does: who called that
 * tells them apart. Pure.
 */
#include "runtime_cpython.h"

#include <stdio.h>
#include <string.h>

#define DEPTH_MAX 16	/* the GIL is not waited for deeper than this below its function */

/* Is it this function? Without "@GLIBC_2.34", ".part.0", ".lto_priv.1". */
static bool is(const char *function, const char *name)
{
	size_t length = strlen(name);

	return strncmp(function, name, length) == 0 &&
	       (!function[length] || function[length] == '.' || function[length] == '@');
}

static bool is_one_of(const char *function, const char *const *names)
{
	for (; *names; names++)
		if (is(function, *names))
			return true;
	return false;
}

static bool begins_with_one_of(const char *function, const char *const *prefixes)
{
	for (; *prefixes; prefixes++)
		if (strncmp(function, *prefixes, strlen(*prefixes)) == 0)
			return true;
	return false;
}

/* What CPython, or the C library on its behalf, waits in. */
static bool is_primitive(const char *function)
{
	static const char *const prefixes[] = {
		"pthread_", "__pthread_", "___pthread_", "__GI_", "sem_",  "__new_sem_", "do_futex",
		"futex_",   "__futex_",	  "__lll_",	 "lll_",  "PyCOND_", "_PyCOND_",  "PyMUTEX_",
		"syscall",  "__syscall",  "__cond",	 "__timedwait", NULL,
	};

	return begins_with_one_of(function, prefixes);
}

/* The role of a wait in this function, if it tells. */
static bool role_of(const char *function, enum lock_role *role)
{
	if (strstr(function, "mutex_lock") || strstr(function, "mutex_cond_lock") ||
	    is(function, "PyMUTEX_LOCK"))
		*role = LOCK_ROLE_GUARD;
	else if (strstr(function, "cond_timedwait") || strstr(function, "cond_clockwait") ||
		 is(function, "PyCOND_TIMEDWAIT"))
		*role = LOCK_ROLE_ACQUIRE;
	else if (is(function, "pthread_cond_wait") || is(function, "__pthread_cond_wait") ||
		 is(function, "___pthread_cond_wait") || is(function, "PyCOND_WAIT"))
		*role = LOCK_ROLE_ACK;
	else
		return false;
	return true;
}

/* 3.2 and later: the innermost of the interpreter's own functions. */
static bool claims_cond(const char *const *functions, size_t n, enum lock_role *role)
{
	/* They do little but take or drop it: other functions may be in between, of one file. */
	static const char *const takers[] = {
		"PyEval_RestoreThread",	 "PyEval_AcquireThread", "PyEval_AcquireLock",
		"PyEval_InitThreads",	 "PyEval_SaveThread",	 "PyEval_ReleaseThread",
		"PyEval_ReleaseLock",	 "_PyThreadState_Attach", "_PyThreadState_Detach",
		"PyThreadState_Swap",	 "_PyEval_AcquireLock",	 "_PyEval_ReleaseLock",
		"PyThreadState_DeleteCurrent", NULL,
	};
	static const char *const loops[] = {
		"_PyEval_EvalFrameDefault",
		"PyEval_EvalFrameEx",
		"_Py_HandlePending",
		NULL,
	};
	bool known = false;
	size_t unnamed = 0;

	for (size_t i = 0; i < n && i < DEPTH_MAX; i++) {
		const char *function = functions[i];
		enum lock_role told;

		if (!*function) {
			unnamed++;
			continue;
		}
		if (is(function, "take_gil") || is(function, "drop_gil") ||
		    is(function, "drop_gil_impl")) {
			if (!known)
				*role = *function == 't' ? LOCK_ROLE_ACQUIRE : LOCK_ROLE_ACK;
			return true;
		}
		if (is_primitive(function)) {
			/* The innermost decides: a condition variable's own mutex, say. */
			if (!known && role_of(function, &told)) {
				*role = told;
				known = true;
			}
			unnamed = 0;
			continue;
		}
		return known && ((is_one_of(function, takers) && unnamed <= 2) ||
				 (is_one_of(function, loops) && unnamed <= 1));
	}
	return false;
}

static bool claims_semaphore(const char *const *functions, size_t n)
{
	static const char *const takers[] = {
		"PyEval_RestoreThread", "PyEval_AcquireLock",	"PyEval_AcquireThread",
		"PyEval_EvalFrameEx",	"PyEval_InitThreads",	"PyEval_ReInitThreads",
		NULL,
	};

	for (size_t i = 0; i + 1 < n && i < DEPTH_MAX; i++) {
		if (is(functions[i], "PyThread_acquire_lock"))
			return is_one_of(functions[i + 1], takers);
		if (*functions[i] && !is_primitive(functions[i]))
			return false;
	}
	return false;
}

bool cpython__claims(const struct runtime_found *found, const char *const *functions, size_t n,
		     struct word_info *info)
{
	enum lock_role role = LOCK_ROLE_ACQUIRE;
	struct cpython_version version;

	cpython__version_of(&found->info, &version);
	if (version.major == 2 ? !claims_semaphore(functions, n) :
				 !claims_cond(functions, n, &role))
		return false;
	info->kind = LOCK_GIL;
	info->role = role;
	info->foreign = false;
	cpython__name_gil(&found->info, info);
	if (!found->n_words) {
		/* Its words lie apart, and are one lock all the same. */
		snprintf(info->object, sizeof(info->object), "gil:%u", found->info.pid);
	} else if (version.major == 3 && version.minor >= 12) {
		/* Of an interpreter that was not there yet, or of one too many. */
		size_t length = strlen(info->name);

		snprintf(info->object, sizeof(info->object), "gil:%u:other", found->info.pid);
		snprintf(info->name + length, sizeof(info->name) - length, ", another interpreter");
	} else {
		memcpy(info->object, found->words[0].object, sizeof(info->object));
	}
	return true;
}
