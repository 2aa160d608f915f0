/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * runtime_pypy_version.c - which PyPy it is.
 *
 * It has two versions: PyPy's own, which says what it is made like, and the language's. Both
 * are in the text of sys.version, "3.9.16 (..., Dec 30 2024, 22:36:23)\n[PyPy 7.3.11 with GCC
 * 12.2.0]", a constant to which no symbol points. PyPy_GetVersion() takes the address of another
 * constant, and all texts lie together: so it is looked for around that one. Where it is not
 * found, the paths of its files tell ("libpypy3.9-c.so", "pypy3.9-v7.3.11-linux64").
 */
#include "runtime_pypy.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MARK "\n[PyPy "
#define AROUND (1u << 20)	/* bytes, before and behind */
#define PIECE (1u << 16)
#define LINE_MAX_LENGTH 200	/* of the first line of sys.version */
#define OVERLAP (2 * LINE_MAX_LENGTH)

/* The version at `text`, digits and dots first; it ends before one of `ends`. */
static bool parse_own(const char *text, const char *ends, char *own, size_t size)
{
	size_t numbers = strspn(text, "0123456789."), n = numbers;

	while (isalnum((unsigned char)text[n]) || (text[n] == '-' && !strchr(ends, '-')))
		n++;
	if (!isdigit((unsigned char)text[0]) || !memchr(text, '.', numbers) || n >= size ||
	    !text[n] || !strchr(ends, text[n]))
		return false;
	memcpy(own, text, n);
	own[n] = 0;
	return true;
}

/* "3.9" of "3.9.16 (", "3.9-c.so"; only 2.x and 3.x are versions of the language. */
static bool parse_python(const char *text, char *python, size_t size)
{
	size_t minor = (text[0] == '2' || text[0] == '3') && text[1] == '.' ?
			       strspn(text + 2, "0123456789") :
			       0;

	if (!minor || minor > 2 || minor + 3 > size)
		return false;
	memcpy(python, text, minor + 2);
	python[minor + 2] = 0;
	return true;
}

/* --- the text --------------------------------------------------------------------------- */

/* A mark in the buffer, which ends in a NUL: is it one of sys.version? */
static bool parse_text(const char *buffer, const char *mark, struct pypy_version *version)
{
	const char *line = mark;

	while (line > buffer && mark - line < LINE_MAX_LENGTH && isprint((unsigned char)line[-1]))
		line--;
	return parse_python(line, version->python, sizeof(version->python)) &&
	       parse_own(mark + strlen(MARK), " ]", version->own, sizeof(version->own));
}

static bool search_piece(const struct process_view *view, uint64_t at, char *buffer,
			 struct pypy_version *version)
{
	const size_t size = PIECE + OVERLAP;
	const char *mark = buffer;

	if (view->read(view->ctx, at, buffer, size, NULL))
		return false;
	buffer[size] = 0;
	while ((mark = memmem(mark, size - (size_t)(mark - buffer), MARK, strlen(MARK)))) {
		if (parse_text(buffer, mark, version))
			return true;
		mark++;
	}
	memset(version, 0, sizeof(*version));
	return false;
}

static bool search_around(const struct process_view *view, uint64_t center,
			  struct pypy_version *version)
{
	char *buffer = malloc(PIECE + OVERLAP + 1);
	bool found = false;

	for (uint64_t away = 0; buffer && away < AROUND && !found; away += PIECE)
		found = search_piece(view, center + away, buffer, version) ||
			search_piece(view, center - away - PIECE, buffer, version);
	free(buffer);
	return found;
}

static bool from_text(const struct process_view *view, struct pypy_version *version)
{
	uint64_t function, size, constant;
	struct pypy_code code;

	if (view->symbol(view->ctx, "PyPy_GetVersion", &function, &size) ||
	    !pypy_code__read(&code, view, function))
		return false;
	for (size_t i = 0; i < code.n && (!size || i < size); i++)
		if (pypy_code__lea(&code, i, &constant))
			return search_around(view, constant, version);
	return false;
}

/* --- paths ------------------------------------------------------------------------------ */

static const char *base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

bool pypy__is_library(const char *path)
{
	const char *base = base_of(path);

	return strncmp(base, "libpypy", 7) == 0 && strstr(base, ".so");
}

/* Of the folder that a release comes in: pypy3.9-v7.3.11-linux64, pypy3.9-7.3.11 */
static void parse_folders(const char *path, struct pypy_version *version)
{
	while ((path = strstr(path, "/pypy"))) {
		path += strlen("/pypy");
		path += strspn(path, "0123456789.");
		if (*path != '-')
			continue;
		path++;
		path += *path == 'v';
		if (parse_own(path, "-/", version->own, sizeof(version->own)))
			return;
	}
}

static void from_paths(const struct process_view *view, struct pypy_version *version)
{
	const char *path;
	bool has_symtab;

	for (size_t i = 0; view->module(view->ctx, i, &path, &has_symtab); i++) {
		if (!pypy__is_library(path))
			continue;
		parse_python(base_of(path) + strlen("libpypy"), version->python,
			     sizeof(version->python));
		parse_folders(path, version);
		return;
	}
}

void pypy__version(const struct process_view *view, struct pypy_version *version)
{
	memset(version, 0, sizeof(*version));
	if (!from_text(view, version))
		from_paths(view, version);
}
