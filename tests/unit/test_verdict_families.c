/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_verdict_families.c - what the verdict says of interpreters as modes, each by itself and
 * several that came out alike, and what it must not say.
 *
 * With CONVOY_TEST_SHOW=1, verdicts are printed.
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
#include "user/contention.h"

#define N(array) (sizeof(array) / sizeof(*(array)))

/* Work that computes, under a GIL, on two CPUs. */
static const struct sketch computing[] = {
	{ "serial", 1000, 0.004, 1.00, 3, 41, 1000, 0, 0, 0, 0 },
	{ "threads", 1010, 0.004, 1.01, 410, 38, 505, 1, 14, 480, 0 },
	{ "processes", 520, 0.01, 1.95, 9, 61, 985, 14, 1, 0, 0 },
};

/* The same, where the GIL is given up all the time and hardly slept for. */
static const struct sketch ticking[] = {
	{ "serial", 1200, 0.004, 1.00, 3, 41, 1000, 0, 0, 0, 0 },
	{ "threads", 2064, 0.004, 1.31, 82000, 900, 520, 7, 470, 3, 0 },
	{ "processes", 620, 0.01, 1.95, 9, 61, 985, 14, 1, 0, 0 },
};

static const struct sketch without[] = {
	{ "serial", 1300, 0.004, 1.00, 3, 41, 1000, 0, 0, 0, 0 },
	{ "threads", 680, 0.004, 1.95, 3, 41, 990, 10, 0, 0, 0 },
	{ "processes", 681, 0.004, 1.95, 3, 41, 990, 10, 0, 0, 0 },
};

static const struct sketch waiting[] = {
	{ "serial", 1450, 0.005, 0.02, 300, 5, 15, 2, 3, 0, 980 },
	{ "threads", 500, 0.005, 0.05, 320, 5, 15, 2, 2, 1, 980 },
	{ "processes", 502, 0.005, 0.08, 330, 9, 15, 2, 3, 0, 980 },
};

/* What was found of the GIL of a family's threads. */
static void find_gil(struct report *report, const char *family, const char *version,
		     double handoffs_per_s, double hold_ms, double calls_per_s)
{
	struct report_mode *mode = (struct report_mode *)report__mode_of(report, family, "threads");
	double seconds = 0;
	struct report_runtime *runtime;

	for (size_t i = 0; i < mode->wall_ns.n; i++)
		seconds += mode->wall_ns.rounds[i] / 1e9;
	runtime = add_runtime(mode, version, GIL_PRESENT);
	snprintf(runtime->name, sizeof(runtime->name), "%s", mode->interpreter.implementation);
	runtime->gil_wait_ns = mode->worker_time_ns[ACCOUNT_LOCK];
	runtime->lifetime_ns = mode->worker_lifetime_ns;
	runtime->handoffs = (uint64_t)(handoffs_per_s * seconds + 0.5);
	runtime->handoffs_per_s = known(handoffs_per_s);
	if (hold_ms > 0)
		runtime->mean_hold_ns = known(hold_ms * 1e6);
	mode->locks[0].futex_calls = known(calls_per_s * seconds);
	mode->could_run = known(2);
	mode->ready_run = known(1.1);
	mode->did_run = known(1);
}

static const char *verdict_of(struct report *report)
{
	judge(report);
	if (getenv("CONVOY_TEST_SHOW"))
		printf("%s\n\n", report->verdict.text);
	return report->verdict.text;
}

static const struct report_family *family_of(const struct report *report, const char *name)
{
	for (size_t i = 0; i < report->verdict.n_families; i++)
		if (!strcmp(report->verdict.families[i].name, name))
			return &report->verdict.families[i];
	fail_msg("there is no family '%s'", name);
	return NULL;
}

static struct report *one(const char *family, const struct sketch *sketches, size_t n,
			  unsigned rounds)
{
	struct report *report = empty_report();

	add_interpreter(report, family, sketches, n, rounds);
	return report;
}

static void test_one_that_computes(void **state)
{
	struct report *report = one("python3.13", computing, 3, 5);
	const char *text;

	(void)state;
	find_gil(report, "python3.13", "3.13.1", 198, 5, 900);
	text = verdict_of(report);
	assert_contains(text, "python3.13: use PROCESSES: 1.94x faster than threads (1.9");
	assert_contains(text, "\nThreads gain nothing over serial (same within 2 %).\n");
	assert_contains(text, "\nThreads spent 48 % of their time waiting for the GIL of CPython "
			      "3.13.1, none for I/O.");
	/* Nothing to compare it with. */
	assert_lacks(text, "GILs differ");
	assert_lacks(text, "Under a GIL");
	assert_lacks(text, "In all");
	assert_string_equal(report->verdict.best_mode, "python3.13:processes");
	assert_int_equal(report->verdict.n_families, 1);
	assert_string_equal(family_of(report, "python3.13")->text, text);
	report__free(report);
}

static void test_one_that_waits(void **state)
{
	struct report *report = one("python3.11", waiting, 3, 5);
	const char *text = verdict_of(report);

	(void)state;
	assert_contains(text, "python3.11: threads gain even under a GIL: 2.90x faster than serial "
			      "(2.8");
	assert_contains(text, "), because the waiting overlaps.\n");
	assert_contains(text, "Processes buy nothing: same as threads within 2 %.\n");
	assert_contains(text, "Threads spent 98 % of their time asleep, 0.1 % waiting for the GIL");
	assert_lacks(text, "PROCESSES");
	assert_string_equal(report->verdict.best_mode, "");
	report__free(report);
}

/* A GIL that is hardly slept for keeps threads from running all the same. */
static void test_a_gil_without_sleep(void **state)
{
	struct report *report = one("python2.7", ticking, 3, 5);
	const char *text;

	(void)state;
	find_gil(report, "python2.7", "2.7.18", 2100, 0, 54321);
	text = verdict_of(report);
	assert_contains(text, "python2.7: use PROCESSES: 3.33x faster than threads (3.");
	assert_contains(text, "\nSerial is 1.72x faster than threads (1.7");
	assert_contains(text, "\nThreads spent 48 % of their time runnable without a CPU, 0.3 % "
			      "waiting for the GIL of CPython 2.7.18, none for I/O.\n");
	assert_contains(text,
			"\nThat threads hardly slept for the GIL does not mean that they ran: "
			"on average 2.0 wanted to and 1.0 did, with 54,300 futex calls a second "
			"to pass it on.");
	report__free(report);

	/* Where the kernel's part is worth a sentence, that has the number. */
	report = one("python2.7", ticking, 3, 5);
	find_gil(report, "python2.7", "2.7.18", 2100, 0, 195151);
	estimate__free(&report->modes[1].system_ns);
	around(&report->modes[1].system_ns, 0.73 * report->modes[1].cpu_ns.median, 0, 5);
	text = verdict_of(report);
	assert_contains(text, "2.0 wanted to and 1.0 did.\n");
	assert_contains(text,
			"\nWith threads, 73 % of the CPU time went to the kernel: 195,000 futex "
			"calls a second pass the GIL around, most without sleeping.");
	report__free(report);

	/* What is not known is not said, nor what lost events may have made. */
	report = one("python2.7", ticking, 3, 5);
	assert_lacks(verdict_of(report), "does not mean");
	find_gil(report, "python2.7", "2.7.18", 2100, 0, 54321);
	report->valid = false;
	text = verdict_of(report);
	assert_lacks(text, "does not mean");
	assert_contains(text, "Warning: events were lost.");
	report__free(report);
}

static void test_free_threads(void **state)
{
	struct report *report = one("python3.13t", without, 3, 5);
	const char *text;

	(void)state;
	text = verdict_of(report);
	assert_contains(text, "python3.13t (no GIL): use THREADS: 1.91x faster than serial (1.");
	assert_contains(text, "\nThreads do as well as processes (same within 1 %).");
	assert_lacks(text, "waiting for the GIL");
	assert_string_equal(report->verdict.best_mode, "");
	report__free(report);

	/* A GIL that is on in such a build is one. */
	report = one("python3.13t", computing, 3, 5);
	find_gil(report, "python3.13t", "3.13.1", 198, 5, 900);
	text = verdict_of(report);
	assert_contains(text, "python3.13t: use PROCESSES: 1.94x faster than threads (");
	report__free(report);

	/* Nor has one that is off to be believed in. */
	report = one("python3.13", without, 3, 5);
	add_runtime(&report->modes[1], "3.13.1", GIL_ABSENT);
	assert_contains(verdict_of(report), "python3.13 (no GIL): use THREADS: ");
	report__free(report);

	report = one("python3.13t", waiting, 3, 5);
	text = verdict_of(report);
	assert_contains(text, "python3.13t (no GIL): threads gain: 2.90x faster than serial (");
	assert_contains(text, "Processes buy nothing: same as threads within 2 %.");
	assert_lacks(text, "GIL: t");
	report__free(report);
}

static void test_free_threads_that_are_not_best(void **state)
{
	struct sketch slower[3];
	struct report *report;

	(void)state;
	memcpy(slower, without, sizeof(slower));
	slower[1].wall_ms = 1000;
	report = one("python3.14t", slower, 3, 5);
	assert_contains(verdict_of(report),
			"python3.14t (no GIL): use PROCESSES: 1.47x faster than threads (");
	assert_contains(report->verdict.text, "\nThreads are 1.30x faster than serial (");
	report__free(report);

	report = one("python3.14t", slower, 2, 5);
	assert_contains(verdict_of(report),
			"python3.14t (no GIL): use THREADS: 1.30x faster than serial (");
	report__free(report);
}

static enum gil_state has_gil(const char *family, const char *implementation)
{
	struct report_mode mode = { .mode = "x:threads" };

	snprintf(mode.interpreter.name, sizeof(mode.interpreter.name), "%s", family);
	snprintf(mode.interpreter.implementation, sizeof(mode.interpreter.implementation), "%s",
		 implementation);
	return report_mode__has_gil(&mode);
}

/* Without a look into the process, by what the interpreter is. */
static void test_who_has_a_gil(void **state)
{
	(void)state;
	assert_int_equal(has_gil("python3.13", "CPython"), GIL_PRESENT);
	assert_int_equal(has_gil("python3.13d", "CPython"), GIL_PRESENT);
	assert_int_equal(has_gil("python2.7.18-2", "CPython"), GIL_PRESENT);
	assert_int_equal(has_gil("python3.13t", "CPython"), GIL_ABSENT);
	assert_int_equal(has_gil("python3.13.0td", "CPython"), GIL_ABSENT);
	assert_int_equal(has_gil("python3.14t-2", "CPython"), GIL_ABSENT);
	assert_int_equal(has_gil("pypy3", "PyPy"), GIL_PRESENT);
	assert_int_equal(has_gil("ruby3.1", "CRuby"), GIL_PRESENT);
	assert_int_equal(has_gil("jruby9", "JRuby"), GIL_UNKNOWN);
	assert_int_equal(has_gil("", ""), GIL_UNKNOWN);
}

/* Of one that nobody knows, nothing is said of a GIL. */
static void test_unknown_implementation(void **state)
{
	struct report *report = one("jruby9", without, 3, 5);
	const char *text = verdict_of(report);

	(void)state;
	assert_contains(text, "jruby9: use THREADS: 1.91x faster than serial (");
	assert_lacks(text, "GIL");
	report__free(report);
}

/* Two are told of one by one, each in a line, and their GILs beside each other. */
static void test_old_and_new(void **state)
{
	struct report *report = empty_report();
	const char *text;

	(void)state;
	add_interpreter(report, "python2.7", ticking, 3, 5);
	add_interpreter(report, "python3.13", computing, 3, 5);
	find_gil(report, "python2.7", "2.7.18", 2100, 0, 54321);
	find_gil(report, "python3.13", "3.13.1", 198, 5, 900);
	text = verdict_of(report);
	assert_contains(text, "python2.7: use PROCESSES: 3.33x faster than threads (");
	assert_contains(text, "). Serial is 1.72x faster than threads (");
	assert_contains(text, "\npython3.13: use PROCESSES: 1.94x faster than threads (");
	assert_contains(text, "). Threads gain nothing over serial (same within 2 %). Threads "
			      "spent 48 % ");
	assert_contains(text,
			"\nThe GILs differ, in each second of threads: python2.7 54,300 futex "
			"calls on the GIL, 2,100 handoffs, 40,200 context switches; python3.13 "
			"900 futex calls on the GIL, 198 handoffs, 444 context switches (held 5 "
			"ms on average).");
	/* The old one is not compared with the new one by its wall: that is another language. */
	assert_string_equal(report->verdict.best_mode, "python3.13:processes");
	assert_string_equal(family_of(report, "python2.7")->best_mode, "python2.7:processes");
	assert_contains(family_of(report, "python2.7")->text,
			"\nThat threads hardly slept for the GIL ");
	assert_lacks(family_of(report, "python2.7")->text, "python3.13");
	assert_true(family_of(report, "python3.13")->confidence.known);

	/* Lost events would look like few switches. */
	report->valid = false;
	assert_lacks(verdict_of(report), "GILs differ");
	report__free(report);
}

/* GILs that are alike are not told apart; nor is what is not known made up. */
static void test_gils_that_do_not_differ(void **state)
{
	struct report *report = empty_report();

	(void)state;
	add_interpreter(report, "python3.11", computing, 3, 5);
	add_interpreter(report, "python3.13", computing, 3, 5);
	find_gil(report, "python3.11", "3.11.7", 190, 5, 850);
	find_gil(report, "python3.13", "3.13.1", 198, 5, 900);
	assert_lacks(verdict_of(report), "GILs differ");
	report__free(report);

	/* With --probes=none there are switches alone. */
	report = empty_report();
	add_interpreter(report, "python2.7", ticking, 3, 5);
	add_interpreter(report, "python3.13", computing, 3, 5);
	assert_contains(verdict_of(report),
			"The GILs differ, in each second of threads: python2.7 40,200 context "
			"switches; python3.13 444 context switches.");
	report__free(report);

	/* Work that waits leaves them alone. */
	report = empty_report();
	add_interpreter(report, "python2.7", waiting, 3, 5);
	add_interpreter(report, "python3.13", waiting, 3, 5);
	find_gil(report, "python2.7", "2.7.18", 2100, 0, 54321);
	find_gil(report, "python3.13", "3.13.1", 198, 5, 900);
	assert_lacks(verdict_of(report), "GILs differ");
	report__free(report);
}

/* Waits for a GIL that nobody found are among the others: they are not none. */
static void test_a_gil_that_was_not_found(void **state)
{
	struct sketch hidden[3];
	struct report *report;
	const char *text;

	(void)state;
	memcpy(hidden, computing, sizeof(hidden));
	hidden[1].lock = 0;
	report = one("pypy3", hidden, 3, 5);
	text = verdict_of(report);
	assert_contains(text, "pypy3: use PROCESSES: 1.94x faster than threads (");
	assert_contains(text,
			"\nThe GIL was not found: what waits for it is among the other waits.");
	assert_lacks(text, "waiting for the GIL");
	report__free(report);

	/* Nor is it compared with others, or part of what is said of them. */
	report = empty_report();
	add_interpreter(report, "python2.7", ticking, 3, 5);
	add_interpreter(report, "python3.13", computing, 3, 5);
	add_interpreter(report, "pypy3", hidden, 3, 5);
	find_gil(report, "python2.7", "2.7.18", 2100, 0, 54321);
	find_gil(report, "python3.13", "3.13.1", 198, 5, 900);
	text = verdict_of(report);
	assert_contains(text, "In all 3 interpreters: use PROCESSES: ");
	assert_lacks(text, "waiting for the GIL");
	assert_contains(text, "each second of threads: python2.7 54,300 futex calls on the GIL, ");
	assert_contains(text, "; python3.13 900 futex calls ");
	assert_null(strstr(strstr(text, "GILs differ"), "pypy3"));
	report__free(report);
}

static void test_all_alike(void **state)
{
	static const char *const names[] = { "python2.7", "python3.6", "python3.11", "python3.13" };
	struct report *report = empty_report();
	const char *text;

	(void)state;
	for (size_t i = 0; i < N(names); i++) {
		add_interpreter(report, names[i], i ? computing : ticking, 3, 5);
		find_gil(report, names[i], "x", i ? 190 + (double)i : 2100, i ? 5 : 0,
			 i ? 900 : 54321);
	}
	text = verdict_of(report);
	assert_contains(text, "In all 4 interpreters: use PROCESSES: 1.94x (python3.6) to 3.33x "
			      "(python2.7) faster than threads. In python2.7 threads take 1.72x as "
			      "long as serial. Threads spent 0.3 % (python2.7) to "
			      "48 % (python3.6) of their time waiting for the GIL.\n");
	assert_contains(text,
			"The GILs differ, in each second of threads: python2.7 54,300 futex "
			"calls on the GIL, 2,100 handoffs, 40,200 context switches; python3.6, "
			"python3.11 and python3.13 900 futex calls on the GIL, 191-193 handoffs, "
			"444 context switches (held 5 ms on average).");
	/* Each says so once only. */
	assert_lacks(text, "python3.13: ");
	assert_null(strstr(strstr(text, "PROCESSES") + 1, "PROCESSES"));
	assert_contains(family_of(report, "python3.13")->text, "python3.13: use PROCESSES: 1.94x ");
	assert_int_equal(report->verdict.n_families, 4);
	report__free(report);
}

static void test_all_wait(void **state)
{
	static const char *const names[] = { "python2.7", "python3.13", "pypy3", "ruby3.1" };
	struct report *report = empty_report();
	const char *text;

	(void)state;
	for (size_t i = 0; i < N(names); i++) {
		struct sketch sketches[3];

		memcpy(sketches, waiting, sizeof(sketches));
		sketches[0].wall_ms += 10 * (double)i;
		add_interpreter(report, names[i], sketches, 3, 5);
	}
	text = verdict_of(report);
	assert_string_equal(text, "In all 4 interpreters: threads gain even under a GIL: 2.90x "
				  "(python2.7) to 2.96x (ruby3.1) faster than serial, because the "
				  "waiting overlaps. Processes buy nothing: same as threads within "
				  "2 %.");
	report__free(report);
}

/* Some are alike, and others are not. */
static void test_groups(void **state)
{
	static const char *const names[] = { "python3.9", "python3.13t", "python3.10", "pypy3",
					     "python3.11", "python3.14t", "ruby3.1" };
	struct report *report = empty_report();
	const char *text;

	(void)state;
	for (size_t i = 0; i < N(names); i++)
		add_interpreter(report, names[i],
				strstr(names[i], "t-") || strchr(names[i] + 6, 't') ? without :
										      computing,
				3, 5);
	text = verdict_of(report);
	assert_contains(text,
			"In 5 of 7 interpreters: use PROCESSES: 1.94x faster than threads. "
			"Threads gain nothing over serial (same within 2 %). Threads spent 48 % "
			"of their time waiting for the GIL.\n");
	assert_contains(text, "\npython3.13t and python3.14t: use THREADS: 1.91x faster than "
			      "serial. Threads do as well as processes (same within 1 %).");
	report__free(report);

	/* Two of the same size: their number alone would name neither. */
	report = empty_report();
	for (size_t i = 0; i < 8; i++) {
		char name[16];

		snprintf(name, sizeof(name), "python3.%zu%s", 10 + i, i % 2 ? "t" : "");
		add_interpreter(report, name, i % 2 ? without : computing, 3, 5);
	}
	text = verdict_of(report);
	assert_contains(text, "In 4 of 8 interpreters: use PROCESSES: ");
	assert_contains(text, "\npython3.11t, python3.13t, python3.15t and python3.17t: use "
			      "THREADS: ");
	report__free(report);
}

/* Convoy's own machine has its own line, and does not compete. */
static void test_beside_c(void **state)
{
	struct report *report = full_report(5);
	const char *text;

	(void)state;
	report__forget_verdict(report);
	add_interpreter(report, "python3.13", computing, 3, 5);
	/* Faster than all interpreters: of no importance. */
	text = verdict_of(report);
	assert_contains(text, "convoy-work: under a GIL, use PROCESSES: 1.94x faster than GIL "
			      "threads (");
	assert_contains(text,
			" GIL threads spent 49 % of their time waiting for the GIL (44 % with "
			"gil-ticks), none for I/O.");
	assert_contains(text, "Without a GIL, threads do as well as processes (");
	assert_contains(text, "\npython3.13: use PROCESSES: 1.94x faster than threads (");
	assert_string_equal(report->verdict.best_mode, "python3.13:processes");
	assert_int_equal(report->verdict.n_families, 2);
	assert_contains(family_of(report, "")->text, "Under a GIL, use PROCESSES: 1.94x faster");
	assert_string_equal(family_of(report, "")->best_mode, "");
	report__free(report);

	/* Nor do commands. */
	report = one("python3.13", computing, 3, 5);
	give_command(add_mode(report, &five[3], 5), "true");
	snprintf(report->modes[3].mode, sizeof(report->modes[3].mode), "mine");
	snprintf(report->reference, sizeof(report->reference), "python3.13:serial");
	report->modes[3].wall_ns.median = report->modes[3].wall_ns.ci_lo = 1e6;
	text = verdict_of(report);
	assert_contains(text, "mine is ");
	assert_contains(text, "x faster than python3.13:serial (");
	assert_string_equal(report->verdict.best_mode, "python3.13:processes");
	report__free(report);
}

static void test_missing_modes(void **state)
{
	struct report *report;

	(void)state;
	/* No processes. */
	report = one("python3.13", computing, 2, 5);
	assert_contains(verdict_of(report),
			"python3.13: threads gain nothing over serial (same within 2 %).\n");
	report__free(report);
	report = one("python2.7", ticking, 2, 5);
	assert_contains(verdict_of(report),
			"python2.7: nothing gains here, use SERIAL: 1.72x faster than threads (");
	/* Once is enough. */
	assert_lacks(report->verdict.text, "erial is");
	report__free(report);
	/* No serial. */
	report = one("python3.13", computing + 1, 2, 5);
	assert_contains(verdict_of(report),
			"python3.13: use PROCESSES: 1.94x faster than threads (");
	assert_lacks(report->verdict.text, "serial");
	report__free(report);
	/* No threads. */
	report = one("python3.13", computing, 3, 5);
	snprintf(report->modes[1].mode, sizeof(report->modes[1].mode), "python3.13:other");
	assert_contains(verdict_of(report), "python3.13: processes are 1.92x faster than serial (");
	assert_lacks(report->verdict.text, "GIL");
	report__free(report);
	/* One mode alone says what it spent its time on, and nothing of a winner. */
	report = one("python3.13", computing, 1, 5);
	assert_string_equal(verdict_of(report),
			    "python3.13: threads spent 100 % of their time running, none waiting "
			    "for locks, none for I/O.");
	assert_string_equal(report->verdict.best_mode, "");
	report__free(report);
	/* A mode without a round. */
	report = one("python3.13", computing, 2, 5);
	add_interpreter_mode(report, "python3.13", &computing[2], 0);
	assert_contains(verdict_of(report), "Not every mode has a measured round.");
	assert_lacks(report->verdict.text, "PROCESSES");
	report__free(report);
	/* Nothing at all of one of three. */
	report = empty_report();
	add_interpreter(report, "python3.11", computing, 3, 5);
	add_interpreter(report, "python3.12", computing, 3, 5);
	add_interpreter(report, "python3.13", computing, 3, 0);
	assert_contains(verdict_of(report), "python3.11 and python3.12: use PROCESSES: ");
	assert_lacks(report->verdict.text, "In all");
	report__free(report);
}

/* A difference that no interval shows is none; which of several have one must not be mixed. */
static void test_noise(void **state)
{
	struct sketch noisy[3];
	struct report *report = empty_report();
	const char *text;

	(void)state;
	memcpy(noisy, computing, sizeof(noisy));
	noisy[1].scatter = noisy[2].scatter = 0.5;
	add_interpreter(report, "python3.11", computing, 3, 5);
	add_interpreter(report, "python3.12", noisy, 3, 5);
	add_interpreter(report, "python3.13", computing, 3, 5);
	text = verdict_of(report);
	assert_contains(text, "python3.11 and python3.13: use PROCESSES: ");
	assert_contains(text, "\npython3.12: no clear difference between threads and processes (");
	assert_string_equal(report->verdict.best_mode, "");
	report__free(report);
}

static void test_few_rounds(void **state)
{
	struct report *report = one("python3.13", computing, 3, 1);
	const char *text = verdict_of(report);

	(void)state;
	assert_contains(text, "python3.13: processes ran 1.94x as fast as threads.\n");
	assert_contains(text, "\nSerial ran 1.01x as fast as threads.\n");
	assert_contains(text, "\n1 round: no interval; use -r 5.");
	assert_lacks(text, "PROCESSES");
	assert_lacks(text, "(1.");
	assert_string_equal(report->verdict.best_mode, "");
	assert_false(report->verdict.confidence.known);
	report__free(report);

	report = empty_report();
	add_interpreter(report, "python2.7", ticking, 3, 1);
	add_interpreter(report, "python3.11", computing, 3, 1);
	add_interpreter(report, "python3.13", computing, 3, 1);
	assert_contains(verdict_of(report),
			"In all 3 interpreters: processes ran 1.94x (python3.11) to 3.33x "
			"(python2.7) as fast as threads. ");
	report__free(report);
}

static void test_serial_wins(void **state)
{
	struct sketch losing[3];
	struct report *report;
	const char *text;

	(void)state;
	memcpy(losing, computing, sizeof(losing));
	losing[1].wall_ms = 1500;
	losing[2].wall_ms = 1300;
	report = one("python3.13", losing, 3, 5);
	text = verdict_of(report);
	assert_contains(text, "python3.13: nothing gains here, use SERIAL: 1.30x faster than "
			      "processes (");
	assert_contains(text, "\nProcesses are 1.15x faster than threads (");
	assert_lacks(text, "PROCESSES");
	assert_string_equal(report->verdict.best_mode, "python3.13:serial");
	report__free(report);

	report = empty_report();
	add_interpreter(report, "python3.11", losing, 3, 5);
	losing[1].wall_ms = 1200;
	add_interpreter(report, "python3.12", losing, 3, 5);
	add_interpreter(report, "python3.13", losing, 3, 5);
	text = verdict_of(report);
	assert_contains(text, "python3.11: nothing gains here, use SERIAL: 1.30x faster than "
			      "processes (");
	assert_contains(text, "python3.12 and python3.13: nothing gains here, use SERIAL: 1.20x "
			      "faster than threads.");
	report__free(report);
}

/* A task of each round that begins after `start` of the wall, and one that begins later. */
static void add_tasks(struct report_mode *mode, double start)
{
	mode->tasks = need(calloc(2 * mode->wall_ns.n, sizeof(*mode->tasks)));
	for (unsigned round = 0; round < mode->wall_ns.n; round++) {
		for (unsigned i = 0; i < 2; i++) {
			struct report_task *task = &mode->tasks[mode->n_tasks++];

			task->round = round;
			task->start_ns =
				(uint64_t)(mode->wall_ns.rounds[round] * (i ? start : start * 1.5));
		}
	}
}

/* Work that is too little: processes lose to threads, which gain nothing all the same. */
static void test_little_work(void **state)
{
	struct sketch little[3];
	struct report *report;
	const char *text;

	(void)state;
	memcpy(little, computing, sizeof(little));
	little[0].wall_ms = 1015;
	little[0].scatter = 0.02;
	little[2].wall_ms = 1200;
	report = one("python3.13", little, 3, 5);
	add_tasks(&report->modes[2], 0.47);
	text = verdict_of(report);
	assert_contains(text, "python3.13: threads are 1.19x faster than processes (");
	assert_contains(text, "\n47 % of the wall of processes was over before their first task "
			      "began: with more work (-n) that would be less.\n");
	assert_lacks(text, "THREADS");
	report->modes[2].n_tasks = 0;
	assert_lacks(verdict_of(report), "before their first task");
	report__free(report);

	/* Nor is it said of processes that win. */
	report = one("python3.13", computing, 3, 5);
	add_tasks(&report->modes[2], 0.47);
	assert_lacks(verdict_of(report), "before their first task");
	report__free(report);

	/* Threads that gain over both are advised. */
	little[1].wall_ms = 900;
	report = one("python3.13", little, 3, 5);
	assert_contains(verdict_of(report),
			"python3.13: use THREADS: 1.33x faster than processes (");
	/* But not where one ran at a time: then it is the walls that are wrong. */
	find_gil(report, "python3.13", "3.13.1", 198, 5, 900);
	assert_contains(verdict_of(report),
			"python3.13: threads are 1.33x faster than processes (");
	assert_lacks(report->verdict.text, "THREADS");
	report__free(report);
}

static void test_pool(void **state)
{
	static const struct sketch pool = { "pool", 800, 0.004, 1.9, 9, 61, 985, 14, 1, 0, 0 };
	static const struct sketch as_good = { "pool", 521, 0.004, 1.9, 9, 61, 985, 14, 1, 0, 0 };
	struct report *report = one("python3.13", computing, 3, 5);

	(void)state;
	add_interpreter_mode(report, "python3.13", &as_good, 5);
	assert_lacks(verdict_of(report), "pool");
	report__free(report);

	report = one("python3.13", computing, 3, 5);
	add_interpreter_mode(report, "python3.13", &pool, 5);
	assert_contains(verdict_of(report), "\nProcesses are 1.54x faster than a pool (");
	report__free(report);

	/* In place of processes. */
	report = one("python3.13", computing, 2, 5);
	add_interpreter_mode(report, "python3.13", &pool, 5);
	assert_contains(verdict_of(report), "\nA pool is 1.26x faster than threads (");
	report__free(report);
}

static void test_convoy_effect(void **state)
{
	static const char *const names[] = { "python3.11", "python3.13", "ruby3.1" };
	struct report *report = one("python3.11", computing, 3, 5);
	const char *text;

	(void)state;
	add_metric(&report->modes[0], "latency_p99_ns", 140e3, 5);
	add_metric(&report->modes[1], "latency_p99_ns", 5.3e6, 5);
	add_metric(&report->modes[2], "latency_p99_ns", 130e3, 5);
	assert_contains(verdict_of(report),
			"\nConvoy effect: under threads a request takes 5.30 ms (p99), 40.8x as "
			"long as in processes, for each waits for the GIL behind CPU-bound "
			"threads.");
	report__free(report);

	report = empty_report();
	for (size_t i = 0; i < N(names); i++) {
		add_interpreter(report, names[i], computing, 3, 5);
		add_metric(&report->modes[3 * i], "latency_p99_ns", 140e3, 5);
		add_metric(&report->modes[3 * i + 1], "latency_p99_ns", i == 2 ? 105e6 : 5.3e6, 5);
		add_metric(&report->modes[3 * i + 2], "latency_p99_ns", 130e3, 5);
	}
	text = verdict_of(report);
	assert_contains(text,
			" Convoy effect: under threads a request takes 5.30 ms (python3.11) to "
			"105.00 ms (ruby3.1) (p99), 40.8x (python3.11) to 808x (ruby3.1) as "
			"long as in processes, for each ");
	/* Where the latest are as late in any mode, most are not. */
	for (size_t i = 0; i < N(names); i++) {
		report->modes[3 * i + 1].metrics[0].value.median = 140e3;
		add_metric(&report->modes[3 * i + 1], "latency_p50_ns", 5.2e6, 5);
		add_metric(&report->modes[3 * i + 2], "latency_p50_ns", 52e3, 5);
	}
	assert_contains(verdict_of(report), " Convoy effect: under threads a request takes 5.20 ms "
					    "(p50), 100x as long as in processes, for each ");
	for (size_t i = 0; i < N(names); i++)
		report->modes[3 * i + 1].metrics[0].value.median = i == 2 ? 105e6 : 5.3e6;
	/* Not of one that has none. */
	report->modes[1].metrics[0].value.median = 140e3;
	assert_contains(verdict_of(report), " Convoy effect in 2 of them: under threads a request "
					    "takes 5.30 ms (python3.13) to ");
	report__free(report);
}

static void test_one_cpu(void **state)
{
	struct sketch turns[3];
	struct report *report;

	(void)state;
	memcpy(turns, computing, sizeof(turns));
	turns[2] = (struct sketch){ "processes", 1004, 0.004, 1, 9, 61, 500, 495, 5, 0, 0 };
	report = one("python3.13", turns, 3, 5);
	report->host.cpus_usable = 1;
	assert_contains(verdict_of(report),
			"python3.13: on one CPU threads and processes only take turns: the wait is "
			"run-queue delay (1.5 % of thread time in threads, 50 % in processes).\n"
			"Threads do as well as processes (same within 2 %).\n");
	report__free(report);
}

/* Where one thread alone had to wait for a CPU, others ran. */
static void test_busy_machine(void **state)
{
	struct sketch busy[3];
	struct report *report;
	const char *text;

	(void)state;
	memcpy(busy, computing, sizeof(busy));
	report = one("python3.13", busy, 3, 5);
	assert_lacks(verdict_of(report), "busy");
	report__free(report);

	busy[0].running = 280;
	busy[0].preempted = 700;
	busy[0].wakeup = 20;
	report = one("python3.13", busy, 3, 5);
	text = verdict_of(report);
	assert_contains(text, "python3.13: processes were 1.94x faster than threads this time (");
	assert_contains(text,
			"\nThe machine was busy: even serial, one thread alone, spent 72 % of "
			"its time waiting for a CPU. Ask again when it is quiet.");
	assert_lacks(text, "PROCESSES");
	assert_string_equal(report->verdict.best_mode, "");
	assert_string_equal(family_of(report, "python3.13")->best_mode, "");
	report__free(report);

	/* Without serial, by processes that could have had a CPU each. */
	busy[2].running = 600;
	busy[2].preempted = 400;
	report = one("python3.13", busy + 1, 2, 5);
	assert_contains(verdict_of(report),
			"\nThe machine was busy: even processes, of which there "
			"were no more than CPUs, spent 40 % of their time ");
	report->workers = 3;
	assert_contains(verdict_of(report), "python3.13: use PROCESSES: ");
	report__free(report);

	/* Not all rounds need be of the same hour. */
	report = empty_report();
	add_interpreter(report, "python3.11", computing, 3, 5);
	add_interpreter(report, "python3.12", busy, 3, 5);
	add_interpreter(report, "python3.13", computing, 3, 5);
	text = verdict_of(report);
	assert_contains(text, "python3.11 and python3.13: use PROCESSES: ");
	assert_contains(text, "python3.12: processes were 1.94x faster than threads this time ");
	assert_string_equal(report->verdict.best_mode, "");
	report__free(report);
}

/* Convoy's own machine is no other, and does not speak for interpreters. */
static void test_busy_beside_c(void **state)
{
	struct sketch busy = { "serial", 1000, 0.004, 0.3, 3, 41, 280, 700, 20, 0, 0 };
	struct report *report = empty_report();

	(void)state;
	add_mode(report, &busy, 5);
	add_mode(report, &five[4], 5);
	assert_contains(verdict_of(report), "Processes were 1.88x faster than serial this time (");
	assert_contains(report->verdict.text, "The machine was busy");
	assert_string_equal(report->verdict.best_mode, "");
	report__forget_verdict(report);
	add_interpreter(report, "python3.13", computing, 3, 5);
	verdict_of(report);
	assert_string_equal(report->verdict.best_mode, "python3.13:processes");
	report__free(report);
}

/* What names there are is up to whoever made the recording. */
static void test_hostile_names(void **state)
{
	struct report *report = empty_report();
	const char *text;

	(void)state;
	add_interpreter(report, "\033[2J\n<b>%s%n", computing, 3, 5);
	add_interpreter(report,
			"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
			"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
			ticking, 3, 5);
	add_interpreter(report, ":", computing, 3, 5);
	text = verdict_of(report);
	for (const char *c = text; *c; c++)
		assert_true((*c >= ' ' && *c < 127) || *c == '\n');
	assert_contains(text, "\\x1b[2J\\x0a<b>%s%n");
	check_widths(report);
	json_decref(parsed(report, false));
	report__free(report);
}

static void test_json(void **state)
{
	struct report *report = empty_report();
	json_t *json, *families, *family;

	(void)state;
	add_mode(report, &five[0], 5);
	add_mode(report, &five[4], 5);
	add_interpreter(report, "python3.13", computing, 3, 5);
	judge(report);
	json = parsed(report, false);
	families = json_object_get(json_object_get(json, "verdict"), "families");
	assert_int_equal(json_array_size(families), 2);
	family = json_array_get(families, 0);
	assert_true(json_is_null(json_object_get(family, "family")));
	assert_string_equal(json_string_value(json_object_get(family, "best_mode")), "processes");
	family = json_array_get(families, 1);
	assert_string_equal(json_string_value(json_object_get(family, "family")), "python3.13");
	assert_string_equal(json_string_value(json_object_get(family, "best_mode")),
			    "python3.13:processes");
	assert_true(json_is_real(json_object_get(family, "confidence")));
	assert_contains(json_string_value(json_object_get(family, "text")),
			"python3.13: use PROCESSES: ");
	json_decref(json);
	report__free(report);

	/* Without interpreters there is one only, and it is the verdict. */
	report = full_report(5);
	json = parsed(report, false);
	families = json_object_get(json_object_get(json, "verdict"), "families");
	assert_true(json_is_array(families));
	assert_int_equal(json_array_size(families), 0);
	json_decref(json);
	report__free(report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_that_computes),
		cmocka_unit_test(test_one_that_waits),
		cmocka_unit_test(test_a_gil_without_sleep),
		cmocka_unit_test(test_free_threads),
		cmocka_unit_test(test_free_threads_that_are_not_best),
		cmocka_unit_test(test_who_has_a_gil),
		cmocka_unit_test(test_unknown_implementation),
		cmocka_unit_test(test_old_and_new),
		cmocka_unit_test(test_gils_that_do_not_differ),
		cmocka_unit_test(test_a_gil_that_was_not_found),
		cmocka_unit_test(test_all_alike),
		cmocka_unit_test(test_all_wait),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_beside_c),
		cmocka_unit_test(test_missing_modes),
		cmocka_unit_test(test_noise),
		cmocka_unit_test(test_few_rounds),
		cmocka_unit_test(test_serial_wins),
		cmocka_unit_test(test_little_work),
		cmocka_unit_test(test_pool),
		cmocka_unit_test(test_convoy_effect),
		cmocka_unit_test(test_one_cpu),
		cmocka_unit_test(test_busy_machine),
		cmocka_unit_test(test_busy_beside_c),
		cmocka_unit_test(test_hostile_names),
		cmocka_unit_test(test_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
