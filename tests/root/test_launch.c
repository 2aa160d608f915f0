// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * test_launch.c - how `convoy record` starts a command: where it belongs, who lives longer, and
 * what is executed.
 */
#include <errno.h>
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
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/root/launch_run.h"

/* --- where it belongs ---------------------------------------------------------------- */

static void test_process_group(void **state)
{
	char *argv[] = { (char *)"cut", (char *)"-d ", (char *)"-f5", (char *)"/proc/self/stat",
			 NULL };
	struct launch_options options = options_of(argv);
	char text[64];

	(void)state;
	run_well(options, text, sizeof(text));
	assert_int_equal(atoi(text), getpgrp());
	/* Those of `run` have a group of their own. */
	options.leave_alone = false;
	run_well(options, text, sizeof(text));
	assert_int_not_equal(atoi(text), getpgrp());
}

/* A session with a terminal: only its foreground group can read from that. */
static void read_from_terminal(const char *terminal)
{
	char *argv[] = { (char *)"sh", (char *)"-c",
			 (char *)"read -r word </dev/tty && test \"$word\" = hello", NULL };
	struct launch_options options = options_of(argv);
	struct launch launch;
	uint64_t when;
	int fd;

	alarm(30); /* from another group it would stop, and wait for ever */
	child_assert(setsid() >= 0, 2);
	fd = open(terminal, O_RDWR);
	child_assert(fd >= 0 && !ioctl(fd, TIOCSCTTY, 0), 3);
	child_assert(!launch__start(&launch, &options), 4);
	child_assert(!launch__release(&launch, &when), 5);
	while (launch__reap(&launch) == 0)
		usleep(1000);
	child_assert(launch.reaped && !launch.status, 6);
	_exit(0);
}

static void test_reads_from_the_terminal(void **state)
{
	int leader = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	pid_t pid;

	(void)state;
	assert_true(leader >= 0);
	assert_int_equal(grantpt(leader) | unlockpt(leader), 0);
	pid = fork();
	if (!pid)
		read_from_terminal(ptsname(leader));
	assert_int_equal(write(leader, "hello\n", 6), 6);
	assert_child_well(pid);
	close(leader);
}

/* Its descendants do not come to this process, and are not waited for. */
static void leave_an_orphan(int end)
{
	/* What a shell gives to & as stdin is /dev/null, unless it is told otherwise. */
	char *argv[] = { (char *)"sh", (char *)"-c",
			 (char *)"exec 3<&0; cat <&3 >/dev/null & exit 3", NULL };
	struct launch_options options = options_of(argv);
	struct launch launch;
	uint64_t when;
	int subreaper = -1;

	child_assert(dup2(end, STDIN_FILENO) == STDIN_FILENO, 2);
	child_assert(!launch__start(&launch, &options), 3);
	child_assert(!launch__release(&launch, &when), 4);
	while (launch__reap(&launch) == 0)
		usleep(1000);
	child_assert(WEXITSTATUS(launch.status) == 3 && !launch.n_orphans, 5);
	child_assert(!prctl(PR_GET_CHILD_SUBREAPER, &subreaper) && !subreaper, 6);
	child_assert(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD, 7);
	_exit(0);
}

static void test_orphans_are_not_convoys(void **state)
{
	int end[2];
	pid_t pid;

	(void)state;
	make_pipe(end);
	pid = fork();
	if (!pid)
		leave_an_orphan(end[READ]);
	assert_child_well(pid);
	/* With this its standard input ends, and it too. */
	close(end[READ]);
	close(end[WRITE]);
}

/* --- who lives longer ------------------------------------------------------------------ */

/*
 * A process that starts `cat` between two pipes, and is killed. Returns true if cat then
 * still echoes.
 */
static bool echoes_after_its_parent(bool leave_alone, bool released)
{
	char *argv[] = { (char *)"cat", NULL };
	int in[2], out[2], ready[2], status;
	struct pollfd poll_fd;
	char byte = 0;
	bool echo;
	pid_t pid;

	make_pipe(in);
	make_pipe(out);
	make_pipe(ready);
	pid = fork();
	if (!pid) {
		struct launch_options options = options_of(argv);
		struct launch launch;
		uint64_t when;

		child_assert(dup2(in[READ], STDIN_FILENO) == STDIN_FILENO, 2);
		close(in[WRITE]);
		close(out[READ]);
		options.stdout_fd = out[WRITE];
		options.leave_alone = leave_alone;
		child_assert(!launch__start(&launch, &options), 3);
		if (released)
			child_assert(!launch__release(&launch, &when), 4);
		child_assert(write(ready[WRITE], "", 1) == 1, 5);
		pause();
	}
	close(in[READ]);
	close(out[WRITE]);
	assert_int_equal(read(ready[READ], &byte, 1), 1);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));

	/* Either the echo, or the end: all that held the pipe are gone. */
	signal(SIGPIPE, SIG_IGN);
	(void)!write(in[WRITE], "x", 1);
	signal(SIGPIPE, SIG_DFL);
	poll_fd = (struct pollfd){ .fd = out[READ], .events = POLLIN };
	assert_true(poll(&poll_fd, 1, 30000) > 0);
	echo = read(out[READ], &byte, 1) == 1 && byte == 'x';
	close(in[WRITE]);
	close(out[READ]);
	close(ready[READ]);
	close(ready[WRITE]);
	return echo;
}

static void test_outlives_convoy(void **state)
{
	(void)state;
	assert_true(echoes_after_its_parent(true, true));
	/* One of `run` does not. */
	assert_false(echoes_after_its_parent(false, true));
	/* At the cork it is convoy's own code still. */
	assert_false(echoes_after_its_parent(true, false));
	assert_false(echoes_after_its_parent(false, false));
}

static void test_is_not_killed(void **state)
{
	char *argv[] = { (char *)"cat", NULL };
	struct launch_options options = options_of(argv);
	int in[2], out[2], saved = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	struct launch launch;
	char text[8];
	uint64_t when;

	(void)state;
	make_pipe(in);
	make_pipe(out);
	dup2(in[READ], STDIN_FILENO);
	options.stdout_fd = out[WRITE];
	assert_int_equal(launch__start(&launch, &options), 0);
	assert_int_equal(launch__release(&launch, &when), 0);
	dup2(saved, STDIN_FILENO);
	close(saved);
	close(in[READ]);
	close(out[WRITE]);
	launch__kill(&launch);
	assert_false(launch.reaped);
	assert_int_equal(write(in[WRITE], "echo", 4), 4);
	close(in[WRITE]);
	read_all(out[READ], text, sizeof(text));
	assert_string_equal(text, "echo");
	reap(&launch);
	assert_int_equal(launch.status, 0);
	launch__close(&launch);
	close(out[READ]);
}

static void test_never_uncorked(void **state)
{
	char *argv[] = { (char *)"echo", (char *)"executed", NULL };
	struct launch_options options = options_of(argv);
	struct launch launch;
	char text[32];
	int out[2];

	(void)state;
	make_pipe(out);
	options.stdout_fd = out[WRITE];
	assert_int_equal(launch__start(&launch, &options), 0);
	close(out[WRITE]);
	launch__kill(&launch);
	assert_true(launch.reaped);
	assert_true(WIFEXITED(launch.status));
	assert_int_equal(WEXITSTATUS(launch.status), 127);
	read_all(out[READ], text, sizeof(text));
	assert_string_equal(text, "");
	launch__close(&launch);
	close(out[READ]);
}

/* --- what is executed ------------------------------------------------------------------ */

static void test_path_of_its_own_environment(void **state)
{
	char directory[] = "/tmp/convoy-launch.XXXXXX", entry[64], tool[64], text[32];
	char *argv[] = { (char *)"convoy-test-tool", NULL }, *envp[] = { entry, NULL };
	struct launch_options options = options_of(argv);
	struct launch launch;
	FILE *file;

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(entry, sizeof(entry), "PATH=%s", directory);
	snprintf(tool, sizeof(tool), "%s/convoy-test-tool", directory);
	file = fopen(tool, "we");
	assert_non_null(file);
	fputs("#!/bin/sh\necho \"$PATH\"\n", file);
	fclose(file);
	assert_int_equal(chmod(tool, 0755), 0);
	options.envp = envp;
	run_well(options, text, sizeof(text));
	assert_int_equal(strncmp(text, directory, strlen(directory)), 0);
	/* In this process's PATH it is not. */
	options.envp = NULL;
	run(&launch, options, text, sizeof(text));
	assert_int_equal(launch__exec_error(&launch), ENOENT);
	assert_int_equal(WEXITSTATUS(launch.status), 127);
	launch__close(&launch);
	unlink(tool);
	rmdir(directory);
}

static void test_exec_errors(void **state)
{
	static const struct {
		const char *argv0;
		int err;
	} cases[] = {
		{ "/no/such/file", ENOENT },
		{ "convoy-no-such-command", ENOENT },
		{ "/proc", EACCES },
		{ "/proc/self/status", EACCES },
		{ "/proc/self/status/x", ENOTDIR },
		{ "", ENOENT },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char *argv[] = { (char *)cases[i].argv0, NULL }, text[8];
		struct launch launch;

		run(&launch, options_of(argv), text, sizeof(text));
		assert_int_equal(launch__exec_error(&launch), cases[i].err);
		assert_int_equal(launch__exec_error(&launch), cases[i].err);
		assert_int_equal(launch__executed(&launch, 0), -cases[i].err);
		assert_true(launch.reaped);
		launch__close(&launch);
	}
}

/* Known while it runs, and not before. */
static void test_that_it_is_executed(void **state)
{
	char *cat[] = { (char *)"cat", NULL }, *wrong[] = { (char *)"/no/such/file", NULL };
	int in[2], saved = dup(STDIN_FILENO);
	struct launch_options options = options_of(cat);
	struct launch launch;
	uint64_t when;

	(void)state;
	make_pipe(in);
	dup2(in[READ], STDIN_FILENO);
	assert_int_equal(launch__start(&launch, &options), 0);
	assert_int_equal(launch__executed(&launch, 0), 0);
	assert_int_equal(launch__release(&launch, &when), 0);
	assert_int_equal(launch__executed(&launch, 60000), 1);
	assert_int_equal(launch__executed(&launch, 0), 1);
	assert_int_equal(launch__reap(&launch), 0);
	dup2(saved, STDIN_FILENO);
	close(saved);
	close(in[READ]);
	close(in[WRITE]);
	reap(&launch);
	assert_int_equal(launch__exec_error(&launch), 0);
	launch__close(&launch);

	options = options_of(wrong);
	assert_int_equal(launch__start(&launch, &options), 0);
	assert_int_equal(launch__release(&launch, &when), 0);
	assert_int_equal(launch__executed(&launch, 60000), -ENOENT);
	reap(&launch);
	assert_int_equal(launch__exec_error(&launch), ENOENT);
	launch__close(&launch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_process_group),
		cmocka_unit_test(test_reads_from_the_terminal),
		cmocka_unit_test(test_orphans_are_not_convoys),
		cmocka_unit_test(test_outlives_convoy),
		cmocka_unit_test(test_is_not_killed),
		cmocka_unit_test(test_never_uncorked),
		cmocka_unit_test(test_path_of_its_own_environment),
		cmocka_unit_test(test_exec_errors),
		cmocka_unit_test(test_that_it_is_executed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
