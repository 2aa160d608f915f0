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

static int parse_thread(json_t *json, struct work_thread *thread)
{
	json_int_t pid, tid;

	if (json_unpack(json, "{s:I, s:I}", "pid", &pid, "tid", &tid) || !is_id(pid) || !is_id(tid))
		return -EBADMSG;
	thread->pid = (uint32_t)pid;
	thread->tid = (uint32_t)tid;
	return 0;
}

static int parse(struct work_result *result, json_t *json)
{
	json_t *tasks, *threads, *item;
	const char *schema;
	size_t i;
	int err = 0;

	if (json_unpack(json, "{s:s, s:o, s:o}", "schema", &schema, "tasks", &tasks, "threads",
			&threads) ||
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
	return 0;
}

int work_result__parse(struct work_result *result, const char *text, size_t size)
{
	json_t *json = json_loadb(text, size, 0, NULL);
	int err;

	memset(result, 0, sizeof(*result));
	if (!json)
		return -EBADMSG;
	err = parse(result, json);
	json_decref(json);
	if (err)
		work_result__free(result);
	return err;
}

void work_result__free(struct work_result *result)
{
	free(result->tasks);
	free(result->threads);
	memset(result, 0, sizeof(*result));
}
