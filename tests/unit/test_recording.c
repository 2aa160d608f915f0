// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * test_recording.c - what is recorded is what is read: every byte, in its order.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <unistd.h>

#include "tests/unit/recording_fixture.h"
#include "user/recording_events.h"

static const enum recording_codec all_codecs[] = { RECORDING_RAW, RECORDING_ZLIB, RECORDING_ZSTD };

/* Codecs that were built in: all but perhaps the last. */
static size_t n_codecs(void)
{
	return recording__best_codec() == RECORDING_ZSTD ? 3 : 2;
}

/* Reads what was recorded, both ways; it is complete and the same. */
static struct recording_status check_same(const struct recorder *recorder)
{
	struct recording_status status, again;
	struct tape tape = { 0 }, other = { 0 };
	struct recording_handler handler = tape__handler(&tape);
	struct bytes bytes = bytes__of(recorder->fd);

	assert_int_equal(lseek(recorder->fd, 0, SEEK_SET), 0);
	assert_int_equal(recording__read(recorder->fd, &handler, &status), 0);
	assert_string_equal(status.damage, "");
	assert_true(status.complete);
	assert_int_equal(status.events, recorder->tape.events);
	assert_int_equal(status.bytes, bytes.size);
	assert_int_equal(recording_writer__size(recorder->writer), bytes.size);
	assert_true(tape__equal(&tape, &recorder->tape));

	handler.ctx = &other;
	assert_int_equal(recording__read_memory(bytes.at, bytes.size, &handler, &again), 0);
	assert_memory_equal(&again, &status, sizeof(status));
	assert_true(tape__equal(&other, &tape));
	tape__free(&tape);
	tape__free(&other);
	bytes__free(&bytes);
	return status;
}

static void test_empty(void **state)
{
	(void)state;
	for (size_t c = 0; c < n_codecs(); c++) {
		struct recorder recorder = recorder__new(all_codecs[c]);

		recorder__finish(&recorder);
		assert_int_equal(check_same(&recorder).blocks, 1);
		recorder__free(&recorder);
	}
}

static void test_sample_in_every_codec(void **state)
{
	(void)state;
	for (size_t c = 0; c < n_codecs(); c++) {
		struct recorder recorder = recorder__sample(all_codecs[c]);

		assert_int_equal(check_same(&recorder).blocks, 6);
		recorder__free(&recorder);
	}
}

/* Every type, every field, more than one block of them. */
static void test_random_events(void **state)
{
	unsigned seen[CONVOY_EV_HOLDER + 1] = { 0 };
	uint64_t seed = 99;

	(void)state;
	for (size_t c = 0; c < n_codecs(); c++) {
		struct recorder recorder = recorder__new(all_codecs[c]);

		for (unsigned i = 0; i < 2 * RECORDING_EVENTS_MAX; i++) {
			union any_event event = random_event(&seed);

			seen[event.hdr.type]++;
			recorder__event(&recorder, event);
		}
		recorder__finish(&recorder);
		assert_true(check_same(&recorder).blocks > 2);
		recorder__free(&recorder);
	}
	for (unsigned type = CONVOY_EV_RUNNABLE; type <= CONVOY_EV_HOLDER; type++)
		assert_true(seen[type] > 0);
}

/* As a machine makes them: full blocks, most of it guessed. */
static void test_events_of_a_machine(void **state)
{
	const unsigned n = 3 * RECORDING_EVENTS_MAX + 5;

	(void)state;
	for (size_t c = 0; c < n_codecs(); c++) {
		struct recorder recorder = recorder__new(all_codecs[c]);
		struct machine machine = { .seed = 5 };

		for (unsigned i = 0; i < n; i++)
			recorder__event(&recorder, machine__next(&machine));
		recorder__finish(&recorder);
		assert_int_equal(check_same(&recorder).blocks, 5);
		recorder__free(&recorder);
	}
}

/* Each field alone at its ends, between two events that have it otherwise. */
static void test_every_bit_of_a_wait(void **state)
{
	struct recorder recorder = recorder__new(recording__best_codec());
	struct machine machine = { .seed = 5 };

	(void)state;
	for (size_t bit = 16; bit < 8 * sizeof(struct convoy_ev_wait); bit++) {
		union any_event event = machine__next(&machine);

		event.hdr.type = CONVOY_EV_WAIT;
		((uint8_t *)&event)[bit / 8] ^= (uint8_t)(1u << bit % 8);
		recorder__event(&recorder, event);
	}
	recorder__finish(&recorder);
	check_same(&recorder);
	recorder__free(&recorder);
}

/* More threads than one byte can name, more CPUs than the model tells apart. */
static void test_many_threads_and_cpus(void **state)
{
	struct recorder recorder = recorder__new(recording__best_codec());
	uint64_t seed = 3;

	(void)state;
	for (unsigned i = 0; i < RECORDING_EVENTS_MAX + 100; i++) {
		union any_event event = { 0 };

		event.hdr.type = CONVOY_EV_RUNNABLE;
		event.hdr.time_ns = 1000u + i;
		event.hdr.id = i % 3 ? i : 0xffffffffu - i;
		event.runnable.cpu_in = (__u16)(i * 1024 + i % 5);
		event.runnable.cpu_out = (__u16)random_event(&seed).hdr.time_ns;
		recorder__event(&recorder, event);
	}
	recorder__finish(&recorder);
	check_same(&recorder);
	recorder__free(&recorder);
}

/* One event and the other after a document, a mapping or nothing, at random. */
static void test_order_is_kept(void **state)
{
	struct recorder recorder = recorder__new(recording__best_codec());
	uint64_t seed = 12;
	char json[32];

	(void)state;
	for (int i = 0; i < 500; i++) {
		uint64_t what = random_event(&seed).hdr.type;

		if (what <= 4) {
			recorder__event(&recorder, random_event(&seed));
		} else if (what <= 6) {
			recorder__mapping(&recorder, random_mapping(&seed, "x"));
		} else if (what == 7) {
			snprintf(json, sizeof(json), "{\"at\":%d}", i);
			recorder__document(&recorder, json);
		} else {
			assert_int_equal(recording_writer__flush(recorder.writer), 0);
		}
	}
	recorder__finish(&recorder);
	check_same(&recorder);
	assert_true(recorder.tape.events && recorder.tape.mappings && recorder.tape.documents);
	recorder__free(&recorder);
}

static void test_paths(void **state)
{
	struct recorder recorder = recorder__new(recording__best_codec());
	char path[MAPPING_PATH_MAX + 2];
	struct mapping mapping;
	uint64_t seed = 8;

	(void)state;
	/* Many of the longest, so that there is more than one block of them. */
	memset(path, 'p', sizeof(path));
	path[MAPPING_PATH_MAX] = 0;
	for (int i = 0; i < 40; i++)
		recorder__mapping(&recorder, random_mapping(&seed, path));
	recorder__mapping(&recorder, random_mapping(&seed, ""));
	recorder__mapping(&recorder, random_mapping(&seed, "\n\x1b[31m\xff\xfe"));

	/* What is impossible is refused, and does no harm. */
	path[MAPPING_PATH_MAX] = 'p';
	path[MAPPING_PATH_MAX + 1] = 0;
	mapping = random_mapping(&seed, path);
	assert_int_equal(recording_writer__mapping(recorder.writer, &mapping), -ENAMETOOLONG);
	mapping = random_mapping(&seed, "x");
	mapping.kind = 3;
	assert_int_equal(recording_writer__mapping(recorder.writer, &mapping), -EINVAL);
	mapping = random_mapping(&seed, "x");
	mapping.build_id_size = MAPPING_BUILD_ID_MAX + 1;
	assert_int_equal(recording_writer__mapping(recorder.writer, &mapping), -EINVAL);
	recorder__mapping(&recorder, random_mapping(&seed, "last"));
	recorder__finish(&recorder);
	assert_true(check_same(&recorder).blocks > 2);
	recorder__free(&recorder);
}

static void test_documents(void **state)
{
	struct recorder recorder = recorder__new(recording__best_codec());
	char *json = malloc(RECORDING_RAW_MAX + 2);
	json_t *array = json_array(), *document;

	(void)state;
	assert_non_null(json);
	recorder__document(&recorder, "{}");
	/* The largest there can be, and one larger by a byte. */
	memset(json, ' ', RECORDING_RAW_MAX + 1);
	memcpy(json, "{\"k\":\"", 6);
	memset(json + 6, 'v', RECORDING_RAW_MAX - 8);
	memcpy(json + RECORDING_RAW_MAX - 2, "\"}", 3);
	recorder__document(&recorder, json);
	memcpy(json + RECORDING_RAW_MAX - 2, "v\"}", 4);
	document = json_loads(json, 0, NULL);
	assert_non_null(document);
	assert_int_equal(recording_writer__document(recorder.writer, document), -EFBIG);
	assert_int_equal(recording_writer__document(recorder.writer, array), -EINVAL);
	recorder__finish(&recorder);
	check_same(&recorder);
	json_decref(document);
	json_decref(array);
	free(json);
	recorder__free(&recorder);
}

static void test_unknown_events_are_refused(void **state)
{
	struct recorder recorder = recorder__new(recording__best_codec());
	const unsigned types[] = { CONVOY_EV_NONE, CONVOY_EV_STACK, CONVOY_EV_STACK + 1, 16,
				   UINT16_MAX };
	union any_event event = { 0 };
	uint64_t seed = 1;

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		event.hdr.type = (__u16)types[i];
		assert_int_equal(recording_writer__event(recorder.writer, &event.hdr), -EINVAL);
	}
	recorder__event(&recorder, random_event(&seed));
	recorder__finish(&recorder);
	check_same(&recorder);
	recorder__free(&recorder);
}

static void test_nothing_after_the_end(void **state)
{
	struct recorder recorder = recorder__sample(RECORDING_RAW);
	struct mapping mapping = { .kind = MAPPING_EXEC, .path = "" };
	json_t *document = json_object();
	uint64_t seed = 1;
	union any_event event = random_event(&seed);

	(void)state;
	assert_int_equal(recording_writer__event(recorder.writer, &event.hdr), -EINVAL);
	assert_int_equal(recording_writer__mapping(recorder.writer, &mapping), -EINVAL);
	assert_int_equal(recording_writer__document(recorder.writer, document), -EINVAL);
	assert_int_equal(recording_writer__flush(recorder.writer), -EINVAL);
	assert_int_equal(recording_writer__finish(recorder.writer), -EINVAL);
	check_same(&recorder);
	json_decref(document);
	recorder__free(&recorder);
}

/* After a flush all that was recorded is there, though it is not complete. */
static void test_flush(void **state)
{
	struct recorder recorder = recorder__new(recording__best_codec());
	struct tape tape = { 0 };
	struct recording_handler handler = tape__handler(&tape);
	struct recording_status status;
	uint64_t seed = 2;

	(void)state;
	for (int i = 0; i < 10; i++)
		recorder__event(&recorder, random_event(&seed));
	assert_int_equal(recording_writer__size(recorder.writer), RECORDING_HEADER_SIZE);
	assert_int_equal(recording_writer__flush(recorder.writer), 0);
	lseek(recorder.fd, 0, SEEK_SET);
	assert_int_equal(recording__read(recorder.fd, &handler, &status), 0);
	assert_true(tape__equal(&tape, &recorder.tape));
	assert_false(status.complete);
	assert_string_equal(status.damage, "");
	assert_int_equal(status.bytes, recording_writer__size(recorder.writer));
	tape__free(&tape);
	recorder__free(&recorder);
}

/* Who wants documents only gets them all, from a file, memory or a pipe; however the rest is. */
static void test_documents_only(void **state)
{
	struct recorder recorder = recorder__sample(recording__best_codec());
	struct tape tape = { 0 }, again = { 0 }, piped = { 0 };
	struct recording_handler all = tape__handler(&tape), handler;
	struct recording_status status;
	struct bytes bytes;
	int ends[2];

	(void)state;
	bytes = bytes__of(recorder.fd);
	handler = (struct recording_handler){ .document = all.document, .ctx = &tape };
	assert_int_equal(recording__read_memory(bytes.at, bytes.size, &handler, &status), 0);
	assert_true(status.complete);
	handler.documents_only = true;
	handler.ctx = &again;
	lseek(recorder.fd, 0, SEEK_SET);
	assert_int_equal(recording__read(recorder.fd, &handler, &status), 0);
	assert_true(status.complete);
	assert_int_equal(status.events, recorder.tape.events);
	assert_int_equal(status.bytes, bytes.size);
	assert_true(tape__equal(&again, &tape));

	handler.ctx = &piped;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	fcntl(ends[1], F_SETPIPE_SZ, 1 << 20);
	assert_int_equal(write(ends[1], bytes.at, bytes.size), bytes.size);
	close(ends[1]);
	assert_int_equal(recording__read(ends[0], &handler, &status), 0);
	assert_true(status.complete);
	assert_true(tape__equal(&piped, &tape));
	close(ends[0]);

	/* Cut anywhere, it ends there. */
	for (size_t size = 0; size < bytes.size; size += 97) {
		struct tape part = { 0 };

		handler.ctx = &part;
		recording__read_memory(bytes.at, size, &handler, &status);
		assert_false(status.complete);
		tape__free(&part);
	}
	tape__free(&tape);
	tape__free(&again);
	tape__free(&piped);
	bytes__free(&bytes);
	recorder__free(&recorder);
}

static int stop_at_three(void *ctx, const struct convoy_ev_hdr *event)
{
	int *left = ctx;

	(void)event;
	return --*left ? 0 : -ECANCELED;
}

static int stop(void *ctx, const struct mapping *mapping)
{
	(void)ctx;
	(void)mapping;
	return 7;
}

static int stop_document(void *ctx, json_t *document)
{
	(void)ctx;
	assert_non_null(json_object_get(document, "kind"));
	return -ENOTUNIQ;
}

static void test_handlers_end_the_reading(void **state)
{
	struct recorder recorder = recorder__sample(recording__best_codec());
	struct bytes bytes = bytes__of(recorder.fd);
	struct recording_status status;
	int left = 3;
	struct recording_handler handler = { .event = stop_at_three, .ctx = &left };

	(void)state;
	assert_int_equal(recording__read_memory(bytes.at, bytes.size, &handler, &status),
			 -ECANCELED);
	assert_int_equal(left, 0);
	handler = (struct recording_handler){ .mapping = stop };
	assert_int_equal(recording__read_memory(bytes.at, bytes.size, &handler, &status), 7);
	handler = (struct recording_handler){ .document = stop_document };
	assert_int_equal(recording__read_memory(bytes.at, bytes.size, &handler, &status),
			 -ENOTUNIQ);
	assert_false(status.complete);
	/* Nobody wants anything. */
	handler = (struct recording_handler){ 0 };
	assert_int_equal(recording__read_memory(bytes.at, bytes.size, &handler, &status), 0);
	assert_true(status.complete);
	assert_int_equal(status.events, recorder.tape.events);
	bytes__free(&bytes);
	recorder__free(&recorder);
}

static void test_codecs_have_names(void **state)
{
	struct recording_writer *writer;

	(void)state;
	assert_string_equal(recording__codec_name(RECORDING_RAW), "raw");
	assert_string_equal(recording__codec_name(RECORDING_ZLIB), "zlib");
	assert_string_equal(recording__codec_name(RECORDING_ZSTD), "zstd");
	assert_null(recording__codec_name(3));
	assert_int_equal(recording_writer__new(&writer, -1, 3), -EOPNOTSUPP);
	assert_null(writer);
	if (recording__best_codec() != RECORDING_ZSTD)
		assert_int_equal(recording_writer__new(&writer, -1, RECORDING_ZSTD), -EOPNOTSUPP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_sample_in_every_codec),
		cmocka_unit_test(test_random_events),
		cmocka_unit_test(test_events_of_a_machine),
		cmocka_unit_test(test_every_bit_of_a_wait),
		cmocka_unit_test(test_many_threads_and_cpus),
		cmocka_unit_test(test_order_is_kept),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_documents),
		cmocka_unit_test(test_unknown_events_are_refused),
		cmocka_unit_test(test_nothing_after_the_end),
		cmocka_unit_test(test_flush),
		cmocka_unit_test(test_documents_only),
		cmocka_unit_test(test_handlers_end_the_reading),
		cmocka_unit_test(test_codecs_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
