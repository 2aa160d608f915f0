// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "message.h"
#include "parse_option.h"
#include "session.h"
#include "workloads/parse_number.h"

static int bad_number(const char *what, const char *text, const char *allowed, int err)
{
	if (err == -ERANGE)
		message("%s %s is out of range: it must be %s", what, text, allowed);
	else
		message("%s '%s' is not a number: it must be %s", what, text, allowed);
	return -EINVAL;
}

int option__unsigned(const char *what, const char *text, unsigned long long min,
		     unsigned long long max, unsigned long long *out)
{
	char allowed[80];
	int err = parse__u64(text, min, max, out);

	if (!err)
		return 0;
	snprintf(allowed, sizeof(allowed), "from %llu to %llu", min, max);
	return bad_number(what, text, allowed, err);
}

int option__real(const char *what, const char *text, double min, double max, double *out)
{
	char allowed[80];
	int err = parse__double(text, min, max, out);

	if (!err)
		return 0;
	snprintf(allowed, sizeof(allowed), "from %g to %g", min, max);
	return bad_number(what, text, allowed, err);
}

int option__count(const char *what, const char *text, unsigned max, unsigned *out)
{
	unsigned long long value;
	int err = option__unsigned(what, text, 1, max, &value);

	if (!err)
		*out = (unsigned)value;
	return err;
}

int option__choice(const char *what, const char *text, const char *const *choices, size_t *which)
{
	char all[120] = "";
	size_t used = 0;

	for (size_t i = 0; choices[i]; i++) {
		if (!strcmp(text, choices[i])) {
			*which = i;
			return 0;
		}
	}
	for (size_t i = 0; choices[i] && used < sizeof(all); i++)
		used += (size_t)snprintf(all + used, sizeof(all) - used, "%s%s",
					 !i		? "" :
					 choices[i + 1] ? ", " :
							  " or ",
					 choices[i]);
	message("%s '%s' does not exist: it is %s", what, text, all);
	return -EINVAL;
}

int option__ring_bytes(const char *text, size_t *out)
{
	unsigned long long value;
	int err =
		option__unsigned("--ring-bytes", text, SESSION_RING_MIN, SESSION_RING_MAX, &value);

	if (err)
		return err;
	if (value & (value - 1)) {
		message("--ring-bytes %s is not a power of two", text);
		return -EINVAL;
	}
	*out = (size_t)value;
	return 0;
}

/* A year: longer than any recording, and its nanoseconds fit. */
#define DURATION_MAX_S (366 * 86400.0)

int option__duration(const char *what, const char *text, uint64_t *out_ns)
{
	size_t length = strlen(text);
	double seconds, unit = 1;
	char number[64];
	int err;

	if (length && strchr("smh", text[length - 1])) {
		unit = text[length - 1] == 'h' ? 3600 : text[length - 1] == 'm' ? 60 : 1;
		length--;
	}
	snprintf(number, sizeof(number), "%.*s", (int)(length < 63 ? length : 63), text);
	err = length < sizeof(number) ? parse__double(number, 0, DURATION_MAX_S / unit, &seconds) :
					-EINVAL;
	if (!err && seconds * unit < 1e-9)
		err = -ERANGE;
	if (!err) {
		*out_ns = (uint64_t)(seconds * unit * 1e9);
		return 0;
	}
	if (err == -ERANGE)
		message("%s %s is out of range: it must be more than 0 and at most a year", what,
			text);
	else
		message("%s '%s' is not a time: it is a number of seconds, or one with s, m or h, "
			"such as 0.5, 30s, 2m or 1h",
			what, text);
	return -EINVAL;
}

/* As a shell would read it back. */
static void quote(FILE *out, const char *word)
{
	if (word[0] && !strpbrk(word, " \t\n'\"\\$`*?;&|<>(){}[]#~!")) {
		fputs(word, out);
		return;
	}
	fputc('\'', out);
	for (; *word; word++) {
		if (*word == '\'')
			fputs("'\\''", out);
		else
			fputc(*word, out);
	}
	fputc('\'', out);
}

void command_line__quote(char *out, size_t size, int argc, char *const *argv)
{
	FILE *stream = fmemopen(out, size, "w");

	out[0] = 0;
	if (!stream)
		return;
	fputs("convoy", stream);
	for (int i = 0; i < argc; i++) {
		fputc(' ', stream);
		quote(stream, argv[i]);
	}
	fclose(stream);
	out[size - 1] = 0;
}

void word__quote(char *out, size_t size, const char *word)
{
	FILE *stream = fmemopen(out, size, "w");

	out[0] = 0;
	if (!stream)
		return;
	quote(stream, word);
	fclose(stream);
	out[size - 1] = 0;
}
