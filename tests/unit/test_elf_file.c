/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_elf_file.c - symbols and data of this very program, and files that are damaged.
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
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/elf_fixture.h"
#include "tests/unit/scratch.h"
#include "user/elf_file.h"
#include "user/map_build_id.h"
#include "user/map_proc.h"

/* Not const, nor changed before the compiler's eyes: they stay in .data and .bss. */
static uint32_t known_data[4] = { 0x11223344, 0x55667788, 0x99aabbcc, 0xddeeff00 };
static char known_zeroes[5000];

__attribute__((noinline)) static int known_function(int a)
{
	__asm__ volatile("" : "+r"(a));
	return a * 3;
}

struct wanted {
	uint64_t address;
	struct mapping mapping;
};

static int find_mapping(void *ctx, const struct mapping *mapping)
{
	struct wanted *wanted = ctx;

	if (wanted->address - mapping->start < mapping->length)
		wanted->mapping = *mapping;
	return 0;
}

static void test_symbols(void **state)
{
	struct elf_file *file = open_self();
	uint64_t bias = own_bias(), at;
	struct elf_symbol symbol;

	(void)state;
	assert_int_equal(known_function(2), 6);
	assert_true(elf_file__has_symtab(file));
	at = (uint64_t)(uintptr_t)known_function - bias;
	assert_true(elf_file__function(file, at, &symbol));
	assert_string_equal(symbol.name, "known_function");
	assert_int_equal(symbol.vaddr, at);
	assert_true(elf_file__function(file, at + symbol.size - 1, &symbol));
	assert_string_equal(symbol.name, "known_function");
	if (elf_file__function(file, at + symbol.size, &symbol))
		assert_string_not_equal(symbol.name, "known_function");
	assert_false(elf_file__object(file, at, &symbol));

	at = (uint64_t)(uintptr_t)known_data - bias;
	assert_true(elf_file__object(file, at + 15, &symbol));
	assert_string_equal(symbol.name, "known_data");
	assert_int_equal(symbol.vaddr, at);
	assert_int_equal(symbol.size, sizeof(known_data));
	at = (uint64_t)(uintptr_t)known_zeroes - bias;
	assert_true(elf_file__object(file, at + 4999, &symbol));
	assert_string_equal(symbol.name, "known_zeroes");
	assert_false(elf_file__object(file, UINT64_MAX, &symbol));
	assert_false(elf_file__function(file, 0, &symbol));

	assert_true(elf_file__find(file, "known_zeroes", &symbol));
	assert_int_equal(symbol.vaddr, at);
	assert_true(elf_file__find(file, "main", &symbol));
	assert_false(elf_file__find(file, "known_zeroe", &symbol));
	assert_false(elf_file__find(file, "", &symbol));
	assert_true(elf_file__memory(file) > 0);
	elf_file__free(file);
}

static void test_addresses(void **state)
{
	struct elf_file *file = open_self();
	struct wanted wanted = { .address = (uint64_t)(uintptr_t)known_function };
	uint64_t bias = own_bias(), found, lowest, end, at;
	struct map_proc *map_proc;
	uint32_t data[4];
	char zeroes[64];

	(void)state;
	assert_int_equal(map_proc__new(&map_proc), 0);
	assert_int_equal(map_proc__read(map_proc, getpid(), 1, 2, find_mapping, &wanted), 0);
	map_proc__free(map_proc);
	assert_true(wanted.mapping.executable);
	assert_true(elf_file__bias(file, wanted.mapping.start, wanted.mapping.offset, &found));
	assert_int_equal(found, bias);
	/* In the middle of the mapping, as when it was split. */
	assert_true(elf_file__bias(file, wanted.mapping.start + 4096, wanted.mapping.offset + 4096,
				   &found));
	assert_int_equal(found, bias);
	assert_false(elf_file__bias(file, 0, 1ull << 40, &found));

	elf_file__extent(file, &lowest, &end);
	at = (uint64_t)(uintptr_t)known_zeroes - bias;
	assert_true(at >= lowest && at + sizeof(known_zeroes) <= end);

	/* What it was, not what it is. */
	*(volatile uint32_t *)&known_data[1] = 5;
	*(volatile char *)&known_zeroes[3] = 'x';
	assert_int_equal(elf_file__read(file, (uint64_t)(uintptr_t)known_data - bias, data,
					sizeof(data)),
			 0);
	assert_int_equal(data[0], 0x11223344);
	assert_int_equal(data[1], 0x55667788);
	memset(zeroes, 'a', sizeof(zeroes));
	assert_int_equal(elf_file__read(file, at, zeroes, sizeof(zeroes)), 0);
	for (size_t i = 0; i < sizeof(zeroes); i++)
		assert_int_equal(zeroes[i], 0);
	assert_int_equal(elf_file__read(file, end - 1, zeroes, 2), -EFAULT);
	assert_int_equal(elf_file__read(file, UINT64_MAX - 1, zeroes, 8), -EFAULT);
	elf_file__free(file);
}

static void test_build_id(void **state)
{
	struct elf_file *file;
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct build_id id = build_id__of_elf(fd);

	(void)state;
	if (!id.size) {
		close(fd);
		skip();
	}
	assert_int_equal(elf_file__open(&file, fd, "", id.bytes, id.size), 0);
	elf_file__free(file);
	id.bytes[0] ^= 1;
	fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	assert_int_equal(elf_file__open(&file, fd, "", id.bytes, id.size), -ESTALE);
	/* It was closed. */
	assert_int_equal(fcntl(fd, F_GETFD), -1);
}

static int open_file(struct elf_file **file, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	return elf_file__open(file, fd, path, NULL, 0);
}

static void test_no_elf_file(void **state)
{
	struct elf_file *file;

	(void)state;
	assert_int_equal(open_file(&file, put_file("empty", "", 0644)), -ENOEXEC);
	assert_int_equal(open_file(&file, put_file("text", "#!/bin/sh\n", 0644)), -ENOEXEC);
	assert_int_equal(open_file(&file, put_file("magic", "\177ELF\002\001\001", 0644)),
			 -ENOEXEC);
}

/* A separate debug file is found by name and build-id, and is not taken without it. */
static void test_debug_file(void **state)
{
	char command[8192], self[2048] = "";
	struct elf_file *file;
	struct elf_symbol symbol;

	(void)state;
	/* By its path: under valgrind, others see another program there. */
	assert_true(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	snprintf(command, sizeof(command),
		 "cd '%s' && command -v objcopy >/dev/null && mkdir .debug && "
		 "objcopy --only-keep-debug '%s' .debug/prog.debug && "
		 "objcopy --strip-all --add-gnu-debuglink=.debug/prog.debug '%s' prog && "
		 "cp prog alone && cp .debug/prog.debug keep",
		 scratch, self, self);
	if (system(command))
		skip();
	assert_int_equal(open_file(&file, in_scratch("prog")), 0);
	assert_true(elf_file__has_symtab(file));
	assert_true(elf_file__find(file, "known_data", &symbol));
	elf_file__free(file);
	/* Another program's. */
	put_file(".debug/prog.debug", "\177ELF", 0644);
	assert_int_equal(open_file(&file, in_scratch("prog")), 0);
	assert_false(elf_file__has_symtab(file));
	assert_false(elf_file__find(file, "known_data", &symbol));
	elf_file__free(file);
}

static void on_signal(int signal)
{
	(void)signal;
}

/*
 * A writer that waits for somebody to open the FIFO for reading: 0 if it was still waiting
 * when it got a signal. (The kernel counts readers: one that has come and gone is noticed.)
 */
static int wait_for_reader(const char *fifo)
{
	struct sigaction action = { .sa_handler = on_signal };

	return sigaction(SIGUSR1, &action, NULL) || open(fifo, O_WRONLY | O_CLOEXEC) >= 0 ||
	       errno != EINTR;
}

/* Until the process sleeps, which it does nowhere but in open(2). */
static void await_sleep(pid_t pid)
{
	char path[64], line[512], state = 0;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	while (state != 'S') {
		FILE *stat_file = fopen(path, "re");
		const char *end;

		assert_non_null(stat_file);
		assert_non_null(fgets(line, sizeof(line), stat_file));
		fclose(stat_file);
		end = strrchr(line, ')');
		assert_non_null(end);
		state = end[2];
		assert_int_not_equal(state, 'Z');
		usleep(1000);
	}
}

/* What is no regular file is not opened, whatever name leads to it; a link to one is. */
static void test_debug_file_is_regular(void **state)
{
	char command[8192], self[2048] = "";
	struct elf_file *file;
	int status;
	pid_t writer;

	(void)state;
	assert_true(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	snprintf(command, sizeof(command),
		 "cd '%s' && command -v objcopy >/dev/null && mkdir .debug && "
		 "objcopy --only-keep-debug '%s' prog.debug && "
		 "objcopy --strip-all --add-gnu-debuglink=prog.debug '%s' prog && "
		 "mv prog.debug keep && ln -s ../keep .debug/prog.debug",
		 scratch, self, self);
	if (system(command))
		skip();
	assert_int_equal(open_file(&file, in_scratch("prog")), 0);
	assert_true(elf_file__has_symtab(file));
	elf_file__free(file);

	assert_int_equal(unlink(in_scratch(".debug/prog.debug")), 0);
	assert_int_equal(mkfifo(in_scratch(".debug/prog.debug"), 0600), 0);
	assert_int_equal(symlink(".debug/prog.debug", in_scratch("prog.debug")), 0);
	writer = fork();
	assert_true(writer >= 0);
	if (!writer)
		_exit(wait_for_reader(in_scratch(".debug/prog.debug")));
	await_sleep(writer);
	assert_int_equal(open_file(&file, in_scratch("prog")), 0);
	assert_false(elf_file__has_symtab(file));
	elf_file__free(file);
	assert_int_equal(kill(writer, SIGUSR1), 0);
	assert_int_equal(waitpid(writer, &status, 0), writer);
	assert_int_equal(status, 0);
}

/* --- damage --------------------------------------------------------------------------- */

static void use(struct elf_file *file, uint64_t vaddr)
{
	struct convoy_ev_stack stack = { .pc = vaddr, .sp = 4096, .size = 1024 };
	struct unwind_frame frame;
	struct elf_symbol symbol;
	uint64_t a, b;
	char bytes[16];

	(void)elf_file__bias(file, 4096, vaddr & ~4095ull, &a);
	elf_file__extent(file, &a, &b);
	if (elf_file__function(file, vaddr, &symbol))
		assert_true(strlen(symbol.name) > 0);
	(void)elf_file__object(file, vaddr, &symbol);
	(void)elf_file__find(file, "main", &symbol);
	(void)elf_file__read(file, vaddr, bytes, sizeof(bytes));
	unwind__begin(&frame, &stack);
	for (int i = 0; i < 4; i++)
		if (unwind__step(file, 0, &frame, read_taken, &stack))
			break;
}

/*
 * A file of nothing but symbols, each a function of its own: their names end in one string of
 * `length` bytes and begin one byte further each, `n` of them; one is called "first" and is
 * there before, one "last" behind them.
 */
static struct elf_file *open_overlapping(size_t n, size_t length)
{
	static const char others[] = "\0first\0last";
	size_t strings = sizeof(others) + length + 1, symbols = n + 3;
	Elf64_Ehdr header = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, 1 },
			      .e_type = ET_DYN,
			      .e_version = EV_CURRENT,
			      .e_shoff = sizeof(header),
			      .e_ehsize = sizeof(header),
			      .e_shentsize = sizeof(Elf64_Shdr),
			      .e_shnum = 3 };
	Elf64_Shdr sections[3] = {
		{ 0 },
		{ .sh_type = SHT_SYMTAB,
		  .sh_offset = sizeof(header) + sizeof(sections),
		  .sh_size = symbols * sizeof(Elf64_Sym),
		  .sh_link = 2,
		  .sh_addralign = 8,
		  .sh_entsize = sizeof(Elf64_Sym) },
		{ .sh_type = SHT_STRTAB,
		  .sh_offset = sizeof(header) + sizeof(sections) + symbols * sizeof(Elf64_Sym),
		  .sh_size = strings,
		  .sh_addralign = 1 },
	};
	Elf64_Sym *table = calloc(symbols, sizeof(*table));
	char *names = malloc(strings);
	int fd = memfd_create("overlapping", MFD_CLOEXEC);
	struct elf_file *file;

	assert_true(table && names && fd >= 0);
	memcpy(names, others, sizeof(others));
	memset(names + sizeof(others), 'a', length);
	names[strings - 1] = 0;
	for (size_t i = 1; i < symbols; i++)
		table[i] = (Elf64_Sym){ .st_name = (Elf64_Word)(i == 1		? 1 :
								i + 1 < symbols ? 11 + i :
										  7),
					.st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
					.st_shndx = 1,
					.st_value = 16 * i,
					.st_size = 16 };
	assert_int_equal(pwrite(fd, &header, sizeof(header), 0), sizeof(header));
	assert_int_equal(pwrite(fd, sections, sizeof(sections), sizeof(header)), sizeof(sections));
	assert_int_equal(pwrite(fd, table, symbols * sizeof(*table), (off_t)sections[1].sh_offset),
			 symbols * sizeof(*table));
	assert_int_equal(pwrite(fd, names, strings, (off_t)sections[2].sh_offset), strings);
	free(table);
	free(names);
	assert_int_equal(elf_file__open(&file, fd, "", NULL, 0), 0);
	return file;
}

/* Names too long are none, and enough of long ones end the table. */
static void test_overlapping_names(void **state)
{
	struct elf_file *file = open_overlapping(20000, 20000);
	struct elf_symbol symbol;
	char name[1025];

	(void)state;
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
	skip();
#endif
	memset(name, 'a', sizeof(name));
	name[1024] = 0;
	assert_false(elf_file__find(file, name, &symbol));
	name[1023] = 0;
	assert_true(elf_file__find(file, name, &symbol));
	assert_true(elf_file__find(file, "a", &symbol));
	assert_true(elf_file__find(file, "first", &symbol));
	assert_true(elf_file__find(file, "last", &symbol));
	assert_true(elf_file__function(file, 16, &symbol));
	assert_string_equal(symbol.name, "first");
	/* The longest of them is of no use, but to nobody else's harm. */
	assert_false(elf_file__function(file, 32, &symbol));
	elf_file__free(file);

	file = open_overlapping(200000, 200000);
	assert_true(elf_file__find(file, "first", &symbol));
	assert_false(elf_file__find(file, "last", &symbol));
	assert_false(elf_file__find(file, "a", &symbol));
	elf_file__free(file);
}

/* Cut at any length; headers and tables with bytes of something else in them. */
static void test_damage(void **state)
{
	int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), fd;
	uint64_t seed = 1, main_at = (uint64_t)(uintptr_t)known_function - own_bias();
	struct elf_file *file;
	struct stat st;
	uint8_t *whole;
	Elf64_Ehdr header;

	(void)state;
	assert_int_equal(fstat(self, &st), 0);
	whole = malloc((size_t)st.st_size);
	assert_non_null(whole);
	assert_int_equal(pread(self, whole, (size_t)st.st_size, 0), st.st_size);
	close(self);
	memcpy(&header, whole, sizeof(header));
	for (unsigned i = 0; i < 400; i++) {
		size_t size = (size_t)st.st_size, places = 1 + i % 5;

		fd = memfd_create("damaged", MFD_CLOEXEC);
		assert_true(fd >= 0);
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		if (i % 2 == 0)
			size = i < 100 ? i * 4 : (size_t)((seed >> 20) % size);
		assert_int_equal(pwrite(fd, whole, size, 0), size);
		for (size_t j = 0; i % 2 && j < places; j++) {
			uint64_t at;
			uint8_t byte;

			seed = seed * 6364136223846793005u + 1442695040888963407u;
			byte = (uint8_t)(seed >> 56);
			at = (seed >> 16) % (i % 4 == 1 ? 1024 : header.e_shnum * 64u);
			at += i % 4 == 1 ? 16 : header.e_shoff;
			assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
		}
		if (elf_file__open(&file, fd, "/damaged", NULL, 0))
			continue;
		use(file, main_at);
		use(file, seed);
		elf_file__free(file);
	}
	free(whole);
}

/* libelf 0.188 itself keeps some memory of damaged files; what is convoy's is still told. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libelf";
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_symbols),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_build_id),
		cmocka_unit_test_setup_teardown(test_no_elf_file, make_scratch, remove_scratch),
		cmocka_unit_test_setup_teardown(test_debug_file, make_scratch, remove_scratch),
		cmocka_unit_test_setup_teardown(test_debug_file_is_regular, make_scratch,
						remove_scratch),
		cmocka_unit_test(test_overlapping_names),
		cmocka_unit_test(test_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
