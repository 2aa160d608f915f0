/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_record_file.c - the output of `convoy record` is made safely.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/scratch.h"
#include "tests/unit/stderr_fixture.h"
#include "user/record_file.h"

static int create(const char *path, bool force, int *fd)
{
	int err;

	begin_hearing();
	err = record_file__create(path, force, fd);
	end_hearing();
	return err;
}

/* A descriptor of what could be made without a word. */
static int make(const char *path, bool force)
{
	int fd, err = create(path, force, &fd);

	if (err)
		fail_msg("refused: %s", said);
	assert_string_equal(said, "");
	assert_true(fd > STDERR_FILENO);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	return fd;
}

static void refuse(const char *path, bool force, int expected, const char *words)
{
	int fd, err = create(path, force, &fd);

	if (err != expected)
		fail_msg("%s: %d instead of %d", path, err, expected);
	assert_int_equal(fd, -1);
	assert_said(words);
	assert_said(path);
}

static void check_content(const char *path, const char *text)
{
	char content[64] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_true(read(fd, content, sizeof(content) - 1) >= 0);
	close(fd);
	assert_string_equal(content, text);
}

static void write_text(int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static struct stat stat_of(const char *path)
{
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	return st;
}

static void test_a_new_file(void **state)
{
	const char *path = in_scratch("new.rec");
	mode_t mask = umask(0);
	int fd = make(path, false);

	(void)state;
	umask(mask);
	assert_int_equal(stat_of(path).st_mode, S_IFREG | 0600);
	write_text(fd, "recording");
	check_content(path, "recording");
	close(fd);
	/* --force where there is nothing to replace. */
	fd = make(in_scratch("forced.rec"), true);
	assert_int_equal(stat_of(in_scratch("forced.rec")).st_mode, S_IFREG | 0600);
	close(fd);
}

static void test_a_file_that_exists(void **state)
{
	const char *path = put_file("old.rec", "old", 0644);
	int reader = open(path, O_RDONLY | O_CLOEXEC), fd;
	ino_t inode = stat_of(path).st_ino;
	char content[8] = "";

	(void)state;
	refuse(path, false, -EEXIST, "--force");
	check_content(path, "old");
	assert_int_equal(stat_of(path).st_ino, inode);

	fd = make(path, true);
	/* At once, as a whole, for its owner's eyes; who reads the old one goes on. */
	check_content(path, "");
	assert_int_equal(stat_of(path).st_mode, S_IFREG | 0600);
	assert_true(stat_of(path).st_ino != inode);
	assert_int_equal(read(reader, content, sizeof(content)), 3);
	assert_string_equal(content, "old");
	write_text(fd, "new");
	check_content(path, "new");
	close(fd);
	close(reader);
}

/* A second name of the old file keeps it. */
static void test_hard_links_are_not_written_through(void **state)
{
	const char *path = put_file("a.rec", "precious", 0600), *other = in_scratch("b");
	int fd;

	(void)state;
	assert_int_equal(link(path, other), 0);
	fd = make(path, true);
	write_text(fd, "x");
	close(fd);
	check_content(other, "precious");
}

static void test_symbolic_links(void **state)
{
	const char *victim = put_file("victim", "precious", 0600);
	const char *link = in_scratch("link"), *dangling = in_scratch("dangling");

	(void)state;
	assert_int_equal(symlink(victim, link), 0);
	assert_int_equal(symlink(in_scratch("nowhere"), dangling), 0);
	for (int force = 0; force < 2; force++) {
		refuse(link, force, -ELOOP, "is a symbolic link, which is not followed");
		refuse(dangling, force, -ELOOP, "symbolic link");
	}
	check_content(victim, "precious");
	assert_int_equal(access(in_scratch("nowhere"), F_OK), -1);
}

static void test_what_cannot_be_a_file(void **state)
{
	(void)state;
	put_file("file", "", 0600);
	assert_int_equal(mknod(in_scratch("socket"), S_IFSOCK | 0600, 0), 0);
	for (int force = 0; force < 2; force++) {
		refuse(scratch, force, -EISDIR, "directory");
		refuse(in_scratch("x/"), force, -EISDIR, "names a directory");
		refuse(in_scratch("none/x.rec"), force, -ENOENT, "directory: No such file");
		refuse(in_scratch("file/x.rec"), force, -ENOTDIR, "Not a directory");
		refuse(in_scratch("socket"), force, -EINVAL, "is neither a file nor a pipe");
	}
}

static void test_devices_and_pipes(void **state)
{
	const char *pipe = in_scratch("pipe");
	int reader, fd;

	(void)state;
	for (int force = 0; force < 2; force++) {
		fd = make("/dev/full", force);
		assert_int_equal(write(fd, "x", 1), -1);
		assert_int_equal(errno, ENOSPC);
		close(fd);
	}
	assert_true(S_ISCHR(stat_of("/dev/full").st_mode));

	assert_int_equal(mkfifo(pipe, 0600), 0);
	reader = open(pipe, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	for (int force = 0; force < 2; force++) {
		char content[8] = "";

		fd = make(pipe, force);
		write_text(fd, "x");
		assert_int_equal(read(reader, content, sizeof(content)), 1);
		assert_true(S_ISFIFO(stat_of(pipe).st_mode));
		record_file__remove(pipe, fd);
		assert_true(S_ISFIFO(stat_of(pipe).st_mode));
		close(fd);
	}
	close(reader);
}

static void test_standard_output(void **state)
{
	const char *path = put_file("stdout", "", 0600);
	int saved = dup(STDOUT_FILENO), file = open(path, O_WRONLY | O_CLOEXEC), fd, err;

	(void)state;
	fflush(stdout);
	dup2(file, STDOUT_FILENO);
	err = create("-", false, &fd);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	close(file);
	assert_int_equal(err, 0);
	assert_true(fd > STDERR_FILENO);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	write_text(fd, "recording");
	close(fd);
	check_content(path, "recording");
	assert_int_equal(access("-", F_OK), -1);
}

static void test_nothing_is_left_beside_it(void **state)
{
	const char *path = put_file("beside/x.rec", "old", 0600);
	char command[PATH_MAX + 64];

	(void)state;
	refuse(path, false, -EEXIST, "exists already");
	close(make(path, true));
	snprintf(command, sizeof(command), "test \"$(ls -A '%s/beside')\" = x.rec", scratch);
	assert_int_equal(system(command), 0);
}

static void test_remove(void **state)
{
	const char *path = in_scratch("removed.rec");
	int fd = make(path, false);

	(void)state;
	record_file__remove(path, fd);
	assert_int_equal(access(path, F_OK), -1);
	record_file__remove(path, fd);
	/* Somebody else's by now. */
	put_file("removed.rec", "other", 0600);
	record_file__remove(path, fd);
	check_content(path, "other");
	close(fd);
}

static void test_under_sudo(void **state)
{
	const char *path = in_scratch("sudo.rec");
	int fd;

	(void)state;
	if (geteuid()) {
		print_message("needs root\n");
		skip();
	}
	setenv("SUDO_UID", "65534", 1);
	setenv("SUDO_GID", "65533", 1);
	for (int force = 0; force < 2; force++) {
		fd = make(path, force);
		assert_int_equal(stat_of(path).st_uid, 65534);
		assert_int_equal(stat_of(path).st_gid, 65533);
		assert_int_equal(stat_of(path).st_mode, S_IFREG | 0600);
		close(fd);
	}
	/* sudo by root itself, and what is no number, change nothing. */
	setenv("SUDO_UID", "0", 1);
	fd = make(path, true);
	assert_int_equal(stat_of(path).st_uid, 0);
	assert_int_equal(stat_of(path).st_gid, getegid());
	close(fd);
	setenv("SUDO_UID", "4294967295", 1);
	close(make(path, true));
	assert_int_equal(stat_of(path).st_uid, 0);
	setenv("SUDO_UID", "65534x", 1);
	close(make(path, true));
	assert_int_equal(stat_of(path).st_uid, 0);
	unsetenv("SUDO_UID");
	unsetenv("SUDO_GID");
}

/* In a child that is nobody. */
static void test_without_permission(void **state)
{
	const char *closed, *readonly;
	int status;
	pid_t pid;

	(void)state;
	if (geteuid()) {
		print_message("needs root\n");
		skip();
	}
	assert_int_equal(chmod(scratch, 0755), 0);
	closed = in_scratch("closed.rec");
	readonly = put_file("open/readonly.rec", "old", 0444);
	assert_int_equal(chmod(in_scratch("open"), 0777), 0);
	pid = fork();
	if (!pid) {
		int fd, err;

		if (setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534))
			_exit(1);
		err = create(closed, false, &fd);
		if (err != -EACCES || !strstr(said, "directory: Permission denied"))
			_exit(2);
		err = create(readonly, true, &fd);
		if (err != -EACCES || !strstr(said, "Permission denied"))
			_exit(3);
		/* Not root, so sudo's variables mean nothing. */
		setenv("SUDO_UID", "1", 1);
		setenv("SUDO_GID", "1", 1);
		err = create(in_scratch("open/mine.rec"), false, &fd);
		_exit(err || said[0] ? 4 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(stat_of(in_scratch("open/mine.rec")).st_uid, 65534);
}

static void test_a_read_only_file_system(void **state)
{
	const char *path = in_scratch("ro");
	char file[PATH_MAX + 300];

	(void)state;
	assert_int_equal(mkdir(path, 0755), 0);
	if (mount("none", path, "tmpfs", MS_RDONLY, NULL)) {
		print_message("cannot mount here\n");
		skip();
	}
	snprintf(file, sizeof(file), "%s/x.rec", path);
	refuse(file, false, -EROFS, "Read-only file system");
	assert_int_equal(umount(path), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_new_file),
		cmocka_unit_test(test_a_file_that_exists),
		cmocka_unit_test(test_hard_links_are_not_written_through),
		cmocka_unit_test(test_symbolic_links),
		cmocka_unit_test(test_what_cannot_be_a_file),
		cmocka_unit_test(test_devices_and_pipes),
		cmocka_unit_test(test_standard_output),
		cmocka_unit_test(test_nothing_is_left_beside_it),
		cmocka_unit_test(test_remove),
		cmocka_unit_test(test_under_sudo),
		cmocka_unit_test(test_without_permission),
		cmocka_unit_test(test_a_read_only_file_system),
	};

	unsetenv("SUDO_UID");
	unsetenv("SUDO_GID");
	return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
