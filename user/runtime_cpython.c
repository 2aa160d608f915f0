/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * runtime_cpython.c - CPython in a process, and the words of its GIL.
 *
 *	2.7		a semaphore that a local symbol points to
 *	3.2 - 3.6	four local symbols
 *	3.7 - 3.11	in _PyRuntime, at a place that depends on the version
 *	3.12		in each interpreter, at a place that is the same in all
 *	3.13 and later	the same; _PyRuntime begins with a table of where what is
 *
 * Whatever is read may be garbage: a version that is not known, memory of a process that is
 * about to change, or one that lies. So offsets are checked against sizes, and what is found
 * against what a GIL looks like.
 */
#include "runtime_cpython.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>

#define INTERPRETERS_MAX 32	/* that are looked at */
#define MAIN_INTERPRETER 0	/* its id */
#define STRUCT_MAX (64ull << 20)

/* The longest switch interval believed, in us. */
#define INTERVAL_MAX 100000000000ull

#define HINT_STRIPPED \
	"the GIL is a local symbol, and those were stripped: install the debug symbols of " \
	"this Python"
#define HINT_LAYOUT "the GIL is not where it is in the versions that convoy knows"
#define HINT_GONE "its memory could not be read: it had ended before it was looked at"

/* --- words ------------------------------------------------------------------------------ */

void cpython__name_gil(const struct runtime_info *found, struct word_info *info)
{
	struct cpython_version version;

	cpython__version_of(found, &version);
	if (version.major)
		snprintf(info->name, sizeof(info->name), "GIL of CPython %u.%u", version.major,
			 version.minor);
	else
		snprintf(info->name, sizeof(info->name), "GIL of CPython");
	snprintf(info->runtime, sizeof(info->runtime), "CPython%s%s", version.major ? " " : "",
		 version.text);
}

/* A range that belongs to the GIL at `gil`, of the interpreter with that id. */
static void add_word(struct runtime_found *found, uint64_t gil, int64_t id, uint64_t address,
		     size_t size, enum lock_role role)
{
	struct word_info *info = runtime_found__add_word(found, "gil", gil, address, size, role);

	if (!info)
		return;
	cpython__name_gil(&found->info, info);
	if (id != MAIN_INTERPRETER) {
		size_t length = strlen(info->name);

		snprintf(info->name + length, sizeof(info->name) - length, ", interpreter %lld",
			 (long long)id);
	}
}

/* All of a GIL's parts, or none: half a GIL is no use. */
static void add_gil(struct runtime_found *found, uint64_t gil, int64_t id, uint64_t cond)
{
	uint64_t mutex = cond + sizeof(pthread_cond_t);
	uint64_t switch_cond = mutex + sizeof(pthread_mutex_t);
	uint64_t switch_mutex = switch_cond + sizeof(pthread_cond_t);

	if (found->n_words + 4 > RUNTIME_WORDS_MAX)
		return;
	add_word(found, gil, id, cond, sizeof(pthread_cond_t), LOCK_ROLE_ACQUIRE);
	add_word(found, gil, id, mutex, sizeof(pthread_mutex_t), LOCK_ROLE_GUARD);
	add_word(found, gil, id, switch_cond, sizeof(pthread_cond_t), LOCK_ROLE_ACK);
	add_word(found, gil, id, switch_mutex, sizeof(pthread_mutex_t), LOCK_ROLE_GUARD);
	found->info.gil = GIL_PRESENT;
}

enum looks { NO_GIL, UNBORN, A_GIL, NOT_READ };

/* Does memory look like a GIL whose condition variable is at `cond`? */
static enum looks look_at(const struct process_view *view, uint64_t cond)
{
	/* In one go: the process may set it up meanwhile. */
	struct {
		uint64_t interval, holder;
		uint32_t locked, pad;
	} gil;
	bool live = false;

	if (view->read(view->ctx, cond - CPYTHON_INTERVAL_BEFORE, &gil, sizeof(gil), &live) ||
	    !live)
		return NOT_READ;
	if (!gil.interval && !gil.holder && (gil.locked == 0 || gil.locked == UINT32_MAX))
		return UNBORN;
	if (!gil.interval || gil.interval > INTERVAL_MAX || gil.holder % 8)
		return NO_GIL;
	return gil.locked == 0 || gil.locked == 1 || gil.locked == UINT32_MAX ? A_GIL : NO_GIL;
}

/* --- 2.7 -------------------------------------------------------------------------------- */

static int find_semaphore(const struct process_view *view, struct runtime_found *found)
{
	uint64_t symbol, size, semaphore;
	bool live = false;
	int err;

	if (view->symbol(view->ctx, "interpreter_lock", &symbol, &size))
		return runtime_found__unknown(found, HINT_STRIPPED);
	err = cpython__read64(view, symbol, &semaphore, &live);
	if (err || !live)
		return runtime_found__unknown(found, HINT_GONE);
	if (!semaphore)
		return -EAGAIN; /* there is none before the first thread is started */
	if (semaphore % sizeof(uint32_t))
		return runtime_found__unknown(found, HINT_LAYOUT);
	add_word(found, semaphore, MAIN_INTERPRETER, semaphore, sizeof(sem_t), LOCK_ROLE_ACQUIRE);
	found->info.gil = GIL_PRESENT;
	return 0;
}

/* --- 3.2 to 3.6 ------------------------------------------------------------------------- */

static int find_symbols(const struct process_view *view, struct runtime_found *found)
{
	static const struct {
		const char *name;
		size_t size;
		enum lock_role role;
	} parts[] = {
		{ "gil_cond", sizeof(pthread_cond_t), LOCK_ROLE_ACQUIRE },
		{ "gil_mutex", sizeof(pthread_mutex_t), LOCK_ROLE_GUARD },
		{ "switch_cond", sizeof(pthread_cond_t), LOCK_ROLE_ACK },
		{ "switch_mutex", sizeof(pthread_mutex_t), LOCK_ROLE_GUARD },
	};
	uint64_t gil = 0;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		uint64_t address, size;

		if (view->symbol(view->ctx, parts[i].name, &address, &size)) {
			found->n_words = 0;
			return runtime_found__unknown(found, HINT_STRIPPED);
		}
		gil = gil ? gil : address;
		add_word(found, gil, MAIN_INTERPRETER, address, parts[i].size, parts[i].role);
	}
	found->info.gil = GIL_PRESENT;
	return 0;
}

/* --- 3.7 to 3.11 ------------------------------------------------------------------------ */

static int find_in_runtime(const struct process_view *view, struct runtime_found *found,
			   unsigned int minor, uint64_t runtime)
{
	static const uint32_t gil_at[] = {
		[7] = 1264, [8] = 1152, [9] = 352, [10] = 352, [11] = 360
	};
	uint64_t gil = runtime + gil_at[minor];
	uint64_t cond = gil + CPYTHON_INTERVAL_BEFORE;

	switch (look_at(view, cond)) {
	case NO_GIL:
		return runtime_found__unknown(found, HINT_LAYOUT);
	case UNBORN:
		return -EAGAIN;
	case A_GIL:
	case NOT_READ: /* where it is does not depend on what is there */
		break;
	}
	add_gil(found, gil, MAIN_INTERPRETER, cond);
	return 0;
}

/* --- 3.12 and later --------------------------------------------------------------------- */

int cpython__offsets(const struct process_view *view, const struct cpython_version *version,
		     uint64_t runtime, uint64_t runtime_size, struct cpython_offsets *offsets)
{
	/* Numbers of 64 bits, counted from the cookie. 3.14 has one more before these. */
	enum {
		COOKIE,
		VERSION,
		FREE_THREADED,
		RUNTIME_SIZE,
		FINALIZING,
		HEAD,
		SIZE,
		ID,
		NEXT,
		THREADS_HEAD,
	};
	const size_t later = version->minor >= 14 ? 1 : 0;
	const size_t ceval_gil = 14 + later, gil = 15 + later, locked = 17 + later;
	const size_t holder = 18 + later;
	/* Of a thread: size, prev, next, interp, current_frame, thread_id, native_thread_id. */
	const size_t thread = 19 + 3 * later, native = thread + 6;
	uint64_t table[32];
	int err = view->read(view->ctx, runtime, table, sizeof(table), NULL);

	memset(offsets, 0, sizeof(*offsets));
	if (err)
		return err;
	if (memcmp(&table[COOKIE], "xdebugpy", 8) != 0 || table[FREE_THREADED] > 1)
		return -ENOENT;
	if (table[VERSION] >> 24 != version->major ||
	    (table[VERSION] >> 16 & 0xff) != version->minor)
		return -ENOENT;
	if (table[RUNTIME_SIZE] > STRUCT_MAX ||
	    (runtime_size && table[RUNTIME_SIZE] != runtime_size))
		return -ENOENT;
	if (table[HEAD] % 8 || table[RUNTIME_SIZE] < 16 || table[HEAD] > table[RUNTIME_SIZE] - 16)
		return -ENOENT;
	*offsets = (struct cpython_offsets){
		.free_threaded = table[FREE_THREADED],
		.head = table[HEAD],
		.id = table[ID],
		.next = table[NEXT],
		.ceval_gil = table[ceval_gil],
		.gil = table[gil],
		.locked = table[locked],
		.holder = table[holder],
	};
	if (table[SIZE] > STRUCT_MAX || table[SIZE] < 8 || offsets->gil >= table[SIZE] ||
	    offsets->id > table[SIZE] - 8 || offsets->next > table[SIZE] - 8 ||
	    offsets->ceval_gil > table[SIZE] - 8)
		return -ENOENT;
	/* A layout that was taken for another gives no distances such as these. */
	if (offsets->id % 8 || offsets->next % 8 || offsets->ceval_gil % 8 || offsets->gil % 8 ||
	    offsets->holder != offsets->gil + (offsets->free_threaded ? 16 : 8) ||
	    offsets->locked != offsets->holder + 8)
		return -ENOENT;
	/* What a thread looks like in later versions nobody knows yet. */
	if (version->minor <= 14 && table[native] % 8 == 0 && table[thread] <= STRUCT_MAX &&
	    table[native] < table[thread])
		offsets->native_thread_id = table[native];
	return 0;
}

struct interpreter {
	uint64_t address, gil;
	int64_t id;
};

static bool read_interpreter(const struct process_view *view, const struct cpython_offsets *offsets,
			     uint64_t address, struct interpreter *interpreter)
{
	uint64_t id;

	*interpreter = (struct interpreter){ .address = address };
	if (!address || address % 8 || cpython__read64(view, address + offsets->id, &id, NULL) ||
	    cpython__read64(view, address + offsets->ceval_gil, &interpreter->gil, NULL))
		return false;
	interpreter->id = (int64_t)id;
	return true;
}

struct walk {
	struct interpreter met[INTERPRETERS_MAX + 1];
	size_t n;
	bool unborn;	/* something is not there yet that will be */
	bool disabled;	/* a GIL that is off */
	bool strange;
};

/* The GIL of an interpreter, unless it was added: those that are old share the main one's. */
static void add_interpreter(const struct process_view *view, struct runtime_found *found,
			    const struct cpython_offsets *offsets,
			    const struct interpreter *interpreter, struct walk *walk)
{
	uint64_t cond = interpreter->gil + (offsets->locked - offsets->gil) + CPYTHON_LOCKED_BEFORE;
	uint32_t enabled;

	if (!interpreter->gil) {
		walk->unborn = true;
		return;
	}
	for (size_t i = 0; i < found->n_words; i++)
		if (found->words[i].address == cond)
			return;
	if (offsets->free_threaded) {
		if (cpython__read32(view, interpreter->gil, &enabled, NULL)) {
			walk->strange = true;
			return;
		}
		if (!enabled) {
			walk->disabled = true;
			return;
		}
	}
	switch (interpreter->gil % 8 ? NO_GIL : look_at(view, cond)) {
	case UNBORN:
		walk->unborn = true;
		break;
	case A_GIL:
		add_gil(found, interpreter->gil, interpreter->id, cond);
		break;
	case NO_GIL:
	case NOT_READ:
		walk->strange = true;
		break;
	}
}

/* What `head` leads to, and the main interpreter behind it; at most INTERPRETERS_MAX. */
static void meet_interpreters(const struct process_view *view,
			      const struct cpython_offsets *offsets, uint64_t head, uint64_t first,
			      struct walk *walk)
{
	if (read_interpreter(view, offsets, first, &walk->met[0]) &&
	    walk->met[0].id == MAIN_INTERPRETER)
		walk->n = 1;
	for (uint64_t at = head; at && walk->n < INTERPRETERS_MAX;) {
		struct interpreter *next = &walk->met[walk->n];

		if (!read_interpreter(view, offsets, at, next)) {
			walk->strange = true;
			return;
		}
		walk->n++;
		if (cpython__read64(view, at + offsets->next, &at, NULL))
			return;
	}
}

static int find_by_interpreters(const struct process_view *view, struct runtime_found *found,
				const struct cpython_offsets *offsets, uint64_t runtime,
				uint64_t known_main)
{
	struct walk walk = { 0 };
	uint64_t head, first;
	bool live = false;
	int err = cpython__read64(view, runtime + offsets->head, &head, &live);

	if (err || !live) {
		if (!known_main || offsets->free_threaded)
			return runtime_found__unknown(found, HINT_GONE);
		add_gil(found, known_main + offsets->gil, MAIN_INTERPRETER,
			known_main + offsets->locked + CPYTHON_LOCKED_BEFORE);
		return 0;
	}
	if (!head)
		return -EAGAIN;
	/* `main` follows `head`. */
	if (cpython__read64(view, runtime + offsets->head + 8, &first, NULL))
		first = 0;
	meet_interpreters(view, offsets, head, first, &walk);
	/* The main one first: others may share its GIL, which has no number then. */
	for (size_t i = 0; i < walk.n; i++)
		if (walk.met[i].id == MAIN_INTERPRETER)
			add_interpreter(view, found, offsets, &walk.met[i], &walk);
	for (size_t i = 0; i < walk.n; i++)
		if (walk.met[i].id != MAIN_INTERPRETER)
			add_interpreter(view, found, offsets, &walk.met[i], &walk);
	if (found->n_words)
		return 0;
	if (walk.disabled) {
		found->info.gil = GIL_ABSENT;
		return 0;
	}
	return walk.unborn && !walk.strange ? -EAGAIN : runtime_found__unknown(found, HINT_LAYOUT);
}

/*
 * Builds that were seen, for when memory cannot be read any more: the main interpreter lies
 * in _PyRuntime, but nothing says where.
 */
static uint64_t main_interpreter(unsigned int minor, uint64_t runtime, uint64_t size)
{
	static const struct {
		unsigned int minor;
		uint64_t size, at;
	} seen[] = {
		{ 12, 459944, 76392 },
		{ 13, 283320, 88352 },
	};

	for (size_t i = 0; i < sizeof(seen) / sizeof(seen[0]); i++)
		if (seen[i].minor == minor && seen[i].size == size)
			return runtime + seen[i].at;
	return 0;
}

static int find_in_interpreters(const struct process_view *view, struct runtime_found *found,
				const struct cpython_version *version, uint64_t runtime,
				uint64_t size)
{
	/* 3.12 has no table of its own, and is no more worked on. */
	struct cpython_offsets offsets = {
		.head = 40,
		.id = 8,
		.next = 0,
		.ceval_gil = 384,
		.gil = 1040,
		.holder = 1048,
		.locked = 1056,
	};
	int err;

	if (version->minor >= 13) {
		err = cpython__offsets(view, version, runtime, size, &offsets);
		if (err)
			return runtime_found__unknown(found,
						      err == -ENOENT ? HINT_LAYOUT : HINT_GONE);
	}
	return find_by_interpreters(view, found, &offsets, runtime,
				    main_interpreter(version->minor, runtime, size));
}

static int cpython__find(const struct process_view *view, struct runtime_found *found)
{
	struct cpython_version version;
	uint64_t runtime, size;
	int err = cpython__version(view, &version);

	memset(found, 0, sizeof(*found));
	if (err)
		return err;
	found->info = (struct runtime_info){ .pid = view->pid, .name = "CPython" };
	memcpy(found->info.version, version.text, sizeof(version.text));
	if (version.major == 2)
		return find_semaphore(view, found);
	if (version.major == 3 && version.minor < 7)
		return find_symbols(view, found);
	if (version.major != 3)
		return runtime_found__unknown(found,
					      "it is no version of Python that convoy knows");
	if (view->symbol(view->ctx, "_PyRuntime", &runtime, &size))
		return runtime_found__unknown(found, HINT_STRIPPED);
	if (version.minor < 12)
		return find_in_runtime(view, found, version.minor, runtime);
	return find_in_interpreters(view, found, &version, runtime, size);
}

const struct runtime runtime_cpython = {
	.name = "CPython",
	.file = "python",
	.find = cpython__find,
	.claims = cpython__claims,
	.holder = cpython__holder,
};
