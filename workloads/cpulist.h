/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * cpulist.h - lists of CPUs as the kernel and taskset write them: "0,2-3".
 */
#ifndef CONVOY_CPULIST_H
#define CONVOY_CPULIST_H

#include <sched.h>
#include <stddef.h>

/* Room for any set of CPU_SETSIZE CPUs, with its NUL. */
#define CPULIST_TEXT_MAX 4096

/*
 * Parse a list: decimal CPU numbers and ascending ranges, separated by single
 * commas; duplicates are harmless. Returns 0; -EINVAL if the text is not such
 * a list (empty, spaces, "3-1", trailing comma); -ERANGE if a CPU does not fit
 * a cpu_set_t. *out is written only on success.
 */
int cpulist__parse(const char *text, cpu_set_t *out);

/*
 * Write the shortest list of this set. Returns its length without the NUL, or
 * -ENOSPC if it does not fit.
 */
int cpulist__format(const cpu_set_t *set, char *text, size_t size);

/*
 * Bind the calling thread (and the threads and processes it starts) to this
 * set. Returns 0; -ENODEV if it contains a CPU that is not there, is offline
 * or not allowed here, then the affinity is as before; or another negative
 * errno. *missing, if given, is that CPU (-1 if unknown).
 */
int cpulist__apply(const cpu_set_t *set, int *missing);

#endif /* CONVOY_CPULIST_H */
