// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "message.h"
#include "own_files.h"

/* The folder that this binary is in. */
static bool find_own_folder(char *path, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", path, size - 1);
	char *slash;

	if (n <= 0)
		return false;
	path[n] = 0;
	slash = strrchr(path, '/');
	if (!slash)
		return false;
	*slash = 0;
	return true;
}

/* Has the folder such a file? */
static bool has_file(const char *folder, const char *name)
{
	char file[PATH_MAX];

	return snprintf(file, sizeof(file), "%s/%s", folder, name) < (int)sizeof(file) &&
	       !access(file, F_OK);
}

int own_files__folder(char *path, size_t size, const char *checkout, const char *name)
{
	bool beside = strcmp(checkout, ".");
	char own[PATH_MAX];

	if (find_own_folder(own, sizeof(own)) &&
	    snprintf(path, size, "%s%s%s", own, beside ? "/" : "", beside ? checkout : "") <
		    (int)size &&
	    has_file(path, name))
		return 0;
	if (snprintf(path, size, "%s", CONVOY_LIBEXECDIR) < (int)size && has_file(path, name))
		return 0;
	message("cannot find %s, neither beside convoy nor in %s; run make, or make install", name,
		CONVOY_LIBEXECDIR);
	return -ENOENT;
}
