/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * address_space.h - what a process has mapped where: which file an address belongs to.
 *
 * From what is told of its mappings, in order, and from /proc when that does not reach: the
 * kernel tells of executable mappings only. Where a file's data lie follows from its code,
 * since what the file asks for is loaded as one.
 */
#ifndef CONVOY_ADDRESS_SPACE_H
#define CONVOY_ADDRESS_SPACE_H

#include <stdbool.h>
#include <stdint.h>

#include "elf_cache.h"
#include "map_proc.h"
#include "mapping.h"

struct address_space;

struct address_space *address_space__new(uint32_t pid);	/* NULL without memory */
void address_space__free(struct address_space *space);	/* NULL is fine */

/* A mapping of the process was told of. Copies. What is beyond its bounds is left out (tens
 * of thousands of mappings). Returns 0 or -ENOMEM. */
int address_space__told(struct address_space *space, const struct mapping *mapping);

/*
 * It begins as that of the parent is, in a process that was forked at `born_ns`
 * (CLOCK_MONOTONIC). Nothing is copied until one of them changes. One that has something
 * already stays as it is.
 */
void address_space__inherit(struct address_space *space, const struct address_space *parent,
			    uint64_t born_ns);

/* Is nothing known of it? */
bool address_space__is_empty(const struct address_space *space);

/*
 * Read it anew from /proc, now, as another thread has it if the first has exited. That the
 * process is gone is no error: what is known of it stays. Returns 0 or -ENOMEM.
 */
int address_space__read(struct address_space *space, struct map_proc *map_proc);
/* When that was done last, CLOCK_MONOTONIC; 0: never. */
uint64_t address_space__read_ns(const struct address_space *space);

/* Its directory in /proc, from now on; -1 when it is gone. Stays the caller's. */
void address_space__set_proc(struct address_space *space, int proc);

/* The mapping that holds the address; its path lives until the next change. */
bool address_space__find(const struct address_space *space, uint64_t address,
			 struct mapping *mapping);

/* A program or library, as it is loaded. */
struct module {
	struct elf_file *file;	/* of the cache's */
	uint64_t bias;
	const char *path;	/* lives until the next change */
};

/* The one that the address belongs to, its zeroed memory (.bss) included. */
bool address_space__module(struct address_space *space, struct elf_cache *cache, uint64_t address,
			   struct module *module);

/* How many files are mapped executable: another number if some came. */
size_t address_space__modules(const struct address_space *space);
/* Each of them (up to 256), the program first. False: no more. */
bool address_space__module_path(const struct address_space *space, size_t at, const char **path);
/* That file, opened. False if it cannot be. */
bool address_space__module_at(struct address_space *space, struct elf_cache *cache, size_t at,
			      struct module *module);

#endif /* CONVOY_ADDRESS_SPACE_H */
