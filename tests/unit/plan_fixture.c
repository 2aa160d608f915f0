/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * plan_fixture.c - arguments of `convoy run`, parsed with stderr put aside.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/plan_fixture.h"

#define MAX_ARGS 64

int parse_argv(struct run_plan *plan, int argc, char **argv)
{
	int err;

	begin_hearing();
	err = run_plan__parse(plan, argc, argv);
	end_hearing();
	assert_string_equal(argv[0], "run"); /* argp saw another name */
	return err;
}

/* Arguments after "run", as one string each; the last is NULL. */
static int parse_list(struct run_plan *plan, va_list list)
{
	char *argv[MAX_ARGS + 2] = { (char *)"run" };
	int argc = 1;

	while (argc < MAX_ARGS && (argv[argc] = va_arg(list, char *)))
		argc++;
	argv[argc] = NULL;
	return parse_argv(plan, argc, argv);
}

struct run_plan take_args(int first, ...)
{
	struct run_plan plan;
	va_list list;
	int err;

	va_start(list, first);
	err = parse_list(&plan, list);
	va_end(list);
	if (err)
		fail_msg("refused: %s", said);
	assert_string_equal(said, "");
	return plan;
}

void refuse(const char *words, ...)
{
	struct run_plan plan;
	va_list list;
	int err;

	va_start(list, words);
	err = parse_list(&plan, list);
	va_end(list);
	if (err != -EINVAL)
		fail_msg("%d instead of -EINVAL where \"%s\" was expected", err, words);
	if (strncmp(said, "convoy: ", 8))
		fail_msg("no message of convoy's: \"%s\"", said);
	if (!strstr(said, words))
		fail_msg("\"%s\" is not in \"%s\"", words, said);
}
