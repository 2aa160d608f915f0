// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "message.h"
#include "output_target.h"
#include "record_file.h"
#include "workloads/parse_number.h"

/* What threads do and programs are called is for its owner's eyes. */
#define RECORD_MODE 0600

static int complain(const char *path, int err, const char *why)
{
	message("cannot write the recording to '%s': %s", path, why ? why : strerror(-err));
	return err;
}

/* The number in an environment variable of sudo's; false when there is none. */
static bool sudo_id(const char *name, unsigned *id)
{
	const char *text = getenv(name);
	unsigned long long value;

	if (!text || parse__u64(text, 0, UINT32_MAX - 1, &value))
		return false;
	*id = (unsigned)value;
	return true;
}

/* Under sudo, to who called it: `convoy report` then needs no root. */
static void give_to_caller(const char *path, int fd)
{
	unsigned uid, gid;

	if (geteuid() || !sudo_id("SUDO_UID", &uid) || !sudo_id("SUDO_GID", &gid) || !uid)
		return;
	if (fchown(fd, uid, gid))
		message("'%s' stays root's, for it cannot be given to user %u: %s", path, uid,
			strerror(errno));
}

static int create(const char *path, int *fd)
{
	*fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, RECORD_MODE);
	if (*fd < 0)
		return complain(path, -errno,
				errno == EEXIST ? "something was put there just now" : NULL);
	give_to_caller(path, *fd);
	return 0;
}

static int replace(const struct output_target *target, int *fd)
{
	char temporary[PATH_MAX];
	int err;

	*fd = output_target__open_beside(target, RECORD_MODE, temporary, sizeof(temporary));
	if (*fd < 0)
		return complain(target->path, *fd, NULL);
	give_to_caller(target->path, *fd);
	if (!rename(temporary, target->path))
		return 0;
	err = -errno;
	unlink(temporary);
	close(*fd);
	*fd = -1;
	return complain(target->path, err, NULL);
}

int record_file__create(const char *path, bool force, int *fd)
{
	struct output_target target;
	int err;

	*fd = -1;
	if (!strcmp(path, "-")) {
		*fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
		return *fd < 0 ? complain("standard output", -errno, NULL) : 0;
	}
	err = output_target__check(&target, path);
	if (err)
		return complain(path, err, target.why);
	if (target.special) {
		*fd = output_target__open_special(&target);
		return *fd < 0 ? complain(path, *fd, NULL) : 0;
	}
	if (!target.exists)
		return create(path, fd);
	if (!force) {
		message("'%s' exists already: --force replaces it, -o FILE names another", path);
		return -EEXIST;
	}
	return replace(&target, fd);
}

void record_file__remove(const char *path, int fd)
{
	struct stat named, opened;

	if (!lstat(path, &named) && !fstat(fd, &opened) && S_ISREG(named.st_mode) &&
	    named.st_dev == opened.st_dev && named.st_ino == opened.st_ino)
		unlink(path);
}
