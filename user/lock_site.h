/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * lock_site.h - what a function waits for: rules by name. Pure.
 *
 * A thread that sleeps on a futex inside pthread_cond_wait() waits for a condition variable,
 * whatever the word's value looks like. The names are those of the C libraries, C++, Rust's
 * and Go's runtimes; a program's own futexes have none, and are not guessed at.
 */
#ifndef CONVOY_LOCK_SITE_H
#define CONVOY_LOCK_SITE_H

#include <stdbool.h>
#include <stddef.h>

#include "workloads/lock_table.h"

/* Is this a function that waits for one kind of object? LOCK_UNKNOWN: not one that is known. */
enum lock_kind lock_site__kind(const char *function);

/* Is it a part of how a library waits, which is passed over in the search for who waits? */
bool lock_site__is_inner(const char *function);

#endif /* CONVOY_LOCK_SITE_H */
