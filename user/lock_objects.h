/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * lock_objects.h - which lock a word is, and which row of the report says so. For locks.c.
 *
 * An object is one lock. A row is what is told of it; where nothing is known of words but
 * what their waits look like, all those of a kind have one row. Pure.
 */
#ifndef CONVOY_LOCK_OBJECTS_H
#define CONVOY_LOCK_OBJECTS_H

#include "locks.h"
#include "tenures.h"

#define NO_OBJECT ((size_t)-1)

/* How two objects are told apart. */
enum object_scope {
	OBJECT_PUBLISHED,	/* by its process (as it sees itself) and name */
	OBJECT_SHARED,		/* by what it is (struct word_info.object), in any process */
	OBJECT_PRIVATE,		/* by its process and address */
	OBJECT_KERNEL,		/* by its address; pid 1: it is an mmap_lock */
	OBJECT_REST,		/* those of its row for which there is no room */
};

struct lock_object {
	enum object_scope scope;
	enum lock_kind kind;
	uint32_t pid;
	uint64_t address;
	size_t row;
	struct tenures *tenures;	/* NULL: none yet */
};

struct lock_objects {
	struct lock_object *objects;
	size_t n_objects, room;
	struct place_table places;	/* of objects, by what tells them apart */
	struct lock **rows;
	size_t n_rows;
	size_t unnamed_rows[LOCK_KIND_COUNT][2];	/* plus 1; [..][1]: of mmap_locks */
};

void lock_objects__free(struct lock_objects *objects);

/* The object that was waited for, made when it is new; NO_OBJECT without memory. */
size_t lock_objects__of_wait(struct lock_objects *objects, const struct lock_wait *wait);

/*
 * The one that calls on a word are of; NO_OBJECT where nothing says which. *err is -ENOMEM
 * without memory.
 */
size_t lock_objects__of_calls(struct lock_objects *objects, struct lock_word *word, uint32_t pid,
			      uint32_t ns_pid, int *err);

static inline struct lock *lock_objects__row(const struct lock_objects *objects, size_t object)
{
	return objects->rows[objects->objects[object].row];
}

#endif /* CONVOY_LOCK_OBJECTS_H */
