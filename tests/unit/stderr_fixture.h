/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * stderr_fixture.h - what is said on stderr, put aside to be looked at.
 */
#ifndef CONVOY_TESTS_STDERR_FIXTURE_H
#define CONVOY_TESTS_STDERR_FIXTURE_H

/* What was printed between the last two of these; a string. */
extern char said[8192];

void begin_hearing(void);
void end_hearing(void);

/* A message of convoy's with these words in it. */
void assert_said(const char *words);
void assert_not_said(const char *words);

#endif /* CONVOY_TESTS_STDERR_FIXTURE_H */
