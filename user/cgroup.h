/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * cgroup.h - the cgroup (version 2) that --cgroup names.
 */
#ifndef CONVOY_CGROUP_H
#define CONVOY_CGROUP_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct cgroup_target {
	uint64_t id;		/* as bpf_get_current_ancestor_cgroup_id() has it */
	uint32_t level;		/* its depth below the root, which is at 0: cgroup.level */
	char directory[PATH_MAX];	/* where it is in the file system */
	char name[PATH_MAX];	/* below the root, as /proc/PID/cgroup has it: "/a.slice/x.service" */
};

/*
 * Finds a cgroup by its directory, or by its path below the root of version 2, with or
 * without a slash before it. Returns 0, or after a message: -EINVAL if it is none that
 * can be recorded (exit 2); -EACCES if it may not be seen, -EOPNOTSUPP if the system
 * has no version 2 or hides how deep it is (both exit 3).
 */
int cgroup__find(const char *path, struct cgroup_target *target);

/* Has it been removed? Another one of the same name is not it. */
bool cgroup__gone(const struct cgroup_target *target);

/* A place where version 2 is mounted. */
struct cgroup_mount {
	char root[PATH_MAX];	/* what of the tree is mounted, "/" for all of it */
	char point[PATH_MAX];
};

/*
 * The mount of version 2 that is of use for `path`, from lines as in
 * /proc/self/mountinfo: the last one that `path` is in, or, where it is in none (or
 * NULL), the first of a whole tree, else the first. Returns false when there is none.
 */
bool cgroup__find_mount(FILE *mountinfo, const char *path, struct cgroup_mount *mount);

/*
 * How deep a directory below a mount is below the root of the tree: 0 for the root
 * itself. Both paths are absolute and without "." and ".."; -EINVAL if the directory is
 * not below mount->point. Pure.
 */
int cgroup__level(const struct cgroup_mount *mount, const char *directory);

#endif /* CONVOY_CGROUP_H */
