/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * report_fixture.c - reports made by hand: full, untraced, hostile, empty.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/report_fixture.h"
#include "user/outside.h"
#include "user/verdict.h"

void *need(void *memory)
{
	assert_non_null(memory);
	return memory;
}

struct maybe known(double value)
{
	return (struct maybe){ .known = true, .value = value };
}

void around(struct estimate *estimate, double median, double scatter, unsigned rounds)
{
	static const double offsets[] = { 0, 1, -1, 0.5, -0.5 };
	double values[5];

	for (unsigned i = 0; i < rounds; i++)
		values[i] = median * (1 + offsets[i] * scatter);
	assert_int_equal(estimate__init(estimate, values, rounds), 0);
}

struct report_lock *add_bare_lock(struct report_mode *mode, const char *name, enum lock_kind kind,
				  uint64_t total_ns)
{
	struct report_lock *lock;

	mode->locks = need(realloc(mode->locks, (mode->n_locks + 1) * sizeof(*mode->locks)));
	lock = memset(&mode->locks[mode->n_locks++], 0, sizeof(*lock));
	snprintf(lock->name, sizeof(lock->name), "%s", name);
	lock->kind = kind;
	lock->objects = 1;
	lock->total_ns = total_ns;
	return lock;
}

static void add_lock(struct report_mode *mode, const char *name, enum lock_kind kind,
		     uint64_t total_ns)
{
	struct report_lock *lock = add_bare_lock(mode, name, kind, total_ns);

	snprintf(lock->runtime, sizeof(lock->runtime), "convoy-work");
	lock->episodes = 1010;
	lock->waits = 1020;
	lock->timeouts = known(505);
	lock->eagain = known(12);
	lock->wakeup_ns = total_ns / 100;
	lock->p50_ns = known(5.01e6);
	lock->p99_ns = known(5.4e6);
	lock->max_ns = known(9.87e6);
	lock->holders = need(calloc(2, sizeof(*lock->holders)));
	lock->n_holders = 2;
	for (unsigned i = 0; i < 2; i++) {
		lock->holders[i].tid = 101 + i;
		snprintf(lock->holders[i].comm, sizeof(lock->holders[i].comm), "worker-%u", i + 1);
		lock->holders[i].share = i ? 0.48 : 0.5;
	}
	lock->handoffs = 1005;
	lock->handoff_p50_ns = known(8200);
	lock->mean_hold_ns = known(5.02e6);
	lock->woken_early = 3;
}

static void add_thread(struct report_mode *mode, unsigned i, unsigned n)
{
	struct report_thread *thread = &mode->threads[i];

	thread->round = i;
	thread->pid = 100;
	thread->tid = 101 + i;
	snprintf(thread->comm, sizeof(thread->comm), "worker-%u", i + 1);
	snprintf(thread->role, sizeof(thread->role), "worker");
	thread->lifetime_ns = mode->worker_lifetime_ns / n;
	for (size_t j = 0; j < ACCOUNT_COUNT; j++)
		thread->time_ns[j] = mode->worker_time_ns[j] / n;
	thread->voluntary = 3;
	thread->involuntary = 41;
	thread->cpu_ns = thread->time_ns[ACCOUNT_RUNNING];
	thread->audited = thread->audit_equal = true;
}

struct report_mode *add_mode(struct report *report, const struct sketch *sketch, unsigned rounds)
{
	struct report_mode *mode = &report->modes[report->n_modes++];
	uint64_t life = (uint64_t)(sketch->wall_ms * 1e6 * 2 * rounds);
	uint64_t sum = 0;

	snprintf(mode->mode, sizeof(mode->mode), "%s", sketch->mode);
	mode->rounds = rounds;
	around(&mode->wall_ns, sketch->wall_ms * 1e6, sketch->scatter, rounds);
	around(&mode->cpu_ns, sketch->wall_ms * 1e6 * sketch->cores, sketch->scatter, rounds);
	around(&mode->system_ns, sketch->wall_ms * 1e4 * sketch->cores, sketch->scatter, rounds);
	around(&mode->cpu_util, sketch->cores / 2, 0, rounds);
	around(&mode->cores_used, sketch->cores, 0, rounds);
	around(&mode->voluntary, sketch->voluntary, 0, rounds);
	around(&mode->involuntary, sketch->involuntary, 0, rounds);
	around(&mode->migrations, 4, 0, rounds);
	mode->worker_time_ns[ACCOUNT_RUNNING] = life / 1000 * sketch->running;
	mode->worker_time_ns[ACCOUNT_PREEMPTED] = life / 1000 * sketch->preempted;
	mode->worker_time_ns[ACCOUNT_WAKEUP] = life / 1000 * sketch->wakeup;
	mode->worker_time_ns[ACCOUNT_LOCK] = life / 1000 * sketch->lock;
	mode->worker_time_ns[ACCOUNT_SLEEP] = life / 1000 * sketch->sleep;
	for (size_t i = 0; i < ACCOUNT_COUNT; i++) {
		mode->time_ns[i] = mode->worker_time_ns[i];
		sum += mode->worker_time_ns[i];
	}
	mode->worker_lifetime_ns = sum;
	/* The main thread waits for its workers. */
	mode->time_ns[ACCOUNT_JOIN] = life / 2;
	mode->lifetime_ns = sum + life / 2 + 12345;
	mode->residual_ns = 12345;
	if (sketch->lock) {
		add_lock(mode, "GIL", LOCK_GIL, mode->worker_time_ns[ACCOUNT_LOCK]);
		mode->lock_wait.episodes = 1010;
		mode->lock_wait.total_ns = mode->worker_time_ns[ACCOUNT_LOCK];
		mode->lock_wait.mean_ns = known(5.0e6);
		mode->lock_wait.p50_ns = known(5.01e6);
		mode->lock_wait.p90_ns = known(5.2e6);
		mode->lock_wait.p99_ns = known(5.4e6);
		mode->lock_wait.max_ns = known(9.87e6);
	}
	mode->threads = need(calloc(2, sizeof(*mode->threads)));
	mode->n_threads = 2;
	for (unsigned i = 0; i < 2; i++)
		add_thread(mode, i, 2);
	mode->cpus = need(calloc(2, sizeof(*mode->cpus)));
	mode->n_cpus = 2;
	for (int i = 0; i < 2; i++) {
		mode->cpus[i].cpu = i;
		mode->cpus[i].busy_ns =
			(uint64_t)(sketch->wall_ms * 1e6 * rounds * sketch->cores / 2);
	}
	mode->own.thread_ns = known((double)sum);
	mode->own.lock_wait_ns = known((double)(life / 1000 * sketch->lock));
	mode->own.run_ns = known((double)mode->worker_time_ns[ACCOUNT_RUNNING]);
	mode->own.run_delay_ns =
		known((double)(life / 1000 * (sketch->preempted + sketch->wakeup)));
	mode->tool_cpu_ns = known(3.1e6);
	mode->threads_checked = mode->threads_equal = 11;
	mode->rusage_voluntary = known((double)sketch->voluntary * rounds + 1);
	mode->rusage_involuntary = known((double)sketch->involuntary * rounds);
	mode->rusage_unsure = 2;
	mode->tasks_checked = 2;
	return mode;
}

struct report_mode *add_interpreter_mode(struct report *report, const char *family,
					 const struct sketch *sketch, unsigned rounds)
{
	static const struct {
		const char *begins, *implementation;
	} known_ones[] = { { "pypy", "PyPy" }, { "ruby", "CRuby" }, { "python", "CPython" } };
	struct report_mode *mode = add_mode(report, sketch, rounds);

	snprintf(mode->mode, sizeof(mode->mode), "%s:%s", family, sketch->mode);
	snprintf(mode->interpreter.name, sizeof(mode->interpreter.name), "%s", family);
	for (size_t i = 0; i < sizeof(known_ones) / sizeof(*known_ones); i++)
		if (!strncmp(family, known_ones[i].begins, strlen(known_ones[i].begins)))
			snprintf(mode->interpreter.implementation,
				 sizeof(mode->interpreter.implementation), "%s",
				 known_ones[i].implementation);
	snprintf(mode->interpreter.version, sizeof(mode->interpreter.version), "%s.1",
		 family + strcspn(family, "0123456789"));
	snprintf(mode->interpreter.path, sizeof(mode->interpreter.path), "/usr/bin/%s", family);
	return mode;
}

void add_interpreter(struct report *report, const char *family, const struct sketch *sketches,
		     size_t n, unsigned rounds)
{
	for (size_t i = 0; i < n; i++)
		add_interpreter_mode(report, family, &sketches[i], rounds);
}

void add_metric(struct report_mode *mode, const char *name, double median, unsigned rounds)
{
	struct report_metric *metric;

	mode->metrics =
		need(realloc(mode->metrics, (mode->n_metrics + 1) * sizeof(*mode->metrics)));
	metric = memset(&mode->metrics[mode->n_metrics++], 0, sizeof(*metric));
	snprintf(metric->name, sizeof(metric->name), "%s", name);
	around(&metric->value, median, 0.01, rounds);
}

void give_command(struct report_mode *mode, const char *command)
{
	const char *const words[] = { "/bin/sh", "-c", command };

	mode->command = need(calloc(4, sizeof(*mode->command)));
	for (size_t i = 0; i < 3; i++)
		mode->command[i] = need(strdup(words[i]));
}

struct report *empty_report(void)
{
	struct report *report = need(report__new());

	snprintf(report->version, sizeof(report->version), "0.1.0");
	snprintf(report->command_line, sizeof(report->command_line),
		 "convoy run -j countdown -w 2 -r 5");
	snprintf(report->host.kernel, sizeof(report->host.kernel), "6.18.5");
	snprintf(report->host.arch, sizeof(report->host.arch), "x86_64");
	snprintf(report->host.virt, sizeof(report->host.virt), "kvm");
	report->host.cpus = report->host.cpus_usable = 2;
	report->host.stolen_share = known(0.004);
	report->probes.sched = true;
	report->probes.futex = FUTEX_ALL;
	report->valid = true;
	snprintf(report->job, sizeof(report->job), "countdown");
	snprintf(report->reference, sizeof(report->reference), "serial");
	report->workers = 2;
	report->params = need(json_pack("{s:s,s:i}", "job", "countdown", "work", 1000000));
	report->modes = need(calloc(FIXTURE_MODES, sizeof(*report->modes)));
	return report;
}

void judge(struct report *report)
{
	for (size_t i = 0; i < report->n_modes; i++) {
		struct report_mode *mode = &report->modes[i];
		const char *family = report_mode__family(mode);
		const struct report_mode *reference =
			family[0] ? report__mode_of(report, family, "serial") :
				    report__mode(report, report->reference);

		if (reference && mode->wall_ns.n)
			mode->speedup = known(reference->wall_ns.median / mode->wall_ns.median);
	}
	assert_int_equal(verdict__judge(report), 0);
}

const struct sketch five[FIVE] = {
	{ "serial", 1020, 0.01, 1.00, 3, 41, 1000, 0, 0, 0, 0 },
	{ "gil-ticks", 1610, 0.06, 1.21, 88214, 903, 540, 5, 15, 440, 0 },
	{ "gil-timed", 1030, 0.01, 1.01, 412, 38, 505, 1, 4, 490, 0 },
	{ "threads", 530, 0.02, 1.96, 6, 57, 990, 9, 1, 0, 0 },
	{ "processes", 531, 0.02, 1.95, 9, 61, 985, 14, 1, 0, 0 },
};

struct report *full_report(unsigned rounds)
{
	struct report *report = empty_report();

	for (size_t i = 0; i < FIVE; i++)
		add_mode(report, &five[i], rounds);
	report->modes[2].yields = 7;
	report->modes[0].tasks = need(calloc(2, sizeof(struct report_task)));
	report->modes[0].n_tasks = 2;
	snprintf(report->modes[0].tasks[0].name, sizeof(report->modes[0].tasks[0].name), "fac(12)");
	snprintf(report->modes[0].tasks[0].result, sizeof(report->modes[0].tasks[0].result),
		 "479001600");
	report->modes[0].tasks[0].end_ns = 1200000000;
	snprintf(report->modes[0].tasks[1].result, sizeof(report->modes[0].tasks[1].result),
		 "9999999999999999999999999");
	judge(report);
	return report;
}

struct report *hostile_report(void)
{
	struct report *report = full_report(3);
	struct report_mode *mode = &report->modes[2];
	struct report_runtime *runtime;

	snprintf(report->command_line, sizeof(report->command_line), "convoy run %s", HOSTILE);
	snprintf(report->host.kernel, sizeof(report->host.kernel), "%s", HOSTILE);
	snprintf(report->host.cpu_model, sizeof(report->host.cpu_model), "%s", HOSTILE);
	snprintf(report->probes.note, sizeof(report->probes.note), "%s", HOSTILE);
	snprintf(report->job, sizeof(report->job), "%s", HOSTILE);
	snprintf(mode->mode, sizeof(mode->mode), "%s", HOSTILE);
	memset(mode->locks[0].name, 0xff, sizeof(mode->locks[0].name));
	memset(mode->locks[0].holders[0].comm, '\033', sizeof(mode->locks[0].holders[0].comm));
	memset(mode->locks[0].site, '\033', sizeof(mode->locks[0].site));
	memset(mode->locks[0].object, 0xff, sizeof(mode->locks[0].object));
	memset(mode->locks[0].runtime, 0x9b, sizeof(mode->locks[0].runtime));
	runtime = add_runtime(mode, "", GIL_PRESENT);
	memset(runtime->name, '\033', sizeof(runtime->name));
	memset(runtime->version, 0xff, sizeof(runtime->version));
	memset(runtime->hint, 0x9b, sizeof(runtime->hint));
	runtime->gil_wait_ns = runtime->lifetime_ns = 1000000;
	runtime->threads = need(calloc(1, sizeof(*runtime->threads)));
	runtime->n_threads = 1;
	memset(runtime->threads[0].comm, '\n', sizeof(runtime->threads[0].comm));
	runtime = add_runtime(mode, "", GIL_UNKNOWN);
	memset(runtime->hint, 0x9b, sizeof(runtime->hint));
	memset(mode->threads[0].comm, 0x9b, sizeof(mode->threads[0].comm));
	snprintf(mode->threads[0].role, sizeof(mode->threads[0].role), "\x1b]0;x\a");
	add_metric(mode, "\033]0;x\a\xff\n=1_ns", 1e6, 3);
	add_metric(mode,
		   "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
		   "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
		   1e300, 3);
	mode->command = need(calloc(3, sizeof(*mode->command)));
	mode->command[0] = need(strdup("/bin/\xfe"));
	mode->command[1] = need(strdup(""));
	free(report->verdict.text);
	report->verdict.text = need(strdup(HOSTILE "\nsecond"));
	return report;
}

static void untrace(struct report_mode *mode)
{
	for (size_t i = 0; i < mode->n_locks; i++)
		free(mode->locks[i].holders);
	free(mode->locks);
	free(mode->threads);
	free(mode->cpus);
	estimate__free(&mode->migrations);
	memset(&mode->migrations, 0, sizeof(mode->migrations));
	mode->locks = NULL;
	mode->threads = NULL;
	mode->cpus = NULL;
	mode->n_locks = mode->n_threads = mode->n_cpus = 0;
	memset(&mode->lock_wait, 0, sizeof(mode->lock_wait));
	memset(mode->time_ns, 0, sizeof(mode->time_ns));
	memset(mode->worker_time_ns, 0, sizeof(mode->worker_time_ns));
	mode->lifetime_ns = mode->worker_lifetime_ns = 0;
	mode->residual_ns = 0;
	mode->threads_checked = mode->threads_equal = mode->yields = 0;
	mode->rusage_unsure = 0;
}

struct report *untraced_report(unsigned rounds)
{
	struct report *report = full_report(rounds);

	report->probes.sched = false;
	report->probes.futex = FUTEX_NONE;
	for (size_t i = 0; i < report->n_modes; i++)
		untrace(&report->modes[i]);
	judge(report);
	return report;
}

struct report *recording_report(void)
{
	static const struct sketch sketch = { "command", 10000, 0,  1.2, 412, 38,
					      300,	 20,	80, 400, 200 };
	struct report *report = empty_report();
	struct report_mode *mode = add_mode(report, &sketch, 1);

	report->job[0] = report->reference[0] = '\0';
	report->workers = 0;
	json_decref(report->params);
	report->params = json_object();
	snprintf(report->command_line, sizeof(report->command_line), "convoy record -p 100");
	estimate__free(&mode->system_ns);
	memset(&mode->system_ns, 0, sizeof(mode->system_ns));
	memset(&mode->own, 0, sizeof(mode->own));
	mode->locks[0].since_before = 2;
	mode->locks[0].unfinished = 1;
	mode->threads[0].since_before = mode->threads[0].unfinished = true;
	mode->threads[0].audited = false;
	mode->threads[0].ns_pid = mode->threads[0].ns_tid = 7;
	mode->threads[1].ns_pid = mode->threads[1].pid;
	mode->threads[1].ns_tid = mode->threads[1].tid;
	mode->threads_checked = mode->threads_equal = 1;
	mode->rusage_voluntary = mode->rusage_involuntary = (struct maybe){ 0 };
	mode->rusage_unsure = 0;
	mode->tasks_checked = 0;
	judge(report);
	return report;
}

struct report_runtime *add_runtime(struct report_mode *mode, const char *version,
				   enum gil_state gil)
{
	struct report_runtime *runtime;

	mode->runtimes =
		need(realloc(mode->runtimes, (mode->n_runtimes + 1) * sizeof(*mode->runtimes)));
	runtime = memset(&mode->runtimes[mode->n_runtimes++], 0, sizeof(*runtime));
	snprintf(runtime->name, sizeof(runtime->name), "CPython");
	snprintf(runtime->version, sizeof(runtime->version), "%s", version);
	runtime->gil = gil;
	runtime->processes = 1;
	return runtime;
}

/* In parts of what it did while others waited, per mille of the waiting. */
static struct report_holding did(uint64_t total_ns, unsigned running, unsigned runnable,
				 unsigned asleep, unsigned waiting)
{
	return (struct report_holding){
		.running = total_ns / 1000 * running,
		.runnable = total_ns / 1000 * runnable,
		.asleep = total_ns / 1000 * asleep,
		.waiting = total_ns / 1000 * waiting,
	};
}

static void add_gil(struct report_mode *mode, uint64_t total_ns)
{
	struct report_runtime *runtime = add_runtime(mode, "3.11.7", GIL_PRESENT);
	struct report_lock *gil = &mode->locks[0];

	snprintf(gil->name, sizeof(gil->name), "GIL of CPython 3.11.7");
	snprintf(gil->runtime, sizeof(gil->runtime), "CPython 3.11.7");
	snprintf(gil->object, sizeof(gil->object), "cpython:gil");
	snprintf(gil->site, sizeof(gil->site), "take_gil+0x1d3");
	gil->interrupted = known(2);
	gil->lost_races = 4;
	gil->holder_known = 0.99;
	gil->held = did(total_ns, 960, 20, 0, 10);
	gil->holders[0].did = did(total_ns, 480, 20, 0, 10);
	gil->holders[1].did = did(total_ns, 480, 0, 0, 0);
	runtime->gil_wait_ns = total_ns;
	runtime->lifetime_ns = mode->worker_lifetime_ns;
	runtime->handoffs = 397;
	runtime->handoffs_per_s = known(198.5);
	runtime->mean_hold_ns = known(5.02e6);
	runtime->switch_interval_ns = known(5.0e6);
	runtime->threads = need(calloc(2, sizeof(*runtime->threads)));
	runtime->n_threads = 2;
	for (unsigned i = 0; i < 2; i++) {
		struct report_runtime_thread *thread = &runtime->threads[i];

		thread->pid = 100;
		thread->tid = 101 + i;
		snprintf(thread->comm, sizeof(thread->comm), "worker-%u", i + 1);
		thread->lifetime_ns = runtime->lifetime_ns / 2;
		thread->gil_wait_ns = total_ns / 2;
		thread->held_share = i ? 0.48 : 0.5;
	}
}

struct report *python_report(void)
{
	static const struct sketch sketch = { "command", 2000, 0, 1, 412, 38, 320, 2, 8, 660, 0 };
	struct report *report = empty_report();
	struct report_mode *mode = add_mode(report, &sketch, 1);
	struct report_lock *lock;

	report->job[0] = report->reference[0] = '\0';
	report->workers = 0;
	snprintf(report->command_line, sizeof(report->command_line), "convoy record -- python3 x");
	mode->could_run = known(3);
	mode->ready_run = mode->did_run = known(1);
	add_gil(mode, mode->worker_time_ns[ACCOUNT_LOCK]);
	/* The waits for it are within the share of `lock` that is not the GIL's. */
	mode->locks[0].total_ns -= mode->lifetime_ns / 10;
	mode->runtimes[0].gil_wait_ns -= mode->lifetime_ns / 10;
	lock = add_bare_lock(mode, "std::unordered_map<Key, Value>::cache_of_results.mutex_+0x28",
			     LOCK_MUTEX, mode->lifetime_ns / 10);
	snprintf(lock->object, sizeof(lock->object), "libcache.so:cache+0x28");
	snprintf(lock->site, sizeof(lock->site), "Cache::get+0x3f");
	lock->episodes = lock->waits = 33;
	lock->objects = 3;
	lock->robust = lock->shared = lock->pi = true;
	lock->holder_known = 0.5;
	lock->held = did(lock->total_ns, 100, 50, 350, 0);
	lock->holders = need(calloc(1, sizeof(*lock->holders)));
	lock->n_holders = 1;
	lock->holders[0].tid = 101;
	snprintf(lock->holders[0].comm, sizeof(lock->holders[0].comm), "worker-1");
	lock->holders[0].share = 0.5;
	lock->holders[0].did = lock->held;
	judge(report);
	return report;
}

char *rendered(const char *format, const struct report *report,
	       const struct render_options *options)
{
	char *out = NULL;
	size_t size = 0;
	FILE *stream = need(open_memstream(&out, &size));

	assert_int_equal(render__write(render__find(format), report, options, stream), 0);
	assert_int_equal(fclose(stream), 0);
	assert_int_equal(strlen(out), size);
	return out;
}

json_t *parsed(const struct report *report, bool threads)
{
	const struct render_options options = { .threads = threads };
	char *out = rendered("json", report, &options);
	json_error_t error;
	json_t *json = json_loads(out, JSON_REJECT_DUPLICATES, &error);

	if (!json)
		fail_msg("%d: %s in:\n%s", error.line, error.text, out);
	assert_true(out[strlen(out) - 1] == '\n');
	free(out);
	return json;
}

/* No line is wider than `width`, nothing ends in a blank, no byte is a control character. */
static void check_lines(const char *text, unsigned width, bool utf8)
{
	const char *end;

	for (; *text; text = end + 1) {
		char line[4096];

		end = need(strchr(text, '\n'));
		assert_true((size_t)(end - text) < sizeof(line));
		snprintf(line, sizeof(line), "%.*s", (int)(end - text), text);
		if (outside__columns(line) > width)
			fail_msg("%zu columns, not %u:\n%s", outside__columns(line), width, line);
		for (const char *c = line; *c; c++) {
			unsigned char byte = (unsigned char)*c;

			if (byte < 0x20 || byte == 0x7f || (byte >= 0x80 && !utf8))
				fail_msg("byte %#x in:\n%s", byte, line);
		}
	}
}

void check_widths(const struct report *report)
{
	static const unsigned widths[] = { 40, 60, 80, 120, 300 };

	for (unsigned i = 0; i < sizeof(widths) / sizeof(widths[0]); i++) {
		for (unsigned bits = 0; bits < 8; bits++) {
			struct render_options options = {
				.width = widths[i],
				.threads = bits & 1,
				.verbose = bits & 2,
				.utf8 = bits & 4,
				.locks = 3,
			};
			char *out = rendered("text", report, &options);

			check_lines(out, widths[i], options.utf8);
			free(out);
		}
	}
}
