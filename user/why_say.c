// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * why_say.c - what each rule of `convoy why` says and advises.
 */
#include "why_say.h"

#include <inttypes.h>

#include "contention.h"

static const char *times(uint64_t n)
{
	return n == 1 ? "" : "s";
}

/* The parts of one verb; most rules are about one thread or more. */
static const char *was(size_t n)
{
	return n == 1 ? "was" : "were";
}

void why_say__nothing(const struct why_facts *facts, FILE *out)
{
	(void)facts;
	fputs("Nothing was recorded of it.", out);
}

void why_advise__nothing(const struct why_facts *facts, FILE *out)
{
	fprintf(out,
		"see whether the process is still there (ps -p %" PRIu32 "), and watch longer.",
		facts->context->pid);
}

void why_say__stopped(const struct why_facts *facts, FILE *out)
{
	size_t n = why_facts__count(facts, why_test__mostly, ACCOUNT_STOPPED);

	if (!n) {
		fputs("The process was stopped, by a signal or a debugger.", out);
		return;
	}
	fprintf(out, "%zu thread%s %s stopped, by a signal or a debugger: ", n, times(n), was(n));
	why__say_threads(facts, why_test__mostly, ACCOUNT_STOPPED, out);
	fputc('.', out);
}

void why_advise__stopped(const struct why_facts *facts, FILE *out)
{
	uint32_t pid = facts->context->pid;

	fprintf(out,
		"kill -CONT %" PRIu32 ", or let go of it in the debugger (TracerPid in "
		"/proc/%" PRIu32 "/status).",
		pid, pid);
}

void why_say__deadlock(const struct why_facts *facts, FILE *out)
{
	size_t n = why_facts__count(facts, why_test__stuck, ACCOUNT_LOCK);

	fprintf(out, "This looks like a deadlock: %zu thread%s (", n, times(n));
	why__say_threads(facts, why_test__stuck, ACCOUNT_LOCK, out);
	fputs(n == 1 ? ") waited for a lock all the time, and holds it itself." :
		       ") waited for a lock all the time, and all that are known to hold one are "
		       "among them.",
	      out);
}

void why_advise__deadlock(const struct why_facts *facts, FILE *out)
{
	fprintf(out,
		"take locks in the same order everywhere, and none twice; gdb -p %" PRIu32
		" -batch -ex 'thread apply all bt' shows where each of them waits.",
		facts->context->pid);
}

static bool has_stuck(const struct why_facts *facts, enum account account)
{
	return why_facts__count(facts, why_test__stuck, account) > 0;
}

void why_say__blocked(const struct why_facts *facts, FILE *out)
{
	size_t n = facts->mode->n_threads, said = 0;

	fprintf(out, "Nothing ran: %s blocked from the beginning to the end:",
		n == 1 ? "its thread was" : "all threads were");
	for (enum account a = 0; a < ACCOUNT_COUNT; a++) {
		size_t stuck = why_facts__count(facts, why_test__stuck, a);

		if (!stuck)
			continue;
		fprintf(out, "%s %zu %s (", said++ ? "," : "", stuck, why__doing(a));
		why__say_threads(facts, why_test__stuck, a, out);
		fputc(')', out);
	}
	fputc('.', out);
	if (has_stuck(facts, ACCOUNT_LOCK) && facts->lock) {
		fputc(' ', out);
		why_say__lock(facts, out);
	}
}

void why_say__idle(const struct why_facts *facts, FILE *out)
{
	fputs("It was not busy: ", out);
	if (facts->mode->n_threads == 1)
		fputs("its only thread", out);
	else
		fprintf(out, "each of its %zu threads", facts->mode->n_threads);
	fputs(" only waited (", out);
	why__say_idle(facts, out);
	fputs(").", out);
}

void why_say__waiting(const struct why_facts *facts, FILE *out)
{
	(void)facts;
	fputs("Mostly it has too little to do, and waits until somebody gives it work.", out);
}

void why_say__sleep(const struct why_facts *facts, FILE *out)
{
	(void)facts;
	fputs("Mostly it sleeps because it asked to.", out);
}

/* For those that wait and do not work, by what they wait for. */
void why_advise__waits(const struct why_facts *facts, FILE *out)
{
	double sleep = why_facts__share(facts, ACCOUNT_SLEEP);
	double io = why_facts__share(facts, ACCOUNT_IO) + why_facts__share(facts, ACCOUNT_DISK);
	double work = why_facts__share(facts, ACCOUNT_COND) + why_facts__share(facts, ACCOUNT_JOIN);

	if (facts->lock && has_stuck(facts, ACCOUNT_LOCK))
		why_advise__lock(facts, out);
	else if (why_facts__share(facts, ACCOUNT_CHILD) > sleep + io + work)
		fputs("look at its children: they are what it waits for.", out);
	else if (io > sleep && io > work)
		fputs("if it should be busy, look at who should send to it or answer it: clients, "
		      "servers, the disk.",
		      out);
	else if (sleep > work)
		fputs("if it should be faster, sleep less, or wait for what the sleep is there "
		      "for.",
		      out);
	else if (work > 0)
		fputs("if it should be busy, look at who should feed it: more threads or CPUs will "
		      "not help.",
		      out);
	else
		fprintf(out,
			"gdb -p %" PRIu32 " -batch -ex 'thread apply all bt' shows where each "
			"thread waits.",
			facts->context->pid);
}

void why_say__polling(const struct why_facts *facts, FILE *out)
{
	fprintf(out,
		"It polls: threads that sleep wake up %.0f times a second each, only to sleep "
		"again.",
		why_facts__looks(facts));
}

void why_advise__polling(const struct why_facts *facts, FILE *out)
{
	(void)facts;
	fputs("wait for the event itself (condition variable, eventfd, poll) instead of sleeping "
	      "and looking.",
	      out);
}

void why_say__queue(const struct why_facts *facts, FILE *out)
{
	char share[WHY_WORD];
	bool full = why_facts__all_cpus(facts);

	fprintf(out, "For %s of the time they were ready to run and had no CPU",
		why__percent(share, why_facts__queued(facts)));
	if (full)
		fputs(": more threads want to run than there are CPUs.", out);
	else if (facts->cpus && facts->cores.known)
		fputs(", though the process did not use all of them: others do, or it is limited.",
		      out);
	else
		fputc('.', out);
}

void why_advise__queue(const struct why_facts *facts, FILE *out)
{
	bool full = why_facts__all_cpus(facts);

	if (full)
		fputs("fewer threads, or more CPUs.", out);
	else
		fprintf(out,
			"see what else runs (top), its nice value and CPU affinity (ps -o "
			"ni,psr -p %" PRIu32 ", taskset -p %" PRIu32 "), and the CPU limit of its "
			"cgroup (cpu.max, nr_throttled in cpu.stat).",
			facts->context->pid, facts->context->pid);
}

void why_say__paging(const struct why_facts *facts, FILE *out)
{
	char share[WHY_WORD];

	fprintf(out, "Memory is what it waits for: page faults blocked it for %s of the time.",
		why__percent(share, why_facts__share(facts, ACCOUNT_FAULT)));
}

void why_advise__paging(const struct why_facts *facts, FILE *out)
{
	(void)facts;
	fputs("see whether memory is short (free, vmstat 1, memory.max of its cgroup); files that "
	      "are mapped are read from the disk at first touch: read them ahead.",
	      out);
}

static bool waits_for_disk(const struct why_facts *facts)
{
	return why_facts__share(facts, ACCOUNT_DISK) >= why_facts__share(facts, ACCOUNT_IO);
}

void why_say__io(const struct why_facts *facts, FILE *out)
{
	if (waits_for_disk(facts))
		fputs("The disk is what it waits for.", out);
	else
		fputs("Mostly it waits for I/O: pipes, sockets, files, poll.", out);
}

void why_advise__io(const struct why_facts *facts, FILE *out)
{
	if (waits_for_disk(facts))
		fputs("read and write less or in larger pieces, sync less often; iostat -x 1 shows "
		      "whether the disk is busy.",
		      out);
	else
		fputs("look at who is at the other end; more requests at once, by more threads or "
		      "without blocking, let the waiting overlap.",
		      out);
}

void why_say__spinning(const struct why_facts *facts, FILE *out)
{
	double kernel = why_facts__system(facts), yields = why_facts__yields(facts);
	char share[WHY_WORD];

	fputs("It may be spinning, which cannot be seen here as waiting:", out);
	if (kernel >= MOSTLY)
		fprintf(out, " %s of its CPU time was spent in the kernel%s",
			why__percent(share, kernel), yields >= 1 ? ", and" : "");
	if (yields >= 1)
		fprintf(out, " it gave up the CPU by sched_yield %.0f times a second", yields);
	fputc('.', out);
}

void why_advise__spinning(const struct why_facts *facts, FILE *out)
{
	fprintf(out,
		"perf top -p %" PRIu32 " shows what it runs; where it waits in a loop, let it "
		"sleep (mutex, condition variable); where it makes system calls, make fewer.",
		facts->context->pid);
}

void why_say__serial(const struct why_facts *facts, FILE *out)
{
	char name[WHY_WORD], share[WHY_WORD];
	size_t n = why_facts__count(facts, why_test__waits_for_others, 0);

	fprintf(out,
		"%s ran for %s of the time, on one CPU, while %zu other thread%s mostly waited.",
		why__thread(facts, name, facts->top),
		why__percent(share, why_facts__cpu(facts, facts->top)), n, times(n));
}

void why_advise__serial(const struct why_facts *facts, FILE *out)
{
	char name[WHY_WORD];

	fprintf(out,
		"split the work of %s, or make it faster (perf top -p %" PRIu32 " shows what it "
		"runs); more of the other threads will not help.",
		why__thread(facts, name, facts->top), facts->context->pid);
}

void why_say__compute(const struct why_facts *facts, FILE *out)
{
	fputs("It computes: there is nothing to win from locks.", out);
	if (why_facts__all_cpus(facts))
		fputs(" It uses all the CPUs that it has.", out);
}

void why_advise__compute(const struct why_facts *facts, FILE *out)
{
	const bool full = why_facts__all_cpus(facts), gil = report_mode__gils(facts->mode).with;

	fprintf(out, "make the code itself faster: perf top -p %" PRIu32 " shows where it is%s.",
		facts->context->pid,
		full		? "; more threads will not help" :
		facts->cpus < 2 ? "" :
		gil		? "; or share the work among processes, for CPUs are free, and "
				  "threads would share the GIL" :
				  "; or share the work among more threads, for CPUs are free");
}

void why_say__child(const struct why_facts *facts, FILE *out)
{
	(void)facts;
	fputs("It waits for its child processes to end.", out);
}

void why_advise__child(const struct why_facts *facts, FILE *out)
{
	fprintf(out, "look at them: pgrep -P %" PRIu32 " lists them.", facts->context->pid);
}

void why_say__other(const struct why_facts *facts, FILE *out)
{
	(void)facts;
	fputs("It is blocked in system calls that convoy has no word for.", out);
}

void why_say__mixed(const struct why_facts *facts, FILE *out)
{
	(void)facts;
	fputs("No single thing stands out.", out);
}

void why_advise__other(const struct why_facts *facts, FILE *out)
{
	(void)facts;
	fputs("look at the threads one by one, as the next line says.", out);
}
