/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_map_proc.c - lines of /proc/PID/maps, and build-ids out of ELF files.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/report_fixture.h"
#include "user/map_build_id.h"
#include "user/map_proc.h"

/* The text that the last parse() was given; its path points in here. */
static char line[8 * MAPPING_PATH_MAX];

static int parse(struct mapping *mapping, const char *text)
{
	size_t length = strlen(text);

	assert_true(length < sizeof(line));
	memset(line, '!', sizeof(line));
	memcpy(line, text, length);
	memset(mapping, 0xff, sizeof(*mapping));
	return map_proc__parse_line(mapping, line, length);
}

static void test_a_file(void **state)
{
	struct mapping mapping;

	(void)state;
	assert_int_equal(parse(&mapping, "7f1c2a400000-7f1c2a428000 r-xp 00028000 fe:1f 131274"
					 "                     /usr/lib/libc.so.6"),
			 0);
	assert_int_equal(mapping.kind, MAPPING_FILE);
	assert_int_equal(mapping.start, 0x7f1c2a400000);
	assert_int_equal(mapping.length, 0x28000);
	assert_int_equal(mapping.offset, 0x28000);
	assert_int_equal(mapping.major, 0xfe);
	assert_int_equal(mapping.minor, 0x1f);
	assert_int_equal(mapping.inode, 131274);
	assert_true(mapping.executable);
	assert_false(mapping.shared);
	assert_int_equal(mapping.build_id_size, 0);
	assert_int_equal(mapping.pid, 0);
	assert_int_equal(mapping.time_ns, 0);
	assert_string_equal(mapping.path, "/usr/lib/libc.so.6");
}

static void test_permissions(void **state)
{
	struct mapping mapping;

	(void)state;
	assert_int_equal(parse(&mapping, "1000-2000 rw-s 00000000 00:01 8 /dev/shm/a"), 0);
	assert_true(mapping.shared);
	assert_false(mapping.executable);
	assert_int_equal(parse(&mapping, "1000-2000 --xs 00000000 00:01 8 /a"), 0);
	assert_true(mapping.shared);
	assert_true(mapping.executable);
	assert_int_equal(parse(&mapping, "1000-2000 ---p 00000000 00:01 8 /a"), 0);
	assert_false(mapping.shared);
	assert_false(mapping.executable);
}

static void test_odd_paths(void **state)
{
	static const struct {
		const char *written, *path;
	} rows[] = {
		{ " ", "" },
		{ "      /with blank and  two", "/with blank and  two" },
		{ " /new\\012line\\012", "/new\nline\n" },
		{ " /back\\slash\\01\\8", "/back\\slash\\01\\8" },
		{ " /end\\", "/end\\" },
		{ " /lib/gone.so (deleted)", "/lib/gone.so (deleted)" },
		{ " /memfd:name (deleted)", "/memfd:name (deleted)" },
		{ " /SYSV0000002a (deleted)", "/SYSV0000002a (deleted)" },
		{ " [heap]", "[heap]" },
		{ " [anon:a name]", "[anon:a name]" },
		{ " \033[31m\xff", "\033[31m\xff" },
	};
	struct mapping mapping;
	char text[256];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		snprintf(text, sizeof(text), "1000-2000 rw-p 00000000 00:01 7%s", rows[i].written);
		assert_int_equal(parse(&mapping, text), 0);
		assert_string_equal(mapping.path, rows[i].path);
		assert_int_equal(mapping.inode, 7);
	}
	assert_int_equal(parse(&mapping, "1000-2000 rw-p 00000000 00:00 0"), 0);
	assert_string_equal(mapping.path, "");
	/* As long as the address space. */
	assert_int_equal(parse(&mapping, "0-ffffffffffffffff --xp 0 00:00 18446744073709551615"),
			 0);
	assert_int_equal(mapping.length, UINT64_MAX);
	assert_int_equal(mapping.inode, UINT64_MAX);
}

static void test_long_paths(void **state)
{
	static char text[6 * MAPPING_PATH_MAX];
	const size_t begin = strlen("1000-2000 rw-p 00000000 00:01 7 ");
	struct mapping mapping;

	(void)state;
	snprintf(text, sizeof(text), "1000-2000 rw-p 00000000 00:01 7 ");
	memset(text + begin, '/', MAPPING_PATH_MAX - 1);
	assert_int_equal(parse(&mapping, text), 0);
	assert_int_equal(strlen(mapping.path), MAPPING_PATH_MAX - 1);
	text[begin + MAPPING_PATH_MAX - 1] = '/';
	assert_int_equal(parse(&mapping, text), 0);
	assert_string_equal(mapping.path, "");
	assert_int_equal(mapping.inode, 7);
	/* It is the decoded path that counts. */
	for (size_t i = 0; i < MAPPING_PATH_MAX - 1; i++)
		memcpy(text + begin + 4 * i, "\\012", 5);
	assert_int_equal(parse(&mapping, text), 0);
	assert_int_equal(strlen(mapping.path), MAPPING_PATH_MAX - 1);
	assert_int_equal(strspn(mapping.path, "\n"), MAPPING_PATH_MAX - 1);
}

static void test_garbage(void **state)
{
	static const char *const rows[] = {
		"", " ", "\n", "-", "1000", "1000-", "1000-2000", "1000-2000 ", "1000-2000 rw",
		"1000-2000 rw-p", "1000-2000 rw-p 0", "1000-2000 rw-p 0 00:00",
		"1000-2000 rw-p 0 00:00 ", "1000-2000 rw-p 0 00:00  7", "2000-1000 rw-p 0 00:00 0",
		"1000-2000 wr-p 0 00:00 0", "1000-2000 rw-q 0 00:00 0", "1000-2000 rw-px 0 00:00 0",
		"1000-2000 rw-p 0 0000 0", "1000-2000 rw-p 0 00:00 x", "1000-2000 rw-p 0 00:00 1f",
		"x-2000 rw-p 0 00:00 0", "1000-2000-3000 rw-p 0 00:00 0", "+1-2 rw-p 0 00:00 0",
		"10000000000000000-20000000000000000 rw-p 0 00:00 0",
		"1000-2000 rw-p 0 100000000:00 0", "1000-2000 rw-p 0 00:100000000 0",
		"1000-2000 rw-p 0 00:00 18446744073709551616", "1000-2000  rw-p 0 00:00 0",
		"1000-2000 rw-p 0 00:00 0\t/tab", "Rss:                1234 kB",
	};
	struct mapping mapping;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (parse(&mapping, rows[i]) != -EBADMSG)
			fail_msg("accepted: '%s'", rows[i]);
	memcpy(line, "1000-2000 rw-p 0 00:00 0 /a\0b", 29);
	assert_int_equal(map_proc__parse_line(&mapping, line, 29), -EBADMSG);
}

/* Any damage to a good line is refused or read, within its bounds (SAN=1 would tell). */
static void test_every_damaged_byte(void **state)
{
	static const char good[] = "7f00-8f00 r-xp 00028000 fe:1f 131274   /a\\012b";
	const size_t length = sizeof(good) - 1;
	struct mapping mapping;

	(void)state;
	for (size_t at = 0; at < length; at++) {
		for (int byte = 0; byte < 256; byte++) {
			char *copy = need(malloc(length + 1));

			memcpy(copy, good, length);
			copy[at] = (char)byte;
			if (!map_proc__parse_line(&mapping, copy, length))
				assert_true(strlen(mapping.path) <= length);
			free(copy);
		}
		char *cut = need(malloc(at + 1));

		memcpy(cut, good, at);
		map_proc__parse_line(&mapping, cut, at);
		free(cut);
	}
}

/* --- build-ids --- */

/* A note: its header, name and content, all to 4 bytes. */
static size_t put_note(uint8_t *to, uint32_t type, const char *name, const void *desc, uint32_t n)
{
	uint32_t name_size = (uint32_t)strlen(name) + 1;
	Elf64_Nhdr header = { name_size, n, type };
	size_t desc_at = sizeof(header) + ((name_size + 3) & ~3u);

	memcpy(to, &header, sizeof(header));
	memcpy(to + sizeof(header), name, name_size);
	memcpy(to + desc_at, desc, n);
	return desc_at + ((n + 3) & ~3u);
}

struct elf_image {
	Elf64_Ehdr header;
	Elf64_Phdr segments[2];
	uint8_t notes[512];
};

static const uint8_t id_bytes[24] = { 1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12,
				      13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24 };

/* An ELF file with one segment of notes: another's, then the build-id. */
static struct elf_image make_elf(uint32_t id_size)
{
	static const uint16_t one = 1;
	bool little = *(const uint8_t *)&one;
	struct elf_image image = { 0 };
	size_t n;

	memcpy(image.header.e_ident, ELFMAG, SELFMAG);
	image.header.e_ident[EI_CLASS] = ELFCLASS64;
	image.header.e_ident[EI_DATA] = little ? ELFDATA2LSB : ELFDATA2MSB;
	image.header.e_ident[EI_VERSION] = EV_CURRENT;
	image.header.e_type = ET_DYN;
	image.header.e_machine = EM_X86_64;
	image.header.e_version = EV_CURRENT;
	image.header.e_ehsize = sizeof(Elf64_Ehdr);
	image.header.e_phoff = offsetof(struct elf_image, segments);
	image.header.e_phentsize = sizeof(Elf64_Phdr);
	image.header.e_phnum = 2;
	n = put_note(image.notes, NT_GNU_BUILD_ID, "Other", "no", 2);
	n += put_note(image.notes + n, NT_GNU_ABI_TAG, "GNU", "abi", 3);
	n += put_note(image.notes + n, NT_GNU_BUILD_ID, "GNU", id_bytes, id_size);
	image.segments[0].p_type = PT_LOAD;
	image.segments[1] = (Elf64_Phdr){ .p_type = PT_NOTE,
					  .p_offset = offsetof(struct elf_image, notes),
					  .p_filesz = n,
					  .p_memsz = n,
					  .p_align = 4 };
	return image;
}

/* A file with that content, in memory. */
static int make_file(const void *content, size_t size)
{
	int fd = memfd_create("convoy-test", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, content, size, 0), size);
	return fd;
}

static struct build_id id_of(const void *content, size_t size)
{
	int fd = make_file(content, size);
	struct build_id id = build_id__of_elf(fd);

	close(fd);
	return id;
}

static void test_build_ids(void **state)
{
	static const uint32_t sizes[] = { 1, 8, 16, 20, 24 };
	struct elf_image image;
	struct build_id id;

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		uint32_t kept = sizes[i] < MAPPING_BUILD_ID_MAX ? sizes[i] : MAPPING_BUILD_ID_MAX;

		image = make_elf(sizes[i]);
		id = id_of(&image, sizeof(image));
		assert_int_equal(id.size, kept);
		assert_memory_equal(id.bytes, id_bytes, kept);
	}
	image = make_elf(20);
	image.segments[1].p_type = PT_LOAD;
	assert_int_equal(id_of(&image, sizeof(image)).size, 0);
}

static void test_no_elf_has_no_build_id(void **state)
{
	struct elf_image image = make_elf(20);
	struct build_id id;

	(void)state;
	assert_int_equal(id_of("", 0).size, 0);
	assert_int_equal(id_of("#!/bin/sh\n", 10).size, 0);
	assert_int_equal(build_id__of_elf(-1).size, 0);
	/* Cut short anywhere, it has the id or none. */
	for (size_t size = 0; size < sizeof(image); size++) {
		id = id_of(&image, size);
		if (id.size)
			assert_memory_equal(id.bytes, id_bytes, id.size);
	}
	image.segments[1].p_offset = UINT64_MAX - 8;
	assert_int_equal(id_of(&image, sizeof(image)).size, 0);
	image = make_elf(20);
	image.segments[1].p_filesz = UINT64_MAX;
	id_of(&image, sizeof(image));
	/* More program headers than any program has, and "the number is elsewhere". */
	image = make_elf(20);
	image.header.e_phnum = 257;
	assert_int_equal(id_of(&image, sizeof(image)).size, 0);
	image.header.e_phnum = PN_XNUM;
	assert_int_equal(id_of(&image, sizeof(image)).size, 0);
	image = make_elf(20);
	image.header.e_phentsize = sizeof(Elf32_Phdr);
	assert_int_equal(id_of(&image, sizeof(image)).size, 0);
	image = make_elf(20);
	image.header.e_phoff = UINT64_MAX - 8;
	assert_int_equal(id_of(&image, sizeof(image)).size, 0);
}

/* What a note says of its sizes leads nowhere outside. */
static void test_notes_that_lie(void **state)
{
	struct elf_image good = make_elf(20), image;
	struct build_id id;

	(void)state;
	for (size_t i = 0; i + 4 <= good.segments[1].p_filesz; i += 4) {
		static const uint32_t lies[] = { 0,	    1,	 3,	   5,
						 500,	    513, 1u << 31, UINT32_MAX - 3,
						 UINT32_MAX };

		for (size_t k = 0; k < sizeof(lies) / sizeof(*lies); k++) {
			image = good;
			memcpy(image.notes + i, &lies[k], 4);
			id = id_of(&image, sizeof(image));
			assert_true(id.size <= MAPPING_BUILD_ID_MAX);
		}
	}
	/* Exactly what fits, and a byte more. */
	for (uint32_t more = 0; more < 2; more++) {
		uint32_t size = 20 + more;

		/* The last note is the build-id's, and nothing comes after it. */
		image = good;
		memcpy(image.notes + good.segments[1].p_filesz - 20 - 16 + 4, &size, 4);
		id = id_of(&image, sizeof(image));
		assert_int_equal(id.size, more ? 0 : 20);
	}
}

/* A file that claims to be huge costs no more than another one: it has holes, and neither
 * its first section nor a segment of notes is read as long as it says. */
static void test_a_hostile_file(void **state)
{
	struct elf_image image = make_elf(20);
	Elf64_Shdr section = { .sh_size = UINT64_MAX, .sh_info = 40000000 };
	int fd = make_file(&image, sizeof(image));
	struct build_id id;

	(void)state;
	assert_int_equal(ftruncate(fd, (off_t)1 << 36), 0);
	image.header.e_shoff = sizeof(image);
	image.header.e_shentsize = sizeof(section);
	assert_int_equal(pwrite(fd, &section, sizeof(section), sizeof(image)), sizeof(section));
	image.header.e_phnum = PN_XNUM;
	assert_int_equal(pwrite(fd, &image, sizeof(image), 0), sizeof(image));
	assert_int_equal(build_id__of_elf(fd).size, 0);
	image.header.e_phnum = 2;
	image.segments[1].p_filesz = (uint64_t)1 << 35;
	assert_int_equal(pwrite(fd, &image, sizeof(image), 0), sizeof(image));
	id = build_id__of_elf(fd);
	assert_int_equal(id.size, 20);
	assert_memory_equal(id.bytes, id_bytes, 20);
	close(fd);
}

/* Bytes of a number in an ELF file of the other byte order. */
static void put(uint8_t *at, size_t size, uint64_t value, bool big)
{
	for (size_t i = 0; i < size; i++)
		at[big ? size - 1 - i : i] = (uint8_t)(value >> 8 * i);
}

#define PUT(bytes, at, type, name, value, big)                                                \
	put((bytes) + (at) + offsetof(type, name), sizeof(((type *)NULL)->name), value, big)

static void check_other_kind(bool is_64, bool big, size_t align)
{
	uint8_t bytes[512] = { 0 };
	size_t notes = 256, desc = notes + (12 + 4 + align - 1) / align * align;
	struct build_id id;

	memcpy(bytes, ELFMAG, SELFMAG);
	bytes[EI_CLASS] = is_64 ? ELFCLASS64 : ELFCLASS32;
	bytes[EI_DATA] = big ? ELFDATA2MSB : ELFDATA2LSB;
	if (is_64) {
		PUT(bytes, 0, Elf64_Ehdr, e_phoff, 128, big);
		PUT(bytes, 0, Elf64_Ehdr, e_phnum, 1, big);
		PUT(bytes, 0, Elf64_Ehdr, e_phentsize, sizeof(Elf64_Phdr), big);
		PUT(bytes, 128, Elf64_Phdr, p_type, PT_NOTE, big);
		PUT(bytes, 128, Elf64_Phdr, p_offset, notes, big);
		PUT(bytes, 128, Elf64_Phdr, p_filesz, desc + 20 - notes, big);
		PUT(bytes, 128, Elf64_Phdr, p_align, align, big);
	} else {
		PUT(bytes, 0, Elf32_Ehdr, e_phoff, 128, big);
		PUT(bytes, 0, Elf32_Ehdr, e_phnum, 1, big);
		PUT(bytes, 0, Elf32_Ehdr, e_phentsize, sizeof(Elf32_Phdr), big);
		PUT(bytes, 128, Elf32_Phdr, p_type, PT_NOTE, big);
		PUT(bytes, 128, Elf32_Phdr, p_offset, notes, big);
		PUT(bytes, 128, Elf32_Phdr, p_filesz, desc + 20 - notes, big);
		PUT(bytes, 128, Elf32_Phdr, p_align, align, big);
	}
	put(bytes + notes, 4, 4, big);
	put(bytes + notes + 4, 4, 20, big);
	put(bytes + notes + 8, 4, NT_GNU_BUILD_ID, big);
	memcpy(bytes + notes + 12, "GNU", 4);
	memcpy(bytes + desc, id_bytes, 20);
	id = id_of(bytes, sizeof(bytes));
	assert_int_equal(id.size, 20);
	assert_memory_equal(id.bytes, id_bytes, 20);
}

static void test_classes_and_byte_orders(void **state)
{
	(void)state;
	for (int kind = 0; kind < 8; kind++)
		check_other_kind(kind & 1, kind & 2, kind & 4 ? 8 : 4);
}

/* The cache tells files apart, and a file from what it was before. */
static void test_cache(void **state)
{
	struct build_id_cache *cache = need(build_id_cache__new());
	struct elf_image a = make_elf(20), b = make_elf(8);
	const struct timespec later[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };
	int fd_a = make_file(&a, sizeof(a)), fd_b = make_file(&b, sizeof(b));

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(build_id_cache__get(cache, fd_a).size, 20);
		assert_int_equal(build_id_cache__get(cache, fd_b).size, 8);
	}
	assert_int_equal(pwrite(fd_a, &b, sizeof(b), 0), sizeof(b));
	assert_int_equal(futimens(fd_a, later), 0);
	assert_int_equal(build_id_cache__get(cache, fd_a).size, 8);
	close(fd_a);
	/* More files than it has room for. */
	for (int i = 0; i < 1100; i++) {
		int fd = make_file(i % 2 ? &a : &b, sizeof(a));

		assert_int_equal(build_id_cache__get(cache, fd).size, i % 2 ? 20 : 8);
		close(fd);
	}
	assert_int_equal(build_id_cache__get(cache, fd_b).size, 8);
	close(fd_b);
	build_id_cache__free(cache);
}

/* Whoever opened a FIFO for reading would wait here for ever. */
static void test_no_regular_file_is_not_opened(void **state)
{
	struct build_id_cache *cache = need(build_id_cache__new());
	const char *dir = getenv("TEST_TMPDIR");
	char path[4096];
	int fd;

	(void)state;
	snprintf(path, sizeof(path), "%s/convoy-fifo.%d", dir ? dir : "/tmp", (int)getpid());
	assert_int_equal(mkfifo(path, 0600), 0);
	fd = open(path, O_PATH | O_CLOEXEC);
	unlink(path);
	assert_true(fd >= 0);
	assert_int_equal(build_id_cache__get(cache, fd).size, 0);
	close(fd);
	fd = open("/dev/null", O_PATH | O_CLOEXEC);
	assert_int_equal(build_id_cache__get(cache, fd).size, 0);
	close(fd);
	assert_int_equal(build_id_cache__get(cache, -1).size, 0);
	build_id_cache__free(cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_file),
		cmocka_unit_test(test_permissions),
		cmocka_unit_test(test_odd_paths),
		cmocka_unit_test(test_long_paths),
		cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_every_damaged_byte),
		cmocka_unit_test(test_build_ids),
		cmocka_unit_test(test_no_elf_has_no_build_id),
		cmocka_unit_test(test_notes_that_lie),
		cmocka_unit_test(test_a_hostile_file),
		cmocka_unit_test(test_classes_and_byte_orders),
		cmocka_unit_test(test_cache),
		cmocka_unit_test(test_no_regular_file_is_not_opened),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
