/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * stretches.h - waiting for one holder, of which it is not known yet what he did meanwhile. Pure.
 *
 * Few are kept apart: what is alike or goes on is one, and of more than PENDING_EXACT
 * (holders.h) the older ones are taken together in pairs of the same `split`. No nanosecond is
 * lost.
 */
#ifndef CONVOY_STRETCHES_H
#define CONVOY_STRETCHES_H

#include <stdint.h>

/* Waiting of this many ns, spread evenly over [from, to), of which nothing is split yet. */
struct stretch {
	uint64_t from, to, ns;
	uint64_t *split;
};

#define STRETCHES_NEVER UINT64_MAX

/* All zero but for `due`, to begin with. */
struct stretches {
	struct stretch *list;	/* in any order */
	uint64_t due;		/* none ends before; STRETCHES_NEVER: there is none */
	uint32_t n, room;
};

/* Copies. Returns 0 or -ENOMEM. */
int stretches__add(struct stretches *stretches, const struct stretch *stretch);
void stretches__drop(struct stretches *stretches);	/* all of them, and the memory */

/* Take what lies before a time out of a stretch. Returns its ns. */
uint64_t stretch__cut(struct stretch *stretch, uint64_t when);

#endif /* CONVOY_STRETCHES_H */
