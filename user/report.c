/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * report.c - birth and end of a report, and look-ups in it.
 */
#include "report.h"

#include <stdlib.h>
#include <string.h>

struct report *report__new(void)
{
	struct report *report = calloc(1, sizeof(*report));

	if (report)
		report->command_status = -1;
	return report;
}

static void report_mode__free(struct report_mode *mode)
{
	if (mode->command) {
		for (char **word = mode->command; *word; word++)
			free(*word);
		free(mode->command);
	}
	estimate__free(&mode->wall_ns);
	estimate__free(&mode->cpu_ns);
	estimate__free(&mode->system_ns);
	estimate__free(&mode->cpu_util);
	estimate__free(&mode->cores_used);
	estimate__free(&mode->voluntary);
	estimate__free(&mode->involuntary);
	estimate__free(&mode->migrations);
	for (size_t i = 0; i < mode->n_locks; i++)
		free(mode->locks[i].holders);
	free(mode->locks);
	for (size_t i = 0; i < mode->n_runtimes; i++)
		free(mode->runtimes[i].threads);
	free(mode->runtimes);
	free(mode->threads);
	free(mode->cpus);
	free(mode->tasks);
	for (size_t i = 0; i < mode->n_metrics; i++)
		estimate__free(&mode->metrics[i].value);
	free(mode->metrics);
}

void report__forget_verdict(struct report *report)
{
	for (size_t i = 0; i < report->verdict.n_families; i++)
		free(report->verdict.families[i].text);
	free(report->verdict.families);
	free(report->verdict.text);
	memset(&report->verdict, 0, sizeof(report->verdict));
}

void report__free(struct report *report)
{
	if (!report)
		return;
	for (size_t i = 0; i < report->n_modes; i++)
		report_mode__free(&report->modes[i]);
	free(report->modes);
	json_decref(report->params);
	report__forget_verdict(report);
	free(report);
}

const struct report_mode *report__mode(const struct report *report, const char *mode)
{
	for (size_t i = 0; i < report->n_modes; i++) {
		if (strcmp(report->modes[i].mode, mode) == 0)
			return &report->modes[i];
	}
	return NULL;
}

const char *report_mode__family(const struct report_mode *mode)
{
	return mode->interpreter.name;
}

const char *report_mode__kind(const struct report_mode *mode)
{
	const char *colon = mode->interpreter.name[0] ? strrchr(mode->mode, ':') : NULL;

	return colon ? colon + 1 : mode->mode;
}

const struct report_mode *report__mode_of(const struct report *report, const char *family,
					  const char *kind)
{
	for (size_t i = 0; i < report->n_modes; i++) {
		const struct report_mode *mode = &report->modes[i];

		if (!strcmp(report_mode__family(mode), family) &&
		    !strcmp(report_mode__kind(mode), kind))
			return mode;
	}
	return NULL;
}
