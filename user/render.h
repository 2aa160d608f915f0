/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * render.h - the formats of a report, and writing one to a file.
 */
#ifndef CONVOY_RENDER_H
#define CONVOY_RENDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "report.h"

struct render_options {
	unsigned width;		/* columns; 0: unlimited */
	bool color;
	bool utf8;		/* the reader shows UTF-8; otherwise plain ASCII */
	bool threads;		/* every thread's own account */
	bool verbose;		/* everything there is: all locks, all CPUs, tasks */
	size_t locks;		/* locks shown of each mode; 0: all (JSON: always all) */
};

/* `render` returns 0, or a negative errno: -ENOMEM, or what writing to `out` gave. */
struct renderer {
	const char *name;	/* as in --format and --export */
	const char *summary;	/* one line */
	int (*render)(const struct report *report, const struct render_options *options, FILE *out);
};

/* The renderer of that name, or NULL. */
const struct renderer *render__find(const char *name);

/* The i-th renderer, or NULL past the end. */
const struct renderer *render__at(size_t i);

/*
 * Renders to a stream that stays open, and flushes it. Returns 0 or a negative errno;
 * a full disk and a closed pipe (-EPIPE, when SIGPIPE is ignored) are errors.
 */
int render__write(const struct renderer *renderer, const struct report *report,
		  const struct render_options *options, FILE *out);

/*
 * Checks "FORMAT=FILE" before anything runs: the format exists, the file's directory can
 * be written, what is there already may be replaced. Returns 0, or a negative errno after
 * one message on stderr.
 */
int render__check_export(const char *spec);

/*
 * Renders to the FILE of "FORMAT=FILE": to a new file beside it which then takes its
 * place, so that there never is half a report; FILE must not be a symbolic link. Pipes
 * and character devices are written to as they are. Returns 0, or a negative errno after
 * one message on stderr, and then leaves what was there.
 */
int render__export(const char *spec, const struct report *report,
		   const struct render_options *options);

/* The renderers themselves. */
int render_text(const struct report *report, const struct render_options *options, FILE *out);
int render_csv(const struct report *report, const struct render_options *options, FILE *out);
int render_json(const struct report *report, const struct render_options *options, FILE *out);

/* The verdict alone, as paragraphs; of no table, since it is no whole report. */
int render_verdict(const struct report *report, const struct render_options *options, FILE *out);

#endif /* CONVOY_RENDER_H */
