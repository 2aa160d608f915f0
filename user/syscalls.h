/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * syscalls.h - system calls by number, of this architecture or of a recording's.
 *
 * The numbers differ between architectures and the names do not, so a recording
 * carries the names, and rules are by name. Pure.
 */
#ifndef CONVOY_SYSCALLS_H
#define CONVOY_SYSCALLS_H

#include <jansson.h>

#include "account.h"

struct syscalls;

/* Those of the architecture that convoy was built for; static, never freed. */
const struct syscalls *syscalls__native(void);

/* As a JSON array, element N the name of call N, or null; NULL without memory. */
json_t *syscalls__to_json(const struct syscalls *syscalls);

/* From such an array. Returns 0, -EBADMSG or -ENOMEM; syscalls__free() ends it. */
int syscalls__of_json(struct syscalls **syscalls, const json_t *array);
void syscalls__free(struct syscalls *syscalls);	/* NULL is fine; native is left alone */

/* Name of a call; NULL if the number has none. */
const char *syscalls__name(const struct syscalls *syscalls, int nr);

/* The account of a thread that blocked in that call; ACCOUNT_OTHER if nothing is known. */
enum account syscalls__account(const struct syscalls *syscalls, int nr);

#endif /* CONVOY_SYSCALLS_H */
