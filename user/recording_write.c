// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "recording_block.h"
#include "recording_events.h"
#include "recording_mappings.h"

struct recording_writer {
	int fd;
	int err;		/* the first one, which all later calls return */
	bool finished;
	uint64_t size;		/* bytes up to the end of the last complete block */
	uint64_t sequence;	/* of the next block */
	struct recording_packer *packer;
	struct events_encoder *events;
	struct mappings_encoder mappings;
	uint8_t *block;		/* header and stored content, written at once */
	size_t room;
};

/* All of it, or what write(2) gave; *written says how much it was. */
static int write_all(int fd, const uint8_t *bytes, size_t size, size_t *written)
{
	*written = 0;
	while (*written < size) {
		ssize_t n = write(fd, bytes + *written, size - *written);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		/* Nothing at all and no error: no such file should be, but no loop for ever. */
		if (!n)
			return -EIO;
		*written += (size_t)n;
	}
	return 0;
}

/*
 * What was written of a block that did not fit would be damage to a reader. Only the end
 * of a regular file, and only what was written there: what is before the recording
 * (`>>file`), or behind it, is somebody else's.
 */
static void cut_off(int fd, size_t written)
{
	struct stat st;
	off_t end;

	if (!written || fstat(fd, &st) || !S_ISREG(st.st_mode))
		return;
	end = lseek(fd, 0, SEEK_CUR);
	if (end != st.st_size || end < (off_t)written)
		return;
	/* If it fails: a reader finds out, as after a crash. */
	if (ftruncate(fd, end - (off_t)written))
		return;
}

static int append(struct recording_writer *writer, const uint8_t *bytes, size_t size)
{
	size_t written;
	int err = write_all(writer->fd, bytes, size, &written);

	if (err) {
		cut_off(writer->fd, written);
		return err;
	}
	writer->size += size;
	return 0;
}

static int make_room(struct recording_writer *writer, size_t size)
{
	uint8_t *block;

	if (size <= writer->room)
		return 0;
	block = realloc(writer->block, size);
	if (!block)
		return -ENOMEM;
	writer->block = block;
	writer->room = size;
	return 0;
}

static int write_block(struct recording_writer *writer, enum recording_block_type type,
		       uint32_t items, const struct column *parts, size_t n_parts)
{
	size_t size = 0;
	struct recording_block block = {
		.type = (uint16_t)type,
		.sequence = writer->sequence,
		.items = items,
	};
	uint8_t *stored;
	int err;

	for (size_t i = 0; i < n_parts; i++)
		size += column__size(&parts[i]);
	err = make_room(writer, RECORDING_BLOCK_HEADER_SIZE + recording_packer__bound(size));
	if (err)
		return err;
	stored = writer->block + RECORDING_BLOCK_HEADER_SIZE;
	err = recording_packer__pack(writer->packer, &block, stored, parts, n_parts);
	if (err)
		return err;
	block.content_sum = recording__checksum(stored, block.stored_size);
	recording_block__put(writer->block, &block);
	err = append(writer, writer->block, RECORDING_BLOCK_HEADER_SIZE + block.stored_size);
	if (!err)
		writer->sequence++;
	return err;
}

static int flush_events(struct recording_writer *writer)
{
	uint32_t count = events_encoder__count(writer->events);
	struct column parts[EVENTS_PARTS];

	if (!count)
		return 0;
	events_encoder__take(writer->events, parts);
	return write_block(writer, RECORDING_EVENTS, count, parts, EVENTS_PARTS);
}

static int flush_mappings(struct recording_writer *writer)
{
	struct mappings_encoder *mappings = &writer->mappings;
	struct column part = { mappings->content, mappings->content + mappings->size };
	int err;

	if (!mappings->count)
		return 0;
	err = write_block(writer, RECORDING_MAPPINGS, mappings->count, &part, 1);
	mappings_encoder__clear(mappings);
	return err;
}

/* Only one of the two holds anything, since all stays in order. */
static int flush(struct recording_writer *writer)
{
	int err = flush_events(writer);

	return err ? err : flush_mappings(writer);
}

static int init(struct recording_writer *writer, enum recording_codec codec)
{
	uint8_t header[RECORDING_HEADER_SIZE];
	int err = recording_packer__new(&writer->packer, codec);

	if (!err)
		err = events_encoder__new(&writer->events);
	if (!err)
		err = mappings_encoder__init(&writer->mappings);
	if (err)
		return err;
	recording_header__put(header);
	return append(writer, header, sizeof(header));
}

int recording_writer__new(struct recording_writer **writer, int fd, enum recording_codec codec)
{
	int err;

	*writer = calloc(1, sizeof(**writer));
	if (!*writer)
		return -ENOMEM;
	(*writer)->fd = fd;
	err = init(*writer, codec);
	if (err) {
		recording_writer__free(*writer);
		*writer = NULL;
	}
	return err;
}

void recording_writer__free(struct recording_writer *writer)
{
	if (!writer)
		return;
	recording_packer__free(writer->packer);
	events_encoder__free(writer->events);
	mappings_encoder__free(&writer->mappings);
	free(writer->block);
	free(writer);
}

/* What is called after the end is an error of the caller's, not of the file. */
static int refuses(const struct recording_writer *writer)
{
	return writer->finished ? -EINVAL : writer->err;
}

int recording_writer__event(struct recording_writer *writer, const struct convoy_ev_hdr *event)
{
	int err = refuses(writer);

	if (err)
		return err;
	if (writer->mappings.count) {
		err = flush_mappings(writer);
		if (err)
			return writer->err = err;
	}
	err = events_encoder__add(writer->events, event);
	if (err != -ENOSPC)
		return err;
	err = flush_events(writer);
	if (err)
		return writer->err = err;
	return events_encoder__add(writer->events, event);
}

int recording_writer__mapping(struct recording_writer *writer, const struct mapping *mapping)
{
	int err = refuses(writer);

	if (err)
		return err;
	err = flush_events(writer);
	if (err)
		return writer->err = err;
	err = mappings_encoder__add(&writer->mappings, mapping);
	if (err != -ENOSPC)
		return err;
	err = flush_mappings(writer);
	if (err)
		return writer->err = err;
	return mappings_encoder__add(&writer->mappings, mapping);
}

int recording_writer__document(struct recording_writer *writer, json_t *document)
{
	int err = refuses(writer);
	struct column part;
	char *text;
	size_t size;

	if (err)
		return err;
	if (!json_is_object(document))
		return -EINVAL;
	text = json_dumps(document, JSON_COMPACT);
	if (!text)
		return -ENOMEM;
	size = strlen(text);
	if (size > RECORDING_RAW_MAX) {
		free(text);
		return -EFBIG;
	}
	part = (struct column){ (const uint8_t *)text, (const uint8_t *)text + size };
	err = flush(writer);
	if (!err)
		err = write_block(writer, RECORDING_DOCUMENT, 1, &part, 1);
	free(text);
	return writer->err = err;
}

int recording_writer__flush(struct recording_writer *writer)
{
	int err = refuses(writer);

	return err ? err : (writer->err = flush(writer));
}

int recording_writer__finish(struct recording_writer *writer)
{
	int err = recording_writer__flush(writer);

	if (err)
		return err;
	err = write_block(writer, RECORDING_END, 0, NULL, 0);
	writer->finished = !err;
	return writer->err = err;
}

uint64_t recording_writer__size(const struct recording_writer *writer)
{
	return writer->size;
}
