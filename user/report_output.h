/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * report_output.h - a report to where its reader wants it: stdout, and files.
 */
#ifndef CONVOY_REPORT_OUTPUT_H
#define CONVOY_REPORT_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

#include "render.h"
#include "report.h"

#define MAX_EXPORTS 16

/* How the reader wants it. */
struct report_output {
	const struct renderer *renderer;	/* of what goes to stdout */
	const char *exports[MAX_EXPORTS];	/* "FORMAT=FILE", checked */
	size_t n_exports;
	bool threads;
	bool verbose;
	size_t locks;		/* shown of each mode; 0: all */
};

/* "text", five locks, nothing more. */
void report_output__init(struct report_output *output);

/* The values of --format and --export. Return 0, or -EINVAL after a message. */
int report_output__format(struct report_output *output, const char *name);
int report_output__export(struct report_output *output, const char *spec);

/*
 * Write it to all files and to stdout, as wide as the terminal there. Returns 0, or a
 * negative errno after a message; a reader who has seen enough (`| head`) is no error.
 */
int report_output__write(const struct report_output *output, const struct report *report);

#endif /* CONVOY_REPORT_OUTPUT_H */
