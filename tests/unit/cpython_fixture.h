/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * cpython_fixture.h - what there is of CPython in a process that is made up.
 */
#ifndef CONVOY_TESTS_CPYTHON_FIXTURE_H
#define CONVOY_TESTS_CPYTHON_FIXTURE_H

#include "tests/unit/runtime_fixture.h"

#define RUNTIME (BASE + 0x1000)
#define STATE (BASE + 0x800)	/* a thread state */
#define PTHREAD (BASE + 0x400)
#define NPTL (BASE + 0x200)
#define INTERP(n) (BASE + 0x8000 + 0x4000 * (uint64_t)(n))
#define TID 4242
#define TID_AT 208

/* A GIL that a thread has. */
void put_gil(struct process *process, uint64_t gil);
/* What a pthread_t leads to, as glibc describes it. */
void put_pthread(struct process *process);
void put_exports(struct process *process, unsigned int minor);
void put_version(struct process *process, uint64_t number);

/* What was found last. */
extern struct runtime_found found;

int find(struct process *process);
int holder(struct process *process, uint64_t word, uint32_t *tid);
/* Four words, one lock, in the order in which they lie from `cond` on. */
void check_words(size_t from, uint64_t cond, const char *object, const char *name);

#endif /* CONVOY_TESTS_CPYTHON_FIXTURE_H */
