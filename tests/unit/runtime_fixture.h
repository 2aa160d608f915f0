/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * runtime_fixture.h - processes that are made up, for those who look for a runtime in one.
 */
#ifndef CONVOY_TESTS_RUNTIME_FIXTURE_H
#define CONVOY_TESTS_RUNTIME_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/runtime.h"

#define PID 77
#define BASE 0x10000ull		/* of the memory that is made up */
#define MEMORY (1u << 20)

struct symbol {
	const char *name;
	uint64_t address, size;
};

struct process {
	struct process_view view;
	uint8_t memory[MEMORY];
	struct symbol symbols[24];
	size_t n_symbols;
	const char *path;
	bool gone;		/* it is what files have there */
	uint64_t unreadable;	/* from there on, nothing can be read; 0: all can */
};

/* Addresses are the process's; what lies outside of its memory is a failure. */
void put64(struct process *process, uint64_t address, uint64_t value);
void put32(struct process *process, uint64_t address, uint32_t value);
void put_text(struct process *process, uint64_t address, const char *text);
/* It has that symbol; it has it no more. */
void has(struct process *process, const char *name, uint64_t address, uint64_t size);
void lacks(struct process *process, const char *name);

/* For cmocka: *state is a struct process without anything in it. */
int set_up(void **state);
int tear_down(void **state);

#endif /* CONVOY_TESTS_RUNTIME_FIXTURE_H */
