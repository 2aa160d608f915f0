// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "message.h"
#include "output_target.h"
#include "record_file.h"
#include "recording_block.h"
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

static int create(struct record_file *file)
{
	file->fd =
		open(file->path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, RECORD_MODE);
	if (file->fd < 0)
		return complain(file->path, -errno,
				errno == EEXIST ? "something was put there just now" : NULL);
	file->made = true;
	give_to_caller(file->path, file->fd);
	return 0;
}

static int create_beside(struct record_file *file, const struct output_target *target)
{
	file->fd = output_target__open_beside(target, RECORD_MODE, file->temporary,
					      sizeof(file->temporary));
	if (file->fd < 0) {
		int err = file->fd;

		file->temporary[0] = '\0';
		file->fd = -1;
		return complain(file->path, err, NULL);
	}
	file->made = true;
	give_to_caller(file->path, file->fd);
	return 0;
}

/* What is no file of its own: nothing to keep, nothing to remove. */
static int borrow(struct record_file *file, const char *name, int fd)
{
	file->fd = fd < 0 ? -1 : fd;
	return fd < 0 ? complain(name, fd, NULL) : 0;
}

static int copy_of_stdout(void)
{
	int fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);

	return fd < 0 ? -errno : fd;
}

int record_file__create(struct record_file *file, const char *path, bool force)
{
	struct output_target target;
	int err;

	memset(file, 0, sizeof(*file));
	file->path = path;
	file->fd = -1;
	if (!strcmp(path, "-"))
		return borrow(file, "standard output", copy_of_stdout());
	err = output_target__check(&target, path);
	if (err)
		return complain(path, err, target.why);
	if (target.special)
		return borrow(file, path, output_target__open_special(&target));
	if (!target.exists)
		return create(file);
	if (!force) {
		message("'%s' exists already: --force replaces it, -o FILE names another", path);
		return -EEXIST;
	}
	return create_beside(file, &target);
}

/* Does `path` name the regular file that `fd` is open on? */
static bool is_still(const char *path, int fd)
{
	struct stat named, opened;

	return !lstat(path, &named) && !fstat(fd, &opened) && S_ISREG(named.st_mode) &&
	       named.st_dev == opened.st_dev && named.st_ino == opened.st_ino;
}

int record_file__in_memory(struct record_file *file)
{
	int err;

	memset(file, 0, sizeof(*file));
	file->fd = memfd_create("convoy-recording", MFD_CLOEXEC);
	if (file->fd >= 0)
		return 0;
	err = -errno;
	message("memfd_create: %s", strerror(-err));
	return err;
}

/* A file without a name: where temporary ones go, or else in memory. */
static int open_nameless(void)
{
	const char *directory = getenv("TMPDIR");
	int fd = open(directory && directory[0] ? directory : "/tmp",
		      O_TMPFILE | O_RDWR | O_CLOEXEC, RECORD_MODE);

	if (fd < 0)
		fd = memfd_create("convoy-recording", MFD_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int write_all(int fd, const uint8_t *bytes, size_t size)
{
	while (size) {
		ssize_t n = write(fd, bytes, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		bytes += n;
		size -= (size_t)n;
	}
	return 0;
}

#define COPY_SIZE 65536

static int copy_all(int from, int to)
{
	uint8_t buffer[COPY_SIZE];
	char why[160];
	size_t got = 0;
	bool begun = false;

	for (;;) {
		ssize_t n = read(from, buffer + got, sizeof(buffer) - got);
		int err;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		got += (size_t)n;
		if (n && !begun && got < RECORDING_HEADER_SIZE)
			continue;
		err = write_all(to, buffer, got);
		if (err || !n)
			return err;
		/* Whatever else comes without an end need not be looked at to its end. */
		if (!begun && recording_header__get(buffer, why, sizeof(why)))
			return 0;
		begun = true;
		got = 0;
	}
}

int record_file__seekable(int *fd)
{
	int copy, err;

	if (lseek(*fd, 0, SEEK_CUR) >= 0)
		return 0;
	copy = open_nameless();
	if (copy < 0)
		return copy;
	err = copy_all(*fd, copy);
	if (!err && lseek(copy, 0, SEEK_SET) < 0)
		err = -errno;
	if (err) {
		close(copy);
		return err;
	}
	if (*fd != STDIN_FILENO)
		close(*fd);
	*fd = copy;
	return 0;
}

int record_file__keep(struct record_file *file)
{
	int err;

	if (!file->temporary[0])
		return 0;
	if (is_still(file->temporary, file->fd)) {
		if (!rename(file->temporary, file->path)) {
			file->temporary[0] = '\0';
			return 0;
		}
		err = -errno;
	} else {
		err = -ESTALE;
	}
	complain(file->path, err, NULL);
	message("it stays in '%s'", file->temporary);
	return err;
}

void record_file__remove(struct record_file *file)
{
	const char *name = file->temporary[0] ? file->temporary : file->path;

	if (file->made && is_still(name, file->fd))
		unlink(name);
	file->temporary[0] = '\0';
}
