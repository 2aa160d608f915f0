/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * varint.h - numbers in as few bytes as they need, for the recording file.
 *
 * Seven bits a byte, the lowest first; the top bit says that another byte follows. A
 * signed number is folded first, so that small ones of either sign stay short.
 */
#ifndef CONVOY_VARINT_H
#define CONVOY_VARINT_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Bytes of the longest one. */
#define VARINT_MAX 10
/* Bytes beyond the end of a column that must be readable: they may be read, not used. */
#define VARINT_SLACK 16

/* A part of a block that is being read or was gathered. */
struct column {
	const uint8_t *at, *end;
};

static inline size_t column__size(const struct column *column)
{
	return (size_t)(column->end - column->at);
}

static inline uint64_t varint__fold(uint64_t difference)
{
	return (difference << 1) ^ (0 - (difference >> 63));
}

static inline uint64_t varint__unfold(uint64_t folded)
{
	return (folded >> 1) ^ (0 - (folded & 1));
}

/* Returns where the next one goes. */
static inline uint8_t *varint__put(uint8_t *out, uint64_t value)
{
	while (value >= 0x80) {
		*out++ = (uint8_t)value | 0x80;
		value >>= 7;
	}
	*out++ = (uint8_t)value;
	return out;
}

/* Nine or ten bytes, of which the first eight are `low`. */
static inline bool varint__take_long(struct column *column, uint64_t low, uint64_t *value)
{
	uint64_t sum = low;

	for (unsigned i = 8; i < VARINT_MAX; i++) {
		uint8_t byte = column->at[i];

		/* The tenth byte has one bit of 64 left. */
		if (i == VARINT_MAX - 1 && byte > 1)
			return false;
		sum |= (uint64_t)(byte & 0x7f) << (7 * i);
		if (byte < 0x80) {
			column->at += i + 1;
			*value = sum;
			return true;
		}
	}
	return false;
}

/*
 * The next number of a column. false: the column is used up, or it is no number. One
 * that runs over the end is only noticed by the next call, or by whoever checks at the
 * end that all was used up.
 */
static inline bool varint__take(struct column *column, uint64_t *value)
{
	uint64_t word, stop;

	if (column->at >= column->end)
		return false;
	/* All at once: how long a number is cannot be predicted, a branch would stall. */
	memcpy(&word, column->at, sizeof(word));
	word = le64toh(word);
	stop = ~word & 0x8080808080808080u;
	if (stop)
		word &= stop ^ (stop - 1);
	word = (word & 0x007f007f007f007fu) | ((word & 0x7f007f007f007f00u) >> 1);
	word = (word & 0x00003fff00003fffu) | ((word & 0x3fff00003fff0000u) >> 2);
	word = (word & 0x000000000fffffffu) | ((word & 0x0fffffff00000000u) >> 4);
	if (__builtin_expect(!stop, 0))
		return varint__take_long(column, word, value);
	column->at += ((unsigned)__builtin_ctzll(stop) >> 3) + 1;
	*value = word;
	return true;
}

#endif /* CONVOY_VARINT_H */
