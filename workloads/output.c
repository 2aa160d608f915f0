/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* output.c - write the results of a run as JSON. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "workloads/output.h"
#include "workloads/catalog.h"
#include "workloads/clock.h"
#include "workloads/cpulist.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>

#define SCHEMA "convoy.work/1"

static json_t *integer(uint64_t value)
{
	return json_integer((json_int_t)value);
}

static json_t *integer_or_null(uint64_t value)
{
	return value ? integer(value) : json_null();
}

static json_t *cpus_json(const struct run_params *params)
{
	char text[CPULIST_TEXT_MAX];

	if (!params->pinned)
		return json_null();
	if (cpulist__format(&params->cpus, text, sizeof(text)) < 0)
		return NULL;
	return json_string(text);
}

/* A format "o" takes over its value, and json_pack fails if one is NULL. */
static json_t *params_json(const struct run_params *params)
{
	const struct job_info *job = catalog_job(params->job);
	int seeded = job && job->seeded, lock_work = job && job->lock_work;

	return json_pack("{s:f, s:o, s:o, s:o, s:s, s:o, s:o, s:f, s:o}", "sleep_scale",
			 params->sleep_scale, "seed", seeded ? integer(params->seed) : json_null(),
			 "inside", lock_work ? integer(params->inside) : json_null(), "outside",
			 lock_work ? integer(params->outside) : json_null(), "start",
			 params->start == START_SPAWN ? "spawn" : "fork", "yield_every",
			 integer_or_null(params->yield_every), "check_interval",
			 integer(params->check_interval), "switch_interval_ms",
			 (double)params->switch_interval_ns / NSEC_PER_MSEC, "cpus",
			 cpus_json(params));
}

static json_t *task_json(const struct run_shared *shared, const struct task_slot *task)
{
	const struct worker_slot *worker = &shared->slots[task->worker];
	char result[32];

	snprintf(result, sizeof(result), "%" PRId64, task->result);
	return json_pack("{s:s, s:i, s:i, s:i, s:o, s:o, s:o, s:b}", "name", task->name, "worker",
			 (int)task->worker + 1, "pid", (int)worker->pid, "tid", (int)worker->tid,
			 "start_ns", integer_or_null(task->start_ns), "end_ns",
			 integer_or_null(task->end_ns), "result",
			 task->finished ? json_string(result) : json_null(), "ok", task->ok);
}

struct field {
	const char *name;
	uint64_t value;
};

static json_t *fields_json(const struct field *fields, size_t count)
{
	json_t *object = json_object();

	for (size_t i = 0; object && i < count; i++) {
		if (json_object_set_new(object, fields[i].name, integer(fields[i].value))) {
			json_decref(object);
			return NULL;
		}
	}
	return object;
}

static json_t *lock_json(const struct gil_account *lock)
{
	const struct field fields[] = {
		{ "acquires", lock->acquires },	      { "contended", lock->contended },
		{ "wait_ns", lock->wait_ns },	      { "max_wait_ns", lock->max_wait_ns },
		{ "ack_waits", lock->ack_waits },     { "ack_wait_ns", lock->ack_wait_ns },
		{ "guard_waits", lock->guard_waits }, { "guard_wait_ns", lock->guard_wait_ns },
		{ "signal_ns", lock->signal_ns },     { "drops", lock->drops },
		{ "switches", lock->switches },
	};

	return fields_json(fields, sizeof(fields) / sizeof(fields[0]));
}

static json_t *job_lock_json(const struct lock_account *lock)
{
	const struct field fields[] = {
		{ "acquires", lock->acquires },	    { "contended", lock->contended },
		{ "wait_ns", lock->wait_ns },	    { "max_wait_ns", lock->max_wait_ns },
		{ "recovered", lock->recovered },   { "cond_waits", lock->cond_waits },
		{ "cond_wait_ns", lock->cond_wait_ns },
	};

	return fields_json(fields, sizeof(fields) / sizeof(fields[0]));
}

static json_t *metrics_json(const struct run_metrics *metrics)
{
	json_t *object = json_object();

	for (size_t i = 0; object && i < metrics->count; i++) {
		json_t *value = metrics->list[i].is_real ? json_real(metrics->list[i].real) :
							   integer(metrics->list[i].whole);

		if (json_object_set_new(object, metrics->list[i].name, value)) {
			json_decref(object);
			return NULL;
		}
	}
	return object;
}

static json_t *schedstat_json(const struct worker_slot *slot)
{
	const struct field fields[] = {
		{ "run_ns", slot->run_ns },
		{ "run_delay_ns", slot->run_delay_ns },
	};

	return slot->has_schedstat ? fields_json(fields, sizeof(fields) / sizeof(fields[0])) :
				     json_null();
}

static json_t *thread_json(unsigned index, const struct worker_slot *slot)
{
	return json_pack("{s:i, s:i, s:i, s:o, s:o, s:o, s:o, s:o, s:o}", "worker", (int)index + 1,
			 "pid", (int)slot->pid, "tid", (int)slot->tid, "start_ns",
			 integer_or_null(slot->start_ns), "end_ns", integer_or_null(slot->end_ns),
			 "instructions", integer(slot->instructions), "lock",
			 lock_json(&slot->lock), "job_lock", job_lock_json(&slot->job_lock),
			 "schedstat", schedstat_json(slot));
}

static json_t *tasks_json(const struct run_shared *shared)
{
	json_t *array = json_array();

	for (unsigned i = 0; array && i < shared->task_count; i++) {
		if (json_array_append_new(array, task_json(shared, &run__tasks(shared)[i]))) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static json_t *threads_json(const struct run_shared *shared)
{
	json_t *array = json_array();

	for (unsigned i = 0; array && i < shared->slot_count; i++) {
		if (json_array_append_new(array, thread_json(i, &shared->slots[i]))) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

int output__json(const struct run_shared *shared, FILE *stream)
{
	const struct run_params *params = &shared->params;
	json_t *root;
	int err = 0;

	root = json_pack("{s:s, s:s, s:s, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b}",
			 "schema", SCHEMA, "job", params->job, "mode", params->mode, "workers",
			 (int)params->workers, "work", integer_or_null(params->work), "params",
			 params_json(params), "start_ns", integer(shared->start_ns), "end_ns",
			 integer(shared->end_ns), "wall_ns",
			 integer(shared->end_ns - shared->start_ns), "tasks", tasks_json(shared),
			 "threads", threads_json(shared), "metrics", metrics_json(&shared->metrics),
			 "ok", run__ok(shared));
	if (!root)
		return -ENOMEM;
	errno = 0;
	if (json_dumpf(root, stream, JSON_INDENT(2)) || fputc('\n', stream) == EOF ||
	    fflush(stream) == EOF)
		err = -EIO;
	json_decref(root);
	return err;
}
