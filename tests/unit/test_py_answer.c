/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_py_answer.c - each kind of answer of `convoy py`, and the commands that prove it.
 *
 * With CONVOY_TEST_SHOW=1, answers are printed.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/why_fixture.h"
#include "user/py_answer.h"

static const char *const usual_command[] = { "/opt/py/bin/python3", "script.py", "a b", NULL };

static struct py_context usual_context(void)
{
	return (struct py_context){
		.kind = PY_SCRIPT,
		.script = "script.py",
		.command = (char *const *)usual_command,
		.script_at = 1,
		.implementation = "CPython",
		.version = "3.11.7",
	};
}

/* What metrics would have made of the threads: sums, and CPUs that were used. */
static void add_up(struct report *report)
{
	struct report_mode *mode = report->modes;
	double cores;

	mode->lifetime_ns = mode->worker_lifetime_ns = 0;
	memset(mode->time_ns, 0, sizeof(mode->time_ns));
	for (size_t i = 0; i < mode->n_threads; i++) {
		mode->lifetime_ns += mode->threads[i].lifetime_ns;
		for (size_t a = 0; a < ACCOUNT_COUNT; a++)
			mode->time_ns[a] += mode->threads[i].time_ns[a];
	}
	mode->worker_lifetime_ns = mode->lifetime_ns;
	memcpy(mode->worker_time_ns, mode->time_ns, sizeof(mode->time_ns));
	cores = (double)mode->time_ns[ACCOUNT_RUNNING] / WATCHED_NS;
	estimate__free(&mode->cores_used);
	assert_int_equal(estimate__init(&mode->cores_used, &cores, 1), 0);
}

/* A GIL that was waited for as long as threads waited for locks. */
static struct report_runtime *give_gil(struct report *report)
{
	struct report_mode *mode = report->modes;
	struct report_runtime *runtime = add_runtime(mode, "3.11.7", GIL_PRESENT);
	double wall_ns = WATCHED_NS, ready, wanted;

	add_up(report);
	ready = (double)(mode->time_ns[ACCOUNT_RUNNING] + mode->time_ns[ACCOUNT_PREEMPTED] +
			 mode->time_ns[ACCOUNT_WAKEUP]);
	wanted = ready + (double)mode->time_ns[ACCOUNT_LOCK];
	runtime->gil_wait_ns = mode->time_ns[ACCOUNT_LOCK];
	runtime->lifetime_ns = mode->lifetime_ns;
	runtime->wanted_ns = (uint64_t)wanted;
	mode->could_run = known(wanted / wall_ns);
	mode->ready_run = known(ready / wall_ns);
	mode->did_run = known((double)mode->time_ns[ACCOUNT_RUNNING] / wall_ns);
	return runtime;
}

/* The answer, which is checked for what every one keeps to; frees the report. */
static char *answer_in(struct report *report, const struct py_context *context)
{
	static const char *const unknown[] = { "nan", "inf", "(null)", "%!" };
	char *text = NULL;

	add_up(report);
	assert_int_equal(py_answer__make(report, context, &text), 0);
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
		assert_lacks(text, unknown[i]);
	assert_lacks(text, "\n\n");
	assert_lacks(text, " \n");
	assert_lacks(text, ".I");
	for (const char *c = text; *c; c++)
		if ((unsigned char)*c < 0x20 && *c != '\n')
			fail_msg("byte %#x in:\n%s", *c, text);
	assert_true(text[0] && text[strlen(text) - 1] != '\n');
	if (getenv("CONVOY_TEST_SHOW"))
		printf("%s\n\n", text);
	report__free(report);
	return text;
}

static char *answer(struct report *report, enum py_answer kind)
{
	struct py_context context = usual_context();

	add_up(report);
	assert_int_equal(py_answer__choose(report), kind);
	return answer_in(report, &context);
}

/* Three threads that compute under a GIL, on so many CPUs. */
static struct report *bound(unsigned cpus)
{
	struct report *report = watched(cpus);

	for (int i = 0; i < 3; i++)
		add_busy(report, "python3", 200, ACCOUNT_RUNNING, 330, ACCOUNT_LOCK, 670, -1);
	give_gil(report);
	return report;
}

static void test_bound(void **state)
{
	char *text = answer(bound(2), PY_BOUND);

	(void)state;
	assert_true(!strncmp(text,
			     "script.py is GIL-bound: of the time that its threads wanted to "
			     "run, 67 % went by waiting for the GIL of CPython 3.11.7.\n",
			     120));
	assert_contains(text, "\nOn average 3.0 threads wanted to run at once and 1.0 did: on 2 "
			      "CPUs processes could be up to 2.0x faster; more threads would not "
			      "be.\n");
	assert_contains(text, "has to be sent to them");
	assert_contains(text, "\nIt was run by CPython 3.11.7, /opt/py/bin/python3.\n");
	/* What can be run as it is comes first. */
	assert_contains(text, "this machine:\n  convoy run -j countdown -w 3 -m "
			      "serial,threads,processes --interpreter /opt/py/bin/python3\nThen a "
			      "version of it with processes");
	assert_contains(text, "\n  convoy run --cmd 'threads=/opt/py/bin/python3 script.py "
			      "'\\''a b'\\''' --cmd 'processes=/opt/py/bin/python3 SCRIPT2 "
			      "'\\''a b'\\''' --reference threads");
	assert_lacks(text, "sudo");
	assert_lacks(text, "is not GIL-bound");
	free(text);
}

/* As many as wanted to run, but no more than show anything, and at least two. */
static void test_workers(void **state)
{
	struct report *report = bound(8);
	char *text = answer(report, PY_BOUND);

	(void)state;
	assert_contains(text, "on 8 CPUs processes could be up to 3.0x faster");
	assert_contains(text, " -w 3 ");
	free(text);
	report = bound(2);
	report->modes->could_run = known(40);
	text = answer(report, PY_BOUND);
	assert_contains(text, " -w 4 ");
	free(text);
	report = bound(2);
	report->modes->could_run = known(1.3);
	text = answer(report, PY_BOUND);
	assert_contains(text, " -w 2 ");
	free(text);
}

static void test_one_cpu(void **state)
{
	char *text = answer(bound(1), PY_WAITS);

	(void)state;
	assert_contains(text, "script.py waits for its GIL, but is not bound by it: of the time");
	assert_contains(text, "neither processes nor more threads would be faster");
	assert_lacks(text, "could be up to");
	assert_lacks(text, "convoy run");
	free(text);
}

/* Others had the CPUs: what would have been is not known, nor that it would be nothing. */
static void test_crowded(void **state)
{
	struct report *report = watched(2);
	char *text;

	(void)state;
	for (int i = 0; i < 3; i++)
		add_busy(report, "python3", 200, ACCOUNT_RUNNING, 100, ACCOUNT_PREEMPTED, 600,
			 ACCOUNT_LOCK, 300, -1);
	give_gil(report);
	text = answer(report, PY_BOUND);
	assert_contains(text, "script.py is GIL-bound: ");
	assert_contains(text,
			"had no CPU, though the process did not use all of them: others do, "
			"or it is limited. So it is not known how much faster processes would "
			"be: run it again when the machine is quiet.");
	assert_lacks(text, "would not be faster");
	assert_contains(text, "convoy run -j countdown");
	free(text);

	report = watched(4);
	for (int i = 0; i < 3; i++)
		add_busy(report, "python3", 200, ACCOUNT_RUNNING, 200, ACCOUNT_PREEMPTED, 100,
			 ACCOUNT_LOCK, 700, -1);
	give_gil(report);
	text = answer(report, PY_BOUND);
	assert_contains(text, "could be up to 3.3x faster");
	assert_contains(text, "It may be more when the machine is quiet.");
	free(text);
}

/* Processes without a GIL that was waited for ran beside: they would run beside processes. */
/* Little waiting, but little running, too: on a quiet machine it may be what there is. */
static void test_hidden(void **state)
{
	struct report *report = watched(2);
	char *text;

	(void)state;
	for (int i = 0; i < 3; i++)
		add_busy(report, "python3", 200, ACCOUNT_RUNNING, 200, ACCOUNT_PREEMPTED, 770,
			 ACCOUNT_LOCK, 30, -1);
	give_gil(report);
	text = answer(report, PY_CROWDED);
	assert_contains(text, "It is not known whether script.py is GIL-bound: the machine was too "
			      "busy.\n");
	assert_contains(text, "had no CPU, though the process did not use all of them: others do, "
			      "or it is limited. Run it again when the machine is quiet.\n");
	assert_lacks(text, "faster");
	assert_lacks(text, "convoy ");
	free(text);

	/* Likewise of what may be a GIL. */
	report = watched(2);
	for (int i = 0; i < 3; i++)
		add_busy(report, "pypy3", 200, ACCOUNT_RUNNING, 200, ACCOUNT_PREEMPTED, 770,
			 ACCOUNT_COND, 30, -1);
	add_waited(report, "libpypy3.so+0x10", LOCK_COND, WATCHED_NS * 9 / 100);
	free(answer(report, PY_CROWDED));

	/* But so little is little on any machine. */
	report = watched(2);
	for (int i = 0; i < 3; i++)
		add_busy(report, "python3", 200, ACCOUNT_RUNNING, 200, ACCOUNT_PREEMPTED, 795,
			 ACCOUNT_LOCK, 5, -1);
	give_gil(report);
	free(answer(report, PY_FREE));
}

static void test_other_programs(void **state)
{
	struct report *report = bound(4);
	char *text;

	(void)state;
	for (int i = 0; i < 2; i++)
		add_busy(report, "gzip", 10, ACCOUNT_RUNNING, 1000, -1)->pid = 2 + (unsigned)i;
	text = answer(report, PY_BOUND);
	assert_contains(text, "is GIL-bound");
	assert_contains(text, "How much faster processes would be is not known, for other programs "
			      "of it ran, too; more threads would not be.");
	assert_lacks(text, "could be up to");
	assert_contains(text, "It uses 3 processes already, on 3.0 of 4 CPUs on average.");
	free(text);
}

static void test_computes_alone(void **state)
{
	struct report *report = watched(2);
	char *text;

	(void)state;
	add_busy(report, "python3", 1, ACCOUNT_RUNNING, 990, ACCOUNT_IO, 10, -1);
	text = answer(report, PY_ALONE);
	assert_contains(text, "script.py is not GIL-bound: it has but one thread, so nobody has to "
			      "wait for a GIL.\nIts only thread spent 99 % of its time running. It "
			      "computes: there is nothing to win from locks.\n");
	assert_contains(text, "\nTo use more of the 2 CPUs, the work itself must be split, then "
			      "among processes.\n");
	assert_contains(text, "\n  convoy run -j countdown -w 2 -m serial,threads,processes ");
	assert_lacks(text, "SCRIPT2");
	free(text);

	/* Where there is nothing to be had, nothing is proposed. */
	report = watched(1);
	add_busy(report, "python3", 1, ACCOUNT_RUNNING, 990, ACCOUNT_IO, 10, -1);
	text = answer(report, PY_ALONE);
	assert_contains(text, "It uses all the CPUs that it has.");
	assert_lacks(text, "convoy ");
	free(text);
}

/* With a GIL that nobody waits for. */
static struct report *free_of_it(const char *comm, enum account account, int share)
{
	struct report *report = watched(2);

	for (int i = 0; i < 3; i++)
		add_busy(report, comm, 1, (int)account, share, ACCOUNT_RUNNING, 1000 - share, -1);
	/* Who waits for them all does not make this a script that waits. */
	add_busy(report, comm, 1, ACCOUNT_COND, 900, ACCOUNT_RUNNING, 100, -1);
	give_gil(report)->gil_wait_ns = 1000;
	return report;
}

static void test_sleeps(void **state)
{
	char *text = answer(free_of_it("python3", ACCOUNT_SLEEP, 990), PY_FREE);

	(void)state;
	assert_contains(text,
			"script.py is not GIL-bound: of the time that its threads wanted to "
			"run, less than 0.1 % went by waiting for the GIL of CPython 3.11.7."
			"\nApart from waiting for each other, its threads spent 96 % of their "
			"time asleep");
	assert_contains(text, "Mostly it sleeps because it asked to.\nThey sleep or wait for I/O");
	assert_contains(text, "\n  convoy run -j recursion -w 3 -m serial,threads,processes ");
	free(text);
}

/* The job that sleeps has three tasks: of five workers it would say what convoy cannot run. */
static void test_more_sleepers_than_the_job_has_tasks(void **state)
{
	struct report *report = free_of_it("python3", ACCOUNT_SLEEP, 990);
	char *text;

	(void)state;
	for (int i = 0; i < 2; i++)
		add_busy(report, "python3", 1, ACCOUNT_SLEEP, 990, ACCOUNT_RUNNING, 10, -1);
	text = answer(report, PY_FREE);
	assert_contains(text, "\n  convoy run -j recursion -w 3 -m serial,threads,processes ");
	free(text);
}

static void test_io(void **state)
{
	char *text = answer(free_of_it("python3", ACCOUNT_IO, 900), PY_FREE);

	(void)state;
	assert_contains(text, "Mostly it waits for I/O");
	assert_contains(text, "processes would hardly be faster");
	assert_contains(text, "\nWhat each thread waits for:\n  convoy py --threads -i "
			      "/opt/py/bin/python3 -- script.py 'a b'");
	free(text);
}

static void test_other_locks(void **state)
{
	struct report *report = free_of_it("python3", ACCOUNT_LOCK, 600);
	char *text;

	(void)state;
	add_waited(report, "db", LOCK_MUTEX, WATCHED_NS);
	text = answer(report, PY_FREE);
	assert_contains(text, "They waited for the lock 'db': 1020 waits");
	assert_contains(text, "What they wait for are other locks, which processes that share them "
			      "would wait for, too.");
	assert_contains(text, "convoy py --threads");
	free(text);
}

static void test_queue(void **state)
{
	char *text = answer(free_of_it("python3", ACCOUNT_PREEMPTED, 700), PY_FREE);

	(void)state;
	assert_contains(text, "though the process did not use all of them: others do");
	assert_contains(text, "They wait for a CPU: neither processes nor more threads would be "
			      "faster.");
	assert_lacks(text, "convoy ");
	free(text);
}

static void test_own_processes(void **state)
{
	struct report *report = watched(2);
	char *text;

	(void)state;
	add_busy(report, "python3", 1, ACCOUNT_IO, 995, ACCOUNT_RUNNING, 5, -1);
	for (unsigned i = 0; i < 2; i++)
		add_busy(report, "python3", 1, ACCOUNT_RUNNING, 990, ACCOUNT_IO, 10, -1)->pid =
			2 + i;
	text = answer(report, PY_ALONE);
	assert_contains(text,
			"script.py is not GIL-bound: each of its processes has but one "
			"thread, so nobody has to wait for a GIL.\nApart from waiting for each "
			"other, its threads spent 99 % of their time running.");
	assert_contains(text, "It uses all the CPUs that it has.");
	assert_contains(text, "\nIt uses 3 processes already, 2 of which did most of the work, on "
			      "2.0 of 2 CPUs on average.\n");
	assert_lacks(text, "must be split");
	assert_lacks(text, "convoy ");
	free(text);
}

/* Those few that hand out the work of a pool meet at their GIL; the pool does not. */
static void test_pool(void **state)
{
	struct report *report = watched(2);
	char *text;

	(void)state;
	for (int i = 0; i < 3; i++)
		add_busy(report, "python3", 1, ACCOUNT_COND, 920, ACCOUNT_RUNNING, 50, ACCOUNT_LOCK,
			 30, -1);
	give_gil(report);
	for (unsigned i = 0; i < 2; i++)
		add_busy(report, "python3", 1, ACCOUNT_RUNNING, 950, ACCOUNT_IO, 50, -1)->pid =
			2 + i;
	text = answer(report, PY_FREE);
	assert_contains(text, "script.py is not GIL-bound: of the time that its threads wanted to "
			      "run, 4.2 % went by");
	assert_contains(text, "It uses 3 processes already");
	free(text);
}

static void test_free_threaded(void **state)
{
	struct report *report = watched(2);
	char *text;

	(void)state;
	for (int i = 0; i < 2; i++)
		add_busy(report, "python3", 1, ACCOUNT_RUNNING, 1000, -1);
	add_runtime(report->modes, "3.13.0", GIL_ABSENT);
	text = answer(report, PY_NO_GIL);
	assert_contains(text, "script.py is not GIL-bound: CPython 3.13.0 is free-threaded, there "
			      "is no GIL to wait for.\n");
	assert_lacks(text, "processes");
	assert_lacks(text, "convoy ");
	free(text);
}

/* It has a GIL, but where? That is never guessed. */
static void test_unknown(void **state)
{
	struct report *report = watched(2);
	struct py_context context = usual_context();
	struct report_runtime *runtime;
	char *text;

	(void)state;
	for (int i = 0; i < 3; i++)
		add_busy(report, "python3", 200, ACCOUNT_RUNNING, 330, ACCOUNT_COND, 670, -1);
	add_waited(report, "(unnamed condition variable)", LOCK_COND, 2 * WATCHED_NS);
	runtime = add_runtime(report->modes, "3.11.7", GIL_UNKNOWN);
	snprintf(runtime->hint, sizeof(runtime->hint), "no symbols\n");
	text = answer(report, PY_UNKNOWN);
	assert_contains(text, "It is not known whether script.py is GIL-bound: the GIL of CPython "
			      "3.11.7 was not found, and what waits for it is among the other "
			      "waits. (no symbols\\x0a)\n");
	assert_lacks(text, "probably");
	assert_lacks(text, "faster");
	assert_contains(text, "convoy py --threads");
	free(text);

	/* No row at all: PyPy, where convoy does not know it. */
	report = watched(2);
	for (int i = 0; i < 3; i++)
		add_busy(report, "pypy3", 200, ACCOUNT_RUNNING, 330, ACCOUNT_COND, 670, -1);
	add_waited(report, "libpypy3.so+0x10", LOCK_COND, 2 * WATCHED_NS);
	context.implementation = "PyPy";
	context.version = "7.3.11";
	text = answer_in(report, &context);
	assert_contains(text,
			"It is not known whether script.py is GIL-bound: no GIL of PyPy "
			"7.3.11 was found in it, and what its threads waited for may have been "
			"one.\n");
	free(text);

	/* But where nearly nothing was waited for, no GIL was. */
	report = watched(2);
	for (int i = 0; i < 3; i++)
		add_busy(report, "pypy3", 200, ACCOUNT_SLEEP, 660, ACCOUNT_RUNNING, 330,
			 ACCOUNT_COND, 10, -1);
	add_waited(report, "libpypy3.so+0x10", LOCK_COND, WATCHED_NS * 3 / 100);
	text = answer(report, PY_NO_WAITS);
	assert_contains(text, "script.py is not GIL-bound: of the time that its threads wanted to "
			      "run, 2.9 % at most went by waiting for anything that may be a GIL.");
	free(text);
}

/* What was lost may have been waiting. */
static void test_invalid(void **state)
{
	struct report *report = free_of_it("python3", ACCOUNT_SLEEP, 990);
	char *text;

	(void)state;
	report->valid = false;
	text = answer(report, PY_UNKNOWN);
	assert_contains(text, "Warning: events were lost, so the numbers that follow are "
			      "incomplete.\nIt is not known whether script.py is GIL-bound: events "
			      "were lost.\n");
	assert_lacks(text, "is not GIL-bound");
	free(text);
	report = bound(2);
	report->valid = false;
	text = answer(report, PY_BOUND);
	assert_contains(text, "Warning: ");
	free(text);
}

static void test_how_it_ended(void **state)
{
	struct report *report = bound(2);
	char *text;

	(void)state;
	report->command_status = 3;
	report->modes->threads[0].alive = report->modes->threads[1].alive = true;
	text = answer(report, PY_BOUND);
	assert_contains(text, "\nIt ended with status 3, run by CPython 3.11.7, /opt");
	assert_contains(text, "\n1 of its processes was still running when the recording ended: "
			      "what it did afterwards is not in it.\n");
	free(text);
	report = bound(2);
	report->command_status = 128 + 11;
	report->modes->threads[0].alive = report->modes->threads[1].alive = true;
	report->modes->threads[1].pid = 7;
	text = answer(report, PY_BOUND);
	assert_contains(text, "\nIt was ended by signal 11, run by");
	assert_contains(text, "\n2 of its processes were still running when");
	free(text);
}

static void test_nothing(void **state)
{
	struct py_context context = usual_context();
	struct report *empty = need(report__new());
	char *text = answer(watched(2), PY_NOTHING);

	(void)state;
	assert_string_equal(text, "Nothing was recorded of script.py.");
	free(text);
	assert_int_equal(py_answer__make(empty, &context, &text), -EINVAL);
	assert_int_equal(py_answer__choose(empty), PY_UNKNOWN);
	report__free(empty);
}

/* Modules, code, what comes on standard input; under sudo, and with a recording. */
static void test_commands(void **state)
{
	static const char *const module[] = { "/p", "-X", "dev", "-m", "pytest", "-x", NULL };
	static const char *const code[] = { "/p", "-c", "print('x')", "y", NULL };
	static const char *const input[] = { "/p", "-", NULL };
	struct py_context context = usual_context();
	char *text;

	(void)state;
	context.sudo = true;
	context.kind = PY_MODULE;
	context.script = "pytest";
	context.command = (char *const *)module;
	context.script_at = 4;
	text = answer_in(bound(2), &context);
	assert_contains(text, "The module pytest is GIL-bound");
	assert_contains(text, "\n  sudo convoy run -j countdown -w 3 ");
	assert_contains(text, "here called MODULE2");
	assert_contains(text, "\n  sudo convoy run --cmd 'threads=/p -X dev -m pytest -x' --cmd "
			      "'processes=/p -X dev -m MODULE2 -x' --reference threads");
	free(text);

	context.kind = PY_CODE;
	context.command = (char *const *)code;
	context.script_at = 2;
	text = answer_in(bound(2), &context);
	assert_contains(text, "The code is GIL-bound");
	assert_contains(text, "--cmd 'threads=/p -c '\\''print('\\''\\'\\'''\\''x'\\''\\'\\'''\\'')"
			      "'\\'' y' --cmd 'processes=/p SCRIPT2 y'");
	free(text);
	text = answer_in(free_of_it("python3", ACCOUNT_IO, 900), &context);
	assert_contains(text, "\n  sudo convoy py --threads -i /p -c 'print('\\''x'\\'')' y");
	free(text);

	context.kind = PY_SCRIPT;
	context.script = "-";
	context.command = (char *const *)input;
	context.script_at = 1;
	text = answer_in(bound(2), &context);
	assert_contains(text, "The script is GIL-bound");
	assert_contains(text, "convoy run -j countdown");
	assert_lacks(text, "--cmd");
	free(text);

	text = answer_in(watched(2), &context);
	assert_string_equal(text, "Nothing was recorded of the script.");
	free(text);

	context.recording = "my rec";
	text = answer_in(free_of_it("python3", ACCOUNT_IO, 900), &context);
	assert_contains(text, "\nWhat each thread waited for:\n  convoy report --threads -- 'my "
			      "rec'");
	free(text);
	context.recording = NULL;
	context.threads = true;
	text = answer_in(free_of_it("python3", ACCOUNT_IO, 900), &context);
	assert_lacks(text, "convoy ");
	free(text);
}

/* Names are printed harmlessly, and can be pasted whatever they are. */
static void test_hostile_names(void **state)
{
	static const char name[] = "\033[2J'x\\\n$(id) \xc3\xa9\xff.py";
	const char *command[] = { "/p y", name, NULL };
	struct py_context context = usual_context();
	char *text;

	(void)state;
	context.script = name;
	context.command = (char *const *)command;
	context.implementation = "C\033Python";
	text = answer_in(bound(2), &context);
	assert_contains(text, "\\x1b[2J'x\\\\x0a$(id) \xc3\xa9\\xff.py is GIL-bound");
	assert_contains(text, "--interpreter '/p y'\n");
	assert_contains(text, " --cmd $'threads=\\'/p y\\' \\'\\033[2J\\'\\\\\\'\\'x\\\\\\012$(id) "
			      "\\303\\251\\377.py\\'' --cmd ");
	free(text);
	text = answer_in(free_of_it("\033evil", ACCOUNT_IO, 900), &context);
	assert_contains(text, "-- $'\\033[2J\\'x\\\\\\012$(id) \\303\\251\\377.py'");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bound),
		cmocka_unit_test(test_workers),
		cmocka_unit_test(test_one_cpu),
		cmocka_unit_test(test_crowded),
		cmocka_unit_test(test_hidden),
		cmocka_unit_test(test_other_programs),
		cmocka_unit_test(test_computes_alone),
		cmocka_unit_test(test_sleeps),
		cmocka_unit_test(test_more_sleepers_than_the_job_has_tasks),
		cmocka_unit_test(test_io),
		cmocka_unit_test(test_other_locks),
		cmocka_unit_test(test_queue),
		cmocka_unit_test(test_own_processes),
		cmocka_unit_test(test_pool),
		cmocka_unit_test(test_free_threaded),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_invalid),
		cmocka_unit_test(test_how_it_ended),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_hostile_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
