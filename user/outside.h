/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * outside.h - strings that came from outside, made harmless.
 *
 * Thread names, paths, symbols and arguments are whatever their authors wanted.
 * A renderer prints none of them except through one of these.
 */
#ifndef CONVOY_OUTSIDE_H
#define CONVOY_OUTSIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The code point at `text`, of which `n` bytes may be read. Returns its length in
 * bytes (1..4), or 0 when they are not valid UTF-8 (overlong forms and surrogates
 * included) or n is 0.
 */
size_t outside__decode(const char *text, size_t n, uint32_t *code);

/*
 * Copies at most `max` bytes of `text` (less when it ends before) for a terminal:
 * control characters (ESC, C1), invalid UTF-8, and characters that reorder or hide
 * text become \xNN; so does everything beyond ASCII unless `utf8`. `out` (size >= 1)
 * is always terminated and never ends within an escape or a character.
 */
void outside__terminal(char *out, size_t size, const char *text, size_t max, bool utf8);

/* Terminal columns that a harmless string takes. */
size_t outside__columns(const char *text);

/* Bytes of its longest beginning that takes no more than `columns`. */
size_t outside__fit(const char *text, size_t columns);

/*
 * At most `max` bytes of `text` as valid UTF-8, for JSON: every byte that is not part
 * of a valid character becomes U+FFFD. The caller frees it; NULL when memory runs out.
 */
char *outside__utf8(const char *text, size_t max);

#endif /* CONVOY_OUTSIDE_H */
