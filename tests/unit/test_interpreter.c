// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * test_interpreter.c - what names interpreters have, which version is the newest, and what
 * they say of themselves, whatever that is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "user/interpreter.h"
#include "user/interpreter_parts.h"

static const char *language_of(const char *program)
{
	const struct interpreter_language *language = interpreter_language__of(program);

	return language ? language->name : "none";
}

static void test_program_names(void **state)
{
	static const char *const python[] = {
		"python",      "python2",    "python2.7",	 "python3",   "python3.13",
		"python3.13t", "python3.8d", "python3.13td",	 "python3.6m", "python3.11-dbg",
		"pypy",	       "pypy3",	     "python3.13-nogil", "pypy3.10",
	};
	static const char *const none[] = {
		"",		"pythonw",	 "python-config",      "python3-config",
		"python3.11-config", "python3.11-dbg-config", "python3.", "python3.11.",
		"python.exe",	"pypy3clean",	 "pypy3compile",       "pythonista3",
		"python3.13x",	"3.13",		 "rubygems",	       "ruby-build",
		"ipython3",	"python-argcomplete-tcsh", "irb",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(python) / sizeof(*python); i++)
		assert_string_equal(language_of(python[i]), "python");
	for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++)
		assert_string_equal(language_of(none[i]), "none");
	assert_string_equal(language_of("ruby"), "ruby");
	assert_string_equal(language_of("ruby3.1"), "ruby");
	assert_string_equal(language_of("ruby27"), "ruby");
}

static void test_versions_in_order(void **state)
{
	/* Each is older than all that follow. */
	static const char *const order[] = {
		"pypy3.10-7.3.12", "2.7.18",	"3.6.15",	"3.9.18", "3.13-dev", "3.13.0a1",
		"3.13.0b2",	   "3.13.0b10", "3.13.0rc1", "3.13.0t", "3.13.0", "3.13.9",
		"3.13.10",	   "3.14.0",
	};
	size_t n = sizeof(order) / sizeof(*order);

	(void)state;
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < n; k++)
			assert_int_equal(version__compare(order[i], order[k]), i < k ? -1 : i > k);
	assert_int_equal(version__compare("3.08", "3.8"), 0);
	assert_int_equal(version__compare("", ""), 0);
	assert_int_equal(version__compare("99999999999999999999999.1", "3.8"), 1);
}

static void test_wanted_versions(void **state)
{
	static const char *const none[] = {
		"",	"python3", "3.",	"3.13x", ".3",
		"3..1", "all",	   "3.13.0rc1", "3.13 ", "12345678901234567"
	};
	struct wanted_version wanted;

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++)
		assert_false(wanted_version__parse(&wanted, none[i]));
	assert_true(wanted_version__parse(&wanted, "3.1"));
	assert_true(wanted_version__matches(&wanted, "python3.1", "3.1.5"));
	assert_false(wanted_version__matches(&wanted, "python3.13", "3.13.0"));
	assert_false(wanted_version__matches(&wanted, "python3.0", "3.0"));
	assert_true(wanted_version__parse(&wanted, "3.13t"));
	assert_true(wanted_version__matches(&wanted, "python3.13t", "3.13.0"));
	assert_false(wanted_version__matches(&wanted, "python3.13", "3.13.0"));
	assert_true(wanted_version__parse(&wanted, "2.7.18"));
	assert_true(wanted_version__matches(&wanted, "python2.7", "2.7.18"));
	assert_true(wanted_version__matches(&wanted, "python2.7", "2.7.18+"));
	assert_false(wanted_version__matches(&wanted, "python2.7", "2.7.1"));
}

/* --- answers --- */

static struct interpreter_answer answer;

static enum ask_outcome read_answer(const char *text)
{
	interpreter__read_answer(&answer, text, strlen(text));
	return answer.outcome;
}

#define ANSWER(name, implementation, version, executable) \
	"{\"schema\": \"convoy.interpreter/1\", \"name\": " name \
	", \"implementation\": " implementation ", \"version\": " version \
	", \"executable\": " executable "}"

#define PYTHON(name) ANSWER(name, "\"CPython\"", "\"3.13.0\"", "\"/usr/bin/python3.13\"")

static void test_answer(void **state)
{
	(void)state;
	assert_int_equal(read_answer(PYTHON("\"python3.13\"") "\n"), ASK_ANSWERED);
	assert_string_equal(answer.name, "python3.13");
	assert_string_equal(answer.implementation, "CPython");
	assert_string_equal(answer.version, "3.13.0");
	assert_string_equal(answer.executable, "/usr/bin/python3.13");
	/* sys.executable may be None, or '', or be anything. */
	assert_int_equal(read_answer(ANSWER("\"a\"", "\"b\"", "\"1\"", "null")), ASK_ANSWERED);
	assert_string_equal(answer.executable, "");
	assert_int_equal(read_answer(ANSWER("\"a\"", "\"b\"", "\"1\"", "[7]")), ASK_ANSWERED);
	assert_string_equal(answer.executable, "");
	assert_int_equal(read_answer(ANSWER("\"a\"", "\"b\"", "\"1\"", "\"/x\\u0000y\"")),
			 ASK_NOT_UNDERSTOOD);
}

/* Nothing of these becomes a label of a report. */
static void test_words_that_are_none(void **state)
{
	static const char *const words[] = {
		"\"\"",
		"null",
		"3.13",
		"{}",
		"[\"python\"]",
		"true",
		"\"python3.13:threads\"",
		"\"a,b\"",
		"\"a b\"",
		"\"a=b\"",
		"\"../../etc\"",
		"\".\"",
		"\"-m\"",
		"\"\\u001b[2J\"",
		"\"python\\n3\"",
		"\"python\\u0000\"",
		"\"p\\u00fdthon\"",
		"\"<b>\"",
		"\"12345678901234567890123456789012\"",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		char text[512];

		snprintf(text, sizeof(text), PYTHON("%s"), words[i]);
		if (read_answer(text) != ASK_NOT_UNDERSTOOD)
			fail_msg("%s is taken for a name", words[i]);
		assert_string_equal(answer.name, "");
	}
	assert_int_equal(read_answer(PYTHON("\"1234567890123456789012345678901\"")), ASK_ANSWERED);
	assert_int_equal(read_answer(ANSWER("\"a\"", "\"1234567890123456\"", "\"1\"", "\"/x\"")),
			 ASK_NOT_UNDERSTOOD);
	assert_int_equal(
		read_answer(ANSWER("\"a\"", "\"b\"", "\"123456789012345678901234\"", "\"/x\"")),
		ASK_NOT_UNDERSTOOD);
}

static void test_hostile_answers(void **state)
{
	static const char *const texts[] = {
		"",
		"\n\n",
		"Python 3.13.0\n",
		"{",
		"[]",
		"null",
		"\"convoy.interpreter/1\"",
		"{}",
		"{\"schema\": \"convoy.interpreter/2\"}",
		"{\"schema\": {}}",
		"{\"schema\": \"convoy.interpreter/1\"}",
		PYTHON("\"python3.13\"") PYTHON("\"python3.13\""),
		"welcome\n" PYTHON("\"python3.13\""),
		"{\"name\": \"a\", \"name\": \"b\"}",
		"\xff\xfe{\0}",
		PYTHON("\"\xff\""),
		PYTHON("\"\xed\xa0\x80\""),
	};
	size_t size = 60000;
	char *deep = malloc(size);

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		if (read_answer(texts[i]) != ASK_NOT_UNDERSTOOD)
			fail_msg("\"%s\" is taken for an answer", texts[i]);
		assert_string_not_equal(answer.words, "");
		assert_string_equal(answer.name, "");
	}
	assert_non_null(deep);
	memset(deep, '[', size);
	interpreter__read_answer(&answer, deep, size);
	assert_int_equal(answer.outcome, ASK_NOT_UNDERSTOOD);
	memset(deep, 0, size);
	interpreter__read_answer(&answer, deep, size);
	assert_int_equal(answer.outcome, ASK_NOT_UNDERSTOOD);
	free(deep);
	/* What it printed is shown, and does nothing to the terminal. */
	read_answer("first\n\e]0;title\a\e[2J \xe2\x80\xae evil\n\n");
	assert_null(strpbrk(answer.words, "\e\a\n\r"));
	assert_non_null(strstr(answer.words, "evil"));
	assert_null(strstr(answer.words, "first"));
	assert_null(strstr(answer.words, "\xe2\x80\xae"));
}

/* Every beginning of an answer, and every byte of it replaced, is an answer or none. */
static void test_damaged_answers(void **state)
{
	const char whole[] = PYTHON("\"python3.13\"");
	char text[sizeof(whole)];

	(void)state;
	for (size_t n = 0; n < strlen(whole); n++) {
		interpreter__read_answer(&answer, whole, n);
		assert_int_equal(answer.outcome, ASK_NOT_UNDERSTOOD);
	}
	for (size_t i = 0; i < strlen(whole); i++)
		for (int byte = 0; byte < 256; byte += 5) {
			memcpy(text, whole, sizeof(whole));
			text[i] = (char)byte;
			interpreter__read_answer(&answer, text, strlen(whole));
			assert_true(answer.outcome == ASK_ANSWERED ||
				    answer.outcome == ASK_NOT_UNDERSTOOD);
			assert_true(answer.outcome == ASK_NOT_UNDERSTOOD || *answer.name);
		}
}

/* --- names in a report --- */

struct said_of {
	const char *name, *version, *expected;
};

static void check_names(const struct said_of *said_of, size_t n)
{
	struct interpreter list[8] = { 0 };
	struct interpreters interpreters = { .list = list, .n = n };

	for (size_t i = 0; i < n; i++) {
		snprintf(list[i].name, sizeof(list[i].name), "%s", said_of[i].name);
		snprintf(list[i].version, sizeof(list[i].version), "%s", said_of[i].version);
	}
	/* To be named twice changes nothing. */
	for (int times = 0; times < 2; times++) {
		interpreters__name(&interpreters);
		for (size_t i = 0; i < n; i++) {
			assert_string_equal(list[i].name, said_of[i].expected);
			assert_ptr_equal(interpreters__find(&interpreters, said_of[i].expected),
					 &list[i]);
		}
	}
	assert_null(interpreters__find(&interpreters, "python"));
}

#define CHECK_NAMES(...) \
	do { \
		const struct said_of list[] = { __VA_ARGS__ }; \
		check_names(list, sizeof(list) / sizeof(*list)); \
	} while (0)

static void test_names(void **state)
{
	struct interpreters none = { 0 };

	(void)state;
	interpreters__name(&none);
	assert_null(interpreters__find(&none, "python3.13"));
	CHECK_NAMES({ "python3.11", "3.11.2", "python3.11" },
		    { "python3.13", "3.13.0", "python3.13" }, { "ruby3.1", "3.1.2", "ruby3.1" });
	CHECK_NAMES({ "python3.11", "3.11.2", "python3.11.2" },
		    { "python3.13", "3.13.0", "python3.13" },
		    { "python3.11", "3.11.7", "python3.11.7" });
	CHECK_NAMES({ "python3.11", "3.11.2", "python3.11.2" },
		    { "python3.11", "3.11.2", "python3.11.2-2" },
		    { "python3.11", "3.11.7", "python3.11.7" },
		    { "python3.11", "3.11.2", "python3.11.2-3" });
	CHECK_NAMES({ "python3.13t", "3.13.0", "python3.13.0t" },
		    { "python3.13t", "3.13.1", "python3.13.1t" },
		    { "python3.13", "3.13.1", "python3.13" });
	CHECK_NAMES({ "pypy3", "3.9.16", "pypy3.9.16" }, { "pypy3", "3.10.14", "pypy3.10.14" });
	CHECK_NAMES({ "pypy3", "7.3.11", "pypy3-7.3.11" }, { "pypy3", "7.3.12", "pypy3-7.3.12" });
	CHECK_NAMES({ "other", "1", "other-1" }, { "other", "1", "other-1-2" });
	/* One that is called as another comes to be called. */
	CHECK_NAMES({ "python3.1", "3.1", "python3.1" }, { "python3.1", "3.1", "python3.1-2" },
		    { "python3.1-2", "3.1", "python3.1-2-2" });
}

/* Whatever they are called, labels have room for the mode after the name. */
static void test_long_names(void **state)
{
	const char *name = "1234567890123456789012345678901";
	struct interpreter list[3] = { 0 };
	struct interpreters interpreters = { .list = list, .n = 3 };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		snprintf(list[i].name, sizeof(list[i].name), "%s", name);
		snprintf(list[i].version, sizeof(list[i].version), "%s", "9.9");
	}
	interpreters__name(&interpreters);
	assert_string_equal(list[0].name, name);
	assert_string_equal(list[1].name, "12345678901234567890123456789-2");
	assert_string_equal(list[2].name, "12345678901234567890123456789-3");
	assert_true(sizeof(list[0].name) + strlen(":processes") <= 64);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_program_names),
		cmocka_unit_test(test_versions_in_order),
		cmocka_unit_test(test_wanted_versions),
		cmocka_unit_test(test_answer),
		cmocka_unit_test(test_words_that_are_none),
		cmocka_unit_test(test_hostile_answers),
		cmocka_unit_test(test_damaged_answers),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_long_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
