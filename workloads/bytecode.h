/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * bytecode.h - pieces of bytecode that several jobs are made of.
 */
#ifndef CONVOY_BYTECODE_H
#define CONVOY_BYTECODE_H

#include "workloads/vm.h"

/* clang-format off */

/* At code[at]: while (local > 0) local -= 1. Goes on at code[at + its length]. */
#define BYTECODE_COUNT_DOWN(at, local)                                  \
	{ .op = VM_LOAD, .arg = (local) }, { .op = VM_PUSH, .arg = 0 }, \
	{ .op = VM_GT }, { .op = VM_JUMP_ZERO, .arg = (at) + 9 },       \
	{ .op = VM_LOAD, .arg = (local) }, { .op = VM_PUSH, .arg = 1 }, \
	{ .op = VM_SUB }, { .op = VM_STORE, .arg = (local) },           \
	{ .op = VM_JUMP, .arg = (at) }

/* clang-format on */

#define BYTECODE_COUNT_DOWN_LENGTH 9

/* Instructions that it executes: nine an iteration, four to see the end. */
#define BYTECODE_COUNT_DOWN_COST(n) (9 * (uint64_t)(n) + 4)

#endif /* CONVOY_BYTECODE_H */
