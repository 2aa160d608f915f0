/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_runtime_cpython.c - CPython in processes that are made up: each layout, and what lies.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "user/runtime.h"
#include "user/runtime_cpython.h"

#define PID 77
#define BASE 0x10000ull		/* of the memory that is made up */
#define MEMORY (1u << 20)
#define RUNTIME (BASE + 0x1000)
#define STATE (BASE + 0x800)	/* a thread state */
#define PTHREAD (BASE + 0x400)
#define NPTL (BASE + 0x200)
#define INTERP(n) (BASE + 0x8000 + 0x4000 * (uint64_t)(n))
#define TID 4242
#define TID_AT 208

struct symbol {
	const char *name;
	uint64_t address, size;
};

struct process {
	struct process_view view;
	uint8_t memory[MEMORY];
	struct symbol symbols[24];
	size_t n_symbols;
	const char *path;
	bool gone;		/* it is what files have there */
	uint64_t unreadable;	/* from there on, nothing can be read; 0: all can */
};

static int read_memory(void *ctx, uint64_t address, void *buffer, size_t size, bool *live)
{
	struct process *process = ctx;

	if (address < BASE || address - BASE > MEMORY || size > MEMORY - (address - BASE) ||
	    (process->unreadable && address + size > process->unreadable))
		return -EFAULT;
	memcpy(buffer, process->memory + (address - BASE), size);
	if (live)
		*live = !process->gone;
	return 0;
}

static int find_symbol(void *ctx, const char *name, uint64_t *address, uint64_t *size)
{
	struct process *process = ctx;

	for (size_t i = 0; i < process->n_symbols; i++) {
		if (strcmp(process->symbols[i].name, name) != 0)
			continue;
		*address = process->symbols[i].address;
		*size = process->symbols[i].size;
		return 0;
	}
	return -ENOENT;
}

static bool give_module(void *ctx, size_t at, const char **path, bool *has_symtab)
{
	struct process *process = ctx;

	*path = process->path;
	*has_symtab = false;
	return at == 0 && process->path;
}

static void put64(struct process *process, uint64_t address, uint64_t value)
{
	assert_in_range(address, BASE, BASE + MEMORY - 8);
	memcpy(process->memory + (address - BASE), &value, sizeof(value));
}

static void put32(struct process *process, uint64_t address, uint32_t value)
{
	assert_in_range(address, BASE, BASE + MEMORY - 4);
	memcpy(process->memory + (address - BASE), &value, sizeof(value));
}

static void put_text(struct process *process, uint64_t address, const char *text)
{
	memcpy(process->memory + (address - BASE), text, strlen(text) + 1);
}

static void has(struct process *process, const char *name, uint64_t address, uint64_t size)
{
	assert_true(process->n_symbols < 24);
	process->symbols[process->n_symbols++] = (struct symbol){ name, address, size };
}

static void lacks(struct process *process, const char *name)
{
	for (size_t i = 0; i < process->n_symbols; i++)
		if (!strcmp(process->symbols[i].name, name))
			process->symbols[i].name = "gone";
}

static int set_up(void **state)
{
	struct process *process = calloc(1, sizeof(*process));

	assert_non_null(process);
	process->view = (struct process_view){
		.pid = PID,
		.ctx = process,
		.read = read_memory,
		.symbol = find_symbol,
		.module = give_module,
	};
	*state = process;
	return 0;
}

static int tear_down(void **state)
{
	free(*state);
	return 0;
}

/* A GIL that a thread has. */
static void put_gil(struct process *process, uint64_t gil)
{
	put64(process, gil, 5000);
	put64(process, gil + 8, STATE);
	put32(process, gil + 16, 1);
}

/* What a pthread_t leads to, as glibc describes it. */
static void put_pthread(struct process *process)
{
	has(process, "_thread_db_pthread_tid", NPTL, 12);
	put32(process, NPTL, 32);
	put32(process, NPTL + 4, 1);
	put32(process, NPTL + 8, TID_AT);
	put32(process, PTHREAD + TID_AT, TID);
}

static void put_exports(struct process *process, unsigned int minor)
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

static void put_version(struct process *process, uint64_t number)
{
	put_exports(process, 10);
	has(process, "Py_Version", BASE + 16, 8);
	put64(process, BASE + 16, number);
}

static struct runtime_found found;

static int find(struct process *process)
{
	return runtimes[0]->find(&process->view, &found);
}

static int holder(struct process *process, uint64_t word, uint32_t *tid)
{
	return runtimes[0]->holder(&process->view, &found, word, tid);
}

/* Four words, one lock, in the order in which they lie from `cond` on. */
static void check_words(size_t from, uint64_t cond, const char *object, const char *name)
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

/* --- up to 3.11 ------------------------------------------------------------------------- */

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
		{ 0, 0 },		{ 8, 0x030c00f0 },	 { 8, UINT64_MAX },
		{ 16, 2 },		{ 24, UINT64_MAX },	 { 24, 4104 },
		{ 40, UINT64_MAX - 7 }, { 40, 4088 },		 { 40, 633 },
		{ 48, 8 },		{ 48, UINT64_MAX },	 { 56, UINT64_MAX - 7 },
		{ 64, 8192 },		{ 112, UINT64_MAX - 7 }, { 120, UINT64_MAX - 7 },
		{ 120, OWN_GIL + 8 },	{ 136, OWN_GIL + 24 },	 { 144, OWN_GIL + 16 },
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

/* --- call-sites ------------------------------------------------------------------------- */

#define CLAIMS(info, ...)                                                                          \
	claims(info, (const char *const[]){ __VA_ARGS__ },                                         \
	       sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(const char *))

static bool claims(struct word_info *info, const char *const *functions, size_t n)
{
	memset(info, 0, sizeof(*info));
	return runtimes[0]->claims(&found, functions, n, info);
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
	assert_false(runtimes[0]->claims(&found, NULL, 0, &info));
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
		TEST(none),	     TEST(2_7),		  TEST(3_6),	 TEST(3_7),
		TEST(3_8),	     TEST(3_9),		  TEST(3_10),	 TEST(3_11),
		TEST(version),	     TEST(3_12),	  TEST(3_12_gone), TEST(interpreters_lie),
		TEST(3_13),	     TEST(3_14),	  TEST(later),	 TEST(offsets_lie),
		TEST(free_threaded), TEST(reads_fail),	  TEST(site_2_7), TEST(site_3),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
