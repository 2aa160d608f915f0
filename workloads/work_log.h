/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * work_log.h - lines for a person, on standard error.
 *
 * Each line is one write(2), so lines of several workers do not mix, and no
 * lock of stdio can get between the workers.
 */
#ifndef CONVOY_WORK_LOG_H
#define CONVOY_WORK_LOG_H

/* "convoy-work: ..."; a newline is added. Longer lines are cut at 500 bytes. */
void work_log__print(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif /* CONVOY_WORK_LOG_H */
