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

static int create(struct record_file *file, const char *path, bool force)
{
	int err;

	begin_hearing();
	err = record_file__create(file, path, force);
	end_hearing();
	return err;
}

/* A file that could be made without a word. */
static struct record_file make(const char *path, bool force)
{
	struct record_file file;
	int err = create(&file, path, force);

	if (err)
		fail_msg("refused: %s", said);
	assert_string_equal(said, "");
	assert_true(file.fd > STDERR_FILENO);
	assert_true(fcntl(file.fd, F_GETFD) & FD_CLOEXEC);
	return file;
}

static void keep(struct record_file *file)
{
	begin_hearing();
	assert_int_equal(record_file__keep(file), 0);
	end_hearing();
	assert_string_equal(said, "");
}

static void make_and_keep(const char *path, bool force)
{
	struct record_file file = make(path, force);

	keep(&file);
	close(file.fd);
}

static void refuse(const char *path, bool force, int expected, const char *words)
{
	struct record_file file;
	int err = create(&file, path, force);

	if (err != expected)
		fail_msg("%s: %d instead of %d", path, err, expected);
	assert_int_equal(file.fd, -1);
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

/* Is this all that is in a directory of the scratch directory? */
static void check_names(const char *directory, const char *names)
{
	char command[PATH_MAX + 64];

	snprintf(command, sizeof(command), "test \"$(ls -A '%s/%s')\" = '%s'", scratch, directory,
		 names);
	assert_int_equal(system(command), 0);
}

static void test_a_new_file(void **state)
{
	const char *path = in_scratch("new.rec");
	mode_t mask = umask(0);
	struct record_file file = make(path, false);

	(void)state;
	umask(mask);
	assert_int_equal(stat_of(path).st_mode, S_IFREG | 0600);
	write_text(file.fd, "recording");
	check_content(path, "recording");
	keep(&file);
	check_content(path, "recording");
	close(file.fd);
	/* --force where there is nothing to replace. */
	file = make(in_scratch("forced.rec"), true);
	assert_int_equal(stat_of(in_scratch("forced.rec")).st_mode, S_IFREG | 0600);
	close(file.fd);
}

static void test_a_file_that_exists(void **state)
{
	const char *path = put_file("old/old.rec", "old", 0644);
	int reader = open(path, O_RDONLY | O_CLOEXEC);
	ino_t inode = stat_of(path).st_ino;
	struct record_file file;
	char content[8] = "";

	(void)state;
	refuse(path, false, -EEXIST, "--force");
	check_content(path, "old");
	assert_int_equal(stat_of(path).st_ino, inode);

	/* The old one is there until the new one is worth having. */
	file = make(path, true);
	write_text(file.fd, "new");
	check_content(path, "old");
	assert_int_equal(stat_of(path).st_ino, inode);
	/* As a whole, for its owner's eyes; who reads the old one goes on. */
	keep(&file);
	check_content(path, "new");
	assert_int_equal(stat_of(path).st_mode, S_IFREG | 0600);
	assert_true(stat_of(path).st_ino != inode);
	assert_int_equal(read(reader, content, sizeof(content)), 3);
	assert_string_equal(content, "old");
	write_text(file.fd, "er");
	keep(&file); /* the second time */
	check_content(path, "newer");
	check_names("old", "old.rec");
	close(file.fd);
	close(reader);
}

/* A recording that never began costs nothing. */
static void test_the_old_one_outlives_a_failure(void **state)
{
	const char *path = put_file("failure/x.rec", "precious", 0644);
	ino_t inode = stat_of(path).st_ino;
	struct record_file file = make(path, true);

	(void)state;
	write_text(file.fd, "begun");
	record_file__remove(&file);
	check_content(path, "precious");
	assert_int_equal(stat_of(path).st_ino, inode);
	check_names("failure", "x.rec");
	record_file__remove(&file); /* the second time */
	check_content(path, "precious");
	close(file.fd);
	/* One that took its place is removed by itself, whatever is beside it. */
	file = make(path, true);
	keep(&file);
	record_file__remove(&file);
	check_names("failure", "");
	close(file.fd);
}

/* What was recorded is not lost when it cannot have its name. */
static void test_it_cannot_be_kept(void **state)
{
	const char *path = put_file("blocked/x.rec", "old", 0644);
	struct record_file file = make(path, true);
	int err;

	(void)state;
	write_text(file.fd, "new");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0755), 0);
	begin_hearing();
	err = record_file__keep(&file);
	end_hearing();
	assert_int_equal(err, -EISDIR);
	assert_said(path);
	assert_said("it stays in");
	assert_said(file.temporary);
	check_content(file.temporary, "new");
	record_file__remove(&file);
	check_names("blocked", "x.rec");
	close(file.fd);
}

/* A second name of the old file keeps it. */
static void test_hard_links_are_not_written_through(void **state)
{
	const char *path = put_file("a.rec", "precious", 0600), *other = in_scratch("b");
	struct record_file file;

	(void)state;
	assert_int_equal(link(path, other), 0);
	file = make(path, true);
	write_text(file.fd, "x");
	keep(&file);
	close(file.fd);
	check_content(other, "precious");
	check_content(path, "x");
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
	struct record_file file;
	int reader;

	(void)state;
	for (int force = 0; force < 2; force++) {
		file = make("/dev/full", force);
		assert_int_equal(write(file.fd, "x", 1), -1);
		assert_int_equal(errno, ENOSPC);
		close(file.fd);
	}
	assert_true(S_ISCHR(stat_of("/dev/full").st_mode));

	assert_int_equal(mkfifo(pipe, 0600), 0);
	reader = open(pipe, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	for (int force = 0; force < 2; force++) {
		char content[8] = "";

		file = make(pipe, force);
		write_text(file.fd, "x");
		assert_int_equal(read(reader, content, sizeof(content)), 1);
		assert_true(S_ISFIFO(stat_of(pipe).st_mode));
		keep(&file);
		record_file__remove(&file);
		assert_true(S_ISFIFO(stat_of(pipe).st_mode));
		close(file.fd);
	}
	close(reader);
}

static void test_standard_output(void **state)
{
	const char *path = put_file("stdout", "", 0600);
	int saved = dup(STDOUT_FILENO), output = open(path, O_WRONLY | O_CLOEXEC), err;
	struct record_file file;

	(void)state;
	fflush(stdout);
	dup2(output, STDOUT_FILENO);
	err = create(&file, "-", false);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	close(output);
	assert_int_equal(err, 0);
	assert_true(file.fd > STDERR_FILENO);
	assert_true(fcntl(file.fd, F_GETFD) & FD_CLOEXEC);
	write_text(file.fd, "recording");
	keep(&file);
	record_file__remove(&file);
	close(file.fd);
	check_content(path, "recording");
	assert_int_equal(access("-", F_OK), -1);
}

static void test_remove(void **state)
{
	const char *path = in_scratch("removed.rec");
	struct record_file file = make(path, false);

	(void)state;
	record_file__remove(&file);
	assert_int_equal(access(path, F_OK), -1);
	record_file__remove(&file);
	/* Somebody else's by now. */
	put_file("removed.rec", "other", 0600);
	record_file__remove(&file);
	check_content(path, "other");
	close(file.fd);
}

static void test_under_sudo(void **state)
{
	const char *path = in_scratch("sudo.rec");

	(void)state;
	if (geteuid()) {
		print_message("needs root\n");
		skip();
	}
	setenv("SUDO_UID", "65534", 1);
	setenv("SUDO_GID", "65533", 1);
	for (int force = 0; force < 2; force++) {
		make_and_keep(path, force);
		assert_int_equal(stat_of(path).st_uid, 65534);
		assert_int_equal(stat_of(path).st_gid, 65533);
		assert_int_equal(stat_of(path).st_mode, S_IFREG | 0600);
	}
	/* sudo by root itself, and what is no number, change nothing. */
	setenv("SUDO_UID", "0", 1);
	make_and_keep(path, true);
	assert_int_equal(stat_of(path).st_uid, 0);
	assert_int_equal(stat_of(path).st_gid, getegid());
	setenv("SUDO_UID", "4294967295", 1);
	make_and_keep(path, true);
	assert_int_equal(stat_of(path).st_uid, 0);
	setenv("SUDO_UID", "65534x", 1);
	make_and_keep(path, true);
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
		struct record_file file;
		int err;

		if (setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534))
			_exit(1);
		err = create(&file, closed, false);
		if (err != -EACCES || !strstr(said, "directory: Permission denied"))
			_exit(2);
		err = create(&file, readonly, true);
		if (err != -EACCES || !strstr(said, "Permission denied"))
			_exit(3);
		/* Not root, so sudo's variables mean nothing. */
		setenv("SUDO_UID", "1", 1);
		setenv("SUDO_GID", "1", 1);
		err = create(&file, in_scratch("open/mine.rec"), false);
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
		cmocka_unit_test(test_the_old_one_outlives_a_failure),
		cmocka_unit_test(test_it_cannot_be_kept),
		cmocka_unit_test(test_hard_links_are_not_written_through),
		cmocka_unit_test(test_symbolic_links),
		cmocka_unit_test(test_what_cannot_be_a_file),
		cmocka_unit_test(test_devices_and_pipes),
		cmocka_unit_test(test_standard_output),
		cmocka_unit_test(test_remove),
		cmocka_unit_test(test_under_sudo),
		cmocka_unit_test(test_without_permission),
		cmocka_unit_test(test_a_read_only_file_system),
	};

	unsetenv("SUDO_UID");
	unsetenv("SUDO_GID");
	return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
