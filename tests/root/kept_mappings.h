/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * kept_mappings.h - for the live tests of mappings: what was handed over, kept; and
 * giving up privileges.
 */
#ifndef CONVOY_TESTS_KEPT_MAPPINGS_H
#define CONVOY_TESTS_KEPT_MAPPINGS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <limits.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "user/map_proc.h"
#include "user/mapping.h"

struct kept {
	struct mapping *mappings;
	size_t n, room;
};

static inline int keep(void *ctx, const struct mapping *mapping)
{
	struct kept *kept = ctx;

	if (kept->n == kept->room) {
		kept->room = kept->room ? 2 * kept->room : 256;
		kept->mappings = realloc(kept->mappings, kept->room * sizeof(*kept->mappings));
		if (!kept->mappings)
			return -ENOMEM;
	}
	kept->mappings[kept->n] = *mapping;
	kept->mappings[kept->n].path = strdup(mapping->path);
	return kept->mappings[kept->n++].path ? 0 : -ENOMEM;
}

static inline void forget(struct kept *kept)
{
	for (size_t i = 0; i < kept->n; i++)
		free((void *)kept->mappings[i].path);
	free(kept->mappings);
	memset(kept, 0, sizeof(*kept));
}

static inline const struct mapping *at_address(const struct kept *kept, uint64_t address)
{
	for (size_t i = 0; i < kept->n; i++) {
		const struct mapping *mapping = &kept->mappings[i];

		if (mapping->kind == MAPPING_FILE && address >= mapping->start &&
		    address - mapping->start < mapping->length)
			return mapping;
	}
	return NULL;
}

static inline struct kept read_proc(pid_t pid)
{
	struct kept kept = { 0 };
	struct map_proc *map_proc;

	assert_int_equal(map_proc__new(&map_proc), 0);
	assert_int_equal(map_proc__read(map_proc, pid, 4242, 17, keep, &kept), 0);
	map_proc__free(map_proc);
	for (size_t i = 0; i < kept.n; i++) {
		assert_int_equal(kept.mappings[i].kind, i ? MAPPING_FILE : MAPPING_EXEC);
		assert_int_equal(kept.mappings[i].pid, 4242);
		assert_int_equal(kept.mappings[i].time_ns, 17);
	}
	return kept;
}

/* A child that does nothing until it is killed. */
static inline pid_t fork_idle(void)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	return pid;
}

/* A directory for files that can be mapped executable. */
static inline void make_directory(char dir[PATH_MAX])
{
	const char *tmp = getenv("TEST_TMPDIR");
	struct statvfs st;

	snprintf(dir, PATH_MAX, "%s/convoy-maps.XXXXXX", tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(dir));
	assert_int_equal(statvfs(dir, &st), 0);
	if (st.f_flag & ST_NOEXEC) {
		rmdir(dir);
		print_message("temporary files cannot be executed here (noexec)\n");
		skip();
	}
}

/* What convoy's drainer keeps. 0, or -1 where even that cannot be had. */
static inline int keep_only_ptrace(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };

	data[0].effective = data[0].permitted = 1u << CAP_SYS_PTRACE;
	if (syscall(SYS_capset, &header, data))
		return -1;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

static inline void require_root(void)
{
	if (geteuid()) {
		print_message("needs root, to give up what it can do\n");
		skip();
	}
}

#endif /* CONVOY_TESTS_KEPT_MAPPINGS_H */
