/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * elf_cache.h - ELF files that were opened, kept for the next process that has them mapped.
 */
#ifndef CONVOY_ELF_CACHE_H
#define CONVOY_ELF_CACHE_H

#include <stdint.h>

#include "elf_file.h"
#include "mapping.h"

struct elf_cache;

struct elf_cache *elf_cache__new(void);	/* NULL without memory */
void elf_cache__free(struct elf_cache *cache);	/* NULL is fine */

/*
 * The file of a mapping, as elf_file__open(); `proc` is as for map_file__open(). By its
 * build-id it is the same file for all processes, else one for those of the same `owner`
 * (whatever tells processes apart, and is not used again). Returns NULL if it cannot be had,
 * which is not remembered. It may be closed once 15 others were asked for.
 */
struct elf_file *elf_cache__get(struct elf_cache *cache, uint64_t owner, int proc,
				const struct mapping *mapping);

#endif /* CONVOY_ELF_CACHE_H */
