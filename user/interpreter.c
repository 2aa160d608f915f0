// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "interpreter_parts.h"
#include "message.h"
#include "own_files.h"

#define STRINGS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static const struct interpreter_language python = {
	.name = "python",
	.source = "convoy_work.py",
	.programs = STRINGS("python", "pypy"),
	.options = STRINGS("-B"), /* leaves no __pycache__ in a checkout */
	.modes = STRINGS("serial", "threads", "processes", "pool"),
};

static const struct interpreter_language ruby = {
	.name = "ruby",
	.source = "convoy_work.rb",
	.programs = STRINGS("ruby"),
	.options = STRINGS("--disable=gems"), /* not needed, and half of its start */
	.modes = STRINGS("serial", "threads", "processes"),
};

const struct interpreter_language *const interpreter_languages[] = { &python, &ruby, NULL };

int interpreter__sources(char *path, size_t size)
{
	return own_files__folder(path, size, "workloads", "python/convoy_work.py");
}

/* --- the list --- */

/* A file that chooses by its name what it is has more than one version. */
static bool is_same(const struct interpreter *a, const struct interpreter *b)
{
	return candidate__is_same_file(a->path, b->path) &&
	       !strcmp(a->implementation, b->implementation) && !strcmp(a->version, b->version);
}

int interpreters__take(struct interpreters *interpreters, struct interpreter *one, size_t *at)
{
	struct interpreter *grown;

	for (*at = 0; *at < interpreters->n; (*at)++)
		if (is_same(&interpreters->list[*at], one))
			return 0;
	grown = realloc(interpreters->list, (interpreters->n + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	interpreters->list = grown;
	grown[interpreters->n++] = *one;
	one->path = NULL;
	return 0;
}

/* Takes `path`, whatever comes of it. */
static int add(struct interpreters *interpreters, const struct interpreter_language *language,
	       const struct interpreter_answer *answer, char *path)
{
	struct interpreter one = { .path = path, .language = language };
	size_t at;
	int err;

	if (!path)
		return -ENOMEM;
	snprintf(one.name, sizeof(one.name), "%s", answer->name);
	snprintf(one.implementation, sizeof(one.implementation), "%s", answer->implementation);
	snprintf(one.version, sizeof(one.version), "%s", answer->version);
	err = interpreters__take(interpreters, &one, &at);
	free(one.path);
	return err;
}

void interpreters__free(struct interpreters *interpreters)
{
	for (size_t i = 0; i < interpreters->n; i++)
		free(interpreters->list[i].path);
	free(interpreters->list);
	memset(interpreters, 0, sizeof(*interpreters));
}

const struct interpreter *interpreters__find(const struct interpreters *interpreters,
					     const char *name)
{
	for (size_t i = 0; i < interpreters->n; i++)
		if (!strcmp(interpreters->list[i].name, name))
			return &interpreters->list[i];
	return NULL;
}

/* --- adding --- */

/* One addition under way. */
struct addition {
	struct interpreters *interpreters;
	const struct interpreter_search *search;
	const struct wanted_version *wanted;	/* NULL: any */
	bool by_path;	/* the user named the file: it is taken as it is */
	/* Of the first candidate that failed and is no shim, why. */
	char *failed;
	const struct interpreter_language *failed_language;
	struct interpreter_answer reason;
};

static bool is_same_answer(const struct interpreter_answer *a, const struct interpreter_answer *b)
{
	return !strcmp(a->name, b->name) && !strcmp(a->implementation, b->implementation) &&
	       !strcmp(a->version, b->version);
}

/* Which file to execute for the candidate that gave this answer. *path is the caller's to
 * free. A shim, or any other script that starts an interpreter, gives way to what it starts,
 * if that is the same without the script. */
static int settle(struct addition *addition, const struct candidate *candidate,
		  const struct interpreter_answer *answer, char **path)
{
	const char *chosen = candidate->path;
	bool script = *answer->executable == '/' && candidate__is_program(answer->executable) &&
		      !candidate__is_same_file(answer->executable, candidate->path);
	struct interpreter_answer second;
	int err;

	if (script) {
		err = interpreter__ask(addition->search, candidate->language, answer->executable,
				       &second, &addition->interpreters->signal);
		if (err)
			return err;
		script = second.outcome != ASK_ANSWERED || !is_same_answer(answer, &second);
		if (!script)
			chosen = answer->executable;
	}
	/* The names of a program are many, and a virtual environment's is one of them. */
	*path = addition->by_path || addition->search->as_found || script ? strdup(chosen) :
									    realpath(chosen, NULL);
	if (!*path)
		*path = strdup(chosen);
	return 0;
}

/* Ask one. Returns 1 when it is in the list, 0 when it cannot be used, or a negative errno. */
static int try(struct addition *addition, const struct candidate *candidate,
	       struct interpreter_answer *answer)
{
	char *path = NULL;
	int err = interpreter__ask(addition->search, candidate->language, candidate->path, answer,
				   &addition->interpreters->signal);

	if (err)
		return err;
	if (answer->outcome != ASK_ANSWERED ||
	    (addition->wanted &&
	     !wanted_version__matches(addition->wanted, answer->name, answer->version)))
		return 0;
	err = settle(addition, candidate, answer, &path);
	if (err)
		return err;
	err = add(addition->interpreters, candidate->language, answer, path);
	return err ? err : 1;
}

/* The first of them that works. Returns as try(). */
static int try_each(struct addition *addition, const struct candidates *candidates)
{
	int got = 0;

	for (size_t i = 0; i < candidates->n && !got; i++) {
		const struct candidate *candidate = &candidates->list[i];
		struct interpreter_answer answer;

		got = try(addition, candidate, &answer);
		if (got || answer.outcome == ASK_ANSWERED || candidate->shim || addition->failed)
			continue;
		addition->failed = candidate->path;
		addition->failed_language = candidate->language;
		addition->reason = answer;
	}
	return got;
}

/* One message: why nothing of that name can be used. */
static void explain_name(const struct addition *addition, const char *name)
{
	if (addition->failed)
		interpreter__explain(addition->search, addition->failed_language, addition->failed,
				     &addition->reason);
	else if (addition->wanted || interpreter_language__of(name))
		message("there is no '%s'; convoy list --interpreters shows what there is", name);
	else
		message("'%s' is not the name of an interpreter of Python or Ruby; convoy list "
			"--interpreters shows what there is, and any file can be named by its path",
			name);
}

static int add_by_name(struct addition *addition, const char *name)
{
	char *const *environment = addition->search->environment;
	struct candidates candidates = { 0 };
	struct wanted_version wanted;
	int got;

	if (wanted_version__parse(&wanted, name)) {
		addition->wanted = &wanted;
		got = candidates__of_version(&candidates, environment, &wanted);
	} else {
		got = candidates__of_name(&candidates, environment, name);
	}
	if (!got)
		got = try_each(addition, &candidates);
	if (!got) {
		addition->interpreters->failed++;
		explain_name(addition, name);
	}
	candidates__free(&candidates);
	return got < 0 ? got : 0;
}

/* The path of what the user called so, wherever this process is; NULL with errno. */
static char *make_absolute(const char *path)
{
	char *folder, *absolute = NULL;

	if (*path == '/')
		return strdup(path);
	folder = getcwd(NULL, 0);
	if (!folder)
		return NULL;
	while (!strncmp(path, "./", 2))
		path += 2;
	if (asprintf(&absolute, "%s/%s", strcmp(folder, "/") ? folder : "", path) < 0)
		absolute = NULL;
	free(folder);
	return absolute;
}

/* In each language in turn, if the name does not say which; *reason is the first one's. */
static int try_languages(struct addition *addition, struct candidate *candidate,
			 struct interpreter_answer *reason)
{
	struct interpreter_answer answer;
	int got;

	candidate->language = interpreter_language__of_path(candidate->path);
	if (candidate->language)
		return try(addition, candidate, reason);
	candidate->language = interpreter_languages[0];
	got = try(addition, candidate, reason);
	for (size_t i = 1; interpreter_languages[i] && !got; i++) {
		if (reason->outcome == ASK_NOT_EXECUTED)
			return 0;
		candidate->language = interpreter_languages[i];
		got = try(addition, candidate, &answer);
	}
	if (!got)
		candidate->language = interpreter_languages[0];
	return got;
}

static int add_by_path(struct addition *addition, const char *spec)
{
	struct candidate candidate = { .path = make_absolute(spec) };
	struct interpreter_answer reason;
	int got;

	if (!candidate.path) {
		message("cannot tell where '%s' is: %s", spec, strerror(errno));
		return -errno;
	}
	addition->by_path = true;
	got = try_languages(addition, &candidate, &reason);
	if (!got) {
		addition->interpreters->failed++;
		interpreter__explain(addition->search, candidate.language, candidate.path, &reason);
	}
	free(candidate.path);
	return got < 0 ? got : 0;
}

static size_t index_of(const struct interpreter_language *language)
{
	size_t i = 0;

	while (interpreter_languages[i] != language)
		i++;
	return i;
}

static int compare_interpreters(const void *left, const void *right)
{
	const struct interpreter *a = left, *b = right;
	size_t language_a = index_of(a->language), language_b = index_of(b->language);
	int sign;

	if (language_a != language_b)
		return language_a < language_b ? -1 : 1;
	sign = strcmp(a->implementation, b->implementation);
	if (!sign)
		sign = version__compare(a->version, b->version);
	if (!sign)
		sign = strcmp(a->name, b->name);
	return sign ? sign : strcmp(a->path, b->path);
}

/* Was one of those before the i-th the same file, which then need not be asked again? */
static bool was_asked(const struct candidates *candidates, size_t i)
{
	/* Shims of one file each stand for another program, by their names. */
	if (candidates->list[i].shim)
		return false;
	for (size_t k = 0; k < i; k++)
		if (candidate__is_same_file(candidates->list[k].path, candidates->list[i].path))
			return true;
	return false;
}

/* Is it there for the user at all? Root sees files that others may not even know of. */
static bool is_the_users(const struct addition *addition, const struct interpreter_answer *answer)
{
	return !addition->search->as || answer->outcome != ASK_NOT_EXECUTED ||
	       answer->exec_error != EACCES;
}

static int add_all(struct addition *addition)
{
	size_t before = addition->interpreters->n;
	struct candidates candidates = { 0 };
	int err = candidates__all(&candidates, addition->search->environment);

	for (size_t i = 0; i < candidates.n && err >= 0; i++) {
		const struct candidate *candidate = &candidates.list[i];
		struct interpreter_answer answer;

		if (was_asked(&candidates, i))
			continue;
		err = try(addition, candidate, &answer);
		if (!err && !candidate->shim && is_the_users(addition, &answer))
			interpreter__explain(addition->search, candidate->language, candidate->path,
					     &answer);
	}
	if (err >= 0 && !addition->interpreters->n) {
		addition->interpreters->failed++;
		message("there is no interpreter, neither in PATH nor of pyenv or rbenv");
	}
	candidates__free(&candidates);
	if (addition->interpreters->n > before)
		qsort(addition->interpreters->list + before, addition->interpreters->n - before,
		      sizeof(*addition->interpreters->list), compare_interpreters);
	return err < 0 ? err : 0;
}

int interpreters__add(struct interpreters *interpreters, const struct interpreter_search *search,
		      const char *spec)
{
	struct addition addition = { .interpreters = interpreters, .search = search };
	int err;

	if (!strcmp(spec, "all"))
		err = add_all(&addition);
	else if (strchr(spec, '/'))
		err = add_by_path(&addition, spec);
	else
		err = add_by_name(&addition, spec);
	if (err == -ENOMEM)
		message("cannot look for interpreters: %s", strerror(ENOMEM));
	return err;
}

/* --- names --- */

/* How many of the first `n` have this name? */
static size_t count(const struct interpreters *interpreters, size_t n, const char *name)
{
	size_t found = 0;

	for (size_t i = 0; i < n; i++)
		found += !strcmp(interpreters->list[i].name, name);
	return found;
}

/*
 * "python3.13t" with its full version: "python3.13.0t"; where that does not go on from the
 * name, "pypy3-7.3.11". As much as fits.
 */
static void put_version(const struct interpreter *one, char *out, size_t size)
{
	size_t begin = strcspn(one->name, "0123456789");
	size_t n = strspn(one->name + begin, "0123456789.");
	const char *version = one->version;

	if (n && !strncmp(version, one->name + begin, n) && !isdigit((unsigned char)version[n]))
		snprintf(out, size, "%.*s%s%s", (int)begin, one->name, version,
			 one->name + begin + n);
	else
		snprintf(out, size, "%s-%s", one->name, version);
}

/* The i-th becomes "NAME-2", "NAME-3", ... if one before it has its name. */
static void number(struct interpreters *interpreters, size_t i)
{
	struct interpreter *one = &interpreters->list[i];
	char base[sizeof(one->name)], digits[16];

	snprintf(base, sizeof(base), "%s", one->name);
	for (unsigned n = 2; count(interpreters, i, one->name); n++) {
		int length = snprintf(digits, sizeof(digits), "-%u", n);

		snprintf(one->name, sizeof(one->name), "%.*s%s",
			 (int)(sizeof(one->name) - 1) - length, base, digits);
	}
}

void interpreters__name(struct interpreters *interpreters)
{
	char(*full)[64] = calloc(interpreters->n + 1, sizeof(*full));

	/* First all of those with the same name, then what still is the same. */
	for (size_t i = 0; full && i < interpreters->n; i++)
		if (count(interpreters, interpreters->n, interpreters->list[i].name) > 1)
			put_version(&interpreters->list[i], full[i], sizeof(full[i]));
	for (size_t i = 0; full && i < interpreters->n; i++)
		if (*full[i])
			snprintf(interpreters->list[i].name, sizeof(interpreters->list[i].name),
				 "%.*s", (int)sizeof(interpreters->list[i].name) - 1, full[i]);
	free(full);
	for (size_t i = 1; i < interpreters->n; i++)
		number(interpreters, i);
}
