/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * gil.h - the global interpreter lock, in three styles behind one interface.
 *
 *   none   no lock: threads run freely (every call is counted as nothing)
 *   ticks  Python 2: one semaphore, released and retaken at each checkpoint
 *   timed  CPython >= 3.2: a flag, a mutex and a condition variable; a waiter
 *          that has waited an interval requests a drop; the holder obeys at
 *          its next checkpoint and waits until another thread took the lock
 *
 * Every worker keeps its own account of the lock, from its own clock reads,
 * independent of any tracer. An attempt that succeeds at once reads no clock.
 * All functions return 0 or a negative errno.
 */
#ifndef CONVOY_GIL_H
#define CONVOY_GIL_H

#include <stdint.h>

enum gil_style {
	GIL_NONE,
	GIL_TICKS,
	GIL_TIMED,
	GIL_STYLE_COUNT,
};

/*
 * One thread's account; it is also the thread's identity for the lock. Only
 * its thread writes it, others may read it when the thread has ended. Times
 * are nanoseconds. wait_ns is all the time in which the thread may have slept
 * for the GIL: in take, in the acknowledgement of a forced switch and on a
 * contended mutex of the GIL itself; the parts below are included in it.
 */
struct gil_account {
	uint64_t acquires;  /* times the GIL was taken */
	uint64_t contended; /* of these, not at the first attempt */
	uint64_t wait_ns;
	uint64_t max_wait_ns;	/* the longest single wait of any sort */
	uint64_t ack_waits;	/* a dropper waited until another thread took it */
	uint64_t ack_wait_ns;	/* in wait_ns */
	uint64_t guard_waits;	/* drops that found the GIL's mutex locked */
	uint64_t guard_wait_ns; /* in wait_ns */
	uint64_t signal_ns;	/* NOT in wait_ns: calls that wake waiters, preemption included */
	uint64_t drops;		/* times the GIL was released, the last one included */
	uint64_t switches;	/* takes after which the holder was another than before */
};

struct gil_config {
	enum gil_style style;
	uint64_t switch_interval_ns; /* timed: at least 1 */
};

struct gil;
struct publisher;

/* Returns -EINVAL for an impossible configuration, -ENOMEM, or libc's reason. */
int gil__create(struct gil **out, const struct gil_config *config);

/* Nobody may hold it or wait for it any more. NULL is fine. */
void gil__destroy(struct gil *gil);

/* Publish its parts, as this process sees them, under one name. */
int gil__publish(const struct gil *gil, struct publisher *publisher);

/* Take it, waiting for it if need be. The thread must not hold it. */
int gil__take(struct gil *gil, struct gil_account *me);

/* Release it; the thread will be back, so a forced switch is acknowledged. */
int gil__drop(struct gil *gil, struct gil_account *me);

/* Release it for good. */
int gil__leave(struct gil *gil, struct gil_account *me);

/* The holder has executed its instructions: hand over if the style says so. */
int gil__checkpoint(struct gil *gil, struct gil_account *me);

#endif /* CONVOY_GIL_H */
