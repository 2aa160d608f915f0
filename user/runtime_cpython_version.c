/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * runtime_cpython_version.c - which CPython it is.
 *
 * Py_Version says so from 3.11 on. Before, what is exported tells the minor version, which
 * decides the layout, and the text that Py_GetVersion() returns tells the rest; where that
 * is a local symbol that was stripped, or memory that cannot be read, it stays unknown. A
 * program without any symbol is known by its name alone.
 */
#include "runtime_cpython.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int cpython__read32(const struct process_view *view, uint64_t address, uint32_t *value, bool *live)
{
	return view->read(view->ctx, address, value, sizeof(*value), live);
}

int cpython__read64(const struct process_view *view, uint64_t address, uint64_t *value, bool *live)
{
	return view->read(view->ctx, address, value, sizeof(*value), live);
}

/* The number at **text, at most three digits of it; *text is moved behind it. */
static bool parse_number(const char **text, unsigned int *number)
{
	const char *at = *text;

	*number = 0;
	while (*at >= '0' && *at <= '9' && at - *text < 3)
		*number = *number * 10 + (unsigned int)(*at++ - '0');
	if (at == *text)
		return false;
	*text = at;
	return true;
}

/* "2.7" or "3.11", and where that ends. Only 2.x and 3.x are versions of CPython. */
static bool parse_minor(const char **text, struct cpython_version *version)
{
	if (!parse_number(text, &version->major) || *(*text)++ != '.' ||
	    !parse_number(text, &version->minor))
		return false;
	return version->major == 2 || version->major == 3;
}

/* "3.9.18 (main, ...": all that is before the space. */
static bool parse_text(const char *text, struct cpython_version *version)
{
	const char *at = text;
	unsigned int micro;

	if (!parse_minor(&at, version) || *at++ != '.' || !parse_number(&at, &micro))
		return false;
	/* rc1, a2, + */
	while ((*at >= 'a' && *at <= 'z') || (*at >= '0' && *at <= '9') || *at == '+')
		at++;
	if (*at != ' ' || (size_t)(at - text) >= sizeof(version->text))
		return false;
	memcpy(version->text, text, (size_t)(at - text));
	version->text[at - text] = 0;
	return true;
}

/* Py_Version, an unsigned long: 0x030b07f0 is 3.11.7, 0x030d00c1 is 3.13.0rc1. */
static bool from_number(const struct process_view *view, struct cpython_version *version)
{
	uint64_t address, size, number;
	const char *level = "";

	if (view->symbol(view->ctx, "Py_Version", &address, &size) ||
	    cpython__read64(view, address, &number, NULL))
		return false;
	version->major = (unsigned int)(number >> 24 & 0xff);
	version->minor = (unsigned int)(number >> 16 & 0xff);
	if (number >> 32 || version->major != 3)
		return false;
	switch (number >> 4 & 0xf) {
	case 0xa:
		level = "a";
		break;
	case 0xb:
		level = "b";
		break;
	case 0xc:
		level = "rc";
		break;
	}
	if (*level)
		snprintf(version->text, sizeof(version->text), "3.%u.%u%s%u", version->minor,
			 (unsigned int)(number >> 8 & 0xff), level, (unsigned int)(number & 0xf));
	else
		snprintf(version->text, sizeof(version->text), "3.%u.%u", version->minor,
			 (unsigned int)(number >> 8 & 0xff));
	return true;
}

/* What came with which version, the latest first. */
static bool from_exports(const struct process_view *view, struct cpython_version *version)
{
	static const struct {
		const char *symbol;
		uint8_t major, minor;
	} came_with[] = {
		{ "PyIter_Send", 3, 10 },	  { "PyModule_AddType", 3, 9 },
		{ "Py_RunMain", 3, 8 },		  { "PyContextVar_New", 3, 7 },
		{ "PyOS_FSPath", 3, 6 },	  { "PyODict_New", 3, 5 },
		{ "PyMem_RawMalloc", 3, 4 },	  { "PyUnicode_AsUTF8", 3, 3 },
		{ "PyBytes_FromString", 3, 2 },	  { "PyString_FromString", 2, 7 },
	};

	for (size_t i = 0; i < sizeof(came_with) / sizeof(came_with[0]); i++) {
		uint64_t address, size;

		if (view->symbol(view->ctx, came_with[i].symbol, &address, &size))
			continue;
		version->major = came_with[i].major;
		version->minor = came_with[i].minor;
		snprintf(version->text, sizeof(version->text), "%u.%u", version->major,
			 version->minor);
		return true;
	}
	return false;
}

/* The static buffer of Py_GetVersion(), as compilers call it; filled in when sys is made. */
static void refine_by_text(const struct process_view *view, struct cpython_version *version)
{
	static const char *const names[] = { "version.0", "version", "Py_GetVersion.version" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct cpython_version said = { 0 };
		uint64_t address, size;
		char text[17];

		if (view->symbol(view->ctx, names[i], &address, &size) ||
		    view->read(view->ctx, address, text, sizeof(text) - 1, NULL))
			continue;
		text[sizeof(text) - 1] = 0;
		/* Others have a `version` too; and what is exported cannot be wrong. */
		if (parse_text(text, &said) && said.major == version->major &&
		    said.minor == version->minor) {
			*version = said;
			return;
		}
	}
}

/* libpython3.9.so.1.0, libpython3.7m.so.1.0, python2.7, python3.13t */
static bool parse_path(const char *path, struct cpython_version *version)
{
	const char *name = strrchr(path, '/');
	bool library;

	name = name ? name + 1 : path;
	library = strncmp(name, "lib", 3) == 0;
	name += library ? 3 : 0;
	if (strncmp(name, "python", 6) != 0)
		return false;
	name += 6;
	if (!parse_minor(&name, version))
		return false;
	name += strspn(name, "dmtu");
	if (library ? strncmp(name, ".so", 3) != 0 : *name && strcmp(name, " (deleted)") != 0)
		return false;
	snprintf(version->text, sizeof(version->text), "%u.%u", version->major, version->minor);
	return true;
}

static bool from_paths(const struct process_view *view, struct cpython_version *version)
{
	const char *path;
	bool has_symtab;

	for (size_t i = 0; view->module(view->ctx, i, &path, &has_symtab); i++)
		if (parse_path(path, version))
			return true;
	return false;
}

int cpython__version(const struct process_view *view, struct cpython_version *version)
{
	uint64_t address, size;
	bool exports = !view->symbol(view->ctx, "PyEval_RestoreThread", &address, &size);

	memset(version, 0, sizeof(*version));
	if (exports && from_number(view, version))
		return 0;
	memset(version, 0, sizeof(*version));
	/* One that has a number which makes no sense is none of those that had none yet. */
	if (exports && view->symbol(view->ctx, "Py_Version", &address, &size) &&
	    from_exports(view, version)) {
		refine_by_text(view, version);
		return 0;
	}
	if (from_paths(view, version))
		return 0;
	memset(version, 0, sizeof(*version));
	return exports ? 0 : -ENOENT;
}

void cpython__version_of(const struct runtime_info *info, struct cpython_version *version)
{
	const char *at = info->version;

	memset(version, 0, sizeof(*version));
	if (!parse_minor(&at, version)) {
		version->major = version->minor = 0;
		return;
	}
	snprintf(version->text, sizeof(version->text), "%s", info->version);
}
