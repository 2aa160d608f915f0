/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * vm.h - a small stack-based virtual machine for bytecode.
 *
 * It exists because a GIL is a property of an interpreter loop. The loop is
 * the same in every mode: it counts instructions, and after every
 * check_interval of them calls the hook `checkpoint`. What a checkpoint does
 * is the only difference between the modes.
 *
 * Values are 64-bit two's complement and wrap around. A program is a list of
 * functions over one array of code; it is checked once, completely, before it
 * runs, so that the loop itself checks only what cannot be known earlier: the
 * depth of recursion and division by zero.
 *
 * What bytecode cannot do (locks, messages, memory) is done by native functions
 * of its surroundings, as extension modules do it for an interpreter.
 *
 * A vm belongs to one thread at a time. Programs are read-only and may be
 * shared by any number of them.
 */
#ifndef CONVOY_VM_H
#define CONVOY_VM_H

#include <stddef.h>
#include <stdint.h>

#define VM_MAX_CODE 65536
#define VM_MAX_FUNCTIONS 64
#define VM_MAX_LOCALS 64 /* arguments included */
#define VM_MAX_DEPTH 256 /* operands on the stack of one call */
#define VM_MAX_NATIVES 64

enum vm_op {
	VM_PUSH,  /* -> arg */
	VM_POP,	  /* a -> */
	VM_DUP,	  /* a -> a a */
	VM_LOAD,  /* -> local[arg] */
	VM_STORE, /* a ->, local[arg] = a */
	VM_ADD,	  /* a b -> a + b */
	VM_SUB,	  /* a b -> a - b */
	VM_MUL,	  /* a b -> a * b */
	VM_DIV,	  /* a b -> a / b, towards zero; -EDOM if b is 0 */
	VM_MOD,	  /* a b -> a % b, sign of a; -EDOM if b is 0 */
	VM_EQ,	  /* a b -> a == b, as 1 or 0; so the next five */
	VM_NE,
	VM_LT,
	VM_LE,
	VM_GT,
	VM_GE,
	VM_JUMP,      /* to code[arg] */
	VM_JUMP_ZERO, /* a ->, to code[arg] if a is 0 */
	VM_CALL,      /* arguments -> result of functions[arg] */
	VM_RET,	      /* a ->, return a */
	VM_SLEEP,     /* ns ->, a blocking call: sleep; negative counts as 0 */
	VM_NATIVE,    /* a -> result of native function number arg of a */
	VM_OP_COUNT,
};

struct vm_insn {
	int64_t arg; /* 0 where the operation takes none */
	uint32_t op; /* enum vm_op */
	uint32_t pad;
};

/* Code is [entry, end); jumps stay inside. Arguments are the first locals. */
struct vm_function {
	const char *name;
	uint32_t entry;
	uint32_t end;
	uint16_t args;
	uint16_t locals; /* arguments included; the others start as 0 */
};

struct vm_program {
	const struct vm_insn *code;
	size_t length;
	const struct vm_function *functions;
	size_t function_count;
	size_t natives; /* native functions that it may call */
};

/*
 * What the machine asks of its surroundings. Each returns 0 or a negative
 * errno, which ends the run with it. All may hand the GIL to others; `native`,
 * which need not, then returns 1. It may be NULL for programs without natives.
 */
struct vm_hooks {
	int (*checkpoint)(void *context);
	int (*yield)(void *context);
	int (*sleep)(void *context, uint64_t ns);
	int (*native)(void *context, size_t number, int64_t argument, int64_t *result);
};

struct vm_config {
	uint64_t check_interval;      /* instructions, at least 1 */
	uint64_t yield_every;	      /* instructions; 0: never */
	const struct vm_hooks *hooks; /* not owned; must outlive the vm */
	void *context;		      /* handed to the hooks */
};

struct vm;

/*
 * Check a program. Returns 0, or -EINVAL, and then writes into why (if size is
 * not 0) what is wrong and where; or -ENOMEM. operands, if given, has room for
 * function_count values and receives the deepest operand stack of each.
 */
int vm__check(const struct vm_program *program, uint16_t *operands, char *why, size_t size);

/*
 * Create a machine for this program (not owned; must outlive the vm). Returns
 * 0, -EINVAL for a bad program or configuration, -ENOMEM.
 */
int vm__create(struct vm **out, const struct vm_program *program, const struct vm_config *config);

/* NULL is fine. */
void vm__destroy(struct vm *vm);

/*
 * Call a function from outside and run until it returns. Returns 0 and the
 * value in *result; -EINVAL for an unknown function or a wrong number of
 * arguments; -EOVERFLOW when recursion is too deep; -EDOM; or what a hook
 * returned. After an error the machine can be used again.
 *
 * A turn, which is check_interval instructions long, starts anew after each
 * checkpoint, yield, sleep and native function that handed the GIL to others,
 * and goes on across runs.
 */
int vm__run(struct vm *vm, size_t function, const int64_t *args, size_t arg_count, int64_t *result);

/* Instructions executed since creation. */
uint64_t vm__instructions(const struct vm *vm);

#endif /* CONVOY_VM_H */
