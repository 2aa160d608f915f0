/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * launch_run.h - for the tests of launch.h: commands that are started, and what they print.
 */
#ifndef CONVOY_TESTS_LAUNCH_RUN_H
#define CONVOY_TESTS_LAUNCH_RUN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "user/launch.h"

#define READ 0
#define WRITE 1

static inline struct launch_options options_of(char *const *argv)
{
	struct launch_options options = {
		.argv = argv,
		.stdout_fd = -1,
		.keep_fd = -1,
		.leave_alone = true,
	};

	return options;
}

static inline void make_pipe(int fds[2])
{
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
}

/* Until the end, as a string. */
static inline void read_all(int fd, char *text, size_t size)
{
	size_t used = 0;
	ssize_t n;

	while (used < size - 1 && (n = read(fd, text + used, size - 1 - used)) > 0)
		used += (size_t)n;
	text[used] = 0;
}

static inline void reap(struct launch *launch)
{
	int done;

	while (!(done = launch__reap(launch)))
		usleep(1000);
	assert_int_equal(done, 1);
}

/* Start it, wait for its end; what it printed. Its status is in launch->status. */
static inline void run(struct launch *launch, struct launch_options options, char *text,
		       size_t size)
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

static inline void run_well(struct launch_options options, char *text, size_t size)
{
	struct launch launch;

	run(&launch, options, text, size);
	assert_int_equal(launch__exec_error(&launch), 0);
	assert_int_equal(launch.status, 0);
	launch__close(&launch);
}

static inline void run_shell(const char *script, char *text, size_t size)
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

static inline void assert_child_well(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static inline void require_root(void)
{
	if (geteuid()) {
		print_message("needs root\n");
		skip();
	}
}

#endif /* CONVOY_TESTS_LAUNCH_RUN_H */
