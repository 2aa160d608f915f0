/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * gil_style.h - what a style of GIL implements; for gil*.c only.
 *
 * A style embeds struct gil as its first member.
 */
#ifndef CONVOY_GIL_STYLE_H
#define CONVOY_GIL_STYLE_H

#include "workloads/clock.h"
#include "workloads/gil.h"

/* The name of all parts of a GIL in the lock table. */
#define GIL_LOCK_NAME "GIL of convoy-work"

struct gil_ops {
	int (*create)(struct gil **out, const struct gil_config *config);
	void (*destroy)(struct gil *gil);
	int (*publish)(const struct gil *gil, struct publisher *publisher);
	int (*take)(struct gil *gil, struct gil_account *me);
	int (*drop)(struct gil *gil, struct gil_account *me, int for_good);
	int (*checkpoint)(struct gil *gil, struct gil_account *me);
};

struct gil {
	const struct gil_ops *ops;
};

extern const struct gil_ops gil_none_ops;
extern const struct gil_ops gil_ticks_ops;
extern const struct gil_ops gil_timed_ops;

/* Add a wait that began at since and ends now; returns its length in ns. */
static inline uint64_t gil__count_wait(struct gil_account *me, uint64_t since)
{
	uint64_t waited = clock__now() - since;

	me->wait_ns += waited;
	if (waited > me->max_wait_ns)
		me->max_wait_ns = waited;
	return waited;
}

#endif /* CONVOY_GIL_STYLE_H */
