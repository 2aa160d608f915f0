// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
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
#define TIME_MAX_S (366 * 86400.0)

/* Returns 0, -EINVAL if it is no time, or -ERANGE. */
static int parse_time(const char *text, uint64_t *out_ns)
{
	static const struct {
		const char *suffix;
		double seconds;
	} units[] = { { "ms", 1e-3 }, { "s", 1 }, { "m", 60 }, { "h", 3600 } };
	size_t length = strlen(text);
	double value, unit = 1;
	char number[64];
	int err;

	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
		size_t suffix = strlen(units[i].suffix);

		if (length <= suffix || strcmp(text + length - suffix, units[i].suffix) != 0)
			continue;
		unit = units[i].seconds;
		length -= suffix;
		break;
	}
	if (length >= sizeof(number))
		return -EINVAL;
	snprintf(number, sizeof(number), "%.*s", (int)length, text);
	err = parse__double(number, 0, TIME_MAX_S / unit, &value);
	if (!err)
		*out_ns = (uint64_t)(value * unit * 1e9 + 0.5);
	return err;
}

static int bad_time(const char *what, const char *text, const char *least, int err)
{
	if (err == -ERANGE)
		message("%s %s is out of range: it must be %s and at most a year", what, text,
			least);
	else
		message("%s '%s' is not a time: it is a number of seconds, or one with ms, s, m or "
			"h, such as 0.5, 500ms, 30s, 2m or 1h",
			what, text);
	return -EINVAL;
}

int option__duration(const char *what, const char *text, uint64_t *out_ns)
{
	uint64_t ns = 0;
	int err = parse_time(text, &ns);

	if (!err && !ns)
		err = -ERANGE;
	if (err)
		return bad_time(what, text, "more than 0", err);
	*out_ns = ns;
	return 0;
}

int option__time(const char *what, const char *text, uint64_t *out_ns)
{
	uint64_t ns = 0;
	int err = parse_time(text, &ns);

	if (err)
		return bad_time(what, text, "0 or more", err);
	*out_ns = ns;
	return 0;
}

int option__parse_all(const struct argp *argp, const char *name, int argc, char **argv,
		      unsigned flags, void *input)
{
	char *called = argv[0];
	char *own_name = strdup(name); /* argp takes no constant */
	int err;

	if (!own_name) {
		message("no memory");
		return -EINVAL;
	}
	argv[0] = own_name;
	err = argp_parse(argp, argc, argv, flags, NULL, input);
	argv[0] = called;
	free(own_name);
	return err ? -EINVAL : 0;
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

static bool is_shown(const char *word)
{
	for (; *word; word++)
		if (*word < ' ' || *word > '~')
			return false;
	return true;
}

void word__put(FILE *out, const char *word)
{
	if (is_shown(word)) {
		quote(out, word);
		return;
	}
	fputs("$'", out);
	for (; *word; word++) {
		if (*word < ' ' || *word > '~')
			/* Three octal digits: what follows is never taken for another. */
			fprintf(out, "\\%03o", (unsigned)(unsigned char)*word);
		else if (*word == '\'' || *word == '\\')
			fprintf(out, "\\%c", *word);
		else
			fputc(*word, out);
	}
	fputc('\'', out);
}
