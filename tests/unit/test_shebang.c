/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_shebang.c - first lines of scripts, and what else files begin with.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "user/shebang.h"

/* The program and its options, with blanks between them; "" : there is no such line. */
static const char *read_line(const char *head, size_t size)
{
	static char all[1024];
	struct shebang shebang;

	if (shebang__parse(&shebang, head, size))
		return "refused";
	snprintf(all, sizeof(all), "%s%s", shebang.by_name ? "env: " : "",
		 shebang.program ? shebang.program : "");
	for (size_t i = 0; shebang.options[i]; i++)
		snprintf(all + strlen(all), sizeof(all) - strlen(all), " [%s]", shebang.options[i]);
	return all;
}

#define assert_line(head, words) assert_string_equal(read_line(head, strlen(head)), words)

static void test_paths(void **state)
{
	(void)state;
	assert_line("#!/usr/bin/python3\nprint()\n", "/usr/bin/python3");
	assert_line("#!/usr/bin/python3", "/usr/bin/python3");
	assert_line("#! \t /usr/bin/python3 \t\n", "/usr/bin/python3");
	assert_line("#!/usr/bin/python3\r\n", "/usr/bin/python3");
	assert_line("#!venv/bin/python\n", "venv/bin/python");
}

/* All the rest of the line is one argument to the kernel. */
static void test_options(void **state)
{
	(void)state;
	assert_line("#!/usr/bin/python3 -u\n", "/usr/bin/python3 [-u]");
	assert_line("#!/usr/bin/python3 \t-u \n", "/usr/bin/python3 [-u]");
	assert_line("#!/usr/bin/python3 -X dev\n", "/usr/bin/python3 [-X dev]");
	assert_line("#!/usr/bin/python3 -\"$x\n", "/usr/bin/python3 [-\"$x]");
}

static void test_env(void **state)
{
	(void)state;
	assert_line("#!/usr/bin/env python3\n", "env: python3");
	assert_line("#! /bin/env\tpython3\r\n", "env: python3");
	assert_line("#!/usr/bin/env python3 -u\n", "env: python3 [-u]");
	assert_line("#!/usr/bin/env -S python3 -X  dev -u\n", "env: python3 [-X] [dev] [-u]");
	assert_line("#!/usr/bin/env -Spython3 -u\n", "env: python3 [-u]");
	assert_line("#!/usr/bin/env -vS python3\n", "env: python3");
	assert_line("#!/usr/bin/env -S -- python3\n", "env: python3");
	assert_line("#!/usr/bin/env -S /opt/python/bin/python3\n", "env: /opt/python/bin/python3");
}

/* More than a program is asked of env: it is not done by halves. */
static void test_refused(void **state)
{
	(void)state;
	assert_line("#!/usr/bin/env\n", "refused");
	assert_line("#!/usr/bin/env -S\n", "refused");
	assert_line("#!/usr/bin/env -S A=1 python3\n", "refused");
	assert_line("#!/usr/bin/env -SA=1 python3\n", "refused");
	assert_line("#!/usr/bin/env -i python3\n", "refused");
	assert_line("#!/usr/bin/env -u HOME python3\n", "refused");
	assert_line("#!/usr/bin/env -S python3 '-X dev'\n", "refused");
	assert_line("#!/usr/bin/env -S ${PYTHON} -u\n", "refused");
	assert_line("#!/usr/bin/env -S p 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6\n",
		    "env: p [1] [2] [3] [4] [5] [6] [7] [8] [9] [0] [1] [2] [3] [4] [5] [6]");
	assert_line("#!/usr/bin/env -S p 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7\n", "refused");
}

static void test_none(void **state)
{
	static const char binary[] = "\177ELF\2\1\1\0\0\0\0";

	(void)state;
	assert_line("", "");
	assert_line("#", "");
	assert_line("#!", "");
	assert_line("#!\n/usr/bin/python3\n", "");
	assert_line("#! \t\r\n", "");
	assert_line("import sys\n#!/usr/bin/python3\n", "");
	assert_line(" #!/usr/bin/python3\n", "");
	assert_line("\xef\xbb\xbf#!/usr/bin/python3\n", "");
	assert_string_equal(read_line(binary, sizeof(binary)), "");
	/* Nothing after a NUL is looked at. */
	assert_string_equal(read_line("#!/bin/p\0 -u\n", 13), "/bin/p");
	assert_string_equal(read_line("#!\0/bin/p\n", 10), "");
}

/* As far as the kernel reads; what it may have cut is no name. */
static void test_long(void **state)
{
	char line[SHEBANG_MAX + 2];

	(void)state;
	memset(line, 'p', sizeof(line));
	memcpy(line, "#!/", 3);
	line[SHEBANG_MAX - 1] = '\n';
	assert_int_equal(strlen(read_line(line, SHEBANG_MAX)), SHEBANG_MAX - 3);
	assert_int_equal(strlen(read_line(line, SHEBANG_MAX - 1)), SHEBANG_MAX - 3);
	line[SHEBANG_MAX - 1] = 'p';
	line[SHEBANG_MAX] = '\n';
	assert_string_equal(read_line(line, SHEBANG_MAX), "refused");
	assert_string_equal(read_line(line, sizeof(line)), "refused");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),	cmocka_unit_test(test_options),
		cmocka_unit_test(test_env),	cmocka_unit_test(test_refused),
		cmocka_unit_test(test_none),	cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
