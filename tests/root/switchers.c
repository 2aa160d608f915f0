// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * switchers.c - threads that do nothing but switch: pairs which hand a token to and fro.
 *
 *	switchers PAIRS futex|pipe one|two [HANDOFFS]
 *
 * All on CPU 0 (one), or the halves of a pair on CPUs 0 and 1 (two). After so many
 * HANDOFFS (0: never) a pair ends, and another takes its place: whoever attaches finds
 * threads that switch, begin and end at any moment. Prints "ready PID"; live.h.
 */
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/root/live.h"

static const char usage[] = "switchers PAIRS futex|pipe one|two [HANDOFFS]";

static bool by_pipe, on_two;
static unsigned handoffs;

struct pair {
	pthread_t threads[2];
	unsigned turn;		/* futex: whose it is */
	int fds[2][2];		/* pipe: to wake the one or the other */
};

struct half {
	struct pair *pair;
	unsigned side;
};

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set); /* where there is one CPU only: never mind */
}

static void await_turn(struct pair *pair, unsigned side)
{
	char byte;

	if (by_pipe) {
		if (read(pair->fds[side][0], &byte, 1) != 1)
			exit(1);
		return;
	}
	while (__atomic_load_n(&pair->turn, __ATOMIC_ACQUIRE) != side)
		syscall(SYS_futex, &pair->turn, FUTEX_WAIT_PRIVATE, !side, NULL, NULL, 0);
}

static void give_turn(struct pair *pair, unsigned side)
{
	if (by_pipe) {
		if (write(pair->fds[!side][1], "x", 1) != 1)
			exit(1);
		return;
	}
	__atomic_store_n(&pair->turn, !side, __ATOMIC_RELEASE);
	syscall(SYS_futex, &pair->turn, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void *run_half(void *arg)
{
	struct half half = *(struct half *)arg;

	free(arg);
	pin(on_two ? (int)half.side : 0);
	for (unsigned i = 0; !handoffs || i < handoffs; i++) {
		await_turn(half.pair, half.side);
		give_turn(half.pair, half.side);
	}
	return NULL;
}

/* One pair after another. */
static void *run_pairs(void *arg)
{
	struct pair pair;

	(void)arg;
	for (;;) {
		memset(&pair, 0, sizeof(pair));
		if (by_pipe &&
		    (pipe(pair.fds[0]) || pipe(pair.fds[1]) || write(pair.fds[0][1], "x", 1) != 1))
			exit(1);
		for (unsigned side = 0; side < 2; side++) {
			struct half *half = malloc(sizeof(*half));

			*half = (struct half){ &pair, side };
			if (pthread_create(&pair.threads[side], NULL, run_half, half))
				exit(1);
		}
		for (unsigned side = 0; side < 2; side++)
			pthread_join(pair.threads[side], NULL);
		for (unsigned i = 0; by_pipe && i < 4; i++)
			close(pair.fds[i / 2][i % 2]);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	const struct timespec long_time = { .tv_sec = 3600 };
	unsigned pairs;

	if (argc < 4 || argc > 5) {
		fprintf(stderr, "usage: %s\n", usage);
		return 2;
	}
	pairs = live__number(argv[1], 1, usage);
	by_pipe = !strcmp(argv[2], "pipe");
	on_two = !strcmp(argv[3], "two");
	handoffs = argc > 4 ? live__number(argv[4], 0, usage) : 0;
	live__begin();
	for (unsigned i = 0; i < pairs; i++) {
		pthread_t thread;

		if (pthread_create(&thread, NULL, run_pairs, NULL))
			return 1;
	}
	live__listen();
	live__say_ready();
	for (;;)
		nanosleep(&long_time, NULL);
}
