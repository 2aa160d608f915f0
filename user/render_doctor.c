// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * render_doctor.c - a diagnosis as text, and as "convoy.doctor/1".
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "doctor.h"
#include "outside.h"
#include "render_text.h"

/* Columns of the state, of the name, and where the detail begins. */
#define STATE_COLUMNS 8
#define NAME_COLUMNS 23
#define DETAIL_COLUMN (2 + STATE_COLUMNS + 1 + NAME_COLUMNS + 1)

static const struct {
	const char *id, *name;
} work_names[DOCTOR_WORKS] = {
	[DOCTOR_RUN] = { "run", "run" },
	[DOCTOR_RECORD_COMMAND] = { "record_command", "record -- COMMAND" },
	[DOCTOR_RECORD_PID] = { "record_pid", "record -p PID" },
	[DOCTOR_RECORD_CGROUP] = { "record_cgroup", "record --cgroup PATH" },
	[DOCTOR_RECORD_ALL] = { "record_all", "record -a" },
	[DOCTOR_WHY] = { "why", "why -p PID" },
};

/* In capitals what run cannot do without. */
static const char *state_label(const struct doctor_check *check)
{
	switch (check->state) {
	case DOCTOR_OK:
		return "ok";
	case DOCTOR_LIMITED:
		return "limited";
	case DOCTOR_MISSING:
		return check->stops == DOCTOR_STOPS_RUN ? "MISSING" : "missing";
	case DOCTOR_UNKNOWN:
		break;
	}
	return "unknown";
}

static bool has_advice(const struct doctor_check *check)
{
	return check->state == DOCTOR_LIMITED || check->state == DOCTOR_MISSING;
}

/* An earlier check with the same advice, which need not be read twice; NULL: none. */
static const struct doctor_check *same_advice(const struct diagnosis *diagnosis,
					      const struct doctor_check *check)
{
	if (!check->loses || !check->remedy)
		return NULL;
	for (size_t i = 0; &diagnosis->checks[i] < check; i++) {
		const struct doctor_check *earlier = &diagnosis->checks[i];

		if (has_advice(earlier) && earlier->loses && earlier->remedy &&
		    !strcmp(earlier->loses, check->loses) &&
		    !strcmp(earlier->remedy, check->remedy))
			return earlier;
	}
	return NULL;
}

static void print_check(struct text *text, const struct diagnosis *diagnosis,
			const struct doctor_check *check)
{
	char detail[4 * sizeof(check->detail) + 1];
	const struct doctor_check *earlier;

	outside__terminal(detail, sizeof(detail), check->detail, sizeof(check->detail),
			  text->options->utf8);
	text__paragraph(text, 2, DETAIL_COLUMN, "%-*s %-*s %s", STATE_COLUMNS, state_label(check),
			NAME_COLUMNS, check->name, detail);
	if (!has_advice(check))
		return;
	earlier = same_advice(diagnosis, check);
	if (earlier) {
		text__paragraph(text, 6, 8, "the same as for %s", earlier->name);
		return;
	}
	if (check->loses)
		text__paragraph(text, 6, 8, "without it: %s", check->loses);
	if (check->remedy)
		text__paragraph(text, 6, 8, "to get it: %s", check->remedy);
}

static void print_host(struct text *text, const struct doctor_facts *facts)
{
	char kernel[TEXT_CELL], arch[TEXT_CELL];

	text__paragraph(text, 0, 2, "Linux %s %s, %u CPU%s", TEXT_SAFE(text, kernel, facts->kernel),
			TEXT_SAFE(text, arch, facts->arch), facts->cpus,
			facts->cpus == 1 ? "" : "s");
}

int render_doctor_text(const struct diagnosis *diagnosis, unsigned width, bool utf8, FILE *out)
{
	const struct render_options options = { .width = width, .utf8 = utf8 };
	struct text text = { .out = out, .options = &options, .width = width };
	const char *group = "";
	char why[512];
	size_t unknown = 0;

	errno = 0;
	print_host(&text, diagnosis->facts);
	for (size_t i = 0; i < diagnosis->n_checks; i++) {
		const struct doctor_check *check = &diagnosis->checks[i];

		if (strcmp(group, check->group) != 0)
			text__heading(&text, check->group);
		group = check->group;
		print_check(&text, diagnosis, check);
		unknown += check->state == DOCTOR_UNKNOWN;
	}
	fputc('\n', out);
	for (unsigned i = 0; i < DOCTOR_WORKS; i++) {
		doctor__why_not(diagnosis, (enum doctor_work)i, why, sizeof(why));
		text__paragraph(&text, 0, 2, "%s: %s%s%s", work_names[i].name,
				diagnosis->works[i] ? "works" : "does not work",
				why[0] ? ": see " : "", why);
	}
	if (unknown && !diagnosis->permitted)
		text__paragraph(&text, 0, 2,
				"%zu of %zu could not be looked at without permission; "
				"sudo convoy doctor does",
				unknown, diagnosis->n_checks);
	if (ferror(out))
		return errno ? -errno : -EIO;
	return text.err;
}

/* Bytes from outside as a JSON string, null when there are none; NULL without memory. */
static json_t *text_or_null(const char *bytes, size_t max)
{
	char *valid;
	json_t *value;

	if (!bytes || !bytes[0])
		return json_null();
	valid = outside__utf8(bytes, max);
	value = valid ? json_string_nocheck(valid) : NULL;
	free(valid);
	return value;
}

#define TEXT_OR_NULL(array) text_or_null(array, sizeof(array))

static json_t *check_object(const struct doctor_check *check)
{
	return json_pack("{s:s, s:s, s:s, s:o, s:s?, s:s?, s:b}", "id", check->id, "name",
			 check->name, "state", doctor__state_name(check->state), "detail",
			 TEXT_OR_NULL(check->detail), "loses", check->loses, "remedy",
			 check->remedy, "required", check->stops == DOCTOR_STOPS_RUN);
}

int render_doctor_json(const struct diagnosis *diagnosis, const char *version, FILE *out)
{
	const struct doctor_facts *facts = diagnosis->facts;
	json_t *works = json_object(), *checks = json_array(), *object;
	int err = 0;

	for (unsigned i = 0; i < DOCTOR_WORKS && !err; i++)
		err = json_object_set_new(works, work_names[i].id,
					  json_boolean(diagnosis->works[i]));
	for (size_t i = 0; i < diagnosis->n_checks && !err; i++)
		err = json_array_append_new(checks, check_object(&diagnosis->checks[i]));
	object = json_pack("{s:s, s:{s:s, s:s}, s:{s:o, s:o, s:i, s:o, s:o}, s:o, s:o}", "schema",
			   "convoy.doctor/1", "tool", "name", "convoy", "version", version, "host",
			   "kernel", TEXT_OR_NULL(facts->kernel), "arch", TEXT_OR_NULL(facts->arch),
			   "cpus", (int)facts->cpus, "cpu_model", TEXT_OR_NULL(facts->cpu_model),
			   "virt", TEXT_OR_NULL(facts->virt), "works", works, "checks", checks);
	if (!object || err) {
		json_decref(object);
		return -ENOMEM;
	}
	errno = 0;
	if (json_dumpf(object, out, JSON_INDENT(2)) || fputc('\n', out) == EOF)
		err = errno ? -errno : -EIO;
	json_decref(object);
	return err;
}
