// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "recording_block.h"
#include "recording_events.h"
#include "recording_mappings.h"

/* Where a recording comes from. */
struct source {
	int fd;			/* -1: from memory */
	const uint8_t *bytes;
	size_t left;
};

struct buffer {
	uint8_t *bytes;
	size_t room;
};

struct reader {
	struct source source;
	const struct recording_handler *handler;
	struct recording_status *status;
	struct recording_unpacker *unpacker;
	struct events_decoder *events;
	struct buffer stored, raw;
	int returned;		/* what a handler ended the reading with */
};

/* What reading a block can come to, besides a negative errno. */
enum {
	GO_ON = 0,
	AT_END = 1,		/* of the recording, or of what can be read of it */
};

/* As many of `size` bytes as there are: their number, or a negative errno. */
static ssize_t read_up_to(struct source *source, uint8_t *to, size_t size)
{
	size_t got = 0;

	if (source->fd < 0) {
		got = size < source->left ? size : source->left;
		if (got)
			memcpy(to, source->bytes, got);
		source->bytes += got;
		source->left -= got;
		return (ssize_t)got;
	}
	while (got < size) {
		ssize_t n = read(source->fd, to + got, size - got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			break;
		got += (size_t)n;
	}
	return (ssize_t)got;
}

/* Room for `size` bytes, be it none; what was in there is gone. */
static int make_room(struct buffer *buffer, size_t size)
{
	if (size < buffer->room)
		return 0;
	size++;
	free(buffer->bytes);
	buffer->bytes = malloc(size);
	buffer->room = buffer->bytes ? size : 0;
	return buffer->bytes ? 0 : -ENOMEM;
}

/* Why reading ends at the block that begins after the last one that was read. */
__attribute__((format(printf, 2, 3))) static int damaged(const struct reader *reader,
							 const char *format, ...)
{
	struct recording_status *status = reader->status;
	char why[sizeof(status->damage) / 2];
	va_list args;

	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	snprintf(status->damage, sizeof(status->damage), "block %llu, at byte %llu: %s",
		 (unsigned long long)status->blocks, (unsigned long long)status->bytes, why);
	return AT_END;
}

static int read_file_header(struct reader *reader)
{
	struct recording_status *status = reader->status;
	uint8_t header[RECORDING_HEADER_SIZE];
	ssize_t n = read_up_to(&reader->source, header, sizeof(header));
	int err;

	if (n < 0)
		return (int)n;
	if ((size_t)n < sizeof(header)) {
		snprintf(status->damage, sizeof(status->damage), "%s",
			 n ? "it is too short for a recording" : "it is empty");
		return -EBADMSG;
	}
	err = recording_header__get(header, status->damage, sizeof(status->damage));
	if (!err)
		status->bytes = sizeof(header);
	return err;
}

/* The stored content of a block, as it was written. */
static int read_stored(struct reader *reader, const struct recording_block *block)
{
	ssize_t n;
	int err;

	err = make_room(&reader->stored, block->stored_size);
	if (err)
		return err;
	n = read_up_to(&reader->source, reader->stored.bytes, block->stored_size);
	if (n < 0)
		return (int)n;
	if ((size_t)n < block->stored_size)
		return damaged(reader, "cut off");
	if (recording__checksum(reader->stored.bytes, block->stored_size) != block->content_sum)
		return damaged(reader, "its content is damaged (checksum)");
	return GO_ON;
}

/* Past the stored content of a block. Where it is cut off, the next one will not be there. */
static int pass_over(struct reader *reader, const struct recording_block *block)
{
	struct source *source = &reader->source;

	if (source->fd < 0) {
		size_t size = block->stored_size < source->left ? block->stored_size : source->left;

		source->bytes += size;
		source->left -= size;
		return GO_ON;
	}
	if (lseek(source->fd, (off_t)block->stored_size, SEEK_CUR) >= 0)
		return GO_ON;
	return read_stored(reader, block);
}

static int unpack(struct reader *reader, const struct recording_block *block)
{
	const char *codec = recording__codec_name((enum recording_codec)block->codec);
	int err;

	err = make_room(&reader->raw, block->raw_size + VARINT_SLACK);
	if (err)
		return err;
	memset(reader->raw.bytes + block->raw_size, 0, VARINT_SLACK);
	err = recording_unpacker__unpack(reader->unpacker, block, reader->raw.bytes,
					 reader->stored.bytes);
	if (err == -EOPNOTSUPP) {
		if (codec)
			damaged(reader, "compressed with %s, which this convoy was built without",
				codec);
		else
			damaged(reader, "compressed in a way that this convoy does not know (%u)",
				block->codec);
		return -EBADMSG;
	}
	if (err == -EBADMSG)
		return damaged(reader, "its content cannot be decompressed");
	return err;
}

static int handled(struct reader *reader, int result)
{
	reader->returned = result;
	return result ? AT_END : GO_ON;
}

static int hand_over_events(struct reader *reader, const struct recording_block *block)
{
	const struct recording_handler *handler = reader->handler;
	const uint8_t *events;
	const char *why;
	int err = 0;

	if (!reader->events)
		err = events_decoder__new(&reader->events);
	if (err)
		return err;
	err = events_decoder__decode(reader->events, reader->raw.bytes, block->raw_size,
				     block->items, &events, &why);
	if (err)
		return err == -EBADMSG ? damaged(reader, "%s", why) : err;
	reader->status->events += block->items;
	for (uint32_t i = 0; handler->event && !err && i < block->items; i++) {
		const struct convoy_ev_hdr *event = (const void *)events;

		err = handler->event(handler->ctx, event);
		events += recording_events__size(event->type);
	}
	return handled(reader, err);
}

static int hand_over_mappings(struct reader *reader, const struct recording_block *block)
{
	const char *why;
	int err = recording_mappings__decode(reader->raw.bytes, block->raw_size, block->items,
					     reader->handler->mapping, reader->handler->ctx, &why);

	return why ? damaged(reader, "%s", why) : handled(reader, err);
}

static int hand_over_document(struct reader *reader, const struct recording_block *block)
{
	const struct recording_handler *handler = reader->handler;
	json_error_t error;
	json_t *document;
	int err = GO_ON;

	document = json_loadb((const char *)reader->raw.bytes, block->raw_size, 0, &error);
	if (!document && json_error_code(&error) == json_error_out_of_memory)
		return -ENOMEM;
	if (!json_is_object(document) || block->items != 1)
		err = damaged(reader, "its document is damaged");
	else if (handler->document)
		err = handled(reader, handler->document(handler->ctx, document));
	json_decref(document);
	return err;
}

/* The END block is all that there should be. */
static int end(struct reader *reader, const struct recording_block *block)
{
	struct recording_status *status = reader->status;
	uint64_t at = status->bytes + RECORDING_BLOCK_HEADER_SIZE;
	uint8_t byte;
	ssize_t n;

	if (block->raw_size || block->items)
		return damaged(reader, "an end that is not empty");
	status->complete = true;
	n = read_up_to(&reader->source, &byte, 1);
	if (n < 0)
		return (int)n;
	if (n)
		snprintf(status->damage, sizeof(status->damage),
			 "something follows after its end, at byte %llu", (unsigned long long)at);
	return AT_END;
}

static int hand_over(struct reader *reader, const struct recording_block *block)
{
	int result = unpack(reader, block);

	if (result)
		return result;
	switch ((enum recording_block_type)block->type) {
	case RECORDING_DOCUMENT:
		return hand_over_document(reader, block);
	case RECORDING_EVENTS:
		return hand_over_events(reader, block);
	case RECORDING_MAPPINGS:
		return hand_over_mappings(reader, block);
	case RECORDING_END:
		break;
	}
	return end(reader, block);
}

static int read_block(struct reader *reader)
{
	struct recording_status *status = reader->status;
	uint8_t header[RECORDING_BLOCK_HEADER_SIZE];
	struct recording_block block;
	const char *why;
	bool passed;
	ssize_t n;
	int result;

	n = read_up_to(&reader->source, header, sizeof(header));
	if (n <= 0)
		return n ? (int)n : AT_END;
	if ((size_t)n < sizeof(header))
		return damaged(reader, "cut off");
	why = recording_block__get(&block, header);
	if (why)
		return damaged(reader, "%s", why);
	if (block.sequence != status->blocks)
		return damaged(reader, "it should be block %llu",
			       (unsigned long long)block.sequence);
	passed = reader->handler->documents_only &&
		 (block.type == RECORDING_EVENTS || block.type == RECORDING_MAPPINGS);
	result = passed ? pass_over(reader, &block) : read_stored(reader, &block);
	if (result)
		return result;
	if (passed) {
		reader->status->events += block.type == RECORDING_EVENTS ? block.items : 0;
	} else if (block.type >= RECORDING_DOCUMENT && block.type <= RECORDING_END) {
		result = hand_over(reader, &block);
	} else if (!(block.flags & RECORDING_MAY_SKIP)) {
		damaged(reader, "of a kind that this convoy does not know (%u)", block.type);
		return -EBADMSG;
	}
	if (result == GO_ON || status->complete) {
		status->blocks++;
		status->bytes += sizeof(header) + block.stored_size;
	}
	return result;
}

static int read_all(struct reader *reader)
{
	int result = recording_unpacker__new(&reader->unpacker);

	*reader->status = (struct recording_status){ 0 };
	if (!result)
		result = read_file_header(reader);
	/* Ends, since every block takes some of the source. */
	while (result == GO_ON)
		result = read_block(reader);
	recording_unpacker__free(reader->unpacker);
	events_decoder__free(reader->events);
	free(reader->stored.bytes);
	free(reader->raw.bytes);
	return result == AT_END ? reader->returned : result;
}

int recording__read(int fd, const struct recording_handler *handler,
		    struct recording_status *status)
{
	struct reader reader = {
		.source = { .fd = fd },
		.handler = handler,
		.status = status,
	};

	return read_all(&reader);
}

int recording__read_memory(const void *bytes, size_t size, const struct recording_handler *handler,
			   struct recording_status *status)
{
	struct reader reader = {
		.source = { .fd = -1, .bytes = bytes, .left = size },
		.handler = handler,
		.status = status,
	};

	return read_all(&reader);
}
