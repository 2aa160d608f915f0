// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * run_outcome.c - what of a run is missing, in words.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "runner.h"

/* Kept free, for "; and 250 more". */
#define ROOM_FOR_MORE 32

size_t run_outcome__left_out(const struct run_outcome *outcome, const struct run_plan *plan)
{
	size_t n = plan->interpreters.failed + plan->n_lacking;

	for (size_t i = 0; i < plan->n_modes; i++)
		n += outcome->failed_in[i] != 0;
	return n;
}

/* Appends a part, if it is short enough. */
static bool add(char *text, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static bool add(char *text, size_t size, const char *format, ...)
{
	size_t used = strlen(text);
	char part[160];
	va_list list;

	va_start(list, format);
	vsnprintf(part, sizeof(part), format, list);
	va_end(list);
	if (used + strlen(part) + 3 > size)
		return false;
	snprintf(text + used, size - used, "%s%s", used ? "; " : "", part);
	return true;
}

void run_outcome__explain(const struct run_outcome *outcome, const struct run_plan *plan,
			  char *text, size_t size)
{
	size_t failed = plan->interpreters.failed, lacking = plan->n_lacking, more = 0;

	*text = '\0';
	if (!run_outcome__left_out(outcome, plan))
		return;
	/* Why it ended early is what else is missing. */
	if (outcome->signal || outcome->workload_failed)
		add(text, size, "%s, some rounds are missing",
		    outcome->signal ? "interrupted" : "a mode failed");
	if (failed)
		add(text, size, "%zu interpreter%s cannot be used", failed, failed == 1 ? "" : "s");
	if (lacking)
		add(text, size, "%zu mode%s not there in that language", lacking,
		    lacking == 1 ? " is" : "s are");
	for (size_t i = 0; i < plan->n_modes; i++) {
		if (!outcome->failed_in[i])
			continue;
		if (more || !add(text, size - ROOM_FOR_MORE, "%s failed in round %u",
				 plan->modes[i].label, outcome->failed_in[i]))
			more++;
	}
	if (more)
		add(text, size, "and %zu more", more);
}
