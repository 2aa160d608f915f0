/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * lock_table.h - the table in which convoy-work publishes its locks.
 *
 * convoy makes a memfd that holds one struct lock_table, passes its number to
 * convoy-work in the environment, and looks up in it, while the round runs, which
 * address in which process is which lock. Entries are only ever appended. The table
 * survives the death of whoever wrote it.
 *
 * Shared by workloads/ and user/. Pure layout: no libraries.
 */
#ifndef CONVOY_LOCK_TABLE_H
#define CONVOY_LOCK_TABLE_H

#include <stdint.h>

#define LOCK_TABLE_ENV "CONVOY_LOCK_TABLE"	/* the memfd's number, decimal */
#define LOCK_TABLE_MAGIC 0x4b4c5643u
#define LOCK_TABLE_CAPACITY 4096
#define LOCK_NAME_LEN 40

/* What a synchronisation object is; the names are those of the JSON contract. */
enum lock_kind {
	LOCK_UNKNOWN,
	LOCK_GIL,
	LOCK_MUTEX,
	LOCK_RWLOCK,
	LOCK_SEMAPHORE,
	LOCK_COND,
	LOCK_BARRIER,
	LOCK_ONCE,
	LOCK_JOIN,
	LOCK_KERNEL,
	LOCK_KIND_COUNT,
};

/* What a wait on this part of the lock means. */
enum lock_role {
	LOCK_ROLE_ACQUIRE,	/* woken by its releaser: the lock was handed over */
	LOCK_ROLE_GUARD,	/* protects the lock's own fields: part of an attempt */
	LOCK_ROLE_ACK,		/* a releaser waits until its taker says that it has it */
};

/*
 * One range of addresses. Ranges of one pid with the same name are one lock.
 * Where ranges overlap, the smallest wins.
 */
struct lock_entry {
	uint32_t ready;		/* stored last, with release order; 0 = not filled in */
	int32_t pid;		/* getpid() of the process whose address it is */
	uint64_t address;
	uint32_t size;		/* bytes */
	uint32_t kind;		/* enum lock_kind */
	uint32_t role;		/* enum lock_role */
	char name[LOCK_NAME_LEN];	/* NUL-terminated */
	uint32_t pad;
};

struct lock_table {
	uint32_t magic;
	uint32_t capacity;	/* entries that fit */
	uint32_t count;		/* entries taken, atomically; may exceed capacity */
	uint32_t pad;
	struct lock_entry entries[LOCK_TABLE_CAPACITY];
};

_Static_assert(sizeof(struct lock_entry) == 72, "lock_entry");

#endif /* CONVOY_LOCK_TABLE_H */
