/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * runtime_pypy.c - PyPy in a process, and the words of its GIL.
 *
 * A thread that wants the GIL and does not get it at once waits for mutex_gil_stealer. Who has
 * that one is the only one to ask for the GIL: he looks whether it is free (rpy_fastgil, which
 * is no futex) each 0.1 ms, and sleeps on mutex_gil's condition variable meanwhile, which the
 * holder signals when it yields. So the stealer's mutex and mutex_gil's own guard the GIL, and
 * who holds one of them does not hold that.
 */
#include "runtime_pypy.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* What rpy_waiting_threads is before there is a GIL; there is none for a thread alone. */
#define NO_GIL_YET (-42)
#define WAITING_MAX (1 << 22)

#define HINT_NOT_FOUND \
	"the GIL is a local symbol, and not where other builds have it: install the debug " \
	"symbols of this PyPy"

static void describe(const struct process_view *view, struct runtime_found *found,
		     struct pypy_version *version)
{
	pypy__version(view, version);
	memcpy(found->info.version, version->own, sizeof(version->own));
}

static void add_word(struct runtime_found *found, const struct pypy_version *version, uint64_t gil,
		     uint64_t address, size_t size, enum lock_role role)
{
	struct word_info *info = runtime_found__add_word(found, "gil", gil, address, size, role);

	if (!info)
		return;
	snprintf(info->name, sizeof(info->name), "GIL of PyPy%s%s", version->python[0] ? " " : "",
		 version->python);
	snprintf(info->runtime, sizeof(info->runtime), "PyPy%s%s", version->own[0] ? " " : "",
		 version->own);
}

static bool has_library(const struct process_view *view)
{
	const char *path;
	bool has_symtab;

	for (size_t i = 0; view->module(view->ctx, i, &path, &has_symtab); i++)
		if (pypy__is_library(path))
			return true;
	return false;
}

/* By their names, where those were not stripped. */
static int gil_by_symbols(const struct process_view *view, struct pypy_gil *gil)
{
	uint64_t size;
	int err = view->symbol(view->ctx, "mutex_gil", &gil->gil, &size);

	if (!err)
		err = view->symbol(view->ctx, "mutex_gil_stealer", &gil->stealer, &size);
	if (!err)
		err = view->symbol(view->ctx, "rpy_waiting_threads", &gil->waiting, &size);
	return err;
}

/* Does memory look like it? 0; -EAGAIN: it is not made yet; -ENOENT: not at all. */
static int look_at(const struct process_view *view, const struct pypy_gil *gil)
{
	bool waiting_live = false, locked_live = false;
	int64_t waiting;
	uint8_t locked;

	if (view->read(view->ctx, gil->waiting, &waiting, sizeof(waiting), &waiting_live) ||
	    view->read(view->ctx, gil->gil, &locked, sizeof(locked), &locked_live))
		return -ENOENT;
	/* It is gone. Where it was does not depend on what was there. */
	if (!waiting_live || !locked_live)
		return 0;
	if (waiting == NO_GIL_YET)
		return -EAGAIN;
	return waiting < 0 || waiting > WAITING_MAX || locked > 1 ? -ENOENT : 0;
}

static int pypy__find(const struct process_view *view, struct runtime_found *found)
{
	struct pypy_version version;
	struct pypy_gil gil;
	uint64_t maker = 0, size;
	int err;

	memset(found, 0, sizeof(*found));
	if (view->symbol(view->ctx, "pypy_carefully_make_gil", &maker, &size) && !has_library(view))
		return -ENOENT;
	found->info = (struct runtime_info){ .pid = view->pid, .name = "PyPy" };
	err = gil_by_symbols(view, &gil);
	if (err && maker)
		err = pypy__gil_by_code(view, maker, &gil);
	if (!err)
		err = look_at(view, &gil);
	if (err == -EAGAIN)
		return err;
	describe(view, found, &version);
	if (err)
		return runtime_found__unknown(found, HINT_NOT_FOUND);
	add_word(found, &version, gil.gil, gil.gil + PYPY_COND_AT, sizeof(pthread_cond_t),
		 LOCK_ROLE_ACQUIRE);
	add_word(found, &version, gil.gil, gil.gil + PYPY_MUTEX_AT, sizeof(pthread_mutex_t),
		 LOCK_ROLE_GUARD);
	add_word(found, &version, gil.gil, gil.stealer, sizeof(pthread_mutex_t), LOCK_ROLE_GUARD);
	found->info.gil = GIL_PRESENT;
	return 0;
}

const struct runtime runtime_pypy = {
	.name = "PyPy",
	.file = "pypy",
	.find = pypy__find,
};
