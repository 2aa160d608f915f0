/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_py_plan.c - what `convoy py` takes, what it leaves to the script, and what it refuses.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/report_fixture.h"
#include "tests/unit/stderr_fixture.h"
#include "user/py_plan.h"

#define MAX_ARGS 24

static int parse(struct py_plan *plan, va_list list)
{
	/* The plan keeps pointers into it. */
	static char *argv[MAX_ARGS + 1];
	int argc = 1, err;

	argv[0] = (char *)"py";
	while (argc < MAX_ARGS && (argv[argc] = va_arg(list, char *)))
		argc++;
	argv[argc] = NULL;
	begin_hearing();
	err = py_plan__parse(plan, argc, argv);
	end_hearing();
	assert_string_equal(argv[0], "py"); /* argp saw another name */
	return err;
}

#define take(...) take_args(0, __VA_ARGS__, NULL)
static struct py_plan take_args(int first, ...)
{
	struct py_plan plan;
	va_list list;
	int err;

	va_start(list, first);
	err = parse(&plan, list);
	va_end(list);
	if (err)
		fail_msg("refused: %s", said);
	assert_string_equal(said, "");
	return plan;
}

#define refuse(words, ...) refuse_args(words, __VA_ARGS__, NULL)
static void refuse_args(const char *words, ...)
{
	struct py_plan plan;
	va_list list;
	int err;

	va_start(list, words);
	err = parse(&plan, list);
	va_end(list);
	assert_int_equal(err, -EINVAL);
	assert_said(words);
}

/* The command of a plan, with bars between its words. */
static const char *command_of(const struct py_plan *plan, const char *const *options)
{
	char **command = need(py_plan__command(plan, "/bin/p", options));
	static char all[512];

	all[0] = 0;
	for (size_t i = 0; command[i]; i++)
		snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s", i ? "|" : "",
			 command[i]);
	py_plan__free_command(command);
	return all;
}

#define assert_command(words, ...) \
	do { \
		struct py_plan plan = take(__VA_ARGS__); \
		assert_string_equal(command_of(&plan, NULL), words); \
	} while (0)

static void test_defaults(void **state)
{
	struct py_plan plan = take("script.py");

	(void)state;
	assert_int_equal(plan.kind, PY_SCRIPT);
	assert_string_equal(plan.script, "script.py");
	assert_null(plan.arguments[0]);
	assert_null(plan.interpreter);
	assert_null(plan.as);
	assert_string_equal(plan.report.renderer->name, "text");
	assert_false(plan.answer_only);
	assert_int_equal(plan.futex, FUTEX_ALL);
	assert_null(plan.recording);
	assert_false(plan.force);
	assert_false(plan.allow_loss);
	assert_false(plan.verbose);
	assert_false(py_plan__takes_stdout(&plan));
	assert_string_equal(plan.command_line, "convoy py script.py");
}

static void test_everything(void **state)
{
	struct py_plan plan = take("-i", "3.13", "--as=nobody", "--format=json", "--threads",
				   "--locks", "7", "-o", "py.rec", "--force", "-v",
				   "--futex=blocking", "--ring-bytes", "1048576", "--allow-loss",
				   "script.py");

	(void)state;
	assert_string_equal(plan.interpreter, "3.13");
	assert_string_equal(plan.as, "nobody");
	assert_string_equal(plan.report.renderer->name, "json");
	assert_true(py_plan__takes_stdout(&plan));
	assert_true(plan.report.threads);
	assert_int_equal(plan.report.locks, 7);
	assert_string_equal(plan.recording, "py.rec");
	assert_true(plan.force);
	assert_true(plan.verbose);
	assert_true(plan.report.verbose);
	assert_int_equal(plan.futex, FUTEX_BLOCKING);
	assert_int_equal(plan.ring_bytes, 1048576);
	assert_true(plan.allow_loss);
	assert_true(take("-q", "script.py").answer_only);
}

/* What comes after the script, module or code is its own, whatever it looks like. */
static void test_arguments(void **state)
{
	(void)state;
	assert_command("/bin/p|script.py|-i|x|--|--help|a b|", "script.py", "-i", "x", "--",
		       "--help", "a b", "");
	assert_command("/bin/p|script.py|-q", "--", "script.py", "-q");
	assert_command("/bin/p|-m|pytest|-x|--|tests", "-m", "pytest", "-x", "--", "tests");
	assert_command("/bin/p|-m|pytest|-q", "-mpytest", "-q");
	assert_command("/bin/p|-c|print(1)|-c|2", "-c", "print(1)", "-c", "2");
	assert_command("/bin/p|-c|", "-c", "");
	assert_command("/bin/p|-|x", "-", "x");
	/* To Python it is no option either. */
	assert_command("/bin/p|./-x.py|-y", "--", "-x.py", "-y");
	assert_int_equal(take("-m", "m").kind, PY_MODULE);
	assert_int_equal(take("-c", "c").kind, PY_CODE);
	assert_int_equal(take("-").kind, PY_SCRIPT);
	assert_true(take("-q", "script.py", "-v").answer_only);
	assert_false(take("-q", "script.py", "-v").verbose);
}

static void test_options_of_the_first_line(void **state)
{
	static const char *const options[] = { "-X", "dev", NULL };
	struct py_plan plan = take("script.py", "-q");

	(void)state;
	assert_string_equal(command_of(&plan, options), "/bin/p|-X|dev|script.py|-q");
}

static void test_refusals(void **state)
{
	(void)state;
	refuse("which script?", "-q");
	refuse("its name is empty", "");
	refuse("-m needs", "-m", "");
	refuse("-i needs", "-i", "", "script.py");
	refuse("--as needs", "--as", "", "script.py");
	refuse("-o needs the name of a file", "-o", "", "script.py");
	refuse("-o needs the name of a file", "-o", "-", "script.py");
	refuse("--futex 'none' does not exist", "--futex", "none", "script.py");
	refuse("format 'xml' does not exist", "--format", "xml", "script.py");
	refuse("-q is for the format text", "-q", "--format", "json", "script.py");
	refuse("not a power of two", "--ring-bytes", "1048577", "script.py");
	refuse("--locks 'x'", "--locks", "x", "script.py");
	/* What came from outside is printed harmlessly. */
	refuse("\\x1b[2J", "--format", "\033[2J", "script.py");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),  cmocka_unit_test(test_everything),
		cmocka_unit_test(test_arguments), cmocka_unit_test(test_options_of_the_first_line),
		cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
