/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * render_text_table.c - numbers, paragraphs and tables that fit the terminal.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE		/* vasprintf() */
#endif
#include "render_text.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "outside.h"

#define GAP 2			/* columns between two columns */

const char *text__duration(char *buf, double ns)
{
	static const char *const units[] = { "ns", "us", "ms", "s" };
	size_t unit = 0;

	/* 999.5 of a unit would round to four digits. */
	while (unit < 3 && ns >= 999.5) {
		ns /= 1000;
		unit++;
	}
	snprintf(buf, TEXT_CELL, "%.*f %s",
		 unit == 0 || ns >= 99.95 ? 0 :
		 ns >= 9.995		  ? 1 :
					    2,
		 ns, units[unit]);
	return buf;
}

const char *text__maybe_duration(char *buf, struct maybe ns)
{
	if (ns.known)
		return text__duration(buf, ns.value);
	snprintf(buf, TEXT_CELL, "-");
	return buf;
}

const char *text__percent(char *buf, double share)
{
	double value = share * 100;

	if (!isfinite(value))
		snprintf(buf, TEXT_CELL, "-");
	else if (value > 0 && value < 0.1)
		snprintf(buf, TEXT_CELL, "<0.1 %%");
	else
		snprintf(buf, TEXT_CELL, "%.*f %%", value == 0 || value >= 9.95 ? 0 : 1, value);
	return buf;
}

const char *text__half_width(char *buf, double share)
{
	/* Of an interval's width, a second digit says nothing. */
	if (share < 0.0095)
		snprintf(buf, TEXT_CELL, "%.1f %%", share * 100);
	else
		snprintf(buf, TEXT_CELL, "%.0f %%", share * 100);
	return buf;
}

const char *text__share(char *buf, uint64_t part, uint64_t whole)
{
	return text__percent(buf, whole ? (double)part / (double)whole : NAN);
}

const char *text__safe(const struct text *text, char *buf, const char *string, size_t max)
{
	outside__terminal(buf, TEXT_CELL, string, max, text->options->utf8);
	return buf;
}

static void spaces(FILE *out, size_t n)
{
	while (n--)
		fputc(' ', out);
}

/* Prints `words`, broken between words where the width ends. */
static void wrap(struct text *text, unsigned first, unsigned rest, const char *words)
{
	size_t column = first;
	bool fresh = true;	/* nothing but the indentation is on this line */

	spaces(text->out, first);
	while (*words) {
		size_t gap = strspn(words, " "), length = strcspn(words + gap, " ");
		char word[TEXT_CELL];
		size_t columns, room;

		/* Longer than a cell: taken in pieces, as if cut by the width. */
		if (length >= sizeof(word)) {
			length = sizeof(word) - 1;
			while (((unsigned char)words[gap + length] & 0xc0) == 0x80)
				length--;
		}
		memcpy(word, words + gap, length);
		word[length] = '\0';
		columns = outside__columns(word);
		if (!fresh && column + gap + columns > text->width) {
			fputc('\n', text->out);
			spaces(text->out, rest);
			column = rest;
			fresh = true;
		}
		if (!fresh) {
			spaces(text->out, gap);
			column += gap;
		}
		room = text->width - column;
		if (columns > room) {
			/* Too long for any line; the remainder comes round as a new word. */
			size_t fit = outside__fit(word, room);

			length = fit ? fit : 1;
			columns = fit ? room : 1;
		}
		fwrite(words + gap, 1, length, text->out);
		column += columns;
		fresh = false;
		words += gap + length;
	}
	fputc('\n', text->out);
}

void text__paragraph(struct text *text, unsigned first, unsigned rest, const char *fmt, ...)
{
	char *words = NULL;
	va_list args;
	int n;

	/* Where there is hardly room for words, there is none for indentation. */
	if (first + 10 > text->width || rest + 10 > text->width)
		first = rest = 0;
	va_start(args, fmt);
	n = vasprintf(&words, fmt, args);
	va_end(args);
	if (n < 0) {
		text->err = text->err ? text->err : -ENOMEM;
		return;
	}
	wrap(text, first, rest, words);
	free(words);
}

void text__heading(struct text *text, const char *heading)
{
	fputc('\n', text->out);
	if (text->options->color)
		fputs("\033[1m", text->out);
	text__paragraph(text, 0, 0, "%s", heading);
	if (text->options->color)
		fputs("\033[0m", text->out);
}

void text__apportion(const uint64_t *parts, size_t n, unsigned width, unsigned *cells)
{
	unsigned given = 0;
	double total = 0;

	for (size_t i = 0; i < n; i++)
		total += (double)parts[i];
	for (size_t i = 0; i < n; i++) {
		cells[i] = total > 0 ? (unsigned)((double)parts[i] / total * width) : 0;
		given += cells[i];
	}
	while (total > 0 && given < width) {
		size_t largest = n;
		double most = -1;

		for (size_t i = 0; i < n; i++) {
			double left = (double)parts[i] / total * width - cells[i];

			/* A part that is nothing gets no cell, however the sums are rounded. */
			if (parts[i] && left > most) {
				most = left;
				largest = i;
			}
		}
		cells[largest]++;
		given++;
	}
}

void text_table__init(struct text_table *table, const struct text_column *columns, size_t n)
{
	memset(table, 0, sizeof(*table));
	table->columns = columns;
	table->n_columns = n;
}

void text_table__cell(struct text_table *table, const char *fmt, ...)
{
	char *cell = NULL;
	va_list args;
	int n;

	if (table->err)
		return;
	if (table->n_cells == table->capacity) {
		size_t capacity = table->capacity ? 2 * table->capacity : 64;
		char **cells = reallocarray(table->cells, capacity, sizeof(*cells));

		if (!cells) {
			table->err = -ENOMEM;
			return;
		}
		table->cells = cells;
		table->capacity = capacity;
	}
	va_start(args, fmt);
	n = vasprintf(&cell, fmt, args);
	va_end(args);
	if (n < 0) {
		table->err = -ENOMEM;
		return;
	}
	table->cells[table->n_cells++] = cell;
}

static size_t natural_width(const struct text_table *table, size_t column)
{
	size_t width = outside__columns(table->columns[column].title);

	for (size_t i = column; i < table->n_cells; i += table->n_columns) {
		size_t columns = outside__columns(table->cells[i]);

		if (columns > width)
			width = columns;
	}
	return width;
}

size_t text_table__width(const struct text_table *table)
{
	size_t width = table->n_columns ? (table->n_columns - 1) * GAP : 0;

	for (size_t i = 0; i < table->n_columns; i++)
		width += natural_width(table, i);
	return width;
}

/* Columns taken by all that are shown (width > 0), with the gaps between them. */
static size_t taken(const size_t *widths, size_t n)
{
	size_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += widths[i] ? widths[i] + (sum ? GAP : 0) : 0;
	return sum;
}

/* Makes the columns fit: some shrink, then unimportant ones go. Width 0: not shown. */
static void fit_columns(const struct text_table *table, unsigned width, size_t *widths)
{
	size_t n = table->n_columns;

	for (size_t i = 0; i < n; i++) {
		widths[i] = natural_width(table, i);
		if (table->columns[i].least && widths[i] > table->columns[i].least)
			widths[i] = table->columns[i].least;
	}
	while (taken(widths, n) > width) {
		size_t worst = n;

		for (size_t i = 0; i < n; i++) {
			if (widths[i] && table->columns[i].drop &&
			    (worst == n || table->columns[i].drop > table->columns[worst].drop))
				worst = i;
		}
		if (worst == n)
			break;
		widths[worst] = 0;
	}
	/* Give the shrunk ones back what is left, or take what is still missing. */
	for (size_t i = 0; i < n; i++) {
		size_t sum = taken(widths, n);

		if (!widths[i] || !table->columns[i].least)
			continue;
		if (sum <= width) {
			size_t wish = natural_width(table, i);

			widths[i] += wish - widths[i] < width - sum ? wish - widths[i] :
								      width - sum;
		} else {
			size_t least = widths[i] < 4 ? widths[i] : 4;
			widths[i] = widths[i] - least > sum - width ? widths[i] - (sum - width) :
								      least;
		}
	}
}

/* The longest end of a harmless string that takes no more than `columns`. */
static const char *fit_end(const char *cell, size_t columns)
{
	const char *end = cell;

	/* Never within a character. */
	while (*end && (outside__columns(end) > columns || ((unsigned char)*end & 0xc0) == 0x80))
		end++;
	return end;
}

/* Cuts a cell to `width` columns, in `buf` (TEXT_CELL + 4 bytes). */
static const char *cut(char *buf, const char *cell, size_t width, bool middle)
{
	const char *dots = width > 6 ? "..." : "", *end = "";
	size_t room = width - strlen(dots), bytes;

	/* Ends tell more of a symbol with its offset, or of a path, than middles do. */
	if (middle && *dots && strlen(cell) < TEXT_CELL) {
		end = fit_end(cell, room - room / 2);
		room -= outside__columns(end);
	}
	bytes = outside__fit(cell, room);
	/* Four bytes a column at most, but marks that combine take none. */
	while (bytes + strlen(end) >= TEXT_CELL)
		bytes = outside__fit(cell, --room);
	snprintf(buf, TEXT_CELL + 4, "%.*s%s%s", (int)bytes, cell, dots, end);
	return buf;
}

/* Prints a cell cut to `width` columns, and the blanks that align it. */
static void print_cell(FILE *out, const char *cell, size_t width, bool right, bool middle,
		       bool last)
{
	char shown[TEXT_CELL + 4];
	size_t columns = outside__columns(cell);

	if (columns > width || strlen(cell) >= TEXT_CELL) {
		cell = cut(shown, cell, width, middle);
		columns = outside__columns(cell);
	}
	if (right)
		spaces(out, width - columns);
	fputs(cell, out);
	if (!right && !last)
		spaces(out, width - columns);
}

/* The last column of a row (0: the titles) that has something to print: no blanks after it. */
static size_t last_column(const struct text_table *table, const size_t *widths, size_t row)
{
	size_t last = 0;

	for (size_t i = 0; i < table->n_columns; i++)
		if (widths[i] && (!row || table->cells[(row - 1) * table->n_columns + i][0]))
			last = i;
	return last;
}

static void print_rows(const struct text_table *table, struct text *text, const size_t *widths)
{
	size_t rows = table->n_cells / table->n_columns;

	for (size_t row = 0; row <= rows; row++) {
		size_t room = text->width, final = last_column(table, widths, row);
		bool first = true;

		for (size_t i = 0; i <= final; i++) {
			const struct text_column *column = &table->columns[i];
			size_t width = widths[i];

			if (!width || room == 0)
				continue;
			if (!first) {
				size_t gap = room < GAP ? room : GAP;

				spaces(text->out, gap);
				room -= gap;
			}
			/* Only when nothing more could be dropped. */
			if (width > room)
				width = room;
			if (width)
				print_cell(text->out,
					   row ? table->cells[(row - 1) * table->n_columns + i] :
						 column->title,
					   width, column->right, i && i == table->middle,
					   i == final);
			room -= width;
			first = false;
		}
		fputc('\n', text->out);
	}
}

void text_table__print(struct text_table *table, struct text *text)
{
	size_t *widths = calloc(table->n_columns, sizeof(*widths));

	if (!widths && !table->err)
		table->err = -ENOMEM;
	if (!table->err) {
		fit_columns(table, text->width, widths);
		print_rows(table, text, widths);
	} else if (!text->err) {
		text->err = table->err;
	}
	free(widths);
	text_table__free(table);
}

void text_table__free(struct text_table *table)
{
	for (size_t i = 0; i < table->n_cells; i++)
		free(table->cells[i]);
	free(table->cells);
	table->cells = NULL;
	table->n_cells = table->capacity = 0;
}
