// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <string.h>

#include "elf_cfi.h"
#include "elf_parts.h"

/* DWARF's numbers for the registers of a stack record, in its order. */
#if defined(__x86_64__)
static const uint8_t saved_regs[CONVOY_STACK_SAVED] = { 3, 6, 12, 13, 14, 15 };
#define N_SAVED 6
#define SP_REG 7
#define PC_REG 16
#elif defined(__aarch64__)
static const uint8_t saved_regs[CONVOY_STACK_SAVED] = { 19, 20, 21, 22, 23, 24,
							25, 26, 27, 28, 29, 30 };
#define N_SAVED 12
#define SP_REG 31
#define PC_REG 32
#else
static const uint8_t saved_regs[CONVOY_STACK_SAVED];
#define N_SAVED 0
#define SP_REG 31
#define PC_REG 32
#endif

static void set_reg(struct unwind_frame *frame, unsigned reg, uint64_t value)
{
	frame->regs[reg] = value;
	frame->known |= 1ull << reg;
}

void unwind__begin(struct unwind_frame *frame, const struct convoy_ev_stack *stack)
{
	memset(frame, 0, sizeof(*frame));
	for (unsigned i = 0; i < N_SAVED; i++)
		set_reg(frame, saved_regs[i], stack->saved[i]);
	set_reg(frame, SP_REG, stack->sp);
	set_reg(frame, PC_REG, stack->pc);
	frame->pc = stack->pc;
	frame->exact = true;
}

#ifdef HAVE_LIBDW

#include <dwarf.h>
#include <stdlib.h>

#define STACK_DEPTH 16
#define OPERATIONS_MAX 64

/* What an expression is about. */
struct evaluation {
	const struct unwind_frame *frame;	/* registers before the step */
	const uint64_t *cfa;			/* NULL: not known yet */
	unwind_read_fn read;
	void *ctx;
	uint64_t stack[STACK_DEPTH];
	size_t depth;
};

static int push(struct evaluation *at, uint64_t value)
{
	if (at->depth == STACK_DEPTH)
		return -ENOENT;
	at->stack[at->depth++] = value;
	return 0;
}

static int push_reg(struct evaluation *at, uint64_t reg, uint64_t offset)
{
	if (reg >= UNWIND_REGS || !(at->frame->known >> reg & 1))
		return -ENOENT;
	return push(at, at->frame->regs[reg] + offset);
}

/* Takes two values, leaves one. */
static int binary(struct evaluation *at, uint8_t operation)
{
	uint64_t a, b, *result;

	if (at->depth < 2)
		return -ENOENT;
	a = at->stack[at->depth - 2];
	b = at->stack[at->depth - 1];
	at->depth--;
	result = &at->stack[at->depth - 1];
	switch (operation) {
	case DW_OP_plus:
		*result = a + b;
		return 0;
	case DW_OP_minus:
		*result = a - b;
		return 0;
	case DW_OP_and:
		*result = a & b;
		return 0;
	case DW_OP_or:
		*result = a | b;
		return 0;
	case DW_OP_shl:
		*result = b < 64 ? a << b : 0;
		return 0;
	case DW_OP_ge:
		*result = (int64_t)a >= (int64_t)b;
		return 0;
	default:
		return -ENOENT;
	}
}

static int execute(struct evaluation *at, const Dwarf_Op *op)
{
	uint64_t *top = at->depth ? &at->stack[at->depth - 1] : NULL;

	if (op->atom >= DW_OP_lit0 && op->atom <= DW_OP_lit31)
		return push(at, op->atom - DW_OP_lit0);
	if (op->atom >= DW_OP_breg0 && op->atom <= DW_OP_breg31)
		return push_reg(at, op->atom - DW_OP_breg0, op->number);
	switch (op->atom) {
	case DW_OP_bregx:
		return push_reg(at, op->number, op->number2);
	case DW_OP_call_frame_cfa:
		return at->cfa ? push(at, *at->cfa) : -ENOENT;
	/* libdw has the sign extended by the size. */
	case DW_OP_const1u:
	case DW_OP_const1s:
	case DW_OP_const2u:
	case DW_OP_const2s:
	case DW_OP_const4u:
	case DW_OP_const4s:
	case DW_OP_const8u:
	case DW_OP_const8s:
	case DW_OP_constu:
	case DW_OP_consts:
		return push(at, op->number);
	case DW_OP_plus_uconst:
		if (!top)
			return -ENOENT;
		*top += op->number;
		return 0;
	case DW_OP_deref:
		return top ? at->read(at->ctx, *top, top) : -ENOENT;
	case DW_OP_nop:
		return 0;
	default:
		return binary(at, op->atom);
	}
}

/*
 * The value of an expression, or what lies at the address that it gives (`location`), unless
 * the expression says that it is the value itself.
 */
static int evaluate(struct evaluation *at, const Dwarf_Op *ops, size_t n, bool location,
		    uint64_t *value)
{
	int err = 0;

	at->depth = 0;
	if (!n || n > OPERATIONS_MAX)
		return -ENOENT;
	if (location && n == 1 && ops->atom >= DW_OP_reg0 && ops->atom <= DW_OP_reg31) {
		err = push_reg(at, ops->atom - DW_OP_reg0, 0);
		location = false;
	} else if (location && n == 1 && ops->atom == DW_OP_regx) {
		err = push_reg(at, ops->number, 0);
		location = false;
	} else {
		if (location && ops[n - 1].atom == DW_OP_stack_value) {
			location = false;
			n--;
		}
		for (size_t i = 0; i < n && !err; i++)
			err = execute(at, &ops[i]);
	}
	if (err)
		return err;
	if (!at->depth)
		return -ENOENT;
	*value = at->stack[at->depth - 1];
	return location ? at->read(at->ctx, *value, value) : 0;
}

/* A register as the caller has it. 0; 1: it cannot be told, which is no error. */
static int caller_reg(Dwarf_Frame *rules, struct evaluation *at, unsigned reg, uint64_t *value)
{
	Dwarf_Op memory[3], *ops;
	size_t n;

	if (dwarf_frame_register(rules, (int)reg, memory, &ops, &n))
		return -ENOENT;
	if (n)
		return evaluate(at, ops, n, true, value);
	/* Undefined; or the same. */
	if (ops == memory || !(at->frame->known >> reg & 1))
		return 1;
	*value = at->frame->regs[reg];
	return 0;
}

/* Those that a function keeps for its caller: of the others nothing is known anyway. */
static int step_regs(Dwarf_Frame *rules, struct evaluation *at, struct unwind_frame *next)
{
	for (unsigned i = 0; i < N_SAVED; i++) {
		uint64_t value;
		int err = caller_reg(rules, at, saved_regs[i], &value);

		if (!err)
			set_reg(next, saved_regs[i], value);
		else if (err < 0 && err != -EFAULT)
			return err;
	}
	return 0;
}

/* Return addresses can be signed there. */
static uint64_t plain_pc(uint64_t pc)
{
#if defined(__aarch64__)
	return pc & ((1ull << 48) - 1);
#else
	return pc;
#endif
}

static int step_by_rules(Dwarf_Frame *rules, struct unwind_frame *frame, unwind_read_fn read,
			 void *ctx)
{
	struct evaluation at = { .frame = frame, .read = read, .ctx = ctx };
	struct unwind_frame next = { 0 };
	bool signal = false;
	Dwarf_Op *ops;
	uint64_t cfa, pc;
	size_t n;
	int ra = dwarf_frame_info(rules, NULL, NULL, &signal), err;

	if (ra < 0 || ra >= UNWIND_REGS || dwarf_frame_cfa(rules, &ops, &n))
		return -ENOENT;
	err = evaluate(&at, ops, n, false, &cfa);
	if (err)
		return err;
	/* Stacks grow downwards; a signal's handler may have had one of its own. */
	if (!signal && cfa < frame->regs[SP_REG])
		return -ENOENT;
	at.cfa = &cfa;
	err = caller_reg(rules, &at, (unsigned)ra, &pc);
	if (err)
		return err < 0 ? err : -ENOENT;
	pc = plain_pc(pc);
	if (!pc || (cfa == frame->regs[SP_REG] && pc == frame->pc))
		return -ENOENT;
	err = step_regs(rules, &at, &next);
	if (err)
		return err;
	if (signal) {
		/* What was interrupted has its stack where it says, not where this one ends. */
		if (caller_reg(rules, &at, SP_REG, &next.regs[SP_REG]))
			return -ENOENT;
		next.exact = true;
	} else {
		next.regs[SP_REG] = cfa;
	}
	next.known |= 1ull << SP_REG;
	set_reg(&next, PC_REG, pc);
	next.pc = pc;
	next.cfa = cfa;
	*frame = next;
	return 0;
}

int unwind__step(struct elf_file *file, uint64_t bias, struct unwind_frame *frame,
		 unwind_read_fn read, void *ctx)
{
	uint64_t vaddr = frame->pc - bias - !frame->exact;
	Dwarf_Frame *rules;
	int err;

	if (!file->cfi_tried) {
		file->cfi_tried = true;
		if (elf_cfi__check(file->image.elf, &file->cfi_memory))
			file->cfi = dwarf_getcfi_elf(file->image.elf);
	}
	if (!file->cfi || dwarf_cfi_addrframe(file->cfi, vaddr, &rules))
		return -ENOENT;
	err = step_by_rules(rules, frame, read, ctx);
	free(rules);
	return err;
}

void elf_frames__free(struct elf_file *file)
{
	if (file->cfi)
		dwarf_cfi_end(file->cfi);
	file->cfi = NULL;
}

#else

int unwind__step(struct elf_file *file, uint64_t bias, struct unwind_frame *frame,
		 unwind_read_fn read, void *ctx)
{
	(void)file, (void)bias, (void)frame, (void)read, (void)ctx;
	return -EOPNOTSUPP;
}

void elf_frames__free(struct elf_file *file)
{
	(void)file;
}

#endif
