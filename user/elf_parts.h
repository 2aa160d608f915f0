/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * elf_parts.h - what elf_file.c, elf_symbols.c, elf_debug.c and elf_frames.c share.
 */
#ifndef CONVOY_ELF_PARTS_H
#define CONVOY_ELF_PARTS_H

#include <elf.h>
#include <libelf.h>
#ifdef HAVE_LIBDW
#include <elfutils/libdw.h>
#endif

#include "elf_file.h"

/* Sections that are read: real programs have smaller ones. */
#define ELF_SECTION_MAX (64u << 20)

/* An ELF file that is open. */
struct elf_image {
	int fd;
	Elf *elf;		/* NULL: none */
};

struct elf_row {
	uint64_t vaddr, size;
	const char *name;
	uint8_t type;		/* STT_* */
	uint8_t bind;		/* STB_* */
};

struct elf_symbols {
	bool read, has_symtab;
	size_t n_seen;		/* in all tables, of use or not */
	size_t name_bytes;	/* of the names that were looked at */
	struct elf_row *rows;	/* all that have a name and a value, tables in their order */
	size_t n_rows, room;
	uint32_t *functions, *objects;	/* into rows, by address; of those at one the best */
	size_t n_functions, n_objects;
	uint32_t *names;	/* open addressing; row + 1, 0: free */
	size_t names_room;
	size_t memory;
};

struct elf_file {
	struct elf_image image;
	struct elf_image debug;	/* its separate debug file, opened when symbols are read */
	char *path;
	Elf64_Phdr *loads;	/* PT_LOAD, in the file's order */
	size_t n_loads;
	struct elf_symbols symbols;
	bool cfi_tried;
	size_t cfi_memory;
#ifdef HAVE_LIBDW
	Dwarf_CFI *cfi;
#endif
};

/* Takes `fd`, also after an error: 0, -ENOEXEC or -ENOMEM. */
int elf_image__open(struct elf_image *image, int fd);
void elf_image__close(struct elf_image *image);

/*
 * The file's separate debug file, by its build-id or debuglink, below /usr/lib/debug or
 * beside it; only one that says or proves that it belongs to it. image->elf is NULL if there
 * is none.
 */
void elf_debug__open(struct elf_image *debug, const struct elf_file *file);

/* Read the tables of symbols, if that was not done; without memory there are fewer. */
void elf_symbols__read(struct elf_file *file);
void elf_symbols__free(struct elf_symbols *symbols);

void elf_frames__free(struct elf_file *file);

#endif /* CONVOY_ELF_PARTS_H */
