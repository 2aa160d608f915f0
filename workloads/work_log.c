/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* work_log.c - whole lines on standard error. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "workloads/work_log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Text from the command line must not control the terminal. */
static void make_harmless(char *text)
{
	for (unsigned char *p = (unsigned char *)text; *p; p++)
		if (*p < 0x20 || *p == 0x7f)
			*p = '?';
}

void work_log__print(const char *format, ...)
{
	char line[512] = "convoy-work: ";
	size_t used = strlen(line);
	va_list args;

	va_start(args, format);
	vsnprintf(line + used, sizeof(line) - 1 - used, format, args);
	va_end(args);
	make_harmless(line);
	used = strlen(line);
	line[used++] = '\n';
	/* There is nobody left to tell if standard error does not work. */
	if (write(STDERR_FILENO, line, used) < 0)
		return;
}
