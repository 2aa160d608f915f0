// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "elf_cache.h"
#include "map_file.h"

#define FILES 64
/* Those used last are kept, whatever they take: who asked for them still looks at them. */
#define FILES_KEPT 16
#define MEMORY_MAX (256u << 20)

struct cached {
	struct elf_file *file;	/* NULL: free */
	uint64_t used;		/* when: a count of calls */
	uint64_t owner;		/* 0: any, by its build-id */
	uint64_t inode;
	uint32_t major, minor;
	uint8_t build_id_size, build_id[MAPPING_BUILD_ID_MAX];
};

struct elf_cache {
	struct cached files[FILES];
	uint64_t calls;
};

struct elf_cache *elf_cache__new(void)
{
	return calloc(1, sizeof(struct elf_cache));
}

void elf_cache__free(struct elf_cache *cache)
{
	if (!cache)
		return;
	for (size_t i = 0; i < FILES; i++)
		elf_file__free(cache->files[i].file);
	free(cache);
}

static bool is_it(const struct cached *cached, uint64_t owner, const struct mapping *mapping)
{
	if (!cached->file || cached->build_id_size != mapping->build_id_size)
		return false;
	if (mapping->build_id_size)
		return !memcmp(cached->build_id, mapping->build_id, mapping->build_id_size);
	return cached->owner == owner && cached->inode == mapping->inode &&
	       cached->major == mapping->major && cached->minor == mapping->minor;
}

static void drop(struct cached *cached)
{
	elf_file__free(cached->file);
	memset(cached, 0, sizeof(*cached));
}

/* The one that was used the longest ago, or a free one. */
static struct cached *oldest(struct elf_cache *cache, bool only_used)
{
	struct cached *result = NULL;

	for (size_t i = 0; i < FILES; i++) {
		struct cached *at = &cache->files[i];

		if (only_used && !at->file)
			continue;
		if (!result || (at->file ? at->used : 0) < (result->file ? result->used : 0))
			result = at;
	}
	return result;
}

/* Files grow when they are asked for symbols. */
static void limit_memory(struct elf_cache *cache)
{
	size_t memory = 0, n = 0;

	for (size_t i = 0; i < FILES; i++) {
		if (cache->files[i].file) {
			memory += elf_file__memory(cache->files[i].file);
			n++;
		}
	}
	for (; memory > MEMORY_MAX && n > FILES_KEPT; n--) {
		struct cached *victim = oldest(cache, true);

		memory -= elf_file__memory(victim->file);
		drop(victim);
	}
}

struct elf_file *elf_cache__get(struct elf_cache *cache, uint64_t owner, int proc,
				const struct mapping *mapping)
{
	struct elf_file *file;
	struct cached *place;
	int fd;

	cache->calls++;
	for (size_t i = 0; i < FILES; i++) {
		if (is_it(&cache->files[i], owner, mapping)) {
			cache->files[i].used = cache->calls;
			return cache->files[i].file;
		}
	}
	if (!mapping->inode && !mapping->build_id_size)
		return NULL;
	fd = map_file__open_to_read(proc, mapping);
	if (fd < 0 ||
	    elf_file__open(&file, fd, mapping->path, mapping->build_id, mapping->build_id_size))
		return NULL;
	limit_memory(cache);
	place = oldest(cache, false);
	drop(place);
	*place = (struct cached){ .file = file,
				  .used = cache->calls,
				  .owner = owner,
				  .inode = mapping->inode,
				  .major = mapping->major,
				  .minor = mapping->minor,
				  .build_id_size = mapping->build_id_size };
	memcpy(place->build_id, mapping->build_id, mapping->build_id_size);
	return file;
}
