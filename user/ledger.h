/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * ledger.h - where every nanosecond of every thread went.
 *
 * Fed with the events of one round or recording, in time order; splits each
 * thread's life into accounts with nothing left over and nothing counted twice.
 * Pure: no clock, no kernel, no files. Times are nanoseconds of the events' clock.
 *
 * A thread may have been there before (EV_SEEN) and go on after the end: what it
 * does then is booked from start_ns on and up to the end, cut where they fall.
 */
#ifndef CONVOY_LEDGER_H
#define CONVOY_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "account.h"
#include "bpf/events.h"
#include "locks.h"
#include "syscalls.h"
#include "words.h"

struct ledger;

/* One thread's account. */
struct ledger_thread {
	uint32_t id, parent;	/* the probes' numbers; parent 0: a root, or unknown */
	uint32_t tid, pid;	/* as the initial PID namespace sees it */
	uint32_t ns_tid, ns_pid;	/* as the thread itself sees it */
	char comm[CONVOY_COMM_LEN];
	bool seen;		/* any event at all; false: no thread of this ledger, skip it */
	bool root;		/* first thread of the command */
	bool dead;
	bool since_before;	/* was there before the first event of it */
	bool waited_before;	/* its first wait was under way before the start */
	bool unfinished;	/* its last wait was still open at the end */
	bool auditable;		/* its records are all there, and should be what the kernel counts */
	uint64_t start_ns, end_ns;	/* its life within the round */
	uint64_t time_ns[ACCOUNT_COUNT];
	uint64_t voluntary, involuntary;	/* switches, by the records; all of them */
	/* The same as getrusage(2) will count them. */
	uint64_t rusage_voluntary, rusage_involuntary;
	bool rusage_unsure;	/* one voluntary more: the last switch raced with the parent's wait */
	/*
	 * By the kernel, since its fork or since it was found: up to its death; the times
	 * also up to when it was found alive. In a window runtime_ns is what was booked.
	 */
	uint64_t kernel_voluntary, kernel_involuntary;
	uint64_t runtime_ns, run_delay_ns;
	uint64_t migrations, yields;
	uint64_t gil_wait_ns;	/* of the time for locks; known when all is finished */
	uint64_t
		other_waits; /* how often it was blocked, not for a lock, nor stopped or in a fault */
	uint64_t disordered;	/* records that overlap earlier ones */
	/* Where it stands between two records. */
	uint64_t last_in_ns;
	int cpu;
	struct convoy_ev_wait open;	/* from CONVOY_EV_OPEN; type 0: none */
	bool outside;		/* its whole life: none of this ledger's business */
	bool closed;		/* it went past the end: nothing more is booked */
	bool alive;		/* it was found alive at the end */
	bool accounted;		/* the kernel's account of it was told */
	bool found_off;		/* off the CPU when it was found (EV_SEEN) */
	bool had_interval;	/* any interval was fed, but for EV_OPEN */
	struct {		/* the kernel's counts when it was found */
		bool known;
		uint64_t voluntary, involuntary, runtime_ns, run_delay_ns;
	} base;
	uint64_t held_word;	/* from CONVOY_EV_HOLDER: what it waited on, and */
	uint32_t held_by;	/* who held that */
};

struct ledger_options {
	uint64_t start_ns;	/* the release of the cork: nothing before it is booked */
	uint32_t first_id;	/* threads with ids up to this one belong to others */
	/*
	 * A part of a recording: switches before start_ns are not counted, threads that
	 * died before it do not exist, and what the kernel or the probes counted over a
	 * thread's whole life (switches, futex calls, yields) is left out.
	 */
	bool window;
	const struct lock_table *published;	/* may be NULL; must outlive the ledger */
	const struct words *words;	/* may be NULL; must outlive the ledger */
	const struct syscalls *syscalls;	/* NULL: native; must outlive the ledger */
};

/* Returns 0 or -ENOMEM; ledger__free() ends it (NULL is fine). */
int ledger__new(struct ledger **ledger, const struct ledger_options *options);
void ledger__free(struct ledger *ledger);

/*
 * Nothing after `end_ns` is booked from now on: events that come later still tell what
 * was going on then. No event of after `end_ns` may have been fed before; ledger__finish()
 * is needed all the same.
 */
void ledger__end_at(struct ledger *ledger, uint64_t end_ns);

/* Book one event. Returns 0, -ENOMEM, or -EBADMSG for an event that cannot be. */
int ledger__feed(struct ledger *ledger, const struct convoy_ev_hdr *ev);

/* Close what is still open at `end_ns` (or at ledger__end_at()'s). Returns 0 or -ENOMEM. */
int ledger__finish(struct ledger *ledger, uint64_t end_ns);

/*
 * The recording broke off: nothing is known of a thread after its last record, so that
 * is where its life ends here, unless how it stood at ledger__end_at()'s time was still
 * told. Instead of ledger__finish(). Returns 0 or -ENOMEM.
 */
int ledger__finish_cut(struct ledger *ledger);

/* Threads in the order of their birth; valid until the next call that feeds. */
size_t ledger__n_threads(const struct ledger *ledger);
const struct ledger_thread *ledger__thread(const struct ledger *ledger, size_t at);

/* The latest thread that has this TID in this process, by its own numbers; or NULL. */
const struct ledger_thread *ledger__find(const struct ledger *ledger, uint32_t ns_pid,
					 uint32_t ns_tid);

/* Time that traced threads ran on this CPU; 0 for a CPU that nobody used. */
uint64_t ledger__cpu_busy_ns(const struct ledger *ledger, unsigned cpu);
unsigned ledger__n_cpus(const struct ledger *ledger);	/* 1 + highest CPU seen */

/* End of the last thread that died; 0 when none did. */
uint64_t ledger__last_death_ns(const struct ledger *ledger);

/*
 * Switches that the kernel counted for threads that died, and no record shows;
 * and records that contradict earlier ones.
 */
uint64_t ledger__unmatched(const struct ledger *ledger);
/* The part of these that is missing even if the recording broke off. */
uint64_t ledger__unmatched_of_cut(const struct ledger *ledger);

/* Threads whose death was not seen, and of which nothing tells at the end: lost. */
size_t ledger__n_vanished(const struct ledger *ledger);

struct locks *ledger__locks(struct ledger *ledger);

/* Lifetime minus all accounts: 0 unless events are missing or overlap. */
int64_t ledger_thread__residual_ns(const struct ledger_thread *thread);
uint64_t ledger_thread__lifetime_ns(const struct ledger_thread *thread);

/* Are the kernel's counts known, and do the records equal them? */
bool ledger_thread__audited(const struct ledger_thread *thread);
bool ledger_thread__audit_equal(const struct ledger_thread *thread);

#endif /* CONVOY_LEDGER_H */
