/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * events.h - what the kernel side writes and the tool reads.
 *
 * The only header that bpf/ and user/ share. Every struct here has fixed-width
 * members, explicit padding and asserted sizes, because two compilers and two
 * address sizes must agree on it.
 *
 * Times are nanoseconds of CLOCK_MONOTONIC (bpf_ktime_get_ns()). A thread is
 * named by `id`, a number that the probes give out once and never reuse, since
 * a TID can be taken again before its last owner has left the CPU for good
 * (release_task() precedes the TASK_DEAD switch of a self-reaped thread).
 */
#ifndef CONVOY_EVENTS_H
#define CONVOY_EVENTS_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

#define CONVOY_COMM_LEN 16

enum convoy_event_type {
	CONVOY_EV_NONE = 0,
	CONVOY_EV_RUNNABLE = 1, /* struct convoy_ev_runnable: off the CPU, never blocked */
	CONVOY_EV_WAIT = 2,	/* struct convoy_ev_wait: off the CPU, blocked for a reason */
	CONVOY_EV_BIRTH = 3,	/* struct convoy_ev_birth: a thread's first time on a CPU */
	CONVOY_EV_DEATH = 4,	/* struct convoy_ev_death: a thread's last switch */
	CONVOY_EV_FUTEX = 5,	/* struct convoy_ev_futex: a thread's futex calls on one word */
	CONVOY_EV_OPEN = 6,	/* struct convoy_ev_wait: off the CPU, as far as is known: at the
				 * end of tracing, or when a thread that has exited is not gone */
	CONVOY_EV_SEEN = 7,	/* struct convoy_ev_seen: a thread that was there before tracing */
	CONVOY_EV_ALIVE = 8, /* struct convoy_ev_death: a thread still there when tracing ended */
	CONVOY_EV_HOLDER =
		9, /* struct convoy_ev_holder: who held what a thread already waited for */
	CONVOY_EV_STACK = 10, /* struct convoy_ev_stack: where a word was first waited on; never
				 * recorded, since it may hold anything */
};

/* Flags; struct convoy_ev_hdr.flags */
#define CONVOY_F_VOLUNTARY	0x0001	/* prev->nvcsw grew, else prev->nivcsw did */
#define CONVOY_F_SYSCALL	0x0002	/* `nr` is a system call; otherwise a fault or interrupt */
#define CONVOY_F_FUTEX		0x0004	/* word, op and val are valid */
#define CONVOY_F_RELEASED	0x0008	/* the waker stood in a futex wake on this very word */
#define CONVOY_F_IOWAIT		0x0010	/* prev->in_iowait: waiting for a disk */
#define CONVOY_F_KLOCK		0x0020	/* inside contention_begin/end; word = kernel lock */
#define CONVOY_F_MMAP_LOCK	0x0040	/* that lock is the thread's own mm->mmap_lock */
#define CONVOY_F_STOPPED	0x0080	/* __TASK_STOPPED or __TASK_TRACED */
#define CONVOY_F_RESTARTED	0x0100	/* restart_syscall: this thread's previous call again */
#define CONVOY_F_HOLDER		0x0200	/* `holder` was read at block time */
#define CONVOY_F_ZOMBIE		0x0400	/* death: the last switch counts in rusage */
#define CONVOY_F_REAPING	0x8000	/* death: it may count, it is being reaped right now */
#define CONVOY_F_REAPED		0x8000	/* interval: its thread's counters were added up before */
#define CONVOY_F_ROOT		0x0800	/* birth: first thread of a launched command */
#define CONVOY_F_SINCE_BEFORE \
	0x1000 /* interval: it began before tracing did, at an unknown time;
					 * its switch-out is not among those counted since then */
#define CONVOY_F_RECOVERED	0x4000	/* waking or arrival were not traced: the scheduler's notes */
#define CONVOY_F_COMPAT		0x2000	/* a 32-bit system call: `nr` is not this architecture's */

/* `nr` of a thread of the kernel's own, which has no user registers. */
#define CONVOY_NR_KERNEL_THREAD	(-2)

/* `waker` and `next`: an id, or a TID outside the traced threads, or nothing. */
#define CONVOY_FOREIGN		0x80000000u	/* the rest is a TID of an untraced thread */

struct convoy_ev_hdr {
	__u16 type;		/* enum convoy_event_type */
	__u16 flags;		/* CONVOY_F_* */
	__u32 id;		/* which thread */
	__u64 time_ns;		/* when it happened. Within a ring it never decreases, but for
				 * CONVOY_F_RECOVERED, which is found out about later;
				 * one thread's records are always in their order. */
};

/* A thread back on a CPU after it was taken off while it wanted to run. */
struct convoy_ev_runnable {
	struct convoy_ev_hdr hdr;	/* time_ns: on the CPU again */
	__u64 out_ns;
	__u32 next;			/* who ran instead */
	__u16 cpu_out;
	__u16 cpu_in;
};

/* A thread back on a CPU after it blocked. */
struct convoy_ev_wait {
	struct convoy_ev_hdr hdr;	/* time_ns: on the CPU again (EV_OPEN: unused) */
	__u64 out_ns;
	__u64 waking_ns;		/* last wake-up since the previous run; 0 if none.
					 * It may precede out_ns: the wait never slept. */
	__u64 word;			/* futex: user address; klock: kernel address */
	__u32 next;			/* who ran instead */
	__u16 cpu_out;
	__u16 cpu_in;
	__u32 waker;
	__u32 holder;			/* TID in the holder's namespace, as user space wrote it */
	__s16 nr;			/* system call number, -1 outside one */
	__u16 op;			/* futex: the operation, with its flags */
	__u32 val;			/* futex: the expected value */
};

struct convoy_ev_birth {
	struct convoy_ev_hdr hdr;	/* time_ns: on a CPU for the first time */
	__u64 born_ns;			/* task_newtask */
	__u32 parent;			/* id of the creating thread, 0 for a root */
	__u32 tid, pid;			/* as the initial PID namespace sees it */
	__u32 ns_tid, ns_pid;		/* as the thread itself sees it */
	__u16 cpu_in;
	__u16 pad;
	char comm[CONVOY_COMM_LEN];
};

struct convoy_ev_death {
	struct convoy_ev_hdr hdr;	/* time_ns: the TASK_DEAD switch */
	__u64 nvcsw, nivcsw;		/* the kernel's own counts, this switch included */
	__u64 runtime_ns;		/* se.sum_exec_runtime */
	__u64 run_delay_ns;		/* sched_info.run_delay */
	__u32 tid, pid;			/* final ones: exec by a non-leader changes the TID */
	__u32 yields;			/* sched_yield switches */
	__u16 cpu_out;
	__u16 pad;
	char comm[CONVOY_COMM_LEN];	/* the final name */
};

/*
 * A thread that was there when tracing began, as user space's iterator found it.
 * What it does right then comes later, as the first record of its own: an interval
 * with CONVOY_F_SINCE_BEFORE, or a run that began before, too.
 */
struct convoy_ev_seen {
	struct convoy_ev_hdr hdr;	/* time_ns: when it was found */
	__u64 started_ns;		/* its birth, CLOCK_MONOTONIC */
	__u64 nvcsw, nivcsw;		/* the kernel's counts then */
	__u64 runtime_ns;		/* se.sum_exec_runtime then */
	__u64 run_delay_ns;		/* sched_info.run_delay then */
	__u32 tid, pid;			/* as the initial PID namespace sees it */
	__u32 ns_tid, ns_pid;		/* as the thread itself sees it */
	__u16 cpu;
	__u16 state;			/* enum convoy_seen_state */
	__u32 pad;
	char comm[CONVOY_COMM_LEN];
};

enum convoy_seen_state {
	CONVOY_SEEN_RUNNING = 1,	/* on a CPU */
	CONVOY_SEEN_RUNNABLE = 2,	/* waiting for one */
	CONVOY_SEEN_BLOCKED = 3,
};

/* What user space read for a thread that was blocked on a futex when it was found. */
struct convoy_ev_holder {
	struct convoy_ev_hdr hdr;	/* id: the waiter */
	__u64 word;			/* that it waits on */
	__u32 holder;			/* TID in the holder's namespace, as user space wrote it */
	__u32 pad;
};

/*
 * A thread blocks on a futex word that its process was not seen to wait on before: where it
 * stands. The recorder makes a name of it (names.h) and throws it away. Bytes behind `size`
 * mean nothing. Of one that was blocked already when it was found, the probes give the
 * registers, and the recorder reads the bytes; its word comes once more if it is waited on
 * again, then with bytes that are of that very moment.
 */
#define CONVOY_STACK_BYTES 1024
#define CONVOY_STACK_SAVED 12

struct convoy_ev_stack {
	struct convoy_ev_hdr hdr;	/* time_ns: when it blocked */
	__u64 word;
	__u64 pc, sp;			/* its user registers */
	/* Those that a function keeps: x86-64 rbx rbp r12-r15; arm64 x19-x30. Others: 0. */
	__u64 saved[CONVOY_STACK_SAVED];
	__u32 pid;			/* as the initial PID namespace sees it */
	__u32 op;			/* of the futex call */
	__u32 val;
	__u32 size;			/* bytes of the stack, from sp upwards, that could be read */
	__u8 bytes[CONVOY_STACK_BYTES];
};

/* Futex calls by one thread on one word; word 0 sums what had no slot left. */
struct convoy_ev_futex {
	struct convoy_ev_hdr hdr;
	__u64 word;
	__u32 waits;			/* calls of a waiting operation */
	__u32 eagain;			/* the word had changed: a lost race, not a wait */
	__u32 timeouts;
	__u32 interrupted;		/* EINTR or a restart */
	__u32 wakes;			/* calls of a waking operation */
	__u32 wakes_nobody;		/* of these, returned 0 */
};

/* One ring per CPU: written only by sched_switch, with interrupts off. */
struct convoy_ring {
	__u64 head;			/* bytes ever written; producer only */
	__u64 dropped;			/* records that found no room; producer only */
	__u64 pad0[6];
	__u64 tail;			/* bytes ever read; consumer only */
	__u64 pad1[7];
	__u8 data[];			/* ring_size bytes, then CONVOY_RING_SLACK */
};

/*
 * A record may begin on the ring's last 8 bytes: it then runs on into the slack, which has
 * room for the longest.
 */
#define CONVOY_RING_SLACK 1280

/* Whom to trace besides what the launcher forks. */
enum convoy_targets {
	CONVOY_TARGETS_NONE,
	CONVOY_TARGETS_PIDS,		/* all threads of `wanted`, and what they start */
	CONVOY_TARGETS_THREADS,		/* just the threads of `wanted` */
	CONVOY_TARGETS_CGROUP,		/* whatever is or comes below that cgroup (v2) */
	CONVOY_TARGETS_ALL,		/* the machine, but for the tool */
};

#define CONVOY_MAX_WANTED 128

/* Set by the tool before loading. */
struct convoy_config {
	__u64 ring_mask;		/* ring_size - 1, a power of two */
	__u64 cgroup_id;
	__u32 cgroup_level;		/* its depth below the root */
	__u32 targets;			/* enum convoy_targets */
	__u32 n_wanted;
	__u32 wanted[CONVOY_MAX_WANTED];	/* PIDs or TIDs, as the tool's namespace has them */
	__u32 pad;
};

/* Ways to lose an event or a reading, each with its own counter. */
struct convoy_counters {
	__u64 task_state;		/* no task storage for a new thread */
	__u64 reads;			/* a holder's word could not be read */
	__u64 unmatched;		/* switches the kernel counted and no probe saw */
	__u64 recovered;		/* wakings and arrivals that were not traced (no loss) */
	__u64 born;			/* threads traced so far; also the last id given out */
	__u64 dead;			/* of these, gone */
	__u64 joined;			/* processes that were moved into the cgroup */
	__u64 clock_offset;		/* our clock minus the runqueues', when the launcher compared */
	__u64 stacks;			/* times that a stack found no room (no loss: the next wait
					 * on that word tries again) */
};

/*
 * A lock whose waiters sleep each on a condition variable of its own, which the same thread
 * waits on for other things, too (Ruby's GVL): of which wait it is one, only the mutex tells
 * that pthread_cond_wait() was given. Such a wait is recorded as one for the word `lock`, which
 * nobody waits on.
 * Written by the recorder, which finds the lock in the process's memory (guards.h); `pid` last,
 * so that a probe sees all of an entry or none.
 */
struct convoy_guard {
	__u32 pid;			/* as the initial PID namespace sees it; 0: none */
	__u32 size;			/* bytes from `lock` whose words are the lock's own */
	__u64 lock;
	__u64 mutex;
	/*
	 * Where such a wait can be for nothing, too, until another thread queues the waiter:
	 * that thread is named this far before the condition variable, and its node in the
	 * queue is there in it; a node that points to itself is in no queue. 0: no need to look.
	 */
	__u16 thread_before, node_at;
	/*
	 * Who holds the lock is what `lock` points to. Its TID is this far from there; or, if
	 * tid_by is not 0, from where the pointer leads to that is so far from there. 0: unknown.
	 */
	__u16 tid_by, tid_at;
};

#define CONVOY_GUARDS 1024		/* by PID, a power of two */

enum convoy_newness {
	CONVOY_NEWBORN = 1,		/* forked, has not run yet */
	CONVOY_JOINED = 2,		/* an older thread that came to be traced at born_ns */
};

#define CONVOY_FUTEX_SLOTS 8
#define CONVOY_KNOWN_WORDS 8		/* a power of two */

struct convoy_futex_slot {
	__u64 word;
	__u32 waits, eagain, timeouts, interrupted, wakes, wakes_nobody;
};

/* What the probes remember of a thread between two switches (task storage). */
struct convoy_thread {
	__u32 id;			/* 0: not traced itself */
	__u16 launcher;			/* set by the tool: children of this thread are roots */
	__u8 ignored;			/* set by the tool, on its own threads: never traced */
	__u8 alone;			/* what it creates is not traced */
	__u64 nvcsw, nivcsw;		/* at the last switch-out */
	__u64 in_ns;			/* on a CPU, the last time */
	__u64 clock_offset;		/* our clock minus the runqueues', when last compared */
	__u64 run_delay;		/* the scheduler's account at the last switch-out */
	__u64 out_ns;
	__u64 waking_ns;
	__u64 waker_word;		/* word of the waker's futex wake, 0 if none */
	__u32 waker;
	__u32 next;
	__u64 word;			/* of the last futex call seen at a switch, or the lock that
					 * it is waited on for (struct convoy_guard) */
	__u64 slept_on;			/* that call's own word */
	__u64 known[CONVOY_KNOWN_WORDS];	/* words that its stack is known for; words.bpf.h */
	__u32 op, val;
	__s32 nr;			/* last system call seen at a switch */
	__u32 holder;
	__u32 parent;
	__u16 flags;
	__u16 cpu_out;
	__u64 klock;			/* kernel lock it contends for, 0 if none */
	__u64 born_ns;
	__u32 yields;
	__u8 is_new;			/* no record of it yet; enum convoy_newness */
	__u8 is_off;			/* between a switch-out and its switch-in */
	__u8 blocked;			/* that switch-out was a wait */
	__u8 found;			/* by the iterator, and no record since: a guess */
	__u32 found_id;			/* its id, while the iterator is not through with it */
	__u32 claimed;			/* 1: by the program that makes it a traced thread */
	__u32 gone;			/* 1: by who writes its death */
	__u32 ns_tid, ns_pid;		/* its own numbers, until there is a record of it */
	__u32 pad;
	struct convoy_futex_slot futex[CONVOY_FUTEX_SLOTS + 1];	/* last: no slot left */
};

_Static_assert(sizeof(struct convoy_ev_hdr) == 16, "hdr");
_Static_assert(sizeof(struct convoy_ev_runnable) == 32, "runnable");
_Static_assert(sizeof(struct convoy_ev_wait) == 64, "wait");
_Static_assert(sizeof(struct convoy_ev_birth) == 64, "birth");
_Static_assert(sizeof(struct convoy_ev_death) == 80, "death");
_Static_assert(sizeof(struct convoy_ev_futex) == 48, "futex");
_Static_assert(sizeof(struct convoy_ev_seen) == 96, "seen");
_Static_assert(sizeof(struct convoy_ev_holder) == 32, "holder");
_Static_assert(sizeof(struct convoy_ev_stack) == 16 + 15 * 8 + 16 + CONVOY_STACK_BYTES, "stack");
_Static_assert(sizeof(struct convoy_guard) == 32, "guard");
_Static_assert(sizeof(struct convoy_ring) == 128, "ring");
_Static_assert(sizeof(struct convoy_ev_stack) <= CONVOY_RING_SLACK + 8, "slack");

#endif /* CONVOY_EVENTS_H */
