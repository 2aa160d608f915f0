// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "map_build_id.h"
#include "map_file.h"
#include "map_proc.h"

/* Distinct files of one process of which the build-id is asked. */
#define FILES_MAX 1024

/* A file that the process has mapped executable. */
struct mapped_file {
	uint32_t major, minor;
	uint64_t inode;
	struct build_id id;
};

struct map_proc {
	struct build_id_cache *cache;
	struct mapped_file *files;	/* of the process that is being read */
	size_t n_files, room;
	uint64_t unread;		/* files, of all processes */
	char line[MAP_PROC_LINE_BYTES + 1];
};

int map_proc__new(struct map_proc **result)
{
	struct map_proc *map_proc = calloc(1, sizeof(*map_proc));

	if (map_proc)
		map_proc->cache = build_id_cache__new();
	if (!map_proc || !map_proc->cache) {
		free(map_proc);
		return -ENOMEM;
	}
	*result = map_proc;
	return 0;
}

void map_proc__free(struct map_proc *map_proc)
{
	if (!map_proc)
		return;
	build_id_cache__free(map_proc->cache);
	free(map_proc->files);
	free(map_proc);
}

uint64_t map_proc__unread(const struct map_proc *map_proc)
{
	return map_proc->unread;
}

/* --- one line ----------------------------------------------------------------------- */

/* A number at *at in that base (10 or 16), ended by `until`, which is skipped. */
static bool number(const char **at, unsigned int base, char until, uint64_t *value)
{
	const char *p = *at;

	for (*value = 0; *p && *p != until; p++) {
		unsigned int digit;

		if (*p >= '0' && *p <= '9')
			digit = (unsigned int)(*p - '0');
		else if (*p >= 'a' && *p <= 'f')
			digit = (unsigned int)(*p - 'a') + 10;
		else
			return false;
		if (digit >= base || *value > (UINT64_MAX - digit) / base)
			return false;
		*value = *value * base + digit;
	}
	if (p == *at || *p != until)
		return false;
	*at = until ? p + 1 : p;
	return true;
}

static bool is_octal(const char *p)
{
	return p[0] >= '0' && p[0] <= '3' && p[1] >= '0' && p[1] <= '7' && p[2] >= '0' &&
	       p[2] <= '7';
}

/* The kernel writes a newline as \012, in place. */
static void decode(char *path)
{
	char *to = path;

	for (const char *p = path; *p;) {
		if (*p == '\\' && is_octal(p + 1)) {
			*to++ = (char)((p[1] - '0') * 64 + (p[2] - '0') * 8 + (p[3] - '0'));
			p += 4;
		} else {
			*to++ = *p++;
		}
	}
	*to = '\0';
}

/* "rwxp", each letter or '-', the last one 's' for shared. */
static bool permissions(const char **at, struct mapping *mapping)
{
	const char *p = *at;

	if ((p[0] != 'r' && p[0] != '-') || (p[1] != 'w' && p[1] != '-') ||
	    (p[2] != 'x' && p[2] != '-') || (p[3] != 'p' && p[3] != 's') || p[4] != ' ')
		return false;
	mapping->executable = p[2] == 'x';
	mapping->shared = p[3] == 's';
	*at = p + 5;
	return true;
}

int map_proc__parse_line(struct mapping *mapping, char *line, size_t length)
{
	uint64_t end, major_nr, minor_nr;
	const char *at = line;
	char *path;

	memset(mapping, 0, sizeof(*mapping));
	mapping->kind = MAPPING_FILE;
	mapping->path = "";
	line[length] = '\0';
	if (strlen(line) != length)
		return -EBADMSG;
	if (!number(&at, 16, '-', &mapping->start) || !number(&at, 16, ' ', &end) ||
	    !permissions(&at, mapping) || !number(&at, 16, ' ', &mapping->offset) ||
	    !number(&at, 16, ':', &major_nr) || !number(&at, 16, ' ', &minor_nr))
		return -EBADMSG;
	/* Behind the inode come blanks and a path, or nothing at all. */
	path = strchr(at, ' ');
	if (!number(&at, 10, path ? ' ' : '\0', &mapping->inode))
		return -EBADMSG;
	if (end < mapping->start || major_nr > UINT32_MAX || minor_nr > UINT32_MAX)
		return -EBADMSG;
	mapping->length = end - mapping->start;
	mapping->major = (uint32_t)major_nr;
	mapping->minor = (uint32_t)minor_nr;
	if (!path)
		return 0;
	path += strspn(path, " ");
	decode(path);
	if (strlen(path) < MAPPING_PATH_MAX)
		mapping->path = path;
	return 0;
}

/* --- build-ids ---------------------------------------------------------------------- */

static bool same_file(const struct mapped_file *file, const struct mapping *mapping)
{
	return file->inode == mapping->inode && file->major == mapping->major &&
	       file->minor == mapping->minor;
}

static const struct mapped_file *find_file(const struct map_proc *map_proc,
					   const struct mapping *mapping)
{
	for (size_t i = 0; i < map_proc->n_files; i++)
		if (same_file(&map_proc->files[i], mapping))
			return &map_proc->files[i];
	return NULL;
}

/* Note the file of an executable mapping, with its build-id. */
static int note_file(struct map_proc *map_proc, int proc, const struct mapping *mapping)
{
	struct mapped_file *file, *grown;
	int fd;

	if (!mapping->executable || !mapping->inode || map_proc->n_files == FILES_MAX ||
	    find_file(map_proc, mapping))
		return 0;
	if (map_proc->n_files == map_proc->room) {
		size_t room = map_proc->room ? 2 * map_proc->room : 64;

		grown = realloc(map_proc->files, room * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		map_proc->files = grown;
		map_proc->room = room;
	}
	file = &map_proc->files[map_proc->n_files++];
	*file = (struct mapped_file){ mapping->major, mapping->minor, mapping->inode, { 0 } };
	fd = map_file__open(proc, mapping);
	if (fd >= 0) {
		file->id = build_id_cache__get(map_proc->cache, fd);
		close(fd);
	}
	map_proc->unread += fd < 0 || file->id.unread;
	return 0;
}

/* --- a process ---------------------------------------------------------------------- */

/* What is known of the process that is being read, and who wants to know. */
struct reading {
	struct map_proc *map_proc;
	int proc;		/* its directory: of this process, or of none */
	uint32_t host_pid;
	uint64_t time_ns;
	mapping_fn fn;
	void *ctx;
};

/* Returns 1 when the process is gone. */
static int hand_over_exec(struct reading *reading)
{
	struct mapping mapping = { .kind = MAPPING_EXEC,
				   .pid = reading->host_pid,
				   .time_ns = reading->time_ns };
	char path[MAPPING_PATH_MAX];
	ssize_t n = readlinkat(reading->proc, "exe", path, sizeof(path) - 1);
	int fd, err;

	if (n < 0) {
		fd = openat(reading->proc, "comm", O_RDONLY | O_CLOEXEC);
		n = fd < 0 ? -1 : read(fd, path, sizeof(path) - 1);
		if (fd >= 0)
			close(fd);
		if (n > 0 && path[n - 1] == '\n')
			n--;
	}
	if (n < 0)
		return 1;
	path[n] = '\0';
	mapping.path = path;
	err = reading->fn(reading->ctx, &mapping);
	return err < 0 ? err : 0;
}

static int hand_over_file(struct reading *reading, struct mapping *mapping)
{
	const struct mapped_file *file;
	int err;

	if (!mapping->inode && !mapping->shared && !*mapping->path)
		return 0;
	file = mapping->inode ? find_file(reading->map_proc, mapping) : NULL;
	if (file) {
		mapping->build_id_size = file->id.size;
		memcpy(mapping->build_id, file->id.bytes, file->id.size);
	}
	mapping->pid = reading->host_pid;
	mapping->time_ns = reading->time_ns;
	err = reading->fn(reading->ctx, mapping);
	return err < 0 ? err : 0;
}

/* All lines of maps, once: to note the executable files, or to hand over. Lines that
 * make no sense are skipped. */
static int each_line(struct reading *reading, FILE *maps, bool noting)
{
	struct map_proc *map_proc = reading->map_proc;
	struct mapping mapping;
	int err = 0;

	rewind(maps);
	while (!err && fgets(map_proc->line, sizeof(map_proc->line), maps)) {
		size_t length = strcspn(map_proc->line, "\n");

		for (int c = map_proc->line[length]; c != '\n' && c != EOF;)
			c = fgetc(maps);
		if (map_proc__parse_line(&mapping, map_proc->line, length))
			continue;
		err = noting ? note_file(map_proc, reading->proc, &mapping) :
			       hand_over_file(reading, &mapping);
	}
	return err;
}

int map_proc__read(struct map_proc *map_proc, pid_t pid, uint32_t host_pid, uint64_t time_ns,
		   mapping_fn fn, void *ctx)
{
	struct reading reading = { map_proc, -1, host_pid, time_ns, fn, ctx };
	FILE *maps;
	char path[64];
	int fd, err;

	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	reading.proc = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (reading.proc < 0)
		return errno == ENOENT ? 0 : -errno;
	err = hand_over_exec(&reading);
	if (err)
		goto out;
	fd = openat(reading.proc, "maps", O_RDONLY | O_CLOEXEC);
	maps = fd < 0 ? NULL : fdopen(fd, "r");
	if (!maps) {
		err = errno == ESRCH || errno == ENOENT ? 1 : -errno;
		if (fd >= 0)
			close(fd);
		goto out;
	}
	map_proc->n_files = 0;
	err = each_line(&reading, maps, true);
	if (!err)
		err = each_line(&reading, maps, false);
	fclose(maps);
out:
	close(reading.proc);
	/* Gone: what was handed over is what there was. */
	return err > 0 ? 0 : err;
}
