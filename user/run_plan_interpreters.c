// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * run_plan_interpreters.c - from what was asked of interpreters to their modes in a plan.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"
#include "run_plan.h"
#include "run_plan_modes.h"

/* Which interpreters of the plan a request is for: places in its list. */
struct answer {
	size_t *at;
	size_t n;
};

/* Modes of one interpreter, each once, in the order in which they were asked for. */
struct wanted {
	const struct mode_info *modes[MODE_COUNT];
	size_t n;
};

static int no_memory(void)
{
	message("cannot keep a list of interpreters: %s", strerror(ENOMEM));
	return -ENOMEM;
}

static int take_all(struct interpreters *all, struct interpreters *found, struct answer *answer)
{
	int err = 0;

	answer->at = calloc(found->n + 1, sizeof(*answer->at));
	if (!answer->at)
		return no_memory();
	for (size_t i = 0; i < found->n && !err; i++)
		err = interpreters__take(all, &found->list[i], &answer->at[answer->n++]);
	all->failed += found->failed;
	return err ? no_memory() : 0;
}

static bool is_same_spec(const struct plan_request *a, const struct plan_request *b)
{
	return a->length == b->length && !memcmp(a->spec, b->spec, a->length);
}

/* The first request of the same spec: its own place, if there is none before. */
static size_t first_of_spec(const struct run_plan *plan, size_t r)
{
	size_t first = 0;

	while (!is_same_spec(&plan->requests[first], &plan->requests[r]))
		first++;
	return first;
}

/* Only the first request of a spec gets an answer. */
static int ask(struct run_plan *plan, interpreter_finder find, void *ctx, struct answer *answers)
{
	int err = 0;

	for (size_t r = 0; r < plan->n_requests && !err; r++) {
		struct interpreters found = { 0 };
		char *spec;

		if (first_of_spec(plan, r) != r)
			continue;
		spec = strndup(plan->requests[r].spec, plan->requests[r].length);
		err = spec ? find(ctx, spec, &found) : no_memory();
		plan->interpreters.signal = found.signal;
		if (!err)
			err = take_all(&plan->interpreters, &found, &answers[r]);
		interpreters__free(&found);
		free(spec);
	}
	return err;
}

static bool has_mode(const struct interpreter *interpreter, const struct mode_info *mode)
{
	const char *const *name = interpreter->language->modes;

	while (*name && strcmp(*name, mode->name))
		name++;
	return *name != NULL;
}

static void want(struct wanted *wanted, const struct mode_info *mode)
{
	for (size_t i = 0; i < wanted->n; i++)
		if (wanted->modes[i] == mode)
			return;
	wanted->modes[wanted->n++] = mode;
}

static bool is_all(const struct plan_request *request)
{
	return request->length == 3 && !memcmp(request->spec, "all", 3);
}

/* Mode by mode. Nobody knows beforehand what all of them have, nor what a language does not. */
static void want_if_it_has(struct run_plan *plan, const struct plan_request *request,
			   const struct interpreter *interpreter, const struct mode_info *mode,
			   struct wanted *wanted)
{
	if (has_mode(interpreter, mode)) {
		want(wanted, mode);
	} else if (!is_all(request) && (request->mode || plan->plain_said)) {
		message("%s has no mode '%s'", interpreter->name, mode->name);
		plan->n_lacking++;
	}
}

/* What of its modes the plan's i-th interpreter was asked for. */
static struct wanted modes_of(struct run_plan *plan, size_t i, const struct answer *answers)
{
	const struct interpreter *interpreter = &plan->interpreters.list[i];
	struct wanted wanted = { .n = 0 };

	for (size_t r = 0; r < plan->n_requests; r++) {
		const struct answer *answer = &answers[first_of_spec(plan, r)];
		const struct plan_request *request = &plan->requests[r];
		bool meant = false;

		for (size_t k = 0; k < answer->n; k++)
			meant |= answer->at[k] == i;
		if (meant && request->mode)
			want_if_it_has(plan, request, interpreter, request->mode, &wanted);
		for (size_t k = 0; meant && !request->mode && k < plan->n_plain; k++)
			want_if_it_has(plan, request, interpreter, plan->plain[k], &wanted);
	}
	return wanted;
}

static int add_modes(struct run_plan *plan, const struct interpreter *interpreter,
		     const struct wanted *wanted)
{
	for (size_t i = 0; i < wanted->n; i++) {
		char label[sizeof(plan->modes[0].label)];
		struct plan_mode *mode;

		snprintf(label, sizeof(label), "%s:%s", interpreter->name, wanted->modes[i]->name);
		mode = run_plan__new_mode(plan, label);
		if (!mode)
			return -EINVAL;
		mode->bundled = wanted->modes[i];
		mode->interpreter = interpreter;
		mode->workers = run_plan__workers_in(plan, mode->bundled);
	}
	return 0;
}

/* The last of the modes before so many commands, which new ones came after. */
static void put_commands_last(struct run_plan *plan, size_t n_before)
{
	struct plan_mode commands[MAX_MODES];
	size_t n = 0;

	while (n < n_before && plan->modes[n_before - n - 1].command)
		n++;
	memcpy(commands, &plan->modes[n_before - n], n * sizeof(*commands));
	memmove(&plan->modes[n_before - n], &plan->modes[n_before],
		(plan->n_modes - n_before) * sizeof(*commands));
	memcpy(&plan->modes[plan->n_modes - n], commands, n * sizeof(*commands));
}

static void note_only_ones(struct run_plan *plan, const struct answer *answers)
{
	for (size_t r = 0; r < plan->n_requests; r++) {
		const struct answer *answer = &answers[first_of_spec(plan, r)];

		if (answer->n == 1)
			plan->requests[r].only = &plan->interpreters.list[answer->at[0]];
	}
}

static int add_all(struct run_plan *plan, const struct answer *answers)
{
	size_t n_before = plan->n_modes;
	int err = 0;

	interpreters__name(&plan->interpreters);
	note_only_ones(plan, answers);
	for (size_t i = 0; i < plan->interpreters.n && !err; i++) {
		struct wanted wanted = modes_of(plan, i, answers);

		err = add_modes(plan, &plan->interpreters.list[i], &wanted);
	}
	if (err)
		return err;
	put_commands_last(plan, n_before);
	if (!plan->n_modes) {
		message("nothing is left to run");
		return -EINVAL;
	}
	return run_plan__choose_reference(plan);
}

int run_plan__add_interpreters(struct run_plan *plan, interpreter_finder find, void *ctx)
{
	struct answer *answers;
	int err;

	if (!plan->n_requests)
		return 0;
	answers = calloc(plan->n_requests, sizeof(*answers));
	err = answers ? ask(plan, find, ctx, answers) : no_memory();
	if (!err)
		err = add_all(plan, answers);
	for (size_t r = 0; answers && r < plan->n_requests; r++)
		free(answers[r].at);
	free(answers);
	return err;
}

void run_plan__free(struct run_plan *plan)
{
	interpreters__free(&plan->interpreters);
}
