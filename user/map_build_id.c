// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "map_build_id.h"

#define NOTES_MAX (64u << 10)
#define SEGMENTS_MAX 256
#define NOTE_SEGMENTS_MAX 16
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

/* How this file writes numbers. */
struct elf_kind {
	bool is_64, big_endian;
};

static uint64_t number(const struct elf_kind *kind, const uint8_t *at, size_t size)
{
	uint64_t value = 0;

	for (size_t i = 0; i < size; i++)
		value = value << 8 | at[kind->big_endian ? i : size - 1 - i];
	return value;
}

/* A member of a header, which has another place and size in the other class. */
#define MEMBER(kind, header, type, name)                                                     \
	((kind)->is_64 ? number(kind, (header) + offsetof(Elf64_##type, name),               \
				sizeof(((Elf64_##type *)NULL)->name)) :                      \
			 number(kind, (header) + offsetof(Elf32_##type, name),               \
				sizeof(((Elf32_##type *)NULL)->name)))

static size_t padded(size_t size, size_t align)
{
	return (size + align - 1) & ~(align - 1);
}

/* The build-id among the notes in `notes`; true if it is there. */
static bool find_note(struct build_id *id, const struct elf_kind *kind, const uint8_t *notes,
		      size_t size, size_t align)
{
	size_t at = 0;

	/* Both classes have the same header of a note, and no size in it is trusted. */
	while (size - at >= sizeof(Elf64_Nhdr)) {
		uint64_t name_size = number(kind, notes + at, 4);
		uint64_t id_size = number(kind, notes + at + 4, 4);
		uint64_t type = number(kind, notes + at + 8, 4);
		size_t name = at + sizeof(Elf64_Nhdr), bytes;

		if (name_size > size - name)
			return false;
		bytes = padded(name + name_size, align);
		if (bytes > size || id_size > size - bytes)
			return false;
		if (type == NT_GNU_BUILD_ID && name_size == sizeof(ELF_NOTE_GNU) && id_size &&
		    !memcmp(notes + name, ELF_NOTE_GNU, sizeof(ELF_NOTE_GNU))) {
			id->size = id_size < sizeof(id->bytes) ? (uint8_t)id_size :
								 sizeof(id->bytes);
			memcpy(id->bytes, notes + bytes, id->size);
			return true;
		}
		at = padded(bytes + id_size, align);
		if (at > size)
			return false;
	}
	return false;
}

/* As much as there is; 0 for an offset that no file has. */
static size_t read_at(int fd, void *buf, size_t size, uint64_t offset)
{
	ssize_t n = offset > INT64_MAX ? 0 : pread(fd, buf, size, (off_t)offset);

	return n > 0 ? (size_t)n : 0;
}

/* Reads the header; false for what is no ELF file. */
static bool read_kind(struct elf_kind *kind, const uint8_t *header, size_t size)
{
	if (size < sizeof(Elf32_Ehdr) || memcmp(header, ELFMAG, SELFMAG))
		return false;
	kind->is_64 = header[EI_CLASS] == ELFCLASS64;
	kind->big_endian = header[EI_DATA] == ELFDATA2MSB;
	return (kind->is_64 ? size >= sizeof(Elf64_Ehdr) : header[EI_CLASS] == ELFCLASS32) &&
	       (kind->big_endian || header[EI_DATA] == ELFDATA2LSB);
}

/*
 * Not by libelf: what a hostile file says of its size (40 million program headers, in a
 * file with holes) is read into memory there. Nor by mmap: whoever cuts the file short
 * would kill the reader.
 */
struct build_id build_id__of_elf(int fd)
{
	uint8_t header[sizeof(Elf64_Ehdr)], segments[SEGMENTS_MAX * sizeof(Elf64_Phdr)];
	uint8_t notes[NOTES_MAX];
	struct build_id id = { 0 };
	struct elf_kind kind;
	size_t n, size, left = NOTE_SEGMENTS_MAX;

	if (!read_kind(&kind, header, read_at(fd, header, sizeof(header), 0)))
		return id;
	size = kind.is_64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
	n = MEMBER(&kind, header, Ehdr, e_phnum);
	if (n > SEGMENTS_MAX || MEMBER(&kind, header, Ehdr, e_phentsize) != size)
		return id;
	n = read_at(fd, segments, n * size, MEMBER(&kind, header, Ehdr, e_phoff)) / size;
	for (size_t i = 0; i < n && left; i++) {
		const uint8_t *segment = segments + i * size;
		uint64_t length = MEMBER(&kind, segment, Phdr, p_filesz);
		size_t align = MEMBER(&kind, segment, Phdr, p_align) == 8 ? 8 : 4;

		if (MEMBER(&kind, segment, Phdr, p_type) != PT_NOTE)
			continue;
		left--;
		length = read_at(fd, notes, length < NOTES_MAX ? length : NOTES_MAX,
				 MEMBER(&kind, segment, Phdr, p_offset));
		if (find_note(&id, &kind, notes, length, align))
			break;
	}
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
	if (readable < 0) {
		id.unread = true;
		return id;
	}
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
