/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_exec_error.c - why a command did not start, and what is said to help.
 */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/scratch.h"
#include "tests/unit/stderr_fixture.h"
#include "user/exec_error.h"

static struct identity user_of(const char *name, const char *shell)
{
	struct identity identity = {
		.uid = 1234,
		.gid = 1234,
		.name = (char *)name,
		.home = scratch,
		.shell = (char *)shell,
	};

	return identity;
}

static int explain(const struct exec_error *error)
{
	int status;

	begin_hearing();
	status = exec_error__explain(error);
	end_hearing();
	assert_true(!strncmp(said, "convoy: cannot start ", 21));
	return status;
}

static int explain_one(const char *argv0, int err)
{
	struct exec_error error = { .argv0 = argv0, .err = err, .path = "/usr/bin:/bin" };

	return explain(&error);
}

static void test_not_found(void **state)
{
	struct exec_error error = { .argv0 = "no-such", .err = ENOENT };

	(void)state;
	assert_int_equal(explain_one("no-such", ENOENT), 127);
	assert_said("cannot start no-such: there is no such program in PATH\n");
	/* Nobody took anything away, so nothing is proposed. */
	assert_not_said("sudo");
	assert_not_said("works");
	assert_int_equal(explain_one("", ENOENT), 127);
	assert_int_equal(explain_one("x\e[2J y", ENOENT), 127);
	assert_said("'x\\x1b[2J y'");
	assert_int_equal(explain(&error), 127);
	assert_said("no PATH");
}

static void test_under_sudo(void **state)
{
	struct identity caller = user_of("alice", "/usr/bin/zsh");
	struct exec_error error = {
		.argv0 = "mytool",
		.err = ENOENT,
		.path = "/usr/bin",
		.caller = &caller,
	};
	char words[PATH_MAX + 80];

	(void)state;
	assert_int_equal(explain(&error), 127);
	assert_said("sudo gave convoy another PATH and HOME than alice has");
	assert_said("~/.zshrc");
	assert_said("its full path, which `command -v mytool` prints");
	assert_said("sudo convoy record --as alice -- mytool");
	assert_said("sudo env \"PATH=$PATH\" convoy record -- mytool");

	put_file(".cargo/bin/mytool", "", 0644); /* not executable */
	explain(&error);
	assert_said("its full path, which");
	put_file("go/bin/mytool", "", 0755);
	assert_int_equal(explain(&error), 127);
	snprintf(words, sizeof(words), "sudo convoy record -- %s/go/bin/mytool", scratch);
	assert_said(words);
	assert_not_said("command -v");
	put_file(".local/bin/mytool", "", 0755);
	explain(&error);
	snprintf(words, sizeof(words), "-- %s/.local/bin/mytool", scratch);
	assert_said(words);

	/* A directory of that name is none. */
	assert_int_equal(mkdir(in_scratch("go/bin/dir"), 0755), 0);
	error.argv0 = "dir";
	explain(&error);
	assert_said("command -v dir");

	put_file(".nvm/versions/node/v22.1.0/bin/node", "", 0755);
	error.argv0 = "node";
	assert_int_equal(explain(&error), 127);
	snprintf(words, sizeof(words), "-- %s/.nvm/versions/node/v22.1.0/bin/node", scratch);
	assert_said(words);
}

static void test_with_as(void **state)
{
	struct identity caller = user_of("alice", "/bin/bash"), as = user_of("bob", "/bin/fish");
	struct exec_error error = {
		.argv0 = "no-such",
		.err = ENOENT,
		.path = "/usr/bin",
		.caller = &caller,
		.as = &as,
	};

	(void)state;
	assert_int_equal(explain(&error), 127);
	assert_said("than alice has: what ~/.bashrc adds");
	/* It was tried already. */
	assert_not_said("--as alice");
	assert_said("sudo env \"PATH=$PATH\" convoy record --as bob -- no-such");

	/* From root's own shell. */
	error.caller = NULL;
	assert_int_equal(explain(&error), 127);
	assert_said("convoy does not read bob's ~/.config/fish/config.fish");
	assert_said("command -v");
	assert_not_said("env \"PATH");
	as.shell = (char *)"/bin/sh";
	explain(&error);
	assert_said("~/.profile");
}

static void test_paths(void **state)
{
	const char *path;

	(void)state;
	assert_int_equal(explain_one(in_scratch("none"), ENOENT), 127);
	assert_said("there is no such file");
	path = in_scratch("dangling");
	assert_int_equal(symlink("nowhere", path), 0);
	assert_int_equal(explain_one(path, ENOENT), 127);
	assert_said("is a symbolic link to what does not exist");
	path = put_file("script", "#! \t/no/such/interpreter -x\n", 0755);
	assert_int_equal(explain_one(path, ENOENT), 127);
	assert_said("its first line names the interpreter '/no/such/interpreter', which");
	path = put_file("dos", "#!/bin/sh\r\n", 0755);
	assert_int_equal(explain_one(path, ENOENT), 127);
	assert_said("interpreter '/bin/sh\\x0d'");
	path = put_file("program", "\177ELF", 0755);
	assert_int_equal(explain_one(path, ENOENT), 127);
	assert_said("the loader or interpreter that it needs");
	/* Does not wait for a writer. */
	path = in_scratch("pipe");
	assert_int_equal(mkfifo(path, 0755), 0);
	assert_int_equal(explain_one(path, ENOENT), 127);
}

static void test_not_executable(void **state)
{
	struct identity as = user_of("bob", "/bin/sh");
	struct exec_error error = { .err = EACCES, .path = "/usr/bin", .as = &as };
	const char *path = put_file("plain", "", 0644);

	(void)state;
	assert_int_equal(explain_one(path, EACCES), 126);
	assert_said("it is not executable (chmod +x)");
	assert_int_equal(explain_one("/usr/bin/", EACCES), 126);
	assert_said("it is a directory");
	error.argv0 = put_file("run", "", 0755);
	assert_int_equal(explain(&error), 126);
	assert_said("user bob may not execute it");
	assert_int_equal(explain_one(error.argv0, EACCES), 126);
	assert_said("noexec");
	assert_int_equal(explain_one(error.argv0, ENOEXEC), 126);
	assert_said("neither a program of this machine nor a script");
	assert_int_equal(explain_one("/etc/passwd/x", ENOTDIR), 126);
	assert_said("Not a directory");
	assert_int_equal(explain_one("x", E2BIG), 126);
	assert_int_equal(explain_one("x", ETXTBSY), 126);
	assert_said("Text file busy");
}

/* Where PATH has a directory that is closed, execvp(3) says EACCES for what is nowhere. */
static void test_closed_directories_in_path(void **state)
{
	char path[2 * PATH_MAX];
	struct exec_error error = { .argv0 = "no-such", .err = EACCES, .path = path };

	(void)state;
	put_file("first/plain", "", 0644);
	snprintf(path, sizeof(path), "/usr/bin:%s/first:/bin", scratch);
	assert_int_equal(explain(&error), 127);
	assert_said("there is no such program");
	error.argv0 = "plain";
	assert_int_equal(explain(&error), 126);
	assert_said("not executable");
	/* At both ends too. */
	snprintf(path, sizeof(path), "%s/first", scratch);
	assert_int_equal(explain(&error), 126);
	snprintf(path, sizeof(path), "/bin:%s/first", scratch);
	assert_int_equal(explain(&error), 126);
	path[0] = 0;
	error.argv0 = "no-such";
	assert_int_equal(explain(&error), 127);
}

static void test_start_errors(void **state)
{
	char *argv[] = { (char *)"tool", NULL };
	struct identity as = user_of("bob", "/bin/sh");
	struct launch_options options = { .argv = argv, .as = &as };
	struct launch launch = { .failed_step = LAUNCH_SWITCHING };

	(void)state;
	begin_hearing();
	assert_int_equal(launch__explain_start_error(&launch, &options, -EPERM), 3);
	end_hearing();
	assert_said("cannot become user bob: Operation not permitted");
	launch.failed_step = LAUNCH_PREPARING;
	begin_hearing();
	assert_int_equal(launch__explain_start_error(&launch, &options, -EAGAIN), 6);
	end_hearing();
	assert_said("cannot start 'tool': Resource temporarily");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_not_found),
		cmocka_unit_test(test_under_sudo),
		cmocka_unit_test(test_with_as),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_not_executable),
		cmocka_unit_test(test_closed_directories_in_path),
		cmocka_unit_test(test_start_errors),
	};

	return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
