/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * render.c - the table of formats, and writing a report to a file.
 */
#include "render.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "outside.h"
#include "output_target.h"

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
struct export
{
	const struct renderer *renderer;
	struct output_target target;
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

/* "FORMAT=FILE", and what is at FILE already. */
static int parse_spec(const char *spec, struct export *export)
{
	const char *equals = strchr(spec, '=');
	char format[32];
	size_t length;
	int err;

	if (!equals || equals == spec || !equals[1])
		return complain(spec, -EINVAL, "expected FORMAT=FILE");
	length = (size_t)(equals - spec);
	snprintf(format, sizeof(format), "%.*s", (int)(length < 31 ? length : 31), spec);
	export->renderer = length < sizeof(format) ? render__find(format) : NULL;
	if (!export->renderer)
		return complain(spec, -EINVAL, "no such format; there are text, csv and json");
	err = output_target__check(&export->target, equals + 1);
	return err ? complain(spec, err, "%s", export->target.why) : 0;
}

int render__check_export(const char *spec)
{
	struct export export;

	return parse_spec(spec, &export);
}

int render__export(const char *spec, const struct report *report,
		   const struct render_options *options)
{
	struct export export;
	const struct output_target *target = &export.target;
	char temporary[PATH_MAX] = "";
	int fd, err = parse_spec(spec, &export);
	FILE *out;

	if (err)
		return err;
	/* What was private stays so. */
	fd = target->special ?
		     output_target__open_special(target) :
		     output_target__open_beside(target, target->exists ? target->mode : 0644,
						temporary, sizeof(temporary));
	if (fd < 0)
		return complain(spec, fd, "%s", strerror(-fd));
	out = fdopen(fd, "w");
	if (!out) {
		err = -errno;
		close(fd);
		goto out;
	}
	err = render__write(export.renderer, report, options, out);
	/* A crash after the rename must not leave an empty file under the name. */
	if (!err && !target->special && fsync(fd) && errno != EINVAL && errno != ENOTSUP)
		err = -errno;
	if (fclose(out) && !err)
		err = -errno;
	if (!err && !target->special && rename(temporary, target->path))
		err = -errno;
out:
	if (err && !target->special)
		unlink(temporary);
	if (err)
		return complain(spec, err, "%s", strerror(-err));
	return 0;
}
