// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/capability.h>

#include "identity.h"
#include "message.h"
#include "workloads/parse_number.h"

/* A passwd entry in memory of its own; 0, -ENOENT or another negative errno. */
static int look_up(const char *name, struct passwd *entry, char **memory)
{
	unsigned long long uid;
	struct passwd *found = NULL;
	size_t size = 1024;
	int err;

	*memory = NULL;
	do {
		char *grown = realloc(*memory, size *= 2);

		if (!grown)
			return -ENOMEM;
		*memory = grown;
		err = getpwnam_r(name, entry, grown, size, &found);
		if (err != ERANGE && !found && !parse__u64(name, 0, UINT32_MAX - 1, &uid))
			err = getpwuid_r((uid_t)uid, entry, grown, size, &found);
	} while (err == ERANGE && size < 1u << 20);
	if (found)
		return 0;
	/* Some databases say "not there" as an error. */
	return !err || err == ESRCH || err == EBADF || err == EPERM ? -ENOENT : -err;
}

static int find_groups(struct identity *identity)
{
	int n = 32;

	for (;;) {
		int room = n;
		gid_t *grown = realloc(identity->groups, (size_t)n * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		identity->groups = grown;
		if (getgrouplist(identity->name, identity->gid, grown, &n) >= 0) {
			identity->n_groups = n;
			return 0;
		}
		if (n <= room)
			n = 2 * room;
		if (n > 1 << 20)
			return -E2BIG;
	}
}

int identity__look_up(const char *name, struct identity *identity)
{
	struct passwd entry;
	char *memory;
	int err;

	memset(identity, 0, sizeof(*identity));
	err = look_up(name, &entry, &memory);
	if (!err) {
		bool shell = entry.pw_shell && *entry.pw_shell;

		identity->uid = entry.pw_uid;
		identity->gid = entry.pw_gid;
		identity->name = strdup(entry.pw_name);
		identity->home = strdup(entry.pw_dir && *entry.pw_dir ? entry.pw_dir : "/");
		identity->shell = strdup(shell ? entry.pw_shell : "/bin/sh");
		if (!identity->name || !identity->home || !identity->shell)
			err = -ENOMEM;
	}
	free(memory);
	return err ? err : find_groups(identity);
}

int identity__find(const char *name, struct identity *identity)
{
	int err = identity__look_up(name, identity);

	if (err == -ENOENT)
		message("--as: there is no user '%s'", name);
	else if (err)
		message("--as: cannot look up user '%s': %s", name, strerror(-err));
	return err;
}

void identity__free(struct identity *identity)
{
	free(identity->groups);
	free(identity->name);
	free(identity->home);
	free(identity->shell);
	memset(identity, 0, sizeof(*identity));
}

static bool is_already(const struct identity *identity)
{
	uid_t ruid, euid, suid;
	gid_t rgid, egid, sgid;

	return !getresuid(&ruid, &euid, &suid) && !getresgid(&rgid, &egid, &sgid) &&
	       ruid == identity->uid && euid == ruid && suid == ruid && rgid == identity->gid &&
	       egid == rgid && sgid == rgid;
}

/* Bits of CapEff in /proc/self/status; 0 when it cannot be read. */
static uint64_t effective_capabilities(void)
{
	FILE *file = fopen("/proc/self/status", "re");
	unsigned long long bits = 0;
	char line[256];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "CapEff: %llx", &bits) == 1)
			break;
	if (file)
		fclose(file);
	return bits;
}

/* linux/capability.h */
#define CAP_SETGID_BIT 6
#define CAP_SETUID_BIT 7

int identity__may_switch(const struct identity *identity)
{
	uint64_t needed = 1u << CAP_SETGID_BIT | 1u << CAP_SETUID_BIT;

	if (is_already(identity) || (effective_capabilities() & needed) == needed)
		return 0;
	message("--as %s: starting a command as another user needs root (CAP_SETUID and "
		"CAP_SETGID): sudo convoy record --as %s -- ...",
		identity->name, identity->name);
	return -EPERM;
}

/* Capabilities that would outlive exec: what convoy was given to trace with (setpriv
 * --ambient-caps, pam_cap) is not the user's. Root has them all by its number. */
static int forget_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) && errno != EINVAL)
		return -errno;
	if (syscall(SYS_capget, &header, data))
		return -errno;
	for (size_t i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
		data[i].inheritable = 0;
	return syscall(SYS_capset, &header, data) ? -errno : 0;
}

int identity__switch(const struct identity *identity)
{
	int err;

	/* Who may not choose groups, and is the user already, has those of the session. */
	if (setgroups((size_t)identity->n_groups, identity->groups) &&
	    !(errno == EPERM && is_already(identity)))
		return -errno;
	if (!is_already(identity) && (setresgid(identity->gid, identity->gid, identity->gid) ||
				      setresuid(identity->uid, identity->uid, identity->uid)))
		return -errno;
	err = forget_capabilities();
	if (err)
		return err;
	return is_already(identity) ? 0 : -EPERM;
}

const char *environ__get(char *const *environment, const char *name)
{
	size_t length = strlen(name);

	for (; *environment; environment++)
		if (!strncmp(*environment, name, length) && (*environment)[length] == '=')
			return *environment + length + 1;
	return NULL;
}

const char *identity__place(size_t i)
{
	/* Those that their users put first come first. */
	static const char *const places[] = {
		".pyenv/shims", ".rbenv/shims", ".local/bin", "bin", ".cargo/bin", "go/bin",
	};

	return i < sizeof(places) / sizeof(*places) ? places[i] : NULL;
}

/* Is `directory` one of those between the colons? */
static bool has_directory(const char *path, const char *directory)
{
	size_t length = strlen(directory);

	for (;;) {
		size_t n = strcspn(path, ":");

		if (n == length && !memcmp(path, directory, n))
			return true;
		if (!path[n])
			return false;
		path += n + 1;
	}
}

/* "PATH=..." with the places of the user's that exist and are not in `old`. */
static char *make_path(const struct identity *identity, const char *old)
{
	char *text = NULL, directory[4096];
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	struct stat st;

	if (!out)
		return NULL;
	fputs("PATH=", out);
	/* Services often have / as home, whose bin is nobody's own. */
	for (size_t i = 0; identity__place(i) && strcmp(identity->home, "/"); i++) {
		if (snprintf(directory, sizeof(directory), "%s/%s", identity->home,
			     identity__place(i)) >= (int)sizeof(directory) ||
		    strchr(directory, ':') || has_directory(old, directory))
			continue;
		if (!stat(directory, &st) && S_ISDIR(st.st_mode))
			fprintf(out, "%s:", directory);
	}
	fputs(old, out);
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}

static bool is_variable(const char *entry, const char *name)
{
	size_t length = strlen(name);

	return !strncmp(entry, name, length) && entry[length] == '=';
}

/* Does a variable of the old environment go, or get another value? */
static bool is_dropped(const char *entry, const struct identity *identity)
{
	static const char *const names[] = { "HOME", "USER", "LOGNAME", "SHELL", "MAIL", "PATH" };
	char runtime[64];

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (is_variable(entry, names[i]))
			return true;
	if (!strncmp(entry, "SUDO_", 5))
		return true;
	snprintf(runtime, sizeof(runtime), "XDG_RUNTIME_DIR=/run/user/%u", identity->uid);
	return is_variable(entry, "XDG_RUNTIME_DIR") && strcmp(entry, runtime);
}

static char *assign(const char *name, const char *value)
{
	char *entry = NULL;

	return asprintf(&entry, "%s=%s", name, value) < 0 ? NULL : entry;
}

char **identity__environ(const struct identity *identity, char *const *environment)
{
	const char *path = environ__get(environment, "PATH");
	size_t n = 0, used = 0;
	bool complete = true;
	char **copy;

	while (environment[n])
		n++;
	copy = calloc(n + 6, sizeof(*copy));
	if (!copy)
		return NULL;
	copy[used++] = assign("HOME", identity->home);
	copy[used++] = assign("USER", identity->name);
	copy[used++] = assign("LOGNAME", identity->name);
	copy[used++] = assign("SHELL", identity->shell);
	/* What execvp(3) takes when there is none. */
	copy[used++] = make_path(identity, path ? path : "/bin:/usr/bin");
	for (size_t i = 0; i < n; i++)
		if (!is_dropped(environment[i], identity))
			copy[used++] = strdup(environment[i]);
	for (size_t i = 0; i < used; i++)
		complete &= copy[i] != NULL;
	if (complete)
		return copy;
	for (size_t i = 0; i < used; i++)
		free(copy[i]);
	free(copy);
	return NULL;
}

void identity__free_environ(char **environment)
{
	for (size_t i = 0; environment && environment[i]; i++)
		free(environment[i]);
	free(environment);
}
