/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_record_plan.c - what `convoy record` takes, and what it refuses, with a message.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/stderr_fixture.h"
#include "user/record_plan.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))
#define MAX_ARGS 32

/* The plan holds pointers into it. */
static char *arguments[MAX_ARGS + 2];

static int parse_list(struct record_plan *plan, va_list list)
{
	int argc = 1, err;

	arguments[0] = (char *)"record";
	while (argc < MAX_ARGS && (arguments[argc] = va_arg(list, char *)))
		argc++;
	arguments[argc] = NULL;
	begin_hearing();
	err = record_plan__parse(plan, argc, arguments);
	end_hearing();
	assert_string_equal(arguments[0], "record"); /* argp saw another name */
	return err;
}

/* The plan that these arguments give, without a word on stderr; the last is NULL. */
static struct record_plan __attribute__((sentinel)) take(const char *first, ...)
{
	struct record_plan plan;
	va_list list;
	int err;

	(void)first;
	va_start(list, first);
	err = parse_list(&plan, list);
	va_end(list);
	if (err)
		fail_msg("refused: %s", said);
	assert_string_equal(said, "");
	return plan;
}

static void __attribute__((sentinel)) refuse(const char *words, ...)
{
	struct record_plan plan;
	va_list list;
	int err;

	va_start(list, words);
	err = parse_list(&plan, list);
	va_end(list);
	if (err != -EINVAL)
		fail_msg("%d instead of -EINVAL where \"%s\" was expected", err, words);
	assert_said(words);
}

static void test_a_command(void **state)
{
	struct record_plan plan = take("", "--", "make", "-j8", NULL);

	(void)state;
	assert_int_equal(plan.targets, CONVOY_TARGETS_NONE);
	assert_string_equal(plan.command[0], "make");
	assert_string_equal(plan.command[1], "-j8");
	assert_null(plan.command[2]);
	assert_string_equal(plan.output, "convoy.rec");
	assert_false(plan.force);
	assert_int_equal(plan.duration_ns, 0);
	assert_int_equal(plan.futex, FUTEX_ALL);
	assert_null(plan.as);
	assert_null(plan.cgroup);
	assert_int_equal(plan.maps, RECORD_MAPS_EVENTS);
	assert_int_equal(plan.ring_bytes, 0);
	assert_false(plan.allow_loss);
	assert_false(plan.verbose);
	assert_int_equal(plan.n_wanted, 0);
	assert_string_equal(plan.command_line, "convoy record -- make -j8");
}

/* After its name, nothing is convoy's any more, with and without --. */
static void test_options_of_the_command(void **state)
{
	struct record_plan plan = take("", "-v", "ls", "-p", "1", "--help", "-a", "--", "x", NULL);

	(void)state;
	assert_int_equal(plan.targets, CONVOY_TARGETS_NONE);
	assert_true(plan.verbose);
	assert_string_equal(plan.command[0], "ls");
	assert_string_equal(plan.command[4], "-a");
	assert_string_equal(plan.command[5], "--");
	assert_string_equal(plan.command[6], "x");
	assert_null(plan.command[7]);

	plan = take("", "-d", "1", "--", "--version", "-o", "x", NULL);
	assert_string_equal(plan.command[0], "--version");
	assert_string_equal(plan.command[1], "-o");
	assert_string_equal(plan.output, "convoy.rec");

	/* A second -- is the command's. */
	plan = take("", "--", "--", "x", NULL);
	assert_string_equal(plan.command[0], "--");
}

static void test_every_option(void **state)
{
	struct record_plan plan = take("", "--output=x.rec", "--force", "--duration=2m",
				       "--futex=blocking", "--as=nobody", "--maps=proc",
				       "--ring-bytes=65536", "--allow-loss", "--verbose", "true",
				       NULL);

	(void)state;
	assert_string_equal(plan.output, "x.rec");
	assert_true(plan.force);
	assert_true(plan.duration_ns == 120000000000u);
	assert_int_equal(plan.futex, FUTEX_BLOCKING);
	assert_string_equal(plan.as, "nobody");
	assert_int_equal(plan.maps, RECORD_MAPS_PROC);
	assert_int_equal(plan.ring_bytes, 65536);
	assert_true(plan.allow_loss);
	assert_true(plan.verbose);
	assert_int_equal(take("", "--maps=none", "-a", NULL).maps, RECORD_MAPS_NONE);
	assert_int_equal(take("", "--maps=none", "--maps=events", "-a", NULL).maps,
			 RECORD_MAPS_EVENTS);
	assert_string_equal(take("", "-o", "a", "-o", "b", "-a", NULL).output, "b");
}

static void test_processes_and_threads(void **state)
{
	struct record_plan plan = take("", "-p", "7,1,7", "--pid=9", "-p1", NULL);

	(void)state;
	assert_int_equal(plan.targets, CONVOY_TARGETS_PIDS);
	assert_int_equal(plan.n_wanted, 3);
	assert_int_equal(plan.wanted[0], 7);
	assert_int_equal(plan.wanted[1], 1);
	assert_int_equal(plan.wanted[2], 9);
	assert_null(plan.command);
	assert_int_equal(plan.futex, FUTEX_BLOCKING);
	assert_int_equal(take("", "-p1", "--futex=all", NULL).futex, FUTEX_ALL);

	plan = take("", "--tid", "12", "-t", "13,4194304", NULL);
	assert_int_equal(plan.targets, CONVOY_TARGETS_THREADS);
	assert_int_equal(plan.n_wanted, 3);
	assert_int_equal(plan.wanted[2], 4194304);
	assert_int_equal(plan.futex, FUTEX_BLOCKING);

	plan = take("", "-a", NULL);
	assert_int_equal(plan.targets, CONVOY_TARGETS_ALL);
	assert_int_equal(plan.futex, FUTEX_BLOCKING);

	plan = take("", "--cgroup", "/a/b", NULL);
	assert_int_equal(plan.targets, CONVOY_TARGETS_CGROUP);
	assert_string_equal(plan.cgroup, "/a/b");
	assert_int_equal(plan.futex, FUTEX_BLOCKING);
}

static void test_bad_ids(void **state)
{
	static const char *const options[] = { "-p", "-t" };
	static const char *const bad[] = { "",	 "x",	"1x",  "-1", " 1",   "1 ",  "1.5",
					   "1,", ",1", "1,,2", "+1", "1, 2", "0x1", "1;2" };
	char own[16];

	(void)state;
	snprintf(own, sizeof(own), "1,%d", getpid());
	for (size_t i = 0; i < N(options); i++) {
		for (size_t k = 0; k < N(bad); k++)
			refuse("is not a number", options[i], bad[k], NULL);
		refuse("0 is out of range", options[i], "0", NULL);
		refuse("out of range", options[i], "4194305", NULL);
		refuse("out of range", options[i], "99999999999999999999", NULL);
		refuse("is convoy itself", options[i], own, NULL);
	}
}

static void test_as_many_as_the_probes_take(void **state)
{
	char text[8 * (CONVOY_MAX_WANTED + 1)] = "";
	struct record_plan plan;
	size_t used = 0;

	(void)state;
	for (unsigned i = 0; i < CONVOY_MAX_WANTED; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%u", i ? "," : "",
					 4000000 + i);
	plan = take("", "-p", text, "-p", "4000000", NULL);
	assert_int_equal(plan.n_wanted, CONVOY_MAX_WANTED);
	assert_int_equal(plan.wanted[CONVOY_MAX_WANTED - 1], 4000000 + CONVOY_MAX_WANTED - 1);
	refuse("more than 128", "-p", text, "-p", "3999999", NULL);
}

static void test_exactly_one_target(void **state)
{
	static const char *const targets[][3] = {
		{ "-p", "1" }, { "-t", "1" }, { "--cgroup", "x" }, { "-a" }, { "--", "true" },
	};

	(void)state;
	refuse("nothing to record: give a command (convoy record -- make -j8)", NULL);
	refuse("nothing to record", "-o", "x", "-d", "1", NULL);
	refuse("nothing to record", "--", NULL);
	for (size_t i = 0; i < N(targets); i++) {
		for (size_t k = i + 1; k < N(targets); k++) {
			/* One argument less where the first is -a. */
			if (targets[i][1])
				refuse("choose one", targets[i][0], targets[i][1], targets[k][0],
				       targets[k][1], NULL);
			else
				refuse("choose one", targets[i][0], targets[k][0], targets[k][1],
				       NULL);
		}
	}
	refuse("-a and a command ('sleep')", "-a", "sleep", "5", NULL);
	refuse("give -d", "-a", "sleep", "5", NULL);
	refuse("-p and -t are two", "-t", "1", "-p", "2", NULL);
	refuse("can be given once", "--cgroup", "a", "--cgroup", "b", NULL);
	refuse("needs a path", "--cgroup=", NULL);
}

static void test_durations(void **state)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} good[] = {
		{ "1", 1000000000 },	 { "0.5", 500000000 },	   { "10s", 10000000000 },
		{ "2m", 120000000000 },	 { "1.5h", 5400000000000 }, { ".25", 250000000 },
		{ "1e-9", 1 },		 { "0.001m", 60000000 },   { "366h", 1317600000000000 },
		{ "500ms", 500000000 },	 { "0.1ms", 100000 },	   { "1s", 1000000000 },
	};
	static const char *const bad[] = { "",	  "s",	 "x",	"1x",  "ms",   "1d",
					   "-1",  "1 s", " 1",	"+1",  "inf",  "nan",
					   "1s2", "1hh", "0x1", "1us", "1msm", "1 ms" };

	(void)state;
	for (size_t i = 0; i < N(good); i++)
		assert_true(take("", "-a", "-d", good[i].text, NULL).duration_ns == good[i].ns);
	for (size_t i = 0; i < N(bad); i++)
		refuse("is not a time", "-a", "-d", bad[i], NULL);
	refuse("out of range", "-a", "-d", "0", NULL);
	refuse("out of range", "-a", "-d", "0s", NULL);
	refuse("out of range", "-a", "-d", "0ms", NULL);
	refuse("out of range", "-a", "-d", "1e-10", NULL);
	refuse("out of range", "-a", "-d", "9000h", NULL);
	refuse("out of range", "-a", "-d", "1e300", NULL);
	refuse("is not a time", "-a", "-d",
	       "1000000000000000000000000000000000000000000000000000000000000000000000x", NULL);
}

static void test_other_refusals(void **state)
{
	(void)state;
	refuse("--futex 'none' does not exist: it is all or blocking", "--futex=none", "true",
	       NULL);
	refuse("--maps 'all' does not exist: it is events, proc or none", "--maps=all", "true",
	       NULL);
	refuse("not a power of two", "--ring-bytes=5000", "true", NULL);
	refuse("out of range", "--ring-bytes=1", "true", NULL);
	refuse("-o needs", "-o", "", "true", NULL);
	refuse("--as root is for a command", "--as", "root", "-a", NULL);
	refuse("--as root is for a command", "--as", "root", "-p", "1", NULL);
}

/* A terminal as standard output, as far as isatty(3) knows. */
static void test_no_recording_to_a_terminal(void **state)
{
	int saved = dup(STDOUT_FILENO), leader = posix_openpt(O_RDWR | O_NOCTTY), terminal;
	struct record_plan plan;
	char *argv[] = { (char *)"record", (char *)"-a", (char *)"-o", (char *)"-", NULL };
	int err;

	(void)state;
	assert_true(leader >= 0);
	assert_int_equal(grantpt(leader) | unlockpt(leader), 0);
	terminal = open(ptsname(leader), O_RDWR | O_NOCTTY);
	assert_true(terminal >= 0);
	fflush(stdout);
	begin_hearing();
	dup2(terminal, STDOUT_FILENO);
	err = record_plan__parse(&plan, 4, argv);
	dup2(saved, STDOUT_FILENO);
	end_hearing();
	close(saved);
	close(terminal);
	close(leader);
	assert_int_equal(err, -EINVAL);
	assert_said("redirect stdout");

	saved = dup(STDOUT_FILENO);
	terminal = open("/dev/null", O_WRONLY);
	fflush(stdout);
	dup2(terminal, STDOUT_FILENO);
	err = record_plan__parse(&plan, 4, argv);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	close(terminal);
	assert_int_equal(err, 0);
	assert_string_equal(plan.output, "-");
}

static void test_lines_of_proc_stat(void **state)
{
	struct proc_stat stat;

	(void)state;
	assert_int_equal(proc_stat__parse(&stat,
					  "24906 (cat) R 23195 23195 5763 0 -1 4194304 97 0 0 0 0 "
					  "0 0 0 20 0 1 0 137229 3133440"),
			 0);
	assert_int_equal(stat.state, 'R');
	assert_false(stat.kernel_thread);
	assert_int_equal(stat.n_threads, 1);
	assert_int_equal(proc_stat__parse(&stat,
					  "2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 0 0 0 20 0 "
					  "1 0 1 0 0"),
			 0);
	assert_true(stat.kernel_thread);
	/* A name that looks like what follows it. */
	assert_int_equal(proc_stat__parse(&stat,
					  "5 (a) Z 1 1 1 1 1 2129984 (b)) S 1 5 5 0 -1 4194560 1 2 "
					  "3 4 5 6 -7 -8 -9 -10 12 0 1"),
			 0);
	assert_int_equal(stat.state, 'S');
	assert_false(stat.kernel_thread);
	assert_int_equal(stat.n_threads, 12);
	assert_int_equal(proc_stat__parse(&stat, ""), -EBADMSG);
	assert_int_equal(proc_stat__parse(&stat, "5 (a"), -EBADMSG);
	assert_int_equal(proc_stat__parse(&stat, "5 (a) S 1 5 5 0 -1 4194560"), -EBADMSG);
	assert_int_equal(proc_stat__parse(&stat, "5 (a) S x"), -EBADMSG);
}

static int check(enum convoy_targets targets, pid_t id)
{
	struct record_plan plan = { .targets = targets, .n_wanted = 1, .wanted = { (uint32_t)id } };
	int err;

	begin_hearing();
	err = record_plan__check_targets(&plan);
	end_hearing();
	return err;
}

struct sleeper {
	pthread_t thread;
	int tid_pipe[2], end_pipe[2];
	pid_t tid;
};

static void *sleep_until_told(void *arg)
{
	struct sleeper *sleeper = arg;
	pid_t tid = gettid();
	char byte;

	if (write(sleeper->tid_pipe[1], &tid, sizeof(tid)) == sizeof(tid))
		(void)!read(sleeper->end_pipe[0], &byte, 1);
	return NULL;
}

static void begin_sleeper(struct sleeper *sleeper)
{
	assert_int_equal(pipe(sleeper->tid_pipe) | pipe(sleeper->end_pipe), 0);
	assert_int_equal(pthread_create(&sleeper->thread, NULL, sleep_until_told, sleeper), 0);
	assert_int_equal(read(sleeper->tid_pipe[0], &sleeper->tid, sizeof(sleeper->tid)),
			 sizeof(sleeper->tid));
}

static void end_sleeper(struct sleeper *sleeper)
{
	close(sleeper->end_pipe[1]);
	pthread_join(sleeper->thread, NULL);
	close(sleeper->end_pipe[0]);
	close(sleeper->tid_pipe[0]);
	close(sleeper->tid_pipe[1]);
}

static void test_targets_that_are_there(void **state)
{
	struct sleeper sleeper;
	char words[80];

	(void)state;
	begin_sleeper(&sleeper);
	assert_int_equal(check(CONVOY_TARGETS_PIDS, getppid()), 0);
	assert_string_equal(said, "");
	assert_int_equal(check(CONVOY_TARGETS_THREADS, getppid()), 0);
	assert_int_equal(check(CONVOY_TARGETS_THREADS, sleeper.tid), 0);
	assert_string_equal(said, "");

	assert_int_equal(check(CONVOY_TARGETS_PIDS, sleeper.tid), -EINVAL);
	snprintf(words, sizeof(words), "%d is a thread of process %d: give -t %d", sleeper.tid,
		 getpid(), sleeper.tid);
	assert_said(words);
	end_sleeper(&sleeper);
}

/* A PID that was in use and is free now; a zombie before. */
static void test_targets_that_are_gone(void **state)
{
	pid_t pid = fork();
	siginfo_t info;

	(void)state;
	if (!pid)
		_exit(0);
	assert_true(pid > 0);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(check(CONVOY_TARGETS_PIDS, pid), -EINVAL);
	assert_said("has ended already");
	assert_said("zombie");
	assert_int_equal(check(CONVOY_TARGETS_THREADS, pid), -EINVAL);
	assert_said("has ended already");
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(check(CONVOY_TARGETS_PIDS, pid), -EINVAL);
	assert_said("no process");
	assert_int_equal(check(CONVOY_TARGETS_THREADS, pid), -EINVAL);
	assert_said("no thread");
}

/* In a child: the main thread ends, another goes on. */
static void *outlive_leader(void *arg)
{
	char byte;

	(void)!read(*(int *)arg, &byte, 1);
	_exit(0);
}

static char leader_state(pid_t pid)
{
	struct proc_stat stat = { 0 };
	char path[64], line[1024] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "re");
	assert_non_null(file);
	assert_non_null(fgets(line, sizeof(line), file));
	fclose(file);
	assert_int_equal(proc_stat__parse(&stat, line), 0);
	return stat.state;
}

static void test_a_process_whose_leader_has_ended(void **state)
{
	int end[2];
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(end), 0);
	pid = fork();
	if (!pid) {
		pthread_t thread;

		close(end[1]);
		if (pthread_create(&thread, NULL, outlive_leader, &end[0]))
			_exit(1);
		pthread_exit(NULL);
	}
	close(end[0]);
	while (leader_state(pid) != 'Z')
		usleep(1000);
	assert_int_equal(check(CONVOY_TARGETS_PIDS, pid), 0);
	assert_string_equal(said, "");
	assert_int_equal(check(CONVOY_TARGETS_THREADS, pid), -EINVAL);
	assert_said("thread");
	close(end[1]);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void test_kernel_threads(void **state)
{
	char line[64] = "";
	FILE *file = fopen("/proc/2/comm", "re");

	(void)state;
	if (!file || !fgets(line, sizeof(line), file) || strcmp(line, "kthreadd\n")) {
		print_message("process 2 is not kthreadd here (a PID namespace)\n");
		skip();
	}
	fclose(file);
	assert_int_equal(check(CONVOY_TARGETS_PIDS, 2), -EINVAL);
	assert_said("is a kernel thread");
	assert_said("-a shows it");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_command),
		cmocka_unit_test(test_options_of_the_command),
		cmocka_unit_test(test_every_option),
		cmocka_unit_test(test_processes_and_threads),
		cmocka_unit_test(test_bad_ids),
		cmocka_unit_test(test_as_many_as_the_probes_take),
		cmocka_unit_test(test_exactly_one_target),
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_other_refusals),
		cmocka_unit_test(test_no_recording_to_a_terminal),
		cmocka_unit_test(test_lines_of_proc_stat),
		cmocka_unit_test(test_targets_that_are_there),
		cmocka_unit_test(test_targets_that_are_gone),
		cmocka_unit_test(test_a_process_whose_leader_has_ended),
		cmocka_unit_test(test_kernel_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
