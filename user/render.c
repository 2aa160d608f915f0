/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * render.c - the table of formats, and writing a report to a file.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE		/* O_CLOEXEC, O_NOFOLLOW, AT_EACCESS */
#endif
#include "render.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "outside.h"

static const struct renderer renderers[] = {
	{ "text", "for a person at a terminal", render_text },
	{ "csv", "one row a mode, for a spreadsheet", render_csv },
	{ "json", "the contract convoy.report/1 (docs/report.schema.json)", render_json },
};

const struct renderer *render__at(size_t i)
{
	return i < sizeof(renderers) / sizeof(renderers[0]) ? &renderers[i] : NULL;
}

const struct renderer *render__find(const char *name)
{
	const struct renderer *renderer;

	for (size_t i = 0; (renderer = render__at(i)); i++) {
		if (strcmp(renderer->name, name) == 0)
			return renderer;
	}
	return NULL;
}

int render__write(const struct renderer *renderer, const struct report *report,
		  const struct render_options *options, FILE *out)
{
	int err;

	errno = 0;
	err = renderer->render(report, options, out);
	if (err)
		return err;
	if (fflush(out) || ferror(out))
		return errno ? -errno : -EIO;
	return 0;
}

/* Where an export goes. */
struct target {
	const struct renderer *renderer;
	const char *path;	/* within the spec */
	mode_t mode;		/* of the file that it will be */
	char directory[PATH_MAX];
	bool special;		/* a pipe or a character device: nothing to replace */
};

/* One message about what the user named; returns `err`. */
__attribute__((format(printf, 3, 4))) static int complain(const char *name, int err,
							  const char *fmt, ...)
{
	char safe[512];
	va_list args;

	outside__terminal(safe, sizeof(safe), name, SIZE_MAX, false);
	fprintf(stderr, "convoy: --export %s: ", safe);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	return err;
}

static int parse_spec(const char *spec, struct target *target)
{
	const char *equals = strchr(spec, '='), *slash;
	char format[32];
	size_t length;

	if (!equals || equals == spec || !equals[1])
		return complain(spec, -EINVAL, "expected FORMAT=FILE");
	length = (size_t)(equals - spec);
	snprintf(format, sizeof(format), "%.*s", (int)(length < 31 ? length : 31), spec);
	target->renderer = length < sizeof(format) ? render__find(format) : NULL;
	if (!target->renderer)
		return complain(spec, -EINVAL, "no such format; there are text, csv and json");
	target->path = equals + 1;
	slash = strrchr(target->path, '/');
	if (slash && !slash[1])
		return complain(spec, -EISDIR, "names a directory");
	/* A temporary name's room is kept, so that it cannot fail later. */
	if (strlen(target->path) + 40 >= sizeof(target->directory))
		return complain(spec, -ENAMETOOLONG, "%s", strerror(ENAMETOOLONG));
	if (!slash)
		snprintf(target->directory, sizeof(target->directory), ".");
	else
		snprintf(target->directory, sizeof(target->directory), "%.*s",
			 (int)(slash == target->path ? 1 : slash - target->path), target->path);
	return 0;
}

/* What is at the path already, and may a report take its place? */
static int check_target(const char *spec, struct target *target)
{
	struct stat st;
	bool exists = lstat(target->path, &st) == 0;

	if (!exists && errno != ENOENT)
		return complain(spec, -errno, "%s", strerror(errno));
	if (exists && S_ISLNK(st.st_mode))
		return complain(spec, -ELOOP, "is a symbolic link, which is not followed");
	if (exists && S_ISDIR(st.st_mode))
		return complain(spec, -EISDIR, "%s", strerror(EISDIR));
	target->special = exists && (S_ISCHR(st.st_mode) || S_ISFIFO(st.st_mode));
	if (exists && !target->special && !S_ISREG(st.st_mode))
		return complain(spec, -EINVAL, "is neither a file nor a pipe");
	if (exists && faccessat(AT_FDCWD, target->path, W_OK, AT_EACCESS))
		return complain(spec, -errno, "%s", strerror(errno));
	/* What was private stays so. */
	target->mode = exists ? st.st_mode & 0777 : 0644;
	if (target->special)
		return 0;
	if (stat(target->directory, &st))
		return complain(spec, -errno, "directory: %s", strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return complain(spec, -ENOTDIR, "directory: %s", strerror(ENOTDIR));
	if (faccessat(AT_FDCWD, target->directory, W_OK | X_OK, AT_EACCESS))
		return complain(spec, -errno, "directory: %s", strerror(errno));
	return 0;
}

int render__check_export(const char *spec)
{
	struct target target = { 0 };
	int err = parse_spec(spec, &target);

	return err ? err : check_target(spec, &target);
}

/* A new file in the target's directory; its name goes to `name`. Returns a descriptor. */
static int open_beside(const struct target *target, char *name, size_t size)
{
	for (unsigned i = 0; i < 1000; i++) {
		int fd, n = snprintf(name, size, "%s/.convoy-%ld-%u.tmp", target->directory,
				     (long)getpid(), i);

		if (n < 0 || (size_t)n >= size)
			return -ENAMETOOLONG;
		/* O_EXCL: neither a file nor a link that someone put there is followed. */
		fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, target->mode);
		if (fd >= 0)
			return fd;
		if (errno != EEXIST)
			return -errno;
	}
	return -EEXIST;
}

int render__export(const char *spec, const struct report *report,
		   const struct render_options *options)
{
	struct target target = { 0 };
	char temporary[PATH_MAX] = "";
	int fd, err = parse_spec(spec, &target);
	FILE *out;

	if (!err)
		err = check_target(spec, &target);
	if (err)
		return err;
	if (target.special) {
		fd = open(target.path, O_WRONLY | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);
		fd = fd < 0 ? -errno : fd;
	} else {
		fd = open_beside(&target, temporary, sizeof(temporary));
	}
	if (fd < 0)
		return complain(spec, fd, "%s", strerror(-fd));
	out = fdopen(fd, "w");
	if (!out) {
		err = -errno;
		close(fd);
		goto out;
	}
	err = render__write(target.renderer, report, options, out);
	/* A crash after the rename must not leave an empty file under the name. */
	if (!err && !target.special && fsync(fd) && errno != EINVAL && errno != ENOTSUP)
		err = -errno;
	if (fclose(out) && !err)
		err = -errno;
	if (!err && !target.special && rename(temporary, target.path))
		err = -errno;
out:
	if (err && !target.special)
		unlink(temporary);
	if (err)
		return complain(spec, err, "%s", strerror(-err));
	return 0;
}
