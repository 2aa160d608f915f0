/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * runtime_cpython.h - CPython, as runtime.h wants it; and what its files share.
 *
 * Which version (runtime_cpython_version.c) decides where the GIL is (runtime_cpython.c)
 * and where a thread's TID is (runtime_cpython_holder.c); a wait's call-site shows that it is
 * for the GIL where that is not known (runtime_cpython_site.c).
 */
#ifndef CONVOY_RUNTIME_CPYTHON_H
#define CONVOY_RUNTIME_CPYTHON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime.h"

extern const struct runtime runtime_cpython;

struct cpython_version {
	unsigned int major, minor;	/* 0, 0: not known */
	char text[16];			/* "3.11.7", "3.13.0rc1", "3.9"; "": not known */
};

/* Is it here, and which? Returns 0 or -ENOENT. */
int cpython__version(const struct process_view *view, struct cpython_version *version);
/* The same from a runtime that was found. */
void cpython__version_of(const struct runtime_info *info, struct cpython_version *version);

/* --- memory: 0 or a negative errno; *live (may be NULL) as in process_view -------------- */

int cpython__read32(const struct process_view *view, uint64_t address, uint32_t *value, bool *live);
int cpython__read64(const struct process_view *view, uint64_t address, uint64_t *value, bool *live);

/* --- struct _gil_runtime_state, the same since 3.7 -------------------------------------- */

/*
 * interval, last_holder, locked (an int, padded), switch_number, cond, mutex, switch_cond,
 * switch_mutex. Free-threaded builds have an int before it, so all is counted from `cond`.
 */
#define CPYTHON_INTERVAL_BEFORE 32
#define CPYTHON_HOLDER_BEFORE 24
#define CPYTHON_LOCKED_BEFORE 16

/* --- _Py_DebugOffsets, 3.13 and later --------------------------------------------------- */

/* What it says, checked: offsets lie within what they are offsets of. */
struct cpython_offsets {
	bool free_threaded;
	uint64_t head;			/* in _PyRuntime: the first interpreter */
	uint64_t id, next, ceval_gil;	/* in an interpreter */
	uint64_t gil, locked, holder;	/* in an interpreter: its own GIL, and fields of that */
	uint64_t native_thread_id;	/* in a thread state; 0: not known */
};

/* Returns 0; -ENOENT: there are none that make sense; or another negative errno. */
int cpython__offsets(const struct process_view *view, const struct cpython_version *version,
		     uint64_t runtime, uint64_t runtime_size, struct cpython_offsets *offsets);

/* --- the parts of struct runtime -------------------------------------------------------- */

bool cpython__claims(const struct runtime_found *found, const char *const *functions, size_t n,
		     struct word_info *info);
int cpython__holder(const struct process_view *view, const struct runtime_found *found,
		    uint64_t word, uint32_t *tid);

/* "GIL of CPython 3.12", "CPython 3.12.1": into info->name and info->runtime. */
void cpython__name_gil(const struct runtime_info *found, struct word_info *info);

#endif /* CONVOY_RUNTIME_CPYTHON_H */
