/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * clock.h - the one clock of the workloads: CLOCK_MONOTONIC, in nanoseconds.
 *
 * It is the clock of bpf_ktime_get_ns(), so a tracer's times and these can be
 * laid side by side.
 */
#ifndef CONVOY_CLOCK_H
#define CONVOY_CLOCK_H

#include <stdint.h>
#include <time.h>

#define NSEC_PER_SEC 1000000000ull
#define NSEC_PER_MSEC 1000000ull

/* Never fails: the clock exists on every Linux and the pointer is good. */
static inline uint64_t clock__now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NSEC_PER_SEC + (uint64_t)now.tv_nsec;
}

static inline struct timespec clock__timespec(uint64_t ns)
{
	struct timespec spec = {
		.tv_sec = (time_t)(ns / NSEC_PER_SEC),
		.tv_nsec = (long)(ns % NSEC_PER_SEC),
	};

	return spec;
}

#endif /* CONVOY_CLOCK_H */
