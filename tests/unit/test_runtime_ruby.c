/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_runtime_ruby.c - Ruby in processes that are made up: each layout as numbers of bytes, as
 * x86-64 has them, and what lies.
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

#include "user/runtime_ruby.h"

#define PID 77
#define BASE 0x10000ull		/* of the memory that is made up */
#define MEMORY (1u << 16)
#define DESCRIPTION (BASE + 0x100)
#define POINTER (BASE + 0x200)	/* ruby_current_vm_ptr */
#define NPTL (BASE + 0x240)
#define VM (BASE + 0x1000)
#define RACTOR (BASE + 0x3000)
#define THREAD (BASE + 0x5000)	/* the main one */
#define TID_AT 720

#define COND 48
#define MUTEX ((uint64_t)sizeof(pthread_mutex_t))
/* In rb_global_vm_lock_t, from its beginning */
#define LOCK 8
#define WAITQ (LOCK + MUTEX)
#define TIMER_ERR (WAITQ + 24)
#define SWITCH_COND (WAITQ + 32)
#define NEED_YIELD (SWITCH_COND + 2 * COND)
#define GVL_SIZE (NEED_YIELD + 8)
/* In struct rb_thread_sched of 3.3 */
#define RUNNING MUTEX
#define READYQ (RUNNING + 16)
#define SCHED_SIZE (READYQ + 40)

struct process {
	struct process_view view;
	uint8_t memory[MEMORY];
	const char *gone_symbol;	/* of those there are */
	bool has_ruby, gone;
};

static int read_memory(void *ctx, uint64_t address, void *buffer, size_t size, bool *live)
{
	struct process *process = ctx;

	if (address < BASE || address - BASE > MEMORY || size > MEMORY - (address - BASE))
		return -EFAULT;
	memcpy(buffer, process->memory + (address - BASE), size);
	if (live)
		*live = !process->gone;
	return 0;
}

static int find_symbol(void *ctx, const char *name, uint64_t *address, uint64_t *size)
{
	static const struct {
		const char *name;
		uint64_t address;
	} symbols[] = {
		{ "ruby_description", DESCRIPTION },
		{ "ruby_current_vm_ptr", POINTER },
		{ "gnu_get_libc_version", BASE },
		{ "_thread_db_pthread_tid", NPTL },
	};
	struct process *process = ctx;

	if (!process->has_ruby || (process->gone_symbol && !strcmp(name, process->gone_symbol)))
		return -ENOENT;
	for (size_t i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++) {
		if (strcmp(name, symbols[i].name) != 0)
			continue;
		*address = symbols[i].address;
		*size = 8;
		return 0;
	}
	return -ENOENT;
}

static bool give_module(void *ctx, size_t at, const char **path, bool *has_symtab)
{
	(void)ctx;
	*path = "/usr/bin/ruby";
	*has_symtab = false;
	return at == 0;
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
	process->has_ruby = true;
	put64(process, POINTER, VM);
	put32(process, NPTL, 32);
	put32(process, NPTL + 4, 1);
	put32(process, NPTL + 8, TID_AT);
	*state = process;
	return 0;
}

static int tear_down(void **state)
{
	free(*state);
	return 0;
}

static void put_description(struct process *process, const char *text)
{
	memcpy(process->memory + (DESCRIPTION - BASE), text, strlen(text) + 1);
}

/* Held by the main thread, and nobody waits for it. */
static void put_gvl(struct process *process, uint64_t gvl)
{
	put64(process, gvl, THREAD);
	put64(process, gvl + WAITQ, gvl + WAITQ);
	put64(process, gvl + WAITQ + 8, gvl + WAITQ);
	put32(process, gvl + TIMER_ERR, ETIMEDOUT);
}

static void put_sched(struct process *process, uint64_t sched)
{
	put64(process, sched + RUNNING, THREAD);
	put64(process, sched + READYQ, sched + READYQ);
	put64(process, sched + READYQ + 8, sched + READYQ);
}

static void put_ractor(struct process *process)
{
	put64(process, VM + 32, RACTOR);
	put64(process, VM + 40, THREAD);
}

static struct runtime_found found;

static int find(struct process *process)
{
	return runtime_ruby.find(&process->view, &found);
}

static void check_word(size_t at, const char *name, uint64_t address, uint32_t size,
		       enum lock_role role)
{
	const struct word_info *word = &found.words[at];

	assert_true(at < found.n_words);
	assert_string_equal(word->name, name);
	assert_int_equal(word->kind, LOCK_GIL);
	assert_int_equal(word->role, role);
	assert_int_equal(word->address, address);
	assert_int_equal(word->size, size);
	assert_string_equal(word->object, found.words[0].object);
	assert_string_not_equal(word->object, "");
}

static void check_gvl(uint64_t gvl, const char *version, const char *name)
{
	char runtime[32];

	assert_string_equal(found.info.name, "Ruby");
	assert_string_equal(found.info.version, version);
	assert_string_equal(found.info.hint, "");
	assert_int_equal(found.info.gil, GIL_PRESENT);
	assert_int_equal(found.n_words, 4);
	check_word(0, name, gvl, 8, LOCK_ROLE_ACQUIRE);
	check_word(1, name, gvl + LOCK, (uint32_t)MUTEX, LOCK_ROLE_GUARD);
	check_word(2, name, gvl + SWITCH_COND, COND, LOCK_ROLE_ACK);
	check_word(3, name, gvl + SWITCH_COND + COND, COND, LOCK_ROLE_ACK);
	snprintf(runtime, sizeof(runtime), "Ruby %s", version);
	assert_string_equal(found.words[0].runtime, runtime);
	assert_int_equal(found.guard.lock, gvl);
	assert_int_equal(found.guard.size, GVL_SIZE);
	assert_int_equal(found.guard.mutex, gvl + LOCK);
	assert_int_equal(found.guard.node_at, 0);
}

/* For good, or as it looks now. */
static void check_unknown(const char *hint)
{
	assert_int_equal(found.info.gil, GIL_UNKNOWN);
	assert_int_equal(found.n_words, 0);
	assert_int_equal(found.guard.lock, 0);
	assert_non_null(strstr(found.info.hint, hint));
}

static void test_in_the_vm(void **state)
{
	struct process *process = *state;

	put_description(process, "ruby 2.7.4p191 (2021-07-07 revision a21a3b7d23)");
	assert_int_equal(find(process), -EAGAIN); /* there is no main thread yet */
	put64(process, VM + 8 + GVL_SIZE, THREAD);
	put_gvl(process, VM + 8);
	assert_int_equal(find(process), 0);
	check_gvl(VM + 8, "2.7.4", "GVL of Ruby 2.7");
	assert_int_equal(found.guard.tid_by, 72);
	assert_int_equal(found.guard.tid_at, TID_AT);
	/* Without, nobody can say who holds it. */
	process->gone_symbol = "_thread_db_pthread_tid";
	assert_int_equal(find(process), 0);
	assert_int_equal(found.guard.tid_at, 0);
}

/* Wherever in the ractor it is. */
static void test_in_the_ractor(void **state)
{
	static const struct {
		const char *description, *version, *name;
		uint16_t tid_by, tid_at;
	} versions[] = {
		{ "ruby 3.0.2p107 (2021-07-07 ", "3.0.2", "GVL of Ruby 3.0", 80, TID_AT },
		{ "ruby 3.1.2p20 (2022-04-12 ", "3.1.2", "GVL of Ruby 3.1", 0, 88 },
		{ "ruby 3.2.0dev (2022-09-10 ", "3.2.0dev", "GVL of Ruby 3.2", 40, 16 },
	};
	static const uint64_t places[] = { 0, 336, 1024 - 16 - GVL_SIZE };
	struct process *process = *state;

	for (size_t i = 0; i < 3; i++) {
		for (size_t j = 0; j < 3; j++) {
			uint64_t gvl = RACTOR + places[j];

			memset(process->memory + (VM - BASE), 0, MEMORY - (VM - BASE));
			put_description(process, versions[i].description);
			assert_int_equal(find(process), -EAGAIN);
			put_ractor(process);
			/* It is named elsewhere, too. */
			put64(process, RACTOR + 304, THREAD);
			put64(process, gvl + GVL_SIZE + 8, THREAD);
			put_gvl(process, gvl);
			assert_int_equal(find(process), 0);
			check_gvl(gvl, versions[i].version, versions[i].name);
			assert_int_equal(found.guard.tid_by, versions[i].tid_by);
			assert_int_equal(found.guard.tid_at, versions[i].tid_at);
		}
	}
}

static void test_in_a_scheduler(void **state)
{
	struct process *process = *state;
	uint64_t sched = RACTOR + 328;

	put_description(process, "ruby 3.3.8 (2025-04-09 revision b200bad6cd)");
	put_ractor(process);
	put64(process, sched + SCHED_SIZE + 8, THREAD);
	put_sched(process, sched);
	assert_int_equal(find(process), 0);
	assert_int_equal(found.info.gil, GIL_PRESENT);
	assert_string_equal(found.info.version, "3.3.8");
	assert_int_equal(found.n_words, 2);
	check_word(0, "GVL of Ruby 3.3", sched + RUNNING, 8, LOCK_ROLE_ACQUIRE);
	check_word(1, "GVL of Ruby 3.3", sched, (uint32_t)MUTEX, LOCK_ROLE_GUARD);
	assert_int_equal(found.guard.lock, sched + RUNNING);
	assert_int_equal(found.guard.mutex, sched);
	assert_int_equal(found.guard.thread_before, 8);
	assert_int_equal(found.guard.node_at, 72);
	assert_int_equal(found.guard.tid_by, 40);
	assert_int_equal(found.guard.tid_at, 24);
	/* The struct of earlier versions is not believed. */
	put_description(process, "ruby 3.2.8p263 (2025-03-26 ");
	assert_int_equal(find(process), -EAGAIN);
	check_unknown("not where it is");
}

static void test_what_looks_wrong(void **state)
{
	static const struct {
		uint64_t at;
		uint32_t value;
	} wrong[] = {
		{ 0, THREAD + 1 },	{ WAITQ, 0 },	      { WAITQ, THREAD },
		{ WAITQ + 8, 0x17001 }, { TIMER_ERR, 4711 },  { NEED_YIELD, 2 },
		{ NEED_YIELD + 4, 2 },	{ WAITQ + 16, 0x1234 + 1 },
	};
	struct process *process = *state;
	uint64_t gvl = RACTOR + 336;

	put_description(process, "ruby 3.1.2p20 (2022-04-12 ");
	put_ractor(process);
	put64(process, gvl + GVL_SIZE + 8, THREAD);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		memset(process->memory + (gvl - BASE), 0, GVL_SIZE);
		put_gvl(process, gvl);
		assert_int_equal(find(process), 0);
		assert_int_equal(found.info.gil, GIL_PRESENT);
		put32(process, gvl + wrong[i].at, wrong[i].value);
		assert_int_equal(find(process), -EAGAIN);
		check_unknown("not where it is");
	}
}

static void test_what_is_not_known(void **state)
{
	static const char *const versions[] = {
		"ruby 2.5.9p229 (2021-04-05 ", "ruby 3.5.0dev (2025-01-01 ", "ruby 4.0.0 (2025",
		"ruby 1.8.7", "", "something else",
	};
	struct process *process = *state;

	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		put_description(process, versions[i]);
		assert_int_equal(find(process), 0);
		check_unknown("2.6 to 3.4");
	}
	assert_string_equal(found.info.version, "");
	put_description(process, "ruby 3.1.2p20 (2022-04-12 ");
	process->gone_symbol = "gnu_get_libc_version";
	assert_int_equal(find(process), -EAGAIN); /* it may not be loaded yet */
	check_unknown("glibc");
	process->gone_symbol = "ruby_current_vm_ptr";
	assert_int_equal(find(process), 0);
	check_unknown("debug symbols");
	assert_string_equal(found.info.version, "3.1.2");
}

static void test_not_there(void **state)
{
	struct process *process = *state;

	put_description(process, "ruby 3.1.2p20 (2022-04-12 ");
	put64(process, POINTER, 0);
	assert_int_equal(find(process), -EAGAIN); /* it has but been started */
	assert_string_equal(found.info.hint, "");
	put64(process, POINTER, VM + 4);
	assert_int_equal(find(process), -EAGAIN);
	check_unknown("not where it is");
	put64(process, POINTER, BASE + MEMORY - 8);
	assert_int_equal(find(process), -EAGAIN);
	check_unknown("could not be read");
	process->gone = true;
	assert_int_equal(find(process), -EAGAIN);
	check_unknown("could not be read");
	process->has_ruby = false;
	assert_int_equal(find(process), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_in_the_vm, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_in_the_ractor, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_in_a_scheduler, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_looks_wrong, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_is_not_known, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_not_there, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
