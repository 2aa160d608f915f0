/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * ledger_audit.c - what the accounts add up to, against what the kernel counted.
 */
#include "ledger.h"

uint64_t ledger_thread__lifetime_ns(const struct ledger_thread *thread)
{
	return thread->end_ns > thread->start_ns ? thread->end_ns - thread->start_ns : 0;
}

int64_t ledger_thread__residual_ns(const struct ledger_thread *thread)
{
	/* Unsigned, since times that are damaged can be anything. */
	uint64_t residual = ledger_thread__lifetime_ns(thread);

	for (int i = 0; i < ACCOUNT_COUNT; i++)
		residual -= thread->time_ns[i];
	return (int64_t)residual;
}

bool ledger_thread__audited(const struct ledger_thread *thread)
{
	return thread->dead && thread->auditable;
}

bool ledger_thread__audit_equal(const struct ledger_thread *thread)
{
	return thread->voluntary == thread->kernel_voluntary &&
	       thread->involuntary == thread->kernel_involuntary;
}

static uint64_t unmatched_of(const struct ledger_thread *thread)
{
	uint64_t kernel = thread->kernel_voluntary + thread->kernel_involuntary;
	uint64_t records = thread->voluntary + thread->involuntary;
	uint64_t unmatched = thread->disordered;

	if (thread->seen && ledger_thread__audited(thread))
		unmatched += kernel > records ? kernel - records : records - kernel;
	return unmatched;
}

uint64_t ledger__unmatched(const struct ledger *ledger)
{
	uint64_t unmatched = ledger__unmatched_of_cut(ledger);

	for (size_t i = 0; i < ledger__n_threads(ledger); i++) {
		const struct ledger_thread *thread = ledger__thread(ledger, i);

		unmatched += !thread->seen && !thread->outside && !thread->alive;
	}
	return unmatched;
}

uint64_t ledger__unmatched_of_cut(const struct ledger *ledger)
{
	uint64_t unmatched = 0;

	for (size_t i = 0; i < ledger__n_threads(ledger); i++)
		unmatched += unmatched_of(ledger__thread(ledger, i));
	return unmatched;
}

size_t ledger__n_vanished(const struct ledger *ledger)
{
	size_t vanished = 0;

	for (size_t i = 0; i < ledger__n_threads(ledger); i++) {
		const struct ledger_thread *thread = ledger__thread(ledger, i);

		vanished += thread->seen && !thread->dead && !thread->closed && !thread->alive &&
			    thread->open.hdr.type != CONVOY_EV_OPEN;
	}
	return vanished;
}
