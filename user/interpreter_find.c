// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "interpreter_parts.h"

/* --- versions --- */

/* The number at *text, as long as it may be, without leading zeros. */
static const char *take_number(const char **text, size_t *length)
{
	const char *begin;

	while (**text == '0' && isdigit((unsigned char)(*text)[1]))
		(*text)++;
	begin = *text;
	while (isdigit((unsigned char)**text))
		(*text)++;
	*length = (size_t)(*text - begin);
	return begin;
}

static int compare_numbers(const char **a, const char **b)
{
	size_t n_a, n_b;
	const char *number_a = take_number(a, &n_a), *number_b = take_number(b, &n_b);
	int sign;

	if (n_a != n_b)
		return n_a < n_b ? -1 : 1;
	sign = strncmp(number_a, number_b, n_a);
	return (sign > 0) - (sign < 0);
}

/* Does a version go on with a further number, and not with "rc1" or "-dev"? */
static bool goes_on(const char *text)
{
	return *text == '.' && isdigit((unsigned char)text[1]);
}

int version__compare(const char *a, const char *b)
{
	/* Versions of CPython and CRuby are numbers only: pyenv's "pypy3.10" is none of them. */
	if (!isdigit((unsigned char)*a) != !isdigit((unsigned char)*b))
		return isdigit((unsigned char)*a) ? 1 : -1;
	while (*a && *b) {
		if (isdigit((unsigned char)*a) && isdigit((unsigned char)*b)) {
			int sign = compare_numbers(&a, &b);

			if (sign)
				return sign;
			continue;
		}
		if (*a != *b) {
			if (goes_on(a) != goes_on(b))
				return goes_on(a) ? 1 : -1;
			return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
		}
		a++;
		b++;
	}
	if (*a)
		return goes_on(a) ? 1 : -1;
	if (*b)
		return goes_on(b) ? -1 : 1;
	return 0;
}

/* The end of the numbers at the beginning of a version. */
static const char *end_of_number(const char *text)
{
	while (isdigit((unsigned char)*text) || goes_on(text))
		text++;
	return text;
}

bool wanted_version__parse(struct wanted_version *wanted, const char *name)
{
	const char *build = end_of_number(name);
	size_t length = (size_t)(build - name);

	if (!length || !isdigit((unsigned char)*name) || length >= sizeof(wanted->number) ||
	    strlen(build) >= sizeof(wanted->build) || build[strspn(build, "td")])
		return false;
	memcpy(wanted->number, name, length);
	wanted->number[length] = 0;
	strcpy(wanted->build, build);
	return true;
}

/* Is "3.13.0" one of "3.13"? */
static bool is_of(const char *version, const char *number)
{
	size_t length = strlen(number);

	return !strncmp(version, number, length) && !isdigit((unsigned char)version[length]);
}

bool wanted_version__matches(const struct wanted_version *wanted, const char *name,
			     const char *version)
{
	size_t build = strlen(wanted->build), length = strlen(name);

	return is_of(version, wanted->number) && length >= build &&
	       !strcmp(name + length - build, wanted->build);
}

/* --- names of programs --- */

/* What may follow "python", "pypy" or "ruby": a version, and how it was built. */
static bool is_version_suffix(const char *text)
{
	static const char *const builds[] = { "", "t", "d", "td", "m", "dm", "-dbg", "-nogil" };

	if (!isdigit((unsigned char)*text))
		return !*text;
	text = end_of_number(text);
	for (size_t i = 0; i < sizeof(builds) / sizeof(*builds); i++)
		if (!strcmp(text, builds[i]))
			return true;
	return false;
}

const struct interpreter_language *interpreter_language__of(const char *program)
{
	for (size_t i = 0; interpreter_languages[i]; i++)
		for (size_t k = 0; interpreter_languages[i]->programs[k]; k++) {
			const char *prefix = interpreter_languages[i]->programs[k];

			if (!strncmp(program, prefix, strlen(prefix)) &&
			    is_version_suffix(program + strlen(prefix)))
				return interpreter_languages[i];
		}
	return NULL;
}

const struct interpreter_language *interpreter_language__of_path(const char *path)
{
	const char *slash = strrchr(path, '/');
	const struct interpreter_language *language =
		interpreter_language__of(slash ? slash + 1 : path);
	char *real = language || !slash ? NULL : realpath(path, NULL);

	if (real)
		language = interpreter_language__of(strrchr(real, '/') + 1);
	free(real);
	return language;
}

/* --- folders with programs --- */

bool candidate__is_program(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISREG(st.st_mode) && (st.st_mode & 0111);
}

bool candidate__is_same_file(const char *a, const char *b)
{
	struct stat st_a, st_b;

	return !strcmp(a, b) || (!stat(a, &st_a) && !stat(b, &st_b) && st_a.st_dev == st_b.st_dev &&
				 st_a.st_ino == st_b.st_ino);
}

/* One of the version managers, whose folders are shims/ and versions/NAME/bin/. */
struct manager {
	const char *variable;	/* its root in the environment */
	const char *folder;	/* else below HOME */
};

static const struct manager managers[] = {
	{ "PYENV_ROOT", ".pyenv" },
	{ "RBENV_ROOT", ".rbenv" },
};

#define N_MANAGERS (sizeof(managers) / sizeof(*managers))

static bool find_root(const struct manager *manager, char *const *environment, char *path)
{
	const char *root = environ__get(environment, manager->variable);
	const char *home = environ__get(environment, "HOME");

	if (root && *root == '/')
		return snprintf(path, PATH_MAX, "%s", root) < PATH_MAX;
	return home && *home == '/' &&
	       snprintf(path, PATH_MAX, "%s/%s", home, manager->folder) < PATH_MAX;
}

/* Is it the folder where one of them has its shims? */
static bool is_managed_shims(const char *folder, char *const *environment)
{
	char root[PATH_MAX], shims[PATH_MAX + 8];

	for (size_t i = 0; i < N_MANAGERS; i++) {
		if (!find_root(&managers[i], environment, root))
			continue;
		snprintf(shims, sizeof(shims), "%s/shims", root);
		if (candidate__is_same_file(folder, shims))
			return true;
	}
	return false;
}

/* Those of other managers are called so, too. */
static bool is_shims(const char *folder)
{
	const char *slash = strrchr(folder, '/');

	return slash && !strcmp(slash, "/shims");
}

static int add(struct candidates *candidates, const char *folder, const char *program)
{
	const struct interpreter_language *language = interpreter_language__of(program);
	char path[PATH_MAX];
	struct candidate *grown;

	if (!language ||
	    snprintf(path, sizeof(path), "%s/%s", folder, program) >= (int)sizeof(path) ||
	    !candidate__is_program(path))
		return 0;
	grown = realloc(candidates->list, (candidates->n + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	candidates->list = grown;
	grown[candidates->n] = (struct candidate){
		.path = strdup(path),
		.language = language,
		.shim = is_shims(folder),
	};
	return grown[candidates->n].path ? (candidates->n++, 0) : -ENOMEM;
}

/* Names are compared as versions: python3.9 comes before python3.13. */
static int compare_entries(const struct dirent **a, const struct dirent **b)
{
	return strverscmp((*a)->d_name, (*b)->d_name);
}

static int is_interpreter_name(const struct dirent *entry)
{
	return interpreter_language__of(entry->d_name) != NULL;
}

static void free_entries(struct dirent **entries, int n)
{
	for (int i = 0; i < n; i++)
		free(entries[i]);
	free(entries);
}

/* All interpreters of a folder; none if it cannot be read. */
static int add_folder(struct candidates *candidates, const char *folder)
{
	struct dirent **entries = NULL;
	int n = scandir(folder, &entries, is_interpreter_name, compare_entries);
	int err = n < 0 && errno == ENOMEM ? -ENOMEM : 0;

	for (int i = 0; i < n && !err; i++)
		err = add(candidates, folder, entries[i]->d_name);
	free_entries(entries, n);
	return err;
}

/*
 * The next folder of PATH in `folder` (PATH_MAX bytes); false at its end. What is relative
 * would be another folder for everyone who reads the report, and is skipped.
 */
static bool next_folder(const char **path, char *folder)
{
	while (*path && **path) {
		const char *begin = *path;
		size_t n = strcspn(begin, ":");

		*path = begin + n + (begin[n] == ':');
		while (n > 1 && begin[n - 1] == '/')
			n--;
		if (*begin != '/' || n >= PATH_MAX)
			continue;
		memcpy(folder, begin, n);
		folder[n] = 0;
		return true;
	}
	return false;
}

/* --- version managers --- */

static int is_no_dot(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int newest_first(const struct dirent **a, const struct dirent **b)
{
	return version__compare((*b)->d_name, (*a)->d_name);
}

/* Is a version's folder ("3.13.0", "3.13.0t", "3.14-dev") what is wanted? */
static bool is_wanted_folder(const char *name, const struct wanted_version *wanted)
{
	const char *build = end_of_number(name);
	bool plain = build[0] != 't' && build[0] != 'd';

	if (!is_of(name, wanted->number))
		return false;
	/* Of its own accord convoy takes none that is built in another way. */
	return *wanted->build ? !strcmp(build, wanted->build) : plain;
}

/* Of each version, newest first, the program; all of its interpreters if that is NULL. */
static int add_versions(struct candidates *candidates, const char *root, const char *program,
			const struct wanted_version *wanted)
{
	char folder[PATH_MAX], bin[PATH_MAX];
	struct dirent **entries = NULL;
	int n, err = 0;

	if (snprintf(folder, sizeof(folder), "%s/versions", root) >= (int)sizeof(folder))
		return 0;
	n = scandir(folder, &entries, is_no_dot, newest_first);
	if (n < 0 && errno == ENOMEM)
		err = -ENOMEM;
	for (int i = 0; i < n && !err; i++) {
		if ((wanted && !is_wanted_folder(entries[i]->d_name, wanted)) ||
		    snprintf(bin, sizeof(bin), "%s/%s/bin", folder, entries[i]->d_name) >=
			    (int)sizeof(bin))
			continue;
		err = program ? add(candidates, bin, program) : add_folder(candidates, bin);
	}
	free_entries(entries, n);
	return err;
}

static int add_managed(struct candidates *candidates, char *const *environment, const char *program,
		       const struct wanted_version *wanted)
{
	char root[PATH_MAX];
	int err = 0;

	for (size_t i = 0; i < N_MANAGERS && !err; i++)
		if (find_root(&managers[i], environment, root))
			err = add_versions(candidates, root, program, wanted);
	return err;
}

/* --- what is asked for --- */

static int add_from_path(struct candidates *candidates, char *const *environment,
			 const char *program)
{
	const char *path = environ__get(environment, "PATH");
	char folder[PATH_MAX];
	int err = 0;

	while (!err && next_folder(&path, folder))
		err = add(candidates, folder, program);
	return err;
}

int candidates__of_name(struct candidates *candidates, char *const *environment, const char *name)
{
	int err = add_from_path(candidates, environment, name);

	return err ? err : add_managed(candidates, environment, name, NULL);
}

int candidates__of_version(struct candidates *candidates, char *const *environment,
			   const struct wanted_version *wanted)
{
	const char *dot = strchr(wanted->number, '.');
	const char *second = dot ? strchr(dot + 1, '.') : NULL;
	char program[sizeof(*wanted) + 8];
	int err;

	/* Programs are called python3.13, whichever 3.13 they are. */
	snprintf(program, sizeof(program), "python%.*s%s",
		 (int)(second ? (size_t)(second - wanted->number) : strlen(wanted->number)),
		 wanted->number, wanted->build);
	err = add_from_path(candidates, environment, program);
	return err ? err : add_managed(candidates, environment, "python", wanted);
}

int candidates__all(struct candidates *candidates, char *const *environment)
{
	const char *path = environ__get(environment, "PATH");
	char folder[PATH_MAX];
	int err = 0;

	/* What the managers' shims stand for is found in their versions. */
	while (!err && next_folder(&path, folder))
		if (!is_managed_shims(folder, environment))
			err = add_folder(candidates, folder);
	return err ? err : add_managed(candidates, environment, NULL, NULL);
}

void candidates__free(struct candidates *candidates)
{
	for (size_t i = 0; i < candidates->n; i++)
		free(candidates->list[i].path);
	free(candidates->list);
	memset(candidates, 0, sizeof(*candidates));
}
