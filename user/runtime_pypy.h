/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * runtime_pypy.h - PyPy, as runtime.h wants it; and what its files share.
 *
 * Its GIL is static in a library that comes without local symbols, so it is looked for in the
 * code of one that is exported (runtime_pypy_code.c). Which PyPy it is, it says in a text
 * (runtime_pypy_version.c).
 */
#ifndef CONVOY_RUNTIME_PYPY_H
#define CONVOY_RUNTIME_PYPY_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime.h"

extern const struct runtime runtime_pypy;

/* --- which ------------------------------------------------------------------------------ */

struct pypy_version {
	char own[16];	/* "7.3.11"; "": not known */
	char python[8];	/* "3.9", the language's; "": not known */
};

/* What it says itself, and else what the paths of its files say. Pure but for the view. */
void pypy__version(const struct process_view *view, struct pypy_version *version);
/* Is this the path of PyPy's library? */
bool pypy__is_library(const char *path);

/* --- where ------------------------------------------------------------------------------ */

/* Its mutex2_t, of which `locked` (a char) is the first member. */
#define PYPY_MUTEX_AT 8
#define PYPY_COND_AT (PYPY_MUTEX_AT + sizeof(pthread_mutex_t))
#define PYPY_GIL_SIZE (PYPY_COND_AT + sizeof(pthread_cond_t))

struct pypy_gil {
	uint64_t gil;		/* mutex_gil, a mutex2_t */
	uint64_t stealer;	/* mutex_gil_stealer, a pthread_mutex_t */
	uint64_t waiting;	/* rpy_waiting_threads, a long */
};

/*
 * From the code of the function at `start`, which makes the GIL if there is none yet. Returns 0;
 * -ENOENT: it looks different, as on all machines but x86-64.
 */
int pypy__gil_by_code(const struct process_view *view, uint64_t start, struct pypy_gil *gil);

/* --- code of x86-64 --------------------------------------------------------------------- */

struct pypy_code {
	uint64_t at;		/* address of the first byte */
	size_t n;
	uint8_t bytes[256];
};

/* So much of the code there as can be read. False: none. */
bool pypy_code__read(struct pypy_code *code, const struct process_view *view, uint64_t at);
/* Is there an address that is taken relative to the program counter, at byte i? */
bool pypy_code__lea(const struct pypy_code *code, size_t i, uint64_t *target);

#endif /* CONVOY_RUNTIME_PYPY_H */
