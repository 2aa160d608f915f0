/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * map_build_id.h - build-ids of the ELF files that processes have mapped.
 */
#ifndef CONVOY_MAP_BUILD_ID_H
#define CONVOY_MAP_BUILD_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mapping.h"

struct build_id {
	uint8_t size;		/* 0: none, or unknown */
	bool unread;		/* the file could not be opened */
	uint8_t bytes[MAPPING_BUILD_ID_MAX];
};

/*
 * NT_GNU_BUILD_ID of the ELF file open at `fd`; size 0 for what is none or has none.
 * Of either class and byte order. Reads the program headers, of which there may be no
 * more than 256, and the notes: at most 64 KiB of each of the first 16 segments of them,
 * whatever the file says. An id longer than MAPPING_BUILD_ID_MAX is cut, as the kernel
 * has no longer ones.
 */
struct build_id build_id__of_elf(int fd);

/* What was read before, by file; a few hundred of them. */
struct build_id_cache;

struct build_id_cache *build_id_cache__new(void);	/* NULL without memory */
void build_id_cache__free(struct build_id_cache *cache);	/* NULL is fine */

/*
 * The same of the file open at `fd` with O_PATH or for reading. What is no regular file
 * is never opened nor read: no FIFO can block and no device wakes up. A file on a FUSE or
 * network mount can keep the caller waiting, as it can anyone.
 */
struct build_id build_id_cache__get(struct build_id_cache *cache, int fd);

#endif /* CONVOY_MAP_BUILD_ID_H */
