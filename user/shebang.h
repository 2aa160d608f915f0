/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * shebang.h - the first line of a script, if that says which program is to run it. Pure.
 */
#ifndef CONVOY_SHEBANG_H
#define CONVOY_SHEBANG_H

#include <stdbool.h>
#include <stddef.h>

/* As much of a file as the kernel looks at (BINPRM_BUF_SIZE), from 5.1 on. */
#define SHEBANG_MAX 256
#define SHEBANG_WORDS 16

struct shebang {
	char text[SHEBANG_MAX + 1];	/* what the words are in */
	/*
	 * The program: a path as it stands there, or a name to be looked for in PATH where the
	 * line is one of env's ("#!/usr/bin/env python3"). NULL: there is no such line.
	 */
	const char *program;
	bool by_name;			/* it was env that named it */
	/* Its options, up to NULL. The kernel passes the rest of a line as one of them. */
	const char *options[SHEBANG_WORDS + 1];
};

/*
 * Understand the beginning of a file, of which `size` bytes were read: SHEBANG_MAX, or all
 * that there are. Of env's own options -S and -v are understood; words are split at blanks,
 * as env -S does, also without -S: the kernel would not run such a line, but what it means is
 * clear. Returns 0, also where there is no such line; -EINVAL: one that sets variables for the
 * program, or needs more of env or of quoting than that; -E2BIG: it does not end.
 */
int shebang__parse(struct shebang *shebang, const char *head, size_t size);

#endif /* CONVOY_SHEBANG_H */
