// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * runtime_ruby.c - Ruby in a process, and its GVL.
 *
 *	2.6, 2.7	in the VM, which ruby_current_vm_ptr points to
 *	3.0 - 3.2	in the main ractor, which the VM names
 *	3.3, 3.4	the same, but another struct: the scheduler of the ractor's threads
 *
 * A thread waits for the GVL on a condition variable of its own, with the GVL's mutex. On
 * glibc it is the one on which it waits for everything else as well (union cond in
 * thread_pthread.h); the mutex is another then. So the GVL's waits are told by its mutex
 * (struct convoy_guard). From 3.3 on, a thread that has nothing to do (Queue#pop, Thread#join)
 * waits with that very mutex, but is not in the scheduler's queue.
 *
 * Other ractors have GVLs of their own; waits for those stay unknown.
 *
 * Nothing is exported but the VM, and that up to 3.2 only. What is before the GVL in a ractor depends on how Ruby was
 * built, so it is looked for: behind it is the main thread, which the VM names, too.
 */
#include "runtime_ruby.h"

#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* A ractor's threads are within so many bytes from its beginning. Seen: 528, in 3.1. */
#define RACTOR_MAX 1024

#define HINT_VERSION "its GVL is known of versions 2.6 to 3.4"
#define HINT_STRIPPED \
	"the VM is a local symbol since 3.3, and those were stripped: install the debug symbols " \
	"of this Ruby"
#define HINT_LAYOUT "the GVL is not where it is in the versions that convoy knows"
#define HINT_LIBC \
	"its C library is not glibc, and with others it is not known which of its waits are for " \
	"the GVL"
#define HINT_GONE "its memory could not be read: it had ended before it was looked at"

/* --- layouts (thread_pthread.h, vm_core.h and ractor_core.h of each version) ----------- */

struct list {
	uint64_t next, prev;
};

/* rb_global_vm_lock_t; from 3.2 on struct rb_thread_sched, the same but for its names. */
struct gvl {
	uint64_t owner;
	pthread_mutex_t lock;
	struct list waitq;
	uint64_t timer;
	int32_t timer_err;
	pthread_cond_t switch_cond;
	pthread_cond_t switch_wait_cond;
	int32_t need_yield, wait_yield;
};

/* struct rb_thread_sched of 3.3 and 3.4 */
struct sched {
	pthread_mutex_t lock;
	uint64_t running;
	uint8_t is_running, is_running_timeslice, enable_mn_threads;
	struct list readyq;
	int32_t readyq_cnt;
	struct list grq_node;
};

/* What follows either of them in a ractor. */
struct after {
	uint64_t running_ec, main;
};

/* The beginnings of rb_vm_t */
struct vm_2 {
	uint64_t self;
	struct gvl gvl;
	uint64_t main_thread;
};

struct vm_3 {
	uint64_t self;
	struct list ractors;
	uint32_t cnt, blocking_cnt;
	uint64_t main_ractor, main_thread;
};

/* The beginnings of rb_thread_t */
struct thread_2 {
	struct list lt_node;
	uint64_t self, vm, ec, last_status, calling, top_self, top_wrapper;
	uint64_t thread_id;		/* a pthread_t */
};

struct thread_30 {
	struct list lt_node;
	uint64_t self, ractor, vm, ec, last_status, calling, top_self, top_wrapper;
	uint64_t thread_id;
	int32_t tid;			/* 3.1 */
};

/* Of 3.2 and later; sched is struct rb_thread_sched_item of 3.3 and 3.4. */
struct thread_32 {
	struct list lt_node;
	uint64_t self, ractor, vm, nt, ec;
	struct {
		struct list ubf, readyq;
	} sched;
};

/* struct rb_native_thread of 3.2 */
struct native_thread_32 {
	int32_t id;
	uint64_t thread_id;
	int32_t tid;
};

/* The same of 3.3 and 3.4 */
struct native_thread_33 {
	uint32_t serial;
	uint64_t vm, thread_id;
	int32_t tid;
	uint64_t running_thread;
	pthread_cond_t cond;
};

/* --- versions --------------------------------------------------------------------------- */

struct version {
	unsigned int major, minor;	/* 0, 0: not known */
	char text[16];			/* "3.1.2", "3.4.0dev"; "": not known */
};

/* "ruby 3.1.2p20 (2022-04-12 ...", "ruby 3.4.0dev (2024-...": without the patch level */
static void parse_version(const char *text, struct version *version)
{
	char micro[8];
	int end = 0;

	memset(version, 0, sizeof(*version));
	if (sscanf(text, "ruby %3u.%3u.%7[0-9]%n", &version->major, &version->minor, micro, &end) !=
		    3 ||
	    !end) {
		memset(version, 0, sizeof(*version));
		return;
	}
	text += end;
	snprintf(version->text, sizeof(version->text), "%u.%u.%s", version->major, version->minor,
		 micro);
	if (*text != 'p' || strncmp(text, "preview", 7) == 0) {
		size_t length = strlen(version->text);

		snprintf(version->text + length, sizeof(version->text) - length, "%.*s",
			 (int)strcspn(text, " "), text);
	}
}

/* Returns 0, or -ENOENT: it is not here. */
static int find_version(const struct process_view *view, struct version *version)
{
	uint64_t address, size;
	char text[32];

	memset(version, 0, sizeof(*version));
	if (view->symbol(view->ctx, "ruby_description", &address, &size))
		return -ENOENT;
	if (view->read(view->ctx, address, text, sizeof(text) - 1, NULL))
		return 0;
	text[sizeof(text) - 1] = 0;
	parse_version(text, version);
	return 0;
}

/* --- what is found ---------------------------------------------------------------------- */

/* That is how it looks now; it may be about to be set up, or to change. */
static int unknown_yet(struct runtime_found *found, const char *hint)
{
	runtime_found__unknown(found, hint);
	return -EAGAIN;
}

static void add_word(struct runtime_found *found, const struct version *version, uint64_t address,
		     size_t size, enum lock_role role)
{
	struct word_info *info =
		runtime_found__add_word(found, "gvl", found->guard.lock, address, size, role);

	if (!info)
		return;
	snprintf(info->name, sizeof(info->name), "GVL of Ruby %u.%u", version->major,
		 version->minor);
	snprintf(info->runtime, sizeof(info->runtime), "Ruby %s", version->text);
}

/* In glibc's struct pthread; it tells debuggers (nptl_db): bits, how many fields, offset. */
static uint16_t tid_in_pthread(const struct process_view *view)
{
	uint64_t address, size;
	uint32_t field[3];

	if (view->symbol(view->ctx, "_thread_db_pthread_tid", &address, &size) ||
	    view->read(view->ctx, address, field, sizeof(field), NULL) || field[0] != 32 ||
	    field[1] != 1 || field[2] % 4 || field[2] > UINT16_MAX)
		return 0;
	return (uint16_t)field[2];
}

/* From a thread to its TID. */
static void find_tid(const struct process_view *view, const struct version *version,
		     struct convoy_guard *guard)
{
	if (version->major == 2) {
		guard->tid_by = offsetof(struct thread_2, thread_id);
		guard->tid_at = tid_in_pthread(view);
	} else if (version->minor == 0) {
		guard->tid_by = offsetof(struct thread_30, thread_id);
		guard->tid_at = tid_in_pthread(view);
	} else if (version->minor == 1) {
		guard->tid_at = offsetof(struct thread_30, tid);
	} else {
		guard->tid_by = offsetof(struct thread_32, nt);
		guard->tid_at = version->minor == 2 ? offsetof(struct native_thread_32, tid) :
						      offsetof(struct native_thread_33, tid);
	}
}

/* Waits for it are recorded as waits for `owner`, which is never waited on itself. */
static int add_gvl(const struct process_view *view, struct runtime_found *found,
		   const struct version *version, uint64_t gvl)
{
	found->guard = (struct convoy_guard){
		.lock = gvl + offsetof(struct gvl, owner),
		.size = sizeof(struct gvl),
		.mutex = gvl + offsetof(struct gvl, lock),
	};
	find_tid(view, version, &found->guard);
	add_word(found, version, found->guard.lock, sizeof(uint64_t), LOCK_ROLE_ACQUIRE);
	add_word(found, version, found->guard.mutex, sizeof(pthread_mutex_t), LOCK_ROLE_GUARD);
	add_word(found, version, gvl + offsetof(struct gvl, switch_cond), sizeof(pthread_cond_t),
		 LOCK_ROLE_ACK);
	add_word(found, version, gvl + offsetof(struct gvl, switch_wait_cond),
		 sizeof(pthread_cond_t), LOCK_ROLE_ACK);
	found->info.gil = GIL_PRESENT;
	return 0;
}

static int add_sched(const struct process_view *view, struct runtime_found *found,
		     const struct version *version, uint64_t sched)
{
	found->guard = (struct convoy_guard){
		.lock = sched + offsetof(struct sched, running),
		.size = sizeof(uint64_t),
		.mutex = sched + offsetof(struct sched, lock),
		.thread_before = offsetof(struct native_thread_33, cond) -
				 offsetof(struct native_thread_33, running_thread),
		.node_at = offsetof(struct thread_32, sched.readyq),
	};
	find_tid(view, version, &found->guard);
	add_word(found, version, found->guard.lock, sizeof(uint64_t), LOCK_ROLE_ACQUIRE);
	add_word(found, version, found->guard.mutex, sizeof(pthread_mutex_t), LOCK_ROLE_GUARD);
	found->info.gil = GIL_PRESENT;
	return 0;
}

/* --- does memory look like it? ---------------------------------------------------------- */

static bool is_bool(int32_t value)
{
	return value == 0 || value == 1;
}

static bool is_list(const struct list *list, uint64_t address)
{
	if (!list->next || !list->prev || list->next % 8 || list->prev % 8)
		return false;
	return (list->next == address) == (list->prev == address);
}

static bool looks_like_gvl(const struct gvl *gvl, uint64_t address)
{
	return gvl->owner % 8 == 0 && gvl->timer % 8 == 0 &&
	       is_list(&gvl->waitq, address + offsetof(struct gvl, waitq)) &&
	       (gvl->timer_err == 0 || gvl->timer_err == ETIMEDOUT || gvl->timer_err == EINTR) &&
	       is_bool(gvl->need_yield) && is_bool(gvl->wait_yield);
}

static bool looks_like_sched(const struct sched *sched, uint64_t address)
{
	return sched->running % 8 == 0 && sched->is_running <= 1 &&
	       sched->is_running_timeslice <= 1 && sched->enable_mn_threads <= 1 &&
	       sched->readyq_cnt >= 0 &&
	       is_list(&sched->readyq, address + offsetof(struct sched, readyq));
}

/* --- looking for it --------------------------------------------------------------------- */

static int read_live(const struct process_view *view, uint64_t address, void *buffer, size_t size)
{
	bool live = false;
	int err = view->read(view->ctx, address, buffer, size, &live);

	return err ? err : live ? 0 : -ESRCH;
}

static int find_in_vm(const struct process_view *view, struct runtime_found *found,
		      const struct version *version, uint64_t vm)
{
	struct vm_2 start;

	if (read_live(view, vm, &start, sizeof(start)))
		return unknown_yet(found, HINT_GONE);
	if (!start.main_thread)
		return -EAGAIN;
	if (!looks_like_gvl(&start.gvl, vm + offsetof(struct vm_2, gvl)))
		return unknown_yet(found, HINT_LAYOUT);
	return add_gvl(view, found, version, vm + offsetof(struct vm_2, gvl));
}

/* The struct of that size behind which the main thread is named, and that looks right. */
static uint64_t look_in_ractor(const uint64_t *ractor, uint64_t address, uint64_t main_thread,
			       bool is_sched)
{
	size_t size = is_sched ? sizeof(struct sched) : sizeof(struct gvl);
	size_t main_at = size + offsetof(struct after, main);

	for (size_t at = 0; at + size + sizeof(struct after) <= RACTOR_MAX; at += 8) {
		const void *it = (const uint8_t *)ractor + at;
		struct sched sched;
		struct gvl gvl;

		if (ractor[(at + main_at) / 8] != main_thread)
			continue;
		memcpy(&sched, it, sizeof(sched));
		memcpy(&gvl, it, sizeof(gvl));
		if (is_sched ? looks_like_sched(&sched, address + at) :
			       looks_like_gvl(&gvl, address + at))
			return address + at;
	}
	return 0;
}

static int find_in_ractor(const struct process_view *view, struct runtime_found *found,
			  const struct version *version, uint64_t vm)
{
	bool is_sched = version->minor >= 3;
	uint64_t ractor[RACTOR_MAX / 8], at;
	struct vm_3 start;

	if (read_live(view, vm, &start, sizeof(start)))
		return unknown_yet(found, HINT_GONE);
	if (!start.main_ractor || !start.main_thread)
		return -EAGAIN;
	if (start.main_ractor % 8 || read_live(view, start.main_ractor, ractor, sizeof(ractor)))
		return unknown_yet(found, HINT_LAYOUT);
	at = look_in_ractor(ractor, start.main_ractor, start.main_thread, is_sched);
	if (!at)
		return unknown_yet(found, HINT_LAYOUT);
	return is_sched ? add_sched(view, found, version, at) : add_gvl(view, found, version, at);
}

static int ruby__find(const struct process_view *view, struct runtime_found *found)
{
	struct version version;
	uint64_t pointer, address, size, vm;
	bool old, recent;
	int err = find_version(view, &version);

	memset(found, 0, sizeof(*found));
	if (err)
		return err;
	found->info = (struct runtime_info){ .pid = view->pid, .name = "Ruby" };
	memcpy(found->info.version, version.text, sizeof(version.text));
	old = version.major == 2 && version.minor >= 6 && version.minor <= 7;
	recent = version.major == 3 && version.minor <= 4;
	if (!old && !recent)
		return runtime_found__unknown(found, HINT_VERSION);
	if (view->symbol(view->ctx, "ruby_current_vm_ptr", &pointer, &size))
		return runtime_found__unknown(found, HINT_STRIPPED);
	if (read_live(view, pointer, &vm, sizeof(vm)))
		return unknown_yet(found, HINT_GONE);
	if (!vm)
		return -EAGAIN;
	if (view->symbol(view->ctx, "gnu_get_libc_version", &address, &size))
		return unknown_yet(found, HINT_LIBC);
	if (vm % 8)
		return unknown_yet(found, HINT_LAYOUT);
	return old ? find_in_vm(view, found, &version, vm) :
		     find_in_ractor(view, found, &version, vm);
}

const struct runtime runtime_ruby = {
	.name = "Ruby",
	.file = "ruby",
	.early = true,
	.find = ruby__find,
};
