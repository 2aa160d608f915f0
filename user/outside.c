/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * outside.c - strings that came from outside, made harmless.
 */
#include "outside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct range {
	uint32_t first, last;
};

/* Characters that a terminal obeys, reorders by, or does not show. */
static const struct range hidden[] = {
	{ 0x00, 0x1f }, { 0x7f, 0x9f }, { 0xad, 0xad }, { 0x61c, 0x61c }, { 0x115f, 0x1160 },
	{ 0x17b4, 0x17b5 }, { 0x180b, 0x180f }, { 0x200b, 0x200f }, { 0x2028, 0x202e },
	{ 0x2060, 0x206f }, { 0x3164, 0x3164 }, { 0xfe00, 0xfe0f }, { 0xfeff, 0xfeff },
	{ 0xffa0, 0xffa0 }, { 0xfff0, 0xffff }, { 0xe0000, 0x10ffff },
};

static const struct range combining[] = {
	{ 0x300, 0x36f }, { 0x483, 0x489 }, { 0x591, 0x5bd }, { 0x610, 0x61a }, { 0x64b, 0x65f },
	{ 0x1ab0, 0x1aff }, { 0x1dc0, 0x1dff }, { 0x20d0, 0x20ff }, { 0xfe20, 0xfe2f },
};

static const struct range wide[] = {
	{ 0x1100, 0x115f }, { 0x231a, 0x231b }, { 0x23e9, 0x23ec }, { 0x2e80, 0x303e },
	{ 0x3041, 0xa4cf }, { 0xa960, 0xa97f }, { 0xac00, 0xd7a3 }, { 0xf900, 0xfaff },
	{ 0xfe30, 0xfe6f }, { 0xff00, 0xff60 }, { 0xffe0, 0xffe6 }, { 0x16fe0, 0x18d08 },
	{ 0x1b000, 0x1b2fb }, { 0x1f300, 0x1faff }, { 0x20000, 0x3fffd },
};

#define IN(table, code) in_ranges(table, sizeof(table) / sizeof((table)[0]), code)

static bool in_ranges(const struct range *ranges, size_t n, uint32_t code)
{
	for (size_t i = 0; i < n; i++) {
		if (code >= ranges[i].first && code <= ranges[i].last)
			return true;
	}
	return false;
}

size_t outside__decode(const char *text, size_t n, uint32_t *code)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *bytes = (const unsigned char *)text;
	size_t length;

	if (n == 0)
		return 0;
	if (bytes[0] < 0x80) {
		*code = bytes[0];
		return 1;
	}
	if (bytes[0] >= 0xc2 && bytes[0] <= 0xdf)
		length = 2;
	else if ((bytes[0] & 0xf0) == 0xe0)
		length = 3;
	else if (bytes[0] >= 0xf0 && bytes[0] <= 0xf4)
		length = 4;
	else
		return 0;
	if (length > n)
		return 0;
	*code = bytes[0] & (0x7fu >> length);
	for (size_t i = 1; i < length; i++) {
		if ((bytes[i] & 0xc0) != 0x80)
			return 0;
		*code = *code << 6 | (bytes[i] & 0x3f);
	}
	if (*code < least[length] || *code > 0x10ffff || (*code >= 0xd800 && *code <= 0xdfff))
		return 0;
	return length;
}

void outside__terminal(char *out, size_t size, const char *text, size_t max, bool utf8)
{
	size_t n = strnlen(text, max), used = 0;

	for (size_t i = 0; i < n;) {
		char piece[4 * 4 + 1];
		uint32_t code = 0;
		size_t length = outside__decode(text + i, n - i, &code), bytes;

		if (length && !IN(hidden, code) && (code < 0x80 || utf8)) {
			memcpy(piece, text + i, length);
			bytes = length;
		} else {
			length = length ? length : 1;
			bytes = 0;
			for (size_t j = 0; j < length; j++)
				bytes += (size_t)snprintf(piece + bytes, sizeof(piece) - bytes,
							  "\\x%02x", (unsigned char)text[i + j]);
		}
		if (used + bytes >= size)
			break;
		memcpy(out + used, piece, bytes);
		used += bytes;
		i += length;
	}
	out[used] = '\0';
}

/* Columns of the character at `text`, and its length. */
static size_t step(const char *text, size_t n, size_t *length)
{
	uint32_t code = 0;

	*length = outside__decode(text, n, &code);
	if (*length == 0) {
		*length = 1;
		return 1;
	}
	if (*length == 1)
		return 1;
	return IN(combining, code) ? 0 : IN(wide, code) ? 2 : 1;
}

size_t outside__columns(const char *text)
{
	size_t n = strlen(text), columns = 0, length;

	for (size_t i = 0; i < n; i += length)
		columns += step(text + i, n - i, &length);
	return columns;
}

size_t outside__fit(const char *text, size_t columns)
{
	size_t n = strlen(text), taken = 0, i = 0, length;

	for (; i < n; i += length) {
		taken += step(text + i, n - i, &length);
		if (taken > columns)
			break;
	}
	return i;
}

char *outside__utf8(const char *text, size_t max)
{
	static const char replacement[] = "\xef\xbf\xbd";
	size_t n = strnlen(text, max), used = 0;
	char *out = malloc(3 * n + 1);

	if (!out)
		return NULL;
	for (size_t i = 0; i < n;) {
		uint32_t code;
		size_t length = outside__decode(text + i, n - i, &code);

		if (length) {
			memcpy(out + used, text + i, length);
			used += length;
			i += length;
		} else {
			memcpy(out + used, replacement, 3);
			used += 3;
			i++;
		}
	}
	out[used] = '\0';
	return out;
}
