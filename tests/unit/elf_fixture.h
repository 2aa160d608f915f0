/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * elf_fixture.h - the running test program as an ELF file.
 */
#ifndef CONVOY_TESTS_ELF_FIXTURE_H
#define CONVOY_TESTS_ELF_FIXTURE_H

#include "user/elf_file.h"

/* To be freed. */
struct elf_file *open_self(void);
/* What must be added to its addresses in the file. */
uint64_t own_bias(void);

/* An unwind_read_fn whose ctx is a struct convoy_ev_stack. */
int read_taken(void *ctx, uint64_t address, uint64_t *word);

#endif /* CONVOY_TESTS_ELF_FIXTURE_H */
