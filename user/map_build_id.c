// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gelf.h>

#include "map_build_id.h"

#define NOTES_MAX (64u << 10)
#define SEGMENTS_MAX 256
#define CACHE_FILES 512

/* Which file, and which state of it. */
struct file_state {
	dev_t dev;
	ino_t inode;
	struct timespec modified, changed;
};

struct build_id_cache {
	size_t n, next;		/* files that it knows; whose place is taken when it is full */
	struct {
		struct file_state state;
		struct build_id id;
	} files[CACHE_FILES];
};

/* The build-id among the notes in `data`; true if it is there. */
static bool find_note(struct build_id *id, Elf_Data *data)
{
	size_t offset = 0, next, name, desc;
	GElf_Nhdr note;

	while ((next = gelf_getnote(data, offset, &note, &name, &desc)) > 0) {
		if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == sizeof(ELF_NOTE_GNU) &&
		    !memcmp((char *)data->d_buf + name, ELF_NOTE_GNU, sizeof(ELF_NOTE_GNU)) &&
		    note.n_descsz > 0) {
			id->size = note.n_descsz < sizeof(id->bytes) ? (uint8_t)note.n_descsz :
								       sizeof(id->bytes);
			memcpy(id->bytes, (char *)data->d_buf + desc, id->size);
			return true;
		}
		offset = next;
	}
	return false;
}

struct build_id build_id__of_elf(int fd)
{
	struct build_id id = { 0 };
	GElf_Phdr segment;
	Elf_Data *data;
	size_t n;
	Elf *elf;

	elf_version(EV_CURRENT);
	/* Not by mmap: whoever cuts the file short would kill the reader. */
	elf = elf_begin(fd, ELF_C_READ, NULL);
	if (!elf || elf_kind(elf) != ELF_K_ELF || elf_getphdrnum(elf, &n))
		n = 0;
	for (size_t i = 0; i < n && i < SEGMENTS_MAX; i++) {
		if (!gelf_getphdr(elf, (int)i, &segment) || segment.p_type != PT_NOTE ||
		    !segment.p_filesz)
			continue;
		if (segment.p_filesz > NOTES_MAX)
			segment.p_filesz = NOTES_MAX;
		data = elf_getdata_rawchunk(elf, (int64_t)segment.p_offset, segment.p_filesz,
					    segment.p_align == 8 ? ELF_T_NHDR8 : ELF_T_NHDR);
		if (data && find_note(&id, data))
			break;
	}
	elf_end(elf);
	return id;
}

struct build_id_cache *build_id_cache__new(void)
{
	return calloc(1, sizeof(struct build_id_cache));
}

void build_id_cache__free(struct build_id_cache *cache)
{
	free(cache);
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool same_state(const struct file_state *a, const struct file_state *b)
{
	return a->dev == b->dev && a->inode == b->inode && same_time(&a->modified, &b->modified) &&
	       same_time(&a->changed, &b->changed);
}

/* `fd` may be no more than a path. */
static struct build_id read_build_id(int fd)
{
	struct build_id id = { 0 };
	char path[64];
	int readable;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	readable = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (readable < 0)
		return id;
	id = build_id__of_elf(readable);
	close(readable);
	return id;
}

struct build_id build_id_cache__get(struct build_id_cache *cache, int fd)
{
	struct build_id none = { 0 };
	struct file_state state;
	struct stat st;
	size_t at;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		return none;
	state = (struct file_state){ st.st_dev, st.st_ino, st.st_mtim, st.st_ctim };
	for (size_t i = 0; i < cache->n; i++)
		if (same_state(&cache->files[i].state, &state))
			return cache->files[i].id;
	at = cache->next++ % CACHE_FILES;
	if (cache->n < CACHE_FILES)
		cache->n++;
	cache->files[at].state = state;
	cache->files[at].id = read_build_id(fd);
	return cache->files[at].id;
}
