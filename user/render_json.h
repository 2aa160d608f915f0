/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * render_json.h - what the parts of the JSON renderer share. Private to render_json*.c.
 *
 * Each returns a new reference, or NULL when memory runs out.
 */
#ifndef CONVOY_RENDER_JSON_H
#define CONVOY_RENDER_JSON_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "report.h"

/*
 * Adds a value that is handed over to an object or array. A NULL on either side, which
 * is how jansson says that memory ran out, makes the whole NULL in the end.
 */
void json__set(json_t **object, const char *key, json_t *value);
void json__append(json_t **array, json_t *value);

/* Outside text of at most `max` bytes as valid UTF-8; the second: null where it is empty. */
json_t *json__text(const char *string, size_t max);
json_t *json__text_or_null(const char *text, size_t max);
#define JSON__TEXT(array) json__text(array, sizeof(array))
#define JSON__TEXT_OR_NULL(array) json__text_or_null(array, sizeof(array))

json_t *json__count(uint64_t n);
json_t *json__whole(double value);	/* the nearest integer; null when there is none */
json_t *json__real(double value);	/* null when it is not finite */
json_t *json__number(double value);	/* an integer where it is one */
json_t *json__maybe_whole(struct maybe maybe);
json_t *json__maybe_real(struct maybe maybe);

/* An object of "locks", and one of "runtimes". render_json_locks.c */
json_t *json__lock(const struct report_lock *from);
json_t *json__runtime(const struct report_runtime *from);

#endif /* CONVOY_RENDER_JSON_H */
