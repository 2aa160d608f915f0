// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * test_words.c - which word is what: found by address, and back from a recording as it was.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/events_fixture.h"
#include "user/record_docs.h"
#include "user/words.h"

static struct words *new_words(void)
{
	struct words *words = NULL;

	assert_int_equal(words__new(&words), 0);
	return words;
}

static void add(struct words *words, uint32_t pid, uint64_t address, uint32_t size,
		const char *name)
{
	struct word_info info = { .pid = pid, .address = address, .size = size };

	snprintf(info.name, sizeof(info.name), "%s", name);
	assert_int_equal(words__add(words, &info), 0);
}

static const char *name_at(const struct words *words, uint32_t pid, uint64_t address)
{
	const struct word_info *info = words__find(words, pid, address);

	return info ? info->name : "-";
}

static void test_smallest_range(void **state)
{
	struct words *words = new_words();

	(void)state;
	assert_null(words__find(words, 7, 0x1000));
	add(words, 7, 0x1000, 0x100, "large");
	add(words, 7, 0x1040, 16, "middle");
	add(words, 7, 0x1040, 8, "small");
	add(words, 7, 0x1050, 0, "empty");
	add(words, 7, UINT64_MAX - 7, 200, "beyond");
	add(words, 7, UINT64_MAX - 3, 4, "top");
	add(words, 8, 0x1000, 4, "another's");
	assert_string_equal(name_at(words, 7, 0xfff), "-");
	assert_string_equal(name_at(words, 7, 0x1000), "large");
	assert_string_equal(name_at(words, 7, 0x1040), "small");
	assert_string_equal(name_at(words, 7, 0x1047), "small");
	assert_string_equal(name_at(words, 7, 0x1048), "middle");
	assert_string_equal(name_at(words, 7, 0x1050), "large");
	assert_string_equal(name_at(words, 7, 0x10ff), "large");
	assert_string_equal(name_at(words, 7, 0x1100), "-");
	assert_string_equal(name_at(words, 7, UINT64_MAX), "top");
	assert_string_equal(name_at(words, 7, UINT64_MAX - 5), "beyond");
	/* Ranges do not come round, and other processes have words of their own. */
	assert_string_equal(name_at(words, 7, 8), "-");
	assert_string_equal(name_at(words, 8, 0x1003), "another's");
	assert_string_equal(name_at(words, 8, 0x1004), "-");
	assert_string_equal(name_at(words, 6, 0x1000), "-");
	words__free(words);
	words__free(NULL);
}

static void test_later_ones(void **state)
{
	struct words *words = new_words();

	(void)state;
	add(words, 7, 0x1000, 8, "first");
	assert_string_equal(name_at(words, 7, 0x1004), "first");
	add(words, 7, 0x1000, 8, "second");
	assert_string_equal(name_at(words, 7, 0x1004), "second");
	add(words, 7, 0x1004, 4, "third");
	assert_string_equal(name_at(words, 7, 0x1004), "third");
	assert_string_equal(name_at(words, 7, 0x1000), "second");
	words__free(words);
}

/* As a search through all of them finds it. */
static void test_many(void **state)
{
	enum { MANY = 400 };
	static struct word_info infos[MANY];
	struct words *words = new_words();
	uint64_t seed = 5;

	(void)state;
	for (unsigned i = 0; i < MANY; i++) {
		infos[i].pid = 1 + random_below(&seed, 4);
		infos[i].address = 0x1000 + random_below(&seed, 2000);
		infos[i].size = 1 + random_below(&seed, i % 10 ? 16 : 600);
		snprintf(infos[i].name, sizeof(infos[i].name), "%u", i);
		assert_int_equal(words__add(words, &infos[i]), 0);
	}
	for (unsigned i = 0; i < 20000; i++) {
		uint32_t pid = random_below(&seed, 6);
		uint64_t address = 0x1000 + random_below(&seed, 2800);
		const struct word_info *found = words__find(words, pid, address);
		uint32_t smallest = UINT32_MAX;

		for (unsigned j = 0; j < MANY; j++)
			if (infos[j].pid == pid && address >= infos[j].address &&
			    address - infos[j].address < infos[j].size && infos[j].size < smallest)
				smallest = infos[j].size;
		assert_int_equal(found ? found->size : UINT32_MAX, smallest);
		if (found)
			assert_true(found->pid == pid && address - found->address < found->size);
	}
	words__free(words);
}

static void test_runtimes(void **state)
{
	const struct runtime_info first = { 7, "CPython", "", GIL_UNKNOWN, "stripped" };
	const struct runtime_info second = { 7, "CPython", "3.11.7", GIL_PRESENT, "" };
	const struct runtime_info other = { 8, "CPython", "3.13.1", GIL_ABSENT, "" };
	struct words *words = new_words();

	(void)state;
	assert_null(words__runtime(words, 7));
	assert_int_equal(words__add_runtime(words, &first), 0);
	assert_int_equal(words__runtime(words, 7)->gil, GIL_UNKNOWN);
	assert_int_equal(words__add_runtime(words, &other), 0);
	assert_int_equal(words__add_runtime(words, &second), 0);
	assert_string_equal(words__runtime(words, 7)->version, "3.11.7");
	assert_string_equal(words__runtime(words, 8)->version, "3.13.1");
	assert_null(words__runtime(words, 9));
	words__free(words);
}

/* Through text, as in a file. Takes the document. */
static json_t *again(json_t *document)
{
	char *text = json_dumps(document, JSON_COMPACT);
	json_t *read = json_loads(text, 0, NULL);

	assert_non_null(read);
	free(text);
	json_decref(document);
	return read;
}

static void test_words_of_a_recording(void **state)
{
	struct word_info infos[LOCK_KIND_COUNT] = { 0 };
	struct words *words = new_words();
	json_t *document;

	(void)state;
	for (unsigned i = 0; i < LOCK_KIND_COUNT; i++) {
		struct word_info *info = &infos[i];

		info->pid = 4194303;
		info->address = 0xffffffffff600000u + 8 * i;
		info->size = 4 + i % 3;
		info->kind = (enum lock_kind)i;
		info->role = (enum lock_role)(i % 3);
		info->foreign = i & 1;
		/* All of their room, and no UTF-8. */
		memset(info->object, 0xc0 + (int)i, sizeof(info->object) - 1);
		memset(info->name, 'n', sizeof(info->name) - 1);
		memset(info->site, 0x80, sizeof(info->site) - 1);
		snprintf(info->runtime, sizeof(info->runtime), "R %u\x1b[m", i);
	}
	document = again(record_docs__words(infos, LOCK_KIND_COUNT));
	assert_int_equal(record_docs__type(document), RECORD_DOC_WORDS);
	assert_int_equal(record_docs__read_words(document, words), 0);
	for (unsigned i = 0; i < LOCK_KIND_COUNT; i++) {
		const struct word_info *a = &infos[i];
		const struct word_info *b = words__find(words, a->pid, a->address);

		assert_non_null(b);
		assert_true(a->address == b->address && a->size == b->size && a->kind == b->kind &&
			    a->role == b->role && a->foreign == b->foreign);
		assert_string_equal(a->object, b->object);
		assert_string_equal(a->name, b->name);
		assert_string_equal(a->site, b->site);
		assert_string_equal(a->runtime, b->runtime);
	}
	json_decref(document);
	words__free(words);
}

static void test_a_runtime_of_a_recording(void **state)
{
	(void)state;
	for (int gil = GIL_UNKNOWN; gil <= GIL_ABSENT; gil++) {
		struct runtime_info info = { 7, "CPython", "3.11.7", (enum gil_state)gil, "" };
		struct words *words = new_words();
		const struct runtime_info *back;
		json_t *document;

		memset(info.hint, 0xe4, sizeof(info.hint) - 1);
		document = again(record_docs__runtime(&info));
		assert_int_equal(record_docs__type(document), RECORD_DOC_RUNTIME);
		assert_int_equal(record_docs__read_runtime(document, words), 0);
		back = words__runtime(words, 7);
		assert_non_null(back);
		assert_string_equal(back->name, info.name);
		assert_string_equal(back->version, info.version);
		assert_string_equal(back->hint, info.hint);
		assert_int_equal(back->gil, info.gil);
		json_decref(document);
		words__free(words);
	}
}

/* What makes no sense is refused; what is only missing or of a later version is not known. */
static void test_odd_documents(void **state)
{
	static const char *const refused[] = {
		"{}",
		"{\"entries\": {}}",
		"{\"entries\": [7]}",
		"{\"entries\": [{\"address\": 1, \"size\": 4}]}",
		"{\"entries\": [{\"kind\": \"mutex\", \"size\": 4}]}",
		"{\"entries\": [{\"kind\": \"mutex\", \"address\": \"x\", \"size\": 4}]}",
		"{\"entries\": [{\"kind\": \"mutex\", \"address\": 1, \"name\": 7}]}",
	};
	static const char *const no_runtimes[] = {
		"{}",
		"{\"pid\": 7}",
		"{\"pid\": 7, \"name\": \"\"}",
		"{\"pid\": 7, \"name\": 7}",
		"{\"pid\": 7, \"name\": \"R\", \"version\": []}",
	};
	struct words *words = new_words();
	const struct word_info *info;
	json_t *document;

	(void)state;
	for (size_t i = 0; i < N(refused); i++) {
		document = json_loads(refused[i], 0, NULL);
		assert_int_equal(record_docs__read_words(document, words), -EBADMSG);
		json_decref(document);
	}
	for (size_t i = 0; i < N(no_runtimes); i++) {
		document = json_loads(no_runtimes[i], 0, NULL);
		assert_int_equal(record_docs__read_runtime(document, words), -EBADMSG);
		json_decref(document);
	}
	document = json_loads("{\"entries\": [{\"pid\": 7, \"address\": 64, \"size\": 4, "
			      "\"kind\": \"of tomorrow\", \"role\": \"leader\"}]}",
			      0, NULL);
	assert_int_equal(record_docs__read_words(document, words), 0);
	json_decref(document);
	info = words__find(words, 7, 67);
	assert_non_null(info);
	assert_int_equal(info->kind, LOCK_UNKNOWN);
	assert_int_equal(info->role, LOCK_ROLE_ACQUIRE);
	assert_string_equal(info->name, "");
	assert_false(info->foreign);
	document = json_loads("{\"pid\": 7, \"name\": \"R\", \"gil\": \"half\"}", 0, NULL);
	assert_int_equal(record_docs__read_runtime(document, words), 0);
	assert_int_equal(words__runtime(words, 7)->gil, GIL_UNKNOWN);
	json_decref(document);
	words__free(words);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_smallest_range),
		cmocka_unit_test(test_later_ones),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_runtimes),
		cmocka_unit_test(test_words_of_a_recording),
		cmocka_unit_test(test_a_runtime_of_a_recording),
		cmocka_unit_test(test_odd_documents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
