// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * test_launch_own.c - how convoy starts what is its own, an interpreter or a workload: with
 * which descriptors, and that it ends when convoy does, whoever it has become.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "user/launch.h"

#define READ 0
#define WRITE 1

static void make_pipe(int fds[2])
{
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
}

/* Until the end, which comes within a minute. */
static void read_all(int fd, char *text, size_t size)
{
	struct pollfd readable = { .fd = fd, .events = POLLIN };
	size_t used = 0;
	ssize_t n = 1;

	while (n > 0 && used < size - 1) {
		assert_int_equal(poll(&readable, 1, 60000), 1);
		n = read(fd, text + used, size - 1 - used);
		used += n > 0 ? (size_t)n : 0;
	}
	text[used] = 0;
}

static void test_descriptors(void **state)
{
	char *argv[] = { (char *)"sh", (char *)"-c",
			 (char *)"read -r line; echo out $line; echo err >&2", NULL };
	struct launch_options options = { .argv = argv, .keep_fd = -1 };
	int in[2], out[2], err[2];
	char text[64];
	struct launch launch;
	uint64_t when;

	(void)state;
	make_pipe(in);
	make_pipe(out);
	make_pipe(err);
	assert_int_equal(write(in[WRITE], "in\n", 3), 3);
	options.stdin_fd = in[READ];
	options.stdout_fd = out[WRITE];
	options.stderr_fd = err[WRITE];
	assert_int_equal(launch__start(&launch, &options), 0);
	close(in[READ]);
	close(out[WRITE]);
	close(err[WRITE]);
	assert_int_equal(launch__release(&launch, &when), 0);
	read_all(out[READ], text, sizeof(text));
	assert_string_equal(text, "out in\n");
	read_all(err[READ], text, sizeof(text));
	assert_string_equal(text, "err\n");
	launch__kill(&launch);
	launch__close(&launch);
	close(in[WRITE]);
	close(out[READ]);
	close(err[READ]);
}

/* In a child that starts the command, and is gone without another word. */
static void start_and_end(struct launch_options options)
{
	struct launch launch;
	uint64_t when;

	if (launch__start(&launch, &options) || launch__release(&launch, &when) ||
	    launch__executed(&launch, 60000) != 1)
		_exit(1);
	_exit(0);
}

/* It keeps the pipe open as long as it lives, which is short. */
static void check_that_it_ends(const struct identity *as)
{
	char *argv[] = { (char *)"sleep", (char *)"1000", NULL };
	struct launch_options options = { .argv = argv, .keep_fd = -1, .as = as };
	int out[2], status;
	char text[8];
	pid_t pid;

	make_pipe(out);
	options.stdout_fd = out[WRITE];
	pid = fork();
	if (!pid)
		start_and_end(options);
	close(out[WRITE]);
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	read_all(out[READ], text, sizeof(text));
	close(out[READ]);
}

static void test_ends_with_convoy(void **state)
{
	(void)state;
	check_that_it_ends(NULL);
}

/* The kernel forgets that it is to, when it becomes another user. */
static void test_ends_with_convoy_as_another(void **state)
{
	gid_t groups[] = { 1235 };
	struct identity identity = {
		.uid = 1234, .gid = 1235, .groups = groups, .n_groups = 1, .name = (char *)"x"
	};

	(void)state;
	if (geteuid()) {
		print_message("needs root\n");
		skip();
	}
	check_that_it_ends(&identity);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_descriptors),
		cmocka_unit_test(test_ends_with_convoy),
		cmocka_unit_test(test_ends_with_convoy_as_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
