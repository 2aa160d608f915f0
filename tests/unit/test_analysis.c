// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * test_analysis.c - the report of a whole recording: rounds, modes, what was stopped, and
 * a part of it.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include <cmocka.h>

#include "tests/unit/analysis_fixture.h"
#include "tests/unit/events_fixture.h"

static void add(struct written *written, union event event)
{
	write_event(written, &event.hdr);
}

/* The report of it, which there must be; it ends the recording. */
static struct report *report_of(struct written *written, const struct analysis_options *options)
{
	struct recording_status status;
	struct report *report;
	size_t size;
	uint8_t *bytes;

	bytes = written__bytes(written, &size);
	assert_int_equal(analyse(bytes, size, options, &report, &status), 0);
	free(bytes);
	written__free(written);
	return report;
}

/* What analysis__read() says of it instead; it ends the recording. */
static int refusal_of(struct written *written, const struct analysis_options *options,
		      struct recording_status *status)
{
	struct report *report;
	size_t size;
	uint8_t *bytes;
	int err;

	bytes = written__bytes(written, &size);
	err = analyse(bytes, size, options, &report, status);
	free(bytes);
	written__free(written);
	if (!err)
		report__free(report);
	return err;
}

static struct written begin(enum recording_kind kind)
{
	struct written written = written__new();

	write_document(&written, meta_of(kind, NULL, 0));
	return written;
}

/* One thread of a round at `start`: runs 300, sleeps 500, runs 200. */
static void write_thread(struct written *written, uint32_t id, uint64_t start)
{
	union event death = ev_death(id, start + 1000, 2, 0);

	death.death.runtime_ns = 500;
	add(written, with_flags(ev_birth(id, start, start), CONVOY_F_ROOT));
	add(written, ev_wait(id, start + 300, start + 800, start + 800, SYS_clock_nanosleep));
	add(written, death);
}

static void whole(struct written *written)
{
	write_round_end(written, 0, true);
	write_end(written);
	written__finish(written);
}

static struct written command(void)
{
	struct written written = begin(RECORDING_OF_COMMAND);

	write_round(&written, "command", 5000, 0);
	write_thread(&written, 1, 5000);
	return written;
}

static void test_command(void **state)
{
	struct written written = command();
	struct report *report;

	(void)state;
	whole(&written);
	report = report_of(&written, NULL);
	assert_false(report->incomplete);
	assert_true(report->valid);
	assert_int_equal(report->n_modes, 1);
	assert_int_equal(report->modes[0].rounds, 1);
	assert_int_equal(report->modes[0].wall_ns.median, 1000);
	assert_int_equal(report->modes[0].lifetime_ns, 1000);
	assert_int_equal(report->modes[0].time_ns[ACCOUNT_RUNNING], 500);
	assert_int_equal(report->modes[0].time_ns[ACCOUNT_SLEEP], 500);
	assert_int_equal(report->modes[0].cpu_ns.median, 3000);
	assert_true(report->modes[0].tool_cpu_ns.known);
	assert_int_equal(report->modes[0].tool_cpu_ns.value, 7);
	assert_int_equal(report->command_status, -1);
	report__free(report);
}

static const char *const two[] = { "threads", "processes" };

/* Two modes, two rounds each, in turns; of the second, longer ones. */
static struct written run_of_two(void)
{
	struct written written = written__new();

	write_document(&written, meta_of(RECORDING_OF_RUN, two, 2));
	for (uint32_t r = 0; r < 4; r++) {
		uint64_t start = 10000 * (r + 1);

		write_round(&written, two[r == 1 || r == 2], start, r);
		write_thread(&written, r + 1, start);
		write_round_end(&written, 0, true);
	}
	return written;
}

static void test_run(void **state)
{
	struct written written = run_of_two();
	struct report *report;

	(void)state;
	write_end(&written);
	written__finish(&written);
	report = report_of(&written, NULL);
	assert_false(report->incomplete);
	assert_int_equal(report->n_modes, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_string_equal(report->modes[i].mode, two[i]);
		assert_int_equal(report->modes[i].rounds, 2);
		assert_int_equal(report->modes[i].wall_ns.n, 2);
		assert_int_equal(report->modes[i].lifetime_ns, 2000);
		assert_int_equal(report->modes[i].n_threads, 2);
		assert_int_equal(report->modes[i].threads[1].round, 1);
	}
	report__free(report);
}

/* A round of a run that was not measured leaves no trace in the numbers. */
static void test_run_interrupted(void **state)
{
	for (int ending = 0; ending < 4; ending++) {
		struct written written = run_of_two();
		struct report *report;

		write_round(&written, "threads", 90000, 4);
		write_thread(&written, 5, 90000);
		/* Its end: said not to be measured; missing before END; missing altogether. */
		if (ending == 0)
			write_round_end(&written, 99000, false);
		if (ending < 2) {
			write_json(&written,
				   "{\"type\": \"end\", \"incomplete\": true, \"loss\": {}}");
			written__finish(&written);
		} else if (ending == 2) {
			write_end(&written);
		}
		report = report_of(&written, NULL);
		assert_true(report->incomplete);
		if (ending >= 2)
			assert_non_null(strstr(report->incomplete_why, "breaks off"));
		assert_int_equal(report->n_modes, 2);
		assert_int_equal(report->modes[0].rounds, 2);
		assert_int_equal(report->modes[0].lifetime_ns, 2000);
		report__free(report);
	}
	(void)state;
}

/* A mode that was not got to is not shown; a recording of nothing has none at all. */
static void test_missing_rounds(void **state)
{
	struct written written = written__new(), none = begin(RECORDING_OF_RUN);
	struct report *report;

	(void)state;
	write_document(&written, meta_of(RECORDING_OF_RUN, two, 2));
	write_round(&written, "processes", 5000, 0);
	write_thread(&written, 1, 5000);
	write_round_end(&written, 0, true);
	report = report_of(&written, NULL);
	assert_int_equal(report->n_modes, 1);
	assert_string_equal(report->modes[0].mode, "processes");
	assert_true(report->incomplete);
	report__free(report);
	write_end(&none);
	written__finish(&none);
	report = report_of(&none, NULL);
	assert_int_equal(report->n_modes, 0);
	report__free(report);
}

/* What was lost is known of one that breaks off, too; of one that does not, END knows best. */
static void test_loss(void **state)
{
	(void)state;
	for (int cut = 0; cut < 2; cut++) {
		struct report_loss loss = { .ring = 7, .mappings = 3 };
		struct written written = command();
		struct report *report;

		write_document(&written, record_docs__loss(&loss));
		loss.ring = 9;
		write_document(&written, record_docs__loss(&loss));
		if (!cut)
			whole(&written);
		report = report_of(&written, NULL);
		assert_int_equal(report->loss.ring, cut ? 9 : 0);
		assert_int_equal(report->loss.mappings, cut ? 3 : 0);
		assert_int_equal(report->valid, !cut);
		assert_int_equal(!!strstr(report->incomplete_why, "lost in its last second"), cut);
		report__free(report);
	}
}

/* A switch that the kernel counted and no record shows is no matter of the cut. */
static void test_unmatched_in_cut(void **state)
{
	struct written written = begin(RECORDING_OF_COMMAND);
	struct report *report;

	(void)state;
	write_round(&written, "command", 5000, 0);
	add(&written, with_flags(ev_birth(1, 5000, 5000), CONVOY_F_ROOT));
	add(&written, ev_death(1, 5500, 4, 0));
	report = report_of(&written, NULL);
	assert_int_equal(report->loss.unmatched, 3);
	assert_false(report->valid);
	report__free(report);
}

/* A recording that says it is complete, and yet lacks the end of its round. */
static void test_round_without_end(void **state)
{
	struct written written = command();
	struct report *report;

	(void)state;
	write_end(&written);
	written__finish(&written);
	report = report_of(&written, NULL);
	assert_true(report->incomplete);
	assert_true(report->incomplete_why[0]);
	report__free(report);
}

/* What goes on at the end is closed where it was stopped, whatever is told later. */
static void test_stop(void **state)
{
	struct written written = begin(RECORDING_OF_TARGETS);
	struct report *report;
	union event alive = ev_alive(1, 6010);

	(void)state;
	alive.death.runtime_ns = 400;
	write_round(&written, "command", 5000, 0);
	add(&written, ev_seen(1, 4990, CONVOY_SEEN_RUNNING, 3, 4));
	add(&written, ev_wait(1, 5300, 5700, 5700, SYS_read));
	write_document(&written, record_docs__stop(6000));
	add(&written, alive);
	add(&written, ev_still(ev_wait(1, 5900, 0, 0, SYS_clock_nanosleep)));
	/* Of after the stop: it must not be booked. */
	add(&written, ev_birth(2, 6005, 6006));
	whole(&written);
	report = report_of(&written, NULL);
	assert_false(report->incomplete);
	assert_int_equal(report->modes[0].wall_ns.median, 1000);
	assert_int_equal(report->modes[0].n_threads, 1);
	assert_int_equal(report->modes[0].lifetime_ns, 1000);
	assert_int_equal(report->modes[0].time_ns[ACCOUNT_IO], 400);
	assert_int_equal(report->modes[0].time_ns[ACCOUNT_SLEEP], 100);
	assert_true(report->modes[0].threads[0].since_before);
	assert_true(report->modes[0].threads[0].unfinished);
	report__free(report);
}

/* --- a part of it --- */

static struct report *part(uint64_t from_ns, uint64_t to_ns)
{
	const struct analysis_options options = {
		.window = true,
		.from_ns = from_ns,
		.to_ns = to_ns,
	};
	struct written written = command();

	whole(&written);
	return report_of(&written, &options);
}

static void test_parts_add_up(void **state)
{
	(void)state;
	for (uint64_t at = 1; at < 1000; at++) {
		struct report *before = part(0, at), *after = part(at, 0);

		assert_int_equal(before->modes[0].wall_ns.median, at);
		assert_int_equal(before->modes[0].wall_ns.median + after->modes[0].wall_ns.median,
				 1000);
		assert_int_equal(before->modes[0].lifetime_ns + after->modes[0].lifetime_ns, 1000);
		for (int a = 0; a < ACCOUNT_COUNT; a++)
			assert_int_equal(before->modes[0].time_ns[a] + after->modes[0].time_ns[a],
					 a == ACCOUNT_RUNNING || a == ACCOUNT_SLEEP ? 500 : 0);
		assert_int_equal(before->modes[0].residual_ns, 0);
		assert_int_equal(after->modes[0].residual_ns, 0);
		report__free(before);
		report__free(after);
	}
}

/* What lies beyond the end is no part of it. */
static void test_part_beyond(void **state)
{
	const struct analysis_options beyond = { .window = true, .from_ns = 1001 };
	struct written written = command();
	struct recording_status status;
	struct report *report = part(0, 5000);

	(void)state;
	assert_int_equal(report->modes[0].wall_ns.median, 1000);
	assert_int_equal(report->modes[0].lifetime_ns, 1000);
	report__free(report);
	report = part(900, UINT64_MAX / 2);
	assert_int_equal(report->modes[0].wall_ns.median, 100);
	assert_true(report->window.given);
	assert_int_equal(report->window.from_ns, 900);
	assert_int_equal(report->window.to_ns, 1000);
	report__free(report);
	whole(&written);
	assert_int_equal(refusal_of(&written, &beyond, &status), -ERANGE);
}

/* The same of one that was stopped, not ended. */
static void test_part_beyond_stop(void **state)
{
	const struct analysis_options options = { .window = true, .to_ns = 5000 };
	struct written written = begin(RECORDING_OF_TARGETS);
	struct report *report;

	(void)state;
	write_round(&written, "command", 5000, 0);
	add(&written, ev_seen(1, 4990, CONVOY_SEEN_RUNNING, 3, 4));
	write_document(&written, record_docs__stop(6000));
	add(&written, ev_alive(1, 6010));
	whole(&written);
	report = report_of(&written, &options);
	assert_int_equal(report->modes[0].wall_ns.median, 1000);
	assert_int_equal(report->modes[0].lifetime_ns, 1000);
	report__free(report);
}

/* Of one that breaks off, nothing is known after the last record. */
static void test_part_of_cut(void **state)
{
	const struct analysis_options all = { .window = true },
				      far = { .window = true, .to_ns = 5000 },
				      near = { .window = true, .to_ns = 500 },
				      beyond = { .window = true, .from_ns = 901 };
	struct recording_status status;

	(void)state;
	for (int i = 0; i < 4; i++) {
		const struct analysis_options *const options[] = { &all, &far, &near, &beyond };
		struct written written = begin(RECORDING_OF_COMMAND);
		struct report *report;

		write_round(&written, "command", 5000, 0);
		add(&written, with_flags(ev_birth(1, 5000, 5000), CONVOY_F_ROOT));
		add(&written, ev_wait(1, 5300, 5400, 5400, SYS_clock_nanosleep));
		add(&written, ev_birth(2, 5900, 5900));
		if (i == 3) {
			assert_int_equal(refusal_of(&written, options[i], &status), -ERANGE);
			break;
		}
		report = report_of(&written, options[i]);
		assert_true(report->incomplete);
		assert_int_equal(report->modes[0].wall_ns.median, i == 2 ? 500 : 900);
		/* Of thread 1 nothing is known after 5400. */
		assert_int_equal(report->modes[0].threads[0].lifetime_ns, 400);
		assert_int_equal(report->modes[0].lifetime_ns, 400);
		report__free(report);
	}
}

static void test_part_of_several_rounds(void **state)
{
	const struct analysis_options options = { .window = true, .to_ns = 10 };
	struct written written = run_of_two();
	struct recording_status status;

	(void)state;
	write_end(&written);
	written__finish(&written);
	assert_int_equal(refusal_of(&written, &options, &status), -ERANGE);
}

/* --- of elsewhere, and of later --- */

static void test_other_architecture(void **state)
{
	struct written written = written__new();
	json_t *meta = meta_of(RECORDING_OF_COMMAND, NULL, 0), *syscalls = json_array();
	struct report *report;

	(void)state;
	/* arm64: 63 is read, 101 is nanosleep. x86: uname and ptrace. */
	for (int nr = 0; nr < 102; nr++)
		json_array_append_new(syscalls, nr == 63  ? json_string("read") :
						nr == 101 ? json_string("nanosleep") :
							    json_null());
	json_object_set_new(meta, "syscalls", syscalls);
	json_object_set_new(json_object_get(meta, "host"), "arch", json_string("aarch64"));
	write_document(&written, meta);
	write_round(&written, "command", 5000, 0);
	add(&written, with_flags(ev_birth(1, 5000, 5000), CONVOY_F_ROOT));
	add(&written, ev_wait(1, 5100, 5300, 5300, 63));
	add(&written, ev_wait(1, 5400, 5700, 5700, 101));
	add(&written, ev_wait(1, 5800, 5805, 5805, 4000));
	add(&written, ev_death(1, 6000, 4, 0));
	whole(&written);
	report = report_of(&written, NULL);
	assert_string_equal(report->host.arch, "aarch64");
	assert_int_equal(report->modes[0].time_ns[ACCOUNT_IO], 200);
	assert_int_equal(report->modes[0].time_ns[ACCOUNT_SLEEP], 300);
	assert_int_equal(report->modes[0].time_ns[ACCOUNT_OTHER], 5);
	report__free(report);
}

static void test_unknown_documents(void **state)
{
	struct written written = begin(RECORDING_OF_COMMAND);
	struct report *report;

	(void)state;
	write_json(&written, "{\"type\": \"weather\", \"rain\": true}");
	write_json(&written, "{}");
	write_json(&written, "{\"type\": 17}");
	write_round(&written, "command", 5000, 0);
	write_thread(&written, 1, 5000);
	write_json(&written, "{\"type\": \"note\"}");
	whole(&written);
	report = report_of(&written, NULL);
	assert_false(report->incomplete);
	assert_int_equal(report->modes[0].lifetime_ns, 1000);
	report__free(report);
}

/* Events that no round wants: before the first, between two, after the last. */
static void test_events_outside(void **state)
{
	struct written written = begin(RECORDING_OF_COMMAND);
	struct report *report;

	(void)state;
	write_thread(&written, 9, 1000);
	write_round(&written, "command", 5000, 0);
	write_thread(&written, 1, 5000);
	write_round_end(&written, 0, true);
	write_thread(&written, 2, 7000);
	write_end(&written);
	written__finish(&written);
	report = report_of(&written, NULL);
	assert_int_equal(report->modes[0].n_threads, 1);
	assert_int_equal(report->modes[0].lifetime_ns, 1000);
	report__free(report);
}

static void test_contradictions(void **state)
{
	static const char *const documents[] = {
		"{\"type\": \"round_end\", \"measured\": true}",
		"{\"type\": \"stop\", \"end_ns\": 5}",
		"{\"type\": \"end\"}",
		"{\"type\": \"round\", \"mode\": \"other\"}",
		"{\"type\": \"round\", \"mode\": 5}",
		"{\"type\": \"round\"}",
		"{\"type\": \"locks\"}",
		"{\"type\": \"locks\", \"entries\": [{\"kind\": \"mutex\"}]}",
		"{\"type\": \"meta\"}",
	};
	struct report *report;

	(void)state;
	for (size_t i = 0; i < N(documents); i++) {
		struct written written = begin(RECORDING_OF_COMMAND);

		write_json(&written, documents[i]);
		report = report_of(&written, NULL);
		assert_true(report->incomplete);
		assert_non_null(strstr(report->incomplete_why, "makes no sense from"));
		report__free(report);
	}
}

static void test_no_beginning(void **state)
{
	struct written written = written__new(), nothing = written__new();
	struct recording_status status;

	(void)state;
	write_round(&written, "command", 5000, 0);
	assert_int_equal(refusal_of(&written, NULL, &status), -EBADMSG);
	assert_non_null(strstr(status.damage, "what it is of"));
	assert_int_equal(refusal_of(&nothing, NULL, &status), -EBADMSG);
	assert_non_null(strstr(status.damage, "what it is of"));
}

/* Without probes there are rounds and no events. */
static void test_without_probes(void **state)
{
	struct written written = written__new();
	json_t *meta = meta_of(RECORDING_OF_RUN, NULL, 0);
	struct report *report;

	(void)state;
	json_object_set_new(json_object_get(meta, "probes"), "sched", json_false());
	write_document(&written, meta);
	write_round(&written, "command", 5000, 0);
	write_round_end(&written, 6500, true);
	write_end(&written);
	written__finish(&written);
	report = report_of(&written, NULL);
	assert_int_equal(report->modes[0].wall_ns.median, 1500);
	assert_int_equal(report->modes[0].voluntary.median, 2);
	assert_int_equal(report->modes[0].n_threads, 0);
	report__free(report);
}

/* The job's own measurements of some rounds only: unknown in the others. */
static void test_work_of_some_rounds(void **state)
{
	struct written written = begin(RECORDING_OF_RUN);
	struct record_round_end end = { .measured = true };
	struct report *report;

	(void)state;
	for (uint32_t r = 0; r < 40; r++) {
		uint64_t start = 10000 * (r + 1);

		write_round(&written, "command", start, r);
		write_thread(&written, r + 1, start);
		end.work = r == 1 || r == 3 ? json_pack("{s:s, s:[], s:[], s:{s:i}}", "schema",
							"convoy.work/1", "tasks", "threads",
							"metrics", "rate", 10 * (int)r) :
					      NULL;
		write_document(&written, record_docs__round_end(&end));
		json_decref(end.work);
	}
	write_end(&written);
	written__finish(&written);
	report = report_of(&written, NULL);
	assert_int_equal(report->modes[0].rounds, 40);
	assert_int_equal(report->modes[0].n_metrics, 1);
	assert_int_equal(report->modes[0].metrics[0].value.n, 2);
	assert_int_equal(report->modes[0].metrics[0].value.median, 20);
	report__free(report);
}

static void test_work_that_makes_no_sense(void **state)
{
	struct written written = command();
	struct record_round_end end = { .measured = true };
	struct report *report;

	(void)state;
	end.work = json_pack("{s:s}", "schema", "flower");
	write_document(&written, record_docs__round_end(&end));
	json_decref(end.work);
	report = report_of(&written, NULL);
	assert_true(report->incomplete);
	assert_non_null(strstr(report->incomplete_why, "its work said makes no sense"));
	report__free(report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_command),
		cmocka_unit_test(test_run),
		cmocka_unit_test(test_run_interrupted),
		cmocka_unit_test(test_missing_rounds),
		cmocka_unit_test(test_loss),
		cmocka_unit_test(test_unmatched_in_cut),
		cmocka_unit_test(test_round_without_end),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_parts_add_up),
		cmocka_unit_test(test_part_beyond),
		cmocka_unit_test(test_part_beyond_stop),
		cmocka_unit_test(test_part_of_cut),
		cmocka_unit_test(test_part_of_several_rounds),
		cmocka_unit_test(test_other_architecture),
		cmocka_unit_test(test_unknown_documents),
		cmocka_unit_test(test_events_outside),
		cmocka_unit_test(test_contradictions),
		cmocka_unit_test(test_no_beginning),
		cmocka_unit_test(test_without_probes),
		cmocka_unit_test(test_work_of_some_rounds),
		cmocka_unit_test(test_work_that_makes_no_sense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
