/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * render_text.h - what the parts of the text report share. Private to render_text*.c
 * and their tests.
 */
#ifndef CONVOY_RENDER_TEXT_H
#define CONVOY_RENDER_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "render.h"

#define TEXT_CELL 256		/* room for one cell or number */
#define TEXT_LABEL 12		/* columns of "top lock", "next" */
#define TEXT_FAMILY 32		/* bytes of a family's name */
#define TEXT_LEAST_RATE 0.05	/* a second; less would be printed as 0.0 */

struct text {
	FILE *out;
	const struct report *report;
	const struct render_options *options;
	unsigned width;		/* columns, never 0 */
	int err;		/* the first error, negative errno */
};

/* Numbers for people. Each writes to `buf` (TEXT_CELL bytes) and returns it. */
const char *text__duration(char *buf, double ns);		/* "1.02 s", "412 ns" */
const char *text__maybe_duration(char *buf, struct maybe ns);	/* "-" when unknown */
const char *text__percent(char *buf, double share);		/* "49 %", "0.4 %", "<0.1 %" */
const char *text__half_width(char *buf, double share);		/* "1 %", "0.4 %" */
const char *text__share(char *buf, uint64_t part, uint64_t whole);	/* "-" of nothing */

/* An outside string of at most `max` bytes, harmless, in `buf` (TEXT_CELL bytes). */
const char *text__safe(const struct text *text, char *buf, const char *string, size_t max);
#define TEXT_SAFE(text, buf, array) text__safe(text, buf, array, sizeof(array))

/*
 * A paragraph, broken between words: its first line is indented by `first` columns, the
 * others by `rest`. Its arguments must be harmless already.
 */
__attribute__((format(printf, 4, 5))) void text__paragraph(struct text *text, unsigned first,
							   unsigned rest, const char *fmt, ...);

/* An empty line, then the heading of a section. */
void text__heading(struct text *text, const char *heading);

/*
 * Cuts `width` cells into shares proportional to `parts`, by largest remainder: they sum
 * to `width` exactly, or all are 0 when the parts are.
 */
void text__apportion(const uint64_t *parts, size_t n, unsigned width, unsigned *cells);

/* One column of a table. */
struct text_column {
	const char *title;
	bool right;		/* aligned to the right */
	unsigned least;		/* may be cut to this width to make room; 0: never cut */
	unsigned drop;		/* when room is short the highest goes first; 0: never */
};

/* Cells are added row by row, column by column; widths are found when all are there. */
struct text_table {
	const struct text_column *columns;
	size_t n_columns;
	size_t middle;		/* the column whose cells lose their middle, not their end; 0: none */
	char **cells;
	size_t n_cells, capacity;
	int err;
};

void text_table__init(struct text_table *table, const struct text_column *columns, size_t n);
__attribute__((format(printf, 2, 3))) void text_table__cell(struct text_table *table,
							    const char *fmt, ...);

/* Columns that the table takes when nothing is dropped or cut. */
size_t text_table__width(const struct text_table *table);

/* Prints the table within text->width, frees its cells, and passes its error to `text`. */
void text_table__print(struct text_table *table, struct text *text);
void text_table__free(struct text_table *table);

/* The first screen. render_text.c */
void text__first_screen(struct text *text);

/*
 * The modes in the order in which they are shown: as they were asked for, but those of one
 * family one after the other. Begins after SIZE_MAX; n_modes is the end. render_text_modes.c
 */
size_t text__next_mode(const struct report *report, size_t at);

/*
 * A row with the name of an interpreter alone, and what its modes are called below it: "  threads".
 * Modes of no interpreter have no such row, and their whole name. `buf`: TEXT_CELL + 2 bytes.
 */
void text__family_row(struct text *text, struct text_table *table, const char *family);
const char *text__mode_label(const struct text *text, char *buf, const struct report_mode *mode);

/* How long each mode took, and where the time of its threads went. */
void text__modes(struct text *text);
void text__bars(struct text *text);

/* The sections after it. render_text_sections.c */
void text__job_metrics(struct text *text);
void text__ledger(struct text *text);
void text__cpus(struct text *text);

/* Locks: on the first screen, and the section. render_text_locks.c */
void text__top_lock(struct text *text);
void text__locks(struct text *text);

/* Language runtimes; nothing where none was found. render_text_runtimes.c */
void text__runtimes(struct text *text);

/* Lists, when they are asked for. render_text_threads.c */
void text__threads(struct text *text);
void text__tasks(struct text *text);

/* One command, as in a recording: there are no rounds, and nothing to compare it with. */
bool text__alone(const struct report *report);

/* "GIL of CPython 3.13": a lock's name with its runtime, harmless. render_text_locks.c */
const char *text__lock_name(const struct text *text, char *buf, const struct report_lock *lock);

/* "worker-1 51 %, worker-2 49 %", at most `most` of them; "-" when none is known. */
const char *text__holders(const struct text *text, char *buf, const struct report_lock *lock,
			  size_t most);

#endif /* CONVOY_RENDER_TEXT_H */
