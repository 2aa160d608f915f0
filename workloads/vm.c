/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * vm.c - the interpreter loop.
 *
 * One instruction costs one decrement of the budget and one indirect jump.
 * The budget is the shorter of what is left to the next checkpoint and to the
 * next yield, so both cost the loop nothing while they are not due.
 */
#include "workloads/vm.h"

#include <errno.h>
#include <stdlib.h>

/* Recursion up to MAX_CALLS; the values are for all of their frames together. */
#define MAX_CALLS 512
#define MAX_VALUES 4096

struct frame {
	const struct vm_insn *pc; /* where to go on in the caller */
	int64_t *locals;	  /* of the caller */
};

struct vm {
	const struct vm_program *program;
	struct vm_config config;
	uint64_t instructions;
	uint64_t until_check;
	uint64_t until_yield; /* UINT64_MAX without yield_every */
	struct frame *frames;
	int64_t *values;
	uint16_t operands[VM_MAX_FUNCTIONS];
};

int vm__create(struct vm **out, const struct vm_program *program, const struct vm_config *config)
{
	struct vm *vm;
	int err;

	if (!config->check_interval || !config->hooks ||
	    (program->natives && !config->hooks->native))
		return -EINVAL;
	vm = calloc(1, sizeof(*vm));
	if (!vm)
		return -ENOMEM;
	err = vm__check(program, vm->operands, NULL, 0);
	if (err)
		goto fail;
	vm->program = program;
	vm->config = *config;
	vm->until_check = config->check_interval;
	vm->until_yield = config->yield_every ? config->yield_every : UINT64_MAX;
	err = -ENOMEM;
	vm->frames = calloc(MAX_CALLS, sizeof(*vm->frames));
	/* Neighbours must not share a cache line: their owners write all the time. */
	vm->values = aligned_alloc(128, MAX_VALUES * sizeof(*vm->values));
	if (!vm->frames || !vm->values)
		goto fail;
	*out = vm;
	return 0;
fail:
	vm__destroy(vm);
	return err;
}

void vm__destroy(struct vm *vm)
{
	if (!vm)
		return;
	free(vm->values);
	free(vm->frames);
	free(vm);
}

uint64_t vm__instructions(const struct vm *vm)
{
	return vm->instructions;
}

static void account(struct vm *vm, uint64_t executed)
{
	vm->instructions += executed;
	vm->until_check -= executed;
	if (vm->config.yield_every)
		vm->until_yield -= executed;
}

static uint64_t next_slice(const struct vm *vm)
{
	return vm->until_check < vm->until_yield ? vm->until_check : vm->until_yield;
}

/* Do what is due between two instructions. */
static int pause_here(struct vm *vm)
{
	int err = 0;

	if (!vm->until_yield) {
		vm->until_yield = vm->config.yield_every;
		err = vm->config.hooks->yield(vm->config.context);
	} else if (!vm->until_check) {
		err = vm->config.hooks->checkpoint(vm->config.context);
	} else {
		return 0;
	}
	/* Whoever has given the GIL up, or was asked, starts a new turn. */
	vm->until_check = vm->config.check_interval;
	return err;
}

static int sleep_here(struct vm *vm, int64_t ns)
{
	vm->until_check = vm->config.check_interval;
	return vm->config.hooks->sleep(vm->config.context, ns > 0 ? (uint64_t)ns : 0);
}

/* Call a native function: its argument is at *value, and there goes its result. */
static int native_here(struct vm *vm, size_t number, int64_t *value)
{
	int err = vm->config.hooks->native(vm->config.context, number, *value, value);

	if (err <= 0)
		return err;
	vm->until_check = vm->config.check_interval;
	return 0;
}

/* Wrapping arithmetic: signed overflow is undefined in C, unsigned is not. */
#define WRAP(a, op, b) ((int64_t)((uint64_t)(a)op(uint64_t)(b)))

static int64_t divide(int64_t a, int64_t b)
{
	return b == -1 ? WRAP(0, -, a) : a / b;
}

static int64_t remainder_of(int64_t a, int64_t b)
{
	return b == -1 ? 0 : a % b;
}

#define DISPATCH() goto *targets[pc->op]
#define NEXT_AT(where)                              \
	do {                                        \
		pc = (where);                       \
		if (__builtin_expect(!--budget, 0)) \
			goto pause;                 \
		DISPATCH();                         \
	} while (0)
#define NEXT() NEXT_AT(pc + 1)
/* Both operands are on the stack: the checker made sure. */
#define BINARY(value)                           \
	do {                                    \
		int64_t a = sp[-2], b = sp[-1]; \
		sp--;                           \
		sp[-1] = (value);               \
		NEXT();                         \
	} while (0)

int vm__run(struct vm *vm, size_t function, const int64_t *args, size_t arg_count, int64_t *result)
{
	static const void *const targets[VM_OP_COUNT] = {
		[VM_PUSH] = &&push, [VM_POP] = &&pop,	  [VM_DUP] = &&dup,
		[VM_LOAD] = &&load, [VM_STORE] = &&store, [VM_ADD] = &&add,
		[VM_SUB] = &&sub,   [VM_MUL] = &&mul,	  [VM_DIV] = &&div,
		[VM_MOD] = &&mod,   [VM_EQ] = &&eq,	  [VM_NE] = &&ne,
		[VM_LT] = &&lt,	    [VM_LE] = &&le,	  [VM_GT] = &&gt,
		[VM_GE] = &&ge,	    [VM_JUMP] = &&jump,	  [VM_JUMP_ZERO] = &&jump_zero,
		[VM_CALL] = &&call, [VM_RET] = &&ret,	  [VM_SLEEP] = &&sleep,
		[VM_NATIVE] = &&native,
	};
	const struct vm_program *program = vm->program;
	const struct vm_insn *const code = program->code;
	const struct vm_function *f;
	const struct vm_insn *pc;
	int64_t *const values_end = vm->values + MAX_VALUES;
	struct frame *frame = vm->frames;
	int64_t *locals = vm->values, *sp;
	uint64_t slice = 0, budget = 0;
	int err;

	if (function >= program->function_count)
		return -EINVAL;
	f = &program->functions[function];
	if (f->args != arg_count)
		return -EINVAL;
	/* One function's locals and operands always fit: see the limits. */
	_Static_assert(VM_MAX_LOCALS + VM_MAX_DEPTH <= MAX_VALUES, "first frame");
	for (size_t i = 0; i < f->locals; i++)
		locals[i] = i < arg_count ? args[i] : 0;
	sp = locals + f->locals;
	pc = code + f->entry;
	/* The last run may have ended just where a pause was due. */
pause:
	account(vm, slice - budget);
	slice = budget = 0;
	err = pause_here(vm);
	if (err)
		goto out;
	slice = budget = next_slice(vm);
	DISPATCH();

push:
	*sp++ = pc->arg;
	NEXT();
pop:
	sp--;
	NEXT();
dup:
	sp[0] = sp[-1];
	sp++;
	NEXT();
load:
	*sp++ = locals[pc->arg];
	NEXT();
store:
	locals[pc->arg] = *--sp;
	NEXT();
add:
	BINARY(WRAP(a, +, b));
sub:
	BINARY(WRAP(a, -, b));
mul:
	BINARY(WRAP(a, *, b));
div:
	err = -EDOM;
	if (!sp[-1])
		goto out;
	BINARY(divide(a, b));
mod:
	err = -EDOM;
	if (!sp[-1])
		goto out;
	BINARY(remainder_of(a, b));
eq:
	BINARY(a == b);
ne:
	BINARY(a != b);
lt:
	BINARY(a < b);
le:
	BINARY(a <= b);
gt:
	BINARY(a > b);
ge:
	BINARY(a >= b);
jump:
	NEXT_AT(code + pc->arg);
jump_zero:
	if (*--sp)
		NEXT();
	NEXT_AT(code + pc->arg);
call:
	f = &program->functions[pc->arg];
	err = -EOVERFLOW;
	if (frame == vm->frames + MAX_CALLS ||
	    values_end - sp < f->locals - f->args + vm->operands[pc->arg])
		goto out;
	frame->pc = pc + 1;
	frame->locals = locals;
	frame++;
	locals = sp - f->args; /* the arguments stay where they are */
	for (int i = f->args; i < f->locals; i++)
		*sp++ = 0;
	NEXT_AT(code + f->entry);
ret:
	/* A function of no locals and no arguments has its value at locals[0] too. */
	locals[0] = sp[-1];
	if (frame == vm->frames) {
		*result = locals[0];
		budget--;
		err = 0;
		goto out;
	}
	sp = locals + 1;
	frame--;
	locals = frame->locals;
	NEXT_AT(frame->pc);
sleep:
	/* Account before, so that others see the work done when they look. */
	account(vm, slice - budget);
	slice = budget = 0;
	err = sleep_here(vm, *--sp);
	if (err)
		goto out;
	slice = budget = next_slice(vm);
	NEXT();
native:
	account(vm, slice - budget);
	slice = budget = 0;
	err = native_here(vm, (size_t)pc->arg, &sp[-1]);
	if (err)
		goto out;
	slice = budget = next_slice(vm);
	NEXT();
out:
	account(vm, slice - budget);
	return err;
}
