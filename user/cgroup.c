// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "cgroup.h"
#include "message.h"

/* The initial cgroup namespace (PROC_CGROUP_INIT_INO in include/linux/proc_ns.h). */
#define INITIAL_NAMESPACE "cgroup:[4026531835]"
/* FILEID_KERNFS in include/linux/exportfs.h: 8 bytes, the node's id. */
#define HANDLE_KERNFS 0xfe

/* In mountinfo a blank, tab, newline or backslash of a path is \ooo. */
static void unescape(char *text)
{
	char *out = text;

	for (; *text; text++) {
		if (text[0] == '\\' && text[1] && text[2] && text[3]) {
			*out++ = (char)((text[1] - '0') << 6 | (text[2] - '0') << 3 |
					(text[3] - '0'));
			text += 3;
		} else {
			*out++ = *text;
		}
	}
	*out = 0;
}

/* What of `path` follows `directory`, if it is that or below it; else NULL. */
static const char *below(const char *path, const char *directory)
{
	size_t length = strlen(directory);

	while (length && directory[length - 1] == '/')
		length--;
	if (strncmp(path, directory, length) || (path[length] && path[length] != '/'))
		return NULL;
	return path + length;
}

/* id parent major:minor ROOT POINT options [optional...] - TYPE source options */
static bool parse_mount(char *line, struct cgroup_mount *mount)
{
	char *fields[5], *rest = line, *type = strstr(line, " - ");

	if (!type || strncmp(type, " - cgroup2 ", strlen(" - cgroup2 ")))
		return false;
	*type = 0;
	for (size_t i = 0; i < 5; i++) {
		fields[i] = strsep(&rest, " ");
		if (!rest)
			return false;
	}
	unescape(fields[3]);
	unescape(fields[4]);
	return snprintf(mount->root, sizeof(mount->root), "%s", fields[3]) <
		       (int)sizeof(mount->root) &&
	       snprintf(mount->point, sizeof(mount->point), "%s", fields[4]) <
		       (int)sizeof(mount->point);
}

bool cgroup__find_mount(FILE *mountinfo, const char *path, struct cgroup_mount *mount)
{
	bool found = false, within = false;
	struct cgroup_mount *one = malloc(sizeof(*one));
	char *line = NULL;
	size_t size = 0;

	while (one && getline(&line, &size, mountinfo) >= 0) {
		if (!parse_mount(line, one))
			continue;
		if (path && below(path, one->point)) {
			/* Of mounts over each other the last is seen. */
			if (!within || strlen(one->point) >= strlen(mount->point))
				*mount = *one;
			found = within = true;
		} else if (!within && (!found || (strcmp(mount->root, "/") != 0 &&
						  strcmp(one->root, "/") == 0))) {
			*mount = *one;
			found = true;
		}
	}
	free(line);
	free(one);
	return found;
}

static int depth(const char *path)
{
	int n = 0;

	for (; *path; path++)
		n += path[0] == '/' && path[1] && path[1] != '/';
	return n;
}

int cgroup__level(const struct cgroup_mount *mount, const char *directory)
{
	const char *rest = below(directory, mount->point);

	return rest ? depth(mount->root) + depth(rest) : -EINVAL;
}

static bool find_own_mount(const char *path, struct cgroup_mount *mount)
{
	FILE *file = fopen("/proc/self/mountinfo", "re");
	bool found = file && cgroup__find_mount(file, path, mount);

	if (file)
		fclose(file);
	return found;
}

/* The kind of file system that a path is in; 0 when it does not exist or may not be seen. */
static unsigned long file_system(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) ? 0 : (unsigned long)fs.f_type;
}

/* The id of an open cgroup: the kernel's own, by its file handle. */
static int read_id(int fd, uint64_t *id)
{
	union {
		struct file_handle handle;
		char room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} u = { .handle = { .handle_bytes = MAX_HANDLE_SZ } };
	struct stat st;
	int mount_id;

	if (!name_to_handle_at(fd, "", &u.handle, &mount_id, AT_EMPTY_PATH) &&
	    u.handle.handle_type == HANDLE_KERNFS && u.handle.handle_bytes == sizeof(*id)) {
		memcpy(id, u.handle.f_handle, sizeof(*id));
		return 0;
	}
	/* The same number where ino_t has 64 bits, which the oldest kernel we take has. */
	if (fstat(fd, &st))
		return -errno;
	*id = st.st_ino;
	return 0;
}

/* Depth can only be told where the root of what is mounted is the root of all. */
static bool in_initial_namespace(void)
{
	char link[64];
	ssize_t n = readlink("/proc/self/ns/cgroup", link, sizeof(link) - 1);

	if (n < 0)
		return true;
	link[n] = 0;
	return !strcmp(link, INITIAL_NAMESPACE);
}

/*
 * Where the user's path is in the file system, into `place` (PATH_MAX bytes). What is
 * in a cgroup file system is meant as it is; else the path is one below the root of
 * version 2; and what is neither is returned as it is, for its message.
 */
static void locate(const char *path, const struct cgroup_mount *mount, bool mounted, char *place)
{
	bool from_here = !strcmp(path, ".") || !strcmp(path, "..") || !strncmp(path, "./", 2) ||
			 !strncmp(path, "../", 3);
	unsigned long magic = file_system(path);
	bool is_cgroup = magic == CGROUP2_SUPER_MAGIC || magic == CGROUP_SUPER_MAGIC;

	if (mounted && !from_here && !(*path == '/' && is_cgroup) &&
	    snprintf(place, PATH_MAX, "%s/%s", mount->point, path) < PATH_MAX &&
	    (!magic || file_system(place) == CGROUP2_SUPER_MAGIC))
		return;
	/* `cd /sys/fs/cgroup/system.slice; convoy record --cgroup x.service`, too. */
	snprintf(place, PATH_MAX, "%s", path);
}

/* Why what is at `place` is no cgroup of version 2. */
static int explain(const char *path, const char *place, const struct cgroup_mount *mount,
		   bool mounted)
{
	const char *point = mounted ? mount->point : NULL;
	unsigned long magic = file_system(place);
	int err = magic ? 0 : errno;

	if (!mounted) {
		message("--cgroup %s: no cgroup file system of version 2 is mounted (mount -t "
			"cgroup2 none DIRECTORY), and only there a process is in just one cgroup",
			path);
		return -EOPNOTSUPP;
	}
	if (magic == CGROUP_SUPER_MAGIC) {
		message("--cgroup %s: is a cgroup of version 1, where a process is in several at "
			"once; take its one of version 2, below %s (the line \"0::\" of "
			"/proc/PID/cgroup)",
			path, point);
		return -EINVAL;
	}
	if (magic) {
		message("--cgroup %s: is no cgroup; those are below %s", path, point);
		return -EINVAL;
	}
	if (err == EACCES || err == EPERM) {
		message("--cgroup %s: %s; run convoy as root", path, strerror(err));
		return -EACCES;
	}
	message("--cgroup %s: %s (looked for as a directory, and below %s)", path,
		err == ENOENT ? "there is no such cgroup" : strerror(err), point);
	return -EINVAL;
}

static int describe(const char *path, const char *place, struct cgroup_target *target)
{
	struct cgroup_mount mount;
	int level, fd, err;
	char *real;

	fd = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOTDIR) {
		message("--cgroup %s: is a file of a cgroup; name its directory", path);
		return -EINVAL;
	}
	if (fd < 0) {
		err = errno;
		message("--cgroup %s: %s", path, strerror(err));
		return err == EACCES || err == EPERM ? -EACCES : -EINVAL;
	}
	err = read_id(fd, &target->id);
	close(fd);
	real = realpath(place, NULL);
	if (!err && (!real || strlen(real) >= sizeof(target->directory)))
		err = real ? -ENAMETOOLONG : -errno;
	if (!err)
		strcpy(target->directory, real);
	free(real);
	if (!err && !find_own_mount(target->directory, &mount))
		err = -ENOENT;
	level = err ? err : cgroup__level(&mount, target->directory);
	if (level >= 0 &&
	    snprintf(target->name, sizeof(target->name), "%s%s",
		     strcmp(mount.root, "/") ? mount.root : "",
		     below(target->directory, mount.point)) >= (int)sizeof(target->name))
		level = -ENAMETOOLONG;
	if (level < 0) {
		message("--cgroup %s: cannot tell where it is: %s", path, strerror(-level));
		return -EINVAL;
	}
	target->level = (uint32_t)level;
	return 0;
}

int cgroup__find(const char *path, struct cgroup_target *target)
{
	struct cgroup_mount mount = { .point = "" };
	bool mounted = find_own_mount(NULL, &mount);
	char place[PATH_MAX] = "";
	int err;

	memset(target, 0, sizeof(*target));
	if (strlen(path) >= sizeof(place)) {
		message("--cgroup: the path is longer than %zu bytes", sizeof(place) - 1);
		return -EINVAL;
	}
	locate(path, &mount, mounted, place);
	if (file_system(place) != CGROUP2_SUPER_MAGIC)
		return explain(path, place, &mount, mounted);
	err = describe(path, place, target);
	if (err)
		return err;
	if (!in_initial_namespace()) {
		message("--cgroup %s: convoy is in a cgroup namespace (a container), which hides "
			"how deep a cgroup is; run it outside, or with the host's "
			"(docker run --cgroupns=host)",
			path);
		return -EOPNOTSUPP;
	}
	if (!target->level) {
		message("--cgroup %s: is the root, so everything is below it: use -a", path);
		return -EINVAL;
	}
	return 0;
}

bool cgroup__gone(const struct cgroup_target *target)
{
	int fd = open(target->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	uint64_t id = 0;
	bool gone;

	if (fd < 0)
		return errno == ENOENT || errno == ENODEV;
	gone = !read_id(fd, &id) && id != target->id;
	close(fd);
	return gone;
}
