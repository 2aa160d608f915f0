/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * own_files.h - where the files are that convoy brings along and does not contain.
 */
#ifndef CONVOY_OWN_FILES_H
#define CONVOY_OWN_FILES_H

#include <stddef.h>

/*
 * The folder that has the file `name` ("convoy-work"): `checkout` below this binary's own
 * ("." or "workloads"), else where `make install` puts them. Returns 0, or -ENOENT after a
 * message.
 */
int own_files__folder(char *path, size_t size, const char *checkout, const char *name);

#endif /* CONVOY_OWN_FILES_H */
