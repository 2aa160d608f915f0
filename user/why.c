// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * why.c - what a running process did, in a paragraph that a person can act on.
 */
#include "why.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "contention.h"
#include "why_say.h"
#include "why_words.h"

#define MOST_BUSY 3		/* threads that are named as busy */

static void say_warning(const struct why_facts *facts, FILE *out)
{
	const struct report_loss *loss = &facts->report->loss;

	if (facts->report->valid)
		return;
	fprintf(out,
		"Warning: events were lost (ring %" PRIu64 ", task state %" PRIu64
		", unmatched %" PRIu64 "), so the numbers that follow are incomplete.\n",
		loss->ring, loss->task_state, loss->unmatched);
}

/* "python3 (PID 4711), 10.0 s, 8 threads, 1.02 of 2 CPUs used." */
static void say_who(const struct why_facts *facts, FILE *out)
{
	const struct why_context *context = facts->context;
	char buf[WHY_WORD];

	if (context->name && context->name[0])
		fprintf(out, "%s (PID %" PRIu32 ")",
			why__quoted(buf, context->name, strlen(context->name)), context->pid);
	else
		fprintf(out, "PID %" PRIu32, context->pid);
	if (facts->seconds > 0)
		fprintf(out, ", %.1f s", facts->seconds);
	if (facts->mode->n_threads)
		fprintf(out, ", %zu thread%s", facts->mode->n_threads,
			facts->mode->n_threads == 1 ? "" : "s");
	if (facts->cores.known && facts->cpus)
		fprintf(out, ", %.2f of %u CPU%s used", facts->cores.value, facts->cpus,
			facts->cpus == 1 ? "" : "s");
	else if (facts->cores.known)
		fprintf(out, ", %.2f CPUs used", facts->cores.value);
	fputc('.', out);
	if (context->futex == FUTEX_NONE)
		fputs(" Locks were not watched.", out);
}

/* The n-th busiest of the threads that are worth saying it of; NULL: there is none. */
static const struct report_thread *next_busy(const struct why_facts *facts,
					     const struct report_thread *after)
{
	const struct report_thread *next = NULL;

	for (size_t i = 0; i < facts->mode->n_threads; i++) {
		const struct report_thread *thread = &facts->mode->threads[i];
		uint64_t ns = thread->time_ns[ACCOUNT_RUNNING];

		if (why_facts__cpu(facts, thread) < WORTH_SAYING)
			continue;
		/* Of equals, the earlier comes first. */
		if (after && (ns > after->time_ns[ACCOUNT_RUNNING] ||
			      (ns == after->time_ns[ACCOUNT_RUNNING] && thread <= after)))
			continue;
		if (!next || ns > next->time_ns[ACCOUNT_RUNNING])
			next = thread;
	}
	return next;
}

static void say_busy(const struct why_facts *facts, FILE *out)
{
	const struct report_thread *thread = NULL;
	char name[WHY_WORD], share[WHY_WORD];
	size_t n = 0, said = 0;

	for (size_t i = 0; i < facts->mode->n_threads; i++)
		n += why_facts__cpu(facts, &facts->mode->threads[i]) >= WORTH_SAYING;
	while (said < MOST_BUSY && (thread = next_busy(facts, thread))) {
		fprintf(out, "%s%s %s",
			said ? ", " : " Busiest: ", why__thread(facts, name, thread),
			why__percent(share, why_facts__cpu(facts, thread)));
		if (!said)
			fputs(" running", out);
		said++;
	}
	if (n > said)
		fprintf(out, " and %zu more", n - said);
	if (n)
		fputc('.', out);
}

static void say_time(const struct why_facts *facts, FILE *out)
{
	size_t busy = facts->mode->n_threads - facts->n_idle;

	if (!facts->n_idle || facts->all_idle) {
		fputs(facts->mode->n_threads == 1 ? "Its only thread spent " : "The threads spent ",
		      out);
		why__say_spent(facts, out);
		fputs(".", out);
		return;
	}
	fprintf(out, "%zu thread%s only waited (", facts->n_idle, facts->n_idle == 1 ? "" : "s");
	why__say_idle(facts, out);
	fprintf(out, "); the other%s spent ", busy == 1 ? "" : "s");
	why__say_spent(facts, out);
	fputs(".", out);
}

/* Does what it says name the lock that is waited for the most? */
static bool names_lock(const struct why_rule *rule)
{
	return rule->say == why_say__lock || rule->say == why_say__deadlock ||
	       rule->say == why_say__blocked;
}

/* That it is not the GIL is worth as much as that it is, of a program that has one. */
static void say_gil(const struct why_facts *facts, const struct why_rule *rule, FILE *out)
{
	/* Not of the lock that has just been told of as what is waited for. */
	bool named = facts->lock && facts->lock->kind == LOCK_GIL && names_lock(rule);
	struct gil_sum gils = report_mode__gils(facts->mode);
	char name[WHY_WORD], share[WHY_WORD];

	if (!facts->lifetime_ns)
		return;
	if (gils.with && gils.lifetime_ns && gils.share < GIL_MATTERS && !named)
		fprintf(out,
			" The GIL of %s is not what it waits for (%s of the time that its threads "
			"wanted to run).",
			why__runtime(name, gils.with), why__percent(share, gils.share));
	if (gils.without)
		fprintf(out, " %s is free-threaded: there is no GIL to wait for.",
			why__runtime(name, gils.without));
}

static void say_more(const struct why_facts *facts, FILE *out)
{
	char duration[32] = "";

	if (facts->context->seconds > 0)
		snprintf(duration, sizeof(duration), " -d %g", facts->context->seconds);
	fprintf(out,
		"More: convoy record -p %" PRIu32
		"%s -o why.rec && convoy report why.rec --threads",
		facts->context->pid, duration);
}

static int say_all(const struct why_facts *facts, FILE *out)
{
	const struct why_rule *rule = why_rule__choose(facts);
	char *advice = NULL;
	size_t size = 0;
	FILE *try = open_memstream(&advice, &size);

	if (!try)
		return -ENOMEM;
	rule->advise(facts, try);
	if (fclose(try)) {
		free(advice);
		return -ENOMEM;
	}
	say_warning(facts, out);
	say_who(facts, out);
	say_busy(facts, out);
	fputc('\n', out);
	if (!rule->complete) {
		say_time(facts, out);
		fputc(' ', out);
	}
	rule->say(facts, out);
	say_gil(facts, rule, out);
	fputc('\n', out);
	if (size)
		fprintf(out, "Try: %s\n", advice);
	say_more(facts, out);
	free(advice);
	return 0;
}

int why__explain(const struct report *report, const struct why_context *context, char **text)
{
	struct why_facts facts;
	char *all = NULL;
	size_t size = 0;
	FILE *out;
	int err;

	if (!why_facts__init(&facts, report, context))
		return -EINVAL;
	out = open_memstream(&all, &size);
	if (!out)
		return -ENOMEM;
	err = say_all(&facts, out);
	if (fclose(out) && !err)
		err = -ENOMEM;
	if (err)
		free(all);
	else
		*text = all;
	return err;
}

const char *why__rule(const struct report *report, const struct why_context *context)
{
	struct why_facts facts;

	return why_facts__init(&facts, report, context) ? why_rule__choose(&facts)->name : NULL;
}
