/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>

#include "tests/unit/elf_fixture.h"

struct elf_file *open_self(void)
{
	struct elf_file *file;
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(elf_file__open(&file, fd, "/proc/self/exe", NULL, 0), 0);
	return file;
}

static int first_bias(struct dl_phdr_info *info, size_t size, void *ctx)
{
	(void)size;
	*(uint64_t *)ctx = info->dlpi_addr;
	return 1;
}

uint64_t own_bias(void)
{
	uint64_t bias = 0;

	dl_iterate_phdr(first_bias, &bias);
	return bias;
}

int read_taken(void *ctx, uint64_t address, uint64_t *word)
{
	const struct convoy_ev_stack *stack = ctx;
	uint64_t at = address - stack->sp;

	if (at > stack->size || stack->size - at < sizeof(*word))
		return -EFAULT;
	memcpy(word, stack->bytes + at, sizeof(*word));
	return 0;
}
