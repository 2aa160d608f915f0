/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* parse_number.c - strict numbers, by hand where libc is lenient. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "workloads/parse_number.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int is_digit(char c)
{
	return c >= '0' && c <= '9';
}

int parse__u64(const char *text, unsigned long long min, unsigned long long max,
	       unsigned long long *out)
{
	unsigned long long value = 0;
	int overflow = 0;

	if (!text || !*text)
		return -EINVAL;
	/* Read to the end even after an overflow: garbage is garbage first. */
	for (const char *p = text; *p; p++) {
		if (!is_digit(*p))
			return -EINVAL;
		if (__builtin_mul_overflow(value, 10ull, &value) ||
		    __builtin_add_overflow(value, (unsigned long long)(*p - '0'), &value))
			overflow = 1;
	}
	if (overflow || value < min || value > max)
		return -ERANGE;
	*out = value;
	return 0;
}

/* digits [. digits] [e [+-] digits], with a digit somewhere before the e. */
static int looks_like_decimal(const char *p)
{
	int digits = 0;

	for (; is_digit(*p); p++)
		digits++;
	if (*p == '.')
		for (p++; is_digit(*p); p++)
			digits++;
	if (!digits)
		return 0;
	if (*p == 'e' || *p == 'E') {
		p++;
		if (*p == '+' || *p == '-')
			p++;
		if (!is_digit(*p))
			return 0;
		while (is_digit(*p))
			p++;
	}
	return *p == '\0';
}

int parse__double(const char *text, double min, double max, double *out)
{
	locale_t c_locale;
	double value;
	int error;

	if (!text || !looks_like_decimal(text))
		return -EINVAL;

	/* strtod() would expect the decimal point of the caller's locale. */
	c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	if (!c_locale)
		return -ENOMEM;
	errno = 0;
	value = strtod_l(text, NULL, c_locale);
	error = errno;
	freelocale(c_locale);

	if (error == ERANGE || !isfinite(value) || value < min || value > max)
		return -ERANGE;
	*out = value;
	return 0;
}
