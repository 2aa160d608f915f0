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
 *
 * metrics are numbers of the whole run:
 *
 *	none yet
 */
#ifndef CONVOY_OUTPUT_H
#define CONVOY_OUTPUT_H

#include <stdio.h>

#include "workloads/run.h"

/* Returns 0, -ENOMEM, or -EIO (errno says why) if the stream did not take all. */
int output__json(const struct run_shared *shared, FILE *stream);

#endif /* CONVOY_OUTPUT_H */
