// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * test_recording_golden.c - a recording that was written when its version was new must
 * be read for ever, and say the same.
 *
 * tests/golden/recording-1.0 was written by `test_recording_golden --write FILE`. It is
 * never written again: a new version gets a file and a test of its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <unistd.h>

#include "tests/unit/recording_fixture.h"

/* What the tape of it was, then. */
#define GOLDEN_EVENTS 70
#define GOLDEN_TAPE_SIZE 4570
#define GOLDEN_TAPE_SUM 0xc1aa8ddfu

/* The first of some kinds, and all of it as a tape. */
struct first {
	struct tape tape;
	struct convoy_ev_wait wait;
	struct convoy_ev_runnable runnable;
	struct mapping mapping;
	json_t *document;
};

static int on_event(void *ctx, const struct convoy_ev_hdr *event)
{
	struct first *first = ctx;

	if (event->type == CONVOY_EV_WAIT && !first->wait.hdr.type)
		first->wait = *(const struct convoy_ev_wait *)(const void *)event;
	if (event->type == CONVOY_EV_RUNNABLE && !first->runnable.hdr.type)
		first->runnable = *(const struct convoy_ev_runnable *)(const void *)event;
	tape__event(&first->tape, event);
	return 0;
}

static int on_mapping(void *ctx, const struct mapping *mapping)
{
	struct first *first = ctx;

	if (mapping->kind == MAPPING_FILE && !first->mapping.kind)
		first->mapping = *mapping;
	assert_string_equal(mapping->path, "/usr/lib/libc.so.6");
	tape__mapping(&first->tape, mapping);
	return 0;
}

static int on_document(void *ctx, json_t *document)
{
	struct first *first = ctx;

	if (!first->document)
		first->document = json_incref(document);
	tape__document(&first->tape, document);
	return 0;
}

static void check_events(const struct first *first)
{
	const struct convoy_ev_runnable *runnable = &first->runnable;
	const struct convoy_ev_wait *wait = &first->wait;

	assert_int_equal(runnable->hdr.id, 7);
	assert_int_equal(runnable->hdr.time_ns, 6139);
	assert_int_equal(runnable->out_ns, 0);
	assert_int_equal(runnable->next, 2);
	assert_int_equal(runnable->cpu_out, 1);
	assert_int_equal(runnable->cpu_in, 1);
	assert_int_equal(wait->hdr.id, 8);
	assert_int_equal(wait->hdr.flags, 0x207);
	assert_int_equal(wait->hdr.time_ns, 9484);
	assert_int_equal(wait->waking_ns, 8847);
	assert_int_equal(wait->word, 0x55550000f000u);
	assert_int_equal(wait->next, CONVOY_FOREIGN);
	assert_int_equal(wait->cpu_out, 0);
	assert_int_equal(wait->cpu_in, 1);
	assert_int_equal(wait->waker, 7);
	assert_int_equal(wait->holder, 4006);
	assert_int_equal(wait->nr, 202);
	assert_int_equal(wait->op, 128);
	assert_int_equal(wait->val, 2);
}

static void check_mapping(const struct mapping *mapping)
{
	assert_int_equal(mapping->pid, UINT32_MAX);
	assert_int_equal(mapping->time_ns, 826174);
	assert_int_equal(mapping->start, 6);
	assert_int_equal(mapping->length, 1);
	assert_int_equal(mapping->offset, 3);
	assert_int_equal(mapping->major, 9);
	assert_int_equal(mapping->inode, 2);
	assert_true(mapping->shared && !mapping->executable);
	assert_int_equal(mapping->build_id_size, 3);
	assert_int_equal(mapping->build_id[0], 0xb2);
}

static void test_version_1_0(void **state)
{
	const char *root = getenv("CONVOY_SRC");
	struct first first = { 0 };
	const struct recording_handler handler = {
		.event = on_event,
		.mapping = on_mapping,
		.document = on_document,
		.ctx = &first,
	};
	struct recording_status status;
	char path[4096];
	int fd;

	(void)state;
	snprintf(path, sizeof(path), "%s/tests/golden/recording-1.0", root ? root : ".");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(recording__read(fd, &handler, &status), 0);
	close(fd);
	assert_string_equal(status.damage, "");
	assert_true(status.complete);
	assert_int_equal(status.events, GOLDEN_EVENTS);

	assert_string_equal(json_string_value(json_object_get(first.document, "kind")), "start");
	check_events(&first);
	check_mapping(&first.mapping);
	assert_int_equal(first.tape.bytes.size, GOLDEN_TAPE_SIZE);
	assert_int_equal(recording__checksum(first.tape.bytes.at, first.tape.bytes.size),
			 GOLDEN_TAPE_SUM);
	json_decref(first.document);
	tape__free(&first.tape);
}

/* By zlib, which every build has. */
static int write_golden(const char *path)
{
	struct recorder recorder = recorder__sample(RECORDING_ZLIB);
	struct bytes bytes = bytes__of(recorder.fd);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666), status;

	status = fd < 0 || write(fd, bytes.at, bytes.size) != (ssize_t)bytes.size || close(fd);
	if (status)
		perror(path);
	bytes__free(&bytes);
	recorder__free(&recorder);
	return status;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_version_1_0),
	};

	if (argc == 3 && !strcmp(argv[1], "--write"))
		return write_golden(argv[2]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
