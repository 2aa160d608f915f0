// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"
#include "outside.h"

/* Arguments and file names come from outside: no escape reaches the terminal. */
static void put_harmless(const char *line, size_t size)
{
	size_t room = 4 * size + 1;
	char *safe = malloc(room);

	if (!safe)
		return;
	outside__terminal(safe, room, line, size, true);
	fputs(safe, stderr);
	free(safe);
}

void message(const char *format, ...)
{
	char *text = NULL, *line, *end;
	va_list args;
	int n;

	va_start(args, format);
	n = vasprintf(&text, format, args);
	va_end(args);
	if (n < 0)
		return;
	flockfile(stderr);
	fputs("convoy: ", stderr);
	for (line = text; (end = strchr(line, '\n')); line = end + 1) {
		put_harmless(line, (size_t)(end - line));
		fputc('\n', stderr);
	}
	put_harmless(line, strlen(line));
	fputc('\n', stderr);
	funlockfile(stderr);
	free(text);
}
