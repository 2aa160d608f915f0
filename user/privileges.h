/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * privileges.h - give up what a process does not need any more.
 */
#ifndef CONVOY_PRIVILEGES_H
#define CONVOY_PRIVILEGES_H

/*
 * Drop every capability of the calling thread but CAP_SYS_PTRACE (with which maps, exe and
 * memory of others can be read) and CAP_DAC_READ_SEARCH (with which the files that they have
 * mapped can be opened, wherever they lie), if it has them, and let no exec bring any back.
 * Returns 0 or a negative errno.
 */
int privileges__drop(void);

#endif /* CONVOY_PRIVILEGES_H */
