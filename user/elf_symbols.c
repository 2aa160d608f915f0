// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "elf_parts.h"

#define SYMBOLS_MAX (1u << 20)
/* How many symbols that begin before an address are asked whether they hold it: some end
 * before it, and lie within a larger one. */
#define LOOK_BACK 16
/*
 * Names overlap where one ends as another does: those of a small file could be gigabytes. A
 * longer one is no symbol, and once so much of them was looked at, no further one is either.
 */
#define NAME_MAX_BYTES 1024
#define NAMES_MAX_BYTES (64u << 20)
/* Sections may overlap as well: of all tables and strings together no more is read. */
#define SYMBOLS_MEMORY_MAX (2 * ELF_SECTION_MAX)
/* Names that want one place in the table; by chance there are some 70 of a million. */
#define PROBES_MAX 128

/* --- reading -------------------------------------------------------------------------- */

/* A section that is worth its memory; its bytes, or NULL. */
static Elf_Data *read_section(Elf *elf, size_t index, struct elf_symbols *symbols)
{
	Elf_Scn *section = elf_getscn(elf, index);
	const Elf64_Shdr *header = section ? elf64_getshdr(section) : NULL;
	Elf_Data *data;

	if (!header || header->sh_type == SHT_NOBITS || !header->sh_size ||
	    header->sh_size > ELF_SECTION_MAX || (header->sh_flags & SHF_COMPRESSED) ||
	    header->sh_size > SYMBOLS_MEMORY_MAX - symbols->memory)
		return NULL;
	data = elf_getdata(section, NULL);
	if (!data || !data->d_buf || data->d_size != header->sh_size)
		return NULL;
	symbols->memory += data->d_size;
	return data;
}

static bool is_wanted(const Elf64_Sym *symbol)
{
	int type = ELF64_ST_TYPE(symbol->st_info);

	return symbol->st_shndx != SHN_UNDEF && symbol->st_value && symbol->st_name &&
	       (type == STT_FUNC || type == STT_GNU_IFUNC || type == STT_OBJECT ||
		type == STT_NOTYPE || type == STT_COMMON);
}

/* The name there; NULL if it is none, too long, or if enough names were looked at. */
static const char *read_name(struct elf_symbols *symbols, const Elf_Data *strings, size_t at)
{
	const char *name = (const char *)strings->d_buf + at;
	size_t length, left;

	if (at >= strings->d_size || symbols->name_bytes > NAMES_MAX_BYTES)
		return NULL;
	left = strings->d_size - at;
	length = strnlen(name, left < NAME_MAX_BYTES ? left : NAME_MAX_BYTES);
	symbols->name_bytes += length + 1;
	return length && length < NAME_MAX_BYTES && length < left ? name : NULL;
}

static bool make_room(struct elf_symbols *symbols, size_t more)
{
	size_t room = symbols->n_rows + more;
	struct elf_row *grown;

	if (room <= symbols->room)
		return true;
	if (room > SYMBOLS_MAX)
		return false;
	grown = realloc(symbols->rows, room * sizeof(*grown));
	if (!grown)
		return false;
	symbols->rows = grown;
	symbols->room = room;
	return true;
}

/* The symbols of one table that are of use. */
static size_t read_table(Elf *elf, const Elf64_Shdr *header, size_t index,
			 struct elf_symbols *symbols)
{
	Elf_Data *table, *strings;
	const Elf64_Sym *at;
	size_t n, before = symbols->n_rows;

	if (header->sh_size > (SYMBOLS_MAX - symbols->n_seen) * sizeof(Elf64_Sym))
		return 0;
	table = read_section(elf, index, symbols);
	strings = table ? read_section(elf, header->sh_link, symbols) : NULL;
	if (!strings)
		return 0;
	n = table->d_size / sizeof(Elf64_Sym);
	symbols->n_seen += n;
	at = table->d_buf;
	if (!make_room(symbols, n))
		return 0;
	for (size_t i = 0; i < n; i++) {
		const char *name = is_wanted(&at[i]) ? read_name(symbols, strings, at[i].st_name) :
						       NULL;

		if (!name)
			continue;
		symbols->rows[symbols->n_rows++] = (struct elf_row){
			at[i].st_value,
			at[i].st_size,
			name,
			ELF64_ST_TYPE(at[i].st_info),
			ELF64_ST_BIND(at[i].st_info),
		};
	}
	return symbols->n_rows - before;
}

/* All tables of one type: how many symbols they had. */
static size_t read_tables(Elf *elf, uint32_t type, struct elf_symbols *symbols)
{
	Elf_Scn *section = NULL;
	size_t n = 0;

	while ((section = elf_nextscn(elf, section))) {
		const Elf64_Shdr *header = elf64_getshdr(section);

		if (header && header->sh_type == type)
			n += read_table(elf, header, elf_ndxscn(section), symbols);
	}
	return n;
}

/* --- by address ----------------------------------------------------------------------- */

/* Of several names for one address, the one that its author would use: a smaller number. */
static unsigned rank(const struct elf_row *row)
{
	unsigned underscores = 0;

	while (underscores < 15 && row->name[underscores] == '_')
		underscores++;
	/* glibc's names within. */
	if (!strncmp(row->name, "__GI_", 5))
		underscores = 15;
	return underscores << 2 | (row->bind == STB_GLOBAL ? 0 : row->bind == STB_WEAK ? 1 : 2);
}

/* What is sorted: the address beside it, since most comparisons need no more. */
struct key {
	uint64_t vaddr;
	uint32_t row;
};

static int by_address(const void *left, const void *right, void *ctx)
{
	const struct key *x = left, *y = right;
	const struct elf_row *rows = ctx, *a, *b;

	if (x->vaddr != y->vaddr)
		return x->vaddr < y->vaddr ? -1 : 1;
	a = &rows[x->row];
	b = &rows[y->row];
	/* One without a size says less. */
	if (!a->size != !b->size)
		return a->size ? -1 : 1;
	if (rank(a) != rank(b))
		return rank(a) < rank(b) ? -1 : 1;
	return strcmp(a->name, b->name);
}

static bool is_function(const struct elf_row *row)
{
	return row->type == STT_FUNC || row->type == STT_GNU_IFUNC;
}

static bool is_object(const struct elf_row *row)
{
	return row->type == STT_OBJECT || row->type == STT_COMMON;
}

static size_t sort_rows(struct elf_symbols *symbols, bool (*wanted)(const struct elf_row *),
			uint32_t **result)
{
	struct key *keys = calloc(symbols->n_rows + 1, sizeof(*keys));
	uint32_t *sorted;
	size_t n = 0, kept = 0;

	if (!keys)
		return 0;
	for (size_t i = 0; i < symbols->n_rows; i++)
		if (wanted(&symbols->rows[i]))
			keys[n++] = (struct key){ symbols->rows[i].vaddr, (uint32_t)i };
	qsort_r(keys, n, sizeof(*keys), by_address, symbols->rows);
	sorted = calloc(n + 1, sizeof(*sorted));
	for (size_t i = 0; i < n && sorted; i++)
		if (!i || keys[i - 1].vaddr != keys[i].vaddr)
			sorted[kept++] = keys[i].row;
	free(keys);
	symbols->memory += n * sizeof(*sorted);
	*result = sorted;
	return kept;
}

static bool find_at(const struct elf_symbols *symbols, const uint32_t *sorted, size_t n,
		    uint64_t vaddr, struct elf_symbol *result)
{
	size_t low = 0, high = n;

	/* The first that begins behind the address. */
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (symbols->rows[sorted[middle]].vaddr <= vaddr)
			low = middle + 1;
		else
			high = middle;
	}
	for (size_t back = 0; back < LOOK_BACK && back < low; back++) {
		const struct elf_row *row = &symbols->rows[sorted[low - 1 - back]];

		/* What was written in assembly may have no size: up to the next. */
		if (vaddr - row->vaddr < row->size || (!row->size && !back)) {
			*result = (struct elf_symbol){ row->name, row->vaddr, row->size };
			return true;
		}
	}
	return false;
}

/* --- by name -------------------------------------------------------------------------- */

/* Without the version that a linker appends: name@VERSION, name@@VERSION. */
static size_t name_length(const char *name)
{
	return strcspn(name, "@");
}

static size_t hash(const char *name, size_t length)
{
	uint32_t value = 2166136261u;

	for (size_t i = 0; i < length; i++)
		value = (value ^ (unsigned char)name[i]) * 16777619u;
	return value;
}

static bool same_name(const struct elf_row *row, const char *name, size_t length)
{
	return name_length(row->name) == length && !memcmp(row->name, name, length);
}

/* Where it is, or where there is room for it; NULL if too many others want that place. */
static uint32_t *name_slot(const struct elf_symbols *symbols, const char *name, size_t length)
{
	size_t mask = symbols->names_room - 1, at = hash(name, length) & mask;

	for (size_t probe = 0; probe < PROBES_MAX; probe++, at = (at + 1) & mask)
		if (!symbols->names[at] ||
		    same_name(&symbols->rows[symbols->names[at] - 1], name, length))
			return &symbols->names[at];
	return NULL;
}

/* The first of a name is kept: tables of locals come first. */
static void index_names(struct elf_symbols *symbols)
{
	size_t room = 64;

	while (room < 2 * symbols->n_rows)
		room *= 2;
	symbols->names = calloc(room, sizeof(*symbols->names));
	if (!symbols->names)
		return;
	symbols->names_room = room;
	symbols->memory += room * sizeof(*symbols->names);
	for (size_t i = 0; i < symbols->n_rows; i++) {
		const char *name = symbols->rows[i].name;
		uint32_t *slot = name_slot(symbols, name, name_length(name));

		if (slot && !*slot)
			*slot = (uint32_t)i + 1;
	}
}

/* --- for others ----------------------------------------------------------------------- */

void elf_symbols__read(struct elf_file *file)
{
	struct elf_symbols *symbols = &file->symbols;
	size_t own, exported;

	if (symbols->read)
		return;
	symbols->read = true;
	own = read_tables(file->image.elf, SHT_SYMTAB, symbols);
	exported = read_tables(file->image.elf, SHT_DYNSYM, symbols);
	/* Some are stripped but for a few symbols that a debugger needs. */
	if (own <= exported) {
		elf_debug__open(&file->debug, file);
		if (file->debug.elf)
			own += read_tables(file->debug.elf, SHT_SYMTAB, symbols);
	}
	symbols->has_symtab = own > 0;
	symbols->memory += symbols->room * sizeof(*symbols->rows);
	symbols->n_functions = sort_rows(symbols, is_function, &symbols->functions);
	symbols->n_objects = sort_rows(symbols, is_object, &symbols->objects);
}

void elf_symbols__free(struct elf_symbols *symbols)
{
	free(symbols->rows);
	free(symbols->functions);
	free(symbols->objects);
	free(symbols->names);
	memset(symbols, 0, sizeof(*symbols));
}

bool elf_file__function(struct elf_file *file, uint64_t vaddr, struct elf_symbol *symbol)
{
	elf_symbols__read(file);
	return find_at(&file->symbols, file->symbols.functions, file->symbols.n_functions, vaddr,
		       symbol);
}

bool elf_file__object(struct elf_file *file, uint64_t vaddr, struct elf_symbol *symbol)
{
	elf_symbols__read(file);
	return find_at(&file->symbols, file->symbols.objects, file->symbols.n_objects, vaddr,
		       symbol);
}

bool elf_file__find(struct elf_file *file, const char *name, struct elf_symbol *symbol)
{
	const struct elf_row *row;
	const uint32_t *slot;

	elf_symbols__read(file);
	if (!file->symbols.names_room)
		index_names(&file->symbols);
	if (!file->symbols.names_room)
		return false;
	slot = name_slot(&file->symbols, name, strlen(name));
	if (!slot || !*slot)
		return false;
	row = &file->symbols.rows[*slot - 1];
	*symbol = (struct elf_symbol){ row->name, row->vaddr, row->size };
	return true;
}

bool elf_file__has_symtab(struct elf_file *file)
{
	elf_symbols__read(file);
	return file->symbols.has_symtab;
}
