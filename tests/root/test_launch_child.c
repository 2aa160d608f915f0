// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * test_launch_child.c - what a command that `convoy record` starts inherits, and as whom it runs.
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
#include <dirent.h>
#include <grp.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/root/launch_run.h"
#include "user/exec_error.h"
#include "user/features.h"
#include "user/session.h"

#define NOBODY 65534u

/* --- what it inherits ------------------------------------------------------------------ */

/* Numbers of this process's descriptors that a program would inherit, as ls lists them. */
static void list_inherited(char *text, size_t size)
{
	bool inherited[1024] = { false };
	DIR *directory = opendir("/proc/self/fd");
	struct dirent *entry;
	size_t used = 0;

	assert_non_null(directory);
	while ((entry = readdir(directory))) {
		int fd = atoi(entry->d_name), flags = fcntl(fd, F_GETFD);

		if (entry->d_name[0] != '.' && fd < 1024 && flags >= 0 && !(flags & FD_CLOEXEC))
			inherited[fd] = true;
	}
	closedir(directory);
	text[0] = 0;
	for (int fd = 0; fd < 1024; fd++)
		if (inherited[fd])
			used += (size_t)snprintf(text + used, size - used, "%d\n", fd);
}

/* The descriptors of a command are those that this process was given. */
static void check_descriptors(void)
{
	char expected[512], text[512];

	list_inherited(expected, sizeof(expected));
	/* The shell itself opens none to look: it lists those of its own process. */
	run_shell("ls /proc/$$/fd | sort -n", text, sizeof(text));
	assert_string_equal(text, expected);
}

static void test_descriptors(void **state)
{
	int theirs;

	(void)state;
	check_descriptors();
	/* What the user gave to convoy for the command: `convoy record ... 9<file`. */
	theirs = open("/dev/null", O_RDONLY);
	assert_true(theirs >= 0);
	check_descriptors();
	close(theirs);
}

static void test_descriptors_of_the_probes(void **state)
{
	struct session_options options = { .futex = FUTEX_ALL };
	struct session *session;

	(void)state;
	if (features__require(&options.features)) {
		print_message("cannot trace here\n");
		skip();
	}
	assert_int_equal(session__new(&session, &options), 0);
	check_descriptors();
	session__free(session);
}

/* A set of signals as /proc/PID/status writes it. */
static unsigned long long bits_of(const sigset_t *set)
{
	unsigned long long bits = 0;

	for (int number = 1; number <= 64; number++)
		if (sigismember(set, number) == 1)
			bits |= 1ull << (number - 1);
	return bits;
}

static void check_signals(const sigset_t *blocked, const sigset_t *ignored,
			  unsigned long long expected)
{
	char *argv[] = { (char *)"grep", (char *)"^Sig[BI]", (char *)"/proc/self/status", NULL };
	struct launch_options options = options_of(argv);
	unsigned long long is_blocked = 0, is_ignored = 0;
	char text[256];

	options.sigmask = blocked;
	options.ignored = ignored;
	run_well(options, text, sizeof(text));
	assert_int_equal(sscanf(text, "SigBlk: %llx SigIgn: %llx", &is_blocked, &is_ignored), 2);
	/* 32 and 33 are glibc's own, and what it inherited of them stays: make ignores both. */
	is_ignored &= ~(3ull << 31);
	if (is_ignored != expected)
		print_message("ignored %llx, expected %llx\n", is_ignored, expected);
	assert_true(is_blocked == bits_of(blocked));
	assert_true(is_ignored == expected);
}

static void test_signals(void **state)
{
	sigset_t blocked, before, noted, all;

	(void)state;
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR1);
	signal(SIGTERM, SIG_IGN); /* the user: trap '' TERM */
	signal(SIGUSR2, SIG_IGN);
	launch__note_ignored(&before);
	assert_int_equal(sigismember(&before, SIGTERM), 1);
	assert_int_equal(sigismember(&before, SIGINT), 0);
	/* convoy */
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &noted);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	check_signals(&blocked, &before, bits_of(&before));
	sigaddset(&before, SIGPIPE);
	check_signals(&blocked, &before, bits_of(&before));
	/* Not told: as they are, but for SIGPIPE. */
	sigaddset(&before, SIGINT);
	sigdelset(&before, SIGPIPE);
	check_signals(&blocked, NULL, bits_of(&before));
	signal(SIGTERM, SIG_DFL);
	signal(SIGUSR2, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	sigprocmask(SIG_SETMASK, &noted, NULL);
}

static void test_output_to_stderr(void **state)
{
	char *argv[] = { (char *)"sh", (char *)"-c", (char *)"echo out; echo err >&2", NULL };
	struct launch_options options = options_of(argv);
	int err[2], saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	struct launch launch;
	char text[32];
	uint64_t when;

	(void)state;
	make_pipe(err);
	dup2(err[WRITE], STDERR_FILENO);
	options.stdout_fd = STDERR_FILENO; /* as with -o - */
	assert_int_equal(launch__start(&launch, &options), 0);
	assert_int_equal(launch__release(&launch, &when), 0);
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(err[WRITE]);
	read_all(err[READ], text, sizeof(text));
	close(err[READ]);
	reap(&launch);
	launch__close(&launch);
	assert_string_equal(text, "out\nerr\n");
}

/* --- who it is ------------------------------------------------------------------------- */

static char *const status_argv[] = {
	(char *)"grep",
	(char *)"-E",
	(char *)"^(Uid|Gid|Groups|Cap(Inh|Prm|Eff|Amb)):",
	(char *)"/proc/self/status",
	NULL,
};

static void assert_has(const char *text, const char *words)
{
	if (!strstr(text, words))
		fail_msg("\"%s\" is not in \"%s\"", words, text);
}

static void test_as_nobody(void **state)
{
	struct launch_options options = options_of(status_argv);
	struct identity identity;
	char text[512];

	(void)state;
	require_root();
	if (identity__look_up("nobody", &identity) || identity.uid != NOBODY) {
		identity__free(&identity);
		print_message("there is no user nobody with number 65534\n");
		skip();
	}
	assert_int_equal(identity__may_switch(&identity), 0);
	options.as = &identity;
	run_well(options, text, sizeof(text));
	assert_has(text, "Uid:\t65534\t65534\t65534\t65534\n");
	assert_has(text, "Gid:\t65534\t65534\t65534\t65534\n");
	assert_has(text, "CapPrm:\t0000000000000000\n");
	assert_has(text, "CapEff:\t0000000000000000\n");
	assert_has(text, "CapAmb:\t0000000000000000\n");
	/* This process is who it was. */
	assert_int_equal(geteuid(), 0);
	identity__free(&identity);
}

static void test_groups(void **state)
{
	gid_t groups[] = { 1235, 4321, 77777 };
	struct identity identity = {
		.uid = 1234, .gid = 1235, .groups = groups, .n_groups = 3, .name = (char *)"x"
	};
	struct launch_options options = options_of(status_argv);
	char text[512];

	(void)state;
	require_root();
	options.as = &identity;
	run_well(options, text, sizeof(text));
	assert_has(text, "Uid:\t1234\t1234\t1234\t1234\n");
	assert_has(text, "Gid:\t1235\t1235\t1235\t1235\n");
	assert_has(text, "Groups:\t1235 4321 77777 \n");
	/* And none of root's. */
	identity.n_groups = 0;
	run_well(options, text, sizeof(text));
	assert_has(text, "Groups:\t \n");
}

/* In a child that is nobody: it cannot become somebody else, and nothing is executed. */
static void test_without_permission(void **state)
{
	struct identity identity = { .uid = 1, .gid = 1, .name = (char *)"daemon" };
	pid_t pid;

	(void)state;
	require_root();
	pid = fork();
	if (!pid) {
		struct launch_options options = options_of(status_argv);
		struct launch launch;

		child_assert(!setgroups(0, NULL), 2);
		child_assert(!setresgid(NOBODY, NOBODY, NOBODY), 3);
		child_assert(!setresuid(NOBODY, NOBODY, NOBODY), 4);
		options.as = &identity;
		child_assert(launch__start(&launch, &options) == -EPERM, 5);
		child_assert(launch.failed_step == LAUNCH_SWITCHING, 6);
		child_assert(launch__explain_start_error(&launch, &options, -EPERM) == 3, 7);
		launch__kill(&launch);
		child_assert(launch.reaped && WEXITSTATUS(launch.status) == 127, 8);
		launch__close(&launch);
		_exit(0);
	}
	assert_child_well(pid);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_descriptors),
		cmocka_unit_test(test_descriptors_of_the_probes),
		cmocka_unit_test(test_signals),
		cmocka_unit_test(test_output_to_stderr),
		cmocka_unit_test(test_as_nobody),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_without_permission),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
