/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * exact_share.h - a share of a number of 64 bits, without losing any of them. Pure.
 */
#ifndef CONVOY_EXACT_SHARE_H
#define CONVOY_EXACT_SHARE_H

#include <stdint.h>

/*
 * part * amount / whole, rounded down; part <= whole, whole > 0. Exact, with what a 32-bit
 * machine's compiler has, too.
 */
static inline uint64_t exact_share(uint64_t amount, uint64_t part, uint64_t whole)
{
	uint64_t product, quotient = 0, rest = 0;

	if (part == whole)
		return amount;
	if (!__builtin_mul_overflow(amount, part, &product))
		return product / whole;
	/* Bit by bit; rest < whole, and nothing exceeds 64 bits. */
	for (int bit = 63; bit >= 0; bit--) {
		quotient <<= 1;
		if (rest >= whole - rest) {
			rest -= whole - rest;
			quotient++;
		} else {
			rest += rest;
		}
		if (!(amount >> bit & 1))
			continue;
		if (part >= whole - rest) {
			rest = part - (whole - rest);
			quotient++;
		} else {
			rest += part;
		}
	}
	return quotient;
}

#endif /* CONVOY_EXACT_SHARE_H */
