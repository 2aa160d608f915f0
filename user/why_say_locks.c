// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * why_say_locks.c - what the rules of `convoy why` say and advise about locks: that are
 * known, that are suspected, and that have no name.
 */
#include "why_say.h"

#include <inttypes.h>
#include <string.h>

#include "contention.h"

#define NEARLY_ALL 0.95		/* a part that need not be told from all of it */
#define MOST_HOLDERS 3		/* that are named, where none held it for most of the time */
#define MMAP_LOCK "mmap_lock"	/* as locks.c names it */

static bool is_mmap_lock(const struct report_lock *lock)
{
	return lock->kind == LOCK_KERNEL && !strcmp(lock->name, MMAP_LOCK);
}

/* A holder by its thread's name, with its TID where others are called the same. */
static const char *holder_name(const struct why_facts *facts, char *buf,
			       const struct report_holder *holder)
{
	for (size_t i = 0; i < facts->mode->n_threads; i++)
		if (facts->mode->threads[i].tid == holder->tid)
			return why__thread(facts, buf, &facts->mode->threads[i]);
	return why__quoted(buf, holder->comm, sizeof(holder->comm));
}

/* What holders did meanwhile; false where it is not known. */
static bool say_meanwhile(const struct report_lock *lock, FILE *out)
{
	const struct report_holding *held = &lock->held;
	const double all = (double)report_holding__total(held);
	const struct {
		uint64_t ns;
		const char *words;
	} parts[] = {
		{ held->running, "running" },
		{ held->runnable, "ready to run without a CPU" },
		{ held->asleep, "asleep or in I/O" },
		{ held->waiting, "waiting for another lock" },
	};
	char share[WHY_WORD];
	size_t said = 0;

	if (all <= 0)
		return false;
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		double part = (double)parts[i].ns / all;

		if (part >= WORTH_SAYING)
			fprintf(out, "%s%s of it %s", said++ ? ", " : " Its holders spent ",
				why__percent(share, part), parts[i].words);
	}
	fputc('.', out);
	return true;
}

/* "'db' held it for 83 % of that waiting (holders are known for 96 %)." and what 'db' did. */
static void say_holder(const struct why_facts *facts, const struct report_lock *lock, FILE *out)
{
	const struct report_thread *thread = why_facts__holder(facts, lock);
	char name[WHY_WORD], share[WHY_WORD], known[WHY_WORD];
	const struct report_holder *holder = lock->holders;
	enum account most;

	if (!lock->n_holders) {
		if (why_lock__contended(lock))
			fputs(" Its holders are not known.", out);
		return;
	}
	why__percent(known, report_lock__coverage(lock));
	if (holder->share >= MOSTLY || lock->n_holders == 1) {
		fprintf(out, " %s held it for %s of that waiting (holders are known for %s of it).",
			holder_name(facts, name, holder), why__percent(share, holder->share),
			known);
	} else {
		for (size_t i = 0; i < lock->n_holders && i < MOST_HOLDERS; i++)
			fprintf(out, "%s%s %s", i ? ", " : " It was held by ",
				holder_name(facts, name, &holder[i]),
				why__percent(share, holder[i].share));
		if (lock->n_holders > MOST_HOLDERS)
			fprintf(out, " and %zu more", lock->n_holders - MOST_HOLDERS);
		fprintf(out, " (holders are known for %s of that waiting).", known);
	}
	/* What it did while others waited says more than what it did in all its life. */
	if (say_meanwhile(lock, out) || !thread || !thread->lifetime_ns)
		return;
	most = why_thread__mostly(thread);
	if (why_thread__share(thread, most) >= MOSTLY)
		fprintf(out, " That thread itself was %s for %s of the time.", why__doing(most),
			why__percent(share, why_thread__share(thread, most)));
}

/* What is in the way of those who hold it. */
static void say_trouble(const struct report_lock *lock, FILE *out)
{
	if (report_lock__trouble(lock, NULL) == HOLDERS_PREEMPTED)
		fputs(" This is lock-holder preemption: who holds the lock has no CPU, so nobody "
		      "gets on.",
		      out);
}

/* What could be faster without the GIL. */
static void say_outlook(const struct why_facts *facts, FILE *out)
{
	struct gil_outlook outlook = report_mode__outlook(facts->report, facts->mode);

	if (outlook.gain >= GAIN_MATTERS)
		fprintf(out,
			" On average %.1f threads wanted to run at once and %.1f did: on %u CPU%s "
			"processes could be up to %.1fx faster.",
			outlook.wanted, outlook.ran, outlook.cpus, outlook.cpus == 1 ? "" : "s",
			outlook.gain);
}

/* Which lock, how often, how long, and who held it. */
void why_say__lock(const struct why_facts *facts, FILE *out)
{
	const struct report_lock *lock = facts->lock;
	char name[WHY_WORD], part[WHY_WORD], longest[WHY_WORD];

	if (!lock)
		return;
	why__lock(name, lock);
	if (facts->lock_part >= NEARLY_ALL)
		fprintf(out, "They waited for %s", name);
	else
		fprintf(out, "Most of the waiting for locks (%s) was for %s",
			why__percent(part, facts->lock_part), name);
	fprintf(out, ": %" PRIu64 " wait%s", lock->waits, lock->waits == 1 ? "" : "s");
	if (lock->max_ns.known)
		fprintf(out, ", the longest %s", why__duration(longest, lock->max_ns.value));
	if (lock->site[0])
		fprintf(out, ", first in %s", why__harmless(name, lock->site, sizeof(lock->site)));
	fputc('.', out);
	if (lock->name[0] == '(')
		fputs(" Locks without a name are counted as one.", out);
	say_holder(facts, lock, out);
	say_trouble(lock, out);
	if (lock->kind == LOCK_GIL)
		say_outlook(facts, out);
}

/* Does the holder sleep or wait with the lock held? Its whole life tells where that is all. */
static bool holder_waits(const struct why_facts *facts)
{
	const struct report_thread *thread = why_facts__holder(facts, facts->lock);

	if (report_holding__total(&facts->lock->held))
		return report_lock__trouble(facts->lock, NULL) == HOLDERS_ASLEEP;
	return thread && thread->lifetime_ns &&
	       why_thread__share(thread, ACCOUNT_SLEEP) + why_thread__share(thread, ACCOUNT_IO) +
			       why_thread__share(thread, ACCOUNT_DISK) +
			       why_thread__share(thread, ACCOUNT_CHILD) >=
		       MOSTLY;
}

static void advise_gil(const struct why_facts *facts, FILE *out)
{
	struct gil_outlook outlook = report_mode__outlook(facts->report, facts->mode);
	enum holder_trouble trouble = report_lock__trouble(facts->lock, NULL);

	if (trouble != HOLDERS_WORK)
		fputs(holder_trouble__advice(facts->lock, trouble), out);
	else if (outlook.gain < GAIN_MATTERS && outlook.known && outlook.cpus == 1 &&
		 outlook.ready >= ALL_CPUS)
		fputs("more CPUs, and then processes; on one CPU neither processes nor more "
		      "threads will help.",
		      out);
	else if (outlook.gain < GAIN_MATTERS &&
		 (why_facts__all_cpus(facts) ||
		  (outlook.known && outlook.ready >= ALL_CPUS * outlook.cpus)))
		fputs("more CPUs, and then processes; what waits for the GIL would wait for a CPU, "
		      "so neither processes nor more threads will help.",
		      out);
	else if (outlook.gain < GAIN_MATTERS && outlook.alone)
		fputs("do the heavy part where the GIL is released (native code, I/O); processes "
		      "would hardly be faster, and more threads will not help.",
		      out);
	else
		fputs("processes instead of threads, or do the heavy part where the GIL is "
		      "released (native code, I/O); more threads will not help.",
		      out);
}

/* What to do about a lock that is waited for. */
void why_advise__lock(const struct why_facts *facts, FILE *out)
{
	const struct report_lock *lock = facts->lock;
	const struct report_thread *holder = why_facts__holder(facts, lock);
	char name[WHY_WORD];

	if (lock->kind == LOCK_GIL) {
		advise_gil(facts, out);
	} else if (is_mmap_lock(lock)) {
		fputs("the threads fight for their address space: map and unmap less (larger "
		      "allocations, keep memory instead of giving it back, MALLOC_ARENA_MAX), or "
		      "use processes, which have one each.",
		      out);
	} else if (lock->kind == LOCK_KERNEL) {
		fputs("fewer threads in the same system calls at once, or processes, where they "
		      "need not share what the lock protects.",
		      out);
	} else if (report_lock__trouble(lock, NULL) == HOLDERS_PREEMPTED) {
		fputs(holder_trouble__advice(lock, HOLDERS_PREEMPTED), out);
	} else if (lock->n_holders && holder_waits(facts)) {
		fprintf(out,
			"look whether %s sleeps or does I/O with the lock held, and let it go "
			"before; more threads will not help.",
			holder_name(facts, name, lock->holders));
	} else if (holder && lock->holders[0].share >= MOSTLY) {
		fprintf(out,
			"shorten what %s does while it holds the lock, or split the lock; more "
			"threads will not help.",
			why__thread(facts, name, holder));
	} else {
		fputs("shorten what is done with the lock held, or split the lock; more threads "
		      "will not help.",
		      out);
	}
}

void why_say__gil(const struct why_facts *facts, FILE *out)
{
	(void)facts;
	fputs("Threads of an interpreter that take turns on one CPU probably wait for its GIL: "
	      "here it looks like waiting for work, since it is a condition variable.",
	      out);
}

void why_advise__gil(const struct why_facts *facts, FILE *out)
{
	const struct report_runtime *unknown = report_mode__gils(facts->mode).unknown;
	char hint[WHY_WORD];

	fputs("processes instead of threads, or do the heavy part where the GIL is released; more "
	      "threads will not help.",
	      out);
	if (unknown && unknown->hint[0])
		fprintf(out, " (%s)", why__harmless(hint, unknown->hint, sizeof(unknown->hint)));
}

/* Of the waits that no rule can tell, the most. */
static const struct report_lock *most_unknown(const struct why_facts *facts)
{
	const struct report_lock *most = NULL;

	for (size_t i = 0; i < facts->mode->n_locks; i++) {
		const struct report_lock *lock = &facts->mode->locks[i];

		if (lock->kind == LOCK_UNKNOWN && lock->total_ns &&
		    (!most || lock->total_ns > most->total_ns))
			most = lock;
	}
	return most;
}

void why_say__unknown(const struct why_facts *facts, FILE *out)
{
	const struct report_lock *most = most_unknown(facts);
	char share[WHY_WORD];

	fprintf(out,
		"For %s of the time they waited on futexes of which it cannot be told whether they "
		"are locks or wait for work.",
		why__percent(share, why_facts__unknown(facts)));
	if (most && most->site[0])
		fprintf(out, " Most of it was first in %s.",
			why__harmless(share, most->site, sizeof(most->site)));
}

void why_advise__unknown(const struct why_facts *facts, FILE *out)
{
	fprintf(out,
		"give convoy names: symbols of the program and its libraries (debug packages, "
		"or binaries that are not stripped), and watch again; or gdb -p %" PRIu32
		" -batch -ex 'thread apply all bt' shows where each thread waits.",
		facts->context->pid);
}
