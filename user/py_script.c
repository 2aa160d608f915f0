// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "message.h"
#include "py_script.h"

/* What somebody finds who looks at it. */
struct look {
	int32_t err;		/* a negative errno */
	uint32_t size;		/* bytes of the head */
	char head[SHEBANG_MAX];
};

static int read_head(const char *path, struct look *look)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, look->head, sizeof(look->head));
	close(fd);
	if (n < 0)
		return -errno;
	look->size = (uint32_t)n;
	return 0;
}

static void look_at(const char *path, struct look *look)
{
	struct stat st;

	memset(look, 0, sizeof(*look));
	if (stat(path, &st))
		look->err = -errno;
	else if (S_ISDIR(st.st_mode))
		look->err = -EISDIR;
	else if (S_ISREG(st.st_mode))
		look->err = read_head(path, look);
	else if (access(path, R_OK))
		look->err = -errno;
}

/* In the child. */
static void look_as(const char *path, const struct identity *as, int fd)
{
	struct look look = { .err = identity__switch(as) };

	if (!look.err)
		look_at(path, &look);
	_exit(write(fd, &look, sizeof(look)) != (ssize_t)sizeof(look));
}

/* Returns 0, and what there is is in *look; or a negative errno: nobody could look. */
static int ask(const char *path, const struct identity *as, struct look *look)
{
	int fds[2], status, err = 0;
	ssize_t n;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	pid = fork();
	if (!pid)
		look_as(path, as, fds[1]);
	if (pid < 0)
		err = -errno;
	close(fds[1]);
	if (!err) {
		n = read(fds[0], look, sizeof(*look));
		if (n != (ssize_t)sizeof(*look))
			err = n < 0 ? -errno : -EIO;
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	}
	close(fds[0]);
	return err;
}

static int explain(const char *path, const struct identity *as, int err)
{
	switch (err) {
	case -ENOENT:
	case -ENOTDIR:
		message("there is no script '%s'", path);
		break;
	case -EISDIR:
		message("'%s' is a directory, not a script; -m runs a module", path);
		break;
	case -EACCES:
		message("'%s' cannot be read%s%s: %s", path, as ? " by " : "", as ? as->name : "",
			strerror(EACCES));
		break;
	default:
		message("cannot look at '%s': %s", path, strerror(-err));
	}
	return -EINVAL;
}

int py_script__look(const char *path, const struct identity *as, struct shebang *shebang)
{
	struct look look;
	int err = 0;

	if (as)
		err = ask(path, as, &look);
	else
		look_at(path, &look);
	if (err) {
		message("cannot look at '%s': %s", path, strerror(-err));
		return err;
	}
	if (look.err)
		return explain(path, as, look.err);
	if (shebang__parse(shebang, look.head, look.size)) {
		message("the first line of '%s' cannot be followed: it is too long, or asks env for "
			"more than a program; -i names the Python to run it",
			path);
		return -EINVAL;
	}
	return 0;
}
