/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_render_csv.c - one row a mode, read back by RFC 4180 to the letter.
 *
 * With CONVOY_TEST_SHOW=1, the CSV of the full report is printed.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/report_fixture.h"
#include "user/account.h"
#include "user/render.h"

#define COLUMNS 44
#define ROWS 9

/* The contract: scripts name these. New ones may be added, at the end. */
static const char header[] =
	"mode,rounds,wall_ns,wall_ci_lo_ns,wall_ci_hi_ns,speedup,cpu_ns,system_ns,cores_used,"
	"cpu_util,voluntary,involuntary,migrations,running_ns,preempted_ns,wakeup_ns,lock_ns,"
	"cond_ns,join_ns,sleep_ns,io_ns,disk_ns,child_ns,fault_ns,stopped_ns,other_ns,lifetime_ns,"
	"residual_ns,worker_lock_ns,worker_lifetime_ns,lock_episodes,lock_p50_ns,lock_p90_ns,"
	"lock_p99_ns,lock_max_ns,own_thread_ns,own_lock_wait_ns,schedstat_run_ns,"
	"schedstat_run_delay_ns,valid,gil_wait_ns,gil_lifetime_ns,could_run,interpreter";

struct field {
	char text[300];
	bool quoted;
};

struct sheet {
	struct field fields[ROWS][COLUMNS];
	size_t rows;
};

/* One field, from where it starts to behind its end: a comma or CR LF. */
static const char *read_field(const char *at, struct field *field)
{
	size_t n = 0;

	field->quoted = *at == '"';
	if (field->quoted) {
		for (at++; *at && (*at != '"' || at[1] == '"'); at++) {
			assert_true(n + 1 < sizeof(field->text));
			field->text[n++] = *at;
			at += *at == '"';
		}
		assert_true(*at++ == '"');
	} else {
		for (; *at && !strchr(",\r\n\"", *at); at++) {
			assert_true(n + 1 < sizeof(field->text));
			field->text[n++] = *at;
		}
	}
	field->text[n] = '\0';
	if (*at != ',' && strncmp(at, "\r\n", 2))
		fail_msg("a field ends in \"%.20s\"", at);
	return at;
}

/* Labels and interpreters are text of outside; an empty field is none. */
static bool is_text(const struct sheet *sheet, size_t row, size_t column)
{
	return !column || (column == COLUMNS - 1 && sheet->fields[row][column].text[0]);
}

/* Every row has as many fields as the header; every line ends in CR LF. */
static void read_sheet(const char *text, struct sheet *sheet)
{
	sheet->rows = 0;
	while (*text) {
		size_t columns = 0;

		assert_true(sheet->rows < ROWS);
		for (;; text++) {
			assert_true(columns < COLUMNS);
			text = read_field(text, &sheet->fields[sheet->rows][columns++]);
			if (*text != ',')
				break;
		}
		text += 2;
		assert_int_equal(columns, COLUMNS);
		sheet->rows++;
	}
}

static void sheet_of(const struct report *report, struct sheet *sheet)
{
	const struct render_options options = { .width = 40, .color = true };
	char *out = rendered("csv", report, &options);

	if (getenv("CONVOY_TEST_SHOW"))
		printf("%s", out);
	assert_int_equal(strncmp(out, header, strlen(header)), 0);
	assert_int_equal(strncmp(out + strlen(header), "\r\n", 2), 0);
	/* Nothing for a terminal to obey, and lines end in the rows' own ends only. */
	for (const char *c = out; *c; c++)
		if (((unsigned char)*c < ' ' && *c != '\r' && *c != '\n') || *c == 0x7f)
			fail_msg("byte %#x in:\n%s", *c, out);
	read_sheet(out, sheet);
	assert_int_equal(sheet->rows, 1 + report->n_modes);
	for (size_t row = 1; row < sheet->rows; row++)
		for (size_t i = 0; i < COLUMNS; i++)
			assert_int_equal(sheet->fields[row][i].quoted, is_text(sheet, row, i));
	free(out);
}

/* The field of the mode in that row (from 0), by the name of its column. */
static const char *at(const struct sheet *sheet, size_t mode, const char *column)
{
	for (size_t i = 0; i < COLUMNS; i++)
		if (!strcmp(sheet->fields[0][i].text, column))
			return sheet->fields[mode + 1][i].text;
	fail_msg("no column %s", column);
	return NULL;
}

static void test_full(void **state)
{
	static const struct {
		const char *column, *value;
	} cells[] = {
		{ "mode", "gil-timed" },
		{ "rounds", "5" },
		{ "wall_ns", "1030000000" },
		{ "speedup", "0.990291262" },
		{ "cpu_ns", "1040300000" },
		{ "system_ns", "10403000" },
		{ "cores_used", "1.01" },
		{ "cpu_util", "0.505" },
		{ "voluntary", "412" },
		{ "involuntary", "38" },
		{ "migrations", "4" },
		{ "running_ns", "5201500000" },
		{ "preempted_ns", "10300000" },
		{ "wakeup_ns", "41200000" },
		{ "lock_ns", "5047000000" },
		{ "cond_ns", "0" },
		{ "join_ns", "5150000000" },
		{ "lifetime_ns", "15450012345" },
		{ "residual_ns", "12345" },
		{ "worker_lock_ns", "5047000000" },
		{ "worker_lifetime_ns", "10300000000" },
		{ "lock_episodes", "1010" },
		{ "lock_p50_ns", "5010000" },
		{ "lock_p90_ns", "5200000" },
		{ "lock_p99_ns", "5400000" },
		{ "lock_max_ns", "9870000" },
		{ "own_thread_ns", "10300000000" },
		{ "own_lock_wait_ns", "5047000000" },
		{ "schedstat_run_ns", "5201500000" },
		{ "schedstat_run_delay_ns", "51500000" },
		{ "valid", "true" },
	};
	struct report *report = full_report(5);
	struct sheet sheet;
	double lo, hi;

	(void)state;
	sheet_of(report, &sheet);
	for (size_t i = 0; i < FIVE; i++)
		assert_string_equal(at(&sheet, i, "mode"), five[i].mode);
	for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++)
		if (strcmp(at(&sheet, 2, cells[i].column), cells[i].value))
			fail_msg("%s: %s instead of %s", cells[i].column,
				 at(&sheet, 2, cells[i].column), cells[i].value);
	lo = strtod(at(&sheet, 2, "wall_ci_lo_ns"), NULL);
	hi = strtod(at(&sheet, 2, "wall_ci_hi_ns"), NULL);
	assert_true(lo >= 1019.7e6 && lo < 1030e6 && hi > 1030e6 && hi <= 1040.3e6);
	for (unsigned i = 0; i < ACCOUNT_COUNT; i++) {
		char name[40];

		snprintf(name, sizeof(name), "%s_ns", account__name((enum account)i));
		assert_true(*at(&sheet, 0, name));
	}

	/* The ledger may be over as well as under; a median may lie between two counts. */
	report->modes[2].residual_ns = -20;
	report->modes[2].voluntary.median = 3.5;
	report->valid = false;
	sheet_of(report, &sheet);
	assert_string_equal(at(&sheet, 2, "residual_ns"), "-20");
	assert_string_equal(at(&sheet, 2, "voluntary"), "3.5");
	for (size_t i = 0; i < FIVE; i++)
		assert_string_equal(at(&sheet, i, "valid"), "false");
	report__free(report);
}

static void test_no_modes(void **state)
{
	struct report *report = empty_report();
	struct sheet sheet;

	(void)state;
	sheet_of(report, &sheet); /* the header alone */
	report__free(report);
}

static void test_unknown_is_empty(void **state)
{
	static const char *const known_always[] = { "mode", "rounds", "valid" };
	struct report *report = empty_report();
	struct sheet sheet;

	(void)state;
	/* A mode of which nothing is known, without probes. */
	snprintf(report->modes[report->n_modes++].mode, sizeof(report->modes[0].mode), "threads");
	report->probes.sched = false;
	sheet_of(report, &sheet);
	for (size_t i = 0; i < COLUMNS; i++) {
		const char *column = sheet.fields[0][i].text;
		bool always = false;

		for (size_t j = 0; j < 3; j++)
			always |= !strcmp(column, known_always[j]);
		if (always != (sheet.fields[1][i].text[0] != '\0'))
			fail_msg("%s: \"%s\"", column, sheet.fields[1][i].text);
	}
	assert_string_equal(at(&sheet, 0, "rounds"), "0");
	report__free(report);

	/* Too few rounds for an interval, no reference. */
	report = full_report(2);
	report->modes[1].speedup.known = false;
	report->modes[1].cpu_ns.median = INFINITY;
	report->modes[1].cores_used.median = NAN;
	sheet_of(report, &sheet);
	assert_string_equal(at(&sheet, 0, "wall_ci_lo_ns"), "");
	assert_string_equal(at(&sheet, 0, "wall_ci_hi_ns"), "");
	assert_string_equal(at(&sheet, 0, "speedup"), "1");
	assert_string_equal(at(&sheet, 1, "speedup"), "");
	assert_string_equal(at(&sheet, 1, "cpu_ns"), "");
	assert_string_equal(at(&sheet, 1, "cores_used"), "");
	/* Seen by a probe to be nothing is not unknown. */
	assert_string_equal(at(&sheet, 0, "lock_episodes"), "0");
	assert_string_equal(at(&sheet, 0, "lock_p99_ns"), "");
	report__free(report);
}

static void test_untraced(void **state)
{
	static const char *const by_others[] = {
		"mode",		 "rounds",	     "wall_ns",		 "wall_ci_lo_ns",
		"wall_ci_hi_ns", "speedup",	     "cpu_ns",		 "system_ns",
		"cores_used",	 "cpu_util",	     "voluntary",	 "involuntary",
		"own_thread_ns", "own_lock_wait_ns", "schedstat_run_ns", "schedstat_run_delay_ns",
		"valid",
	};
	struct report *report = untraced_report(5);
	struct sheet sheet;
	size_t n = 0;

	(void)state;
	sheet_of(report, &sheet);
	for (size_t mode = 0; mode < FIVE; mode++) {
		for (size_t i = 0; i < sizeof(by_others) / sizeof(by_others[0]); i++)
			if (!*at(&sheet, mode, by_others[i]))
				fail_msg("%s is unknown", by_others[i]);
		for (size_t i = 0; i < COLUMNS; i++)
			n += sheet.fields[mode + 1][i].text[0] != '\0';
	}
	/* And nothing else is known. */
	assert_int_equal(n, FIVE * sizeof(by_others) / sizeof(by_others[0]));
	assert_string_equal(at(&sheet, 2, "schedstat_run_delay_ns"), "51500000");
	report__free(report);
}

/* Sums over the runtimes that have a GIL. */
static void test_runtimes(void **state)
{
	struct report *report = python_report();
	struct report_mode *mode = &report->modes[0];
	struct report_runtime *second = add_runtime(mode, "3.12.1", GIL_PRESENT);
	struct sheet sheet;

	(void)state;
	mode->runtimes[0].gil_wait_ns = 600;
	mode->runtimes[0].lifetime_ns = 1000;
	second->gil_wait_ns = 50;
	second->lifetime_ns = 500;
	add_runtime(mode, "3.13.0", GIL_ABSENT)->lifetime_ns = 7000;
	add_runtime(mode, "", GIL_UNKNOWN)->lifetime_ns = 9000;
	mode->could_run = known(2.5);
	sheet_of(report, &sheet);
	assert_string_equal(at(&sheet, 0, "gil_wait_ns"), "650");
	assert_string_equal(at(&sheet, 0, "gil_lifetime_ns"), "1500");
	assert_string_equal(at(&sheet, 0, "could_run"), "2.5");
	assert_string_equal(at(&sheet, 0, "interpreter"), "");
	snprintf(mode->interpreter.name, sizeof(mode->interpreter.name), "python3.13t");
	sheet_of(report, &sheet);
	assert_string_equal(at(&sheet, 0, "interpreter"), "python3.13t");
	/* Who calls himself a formula is none. */
	snprintf(mode->interpreter.name, sizeof(mode->interpreter.name), "=1+\"");
	sheet_of(report, &sheet);
	assert_string_equal(at(&sheet, 0, "interpreter"), "'=1+\"");

	/* Nobody had one, or it was not found: there is nothing to add up. */
	mode->runtimes[0].gil = mode->runtimes[1].gil = GIL_ABSENT;
	sheet_of(report, &sheet);
	assert_string_equal(at(&sheet, 0, "gil_wait_ns"), "");
	assert_string_equal(at(&sheet, 0, "gil_lifetime_ns"), "");
	report__free(report);
}

static void test_labels(void **state)
{
	static const struct {
		const char *label, *shown;
	} cases[] = {
		{ "plain", "plain" },
		{ "", "" },
		{ "a,b", "a,b" },
		{ "say \"hi\"", "say \"hi\"" },
		{ "\"", "\"" },
		{ "\"\"\",\"", "\"\"\",\"" },
		{ "two\nlines\r\nand", "two\\x0alines\\x0d\\x0aand" },
		{ "\033[31mred\x7f", "\\x1b[31mred\\x7f" },
		{ "gr\u00fcn \u6f22", "gr\u00fcn \u6f22" },
		/* What a spreadsheet would run. */
		{ "=1+1", "'=1+1" },
		{ "=HYPERLINK(\"x\",\"y\")", "'=HYPERLINK(\"x\",\"y\")" },
		{ "+1", "'+1" },
		{ "-1", "'-1" },
		{ "@SUM(1)", "'@SUM(1)" },
		{ "\t=1", "\\x09=1" }, /* nor behind what an escape shows */
		{ "\r=1", "\\x0d=1" },
		{ "=", "'=" },
		{ "\n=1", "\\x0a=1" },
		/* Not at the beginning it is no formula. */
		{ "a=1", "a=1" },
		{ "x-y+z@w", "x-y+z@w" },
		{ "'=1", "'=1" },
	};
	struct sheet sheet;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct report *report = full_report(3);

		snprintf(report->modes[3].mode, sizeof(report->modes[3].mode), "%s",
			 cases[i].label);
		sheet_of(report, &sheet);
		assert_string_equal(at(&sheet, 3, "mode"), cases[i].shown);
		assert_string_equal(at(&sheet, 3, "wall_ns"), "530000000");
		assert_string_equal(at(&sheet, 4, "mode"), "processes");
		report__free(report);
	}
}

/* It fills its array, and no byte of it means itself. */
static void test_long_labels(void **state)
{
	struct report *report = full_report(3);
	char expected[2 + sizeof(report->modes[0].mode)] = "";
	struct sheet sheet;

	(void)state;
	memset(report->modes[3].mode, '"', sizeof(report->modes[3].mode));
	memset(report->modes[4].mode, '=', sizeof(report->modes[4].mode));
	sheet_of(report, &sheet);
	memset(expected, '"', sizeof(report->modes[0].mode));
	assert_string_equal(at(&sheet, 3, "mode"), expected);
	memset(expected, '=', sizeof(expected) - 1);
	expected[0] = '\'';
	assert_string_equal(at(&sheet, 4, "mode"), expected);

	/* Nor is anything of it lost where each byte takes four. */
	memset(report->modes[3].mode, '\001', sizeof(report->modes[3].mode));
	memset(report->modes[4].mode, '\xff', sizeof(report->modes[4].mode));
	sheet_of(report, &sheet);
	for (size_t mode = 3; mode < 5; mode++) {
		const char *label = at(&sheet, mode, "mode");

		assert_int_equal(strlen(label), 4 * sizeof(report->modes[0].mode));
		for (; *label; label += 4)
			assert_int_equal(strncmp(label, mode == 3 ? "\\x01" : "\\xff", 4), 0);
	}
	report__free(report);

	report = hostile_report();
	sheet_of(report, &sheet);
	report__free(report);
}

/*
 * Neither controls of a terminal beyond ASCII (0x9b is ESC [), nor what reorders text, nor
 * bytes that no reader of UTF-8 takes: each becomes its \xNN.
 */
static void test_bytes_beyond_ascii(void **state)
{
	static const char *const labels[] = { "\x9b"
					      "31m",
					      "\xc2\x9b"
					      "31m",
					      "a\xff",
					      "\xe2\x80\xae"
					      "a",
					      "\xe2\x80\xae=1" };
	static const char *const shown[] = { "\\x9b31m", "\\xc2\\x9b31m", "a\\xff",
					     "\\xe2\\x80\\xaea", "\\xe2\\x80\\xae=1" };
	const struct render_options options = { .width = 80 };
	struct sheet sheet;
	unsigned bad = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
		struct report *report = full_report(3);
		char *out;

		snprintf(report->modes[3].mode, sizeof(report->modes[3].mode), "%s", labels[i]);
		out = rendered("csv", report, &options);
		bad += strstr(out, labels[i]) != NULL;
		free(out);
		sheet_of(report, &sheet);
		assert_string_equal(at(&sheet, 3, "mode"), shown[i]);
		assert_string_equal(at(&sheet, 3, "wall_ns"), "530000000");
		report__free(report);
	}
	assert_int_equal(bad, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_no_modes),
		cmocka_unit_test(test_unknown_is_empty),
		cmocka_unit_test(test_untraced),
		cmocka_unit_test(test_runtimes),
		cmocka_unit_test(test_labels),
		cmocka_unit_test(test_long_labels),
		cmocka_unit_test(test_bytes_beyond_ascii),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
