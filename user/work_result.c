// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "work_result.h"

static bool is_id(json_int_t id)
{
	return id >= 0 && id <= UINT32_MAX;
}

static int parse_task(json_t *json, struct work_task *task)
{
	const char *name, *result;
	json_int_t pid, tid, start, end;
	int ok;

	if (json_unpack(json, "{s:s, s:s, s:I, s:I, s:I, s:I, s:b}", "name", &name, "result",
			&result, "pid", &pid, "tid", &tid, "start_ns", &start, "end_ns", &end,
			"ok", &ok))
		return -EBADMSG;
	if (!is_id(pid) || !is_id(tid) || start < 0 || end < start)
		return -EBADMSG;
	snprintf(task->name, sizeof(task->name), "%s", name);
	snprintf(task->result, sizeof(task->result), "%s", result);
	task->pid = (uint32_t)pid;
	task->tid = (uint32_t)tid;
	task->start_ns = (uint64_t)start;
	task->end_ns = (uint64_t)end;
	task->ok = ok;
	return 0;
}

/* Add the waits for one lock: nothing if there is no such lock; null is not known. */
static int add_wait(struct work_thread *to, const json_t *account)
{
	const json_t *wait = json_object_get(account, "wait_ns");

	if (!account)
		return 0;
	if (json_is_null(account) || json_is_null(wait)) {
		to->has_lock_wait = false;
		return 0;
	}
	if (!json_is_integer(wait) || json_integer_value(wait) < 0)
		return -EBADMSG;
	to->lock_wait_ns += (uint64_t)json_integer_value(wait);
	return 0;
}

static int parse_thread(json_t *json, struct work_thread *thread)
{
	json_int_t pid, tid, start, end, run = 0, delay = 0;
	json_t *lock = json_object_get(json, "lock"), *sched = json_object_get(json, "schedstat");

	if (json_unpack(json, "{s:I, s:I, s:I, s:I}", "pid", &pid, "tid", &tid, "start_ns", &start,
			"end_ns", &end) ||
	    !is_id(pid) || !is_id(tid) || start < 0 || end < start)
		return -EBADMSG;
	/* Locks of the job's own may be left out: not every job has some. */
	thread->has_lock_wait = lock != NULL;
	if (add_wait(thread, lock) || add_wait(thread, json_object_get(json, "job_lock")))
		return -EBADMSG;
	if (!thread->has_lock_wait)
		thread->lock_wait_ns = 0;
	if (sched && !json_is_object(sched) && !json_is_null(sched))
		return -EBADMSG;
	thread->has_schedstat = json_is_object(sched);
	if (thread->has_schedstat &&
	    (json_unpack(sched, "{s:I, s:I}", "run_ns", &run, "run_delay_ns", &delay) || run < 0 ||
	     delay < 0))
		return -EBADMSG;
	thread->pid = (uint32_t)pid;
	thread->tid = (uint32_t)tid;
	thread->start_ns = (uint64_t)start;
	thread->end_ns = (uint64_t)end;
	thread->run_ns = (uint64_t)run;
	thread->run_delay_ns = (uint64_t)delay;
	return 0;
}

static int parse_metrics(json_t *metrics, struct work_result *result)
{
	const char *name;
	json_t *value;

	if (!metrics)
		return 0;
	if (!json_is_object(metrics))
		return -EBADMSG;
	result->metrics = calloc(json_object_size(metrics) + 1, sizeof(*result->metrics));
	if (!result->metrics)
		return -ENOMEM;
	json_object_foreach(metrics, name, value) {
		struct work_metric *metric = &result->metrics[result->n_metrics];

		if (!json_is_number(value) || strlen(name) >= sizeof(metric->name))
			return -EBADMSG;
		strcpy(metric->name, name);
		metric->value = json_number_value(value);
		result->n_metrics++;
	}
	return 0;
}

static int parse(struct work_result *result, const json_t *json)
{
	json_t *tasks, *threads, *item;
	const char *schema;
	size_t i;
	int err = 0;

	if (json_unpack((json_t *)json, "{s:s, s:o, s:o}", "schema", &schema, "tasks", &tasks,
			"threads", &threads) ||
	    strcmp(schema, "convoy.work/1") || !json_is_array(tasks) || !json_is_array(threads))
		return -EBADMSG;
	result->tasks = calloc(json_array_size(tasks) + 1, sizeof(*result->tasks));
	result->threads = calloc(json_array_size(threads) + 1, sizeof(*result->threads));
	if (!result->tasks || !result->threads)
		return -ENOMEM;
	json_array_foreach(tasks, i, item) {
		err = parse_task(item, &result->tasks[result->n_tasks++]);
		if (err)
			return err;
	}
	json_array_foreach(threads, i, item) {
		err = parse_thread(item, &result->threads[result->n_threads++]);
		if (err)
			return err;
	}
	return parse_metrics(json_object_get(json, "metrics"), result);
}

int work_result__of_json(struct work_result *result, const json_t *json)
{
	int err;

	memset(result, 0, sizeof(*result));
	err = parse(result, json);
	if (err)
		work_result__free(result);
	return err;
}

int work_result__parse(struct work_result *result, const char *text, size_t size)
{
	json_t *json = json_loadb(text, size, 0, NULL);
	int err = -EBADMSG;

	memset(result, 0, sizeof(*result));
	if (json)
		err = work_result__of_json(result, json);
	json_decref(json);
	return err;
}

void work_result__free(struct work_result *result)
{
	free(result->tasks);
	free(result->threads);
	free(result->metrics);
	memset(result, 0, sizeof(*result));
}
