// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * render_json_locks.c - the locks and the runtimes of a JSON report.
 */
#include "render_json.h"

#include "classify.h"
#include "contention.h"

static json_t *holding(const struct report_holding *from)
{
	json_t *object = json_object();

	json__set(&object, "running", json__count(from->running));
	json__set(&object, "runnable", json__count(from->runnable));
	json__set(&object, "asleep", json__count(from->asleep));
	json__set(&object, "waiting", json__count(from->waiting));
	return object;
}

static json_t *flags(const struct report_lock *from)
{
	json_t *array = json_array();

	if (from->pi)
		json__append(&array, json_string("pi"));
	if (from->robust)
		json__append(&array, json_string("robust"));
	if (from->shared)
		json__append(&array, json_string("shared"));
	return array;
}

json_t *json__lock(const struct report_lock *from)
{
	json_t *object = json_object(), *holders = json_array();

	for (size_t i = 0; i < from->n_holders; i++) {
		json_t *holder = json_object();

		json__set(&holder, "tid", json__count(from->holders[i].tid));
		json__set(&holder, "comm", JSON__TEXT(from->holders[i].comm));
		json__set(&holder, "share", json__real(from->holders[i].share));
		json__set(&holder, "did", holding(&from->holders[i].did));
		json__append(&holders, holder);
	}
	json__set(&object, "name", JSON__TEXT(from->name));
	json__set(&object, "kind", json_string(lock_kind__name(from->kind)));
	json__set(&object, "runtime", JSON__TEXT_OR_NULL(from->runtime));
	json__set(&object, "object", JSON__TEXT_OR_NULL(from->object));
	json__set(&object, "site", JSON__TEXT_OR_NULL(from->site));
	json__set(&object, "flags", flags(from));
	json__set(&object, "contended", json_boolean(report_lock__contended(from)));
	json__set(&object, "objects", json__count(from->objects));
	json__set(&object, "episodes", json__count(from->episodes));
	json__set(&object, "waits", json__count(from->waits));
	json__set(&object, "timeouts", json__maybe_whole(from->timeouts));
	json__set(&object, "eagain", json__maybe_whole(from->eagain));
	json__set(&object, "interrupted", json__maybe_whole(from->interrupted));
	json__set(&object, "lost_races", json__count(from->lost_races));
	json__set(&object, "futex_calls", json__maybe_whole(from->futex_calls));
	json__set(&object, "total_ns", json__count(from->total_ns));
	json__set(&object, "wakeup_ns", json__count(from->wakeup_ns));
	json__set(&object, "p50_ns", json__maybe_whole(from->p50_ns));
	json__set(&object, "p99_ns", json__maybe_whole(from->p99_ns));
	json__set(&object, "max_ns", json__maybe_whole(from->max_ns));
	json__set(&object, "holders", holders);
	json__set(&object, "holder_known", json__real(report_lock__coverage(from)));
	json__set(&object, "holder_did", holding(&from->held));
	json__set(&object, "handoffs", json__count(from->handoffs));
	json__set(&object, "handoff_p50_ns", json__maybe_whole(from->handoff_p50_ns));
	json__set(&object, "mean_hold_ns", json__maybe_whole(from->mean_hold_ns));
	json__set(&object, "woken_early", json__count(from->woken_early));
	json__set(&object, "since_before", json__count(from->since_before));
	json__set(&object, "unfinished", json__count(from->unfinished));
	return object;
}

static json_t *runtime_thread(const struct report_runtime_thread *from)
{
	json_t *object = json_object();

	json__set(&object, "pid", json__count(from->pid));
	json__set(&object, "tid", json__count(from->tid));
	json__set(&object, "comm", JSON__TEXT(from->comm));
	json__set(&object, "lifetime_ns", json__count(from->lifetime_ns));
	json__set(&object, "gil_wait_ns", json__count(from->gil_wait_ns));
	json__set(&object, "held_share", json__real(from->held_share));
	return object;
}

json_t *json__runtime(const struct report_runtime *from)
{
	static const char *const states[] = {
		[GIL_UNKNOWN] = "unknown",
		[GIL_PRESENT] = "present",
		[GIL_ABSENT] = "absent",
	};
	json_t *object = json_object(), *threads = json_array();
	bool known = report_runtime__waits_known(from);

	for (size_t i = 0; i < from->n_threads; i++)
		json__append(&threads, runtime_thread(&from->threads[i]));
	json__set(&object, "name", JSON__TEXT(from->name));
	json__set(&object, "version", JSON__TEXT_OR_NULL(from->version));
	json__set(&object, "gil", json_string(states[from->gil]));
	json__set(&object, "processes", json__count(from->processes));
	json__set(&object, "hint", JSON__TEXT_OR_NULL(from->hint));
	json__set(&object, "gil_wait_ns", known ? json__count(from->gil_wait_ns) : json_null());
	json__set(&object, "lifetime_ns", json__count(from->lifetime_ns));
	json__set(&object, "wanted_ns",
		  known && from->wanted_ns ? json__count(from->wanted_ns) : json_null());
	json__set(&object, "gil_share",
		  known && from->lifetime_ns ?
			  json__real((double)from->gil_wait_ns / (double)from->lifetime_ns) :
			  json_null());
	json__set(&object, "handoffs", known ? json__count(from->handoffs) : json_null());
	json__set(&object, "handoffs_per_s", json__maybe_real(from->handoffs_per_s));
	json__set(&object, "mean_hold_ns", json__maybe_whole(from->mean_hold_ns));
	json__set(&object, "switch_interval_ns", json__maybe_whole(from->switch_interval_ns));
	json__set(&object, "threads", threads);
	json__set(&object, "threads_more", json__count(from->n_more_threads));
	return object;
}
