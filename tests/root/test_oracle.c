// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * test_oracle.c - the probes and the ledger against independent witnesses, live:
 * wait4(2) for switches and CPU time, the workload's own clock for lock waits,
 * the raw events for what the ledger made of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>
#include <math.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "user/features.h"
#include "user/host.h"
#include "user/ledger.h"
#include "user/session.h"
#include "user/trace.h"
#include "workloads/lock_table.h"

/* What the tests of this file share: probes that stay attached. */
struct world {
	struct session *session;	/* NULL: cannot trace here */
	int signal_fd;
	sigset_t old_mask;
	uint64_t stolen_ns;		/* by the hypervisor, before the first test */
};

static struct world world = { .signal_fd = -1 };

static int set_up(void **state)
{
	struct session_options options = { .futex = FUTEX_ALL };
	sigset_t mask;

	(void)state;
	host__stolen_ns(&world.stolen_ns);
	if (features__require(&options.features))
		return 0; /* each test says that it is skipped */
	sigemptyset(&mask);
	sigaddset(&mask, SIGCHLD);
	sigprocmask(SIG_BLOCK, &mask, &world.old_mask);
	world.signal_fd = signalfd(-1, &mask, SFD_NONBLOCK | SFD_CLOEXEC);
	return session__new(&world.session, &options);
}

static int tear_down(void **state)
{
	(void)state;
	session__free(world.session);
	if (world.signal_fd >= 0)
		close(world.signal_fd);
	return 0;
}

static void require_probes(void)
{
	if (!world.session) {
		print_message("no permission or no kernel support to trace\n");
		skip();
	}
}

static void require_two_cpus(void)
{
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2) {
		print_message("needs two CPUs\n");
		skip();
	}
}

/* What the raw events say, without the ledger. */
struct seen {
	uint64_t unwoken;	/* blocked, and no waking at all */
	/* Waits for a mutex: */
	uint64_t early, waits;
	uint64_t slept_ns;	/* from out to waking, where that is the order */
};

static int see(void *ctx, const struct convoy_ev_hdr *hdr)
{
	const struct convoy_ev_wait *ev = (const void *)hdr;
	struct seen *seen = ctx;

	if (hdr->type != CONVOY_EV_WAIT)
		return 0;
	seen->unwoken += !ev->waking_ns;
	if (!(hdr->flags & CONVOY_F_FUTEX) || ev->val != 2)
		return 0;
	seen->waits++;
	if (ev->waking_ns < ev->out_ns)
		seen->early++;
	else
		seen->slept_ns += ev->waking_ns - ev->out_ns;
	return 0;
}

/* One recorded run, with what the kernel and the workload say of it. */
struct run {
	struct trace trace;
	struct ledger *ledger;		/* made of the recording */
	struct record_round round;
	struct lock_table *published;	/* as the recording has it */
	struct lock_table *table;
	int table_fd, output_fd;
	json_t *result;			/* convoy-work's, NULL for other commands */
	struct convoy_counters before, after;
	uint64_t dropped;
	uint64_t stolen_ns;
	struct seen seen;
};

/* --- the recording, read back --- */

static int on_document(void *ctx, json_t *document)
{
	struct run *run = ctx;
	struct ledger_options options = { .published = run->published };

	switch (record_docs__type(document)) {
	case RECORD_DOC_ROUND:
		assert_null(run->ledger);
		assert_int_equal(record_docs__read_round(document, &run->round), 0);
		options.start_ns = run->round.start_ns;
		options.first_id = run->round.first_id;
		return ledger__new(&run->ledger, &options);
	case RECORD_DOC_LOCKS:
		return record_docs__read_locks(document, run->published);
	default:
		return 0;
	}
}

static int on_event(void *ctx, const struct convoy_ev_hdr *ev)
{
	struct run *run = ctx;

	assert_non_null(run->ledger);
	see(&run->seen, ev);
	return ledger__feed(run->ledger, ev);
}

static void read_back(struct run *run, int fd)
{
	const struct recording_handler handler = {
		.event = on_event,
		.document = on_document,
		.ctx = run,
	};
	struct recording_status status;

	run->published = calloc(1, sizeof(*run->published));
	assert_non_null(run->published);
	run->published->capacity = LOCK_TABLE_CAPACITY;
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(recording__read(fd, &handler, &status), 0);
	assert_string_equal(status.damage, "");
	assert_true(status.complete);
	assert_non_null(run->ledger);
	assert_int_equal(ledger__finish(run->ledger, ledger__last_death_ns(run->ledger)), 0);
}

static void run_command(struct run *run, char *const *argv, bool is_work)
{
	struct trace_options options = {
		.launch = { .argv = argv, .sigmask = &world.old_mask },
		.mode = "test",
		.session = world.session,
		.signal_fd = world.signal_fd,
	};
	struct recorder_options recorder_options = { .session = world.session };
	const struct record_end end = { .command_status = -1 };
	uint64_t dropped = session__ring_dropped(world.session);
	uint64_t stolen_after = world.stolen_ns;
	struct recorder *recorder;
	char number[16];

	run->before = session__counters(world.session);
	run->table_fd = memfd_create("table", MFD_CLOEXEC);
	run->output_fd = memfd_create("output", MFD_CLOEXEC);
	assert_int_equal(ftruncate(run->table_fd, sizeof(*run->table)), 0);
	run->table = mmap(NULL, sizeof(*run->table), PROT_READ | PROT_WRITE, MAP_SHARED,
			  run->table_fd, 0);
	assert_ptr_not_equal(run->table, MAP_FAILED);
	run->table->magic = LOCK_TABLE_MAGIC;
	run->table->capacity = LOCK_TABLE_CAPACITY;
	recorder_options.published = run->table;
	recorder_options.codec = recording__best_codec();
	recorder_options.fd = memfd_create("recording", MFD_CLOEXEC);
	options.launch.keep_fd = run->table_fd;
	options.launch.stdout_fd = run->output_fd;
	snprintf(number, sizeof(number), "%d", run->table_fd);
	setenv(LOCK_TABLE_ENV, number, 1);

	assert_int_equal(recorder__start(&recorder, &recorder_options), 0);
	options.recorder = recorder;
	assert_int_equal(trace__command(&run->trace, &options), 0);
	assert_int_equal(trace__end(&run->trace, recorder, true, NULL), 0);
	assert_int_equal(recorder__finish(recorder, &end), 0);
	recorder__free(recorder);
	read_back(run, recorder_options.fd);
	close(recorder_options.fd);
	host__stolen_ns(&stolen_after);
	/*
	 * Since the first test: the scheduler subtracts stolen time little by little
	 * (update_rq_clock_task()), also from threads that come after the theft.
	 */
	run->stolen_ns = stolen_after - world.stolen_ns;
	run->after = session__counters(world.session);
	run->dropped = session__ring_dropped(world.session) - dropped;
	assert_int_equal(run->trace.exec_error, 0);
	if (is_work) {
		assert_int_equal(run->trace.launch.status, 0);
		lseek(run->output_fd, 0, SEEK_SET);
		run->result = json_loadfd(run->output_fd, 0, NULL);
		assert_non_null(run->result);
	}
}

static void run_free(struct run *run)
{
	json_decref(run->result);
	ledger__free(run->ledger);
	free(run->published);
	munmap(run->table, sizeof(*run->table));
	close(run->table_fd);
	close(run->output_fd);
}

/* Sums over all threads of the ledger. */
struct sums {
	uint64_t voluntary, unsure, involuntary, lifetime_ns;
	uint64_t time_ns[ACCOUNT_COUNT];
	int64_t worst_residual_ns;
	size_t unequal, disordered;
};

static struct sums add_up(const struct ledger *ledger)
{
	struct sums sums = { 0 };

	for (size_t i = 0; i < ledger__n_threads(ledger); i++) {
		const struct ledger_thread *thread = ledger__thread(ledger, i);
		int64_t residual = llabs(ledger_thread__residual_ns(thread));

		sums.voluntary += thread->rusage_voluntary;
		sums.unsure += thread->rusage_unsure;
		sums.involuntary += thread->rusage_involuntary;
		sums.lifetime_ns += ledger_thread__lifetime_ns(thread);
		for (int a = 0; a < ACCOUNT_COUNT; a++)
			sums.time_ns[a] += thread->time_ns[a];
		if (residual > sums.worst_residual_ns)
			sums.worst_residual_ns = residual;
		sums.unequal += !ledger_thread__audited(thread) ||
				!ledger_thread__audit_equal(thread);
		sums.disordered += thread->disordered;
	}
	return sums;
}

static double timeval_ns(const struct timeval *tv)
{
	return (double)tv->tv_sec * 1e9 + (double)tv->tv_usec * 1e3;
}

/* What holds for every command, whatever it does. */
static void check_run(const struct run *run)
{
	struct sums sums = add_up(run->ledger);
	const struct rusage *usage = &run->trace.usage;
	double cpu_ns = timeval_ns(&usage->ru_utime) + timeval_ns(&usage->ru_stime);
	double tick_ns = 1e9 / (double)sysconf(_SC_CLK_TCK);
	/* /proc/stat counts stolen time in ticks, for each CPU. */
	double stolen_ns = (double)run->stolen_ns + tick_ns * (double)sysconf(_SC_NPROCESSORS_ONLN);
	double running = (double)sums.time_ns[ACCOUNT_RUNNING];
	/*
	 * The kernel reads its clock as a switch begins, the tracepoint fires as it
	 * ends: a thread is charged for some of what the ledger calls preempted.
	 */
	double switching =
		fmin((double)sums.time_ns[ACCOUNT_PREEMPTED], 5e3 * (double)sums.involuntary);

	print_message(
		"switches %llu(+%llu)+%llu (wait4 %ld+%ld), CPU %.1f ms (ran %.1f, woke %.1f), "
		"recovered %llu, never woken %llu\n",
		(unsigned long long)sums.voluntary, (unsigned long long)sums.unsure,
		(unsigned long long)sums.involuntary, usage->ru_nvcsw, usage->ru_nivcsw,
		cpu_ns / 1e6, running / 1e6, (double)sums.time_ns[ACCOUNT_WAKEUP] / 1e6,
		(unsigned long long)(run->after.recovered - run->before.recovered),
		(unsigned long long)run->seen.unwoken);
	assert_int_equal(run->dropped, 0);
	assert_int_equal(run->after.task_state, run->before.task_state);
	assert_int_equal(run->after.unmatched, run->before.unmatched);
	assert_int_equal(run->after.born - run->before.born, ledger__n_threads(run->ledger));
	assert_int_equal(run->after.born, run->after.dead);
	assert_int_equal(ledger__unmatched(run->ledger), 0);
	assert_int_equal(sums.unequal, 0);
	assert_int_equal(sums.disordered, 0);
	assert_int_equal(run->seen.unwoken, 0);
	/* Exactly, but for a last switch that happened while a parent added it up. */
	assert_in_range(usage->ru_nvcsw, sums.voluntary, sums.voluntary + sums.unsure);
	assert_int_equal(sums.involuntary, usage->ru_nivcsw);
	assert_true(sums.worst_residual_ns * 1000 <= (int64_t)sums.lifetime_ns);
	assert_true(cpu_ns >= (running - stolen_ns) * 0.995);
	/*
	 * rusage begins at the fork, the ledger at the release of the cork: what the child
	 * does before (its page faults after the fork, mostly) took 1.3 ms once.
	 */
	assert_true(cpu_ns <=
		    (running + (double)sums.time_ns[ACCOUNT_WAKEUP] + switching) * 1.005 + 5e6);
}

static void run_mode(struct run *run, const char *job, const char *mode, const char *extra)
{
	char *argv[] = { getenv("CONVOY_WORK"), (char *)"-j",  (char *)job,
			 (char *)"-m",		(char *)mode,  (char *)"-w",
			 (char *)"2",		(char *)extra, NULL };

	assert_non_null(argv[0]);
	run_command(run, argv, true);
	check_run(run);
}

static void test_serial(void **state)
{
	struct run run = { 0 };

	(void)state;
	require_probes();
	run_mode(&run, "countdown", "serial", NULL);
	run_free(&run);
}

static void test_threads(void **state)
{
	struct run run = { 0 };

	(void)state;
	require_probes();
	run_mode(&run, "countdown", "threads", NULL);
	run_free(&run);
}

static void test_processes(void **state)
{
	struct run run = { 0 };

	(void)state;
	require_probes();
	run_mode(&run, "countdown", "processes", NULL);
	run_free(&run);
}

static void test_processes_by_spawn(void **state)
{
	struct run run = { 0 };

	(void)state;
	require_probes();
	run_mode(&run, "countdown", "processes", "--start=spawn");
	run_free(&run);
}

static void test_yielding(void **state)
{
	struct run run = { 0 };

	(void)state;
	require_probes();
	run_mode(&run, "countdown", "threads", "--yield-every=10000");
	run_free(&run);
}

static void test_recursion(void **state)
{
	static const char *const modes[] = { "serial", "threads", "gil-timed", "gil-ticks",
					     "processes" };

	(void)state;
	require_probes();
	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
		struct run run = { 0 };
		struct sums sums;

		run_mode(&run, "recursion", modes[i], "--sleep-scale=0.1");
		sums = add_up(run.ledger);
		/* Its sleep is known: 465 * 5 ms and 2 * 12 * 100 ms, scaled; never shorter. */
		assert_true((double)sums.time_ns[ACCOUNT_SLEEP] +
				    (double)sums.time_ns[ACCOUNT_WAKEUP] >=
			    (465 * 5e6 + 24 * 100e6) * 0.1);
		assert_true(sums.time_ns[ACCOUNT_SLEEP] > 10 * sums.time_ns[ACCOUNT_LOCK]);
		run_free(&run);
	}
}

/* The workload's own clock around its waits for the GIL, over all workers. */
static double own_clock(const struct run *run, const char *key)
{
	json_t *threads = json_object_get(run->result, "threads"), *thread;
	double sum = 0;
	size_t i;

	json_array_foreach(threads, i, thread) {
		json_t *lock = json_object_get(thread, "lock");

		assert_true(json_is_integer(json_object_get(lock, key)));
		sum += (double)json_integer_value(json_object_get(lock, key));
	}
	return sum;
}

static const struct lock *find_lock(const struct run *run, enum lock_kind kind)
{
	const struct locks *locks = ledger__locks(run->ledger);

	for (size_t i = 0; i < locks__n(locks); i++)
		if (locks__at(locks, i)->kind == kind)
			return locks__at(locks, i);
	return NULL;
}

/*
 * Traced wait and run-queue delay never exceed what the workload saw; where waits
 * are long they are nearly all of it. What else its clock can have seen is the
 * waiter preempted on the way, which the ledger knows.
 */
static void compare_waits(const struct run *run, bool long_waits)
{
	const struct lock *gil = find_lock(run, LOCK_GIL);
	struct sums sums = add_up(run->ledger);
	double own = own_clock(run, "wait_ns"), traced, preempted;

	assert_non_null(gil);
	traced = (double)gil->total_ns + (double)gil->wakeup_ns;
	preempted = (double)sums.time_ns[ACCOUNT_PREEMPTED];
	print_message("GIL waits: own clock %.3f ms, traced %.3f + %.3f ms; %llu waits, "
		      "%.0f ns each unseen, %.0f %% woken early\n",
		      own / 1e6, (double)gil->total_ns / 1e6, (double)gil->wakeup_ns / 1e6,
		      (unsigned long long)gil->waits, (own - traced) / (double)gil->waits,
		      100 * (double)gil->woken_early / (double)gil->waits);
	assert_true(traced <= own);
	if (long_waits)
		assert_true(traced + preempted >= 0.97 * own);
}

static void test_gil_timed(void **state)
{
	struct run run = { 0 };

	(void)state;
	require_probes();
	run_mode(&run, "countdown", "gil-timed", "--work=20000000");
	compare_waits(&run, true);
	run_free(&run);
}

static void test_gil_ticks(void **state)
{
	struct run run = { 0 };

	(void)state;
	require_probes();
	run_mode(&run, "countdown", "gil-ticks", "--work=3000000");
	compare_waits(&run, false);
	run_free(&run);
}

static void test_short_critical_section(void **state)
{
	struct run run = { 0 };
	const struct seen *seen = &run.seen;
	char path[4096];
	char *argv[] = { path, (char *)"2000000", NULL };
	const struct lock *mutex;

	(void)state;
	require_probes();
	require_two_cpus();
	snprintf(path, sizeof(path), "%s/short_mutex", getenv("CONVOY_TESTS"));
	run_command(&run, argv, false);
	assert_int_equal(run.trace.launch.status, 0);
	check_run(&run);
	mutex = find_lock(&run, LOCK_MUTEX);
	if (!seen->waits) {
		print_message("the two threads never met\n");
		run_free(&run);
		skip();
	}
	assert_non_null(mutex);
	print_message("%llu waits, %.0f %% woken before their switch-out\n",
		      (unsigned long long)seen->waits,
		      100.0 * (double)seen->early / (double)seen->waits);
	assert_int_equal(mutex->waits, seen->waits);
	assert_int_equal(mutex->woken_early, seen->early);
	/* All lock time is from those that slept: the early ones have none. */
	assert_int_equal(mutex->total_ns, seen->slept_ns);
	run_free(&run);
}

/* Commands that are not ours: signals, children, stops, many short lives. */
static void test_shell(void **state)
{
	static const char script[] =
		"for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do /bin/true; done; "
		"sleep 0.05 & kill -STOP $!; sleep 0.02; kill -CONT $!; wait; "
		"(sleep 10 & kill -TERM $!; wait) ; echo x | cat | cat >/dev/null; "
		"(exit 3) || :";
	char *argv[] = { (char *)"/bin/sh", (char *)"-c", (char *)script, NULL };
	struct run run = { 0 };

	(void)state;
	require_probes();
	run_command(&run, argv, false);
	check_run(&run);
	run_free(&run);
}

/* An orphan that outlives the command is waited for, and counted. */
static void test_orphan(void **state)
{
	char *argv[] = { (char *)"/bin/sh", (char *)"-c", (char *)"(setsid sleep 0.1 &) ; exit 0",
			 NULL };
	struct run run = { 0 };
	struct sums sums;

	(void)state;
	require_probes();
	run_command(&run, argv, false);
	check_run(&run);
	assert_true(run.trace.launch.n_orphans >= 1);
	sums = add_up(run.ledger);
	assert_true(sums.time_ns[ACCOUNT_SLEEP] + sums.time_ns[ACCOUNT_WAKEUP] >= 100000000);
	run_free(&run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_serial),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_processes),
		cmocka_unit_test(test_processes_by_spawn),
		cmocka_unit_test(test_yielding),
		cmocka_unit_test(test_recursion),
		cmocka_unit_test(test_gil_timed),
		cmocka_unit_test(test_gil_ticks),
		cmocka_unit_test(test_short_critical_section),
		cmocka_unit_test(test_shell),
		cmocka_unit_test(test_orphan),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
