// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "map_file.h"
#include "map_proc.h"

/* What the kernel calls the file at `fd` in a line of maps: on some file systems (btrfs,
 * overlayfs) stat(2) gives another device. Found by mapping a page of it. */
static bool is_mapped_as(int fd, const struct mapping *mapping)
{
	char path[64], line[MAP_PROC_LINE_BYTES];
	struct mapping own = { 0 };
	bool found = false;
	void *memory;
	FILE *maps;
	int file;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	file = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (file < 0)
		return false;
	memory = mmap(NULL, 1, PROT_READ, MAP_PRIVATE, file, 0);
	close(file);
	if (memory == MAP_FAILED)
		return false;
	maps = fopen("/proc/self/maps", "re");
	while (maps && !found && fgets(line, sizeof(line), maps)) {
		size_t length = strcspn(line, "\n");

		found = !map_proc__parse_line(&own, line, length) &&
			own.start == (uint64_t)(uintptr_t)memory;
	}
	if (maps)
		fclose(maps);
	munmap(memory, 1);
	return found && own.inode == mapping->inode && own.major == mapping->major &&
	       own.minor == mapping->minor;
}

/* Is the file at `fd`, found by its path, the one that was mapped? Nothing but a regular
 * file is opened for that. */
static bool is_the_file(int fd, const struct mapping *mapping)
{
	struct stat st;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		return false;
	/* Where the kernel told the build-id instead, whoever reads the file compares that. */
	if (!mapping->inode)
		return mapping->build_id_size > 0;
	if (st.st_ino == mapping->inode && major(st.st_dev) == mapping->major &&
	    minor(st.st_dev) == mapping->minor)
		return true;
	return is_mapped_as(fd, mapping);
}

/* O_PATH: nothing wakes up, nothing blocks, until it is known to be a regular file. */
#define OPEN_FLAGS (O_PATH | O_CLOEXEC)

/* The mapped file itself, whatever became of its path; needs CAP_CHECKPOINT_RESTORE. */
static int open_mapped(int proc, const struct mapping *mapping)
{
	char path[64];
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "map_files/%" PRIx64 "-%" PRIx64, mapping->start,
		 mapping->start + mapping->length);
	fd = openat(proc, path, OPEN_FLAGS);
	if (fd < 0)
		return -errno;
	/* Another file could have been mapped there since. */
	if (!fstat(fd, &st) && st.st_ino == mapping->inode)
		return fd;
	close(fd);
	return -ESTALE;
}

/* The file at that path, from that directory, if it is the one that was mapped. */
static int open_if_it_is(int directory, const char *path, const struct mapping *mapping)
{
	int fd = openat(directory, path, OPEN_FLAGS);

	if (fd >= 0 && is_the_file(fd, mapping))
		return fd;
	if (fd >= 0)
		close(fd);
	return -ENOENT;
}

/* By its path, as the process sees it or, below a chroot, as this one does. */
static int open_by_path(int proc, const struct mapping *mapping)
{
	char path[MAPPING_PATH_MAX + 8];
	int fd = -ENOENT;

	if (mapping->path[0] != '/')
		return -ENOENT;
	if (proc >= 0) {
		snprintf(path, sizeof(path), "root%s", mapping->path);
		fd = open_if_it_is(proc, path, mapping);
	}
	return fd >= 0 ? fd : open_if_it_is(AT_FDCWD, mapping->path, mapping);
}

int map_file__open(int proc, const struct mapping *mapping)
{
	int fd = proc >= 0 && mapping->inode ? open_mapped(proc, mapping) : -ENOENT;

	if (fd < 0)
		fd = open_by_path(proc, mapping);
	/* The program, also below a directory that is not open to this process. */
	if (fd < 0 && proc >= 0)
		fd = open_if_it_is(proc, "exe", mapping);
	return fd;
}

int map_file__reopen_to_read(int fd)
{
	int readable = -ENOENT;
	char path[64];
	struct stat st;

	if (!fstat(fd, &st) && S_ISREG(st.st_mode)) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		readable = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		if (readable < 0)
			readable = -errno;
	}
	close(fd);
	return readable;
}

int map_file__open_to_read(int proc, const struct mapping *mapping)
{
	int fd = map_file__open(proc, mapping);

	return fd < 0 ? fd : map_file__reopen_to_read(fd);
}
