/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_names_runtimes.c - a runtime that this test makes up, found in a child of it: what is
 * written of it and of its words.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/unit/names_fixture.h"
#include "user/runtime.h"

static struct {
	uint32_t before[3], word, after;
} the_lock = { .before = { 1 } };
static uint32_t another_word;

static unsigned asked;		/* how often the runtime was looked for */
static int answer;		/* what the first of these gave */

/* A lock that is known by its mutex; 0: the runtime has none. */
static struct convoy_guard guard;
static struct convoy_guard guards[CONVOY_GUARDS];

/* As the runtime is when it is looked for early: nothing is asked of the process. */
static int find_early(struct runtime_found *found)
{
	strcpy(found->info.name, "MadeUp");
	strcpy(found->info.version, "1.2");
	strcpy(found->info.hint, "not set up");
	if (!asked++ && answer)
		return answer;
	found->info.hint[0] = 0;
	found->info.gil = GIL_PRESENT;
	found->guard = guard;
	found->n_words = 1;
	found->words[0] =
		(struct word_info){ .address = guard.lock, .size = 8, .name = "lock of MadeUp" };
	return 0;
}

static int find_made_up(const struct process_view *view, struct runtime_found *found)
{
	uint64_t address, size;
	uint32_t first = 0;
	bool live = false, symtab = false, seen = false;
	const char *path;

	if (guard.lock)
		return find_early(found);
	if (!asked++ && answer)
		return answer;
	assert_int_equal(view->symbol(view->ctx, "no_such_symbol_anywhere", &address, &size),
			 -ENOENT);
	assert_int_equal(view->symbol(view->ctx, "the_lock", &address, &size), 0);
	assert_int_equal(address, (uintptr_t)&the_lock);
	assert_int_equal(size, sizeof(the_lock));
	/* What the child has there, not what the file or this process has. */
	assert_int_equal(view->read(view->ctx, address, &first, sizeof(first), &live), 0);
	assert_true(live);
	assert_int_equal(first, 7);
	assert_int_not_equal(view->read(view->ctx, 64, &first, sizeof(first), &live), 0);
	assert_false(live);
	assert_true(view->module(view->ctx, 0, &path, &symtab));
	assert_non_null(strstr(path, "test_names_runtimes"));
	assert_true(symtab);
	for (size_t i = 0; view->module(view->ctx, i, &path, &symtab); i++)
		seen |= strstr(path, "libc") != NULL;
	assert_true(seen);

	strcpy(found->info.name, "MadeUp");
	strcpy(found->info.version, "1.2");
	found->info.gil = GIL_PRESENT;
	found->n_words = 1;
	found->words[0] = (struct word_info){ .address = address,
					      .size = (uint32_t)size,
					      .kind = LOCK_GIL,
					      .role = LOCK_ROLE_GUARD,
					      .name = "lock of MadeUp",
					      .runtime = "MadeUp 1.2" };
	return 0;
}

static bool claim(const struct runtime_found *found, const char *const *functions, size_t n,
		  struct word_info *info)
{
	assert_string_equal(found->info.version, "1.2");
	for (size_t i = 0; i < n; i++) {
		if (strcmp(functions[i], "wait_elsewhere"))
			continue;
		info->kind = LOCK_GIL;
		strcpy(info->name, "claimed");
		return true;
	}
	return false;
}

static const struct runtime made_up = {
	.name = "MadeUp",
	.file = "made_up",
	.early = true,
	.find = find_made_up,
	.claims = claim,
};

/* In place of convoy's own. */
const struct runtime *const runtimes[] = { &made_up, NULL };

__attribute__((noinline)) static void wait_on(uint32_t *word)
{
	the_lock.before[0] = 7;
	syscall(SYS_futex, word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 0, NULL, NULL, 0);
	_exit(1);
}

static void wait_within(void *arg)
{
	(void)arg;
	wait_on(&the_lock.word);
}

__attribute__((noinline)) static void wait_elsewhere(void *arg)
{
	(void)arg;
	the_lock.before[0] = 7;
	syscall(SYS_futex, &another_word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 0, NULL, NULL, 0);
	_exit(1);
}

static void assert_runtime(const json_t *document, pid_t pid)
{
	assert_string_equal(text_of(document, "type"), "runtime");
	assert_string_equal(text_of(document, "name"), "MadeUp");
	assert_string_equal(text_of(document, "version"), "1.2");
	assert_string_equal(text_of(document, "gil"), "present");
	assert_int_equal(number_of(document, "pid"), pid);
}

static void test_its_word(void **state)
{
	struct waiter waiter = start(wait_within, NULL, &the_lock.word);
	struct names *names;
	json_t *documents, *entries;

	(void)state;
	asked = 0;
	answer = 0;
	assert_int_equal(names__new(&names, true, NULL), 0);
	assert_int_equal(names__stack(names, &waiter.stack), 0);
	assert_int_equal(names__stack(names, &waiter.stack), 0);
	documents = documents_of(names);
	stop(&waiter);
	names__free(names);
	assert_int_equal(asked, 1);
	assert_int_equal(json_array_size(documents), 2);
	assert_runtime(json_array_get(documents, 0), waiter.pid);
	/* As the runtime said it, and once more for each stack. */
	entries = entries_of(documents, 3);
	for (size_t i = 0; i < 3; i++) {
		const json_t *entry = json_array_get(entries, i);

		assert_string_equal(text_of(entry, "name"), "lock of MadeUp");
		assert_string_equal(text_of(entry, "kind"), "gil");
		assert_string_equal(text_of(entry, "role"), "guard");
		assert_string_equal(text_of(entry, "runtime"), "MadeUp 1.2");
		assert_int_equal(number_of(entry, "pid"), waiter.pid);
		assert_int_equal(number_of(entry, "address"), (uintptr_t)&the_lock);
		assert_int_equal(number_of(entry, "size"), sizeof(the_lock));
#ifdef HAVE_LIBDW
		if (i)
			assert_begins(text_of(entry, "site"), "wait_");
#endif
	}
	json_decref(documents);
}

static void test_claimed(void **state)
{
	struct waiter waiter = start(wait_elsewhere, NULL, &another_word);
	struct names *names;
	json_t *documents;

	(void)state;
	asked = 0;
	answer = -EAGAIN; /* then it is asked again */
	assert_int_equal(names__new(&names, true, NULL), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(names__stack(names, &waiter.stack), 0);
	documents = documents_of(names);
	stop(&waiter);
	names__free(names);
	assert_int_equal(asked, 2);
	assert_runtime(json_array_get(documents, 0), waiter.pid);
#ifdef HAVE_LIBDW
	const json_t *entries = entries_of(documents, 4), *entry = json_array_get(entries, 0);

	assert_string_equal(text_of(entry, "name"), "another_word");
	assert_string_equal(text_of(entry, "kind"), "unknown");
	/* [1] is the runtime's own. */
	for (size_t i = 2; i < 4; i++) {
		entry = json_array_get(entries, i);
		assert_string_equal(text_of(entry, "name"), "claimed");
		assert_string_equal(text_of(entry, "kind"), "gil");
		assert_int_equal(number_of(entry, "address"), (uintptr_t)&another_word);
		assert_int_equal(number_of(entry, "size"), 4);
		assert_begins(text_of(entry, "site"), "wait_elsewhere");
	}
#endif
	json_decref(documents);
}

static void test_not_there(void **state)
{
	struct waiter waiter = start(wait_within, NULL, &the_lock.word);
	struct names *names;
	json_t *documents, *entry;

	(void)state;
	asked = 0;
	answer = -ENOENT; /* then it is not, while no file comes */
	assert_int_equal(names__new(&names, true, NULL), 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(names__stack(names, &waiter.stack), 0);
	documents = documents_of(names);
	stop(&waiter);
	names__free(names);
	assert_int_equal(asked, 1);
	assert_int_equal(json_array_size(documents), 1);
	entry = json_array_get(entries_of(documents, 2), 0);
	assert_string_equal(text_of(entry, "name"), "the_lock+0xc");
	json_decref(documents);
}

static struct mapping file_of(uint32_t pid, const char *path)
{
	return (struct mapping){ .kind = MAPPING_FILE,
				 .pid = pid,
				 .time_ns = 1000,
				 .start = 0x10000,
				 .length = 0x1000,
				 .executable = true,
				 .path = path };
}

static int set_up_early(void **state)
{
	(void)state;
	asked = 0;
	answer = 0;
	memset(guards, 0, sizeof(guards));
	guard = (struct convoy_guard){ .size = 8, .lock = 0x5000, .mutex = 0x5008 };
	return 0;
}

static int tear_down_early(void **state)
{
	(void)state;
	guard = (struct convoy_guard){ 0 };
	return 0;
}

static void assert_guard(uint32_t pid)
{
	const struct convoy_guard *its = &guards[pid & (CONVOY_GUARDS - 1)];

	assert_int_equal(its->pid, pid);
	assert_int_equal(its->lock, guard.lock);
	assert_int_equal(its->mutex, guard.mutex);
}

static void assert_no_guard(uint32_t pid)
{
	assert_int_equal(guards[pid & (CONVOY_GUARDS - 1)].pid, 0);
}

/* As soon as its file is mapped and it is set up, before anything is waited on. */
static void test_found_early(void **state)
{
	const struct mapping other = file_of(4711, "/usr/lib/another.so"),
			     its = file_of(4711, "/usr/lib/libmade_up.so.1");
	struct names *names;
	json_t *documents;

	(void)state;
	answer = -EAGAIN;
	assert_int_equal(names__new(&names, true, guards), 0);
	assert_int_equal(names__mapping(names, &other), 0);
	assert_false(names__is_watching(names));
	assert_int_equal(names__mapping(names, &its), 0);
	assert_true(names__is_watching(names));
	documents = documents_of(names);
	assert_int_equal(asked, 1);
	assert_int_equal(json_array_size(documents), 0);
	json_decref(documents);
	assert_no_guard(4711);
	assert_true(names__is_watching(names));
	documents = documents_of(names);
	assert_int_equal(asked, 2);
	assert_runtime(json_array_get(documents, 0), 4711);
	assert_int_equal(number_of(json_array_get(entries_of(documents, 1), 0), "address"), 0x5000);
	json_decref(documents);
	assert_guard(4711);
	assert_false(names__is_watching(names));
	/* Its number may be another's from now on. */
	names__forget(names, 4711);
	assert_no_guard(4711);
	names__free(names);
}

/* What has come is not there by the end of a second or two: it is waited for no more. */
static void test_never_set_up(void **state)
{
	const struct mapping its = file_of(4711, "/usr/lib/libmade_up.so.1");
	json_t *documents, *written = NULL;
	unsigned looks = 0;
	struct names *names;

	(void)state;
	assert_int_equal(names__new(&names, true, guards), 0);
	assert_int_equal(names__mapping(names, &its), 0);
	for (; names__is_watching(names) && looks < 10000; looks++) {
		asked = 0;
		answer = -EAGAIN;
		documents = documents_of(names);
		if (json_array_size(documents))
			written = json_incref(json_array_get(documents, 0));
		json_decref(documents);
	}
	assert_in_range(looks, 10, 9999);
	/* With what it was like, and why nothing is known of its lock. */
	assert_string_equal(text_of(written, "name"), "MadeUp");
	assert_string_equal(text_of(written, "gil"), "unknown");
	assert_string_equal(text_of(written, "hint"), "not set up");
	json_decref(written);
	assert_no_guard(4711);
	names__free(names);
}

/* A forked process has it at once; one that begins another program has it no more. */
static void test_forked(void **state)
{
	const struct mapping its = file_of(4711, "/usr/lib/libmade_up.so.1");
	struct mapping exec = { .kind = MAPPING_EXEC, .pid = 4712, .path = "/bin/true" };
	struct names *names;
	json_t *documents;

	(void)state;
	assert_int_equal(names__new(&names, true, guards), 0);
	assert_int_equal(names__mapping(names, &its), 0);
	json_decref(documents_of(names));
	assert_guard(4711);
	assert_int_equal(names__born(names, 4712, 4711, 2000), 0);
	documents = documents_of(names);
	assert_guard(4712);
	assert_runtime(json_array_get(documents, 0), 4712);
	json_decref(documents);
	exec.time_ns = 3000;
	assert_int_equal(names__mapping(names, &exec), 0);
	assert_no_guard(4712);
	assert_guard(4711);
	names__free(names);
}

/* Two processes that would have one place in the table: of the second it is said so. */
static void test_no_place(void **state)
{
	const struct mapping first = file_of(4711, "/usr/lib/libmade_up.so.1"),
			     second = file_of(4711 + CONVOY_GUARDS, "/usr/lib/libmade_up.so.1");
	struct names *names;
	json_t *documents, *runtime;

	(void)state;
	assert_int_equal(names__new(&names, true, guards), 0);
	assert_int_equal(names__mapping(names, &first), 0);
	assert_int_equal(names__mapping(names, &second), 0);
	documents = documents_of(names);
	assert_guard(4711);
	/* The words of the first are written last. */
	assert_int_equal(json_array_size(documents), 3);
	runtime = json_array_get(documents, 1);
	assert_int_equal(number_of(runtime, "pid"), 4711 + CONVOY_GUARDS);
	assert_string_equal(text_of(runtime, "gil"), "unknown");
	assert_string_not_equal(text_of(runtime, "hint"), "");
	assert_int_equal(number_of(json_array_get(entries_of(documents, 1), 0), "pid"), 4711);
	json_decref(documents);
	names__free(names);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_its_word),
		cmocka_unit_test(test_claimed),
		cmocka_unit_test(test_not_there),
		cmocka_unit_test_setup_teardown(test_found_early, set_up_early, tear_down_early),
		cmocka_unit_test_setup_teardown(test_never_set_up, set_up_early, tear_down_early),
		cmocka_unit_test_setup_teardown(test_forked, set_up_early, tear_down_early),
		cmocka_unit_test_setup_teardown(test_no_place, set_up_early, tear_down_early),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
