/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * names.h - names for futex words, while the processes that wait on them are recorded.
 *
 * From a stack as it was when a word was first waited on, what the process has mapped, its
 * ELF files and its memory: which lock it is (words.h). The first is given by the probes,
 * and thrown away here; what is found is written into the recording, so that a report
 * needs neither the process nor its files.
 *
 * Runs in the recorder, between drains: all of it costs time that the rings must bridge.
 */
#ifndef CONVOY_NAMES_H
#define CONVOY_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/events.h"
#include "mapping.h"
#include "recording.h"

struct names;

/*
 * read_proc: processes are as this process's /proc has them (false in a PID namespace of
 * its own: then only what names__mapping() tells is known). guards: the probes' table of
 * session__guards(), to be kept up to date; NULL: there is none. Returns 0 or -ENOMEM.
 */
int names__new(struct names **names, bool read_proc, struct convoy_guard *guards);
void names__free(struct names *names);	/* NULL is fine */

/*
 * A process began at `born_ns` (CLOCK_MONOTONIC), with what its parent (0: unknown, or what
 * it has is told of in any case) has mapped then: what is told of its mappings until the next
 * names__write() or names__forget() and is older than that counts. Whatever had the number
 * before is over. Returns 0 or -ENOMEM.
 */
int names__born(struct names *names, uint32_t pid, uint32_t parent, uint64_t born_ns);

/*
 * What was told of a process's mappings, in order. Copies. Left out: what is older than the
 * process, of one that had its number before. Returns 0 or -ENOMEM.
 */
int names__mapping(struct names *names, const struct mapping *mapping);

/* A word was waited on for the first time. Copies, to be looked at later. 0 or -ENOMEM. */
int names__stack(struct names *names, const struct convoy_ev_stack *stack);

/*
 * Find names for what came, as many as can be in about `budget_ns` (0: all), and write what
 * was found. To be called often, since a process can end at any time. Returns 0, -ENOMEM, or
 * what the writer gave.
 */
int names__write(struct names *names, struct recording_writer *writer, uint64_t budget_ns);

/*
 * A process ended, and all was told of it: what is known can be dropped once its words are
 * written.
 */
void names__forget(struct names *names, uint32_t pid);

/*
 * Is there a process with a runtime that must be found as early as can be (struct runtime)?
 * Then names__write() is to be called soon again.
 */
bool names__is_watching(const struct names *names);

/* Words that are still to be looked at. */
size_t names__pending(const struct names *names);
/* Words for which there was no room: they stay without a name. */
uint64_t names__dropped(const struct names *names);

#endif /* CONVOY_NAMES_H */
