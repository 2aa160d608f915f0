/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_render.c - both renderers over hand-made reports: full, empty, hostile, narrow.
 *
 * With CONVOY_TEST_JSON_OUT=FILE, one JSON report is left there for the schema check;
 * with CONVOY_TEST_SHOW=1, the text of the full report is printed.
 */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "user/outside.h"
#include "user/render.h"
#include "user/render_text.h"
#include "user/report.h"
#include "user/verdict.h"

#define HOSTILE                                     \
	"\033[2J\x9b"                               \
	"31m\xff\xc0\xaf\xed\xa0\x80\n\xe2\x80\xae" \
	"evil"

static void *need(void *memory)
{
	assert_non_null(memory);
	return memory;
}

static struct maybe known(double value)
{
	return (struct maybe){ .known = true, .value = value };
}

static void around(struct estimate *estimate, double median, double scatter, unsigned rounds)
{
	static const double offsets[] = { 0, 1, -1, 0.5, -0.5 };
	double values[5];

	for (unsigned i = 0; i < rounds; i++)
		values[i] = median * (1 + offsets[i] * scatter);
	assert_int_equal(estimate__init(estimate, values, rounds), 0);
}

/* What one hand-made mode is like. Shares are per mille of thread time. */
struct sketch {
	const char *mode;
	double wall_ms, scatter, cores;
	double voluntary, involuntary;
	unsigned running, preempted, wakeup, lock, sleep;
};

static void add_lock(struct report_mode *mode, const char *name, enum lock_kind kind,
		     uint64_t total_ns)
{
	struct report_lock *lock;

	mode->locks = need(realloc(mode->locks, (mode->n_locks + 1) * sizeof(*mode->locks)));
	lock = memset(&mode->locks[mode->n_locks++], 0, sizeof(*lock));
	snprintf(lock->name, sizeof(lock->name), "%s", name);
	snprintf(lock->runtime, sizeof(lock->runtime), "convoy-work");
	lock->kind = kind;
	lock->episodes = 1010;
	lock->waits = 1020;
	lock->timeouts = known(505);
	lock->eagain = known(12);
	lock->total_ns = total_ns;
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

static struct report_mode *add_mode(struct report *report, const struct sketch *sketch,
				    unsigned rounds)
{
	struct report_mode *mode = &report->modes[report->n_modes++];
	uint64_t life = (uint64_t)(sketch->wall_ms * 1e6 * 2 * rounds);
	uint64_t sum = 0;

	snprintf(mode->mode, sizeof(mode->mode), "%s", sketch->mode);
	mode->rounds = rounds;
	around(&mode->wall_ns, sketch->wall_ms * 1e6, sketch->scatter, rounds);
	around(&mode->cpu_ns, sketch->wall_ms * 1e6 * sketch->cores, sketch->scatter, rounds);
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
	mode->tool_cpu_ns = known(3.1e6);
	mode->threads_checked = mode->threads_equal = 11;
	mode->tasks_checked = 2;
	return mode;
}

static struct report *empty_report(void)
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
	report->workers = 2;
	report->params = need(json_pack("{s:s,s:i}", "job", "countdown", "work", 1000000));
	report->modes = need(calloc(8, sizeof(*report->modes)));
	return report;
}

static void judge(struct report *report)
{
	const struct report_mode *serial = report__mode(report, "serial");

	for (size_t i = 0; serial && i < report->n_modes; i++) {
		if (report->modes[i].wall_ns.n)
			report->modes[i].speedup =
				known(serial->wall_ns.median / report->modes[i].wall_ns.median);
	}
	assert_int_equal(verdict__judge(report), 0);
}

static const struct sketch five[] = {
	{ "serial", 1020, 0.01, 1.00, 3, 41, 1000, 0, 0, 0, 0 },
	{ "gil-ticks", 1610, 0.06, 1.21, 88214, 903, 540, 5, 15, 440, 0 },
	{ "gil-timed", 1030, 0.01, 1.01, 412, 38, 505, 1, 4, 490, 0 },
	{ "threads", 530, 0.02, 1.96, 6, 57, 990, 9, 1, 0, 0 },
	{ "processes", 531, 0.02, 1.95, 9, 61, 985, 14, 1, 0, 0 },
};

static struct report *full_report(unsigned rounds)
{
	struct report *report = empty_report();

	for (size_t i = 0; i < sizeof(five) / sizeof(five[0]); i++)
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

/* Every outside string is as bad as can be, and fills its array. */
static struct report *hostile_report(void)
{
	struct report *report = full_report(3);
	struct report_mode *mode = &report->modes[2];

	snprintf(report->command_line, sizeof(report->command_line), "convoy run %s", HOSTILE);
	snprintf(report->host.kernel, sizeof(report->host.kernel), "%s", HOSTILE);
	snprintf(report->host.cpu_model, sizeof(report->host.cpu_model), "%s", HOSTILE);
	snprintf(report->probes.note, sizeof(report->probes.note), "%s", HOSTILE);
	snprintf(report->job, sizeof(report->job), "%s", HOSTILE);
	snprintf(mode->mode, sizeof(mode->mode), "%s", HOSTILE);
	memset(mode->locks[0].name, 0xff, sizeof(mode->locks[0].name));
	memset(mode->locks[0].holders[0].comm, '\033', sizeof(mode->locks[0].holders[0].comm));
	memset(mode->threads[0].comm, 0x9b, sizeof(mode->threads[0].comm));
	snprintf(mode->threads[0].role, sizeof(mode->threads[0].role), "\x1b]0;x\a");
	mode->command = need(calloc(3, sizeof(*mode->command)));
	mode->command[0] = need(strdup("/bin/\xfe"));
	mode->command[1] = need(strdup(""));
	free(report->verdict.text);
	report->verdict.text = need(strdup(HOSTILE "\nsecond"));
	return report;
}

static char *rendered(const char *format, const struct report *report,
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

static json_t *parsed(const struct report *report, bool threads)
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

#define assert_contains(text, words) \
	do { \
		if (!strstr(text, words)) \
			fail_msg("\"%s\" is not in:\n%s", words, text); \
	} while (0)

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

static void check_widths(const struct report *report)
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

static void test_table_of_formats(void **state)
{
	(void)state;
	assert_string_equal(render__at(0)->name, "text");
	assert_string_equal(render__at(1)->name, "json");
	assert_null(render__at(2));
	assert_ptr_equal(render__find("json"), render__at(1));
	assert_null(render__find("yaml"));
	assert_null(render__find(""));
}

static void test_text_of_a_full_report(void **state)
{
	struct report *report = full_report(5);
	struct render_options options = { .width = 80, .utf8 = true, .locks = 5 };
	char *out = rendered("text", report, &options);

	(void)state;
	if (getenv("CONVOY_TEST_SHOW"))
		printf("%s", out);
	assert_contains(out, "convoy run -j countdown -w 2 -r 5\n");
	assert_contains(out, "Linux 6.18.5 x86_64, 2 CPUs (kvm, 0.4 % stolen), futex=all\n");
	assert_contains(out, "0 lost, ledger closes to <0.001 %, switches = kernel's "
			     "for 55 of 55 threads\n");
	assert_contains(out, "\n  Under a GIL, use PROCESSES: 1.94x faster than GIL threads");
	assert_contains(out, "\nserial     1.02 s \u00b11 %  1.00     1.00   50 %");
	assert_contains(out, "where thread time went   # running  ~ runnable  L lock\n");
	assert_contains(out, "\nserial     ########################################\n");
	assert_contains(out, "\ngil-timed  ####################LLLLLLLLLLLLLLLLLLLL\n");
	/* That of most waiting time: 440/1000 of 1610 ms is more than 490/1000 of 1030 ms. */
	assert_contains(out, "top lock    GIL of convoy-work (gil-ticks): 125 handoffs/s, held "
			     "5.02 ms on\n            average\n");
	assert_contains(out, "held by worker-1 50 %, worker-2 48 % (holder known for 98 % of");
	assert_contains(out, "next        convoy run -j recursion");
	assert_contains(out, "\nresidual");
	assert_contains(out, "convoy's own CPU time meanwhile: 15.5 ms");
	free(out);

	options.utf8 = false;
	out = rendered("text", report, &options);
	assert_contains(out, "1.02 s +-1 %");
	free(out);

	options.color = true;
	out = rendered("text", report, &options);
	assert_contains(out, "\033[31mLLLL");
	free(out);

	options = (struct render_options){ .threads = true, .verbose = true };
	out = rendered("text", report, &options);
	assert_contains(out, "threads: % of each life");
	assert_contains(out, "tasks: by their own clock");
	assert_contains(out, "7 sched_yield calls");
	assert_contains(out, "479001600");
	free(out);
	check_widths(report);
	report__free(report);
}

static void test_text_of_an_invalid_report(void **state)
{
	struct report *report = full_report(3);
	struct render_options options = { .width = 100 };
	char *out;

	(void)state;
	report->valid = false;
	report->incomplete = true;
	report->loss = (struct report_loss){ .ring = 12, .unmatched = 3, .reads = 9 };
	report->modes[1].threads_equal = 9;
	judge(report);
	out = rendered("text", report, &options);
	assert_ptr_equal(strstr(out, "INVALID: events were lost"), out);
	assert_contains(out, "(ring 12, task state 0, unmatched 3)");
	assert_contains(out, "\nINCOMPLETE: ");
	assert_contains(out, "\n15 lost, ");
	assert_contains(out, "53 of 55 threads, 9 failed reads");
	assert_contains(out, "\n  Warning: events were lost.");
	assert_contains(out, "--ring-bytes");
	free(out);
	check_widths(report);
	report__free(report);
}

static void test_unknown_is_a_dash_or_null(void **state)
{
	struct report *report = empty_report();
	struct render_options options = { .width = 80 };
	json_t *json, *mode;
	char *out;

	(void)state;
	/* A mode of which nothing is known but its name. */
	snprintf(report->modes[report->n_modes++].mode, sizeof(report->modes[0].mode), "threads");
	report->host.stolen_share.known = false;
	report->host.virt[0] = report->job[0] = '\0';
	json_decref(report->params);
	report->params = NULL;
	judge(report);
	out = rendered("text", report, &options);
	assert_contains(out, "2 CPUs, futex=all\n");
	assert_contains(out, "\nthreads  -     -        -      -    -    -      -     -");
	assert_contains(out, "none: no thread slept for a lock");
	free(out);
	check_widths(report);

	json = parsed(report, true);
	assert_true(json_is_null(json_object_get(json, "job")));
	assert_true(json_is_null(json_object_get(json, "params")));
	assert_true(json_is_null(json_object_get(json, "command_status")));
	mode = json_array_get(json_object_get(json, "modes"), 0);
	assert_true(json_is_null(json_object_get(mode, "wall_ns")));
	assert_true(json_is_null(json_object_get(mode, "speedup")));
	assert_true(json_is_null(json_object_get(json_object_get(mode, "lock_wait"), "p99_ns")));
	assert_true(json_is_null(json_object_get(json_object_get(mode, "overhead"), "probe_ns")));
	assert_true(json_is_null(json_object_get(json_object_get(json, "verdict"), "best_mode")));
	json_decref(json);
	report__free(report);
}

static void test_no_modes(void **state)
{
	struct report *report = empty_report();
	struct render_options options = { .width = 80, .threads = true, .verbose = true };
	json_t *json;
	char *out;

	(void)state;
	out = rendered("text", report, &options);
	assert_contains(out, "No mode was measured.");
	free(out);
	json = parsed(report, true);
	assert_int_equal(json_array_size(json_object_get(json, "modes")), 0);
	assert_true(json_is_null(json_object_get(json_object_get(json, "verdict"), "text")));
	json_decref(json);
	report__free(report);
}

static void test_one_round(void **state)
{
	struct report *report = full_report(1);
	struct render_options options = { .width = 80 };
	json_t *json, *wall;
	char *out;

	(void)state;
	out = rendered("text", report, &options);
	assert_contains(out, "1 round: no interval; use -r 5.");
	assert_contains(out, "\nserial     1.02 s  1.00 ");
	assert_contains(out, "next        the same with -r 5");
	free(out);
	json = parsed(report, false);
	wall = json_object_get(json_array_get(json_object_get(json, "modes"), 0), "wall_ns");
	assert_true(json_is_null(json_object_get(wall, "ci95")));
	assert_int_equal(json_array_size(json_object_get(wall, "rounds")), 1);
	json_decref(json);
	report__free(report);
}

static void test_json_of_a_full_report(void **state)
{
	struct report *report = full_report(5);
	const char *path = getenv("CONVOY_TEST_JSON_OUT");
	json_t *json = parsed(report, true), *mode, *wall, *time_ns, *lock, *tasks;
	json_int_t sum = 0;

	(void)state;
	assert_string_equal(json_string_value(json_object_get(json, "schema")), "convoy.report/1");
	assert_true(json_is_true(json_object_get(json, "valid")));
	assert_int_equal(json_integer_value(
				 json_object_get(json_object_get(json, "audit"), "threads_equal")),
			 55);
	assert_int_equal(json_array_size(json_object_get(json, "modes")), 5);
	mode = json_array_get(json_object_get(json, "modes"), 2);
	assert_string_equal(json_string_value(json_object_get(mode, "mode")), "gil-timed");

	wall = json_object_get(mode, "wall_ns");
	assert_true(json_is_integer(json_object_get(wall, "median")));
	assert_int_equal(json_integer_value(json_object_get(wall, "median")), 1030000000);
	assert_int_equal(json_array_size(json_object_get(wall, "rounds")), 5);
	assert_int_equal(json_array_size(json_object_get(wall, "ci95")), 2);
	assert_true(json_is_real(json_object_get(json_object_get(mode, "cores_used"), "median")));
	assert_true(fabs(json_real_value(json_object_get(mode, "speedup")) - 1020.0 / 1030) < 1e-9);

	/* Nothing left over, nothing counted twice: also in what was written. */
	time_ns = json_object_get(mode, "time_ns");
	assert_int_equal(json_object_size(time_ns), ACCOUNT_COUNT + 2);
	for (unsigned i = 0; i < ACCOUNT_COUNT; i++)
		sum += json_integer_value(json_object_get(time_ns, account__name((enum account)i)));
	sum += json_integer_value(json_object_get(time_ns, "residual"));
	assert_true(sum == json_integer_value(json_object_get(time_ns, "lifetime")));

	lock = json_array_get(json_object_get(mode, "locks"), 0);
	assert_string_equal(json_string_value(json_object_get(lock, "kind")), "gil");
	assert_int_equal(json_integer_value(json_object_get(lock, "eagain")), 12);
	assert_int_equal(json_array_size(json_object_get(lock, "holders")), 2);
	assert_int_equal(json_array_size(json_object_get(mode, "threads")), 2);

	tasks = json_object_get(json_array_get(json_object_get(json, "modes"), 0), "tasks");
	assert_int_equal(json_integer_value(json_object_get(json_array_get(tasks, 0), "result")),
			 479001600);
	assert_string_equal(json_string_value(json_object_get(json_array_get(tasks, 1), "result")),
			    "9999999999999999999999999");
	json_decref(json);

	json = parsed(report, false);
	mode = json_array_get(json_object_get(json, "modes"), 2);
	assert_int_equal(json_array_size(json_object_get(mode, "threads")), 0);
	json_decref(json);
	if (path) {
		const struct render_options options = { .threads = true };
		FILE *out = need(fopen(path, "w"));

		assert_int_equal(render__write(render__find("json"), report, &options, out), 0);
		assert_int_equal(fclose(out), 0);
	}
	report__free(report);
}

static void test_keys_come_in_order(void **state)
{
	static const char *const keys[] = { "\"schema\"", "\n  \"tool\"", "\n  \"host\"",
					    "\n  \"probes\"", "\n  \"loss\"", "\n  \"valid\"",
					    "\n  \"job\"", "\n  \"workers\"", "\n  \"modes\"",
					    "\n  \"verdict\"" };
	struct report *report = full_report(3);
	const struct render_options options = { 0 };
	char *first = rendered("json", report, &options);
	char *second = rendered("json", report, &options);
	const char *at = first;

	(void)state;
	assert_string_equal(first, second);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		at = need(strstr(at, keys[i]));
	free(first);
	free(second);
	report__free(report);
}

static size_t allocations_left;

static void *failing_malloc(size_t size)
{
	return allocations_left ? (allocations_left--, malloc(size)) : NULL;
}

/* Whichever allocation of jansson fails: an error, no crash, nothing leaked. */
static void test_json_without_memory(void **state)
{
	struct report *report = empty_report();
	const struct render_options options = { .threads = true };
	json_malloc_t saved_malloc;
	json_free_t saved_free;
	size_t failures = 0;
	int err;

	(void)state;
	add_mode(report, &five[2], 3);
	judge(report);
	json_get_alloc_funcs(&saved_malloc, &saved_free);
	do {
		FILE *out = need(fopen("/dev/null", "w"));

		allocations_left = failures;
		json_set_alloc_funcs(failing_malloc, free);
		err = render_json(report, &options, out);
		json_set_alloc_funcs(saved_malloc, saved_free);
		fclose(out);
	} while (err && ++failures < 100000);
	assert_int_equal(err, 0);
	assert_true(failures > 100);
	report__free(report);
}

static void test_hostile_strings(void **state)
{
	struct report *report = hostile_report();
	json_t *json, *mode;
	const char *name;

	(void)state;
	check_widths(report);
	json = parsed(report, true);
	mode = json_array_get(json_object_get(json, "modes"), 2);
	name = json_string_value(json_object_get(mode, "mode"));
	assert_string_equal(name, "\033[2J\ufffd"
				  "31m\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\n"
				  "\u202e"
				  "evil");
	assert_int_equal(json_array_size(json_object_get(mode, "command")), 2);
	json_decref(json);
	report__free(report);
}

static void test_terminal_strings(void **state)
{
	char out[64];

	(void)state;
	outside__terminal(out, sizeof(out), "a\033[31m\tb\x7f", SIZE_MAX, true);
	assert_string_equal(out, "a\\x1b[31m\\x09b\\x7f");
	outside__terminal(out, sizeof(out), "gr\u00fc\u00df \xff", SIZE_MAX, true);
	assert_string_equal(out, "gr\u00fc\u00df \\xff");
	outside__terminal(out, sizeof(out), "\u00fc", SIZE_MAX, false);
	assert_string_equal(out, "\\xc3\\xbc");
	outside__terminal(out, sizeof(out), "\u202e\u200b\xc2\x9b", SIZE_MAX, true);
	assert_string_equal(out, "\\xe2\\x80\\xae\\xe2\\x80\\x8b\\xc2\\x9b");
	/* Neither an escape nor a character is cut in two. */
	outside__terminal(out, 6, "abc\033", SIZE_MAX, true);
	assert_string_equal(out, "abc");
	outside__terminal(out, 3, "a\u00fc", SIZE_MAX, true);
	assert_string_equal(out, "a");
	outside__terminal(out, sizeof(out), "abcdef", 3, true);
	assert_string_equal(out, "abc");
	assert_int_equal(outside__columns("a\u6f22e\u0301"), 4);
	assert_int_equal(outside__fit("a\u6f22", 2), 1);
	assert_int_equal(outside__fit("abc", 0), 0);
}

static void test_utf8_decoder_agrees_with_jansson(void **state)
{
	(void)state;
	/* All sequences of three bytes of an interesting kind. */
	static const unsigned char bytes[] = { 0x01, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f,
					       0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0,
					       0xed, 0xef, 0xf0, 0xf4, 0xf5, 0xff };
	const size_t n = sizeof(bytes);

	for (size_t i = 0; i < n * n * n * n; i++) {
		const char text[] = { (char)bytes[i % n], (char)bytes[i / n % n],
				      (char)bytes[i / n / n % n], (char)bytes[i / n / n / n], 0 };
		char *valid = need(outside__utf8(text, SIZE_MAX));
		json_t *before = json_string(text), *after = json_string(valid);

		assert_non_null(after);
		assert_int_equal(before != NULL, strcmp(text, valid) == 0);
		json_decref(before);
		json_decref(after);
		free(valid);
	}
}

static void test_bars_sum_to_their_width(void **state)
{
	uint64_t parts[5];
	unsigned cells[5];

	(void)state;
	for (uint64_t seed = 1; seed < 2000; seed++) {
		unsigned sum = 0, width = (unsigned)(seed % 61);

		for (unsigned i = 0; i < 5; i++)
			parts[i] = (seed * 2654435761u >> (3 * i)) % (i == seed % 5 ? 1 : 977);
		text__apportion(parts, 5, width, cells);
		for (unsigned i = 0; i < 5; i++) {
			sum += cells[i];
			assert_true(parts[i] || !cells[i]);
		}
		assert_int_equal(sum, width);
	}
	memset(parts, 0, sizeof(parts));
	text__apportion(parts, 5, 40, cells);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(cells[i], 0);
	parts[3] = UINT64_MAX;
	parts[4] = UINT64_MAX;
	text__apportion(parts, 5, 41, cells);
	assert_int_equal(cells[3] + cells[4], 41);
}

static void test_durations(void **state)
{
	static const struct {
		double ns;
		const char *shown;
	} cases[] = {
		{ 0, "0 ns" }, { 999.4, "999 ns" }, { 999.6, "1.00 us" }, { 8200, "8.20 us" },
		{ 12345, "12.3 us" }, { 999960, "1.00 ms" }, { 5.4e6, "5.40 ms" },
		{ 1.02e9, "1.02 s" }, { 1.5e13, "15000 s" },
	};
	char buf[TEXT_CELL];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(text__duration(buf, cases[i].ns), cases[i].shown);
	assert_string_equal(text__percent(buf, 0), "0 %");
	assert_string_equal(text__percent(buf, 0.0004), "<0.1 %");
	assert_string_equal(text__percent(buf, 0.0997), "10 %");
	assert_string_equal(text__percent(buf, 1), "100 %");
	assert_string_equal(text__share(buf, 1, 0), "-");
}

/* Runs `check` or `export` with stderr put aside; returns what it said (freed by the caller). */
static int with_stderr(char **said, const char *spec, const struct report *report)
{
	const struct render_options options = { .width = 80 };
	FILE *file = need(tmpfile());
	int saved = dup(STDERR_FILENO), err;
	long size;

	fflush(stderr);
	assert_true(dup2(fileno(file), STDERR_FILENO) >= 0);
	err = report ? render__export(spec, report, &options) : render__check_export(spec);
	fflush(stderr);
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	close(saved);
	size = (rewind(file), fseek(file, 0, SEEK_END), ftell(file));
	rewind(file);
	*said = need(calloc((size_t)size + 1, 1));
	assert_int_equal(fread(*said, 1, (size_t)size, file), size);
	fclose(file);
	return err;
}

static void expect(const char *spec, const struct report *report, int err)
{
	char *said;

	assert_int_equal(with_stderr(&said, spec, report), err);
	if (err) {
		assert_ptr_equal(strstr(said, "convoy: "), said);
		/* One message of one line. */
		assert_ptr_equal(strchr(said, '\n'), said + strlen(said) - 1);
	} else {
		assert_string_equal(said, "");
	}
	free(said);
}

static void test_export(void **state)
{
	struct report *report = full_report(3);
	char directory[] = "/tmp/convoy-test-XXXXXX", path[128], spec[160], command[160];
	json_error_t error;
	json_t *json;
	struct stat st;
	mode_t mask = umask(022);

	(void)state;
	need(mkdtemp(directory));
	expect("json", NULL, -EINVAL);
	expect("=x", NULL, -EINVAL);
	expect("json=", NULL, -EINVAL);
	expect("yaml=/tmp/x", NULL, -EINVAL);
	expect("a-format-name-that-is-much-longer-than-any=/tmp/x", NULL, -EINVAL);
	expect("json=/nonexistent/\033[31mx", NULL, -ENOENT);
	expect("json=/tmp/", NULL, -EISDIR);
	expect("json=/dev/null/x", NULL, -ENOTDIR);
	snprintf(spec, sizeof(spec), "json=%s", directory);
	expect(spec, NULL, -EISDIR);

	snprintf(path, sizeof(path), "%s/a=b.json", directory);
	snprintf(spec, sizeof(spec), "json=%s", path);
	expect(spec, NULL, 0);
	/* Checking leaves nothing behind. */
	assert_int_equal(access(path, F_OK), -1);
	for (unsigned i = 0; i < 2; i++) {
		expect(spec, report, 0);
		json = need(json_load_file(path, 0, &error));
		json_decref(json);
	}
	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(st.st_mode & 0777, 0644);

	/* A link is neither followed nor replaced. */
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("target", path), 0);
	expect(spec, NULL, -ELOOP);
	expect(spec, report, -ELOOP);
	assert_int_equal(unlink(path), 0);

	/* A device is written to, never replaced; a full one is an error. */
	expect("text=/dev/null", report, 0);
	assert_int_equal(stat("/dev/null", &st), 0);
	assert_true(S_ISCHR(st.st_mode));
	expect("json=/dev/full", NULL, 0);
	expect("json=/dev/full", report, -ENOSPC);
	expect("text=/dev/full", report, -ENOSPC);

	/* No half file, no temporary one. */
	snprintf(command, sizeof(command), "rmdir %s", directory);
	assert_int_equal(system(command), 0);
	umask(mask);
	report__free(report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table_of_formats),
		cmocka_unit_test(test_text_of_a_full_report),
		cmocka_unit_test(test_text_of_an_invalid_report),
		cmocka_unit_test(test_unknown_is_a_dash_or_null),
		cmocka_unit_test(test_no_modes),
		cmocka_unit_test(test_one_round),
		cmocka_unit_test(test_json_of_a_full_report),
		cmocka_unit_test(test_keys_come_in_order),
		cmocka_unit_test(test_json_without_memory),
		cmocka_unit_test(test_hostile_strings),
		cmocka_unit_test(test_terminal_strings),
		cmocka_unit_test(test_utf8_decoder_agrees_with_jansson),
		cmocka_unit_test(test_bars_sum_to_their_width),
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_export),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
