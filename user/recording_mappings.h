/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * recording_mappings.h - a block of mappings, one after the other, and back.
 */
#ifndef CONVOY_RECORDING_MAPPINGS_H
#define CONVOY_RECORDING_MAPPINGS_H

#include <stddef.h>
#include <stdint.h>

#include "mapping.h"

/* Bytes of the content after which a block is full. */
#define RECORDING_MAPPINGS_FULL (64u << 10)

struct mappings_encoder {
	uint32_t count;
	uint32_t pid;		/* of the last one */
	uint64_t time_ns;
	size_t size;
	uint8_t *content;	/* room for RECORDING_MAPPINGS_FULL and one more */
};

/* Returns 0 or -ENOMEM. */
int mappings_encoder__init(struct mappings_encoder *encoder);
void mappings_encoder__free(struct mappings_encoder *encoder);
/*
 * Returns 0; -ENOSPC: the block is full; -EINVAL: unknown kind, or an impossible build-id;
 * -ENAMETOOLONG: more than MAPPING_PATH_MAX bytes.
 */
int mappings_encoder__add(struct mappings_encoder *encoder, const struct mapping *mapping);
/* Empty again; `content` is that of the block until the next call. */
void mappings_encoder__clear(struct mappings_encoder *encoder);

/*
 * Hand over `items` mappings of a block's content, behind which VARINT_SLACK bytes must
 * be readable; all of it is looked at first. Returns 0, or what `fn` returned, or -EBADMSG
 * and in *why what is wrong with the content: then none were handed over. A NULL `fn`
 * only checks.
 */
int recording_mappings__decode(const uint8_t *content, size_t size, uint32_t items, mapping_fn fn,
			       void *ctx, const char **why);

#endif /* CONVOY_RECORDING_MAPPINGS_H */
