/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>

#include "tests/unit/cpython_fixture.h"
#include "user/runtime_cpython.h"

/* A GIL that a thread has. */
void put_gil(struct process *process, uint64_t gil)
{
	put64(process, gil, 5000);
	put64(process, gil + 8, STATE);
	put32(process, gil + 16, 1);
}

/* What a pthread_t leads to, as glibc describes it. */
void put_pthread(struct process *process)
{
	has(process, "_thread_db_pthread_tid", NPTL, 12);
	put32(process, NPTL, 32);
	put32(process, NPTL + 4, 1);
	put32(process, NPTL + 8, TID_AT);
	put32(process, PTHREAD + TID_AT, TID);
}

void put_exports(struct process *process, unsigned int minor)
{
	static const char *const came[] = {
		[2] = "PyBytes_FromString", [3] = "PyUnicode_AsUTF8",	  [4] = "PyMem_RawMalloc",
		[5] = "PyODict_New",	    [6] = "PyOS_FSPath",	  [7] = "PyContextVar_New",
		[8] = "Py_RunMain",	    [9] = "PyModule_AddType", [10] = "PyIter_Send",
	};

	has(process, "PyEval_RestoreThread", BASE, 8);
	for (unsigned int i = 2; i <= minor && i <= 10; i++)
		has(process, came[i], BASE, 8);
}

void put_version(struct process *process, uint64_t number)
{
	put_exports(process, 10);
	has(process, "Py_Version", BASE + 16, 8);
	put64(process, BASE + 16, number);
}

struct runtime_found found;

int find(struct process *process)
{
	return runtime_cpython.find(&process->view, &found);
}

int holder(struct process *process, uint64_t word, uint32_t *tid)
{
	return runtime_cpython.holder(&process->view, &found, word, tid);
}

/* Four words, one lock, in the order in which they lie from `cond` on. */
void check_words(size_t from, uint64_t cond, const char *object, const char *name)
{
	static const struct {
		uint64_t at;
		uint32_t size;
		enum lock_role role;
	} parts[] = {
		{ 0, sizeof(pthread_cond_t), LOCK_ROLE_ACQUIRE },
		{ sizeof(pthread_cond_t), sizeof(pthread_mutex_t), LOCK_ROLE_GUARD },
		{ sizeof(pthread_cond_t) + sizeof(pthread_mutex_t), sizeof(pthread_cond_t),
		  LOCK_ROLE_ACK },
		{ 2 * sizeof(pthread_cond_t) + sizeof(pthread_mutex_t), sizeof(pthread_mutex_t),
		  LOCK_ROLE_GUARD },
	};

	assert_int_equal(found.info.gil, GIL_PRESENT);
	assert_true(found.n_words >= from + 4);
	for (size_t i = 0; i < 4; i++) {
		const struct word_info *info = &found.words[from + i];

		assert_int_equal(info->address, cond + parts[i].at);
		assert_int_equal(info->size, parts[i].size);
		assert_int_equal(info->role, parts[i].role);
		assert_int_equal(info->kind, LOCK_GIL);
		assert_string_equal(info->object, object);
		assert_string_equal(info->name, name);
	}
}
