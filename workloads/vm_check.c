/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * vm_check.c - the checker of bytecode.
 *
 * Each function is followed along all its paths with nothing but the depth of
 * its operand stack. Every instruction must be reached with one depth only, as
 * in the Java verifier; so the loop can push and pop unchecked.
 */
#include "workloads/vm.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum arg_kind { ARG_NONE, ARG_VALUE, ARG_LOCAL, ARG_CODE, ARG_FUNCTION, ARG_NATIVE };

static const struct op_shape {
	const char *name;
	uint8_t pops;
	uint8_t pushes;
	uint8_t arg;
} shapes[VM_OP_COUNT] = {
	[VM_PUSH] = { "push", 0, 1, ARG_VALUE },
	[VM_POP] = { "pop", 1, 0, ARG_NONE },
	[VM_DUP] = { "dup", 1, 2, ARG_NONE },
	[VM_LOAD] = { "load", 0, 1, ARG_LOCAL },
	[VM_STORE] = { "store", 1, 0, ARG_LOCAL },
	[VM_ADD] = { "add", 2, 1, ARG_NONE },
	[VM_SUB] = { "sub", 2, 1, ARG_NONE },
	[VM_MUL] = { "mul", 2, 1, ARG_NONE },
	[VM_DIV] = { "div", 2, 1, ARG_NONE },
	[VM_MOD] = { "mod", 2, 1, ARG_NONE },
	[VM_EQ] = { "eq", 2, 1, ARG_NONE },
	[VM_NE] = { "ne", 2, 1, ARG_NONE },
	[VM_LT] = { "lt", 2, 1, ARG_NONE },
	[VM_LE] = { "le", 2, 1, ARG_NONE },
	[VM_GT] = { "gt", 2, 1, ARG_NONE },
	[VM_GE] = { "ge", 2, 1, ARG_NONE },
	[VM_JUMP] = { "jump", 0, 0, ARG_CODE },
	[VM_JUMP_ZERO] = { "jump_zero", 1, 0, ARG_CODE },
	[VM_CALL] = { "call", 0, 1, ARG_FUNCTION }, /* pops the arguments */
	[VM_RET] = { "ret", 1, 0, ARG_NONE },
	[VM_SLEEP] = { "sleep", 1, 0, ARG_NONE },
	[VM_NATIVE] = { "native", 1, 1, ARG_NATIVE },
};

#define UNSEEN (-1)

struct checker {
	const struct vm_program *program;
	int16_t *depth; /* of each instruction, before it; UNSEEN */
	uint32_t *todo; /* instructions reached but not followed yet */
	size_t todo_count;
	char *why;
	size_t size;
};

static int bad(struct checker *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int bad(struct checker *c, const char *format, ...)
{
	va_list args;

	if (c->size) {
		va_start(args, format);
		vsnprintf(c->why, c->size, format, args);
		va_end(args);
	}
	return -EINVAL;
}

/* The program's frame: sizes and functions, before any code is looked at. */
static int check_outline(struct checker *c)
{
	const struct vm_program *p = c->program;

	if (!p->code || !p->length || p->length > VM_MAX_CODE)
		return bad(c, "a program has 1 to %d instructions", VM_MAX_CODE);
	if (!p->functions || !p->function_count || p->function_count > VM_MAX_FUNCTIONS)
		return bad(c, "a program has 1 to %d functions", VM_MAX_FUNCTIONS);
	if (p->natives > VM_MAX_NATIVES)
		return bad(c, "a program has up to %d native functions", VM_MAX_NATIVES);
	for (size_t i = 0; i < p->function_count; i++) {
		const struct vm_function *f = &p->functions[i];

		if (f->entry >= f->end || f->end > p->length)
			return bad(c, "function %zu: its code is empty or outside the program", i);
		if (f->args > f->locals || f->locals > VM_MAX_LOCALS)
			return bad(c, "function %zu: more arguments than locals, or over %d locals",
				   i, VM_MAX_LOCALS);
	}
	return 0;
}

static int check_arg(struct checker *c, const struct vm_function *f, uint32_t at)
{
	const struct vm_insn *insn = &c->program->code[at];
	const struct op_shape *shape = &shapes[insn->op];

	switch (shape->arg) {
	case ARG_LOCAL:
		if (insn->arg < 0 || insn->arg >= f->locals)
			return bad(c, "%u: %s: no such local", at, shape->name);
		break;
	case ARG_CODE:
		if (insn->arg < f->entry || insn->arg >= f->end)
			return bad(c, "%u: %s: leaves its function", at, shape->name);
		break;
	case ARG_FUNCTION:
		if (insn->arg < 0 || (uint64_t)insn->arg >= c->program->function_count)
			return bad(c, "%u: %s: no such function", at, shape->name);
		break;
	case ARG_NATIVE:
		if (insn->arg < 0 || (uint64_t)insn->arg >= c->program->natives)
			return bad(c, "%u: %s: no such native function", at, shape->name);
		break;
	case ARG_NONE:
		if (insn->arg)
			return bad(c, "%u: %s takes no argument", at, shape->name);
		break;
	default:
		break;
	}
	return 0;
}

/* Control arrives at an instruction with this depth. */
static int arrive(struct checker *c, const struct vm_function *f, uint64_t at, int depth)
{
	if (at >= f->end)
		return bad(c, "%u: runs over the end of its function", f->end - 1);
	if (c->depth[at] == UNSEEN) {
		c->depth[at] = (int16_t)depth;
		c->todo[c->todo_count++] = (uint32_t)at;
	} else if (c->depth[at] != depth) {
		return bad(c, "%u: reached with %d and with %d operands", (unsigned)at,
			   c->depth[at], depth);
	}
	return 0;
}

/* Follow one instruction; returns the depth after it or -EINVAL. */
static int follow(struct checker *c, const struct vm_function *f, uint32_t at)
{
	const struct vm_insn *insn = &c->program->code[at];
	int depth = c->depth[at], pops, err;

	if (insn->op >= VM_OP_COUNT)
		return bad(c, "%u: no such operation: %u", at, insn->op);
	err = check_arg(c, f, at);
	if (err)
		return err;
	pops = shapes[insn->op].pops;
	if (insn->op == VM_CALL)
		pops = c->program->functions[insn->arg].args;
	if (depth < pops)
		return bad(c, "%u: %s: needs %d operands, has %d", at, shapes[insn->op].name, pops,
			   depth);
	depth += shapes[insn->op].pushes - pops;
	if (depth > VM_MAX_DEPTH)
		return bad(c, "%u: more than %d operands", at, VM_MAX_DEPTH);

	if (insn->op == VM_JUMP || insn->op == VM_JUMP_ZERO)
		err = arrive(c, f, (uint64_t)insn->arg, depth);
	if (!err && insn->op != VM_JUMP && insn->op != VM_RET)
		err = arrive(c, f, at + 1, depth);
	return err ? err : depth;
}

static int check_function(struct checker *c, const struct vm_function *f, uint16_t *operands)
{
	int deepest = 0, err;

	/* Functions may share code, with other locals: look at each afresh. */
	for (uint32_t at = f->entry; at < f->end; at++)
		c->depth[at] = UNSEEN;
	c->todo_count = 0;
	err = arrive(c, f, f->entry, 0);
	while (!err && c->todo_count) {
		int depth = follow(c, f, c->todo[--c->todo_count]);

		if (depth < 0)
			return depth;
		if (depth > deepest)
			deepest = depth;
	}
	if (!err && operands)
		*operands = (uint16_t)deepest;
	return err;
}

int vm__check(const struct vm_program *program, uint16_t *operands, char *why, size_t size)
{
	struct checker c = { .program = program, .why = why, .size = size };
	int err = check_outline(&c);

	if (err)
		return err;
	c.depth = calloc(program->length, sizeof(*c.depth));
	c.todo = calloc(program->length, sizeof(*c.todo));
	if (!c.depth || !c.todo)
		err = -ENOMEM;
	for (size_t i = 0; !err && i < program->function_count; i++)
		err = check_function(&c, &program->functions[i], operands ? &operands[i] : NULL);
	free(c.todo);
	free(c.depth);
	return err;
}
