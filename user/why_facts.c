// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * why_facts.c - what the rules of `convoy why` ask of a report.
 */
#include "why_facts.h"

#include <string.h>

#include "contention.h"

#define IDLE 0.99		/* share of its life that an idle thread waits for others' sake */
#define THROUGHOUT 0.999	/* share of its life that is all of it */

double why_thread__share(const struct report_thread *thread, enum account account)
{
	if (!thread->lifetime_ns)
		return 0;
	return (double)thread->time_ns[account] / (double)thread->lifetime_ns;
}

bool why_thread__idle(const struct report_thread *thread)
{
	static const enum account idle[] = { ACCOUNT_COND, ACCOUNT_IO,	  ACCOUNT_SLEEP,
					     ACCOUNT_JOIN, ACCOUNT_CHILD, ACCOUNT_OTHER };
	double share = 0;

	for (size_t i = 0; i < sizeof(idle) / sizeof(idle[0]); i++)
		share += why_thread__share(thread, idle[i]);
	return share > IDLE;
}

enum account why_thread__mostly(const struct report_thread *thread)
{
	enum account most = 0;

	for (enum account a = 0; a < ACCOUNT_COUNT; a++)
		if (thread->time_ns[a] > thread->time_ns[most])
			most = a;
	return most;
}

bool why_thread__blocked_throughout(const struct report_thread *thread)
{
	enum account most = why_thread__mostly(thread);

	return !thread->voluntary && !thread->involuntary && most != ACCOUNT_RUNNING &&
	       most != ACCOUNT_PREEMPTED && most != ACCOUNT_WAKEUP &&
	       why_thread__share(thread, most) >= THROUGHOUT;
}

double why_facts__share(const struct why_facts *facts, enum account account)
{
	if (!facts->lifetime_ns)
		return 0;
	return (double)facts->time_ns[account] / (double)facts->lifetime_ns;
}

double why_facts__queued(const struct why_facts *facts)
{
	return why_facts__share(facts, ACCOUNT_PREEMPTED) + why_facts__share(facts, ACCOUNT_WAKEUP);
}

const struct report_thread *why_facts__holder(const struct why_facts *facts,
					      const struct report_lock *lock)
{
	if (!lock->n_holders)
		return NULL;
	for (size_t i = 0; i < facts->mode->n_threads; i++)
		if (facts->mode->threads[i].tid == lock->holders[0].tid)
			return &facts->mode->threads[i];
	return NULL;
}

bool why_lock__contended(const struct report_lock *lock)
{
	return report_lock__contended(lock);
}

bool why_test__stuck(const struct report_thread *thread, enum account account)
{
	return why_thread__mostly(thread) == account && why_thread__blocked_throughout(thread);
}

bool why_test__mostly(const struct report_thread *thread, enum account account)
{
	return thread->lifetime_ns && why_thread__mostly(thread) == account;
}

bool why_test__waits_for_others(const struct report_thread *thread, enum account arg)
{
	(void)arg;
	return why_thread__share(thread, ACCOUNT_COND) + why_thread__share(thread, ACCOUNT_LOCK) +
		       why_thread__share(thread, ACCOUNT_JOIN) >=
	       MOSTLY;
}

size_t why_facts__count(const struct why_facts *facts, why_test test, enum account arg)
{
	size_t n = 0;

	for (size_t i = 0; i < facts->mode->n_threads; i++)
		n += test(&facts->mode->threads[i], arg);
	return n;
}

bool why_facts__stuck(const struct why_facts *facts, uint32_t tid)
{
	for (size_t i = 0; i < facts->mode->n_threads; i++)
		if (facts->mode->threads[i].tid == tid &&
		    why_test__stuck(&facts->mode->threads[i], ACCOUNT_LOCK))
			return true;
	return false;
}

bool why_facts__all_cpus(const struct why_facts *facts)
{
	return facts->cpus && facts->cores.known && facts->cores.value >= ALL_CPUS * facts->cpus;
}

double why_facts__cpu(const struct why_facts *facts, const struct report_thread *thread)
{
	if (!thread || facts->seconds <= 0)
		return 0;
	return (double)thread->time_ns[ACCOUNT_RUNNING] / (facts->seconds * 1e9);
}

double why_facts__system(const struct why_facts *facts)
{
	const struct report_mode *mode = facts->mode;

	if (!mode->system_ns.n || !mode->cpu_ns.n || mode->cpu_ns.median <= 0)
		return 0;
	return mode->system_ns.median / mode->cpu_ns.median;
}

double why_facts__yields(const struct why_facts *facts)
{
	return facts->seconds > 0 ? (double)facts->mode->yields / facts->seconds : 0;
}

double why_facts__looks(const struct why_facts *facts)
{
	uint64_t lifetime_ns = 0, switches = 0;

	for (size_t i = 0; i < facts->mode->n_threads; i++) {
		const struct report_thread *thread = &facts->mode->threads[i];

		if (why_thread__share(thread, ACCOUNT_SLEEP) < MOSTLY)
			continue;
		lifetime_ns += thread->lifetime_ns;
		switches += thread->voluntary;
	}
	return lifetime_ns ? (double)switches / ((double)lifetime_ns / 1e9) : 0;
}

double why_facts__unknown(const struct why_facts *facts)
{
	double sum = 0, other = why_facts__share(facts, ACCOUNT_OTHER);

	if (!facts->lifetime_ns)
		return 0;
	for (size_t i = 0; i < facts->mode->n_locks; i++)
		if (facts->mode->locks[i].kind == LOCK_UNKNOWN)
			sum += (double)facts->mode->locks[i].total_ns;
	sum /= (double)facts->lifetime_ns;
	/* Locks are of all threads, and not of the busy ones alone. */
	return sum < other ? sum : other;
}

bool why_facts__interpreter(const struct why_facts *facts)
{
	static const char *const names[] = { "python", "ruby" };
	const char *name = facts->context->name;
	struct gil_sum gils = report_mode__gils(facts->mode);

	if (gils.with || gils.unknown)
		return true;
	for (size_t i = 0; name && i < sizeof(names) / sizeof(names[0]); i++)
		if (!strncmp(name, names[i], strlen(names[i])))
			return true;
	return false;
}

static void sum_threads(struct why_facts *facts)
{
	const struct report_mode *mode = facts->mode;

	for (size_t i = 0; i < mode->n_threads; i++) {
		const struct report_thread *thread = &mode->threads[i];

		facts->switches += thread->voluntary + thread->involuntary;
		if (thread->time_ns[ACCOUNT_RUNNING] &&
		    (!facts->top ||
		     thread->time_ns[ACCOUNT_RUNNING] > facts->top->time_ns[ACCOUNT_RUNNING]))
			facts->top = thread;
		if (why_thread__idle(thread)) {
			facts->n_idle++;
			facts->idle_for[why_thread__mostly(thread)]++;
			continue;
		}
		facts->lifetime_ns += thread->lifetime_ns;
		for (size_t a = 0; a < ACCOUNT_COUNT; a++)
			facts->time_ns[a] += thread->time_ns[a];
	}
	facts->all_idle = facts->n_idle && facts->n_idle == mode->n_threads;
	if (facts->lifetime_ns)
		return;
	facts->lifetime_ns = mode->lifetime_ns;
	memcpy(facts->time_ns, mode->time_ns, sizeof(facts->time_ns));
}

static void choose_lock(struct why_facts *facts)
{
	uint64_t all = 0;

	for (size_t i = 0; i < facts->mode->n_locks; i++) {
		const struct report_lock *lock = &facts->mode->locks[i];

		if (!why_lock__contended(lock))
			continue;
		all += lock->total_ns;
		if (!facts->lock || lock->total_ns > facts->lock->total_ns)
			facts->lock = lock;
	}
	if (facts->lock)
		facts->lock_part = (double)facts->lock->total_ns / (double)all;
}

bool why_facts__init(struct why_facts *facts, const struct report *report,
		     const struct why_context *context)
{
	const struct report_mode *mode = report->modes;

	if (report->n_modes != 1)
		return false;
	memset(facts, 0, sizeof(*facts));
	facts->report = report;
	facts->mode = mode;
	facts->context = context;
	facts->cpus = context->cpus ? context->cpus : report->host.cpus_usable;
	facts->seconds = context->seconds > 0 ? context->seconds :
			 mode->wall_ns.n      ? mode->wall_ns.median / 1e9 :
						0;
	if (mode->cores_used.n)
		facts->cores = (struct maybe){ true, mode->cores_used.median };
	else if (mode->lifetime_ns && facts->seconds > 0)
		facts->cores = (struct maybe){ true, (double)mode->time_ns[ACCOUNT_RUNNING] /
							     (facts->seconds * 1e9) };
	sum_threads(facts);
	choose_lock(facts);
	return true;
}
