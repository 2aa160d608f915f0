// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exec_error.h"
#include "exit_codes.h"
#include "message.h"
#include "parse_option.h"

extern char **environ;

static bool is_program(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISREG(st.st_mode) && (st.st_mode & 0111);
}

/* "DIRECTORY/NAME", if that fits and is a program. */
static bool try(char *found, const char *directory, const char *name)
{
	return snprintf(found, PATH_MAX, "%s/%s", directory, name) < PATH_MAX && is_program(found);
}

/* Programs of any version of Node.js that nvm installed. */
static bool find_in_nvm(const char *home, const char *name, char *found)
{
	char directory[PATH_MAX], bin[PATH_MAX];
	struct dirent *entry;
	bool done = false;
	DIR *versions;

	if (snprintf(directory, sizeof(directory), "%s/.nvm/versions/node", home) >=
	    (int)sizeof(directory))
		return false;
	versions = opendir(directory);
	while (versions && !done && (entry = readdir(versions)))
		done = entry->d_name[0] != '.' &&
		       snprintf(bin, sizeof(bin), "%s/%s/bin", directory, entry->d_name) <
			       (int)sizeof(bin) &&
		       try(found, bin, name);
	if (versions)
		closedir(versions);
	return done;
}

/* Where a user's own programs usually are; `found` has PATH_MAX bytes. */
static bool find_at_home(const struct identity *user, const char *name, char *found)
{
	char directory[PATH_MAX];

	for (size_t i = 0; identity__place(i); i++)
		if (snprintf(directory, sizeof(directory), "%s/%s", user->home,
			     identity__place(i)) < (int)sizeof(directory) &&
		    try(found, directory, name))
			return true;
	return find_in_nvm(user->home, name, found);
}

/* Is a file of that name in a directory of PATH, executable or not? */
static bool in_path(const char *path, const char *name)
{
	char file[PATH_MAX];
	struct stat st;

	for (;; path++) {
		size_t n = strcspn(path, ":");

		if (snprintf(file, sizeof(file), "%.*s/%s", n ? (int)n : 1, n ? path : ".", name) <
			    (int)sizeof(file) &&
		    !stat(file, &st) && S_ISREG(st.st_mode))
			return true;
		path += n;
		if (!*path)
			return false;
	}
}

/* What a user's shell reads when it starts, and sudo does not. */
static const char *rc_file(const struct identity *user)
{
	const char *slash = strrchr(user->shell, '/');
	const char *shell = slash ? slash + 1 : user->shell;

	if (!strcmp(shell, "bash"))
		return "~/.bashrc";
	if (!strcmp(shell, "zsh"))
		return "~/.zshrc";
	if (!strcmp(shell, "fish"))
		return "~/.config/fish/config.fish";
	return "~/.profile";
}

/* The ways that work when it was sudo or --as that took PATH away. */
static void put_ways(FILE *out, const struct exec_error *error, const char *name, const char *found)
{
	char as[80] = "", full[PATH_MAX * 2];

	if (error->as)
		snprintf(as, sizeof(as), "--as %s ", error->as->name);
	fprintf(out, "\nWhat works:");
	if (found) {
		word__quote(full, sizeof(full), found);
		fprintf(out, "\n  sudo convoy record %s-- %s ...   (its full path)", as, full);
	} else {
		fprintf(out, "\n  its full path, which `command -v %s` prints", name);
	}
	if (!error->as)
		fprintf(out,
			"\n  sudo convoy record --as %s -- %s ...   (with %s's HOME and usual PATH)",
			error->caller->name, name, error->caller->name);
	if (error->caller)
		fprintf(out, "\n  sudo env \"PATH=$PATH\" convoy record %s-- %s ...", as, name);
}

static int explain_not_found(const struct exec_error *error)
{
	const struct identity *user = error->as ? error->as : error->caller;
	char name[512], found[PATH_MAX] = "", *text = NULL;
	bool at_home = *error->argv0 && user && find_at_home(user, error->argv0, found);
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return EXIT_NOT_FOUND;
	word__quote(name, sizeof(name), error->argv0);
	fprintf(out, "cannot start %s: there is no such program in %s", name,
		error->path ? "PATH" : "the usual places, and no PATH");
	if (is_program(error->argv0))
		fprintf(out, "; the one in this directory is ./%s", error->argv0);
	if (error->caller)
		fprintf(out,
			"\nsudo gave convoy another PATH and HOME than %s has: what %s adds is missing.",
			error->caller->name, rc_file(error->caller));
	else if (user)
		fprintf(out,
			"\nconvoy does not read %s's %s, so what that adds to PATH is missing.",
			user->name, rc_file(user));
	if (user)
		put_ways(out, error, name, at_home ? found : NULL);
	if (!fclose(out))
		message("%s", text);
	free(text);
	return EXIT_NOT_FOUND;
}

/* The program that a script's first line names, or "". */
static void read_interpreter(const char *path, char *interpreter, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	char line[256];
	ssize_t n = fd < 0 ? 0 : read(fd, line, sizeof(line) - 1);
	char *word;

	if (fd >= 0)
		close(fd);
	line[n > 0 ? n : 0] = 0;
	*interpreter = 0;
	if (strncmp(line, "#!", 2))
		return;
	word = line + 2 + strspn(line + 2, " \t");
	word[strcspn(word, " \t\n")] = 0;
	snprintf(interpreter, size, "%s", word);
}

/* A path that exec said is not there. */
static int explain_no_file(const char *path)
{
	char interpreter[256] = "";
	struct stat st;

	if (!stat(path, &st)) {
		if (S_ISREG(st.st_mode))
			read_interpreter(path, interpreter, sizeof(interpreter));
		if (*interpreter)
			message("cannot start '%s': its first line names the interpreter '%s', "
				"which does not exist",
				path, interpreter);
		else
			message("cannot start '%s': the loader or interpreter that it needs does "
				"not exist",
				path);
	} else if (!lstat(path, &st)) {
		message("cannot start '%s': it is a symbolic link to what does not exist", path);
	} else {
		message("cannot start '%s': there is no such file", path);
	}
	return EXIT_NOT_FOUND;
}

static int explain_no_access(const struct exec_error *error)
{
	const char *path = error->argv0;
	struct stat st;

	if (strchr(path, '/') && !stat(path, &st)) {
		if (S_ISDIR(st.st_mode)) {
			message("cannot start '%s': it is a directory", path);
			return EXIT_NOT_EXECUTABLE;
		}
		if (!(st.st_mode & 0111)) {
			message("cannot start '%s': it is not executable (chmod +x)", path);
			return EXIT_NOT_EXECUTABLE;
		}
	}
	if (error->as)
		message("cannot start '%s': user %s may not execute it, or its file system is "
			"mounted noexec",
			path, error->as->name);
	else
		message("cannot start '%s': it is not executable, or its file system is mounted "
			"noexec",
			path);
	return EXIT_NOT_EXECUTABLE;
}

int exec_error__explain(const struct exec_error *error)
{
	bool is_path = strchr(error->argv0, '/');

	/* Of a directory that may not be searched, execvp(3) says EACCES, wherever it looks. */
	if (!is_path && (error->err == ENOENT || (error->err == EACCES && error->path &&
						  !in_path(error->path, error->argv0))))
		return explain_not_found(error);
	if (error->err == ENOENT)
		return explain_no_file(error->argv0);
	if (error->err == EACCES)
		return explain_no_access(error);
	if (error->err == ENOEXEC)
		message("cannot start '%s': it is neither a program of this machine nor a script "
			"that begins with #!",
			error->argv0);
	else
		message("cannot start '%s': %s", error->argv0, strerror(error->err));
	return EXIT_NOT_EXECUTABLE;
}

/* Who called sudo; false if nobody did, or root. */
static bool find_caller(struct identity *caller)
{
	const char *name = getenv("SUDO_USER");

	memset(caller, 0, sizeof(*caller));
	return name && *name && !identity__look_up(name, caller) && caller->uid;
}

int launch__explain_exec_error(const struct launch_options *options, int err)
{
	struct identity caller;
	bool under_sudo = find_caller(&caller);
	struct exec_error error = {
		.argv0 = options->argv[0],
		.err = err,
		.path = environ__get(options->envp ? options->envp : environ, "PATH"),
		.as = options->as,
		.caller = under_sudo ? &caller : NULL,
	};
	int status = exec_error__explain(&error);

	identity__free(&caller);
	return status;
}

int launch__explain_start_error(const struct launch *launch, const struct launch_options *options,
				int err)
{
	if (launch->failed_step == LAUNCH_SWITCHING && options->as) {
		message("cannot become user %s: %s; this needs CAP_SETUID and CAP_SETGID, and in a "
			"container a user and groups that it has",
			options->as->name, strerror(-err));
		return CONVOY_EXIT_REFUSED;
	}
	if (err == -EPIPE)
		message("cannot start '%s': it was killed before it began", options->argv[0]);
	else
		message("cannot start '%s': %s", options->argv[0], strerror(-err));
	return CONVOY_EXIT_FAILED;
}
