/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * read_back.h - the report of a recording that this process has just made.
 */
#ifndef CONVOY_READ_BACK_H
#define CONVOY_READ_BACK_H

#include "report.h"

/*
 * Of the whole of the recording in `fd`, which can be sought, as this version of convoy makes
 * it. Returns 0, and report__free() ends it; or a negative errno after a message.
 */
int read_back(int fd, struct report **report);

#endif /* CONVOY_READ_BACK_H */
