/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_parse_option.c - points in time, which --from and --to take, and words to be pasted.
 * Durations are tested through the commands that take them.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/stderr_fixture.h"
#include "user/parse_option.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

static int parse(const char *text, uint64_t *ns)
{
	int err;

	begin_hearing();
	err = option__time("--from", text, ns);
	end_hearing();
	return err;
}

static void test_times(void **state)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} good[] = {
		{ "0", 0 },		{ "0s", 0 },		   { "0ms", 0 },
		{ "0.0", 0 },		{ "0.5", 500000000 },	   { "100ms", 100000000 },
		{ "10s", 10000000000 }, { "2m", 120000000000 },	   { "1h", 3600000000000 },
		{ "0.1", 100000000 },	{ "2500ms", 2500000000 }, { "0.001ms", 1000 },
	};

	(void)state;
	for (size_t i = 0; i < N(good); i++) {
		uint64_t ns = 77;

		assert_int_equal(parse(good[i].text, &ns), 0);
		assert_true(ns == good[i].ns);
		assert_string_equal(said, "");
	}
}

static void test_refusals(void **state)
{
	static const char *const bad[] = { "", "ms", "s", "now", "-1", "1us", "1 s", "0x0" };
	uint64_t ns = 77;

	(void)state;
	for (size_t i = 0; i < N(bad); i++) {
		assert_int_equal(parse(bad[i], &ns), -EINVAL);
		assert_non_null(strstr(said, "--from"));
		assert_non_null(strstr(said, "is not a time"));
	}
	assert_int_equal(parse("9000h", &ns), -EINVAL);
	assert_non_null(strstr(said, "out of range"));
	assert_int_equal(ns, 77);
}

static void test_words_to_paste(void **state)
{
	static const struct {
		const char *word, *pasted;
	} words[] = {
		{ "script.py", "script.py" },
		{ "", "''" },
		{ "a b", "'a b'" },
		{ "it's", "'it'\\''s'" },
		{ "a\nb", "$'a\\012b'" },
		{ "\x1b[2J'\\7", "$'\\033[2J\\'\\\\7'" },
		{ "\xc3\xa9", "$'\\303\\251'" },
		{ "\x7f", "$'\\177'" },
	};

	(void)state;
	for (size_t i = 0; i < N(words); i++) {
		char *text = NULL;
		size_t size = 0;
		FILE *out = open_memstream(&text, &size);

		assert_non_null(out);
		word__put(out, words[i].word);
		assert_int_equal(fclose(out), 0);
		assert_string_equal(text, words[i].pasted);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_words_to_paste),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
