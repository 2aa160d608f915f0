// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdarg.h>
#include <stdio.h>

#include "work_argv.h"

/* A text of somebody else's, however long it is. */
static void add_text(struct work_argv *args, const char *text)
{
	if (args->n == WORK_ARGS)
		return;
	args->argv[args->n] = (char *)text;
	args->argv[++args->n] = NULL;
}

static void add_arg(struct work_argv *args, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void add_arg(struct work_argv *args, const char *format, ...)
{
	va_list list;

	if (args->n == WORK_ARGS)
		return;
	va_start(list, format);
	vsnprintf(args->text[args->n], sizeof(args->text[args->n]), format, list);
	va_end(list);
	add_text(args, args->text[args->n]);
}

static void add_interpreter(struct work_argv *args, const struct work_places *places,
			    const struct interpreter *interpreter)
{
	const struct interpreter_language *language = interpreter->language;

	add_text(args, interpreter->path);
	for (const char *const *option = language->options; *option; option++)
		add_text(args, *option);
	snprintf(args->source, sizeof(args->source), "%s/%s/%s", places->sources, language->name,
		 language->source);
	add_text(args, args->source);
}

void work_argv__build(struct work_argv *args, const struct work_places *places,
		      const struct run_plan *plan, const struct plan_mode *mode)
{
	args->n = 0;
	if (mode->command) {
		add_text(args, "/bin/sh");
		add_text(args, "-c");
		add_text(args, mode->command);
		return;
	}
	if (mode->interpreter)
		add_interpreter(args, places, mode->interpreter);
	else
		add_text(args, places->work);
	add_arg(args, "--job=%s", plan->job->name);
	add_arg(args, "--mode=%s", mode->bundled->name);
	add_arg(args, "--workers=%u", mode->workers);
	if (plan->job->work_unit)
		add_arg(args, "--work=%llu", plan->work);
	if (plan->job->sleeps)
		add_arg(args, "--sleep-scale=%.17g", plan->sleep_scale);
	if (plan->job->seeded)
		add_arg(args, "--seed=%llu", plan->seed);
	if (plan->job->lock_work) {
		add_arg(args, "--inside=%llu", plan->inside);
		add_arg(args, "--outside=%llu", plan->outside);
	}
	/* Some interpreters can only fork, and say so where it does not matter, too. */
	if (!mode->interpreter || mode->bundled->processes)
		add_arg(args, "--start=%s", plan->spawn ? "spawn" : "fork");
	/* It counts instructions, of which an interpreter tells nothing. */
	if (!mode->interpreter)
		add_arg(args, "--yield-every=%llu", plan->yield_every);
	add_arg(args, "--check-interval=%llu", plan->check_interval);
	add_arg(args, "--switch-interval=%.17g", plan->switch_interval_ms);
	if (plan->verbose)
		add_arg(args, "--verbose");
}
