/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_map_record.c - the kernel's records of programs and mappings, and the ring
 * they come in, with what no kernel would write.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <sys/mman.h>

#include "tests/unit/report_fixture.h"
#include "user/map_record.h"

#define BUILD_ID_MISC (1 << 14) /* PERF_RECORD_MISC_MMAP_BUILD_ID */

/* A record under construction. */
struct bytes {
	_Alignas(8) uint8_t raw[8192];
	size_t size;
};

static void put(struct bytes *bytes, const void *data, size_t size)
{
	assert_true(bytes->size + size <= sizeof(bytes->raw));
	memcpy(bytes->raw + bytes->size, data, size);
	bytes->size += size;
}

static void put_u32(struct bytes *bytes, uint32_t value)
{
	put(bytes, &value, sizeof(value));
}

static void put_u64(struct bytes *bytes, uint64_t value)
{
	put(bytes, &value, sizeof(value));
}

static void begin(struct bytes *bytes, uint32_t type, uint16_t misc)
{
	struct perf_event_header header = { .type = type, .misc = misc };

	memset(bytes, 0, sizeof(*bytes));
	put(bytes, &header, sizeof(header));
}

/* A string with its NUL, to 8 bytes. */
static void put_string(struct bytes *bytes, const char *text)
{
	put(bytes, text, strlen(text) + 1);
	bytes->size = (bytes->size + 7) & ~(size_t)7;
}

/* What it says its size is. */
static void set_size(struct bytes *bytes, uint16_t size)
{
	memcpy(bytes->raw + offsetof(struct perf_event_header, size), &size, sizeof(size));
}

static void set_u32(struct bytes *bytes, size_t offset, uint32_t value)
{
	memcpy(bytes->raw + offset, &value, sizeof(value));
}

/* The time, and the size now that it is known. */
static void end(struct bytes *bytes, uint64_t time_ns)
{
	put_u64(bytes, time_ns);
	set_size(bytes, (uint16_t)bytes->size);
}

static struct bytes make_comm(uint16_t misc, uint32_t pid, const char *name, uint64_t time_ns)
{
	struct bytes bytes;

	begin(&bytes, PERF_RECORD_COMM, misc);
	put_u32(&bytes, pid);
	put_u32(&bytes, pid + 1);
	put_string(&bytes, name);
	end(&bytes, time_ns);
	return bytes;
}

static const uint8_t build_id[20] = { 0xb1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };

static struct bytes make_mmap2(uint16_t misc, uint32_t pid, const char *path, uint64_t time_ns)
{
	struct bytes bytes;

	begin(&bytes, PERF_RECORD_MMAP2, misc);
	put_u32(&bytes, pid);
	put_u32(&bytes, pid + 1);
	put_u64(&bytes, 0x7f0000001000);
	put_u64(&bytes, 0x2000);
	put_u64(&bytes, 0x3000);
	if (misc & BUILD_ID_MISC) {
		put_u32(&bytes, 20);
		put(&bytes, build_id, sizeof(build_id));
	} else {
		put_u32(&bytes, 254);
		put_u32(&bytes, 3);
		put_u64(&bytes, 4711);
		put_u64(&bytes, 99);
	}
	put_u32(&bytes, PROT_READ | PROT_EXEC);
	put_u32(&bytes, MAP_PRIVATE);
	put_string(&bytes, path);
	end(&bytes, time_ns);
	return bytes;
}

static int parse(struct map_record *parsed, const struct bytes *bytes)
{
	/* A copy of just that size: SAN=1 tells of a byte read too many. */
	void *copy = need(malloc(bytes->size ? bytes->size : 1));
	static char path[sizeof(bytes->raw)];
	int err;

	memcpy(copy, bytes->raw, bytes->size);
	err = map_record__parse(parsed, copy, bytes->size);
	if (!err) {
		snprintf(path, sizeof(path), "%s", parsed->mapping.path);
		parsed->mapping.path = path;
	}
	free(copy);
	return err;
}

static void test_exec(void **state)
{
	struct bytes bytes = make_comm(PERF_RECORD_MISC_COMM_EXEC, 42, "true", 1000);
	struct map_record parsed;

	(void)state;
	assert_int_equal(parse(&parsed, &bytes), 0);
	assert_true(parsed.is_mapping);
	assert_int_equal(parsed.mapping.kind, MAPPING_EXEC);
	assert_int_equal(parsed.mapping.pid, 42);
	assert_int_equal(parsed.mapping.time_ns, 1000);
	assert_int_equal(parsed.mapping.length, 0);
	assert_string_equal(parsed.mapping.path, "true");
	/* A thread's new name is no exec. */
	bytes = make_comm(0, 42, "worker", 1000);
	assert_int_equal(parse(&parsed, &bytes), 0);
	assert_false(parsed.is_mapping);
}

static void test_mappings(void **state)
{
	struct bytes bytes = make_mmap2(0, 42, "/usr/lib/libc.so.6", 2000);
	struct map_record parsed;
	const struct mapping *mapping = &parsed.mapping;

	(void)state;
	assert_int_equal(parse(&parsed, &bytes), 0);
	assert_true(parsed.is_mapping);
	assert_int_equal(mapping->kind, MAPPING_FILE);
	assert_int_equal(mapping->pid, 42);
	assert_int_equal(mapping->time_ns, 2000);
	assert_int_equal(mapping->start, 0x7f0000001000);
	assert_int_equal(mapping->length, 0x2000);
	assert_int_equal(mapping->offset, 0x3000);
	assert_int_equal(mapping->major, 254);
	assert_int_equal(mapping->minor, 3);
	assert_int_equal(mapping->inode, 4711);
	assert_true(mapping->executable);
	assert_false(mapping->shared);
	assert_int_equal(mapping->build_id_size, 0);
	assert_string_equal(mapping->path, "/usr/lib/libc.so.6");

	bytes = make_mmap2(BUILD_ID_MISC, 42, "/usr/lib/libc.so.6", 2000);
	set_u32(&bytes, 68, MAP_SHARED);
	set_u32(&bytes, 64, PROT_READ);
	assert_int_equal(parse(&parsed, &bytes), 0);
	assert_int_equal(mapping->build_id_size, 20);
	assert_memory_equal(mapping->build_id, build_id, 20);
	assert_int_equal(mapping->major + mapping->minor + mapping->inode, 0);
	assert_false(mapping->executable);
	assert_true(mapping->shared);
}

static void test_names_that_are_none(void **state)
{
	static char longest[MAPPING_PATH_MAX + 1];
	struct map_record parsed;
	struct bytes bytes = make_mmap2(0, 42, "//anon", 1);

	(void)state;
	assert_int_equal(parse(&parsed, &bytes), 0);
	assert_false(parsed.is_mapping);
	bytes = make_mmap2(0, 42, "[vdso]", 1);
	assert_int_equal(parse(&parsed, &bytes), 0);
	assert_true(parsed.is_mapping);
	assert_string_equal(parsed.mapping.path, "[vdso]");
	bytes = make_mmap2(0, 42, "//toolong", 1);
	assert_int_equal(parse(&parsed, &bytes), 0);
	assert_true(parsed.is_mapping);
	assert_string_equal(parsed.mapping.path, "");
	/* Not from our PID namespace. */
	bytes = make_mmap2(0, 0, "/bin/true", 1);
	assert_int_equal(parse(&parsed, &bytes), 0);
	assert_false(parsed.is_mapping);
	bytes = make_comm(PERF_RECORD_MISC_COMM_EXEC, UINT32_MAX, "true", 1);
	assert_int_equal(parse(&parsed, &bytes), 0);
	assert_false(parsed.is_mapping);

	memset(longest, 'a', MAPPING_PATH_MAX - 1);
	bytes = make_mmap2(0, 42, longest, 1);
	assert_int_equal(parse(&parsed, &bytes), 0);
	assert_string_equal(parsed.mapping.path, longest);
	longest[MAPPING_PATH_MAX - 1] = 'a';
	bytes = make_mmap2(0, 42, longest, 1);
	assert_int_equal(parse(&parsed, &bytes), 0);
	assert_string_equal(parsed.mapping.path, "");
}

static void test_lost(void **state)
{
	struct map_record parsed;
	struct bytes bytes;

	(void)state;
	begin(&bytes, PERF_RECORD_LOST, 0);
	put_u64(&bytes, 5);
	put_u64(&bytes, 77);
	end(&bytes, 1);
	assert_int_equal(parse(&parsed, &bytes), 0);
	assert_false(parsed.is_mapping);
	assert_int_equal(parsed.lost, 77);
	/* What nobody asked for is skipped. */
	begin(&bytes, PERF_RECORD_THROTTLE, 0);
	end(&bytes, 1);
	assert_int_equal(parse(&parsed, &bytes), 0);
	assert_false(parsed.is_mapping);
	assert_int_equal(parsed.lost, 0);
}

static void test_damaged_records(void **state)
{
	const struct bytes good[] = { make_comm(PERF_RECORD_MISC_COMM_EXEC, 42, "true", 1),
				      make_mmap2(BUILD_ID_MISC, 42, "/bin/true", 1) };
	struct map_record parsed;
	struct bytes bytes;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		/* Shorter than it says, then as short as it says. */
		for (size_t size = 0; size < good[i].size; size++) {
			bytes = good[i];
			bytes.size = size;
			assert_int_equal(parse(&parsed, &bytes), -EBADMSG);
		}
		for (size_t size = 8; size < good[i].size; size += 8) {
			bytes = good[i];
			bytes.size = size;
			set_size(&bytes, (uint16_t)size);
			if (!parse(&parsed, &bytes))
				assert_true(strlen(parsed.mapping.path) < size);
		}
		/* Any byte: refused, or read within its bounds. */
		for (size_t at = 0; at < good[i].size; at++) {
			for (int byte = 0; byte < 256; byte++) {
				bytes = good[i];
				bytes.raw[at] = (uint8_t)byte;
				if (parse(&parsed, &bytes))
					continue;
				assert_true(strlen(parsed.mapping.path) < good[i].size);
				assert_true(parsed.mapping.build_id_size <= MAPPING_BUILD_ID_MAX);
			}
		}
	}
	/* A string without an end. */
	bytes = good[0];
	memset(bytes.raw + 16, 'x', 8);
	assert_int_equal(parse(&parsed, &bytes), -EBADMSG);
	bytes = good[1];
	bytes.raw[40] = 21;
	assert_int_equal(parse(&parsed, &bytes), -EBADMSG);
	bytes = good[1];
	memset(bytes.raw + 16, 0xff, 8); /* beyond the end of the address space */
	assert_int_equal(parse(&parsed, &bytes), -EBADMSG);
}

/* --- the ring --- */

#define RING_BYTES 512

struct fake_ring {
	struct perf_event_mmap_page page;
	_Alignas(8) uint8_t data[RING_BYTES];
	struct map_ring ring;
};

static void write_record(struct fake_ring *fake, const struct bytes *bytes)
{
	for (size_t i = 0; i < bytes->size; i++)
		fake->data[(fake->page.data_head + i) % RING_BYTES] = bytes->raw[i];
	fake->page.data_head += bytes->size;
}

static struct fake_ring *new_ring(uint64_t position)
{
	struct fake_ring *fake = need(calloc(1, sizeof(*fake)));

	fake->page.data_head = fake->page.data_tail = position;
	map_ring__init(&fake->ring, &fake->page, fake->data, RING_BYTES);
	return fake;
}

/* Records that begin at every place of the ring, cut by its end or not. */
static void test_ring_wraps_around(void **state)
{
	/* So that 64-bit positions wrap, too. */
	static const uint64_t starts[] = { 0, UINT64_MAX - 4 * RING_BYTES + 1 };
	const void *record;
	size_t size;

	(void)state;
	for (size_t s = 0; s < 2; s++) {
		struct fake_ring *fake = new_ring(starts[s]);

		for (uint64_t i = 0; i < 500; i++) {
			const struct bytes bytes[] = {
				make_mmap2(0, 42, "/a/file/with/a/name", i),
				make_comm(PERF_RECORD_MISC_COMM_EXEC, 42, "true", i),
			};
			uint64_t before = fake->page.data_tail;
			struct map_record parsed;

			write_record(fake, &bytes[0]);
			write_record(fake, &bytes[1]);
			assert_int_equal(map_ring__look(&fake->ring), 0);
			for (size_t k = 0; k < 2; k++) {
				assert_int_equal(map_ring__next(&fake->ring, &record, &size), 1);
				assert_int_equal(size, bytes[k].size);
				assert_memory_equal(record, bytes[k].raw, size);
				assert_int_equal(map_record__parse(&parsed, record, size), 0);
				assert_int_equal(parsed.mapping.time_ns, i);
				/* Not the kernel's again until we are done with it. */
				assert_int_equal(fake->page.data_tail, before);
				map_ring__advance(&fake->ring, size);
				before += size;
				assert_int_equal(fake->page.data_tail, before);
			}
			assert_int_equal(map_ring__next(&fake->ring, &record, &size), 0);
		}
		free(fake);
	}
}

/* What came after look() is left for the next one. */
static void test_ring_reads_what_it_saw(void **state)
{
	const struct bytes bytes = make_comm(0, 42, "true", 1);
	struct fake_ring *fake = new_ring(0);
	const void *record;
	size_t size;

	(void)state;
	assert_int_equal(map_ring__look(&fake->ring), 0);
	write_record(fake, &bytes);
	assert_int_equal(map_ring__next(&fake->ring, &record, &size), 0);
	assert_int_equal(map_ring__look(&fake->ring), 0);
	assert_int_equal(map_ring__next(&fake->ring, &record, &size), 1);
	/* Full to the last byte is fine. */
	while (fake->page.data_head < RING_BYTES)
		write_record(fake, &bytes);
	assert_int_equal(fake->page.data_head, RING_BYTES);
	assert_int_equal(map_ring__look(&fake->ring), 0);
	for (size_t n = 0; n < RING_BYTES; n += size) {
		assert_int_equal(map_ring__next(&fake->ring, &record, &size), 1);
		map_ring__advance(&fake->ring, size);
	}
	free(fake);
}

static void test_damaged_ring(void **state)
{
	static const uint16_t sizes[] = { 0, 7, 8 + 4, 32 + 8, UINT16_MAX };
	const void *record;
	size_t size;

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		struct fake_ring *fake = new_ring(RING_BYTES - 16);
		struct bytes bytes = make_comm(0, 42, "true", 1);

		assert_int_equal(bytes.size, 32);
		set_size(&bytes, sizes[i]);
		write_record(fake, &bytes);
		assert_int_equal(map_ring__look(&fake->ring), 0);
		assert_int_equal(map_ring__next(&fake->ring, &record, &size), -EBADMSG);
		free(fake);
	}
	struct fake_ring *fake = new_ring(64);

	fake->page.data_head = 64 + RING_BYTES + 8;
	assert_int_equal(map_ring__look(&fake->ring), -EBADMSG);
	fake->page.data_head = 56;
	assert_int_equal(map_ring__look(&fake->ring), -EBADMSG);
	fake->page.data_head = 68;
	assert_int_equal(map_ring__look(&fake->ring), -EBADMSG);
	free(fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exec),
		cmocka_unit_test(test_mappings),
		cmocka_unit_test(test_names_that_are_none),
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_damaged_records),
		cmocka_unit_test(test_ring_wraps_around),
		cmocka_unit_test(test_ring_reads_what_it_saw),
		cmocka_unit_test(test_damaged_ring),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
