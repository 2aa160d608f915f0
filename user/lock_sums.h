/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * lock_sums.h - the locks of several rounds of one mode, added up by name. Pure.
 *
 * Addresses and TIDs differ from round to round; what stays is a lock's name and
 * kind (and what it is, if processes share it), and its holders' thread names.
 */
#ifndef CONVOY_LOCK_SUMS_H
#define CONVOY_LOCK_SUMS_H

#include "ledger.h"
#include "report.h"

struct lock_sums;

int lock_sums__new(struct lock_sums **sums);
void lock_sums__free(struct lock_sums *sums);

/*
 * Add the locks of a finished ledger, which is one round. The holders of one round are
 * threads, even where several have one name; of more rounds, names. Returns 0 or -ENOMEM.
 */
int lock_sums__add(struct lock_sums *sums, struct ledger *ledger);

/*
 * Fill mode->locks and mode->lock_wait; most waited-for first, contended locks
 * before queues and joins. Returns 0 or -ENOMEM.
 */
int lock_sums__fill(const struct lock_sums *sums, bool futex_exits, struct report_mode *mode);

/*
 * How long a lock was held on average: between so many handoffs, one less than there were,
 * this time went by. Not known where most takes needed no handoff, by the futex calls, or
 * where nobody waited for it (waited_ns, of all) for a good part of that time.
 */
struct maybe lock_sums__mean_hold(uint64_t held_ns, uint64_t steps, uint64_t calls,
				  uint64_t handoffs, uint64_t waited_ns);

#endif /* CONVOY_LOCK_SUMS_H */
