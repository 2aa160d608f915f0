// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "output_target.h"

static int refuse(struct output_target *target, int err, const char *prefix, const char *why)
{
	snprintf(target->why, sizeof(target->why), "%s%s", prefix, why ? why : strerror(-err));
	return err;
}

static int find_directory(struct output_target *target)
{
	const char *slash = strrchr(target->path, '/');

	if (slash && !slash[1])
		return refuse(target, -EISDIR, "", "names a directory");
	/* A temporary name's room is kept, so that it cannot fail later. */
	if (strlen(target->path) + 40 >= sizeof(target->directory))
		return refuse(target, -ENAMETOOLONG, "", NULL);
	if (!slash)
		snprintf(target->directory, sizeof(target->directory), ".");
	else
		snprintf(target->directory, sizeof(target->directory), "%.*s",
			 (int)(slash == target->path ? 1 : slash - target->path), target->path);
	return 0;
}

int output_target__check(struct output_target *target, const char *path)
{
	struct stat st;
	int err;

	memset(target, 0, sizeof(*target));
	target->path = path;
	err = find_directory(target);
	if (err)
		return err;
	target->exists = lstat(path, &st) == 0;
	if (!target->exists && errno != ENOENT)
		return refuse(target, -errno, "", NULL);
	if (target->exists && S_ISLNK(st.st_mode))
		return refuse(target, -ELOOP, "", "is a symbolic link, which is not followed");
	if (target->exists && S_ISDIR(st.st_mode))
		return refuse(target, -EISDIR, "", NULL);
	target->special = target->exists && (S_ISCHR(st.st_mode) || S_ISFIFO(st.st_mode));
	if (target->exists && !target->special && !S_ISREG(st.st_mode))
		return refuse(target, -EINVAL, "", "is neither a file nor a pipe");
	if (target->exists && faccessat(AT_FDCWD, path, W_OK, AT_EACCESS))
		return refuse(target, -errno, "", NULL);
	target->mode = target->exists ? st.st_mode & 0777 : 0;
	if (target->special)
		return 0;
	if (stat(target->directory, &st))
		return refuse(target, -errno, "directory: ", NULL);
	if (!S_ISDIR(st.st_mode))
		return refuse(target, -ENOTDIR, "directory: ", NULL);
	if (faccessat(AT_FDCWD, target->directory, W_OK | X_OK, AT_EACCESS))
		return refuse(target, -errno, "directory: ", NULL);
	return 0;
}

int output_target__open_special(const struct output_target *target)
{
	int fd = open(target->path, O_WRONLY | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return -errno;
	/* Not a file that was put in its place meanwhile. */
	if (fstat(fd, &st) || !(S_ISCHR(st.st_mode) || S_ISFIFO(st.st_mode))) {
		close(fd);
		return -EEXIST;
	}
	return fd;
}

int output_target__open_beside(const struct output_target *target, mode_t mode, char *name,
			       size_t size)
{
	for (unsigned i = 0; i < 1000; i++) {
		int fd, n = snprintf(name, size, "%s/.convoy-%ld-%u.tmp", target->directory,
				     (long)getpid(), i);

		if (n < 0 || (size_t)n >= size)
			return -ENAMETOOLONG;
		/* O_EXCL: neither a file nor a link that someone put there is followed. */
		fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
		if (fd >= 0)
			return fd;
		if (errno != EEXIST)
			return -errno;
	}
	return -EEXIST;
}
