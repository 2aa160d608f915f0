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

#include "classify.h"
#include "outside.h"

/*
 * Adds a value that is handed over to an object or array. A NULL on either side, which
 * is how jansson says that memory ran out, makes the whole NULL in the end.
 */
static void set(json_t **object, const char *key, json_t *value)
{
	if (!*object || !value || json_object_set_new(*object, key, value)) {
		if (!*object)
			json_decref(value);
		json_decref(*object);
		*object = NULL;
	}
}

static void append(json_t **array, json_t *value)
{
	if (!*array || !value || json_array_append_new(*array, value)) {
		if (!*array)
			json_decref(value);
		json_decref(*array);
		*array = NULL;
	}
}

static json_t *text_or_null(const char *text, size_t max)
{
	char *valid;
	json_t *value;

	if (!text || !text[0])
		return json_null();
	valid = outside__utf8(text, max);
	value = valid ? json_string_nocheck(valid) : NULL;
	free(valid);
	return value;
}

static json_t *text(const char *string, size_t max)
{
	return string[0] ? text_or_null(string, max) : json_string("");
}

#define TEXT(array) text(array, sizeof(array))
#define TEXT_OR_NULL(array) text_or_null(array, sizeof(array))

static json_t *count(uint64_t n)
{
	return json_integer(n > INT64_MAX ? INT64_MAX : (json_int_t)n);
}

/* The nearest integer; null when there is none. */
static json_t *whole(double value)
{
	if (!isfinite(value) || fabs(value) >= 9.2e18)
		return json_null();
	return json_integer((json_int_t)llround(value));
}

static json_t *real(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

/* Counts are integers, but the median of an even number of them may lie between two. */
static json_t *number(double value)
{
	return value == floor(value) ? whole(value) : real(value);
}

static json_t *maybe_whole(struct maybe maybe)
{
	return maybe.known ? whole(maybe.value) : json_null();
}

static json_t *maybe_real(struct maybe maybe)
{
	return maybe.known ? real(maybe.value) : json_null();
}

static json_t *estimate(const struct estimate *e, json_t *(*value)(double))
{
	json_t *object, *rounds, *ci;

	if (e->n == 0)
		return json_null();
	rounds = json_array();
	for (size_t i = 0; i < e->n; i++)
		append(&rounds, value(e->rounds[i]));
	ci = e->has_ci ? json_array() : json_null();
	if (e->has_ci) {
		append(&ci, value(e->ci_lo));
		append(&ci, value(e->ci_hi));
	}
	object = json_object();
	set(&object, "median", value(e->median));
	set(&object, "min", value(e->min));
	set(&object, "max", value(e->max));
	set(&object, "ci95", ci);
	set(&object, "rounds", rounds);
	return object;
}

static json_t *accounts(const uint64_t time_ns[ACCOUNT_COUNT])
{
	json_t *object = json_object();

	for (unsigned i = 0; i < ACCOUNT_COUNT; i++)
		set(&object, account__name((enum account)i), count(time_ns[i]));
	return object;
}

static json_t *host(const struct report *report)
{
	json_t *object = json_object();

	set(&object, "kernel", TEXT_OR_NULL(report->host.kernel));
	set(&object, "arch", TEXT_OR_NULL(report->host.arch));
	set(&object, "cpus", count(report->host.cpus));
	set(&object, "cpus_usable", count(report->host.cpus_usable));
	set(&object, "cpu_model", TEXT_OR_NULL(report->host.cpu_model));
	set(&object, "virt", TEXT_OR_NULL(report->host.virt));
	set(&object, "stolen_share", maybe_real(report->host.stolen_share));
	return object;
}

static json_t *probes(const struct report *report)
{
	static const char *const futex[] = { "none", "blocking", "all" };
	json_t *object = json_object();

	set(&object, "sched", json_boolean(report->probes.sched));
	set(&object, "futex", json_string(futex[report->probes.futex]));
	set(&object, "stacks", json_boolean(report->probes.stacks));
	set(&object, "note", TEXT_OR_NULL(report->probes.note));
	return object;
}

static json_t *loss(const struct report_loss *lost)
{
	json_t *object = json_object();

	set(&object, "ring", count(lost->ring));
	set(&object, "task_state", count(lost->task_state));
	set(&object, "unmatched", count(lost->unmatched));
	set(&object, "reads", count(lost->reads));
	set(&object, "recovered", count(lost->recovered));
	set(&object, "mappings", count(lost->mappings));
	return object;
}

static json_t *window(const struct report *report)
{
	json_t *object;

	if (!report->window.given)
		return json_null();
	object = json_object();
	set(&object, "from_ns", count(report->window.from_ns));
	set(&object, "to_ns", count(report->window.to_ns));
	return object;
}

static json_t *audit(uint64_t checked, uint64_t equal)
{
	json_t *object = json_object();

	set(&object, "threads_checked", count(checked));
	set(&object, "threads_equal", count(equal));
	return object;
}

static json_t *mode_audit(const struct report_mode *mode)
{
	json_t *object = audit(mode->threads_checked, mode->threads_equal);

	set(&object, "rusage_voluntary", maybe_whole(mode->rusage_voluntary));
	set(&object, "rusage_involuntary", maybe_whole(mode->rusage_involuntary));
	set(&object, "rusage_unsure", count(mode->rusage_unsure));
	return object;
}

static json_t *lock(const struct report_lock *from)
{
	json_t *object = json_object(), *holders = json_array();

	for (size_t i = 0; i < from->n_holders; i++) {
		json_t *holder = json_object();

		set(&holder, "tid", count(from->holders[i].tid));
		set(&holder, "comm", TEXT(from->holders[i].comm));
		set(&holder, "share", real(from->holders[i].share));
		append(&holders, holder);
	}
	set(&object, "name", TEXT(from->name));
	set(&object, "kind", json_string(lock_kind__name(from->kind)));
	set(&object, "runtime", TEXT_OR_NULL(from->runtime));
	set(&object, "episodes", count(from->episodes));
	set(&object, "waits", count(from->waits));
	set(&object, "timeouts", maybe_whole(from->timeouts));
	set(&object, "eagain", maybe_whole(from->eagain));
	set(&object, "futex_calls", maybe_whole(from->futex_calls));
	set(&object, "total_ns", count(from->total_ns));
	set(&object, "wakeup_ns", count(from->wakeup_ns));
	set(&object, "p50_ns", maybe_whole(from->p50_ns));
	set(&object, "p99_ns", maybe_whole(from->p99_ns));
	set(&object, "max_ns", maybe_whole(from->max_ns));
	set(&object, "holders", holders);
	set(&object, "handoffs", count(from->handoffs));
	set(&object, "handoff_p50_ns", maybe_whole(from->handoff_p50_ns));
	set(&object, "mean_hold_ns", maybe_whole(from->mean_hold_ns));
	set(&object, "woken_early", count(from->woken_early));
	set(&object, "since_before", count(from->since_before));
	set(&object, "unfinished", count(from->unfinished));
	return object;
}

static json_t *thread(const struct report_thread *from)
{
	json_t *object = json_object(), *switches = json_object();

	set(&switches, "voluntary", count(from->voluntary));
	set(&switches, "involuntary", count(from->involuntary));
	set(&object, "round", count(from->round));
	set(&object, "pid", count(from->pid));
	set(&object, "tid", count(from->tid));
	set(&object, "ns_pid", count(from->ns_pid));
	set(&object, "ns_tid", count(from->ns_tid));
	set(&object, "comm", TEXT(from->comm));
	set(&object, "role", TEXT(from->role));
	set(&object, "lifetime_ns", count(from->lifetime_ns));
	set(&object, "time_ns", accounts(from->time_ns));
	set(&object, "switches", switches);
	set(&object, "cpu_ns", count(from->cpu_ns));
	set(&object, "since_before", json_boolean(from->since_before));
	set(&object, "unfinished", json_boolean(from->unfinished));
	set(&object, "audit_equal", from->audited ? json_boolean(from->audit_equal) : json_null());
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
	return text_or_null(result, max);
}

static json_t *task(const struct report_task *from)
{
	json_t *object = json_object();

	set(&object, "name", TEXT(from->name));
	set(&object, "round", count(from->round));
	set(&object, "pid", count(from->pid));
	set(&object, "tid", count(from->tid));
	set(&object, "start_ns", count(from->start_ns));
	set(&object, "end_ns", count(from->end_ns));
	set(&object, "result", task_result(from->result, sizeof(from->result)));
	return object;
}

static json_t *lock_wait(const struct report_mode *mode)
{
	json_t *object = json_object();

	set(&object, "episodes", count(mode->lock_wait.episodes));
	set(&object, "total_ns", count(mode->lock_wait.total_ns));
	set(&object, "mean_ns", maybe_whole(mode->lock_wait.mean_ns));
	set(&object, "p50_ns", maybe_whole(mode->lock_wait.p50_ns));
	set(&object, "p90_ns", maybe_whole(mode->lock_wait.p90_ns));
	set(&object, "p99_ns", maybe_whole(mode->lock_wait.p99_ns));
	set(&object, "max_ns", maybe_whole(mode->lock_wait.max_ns));
	return object;
}

static json_t *switches_of(const struct report_mode *mode)
{
	json_t *object = json_object();

	set(&object, "voluntary", estimate(&mode->voluntary, number));
	set(&object, "involuntary", estimate(&mode->involuntary, number));
	return object;
}

static json_t *command(char **argv)
{
	json_t *array;

	if (!argv)
		return json_null();
	array = json_array();
	for (; *argv; argv++)
		append(&array, text(*argv, SIZE_MAX));
	return array;
}

/* The lists of one mode. */
static void add_lists(json_t **object, const struct report_mode *mode, bool with_threads)
{
	json_t *locks = json_array(), *threads = json_array(), *cpus = json_array();
	json_t *tasks = json_array();

	for (size_t i = 0; i < mode->n_locks; i++)
		append(&locks, lock(&mode->locks[i]));
	for (size_t i = 0; with_threads && i < mode->n_threads; i++)
		append(&threads, thread(&mode->threads[i]));
	for (size_t i = 0; i < mode->n_cpus; i++) {
		json_t *cpu = json_object();

		set(&cpu, "cpu", json_integer(mode->cpus[i].cpu));
		set(&cpu, "busy_ns", count(mode->cpus[i].busy_ns));
		append(&cpus, cpu);
	}
	for (size_t i = 0; i < mode->n_tasks; i++)
		append(&tasks, task(&mode->tasks[i]));
	set(object, "locks", locks);
	set(object, "threads", threads);
	set(object, "cpus", cpus);
	set(object, "tasks", tasks);
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

	set(&object, "thread_ns", maybe_whole(mode->own.thread_ns));
	set(&object, "lock_wait_ns", maybe_whole(mode->own.lock_wait_ns));
	return object;
}

static json_t *schedstat(const struct report_mode *mode)
{
	json_t *object = json_object();

	set(&object, "run_ns", maybe_whole(mode->own.run_ns));
	set(&object, "run_delay_ns", maybe_whole(mode->own.run_delay_ns));
	return object;
}

static json_t *job_metrics(const struct report_mode *mode)
{
	json_t *object = json_object();

	for (size_t i = 0; i < mode->n_metrics; i++) {
		char *name = outside__utf8(mode->metrics[i].name, sizeof(mode->metrics[i].name));

		if (name)
			set(&object, name, estimate(&mode->metrics[i].value, real));
		free(name);
	}
	return object;
}

static json_t *mode_object(const struct report_mode *mode, bool traced, bool with_threads)
{
	json_t *object = json_object(), *time_ns = accounts(mode->time_ns);
	json_t *worker = accounts(mode->worker_time_ns), *overhead = json_object();

	set(&time_ns, "lifetime", count(mode->lifetime_ns));
	set(&time_ns, "residual", json_integer(mode->residual_ns));
	set(&worker, "lifetime", count(mode->worker_lifetime_ns));
	set(&overhead, "tool_cpu_ns", maybe_whole(mode->tool_cpu_ns));
	set(&overhead, "probe_ns", maybe_whole(mode->probe_ns));

	set(&object, "mode", TEXT(mode->mode));
	set(&object, "command", command(mode->command));
	set(&object, "rounds", count(mode->rounds));
	set(&object, "wall_ns", estimate(&mode->wall_ns, whole));
	set(&object, "cpu_ns", estimate(&mode->cpu_ns, whole));
	set(&object, "system_ns", estimate(&mode->system_ns, whole));
	set(&object, "cpu_util", estimate(&mode->cpu_util, real));
	set(&object, "cores_used", estimate(&mode->cores_used, real));
	set(&object, "switches", switches_of(mode));
	set(&object, "migrations", estimate(&mode->migrations, number));
	set(&object, "time_ns", if_traced(traced, time_ns));
	set(&object, "worker_time_ns", if_traced(traced, worker));
	set(&object, "lock_wait", if_traced(traced, lock_wait(mode)));
	set(&object, "own_clock", own_clock(mode));
	set(&object, "schedstat", schedstat(mode));
	set(&object, "job_metrics", job_metrics(mode));
	add_lists(&object, mode, with_threads);
	set(&object, "speedup", maybe_real(mode->speedup));
	set(&object, "overhead", overhead);
	set(&object, "yields", traced && !mode->no_yields ? count(mode->yields) : json_null());
	set(&object, "tasks_checked", count(mode->tasks_checked));
	set(&object, "tasks_wrong", count(mode->tasks_wrong));
	set(&object, "audit", mode_audit(mode));
	return object;
}

static json_t *verdict(const struct report *report)
{
	json_t *object = json_object();

	set(&object, "best_mode", TEXT_OR_NULL(report->verdict.best_mode));
	set(&object, "text", text_or_null(report->verdict.text, SIZE_MAX));
	set(&object, "confidence", maybe_real(report->verdict.confidence));
	return object;
}

static json_t *whole_report(const struct report *report, const struct render_options *options)
{
	json_t *object = json_object(), *tool = json_object(), *modes = json_array();
	uint64_t checked = 0, equal = 0;

	set(&tool, "name", json_string("convoy"));
	set(&tool, "version", TEXT(report->version));
	for (size_t i = 0; i < report->n_modes; i++) {
		checked += report->modes[i].threads_checked;
		equal += report->modes[i].threads_equal;
		append(&modes,
		       mode_object(&report->modes[i], report->probes.sched, options->threads));
	}
	set(&object, "schema", json_string("convoy.report/1"));
	set(&object, "tool", tool);
	set(&object, "host", host(report));
	set(&object, "probes", probes(report));
	set(&object, "loss", loss(&report->loss));
	set(&object, "valid", json_boolean(report->valid));
	set(&object, "incomplete", json_boolean(report->incomplete));
	set(&object, "incomplete_why", TEXT_OR_NULL(report->incomplete_why));
	set(&object, "window", window(report));
	set(&object, "audit", audit(checked, equal));
	set(&object, "job", TEXT_OR_NULL(report->job));
	set(&object, "reference", TEXT_OR_NULL(report->reference));
	set(&object, "workers", report->job[0] ? count(report->workers) : json_null());
	/* Copied: dumping a shared object marks it for the while, and this one is const. */
	set(&object, "params", report->params ? json_deep_copy(report->params) : json_null());
	set(&object, "command_status",
	    report->command_status < 0 ? json_null() : json_integer(report->command_status));
	set(&object, "modes", modes);
	set(&object, "verdict", verdict(report));
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
