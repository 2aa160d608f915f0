/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_identity.c - users, and the environment that a command gets as one of them.
 * Becoming one: tests/root/test_launch_child.c.
 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <linux/capability.h>

#include "tests/unit/scratch.h"
#include "tests/unit/stderr_fixture.h"
#include "user/identity.h"

/* A user whose home is the scratch directory. */
static struct identity alice(void)
{
	struct identity identity = {
		.uid = 1234,
		.gid = 1234,
		.name = (char *)"alice",
		.home = scratch,
		.shell = (char *)"/bin/zsh",
	};

	return identity;
}

static int find(const char *name, struct identity *identity)
{
	int err;

	begin_hearing();
	err = identity__find(name, identity);
	end_hearing();
	return err;
}

static void test_users_that_exist(void **state)
{
	struct passwd *entry = getpwuid(0);
	struct identity by_name, by_number;

	(void)state;
	if (!entry) {
		print_message("no user 0 here\n");
		skip();
	}
	assert_int_equal(find(entry->pw_name, &by_name), 0);
	assert_int_equal(find("0", &by_number), 0);
	assert_string_equal(said, "");
	assert_int_equal(by_name.uid, 0);
	assert_int_equal(by_number.uid, 0);
	assert_int_equal(by_name.gid, entry->pw_gid);
	assert_string_equal(by_number.name, entry->pw_name);
	assert_string_equal(by_name.home, entry->pw_dir);
	assert_true(by_name.shell[0] == '/');
	assert_int_equal(by_name.n_groups, by_number.n_groups);
	assert_true(by_name.n_groups >= 1);
	identity__free(&by_name);
	identity__free(&by_number);
	identity__free(&by_number); /* of zeroes */
}

static void test_users_that_do_not(void **state)
{
	static const char *const names[] = { "",   "no-such-user", "4294967295", "-1",
					     "0x", "root ",	   " 0",	 "4123456789" };
	struct identity identity;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		assert_int_equal(find(names[i], &identity), -ENOENT);
		assert_said("--as: there is no user");
		identity__free(&identity);
	}
}

/* The only value of a variable; NULL when there is none. */
static const char *only(char *const *environment, const char *name)
{
	size_t length = strlen(name), n = 0;

	for (size_t i = 0; environment[i]; i++)
		n += !strncmp(environment[i], name, length) && environment[i][length] == '=';
	assert_true(n <= 1);
	return environ__get(environment, name);
}

static void test_environment(void **state)
{
	char *old[] = { (char *)"HOME=/root",
			(char *)"MAIL=/var/mail/root",
			(char *)"TERM=xterm",
			(char *)"SUDO_USER=alice",
			(char *)"SUDO_UID=1234",
			(char *)"SUDO_COMMAND=x=y",
			(char *)"SUDOKU=9",
			(char *)"USER=root",
			(char *)"USERS=2",
			(char *)"LOGNAME=root",
			(char *)"PATH=/usr/bin:/bin",
			(char *)"SHELL=/bin/sh",
			(char *)"XDG_RUNTIME_DIR=/run/user/0",
			(char *)"EMPTY=",
			(char *)"NOTHING",
			(char *)"HOME=/again",
			NULL };
	struct identity identity = alice();
	char **new = identity__environ(&identity, old);
	size_t n = 0;

	(void)state;
	assert_non_null(new);
	assert_string_equal(only(new, "HOME"), scratch);
	assert_string_equal(only(new, "USER"), "alice");
	assert_string_equal(only(new, "LOGNAME"), "alice");
	assert_string_equal(only(new, "SHELL"), "/bin/zsh");
	assert_string_equal(only(new, "PATH"), "/usr/bin:/bin");
	assert_string_equal(only(new, "TERM"), "xterm");
	assert_string_equal(only(new, "SUDOKU"), "9");
	assert_string_equal(only(new, "USERS"), "2");
	assert_string_equal(only(new, "EMPTY"), "");
	assert_null(only(new, "MAIL"));
	assert_null(only(new, "SUDO_USER"));
	assert_null(only(new, "SUDO_UID"));
	assert_null(only(new, "SUDO_COMMAND"));
	assert_null(only(new, "XDG_RUNTIME_DIR"));
	while (new[n])
		n++;
	assert_int_equal(n, 5 + 5); /* with NOTHING */
	/* What was passed is as it was. */
	assert_string_equal(old[0], "HOME=/root");
	identity__free_environ(new);
	identity__free_environ(NULL);
}

static void test_own_runtime_directory(void **state)
{
	char *old[] = { (char *)"XDG_RUNTIME_DIR=/run/user/1234", NULL };
	struct identity identity = alice();
	char **new = identity__environ(&identity, old);

	(void)state;
	assert_string_equal(only(new, "XDG_RUNTIME_DIR"), "/run/user/1234");
	identity__free_environ(new);
}

static void check_path(const char *old, const char *expected)
{
	char entry[2 * PATH_MAX], *environment[] = { entry, NULL };
	struct identity identity = alice();
	char **new;

	snprintf(entry, sizeof(entry), "PATH=%s", old);
	new = identity__environ(&identity, old ? environment : environment + 1);
	assert_non_null(new);
	assert_string_equal(only(new, "PATH"), expected);
	identity__free_environ(new);
}

static void test_places_of_the_users_own(void **state)
{
	char expected[4 * PATH_MAX], old[2 * PATH_MAX];

	(void)state;
	check_path("/usr/bin", "/usr/bin");
	check_path(NULL, "/bin:/usr/bin");
	put_file(".local/bin/tool", "", 0755);
	put_file("bin", "a file, not a directory", 0644);
	put_file(".pyenv/shims/python3", "", 0755);
	snprintf(expected, sizeof(expected), "%s/.pyenv/shims:%s/.local/bin:/usr/bin:/bin", scratch,
		 scratch);
	check_path("/usr/bin:/bin", expected);
	/* What is in it already stays where it is. */
	snprintf(old, sizeof(old), "/usr/bin:%s/.local/bin:/bin", scratch);
	snprintf(expected, sizeof(expected), "%s/.pyenv/shims:%s", scratch, old);
	check_path(old, expected);
	/* A name that only begins alike is another one. */
	snprintf(old, sizeof(old), "%s/.local/bin2:%s/.pyenv/shims", scratch, scratch);
	snprintf(expected, sizeof(expected), "%s/.local/bin:%s", scratch, old);
	check_path(old, expected);
	snprintf(expected, sizeof(expected), "%s/.pyenv/shims:%s/.local/bin:", scratch, scratch);
	check_path("", expected);
}

/* Services have / as home, and /bin is nobody's own. */
static void test_home_is_the_root(void **state)
{
	char *old[] = { (char *)"PATH=/usr/bin", NULL };
	struct identity identity = alice();
	char **new;

	(void)state;
	identity.home = (char *)"/";
	new = identity__environ(&identity, old);
	assert_string_equal(only(new, "PATH"), "/usr/bin");
	identity__free_environ(new);
}

/* In a child that has no capability any more. */
static void test_permission_to_switch(void **state)
{
	struct identity other = alice(), same = alice();
	int status;
	pid_t pid;

	(void)state;
	same.uid = getuid();
	same.gid = getgid();
	pid = fork();
	if (!pid) {
		int err;

		if (!geteuid()) {
			if (setgroups(0, NULL) || setresgid(65534, 65534, 65534) ||
			    setresuid(65534, 65534, 65534))
				_exit(1);
			same.uid = same.gid = 65534;
		}
		begin_hearing();
		err = identity__may_switch(&other);
		end_hearing();
		if (err != -EPERM || !strstr(said, "needs root"))
			_exit(2);
		if (identity__switch(&other) != -EPERM)
			_exit(3);
		/* Who one is already needs no permission. */
		begin_hearing();
		err = identity__may_switch(&same);
		end_hearing();
		_exit(err || said[0] || identity__switch(&same) ? 4 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void become(struct __user_cap_data_struct *data, gid_t group)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };

	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) || setgroups(1, &group) ||
	    setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534) ||
	    syscall(SYS_capset, &header, data) ||
	    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SETUID, 0, 0))
		_exit(1);
}

/*
 * In a child: convoy as a service's user with ambient capabilities, and --as that user.
 * None may outlive exec; the groups are the user's if they can be chosen.
 */
static int child_that_is_the_user(bool may_choose_groups)
{
	uint32_t has = 1u << CAP_SETUID | (may_choose_groups ? 1u << CAP_SETGID : 0);
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { { has, has, has } };
	gid_t groups[4], own = 65534;
	struct identity same = { .uid = 65534, .gid = 65534, .groups = &own, .n_groups = 1 };

	become(data, 1);
	if (identity__switch(&same))
		return 2;
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_SETUID, 0, 0))
		return 3;
	if (syscall(SYS_capget, &header, data) || data[0].inheritable || data[1].inheritable)
		return 4;
	if (getgroups(4, groups) != 1 || groups[0] != (may_choose_groups ? own : 1))
		return 5;
	return 0;
}

static void test_the_user_that_one_is(void **state)
{
	(void)state;
	if (geteuid()) {
		print_message("needs root\n");
		skip();
	}
	for (int choose = 0; choose < 2; choose++) {
		pid_t pid = fork();
		int status;

		if (!pid)
			_exit(child_that_is_the_user(choose));
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_users_that_exist),
		cmocka_unit_test(test_users_that_do_not),
		cmocka_unit_test(test_environment),
		cmocka_unit_test(test_own_runtime_directory),
		cmocka_unit_test(test_places_of_the_users_own),
		cmocka_unit_test(test_home_is_the_root),
		cmocka_unit_test(test_permission_to_switch),
		cmocka_unit_test(test_the_user_that_one_is),
	};

	return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
