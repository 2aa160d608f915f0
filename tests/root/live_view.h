/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * live_view.h - a struct process_view of a living process, by /proc and libelf alone: an
 * implementation of its own, for tests to compare with.
 */
#ifndef CONVOY_TESTS_LIVE_VIEW_H
#define CONVOY_TESTS_LIVE_VIEW_H

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/runtime.h"

#define LIVE_MODULES 64

struct live_module {
	char path[PATH_MAX];
	uint64_t bias;
	int fd;
	Elf *elf;
	bool has_symtab;
};

struct live_view {
	struct process_view view;
	int memory;
	bool gone;		/* as if its memory could not be read */
	bool stripped;		/* as if there were no local symbols */
	struct live_module modules[LIVE_MODULES];
	size_t n;
};

static inline int live_view__from_file(struct live_view *live, uint64_t address, char *buffer,
				       size_t size)
{
	for (size_t m = 0; m < live->n; m++) {
		struct live_module *module = &live->modules[m];
		size_t n = 0;

		elf_getphdrnum(module->elf, &n);
		for (size_t i = 0; i < n; i++) {
			GElf_Phdr segment;
			uint64_t at;
			size_t filled;

			if (!gelf_getphdr(module->elf, (int)i, &segment) ||
			    segment.p_type != PT_LOAD)
				continue;
			at = address - module->bias - segment.p_vaddr;
			if (at >= segment.p_memsz || size > segment.p_memsz - at)
				continue;
			memset(buffer, 0, size);
			filled = at >= segment.p_filesz ? 0 : segment.p_filesz - at;
			filled = filled < size ? filled : size;
			return pread(module->fd, buffer, filled, (off_t)(segment.p_offset + at)) ==
					       (ssize_t)filled ?
				       0 :
				       -EIO;
		}
	}
	return -EFAULT;
}

static inline int live_view__read(void *ctx, uint64_t address, void *buffer, size_t size,
				  bool *is_live)
{
	struct live_view *live = ctx;

	if (is_live)
		*is_live = !live->gone;
	if (live->gone)
		return live_view__from_file(live, address, buffer, size);
	if (address > INT64_MAX)
		return -EFAULT;
	return pread(live->memory, buffer, size, (off_t)address) == (ssize_t)size ? 0 : -EFAULT;
}

static inline bool live_view__in_table(const struct live_module *module, uint32_t type,
				       const char *name, uint64_t *address, uint64_t *size)
{
	Elf_Scn *section = NULL;

	while ((section = elf_nextscn(module->elf, section))) {
		GElf_Shdr header;
		Elf_Data *data;

		if (!gelf_getshdr(section, &header) || header.sh_type != type || !header.sh_entsize)
			continue;
		data = elf_getdata(section, NULL);
		for (size_t i = 0; data && i < header.sh_size / header.sh_entsize; i++) {
			const char *found;
			GElf_Sym symbol;

			if (!gelf_getsym(data, (int)i, &symbol) || symbol.st_shndx == SHN_UNDEF)
				continue;
			found = elf_strptr(module->elf, header.sh_link, symbol.st_name);
			if (!found || strcmp(found, name) != 0)
				continue;
			*address = symbol.st_value + module->bias;
			*size = symbol.st_size;
			return true;
		}
	}
	return false;
}

static inline int live_view__symbol(void *ctx, const char *name, uint64_t *address, uint64_t *size)
{
	struct live_view *live = ctx;

	for (size_t i = 0; i < live->n; i++)
		if ((!live->stripped &&
		     live_view__in_table(&live->modules[i], SHT_SYMTAB, name, address, size)) ||
		    live_view__in_table(&live->modules[i], SHT_DYNSYM, name, address, size))
			return 0;
	return -ENOENT;
}

static inline bool live_view__module(void *ctx, size_t at, const char **path, bool *has_symtab)
{
	struct live_view *live = ctx;

	if (at >= live->n)
		return false;
	*path = live->modules[at].path;
	*has_symtab = live->modules[at].has_symtab && !live->stripped;
	return true;
}

static inline void live_view__close(struct live_view *live)
{
	for (size_t i = 0; i < live->n; i++) {
		elf_end(live->modules[i].elf);
		close(live->modules[i].fd);
	}
	close(live->memory);
	free(live);
}

/* A file that is mapped at `start` from `offset` on: where its addresses are. */
static inline bool live_view__open_module(struct live_module *module, uint64_t start,
					  uint64_t offset)
{
	Elf_Scn *section = NULL;
	bool found = false;
	size_t n = 0;

	module->fd = open(module->path, O_RDONLY | O_CLOEXEC);
	if (module->fd < 0)
		return false;
	module->elf = elf_begin(module->fd, ELF_C_READ_MMAP, NULL);
	elf_getphdrnum(module->elf, &n);
	for (size_t i = 0; i < n && !found; i++) {
		const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
		GElf_Phdr segment;

		if (!gelf_getphdr(module->elf, (int)i, &segment) || segment.p_type != PT_LOAD ||
		    segment.p_offset / page * page != offset)
			continue;
		module->bias = start - (segment.p_vaddr - segment.p_offset % page);
		found = true;
	}
	while (found && (section = elf_nextscn(module->elf, section))) {
		GElf_Shdr header;

		if (gelf_getshdr(section, &header) && header.sh_type == SHT_SYMTAB)
			module->has_symtab = true;
	}
	if (!found) {
		elf_end(module->elf);
		close(module->fd);
	}
	return found;
}

/* NULL: the process is not there, or not to be looked at. */
static inline struct live_view *live_view__open(pid_t pid)
{
	struct live_view *live = calloc(1, sizeof(*live));
	char path[64], line[PATH_MAX + 128];
	FILE *maps;

	elf_version(EV_CURRENT);
	snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	live->memory = open(path, O_RDONLY | O_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	maps = fopen(path, "re");
	if (live->memory < 0 || !maps) {
		if (maps)
			fclose(maps);
		close(live->memory);
		free(live);
		return NULL;
	}
	while (fgets(line, sizeof(line), maps) && live->n < LIVE_MODULES) {
		struct live_module *module = &live->modules[live->n];
		unsigned long long start, end, offset;
		char flags[8];
		int at = 0;

		if (sscanf(line, "%llx-%llx %7s %llx %*s %*s %n", &start, &end, flags, &offset,
			   &at) < 4 ||
		    flags[2] != 'x' || line[at] != '/')
			continue;
		line[strcspn(line, "\n")] = 0;
		snprintf(module->path, sizeof(module->path), "%s", line + at);
		live->n += live_view__open_module(module, start, offset);
	}
	fclose(maps);
	live->view = (struct process_view){
		.pid = (uint32_t)pid,
		.ctx = live,
		.read = live_view__read,
		.symbol = live_view__symbol,
		.module = live_view__module,
	};
	return live;
}

#endif /* CONVOY_TESTS_LIVE_VIEW_H */
