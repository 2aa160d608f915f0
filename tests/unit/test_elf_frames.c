/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_elf_frames.c - call frames of this very program, and frames that are hostile.
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

#include "tests/unit/elf_fixture.h"
#include "user/elf_cfi.h"

static struct convoy_ev_stack taken;

#if defined(__x86_64__)
/* As the probes do: the registers here, and what lies on the stack. */
__attribute__((noinline, no_sanitize_address)) static void take_stack(void)
{
	__asm__ volatile("movq %%rbx, 0(%0)\n\t"
			 "movq %%rbp, 8(%0)\n\t"
			 "movq %%r12, 16(%0)\n\t"
			 "movq %%r13, 24(%0)\n\t"
			 "movq %%r14, 32(%0)\n\t"
			 "movq %%r15, 40(%0)\n\t"
			 "movq %%rsp, (%1)\n\t"
			 "leaq (%%rip), %%rax\n\t"
			 "movq %%rax, (%2)"
			 :
			 : "r"(taken.saved), "r"(&taken.sp), "r"(&taken.pc)
			 : "rax", "memory");
	taken.size = sizeof(taken.bytes);
	for (size_t i = 0; i < sizeof(taken.bytes); i++)
		taken.bytes[i] = ((volatile uint8_t *)(uintptr_t)taken.sp)[i];
}
#else
static void take_stack(void)
{
}
#endif

__attribute__((noinline)) static int inner_caller(int n)
{
	volatile char room[100];

	room[n] = (char)n;
	take_stack();
	return room[n] + 1;
}

__attribute__((noinline)) static int outer_caller(int n)
{
	return inner_caller(n + 1) + n;
}

static void test_call_frames(void **state)
{
	static const char *const functions[] = { "take_stack", "inner_caller", "outer_caller",
						 "main" };
	struct elf_file *file = open_self();
	uint64_t bias = own_bias();
	struct unwind_frame frame;
	int err;

	(void)state;
	unwind__begin(&frame, &taken);
	err = unwind__step(file, bias, &frame, read_taken, &taken);
	if (err == -EOPNOTSUPP || !taken.pc) {
		elf_file__free(file);
		skip(); /* without libdw, or not for this machine */
	}
	unwind__begin(&frame, &taken);
	assert_true(frame.exact);
	for (size_t i = 0; i < 4; i++) {
		struct elf_symbol symbol;

		assert_true(elf_file__function(file, frame.pc - bias - !frame.exact, &symbol));
		/* A compiler may append to it. */
		assert_int_equal(strncmp(symbol.name, functions[i], strlen(functions[i])), 0);
		if (i < 3)
			assert_int_equal(unwind__step(file, bias, &frame, read_taken, &taken), 0);
		assert_false(frame.exact);
	}
	/* What was not copied, and where nothing is. */
	taken.size = 0;
	unwind__begin(&frame, &taken);
	assert_int_equal(unwind__step(file, bias, &frame, read_taken, &taken), -EFAULT);
	assert_int_equal(frame.pc, taken.pc);
	taken.size = sizeof(taken.bytes);
	unwind__begin(&frame, &taken);
	frame.pc = 0;
	assert_int_equal(unwind__step(file, bias, &frame, read_taken, &taken), -ENOENT);
	elf_file__free(file);
}

static bool is_sane(const char *instructions, size_t size)
{
	return elf_cfi__is_sane((const uint8_t *)instructions, size);
}

#define SANE(text) is_sane(text, sizeof(text) - 1)

static void test_cfi_instructions(void **state)
{
	static char nops[65537];

	(void)state;
	assert_true(SANE(""));
	/* def_cfa sp 8, offset ra; then a push, and back. */
	assert_true(SANE("\x0c\x07\x08\x90\x01\x41\x0e\x10\x86\x02\xc6\x0e\x08\0\0"));
	assert_true(SANE("\x02\xff\x03\xff\xff\x04\xff\xff\xff\xff\x2d\x2e\x80\x01"));
	/* The PLT's, and a register by an expression. */
	assert_true(SANE("\x0f\x0b\x77\x08\x80\0\x3f\x1a\x3b\x2a\x33\x24\x22\x16\x7f\x02\x77\0"));
	assert_true(
		SANE("\x05\x7f\x01\x06\x7f\x07\x7f\x08\x7f\x09\x7f\x7f\x0d\x7f\x11\x7f\x7f"
		     "\x12\x7f\x7f\x13\x7f\x14\x7f\x01\x15\x7f\x01\x10\x7f\x01\x30\x2f\x7f\x01"));
	/* Registers, each of the forms. */
	for (const char *at = "\x05\x06\x07\x08\x09\x0c\x0d\x10\x11\x12\x14\x15\x16\x2f"; *at;
	     at++) {
		char form[] = { *at, (char)0x80, 1, 1, '\x30' };

		assert_false(is_sane(form, sizeof(form)));
	}
	assert_false(SANE("\x09\x01\x80\x01"));
	assert_false(SANE("\x07\x80\xda\xc4\x3b"));
	/* States, eight and nine. */
	assert_true(SANE("\n\n\n\n\n\n\n\n\x0b\n\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\n"));
	assert_false(SANE("\n\n\n\n\n\n\n\n\n"));
	assert_false(SANE("\x0b\x0b\n\n\n\n\n\n\n\n\n"));
	/* Unknown ones, and those that jump. */
	assert_false(SANE("\x01\0\0\0\0\0\0\0\0"));
	assert_false(SANE("\x17"));
	assert_false(SANE("\x1d\0\0\0\0\0\0\0\0"));
	assert_false(SANE("\x30"));
	assert_false(SANE("\x3f"));
	/* Cut short; numbers and expressions without an end. */
	assert_false(SANE("\x04\0\0\0"));
	assert_false(SANE("\x0c\x07"));
	assert_false(SANE("\x90"));
	assert_false(SANE("\x0e\x80\x80"));
	assert_false(SANE("\x0e\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"));
	assert_false(SANE("\x0f\x03\x77\x08"));
	assert_false(SANE("\x0f\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"));
	nops[0] = 0;
	assert_true(is_sane(nops, sizeof(nops) - 1));
	assert_false(is_sane(nops, sizeof(nops)));
}

/* The file's section of that name, as its header has it. */
static Elf64_Shdr section_of(const uint8_t *whole, const char *name)
{
	const Elf64_Ehdr *header = (const void *)whole;
	const Elf64_Shdr *sections = (const void *)(whole + header->e_shoff);
	const char *names = (const char *)whole + sections[header->e_shstrndx].sh_offset;

	for (size_t i = 0; i < header->e_shnum; i++)
		if (!strcmp(names + sections[i].sh_name, name))
			return sections[i];
	return (Elf64_Shdr){ 0 };
}

/* Can the stack be walked with this program's frames as they are, or as they were made? */
static int step_in(const uint8_t *whole, size_t size)
{
	int fd = memfd_create("frames", MFD_CLOEXEC), err;
	struct unwind_frame frame;
	struct elf_file *file;

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, whole, size, 0), size);
	assert_int_equal(elf_file__open(&file, fd, "", NULL, 0), 0);
	unwind__begin(&frame, &taken);
	err = unwind__step(file, own_bias(), &frame, read_taken, &taken);
	elf_file__free(file);
	return err;
}

/* One bad frame, though nobody asks for it, and none of them is used. */
static void test_hostile_frames(void **state)
{
	int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	Elf64_Shdr frames, table;
	uint32_t length, n = 0;
	struct stat st;
	uint8_t *whole, *at, *last = NULL;

	(void)state;
	assert_int_equal(fstat(self, &st), 0);
	whole = malloc((size_t)st.st_size);
	assert_non_null(whole);
	assert_int_equal(pread(self, whole, (size_t)st.st_size, 0), st.st_size);
	close(self);
	if (!taken.pc || step_in(whole, (size_t)st.st_size) == -EOPNOTSUPP) {
		free(whole);
		skip(); /* without libdw, or not for this machine */
	}
	assert_int_equal(step_in(whole, (size_t)st.st_size), 0);
	frames = section_of(whole, ".eh_frame");
	table = section_of(whole, ".eh_frame_hdr");
	assert_true(frames.sh_size && table.sh_size > 20);
	/* The last byte of a frame: nothing, then an instruction that there is not. */
	for (at = whole + frames.sh_offset;; at += 4 + length) {
		memcpy(&length, at, 4);
		if (!length)
			break;
		if (!at[4 + length - 1])
			last = at + 4 + length - 1;
	}
	assert_non_null(last);
	*last = 0x3f;
	assert_int_equal(step_in(whole, (size_t)st.st_size), -ENOENT);
	*last = 0;
	/* The table's last, which leads to the middle of a frame. */
	memcpy(&n, whole + table.sh_offset + 8, 4);
	at = whole + table.sh_offset + 12 + 8 * (size_t)(n - 1) + 4;
	*at ^= 1;
	assert_int_equal(step_in(whole, (size_t)st.st_size), -ENOENT);
	*at ^= 1;
	assert_int_equal(step_in(whole, (size_t)st.st_size), 0);
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
		cmocka_unit_test(test_call_frames),
		cmocka_unit_test(test_cfi_instructions),
		cmocka_unit_test(test_hostile_frames),
	};

	if (outer_caller(1) != 4)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
