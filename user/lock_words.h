/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * lock_words.h - what is known of a futex word: that the workload published it, or what the
 * recording says of it (words.h). Asked for every wait, so answers are remembered. Pure.
 */
#ifndef CONVOY_LOCK_WORDS_H
#define CONVOY_LOCK_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "words.h"
#include "workloads/lock_table.h"

struct lock_word {
	enum lock_kind kind;	/* LOCK_UNKNOWN: its waits may tell */
	enum lock_role role;	/* LOCK_ROLE_ACQUIRE where the kind is not known */
	char published[LOCK_NAME_LEN];	/* its lock's name; "": not published */
	bool is_published;
	const struct word_info *info;	/* what the recording says of it, or NULL */
	/* For who makes locks of words: which one this was, as a lock of which kind. */
	size_t object;		/* plus 1; 0: not known yet */
	enum lock_kind object_kind;
};

struct lock_words;

/* Either may be NULL; both must outlive it. Returns 0 or -ENOMEM. */
int lock_words__new(struct lock_words **lock_words, const struct lock_table *published,
		    const struct words *words);
void lock_words__free(struct lock_words *lock_words);	/* NULL is fine */

/*
 * What is known of this address in the process that is `pid` to the initial PID namespace
 * and `ns_pid` to itself: what was published, and besides that what the recording says.
 * Valid until the next call.
 */
struct lock_word *lock_words__find(struct lock_words *lock_words, uint32_t pid, uint32_t ns_pid,
				   uint64_t address);

#endif /* CONVOY_LOCK_WORDS_H */
