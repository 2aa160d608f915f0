/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * run_plan_modes.h - which modes `convoy run` was asked for.
 */
#ifndef CONVOY_RUN_PLAN_MODES_H
#define CONVOY_RUN_PLAN_MODES_H

#include <stdbool.h>
#include <stddef.h>

#include "run_plan.h"

/* What was said of modes, as text of argv's; what was not is NULL or none. */
struct modes_said {
	const char *job, *modes, *reference;
	const char *commands[MAX_MODES];	/* each --cmd */
	size_t n_commands;
	const char *interpreters[MAX_MODES];	/* each --interpreter */
	size_t n_interpreters;
};

/* Commands alone are compared with each other, unless the user wants more. */
bool modes_said__only_commands(const struct modes_said *said);

/*
 * Fill in plan->modes with what convoy's own machine and commands are asked for,
 * plan->requests and plan->plain with what interpreters are, and the reference, of a plan
 * whose job, workers and CPUs are known. Where there are only commands, the plan has no job
 * afterwards. 0, or -EINVAL after a message.
 */
int run_plan__choose_modes(struct run_plan *plan, const struct modes_said *said);

/* A place for one more mode with this label at the end of plan->modes, or NULL after a message. */
struct plan_mode *run_plan__new_mode(struct run_plan *plan, const char *label);

/* The workers of a bundled mode: what -w said, else the job's and mode's own. */
unsigned run_plan__workers_in(const struct run_plan *plan, const struct mode_info *mode);

/*
 * Fill in plan->reference: what plan->reference_said names, else serial, else the first
 * command. 0, or -EINVAL after a message if no mode is called so.
 */
int run_plan__choose_reference(struct run_plan *plan);

#endif /* CONVOY_RUN_PLAN_MODES_H */
