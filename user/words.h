/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * words.h - which futex words are which lock: what a recording says of addresses.
 *
 * The recorder finds names for words while the processes live (names.h) and writes them
 * down as documents; the analysis reads all of a recording's documents first, and has the
 * table at hand when the events come. Pure.
 */
#ifndef CONVOY_WORDS_H
#define CONVOY_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "workloads/lock_table.h"

#define WORD_OBJECT_LEN 64
#define WORD_NAME_LEN 96
#define WORD_SITE_LEN 96
#define WORD_RUNTIME_LEN 32

/* A range of addresses of one process: a futex word, or a part of a lock that has several. */
struct word_info {
	uint32_t pid;		/* as the initial PID namespace sees it */
	uint64_t address;
	uint32_t size;		/* bytes */
	enum lock_kind kind;	/* LOCK_UNKNOWN: no rule tells */
	enum lock_role role;
	/*
	 * It was seen where it is waited on, and that is no function that is known: what its
	 * values look like proves nothing then.
	 */
	bool foreign;
	/*
	 * What tells it from all others, the same in every process that has it: words with
	 * one are one lock. "": it is private to the process, and known by its address.
	 */
	char object[WORD_OBJECT_LEN];
	char name[WORD_NAME_LEN];	/* "": none better than its kind's */
	char site[WORD_SITE_LEN];	/* who waits: function+offset; "": not known */
	char runtime[WORD_RUNTIME_LEN];	/* "CPython 3.11.7"; "": of none */
};

/* Language runtimes found in a process. */
enum gil_state { GIL_UNKNOWN, GIL_PRESENT, GIL_ABSENT };

struct runtime_info {
	uint32_t pid;
	char name[16];		/* "CPython" */
	char version[16];	/* "3.11.7"; "": not known */
	enum gil_state gil;	/* absent: a free-threaded build, with its GIL off */
	char hint[160];		/* why its lock is not known, and what to do; "" : nothing to say */
};

struct words;

int words__new(struct words **words);	/* 0 or -ENOMEM */
void words__free(struct words *words);	/* NULL is fine */

/* Copies; a later one of the same range replaces the earlier. Returns 0 or -ENOMEM. */
int words__add(struct words *words, const struct word_info *info);
/* One per process; a later one replaces the earlier. Returns 0 or -ENOMEM. */
int words__add_runtime(struct words *words, const struct runtime_info *info);

/* The smallest range that holds the address, or NULL. Valid until the next words__add(). */
const struct word_info *words__find(const struct words *words, uint32_t pid, uint64_t address);
/* The runtime of a process, or NULL. */
const struct runtime_info *words__runtime(const struct words *words, uint32_t pid);

#endif /* CONVOY_WORDS_H */
