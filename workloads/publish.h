/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * publish.h - tell the tracer, if there is one, which address is which lock.
 *
 * The table (lock_table.h) is a memfd whose number is in the environment. If
 * the variable is absent nobody asks, and publishing does nothing.
 */
#ifndef CONVOY_PUBLISH_H
#define CONVOY_PUBLISH_H

#include "workloads/lock_table.h"

struct publisher;

/*
 * Open the table named in the environment. Returns 0, with *out NULL if there
 * is none; or if the variable is set but no good: -EINVAL (not a number),
 * -EBADF (no such open file), -EPROTO (not a lock table of this layout) or
 * mmap()'s reason. A forked child may go on using its parent's publisher.
 */
int publish__open(struct publisher **out);

/* NULL is fine. */
void publish__close(struct publisher *publisher);

/*
 * Append one range of addresses of the calling process. Safe from any thread
 * and process. A NULL publisher ignores it; when the table is full the entry
 * is counted there and dropped. Returns 0, or -ENAMETOOLONG.
 */
int publish__lock(struct publisher *publisher, const void *address, uint32_t size,
		  enum lock_kind kind, enum lock_role role, const char *name);

#endif /* CONVOY_PUBLISH_H */
