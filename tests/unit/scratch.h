/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * scratch.h - a directory for a test's own files.
 */
#ifndef CONVOY_TESTS_SCRATCH_H
#define CONVOY_TESTS_SCRATCH_H

#include <sys/types.h>

/* Makes one below $TEST_TMPDIR (or /tmp), for cmocka's set-up and tear-down. */
int make_scratch(void **state);
int remove_scratch(void **state);

/* Its path; of something in it, in one of a few buffers that take turns. */
extern char scratch[1024];
const char *in_scratch(const char *name);

/* A file in it, with its directories; returns its path. */
const char *put_file(const char *name, const char *text, mode_t mode);

#endif /* CONVOY_TESTS_SCRATCH_H */
