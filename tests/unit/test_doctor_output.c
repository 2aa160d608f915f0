/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_doctor_output.c - what is said of a diagnosis, as text and as JSON.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <jansson.h>

#include "tests/unit/doctor_fixture.h"
#include "tests/unit/report_fixture.h"

/* doctor_schema.sh wants them as files, NAME.json in this directory. */
static void keep(const char *name, const char *json)
{
	const char *directory = getenv("CONVOY_TEST_JSON_OUT");
	char path[4096];
	FILE *file;

	if (!directory)
		return;
	snprintf(path, sizeof(path), "%s/%s.json", directory, name);
	file = need(fopen(path, "w"));
	assert_true(fputs(json, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static json_t *as_json(const char *name, const struct diagnosis *diagnosis)
{
	char *out = NULL;
	size_t size;
	FILE *stream = need(open_memstream(&out, &size));
	json_t *json;

	assert_int_equal(render_doctor_json(diagnosis, "1.2-test", stream), 0);
	assert_int_equal(fclose(stream), 0);
	json = need(json_loads(out, JSON_REJECT_DUPLICATES, NULL));
	assert_int_equal(out[size - 1], '\n');
	keep(name, out);
	free(out);
	return json;
}

static void test_text(void **state)
{
	struct doctor_facts facts = all_well();
	struct diagnosis diagnosis = judged(&facts);
	char *text = as_text(&diagnosis, 80);

	(void)state;
	assert_contains(text, "Linux 6.8.0-45-generic x86_64, 8 CPUs\n");
	assert_contains(text, "\nrun: works\n");
	assert_contains(text, "\nrecord --cgroup PATH: works\n");
	assert_contains(text, "\nrecord -a: works\n");
	assert_contains(text, "\nwhy -p PID: works\n");
	assert_contains(text, "\n  ok       BTF ");
	assert_lacks(text, "without it");
	assert_lacks(text, "could not be looked at");
	free(text);

	facts = nobody();
	diagnosis = judged(&facts);
	text = as_text(&diagnosis, 80);
	assert_contains(text, "\n  MISSING  CAP_BPF ");
	assert_contains(text, "\n      without it: ");
	assert_contains(text, "\n      to get it: run convoy with sudo");
	assert_contains(text, "\n      the same as for CAP_BPF\n");
	assert_contains(text, "\n  missing  CAP_SYS_PTRACE ");
	assert_contains(text, "\n  unknown  task storage            not permitted to try\n");
	assert_contains(text, "\nrun: does not work: see CAP_BPF, CAP_PERFMON, bpf(2)\n");
	assert_contains(text, "could not be looked at without permission");
	free(text);
}

/* Lines are as narrow as asked, and nothing from outside gets through. */
static void test_hostile(void **state)
{
	struct doctor_facts facts = all_well();
	struct diagnosis diagnosis;
	json_t *json;

	(void)state;
	snprintf(facts.kernel, sizeof(facts.kernel), "6.8%s", HOSTILE);
	snprintf(facts.arch, sizeof(facts.arch), "%s", HOSTILE);
	snprintf(facts.cpu_model, sizeof(facts.cpu_model), "%s", HOSTILE);
	snprintf(facts.virt, sizeof(facts.virt), "%s", HOSTILE);
	snprintf(facts.lockdown, sizeof(facts.lockdown), "%s", HOSTILE);
	snprintf(facts.cgroup2_mount, sizeof(facts.cgroup2_mount), "/%s", HOSTILE);
	snprintf(facts.probes_note, sizeof(facts.probes_note), "%s", HOSTILE);
	memset(facts.tracefs_mount, 0x9b, sizeof(facts.tracefs_mount) - 1);
	diagnosis = judged(&facts);
	for (unsigned width = 60; width <= 120; width += 20) {
		char *text = as_text(&diagnosis, width);

		for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
			assert_true((size_t)(end - line) <= width);
			for (; line < end; line++)
				assert_in_range(*line, ' ', '~');
		}
		free(text);
	}
	json = as_json("hostile", &diagnosis);
	json_decref(json);
}

static void test_json(void **state)
{
	struct doctor_facts facts = nobody();
	struct diagnosis diagnosis = judged(&facts);
	json_t *json = as_json("nobody", &diagnosis), *check;
	size_t i;

	(void)state;
	assert_string_equal(json_string_value(json_object_get(json, "schema")), "convoy.doctor/1");
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(json, "tool"), "version")),
		"1.2-test");
	assert_int_equal(json_integer_value(json_object_get(json_object_get(json, "host"), "cpus")),
			 8);
	assert_true(json_is_false(json_object_get(json_object_get(json, "works"), "run")));
	assert_true(
		json_is_false(json_object_get(json_object_get(json, "works"), "record_cgroup")));
	assert_int_equal(json_array_size(json_object_get(json, "checks")), diagnosis.n_checks);
	json_array_foreach(json_object_get(json, "checks"), i, check) {
		const struct doctor_check *from = &diagnosis.checks[i];

		assert_string_equal(json_string_value(json_object_get(check, "id")), from->id);
		assert_string_equal(json_string_value(json_object_get(check, "state")),
				    doctor__state_name(from->state));
		assert_string_equal(json_string_value(json_object_get(check, "detail")),
				    from->detail);
		assert_int_equal(json_is_true(json_object_get(check, "required")),
				 is_required(from));
		assert_int_equal(json_is_null(json_object_get(check, "loses")),
				 from->state == DOCTOR_OK);
	}
	json_decref(json);

	facts.virt[0] = facts.cpu_model[0] = 0;
	diagnosis = judged(&facts);
	json = as_json("bare", &diagnosis);
	assert_true(json_is_null(json_object_get(json_object_get(json, "host"), "virt")));
	json_decref(json);

	facts = all_well();
	diagnosis = judged(&facts);
	json = as_json("well", &diagnosis);
	assert_true(json_is_true(json_object_get(json_object_get(json, "works"), "run")));
	json_decref(json);
}

static void test_output_errors(void **state)
{
	struct doctor_facts facts = all_well();
	struct diagnosis diagnosis = judged(&facts);
	FILE *full = fopen("/dev/full", "w");

	(void)state;
	if (!full)
		skip();
	setvbuf(full, NULL, _IONBF, 0);
	assert_int_equal(render_doctor_text(&diagnosis, 80, true, full), -ENOSPC);
	clearerr(full);
	assert_int_equal(render_doctor_json(&diagnosis, "1", full), -ENOSPC);
	fclose(full);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_output_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
