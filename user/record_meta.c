// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host.h"
#include "record_docs.h"
#include "record_meta.h"

const char *record_meta__label(const struct record_plan *plan)
{
	switch (plan->targets) {
	case CONVOY_TARGETS_PIDS:
		return plan->n_wanted > 1 ? "processes" : "process";
	case CONVOY_TARGETS_THREADS:
		return plan->n_wanted > 1 ? "threads" : "thread";
	case CONVOY_TARGETS_CGROUP:
		return "cgroup";
	case CONVOY_TARGETS_ALL:
		return "machine";
	default:
		return "command";
	}
}

/* Adds the CPUs that each thread of a process may use. */
static void add_cpus(cpu_set_t *all, uint32_t pid)
{
	char path[64];
	struct dirent *entry;
	cpu_set_t one;
	DIR *threads;

	snprintf(path, sizeof(path), "/proc/%u/task", pid);
	threads = opendir(path);
	while (threads && (entry = readdir(threads)))
		if (atoi(entry->d_name) > 0 &&
		    !sched_getaffinity(atoi(entry->d_name), sizeof(one), &one))
			CPU_OR(all, all, &one);
	if (threads)
		closedir(threads);
}

/* CPUs that what is recorded may use: the command inherits ours. */
static unsigned count_cpus(const struct record_plan *plan)
{
	cpu_set_t all, one;
	long online = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned n;

	CPU_ZERO(&all);
	if (plan->targets == CONVOY_TARGETS_NONE) {
		sched_getaffinity(0, sizeof(all), &all);
	} else if (plan->targets == CONVOY_TARGETS_PIDS) {
		for (size_t i = 0; i < plan->n_wanted; i++)
			add_cpus(&all, plan->wanted[i]);
	} else if (plan->targets == CONVOY_TARGETS_THREADS) {
		for (size_t i = 0; i < plan->n_wanted; i++)
			if (!sched_getaffinity((pid_t)plan->wanted[i], sizeof(one), &one))
				CPU_OR(&all, &all, &one);
	}
	n = (unsigned)CPU_COUNT(&all);
	return n ? n : (unsigned)(online > 0 ? online : 1);
}

/* Everything that is needed to record it again. */
static json_t *params(const struct record_plan *plan)
{
	static const char *const targets[] = {
		[CONVOY_TARGETS_NONE] = "command",   [CONVOY_TARGETS_PIDS] = "pids",
		[CONVOY_TARGETS_THREADS] = "threads", [CONVOY_TARGETS_CGROUP] = "cgroup",
		[CONVOY_TARGETS_ALL] = "all",
	};
	static const char *const maps[] = {
		[RECORD_MAPS_EVENTS] = "events",
		[RECORD_MAPS_PROC] = "proc",
		[RECORD_MAPS_NONE] = "none",
	};
	json_t *wanted = json_array();

	for (size_t i = 0; i < plan->n_wanted; i++)
		json_array_append_new(wanted, json_integer(plan->wanted[i]));
	return json_pack(
		"{s:s, s:o, s:o, s:o, s:o, s:s, s:s, s:o, s:O?}", "targets", targets[plan->targets],
		"wanted", wanted, "cgroup",
		plan->cgroup ? record_docs__bytes(plan->cgroup, SIZE_MAX) : json_null(), "as",
		plan->as ? record_docs__bytes(plan->as, SIZE_MAX) : json_null(), "duration_ns",
		plan->duration_ns ? json_integer((json_int_t)plan->duration_ns) : json_null(),
		"futex", plan->futex == FUTEX_ALL ? "all" : "blocking", "maps", maps[plan->maps],
		"ring_bytes",
		plan->ring_bytes ? json_integer((json_int_t)plan->ring_bytes) : json_null(),
		"python", plan->python);
}

static int fill(struct record_meta *meta, const struct record_plan *plan, const char *note)
{
	struct report *report = meta->report;
	size_t n = 0;

	host__describe(report);
	snprintf(report->version, sizeof(report->version), "%s", CONVOY_VERSION);
	snprintf(report->command_line, sizeof(report->command_line), "%s", plan->command_line);
	report->host.cpus_usable = count_cpus(plan);
	report->probes.sched = true;
	report->probes.futex = plan->futex;
	snprintf(report->probes.note, sizeof(report->probes.note), "%s", note);
	report->allow_loss = plan->allow_loss;
	report->params = params(plan);
	meta->kind = plan->targets == CONVOY_TARGETS_NONE ? RECORDING_OF_COMMAND :
							    RECORDING_OF_TARGETS;
	meta->modes = calloc(1, sizeof(*meta->modes));
	if (!report->params || !meta->modes)
		return -ENOMEM;
	meta->n_modes = 1;
	snprintf(meta->modes->label, sizeof(meta->modes->label), "%s", record_meta__label(plan));
	if (plan->targets != CONVOY_TARGETS_NONE)
		return 0;
	while (plan->command[n])
		n++;
	meta->modes->command = calloc(n + 1, sizeof(*meta->modes->command));
	for (size_t i = 0; meta->modes->command && i < n; i++) {
		meta->modes->command[i] = strdup(plan->command[i]);
		if (!meta->modes->command[i])
			return -ENOMEM;
	}
	return meta->modes->command ? 0 : -ENOMEM;
}

int record_meta__write(struct recorder *recorder, const struct record_plan *plan, const char *note)
{
	struct report *report = report__new();
	struct record_meta meta = { .report = report };
	int err = report ? fill(&meta, plan, note) : -ENOMEM;

	if (!err)
		err = recorder__meta(recorder, &meta);
	record_meta__free(&meta);
	report__free(report);
	return err;
}
