// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * why_rules.c - the ways in which a process can be slow, and what to do about each.
 *
 * Every rule weighs itself; the one that weighs the most is told. What a rule says is in
 * why_say.c.
 */
#include "contention.h"
#include "why_say.h"

#define LOCKS_MATTER 0.15	/* shares of the busy threads' time, from which to speak of it */
#define QUEUE_MATTERS 0.15
#define FAULT_MATTERS 0.10	/* a page fault should be over in no time */
#define DISK_MATTERS 0.25
#define COMPUTES 0.70
#define SATURATED 0.85		/* of the watched time that one thread ran */
#define TURNS_LEAST 0.70	/* CPUs that threads use which take turns on one; others run, too */
#define TURNS_MOST 1.15
#define IN_KERNEL 0.5		/* of the CPU time, from which it is worth a suspicion */
#define SOME_CPU 0.3		/* CPUs in use, below which a part of them means nothing */
#define MANY_YIELDS 1000	/* sched_yield a second that lead somewhere else */
#define OFTEN 10		/* times a second that a sleeping thread wakes up to look */
/* Waiting for work or for a child is not what makes the rest slow: it counts for less. */
#define BENIGN 0.25

static double share(const struct why_facts *facts, enum account account)
{
	return why_facts__share(facts, account);
}

static double from(double value, double least)
{
	return value >= least ? value : 0;
}

static double weigh_nothing(const struct why_facts *facts)
{
	return !facts->lifetime_ns;
}

static double weigh_stopped(const struct why_facts *facts)
{
	return from(share(facts, ACCOUNT_STOPPED), MOSTLY);
}

/*
 * Whoever waited for a lock did so from the beginning to the end, and whoever is known to
 * hold one is among them.
 */
static double weigh_deadlock(const struct why_facts *facts)
{
	size_t held = 0;

	for (size_t i = 0; i < facts->mode->n_threads; i++) {
		const struct report_thread *thread = &facts->mode->threads[i];

		if (why_thread__share(thread, ACCOUNT_LOCK) < WORTH_SAYING)
			continue;
		if (!why_test__stuck(thread, ACCOUNT_LOCK) || !thread->since_before ||
		    !thread->unfinished)
			return 0;
	}
	for (size_t i = 0; i < facts->mode->n_locks; i++) {
		const struct report_lock *lock = &facts->mode->locks[i];

		if (!why_lock__contended(lock) || !lock->unfinished)
			continue;
		for (size_t j = 0; j < lock->n_holders; j++) {
			if (!why_facts__stuck(facts, lock->holders[j].tid))
				return 0;
			held++;
		}
	}
	return held > 0;
}

static double weigh_blocked(const struct why_facts *facts)
{
	for (size_t i = 0; i < facts->mode->n_threads; i++)
		if (!why_thread__blocked_throughout(&facts->mode->threads[i]))
			return 0;
	return facts->mode->n_threads > 0;
}

/* Sleeps that end again and again: something is looked for rather than waited for. */
static double weigh_polling(const struct why_facts *facts)
{
	double asleep = share(facts, ACCOUNT_SLEEP);

	if (asleep < MOSTLY || why_facts__looks(facts) < OFTEN)
		return 0;
	return asleep;
}

static double weigh_idle(const struct why_facts *facts)
{
	return facts->all_idle;
}

/*
 * An interpreter's GIL is a condition variable to those who do not know better. Its
 * threads look idle, and take turns on one CPU.
 */
static double weigh_gil_suspected(const struct why_facts *facts)
{
	const struct gil_sum gils = report_mode__gils(facts->mode);
	size_t takers = 0;

	if ((facts->lock && facts->lock->kind == LOCK_GIL) || gils.with)
		return 0; /* it is known */
	if (gils.without && !gils.unknown)
		return 0; /* there is none */
	if (!why_facts__interpreter(facts) || !facts->cores.known || facts->cpus < 2 ||
	    facts->cores.value < TURNS_LEAST || facts->cores.value > TURNS_MOST ||
	    share(facts, ACCOUNT_COND) < LOCKS_MATTER)
		return 0;
	for (size_t i = 0; i < facts->mode->n_threads; i++) {
		const struct report_thread *thread = &facts->mode->threads[i];

		takers += why_thread__share(thread, ACCOUNT_RUNNING) >= WORTH_SAYING &&
			  why_thread__share(thread, ACCOUNT_COND) >= WORTH_SAYING;
	}
	return takers > 1 ? share(facts, ACCOUNT_COND) : 0;
}

static double weigh_lock(const struct why_facts *facts)
{
	return facts->lock ? from(share(facts, ACCOUNT_LOCK), LOCKS_MATTER) : 0;
}

/* Futexes that may be locks, and that somebody with symbols could tell. */
static double weigh_unknown(const struct why_facts *facts)
{
	return from(why_facts__unknown(facts), LOCKS_MATTER);
}

static double weigh_queue(const struct why_facts *facts)
{
	return from(why_facts__queued(facts), QUEUE_MATTERS);
}

static double weigh_paging(const struct why_facts *facts)
{
	return from(share(facts, ACCOUNT_FAULT), FAULT_MATTERS);
}

static double weigh_io(const struct why_facts *facts)
{
	double disk = share(facts, ACCOUNT_DISK), io = share(facts, ACCOUNT_IO) + disk;

	return disk >= DISK_MATTERS ? io : from(io, MOSTLY);
}

static double weigh_spinning(const struct why_facts *facts)
{
	double io = share(facts, ACCOUNT_IO) + share(facts, ACCOUNT_DISK);
	/* Whoever waits for I/O now and then has a better reason to be in the kernel. */
	bool kernel = why_facts__system(facts) >= IN_KERNEL && io < WORTH_SAYING;

	if (!facts->cores.known || facts->cores.value < SOME_CPU ||
	    (!kernel && why_facts__yields(facts) < MANY_YIELDS))
		return 0;
	return share(facts, ACCOUNT_RUNNING);
}

/* One thread runs all the time, and the others wait for it. */
static double weigh_serial(const struct why_facts *facts)
{
	if (why_facts__cpu(facts, facts->top) < SATURATED || facts->cpus == 1 ||
	    why_facts__all_cpus(facts) || weigh_spinning(facts) > 0 || weigh_lock(facts) > 0)
		return 0;
	if ((double)facts->top->time_ns[ACCOUNT_RUNNING] <
	    SATURATED * (double)facts->mode->time_ns[ACCOUNT_RUNNING])
		return 0;
	return why_facts__count(facts, why_test__waits_for_others, 0) ?
		       why_facts__cpu(facts, facts->top) :
		       0;
}

static double weigh_compute(const struct why_facts *facts)
{
	double running = share(facts, ACCOUNT_RUNNING);

	if (why_facts__all_cpus(facts))
		return running;
	/* Where there are CPUs to be had, what keeps threads from them comes first. */
	if (weigh_lock(facts) > 0 || weigh_queue(facts) > 0 || weigh_paging(facts) > 0 ||
	    weigh_io(facts) > 0)
		return 0;
	return from(running, COMPUTES);
}

static double weigh_child(const struct why_facts *facts)
{
	return BENIGN * from(share(facts, ACCOUNT_CHILD), MOSTLY);
}

static double weigh_waiting(const struct why_facts *facts)
{
	return BENIGN * from(share(facts, ACCOUNT_COND) + share(facts, ACCOUNT_JOIN), MOSTLY);
}

static double weigh_sleep(const struct why_facts *facts)
{
	return BENIGN * from(share(facts, ACCOUNT_SLEEP), MOSTLY);
}

static double weigh_other(const struct why_facts *facts)
{
	return from(share(facts, ACCOUNT_OTHER) - why_facts__unknown(facts), MOSTLY);
}

static double weigh_mixed(const struct why_facts *facts)
{
	(void)facts;
	return 1e-9;
}

/* Decisive ones first; of equal weights the earlier rule is followed. */
static const struct why_rule rules[] = {
	{ "nothing", true, true, weigh_nothing, why_say__nothing, why_advise__nothing },
	{ "stopped", true, false, weigh_stopped, why_say__stopped, why_advise__stopped },
	{ "deadlock", true, false, weigh_deadlock, why_say__deadlock, why_advise__deadlock },
	{ "blocked", true, true, weigh_blocked, why_say__blocked, why_advise__waits },
	{ "polling", true, false, weigh_polling, why_say__polling, why_advise__polling },
	{ "idle", true, true, weigh_idle, why_say__idle, why_advise__waits },
	{ "gil-suspected", true, false, weigh_gil_suspected, why_say__gil, why_advise__gil },
	{ "lock", false, false, weigh_lock, why_say__lock, why_advise__lock },
	{ "unknown-futex", false, false, weigh_unknown, why_say__unknown, why_advise__unknown },
	{ "run-queue", false, false, weigh_queue, why_say__queue, why_advise__queue },
	{ "paging", false, false, weigh_paging, why_say__paging, why_advise__paging },
	{ "io", false, false, weigh_io, why_say__io, why_advise__io },
	{ "spinning", false, false, weigh_spinning, why_say__spinning, why_advise__spinning },
	{ "serial", false, false, weigh_serial, why_say__serial, why_advise__serial },
	{ "compute", false, false, weigh_compute, why_say__compute, why_advise__compute },
	{ "child", false, false, weigh_child, why_say__child, why_advise__child },
	{ "waiting", false, false, weigh_waiting, why_say__waiting, why_advise__waits },
	{ "sleep", false, false, weigh_sleep, why_say__sleep, why_advise__waits },
	{ "other", false, false, weigh_other, why_say__other, why_advise__other },
	{ "mixed", false, false, weigh_mixed, why_say__mixed, why_advise__other },
};

const struct why_rule *why_rule__choose(const struct why_facts *facts)
{
	const struct why_rule *best = NULL;
	double most = 0;

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		double weight = rules[i].weigh(facts);

		if (weight <= 0)
			continue;
		if (rules[i].decisive)
			return &rules[i];
		if (weight > most) {
			best = &rules[i];
			most = weight;
		}
	}
	return best;
}
