/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * names_fixture.h - children of a test that wait on futex words, their registers and stacks
 * read by ptrace as the probes would, and what is said of them.
 */
#ifndef CONVOY_TESTS_NAMES_FIXTURE_H
#define CONVOY_TESTS_NAMES_FIXTURE_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "bpf/events.h"
#include "user/names.h"

/* A child that waits, and stands still until it is stopped. */
struct waiter {
	pid_t pid;
	struct convoy_ev_stack stack;
};

/*
 * One that calls wait(arg), seen when it sleeps on a futex; `word`: on this one (NULL: any).
 * Skips the test where a child cannot be looked at.
 */
struct waiter start(void (*wait)(void *), void *arg, const void *word);
void stop(struct waiter *waiter);

/* All documents that come of names__write(). */
json_t *documents_of(struct names *names);
/* The n entries of the one document of words, which must be the last; they are `documents`'. */
json_t *entries_of(json_t *documents, size_t n);

const char *text_of(const json_t *entry, const char *key);
uint64_t number_of(const json_t *entry, const char *key);
void assert_begins(const char *text, const char *begin);

#endif /* CONVOY_TESTS_NAMES_FIXTURE_H */
