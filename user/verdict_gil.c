// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * verdict_gil.c - where the time of threads under a GIL went, and what that GIL costs besides:
 * the kernel's time, and the patience of who asks for little.
 */
#include <string.h>

#include "contention.h"
#include "verdict_parts.h"

#define IN_KERNEL 0.15		/* share of CPU time from which the kernel is worth a sentence */
#define MANY_CALLS 100000	/* futex calls a second that cost a CPU a tenth of its time */
#define BUSY 0.5		/* cores in use from which a mode is one that computes */
#define CONVOY_EFFECT 3		/* latency under the GIL over the best without it */
#define STYLES_DIFFER 1.2	/* wall of one GIL style over the other */
#define AT_ONCE 0.2		/* threads, on average, that wanted to run beside others and did not */

static const struct report_mode *only_mode(const struct judge *j)
{
	return j->report->n_modes == 1 ? &j->report->modes[0] : NULL;
}

/* Is it known what of the mode's waiting was for its GIL? Of convoy's own machine it is. */
static bool knows_gil(const struct report_mode *mode)
{
	if (!report_mode__family(mode)[0] || report_mode__gils(mode).with)
		return true;
	for (size_t i = 0; i < mode->n_locks; i++)
		if (mode->locks[i].kind == LOCK_GIL)
			return true;
	return false;
}

/* Where the time went, in one sentence of one family. */
static void say_spent(const struct judge *j)
{
	const struct family *family = j->families[0];
	const struct report_mode *gil = family->ways[WAY_GIL], *only = only_mode(j);
	const struct report_mode *threads = family->ways[WAY_THREADS];

	if (gil && knows_gil(gil)) {
		verdict__say_spent(j, family->name[0] ? "Threads" : "GIL threads", gil,
				   gil == family->ways[WAY_TIMED] ? family->ways[WAY_TICKS] : NULL,
				   true);
	} else if (gil) {
		verdict__say_spent(j, "Threads", gil, NULL, false);
		if (gil->worker_lifetime_ns)
			fputs("The GIL was not found: what waits for it is among the other "
			      "waits.\n",
			      j->out);
	} else if (only) {
		verdict__say_spent(j, "Threads", only, NULL, report_mode__gils(only).wait_ns > 0);
	} else if (threads && verdict__share(threads, ACCOUNT_LOCK) >= WORTH_SAYING) {
		verdict__say_spent(j, "Threads", threads, NULL, false);
	}
}

/* Of several, or where one is told of in brief: what they waited for their GIL. */
static void say_waited(const struct judge *j)
{
	struct range share = { 0 };
	char words[VERDICT_RANGE];

	for (size_t i = 0; i < j->n; i++) {
		const struct report_mode *gil = j->families[i]->ways[WAY_GIL];

		if (!gil || !gil->worker_lifetime_ns || verdict__waits_overlap(gil) ||
		    !knows_gil(gil))
			return;
		verdict__widen(&share, verdict__gil_share(gil), j->families[i]->label, i == 0);
	}
	fprintf(j->out, "Threads spent %s of their time waiting for the GIL.\n",
		verdict__percent_range(words, &share));
}

static double all_switches(const struct report_mode *mode)
{
	if (!mode->voluntary.n || !mode->involuntary.n)
		return 0;
	return mode->voluntary.median + mode->involuntary.median;
}

/* The two styles of GIL, when it matters which. */
static void say_styles(const struct judge *j)
{
	struct comparison c = verdict__compare_ways(j, WAY_TIMED, WAY_TICKS);
	const struct report_mode *fast, *slow;
	char ratio[24], lo[24], hi[24];

	if (c.relation != RELATION_CLEAR || c.ratio.least < STYLES_DIFFER)
		return;
	fast = j->families[0]->ways[c.first_wins ? WAY_TIMED : WAY_TICKS];
	slow = j->families[0]->ways[c.first_wins ? WAY_TICKS : WAY_TIMED];
	fprintf(j->out, "The style of the GIL matters: %s takes %sx as long as %s (%s-%s)",
		slow->mode, verdict__times(ratio, c.ratio.least), fast->mode,
		verdict__times(lo, c.lo), verdict__times(hi, c.hi));
	if (!j->report->valid || all_switches(fast) <= 0 ||
	    all_switches(slow) < 2 * all_switches(fast))
		fputs(".\n", j->out);
	else
		fprintf(j->out, ", with %sx as many context switches.\n",
			verdict__times(ratio, all_switches(slow) / all_switches(fast)));
}

/* Is the GIL fought over in the kernel? What its waiters do not sleep, it burns. */
static bool burns(const struct report_mode *mode, const struct gil_rates *rates)
{
	/* Of a job that hardly runs, the kernel's part means nothing. */
	if (!mode->system_ns.n || !mode->cores_used.n || mode->cores_used.median < BUSY ||
	    mode->system_ns.median < IN_KERNEL * mode->cpu_ns.median)
		return false;
	/* A job may have other business there; this is about the GIL. */
	return rates->calls.known && rates->calls.value >= MANY_CALLS;
}

static void say_kernel(const struct judge *j, const struct report_mode *mode)
{
	struct gil_rates rates;
	char a[24], calls[24];

	if (!mode)
		return;
	rates = report_mode__gil_rates(mode);
	if (burns(mode, &rates))
		fprintf(j->out,
			"With %s, %s of the CPU time went to the kernel: %s futex calls a second "
			"pass the GIL around, most without sleeping.\n",
			report_mode__kind(mode),
			verdict__percent(a, mode->system_ns.median / mode->cpu_ns.median),
			verdict__count(calls, rates.calls.value));
}

/*
 * A GIL that threads hardly sleep for, since whoever is woken finds it taken again, or has no
 * CPU. They wait for it all the same.
 */
static void say_awake(const struct judge *j)
{
	const struct report_mode *gil = j->families[0]->ways[WAY_GIL];
	struct gil_outlook outlook;
	struct gil_rates rates;
	char calls[24];

	if (!gil || !j->report->valid || !gil->worker_lifetime_ns || verdict__waits_overlap(gil) ||
	    verdict__gil_share(gil) >= WORTH_SAYING)
		return;
	outlook = report_mode__outlook(j->report, gil);
	rates = report_mode__gil_rates(gil);
	if (!outlook.known || outlook.wanted < outlook.ran + AT_ONCE || !rates.calls.known)
		return;
	fprintf(j->out,
		"That threads hardly slept for the GIL does not mean that they ran: on average "
		"%.1f wanted to and %.1f did",
		outlook.wanted, outlook.ran);
	if (!burns(gil, &rates))
		fprintf(j->out, ", with %s futex calls a second to pass it on",
			verdict__count(calls, rates.calls.value));
	fputs(".\n", j->out);
}

void verdict__say_gil(const struct judge *j)
{
	const struct family *family = j->families[0];

	if (j->n > 1 || j->brief) {
		say_waited(j);
		return;
	}
	say_spent(j);
	if (family->name[0]) {
		say_awake(j);
		say_kernel(j, family->ways[WAY_GIL]);
		return;
	}
	say_styles(j);
	say_kernel(j, family->ways[WAY_TIMED]);
	say_kernel(j, family->ways[WAY_TICKS]);
}

/* How long requests take under the family's GIL, and where they take least. */
struct effect {
	double gil_ns, best_ns;
	const char *where;
};

static const struct estimate *latency(const struct report_mode *mode, const char *name)
{
	for (size_t i = 0; i < mode->n_metrics; i++)
		if (!strcmp(mode->metrics[i].name, name) && mode->metrics[i].value.n)
			return &mode->metrics[i].value;
	return NULL;
}

/* False: nothing that would be worth a sentence. */
static bool find_effect(const struct report *report, const struct family *family,
			const char *metric, struct effect *effect)
{
	const struct report_mode *gil = family->ways[WAY_GIL];
	const struct estimate *under = gil ? latency(gil, metric) : NULL;

	memset(effect, 0, sizeof(*effect));
	if (!under)
		return false;
	effect->gil_ns = under->median;
	for (size_t i = 0; i < report->n_modes; i++) {
		const struct report_mode *mode = &report->modes[i];
		const struct estimate *value = latency(mode, metric);

		if (mode == gil || mode == family->ways[WAY_TICKS] || !value ||
		    strcmp(report_mode__family(mode), family->name) != 0)
			continue;
		/* Interpreters' processes are what one would use instead; serial is no server. */
		if (family->ways[WAY_PROCESSES] && family->name[0] &&
		    mode != family->ways[WAY_PROCESSES])
			continue;
		if (!effect->where || value->median < effect->best_ns) {
			effect->best_ns = value->median;
			effect->where = report_mode__kind(mode);
		}
	}
	return effect->where && effect->best_ns > 0 &&
	       effect->gil_ns >= CONVOY_EFFECT * effect->best_ns;
}

/* By one percentile of the latencies; false if nobody has the effect. */
static bool say_effect(const struct judge *j, const char *metric, const char *percentile)
{
	struct range ns = { 0 }, times = { 0 };
	char how_long[VERDICT_RANGE], how_much[VERDICT_RANGE], in[160] = "";
	const char *where = NULL, *under = NULL, *first = NULL;
	size_t n = 0;

	for (size_t i = 0; i < j->n; i++) {
		const struct family *family = j->families[i];
		struct effect effect;

		if (!find_effect(j->report, family, metric, &effect))
			continue;
		verdict__widen(&ns, effect.gil_ns, family->label, n == 0);
		verdict__widen(&times, effect.gil_ns / effect.best_ns, family->label, n == 0);
		first = first ? first : family->label;
		if (!n)
			where = effect.where;
		else if (strcmp(where, effect.where) != 0)
			where = "their best mode";
		under = report_mode__kind(family->ways[WAY_GIL]);
		n++;
	}
	if (!n)
		return false;
	if (n < j->n && n == 1)
		snprintf(in, sizeof(in), " in %s", first);
	else if (n < j->n)
		snprintf(in, sizeof(in), " in %zu of them", n);
	fprintf(j->out,
		"Convoy effect%s: under %s a request takes %s (%s), %s as long as in %s, for each "
		"waits for the GIL behind CPU-bound threads.\n",
		in, under, verdict__ms_range(how_long, &ns), percentile,
		verdict__times_range(how_much, &times), where);
	return true;
}

void verdict__say_convoy(const struct judge *j)
{
	/*
	 * The latest requests of an interpreter may be as late in any mode, for it starts and
	 * collects garbage, too. Most are not.
	 */
	if (!say_effect(j, "latency_p99_ns", "p99") && j->families[0]->name[0])
		say_effect(j, "latency_p50_ns", "p50");
}
