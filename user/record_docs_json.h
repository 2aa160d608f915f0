/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * record_docs_json.h - numbers and words out of a recording's documents, for those who
 * read them. Pure.
 */
#ifndef CONVOY_RECORD_DOCS_JSON_H
#define CONVOY_RECORD_DOCS_JSON_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "workloads/lock_table.h"

/* What `type` says of each document; by enum record_doc. */
const char *record_docs__type_name(int type);

/* 0 for what is no number, or a negative one. */
uint64_t record_docs__u64(const json_t *json);
/* The same; one that has no room is the largest that has. */
uint32_t record_docs__u32(const json_t *json);

/* Index of a word in a list of `n`; n if it is not there, or NULL. */
size_t record_docs__index_of(const char *const *words, size_t n, const char *word);

const char *record_docs__role_name(enum lock_role role);
/* One that is not known, of a later version, is LOCK_ROLE_ACQUIRE. */
enum lock_role record_docs__role(const json_t *json);
/* One that is not known, of a later version, is LOCK_UNKNOWN. */
enum lock_kind record_docs__kind(const json_t *json);

#endif /* CONVOY_RECORD_DOCS_JSON_H */
