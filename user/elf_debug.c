// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "elf_parts.h"
#include "map_build_id.h"
#include "map_file.h"

#define DEBUG_ROOT "/usr/lib/debug"
#define DEBUG_PATH_MAX 4352
/* A file that is told by its checksum has to be read for it. */
#define CHECKSUM_MAX (64u << 20)

/* Whoever made the program chose the name: a FIFO or a device there must not be woken up. */
static int open_regular(const char *path)
{
	int fd = open(path, O_PATH | O_CLOEXEC);

	return fd < 0 ? -errno : map_file__reopen_to_read(fd);
}

/* A file that was read in vain, and may lie at another of the places, too. */
struct tried {
	dev_t device;
	ino_t inode;
};

/*
 * Worth reading for its checksum: not too large, not read in vain before, and of the same
 * kind of program, which its first bytes tell. (The link tells no size.)
 */
static bool is_candidate(int fd, int program, struct tried *tried)
{
	Elf64_Ehdr its, own;
	struct stat st;

	if (fstat(fd, &st) || st.st_size > (off_t)CHECKSUM_MAX ||
	    (st.st_dev == tried->device && st.st_ino == tried->inode))
		return false;
	*tried = (struct tried){ st.st_dev, st.st_ino };
	return pread(fd, &its, sizeof(its), 0) == (ssize_t)sizeof(its) &&
	       pread(program, &own, sizeof(own), 0) == (ssize_t)sizeof(own) &&
	       !memcmp(its.e_ident, own.e_ident, EI_VERSION + 1) && its.e_type == own.e_type &&
	       its.e_machine == own.e_machine;
}

static bool has_checksum(int fd, uint32_t wanted)
{
	uint8_t buffer[16384];
	uLong sum = crc32(0, NULL, 0);
	off_t at = 0;
	ssize_t n = 1;

	while (at <= (off_t)CHECKSUM_MAX && (n = pread(fd, buffer, sizeof(buffer), at)) > 0) {
		sum = crc32(sum, buffer, (uInt)n);
		at += n;
	}
	return !n && (uint32_t)sum == wanted;
}

/* The file at that path, if it is what belongs to the program. */
static bool open_if_own(struct elf_image *debug, const char *path, const struct build_id *id,
			uint32_t checksum, int program, struct tried *tried)
{
	int fd = open_regular(path);
	struct build_id its;

	if (fd < 0)
		return false;
	its = build_id__of_elf(fd);
	if (id->size ? its.size != id->size || memcmp(its.bytes, id->bytes, id->size) :
		       !is_candidate(fd, program, tried) || !has_checksum(fd, checksum)) {
		close(fd);
		return false;
	}
	return !elf_image__open(debug, fd);
}

/* The name in .gnu_debuglink, and the checksum behind it. */
static bool read_link(Elf *elf, char *name, size_t size, uint32_t *checksum)
{
	Elf_Scn *section = NULL;
	size_t names, length;

	if (elf_getshdrstrndx(elf, &names))
		return false;
	while ((section = elf_nextscn(elf, section))) {
		const Elf64_Shdr *header = elf64_getshdr(section);
		const char *its = header ? elf_strptr(elf, names, header->sh_name) : NULL;
		Elf_Data *data;

		if (!its || strcmp(its, ".gnu_debuglink") || header->sh_size > size)
			continue;
		data = elf_rawdata(section, NULL);
		length = data && data->d_buf ? strnlen(data->d_buf, data->d_size) : 0;
		if (!length || ((length + 4) & ~3ul) + 4 > data->d_size ||
		    memchr(data->d_buf, '/', length))
			return false;
		memcpy(name, data->d_buf, length + 1);
		memcpy(checksum, (char *)data->d_buf + ((length + 4) & ~3ul), 4);
		return true;
	}
	return false;
}

void elf_debug__open(struct elf_image *debug, const struct elf_file *file)
{
	static const struct {
		const char *before, *after;	/* the program's directory */
	} places[] = { { "", "" }, { "", ".debug/" }, { DEBUG_ROOT, "" } };
	struct build_id id = build_id__of_elf(file->image.fd);
	const char *slash = strrchr(file->path, '/');
	char path[DEBUG_PATH_MAX], name[256], hex[2 * sizeof(id.bytes) + 1];
	struct tried tried = { 0 };
	uint32_t checksum = 0;

	debug->elf = NULL;
	debug->fd = -1;
	for (size_t i = 0; i < id.size; i++)
		sprintf(hex + 2 * i, "%02x", id.bytes[i]);
	if (id.size > 1) {
		snprintf(path, sizeof(path), DEBUG_ROOT "/.build-id/%.2s/%s.debug", hex, hex + 2);
		if (open_if_own(debug, path, &id, 0, file->image.fd, &tried))
			return;
	}
	if (!slash || file->path[0] != '/' ||
	    !read_link(file->image.elf, name, sizeof(name), &checksum))
		return;
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		int n = snprintf(path, sizeof(path), "%s%.*s%s%s", places[i].before,
				 (int)(slash - file->path) + 1, file->path, places[i].after, name);

		if (n > 0 && (size_t)n < sizeof(path) &&
		    open_if_own(debug, path, &id, checksum, file->image.fd, &tried))
			return;
	}
}
