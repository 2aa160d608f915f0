// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * contention.c - what the locks and runtimes of a report come to.
 */
#include "contention.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

#include "classify.h"

#define UNNAMED "("		/* what the names of words begin with that have none */

uint64_t report_holding__total(const struct report_holding *held)
{
	return held->running + held->runnable + held->asleep + held->waiting;
}

double report_lock__coverage(const struct report_lock *lock)
{
	double sum = 0;

	/* Shares are of those who are listed, and not everybody need be. */
	for (size_t i = 0; i < lock->n_holders; i++)
		sum += lock->holders[i].share;
	sum = fmax(sum, lock->holder_known);
	return isfinite(sum) ? fmin(fmax(sum, 0), 1) : 0;
}

bool report_lock__names_runtime(const struct report_lock *lock)
{
	/* Neither need end in a NUL. */
	size_t name = strnlen(lock->name, sizeof(lock->name));
	size_t word = strnlen(lock->runtime, sizeof(lock->runtime));
	const char *space = memchr(lock->runtime, ' ', word);

	/* "CPython" of "CPython 3.13.0": the name need not have all of the version. */
	if (space)
		word = (size_t)(space - lock->runtime);
	return word && memmem(lock->name, name, lock->runtime, word);
}

bool report_lock__contended(const struct report_lock *lock)
{
	return (lock->as_lock || classify__kind_account(lock->kind) == ACCOUNT_LOCK) &&
	       lock->total_ns;
}

/* Of a word of which it is not known what it is for, by its kind or by a name. */
static bool may_be_lock(const struct report_lock *lock)
{
	if (lock->kind == LOCK_UNKNOWN)
		return true;
	return classify__kind_account(lock->kind) == ACCOUNT_COND && !lock->as_lock &&
	       !lock->object[0] && !strncmp(lock->name, UNNAMED, strlen(UNNAMED));
}

double report_mode__maybe_locks(const struct report_mode *mode)
{
	double ns = 0;

	for (size_t i = 0; i < mode->n_locks; i++)
		if (may_be_lock(&mode->locks[i]))
			ns += (double)mode->locks[i].total_ns;
	return mode->lifetime_ns ? fmin(ns / (double)mode->lifetime_ns, 1) : 0;
}

bool report_mode__unknown_futexes(const struct report_mode *mode)
{
	uint64_t workers_ns = mode->worker_time_ns[ACCOUNT_OTHER], ns = 0, rest_ns;

	for (size_t i = 0; i < mode->n_locks; i++)
		if (mode->locks[i].kind == LOCK_UNKNOWN)
			ns += mode->locks[i].total_ns;
	/* Locks are of all threads: what can have been the others' is not counted. */
	rest_ns = mode->time_ns[ACCOUNT_OTHER] > workers_ns ?
			  mode->time_ns[ACCOUNT_OTHER] - workers_ns :
			  0;
	return ns > rest_ns && ns - rest_ns > workers_ns / 2;
}

bool report_lock__matters(const struct report_mode *mode, const struct report_lock *lock)
{
	return lock->total_ns && mode->lifetime_ns &&
	       (double)lock->total_ns >= LOCK_MATTERS * (double)mode->lifetime_ns;
}

enum holder_trouble report_lock__trouble(const struct report_lock *lock, double *share)
{
	bool asleep = lock->held.asleep > lock->held.runnable;
	uint64_t most = asleep ? lock->held.asleep : lock->held.runnable;
	double part = lock->total_ns ? fmin((double)most / (double)lock->total_ns, 1) : 0;

	if (share)
		*share = part;
	if (part < HOLDER_TROUBLE)
		return HOLDERS_WORK;
	return asleep ? HOLDERS_ASLEEP : HOLDERS_PREEMPTED;
}

const char *holder_trouble__advice(const struct report_lock *lock, enum holder_trouble trouble)
{
	switch (trouble) {
	case HOLDERS_WORK:
		break;
	case HOLDERS_PREEMPTED:
		return "run no more threads than there are CPUs, keep other work off these CPUs, "
		       "or hold the lock for less time.";
	case HOLDERS_ASLEEP:
		return lock->kind == LOCK_GIL ?
			       "native code that sleeps or does I/O should let the GIL go "
			       "meanwhile." :
			       "let the lock go before a call that may block; more threads or CPUs "
			       "will not help.";
	}
	return "";
}

bool report_runtime__waits_known(const struct report_runtime *runtime)
{
	return runtime->gil != GIL_UNKNOWN || runtime->gil_wait_ns;
}

struct gil_sum report_mode__gils(const struct report_mode *mode)
{
	struct gil_sum sum = { 0 };
	uint64_t base_ns = 0;

	for (size_t i = 0; i < mode->n_runtimes; i++) {
		const struct report_runtime *runtime = &mode->runtimes[i];

		if (runtime->gil == GIL_ABSENT) {
			sum.without = sum.without ? sum.without : runtime;
			continue;
		}
		if (!report_runtime__waits_known(runtime)) {
			sum.unknown = sum.unknown ? sum.unknown : runtime;
			continue;
		}
		if (!sum.with || runtime->gil_wait_ns > sum.with->gil_wait_ns)
			sum.with = runtime;
		sum.n_with++;
		sum.wait_ns += runtime->gil_wait_ns;
		sum.lifetime_ns += runtime->lifetime_ns;
		/* Who waited for it wanted to run: 0 is not known, or nothing at all. */
		base_ns += runtime->wanted_ns || !runtime->gil_wait_ns ? runtime->wanted_ns :
									 runtime->lifetime_ns;
	}
	if (base_ns)
		sum.share = fmin((double)sum.wait_ns / (double)base_ns, 1);
	return sum;
}

/* CPUs that other programs of the mode used; 0 where it may just be the way of counting. */
static double others(const struct report_mode *mode)
{
	double walls_ns = 0, running;

	for (size_t i = 0; i < mode->wall_ns.n; i++)
		walls_ns += mode->wall_ns.rounds[i];
	if (!mode->cores_used.n || !(walls_ns > 0))
		return 0;
	/* The kernel's CPU time has a part of `wakeup` in it: that is nobody else's. */
	running = (double)mode->time_ns[ACCOUNT_RUNNING] / walls_ns;
	return fmin(mode->cores_used.median, running) - mode->did_run.value;
}

/* Of what would wait for a CPU instead, nothing is gained. */
static double gain_of(const struct gil_outlook *outlook)
{
	double gain = fmin(outlook->cpus, outlook->wanted) / fmin(outlook->cpus, outlook->ready);

	/* Averages do not tell a holder that sleeps from times in which nobody wants to run. */
	gain = fmax(fmin(gain, outlook->cpus), 1);
	/* Where threads want to run in a part of the time only, the rest stays as it is. */
	if (outlook->wanted < 1)
		gain = 1 / (1 - outlook->wanted + outlook->wanted / gain);
	return gain;
}

struct gil_outlook report_mode__outlook(const struct report *report, const struct report_mode *mode)
{
	struct gil_outlook outlook = { .gain = 1 };

	if (!mode->could_run.known || !mode->ready_run.known || !mode->did_run.known ||
	    !(mode->ready_run.value > 0) || !report->host.cpus_usable)
		return outlook;
	outlook.known = true;
	outlook.wanted = mode->could_run.value;
	outlook.ready = mode->ready_run.value;
	outlook.ran = mode->did_run.value;
	outlook.cpus = report->host.cpus_usable;
	outlook.bounded = outlook.wanted > outlook.cpus;
	outlook.alone = others(mode) <= OTHERS_RAN;
	if (outlook.alone)
		outlook.gain = gain_of(&outlook);
	return outlook;
}

/* "python3.13t": what follows the version is how it was built. */
static bool is_free_threaded(const char *name)
{
	while (isalpha((unsigned char)*name))
		name++;
	while (isdigit((unsigned char)*name) || *name == '.')
		name++;
	while (isalpha((unsigned char)*name))
		if (*name++ == 't')
			return true;
	return false;
}

enum gil_state report_mode__has_gil(const struct report_mode *mode)
{
	static const char *const with[] = { "CPython", "PyPy", "CRuby" };
	const struct report_interpreter *interpreter = &mode->interpreter;
	enum gil_state found = GIL_UNKNOWN;

	if (!interpreter->name[0])
		return GIL_UNKNOWN;
	for (size_t i = 0; i < mode->n_runtimes; i++) {
		const struct report_runtime *runtime = &mode->runtimes[i];

		/* Other programs that it starts may be of another kind. */
		if (strncmp(runtime->name, interpreter->implementation, sizeof(runtime->name)) != 0)
			continue;
		if (runtime->gil == GIL_PRESENT || runtime->gil_wait_ns)
			return GIL_PRESENT;
		if (runtime->gil == GIL_ABSENT)
			found = GIL_ABSENT;
	}
	if (found != GIL_UNKNOWN)
		return found;
	for (size_t i = 0; i < sizeof(with) / sizeof(*with); i++)
		if (!strcmp(interpreter->implementation, with[i]))
			return is_free_threaded(interpreter->name) ? GIL_ABSENT : GIL_PRESENT;
	return GIL_UNKNOWN;
}

static struct maybe per_second(double count, double wall_ns)
{
	return (struct maybe){ true, count * 1e9 / wall_ns };
}

/* Of the locks: they are GILs whether or not their runtime was found. */
static void add_lock_rates(const struct report_mode *mode, double walls_ns, struct gil_rates *rates)
{
	double calls = 0, lost = 0;
	bool any = false, all = true, timed = false;

	for (size_t i = 0; i < mode->n_locks; i++) {
		const struct report_lock *lock = &mode->locks[i];

		if (lock->kind != LOCK_GIL)
			continue;
		any = true;
		all = all && lock->futex_calls.known;
		calls += lock->futex_calls.known ? lock->futex_calls.value : 0;
		lost += (double)lock->lost_races;
		timed |= !lock->timeouts.known || lock->timeouts.value > 0;
	}
	/* Where nothing timed out, waits that nobody ended were ended by something else. */
	if (any && !timed)
		rates->interval_ns.known = false;
	if (!any)
		return;
	rates->lost_races = per_second(lost, walls_ns);
	if (all)
		rates->calls = per_second(calls, walls_ns);
}

struct gil_rates report_mode__gil_rates(const struct report_mode *mode)
{
	const struct report_runtime *most = NULL;
	struct gil_rates rates = { 0 };
	double walls_ns = 0, handoffs = 0;

	for (size_t i = 0; i < mode->wall_ns.n; i++)
		walls_ns += mode->wall_ns.rounds[i];
	if (!(walls_ns > 0) || !(mode->wall_ns.median > 0))
		return rates;
	if (mode->voluntary.n)
		rates.voluntary = per_second(mode->voluntary.median, mode->wall_ns.median);
	if (mode->voluntary.n && mode->involuntary.n)
		rates.switches = per_second(mode->voluntary.median + mode->involuntary.median,
					    mode->wall_ns.median);
	for (size_t i = 0; i < mode->n_runtimes; i++) {
		const struct report_runtime *runtime = &mode->runtimes[i];

		if (runtime->gil == GIL_ABSENT || !report_runtime__waits_known(runtime))
			continue;
		handoffs += (double)runtime->handoffs;
		most = !most || runtime->handoffs > most->handoffs ? runtime : most;
	}
	if (most) {
		rates.handoffs = per_second(handoffs, walls_ns);
		rates.hold_ns = most->mean_hold_ns;
		rates.interval_ns = most->switch_interval_ns;
	}
	add_lock_rates(mode, walls_ns, &rates);
	return rates;
}
