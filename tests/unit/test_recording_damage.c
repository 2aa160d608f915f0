// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * test_recording_damage.c - a recording that is cut off, damaged or of another version
 * is read up to there or refused, and says why.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/recording_fixture.h"
#include "user/recording_events.h"

static const enum recording_codec all_codecs[] = { RECORDING_RAW, RECORDING_ZLIB, RECORDING_ZSTD };

static size_t n_codecs(void)
{
	return recording__best_codec() == RECORDING_ZSTD ? 3 : 2;
}

/* Reads; whatever is handed over is how `whole` begins. */
static int read_part(const uint8_t *at, size_t size, const struct tape *whole,
		     struct recording_status *status)
{
	struct tape tape = { 0 };
	struct recording_handler handler = tape__handler(&tape);
	int err = recording__read_memory(at, size, &handler, status);

	assert_true(tape__begins(&tape, whole));
	assert_int_equal(status->events, tape.events);
	assert_true(status->bytes <= size);
	assert_non_null(memchr(status->damage, 0, sizeof(status->damage)));
	tape__free(&tape);
	return err;
}

/* Where blocks end in it, and the header. */
static size_t block_ends(const struct bytes *bytes, size_t *ends)
{
	size_t at = RECORDING_HEADER_SIZE, n = 0;

	ends[n++] = at;
	while (at < bytes->size) {
		struct recording_block block;

		assert_null(recording_block__get(&block, bytes->at + at));
		at += RECORDING_BLOCK_HEADER_SIZE + block.stored_size;
		ends[n++] = at;
	}
	return n;
}

static void test_cut_at_every_byte(void **state)
{
	(void)state;
	for (size_t c = 0; c < n_codecs(); c++) {
		struct recorder recorder = recorder__sample(all_codecs[c]);
		struct bytes bytes = bytes__of(recorder.fd);
		struct recording_status status;
		size_t ends[16], blocks = 0;

		block_ends(&bytes, ends);
		for (size_t size = 0; size < bytes.size; size++) {
			/* Of exactly that size, so that a sanitizer sees who reads on. */
			uint8_t *part = malloc(size ? size : 1);
			int err;

			assert_non_null(part);
			memcpy(part, bytes.at, size);
			err = read_part(part, size, &recorder.tape, &status);
			free(part);
			assert_false(status.complete);
			if (size < RECORDING_HEADER_SIZE) {
				assert_int_equal(err, -EBADMSG);
				assert_string_not_equal(status.damage, "");
				continue;
			}
			assert_int_equal(err, 0);
			if (size == ends[blocks + 1])
				blocks++;
			assert_int_equal(status.blocks, blocks);
			assert_int_equal(status.bytes, ends[blocks]);
			if (size == ends[blocks])
				assert_string_equal(status.damage, "");
			else
				assert_non_null(strstr(status.damage, "cut off"));
		}
		bytes__free(&bytes);
		recorder__free(&recorder);
	}
}

static void check_change(struct bytes *bytes, size_t at, uint8_t change, const struct tape *whole)
{
	struct recording_status status;
	int err;

	bytes->at[at] ^= change;
	err = read_part(bytes->at, bytes->size, whole, &status);
	bytes->at[at] ^= change;
	assert_int_equal(err, at < RECORDING_HEADER_SIZE ? -EBADMSG : 0);
	assert_false(status.complete);
	assert_string_not_equal(status.damage, "");
	assert_true(status.bytes <= at);
}

/* Every bit of the headers; of the rest every byte by one of its bits and by all. */
static void test_every_byte_changed(void **state)
{
	(void)state;
	for (size_t c = 0; c < n_codecs(); c++) {
		struct recorder recorder = recorder__sample(all_codecs[c]);
		struct bytes bytes = bytes__of(recorder.fd);
		size_t ends[16], block = 0;

		block_ends(&bytes, ends);
		for (size_t at = 0; at < bytes.size; at++) {
			bool in_header;

			if (at == ends[block + 1])
				block++;
			in_header = at < ends[block] + RECORDING_BLOCK_HEADER_SIZE;
			for (unsigned bit = 0; bit < 8; bit++)
				if (in_header || bit == at % 8)
					check_change(&bytes, at, (uint8_t)(1u << bit),
						     &recorder.tape);
			check_change(&bytes, at, 0xff, &recorder.tape);
		}
		bytes__free(&bytes);
		recorder__free(&recorder);
	}
}

/* A block that is gone, there twice, or in another's place. */
static void test_blocks_out_of_order(void **state)
{
	struct recorder recorder = recorder__sample(recording__best_codec());
	struct bytes bytes = bytes__of(recorder.fd);
	struct recording_status status;
	size_t ends[16], n = block_ends(&bytes, ends);

	(void)state;
	for (size_t without = 0; without + 2 < n; without++) {
		struct bytes damaged = { 0 };

		bytes__add(&damaged, bytes.at, ends[without]);
		bytes__add(&damaged, bytes.at + ends[without + 1], bytes.size - ends[without + 1]);
		assert_int_equal(read_part(damaged.at, damaged.size, &recorder.tape, &status), 0);
		assert_false(status.complete);
		assert_int_equal(status.blocks, without);
		assert_non_null(strstr(status.damage, "it should be block"));
		bytes__free(&damaged);

		bytes__add(&damaged, bytes.at, ends[without + 1]);
		bytes__add(&damaged, bytes.at + ends[without], bytes.size - ends[without]);
		assert_int_equal(read_part(damaged.at, damaged.size, &recorder.tape, &status), 0);
		assert_false(status.complete);
		assert_int_equal(status.blocks, without + 1);
		bytes__free(&damaged);
	}
	bytes__free(&bytes);
	recorder__free(&recorder);
}

static void test_bytes_after_the_end(void **state)
{
	struct recorder recorder = recorder__sample(recording__best_codec());
	struct bytes bytes = bytes__of(recorder.fd);
	struct recording_status status;

	(void)state;
	bytes__add(&bytes, "", 1);
	assert_int_equal(read_part(bytes.at, bytes.size, &recorder.tape, &status), 0);
	assert_true(status.complete);
	assert_non_null(strstr(status.damage, "after its end"));
	assert_int_equal(status.bytes, bytes.size - 1);
	bytes__free(&bytes);
	recorder__free(&recorder);
}

/* --- made by hand ------------------------------------------------------------------- */

static int read_bytes(const struct bytes *bytes, struct recording_status *status)
{
	struct tape nothing = { 0 };

	return read_part(bytes->at, bytes->size, &nothing, status);
}

static void test_no_recordings(void **state)
{
	static const char text[] = "#!/bin/sh\necho 'not at all a recording, but long enough'\n";
	struct recording_status status;
	struct bytes bytes = { 0 };

	(void)state;
	assert_int_equal(recording__read_memory(NULL, 0, &(struct recording_handler){ 0 }, &status),
			 -EBADMSG);
	assert_string_equal(status.damage, "it is empty");
	bytes__add(&bytes, text, sizeof(text));
	assert_int_equal(read_bytes(&bytes, &status), -EBADMSG);
	assert_string_equal(status.damage, "it is no recording of convoy");
	bytes__free(&bytes);
	/* As a transfer as text makes it: \r\n becomes \n. */
	add_header(&bytes);
	memmove(bytes.at + 7, bytes.at + 8, bytes.size - 8);
	assert_int_equal(read_bytes(&bytes, &status), -EBADMSG);
	assert_non_null(strstr(status.damage, "transfer as text"));
	bytes__free(&bytes);
}

static void test_versions(void **state)
{
	struct recorder recorder = recorder__sample(recording__best_codec());
	struct bytes bytes = bytes__of(recorder.fd);
	struct recording_status status;

	(void)state;
	/* Version 1.7, with something new in what is zero now. */
	put_le16(bytes.at + 14, 7);
	bytes.at[20] = 5;
	correct_checksums(bytes.at, bytes.size);
	assert_int_equal(read_part(bytes.at, bytes.size, &recorder.tape, &status), 0);
	assert_true(status.complete);
	put_le16(bytes.at + 12, 2);
	correct_checksums(bytes.at, bytes.size);
	assert_int_equal(read_part(bytes.at, bytes.size, &recorder.tape, &status), -EBADMSG);
	assert_string_equal(status.damage,
			    "it has format version 2.7, this convoy reads version 1");
	assert_int_equal(status.events, 0);
	bytes__free(&bytes);
	recorder__free(&recorder);
}

static void test_unknown_blocks(void **state)
{
	static const char end[1];
	struct bytes bytes = { 0 };
	struct recording_status status;

	(void)state;
	add_header(&bytes);
	add_block(&bytes,
		  (struct recording_block){ .type = 5, .items = 9, .flags = RECORDING_MAY_SKIP },
		  "new", 3);
	/* Not even its codec need be known. */
	add_block(&bytes,
		  (struct recording_block){
			  .type = 65535, .codec = 9, .sequence = 1, .flags = RECORDING_MAY_SKIP },
		  "newer", 5);
	add_block(&bytes, (struct recording_block){ .type = RECORDING_END, .sequence = 2 }, end, 0);
	assert_int_equal(read_bytes(&bytes, &status), 0);
	assert_true(status.complete);
	assert_int_equal(status.blocks, 3);
	bytes__free(&bytes);

	for (uint16_t type = 0; type <= 5; type += 5) {
		add_header(&bytes);
		add_block(&bytes, (struct recording_block){ .type = type }, "new", 3);
		assert_int_equal(read_bytes(&bytes, &status), -EBADMSG);
		assert_non_null(strstr(status.damage, "of a kind that this convoy does not know"));
		assert_non_null(strstr(status.damage, "block 0, at byte 32"));
		bytes__free(&bytes);
	}
}

static void test_unknown_codecs(void **state)
{
	struct bytes bytes = { 0 };
	struct recording_status status;

	(void)state;
	add_header(&bytes);
	add_block(&bytes, (struct recording_block){ .type = RECORDING_DOCUMENT, .codec = 3 }, "{}",
		  2);
	assert_int_equal(read_bytes(&bytes, &status), -EBADMSG);
	assert_non_null(strstr(status.damage, "does not know (3)"));
	bytes__free(&bytes);

	add_header(&bytes);
	add_block(&bytes,
		  (struct recording_block){ .type = RECORDING_DOCUMENT, .codec = RECORDING_ZSTD },
		  "{}", 2);
	if (recording__best_codec() == RECORDING_ZSTD) {
		assert_int_equal(read_bytes(&bytes, &status), 0);
		assert_non_null(strstr(status.damage, "cannot be decompressed"));
	} else {
		assert_int_equal(read_bytes(&bytes, &status), -EBADMSG);
		assert_non_null(strstr(status.damage, "compressed with zstd, which this convoy "
						      "was built without"));
	}
	bytes__free(&bytes);
}

/* Sizes that nobody writes must not make the reader allocate them. */
static void test_impossible_sizes(void **state)
{
	static const struct {
		uint32_t raw, stored, items;
		uint8_t codec;
		const char *why;
	} cases[] = {
		{ UINT32_MAX, 2, 1, RECORDING_ZLIB, "its sizes are impossible" },
		{ RECORDING_RAW_MAX + 1, 2, 1, RECORDING_ZLIB, "its sizes are impossible" },
		{ 2, 3, 1, RECORDING_ZLIB, "its sizes are impossible" },
		{ 3, 2, 1, RECORDING_RAW, "its sizes are impossible" },
		{ 2, 2, RECORDING_ITEMS_MAX + 1, RECORDING_RAW, "number of items is impossible" },
		{ 0, 0, 0, RECORDING_RAW, "its document is damaged" },
		{ 100, 2, 1, RECORDING_ZLIB, "cannot be decompressed" },
		{ 100, 0, 1, RECORDING_ZLIB, "cannot be decompressed" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct recording_block block = { .type = RECORDING_DOCUMENT };
		struct bytes bytes = { 0 };
		struct recording_status status;

		block.codec = cases[i].codec;
		block.raw_size = cases[i].raw;
		block.stored_size = cases[i].stored;
		block.items = cases[i].items;
		block.content_sum = recording__checksum("{}", cases[i].stored & 3);
		add_header(&bytes);
		add_block(&bytes, block, "{}", 2);
		recording_block__put(bytes.at + RECORDING_HEADER_SIZE, &block);
		assert_int_equal(read_bytes(&bytes, &status), 0);
		assert_false(status.complete);
		assert_non_null(strstr(status.damage, cases[i].why));
		bytes__free(&bytes);
	}
}

/* The checksum is right, but not what it is about. */
static void test_contents_that_cannot_be(void **state)
{
	static const struct {
		uint16_t type;
		uint32_t items;
		const char *content;
		size_t size;
	} cases[] = {
		{ RECORDING_DOCUMENT, 1, "[]", 2 },
		{ RECORDING_DOCUMENT, 1, "{", 1 },
		{ RECORDING_DOCUMENT, 1, "{}x", 3 },
		{ RECORDING_DOCUMENT, 1, "{\"a\":\"\xff\"}", 9 },
		{ RECORDING_DOCUMENT, 2, "{}", 2 },
		{ RECORDING_END, 1, "", 0 },
		{ RECORDING_END, 0, "x", 1 },
		{ RECORDING_MAPPINGS, 1, "", 0 },
		{ RECORDING_MAPPINGS, 0, "x", 1 },
		/* An exec of process 1 whose path is cut off, has a NUL, is too long; no kind. */
		{ RECORDING_MAPPINGS, 1, "\1\2\2\4abc", 7 },
		{ RECORDING_MAPPINGS, 1, "\1\2\2\3a\0c", 7 },
		{ RECORDING_MAPPINGS, 1, "\1\2\2\x81\x20", 5 },
		{ RECORDING_MAPPINGS, 1, "\3\2\2\1a", 5 },
		/* More than one mapping is there. */
		{ RECORDING_MAPPINGS, 1, "\1\2\2\1a\1\2\2\1a", 10 },
		{ RECORDING_EVENTS, 0, "", 0 },
		{ RECORDING_EVENTS, 1, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16 },
		{ RECORDING_EVENTS, RECORDING_EVENTS_MAX + 1, "\0\0", 2 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct recording_block block = { .type = cases[i].type, .items = cases[i].items };
		struct bytes bytes = { 0 };
		struct recording_status status;

		add_header(&bytes);
		add_block(&bytes, block, cases[i].content, cases[i].size);
		assert_int_equal(read_bytes(&bytes, &status), 0);
		assert_false(status.complete);
		assert_int_equal(status.blocks, 0);
		assert_non_null(strstr(status.damage, "block 0, at byte 32: "));
		bytes__free(&bytes);
	}
}

/* A mapping that can be: what the cases above are one step away from. */
static void test_contents_by_hand(void **state)
{
	struct bytes bytes = { 0 };
	struct recording_status status;
	struct mapping mapping = { .kind = MAPPING_EXEC, .pid = 1, .time_ns = 1, .path = "abc" };
	struct tape tape = { 0 };

	(void)state;
	tape__mapping(&tape, &mapping);
	add_header(&bytes);
	add_block(&bytes, (struct recording_block){ .type = RECORDING_MAPPINGS, .items = 1 },
		  "\1\2\2\3abc", 7);
	assert_int_equal(read_part(bytes.at, bytes.size, &tape, &status), 0);
	assert_int_equal(status.blocks, 1);
	assert_string_equal(status.damage, "");
	bytes__free(&bytes);
	tape__free(&tape);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cut_at_every_byte),
		cmocka_unit_test(test_every_byte_changed),
		cmocka_unit_test(test_blocks_out_of_order),
		cmocka_unit_test(test_bytes_after_the_end),
		cmocka_unit_test(test_no_recordings),
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_unknown_blocks),
		cmocka_unit_test(test_unknown_codecs),
		cmocka_unit_test(test_impossible_sizes),
		cmocka_unit_test(test_contents_that_cannot_be),
		cmocka_unit_test(test_contents_by_hand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
