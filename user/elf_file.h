/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * elf_file.h - what an ELF file says of its own addresses: symbols, data, call frames.
 *
 * Symbols are the file's own, and those of a separate debug file where one is found. Call
 * frames need libdw (HAVE_LIBDW). What a file says of itself is not trusted: tables beyond
 * what real programs have are refused, none is mapped (whoever cuts a file short would end
 * the reader), and no debug file is fetched over a network.
 * Addresses here are the file's (vaddr); a process has them at vaddr + bias.
 */
#ifndef CONVOY_ELF_FILE_H
#define CONVOY_ELF_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/events.h"

struct elf_file;

struct elf_symbol {
	const char *name;	/* as it stands in the file; lives as long as the file is open */
	uint64_t vaddr, size;
};

/*
 * Open the file behind `fd`, which is closed with it, also after an error. `path` is only
 * where separate debug files are looked for. A build_id that is not the file's: -ESTALE.
 * Also -ENOMEM, -ENOEXEC (no ELF file of this machine's byte order and 64 bits).
 */
int elf_file__open(struct elf_file **file, int fd, const char *path, const uint8_t *build_id,
		   size_t build_id_size);
void elf_file__free(struct elf_file *file);	/* NULL is fine */

/* What must be added to a vaddr where `offset` of the file is mapped at `start`. */
bool elf_file__bias(const struct elf_file *file, uint64_t start, uint64_t offset, uint64_t *bias);
/* The addresses that the file takes when loaded, its zeroed memory (.bss) included. */
void elf_file__extent(const struct elf_file *file, uint64_t *lowest, uint64_t *end);

/* The function, or the object, that holds the address. */
bool elf_file__function(struct elf_file *file, uint64_t vaddr, struct elf_symbol *symbol);
bool elf_file__object(struct elf_file *file, uint64_t vaddr, struct elf_symbol *symbol);
/* A symbol by its name, of whatever type, local ones included. */
bool elf_file__find(struct elf_file *file, const char *name, struct elf_symbol *symbol);
/* What the file has there to begin with; zeroes in .bss. Returns 0 or -EFAULT. */
int elf_file__read(struct elf_file *file, uint64_t vaddr, void *buffer, size_t size);
bool elf_file__has_symtab(struct elf_file *file);	/* local symbols, not only exported ones */
/* Bytes of memory that it takes by now, about. */
size_t elf_file__memory(const struct elf_file *file);

/* --- call frames ---------------------------------------------------------------------- */

/* By DWARF's numbers for the machine; x86-64: 16 is the return address. */
#define UNWIND_REGS 33

struct unwind_frame {
	uint64_t pc, cfa;	/* cfa: of the frame above, once stepped */
	uint64_t regs[UNWIND_REGS];
	uint64_t known;		/* bit N: regs[N] is */
	bool exact;		/* pc is the next to be executed, not what follows a call */
};

/* Memory of the stack. Returns 0, or -EFAULT for what was not copied. */
typedef int (*unwind_read_fn)(void *ctx, uint64_t address, uint64_t *word);

/* The innermost frame, from a stack record. */
void unwind__begin(struct unwind_frame *frame, const struct convoy_ev_stack *stack);
/*
 * From a frame whose pc lies in `file` to its caller. Returns 0; -ENOENT: nothing says how,
 * or it is the outermost; -EFAULT: the copy of the stack ends; -EOPNOTSUPP without libdw.
 */
int unwind__step(struct elf_file *file, uint64_t bias, struct unwind_frame *frame,
		 unwind_read_fn read, void *ctx);

#endif /* CONVOY_ELF_FILE_H */
