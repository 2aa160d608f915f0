/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * runtime.h - language runtimes with a lock of their own: found in a process, and the words
 * of their lock described.
 *
 * One file for each (runtime_cpython.c), one row each in runtimes[]. A runtime sees a
 * process through a struct process_view only, so it can be tested with one made up.
 */
#ifndef CONVOY_RUNTIME_H
#define CONVOY_RUNTIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/events.h"
#include "words.h"

/* A process as a runtime can look at it. Addresses are the process's. */
struct process_view {
	uint32_t pid;
	void *ctx;
	/*
	 * Its memory; where that is gone, what its files have there to begin with. Returns 0
	 * or a negative errno; *live (may be NULL): it was the process's memory.
	 */
	int (*read)(void *ctx, uint64_t address, void *buffer, size_t size, bool *live);
	/* A symbol of any of its files, the program first. Returns 0 or -ENOENT. */
	int (*symbol)(void *ctx, const char *name, uint64_t *address, uint64_t *size);
	/*
	 * Its files that are mapped to be executed: path, and whether local symbols are
	 * there. False: no more.
	 */
	bool (*module)(void *ctx, size_t at, const char **path, bool *has_symtab);
};

#define RUNTIME_WORDS_MAX 32

struct runtime_found {
	struct runtime_info info;	/* all but the pid */
	/* Parts of its locks: all but the pid. Those of one lock have one `object`. */
	struct word_info words[RUNTIME_WORDS_MAX];
	size_t n_words;
	/*
	 * How waits for its lock are told from others, where their words do not tell: all but
	 * the pid. `lock` is in one of the words, as what such waits are recorded for. 0: they do.
	 */
	struct convoy_guard guard;
};

/*
 * What find() fills in, for all runtimes alike. It is not known where its lock is, and why
 * (`hint`): returns 0, for the runtime itself is there.
 */
int runtime_found__unknown(struct runtime_found *found, const char *hint);
/*
 * One more part of the lock that is at `lock`; `what` ("gil") begins what such an object is
 * called. The names of the lock and the runtime are for the caller to fill in. NULL: no room.
 */
struct word_info *runtime_found__add_word(struct runtime_found *found, const char *what,
					  uint64_t lock, uint64_t address, size_t size,
					  enum lock_role role);

struct runtime {
	const char *name;
	/* Its program, or its library, has this in its name: it is looked for nowhere else. */
	const char *file;
	/*
	 * It is looked for as soon as such a file is mapped, until it is found, and not when a
	 * word is first waited on: what its threads waited for before cannot be told afterwards.
	 */
	bool early;
	/*
	 * Is it in this process? Returns 0, -ENOENT: no, or -EAGAIN: not set up yet. Then a hint
	 * in the info says what to believe if that stays so.
	 */
	int (*find)(const struct process_view *view, struct runtime_found *found);
	/*
	 * Does a thread that waits here, in these functions (the innermost first; "": not
	 * known), wait for its lock? Then the rest of *info is filled in but for pid, address
	 * and size; for where the words themselves cannot be found. NULL: functions do not tell.
	 */
	bool (*claims)(const struct runtime_found *found, const char *const *functions, size_t n,
		       struct word_info *info);
	/*
	 * The TID of who holds the lock that the word is a part of, as the process itself
	 * numbers threads. Returns 0, -ENOENT (nobody), or another negative errno. NULL: not known.
	 */
	int (*holder)(const struct process_view *view, const struct runtime_found *found,
		      uint64_t word, uint32_t *tid);
};

/* All that are known; ends with NULL. */
extern const struct runtime *const runtimes[];

#endif /* CONVOY_RUNTIME_H */
