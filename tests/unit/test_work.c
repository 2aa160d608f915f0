/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_work.c - convoy-work itself, run without a tracer: every job in every
 * mode, options, workers that die.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "workloads/catalog.h"
#include "workloads/lock_table.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define MAX_ARGS 24

/* One convoy-work. */
struct work {
	pid_t pid;
	int out, err; /* memfds */
	int status;   /* exit status, 128 + N for signal N */
	json_t *json; /* NULL: it printed none */
	char said[4096];
};

static void start_list(struct work *work, va_list list)
{
	char *argv[MAX_ARGS + 2] = { getenv("CONVOY_WORK") };
	int argc = 1;

	if (!argv[0])
		argv[0] = (char *)"./convoy-work";
	while (argc < MAX_ARGS && (argv[argc] = va_arg(list, char *)))
		argc++;
	memset(work, 0, sizeof(*work));
	work->out = memfd_create("out", MFD_CLOEXEC);
	work->err = memfd_create("err", MFD_CLOEXEC);
	assert_true(work->out >= 0 && work->err >= 0);
	work->pid = fork();
	assert_true(work->pid >= 0);
	if (!work->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(work->out, STDOUT_FILENO);
		dup2(work->err, STDERR_FILENO);
		execv(argv[0], argv);
		_exit(127);
	}
}

static void start(struct work *work, ...) __attribute__((sentinel));
static void start(struct work *work, ...)
{
	va_list list;

	va_start(list, work);
	start_list(work, list);
	va_end(list);
}

static void finish(struct work *work)
{
	ssize_t n;
	int status;

	assert_int_equal(waitpid(work->pid, &status, 0), work->pid);
	work->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	lseek(work->out, 0, SEEK_SET);
	work->json = json_loadfd(work->out, 0, NULL);
	n = pread(work->err, work->said, sizeof(work->said) - 1, 0);
	work->said[n > 0 ? n : 0] = '\0';
	close(work->out);
	close(work->err);
}

static void run(struct work *work, ...) __attribute__((sentinel));
static void run(struct work *work, ...)
{
	va_list list;

	va_start(list, work);
	start_list(work, list);
	va_end(list);
	finish(work);
}

static void work_free(struct work *work)
{
	json_decref(work->json);
}

static json_int_t whole(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	if (!json_is_integer(value))
		fail_msg("%s is no whole number", key);
	return json_integer_value(value);
}

static void check_ok(const struct work *work, const char *what)
{
	if (work->status || !json_is_true(json_object_get(work->json, "ok")))
		fail_msg("%s: exit status %d, said: %s", what, work->status, work->said);
	assert_string_equal(work->said, "");
	assert_true(json_is_object(json_object_get(work->json, "metrics")));
}

static void try_pair(const struct job_info *job, const struct mode_info *mode, const char *extra)
{
	/* Little work of any job: the thousandth part, and hardly any sleep. */
	char what[96], n[32];
	const char *refusal = catalog_refusal(job, mode, 3);
	struct work work;

	snprintf(what, sizeof(what), "%s in %s %s", job->name, mode->name, extra);
	if (job->work_unit)
		snprintf(n, sizeof(n), "-n%llu", job->default_work / 1000 + 1);
	else
		snprintf(n, sizeof(n), "-w3");
	run(&work, "-j", job->name, "-m", mode->name, "-w3", n, "--sleep-scale=0.004", extra, NULL);
	if (!refusal) {
		check_ok(&work, what);
	} else {
		assert_int_equal(work.status, 2);
		assert_null(work.json);
		assert_non_null(strstr(work.said, refusal));
	}
	work_free(&work);
}

static void test_every_job_in_every_mode(void **state)
{
	const struct mode_info *mode;
	const struct job_info *job;

	(void)state;
	for (size_t j = 0; (job = catalog_job_at(j)); j++) {
		for (size_t m = 0; (mode = catalog_mode_at(m)); m++) {
			try_pair(job, mode, "--start=fork");
			if (mode->processes)
				try_pair(job, mode, "--start=spawn");
			else
				try_pair(job, mode, "--yield-every=50");
		}
	}
}

static void test_the_seed_and_nothing_else_makes_the_times(void **state)
{
	static const char *const modes[] = { "serial", "gil-timed", "processes", "pool" };
	struct work work;
	char first[5][32];

	(void)state;
	for (size_t m = 0; m < COUNT(modes); m++) {
		run(&work, "-jsleepers", "-m", modes[m], "--seed=3", "--sleep-scale=0.001", NULL);
		check_ok(&work, modes[m]);
		for (size_t i = 0; i < 5; i++) {
			json_t *task = json_array_get(json_object_get(work.json, "tasks"), i);
			const char *result = json_string_value(json_object_get(task, "result"));

			assert_non_null(result);
			if (m)
				assert_string_equal(result, first[i]);
			else
				snprintf(first[i], sizeof(first[i]), "%s", result);
		}
		work_free(&work);
	}
	assert_string_equal(first[0], "340");
}

static void check_params(const json_t *params, json_int_t seed, json_int_t inside,
			 json_int_t outside)
{
	const struct {
		const char *name;
		json_int_t value; /* -1: null */
	} rows[] = { { "seed", seed }, { "inside", inside }, { "outside", outside } };

	for (size_t i = 0; i < COUNT(rows); i++) {
		const json_t *value = json_object_get(params, rows[i].name);

		if (rows[i].value < 0)
			assert_true(json_is_null(value));
		else
			assert_true(json_is_integer(value) &&
				    json_integer_value(value) == rows[i].value);
	}
}

static void test_params_of_each_job(void **state)
{
	struct work work;

	(void)state;
	run(&work, "-jcounter", "-mthreads", "-n5", "--inside=0", "--outside=77", "--seed=1", NULL);
	check_ok(&work, "counter");
	check_params(json_object_get(work.json, "params"), -1, 0, 77);
	work_free(&work);
	run(&work, "-jcounter", "-mserial", "-n5", NULL);
	check_ok(&work, "counter");
	check_params(json_object_get(work.json, "params"), -1, 50, 50);
	work_free(&work);
	run(&work, "-jsleepers", "-mpool", "--sleep-scale=0", "--seed=4294967295", NULL);
	check_ok(&work, "sleepers");
	check_params(json_object_get(work.json, "params"), 4294967295, -1, -1);
	work_free(&work);
	/* What a job does not need is ignored, as --sleep-scale is. */
	run(&work, "-jcountdown", "-mserial", "-n5", "--seed=4", "--inside=1", "--outside=2", NULL);
	check_ok(&work, "countdown");
	check_params(json_object_get(work.json, "params"), -1, -1, -1);
	work_free(&work);
}

static void test_bad_options(void **state)
{
	static const char *const bad[][2] = {
		{ "--seed=", "--seed" },
		{ "--seed=-1", "--seed" },
		{ "--seed=1.5", "--seed" },
		{ "--seed=0x1", "--seed" },
		{ "--seed=4294967296", "from 0 to 4294967295" },
		{ "--inside=x", "--inside" },
		{ "--inside=1000000001", "from 0 to 1000000000" },
		{ "--inside= 1", "--inside" },
		{ "--outside=1e3", "--outside" },
		{ "--outside=99999999999999999999", "--outside" },
		{ "-n0", "-n" },
		{ "-n1000000001", "at most 1000000000" },
		{ "-w0", "-w" },
		{ "-w1025", "at most 1024" },
		{ "-mpool", "use mode processes" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct work work;

		run(&work, "-jcounter", "-mthreads", bad[i][0], NULL);
		assert_int_equal(work.status, 2);
		assert_null(work.json);
		if (strncmp(work.said, "convoy-work: ", 13) || !strstr(work.said, bad[i][1]))
			fail_msg("%s: said %s", bad[i][0], work.said);
		work_free(&work);
	}
}

static void test_a_pool_gives_tasks_to_who_is_free(void **state)
{
	(void)state;
	for (int workers = 1; workers <= 5; workers++) {
		json_int_t end[6] = { 0 };
		unsigned done[6] = { 0 };
		struct work work;
		json_t *tasks;
		char w[16];

		snprintf(w, sizeof(w), "-w%d", workers);
		run(&work, "-jsleepers", "-mpool", "--sleep-scale=0.02", w, NULL);
		check_ok(&work, w);
		assert_int_equal(json_array_size(json_object_get(work.json, "threads")), workers);
		tasks = json_object_get(work.json, "tasks");
		for (size_t i = 0; i < 5; i++) {
			json_t *task = json_array_get(tasks, i);
			json_int_t worker = whole(task, "worker");

			assert_in_range(worker, 1, workers);
			/* In their order, one after another, and the first to each its own. */
			assert_true(whole(task, "start_ns") >= end[worker]);
			end[worker] = whole(task, "end_ns");
			done[worker]++;
			if (i < (size_t)workers)
				assert_int_equal(worker, i + 1);
		}
		for (int i = 1; i <= workers; i++)
			assert_true(done[i] >= 1);
		work_free(&work);
	}
}

static void test_numbers_of_a_run(void **state)
{
	const json_t *metrics;
	struct work work;

	(void)state;
	run(&work, "-jmixed", "-mthreads", "-n4", NULL);
	check_ok(&work, "mixed");
	metrics = json_object_get(work.json, "metrics");
	assert_int_equal(whole(metrics, "requests"), 4);
	assert_true(json_real_value(json_object_get(metrics, "requests_per_s")) > 0);
	assert_true(whole(metrics, "latency_p50_ns") > 0);
	assert_true(whole(metrics, "latency_p50_ns") <= whole(metrics, "latency_p99_ns"));
	assert_true(whole(metrics, "latency_p99_ns") <= whole(metrics, "latency_max_ns"));
	assert_in_range(whole(metrics, "requests_beside_computing"), 0, 4);
	/* The client is no worker. */
	assert_int_equal(json_array_size(json_object_get(work.json, "threads")),
			 whole(work.json, "workers"));
	work_free(&work);

	run(&work, "-jmixed", "-mserial", "-n4", "-w2", NULL);
	check_ok(&work, "mixed");
	metrics = json_object_get(work.json, "metrics");
	assert_int_equal(whole(metrics, "requests_beside_computing"), 0);
	work_free(&work);

	run(&work, "-jqueue", "-mprocesses", "-n100", "-w4", NULL);
	check_ok(&work, "queue");
	metrics = json_object_get(work.json, "metrics");
	assert_int_equal(whole(metrics, "messages"), 300);
	assert_true(json_real_value(json_object_get(metrics, "messages_per_s")) > 0);
	work_free(&work);

	run(&work, "-jcounter", "-mprocesses", "-n100", "-w4", NULL);
	check_ok(&work, "counter");
	metrics = json_object_get(work.json, "metrics");
	assert_int_equal(whole(metrics, "increments"), 400);
	assert_int_equal(whole(metrics, "locks_recovered"), 0);
	work_free(&work);

	run(&work, "-jpages", "-mpool", "-n10", "-w2", NULL);
	check_ok(&work, "pages");
	assert_int_equal(whole(json_object_get(work.json, "metrics"), "pages"), 1280);
	work_free(&work);
}

/* A table of locks for convoy-work to fill in, as the tracer makes it. */
static struct lock_table *make_table(int *fd)
{
	struct lock_table *table;
	char number[16];

	*fd = memfd_create("table", 0);
	assert_true(*fd >= 0);
	assert_int_equal(ftruncate(*fd, sizeof(*table)), 0);
	table = mmap(NULL, sizeof(*table), PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
	assert_ptr_not_equal(table, MAP_FAILED);
	table->magic = LOCK_TABLE_MAGIC;
	table->capacity = LOCK_TABLE_CAPACITY;
	snprintf(number, sizeof(number), "%d", *fd);
	setenv(LOCK_TABLE_ENV, number, 1);
	return table;
}

static void drop_table(struct lock_table *table, int fd)
{
	unsetenv(LOCK_TABLE_ENV);
	munmap(table, sizeof(*table));
	close(fd);
}

static const struct lock_entry *find_entry(const struct lock_table *table, const char *name)
{
	uint32_t count = __atomic_load_n(&table->count, __ATOMIC_ACQUIRE);

	for (uint32_t i = 0; i < count; i++)
		if (__atomic_load_n(&table->entries[i].ready, __ATOMIC_ACQUIRE) &&
		    !strcmp(table->entries[i].name, name))
			return &table->entries[i];
	return NULL;
}

static void test_locks_are_published(void **state)
{
	static const struct {
		const char *job, *mode, *lock;
		uint32_t kind;
		unsigned ranges;
	} rows[] = {
		{ "counter", "threads", "counter mutex", LOCK_MUTEX, 1 },
		{ "counter", "processes", "counter mutex", LOCK_MUTEX, 3 },
		{ "queue", "gil-ticks", "queue mutex", LOCK_MUTEX, 1 },
		{ "queue", "threads", "queue not empty", LOCK_COND, 1 },
		{ "queue", "threads", "queue not full", LOCK_COND, 1 },
		{ "queue", "threads", "answers not empty", LOCK_COND, 1 },
		{ "queue", "processes", "queue mutex", LOCK_MUTEX, 0 },
		{ "sleepers", "pool", "start barrier", LOCK_BARRIER, 3 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		unsigned found = 0;
		struct work work;
		int fd, pid = 0;
		struct lock_table *table = make_table(&fd);

		run(&work, "-j", rows[i].job, "-m", rows[i].mode, "-w3", "--sleep-scale=0",
		    strcmp(rows[i].job, "sleepers") ? "-n5" : "-v", NULL);
		assert_int_equal(work.status, 0);
		for (uint32_t e = 0; e < table->count; e++) {
			const struct lock_entry *entry = &table->entries[e];

			if (strcmp(entry->name, rows[i].lock))
				continue;
			assert_int_equal(entry->kind, rows[i].kind);
			assert_int_equal(entry->role, LOCK_ROLE_ACQUIRE);
			assert_true(entry->address && entry->size >= 32);
			assert_int_not_equal(entry->pid, pid); /* each its own */
			pid = entry->pid;
			found++;
		}
		assert_int_equal(found, rows[i].ranges);
		work_free(&work);
		drop_table(table, fd);
	}
}

/* The process that holds the counter's lock: glibc keeps its TID at mutex + 8. */
static pid_t find_owner(const struct lock_table *table)
{
	for (int tries = 0; tries < 5000; tries++) {
		const struct lock_entry *entry = find_entry(table, "counter mutex");
		int32_t owner = 0;
		char path[64];
		int fd;

		usleep(1000);
		if (!entry)
			continue;
		snprintf(path, sizeof(path), "/proc/%d/mem", entry->pid);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 && (errno == EACCES || errno == EPERM))
			skip();
		if (fd < 0)
			continue;
		if (pread(fd, &owner, sizeof(owner), (off_t)entry->address + 8) != sizeof(owner))
			owner = 0;
		close(fd);
		if (owner > 0)
			return owner;
	}
	fail_msg("nobody ever held the lock");
	return 0;
}

static void kill_an_owner(const char *start_option)
{
	unsigned recovered = 0, finished = 0;
	struct lock_table *table;
	json_t *threads, *thread, *tasks, *task;
	struct work work;
	size_t i;
	int fd;

	table = make_table(&fd);
	/* Somebody holds it all the time, for tens of milliseconds. */
	start(&work, "-jcounter", "-mprocesses", "-w3", "-n6", "--inside=2000000", "--outside=0",
	      start_option, NULL);
	assert_int_equal(kill(find_owner(table), SIGKILL), 0);
	finish(&work);
	drop_table(table, fd);

	assert_int_equal(work.status, 6);
	assert_non_null(strstr(work.said, "was killed by signal 9"));
	assert_true(json_is_false(json_object_get(work.json, "ok")));
	threads = json_object_get(work.json, "threads");
	json_array_foreach(threads, i, thread)
		recovered += (unsigned)whole(json_object_get(thread, "job_lock"), "recovered");
	tasks = json_object_get(work.json, "tasks");
	json_array_foreach(tasks, i, task)
		finished += json_is_true(json_object_get(task, "ok"));
	/* The others have done all of their work. */
	assert_int_equal(finished, 2);
	/* It had the lock, unless it let go just before it died. */
	assert_in_range(recovered, 0, 1);
	assert_int_equal(whole(json_object_get(work.json, "metrics"), "locks_recovered"),
			 recovered);
	work_free(&work);
}

static void test_the_owner_of_the_lock_is_killed(void **state)
{
	(void)state;
	kill_an_owner("--start=fork");
	kill_an_owner("--start=spawn");
}

/* One of the children of this process, when it has `count` of them. */
static pid_t find_child(pid_t parent, int count)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", parent, parent);
	for (int tries = 0; tries < 5000; tries++) {
		FILE *file = fopen(path, "re");
		int seen = 0, pid = 0;

		if (!file)
			skip(); /* a kernel without it */
		while (fscanf(file, "%d", &pid) == 1)
			seen++;
		fclose(file);
		if (seen == count)
			return pid;
		usleep(1000);
	}
	fail_msg("there were never %d workers", count);
	return 0;
}

static void test_a_worker_that_dies_ends_the_run(void **state)
{
	static const char *const rows[][3] = {
		{ "countdown", "processes", "-n1000000000" }, { "countdown", "pool", "-n1000000000" },
		{ "sleepers", "processes", "--sleep-scale=9" }, { "sleepers", "pool", "--sleep-scale=9" },
		{ "queue", "processes", "-n10000000" },	      { "mixed", "processes", "-n1000" },
		{ "pages", "pool", "-n1000000" },	      { "pages", "processes", "-n1000000" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		for (int delay = 0; delay < 2; delay++) {
			struct work work;
			pid_t pid;

			start(&work, "-j", rows[i][0], "-m", rows[i][1], "-w3", rows[i][2], NULL);
			pid = find_child(work.pid, 3);
			/* At once it may still stand in the barrier. */
			usleep(delay * 30000);
			assert_int_equal(kill(pid, SIGKILL), 0);
			finish(&work);
			assert_int_equal(work.status, 6);
			assert_null(work.json);
			assert_non_null(strstr(work.said, "was killed by signal 9"));
			/* It has no children left: they die with it, and it waited for them. */
			assert_int_equal(kill(pid, 0), -1);
			work_free(&work);
		}
	}
}

static void test_workers_die_with_the_main_process(void **state)
{
	static const char *const modes[] = { "processes", "pool" };

	(void)state;
	for (size_t i = 0; i < COUNT(modes); i++) {
		struct work work;
		pid_t pid;

		start(&work, "-jsleepers", "-m", modes[i], "-w3", "--sleep-scale=9", NULL);
		pid = find_child(work.pid, 3);
		usleep(20000);
		kill(work.pid, SIGKILL);
		finish(&work);
		assert_int_equal(work.status, 128 + SIGKILL);
		for (int tries = 0; tries < 5000 && !kill(pid, 0); tries++) {
			/* Whoever adopts it may be slow to reap: a zombie is dead too. */
			char path[64], status = 0;
			FILE *file;

			snprintf(path, sizeof(path), "/proc/%d/stat", pid);
			file = fopen(path, "re");
			if (!file || fscanf(file, "%*d (%*[^)]) %c", &status) != 1 || status == 'Z')
				tries = 5000;
			if (file)
				fclose(file);
			usleep(1000);
			assert_int_not_equal(tries, 4999);
		}
		work_free(&work);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_job_in_every_mode),
		cmocka_unit_test(test_the_seed_and_nothing_else_makes_the_times),
		cmocka_unit_test(test_params_of_each_job),
		cmocka_unit_test(test_bad_options),
		cmocka_unit_test(test_a_pool_gives_tasks_to_who_is_free),
		cmocka_unit_test(test_numbers_of_a_run),
		cmocka_unit_test(test_locks_are_published),
		cmocka_unit_test(test_the_owner_of_the_lock_is_killed),
		cmocka_unit_test(test_a_worker_that_dies_ends_the_run),
		cmocka_unit_test(test_workers_die_with_the_main_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
