// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <argp.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "exit_codes.h"
#include "interpreter.h"
#include "message.h"
#include "outside.h"
#include "parse_option.h"
#include "workloads/catalog.h"

#define KEY_INTERPRETERS 0x100

static const struct argp_option options[] = {
	{ "interpreters", KEY_INTERPRETERS, NULL, 0,
	  "List the interpreters on this machine that can run the jobs: those in PATH and of pyenv "
	  "and rbenv. Each is executed once, and says what it is",
	  0 },
	{ 0 },
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	bool *interpreters = state->input;

	switch (key) {
	case KEY_INTERPRETERS:
		*interpreters = true;
		return 0;
	case ARGP_KEY_ARG:
		message("'%s' is not an option; `convoy list --help` shows the one there is", arg);
		return EINVAL;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void print_job(const struct job_info *job)
{
	printf("  %-12s %s\n", job->name, job->summary);
	printf("  %-12s   modes", "");
	for (size_t i = 0; job->default_modes[i]; i++)
		printf("%s%s", i ? "," : " ", job->default_modes[i]);
	if (job->default_workers)
		printf("; %u workers", job->default_workers);
	else
		printf("; as many workers as CPUs");
	printf("; %u round%s", job->default_rounds, job->default_rounds == 1 ? "" : "s");
	if (job->work_unit)
		printf("; -n %llu %s", job->default_work, job->work_unit);
	printf("\n");
}

static void print_jobs_and_modes(void)
{
	printf("jobs (-j)\n");
	for (size_t i = 0; catalog_job_at(i); i++)
		print_job(catalog_job_at(i));
	printf("\nmodes (-m)\n");
	for (size_t i = 0; catalog_mode_at(i); i++)
		printf("  %-12s %s\n", catalog_mode_at(i)->name, catalog_mode_at(i)->summary);
	printf("\nconvoy list --interpreters: the interpreters of Python and Ruby on this machine\n");
}

/* Columns fit what is in them. */
struct columns {
	int name, implementation, version, path;
};

static void widen(int *column, const char *text)
{
	int width = (int)outside__columns(text);

	if (*column < width)
		*column = width;
}

/* A path as it can be printed; the caller frees it. NULL when memory runs out. */
static char *harmless(const char *path)
{
	size_t length = strlen(path), size = 4 * length + 1;
	char *text = malloc(size);

	if (text)
		outside__terminal(text, size, path, length, true);
	return text;
}

static void print_row(const struct columns *columns, const struct interpreter *one,
		      const char *path)
{
	const char *const *mode = one->language->modes;
	int padding = columns->path - (int)outside__columns(path);

	printf("%-*s  %-*s  %-*s  %s%*s  ", columns->name, one->name, columns->implementation,
	       one->implementation, columns->version, one->version, path, padding, "");
	for (size_t i = 0; mode[i]; i++)
		printf("%s%s", i ? "," : "", mode[i]);
	printf("\n");
}

static void free_paths(char **paths, size_t n)
{
	for (size_t i = 0; paths && i < n; i++)
		free(paths[i]);
	free(paths);
}

static int print_interpreters(const struct interpreters *interpreters)
{
	struct columns columns = { 4, 14, 7, 4 };
	char **paths = calloc(interpreters->n + 1, sizeof(*paths));
	bool complete = paths != NULL;

	for (size_t i = 0; complete && i < interpreters->n; i++) {
		paths[i] = harmless(interpreters->list[i].path);
		complete = paths[i] != NULL;
		if (!complete)
			break;
		widen(&columns.name, interpreters->list[i].name);
		widen(&columns.implementation, interpreters->list[i].implementation);
		widen(&columns.version, interpreters->list[i].version);
		widen(&columns.path, paths[i]);
	}
	if (complete && interpreters->n)
		printf("%-*s  %-*s  %-*s  %-*s  modes\n", columns.name, "name",
		       columns.implementation, "implementation", columns.version, "version",
		       columns.path, "path");
	for (size_t i = 0; complete && i < interpreters->n; i++)
		print_row(&columns, &interpreters->list[i], paths[i]);
	free_paths(paths, interpreters->n);
	return complete ? 0 : -ENOMEM;
}

/* Returns the exit status. */
static int list_interpreters(void)
{
	struct interpreters interpreters = { 0 };
	struct interpreter_user user = { 0 };
	char sources[PATH_MAX];
	int err, signal;

	err = interpreter__sources(sources, sizeof(sources));
	if (!err)
		err = interpreter_user__find(&user);
	if (!err) {
		const struct interpreter_search search = {
			.environment = user.environment,
			.as = user.as,
			.sources = sources,
		};

		err = interpreters__add(&interpreters, &search, "all");
	}
	if (!err) {
		interpreters__name(&interpreters);
		err = print_interpreters(&interpreters);
	}
	signal = interpreters.signal;
	interpreters__free(&interpreters);
	interpreter_user__free(&user);
	if (err == -EINTR)
		return CONVOY_EXIT_SIGNAL + signal;
	if (err == -EPERM)
		return CONVOY_EXIT_REFUSED;
	return err ? CONVOY_EXIT_FAILED : CONVOY_EXIT_OK;
}

int cmd_list(int argc, char **argv)
{
	const struct argp argp = {
		.options = options,
		.parser = parse_option,
		.doc = "List the jobs, with their defaults, and the modes; or the interpreters that "
		       "can run the jobs, too.",
	};
	bool interpreters = false;
	int status = CONVOY_EXIT_OK;

	if (option__parse_all(&argp, "convoy list", argc, argv, 0, &interpreters))
		return CONVOY_EXIT_USAGE;
	if (interpreters)
		status = list_interpreters();
	else
		print_jobs_and_modes();
	if (fflush(stdout)) {
		message("cannot write the list: %s", strerror(errno));
		return CONVOY_EXIT_FAILED;
	}
	return status;
}
