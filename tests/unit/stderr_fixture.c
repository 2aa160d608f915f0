/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * stderr_fixture.c - what is said on stderr, put aside to be looked at.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/stderr_fixture.h"

char said[8192];

static int saved_fd, heard_fd;

void begin_hearing(void)
{
	saved_fd = dup(STDERR_FILENO);
	heard_fd = memfd_create("stderr", MFD_CLOEXEC);
	assert_true(saved_fd >= 0 && heard_fd >= 0);
	fflush(stderr);
	assert_true(dup2(heard_fd, STDERR_FILENO) >= 0);
}

void end_hearing(void)
{
	ssize_t n;

	fflush(stderr);
	dup2(saved_fd, STDERR_FILENO);
	close(saved_fd);
	n = pread(heard_fd, said, sizeof(said) - 1, 0);
	said[n > 0 ? n : 0] = 0;
	close(heard_fd);
}

void assert_said(const char *words)
{
	if (strncmp(said, "convoy: ", 8))
		fail_msg("no message of convoy's: \"%s\"", said);
	if (!strstr(said, words))
		fail_msg("\"%s\" is not in \"%s\"", words, said);
}

void assert_not_said(const char *words)
{
	if (strstr(said, words))
		fail_msg("\"%s\" is in \"%s\"", words, said);
}
