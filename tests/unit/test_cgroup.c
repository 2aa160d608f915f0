/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_cgroup.c - where version 2 is mounted, and how deep a directory of it is. With
 * real cgroups: tests/root/test_cgroup.c.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/stderr_fixture.h"
#include "user/cgroup.h"

/* The lines of mountinfo(5) that a machine with both versions has. */
#define HYBRID                                                                                     \
	"22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n"                                 \
	"30 22 0:27 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n"                               \
	"31 30 0:28 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n"                     \
	"40 30 0:37 / /sys/fs/cgroup/unified rw,relatime shared:9 master:2 - cgroup2 cgroup2 rw\n"

static bool find(const char *lines, const char *path, struct cgroup_mount *mount)
{
	FILE *file = fmemopen((char *)lines, strlen(lines), "r");
	bool found;

	assert_non_null(file);
	memset(mount, 0, sizeof(*mount));
	found = cgroup__find_mount(file, path, mount);
	fclose(file);
	return found;
}

static void test_mounts(void **state)
{
	struct cgroup_mount mount;

	(void)state;
	assert_true(find(HYBRID, NULL, &mount));
	assert_string_equal(mount.root, "/");
	assert_string_equal(mount.point, "/sys/fs/cgroup/unified");
	assert_true(find(HYBRID, "/sys/fs/cgroup/unified/a", &mount));
	assert_true(find("29 22 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup rw,nsdelegate\n", NULL,
			 &mount));
	assert_string_equal(mount.point, "/sys/fs/cgroup");

	assert_false(find("22 1 254:0 / / rw shared:1 - ext4 /dev/vda rw\n", NULL, &mount));
	assert_false(find("31 30 0:28 / /x rw - cgroup cgroup2 rw\n", NULL, &mount));
	assert_false(find("31 30 0:28 / /x rw - cgroup2x cgroup rw\n", NULL, &mount));
	/* Lines that are cut, or of a format that is not known. */
	assert_false(find("\n", NULL, &mount));
	assert_false(find("31 30 - cgroup2 a rw\n", NULL, &mount));
	assert_false(find(" - cgroup2 a rw\n", NULL, &mount));
}

static void test_the_mount_that_a_path_is_in(void **state)
{
	static const char lines[] = HYBRID
		"50 22 0:37 /a/b /srv/some\\040cgroup rw - cgroup2 cgroup2 rw\n"
		"51 22 0:37 /a /srv/x rw - cgroup2 cgroup2 rw\n"
		"52 51 0:37 /a/b/c /srv/x/b rw - cgroup2 cgroup2 rw\n";
	struct cgroup_mount mount;

	(void)state;
	assert_true(find(lines, "/srv/some cgroup/d", &mount));
	assert_string_equal(mount.point, "/srv/some cgroup");
	assert_string_equal(mount.root, "/a/b");
	assert_int_equal(cgroup__level(&mount, "/srv/some cgroup/d"), 3);
	assert_true(find(lines, "/srv/x/c", &mount));
	assert_string_equal(mount.point, "/srv/x");
	assert_true(find(lines, "/srv/x/bb", &mount));
	assert_string_equal(mount.point, "/srv/x");
	/* Mounted over the other. */
	assert_true(find(lines, "/srv/x/b", &mount));
	assert_string_equal(mount.root, "/a/b/c");
	assert_true(find(lines, "/srv/x/b/e", &mount));
	assert_string_equal(mount.root, "/a/b/c");
	assert_int_equal(cgroup__level(&mount, "/srv/x/b/e"), 4);
	/* In none: the one that has everything. */
	assert_true(find(lines, "/srv", &mount));
	assert_string_equal(mount.point, "/sys/fs/cgroup/unified");
	assert_true(find("51 22 0:37 /a /srv/x rw - cgroup2 cgroup2 rw\n" HYBRID, NULL, &mount));
	assert_string_equal(mount.point, "/sys/fs/cgroup/unified");
	/* There is nothing better than a part. */
	assert_true(find("51 22 0:37 /a /srv/x rw - cgroup2 cgroup2 rw\n", NULL, &mount));
	assert_string_equal(mount.root, "/a");
	/* Over each other at one place: the last is seen. */
	assert_true(find("51 22 0:37 /a /srv/x rw - cgroup2 cgroup2 rw\n"
			 "52 51 0:37 /b /srv/x rw - cgroup2 cgroup2 rw\n",
			 "/srv/x/c", &mount));
	assert_string_equal(mount.root, "/b");
}

static void test_levels(void **state)
{
	struct cgroup_mount whole = { .root = "/", .point = "/sys/fs/cgroup" };
	struct cgroup_mount part = { .root = "/a/b", .point = "/mnt" };
	struct cgroup_mount at_root = { .root = "/", .point = "/" };

	(void)state;
	assert_int_equal(cgroup__level(&whole, "/sys/fs/cgroup"), 0);
	assert_int_equal(cgroup__level(&whole, "/sys/fs/cgroup/"), 0);
	assert_int_equal(cgroup__level(&whole, "/sys/fs/cgroup/a"), 1);
	assert_int_equal(cgroup__level(&whole, "/sys/fs/cgroup/a/b.slice/c"), 3);
	assert_int_equal(cgroup__level(&whole, "/sys/fs/cgroup//a//b/"), 2);
	assert_int_equal(cgroup__level(&whole, "/sys/fs/cgroupx"), -EINVAL);
	assert_int_equal(cgroup__level(&whole, "/sys/fs"), -EINVAL);
	assert_int_equal(cgroup__level(&part, "/mnt"), 2);
	assert_int_equal(cgroup__level(&part, "/mnt/c"), 3);
	assert_int_equal(cgroup__level(&at_root, "/"), 0);
	assert_int_equal(cgroup__level(&at_root, "/a/b"), 2);
}

static int look(const char *path)
{
	struct cgroup_target target;
	int err;

	begin_hearing();
	err = cgroup__find(path, &target);
	end_hearing();
	return err;
}

/* Wherever this runs, with or without cgroups. */
static void test_what_is_no_cgroup(void **state)
{
	static char longest[PATH_MAX + 2];

	(void)state;
	assert_true(look("/usr") < 0);
	assert_said("--cgroup /usr: ");
	assert_true(look("/proc/self/status") < 0);
	assert_said("--cgroup /proc/self/status: ");
	assert_true(look("no/such\e[2Jcgroup") < 0);
	assert_said("--cgroup no/such\\x1b[2Jcgroup: ");
	assert_true(look(".") < 0);
	assert_said("--cgroup .: ");
	memset(longest, 'x', sizeof(longest) - 1);
	assert_int_equal(look(longest), -EINVAL);
	assert_said("longer than");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mounts),
		cmocka_unit_test(test_the_mount_that_a_path_is_in),
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_what_is_no_cgroup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
