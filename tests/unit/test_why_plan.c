/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_why_plan.c - what `convoy why` takes, and what it refuses, with a message.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "user/why_plan.h"

#define MAX_ARGS 16

/* Parses the arguments after "why", NULL at their end; `said` is what came on stderr. */
static int parse(struct why_plan *plan, char said[4096], va_list list)
{
	int saved = dup(STDERR_FILENO), fd = memfd_create("stderr", MFD_CLOEXEC);
	char *argv[MAX_ARGS + 1] = { (char *)"why" };
	int argc = 1, err;
	ssize_t n;

	while (argc < MAX_ARGS && (argv[argc] = va_arg(list, char *)))
		argc++;
	argv[argc] = NULL;
	assert_true(saved >= 0 && fd >= 0);
	fflush(stderr);
	assert_true(dup2(fd, STDERR_FILENO) >= 0);
	err = why_plan__parse(plan, argc, argv);
	fflush(stderr);
	dup2(saved, STDERR_FILENO);
	close(saved);
	n = pread(fd, said, 4095, 0);
	said[n > 0 ? n : 0] = 0;
	close(fd);
	assert_string_equal(argv[0], "why"); /* argp saw another name */
	return err;
}

#define take(...) take_args(0, __VA_ARGS__, NULL)
static struct why_plan take_args(int first, ...)
{
	struct why_plan plan;
	char said[4096];
	va_list list;
	int err;

	va_start(list, first);
	err = parse(&plan, said, list);
	va_end(list);
	if (err)
		fail_msg("refused: %s", said);
	assert_string_equal(said, "");
	return plan;
}

#define refuse(words, ...) refuse_args(words, __VA_ARGS__, NULL)
static void refuse_args(const char *words, ...)
{
	struct why_plan plan;
	char said[4096];
	va_list list;
	int err;

	va_start(list, words);
	err = parse(&plan, said, list);
	va_end(list);
	if (err != -EINVAL)
		fail_msg("%d instead of -EINVAL where \"%s\" was expected", err, words);
	if (strncmp(said, "convoy: ", 8) || !strstr(said, words))
		fail_msg("\"%s\" is not in \"%s\"", words, said);
	if (strchr(said, '\n') != said + strlen(said) - 1)
		fail_msg("not one line: \"%s\"", said);
}

static void test_defaults(void **state)
{
	struct why_plan plan = take("-p", "4711");

	(void)state;
	assert_int_equal(plan.pid, 4711);
	assert_true(plan.seconds == 10);
	assert_string_equal(plan.renderer->name, "text");
	assert_null(plan.recording);
	assert_false(plan.force);
	assert_false(plan.verbose);
}

static void test_everything(void **state)
{
	struct why_plan plan = take("--pid=1", "--duration", "0.5", "--format=json", "-o",
				    "why.rec", "--force", "-v");

	(void)state;
	assert_int_equal(plan.pid, 1);
	assert_true(plan.seconds == 0.5);
	assert_string_equal(plan.renderer->name, "json");
	assert_string_equal(plan.recording, "why.rec");
	assert_true(plan.force);
	assert_true(plan.verbose);
}

static void test_limits(void **state)
{
	(void)state;
	assert_int_equal(take("-p", "2147483647").pid, 2147483647);
	assert_true(take("-p", "1", "-d", "0.1").seconds == 0.1);
	assert_true(take("-p", "1", "-d", "86400").seconds == 86400);
	assert_true(take("-p", "1", "-d", "100ms").seconds == 0.1);
	assert_true(take("-p", "1", "-d", "24h").seconds == 86400);
	assert_true(take("-p", "1", "-d", "2m").seconds == 120);
	refuse("-d 0.09", "-p", "1", "-d", "0.09");
	refuse("-d 99ms", "-p", "1", "-d", "99ms");
	refuse("-d 0", "-p", "1", "-d", "0");
	refuse("-d 86401", "-p", "1", "-d", "86401");
	refuse("-p '2147483648'", "-p", "2147483648");
	refuse("-p '0'", "-p", "0");
}

static void test_refusals(void **state)
{
	(void)state;
	refuse("which process?", "-d", "1");
	refuse("-p 'self'", "-p", "self");
	refuse("-p '-1'", "-p-1");
	refuse("-p '1x'", "-p", "1x");
	refuse("-p ''", "-p", "");
	refuse("named twice", "-p", "1", "-p", "2");
	refuse("is not a time", "-p", "1", "-d", "soon");
	refuse("is not a time", "-p", "1", "-d", "-1");
	refuse("is not a time", "-p", "1", "-d", "nan");
	refuse("it is text or json", "-p", "1", "--format", "csv");
	refuse("it is text or json", "-p", "1", "--format", "");
	refuse("name of a file", "-p", "1", "-o", "");
	refuse("named by -p PID", "4711");
	/* What came from outside is printed harmlessly. */
	refuse("\\x1b[2J", "-p", "\033[2J");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_everything),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
