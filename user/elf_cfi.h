/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * elf_cfi.h - whether a file's call frame information may be given to libdw.
 *
 * libdw keeps as many registers as the largest number that it reads, and a copy of them for
 * each state that is remembered: a few bytes of a hostile file make it take gigabytes.
 */
#ifndef CONVOY_ELF_CFI_H
#define CONVOY_ELF_CFI_H

#include <libelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Do these instructions of one CIE or FDE stay within what real programs have: known ones,
 * registers below 128, at most 8 states remembered at a time, at most 64 KB in all?
 */
bool elf_cfi__is_sane(const uint8_t *instructions, size_t size);

/*
 * All of a file's .eh_frame, and the table in .eh_frame_hdr by which libdw finds its way into
 * it: false if something in there is not sane, or if there is no such section. What was
 * checked is what libdw will read, since libelf keeps it. `size`: of both sections.
 */
bool elf_cfi__check(Elf *elf, size_t *size);

#endif /* CONVOY_ELF_CFI_H */
