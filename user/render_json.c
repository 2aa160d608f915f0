/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * render_json.c - a report as "convoy.report/1": docs/report.schema.json.
 *
 * Times are integer nanoseconds, what is unknown is null, keys keep their order.
 */
#include "render.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "outside.h"
#include "render_json.h"

static json_t *estimate(const struct estimate *e, json_t *(*value)(double))
{
	json_t *object, *rounds, *ci;

	if (e->n == 0)
		return json_null();
	rounds = json_array();
	for (size_t i = 0; i < e->n; i++)
		json__append(&rounds, value(e->rounds[i]));
	ci = e->has_ci ? json_array() : json_null();
	if (e->has_ci) {
		json__append(&ci, value(e->ci_lo));
		json__append(&ci, value(e->ci_hi));
	}
	object = json_object();
	json__set(&object, "median", value(e->median));
	json__set(&object, "min", value(e->min));
	json__set(&object, "max", value(e->max));
	json__set(&object, "ci95", ci);
	json__set(&object, "rounds", rounds);
	return object;
}

static json_t *accounts(const uint64_t time_ns[ACCOUNT_COUNT])
{
	json_t *object = json_object();

	for (unsigned i = 0; i < ACCOUNT_COUNT; i++)
		json__set(&object, account__name((enum account)i), json__count(time_ns[i]));
	return object;
}

static json_t *host(const struct report *report)
{
	json_t *object = json_object();

	json__set(&object, "kernel", JSON__TEXT_OR_NULL(report->host.kernel));
	json__set(&object, "arch", JSON__TEXT_OR_NULL(report->host.arch));
	json__set(&object, "cpus", json__count(report->host.cpus));
	json__set(&object, "cpus_usable", json__count(report->host.cpus_usable));
	json__set(&object, "cpu_model", JSON__TEXT_OR_NULL(report->host.cpu_model));
	json__set(&object, "virt", JSON__TEXT_OR_NULL(report->host.virt));
	json__set(&object, "stolen_share", json__maybe_real(report->host.stolen_share));
	return object;
}

static json_t *probes(const struct report *report)
{
	static const char *const futex[] = { "none", "blocking", "all" };
	json_t *object = json_object();

	json__set(&object, "sched", json_boolean(report->probes.sched));
	json__set(&object, "futex", json_string(futex[report->probes.futex]));
	json__set(&object, "stacks", json_boolean(report->probes.stacks));
	json__set(&object, "note", JSON__TEXT_OR_NULL(report->probes.note));
	return object;
}

static json_t *loss(const struct report_loss *lost)
{
	json_t *object = json_object();

	json__set(&object, "ring", json__count(lost->ring));
	json__set(&object, "task_state", json__count(lost->task_state));
	json__set(&object, "unmatched", json__count(lost->unmatched));
	json__set(&object, "reads", json__count(lost->reads));
	json__set(&object, "recovered", json__count(lost->recovered));
	json__set(&object, "mappings", json__count(lost->mappings));
	json__set(&object, "words", json__count(lost->words));
	return object;
}

static json_t *window(const struct report *report)
{
	json_t *object;

	if (!report->window.given)
		return json_null();
	object = json_object();
	json__set(&object, "from_ns", json__count(report->window.from_ns));
	json__set(&object, "to_ns", json__count(report->window.to_ns));
	return object;
}

static json_t *audit(uint64_t checked, uint64_t equal)
{
	json_t *object = json_object();

	json__set(&object, "threads_checked", json__count(checked));
	json__set(&object, "threads_equal", json__count(equal));
	return object;
}

static json_t *mode_audit(const struct report_mode *mode)
{
	json_t *object = audit(mode->threads_checked, mode->threads_equal);

	json__set(&object, "rusage_voluntary", json__maybe_whole(mode->rusage_voluntary));
	json__set(&object, "rusage_involuntary", json__maybe_whole(mode->rusage_involuntary));
	json__set(&object, "rusage_unsure", json__count(mode->rusage_unsure));
	return object;
}

static json_t *thread(const struct report_thread *from)
{
	json_t *object = json_object(), *switches = json_object();

	json__set(&switches, "voluntary", json__count(from->voluntary));
	json__set(&switches, "involuntary", json__count(from->involuntary));
	json__set(&object, "round", json__count(from->round));
	json__set(&object, "pid", json__count(from->pid));
	json__set(&object, "tid", json__count(from->tid));
	json__set(&object, "ns_pid", json__count(from->ns_pid));
	json__set(&object, "ns_tid", json__count(from->ns_tid));
	json__set(&object, "comm", JSON__TEXT(from->comm));
	json__set(&object, "role", JSON__TEXT(from->role));
	json__set(&object, "lifetime_ns", json__count(from->lifetime_ns));
	json__set(&object, "time_ns", accounts(from->time_ns));
	json__set(&object, "switches", switches);
	json__set(&object, "cpu_ns", json__count(from->cpu_ns));
	json__set(&object, "since_before", json_boolean(from->since_before));
	json__set(&object, "unfinished", json_boolean(from->unfinished));
	json__set(&object, "audit_equal",
		  from->audited ? json_boolean(from->audit_equal) : json_null());
	return object;
}

/* A result is an integer where it fits one, else the text that it was. */
static json_t *task_result(const char *result, size_t max)
{
	char digits[sizeof(((struct report_task *)NULL)->result) + 1], *end;
	long long value;

	snprintf(digits, sizeof(digits), "%.*s", (int)max, result);
	if ((digits[0] >= '0' && digits[0] <= '9') ||
	    (digits[0] == '-' && digits[1] >= '0' && digits[1] <= '9')) {
		errno = 0;
		value = strtoll(digits, &end, 10);
		if (!errno && !*end)
			return json_integer(value);
	}
	return json__text_or_null(result, max);
}

static json_t *task(const struct report_task *from)
{
	json_t *object = json_object();

	json__set(&object, "name", JSON__TEXT(from->name));
	json__set(&object, "round", json__count(from->round));
	json__set(&object, "pid", json__count(from->pid));
	json__set(&object, "tid", json__count(from->tid));
	json__set(&object, "start_ns", json__count(from->start_ns));
	json__set(&object, "end_ns", json__count(from->end_ns));
	json__set(&object, "result", task_result(from->result, sizeof(from->result)));
	return object;
}

static json_t *lock_wait(const struct report_mode *mode)
{
	json_t *object = json_object();

	json__set(&object, "episodes", json__count(mode->lock_wait.episodes));
	json__set(&object, "total_ns", json__count(mode->lock_wait.total_ns));
	json__set(&object, "mean_ns", json__maybe_whole(mode->lock_wait.mean_ns));
	json__set(&object, "p50_ns", json__maybe_whole(mode->lock_wait.p50_ns));
	json__set(&object, "p90_ns", json__maybe_whole(mode->lock_wait.p90_ns));
	json__set(&object, "p99_ns", json__maybe_whole(mode->lock_wait.p99_ns));
	json__set(&object, "max_ns", json__maybe_whole(mode->lock_wait.max_ns));
	return object;
}

static json_t *switches_of(const struct report_mode *mode)
{
	json_t *object = json_object();

	json__set(&object, "voluntary", estimate(&mode->voluntary, json__number));
	json__set(&object, "involuntary", estimate(&mode->involuntary, json__number));
	return object;
}

static json_t *command(char **argv)
{
	json_t *array;

	if (!argv)
		return json_null();
	array = json_array();
	for (; *argv; argv++)
		json__append(&array, json__text(*argv, SIZE_MAX));
	return array;
}

/* The lists of one mode. */
static void add_lists(json_t **object, const struct report_mode *mode, bool with_threads)
{
	json_t *locks = json_array(), *runtimes = json_array(), *threads = json_array(),
	       *cpus = json_array();
	json_t *tasks = json_array();

	for (size_t i = 0; i < mode->n_locks; i++)
		json__append(&locks, json__lock(&mode->locks[i]));
	for (size_t i = 0; i < mode->n_runtimes; i++)
		json__append(&runtimes, json__runtime(&mode->runtimes[i]));
	for (size_t i = 0; with_threads && i < mode->n_threads; i++)
		json__append(&threads, thread(&mode->threads[i]));
	for (size_t i = 0; i < mode->n_cpus; i++) {
		json_t *cpu = json_object();

		json__set(&cpu, "cpu", json_integer(mode->cpus[i].cpu));
		json__set(&cpu, "busy_ns", json__count(mode->cpus[i].busy_ns));
		json__append(&cpus, cpu);
	}
	for (size_t i = 0; i < mode->n_tasks; i++)
		json__append(&tasks, task(&mode->tasks[i]));
	json__set(object, "locks", locks);
	json__set(object, "runtimes", runtimes);
	json__set(object, "could_run", json__maybe_real(mode->could_run));
	json__set(object, "ready_run", json__maybe_real(mode->ready_run));
	json__set(object, "did_run", json__maybe_real(mode->did_run));
	json__set(object, "threads", threads);
	json__set(object, "cpus", cpus);
	json__set(object, "tasks", tasks);
}

/* What only the probes can tell is null without them. */
static json_t *if_traced(bool traced, json_t *object)
{
	const char *key;
	json_t *value;

	if (traced || !object)
		return object;
	json_object_foreach(object, key, value)
		if (json_object_set_new(object, key, json_null())) {
			json_decref(object);
			return NULL;
		}
	return object;
}

static json_t *own_clock(const struct report_mode *mode)
{
	json_t *object = json_object();

	json__set(&object, "thread_ns", json__maybe_whole(mode->own.thread_ns));
	json__set(&object, "lock_wait_ns", json__maybe_whole(mode->own.lock_wait_ns));
	return object;
}

static json_t *schedstat(const struct report_mode *mode)
{
	json_t *object = json_object();

	json__set(&object, "run_ns", json__maybe_whole(mode->own.run_ns));
	json__set(&object, "run_delay_ns", json__maybe_whole(mode->own.run_delay_ns));
	return object;
}

static json_t *job_metrics(const struct report_mode *mode)
{
	json_t *object = json_object();

	for (size_t i = 0; i < mode->n_metrics; i++) {
		char *name = outside__utf8(mode->metrics[i].name, sizeof(mode->metrics[i].name));

		if (name)
			json__set(&object, name, estimate(&mode->metrics[i].value, json__real));
		free(name);
	}
	return object;
}

static json_t *interpreter(const struct report_interpreter *from)
{
	json_t *object;

	if (!from->name[0])
		return json_null();
	object = json_object();
	json__set(&object, "name", JSON__TEXT(from->name));
	json__set(&object, "implementation", JSON__TEXT(from->implementation));
	json__set(&object, "version", JSON__TEXT(from->version));
	json__set(&object, "path", JSON__TEXT(from->path));
	return object;
}

static json_t *mode_object(const struct report_mode *mode, bool traced, bool with_threads)
{
	json_t *object = json_object(), *time_ns = accounts(mode->time_ns);
	json_t *worker = accounts(mode->worker_time_ns), *overhead = json_object();

	json__set(&time_ns, "lifetime", json__count(mode->lifetime_ns));
	json__set(&time_ns, "residual", json_integer(mode->residual_ns));
	json__set(&worker, "lifetime", json__count(mode->worker_lifetime_ns));
	json__set(&overhead, "tool_cpu_ns", json__maybe_whole(mode->tool_cpu_ns));
	json__set(&overhead, "probe_ns", json__maybe_whole(mode->probe_ns));

	json__set(&object, "mode", JSON__TEXT(mode->mode));
	json__set(&object, "interpreter", interpreter(&mode->interpreter));
	json__set(&object, "command", command(mode->command));
	json__set(&object, "rounds", json__count(mode->rounds));
	json__set(&object, "wall_ns", estimate(&mode->wall_ns, json__whole));
	json__set(&object, "cpu_ns", estimate(&mode->cpu_ns, json__whole));
	json__set(&object, "system_ns", estimate(&mode->system_ns, json__whole));
	json__set(&object, "cpu_util", estimate(&mode->cpu_util, json__real));
	json__set(&object, "cores_used", estimate(&mode->cores_used, json__real));
	json__set(&object, "switches", switches_of(mode));
	json__set(&object, "migrations", estimate(&mode->migrations, json__number));
	json__set(&object, "time_ns", if_traced(traced, time_ns));
	json__set(&object, "worker_time_ns", if_traced(traced, worker));
	json__set(&object, "lock_wait", if_traced(traced, lock_wait(mode)));
	json__set(&object, "own_clock", own_clock(mode));
	json__set(&object, "schedstat", schedstat(mode));
	json__set(&object, "job_metrics", job_metrics(mode));
	add_lists(&object, mode, with_threads);
	json__set(&object, "speedup", json__maybe_real(mode->speedup));
	json__set(&object, "overhead", overhead);
	json__set(&object, "yields",
		  traced && !mode->no_yields ? json__count(mode->yields) : json_null());
	json__set(&object, "tasks_checked", json__count(mode->tasks_checked));
	json__set(&object, "tasks_wrong", json__count(mode->tasks_wrong));
	json__set(&object, "audit", mode_audit(mode));
	return object;
}

/* Where no interpreter ran there is one family, of which the verdict itself is. */
static json_t *families(const struct report *report)
{
	const struct report_family *family = report->verdict.families;
	json_t *list = json_array();
	bool interpreters = false;

	for (size_t i = 0; i < report->verdict.n_families; i++)
		interpreters |= family[i].name[0] != '\0';
	for (size_t i = 0; interpreters && i < report->verdict.n_families; i++) {
		json_t *object = json_object();

		json__set(&object, "family", JSON__TEXT_OR_NULL(family[i].name));
		json__set(&object, "best_mode", JSON__TEXT_OR_NULL(family[i].best_mode));
		json__set(&object, "confidence", json__maybe_real(family[i].confidence));
		json__set(&object, "text", json__text_or_null(family[i].text, SIZE_MAX));
		json__append(&list, object);
	}
	return list;
}

static json_t *verdict(const struct report *report)
{
	json_t *object = json_object();

	json__set(&object, "best_mode", JSON__TEXT_OR_NULL(report->verdict.best_mode));
	json__set(&object, "text", json__text_or_null(report->verdict.text, SIZE_MAX));
	json__set(&object, "confidence", json__maybe_real(report->verdict.confidence));
	json__set(&object, "families", families(report));
	return object;
}

static json_t *whole_report(const struct report *report, const struct render_options *options)
{
	json_t *object = json_object(), *tool = json_object(), *modes = json_array();
	uint64_t checked = 0, equal = 0;

	json__set(&tool, "name", json_string("convoy"));
	json__set(&tool, "version", JSON__TEXT(report->version));
	for (size_t i = 0; i < report->n_modes; i++) {
		checked += report->modes[i].threads_checked;
		equal += report->modes[i].threads_equal;
		json__append(&modes, mode_object(&report->modes[i], report->probes.sched,
						 options->threads));
	}
	json__set(&object, "schema", json_string("convoy.report/1"));
	json__set(&object, "tool", tool);
	json__set(&object, "host", host(report));
	json__set(&object, "probes", probes(report));
	json__set(&object, "loss", loss(&report->loss));
	json__set(&object, "valid", json_boolean(report->valid));
	json__set(&object, "incomplete", json_boolean(report->incomplete));
	json__set(&object, "incomplete_why", JSON__TEXT_OR_NULL(report->incomplete_why));
	json__set(&object, "window", window(report));
	json__set(&object, "audit", audit(checked, equal));
	json__set(&object, "job", JSON__TEXT_OR_NULL(report->job));
	json__set(&object, "reference", JSON__TEXT_OR_NULL(report->reference));
	json__set(&object, "workers", report->job[0] ? json__count(report->workers) : json_null());
	/* Copied: dumping a shared object marks it for the while, and this one is const. */
	json__set(&object, "params", report->params ? json_deep_copy(report->params) : json_null());
	json__set(&object, "command_status",
		  report->command_status < 0 ? json_null() : json_integer(report->command_status));
	json__set(&object, "modes", modes);
	json__set(&object, "verdict", verdict(report));
	return object;
}

int render_json(const struct report *report, const struct render_options *options, FILE *out)
{
	json_t *object = whole_report(report, options);
	int err = 0;

	if (!object)
		return -ENOMEM;
	errno = 0;
	/* 12 digits are more than any clock gives, and spare 0.10000000000000001. */
	if (json_dumpf(object, out, JSON_INDENT(2) | JSON_REAL_PRECISION(12)))
		err = errno ? -errno : -EIO;
	json_decref(object);
	if (!err && fputc('\n', out) == EOF)
		err = errno ? -errno : -EIO;
	return err;
}
