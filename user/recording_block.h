/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * recording_block.h - the frame of a recording: its header, its blocks' headers, and
 * how blocks are compressed. Only the writer and the reader of recordings use it.
 */
#ifndef CONVOY_RECORDING_BLOCK_H
#define CONVOY_RECORDING_BLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "recording.h"
#include "varint.h"

/* Another major version cannot be read; a newer minor one only adds what can be skipped. */
#define RECORDING_MAJOR 1
#define RECORDING_MINOR 1		/* 1: documents of words and runtimes */

#define RECORDING_HEADER_SIZE 32u
#define RECORDING_BLOCK_HEADER_SIZE 40u

/* Largest block, before compression. */
#define RECORDING_RAW_MAX (4u << 20)
/* Most items of a block, whatever they are. */
#define RECORDING_ITEMS_MAX (1u << 20)

enum recording_block_type {
	RECORDING_DOCUMENT = 1,
	RECORDING_EVENTS = 2,
	RECORDING_MAPPINGS = 3,
	RECORDING_END = 4,
};

/* Flags of a block. A reader that does not know its type may skip it. */
#define RECORDING_MAY_SKIP 0x01

struct recording_block {
	uint16_t type;		/* enum recording_block_type, or one of a newer version */
	uint8_t codec;		/* enum recording_codec */
	uint8_t flags;
	uint64_t sequence;	/* 0, 1, 2, ... */
	uint32_t raw_size, stored_size;	/* bytes of the content, and as it is stored */
	uint32_t items;
	uint32_t content_sum;	/* checksum of the stored content */
};

/* CRC-32 as zlib has it. */
uint32_t recording__checksum(const void *data, size_t size);

void recording_header__put(uint8_t out[RECORDING_HEADER_SIZE]);
/*
 * Returns 0, or -EBADMSG and in `why` (of `size` bytes) the reason: no recording,
 * damaged, or of another version.
 */
int recording_header__get(const uint8_t in[RECORDING_HEADER_SIZE], char *why, size_t size);

void recording_block__put(uint8_t out[RECORDING_BLOCK_HEADER_SIZE],
			  const struct recording_block *block);
/* NULL, or what is wrong with it. */
const char *recording_block__get(struct recording_block *block,
				 const uint8_t in[RECORDING_BLOCK_HEADER_SIZE]);

/* What compresses or decompresses, one block after the other. */
struct recording_packer;

/* Returns 0, -EOPNOTSUPP (codec not built in) or -ENOMEM. */
int recording_packer__new(struct recording_packer **packer, enum recording_codec codec);
void recording_packer__free(struct recording_packer *packer);
/* Room that `out` needs for so many bytes. */
size_t recording_packer__bound(size_t size);
/*
 * The parts one after the other, which may be of different kinds: each is compressed by
 * its own statistics, no reader needs to know where one ends. Fills in block->codec,
 * raw_size and stored_size: what does not get smaller is stored as it is. Returns 0 or a
 * negative errno.
 */
int recording_packer__pack(struct recording_packer *packer, struct recording_block *block,
			   uint8_t *out, const struct column *parts, size_t n_parts);

struct recording_unpacker;

/* Makes what it needs when a codec is first met. Returns 0 or -ENOMEM. */
int recording_unpacker__new(struct recording_unpacker **unpacker);
void recording_unpacker__free(struct recording_unpacker *unpacker);
/*
 * block->raw_size bytes to `raw`. Returns 0, -EOPNOTSUPP (codec not built in), -ENOMEM,
 * or -EBADMSG: that is not what comes out.
 */
int recording_unpacker__unpack(struct recording_unpacker *unpacker,
			       const struct recording_block *block, uint8_t *raw,
			       const uint8_t *stored);

static inline uint16_t get_le16(const uint8_t *in)
{
	uint16_t value;

	memcpy(&value, in, sizeof(value));
	return le16toh(value);
}

static inline uint32_t get_le32(const uint8_t *in)
{
	uint32_t value;

	memcpy(&value, in, sizeof(value));
	return le32toh(value);
}

static inline uint64_t get_le64(const uint8_t *in)
{
	uint64_t value;

	memcpy(&value, in, sizeof(value));
	return le64toh(value);
}

static inline void put_le16(uint8_t *out, uint16_t value)
{
	value = htole16(value);
	memcpy(out, &value, sizeof(value));
}

static inline void put_le32(uint8_t *out, uint32_t value)
{
	value = htole32(value);
	memcpy(out, &value, sizeof(value));
}

static inline void put_le64(uint8_t *out, uint64_t value)
{
	value = htole64(value);
	memcpy(out, &value, sizeof(value));
}

#endif /* CONVOY_RECORDING_BLOCK_H */
