/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * parse_number.h - strict numbers from the command line and the environment.
 *
 * A text is a number as a whole or not at all: no white space, no sign, no
 * trailing characters, no hexadecimal, no infinity or NaN. The point is the
 * decimal point in every locale.
 *
 * Return 0; -EINVAL if the text is no such number; -ERANGE if it is one
 * outside [min, max] (or too large to be held at all). *out is written only
 * on success.
 */
#ifndef CONVOY_PARSE_NUMBER_H
#define CONVOY_PARSE_NUMBER_H

/* Decimal digits only. */
int parse__u64(const char *text, unsigned long long min, unsigned long long max,
	       unsigned long long *out);

/* Digits with an optional fraction and exponent: "5", "0.25", ".5", "1e-3". */
int parse__double(const char *text, double min, double max, double *out);

#endif /* CONVOY_PARSE_NUMBER_H */
