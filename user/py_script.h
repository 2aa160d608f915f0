/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * py_script.h - is there such a script, and which program does its first line name?
 */
#ifndef CONVOY_PY_SCRIPT_H
#define CONVOY_PY_SCRIPT_H

#include "identity.h"
#include "shebang.h"

/*
 * Looks at the file with the rights of who will run it (as; NULL: the caller), in a process of
 * its own if that is somebody else. A pipe or a device is not read: what is in it is the
 * interpreter's. *shebang points into itself. Returns 0, -EINVAL after a message (exit 2): it
 * is not there, a directory, not to be read by that user, or its first line is beyond
 * understanding; or another negative errno after a message.
 */
int py_script__look(const char *path, const struct identity *as, struct shebang *shebang);

#endif /* CONVOY_PY_SCRIPT_H */
