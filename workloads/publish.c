/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* publish.c - append to the tracer's lock table. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "workloads/publish.h"
#include "workloads/parse_number.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct publisher {
	struct lock_table *table;
	uint32_t capacity;
};

int publish__open(struct publisher **out)
{
	const char *text = getenv(LOCK_TABLE_ENV);
	struct publisher *publisher;
	struct lock_table *table;
	unsigned long long fd;
	struct stat st;
	int err;

	*out = NULL;
	if (!text)
		return 0;
	if (parse__u64(text, 0, INT_MAX, &fd))
		return -EINVAL;
	if (fstat((int)fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size < (off_t)sizeof(*table))
		return -EPROTO;
	table = mmap(NULL, sizeof(*table), PROT_READ | PROT_WRITE, MAP_SHARED, (int)fd, 0);
	if (table == MAP_FAILED)
		return -errno;
	err = -EPROTO;
	if (table->magic != LOCK_TABLE_MAGIC || table->capacity > LOCK_TABLE_CAPACITY)
		goto fail;
	err = -ENOMEM;
	publisher = malloc(sizeof(*publisher));
	if (!publisher)
		goto fail;
	publisher->table = table;
	publisher->capacity = table->capacity;
	*out = publisher;
	return 0;
fail:
	munmap(table, sizeof(*table));
	return err;
}

void publish__close(struct publisher *publisher)
{
	if (!publisher)
		return;
	munmap(publisher->table, sizeof(*publisher->table));
	free(publisher);
}

int publish__lock(struct publisher *publisher, const void *address, uint32_t size,
		  enum lock_kind kind, enum lock_role role, const char *name)
{
	struct lock_entry *entry;
	uint32_t index;

	if (!publisher)
		return 0;
	if (strlen(name) >= sizeof(entry->name))
		return -ENAMETOOLONG;
	index = __atomic_fetch_add(&publisher->table->count, 1, __ATOMIC_RELAXED);
	if (index >= publisher->capacity)
		return 0; /* the reader sees count > capacity */
	entry = &publisher->table->entries[index];
	entry->pid = getpid();
	entry->address = (uint64_t)(uintptr_t)address;
	entry->size = size;
	entry->kind = kind;
	entry->role = role;
	memset(entry->name, 0, sizeof(entry->name));
	memcpy(entry->name, name, strlen(name));
	__atomic_store_n(&entry->ready, 1, __ATOMIC_RELEASE);
	return 0;
}
