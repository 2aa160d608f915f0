// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * run_params.c - a plan as JSON, so that a report says how to run it again.
 */
#include <stdlib.h>
#include <string.h>

#include "outside.h"
#include "run_plan.h"

/* A string of the user's as JSON, whatever its bytes; NULL without memory. */
static json_t *json_bytes(const char *text)
{
	char *valid = outside__utf8(text, strlen(text));
	json_t *json = valid ? json_string_nocheck(valid) : NULL;

	free(valid);
	return json;
}

json_t *run_plan__params(const struct run_plan *plan)
{
	const struct job_info *job = plan->job;
	bool lock_work = job && job->lock_work;
	json_t *modes = json_array(), *commands = json_object(), *workers = json_object();
	json_t *interpreters = json_object();

	for (size_t i = 0; i < plan->n_modes; i++) {
		const struct plan_mode *mode = &plan->modes[i];

		json_array_append_new(modes, json_string(mode->label));
		if (mode->command)
			json_object_set_new(commands, mode->label, json_bytes(mode->command));
		else
			json_object_set_new(workers, mode->label, json_integer(mode->workers));
	}
	for (size_t i = 0; i < plan->interpreters.n; i++)
		json_object_set_new(interpreters, plan->interpreters.list[i].name,
				    json_bytes(plan->interpreters.list[i].path));
	return json_pack(
		"{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:i, s:f, s:o, s:o, s:o, s:s, s:I, s:I, s:f, "
		"s:o, s:s, s:o, s:s}",
		"job", job ? json_string(job->name) : json_null(), "modes", modes, "commands",
		commands, "interpreters", interpreters, "reference", json_string(plan->reference),
		"workers", job ? json_integer(plan->modes[0].workers) : json_null(), "mode_workers",
		workers, "work",
		job && job->work_unit ? json_integer((json_int_t)plan->work) : json_null(),
		"rounds", (int)plan->rounds, "sleep_scale", plan->sleep_scale, "seed",
		job && job->seeded ? json_integer((json_int_t)plan->seed) : json_null(), "inside",
		lock_work ? json_integer((json_int_t)plan->inside) : json_null(), "outside",
		lock_work ? json_integer((json_int_t)plan->outside) : json_null(), "start",
		plan->spawn ? "spawn" : "fork", "yield_every", (json_int_t)plan->yield_every,
		"check_interval", (json_int_t)plan->check_interval, "switch_interval_ms",
		plan->switch_interval_ms, "cpus",
		plan->pinned ? json_string(plan->cpu_list) : json_null(), "futex",
		!plan->probes		 ? "none" :
		plan->futex == FUTEX_ALL ? "all" :
					   "blocking",
		"ring_bytes",
		plan->ring_bytes ? json_integer((json_int_t)plan->ring_bytes) : json_null(),
		"probes", plan->probes ? "ebpf" : "none");
}
