/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * names_parts.h - what names.c and names_runtimes.c share: the processes whose words get
 * names, and the documents that are to be written.
 */
#ifndef CONVOY_NAMES_PARTS_H
#define CONVOY_NAMES_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "address_space.h"
#include "recording.h"
#include "runtime.h"
#include "words.h"

/* One runtime and one process. */
struct runtime_seen {
	int state;		/* what find() returned last; 1: not asked yet */
	size_t modules;		/* how many there were then */
	struct runtime_found *found;	/* NULL: it is not there */
	struct runtime_found *not_yet;	/* what there was of it when it was not set up yet */
};

/* A program in a process: from its exec to the next one, or to its end. */
struct process {
	struct process *next;
	uint32_t pid;
	unsigned refs;		/* the table's, and one of each stack */
	bool gone;		/* its number may be another's */
	uint64_t born_ns;	/* the process, not the program; 0: unknown */
	struct address_space *space;
	struct elf_cache *cache;
	int proc;		/* its directory, while it is looked at; or -1 */
	struct runtime_seen *runtimes;	/* as many as there are; NULL: not asked yet */
	struct convoy_guard *guards;	/* the probes' table; NULL: there is none */
	bool watched;			/* a runtime may come that must be found early */
};

/* The process as runtimes see it, while it is looked at. */
struct process_view process__view(struct process *process);

/* What was found and is not written yet. */
struct found_words {
	struct word_info *infos;
	size_t n, room;
	struct recording_writer *writer;
};

/* Copies; writes what there is once it is many. Returns 0, -ENOMEM or the writer's error. */
int found_words__add(struct found_words *found, const struct word_info *info);
/* Writes what there is. */
int found_words__write(struct found_words *found);

/*
 * Look for language runtimes in a process, unless that was done, and write down what they are
 * and which words are theirs. Returns 0, -ENOMEM or the writer's error.
 */
int names_runtimes__look(struct process *process, struct found_words *found);

/*
 * Is the word a runtime's? By the words it has, else by the functions (the innermost first)
 * in which it is waited on. Then *info is all that is known of it, an empty
 * site if the runtime says none.
 */
bool names_runtimes__word(struct process *process, uint64_t word, const char *const *functions,
			  size_t n, struct word_info *info);

/* Is this the file of a runtime that must be found as soon as it is there? */
bool names_runtimes__is_early(const char *path);
/* Has names_runtimes__look() said of all such ones whether they are there? */
bool names_runtimes__are_found(const struct process *process);
/* It is not looked for again: of what was not set up yet, what there was of it is written. */
int names_runtimes__give_up(struct process *process, struct found_words *found);
/* The lock that is known by its mutex, in what was found; NULL: there is none. */
const struct convoy_guard *names_runtimes__guard(const struct process *process);

void names_runtimes__free(struct process *process);

#endif /* CONVOY_NAMES_PARTS_H */
