// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <string.h>

#include "ledger_private.h"

void ledger__assume_born(const struct ledger *ledger, struct ledger_thread *thread, uint64_t out_ns)
{
	if (thread->seen)
		return;
	thread->seen = true;
	thread->since_before = out_ns <= ledger->options.start_ns;
	thread->auditable = !thread->since_before && !ledger->options.window;
	thread->start_ns = thread->since_before ? ledger->options.start_ns : out_ns;
	thread->last_in_ns = thread->start_ns < out_ns ? thread->start_ns : out_ns;
	thread->cpu = -1;
	if (thread->start_ns >= ledger->end_ns)
		ledger__set_outside(thread);
}

int ledger__birth(struct ledger *ledger, struct ledger_thread *thread,
		  const struct convoy_ev_birth *ev)
{
	int err;

	/* Told by who closed the recording already, it may then run for the first time. */
	if (thread->seen && ev->hdr.time_ns > ledger->end_ns)
		return 0;
	if (thread->seen || ev->hdr.time_ns < ev->born_ns)
		return -EBADMSG;
	if (ev->born_ns >= ledger->end_ns) {
		ledger__set_outside(thread);
		return 0;
	}
	thread->seen = true;
	/* One that was moved to where it is recorded has a past. */
	thread->since_before = ev->hdr.flags & CONVOY_F_SINCE_BEFORE;
	thread->auditable = !ledger->options.window && !thread->since_before;
	thread->parent = ev->parent;
	thread->tid = ev->tid;
	thread->pid = ev->pid;
	thread->ns_tid = ev->ns_tid;
	thread->ns_pid = ev->ns_pid;
	thread->root = ev->hdr.flags & CONVOY_F_ROOT;
	memcpy(thread->comm, ev->comm, sizeof(thread->comm));
	thread->start_ns = ev->born_ns;
	if (thread->start_ns < ledger->options.start_ns) {
		thread->start_ns = ledger->options.start_ns;
		thread->since_before |= ledger->options.window;
	}
	/* A new thread waits for its first turn; nothing wakes it. */
	ledger__book(ledger, thread, ACCOUNT_WAKEUP, ev->born_ns, ev->hdr.time_ns);
	err = holders__was(ledger->holders, ledger__index(ledger, thread), HOLDER_RUNNABLE,
			   ev->born_ns, ev->hdr.time_ns);
	if (err)
		return err;
	thread->last_in_ns = ev->hdr.time_ns;
	thread->cpu = ev->cpu_in;
	if (ev->hdr.time_ns > ledger->end_ns) {
		thread->unfinished = true;
		ledger__close_at_end(ledger, thread);
	}
	return thread_table__remember_tid(&ledger->table, thread);
}

/* What it was doing then is told by its first record; here is from where to count. */
int ledger__seen(struct ledger *ledger, struct ledger_thread *thread,
		 const struct convoy_ev_seen *ev)
{
	if (thread->seen)
		return -EBADMSG;
	if (ev->hdr.time_ns >= ledger->end_ns) {
		ledger__set_outside(thread);
		return 0;
	}
	thread->seen = true;
	thread->since_before = true;
	thread->auditable = !ledger->options.window;
	thread->tid = ev->tid;
	thread->pid = ev->pid;
	thread->ns_tid = ev->ns_tid;
	thread->ns_pid = ev->ns_pid;
	memcpy(thread->comm, ev->comm, sizeof(thread->comm));
	/* It may have come later to where it is recorded. */
	thread->last_in_ns = ev->hdr.time_ns;
	thread->start_ns = ledger->options.start_ns > ev->hdr.time_ns ? ledger->options.start_ns :
									ev->hdr.time_ns;
	thread->cpu = ev->cpu;
	thread->found_off = ev->state != CONVOY_SEEN_RUNNING;
	thread->base.known = true;
	thread->base.voluntary = ev->nvcsw;
	thread->base.involuntary = ev->nivcsw;
	thread->base.runtime_ns = ev->runtime_ns;
	thread->base.run_delay_ns = ev->run_delay_ns;
	if (!thread->found_off) {
		int err = holders__was(ledger->holders, ledger__index(ledger, thread),
				       HOLDER_RUNNING, ev->hdr.time_ns, ev->hdr.time_ns);

		if (err)
			return err;
	}
	return thread_table__remember_tid(&ledger->table, thread);
}

/* A count that shrank is damaged. */
static uint64_t grown(uint64_t now, uint64_t before)
{
	return now > before ? now - before : 0;
}

/* The kernel's account of it, since it was born or found. */
static void note_kernels_account(const struct ledger *ledger, struct ledger_thread *thread,
				 const struct convoy_ev_death *ev)
{
	thread->tid = ev->tid;
	thread->pid = ev->pid;
	memcpy(thread->comm, ev->comm, sizeof(thread->comm));
	thread->kernel_voluntary = grown(ev->nvcsw, thread->base.voluntary);
	thread->kernel_involuntary = grown(ev->nivcsw, thread->base.involuntary);
	thread->runtime_ns = grown(ev->runtime_ns, thread->base.runtime_ns);
	thread->run_delay_ns = grown(ev->run_delay_ns, thread->base.run_delay_ns);
	thread->yields = ledger->options.window ? 0 : ev->yields;
	thread->accounted = true;
}

/* The last switch. Before the thread takes the numbers that it died with. */
static void count_last_switch(struct ledger_thread *thread, uint16_t flags)
{
	if (!(flags & CONVOY_F_VOLUNTARY)) {
		thread->involuntary++;
		return;
	}
	thread->voluntary++;
	/* A process's first thread is reaped by another one that executes and takes its number. */
	if (flags & CONVOY_F_ZOMBIE)
		thread->rusage_voluntary++;
	else
		thread->rusage_unsure = flags & CONVOY_F_REAPING ||
					(thread->tid && thread->tid == thread->pid);
}

int ledger__death(struct ledger *ledger, struct ledger_thread *thread,
		  const struct convoy_ev_death *ev)
{
	int err = 0;

	ledger__assume_born(ledger, thread, ev->hdr.time_ns);
	if (thread->outside)
		return 0;
	if (thread->dead)
		return -EBADMSG;
	if (ledger->options.window && ev->hdr.time_ns <= ledger->options.start_ns) {
		ledger__set_outside(thread);
		return 0;
	}
	if (thread->cpu < 0)
		thread->cpu = ev->cpu_out;
	if (!thread->closed)
		err = ledger__book_running(ledger, thread, ev->hdr.time_ns);
	if (err)
		return err;
	if (thread->closed || ev->hdr.time_ns > ledger->end_ns) {
		note_kernels_account(ledger, thread, ev);
		ledger__close_at_end(ledger, thread);
		return 0;
	}
	count_last_switch(thread, ev->hdr.flags);
	note_kernels_account(ledger, thread, ev);
	thread->dead = true;
	thread->end_ns = ev->hdr.time_ns;
	/* Found off the CPU, it must have come back on it unseen; or its finder says so. */
	if ((thread->found_off && !thread->had_interval) || (ev->hdr.flags & CONVOY_F_RECOVERED))
		thread->auditable = false;
	if (ev->hdr.time_ns > ledger->last_death_ns)
		ledger->last_death_ns = ev->hdr.time_ns;
	return holders__ended(ledger->holders, ledger__index(ledger, thread), ev->hdr.time_ns);
}

int ledger__alive(const struct ledger *ledger, struct ledger_thread *thread,
		  const struct convoy_ev_death *ev)
{
	thread->alive = true;
	if (thread->seen && !thread->dead)
		note_kernels_account(ledger, thread, ev);
	return 0;
}
