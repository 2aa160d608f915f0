/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * message.h - what convoy itself says to the user: lines on stderr.
 */
#ifndef CONVOY_MESSAGE_H
#define CONVOY_MESSAGE_H

/*
 * A line on stderr that begins with "convoy: "; the newline is added, and what is
 * no text is made harmless.
 */
void message(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif /* CONVOY_MESSAGE_H */
