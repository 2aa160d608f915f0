// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * py_answer.c - is a script bound by its GIL, what would processes gain, and what proves it?
 */
#include "py_answer.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "contention.h"
#include "outside.h"
#include "verdict_parts.h"
#include "why_say.h"

#define QUEUED 0.15		/* of what threads wanted to run, without a CPU */
#define SOME_CPUS 1.5		/* CPUs in use, from which more than one thread computes */

/* What processes there were. */
struct processes {
	size_t n;		/* by their numbers */
	size_t working;		/* that did a part of the running worth saying */
	size_t alive;		/* that had not ended */
};

struct answer {
	const struct report *report;
	const struct report_mode *mode;
	const struct py_context *context;
	enum py_answer kind;
	struct gil_sum gils;
	struct gil_outlook outlook;
	struct processes processes;
	bool crowded;		/* others had the CPUs that it wanted */
	struct why_facts facts;
	const struct why_rule *rule;
	struct judge judge;
	FILE *out;
};

/* --- what it is ------------------------------------------------------------------------- */

static int by_pid(const void *a, const void *b)
{
	const struct report_thread *const *x = a, *const *y = b;

	return (*x)->pid < (*y)->pid ? -1 : (*x)->pid > (*y)->pid;
}

/* False without memory. */
static bool count_processes(const struct report_mode *mode, struct processes *processes)
{
	const struct report_thread **threads = calloc(mode->n_threads + 1, sizeof(*threads));
	double all_ns = (double)mode->time_ns[ACCOUNT_RUNNING];

	memset(processes, 0, sizeof(*processes));
	if (!threads)
		return false;
	for (size_t i = 0; i < mode->n_threads; i++)
		threads[i] = &mode->threads[i];
	qsort(threads, mode->n_threads, sizeof(*threads), by_pid);
	for (size_t i = 0, next; i < mode->n_threads; i = next) {
		uint64_t ran_ns = 0;
		bool alive = false;

		for (next = i; next < mode->n_threads && threads[next]->pid == threads[i]->pid;
		     next++) {
			ran_ns += threads[next]->time_ns[ACCOUNT_RUNNING];
			alive |= threads[next]->alive;
		}
		processes->n++;
		processes->working += (double)ran_ns >= WORTH_SAYING * all_ns && ran_ns;
		processes->alive += alive;
	}
	free(threads);
	return true;
}

/*
 * A part of the time that threads wanted to run: all threads of all processes, so that a pool of
 * processes is not judged by those few that hand out its work.
 */
static double wanted_share(const struct report_mode *mode, double waits_ns)
{
	double wanted_ns = waits_ns + (double)mode->time_ns[ACCOUNT_RUNNING] +
			   (double)mode->time_ns[ACCOUNT_PREEMPTED] +
			   (double)mode->time_ns[ACCOUNT_WAKEUP];

	return wanted_ns > 0 ? waits_ns / wanted_ns : 0;
}

static double gil_share(const struct report_mode *mode)
{
	return wanted_share(mode, (double)report_mode__gils(mode).wait_ns);
}

/* All that may have been waiting for a GIL: every GIL is made of futexes. */
static double futex_share(const struct report_mode *mode)
{
	double waits_ns = 0;

	for (size_t i = 0; i < mode->n_locks; i++)
		if (mode->locks[i].kind != LOCK_KERNEL)
			waits_ns += (double)mode->locks[i].total_ns;
	return wanted_share(mode, waits_ns);
}

/*
 * Is a part of what threads wanted too little to matter only for what they waited for CPUs? Who
 * waits for a GIL looks for it every few ms, and then waits for a CPU to wait again.
 */
static bool is_hidden(const struct report_mode *mode, double share)
{
	double wanted_ns = (double)mode->time_ns[ACCOUNT_RUNNING] +
			   (double)mode->time_ns[ACCOUNT_PREEMPTED] +
			   (double)mode->time_ns[ACCOUNT_WAKEUP];
	double waits_ns = share < 1 ? share * wanted_ns / (1 - share) : wanted_ns;
	double ran_ns = (double)mode->time_ns[ACCOUNT_RUNNING];

	return waits_ns >= GIL_MATTERS * (waits_ns + ran_ns);
}

/* Did it want CPUs that it did not get, although it did not use all? Others had them. */
static bool is_crowded(const struct report *report, const struct report_mode *mode)
{
	uint64_t queued_ns = mode->time_ns[ACCOUNT_PREEMPTED] + mode->time_ns[ACCOUNT_WAKEUP];
	double wanted_ns = (double)queued_ns + (double)mode->time_ns[ACCOUNT_RUNNING];

	return (double)queued_ns >= QUEUED * wanted_ns && mode->cores_used.n &&
	       mode->cores_used.median < ALL_CPUS * report->host.cpus_usable;
}

static enum py_answer choose(const struct report *report, const struct report_mode *mode,
			     size_t n_processes)
{
	struct gil_sum gils = report_mode__gils(mode);
	struct gil_outlook outlook = report_mode__outlook(report, mode);
	bool crowded;

	if (!mode->lifetime_ns)
		return PY_NOTHING;
	if (gils.with && gil_share(mode) >= GIL_MATTERS)
		return outlook.known && outlook.alone && outlook.gain < GAIN_MATTERS &&
				       !is_crowded(report, mode) ?
			       PY_WAITS :
			       PY_BOUND;
	/* Of what was lost nobody knows whether it was waiting. */
	if (!report->valid)
		return gils.without && !gils.unknown && !gils.with ? PY_NO_GIL : PY_UNKNOWN;
	crowded = is_crowded(report, mode);
	if (gils.with && !gils.unknown)
		return crowded && is_hidden(mode, gil_share(mode)) ? PY_CROWDED : PY_FREE;
	if (gils.without && !gils.unknown)
		return PY_NO_GIL;
	if (mode->n_threads && mode->n_threads == n_processes)
		return PY_ALONE;
	if (futex_share(mode) >= GIL_MATTERS)
		return PY_UNKNOWN;
	return crowded && is_hidden(mode, futex_share(mode)) ? PY_CROWDED : PY_NO_WAITS;
}

enum py_answer py_answer__choose(const struct report *report)
{
	struct processes processes;

	if (report->n_modes != 1 || !count_processes(report->modes, &processes))
		return PY_UNKNOWN;
	return choose(report, report->modes, processes.n);
}

/*
 * Of a script it is asked what it did in all its life, so threads that sleep or do I/O count,
 * which `convoy why` takes for idle. But not the waiting for other threads and children: these
 * are in the same report. Between processes it is I/O, of which it is not known who is at the
 * other end; so threads that do nothing else do not count either.
 */
static void take_own_time(struct why_facts *facts, const struct processes *processes)
{
	static const enum account others[] = { ACCOUNT_COND, ACCOUNT_JOIN, ACCOUNT_CHILD };
	uint64_t time_ns[ACCOUNT_COUNT] = { 0 }, lifetime_ns = 0;

	for (size_t i = 0; i < facts->mode->n_threads; i++) {
		const struct report_thread *thread = &facts->mode->threads[i];

		if (processes->working > 1 && why_thread__idle(thread))
			continue;
		for (size_t a = 0; a < ACCOUNT_COUNT; a++)
			time_ns[a] += thread->time_ns[a];
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		time_ns[others[i]] = 0;
	for (size_t a = 0; a < ACCOUNT_COUNT; a++)
		lifetime_ns += time_ns[a];
	/* Who only waited for others: that is what there is to say. */
	if (!lifetime_ns)
		return;
	memcpy(facts->time_ns, time_ns, sizeof(time_ns));
	facts->lifetime_ns = lifetime_ns;
	facts->n_idle = 0;
	facts->all_idle = false;
}

/* --- the answer itself ------------------------------------------------------------------ */

/* "script.py", as it can be printed; at the beginning of a sentence, or within one. */
static void say_name(const struct answer *answer, bool begins)
{
	const struct py_context *context = answer->context;
	bool file = context->kind == PY_SCRIPT && strcmp(context->script, "-") != 0;
	char name[WHY_WORD];

	if (!file)
		fprintf(answer->out, "%s %s", begins ? "The" : "the",
			context->kind == PY_CODE   ? "code" :
			context->kind == PY_MODULE ? "module " :
						     "script");
	if (file || context->kind == PY_MODULE)
		fputs(why__harmless(name, context->script, SIZE_MAX), answer->out);
}

static const char *interpreter(const struct answer *answer, char buf[WHY_WORD])
{
	struct report_runtime runtime = { 0 };

	snprintf(runtime.name, sizeof(runtime.name), "%s", answer->context->implementation);
	snprintf(runtime.version, sizeof(runtime.version), "%s", answer->context->version);
	return why__runtime(buf, &runtime);
}

static void say_share(const struct answer *answer, const char *before)
{
	char which[VERDICT_RUNTIME], share[24];

	fprintf(answer->out,
		"%sof the time that its threads wanted to run, %s went by waiting for the GIL of "
		"%s.",
		before, verdict__percent(share, gil_share(answer->mode)),
		verdict__runtime(which, answer->gils.with, answer->gils.n_with));
}

/* Why it is not known, as far as that is. */
static void say_unknown(const struct answer *answer)
{
	const struct report_runtime *unknown = answer->gils.unknown;
	char name[WHY_WORD];

	if (!answer->report->valid) {
		fputs(": events were lost.", answer->out);
		return;
	}
	if (!unknown) {
		fprintf(answer->out,
			": no GIL of %s was found in it, and what its threads waited for may have "
			"been one.",
			interpreter(answer, name));
		return;
	}
	fprintf(answer->out,
		": the GIL of %s was not found, and what waits for it is among the other waits.",
		why__runtime(name, unknown));
	if (unknown->hint[0])
		fprintf(answer->out, " (%s)",
			why__harmless(name, unknown->hint, sizeof(unknown->hint)));
}

static void say_headline(const struct answer *answer)
{
	FILE *out = answer->out;
	char which[VERDICT_RUNTIME], share[WHY_WORD];

	bool begins = answer->kind != PY_UNKNOWN && answer->kind != PY_CROWDED &&
		      answer->kind != PY_NOTHING;

	if (answer->kind == PY_UNKNOWN || answer->kind == PY_CROWDED)
		fputs("It is not known whether ", out);
	if (answer->kind == PY_NOTHING)
		fputs("Nothing was recorded of ", out);
	say_name(answer, begins);
	switch (answer->kind) {
	case PY_NOTHING:
		fputc('.', out);
		break;
	case PY_BOUND:
		say_share(answer, " is GIL-bound: ");
		break;
	case PY_WAITS:
		say_share(answer, " waits for its GIL, but is not bound by it: ");
		break;
	case PY_FREE:
		say_share(answer, " is not GIL-bound: ");
		break;
	case PY_NO_GIL:
		fprintf(out, " is not GIL-bound: %s is free-threaded, there is no GIL to wait for.",
			verdict__runtime(which, answer->gils.without, 1));
		break;
	case PY_ALONE:
		fprintf(out, " is not GIL-bound: %s one thread, so nobody has to wait for a GIL.",
			answer->processes.n == 1 ? "it has but" : "each of its processes has but");
		break;
	case PY_NO_WAITS:
		fprintf(out,
			" is not GIL-bound: of the time that its threads wanted to run, %s at most "
			"went by waiting for anything that may be a GIL.",
			why__percent(share, futex_share(answer->mode)));
		break;
	case PY_CROWDED:
		fputs(" is GIL-bound: the machine was too busy.", out);
		break;
	case PY_UNKNOWN:
		fputs(" is GIL-bound", out);
		say_unknown(answer);
		break;
	}
	fputc('\n', out);
}

/* --- and what follows from it ----------------------------------------------------------- */

/* What processes would be for: the rules of `convoy why` tell what keeps its threads. */
static enum verdict_instead instead_of(const struct answer *answer)
{
	static const struct {
		const char *rule;
		enum verdict_instead instead;
	} rows[] = {
		{ "run-queue", INSTEAD_QUEUE }, { "io", INSTEAD_OVERLAP },
		{ "sleep", INSTEAD_OVERLAP },	{ "polling", INSTEAD_OVERLAP },
		{ "child", INSTEAD_OVERLAP },	{ "waiting", INSTEAD_LITTLE },
		{ "mixed", INSTEAD_LITTLE },
	};
	const char *rule = answer->rule->name;
	const struct why_facts *facts = &answer->facts;

	if (!strcmp(rule, "lock"))
		return facts->lock->kind == LOCK_GIL ? INSTEAD_LITTLE : INSTEAD_LOCKS;
	if (!strcmp(rule, "idle"))
		return verdict__waits_overlap(answer->mode) ? INSTEAD_OVERLAP : INSTEAD_LITTLE;
	if (!strcmp(rule, "compute") || !strcmp(rule, "serial")) {
		if (why_facts__all_cpus(facts))
			return INSTEAD_LITTLE;
		/* Who has CPUs, and uses more than one, knows already how it is split. */
		return facts->cores.known && facts->cores.value < SOME_CPUS ? INSTEAD_ALONE :
									      INSTEAD_UNKNOWN;
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (!strcmp(rule, rows[i].rule))
			return rows[i].instead;
	return INSTEAD_UNKNOWN;
}

static bool uses_processes(const struct answer *answer)
{
	return answer->processes.working > 1;
}

/* Threads that wait for the GIL. */
static void say_gain(struct answer *answer)
{
	const struct gil_outlook *outlook = &answer->outlook;
	bool known = outlook->known && outlook->alone;

	/* Of a machine that has no CPU to give it is not known what it would have given. */
	if (!answer->crowded || outlook->gain >= GAIN_MATTERS)
		verdict__say_gain(&answer->judge, answer->mode);
	if (answer->kind == PY_WAITS)
		return;
	if (answer->crowded) {
		why_say__queue(&answer->facts, answer->out);
		fprintf(answer->out, " %s when the machine is quiet.\n",
			known && outlook->gain >= GAIN_MATTERS ?
				"It may be more" :
				"So it is not known how much faster processes would be: run it again");
	} else if (!known) {
		fputs("How much faster processes would be is not known, for other programs of it "
		      "ran, too; more threads would not be.\n",
		      answer->out);
	}
	fputs("Processes have their price, which is not in these numbers: what they work on has to "
	      "be sent to them, and what they find, back.\n",
	      answer->out);
}

/* Others: what do they do instead? */
static void say_spent(struct answer *answer)
{
	const struct why_facts *facts = &answer->facts;
	bool open = answer->kind == PY_CROWDED || answer->kind == PY_UNKNOWN;
	FILE *out = answer->out;

	if (!answer->rule->complete || open) {
		fprintf(out, "%s spent ",
			answer->mode->n_threads == 1 ?
				"Its only thread" :
				"Apart from waiting for each other, its threads");
		why__say_spent(facts, out);
		/* What the time went to is known; to guess at the reason is not asked for. */
		fputs(answer->kind == PY_UNKNOWN ? "." : ". ", out);
	}
	if (answer->kind == PY_CROWDED) {
		why_say__queue(facts, out);
		fputs(" Run it again when the machine is quiet.", out);
	}
	if (!open)
		answer->rule->say(facts, out);
	fputc('\n', out);
	if (!open && !uses_processes(answer) && answer->kind != PY_NO_GIL)
		verdict__say_instead(&answer->judge, answer->mode, instead_of(answer));
}

static void say_processes(const struct answer *answer)
{
	const struct processes *processes = &answer->processes;
	const struct why_facts *facts = &answer->facts;

	if (uses_processes(answer)) {
		fprintf(answer->out, "It uses %zu processes already", processes->n);
		if (processes->working < processes->n)
			fprintf(answer->out, ", %zu of which did most of the work",
				processes->working);
		if (facts->cores.known && facts->cpus)
			fprintf(answer->out, ", on %.1f of %u CPU%s on average", facts->cores.value,
				facts->cpus, facts->cpus == 1 ? "" : "s");
		fputs(".\n", answer->out);
	}
	if (processes->alive)
		fprintf(answer->out,
			"%zu of its processes %s still running when the recording ended: what %s "
			"did afterwards is not in it.\n",
			processes->alive, processes->alive == 1 ? "was" : "were",
			processes->alive == 1 ? "it" : "they");
}

/* How it ended, where that is no success, and who ran it. */
static void say_run(const struct answer *answer)
{
	char name[WHY_WORD], path[WHY_WORD];
	int status = answer->report->command_status;

	if (status > 128)
		fprintf(answer->out, "It was ended by signal %d", status - 128);
	else if (status > 0)
		fprintf(answer->out, "It ended with status %d", status);
	fprintf(answer->out, "%s %s, %s.\n", status > 0 ? ", run by" : "It was run by",
		interpreter(answer, name),
		why__harmless(path, answer->context->command[0], SIZE_MAX));
}

static enum py_proof proof_of(const struct answer *answer)
{
	switch (answer->kind) {
	case PY_NOTHING:
	case PY_WAITS:
	case PY_CROWDED:
		return PROOF_NONE;
	case PY_BOUND:
		return PROOF_GIL;
	case PY_UNKNOWN:
		return PROOF_THREADS;
	default:
		break;
	}
	switch (uses_processes(answer) ? INSTEAD_UNKNOWN : instead_of(answer)) {
	case INSTEAD_ALONE:
		return PROOF_SPLIT;
	case INSTEAD_OVERLAP:
		return why_facts__share(&answer->facts, ACCOUNT_SLEEP) >= MOSTLY ? PROOF_SLEEP :
										   PROOF_THREADS;
	case INSTEAD_LOCKS:
		return PROOF_THREADS;
	default:
		return PROOF_NONE;
	}
}

/* How many of them do in the proof what they did here. */
static unsigned workers(const struct answer *answer, enum py_proof proof)
{
	double n = 0, most = 2.0 * answer->report->host.cpus_usable;

	if (proof == PROOF_SLEEP)
		n = (double)why_facts__count(&answer->facts, why_test__mostly, ACCOUNT_SLEEP);
	else if (answer->outlook.known)
		n = round(answer->outlook.wanted);
	/* More than twice the CPUs show nothing more. */
	return (unsigned)fmax(fmin(n, most), 2);
}

static void say_all(struct answer *answer)
{
	enum py_proof proof;

	if (!answer->report->valid)
		fputs("Warning: events were lost, so the numbers that follow are incomplete.\n",
		      answer->out);
	say_headline(answer);
	if (answer->kind == PY_NOTHING)
		return;
	if (answer->kind == PY_BOUND || answer->kind == PY_WAITS)
		say_gain(answer);
	else
		say_spent(answer);
	say_processes(answer);
	say_run(answer);
	proof = proof_of(answer);
	py_answer__prove(answer->context, proof, workers(answer, proof), answer->out);
}

int py_answer__make(const struct report *report, const struct py_context *context, char **text)
{
	const struct why_context none = { .futex = report->probes.futex };
	struct answer answer = { .report = report, .mode = report->modes, .context = context };
	char *all = NULL;
	size_t size = 0;

	if (!why_facts__init(&answer.facts, report, &none))
		return -EINVAL;
	if (!count_processes(answer.mode, &answer.processes))
		return -ENOMEM;
	take_own_time(&answer.facts, &answer.processes);
	answer.kind = choose(report, answer.mode, answer.processes.n);
	answer.crowded = is_crowded(report, answer.mode);
	answer.gils = report_mode__gils(answer.mode);
	answer.outlook = report_mode__outlook(report, answer.mode);
	answer.rule = why_rule__choose(&answer.facts);
	answer.out = open_memstream(&all, &size);
	if (!answer.out)
		return -ENOMEM;
	answer.judge = (struct judge){ .report = report, .out = answer.out };
	say_all(&answer);
	if (fclose(answer.out)) {
		free(all);
		return -ENOMEM;
	}
	while (size && all[size - 1] == '\n')
		all[--size] = 0;
	*text = all;
	return 0;
}
