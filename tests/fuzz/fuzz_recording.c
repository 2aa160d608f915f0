// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * fuzz_recording.c - any bytes as a recording, and as the content of its blocks.
 *
 * The first byte of an input says what the rest is, because damage rarely gets past the
 * checksums: there are inputs whose checksums are put right, and contents without any.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "tests/unit/recording_fixture.h"
#include "user/recording_events.h"
#include "user/recording_mappings.h"

const unsigned long fuzz__count = 100000;

enum input {
	INPUT_FILE,		/* a recording */
	INPUT_CORRECTED,	/* a recording, its checksums put right */
	INPUT_EVENTS,		/* two bytes: how many, then the content of a block of events */
	INPUT_MAPPINGS,		/* the same of mappings */
	INPUT_KINDS,
};

static void require(bool condition, const char *what)
{
	if (!condition) {
		fprintf(stderr, "fuzz_recording: %s\n", what);
		abort();
	}
}

/* What was handed over. */
struct touched {
	uint64_t sum;		/* of every byte, so that each is read */
	uint64_t events;
};

static void touch(struct touched *touched, const void *from, size_t size)
{
	const uint8_t *bytes = from;

	for (size_t i = 0; i < size; i++)
		touched->sum = touched->sum * 31 + bytes[i];
}

static int on_event(void *ctx, const struct convoy_ev_hdr *event)
{
	struct touched *touched = ctx;
	size_t size = recording_events__size(event->type);

	require(size > 0, "an event of no type");
	touch(touched, event, size);
	touched->events++;
	return 0;
}

static int on_mapping(void *ctx, const struct mapping *mapping)
{
	size_t size = strlen(mapping->path);

	require(mapping->kind == MAPPING_EXEC || mapping->kind == MAPPING_FILE, "mapping's kind");
	require(size <= MAPPING_PATH_MAX, "mapping's path");
	require(mapping->build_id_size <= MAPPING_BUILD_ID_MAX, "mapping's build-id");
	touch(ctx, mapping->path, size);
	touch(ctx, mapping->build_id, mapping->build_id_size);
	touch(ctx, &mapping->inode, sizeof(mapping->inode));
	return 0;
}

static int on_document(void *ctx, json_t *document)
{
	require(json_is_object(document), "a document that is no object");
	touch(ctx, "", json_object_size(document) > 0);
	return 0;
}

static void read_file(const uint8_t *data, size_t size)
{
	struct touched touched = { 0 };
	const struct recording_handler handler = {
		.event = on_event, .mapping = on_mapping, .document = on_document, .ctx = &touched
	};
	struct recording_status status;
	int err = recording__read_memory(data, size, &handler, &status);

	require(err == 0 || err == -EBADMSG, "another error than -EBADMSG");
	require(err == 0 || status.damage[0], "refused without a reason");
	require(!err || !status.complete, "refused and complete");
	require(status.events == touched.events, "the number of events");
	require(status.bytes <= size, "more bytes than there are");
}

static void read_corrected(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size + 1);

	require(copy != NULL, "memory");
	memcpy(copy, data, size);
	correct_checksums(copy, size);
	read_file(copy, size);
	free(copy);
}

/* A block as the writer makes it, of events that the decoder made. */
static void encode(const uint8_t *events, uint32_t items, struct bytes *content)
{
	struct column parts[EVENTS_PARTS];
	struct events_encoder *encoder;

	require(!events_encoder__new(&encoder), "memory");
	for (uint32_t i = 0; i < items; i++) {
		const struct convoy_ev_hdr *event = (const void *)events;

		require(!events_encoder__add(encoder, event), "an event cannot be written again");
		events += recording_events__size(event->type);
	}
	events_encoder__take(encoder, parts);
	for (int i = 0; i < EVENTS_PARTS; i++)
		bytes__add(content, parts[i].at, column__size(&parts[i]));
	events_encoder__free(encoder);
}

/* Whatever events come out of a block must survive another round. */
static void check_again(const uint8_t *events, uint32_t items)
{
	static const uint8_t slack[VARINT_SLACK];
	struct events_decoder *decoder;
	struct bytes content = { 0 };
	struct touched before = { 0 }, after = { 0 };
	const uint8_t *again;
	const char *why;
	size_t size;

	encode(events, items, &content);
	size = content.size;
	bytes__add(&content, slack, sizeof(slack));
	require(!events_decoder__new(&decoder), "memory");
	require(!events_decoder__decode(decoder, content.at, size, items, &again, &why),
		"what was written cannot be read");
	for (uint32_t i = 0; i < items; i++) {
		const struct convoy_ev_hdr *a = (const void *)events, *b = (const void *)again;

		on_event(&before, a);
		on_event(&after, b);
		events += recording_events__size(a->type);
		again += recording_events__size(b->type);
	}
	require(before.sum == after.sum, "other events are read than were written");
	events_decoder__free(decoder);
	bytes__free(&content);
}

static void read_events(const uint8_t *content, size_t size, uint32_t items)
{
	struct events_decoder *decoder;
	const uint8_t *events;
	const char *why;
	int err;

	require(!events_decoder__new(&decoder), "memory");
	err = events_decoder__decode(decoder, content, size, items, &events, &why);
	require(err == 0 || err == -EBADMSG, "another error than -EBADMSG");
	/* Fewer than fill a block of shapes of their own. */
	if (!err && items < RECORDING_SHAPES_MAX)
		check_again(events, items);
	events_decoder__free(decoder);
}

static void read_mappings(const uint8_t *content, size_t size, uint32_t items)
{
	struct touched touched = { 0 };
	const char *why;
	int err = recording_mappings__decode(content, size, items, on_mapping, &touched, &why);

	require(err == 0 || err == -EBADMSG, "another error than -EBADMSG");
}

static void read_content(enum input input, const uint8_t *data, size_t size)
{
	uint8_t *content;
	uint32_t items;

	if (size < 2)
		return;
	items = get_le16(data);
	size -= 2;
	content = calloc(1, size + VARINT_SLACK);
	require(content != NULL, "memory");
	memcpy(content, data + 2, size);
	if (input == INPUT_EVENTS)
		read_events(content, size, items);
	else
		read_mappings(content, size, items);
	free(content);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum input input;

	if (!size)
		return 0;
	input = data[0] % INPUT_KINDS;
	if (input == INPUT_FILE)
		read_file(data + 1, size - 1);
	else if (input == INPUT_CORRECTED)
		read_corrected(data + 1, size - 1);
	else
		read_content(input, data + 1, size - 1);
	return 0;
}

static void seed_of(enum input input, const void *head, size_t head_size, const void *data,
		    size_t size, fuzz_seed_fn fn, void *ctx)
{
	struct bytes bytes = { 0 };

	bytes__add(&bytes, &(uint8_t){ (uint8_t)input }, 1);
	bytes__add(&bytes, head, head_size);
	bytes__add(&bytes, data, size);
	fn(ctx, bytes.at, bytes.size);
	bytes__free(&bytes);
}

/* The contents of the blocks of a recording that is not compressed. */
static void seeds_of_blocks(const struct bytes *recording, fuzz_seed_fn fn, void *ctx)
{
	size_t at = RECORDING_HEADER_SIZE;

	while (at < recording->size) {
		const uint8_t *content = recording->at + at + RECORDING_BLOCK_HEADER_SIZE;
		struct recording_block block;
		uint8_t items[2];

		require(!recording_block__get(&block, recording->at + at), "a block of a seed");
		put_le16(items, (uint16_t)block.items);
		if (block.type == RECORDING_EVENTS)
			seed_of(INPUT_EVENTS, items, 2, content, block.raw_size, fn, ctx);
		else if (block.type == RECORDING_MAPPINGS)
			seed_of(INPUT_MAPPINGS, items, 2, content, block.raw_size, fn, ctx);
		at += RECORDING_BLOCK_HEADER_SIZE + block.stored_size;
	}
}

void fuzz__seeds(fuzz_seed_fn fn, void *ctx)
{
	for (int codec = RECORDING_RAW; codec <= (int)recording__best_codec(); codec++) {
		struct recorder recorder = recorder__sample((enum recording_codec)codec);
		struct bytes bytes = bytes__of(recorder.fd);

		seed_of(INPUT_FILE, NULL, 0, bytes.at, bytes.size, fn, ctx);
		seed_of(INPUT_CORRECTED, NULL, 0, bytes.at, bytes.size, fn, ctx);
		if (codec == RECORDING_RAW)
			seeds_of_blocks(&bytes, fn, ctx);
		bytes__free(&bytes);
		recorder__free(&recorder);
	}
}
