// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"
#include "outside.h"
#include "run_plan_modes.h"

bool modes_said__only_commands(const struct modes_said *said)
{
	return said->n_commands && !said->job && !said->modes && !said->n_interpreters;
}

static const struct plan_mode *find_mode(const struct run_plan *plan, const char *label)
{
	for (size_t i = 0; i < plan->n_modes; i++)
		if (!strcmp(plan->modes[i].label, label))
			return &plan->modes[i];
	return NULL;
}

struct plan_mode *run_plan__new_mode(struct run_plan *plan, const char *label)
{
	struct plan_mode *mode = &plan->modes[plan->n_modes];

	if (plan->n_modes == MAX_MODES) {
		message("more than %d modes and commands", MAX_MODES);
		return NULL;
	}
	if (find_mode(plan, label)) {
		message("mode '%s' is named twice", label);
		return NULL;
	}
	memset(mode, 0, sizeof(*mode));
	if (snprintf(mode->label, sizeof(mode->label), "%s", label) >= (int)sizeof(mode->label)) {
		message("label '%s' is longer than %zu bytes", label, sizeof(mode->label) - 1);
		return NULL;
	}
	plan->n_modes++;
	return mode;
}

unsigned run_plan__workers_in(const struct run_plan *plan, const struct mode_info *mode)
{
	return plan->workers ? plan->workers :
			       catalog_workers(plan->job, mode, (unsigned)CPU_COUNT(&plan->cpus));
}

/* -EINVAL after a message, if the job makes no sense in that mode. */
static int refuse_mode(const struct run_plan *plan, const struct mode_info *mode, const char *label)
{
	unsigned workers = run_plan__workers_in(plan, mode);
	const char *refusal = catalog_refusal(plan->job, mode, workers);

	if (!refusal)
		return 0;
	message("job '%s' in mode '%s' with %u workers: %s", plan->job->name, label, workers,
		refusal);
	return -EINVAL;
}

static int add_bundled(struct run_plan *plan, const struct mode_info *bundled)
{
	struct plan_mode *mode = run_plan__new_mode(plan, bundled->name);

	if (!mode)
		return -EINVAL;
	mode->bundled = bundled;
	mode->workers = run_plan__workers_in(plan, bundled);
	return refuse_mode(plan, bundled, mode->label);
}

static bool is_utf8(const char *text)
{
	char *valid = outside__utf8(text, strlen(text));
	bool same = valid && !strcmp(valid, text);

	free(valid);
	return same;
}

/* "LABEL=COMMAND" */
static int add_command(struct run_plan *plan, const char *spec)
{
	const char *equals = strchr(spec, '=');
	struct plan_mode *mode;
	char *label;

	if (!equals || equals == spec || !equals[1]) {
		message("--cmd '%s' is not LABEL=COMMAND, such as fast='make -j2'", spec);
		return -EINVAL;
	}
	label = strndup(spec, (size_t)(equals - spec));
	if (label && !is_utf8(label)) {
		message("--cmd '%s': a label is UTF-8, for it is a key of the report", spec);
		free(label);
		return -EINVAL;
	}
	mode = label ? run_plan__new_mode(plan, label) : NULL;
	free(label);
	if (!mode)
		return -EINVAL;
	if (catalog_mode(mode->label)) {
		message("--cmd '%s': '%s' is the name of a bundled mode; choose another label",
			spec, mode->label);
		return -EINVAL;
	}
	mode->command = equals + 1;
	return 0;
}

/* Do interpreters have such a mode, whatever their language? */
static bool is_plain(const struct mode_info *mode)
{
	for (size_t i = 0; interpreter_languages[i]; i++)
		for (size_t k = 0; interpreter_languages[i]->modes[k]; k++)
			if (!strcmp(interpreter_languages[i]->modes[k], mode->name))
				return true;
	return false;
}

static int unknown_mode(const char *name)
{
	message("mode '%s' does not exist; there are:", name);
	for (size_t i = 0; catalog_mode_at(i); i++)
		fprintf(stderr, "  %-12s %s\n", catalog_mode_at(i)->name,
			catalog_mode_at(i)->summary);
	return -EINVAL;
}

static int request(struct run_plan *plan, const char *spec, size_t length,
		   const struct mode_info *mode)
{
	struct plan_request *request = &plan->requests[plan->n_requests];

	if (plan->n_requests == MAX_REQUESTS) {
		message("more than %d interpreters and modes of interpreters", MAX_REQUESTS);
		return -EINVAL;
	}
	for (size_t i = 0; i < plan->n_requests; i++) {
		const struct plan_request *other = &plan->requests[i];

		if (mode && other->mode == mode && other->length == length &&
		    !memcmp(other->spec, spec, length)) {
			message("mode '%.*s:%s' is named twice", (int)length, spec, mode->name);
			return -EINVAL;
		}
	}
	*request = (struct plan_request){ .spec = spec, .length = length, .mode = mode };
	plan->n_requests++;
	return 0;
}

/* "python3.13:threads" of -m, so many bytes of it; `colon` is the last one in it. */
static int request_mode(struct run_plan *plan, const char *said, size_t length, const char *colon)
{
	char name[64];
	const struct mode_info *mode;
	size_t rest = length - (size_t)(colon + 1 - said);

	if (colon == said) {
		message("mode '%.*s' names no interpreter before its colon", (int)length, said);
		return -EINVAL;
	}
	snprintf(name, sizeof(name), "%.*s", (int)rest, colon + 1);
	mode = catalog_mode(name);
	if (!mode)
		return unknown_mode(name);
	if (!is_plain(mode)) {
		message("mode '%.*s': only convoy's own machine has mode '%s'", (int)length, said,
			mode->name);
		return -EINVAL;
	}
	snprintf(name, sizeof(name), "%.*s", (int)length, said);
	return refuse_mode(plan, mode, name) ? -EINVAL :
					       request(plan, said, (size_t)(colon - said), mode);
}

/* One name of -m, so many bytes of it. */
static int choose_mode(struct run_plan *plan, const char *said, size_t length,
		       bool for_interpreters)
{
	const char *colon = memrchr(said, ':', length);
	const struct mode_info *mode;
	char *name;

	if (colon)
		return request_mode(plan, said, length, colon);
	name = strndup(said, length);
	if (!name)
		return -EINVAL;
	mode = catalog_mode(name);
	if (!mode)
		unknown_mode(name);
	free(name);
	if (!mode)
		return -EINVAL;
	if (!for_interpreters || !is_plain(mode))
		return add_bundled(plan, mode);
	for (size_t i = 0; i < plan->n_plain; i++)
		if (plan->plain[i] == mode) {
			message("mode '%s' is named twice", mode->name);
			return -EINVAL;
		}
	plan->plain[plan->n_plain++] = mode;
	plan->plain_said = true;
	return refuse_mode(plan, mode, mode->name);
}

static int choose_said_modes(struct run_plan *plan, const struct modes_said *said)
{
	int err = 0;

	for (const char *at = said->modes; !err;) {
		size_t length = strcspn(at, ",");

		err = choose_mode(plan, at, length, said->n_interpreters > 0);
		if (!at[length])
			break;
		at += length + 1;
	}
	return err;
}

/* The job's own of convoy's machine, and of interpreters all that it does not refuse. */
static int choose_default_modes(struct run_plan *plan, const struct modes_said *said)
{
	int err = 0;

	if (modes_said__only_commands(said))
		return 0;
	for (size_t i = 0; plan->job->default_modes[i] && !err; i++)
		err = add_bundled(plan, catalog_mode(plan->job->default_modes[i]));
	for (size_t i = 0; said->n_interpreters && catalog_mode_at(i); i++) {
		const struct mode_info *mode = catalog_mode_at(i);

		if (is_plain(mode) &&
		    !catalog_refusal(plan->job, mode, run_plan__workers_in(plan, mode)))
			plan->plain[plan->n_plain++] = mode;
	}
	return err;
}

/* Each --interpreter is a list. */
static int choose_interpreters(struct run_plan *plan, const struct modes_said *said)
{
	int err = 0;

	if (said->n_interpreters && said->modes && !plan->n_plain) {
		message("-m %s has no mode for --interpreter: interpreters have serial, threads, "
			"processes and pool",
			said->modes);
		return -EINVAL;
	}
	for (size_t i = 0; i < said->n_interpreters && !err; i++) {
		for (const char *at = said->interpreters[i]; !err;) {
			size_t length = strcspn(at, ",");

			if (!length) {
				message("--interpreter '%s' has an empty name in it",
					said->interpreters[i]);
				return -EINVAL;
			}
			err = request(plan, at, length, NULL);
			if (!at[length])
				break;
			at += length + 1;
		}
	}
	if (!err && plan->n_requests && plan->yield_every) {
		message("--yield-every counts instructions of convoy's own machine, and "
			"interpreters tell of none: leave it out, or leave them out");
		err = -EINVAL;
	}
	return err;
}

/* "python3.13:serial", or as -m said it: "3.13:serial". NULL: none such. */
static const struct plan_mode *find_reference(const struct run_plan *plan, const char *label)
{
	const struct plan_mode *mode = find_mode(plan, label);
	const char *colon = strrchr(label, ':');
	char name[sizeof(mode->label)];

	for (size_t i = 0; i < plan->n_requests && !mode && colon; i++) {
		const struct plan_request *request = &plan->requests[i];

		if (!request->only || request->length != (size_t)(colon - label) ||
		    memcmp(request->spec, label, request->length))
			continue;
		snprintf(name, sizeof(name), "%s%s", request->only->name, colon);
		mode = find_mode(plan, name);
	}
	return mode;
}

int run_plan__choose_reference(struct run_plan *plan)
{
	const char *label = plan->reference_said;
	const struct plan_mode *mode = find_reference(plan, label ? label : "serial");

	if (label && !mode && !plan->interpreters.failed && !plan->n_lacking) {
		message("--reference '%s' is not among the modes of this run", label);
		return -EINVAL;
	}
	if (label && !mode)
		message("--reference '%s' is not among the modes that can be run", label);
	for (size_t i = 0; i < plan->n_modes && !mode; i++)
		if (plan->modes[i].command)
			mode = &plan->modes[i];
	snprintf(plan->reference, sizeof(plan->reference), "%s", mode ? mode->label : "serial");
	return 0;
}

int run_plan__choose_modes(struct run_plan *plan, const struct modes_said *said)
{
	int err = said->modes ? choose_said_modes(plan, said) : choose_default_modes(plan, said);

	if (!err)
		err = choose_interpreters(plan, said);
	for (size_t i = 0; i < said->n_commands && !err; i++)
		err = add_command(plan, said->commands[i]);
	if (err)
		return err;
	if (modes_said__only_commands(said))
		plan->job = NULL;
	plan->reference_said = said->reference;
	/* A label of an interpreter's is not known yet. */
	if (plan->n_requests && said->reference && strchr(said->reference, ':'))
		return 0;
	return run_plan__choose_reference(plan);
}
