// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * test_launch.c - how `convoy record` starts a command: as the user's own, as any user.
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
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "user/exec_error.h"
#include "user/features.h"
#include "user/launch.h"
#include "user/session.h"

#define NOBODY 65534u
#define READ 0
#define WRITE 1

static struct launch_options options_of(char *const *argv)
{
	struct launch_options options = {
		.argv = argv,
		.stdout_fd = -1,
		.keep_fd = -1,
		.leave_alone = true,
	};

	return options;
}

static void make_pipe(int fds[2])
{
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
}

/* Until the end, as a string. */
static void read_all(int fd, char *text, size_t size)
{
	size_t used = 0;
	ssize_t n;

	while (used < size - 1 && (n = read(fd, text + used, size - 1 - used)) > 0)
		used += (size_t)n;
	text[used] = 0;
}

static void reap(struct launch *launch)
{
	int done;

	while (!(done = launch__reap(launch)))
		usleep(1000);
	assert_int_equal(done, 1);
}

/* Start it, wait for its end; what it printed. Its status is in launch->status. */
static void run(struct launch *launch, struct launch_options options, char *text, size_t size)
{
	uint64_t when;
	int out[2];

	make_pipe(out);
	options.stdout_fd = out[WRITE];
	assert_int_equal(launch__start(launch, &options), 0);
	close(out[WRITE]);
	assert_int_equal(launch__release(launch, &when), 0);
	read_all(out[READ], text, size);
	close(out[READ]);
	reap(launch);
}

static void run_well(struct launch_options options, char *text, size_t size)
{
	struct launch launch;

	run(&launch, options, text, size);
	assert_int_equal(launch__exec_error(&launch), 0);
	assert_int_equal(launch.status, 0);
	launch__close(&launch);
}

static void run_shell(const char *script, char *text, size_t size)
{
	char *argv[] = { (char *)"sh", (char *)"-c", (char *)script, NULL };

	run_well(options_of(argv), text, size);
}

/* Everything that can go wrong in a child that tests something is its exit status. */
#define child_assert(condition, status)                                                            \
	do {                                                                                       \
		if (!(condition))                                                                  \
			_exit(status);                                                             \
	} while (0)

static void assert_child_well(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void require_root(void)
{
	if (geteuid()) {
		print_message("needs root\n");
		skip();
	}
}

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
		cmocka_unit_test(test_descriptors),
		cmocka_unit_test(test_descriptors_of_the_probes),
		cmocka_unit_test(test_signals),
		cmocka_unit_test(test_output_to_stderr),
		cmocka_unit_test(test_as_nobody),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_without_permission),
		cmocka_unit_test(test_path_of_its_own_environment),
		cmocka_unit_test(test_exec_errors),
		cmocka_unit_test(test_that_it_is_executed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
