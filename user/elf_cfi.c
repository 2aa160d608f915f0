// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdlib.h>
#include <string.h>

#include "elf_cfi.h"
#include "elf_parts.h"

#define REGISTERS_MAX 128
#define REMEMBERED_MAX 8
#define PROGRAM_MAX (64u << 10)
/* An expression in it; libdw keeps a larger copy of each. */
#define EXPRESSION_MAX 512
#define ULEB_MAX 10

/* --- instructions --------------------------------------------------------------------- */

/* What is left to be read. */
struct cursor {
	const uint8_t *at, *end;
};

static bool skip(struct cursor *cursor, uint64_t size)
{
	if (size > (uint64_t)(cursor->end - cursor->at))
		return false;
	cursor->at += size;
	return true;
}

/* Either kind of LEB128; as an unsigned one. */
static bool read_leb(struct cursor *cursor, uint64_t *value)
{
	*value = 0;
	for (unsigned i = 0; i < ULEB_MAX && cursor->at < cursor->end; i++) {
		uint8_t byte = *cursor->at++;

		*value |= (uint64_t)(byte & 0x7f) << (7 * i);
		if (!(byte & 0x80))
			return true;
	}
	return false;
}

/*
 * What follows each instruction: r a register, n a number, e an expression, 1 2 4 so many
 * bytes. Those that are not here are refused, set_loc (0x01) among them.
 */
static const char *operands_of(uint8_t code)
{
	static const char *const operands[0x30] = {
		[0x00] = "",   [0x02] = "1",  [0x03] = "2",  [0x04] = "4",  [0x05] = "rn",
		[0x06] = "r",  [0x07] = "r",  [0x08] = "r",  [0x09] = "rr", [0x0a] = "",
		[0x0b] = "",   [0x0c] = "rn", [0x0d] = "r",  [0x0e] = "n",  [0x0f] = "e",
		[0x10] = "re", [0x11] = "rn", [0x12] = "rn", [0x13] = "n",  [0x14] = "rn",
		[0x15] = "rn", [0x16] = "re", [0x2d] = "",   [0x2e] = "n",  [0x2f] = "rn",
	};

	switch (code >> 6) {
	case 1: /* advance_loc */
	case 3: /* restore */
		return "";
	case 2: /* offset */
		return "n";
	default:
		return code < sizeof(operands) / sizeof(*operands) ? operands[code] : NULL;
	}
}

static bool skip_operand(struct cursor *cursor, char kind)
{
	uint64_t value;

	switch (kind) {
	case 'r':
		return read_leb(cursor, &value) && value < REGISTERS_MAX;
	case 'n':
		return read_leb(cursor, &value);
	case 'e':
		return read_leb(cursor, &value) && value <= EXPRESSION_MAX && skip(cursor, value);
	default:
		return skip(cursor, (uint64_t)(kind - '0'));
	}
}

bool elf_cfi__is_sane(const uint8_t *instructions, size_t size)
{
	struct cursor cursor = { instructions, instructions + size };
	unsigned remembered = 0;

	if (size > PROGRAM_MAX)
		return false;
	while (cursor.at < cursor.end) {
		uint8_t code = *cursor.at++;
		const char *operand = operands_of(code);

		if (!operand)
			return false;
		for (; *operand; operand++)
			if (!skip_operand(&cursor, *operand))
				return false;
		if (code == 0x0a && ++remembered > REMEMBERED_MAX)
			return false;
		if (code == 0x0b && remembered)
			remembered--;
	}
	return true;
}

/* --- a file --------------------------------------------------------------------------- */

#ifdef HAVE_LIBDW

#include <dwarf.h>

/* Without a table libdw keeps all that it has seen on its way to what it looks for. */
#define ENTRIES_WITHOUT_TABLE_MAX (1u << 17)
#define ENTRIES_MAX (1u << 20)

struct sections {
	Elf_Data *frames, *table;
	uint64_t frames_vaddr, table_vaddr;
	uint8_t *kinds;		/* per byte of `frames`: what begins there */
	size_t n_entries;
};

enum { KIND_NONE, KIND_CIE, KIND_FDE };

/* An address as it stands in the file: its size, 0 if it has none that is fixed. */
static size_t encoded_size(uint8_t encoding)
{
	if (encoding == DW_EH_PE_omit || (encoding & 0x70) == DW_EH_PE_aligned)
		return 0;
	switch (encoding & 7) {
	case DW_EH_PE_absptr:
	case DW_EH_PE_udata8:
		return 8;
	case DW_EH_PE_udata4:
		return 4;
	case DW_EH_PE_udata2:
		return 2;
	default:
		return 0;
	}
}

/* How the FDEs of a CIE give addresses, if everything that it says of them is known. */
static size_t address_size(const Dwarf_CIE *cie)
{
	struct cursor cursor = { cie->augmentation_data,
				 cie->augmentation_data + cie->augmentation_data_size };
	size_t result = 8;

	if (!*cie->augmentation)
		return result;
	if (*cie->augmentation != 'z' || !cie->augmentation_data)
		return 0;
	for (const char *at = cie->augmentation + 1; *at; at++) {
		uint8_t encoding;

		if (*at == 'S')
			continue;
		if (!strchr("PLR", *at) || cursor.at == cursor.end)
			return 0;
		encoding = *cursor.at++;
		if (*at == 'R')
			result = encoded_size(encoding);
		if (*at == 'P' &&
		    (!encoded_size(encoding) || !skip(&cursor, encoded_size(encoding))))
			return 0;
	}
	return result;
}

static bool check_fde(Elf *elf, const struct sections *sections, const Dwarf_FDE *fde)
{
	struct cursor cursor = { fde->start, fde->end };
	Dwarf_CFI_Entry cie;
	Dwarf_Off next;
	uint64_t size;

	/* One that was checked, where it was checked. */
	if (fde->CIE_pointer >= sections->frames->d_size ||
	    sections->kinds[fde->CIE_pointer] != KIND_CIE ||
	    dwarf_next_cfi((const unsigned char *)elf_getident(elf, NULL), sections->frames, true,
			   fde->CIE_pointer, &next, &cie) ||
	    !dwarf_cfi_cie_p(&cie))
		return false;
	if (!skip(&cursor, 2 * address_size(&cie.cie)))
		return false;
	if (*cie.cie.augmentation && (!read_leb(&cursor, &size) || !skip(&cursor, size)))
		return false;
	return elf_cfi__is_sane(cursor.at, (size_t)(cursor.end - cursor.at));
}

static bool check_entries(Elf *elf, struct sections *sections)
{
	Dwarf_Off at = 0, next;
	Dwarf_CFI_Entry entry;
	int end;

	for (;; at = next) {
		end = dwarf_next_cfi((const unsigned char *)elf_getident(elf, NULL),
				     sections->frames, true, at, &next, &entry);
		if (end)
			return end > 0;
		if (at >= sections->frames->d_size || next <= at)
			return false;
		if (++sections->n_entries > ENTRIES_MAX)
			return false;
		if (dwarf_cfi_cie_p(&entry)) {
			const Dwarf_CIE *cie = &entry.cie;

			if (!address_size(cie) || cie->return_address_register >= REGISTERS_MAX ||
			    !elf_cfi__is_sane(cie->initial_instructions,
					      (size_t)(cie->initial_instructions_end -
						       cie->initial_instructions)))
				return false;
			sections->kinds[at] = KIND_CIE;
		} else if (check_fde(elf, sections, &entry.fde)) {
			sections->kinds[at] = KIND_FDE;
		} else {
			return false;
		}
	}
}

/* The table leads to FDEs that were checked, and nowhere else. */
static bool check_table(const struct sections *sections)
{
	const uint8_t *bytes = sections->table ? sections->table->d_buf : NULL;
	/* How all linkers have it, but for one that leaves the table out. */
	static const uint8_t usual[] = { 1, DW_EH_PE_pcrel | DW_EH_PE_sdata4, DW_EH_PE_udata4,
					 DW_EH_PE_datarel | DW_EH_PE_sdata4 };
	uint32_t n;
	int32_t frames;

	if (!bytes || sections->table->d_size < 8 || bytes[2] == DW_EH_PE_omit ||
	    bytes[3] == DW_EH_PE_omit)
		return sections->n_entries <= ENTRIES_WITHOUT_TABLE_MAX;
	if (sections->table->d_size < 12 || memcmp(bytes, usual, sizeof(usual)))
		return false;
	memcpy(&n, bytes + 8, sizeof(n));
	memcpy(&frames, bytes + 4, sizeof(frames));
	if (sections->table_vaddr + 4 + (uint64_t)frames != sections->frames_vaddr)
		return false;
	if (!n)
		return sections->n_entries <= ENTRIES_WITHOUT_TABLE_MAX;
	if (n > (sections->table->d_size - 12) / 8)
		return false;
	for (uint32_t i = 0; i < n; i++) {
		int32_t relative;
		uint64_t at;

		memcpy(&relative, bytes + 12 + 8 * (size_t)i + 4, sizeof(relative));
		at = sections->table_vaddr + (uint64_t)relative - sections->frames_vaddr;
		if (at >= sections->frames->d_size || sections->kinds[at] != KIND_FDE)
			return false;
	}
	return true;
}

/* Those that libdw will take: the first .eh_frame, and a .eh_frame_hdr before it. */
static bool find_sections(Elf *elf, struct sections *sections)
{
	Elf_Scn *section = NULL;
	size_t names;

	if (elf_getshdrstrndx(elf, &names) || !names)
		return false;
	while ((section = elf_nextscn(elf, section))) {
		const Elf64_Shdr *header = elf64_getshdr(section);
		const char *name = header ? elf_strptr(elf, names, header->sh_name) : NULL;
		bool is_table = name && !strcmp(name, ".eh_frame_hdr");
		Elf_Data *data;

		if (!is_table && (!name || strcmp(name, ".eh_frame")))
			continue;
		if (header->sh_size > ELF_SECTION_MAX || header->sh_type == SHT_NOBITS ||
		    (is_table && sections->table))
			return false;
		data = elf_rawdata(section, NULL);
		if (!data || !data->d_buf || data->d_size != header->sh_size)
			return false;
		if (!is_table) {
			sections->frames = data;
			sections->frames_vaddr = header->sh_addr;
			return true;
		}
		sections->table = data;
		sections->table_vaddr = header->sh_addr;
	}
	return false;
}

bool elf_cfi__check(Elf *elf, size_t *size)
{
	struct sections sections = { 0 };
	bool result = false;

	if (!find_sections(elf, &sections))
		return false;
	*size = sections.frames->d_size + (sections.table ? sections.table->d_size : 0);
	sections.kinds = calloc(sections.frames->d_size, 1);
	if (sections.kinds)
		result = check_entries(elf, &sections) && check_table(&sections);
	free(sections.kinds);
	return result;
}

#endif
