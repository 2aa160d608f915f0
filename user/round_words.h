/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * round_words.h - what a recording says of futex words and runtimes, round by round: read
 * before its events, since a name is found only after the first wait.
 */
#ifndef CONVOY_ROUND_WORDS_H
#define CONVOY_ROUND_WORDS_H

#include <stdbool.h>
#include <stdint.h>

#include "words.h"

struct round_words;

/*
 * Read the documents of the recording in `fd` from where it stands, and go back there.
 * Damage is no error: it will be found again by who reads all of it. Returns 0, and
 * round_words__free() ends it; -ENOMEM, or what lseek(2) (-ESPIPE) or read(2) gave.
 */
int round_words__read(int fd, struct round_words **words);
void round_words__free(struct round_words *words);	/* NULL is fine */

/* Those of the round that the so-manyth document of type "round" begins, from 0; or NULL. */
const struct words *round_words__of(const struct round_words *words, unsigned round);

/* Did the so-manyth document of these types, from 0, make sense? */
bool round_words__good(const struct round_words *words, uint64_t document);

#endif /* CONVOY_ROUND_WORDS_H */
