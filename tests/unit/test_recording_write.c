// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * test_recording_write.c - where recordings are written: full disks, pipes.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/recording_fixture.h"
#include "user/recording_events.h"

/* Events until the writer says that it cannot; what it returned. */
static int write_until_it_fails(struct recording_writer *writer)
{
	uint64_t seed = 23;

	for (int i = 0; i < 100 * (int)RECORDING_EVENTS_MAX; i++) {
		union any_event event = random_event(&seed);
		int err = recording_writer__event(writer, &event.hdr);

		if (err)
			return err;
	}
	return 0;
}

/* An error that was returned once is returned from then on. */
static void check_all_refuse(struct recording_writer *writer, int err)
{
	struct mapping mapping = { .kind = MAPPING_EXEC, .path = "" };
	json_t *document = json_object();
	uint64_t seed = 1, size = recording_writer__size(writer);
	union any_event event = random_event(&seed);

	assert_int_equal(recording_writer__event(writer, &event.hdr), err);
	assert_int_equal(recording_writer__mapping(writer, &mapping), err);
	assert_int_equal(recording_writer__document(writer, document), err);
	assert_int_equal(recording_writer__flush(writer), err);
	assert_int_equal(recording_writer__finish(writer), err);
	assert_int_equal(recording_writer__size(writer), size);
	json_decref(document);
}

static void test_full_device(void **state)
{
	struct recording_writer *writer;
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

	(void)state;
	if (fd < 0) {
		print_message("no /dev/full here\n");
		skip();
	}
	assert_int_equal(recording_writer__new(&writer, fd, RECORDING_ZLIB), -ENOSPC);
	assert_null(writer);
	close(fd);
}

/* The disk is full in the middle of a block: the file ends with the block before. */
static void test_full_disk(void **state)
{
	struct rlimit old, limit;
	struct recording_writer *writer;
	struct recording_status status;
	struct recording_handler nobody = { 0 };
	struct stat st;
	int fd = memfd_create("full", MFD_CLOEXEC), err;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	signal(SIGXFSZ, SIG_IGN);
	limit = old;
	limit.rlim_cur = 400000;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_int_equal(recording_writer__new(&writer, fd, RECORDING_RAW), 0);
	err = write_until_it_fails(writer);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	signal(SIGXFSZ, SIG_DFL);
	assert_int_equal(err, -EFBIG);

	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, recording_writer__size(writer));
	assert_true(st.st_size > RECORDING_HEADER_SIZE && st.st_size < 400000);
	/* There is room again, but what was lost is lost. */
	check_all_refuse(writer, -EFBIG);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(recording__read(fd, &nobody, &status), 0);
	assert_false(status.complete);
	assert_string_equal(status.damage, "");
	assert_int_equal(status.bytes, st.st_size);
	assert_true(status.blocks > 0);
	recording_writer__free(writer);
	close(fd);
}

#define BEFORE 100000

/* A file with BEFORE bytes of somebody else's, which the recording is appended to. */
static void check_what_was_before(int flags, off_t offset, off_t behind)
{
	char path[] = "/tmp/convoy-test-XXXXXX", bytes[BEFORE];
	struct rlimit old, limit;
	struct recording_writer *writer;
	struct stat st;
	int made = mkstemp(path), fd = open(path, O_RDWR | O_CLOEXEC | flags), err;

	assert_true(made >= 0 && fd >= 0);
	close(made);
	unlink(path);
	for (size_t i = 0; i < BEFORE; i++)
		bytes[i] = (char)('a' + i % 23);
	assert_int_equal(write(fd, bytes, BEFORE), BEFORE);
	if (behind)
		assert_int_equal(ftruncate(fd, behind), 0);
	assert_int_equal(lseek(fd, offset, SEEK_SET), offset);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	signal(SIGXFSZ, SIG_IGN);
	limit = old;
	limit.rlim_cur = 400000;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_int_equal(recording_writer__new(&writer, fd, RECORDING_RAW), 0);
	err = write_until_it_fails(writer);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	signal(SIGXFSZ, SIG_DFL);
	assert_int_equal(err, -EFBIG);

	assert_true(recording_writer__size(writer) > RECORDING_HEADER_SIZE);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size,
			 behind ? behind : BEFORE + (off_t)recording_writer__size(writer));
	for (size_t i = 0; i < BEFORE; i++) {
		char byte;

		assert_int_equal(pread(fd, &byte, 1, (off_t)i), 1);
		assert_int_equal(byte, (char)('a' + i % 23));
	}
	recording_writer__free(writer);
	close(fd);
}

/* `>>file`, a descriptor that others wrote through before, one that is not at the end. */
static void test_what_was_before_stays(void **state)
{
	(void)state;
	check_what_was_before(O_APPEND, 0, 0);
	check_what_was_before(0, BEFORE, 0);
	check_what_was_before(0, BEFORE, 500000);
}

static void test_reader_of_a_pipe_is_gone(void **state)
{
	struct recording_writer *writer;
	int ends[2];

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(recording_writer__new(&writer, ends[1], RECORDING_ZLIB), 0);
	close(ends[0]);
	assert_int_equal(write_until_it_fails(writer), -EPIPE);
	check_all_refuse(writer, -EPIPE);
	recording_writer__free(writer);
	close(ends[1]);
	signal(SIGPIPE, SIG_DFL);
}

static void record(struct tape *tape, union any_event event)
{
	tape__event(tape, &event.hdr);
}

#define PIPED (5 * RECORDING_EVENTS_MAX / 2)

/* The child writes into a pipe that takes a little at a time, the parent reads. */
static void test_through_a_pipe(void **state)
{
	struct recording_writer *writer;
	struct recording_status status;
	struct tape written = { 0 }, tape = { 0 };
	struct recording_handler handler = tape__handler(&tape);
	uint64_t seed = 31;
	int ends[2], child_status;
	pid_t child;

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	fcntl(ends[1], F_SETPIPE_SZ, 4096);
	child = fork();
	assert_true(child >= 0);
	for (unsigned i = 0; child && i < PIPED; i++)
		record(&written, random_event(&seed));
	if (!child) {
		int err;

		close(ends[0]);
		err = recording_writer__new(&writer, ends[1], RECORDING_RAW);
		for (unsigned i = 0; !err && i < PIPED; i++) {
			union any_event event = random_event(&seed);

			err = recording_writer__event(writer, &event.hdr);
		}
		if (!err)
			err = recording_writer__finish(writer);
		_exit(err ? 1 : 0);
	}
	close(ends[1]);
	assert_int_equal(recording__read(ends[0], &handler, &status), 0);
	assert_true(status.complete);
	assert_true(tape__equal(&tape, &written));
	assert_int_equal(waitpid(child, &child_status, 0), child);
	assert_int_equal(child_status, 0);
	tape__free(&tape);
	tape__free(&written);
	close(ends[0]);
}

static void test_what_cannot_be_read(void **state)
{
	struct recording_handler nobody = { 0 };
	struct recording_status status;
	int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(recording__read(fd, &nobody, &status), -EISDIR);
	assert_false(status.complete);
	close(fd);
	assert_int_equal(recording__read(fd, &nobody, &status), -EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_full_device),
		cmocka_unit_test(test_full_disk),
		cmocka_unit_test(test_what_was_before_stays),
		cmocka_unit_test(test_reader_of_a_pipe_is_gone),
		cmocka_unit_test(test_through_a_pipe),
		cmocka_unit_test(test_what_cannot_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
