/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * session.h - the probes in the kernel: load, attach, arm, drain, detach.
 */
#ifndef CONVOY_SESSION_H
#define CONVOY_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/events.h"
#include "features.h"
#include "report.h"

struct session;

/* Threads to trace that are there already, or come to be where they are looked for. */
struct session_targets {
	enum convoy_targets kind;
	uint32_t wanted[CONVOY_MAX_WANTED];	/* PIDs or TIDs, as this process sees them */
	size_t n_wanted;
	uint64_t cgroup_id;
	uint32_t cgroup_level;
};

/* The system call tracepoints that FUTEX_ALL uses; a kernel may lack the later ones. */
#define SESSION_FUTEX_EXITS 3
extern const char *const session_futex_exits[SESSION_FUTEX_EXITS];

struct session_options {
	enum futex_probes futex;	/* FUTEX_BLOCKING or FUTEX_ALL */
	size_t ring_bytes;		/* a power of two, per CPU; 0: chosen by the CPUs */
	struct kernel_features features;
	bool verbose;			/* let libbpf speak */
	bool tasks;			/* session__find() and session__close() will be used */
	struct session_targets targets;
};

/* Smallest and largest ring: the upper bound is what 5.15 allows for one map value. */
#define SESSION_RING_MIN 4096u
#define SESSION_RING_MAX (2u << 20)

/*
 * Load and attach. Nothing is traced yet. Returns 0, or a negative errno after a
 * message. session__free() detaches and frees (NULL is fine).
 */
int session__new(struct session **session, const struct session_options *options);
void session__free(struct session *session);

/* With what a command ends when session__new() has failed so. */
int session__exit_code(int err);

/* Why dearer probes than usual are in use; "" when they are not. */
const char *session__note(const struct session *session);

/*
 * The calling process's threads are never traced. To be called by each process of the
 * tool's, on its main thread, while it may use bpf(2). Returns 0 or a negative errno.
 */
int session__ignore_self(struct session *session);

/*
 * Let the probes compare the clock of the events with the run queues', which tells
 * when threads arrived that were found on a CPU. Takes some milliseconds, on the main
 * thread. Returns 0 or a negative errno; without it, a few times are less exact.
 */
int session__compare_clocks(struct session *session);

/*
 * While armed, whatever the calling process's main thread forks is traced, with
 * all its descendants. Returns 0 or a negative errno.
 */
int session__arm(struct session *session);
int session__disarm(struct session *session);

typedef int (*session_event_fn)(void *ctx, const struct convoy_ev_hdr *ev);

/*
 * Find the targets' threads that are there and not yet traced, and trace them from now
 * on; *n is their number. `fn` gets a CONVOY_EV_SEEN of each, and for one that is
 * blocked a CONVOY_EV_OPEN after it (which is for the caller's eyes: it is not over,
 * and its record is still to come; `next` and `holder` are its PID and its own TID in the
 * caller's namespace), and if it waits for a futex, a CONVOY_EV_STACK without bytes after
 * that, once a word and process. Works without capabilities, SESSION_FINDS times.
 * Returns 0, -ENODATA when it was called too often, or a negative errno.
 */
#define SESSION_FINDS 8
#define SESSION_LATER_FINDS 120	/* more, of a cgroup: for what is moved into it */
int session__find(struct session *session, session_event_fn fn, void *ctx, size_t *n);

/*
 * The state of every traced thread that is there: CONVOY_EV_ALIVE, and what goes with
 * it (FUTEX, OPEN, BIRTH of those that never ran). Once (else -ENODATA); works without
 * capabilities.
 */
int session__close(struct session *session, session_event_fn fn, void *ctx);

/*
 * Hand over, merged by time, all events up to `limit_ns` (UINT64_MAX: all there
 * are). A negative return of `fn` stops and is returned. *fill, unless NULL, gets
 * how full the fullest ring was, 0..1.
 */
int session__drain(struct session *session, uint64_t limit_ns, session_event_fn fn, void *ctx,
		   double *fill);

/* The probes' own counters, as they are now. */
struct convoy_counters session__counters(const struct session *session);

/* CONVOY_GUARDS entries, to be filled in by guards.h, with no permission needed. */
struct convoy_guard *session__guards(const struct session *session);

/* Records that found no room, over all rings. */
uint64_t session__ring_dropped(const struct session *session);

#endif /* CONVOY_SESSION_H */
