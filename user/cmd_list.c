// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "exit_codes.h"
#include "message.h"
#include "parse_option.h"
#include "workloads/catalog.h"

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	(void)state;
	if (key != ARGP_KEY_ARG)
		return ARGP_ERR_UNKNOWN;
	message("'%s' is not an option; `convoy list` takes none", arg);
	return EINVAL;
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

int cmd_list(int argc, char **argv)
{
	const struct argp argp = {
		.parser = parse_option,
		.doc = "List the jobs, with their defaults, and the modes.",
	};

	if (option__parse_all(&argp, "convoy list", argc, argv, 0, NULL))
		return CONVOY_EXIT_USAGE;
	printf("jobs (-j)\n");
	for (size_t i = 0; catalog_job_at(i); i++)
		print_job(catalog_job_at(i));
	printf("\nmodes (-m)\n");
	for (size_t i = 0; catalog_mode_at(i); i++)
		printf("  %-12s %s\n", catalog_mode_at(i)->name, catalog_mode_at(i)->summary);
	if (fflush(stdout)) {
		message("cannot write the list: %s", strerror(errno));
		return CONVOY_EXIT_FAILED;
	}
	return CONVOY_EXIT_OK;
}
