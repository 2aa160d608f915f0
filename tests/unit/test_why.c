/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_why.c - every rule of `convoy why`: where it applies, where it just does not, and
 * what it says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/why_fixture.h"

/* Eight threads of which five share a mutex, two idle, and one holds it. */
static struct report *locked_report(void)
{
	struct report *report = watched(2);
	struct report_lock *lock;

	for (int i = 0; i < 5; i++)
		add_busy(report, "worker", 100, ACCOUNT_RUNNING, 200, ACCOUNT_LOCK, 600,
			 ACCOUNT_COND, 200, -1);
	add_busy(report, "db-writer", 100, ACCOUNT_RUNNING, 20, ACCOUNT_SLEEP, 950, ACCOUNT_IO, 30,
		 -1);
	add_busy(report, "idler", 0.1, ACCOUNT_COND, 995, ACCOUNT_RUNNING, 5, -1);
	add_busy(report, "acceptor", 0.1, ACCOUNT_IO, 1000, -1);
	lock = add_waited(report, "(unnamed mutex)", LOCK_MUTEX, 30 * WATCHED_NS / 10);
	lock->max_ns = known(9.87e6);
	hold(lock, 6, "db-writer", 0.83);
	hold(lock, 1, "worker", 0.13);
	return report;
}

static void test_lock(void **state)
{
	char *text = explain_by(locked_report(), "lock");

	(void)state;
	assert_int_equal(
		strncmp(text, "'app' (PID 4711), 10.0 s, 8 threads, 1.02 of 2 CPUs used.", 57), 0);
	assert_contains(text, "Busiest: 'worker' (TID 1) 20 % running, 'worker' (TID 2) 20 %, "
			      "'worker' (TID 3) 20 % and 2 more.");
	assert_contains(text, "2 threads only waited (1 for work, 1 for I/O); the others spent ");
	assert_contains(text, " of their time waiting for a lock, 17 % running, 17 % waiting for "
			      "work, 16 % asleep. ");
	assert_contains(text, "They waited for an unnamed mutex: 1020 waits, the longest 9.87 ms.");
	assert_contains(text, "Locks without a name are counted as one.");
	assert_contains(text,
			"'db-writer' held it for 83 % of that waiting (holders are known "
			"for 96 % of it). That thread itself was asleep for 95 % of the time.");
	assert_contains(text, "\nTry: look whether 'db-writer' sleeps or does I/O with the lock "
			      "held");
	free(text);
}

static void test_lock_shares_are_of_the_busy_ones(void **state)
{
	struct report *report = watched(2);
	char *text;

	(void)state;
	add_busy(report, "a", 100, ACCOUNT_RUNNING, 500, ACCOUNT_LOCK, 500, -1);
	add_busy(report, "b", 100, ACCOUNT_RUNNING, 500, ACCOUNT_LOCK, 500, -1);
	for (int i = 0; i < 1000; i++)
		add_busy(report, "idle", 0.1, ACCOUNT_COND, 1000, -1);
	hold(add_waited(report, "db", LOCK_MUTEX, WATCHED_NS), 1, "a", 0.5);
	text = explain_by(report, "lock");
	assert_contains(text, ", 1002 threads, 1.00 of 2 CPUs used. Busiest: 'a' 50 % running, "
			      "'b' 50 %.");
	assert_contains(text, "1000 threads only waited (1000 for work); the others spent 50 % of "
			      "their time running, 50 % waiting for a lock.");
	assert_contains(text, "They waited for the lock 'db': 1020 waits.");
	assert_contains(text, "That thread itself was running for 50 % of the time.");
	assert_contains(text, "Try: shorten what 'a' does while it holds the lock");
	free(text);
}

static void test_lock_without_known_holder(void **state)
{
	struct report *report = locked_report();
	char *text;

	(void)state;
	free(report->modes->locks[0].holders);
	report->modes->locks[0].holders = NULL;
	report->modes->locks[0].n_holders = 0;
	text = explain_by(report, "lock");
	assert_lacks(text, "held it");
	assert_lacks(text, "db-writer");
	assert_contains(text, "Try: shorten what is done with the lock held, or split the lock");
	free(text);

	/* A holder that is no thread of the report: named, and nothing more. */
	report = locked_report();
	report->modes->locks[0].holders[0].tid = 99;
	text = explain_by(report, "lock");
	assert_contains(text, "'db-writer' held it for 83 % of that waiting");
	assert_lacks(text, "That thread itself");
	free(text);
}

static void test_lock_needs_its_share(void **state)
{
	struct report *report = watched(8);
	char *text;

	(void)state;
	add_busy(report, "a", 100, ACCOUNT_RUNNING, 860, ACCOUNT_LOCK, 140, -1);
	add_busy(report, "b", 100, ACCOUNT_RUNNING, 860, ACCOUNT_LOCK, 140, -1);
	add_waited(report, "db", LOCK_MUTEX, WATCHED_NS / 4);
	text = explain_by(report, "compute");
	assert_contains(text, "14 % waiting for a lock");
	free(text);

	report = watched(8);
	add_busy(report, "a", 100, ACCOUNT_RUNNING, 840, ACCOUNT_LOCK, 160, -1);
	add_busy(report, "b", 100, ACCOUNT_RUNNING, 840, ACCOUNT_LOCK, 160, -1);
	add_waited(report, "db", LOCK_MUTEX, WATCHED_NS / 3);
	free(explain_by(report, "lock"));
}

static void test_locks_by_kind(void **state)
{
	struct report *report = locked_report();
	char *text;

	(void)state;
	report->modes->locks[0].kind = LOCK_GIL;
	strcpy(report->modes->locks[0].name, "GIL");
	strcpy(report->modes->locks[0].runtime, "CPython 3.13");
	text = explain_by(report, "lock");
	assert_contains(text, "They waited for the GIL of CPython 3.13:");
	assert_contains(text, "Try: processes instead of threads");
	assert_lacks(text, "without a name");
	free(text);

	report = locked_report();
	report->modes->locks[0].kind = LOCK_KERNEL;
	strcpy(report->modes->locks[0].name, "mmap_lock");
	text = explain_by(report, "lock");
	assert_contains(text, "They waited for the kernel's mmap_lock:");
	assert_contains(text, "Try: the threads fight for their address space");
	assert_contains(text, "MALLOC_ARENA_MAX");
	free(text);

	report = locked_report();
	report->modes->locks[0].kind = LOCK_KERNEL;
	strcpy(report->modes->locks[0].name, "(kernel lock)");
	text = explain_by(report, "lock");
	assert_contains(text, "They waited for a kernel lock:");
	assert_contains(text, "Try: fewer threads in the same system calls");
	free(text);
}

static void test_most_waited_for_lock_is_told(void **state)
{
	struct report *report = locked_report();
	char *text;

	(void)state;
	/* Waiting for work is more, and is not contention. */
	add_waited(report, "(unnamed futex, no mutex)", LOCK_COND, 100 * WATCHED_NS);
	add_waited(report, "cache", LOCK_RWLOCK, 60 * WATCHED_NS / 10);
	text = explain_by(report, "lock");
	assert_contains(text, "Most of the waiting for locks (67 %) was for the lock "
			      "'cache': 1020 waits.");
	assert_lacks(text, "condition variable");
	free(text);
}

static void test_run_queue(void **state)
{
	struct report *report = watched(2);
	char *text;

	(void)state;
	for (int i = 0; i < 4; i++)
		add_busy(report, "worker", 100, ACCOUNT_RUNNING, 500, ACCOUNT_PREEMPTED, 400,
			 ACCOUNT_WAKEUP, 100, -1);
	text = explain_by(report, "run-queue");
	assert_contains(text, "For 50 % of the time they were ready to run and had no CPU: more "
			      "threads want to run than there are CPUs.");
	assert_contains(text, "Try: fewer threads, or more CPUs.");
	free(text);

	/* Others have the CPUs, or a limit keeps it from them. */
	report = watched(2);
	for (int i = 0; i < 2; i++)
		add_busy(report, "worker", 100, ACCOUNT_RUNNING, 500, ACCOUNT_PREEMPTED, 500, -1);
	text = explain_by(report, "run-queue");
	assert_contains(text, "though the process did not use all of them");
	assert_contains(text, "nice");
	assert_contains(text, "cpu.max");
	assert_contains(text, "taskset -p 4711");
	free(text);
}

static void test_all_idle(void **state)
{
	struct report *report = watched(2);
	char *text;

	(void)state;
	add_busy(report, "main", 0.1, ACCOUNT_JOIN, 1000, -1);
	for (int i = 0; i < 6; i++)
		add_busy(report, "pool", 1, ACCOUNT_COND, 995, ACCOUNT_RUNNING, 5, -1);
	add_busy(report, "net", 1, ACCOUNT_IO, 1000, -1);
	text = explain_by(report, "idle");
	assert_contains(text, "It was not busy: each of its 8 threads only waited (6 for work, 1 "
			      "for I/O, 1 for threads to end).");
	assert_lacks(text, "The threads spent");
	assert_contains(text, "Try: if it should be busy, look at who should feed it");
	assert_lacks(text, "Busiest");
	free(text);

	report = watched(2);
	add_busy(report, "server", 1, ACCOUNT_IO, 1000, -1);
	text = explain_by(report, "idle");
	assert_contains(text, "its only thread only waited (1 for I/O)");
	assert_contains(text, "Try: if it should be busy, look at who should send to it");
	free(text);
}

static void test_waiting_for_work(void **state)
{
	struct report *report = watched(2);
	char *text;

	(void)state;
	for (int i = 0; i < 3; i++)
		add_busy(report, "pool", 50, ACCOUNT_COND, 900, ACCOUNT_RUNNING, 100, -1);
	text = explain_by(report, "waiting");
	assert_contains(text, "Mostly it has too little to do");
	assert_contains(text, "look at who should feed it");
	free(text);

	/* What is not waiting is contention: that comes first. */
	report = watched(2);
	for (int i = 0; i < 3; i++)
		add_busy(report, "pool", 50, ACCOUNT_COND, 700, ACCOUNT_RUNNING, 100, ACCOUNT_LOCK,
			 200, -1);
	add_waited(report, "db", LOCK_MUTEX, 6 * WATCHED_NS / 10);
	free(explain_by(report, "lock"));
}

static void test_io_and_disk(void **state)
{
	struct report *report = watched(2);
	char *text;

	(void)state;
	add_busy(report, "reader", 50, ACCOUNT_IO, 700, ACCOUNT_RUNNING, 300, -1);
	text = explain_by(report, "io");
	assert_contains(text, "Mostly it waits for I/O: pipes, sockets, files, poll.");
	free(text);

	report = watched(2);
	add_busy(report, "reader", 50, ACCOUNT_IO, 450, ACCOUNT_RUNNING, 550, -1);
	free(explain_by(report, "mixed"));

	report = watched(2);
	add_busy(report, "dumper", 50, ACCOUNT_DISK, 990, ACCOUNT_RUNNING, 10, -1);
	text = explain_by(report, "io");
	assert_contains(text, "The disk is what it waits for.");
	assert_contains(text, "iostat");
	free(text);
}

static void test_polling(void **state)
{
	struct report *report = watched(2);
	char *text;

	(void)state;
	/* It is idle, and yet it is not. */
	add_busy(report, "poller", 1000, ACCOUNT_SLEEP, 995, ACCOUNT_RUNNING, 5, -1);
	text = explain_by(report, "polling");
	assert_contains(text, "wake up 1000 times a second each");
	assert_contains(text, "Try: wait for the event itself");
	free(text);

	/* Now and then is no polling. */
	report = watched(2);
	add_busy(report, "cron", 1, ACCOUNT_SLEEP, 995, ACCOUNT_RUNNING, 5, -1);
	text = explain_by(report, "idle");
	assert_contains(text, "1 for time to pass");
	assert_contains(text, "sleep less");
	free(text);

	report = watched(2);
	add_busy(report, "napper", 1, ACCOUNT_SLEEP, 900, ACCOUNT_RUNNING, 100, -1);
	text = explain_by(report, "sleep");
	assert_contains(text, "Mostly it sleeps because it asked to.");
	free(text);
}

static void test_serial_bottleneck(void **state)
{
	struct report *report = watched(4);
	char *text;

	(void)state;
	add_busy(report, "main", 0.1, ACCOUNT_JOIN, 1000, -1);
	add_busy(report, "merger", 10, ACCOUNT_RUNNING, 990, ACCOUNT_COND, 10, -1);
	for (int i = 0; i < 3; i++)
		add_busy(report, "pool", 10, ACCOUNT_RUNNING, 30, ACCOUNT_COND, 970, -1);
	text = explain_by(report, "serial");
	assert_contains(text, "'merger' ran for 99 % of the time, on one CPU, while 4 other "
			      "threads mostly waited.");
	assert_contains(text, "Try: split the work of 'merger'");
	free(text);

	/* Alone it is no bottleneck of others, and with others that run neither. */
	report = watched(4);
	add_busy(report, "main", 10, ACCOUNT_RUNNING, 1000, -1);
	free(explain_by(report, "compute"));
	report = watched(4);
	add_busy(report, "main", 10, ACCOUNT_RUNNING, 1000, -1);
	add_busy(report, "other", 10, ACCOUNT_RUNNING, 1000, -1);
	add_busy(report, "idle", 0.1, ACCOUNT_COND, 1000, -1);
	free(explain_by(report, "compute"));
}

static void test_compute(void **state)
{
	struct report *report = watched(2);
	char *text;

	(void)state;
	for (int i = 0; i < 2; i++)
		add_busy(report, "worker", 5, ACCOUNT_RUNNING, 990, ACCOUNT_PREEMPTED, 10, -1);
	add_busy(report, "idle", 0.1, ACCOUNT_COND, 1000, -1);
	text = explain_by(report, "compute");
	assert_contains(text, "1 thread only waited (1 for work); the others spent 99 % of their "
			      "time running.");
	assert_contains(text, "nothing to win from locks. It uses all the CPUs that it has.");
	assert_contains(text, "more threads will not help");
	free(text);

	report = watched(8);
	for (int i = 0; i < 2; i++)
		add_busy(report, "worker", 5, ACCOUNT_RUNNING, 1000, -1);
	text = explain_by(report, "compute");
	assert_lacks(text, "all the CPUs");
	assert_contains(text, "CPUs are free");
	free(text);
}

static void test_spinning(void **state)
{
	struct report *report = watched(2);
	const double cpu = 20e9, kernel = 13e9;
	char *text;

	(void)state;
	for (int i = 0; i < 2; i++)
		add_busy(report, "spinner", 5, ACCOUNT_RUNNING, 1000, -1);
	assert_int_equal(estimate__init(&report->modes->cpu_ns, &cpu, 1), 0);
	assert_int_equal(estimate__init(&report->modes->system_ns, &kernel, 1), 0);
	text = explain_by(report, "spinning");
	assert_contains(text, "It may be spinning, which cannot be seen here as waiting: 65 % of "
			      "its CPU time was spent in the kernel.");
	assert_lacks(text, "sched_yield");
	free(text);

	/* One that copies has its reason to be in the kernel. */
	report = watched(2);
	for (int i = 0; i < 2; i++)
		add_busy(report, "dd", 5, ACCOUNT_RUNNING, 900, ACCOUNT_DISK, 100, -1);
	assert_int_equal(estimate__init(&report->modes->cpu_ns, &cpu, 1), 0);
	assert_int_equal(estimate__init(&report->modes->system_ns, &kernel, 1), 0);
	free(explain_by(report, "compute"));

	report = watched(2);
	for (int i = 0; i < 2; i++)
		add_busy(report, "spinner", 5, ACCOUNT_RUNNING, 1000, -1);
	report->modes->yields = 20000 * WATCHED_S;
	text = explain_by(report, "spinning");
	assert_contains(text,
			"as waiting: it gave up the CPU by sched_yield 20000 times a second.");
	assert_lacks(text, "in the kernel");
	free(text);

	report = watched(2);
	for (int i = 0; i < 2; i++)
		add_busy(report, "spinner", 5, ACCOUNT_RUNNING, 1000, -1);
	report->modes->yields = 100 * WATCHED_S;
	free(explain_by(report, "compute"));
}

static void test_paging(void **state)
{
	struct report *report = watched(2);
	char *text;

	(void)state;
	add_busy(report, "swapped", 50, ACCOUNT_FAULT, 600, ACCOUNT_RUNNING, 400, -1);
	text = explain_by(report, "paging");
	assert_contains(text, "page faults blocked it for 60 % of the time");
	assert_contains(text, "memory.max");
	free(text);
}

static void test_stopped(void **state)
{
	struct report *report = watched(2);
	char *text;

	(void)state;
	for (int i = 0; i < 3; i++)
		add_stuck(report, "app", ACCOUNT_STOPPED);
	text = explain_by(report, "stopped");
	assert_contains(text, "3 threads were stopped, by a signal or a debugger: 3 x 'app'.");
	assert_contains(text, "Try: kill -CONT 4711");
	free(text);
}

static void test_children(void **state)
{
	struct report *report = watched(2);
	char *text;

	(void)state;
	add_busy(report, "make", 5, ACCOUNT_CHILD, 900, ACCOUNT_RUNNING, 100, -1);
	text = explain_by(report, "child");
	assert_contains(text, "It waits for its child processes to end.");
	assert_contains(text, "pgrep -P 4711");
	free(text);

	/* One that does nothing else is idle; a child that was followed is not. */
	report = watched(2);
	add_busy(report, "sh", 1, ACCOUNT_CHILD, 1000, -1);
	text = explain_by(report, "idle");
	assert_contains(text, "its only thread only waited (1 for child processes).");
	assert_contains(text, "look at its children");
	free(text);
	report = watched(2);
	add_busy(report, "sh", 1, ACCOUNT_CHILD, 1000, -1);
	add_busy(report, "cc", 1, ACCOUNT_RUNNING, 1000, -1);
	text = explain_by(report, "compute");
	assert_contains(text, "1 thread only waited (1 for child processes); the other spent 100 % "
			      "of its time running.");
	free(text);
}

static void test_other(void **state)
{
	struct report *report = watched(2);

	(void)state;
	add_busy(report, "odd", 5, ACCOUNT_OTHER, 900, ACCOUNT_RUNNING, 100, -1);
	free(explain_by(report, "other"));
}

static void test_blocked_throughout(void **state)
{
	struct report *report = watched(2);
	struct report_lock *lock;
	char *text;

	(void)state;
	add_stuck(report, "main", ACCOUNT_SLEEP);
	for (int i = 0; i < 7; i++)
		add_stuck(report, "worker", ACCOUNT_LOCK);
	lock = add_waited(report, "(unnamed mutex)", LOCK_MUTEX, 7 * WATCHED_NS);
	lock->unfinished = lock->since_before = lock->waits = 7;
	hold(lock, 1, "main", 1);
	text = explain_by(report, "blocked");
	assert_contains(text, "Nothing ran: all threads were blocked from the beginning to the "
			      "end: 7 waiting for a lock (7 x 'worker'), 1 asleep ('main').");
	assert_contains(text, "'main' held it for 100 % of that waiting");
	assert_contains(text, "That thread itself was asleep for 100 % of the time.");
	assert_contains(text, "Try: look whether 'main' sleeps or does I/O with the lock held");
	assert_lacks(text, "deadlock");
	free(text);

	report = watched(2);
	add_stuck(report, "a", ACCOUNT_COND);
	add_stuck(report, "b", ACCOUNT_IO);
	add_stuck(report, "c", ACCOUNT_COND);
	add_stuck(report, "d", ACCOUNT_COND);
	add_stuck(report, "e", ACCOUNT_COND);
	text = explain_by(report, "blocked");
	assert_contains(text, "4 waiting for work ('a', 'c', 'd' and 1 more), 1 "
			      "waiting for I/O ('b').");
	free(text);

	/* A thread that never left its CPU has no switch either, and is not blocked. */
	report = watched(2);
	add_busy(report, "hog", 0, ACCOUNT_RUNNING, 1000, -1);
	free(explain_by(report, "compute"));
}

/* Two threads wait for each other's mutex, and main for them to end. */
static struct report *deadlocked_report(void)
{
	struct report *report = watched(2);
	struct report_lock *lock;

	add_stuck(report, "main", ACCOUNT_JOIN);
	add_stuck(report, "left", ACCOUNT_LOCK);
	add_stuck(report, "right", ACCOUNT_LOCK);
	lock = add_waited(report, "(unnamed mutex)", LOCK_MUTEX, 2 * WATCHED_NS);
	lock->unfinished = lock->since_before = lock->waits = 2;
	hold(lock, 2, "left", 0.5);
	hold(lock, 3, "right", 0.5);
	return report;
}

static void test_deadlock(void **state)
{
	struct report *report = deadlocked_report();
	char *text = explain_by(report, "deadlock");

	(void)state;
	assert_contains(text,
			"This looks like a deadlock: 2 threads ('left' and 'right') waited "
			"for a lock all the time, and all that are known to hold one are among "
			"them.");
	assert_contains(text, "gdb -p 4711");
	free(text);

	/* Others may be busy meanwhile. */
	report = deadlocked_report();
	add_busy(report, "ticker", 10, ACCOUNT_RUNNING, 500, ACCOUNT_SLEEP, 500, -1);
	free(explain_by(report, "deadlock"));

	/* One that takes its own mutex twice. */
	report = watched(2);
	add_stuck(report, "main", ACCOUNT_LOCK);
	add_waited(report, "(unnamed mutex)", LOCK_MUTEX, WATCHED_NS)->unfinished = 1;
	hold(&report->modes->locks[0], 1, "main", 1);
	text = explain_by(report, "deadlock");
	assert_contains(text, "and holds it itself");
	free(text);
}

static void test_no_deadlock(void **state)
{
	struct report *report;

	(void)state;
	/* One of them got it after all. */
	report = deadlocked_report();
	report->modes->threads[1].unfinished = false;
	free(explain_by(report, "blocked"));
	/* One of them had not been waiting from the beginning. */
	report = deadlocked_report();
	report->modes->threads[1].since_before = false;
	free(explain_by(report, "blocked"));
	/* Who holds it does something else. */
	report = deadlocked_report();
	report->modes->locks[0].holders[1].tid = 1;
	free(explain_by(report, "blocked"));
	/* A waiter ran in between. */
	report = deadlocked_report();
	report->modes->threads[2].voluntary = 5;
	free(explain_by(report, "lock"));
	/* Nobody is known to hold anything. */
	report = deadlocked_report();
	report->modes->locks[0].n_holders = 0;
	free(explain_by(report, "blocked"));
	/* All waits of that lock ended. */
	report = deadlocked_report();
	report->modes->locks[0].unfinished = 0;
	free(explain_by(report, "blocked"));
}

static void test_gil_suspected(void **state)
{
	struct why_context context = { .pid = 4711, .name = "python3", .seconds = WATCHED_S };
	struct report *report = watched(2);
	char *text;

	(void)state;
	for (int i = 0; i < 4; i++)
		add_busy(report, "python3", 200, ACCOUNT_RUNNING, 250, ACCOUNT_COND, 750, -1);
	text = explain_as(report, "python3");
	assert_string_equal(why__rule(report, &context), "gil-suspected");
	assert_contains(text, "probably wait for its GIL");
	free(text);
	/* Another program that does the same is believed. */
	text = explain_as(report, "pythia");
	assert_lacks(text, "GIL");
	free(text);
	/* One that uses two CPUs has no such lock in its way. */
	for (int i = 0; i < 4; i++)
		add_busy(report, "python3", 200, ACCOUNT_RUNNING, 250, ACCOUNT_COND, 750, -1);
	text = explain_as(report, "python3");
	assert_lacks(text, "GIL");
	free(text);
	report__free(report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lock),
		cmocka_unit_test(test_lock_shares_are_of_the_busy_ones),
		cmocka_unit_test(test_lock_without_known_holder),
		cmocka_unit_test(test_lock_needs_its_share),
		cmocka_unit_test(test_locks_by_kind),
		cmocka_unit_test(test_most_waited_for_lock_is_told),
		cmocka_unit_test(test_run_queue),
		cmocka_unit_test(test_all_idle),
		cmocka_unit_test(test_waiting_for_work),
		cmocka_unit_test(test_io_and_disk),
		cmocka_unit_test(test_polling),
		cmocka_unit_test(test_serial_bottleneck),
		cmocka_unit_test(test_compute),
		cmocka_unit_test(test_spinning),
		cmocka_unit_test(test_paging),
		cmocka_unit_test(test_stopped),
		cmocka_unit_test(test_children),
		cmocka_unit_test(test_other),
		cmocka_unit_test(test_blocked_throughout),
		cmocka_unit_test(test_deadlock),
		cmocka_unit_test(test_no_deadlock),
		cmocka_unit_test(test_gil_suspected),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
