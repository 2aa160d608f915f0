/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * output.h - the results of a run as JSON, schema "convoy.work/1".
 *
 * Times are integer CLOCK_MONOTONIC nanoseconds, durations nanoseconds.
 * Workers are numbered from 1, as in the threads' names. work and yield_every
 * are null when the job takes none or none was asked for, cpus when the run is
 * not pinned; a task that did not finish has null for its result, and for its
 * times as far as it did not get to them.
 *
 * In threads, lock is the worker's account of its GIL (gil.h), job_lock that of
 * the job's own locks (run.h); all is 0 where there are none.
 * In params, seed is null unless the job is seeded, inside and outside are null
 * unless it has work with a lock held.
 *
 * metrics are numbers of the whole run; which, depends on the job, and one that
 * cannot be known is left out:
 *
 *	counter	increments, increments_per_s (real), locks_recovered: acquired
 *		from a worker that died with the lock
 *	mixed	requests, requests_per_s (real), latency_p50_ns, latency_p99_ns,
 *		latency_max_ns: from sending a request to having its answer, by
 *		the client's clock; requests_beside_computing: those of which
 *		every moment was beside some computing
 *	queue	messages, messages_per_s (real): questions put, by the producer's
 *		clock
 *	pages	pages: touched, pages_per_s (real)
 */
#ifndef CONVOY_OUTPUT_H
#define CONVOY_OUTPUT_H

#include <stdio.h>

#include "workloads/run.h"

/* Returns 0, -ENOMEM, or -EIO (errno says why) if the stream did not take all. */
int output__json(const struct run_shared *shared, FILE *stream);

#endif /* CONVOY_OUTPUT_H */
