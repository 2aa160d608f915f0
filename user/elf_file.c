// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "elf_parts.h"
#include "map_build_id.h"

/* Headers that are read: libelf takes memory for as many as the file says there are. */
#define SEGMENTS_MAX 1024

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define NATIVE_DATA ELFDATA2LSB
#else
#define NATIVE_DATA ELFDATA2MSB
#endif

/* --- opening -------------------------------------------------------------------------- */

/*
 * Before libelf sees it: of this machine's kind, and with numbers of headers that stand in
 * the header itself. (Larger ones stand elsewhere, and may be anything.)
 */
static bool is_sound(int fd)
{
	Elf64_Ehdr header;

	return pread(fd, &header, sizeof(header), 0) == (ssize_t)sizeof(header) &&
	       !memcmp(header.e_ident, ELFMAG, SELFMAG) && header.e_ident[EI_CLASS] == ELFCLASS64 &&
	       header.e_ident[EI_DATA] == NATIVE_DATA && header.e_phnum <= SEGMENTS_MAX &&
	       (header.e_shnum || !header.e_shoff) &&
	       header.e_phentsize == (header.e_phnum ? sizeof(Elf64_Phdr) : header.e_phentsize);
}

int elf_image__open(struct elf_image *image, int fd)
{
	image->fd = fd;
	image->elf = NULL;
	if (elf_version(EV_CURRENT) != EV_NONE && is_sound(fd))
		image->elf = elf_begin(fd, ELF_C_READ, NULL);
	if (image->elf && elf_kind(image->elf) == ELF_K_ELF && elf64_getehdr(image->elf))
		return 0;
	elf_image__close(image);
	return -ENOEXEC;
}

void elf_image__close(struct elf_image *image)
{
	if (image->elf)
		elf_end(image->elf);
	if (image->fd >= 0)
		close(image->fd);
	image->elf = NULL;
	image->fd = -1;
}

static int read_loads(struct elf_file *file)
{
	const Elf64_Phdr *segments = elf64_getphdr(file->image.elf);
	size_t n;

	if (elf_getphdrnum(file->image.elf, &n) || !segments)
		return 0;
	file->loads = calloc(n ? n : 1, sizeof(*file->loads));
	if (!file->loads)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const Elf64_Phdr *from = &segments[i];

		if (from->p_type != PT_LOAD || from->p_memsz < from->p_filesz ||
		    from->p_vaddr + from->p_memsz < from->p_vaddr ||
		    from->p_offset + from->p_filesz < from->p_offset)
			continue;
		file->loads[file->n_loads++] = *from;
	}
	return 0;
}

int elf_file__open(struct elf_file **result, int fd, const char *path, const uint8_t *build_id,
		   size_t build_id_size)
{
	struct elf_file *file = calloc(1, sizeof(*file));
	struct build_id own = build_id__of_elf(fd);
	int err = 0;

	if (!file) {
		close(fd);
		return -ENOMEM;
	}
	file->image.fd = fd;
	file->debug.fd = -1;
	if (build_id_size &&
	    (own.size != build_id_size || memcmp(own.bytes, build_id, build_id_size)))
		err = -ESTALE;
	if (!err)
		err = elf_image__open(&file->image, fd);
	if (!err)
		err = read_loads(file);
	if (!err) {
		file->path = strdup(path);
		err = file->path ? 0 : -ENOMEM;
	}
	if (err) {
		elf_file__free(file);
		return err;
	}
	*result = file;
	return 0;
}

void elf_file__free(struct elf_file *file)
{
	if (!file)
		return;
	elf_frames__free(file);
	elf_symbols__free(&file->symbols);
	elf_image__close(&file->debug);
	elf_image__close(&file->image);
	free(file->loads);
	free(file->path);
	free(file);
}

size_t elf_file__memory(const struct elf_file *file)
{
	return sizeof(*file) + file->symbols.memory + file->cfi_memory;
}

/* --- addresses ------------------------------------------------------------------------ */

static uint64_t page_of(uint64_t address)
{
	return address & ~((uint64_t)sysconf(_SC_PAGESIZE) - 1);
}

/*
 * A page of the file can belong to two segments, where one ends and the next begins: then
 * it is more likely the beginning of a segment that was mapped there, and code, since that
 * is what is told of processes' mappings.
 */
static int fit(const Elf64_Phdr *load, uint64_t offset)
{
	if (offset < page_of(load->p_offset) || offset >= load->p_offset + load->p_filesz)
		return 0;
	return 1 + (offset == page_of(load->p_offset)) + 2 * !!(load->p_flags & PF_X);
}

bool elf_file__bias(const struct elf_file *file, uint64_t start, uint64_t offset, uint64_t *bias)
{
	const Elf64_Phdr *best = NULL;

	for (size_t i = 0; i < file->n_loads; i++)
		if (fit(&file->loads[i], offset) > (best ? fit(best, offset) : 0))
			best = &file->loads[i];
	if (!best)
		return false;
	*bias = start - (best->p_vaddr + (offset - best->p_offset));
	return true;
}

void elf_file__extent(const struct elf_file *file, uint64_t *lowest, uint64_t *end)
{
	*lowest = file->n_loads ? UINT64_MAX : 0;
	*end = 0;
	for (size_t i = 0; i < file->n_loads; i++) {
		const Elf64_Phdr *load = &file->loads[i];

		if (page_of(load->p_vaddr) < *lowest)
			*lowest = page_of(load->p_vaddr);
		if (load->p_vaddr + load->p_memsz > *end)
			*end = load->p_vaddr + load->p_memsz;
	}
}

int elf_file__read(struct elf_file *file, uint64_t vaddr, void *buffer, size_t size)
{
	for (size_t i = 0; i < file->n_loads; i++) {
		const Elf64_Phdr *load = &file->loads[i];
		uint64_t at = vaddr - load->p_vaddr;
		size_t n = 0;

		if (vaddr < load->p_vaddr || at > load->p_memsz || size > load->p_memsz - at)
			continue;
		if (at < load->p_filesz)
			n = size < load->p_filesz - at ? size : load->p_filesz - at;
		if (load->p_offset + at > INT64_MAX ||
		    (n &&
		     pread(file->image.fd, buffer, n, (off_t)(load->p_offset + at)) != (ssize_t)n))
			return -EFAULT;
		memset((char *)buffer + n, 0, size - n);
		return 0;
	}
	return -EFAULT;
}
