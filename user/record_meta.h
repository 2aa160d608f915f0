/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * record_meta.h - what a recording by `convoy record` says of itself.
 */
#ifndef CONVOY_RECORD_META_H
#define CONVOY_RECORD_META_H

#include "record_plan.h"
#include "recorder.h"

/* The name of its one mode: "command", "pid 4711", "cgroup", "machine", ... */
const char *record_meta__label(const struct record_plan *plan);

/* Write META; `note` is the session's. Returns 0 or a negative errno. */
int record_meta__write(struct recorder *recorder, const struct record_plan *plan, const char *note);

#endif /* CONVOY_RECORD_META_H */
