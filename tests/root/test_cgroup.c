// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * test_cgroup.c - real cgroups: the kernel itself says whether id and level are right.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <cmocka.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/stderr_fixture.h"
#include "user/cgroup.h"

/* "below" and "below/it", in a cgroup that only this process uses. */
static struct cgroup_mount mount;
static char top[64], directory[PATH_MAX + 80], inner[PATH_MAX + 96];
static bool usable;

static int set_up(void **state)
{
	FILE *file = fopen("/proc/self/mountinfo", "re");

	(void)state;
	usable = file && cgroup__find_mount(file, NULL, &mount);
	if (file)
		fclose(file);
	snprintf(top, sizeof(top), "convoy-test-%d", (int)getpid());
	snprintf(directory, sizeof(directory), "%s/%s", mount.point, top);
	snprintf(inner, sizeof(inner), "%s/in side", directory);
	usable = usable && !mkdir(directory, 0755) && !mkdir(inner, 0755);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	rmdir(inner);
	rmdir(directory);
	return 0;
}

static void require_cgroups(void)
{
	if (!usable) {
		print_message("cannot make cgroups of version 2 here\n");
		skip();
	}
}

static int find(const char *path, struct cgroup_target *target)
{
	int err;

	begin_hearing();
	err = cgroup__find(path, target);
	end_hearing();
	return err;
}

static void test_by_directory_and_by_path(void **state)
{
	struct cgroup_target target, other;
	char path[PATH_MAX + 200];

	(void)state;
	require_cgroups();
	assert_int_equal(find(inner, &target), 0);
	assert_string_equal(said, "");
	assert_int_equal(target.level, 2);
	assert_string_equal(target.directory, inner);
	snprintf(path, sizeof(path), "/%s/in side", top);
	assert_string_equal(target.name, path);
	assert_int_equal(find(path, &other), 0);
	assert_true(other.id == target.id && other.level == 2);
	assert_string_equal(other.directory, inner);
	assert_int_equal(find(path + 1, &other), 0);
	assert_true(other.id == target.id);
	snprintf(path, sizeof(path), "%s/./in side/../", directory);
	assert_int_equal(find(path, &other), 0);
	assert_int_equal(other.level, 1);
	assert_true(other.id != target.id);
	/* From within the file system, too. */
	assert_int_equal(chdir(directory), 0);
	assert_int_equal(find("in side", &other), 0);
	assert_true(other.id == target.id);
	assert_int_equal(find("./in side", &other), 0);
	assert_int_equal(find(".", &other), 0);
	assert_int_equal(other.level, 1);
	assert_int_equal(chdir("/"), 0);
}

static void test_refusals(void **state)
{
	struct cgroup_target target;
	char path[PATH_MAX + 200];

	(void)state;
	require_cgroups();
	assert_int_equal(find(mount.point, &target), -EINVAL);
	assert_said("use -a");
	assert_int_equal(find("/", &target), -EINVAL);
	assert_said("use -a");
	snprintf(path, sizeof(path), "%s/cgroup.procs", directory);
	assert_int_equal(find(path, &target), -EINVAL);
	assert_said("name its directory");
	snprintf(path, sizeof(path), "%s/none", top);
	assert_int_equal(find(path, &target), -EINVAL);
	assert_said("there is no such cgroup");
	assert_said(mount.point);
	assert_int_equal(find("/proc", &target), -EINVAL);
	assert_said("is no cgroup");
}

static void test_version_1(void **state)
{
	static const char *const places[] = { "/sys/fs/cgroup/memory", "/sys/fs/cgroup/cpu",
					      "/sys/fs/cgroup/pids", "/sys/fs/cgroup/systemd" };
	struct cgroup_target target;
	size_t i = 0;

	(void)state;
	require_cgroups();
	while (i < sizeof(places) / sizeof(*places) && access(places[i], F_OK))
		i++;
	if (i == sizeof(places) / sizeof(*places)) {
		print_message("no cgroup of version 1 is mounted\n");
		skip();
	}
	assert_int_equal(find(places[i], &target), -EINVAL);
	assert_said("is a cgroup of version 1");
	assert_said(mount.point);
}

static void test_gone(void **state)
{
	struct cgroup_target target, again;
	char path[PATH_MAX + 200];

	(void)state;
	require_cgroups();
	snprintf(path, sizeof(path), "%s/short", directory);
	assert_int_equal(mkdir(path, 0755), 0);
	assert_int_equal(find(path, &target), 0);
	assert_false(cgroup__gone(&target));
	assert_int_equal(rmdir(path), 0);
	assert_true(cgroup__gone(&target));
	/* Another one of the same name. */
	assert_int_equal(mkdir(path, 0755), 0);
	assert_int_equal(find(path, &again), 0);
	assert_true(again.id != target.id);
	assert_true(cgroup__gone(&target));
	assert_false(cgroup__gone(&again));
	assert_int_equal(rmdir(path), 0);
}

static void test_in_a_cgroup_namespace(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	require_cgroups();
	pid = fork();
	if (!pid) {
		struct cgroup_target target;
		int err;

		if (unshare(CLONE_NEWCGROUP))
			_exit(77);
		err = find(directory, &target);
		_exit(err == -EOPNOTSUPP && strstr(said, "namespace") ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (status == 77 << 8) {
		print_message("cannot make a cgroup namespace here\n");
		skip();
	}
	assert_int_equal(status, 0);
}

/* A program that returns the id of the current thread's cgroup at a level. */
static int load_asking(uint32_t level)
{
	const struct bpf_insn program[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_1, .imm = (int)level },
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_get_current_ancestor_cgroup_id },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	return bpf_prog_load(BPF_PROG_TYPE_RAW_TRACEPOINT, "ask_cgroup", "GPL", program,
			     sizeof(program) / sizeof(*program), NULL);
}

/* The low 32 bits of that id; 0 if the thread is not as deep as that. */
static uint32_t ask(uint32_t level)
{
	struct bpf_test_run_opts options = { .sz = sizeof(options) };
	int fd = load_asking(level);

	if (fd < 0 || bpf_prog_test_run_opts(fd, &options))
		return UINT32_MAX;
	close(fd);
	return options.retval;
}

static void test_as_the_kernel_has_it(void **state)
{
	struct cgroup_target outer_target, inner_target;
	char procs[PATH_MAX + 200];
	int status, fd;
	pid_t pid;

	(void)state;
	require_cgroups();
	fd = load_asking(1);
	if (fd < 0) {
		print_message("cannot load a BPF program here: %s\n", strerror(errno));
		skip();
	}
	close(fd);
	assert_int_equal(find(directory, &outer_target), 0);
	assert_int_equal(find(inner, &inner_target), 0);
	snprintf(procs, sizeof(procs), "%s/cgroup.procs", inner);
	pid = fork();
	if (!pid) {
		fd = open(procs, O_WRONLY);
		if (fd < 0 || write(fd, "0", 1) != 1)
			_exit(1);
		if (ask(inner_target.level) != (uint32_t)inner_target.id)
			_exit(2);
		if (ask(outer_target.level) != (uint32_t)outer_target.id)
			_exit(3);
		_exit(ask(inner_target.level + 1) ? 4 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_by_directory_and_by_path),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_version_1),
		cmocka_unit_test(test_gone),
		cmocka_unit_test(test_in_a_cgroup_namespace),
		cmocka_unit_test(test_as_the_kernel_has_it),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
