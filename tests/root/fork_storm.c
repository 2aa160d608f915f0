// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * fork_storm.c - many children that do nearly nothing, one after another, and what the
 * kernel counted of them.
 *
 *	fork_storm [CHILDREN [wait]]
 *
 * Forks and executes itself for each child (100), waits for it, and at the end prints one
 * line of JSON: the switches that wait4(2) gave for all children, and its own by
 * getrusage(2). With "wait" it says "ready PID" first and begins when a line or the end
 * comes on standard input; its own switches are then counted from there.
 *
 * After the count of its own it only prints and ends, so that is what a test may see of
 * main beyond it. A child naps once, so that each has a switch of its own will.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/root/live.h"

static const char usage[] = "fork_storm [CHILDREN [wait]]";

static int be_a_child(void)
{
	const struct timespec nap = { .tv_nsec = 100000 };

	return nanosleep(&nap, NULL);
}

/* One child, from its fork to its end. Returns false when it did not do as it should. */
static bool run_child(struct rusage *usage_of_it)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		execl("/proc/self/exe", "fork_storm", "child", (char *)NULL);
		_exit(127);
	}
	return pid > 0 && wait4(pid, &status, 0, usage_of_it) == pid && WIFEXITED(status) &&
	       !WEXITSTATUS(status);
}

int main(int argc, char **argv)
{
	struct rusage before = { 0 }, own, child;
	uint64_t voluntary = 0, involuntary = 0;
	unsigned n;
	char byte;

	if (argc == 2 && !strcmp(argv[1], "child"))
		return be_a_child();
	if (argc > 3 || (argc == 3 && strcmp(argv[2], "wait"))) {
		fprintf(stderr, "usage: %s\n", usage);
		return 2;
	}
	n = argc > 1 ? live__number(argv[1], 1, usage) : 100;
	alarm(LIVE_LIMIT_S);
	if (argc == 3) {
		live__say_ready();
		if (read(STDIN_FILENO, &byte, 1) < 0)
			return 1;
		getrusage(RUSAGE_SELF, &before);
	}
	for (unsigned i = 0; i < n; i++) {
		if (!run_child(&child))
			return 1;
		voluntary += (uint64_t)child.ru_nvcsw;
		involuntary += (uint64_t)child.ru_nivcsw;
	}
	getrusage(RUSAGE_SELF, &own);
	printf("{\"pid\": %d, \"children\": %u, \"children_voluntary\": %llu, "
	       "\"children_involuntary\": %llu, \"own_voluntary\": %ld, "
	       "\"own_involuntary\": %ld}\n",
	       (int)getpid(), n, (unsigned long long)voluntary, (unsigned long long)involuntary,
	       own.ru_nvcsw - before.ru_nvcsw, own.ru_nivcsw - before.ru_nivcsw);
	return 0;
}
