// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tracefs.h"

static const char *const mount_points[] = {
	"/sys/kernel/tracing",
	"/sys/kernel/debug/tracing",
};

const char *tracefs__mounted(void)
{
	for (size_t i = 0; i < sizeof(mount_points) / sizeof(*mount_points); i++) {
		char path[256];

		snprintf(path, sizeof(path), "%s/events", mount_points[i]);
		if (!access(path, R_OK | X_OK))
			return mount_points[i];
	}
	return NULL;
}

/* Returns the id, or a negative errno. */
static int read_id(const char *root, const char *name)
{
	char path[256], text[32];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/events/syscalls/%s/id", root, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, text, sizeof(text) - 1);
	if (n <= 0) {
		int err = n < 0 ? -errno : -EIO;

		close(fd);
		return err;
	}
	close(fd);
	text[n] = 0;
	return atoi(text);
}

/* Returns 0 when `root` is a tracefs, whatever events it has. */
static int read_ids(const char *root, const char *const *names, size_t n, int *ids)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/events/syscalls", root);
	if (access(path, R_OK | X_OK))
		return -errno;
	for (size_t i = 0; i < n; i++)
		ids[i] = read_id(root, names[i]);
	return 0;
}

/* In a child of its own: mount tracefs where only it can see it, write the ids. */
static int read_ids_in_private(int out, const char *const *names, size_t n, int *ids)
{
	int err;

	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("tracefs", "/sys", "tracefs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL))
		return -errno;
	err = read_ids("/sys", names, n, ids);
	if (err)
		return err;
	return write(out, ids, n * sizeof(*ids)) == (ssize_t)(n * sizeof(*ids)) ? 0 : -EIO;
}

int tracefs__syscall_event_ids(const char *const *names, size_t n, int *ids)
{
	int fds[2], status = 0, err = 0;
	ssize_t got;
	pid_t pid;

	for (size_t i = 0; i < sizeof(mount_points) / sizeof(*mount_points); i++)
		if (!read_ids(mount_points[i], names, n, ids))
			return 0;

	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	pid = fork();
	if (pid < 0) {
		err = -errno;
		close(fds[0]);
		close(fds[1]);
		return err;
	}
	if (!pid)
		_exit(-read_ids_in_private(fds[1], names, n, ids) & 0xff);
	close(fds[1]);
	do {
		got = read(fds[0], ids, n * sizeof(*ids));
	} while (got < 0 && errno == EINTR);
	close(fds[0]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (got == (ssize_t)(n * sizeof(*ids)))
		return 0;
	return WIFEXITED(status) && WEXITSTATUS(status) ? -WEXITSTATUS(status) : -EIO;
}
