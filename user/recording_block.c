// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "recording_block.h"

/*
 * Not ASCII, so that no text begins like this; with both kinds of line end and a DOS
 * end of file, so that a transfer as text damages it.
 */
static const uint8_t file_magic[12] = { 0x8f, 'c',  'o',  'n',	'v',  'o',
					'y',  '\r', '\n', 0x1a, '\n', 0 };
static const uint8_t block_magic[4] = { 'B', 'L', 'K', 0x8f };

/* Where things are in the file's header; what is not named is zero. */
enum {
	FILE_MAJOR = 12,
	FILE_MINOR = 14,
	FILE_SUM = 28,
};

/* And in a block's. */
enum {
	BLOCK_TYPE = 4,
	BLOCK_CODEC = 6,
	BLOCK_FLAGS = 7,
	BLOCK_SEQUENCE = 8,
	BLOCK_RAW_SIZE = 16,
	BLOCK_STORED_SIZE = 20,
	BLOCK_ITEMS = 24,
	BLOCK_CONTENT_SUM = 32,
	BLOCK_SUM = 36,
};

uint32_t recording__checksum(const void *data, size_t size)
{
	return (uint32_t)crc32_z(crc32_z(0, NULL, 0), data, size);
}

void recording_header__put(uint8_t out[RECORDING_HEADER_SIZE])
{
	memset(out, 0, RECORDING_HEADER_SIZE);
	memcpy(out, file_magic, sizeof(file_magic));
	put_le16(out + FILE_MAJOR, RECORDING_MAJOR);
	put_le16(out + FILE_MINOR, RECORDING_MINOR);
	put_le32(out + FILE_SUM, recording__checksum(out, FILE_SUM));
}

int recording_header__get(const uint8_t in[RECORDING_HEADER_SIZE], char *why, size_t size)
{
	unsigned major = get_le16(in + FILE_MAJOR), minor = get_le16(in + FILE_MINOR);

	if (memcmp(in, file_magic, sizeof(file_magic))) {
		/* The name is there, its neighbours are not what they were. */
		if (!memcmp(in + 1, file_magic + 1, 6))
			snprintf(why, size, "its beginning is damaged, as by a transfer as text");
		else
			snprintf(why, size, "it is no recording of convoy");
		return -EBADMSG;
	}
	if (get_le32(in + FILE_SUM) != recording__checksum(in, FILE_SUM)) {
		snprintf(why, size, "its header is damaged (checksum)");
		return -EBADMSG;
	}
	if (major != RECORDING_MAJOR) {
		snprintf(why, size, "it has format version %u.%u, this convoy reads version %u",
			 major, minor, RECORDING_MAJOR);
		return -EBADMSG;
	}
	return 0;
}

void recording_block__put(uint8_t out[RECORDING_BLOCK_HEADER_SIZE],
			  const struct recording_block *block)
{
	memset(out, 0, RECORDING_BLOCK_HEADER_SIZE);
	memcpy(out, block_magic, sizeof(block_magic));
	put_le16(out + BLOCK_TYPE, block->type);
	out[BLOCK_CODEC] = block->codec;
	out[BLOCK_FLAGS] = block->flags;
	put_le64(out + BLOCK_SEQUENCE, block->sequence);
	put_le32(out + BLOCK_RAW_SIZE, block->raw_size);
	put_le32(out + BLOCK_STORED_SIZE, block->stored_size);
	put_le32(out + BLOCK_ITEMS, block->items);
	put_le32(out + BLOCK_CONTENT_SUM, block->content_sum);
	put_le32(out + BLOCK_SUM, recording__checksum(out, BLOCK_SUM));
}

const char *recording_block__get(struct recording_block *block,
				 const uint8_t in[RECORDING_BLOCK_HEADER_SIZE])
{
	if (memcmp(in, block_magic, sizeof(block_magic)))
		return "no block begins there";
	if (get_le32(in + BLOCK_SUM) != recording__checksum(in, BLOCK_SUM))
		return "its header is damaged (checksum)";
	*block = (struct recording_block){
		.type = get_le16(in + BLOCK_TYPE),
		.codec = in[BLOCK_CODEC],
		.flags = in[BLOCK_FLAGS],
		.sequence = get_le64(in + BLOCK_SEQUENCE),
		.raw_size = get_le32(in + BLOCK_RAW_SIZE),
		.stored_size = get_le32(in + BLOCK_STORED_SIZE),
		.items = get_le32(in + BLOCK_ITEMS),
		.content_sum = get_le32(in + BLOCK_CONTENT_SUM),
	};
	/* Whoever made the checksum right: what is beyond the limits was not written by us. */
	if (block->raw_size > RECORDING_RAW_MAX || block->stored_size > block->raw_size ||
	    (block->codec == RECORDING_RAW && block->stored_size != block->raw_size))
		return "its sizes are impossible";
	if (block->items > RECORDING_ITEMS_MAX)
		return "its number of items is impossible";
	return NULL;
}
