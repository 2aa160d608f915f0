// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * test_map_events_live.c - the kernel's own records of programs and mappings: of processes
 * that live a millisecond, drained by a process that gave up its privileges, and of
 * buffers that are full or too small.
 */
#include "tests/root/kept_mappings.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include "user/host.h"
#include "user/map_build_id.h"
#include "user/map_events.h"

#define SHORT_LIVED "/bin/true"
#define N_SHORT 50
/* Room for what the rest of the machine executes meanwhile. */
#define ROOMY_PAGES 1024

static struct map_events *open_events(pid_t pid, size_t pages)
{
	struct map_events_options options = { .pid = pid, .pages = pages };
	struct map_events *events = NULL;
	int err = map_events__open(&events, &options);

	if (err == -EACCES || err == -EPERM || err == -ENOSYS) {
		print_message("no permission for perf events: %s\n", strerror(-err));
		skip();
	}
	assert_int_equal(err, 0);
	return events;
}

/* Runs it and waits for its end; `cork` >= 0: not before a byte comes from there. */
static pid_t start(const char *program, int cork)
{
	pid_t pid = fork();
	char byte;

	if (!pid) {
		if (cork < 0 || read(cork, &byte, 1) == 1)
			execl(program, program, NULL);
		_exit(127);
	}
	return pid;
}

static pid_t run(const char *program)
{
	pid_t pid = start(program, -1);
	int status;

	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		return -1;
	return pid;
}

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n >= m && !strcmp(text + n - m, end);
}

/* Names a fault of `mapping`, which has a build-id or none; NULL: it has none. */
static const char *wrong_identity(const struct mapping *mapping)
{
	struct build_id id;
	int fd;

	if (!mapping->executable)
		return "not executable";
	if (!mapping->build_id_size)
		return mapping->inode ? NULL : "neither build-id nor inode";
	fd = open(mapping->path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return "its file is not there";
	id = build_id__of_elf(fd);
	close(fd);
	if (id.size != mapping->build_id_size || memcmp(id.bytes, mapping->build_id, id.size))
		return "another build-id than its file";
	return NULL;
}

/* What is missing of a short-lived process's life; NULL if nothing is. */
static const char *missing(const struct kept *kept, pid_t pid)
{
	bool exec = false, program = false, libc = false;
	const char *wrong;

	for (size_t i = 0; i < kept->n; i++) {
		const struct mapping *mapping = &kept->mappings[i];

		if (mapping->pid != (uint32_t)pid)
			continue;
		if (mapping->kind == MAPPING_EXEC) {
			if (exec || strcmp(mapping->path, "true"))
				return "another exec";
			exec = true;
			continue;
		}
		if (!exec)
			return "a mapping before its exec";
		if (!strcmp(mapping->path, "[vdso]"))
			continue;
		wrong = wrong_identity(mapping);
		if (wrong)
			return wrong;
		/* The first one after the exec is the program itself. */
		if (!program && !ends_with(mapping->path, "/true"))
			return "another program";
		program = true;
		libc |= strstr(mapping->path, "/libc") != NULL;
	}
	return !exec ? "no exec" : !program ? "no program" : !libc ? "no C library" : NULL;
}

static void check_short_lived(const struct kept *kept, const pid_t *pids)
{
	for (size_t i = 0; i < N_SHORT; i++) {
		const char *why = missing(kept, pids[i]);

		if (why)
			fail_msg("process %zu: %s", i, why);
	}
	for (size_t i = 1; i < kept->n; i++)
		assert_true(kept->mappings[i].time_ns >= kept->mappings[i - 1].time_ns);
}

/* The drainer: maps, gives up its privileges, drains until the PIDs to look for have
 * come. A status for exit(). */
static int drain_until_told(struct map_events *events, int ready, int told)
{
	struct pollfd poll_fd = { .fd = told, .events = POLLIN };
	struct kept kept = { 0 };
	pid_t pids[N_SHORT];
	const char *why;

	if (map_events__map(events) || keep_only_ptrace() || write(ready, "", 1) != 1)
		return 2;
	while (poll(&poll_fd, 1, 5) == 0)
		if (map_events__drain(events, monotonic_ns() - 5000000, keep, &kept))
			return 3;
	if (read(told, pids, sizeof(pids)) != sizeof(pids) ||
	    map_events__drain(events, UINT64_MAX, keep, &kept))
		return 4;
	for (size_t i = 0; i < N_SHORT; i++) {
		why = missing(&kept, pids[i]);
		if (why) {
			fprintf(stderr, "process %zu: %s\n", i, why);
			return 5;
		}
	}
	for (size_t i = 1; i < kept.n; i++)
		if (kept.mappings[i].time_ns < kept.mappings[i - 1].time_ns)
			return 6;
	if (map_events__lost(events))
		return 7;
	map_events__free(events);
	forget(&kept);
	return 0;
}

static void test_drained_without_capabilities(void **state)
{
	struct map_events *events;
	int ready[2], told[2], status;
	pid_t pids[N_SHORT], drainer;
	char byte;

	(void)state;
	require_root();
	events = open_events(-1, ROOMY_PAGES);
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	assert_int_equal(pipe2(told, O_CLOEXEC), 0);
	drainer = fork();
	assert_true(drainer >= 0);
	if (!drainer) {
		close(ready[0]);
		close(told[1]);
		_exit(drain_until_told(events, ready[1], told[0]));
	}
	map_events__free(events);
	close(ready[1]);
	close(told[0]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	for (size_t i = 0; i < N_SHORT; i++) {
		pids[i] = run(SHORT_LIVED);
		assert_true(pids[i] > 0);
	}
	assert_int_equal(write(told[1], pids, sizeof(pids)), sizeof(pids));
	close(told[1]);
	close(ready[0]);
	assert_int_equal(waitpid(drainer, &status, 0), drainer);
	assert_int_equal(status, 0);
}

/* Does the kernel put build-ids into its records, and has the program one? */
static bool expects_build_ids(void)
{
	int fd = open(SHORT_LIVED, O_RDONLY | O_CLOEXEC), major = 0, minor = 0;
	struct build_id id = build_id__of_elf(fd);
	struct utsname name;

	close(fd);
	return !uname(&name) && sscanf(name.release, "%d.%d", &major, &minor) == 2 &&
	       (major > 5 || (major == 5 && minor >= 12)) && id.size;
}

static size_t count_build_ids(const struct kept *kept)
{
	size_t n = 0;

	for (size_t i = 0; i < kept->n; i++)
		n += kept->mappings[i].build_id_size > 0;
	return n;
}

/* The grandchildren of one process, and nobody else. */
static void test_one_process_and_what_it_forks(void **state)
{
	int cork[2], told[2], status;
	struct map_events *events;
	struct kept kept = { 0 };
	pid_t pids[N_SHORT], parent, outsider;
	char byte;

	(void)state;
	assert_int_equal(pipe2(cork, O_CLOEXEC), 0);
	assert_int_equal(pipe2(told, O_CLOEXEC), 0);
	parent = fork();
	assert_true(parent >= 0);
	if (!parent) {
		close(cork[1]);
		if (read(cork[0], &byte, 1) != 1)
			_exit(1);
		for (size_t i = 0; i < N_SHORT; i++)
			pids[i] = run(SHORT_LIVED);
		_exit(write(told[1], pids, sizeof(pids)) != sizeof(pids));
	}
	close(cork[0]);
	close(told[1]);
	events = open_events(parent, 0);
	assert_int_equal(map_events__drain(events, UINT64_MAX, keep, &kept), -EINVAL);
	assert_int_equal(map_events__map(events), 0);
	outsider = run(SHORT_LIVED);
	assert_int_equal(write(cork[1], "", 1), 1);
	assert_int_equal(waitpid(parent, &status, 0), parent);
	assert_int_equal(status, 0);
	assert_int_equal(read(told[0], pids, sizeof(pids)), sizeof(pids));
	assert_int_equal(map_events__drain(events, UINT64_MAX, keep, &kept), 0);
	check_short_lived(&kept, pids);
	if (expects_build_ids())
		assert_true(count_build_ids(&kept) > 0);
	assert_string_equal(missing(&kept, outsider), "no exec");
	assert_int_equal(map_events__lost(events), 0);
	map_events__free(events);
	close(cork[1]);
	close(told[0]);
	forget(&kept);
}

/* What the receiver must know itself: a fork is silent, yet the child has all of it. */
static void test_fork_is_not_told(void **state)
{
	struct map_events *events = open_events(getpid(), 0);
	struct kept events_kept = { 0 }, own, of_child;
	pid_t pid;

	(void)state;
	assert_int_equal(map_events__map(events), 0);
	pid = fork_idle();
	of_child = read_proc(pid);
	own = read_proc(getpid());
	for (size_t i = 1; i < own.n; i++) {
		const struct mapping *mapping = at_address(&of_child, own.mappings[i].start);

		if (!own.mappings[i].executable)
			continue;
		assert_non_null(mapping);
		assert_string_equal(mapping->path, own.mappings[i].path);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_int_equal(map_events__drain(events, UINT64_MAX, keep, &events_kept), 0);
	for (size_t i = 0; i < events_kept.n; i++)
		assert_true(events_kept.mappings[i].pid != (uint32_t)pid);
	assert_int_equal(map_events__lost(events), 0);
	map_events__free(events);
	forget(&events_kept);
	forget(&of_child);
	forget(&own);
}

/* A full buffer is counted, and there is life after it. */
static void test_full_buffer_is_counted(void **state)
{
	struct map_events *events = open_events(getpid(), 2);
	struct kept kept = { 0 };
	uint64_t lost;
	pid_t pid;

	(void)state;
	assert_int_equal(map_events__map(events), 0);
	assert_int_equal(map_events__lost(events), 0);
	for (int i = 0; i < N_SHORT; i++)
		assert_true(run(SHORT_LIVED) > 0);
	assert_int_equal(map_events__drain(events, UINT64_MAX, keep, &kept), 0);
	pid = run(SHORT_LIVED);
	assert_int_equal(map_events__drain(events, UINT64_MAX, keep, &kept), 0);
	assert_null(missing(&kept, pid));
	lost = map_events__lost(events);
	assert_true(lost > 0);
	/* Nothing was lost of what came later. */
	pid = run(SHORT_LIVED);
	assert_int_equal(map_events__drain(events, UINT64_MAX, keep, &kept), 0);
	assert_null(missing(&kept, pid));
	assert_int_equal(map_events__lost(events), lost);
	map_events__free(events);
	forget(&kept);
}

/* Paths as long as they get, in a buffer that holds not two of them: each is cut by the
 * buffer's end somewhere. */
static void test_long_paths_around_the_end(void **state)
{
	char dir[PATH_MAX], path[2 * PATH_MAX], name[201];
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	int fd, here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC), levels = 0;
	struct map_events *events = open_events(getpid(), 2);
	struct kept kept = { 0 };
	void *memory;

	(void)state;
	assert_int_equal(map_events__map(events), 0);
	make_directory(dir);
	assert_non_null(realpath(dir, path));
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(chdir(dir), 0);
	/* From a short path to one that is longer than there is. */
	for (;; levels++) {
		bool is_too_long = strlen(path) + 2 >= PATH_MAX;

		fd = open("f", O_RDWR | O_CREAT | O_CLOEXEC, 0700);
		assert_true(fd >= 0);
		assert_int_equal(ftruncate(fd, (off_t)page), 0);
		for (int i = 0; i < 3; i++) {
			const struct mapping *last;

			memory = mmap(NULL, page, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
			assert_true(memory != MAP_FAILED);
			assert_int_equal(map_events__drain(events, UINT64_MAX, keep, &kept), 0);
			munmap(memory, page);
			assert_true(kept.n > 0);
			last = &kept.mappings[kept.n - 1];
			assert_int_equal(last->start, (uintptr_t)memory);
			assert_int_equal(strlen(last->path), is_too_long ? 0 : strlen(path) + 2);
			assert_memory_equal(last->path, path, is_too_long ? 0 : strlen(path));
		}
		close(fd);
		if (is_too_long)
			break;
		assert_int_equal(mkdir(name, 0700), 0);
		assert_int_equal(chdir(name), 0);
		strcat(strcat(path, "/"), name);
	}
	assert_true(levels > 15);
	for (;; levels--) {
		unlink("f");
		assert_int_equal(chdir(levels ? ".." : "/"), 0);
		if (!levels)
			break;
		assert_int_equal(rmdir(name), 0);
	}
	assert_int_equal(rmdir(dir), 0);
	assert_int_equal(fchdir(here), 0);
	close(here);
	assert_int_equal(map_events__lost(events), 0);
	map_events__free(events);
	forget(&kept);
}

static void test_options_are_checked(void **state)
{
	static const size_t bad[] = { 1, 3, 100, SIZE_MAX, 1u << 31 };
	struct map_events *events;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct map_events_options options = { .pid = -1, .pages = bad[i] };

		assert_int_equal(map_events__open(&events, &options), -EINVAL);
	}
	map_events__free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_drained_without_capabilities),
		cmocka_unit_test(test_one_process_and_what_it_forks),
		cmocka_unit_test(test_fork_is_not_told),
		cmocka_unit_test(test_full_buffer_is_counted),
		cmocka_unit_test(test_long_paths_around_the_end),
		cmocka_unit_test(test_options_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
