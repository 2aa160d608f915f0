// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * doctor_works.c - from checks to what works, and what stands in the way.
 */
#include <stdio.h>

#include "doctor.h"

/*
 * Recording what runs already needs more than running does, but by default no exits of
 * futex calls. What they need of the probes was tried.
 */
static bool works(const struct diagnosis *diagnosis, enum doctor_stops stops)
{
	const struct doctor_facts *facts = diagnosis->facts;

	if (stops == DOCTOR_STOPS_RUN ? facts->probes : facts->probes_blocking)
		return false;
	for (size_t i = 0; i < diagnosis->n_checks; i++) {
		const struct doctor_check *check = &diagnosis->checks[i];

		if (check->stops >= stops && check->stops != DOCTOR_STOPS_RUN &&
		    (check->state == DOCTOR_MISSING || check->state == DOCTOR_UNKNOWN))
			return false;
	}
	return true;
}

/* The least that a check must stop to be in the way. */
static const enum doctor_stops stops_work[DOCTOR_WORKS] = {
	[DOCTOR_RUN] = DOCTOR_STOPS_RUN,
	[DOCTOR_RECORD_COMMAND] = DOCTOR_STOPS_RUN,
	[DOCTOR_RECORD_PID] = DOCTOR_STOPS_PID,
	[DOCTOR_RECORD_CGROUP] = DOCTOR_STOPS_CGROUP,
	[DOCTOR_RECORD_ALL] = DOCTOR_STOPS_PID,
	[DOCTOR_WHY] = DOCTOR_STOPS_PID,
};

void doctor__judge_works(struct diagnosis *diagnosis)
{
	for (size_t i = 0; i < DOCTOR_WORKS; i++)
		diagnosis->works[i] = works(diagnosis, stops_work[i]);
}

const char *doctor__state_name(enum doctor_state state)
{
	static const char *const names[] = { "ok", "limited", "missing", "unknown" };

	return names[state];
}

void doctor__why_not(const struct diagnosis *diagnosis, enum doctor_work work, char *why,
		     size_t size)
{
	/* What is known to be missing is reason enough. */
	static const enum doctor_state reasons[] = { DOCTOR_MISSING, DOCTOR_UNKNOWN };
	size_t used = 0;

	why[0] = 0;
	if (diagnosis->works[work])
		return;
	for (size_t r = 0; r < 2 && !used; r++) {
		for (size_t i = 0; i < diagnosis->n_checks; i++) {
			const struct doctor_check *check = &diagnosis->checks[i];

			if (check->state != reasons[r] || check->stops < stops_work[work] ||
			    used >= size)
				continue;
			/* That they all together do not work follows from each. */
			if (used && check->stops == DOCTOR_STOPS_RUN &&
			    i + 1 == diagnosis->n_checks)
				continue;
			used += (size_t)snprintf(why + used, size - used, "%s%s", used ? ", " : "",
						 check->name);
		}
	}
}
