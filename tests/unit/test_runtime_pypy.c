/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_runtime_pypy.c - PyPy in processes that are made up: code that makes its GIL, code that
 * only looks like it, and what says which PyPy it is.
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
#include <pthread.h>

#include "tests/unit/runtime_fixture.h"
#include "user/runtime_pypy.h"

#define MAKE (BASE + 0x1000)	/* pypy_carefully_make_gil() */
#define CALLBACK (BASE + 0x2000)
#define ALLOCATE (BASE + 0x3000)
#define INITIALISE (BASE + 0x4000)
#define GET_VERSION (BASE + 0x5000)
#define GIL (BASE + 0x8020)
#define STEALER (GIL + PYPY_GIL_SIZE)
#define WAITING (BASE + 0x7000)
#define CONSTANT (BASE + 0x80000)	/* what PyPy_GetVersion() takes the address of */

#define SYS_VERSION "3.9.16 (7.3.11+dfsg-2, Dec 30 2024, 22:36:23)\n[PyPy 7.3.11 with GCC 12.2.0]"
#define LIBRARY "/usr/lib/x86_64-linux-gnu/libpypy3.9-c.so"

static struct runtime_found found;

static int find(struct process *process)
{
	return runtime_pypy.find(&process->view, &found);
}

/* --- code ------------------------------------------------------------------------------- */

/* Where the next instruction comes, and how long what refers to an address is up to its end. */
static uint64_t at;

static void emit(struct process *process, const void *bytes, size_t n)
{
	assert_in_range(at, BASE, BASE + MEMORY - n);
	memcpy(process->memory + (at - BASE), bytes, n);
	at += n;
}

/* An opcode, the distance of `target` from the instruction's end, and what follows it. */
static void emit_to(struct process *process, const char *opcode, size_t n, uint64_t target,
		    const char *immediate, size_t n_immediate)
{
	int32_t distance = (int32_t)(target - (at + n + sizeof(distance) + n_immediate));

	emit(process, opcode, n);
	emit(process, &distance, sizeof(distance));
	emit(process, immediate, n_immediate);
}

static void take(struct process *process, uint64_t target)
{
	emit_to(process, "\x48\x8d\x3d", 3, target, "", 0);
}

static void call(struct process *process, uint64_t target)
{
	emit_to(process, "\xe8", 1, target, "", 0);
}

static void jump(struct process *process, uint64_t target)
{
	emit_to(process, "\xe9", 1, target, "", 0);
}

static void set_flag(struct process *process, uint64_t target, char value)
{
	emit_to(process, "\xc6\x05", 2, target, &value, 1);
}

static void clear(struct process *process, uint64_t target)
{
	emit_to(process, "\x48\xc7\x05", 3, target, "\0\0\0\0", 4);
}

/* As GCC makes it, with calls of the C library between. */
static void put_initialise(struct process *process, uint64_t function)
{
	at = function;
	emit(process, "\x31\xf6", 2);
	take(process, STEALER);
	call(process, BASE + 0x10);
	emit(process, "\x85\xc0\x75\x4a\x31\xf6", 6);
	take(process, GIL + PYPY_MUTEX_AT);
	set_flag(process, GIL, 1);
	call(process, BASE + 0x10);
	emit(process, "\x85\xc0\x75\x42\x31\xf6", 6);
	take(process, GIL + PYPY_COND_AT);
	call(process, BASE + 0x20);
	clear(process, WAITING);
	emit(process, "\xc3", 1);
	/* What to say when one of them fails. */
	take(process, BASE + 0x90000);
	take(process, BASE + 0x90030);
}

/* make -> callback -> allocate */
static void put_code(struct process *process)
{
	has(process, "pypy_carefully_make_gil", MAKE, 45);
	at = MAKE;
	emit(process, "\x48\x83\xec\x08", 4);
	emit_to(process, "\x48\x8d\x35", 3, CALLBACK, "", 0);
	take(process, BASE + 0x7800);
	call(process, BASE + 0x30);
	emit(process, "\xc3", 1);
	at = CALLBACK;
	call(process, BASE + 0x40);
	call(process, ALLOCATE);
	call(process, BASE + 0x50);
	emit(process, "\xc3", 1);
	put_initialise(process, ALLOCATE);
}

static void put_memory(struct process *process)
{
	put64(process, WAITING, 0);
	put64(process, GIL, 1);
}

static void put_version(struct process *process, uint64_t text)
{
	has(process, "PyPy_GetVersion", GET_VERSION, 12);
	at = GET_VERSION;
	take(process, CONSTANT);
	jump(process, BASE + 0x60);
	put64(process, text - 8, sizeof(SYS_VERSION) - 1);
	put_text(process, text, SYS_VERSION);
}

/* --- its words -------------------------------------------------------------------------- */

static void check_words(const char *name, const char *runtime)
{
	static const struct {
		uint64_t address;
		size_t size;
		enum lock_role role;
	} parts[] = {
		{ GIL + PYPY_COND_AT, sizeof(pthread_cond_t), LOCK_ROLE_ACQUIRE },
		{ GIL + PYPY_MUTEX_AT, sizeof(pthread_mutex_t), LOCK_ROLE_GUARD },
		{ STEALER, sizeof(pthread_mutex_t), LOCK_ROLE_GUARD },
	};

	assert_int_equal(found.info.gil, GIL_PRESENT);
	assert_string_equal(found.info.name, "PyPy");
	assert_string_equal(found.info.hint, "");
	assert_int_equal(found.n_words, 3);
	for (size_t i = 0; i < 3; i++) {
		const struct word_info *info = &found.words[i];

		assert_int_equal(info->pid, PID);
		assert_int_equal(info->address, parts[i].address);
		assert_int_equal(info->size, parts[i].size);
		assert_int_equal(info->role, parts[i].role);
		assert_int_equal(info->kind, LOCK_GIL);
		assert_false(info->foreign);
		assert_string_equal(info->name, name);
		assert_string_equal(info->runtime, runtime);
		assert_string_equal(info->object, "gil:77:18020");
	}
}

static void assert_unknown(void)
{
	assert_int_equal(found.info.gil, GIL_UNKNOWN);
	assert_string_equal(found.info.name, "PyPy");
	assert_string_not_equal(found.info.hint, "");
	assert_int_equal(found.n_words, 0);
}

static void test_none(void **state)
{
	struct process *process = *state;

	assert_int_equal(find(process), -ENOENT);
	process->path = "/usr/bin/pypy3.9";
	assert_int_equal(find(process), -ENOENT);
	process->path = "/usr/lib/pypy3.9/libpypy-is-great.txt";
	assert_int_equal(find(process), -ENOENT);
	process->path = "/usr/lib/libpython3.9.so.1.0";
	assert_int_equal(find(process), -ENOENT);
	/* It is there, and says nothing. */
	process->path = LIBRARY;
	assert_int_equal(find(process), 0);
	assert_unknown();
	assert_string_equal(found.info.version, "");
}

static void test_by_code(void **state)
{
	struct process *process = *state;

	put_code(process);
	put_memory(process);
	put_version(process, CONSTANT + 0x10e20);
	process->path = LIBRARY;
	assert_int_equal(find(process), 0);
	assert_string_equal(found.info.version, "7.3.11");
	check_words("GIL of PyPy 3.9", "PyPy 7.3.11");
	/* Whoever has just given it up. */
	put64(process, GIL, 0);
	put64(process, WAITING, 3);
	assert_int_equal(find(process), 0);
	check_words("GIL of PyPy 3.9", "PyPy 7.3.11");
}

/* A program without threads has none. */
static void test_not_yet(void **state)
{
	struct process *process = *state;

	put_code(process);
	put64(process, WAITING, (uint64_t)-42);
	assert_int_equal(find(process), -EAGAIN);
	put_memory(process);
	assert_int_equal(find(process), 0);
	check_words("GIL of PyPy", "PyPy");
	/* With nothing but its files, the place is known as well. */
	put64(process, WAITING, (uint64_t)-42);
	put64(process, GIL, 0);
	process->gone = true;
	assert_int_equal(find(process), 0);
	check_words("GIL of PyPy", "PyPy");
}

/* The function that initialises it is one of its own, called last. */
static void test_deeper(void **state)
{
	struct process *process = *state;

	put_code(process);
	put_memory(process);
	memset(process->memory + (ALLOCATE - BASE), 0, 0x1000);
	at = ALLOCATE;
	emit(process, "\x48\x83\x3d\x00\x00\x00\x00\x00", 8);
	jump(process, INITIALISE);
	put_initialise(process, INITIALISE);
	assert_int_equal(find(process), 0);
	check_words("GIL of PyPy", "PyPy");
	/* Further away it is looked for no more. */
	at = INITIALISE;
	memset(process->memory + (INITIALISE - BASE), 0, 0x100);
	jump(process, INITIALISE + 0x800);
	put_initialise(process, INITIALISE + 0x800);
	assert_int_equal(find(process), 0);
	assert_unknown();
}

static void test_by_symbols(void **state)
{
	struct process *process = *state;

	has(process, "mutex_gil", GIL, PYPY_GIL_SIZE);
	has(process, "mutex_gil_stealer", STEALER, sizeof(pthread_mutex_t));
	put_memory(process);
	/* Those of another program. */
	assert_int_equal(find(process), -ENOENT);
	process->path = LIBRARY;
	assert_int_equal(find(process), 0);
	assert_unknown();
	has(process, "rpy_waiting_threads", WAITING, 8);
	assert_int_equal(find(process), 0);
	check_words("GIL of PyPy 3.9", "PyPy");
}

/* --- what is not it --------------------------------------------------------------------- */

/* Memory that no GIL has. */
static void test_memory_lies(void **state)
{
	struct process *process = *state;

	put_code(process);
	put_memory(process);
	put64(process, GIL, 2);
	assert_int_equal(find(process), 0);
	assert_unknown();
	put64(process, GIL, 1);
	put64(process, WAITING, (uint64_t)-7);
	assert_int_equal(find(process), 0);
	assert_unknown();
	put64(process, WAITING, UINT64_MAX / 2);
	assert_int_equal(find(process), 0);
	assert_unknown();
	put64(process, WAITING, 1);
	assert_int_equal(find(process), 0);
	check_words("GIL of PyPy", "PyPy");
	process->unreadable = WAITING + 4;
	assert_int_equal(find(process), 0);
	assert_unknown();
}

/* Code in which one thing is different. */
struct variant {
	uint64_t stealer, mutex, cond, flag, waiting;
	char value;
	uint64_t another_mutex, another_long;
};

static void put_variant(struct process *process, const struct variant *variant)
{
	memset(process->memory + (ALLOCATE - BASE), 0, 0x100);
	at = ALLOCATE;
	take(process, variant->stealer);
	take(process, variant->mutex);
	set_flag(process, variant->flag, variant->value);
	take(process, variant->cond);
	clear(process, variant->waiting);
	if (variant->another_mutex)
		take(process, variant->another_mutex);
	if (variant->another_long)
		clear(process, variant->another_long);
	emit(process, "\xc3", 1);
}

static void test_code_lies(void **state)
{
	static const struct variant good = {
		STEALER, GIL + PYPY_MUTEX_AT, GIL + PYPY_COND_AT, GIL, WAITING, 1, 0, 0
	};
	struct process *process = *state;
	struct variant bad[11];

	put_code(process);
	put_memory(process);
	put_variant(process, &good);
	assert_int_equal(find(process), 0);
	check_words("GIL of PyPy", "PyPy");
	/* On the other side. */
	bad[0] = good;
	bad[0].stealer = GIL - sizeof(pthread_mutex_t);
	put_variant(process, &bad[0]);
	assert_int_equal(find(process), 0);
	assert_int_equal(found.words[2].address, GIL - sizeof(pthread_mutex_t));

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		bad[i] = good;
	bad[0].mutex += 8;
	bad[1].cond += 8;
	bad[2].flag += 1;
	bad[3].value = 2;
	bad[4].stealer += 4;
	bad[5].stealer = GIL + PYPY_MUTEX_AT + 8;
	bad[6].stealer = GIL + 0x10000;
	bad[7].another_mutex = STEALER + sizeof(pthread_mutex_t);
	bad[8].another_long = WAITING + 8;
	bad[9].waiting += 1;
	bad[10].stealer = GIL - 8;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		put_variant(process, &bad[i]);
		assert_int_equal(find(process), 0);
		assert_unknown();
	}
}

/* Functions that call each other, and whatever else: an end, and nothing read that is not there. */
static void test_any_code(void **state)
{
	struct process *process = *state;
	uint32_t random = 1;

	has(process, "pypy_carefully_make_gil", MAKE, 45);
	at = MAKE;
	call(process, MAKE);
	call(process, CALLBACK);
	at = CALLBACK;
	for (int i = 0; i < 40; i++)
		call(process, i % 2 ? MAKE : CALLBACK + 5 * (uint64_t)i);
	assert_int_equal(find(process), 0);
	assert_unknown();
	for (int round = 0; round < 200; round++) {
		for (size_t i = 0; i < 0x8000; i++) {
			static const uint8_t likely[] = { 0x48, 0x8d, 0x3d, 0xc6, 0x05,
							  0xc7, 0xe8, 0xe9, 0,	  1 };

			random = random * 1664525 + 1013904223;
			process->memory[i] = random & 0x100 ? likely[(random >> 16) % 10] :
							      (uint8_t)(random >> 24);
		}
		process->unreadable = round % 2 ? MAKE + (random >> 16) % 512 : 0;
		assert_int_equal(find(process), 0);
		assert_int_equal(found.info.gil, GIL_UNKNOWN);
	}
}

/* A function at the end of what can be read. */
static void test_short_code(void **state)
{
	struct process *process = *state;
	struct pypy_code code;

	assert_true(pypy_code__read(&code, &process->view, BASE + MEMORY - 100));
	assert_int_equal(code.n, 64);
	assert_false(pypy_code__read(&code, &process->view, BASE + MEMORY - 20));
	assert_int_equal(code.n, 0);
	assert_false(pypy_code__read(&code, &process->view, 16));
}

/* --- which ------------------------------------------------------------------------------ */

static void check_version(struct process *process, const char *own, const char *python)
{
	struct pypy_version version;

	pypy__version(&process->view, &version);
	assert_string_equal(version.own, own);
	assert_string_equal(version.python, python);
}

static void test_version_text(void **state)
{
	struct process *process = *state;

	put_version(process, CONSTANT + 0x100);
	check_version(process, "7.3.11", "3.9");
	/* Before it; across the borders of what is read at once. */
	for (uint64_t text = CONSTANT - 0x20040; text < CONSTANT + 0x20000; text += 0x7ff9) {
		memset(process->memory + 0x40000, 0, 0x80000);
		put_text(process, text, SYS_VERSION);
		check_version(process, "7.3.11", "3.9");
	}
	for (uint64_t text = CONSTANT + 0x10000 - 90; text < CONSTANT + 0x10000 + 10; text++) {
		memset(process->memory + 0x40000, 0, 0x80000);
		put_text(process, text, SYS_VERSION);
		check_version(process, "7.3.11", "3.9");
	}
}

static void test_version_texts(void **state)
{
	static const struct {
		const char *text, *own, *python;
	} texts[] = {
		{ "2.7.18 (63df5ef41012, Dec 29 2022)\n[PyPy 7.3.11 with GCC]", "7.3.11", "2.7" },
		{ "3.10.14 (39dc8d3c85a7, Aug 30 2024)\n[PyPy 7.3.17 with GCC]", "7.3.17", "3.10" },
		{ "3.11.11 (x, Feb 24 2025)\n[PyPy 7.3.19-beta0 with GCC]", "7.3.19-beta0",
		  "3.11" },
		{ "3.9.16 (x)\n[PyPy 7.4.0rc1]", "7.4.0rc1", "3.9" },
		/* None of those. */
		{ "3.9.16 (x)\n[PyPy 7 with GCC]", "", "" },
		{ "3.9.16 (x)\n[PyPy 7.3.11", "", "" },
		{ "3.9.16 (x)\n[PyPy 7.3.11.11.11.11.11.11 with", "", "" },
		{ "3.9.16 (x)\n[PyPy %s with", "", "" },
		{ "4.9.16 (x)\n[PyPy 7.3.11 with", "", "" },
		{ "3.999.16 (x)\n[PyPy 7.3.11 with", "", "" },
		{ "\n[PyPy 7.3.11 with", "", "" },
	};
	struct process *process = *state;

	put_version(process, CONSTANT + 0x100);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		memset(process->memory + 0x40000, 0, 0x80000);
		put_text(process, CONSTANT + 0x100, texts[i].text);
		check_version(process, texts[i].own, texts[i].python);
		/* Behind one that is none, the right one is found. */
		put_text(process, CONSTANT + 0x200, SYS_VERSION);
		if (!*texts[i].own)
			check_version(process, "7.3.11", "3.9");
	}
}

static void test_version_paths(void **state)
{
	static const struct {
		const char *path, *own, *python;
	} paths[] = {
		{ LIBRARY, "", "3.9" },
		{ "/usr/lib/x86_64-linux-gnu/libpypy-c.so", "", "" },
		{ "/usr/lib/x86_64-linux-gnu/libpypy3-c.so", "", "" },
		{ "/opt/pypy3.10-v7.3.17-linux64/bin/libpypy3.10-c.so", "7.3.17", "3.10" },
		{ "/root/.pyenv/versions/pypy2.7-7.3.11/bin/libpypy-c.so", "7.3.11", "" },
		{ "/srv/pypy/pypy3.9-v7.3.12rc2-aarch64/bin/libpypy3.9-c.so", "7.3.12rc2", "3.9" },
		{ "/srv/pypy3-v/bin/libpypy3.9-c.so (deleted)", "", "3.9" },
	};
	struct process *process = *state;

	check_version(process, "", "");
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		process->path = paths[i].path;
		check_version(process, paths[i].own, paths[i].python);
	}
	process->path = "/opt/pypy3.10-v7.3.17-linux64/lib/libffi.so.6";
	check_version(process, "", "");
	/* What it says itself comes first. */
	process->path = paths[3].path;
	put_version(process, CONSTANT + 0x100);
	check_version(process, "7.3.11", "3.9");
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(none),	  TEST(by_code),      TEST(not_yet),	   TEST(deeper),
		TEST(by_symbols), TEST(memory_lies),  TEST(code_lies),	   TEST(any_code),
		TEST(short_code), TEST(version_text), TEST(version_texts), TEST(version_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
