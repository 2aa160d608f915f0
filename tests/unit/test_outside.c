/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_outside.c - strings that came from outside, made harmless.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/report_fixture.h"
#include "user/outside.h"

static void test_terminal_strings(void **state)
{
	char out[64];

	(void)state;
	outside__terminal(out, sizeof(out), "a\033[31m\tb\x7f", SIZE_MAX, true);
	assert_string_equal(out, "a\\x1b[31m\\x09b\\x7f");
	outside__terminal(out, sizeof(out), "gr\u00fc\u00df \xff", SIZE_MAX, true);
	assert_string_equal(out, "gr\u00fc\u00df \\xff");
	outside__terminal(out, sizeof(out), "\u00fc", SIZE_MAX, false);
	assert_string_equal(out, "\\xc3\\xbc");
	outside__terminal(out, sizeof(out), "\u202e\u200b\xc2\x9b", SIZE_MAX, true);
	assert_string_equal(out, "\\xe2\\x80\\xae\\xe2\\x80\\x8b\\xc2\\x9b");
	/* Neither an escape nor a character is cut in two. */
	outside__terminal(out, 6, "abc\033", SIZE_MAX, true);
	assert_string_equal(out, "abc");
	outside__terminal(out, 3, "a\u00fc", SIZE_MAX, true);
	assert_string_equal(out, "a");
	outside__terminal(out, sizeof(out), "abcdef", 3, true);
	assert_string_equal(out, "abc");
	assert_int_equal(outside__columns("a\u6f22e\u0301"), 4);
	assert_int_equal(outside__fit("a\u6f22", 2), 1);
	assert_int_equal(outside__fit("abc", 0), 0);
}

static void test_utf8_decoder_agrees_with_jansson(void **state)
{
	(void)state;
	/* All sequences of three bytes of an interesting kind. */
	static const unsigned char bytes[] = { 0x01, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f,
					       0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0,
					       0xed, 0xef, 0xf0, 0xf4, 0xf5, 0xff };
	const size_t n = sizeof(bytes);

	for (size_t i = 0; i < n * n * n * n; i++) {
		const char text[] = { (char)bytes[i % n], (char)bytes[i / n % n],
				      (char)bytes[i / n / n % n], (char)bytes[i / n / n / n], 0 };
		char *valid = need(outside__utf8(text, SIZE_MAX));
		json_t *before = json_string(text), *after = json_string(valid);

		assert_non_null(after);
		assert_int_equal(before != NULL, strcmp(text, valid) == 0);
		json_decref(before);
		json_decref(after);
		free(valid);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_terminal_strings),
		cmocka_unit_test(test_utf8_decoder_agrees_with_jansson),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
