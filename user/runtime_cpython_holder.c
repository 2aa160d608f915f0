/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * runtime_cpython_holder.c - who holds CPython's GIL.
 *
 * The GIL names a thread state (PyThreadState), and that has the kernel's TID from 3.11 on.
 * Before, it has only the pthread_t, which in glibc is the address of a struct that has the
 * TID; where in it, glibc itself tells debuggers (nptl_db) by a constant of its own.
 */
#include "runtime_cpython.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TID_MAX (1u << 22)	/* PID_MAX_LIMIT */

/* In a thread state: where thread_id, or native_thread_id, is. */
static const struct {
	uint8_t major, minor;
	bool native;
	uint16_t at;
} ids[] = {
	{ 2, 7, false, 144 },  { 3, 6, false, 152 }, { 3, 7, false, 176 }, { 3, 8, false, 176 },
	{ 3, 9, false, 176 }, { 3, 10, false, 176 }, { 3, 11, true, 160 }, { 3, 12, true, 144 },
};

static int read_live32(const struct process_view *view, uint64_t address, uint32_t *value)
{
	bool live = false;
	int err = cpython__read32(view, address, value, &live);

	return err ? err : live ? 0 : -ESRCH;
}

static int read_live64(const struct process_view *view, uint64_t address, uint64_t *value)
{
	bool live = false;
	int err = cpython__read64(view, address, value, &live);

	return err ? err : live ? 0 : -ESRCH;
}

static int read_tid(const struct process_view *view, uint64_t address, uint32_t *tid)
{
	int err = read_live32(view, address, tid);

	if (err)
		return err;
	return *tid && *tid <= TID_MAX ? 0 : -EINVAL;
}

/* What glibc says of a field of struct pthread: its bits, how many of them, its offset. */
static int tid_of_pthread(const struct process_view *view, uint64_t pthread, uint32_t *tid)
{
	uint64_t address, size;
	uint32_t field[3];
	int err = view->symbol(view->ctx, "_thread_db_pthread_tid", &address, &size);

	if (!err)
		err = view->read(view->ctx, address, field, sizeof(field), NULL);
	if (err)
		return err;
	if (field[0] != 32 || field[1] != 1 || field[2] > 65536 || field[2] % 4)
		return -EINVAL;
	if (!pthread || pthread % 8)
		return -EINVAL;
	return read_tid(view, pthread + field[2], tid);
}

static int tid_of_state(const struct process_view *view, const struct cpython_version *version,
			uint64_t state, uint32_t *tid)
{
	uint64_t pthread;
	int err;

	if (state % 8)
		return -EINVAL;
	if (version->major == 3 && version->minor >= 13) {
		struct cpython_offsets offsets;
		uint64_t runtime, size;

		err = view->symbol(view->ctx, "_PyRuntime", &runtime, &size);
		if (!err)
			err = cpython__offsets(view, version, runtime, size, &offsets);
		if (err)
			return err;
		return offsets.native_thread_id ?
			       read_tid(view, state + offsets.native_thread_id, tid) :
			       -EOPNOTSUPP;
	}
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		if (ids[i].major != version->major || ids[i].minor != version->minor)
			continue;
		if (ids[i].native)
			return read_tid(view, state + ids[i].at, tid);
		err = read_live64(view, state + ids[i].at, &pthread);
		return err ? err : tid_of_pthread(view, pthread, tid);
	}
	return -EOPNOTSUPP;
}

/* The condition variable of the GIL that the word is a part of; 0: of none. */
static uint64_t cond_of(const struct runtime_found *found, uint64_t word)
{
	const struct word_info *part = NULL;

	for (size_t i = 0; i < found->n_words && !part; i++)
		if (word >= found->words[i].address &&
		    word - found->words[i].address < found->words[i].size)
			part = &found->words[i];
	for (size_t i = 0; part && i < found->n_words; i++)
		if (found->words[i].role == LOCK_ROLE_ACQUIRE &&
		    strcmp(found->words[i].object, part->object) == 0)
			return found->words[i].address;
	return 0;
}

/* Where the GIL says that it is taken, and by whom. 3.7 and later, and 3.2 to 3.6. */
static int holder_fields(const struct process_view *view, const struct runtime_found *found,
			 const struct cpython_version *version, uint64_t word, uint64_t *locked,
			 uint64_t *holder)
{
	uint64_t size, cond;

	if (version->minor < 7) {
		int err = view->symbol(view->ctx, "gil_locked", locked, &size);

		return err ? err : view->symbol(view->ctx, "gil_last_holder", holder, &size);
	}
	cond = cond_of(found, word);
	if (!cond)
		return -EOPNOTSUPP;
	*locked = cond - CPYTHON_LOCKED_BEFORE;
	*holder = cond - CPYTHON_HOLDER_BEFORE;
	return 0;
}

int cpython__holder(const struct process_view *view, const struct runtime_found *found,
		    uint64_t word, uint32_t *tid)
{
	uint64_t locked_at, holder_at, size, state = 0;
	struct cpython_version version;
	uint32_t locked;
	int err;

	cpython__version_of(&found->info, &version);
	if (!version.major)
		return -EOPNOTSUPP;
	if (version.major == 3 &&
	    !holder_fields(view, found, &version, word, &locked_at, &holder_at)) {
		err = read_live32(view, locked_at, &locked);
		if (!err && locked != 1)
			return -ENOENT;
		if (!err)
			err = read_live64(view, holder_at, &state);
	} else if (version.major == 2 || version.minor < 7) {
		/* The thread state that is current is its holder's; of none: NULL. */
		err = view->symbol(view->ctx, "_PyThreadState_Current", &holder_at, &size);
		if (!err)
			err = read_live64(view, holder_at, &state);
	} else {
		err = -EOPNOTSUPP;
	}
	if (err)
		return err;
	return state ? tid_of_state(view, &version, state, tid) : -ENOENT;
}
