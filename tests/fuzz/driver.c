// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * driver.c - runs a fuzz target where libFuzzer is missing, and in every `make check`.
 *
 *	fuzz_NAME [COUNT]	that many inputs ($FUZZ_COUNT; fuzz__count), always the same ones
 *	fuzz_NAME --one N	input N alone, in this process: for a debugger
 *	fuzz_NAME --seeds DIR	write the seeds to files, for libFuzzer
 *
 * Input N depends on N alone: a seed, changed in a few places. A process of its own takes
 * them, so that what it dies of can be told.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"

#define MAX_SEEDS 64
#define MAX_CHANGES 6
/* Seconds that one input may take before it counts as a hang. */
#define HANG_SECONDS 60

struct seeds {
	size_t n;
	uint8_t *at[MAX_SEEDS];
	size_t size[MAX_SEEDS];
};

struct input {
	uint8_t *at;
	size_t size, room;
};

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void keep_seed(void *ctx, const uint8_t *data, size_t size)
{
	struct seeds *seeds = ctx;

	if (seeds->n == MAX_SEEDS)
		return;
	seeds->at[seeds->n] = malloc(size + 1);
	if (!seeds->at[seeds->n])
		fail("malloc");
	memcpy(seeds->at[seeds->n], data, size);
	seeds->size[seeds->n++] = size;
}

static uint64_t next(uint64_t *state)
{
	uint64_t x = *state += 0x9e3779b97f4a7c15u;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

static size_t below(uint64_t *state, size_t n)
{
	return n ? next(state) % n : 0;
}

/* `size` bytes anywhere else: room for them at `at`, or none any more. */
static void resize(struct input *input, size_t at, size_t old, size_t size)
{
	if (input->size - old + size > input->room)
		return;
	memmove(input->at + at + size, input->at + at + old, input->size - at - old);
	if (size > old)
		memset(input->at + at + old, 0, size - old);
	input->size += size - old;
}

static void splice(struct input *input, const struct seeds *seeds, uint64_t *state)
{
	size_t other = below(state, seeds->n), from = below(state, seeds->size[other]);
	size_t size = below(state, 1 + seeds->size[other] - from), at = below(state, input->size);

	if (size > input->size - at)
		size = input->size - at;
	memcpy(input->at + at, seeds->at[other] + from, size);
}

static void change(struct input *input, const struct seeds *seeds, uint64_t *state)
{
	static const uint8_t edges[] = { 0, 1, 0x7f, 0x80, 0xfe, 0xff };
	size_t at = below(state, input->size), n;

	if (!input->size)
		return;
	switch (below(state, 8)) {
	case 0:
	case 1:
		input->at[at] ^= (uint8_t)(1u << below(state, 8));
		break;
	case 2:
		input->at[at] = (uint8_t)next(state);
		break;
	case 3:
		input->at[at] = edges[below(state, sizeof(edges))];
		break;
	case 4:
		n = 1 + below(state, 8);
		for (size_t i = at; i < input->size && i < at + n; i++)
			input->at[i] = edges[below(state, 2) ? 5 : 3];
		break;
	case 5:
		resize(input, at, 0, 1 + below(state, 16));
		break;
	case 6:
		n = 1 + below(state, below(state, 8) ? 16 : input->size);
		resize(input, at, n < input->size - at ? n : input->size - at, 0);
		break;
	default:
		splice(input, seeds, state);
	}
}

/* In memory of exactly its size, so that a sanitizer sees who reads on. */
static void run_one(const struct seeds *seeds, unsigned long number)
{
	uint64_t state = number;
	size_t seed = below(&state, seeds->n), changes = below(&state, MAX_CHANGES + 1);
	struct input input = { .size = seeds->size[seed], .room = 2 * seeds->size[seed] + 64 };
	uint8_t *exact;

	input.at = malloc(input.room);
	if (!input.at)
		fail("malloc");
	memcpy(input.at, seeds->at[seed], input.size);
	for (size_t i = 0; i < changes; i++)
		change(&input, seeds, &state);
	exact = malloc(input.size ? input.size : 1);
	if (!exact)
		fail("malloc");
	memcpy(exact, input.at, input.size);
	LLVMFuzzerTestOneInput(exact, input.size);
	free(exact);
	free(input.at);
}

static int run_many(const struct seeds *seeds, unsigned long count, const char *name)
{
	volatile unsigned long *at =
		mmap(NULL, sizeof(*at), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status;
	pid_t child;

	if (at == MAP_FAILED)
		fail("mmap");
	puts("1..1");
	fflush(stdout);
	child = fork();
	if (child < 0)
		fail("fork");
	if (!child) {
		for (*at = 0; *at < count; ++*at) {
			if (*at % 256 == 0)
				alarm(HANG_SECONDS);
			run_one(seeds, *at);
		}
		exit(0);
	}
	if (waitpid(child, &status, 0) != child)
		fail("waitpid");
	if (!status) {
		printf("ok 1 - %s: %lu inputs\n", name, count);
		return 0;
	}
	printf("not ok 1 - %s\n# input %lu: %s %d; again with --one %lu\n", name, *at,
	       WIFSIGNALED(status) ? "signal" : "exit status",
	       WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), *at);
	return 1;
}

static int write_seeds(const struct seeds *seeds, const char *directory)
{
	for (size_t i = 0; i < seeds->n; i++) {
		char path[4096];
		FILE *file;

		snprintf(path, sizeof(path), "%s/seed-%zu", directory, i);
		file = fopen(path, "we");
		if (!file)
			fail(path);
		if (fwrite(seeds->at[i], 1, seeds->size[i], file) != seeds->size[i] || fclose(file))
			fail(path);
	}
	return 0;
}

int main(int argc, char **argv)
{
	const char *name = strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];
	const char *count = argc == 2 ? argv[1] : getenv("FUZZ_COUNT");
	struct seeds seeds = { 0 };
	int status = 0;

	fuzz__seeds(keep_seed, &seeds);
	if (argc == 3 && !strcmp(argv[1], "--one"))
		run_one(&seeds, strtoul(argv[2], NULL, 10));
	else if (argc == 3 && !strcmp(argv[1], "--seeds"))
		status = write_seeds(&seeds, argv[2]);
	else
		status = run_many(&seeds, count ? strtoul(count, NULL, 10) : fuzz__count, name);
	for (size_t i = 0; i < seeds.n; i++)
		free(seeds.at[i]);
	return status;
}
