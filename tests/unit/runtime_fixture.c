/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "tests/unit/runtime_fixture.h"

static int read_memory(void *ctx, uint64_t address, void *buffer, size_t size, bool *live)
{
	struct process *process = ctx;

	if (address < BASE || address - BASE > MEMORY || size > MEMORY - (address - BASE) ||
	    (process->unreadable && address + size > process->unreadable))
		return -EFAULT;
	memcpy(buffer, process->memory + (address - BASE), size);
	if (live)
		*live = !process->gone;
	return 0;
}

static int find_symbol(void *ctx, const char *name, uint64_t *address, uint64_t *size)
{
	struct process *process = ctx;

	for (size_t i = 0; i < process->n_symbols; i++) {
		if (strcmp(process->symbols[i].name, name) != 0)
			continue;
		*address = process->symbols[i].address;
		*size = process->symbols[i].size;
		return 0;
	}
	return -ENOENT;
}

static bool give_module(void *ctx, size_t at, const char **path, bool *has_symtab)
{
	struct process *process = ctx;

	*path = process->path;
	*has_symtab = false;
	return at == 0 && process->path;
}

void put64(struct process *process, uint64_t address, uint64_t value)
{
	assert_in_range(address, BASE, BASE + MEMORY - 8);
	memcpy(process->memory + (address - BASE), &value, sizeof(value));
}

void put32(struct process *process, uint64_t address, uint32_t value)
{
	assert_in_range(address, BASE, BASE + MEMORY - 4);
	memcpy(process->memory + (address - BASE), &value, sizeof(value));
}

void put_text(struct process *process, uint64_t address, const char *text)
{
	memcpy(process->memory + (address - BASE), text, strlen(text) + 1);
}

void has(struct process *process, const char *name, uint64_t address, uint64_t size)
{
	assert_true(process->n_symbols < 24);
	process->symbols[process->n_symbols++] = (struct symbol){ name, address, size };
}

void lacks(struct process *process, const char *name)
{
	for (size_t i = 0; i < process->n_symbols; i++)
		if (!strcmp(process->symbols[i].name, name))
			process->symbols[i].name = "gone";
}

int set_up(void **state)
{
	struct process *process = calloc(1, sizeof(*process));

	assert_non_null(process);
	process->view = (struct process_view){
		.pid = PID,
		.ctx = process,
		.read = read_memory,
		.symbol = find_symbol,
		.module = give_module,
	};
	*state = process;
	return 0;
}

int tear_down(void **state)
{
	free(*state);
	return 0;
}
