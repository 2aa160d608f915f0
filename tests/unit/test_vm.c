/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_vm.c - the virtual machine: results, bad programs, turns. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "workloads/vm.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct calls {
	unsigned checkpoints;
	unsigned yields;
	unsigned sleeps;
	unsigned natives;
	uint64_t slept_ns;
	const struct vm *vm;
	uint64_t last;	  /* instructions at the last call of any hook */
	uint64_t longest; /* turn seen */
	int fail;	  /* what the hooks return */
};

static int note(struct calls *calls)
{
	uint64_t now = calls->vm ? vm__instructions(calls->vm) : 0;

	if (now - calls->last > calls->longest)
		calls->longest = now - calls->last;
	calls->last = now;
	return calls->fail;
}

static int on_checkpoint(void *context)
{
	struct calls *calls = context;

	calls->checkpoints++;
	return note(calls);
}

static int on_yield(void *context)
{
	struct calls *calls = context;

	calls->yields++;
	return note(calls);
}

static int on_sleep(void *context, uint64_t ns)
{
	struct calls *calls = context;

	calls->sleeps++;
	calls->slept_ns += ns;
	return note(calls);
}

/* 0: 10 a; 1: the same, and the GIL was handed to others meanwhile. */
static int on_native(void *context, size_t number, int64_t argument, int64_t *result)
{
	struct calls *calls = context;
	int err;

	calls->natives++;
	*result = 10 * argument;
	/* Where nothing is handed over nothing is to be noted. */
	if (!number)
		return calls->fail;
	err = note(calls);
	return err ? err : 1;
}

static const struct vm_hooks hooks = {
	.checkpoint = on_checkpoint,
	.yield = on_yield,
	.sleep = on_sleep,
	.native = on_native,
};

static struct vm *make(const struct vm_program *program, uint64_t check, uint64_t yield,
		       struct calls *calls)
{
	const struct vm_config config = {
		.check_interval = check,
		.yield_every = yield,
		.hooks = &hooks,
		.context = calls,
	};
	struct vm *vm = NULL;

	assert_int_equal(vm__create(&vm, program, &config), 0);
	calls->vm = vm;
	return vm;
}

/* Run code as one function of no arguments and two locals. */
static int run_code(const struct vm_insn *code, size_t length, int64_t *result)
{
	const struct vm_function f = { .name = "f", .end = (uint32_t)length, .locals = 2 };
	const struct vm_program program = { code, length, &f, 1, 0 };
	struct calls calls = { 0 };
	struct vm *vm = make(&program, 100, 0, &calls);
	int err = vm__run(vm, 0, NULL, 0, result);

	vm__destroy(vm);
	return err;
}

static int64_t binary(enum vm_op op, int64_t a, int64_t b)
{
	const struct vm_insn code[] = {
		{ .op = VM_PUSH, .arg = a },
		{ .op = VM_PUSH, .arg = b },
		{ .op = op },
		{ .op = VM_RET },
	};
	int64_t result = -12345;

	assert_int_equal(run_code(code, COUNT(code), &result), 0);
	return result;
}

static void test_arithmetic(void **state)
{
	(void)state;
	assert_int_equal(binary(VM_ADD, 2, 3), 5);
	assert_int_equal(binary(VM_SUB, 2, 3), -1);
	assert_int_equal(binary(VM_MUL, -4, 3), -12);
	assert_int_equal(binary(VM_DIV, 7, 2), 3);
	assert_int_equal(binary(VM_DIV, -7, 2), -3);
	assert_int_equal(binary(VM_MOD, -7, 2), -1);
	assert_int_equal(binary(VM_MOD, 7, -2), 1);
}

static void test_arithmetic_wraps(void **state)
{
	(void)state;
	assert_true(binary(VM_ADD, INT64_MAX, 1) == INT64_MIN);
	assert_true(binary(VM_SUB, INT64_MIN, 1) == INT64_MAX);
	assert_true(binary(VM_MUL, INT64_MIN, -1) == INT64_MIN);
	assert_true(binary(VM_DIV, INT64_MIN, -1) == INT64_MIN);
	assert_true(binary(VM_MOD, INT64_MIN, -1) == 0);
}

static void test_compare(void **state)
{
	static const struct {
		enum vm_op op;
		int less, equal, greater;
	} rows[] = {
		{ VM_EQ, 0, 1, 0 }, { VM_NE, 1, 0, 1 }, { VM_LT, 1, 0, 0 },
		{ VM_LE, 1, 1, 0 }, { VM_GT, 0, 0, 1 }, { VM_GE, 0, 1, 1 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(binary(rows[i].op, -1, 1), rows[i].less);
		assert_int_equal(binary(rows[i].op, INT64_MIN, INT64_MIN), rows[i].equal);
		assert_int_equal(binary(rows[i].op, INT64_MAX, INT64_MIN), rows[i].greater);
	}
}

static void test_division_by_zero(void **state)
{
	const struct vm_insn code[] = {
		{ .op = VM_PUSH, .arg = 1 },
		{ .op = VM_PUSH },
		{ .op = VM_DIV },
		{ .op = VM_RET },
	};
	int64_t result = 7;

	(void)state;
	assert_int_equal(run_code(code, COUNT(code), &result), -EDOM);
	assert_int_equal(result, 7);
}

static void test_locals_start_as_zero_and_dup_pop(void **state)
{
	const struct vm_insn code[] = {
		{ .op = VM_LOAD, .arg = 1 }, /* 0 */
		{ .op = VM_PUSH, .arg = 21 },
		{ .op = VM_DUP },
		{ .op = VM_ADD },
		{ .op = VM_STORE, .arg = 0 }, /* 42 */
		{ .op = VM_PUSH, .arg = 9 },
		{ .op = VM_POP },
		{ .op = VM_LOAD, .arg = 0 },
		{ .op = VM_ADD },
		{ .op = VM_RET },
	};
	int64_t result = -1;

	(void)state;
	assert_int_equal(run_code(code, COUNT(code), &result), 0);
	assert_int_equal(result, 42);
}

/* fac(n) = n < 2 ? 1 : n * fac(n - 1); 1: endless recursion */
static const struct vm_insn fac_code[] = {
	{ .op = VM_LOAD },
	{ .op = VM_PUSH, .arg = 2 },
	{ .op = VM_LT },
	{ .op = VM_JUMP_ZERO, .arg = 6 },
	{ .op = VM_PUSH, .arg = 1 },
	{ .op = VM_RET },
	{ .op = VM_LOAD },
	{ .op = VM_LOAD },
	{ .op = VM_PUSH, .arg = 1 },
	{ .op = VM_SUB },
	{ .op = VM_CALL, .arg = 0 },
	{ .op = VM_MUL },
	{ .op = VM_RET },
	{ .op = VM_CALL, .arg = 1 },
	{ .op = VM_RET },
};
static const struct vm_function fac_functions[] = {
	{ .name = "fac", .entry = 0, .end = 13, .args = 1, .locals = 1 },
	{ .name = "forever", .entry = 13, .end = 15 },
};
static const struct vm_program fac_program = {
	fac_code, COUNT(fac_code), fac_functions, COUNT(fac_functions), 0,
};

static void test_recursion(void **state)
{
	struct calls calls = { 0 };
	struct vm *vm = make(&fac_program, 100, 0, &calls);
	int64_t n = 12, result = 0;

	(void)state;
	assert_int_equal(vm__run(vm, 0, &n, 1, &result), 0);
	assert_int_equal(result, 479001600);
	assert_int_equal(vm__instructions(vm), 11 * 11 + 6);
	vm__destroy(vm);
}

static void test_recursion_too_deep_leaves_it_usable(void **state)
{
	struct calls calls = { 0 };
	struct vm *vm = make(&fac_program, 7, 0, &calls);
	int64_t n = 100000, result = 0;

	(void)state;
	assert_int_equal(vm__run(vm, 0, &n, 1, &result), -EOVERFLOW);
	assert_int_equal(vm__run(vm, 1, NULL, 0, &result), -EOVERFLOW);
	n = 5;
	assert_int_equal(vm__run(vm, 0, &n, 1, &result), 0);
	assert_int_equal(result, 120);
	vm__destroy(vm);
}

static void test_wrong_calls_from_outside(void **state)
{
	struct calls calls = { 0 };
	struct vm *vm = make(&fac_program, 100, 0, &calls);
	int64_t n = 1, result = 0;

	(void)state;
	assert_int_equal(vm__run(vm, 2, &n, 1, &result), -EINVAL);
	assert_int_equal(vm__run(vm, 0, NULL, 0, &result), -EINVAL);
	assert_int_equal(vm__run(vm, 1, &n, 1, &result), -EINVAL);
	vm__destroy(vm);
}

/* while (n > 0) n -= 1: 9 n + 6 instructions */
static const struct vm_insn loop_code[] = {
	{ .op = VM_LOAD }, { .op = VM_PUSH },
	{ .op = VM_GT },   { .op = VM_JUMP_ZERO, .arg = 9 },
	{ .op = VM_LOAD }, { .op = VM_PUSH, .arg = 1 },
	{ .op = VM_SUB },  { .op = VM_STORE },
	{ .op = VM_JUMP }, { .op = VM_LOAD },
	{ .op = VM_RET },
};
static const struct vm_function loop_function = {
	.name = "loop",
	.end = 11,
	.args = 1,
	.locals = 1,
};
static const struct vm_program loop_program = {
	loop_code, COUNT(loop_code), &loop_function, 1, 0,
};

static void run_loop(struct vm *vm, int64_t n)
{
	int64_t result = -1;

	assert_int_equal(vm__run(vm, 0, &n, 1, &result), 0);
	assert_int_equal(result, 0);
}

static void test_checkpoints_are_counted_exactly(void **state)
{
	struct calls calls = { 0 };
	struct vm *vm = make(&loop_program, 100, 0, &calls);

	(void)state;
	run_loop(vm, 1000); /* 9006 instructions */
	assert_int_equal(vm__instructions(vm), 9006);
	assert_int_equal(calls.checkpoints, 90);
	assert_int_equal(calls.longest, 100);
	/* A turn goes on in the next run: 9006 + 96 = 9102. */
	run_loop(vm, 10);
	assert_int_equal(vm__instructions(vm), 9102);
	assert_int_equal(calls.checkpoints, 91);
	assert_int_equal(calls.yields, 0);
	vm__destroy(vm);
}

static void test_every_instruction_a_checkpoint(void **state)
{
	struct calls calls = { 0 };
	struct vm *vm = make(&loop_program, 1, 0, &calls);

	(void)state;
	run_loop(vm, 10);
	/* None after the last: there is nothing left to do. */
	assert_int_equal(calls.checkpoints, 95);
	run_loop(vm, 0);
	assert_int_equal(calls.checkpoints, 95 + 6);
	vm__destroy(vm);
}

static void test_a_run_that_ends_where_a_pause_is_due(void **state)
{
	struct calls calls = { 0 };
	struct vm *vm = make(&loop_program, 96, 0, &calls);

	(void)state;
	run_loop(vm, 10);
	assert_int_equal(calls.checkpoints, 0);
	run_loop(vm, 10);
	assert_int_equal(calls.checkpoints, 1);
	assert_int_equal(vm__instructions(vm), 192);
	vm__destroy(vm);
}

static void test_yield_starts_a_new_turn(void **state)
{
	struct calls calls = { 0 };
	struct vm *vm = make(&loop_program, 100, 250, &calls);

	(void)state;
	run_loop(vm, 1000); /* 9006 = 36 * 250 + 6; in each 250: 100, 200, yield */
	assert_int_equal(calls.yields, 36);
	assert_int_equal(calls.checkpoints, 72);
	assert_int_equal(calls.longest, 100);
	vm__destroy(vm);
}

static void test_yield_and_check_at_once_is_one_pause(void **state)
{
	struct calls calls = { 0 };
	struct vm *vm = make(&loop_program, 100, 200, &calls);

	(void)state;
	run_loop(vm, 1000);
	assert_int_equal(calls.yields, 45);
	assert_int_equal(calls.checkpoints, 45);
	vm__destroy(vm);
}

static void test_a_failing_hook_ends_the_run(void **state)
{
	struct calls calls = { .fail = -EIO };
	struct vm *vm = make(&loop_program, 50, 0, &calls);
	int64_t n = 1000, result = 3;

	(void)state;
	assert_int_equal(vm__run(vm, 0, &n, 1, &result), -EIO);
	assert_int_equal(calls.checkpoints, 1);
	assert_int_equal(vm__instructions(vm), 50);
	assert_int_equal(result, 3);
	vm__destroy(vm);
}

static void test_sleep_is_a_blocking_call_and_a_new_turn(void **state)
{
	/* 3 instructions, a sleep, 8 more: under an interval of 10 no checkpoint. */
	const struct vm_insn code[] = {
		{ .op = VM_PUSH, .arg = 5000 },
		{ .op = VM_DUP },
		{ .op = VM_POP },
		{ .op = VM_SLEEP },
		{ .op = VM_PUSH },
		{ .op = VM_POP },
		{ .op = VM_PUSH },
		{ .op = VM_POP },
		{ .op = VM_PUSH, .arg = -1 },
		{ .op = VM_SLEEP },
		{ .op = VM_PUSH },
		{ .op = VM_RET },
	};
	const struct vm_function f = { .name = "f", .end = COUNT(code) };
	const struct vm_program program = { code, COUNT(code), &f, 1, 0 };
	struct calls calls = { 0 };
	struct vm *vm = make(&program, 10, 0, &calls);
	int64_t result;

	(void)state;
	assert_int_equal(vm__run(vm, 0, NULL, 0, &result), 0);
	assert_int_equal(calls.sleeps, 2);
	assert_int_equal(calls.slept_ns, 5000); /* a negative time is none */
	assert_int_equal(calls.checkpoints, 0);
	assert_int_equal(vm__instructions(vm), COUNT(code));
	vm__destroy(vm);
}

static void test_natives(void **state)
{
	/* The call is the fourth instruction, and at ten a checkpoint is due. */
	struct vm_insn code[] = {
		{ .op = VM_PUSH, .arg = 7 },
		{ .op = VM_DUP },
		{ .op = VM_POP },
		{ .op = VM_NATIVE },
		{ .op = VM_PUSH },
		{ .op = VM_POP },
		{ .op = VM_PUSH },
		{ .op = VM_POP },
		{ .op = VM_PUSH, .arg = -1 },
		{ .op = VM_ADD },
		{ .op = VM_DUP },
		{ .op = VM_POP },
		{ .op = VM_RET },
	};
	const struct vm_function f = { .name = "f", .end = COUNT(code) };
	const struct vm_program program = { code, COUNT(code), &f, 1, 2 };

	(void)state;
	for (int number = 0; number < 2; number++) {
		struct calls calls = { 0 };
		struct vm *vm;
		int64_t result = 0;

		code[3].arg = number;
		vm = make(&program, 10, 0, &calls);
		assert_int_equal(vm__run(vm, 0, NULL, 0, &result), 0);
		assert_int_equal(result, 69);
		assert_int_equal(calls.natives, 1);
		/* Only what was handed over starts a new turn. */
		assert_int_equal(calls.checkpoints, number ? 0 : 1);
		assert_int_equal(vm__instructions(vm), COUNT(code));
		calls.fail = -ENODATA;
		assert_int_equal(vm__run(vm, 0, NULL, 0, &result), -ENODATA);
		vm__destroy(vm);
	}
}

static void test_natives_need_a_hook(void **state)
{
	const struct vm_insn code[] = { { .op = VM_PUSH }, { .op = VM_RET } };
	const struct vm_function f = { .name = "f", .end = 2 };
	const struct vm_program program = { code, 2, &f, 1, 1 };
	const struct vm_program too_many = { code, 2, &f, 1, VM_MAX_NATIVES + 1 };
	const struct vm_hooks without = { .checkpoint = on_checkpoint };
	const struct vm_config config = { .check_interval = 1, .hooks = &without };
	struct vm *vm = NULL;

	(void)state;
	assert_int_equal(vm__create(&vm, &program, &config), -EINVAL);
	assert_int_equal(vm__check(&too_many, NULL, NULL, 0), -EINVAL);
}

static void check_bad(const struct vm_insn *code, size_t length, const char *expected)
{
	const struct vm_function f = {
		.name = "f",
		.end = (uint32_t)length,
		.args = 1,
		.locals = 2,
	};
	const struct vm_program program = { code, length, &f, 1, 1 };
	struct vm_config config = { .check_interval = 1, .hooks = &hooks };
	struct vm *vm = NULL;
	char why[128] = "";

	assert_int_equal(vm__check(&program, NULL, why, sizeof(why)), -EINVAL);
	if (!strstr(why, expected))
		fail_msg("said '%s', not '%s'", why, expected);
	assert_int_equal(vm__create(&vm, &program, &config), -EINVAL);
}

#define BAD(expected, ...)                                         \
	do {                                                       \
		const struct vm_insn bad_code[] = { __VA_ARGS__ }; \
		check_bad(bad_code, COUNT(bad_code), expected);    \
	} while (0)

static void test_bad_code_is_refused(void **state)
{
	(void)state;
	BAD("no such operation", { .op = VM_OP_COUNT });
	BAD("no such operation", { .op = UINT32_MAX });
	BAD("over the end", { .op = VM_PUSH });
	BAD("over the end", { .op = VM_PUSH }, { .op = VM_JUMP_ZERO });
	BAD("needs 1 operands, has 0", { .op = VM_RET });
	BAD("needs 2 operands, has 1", { .op = VM_PUSH }, { .op = VM_ADD }, { .op = VM_RET });
	BAD("needs 1 operands, has 0", { .op = VM_SLEEP });
	BAD("needs 1 operands, has 0", { .op = VM_CALL }, { .op = VM_RET });
	BAD("no such local", { .op = VM_LOAD, .arg = 2 }, { .op = VM_RET });
	BAD("no such local", { .op = VM_LOAD, .arg = -1 }, { .op = VM_RET });
	BAD("no such local", { .op = VM_LOAD, .arg = INT64_MAX }, { .op = VM_RET });
	BAD("no such function", { .op = VM_CALL, .arg = 1 }, { .op = VM_RET });
	BAD("no such function", { .op = VM_CALL, .arg = -1 }, { .op = VM_RET });
	BAD("needs 1 operands, has 0", { .op = VM_NATIVE }, { .op = VM_RET });
	BAD("no such native", { .op = VM_PUSH }, { .op = VM_NATIVE, .arg = 1 }, { .op = VM_RET });
	BAD("no such native", { .op = VM_PUSH }, { .op = VM_NATIVE, .arg = -1 }, { .op = VM_RET });
	BAD("leaves its function", { .op = VM_JUMP, .arg = 1 });
	BAD("leaves its function", { .op = VM_JUMP, .arg = -1 });
	BAD("takes no argument", { .op = VM_PUSH }, { .op = VM_RET, .arg = 1 });
	/* An endless push, and two ways that meet with different depths. */
	BAD("reached with", { .op = VM_PUSH }, { .op = VM_JUMP });
	BAD("reached with", { .op = VM_PUSH }, { .op = VM_JUMP_ZERO, .arg = 3 }, { .op = VM_PUSH },
	    { .op = VM_PUSH }, { .op = VM_RET });
}

static void test_too_many_operands_are_refused(void **state)
{
	struct vm_insn code[VM_MAX_DEPTH + 2] = { 0 };

	(void)state;
	code[VM_MAX_DEPTH + 1].op = VM_RET;
	check_bad(code, COUNT(code), "more than");
}

static void test_bad_outlines_are_refused(void **state)
{
	const struct vm_insn code[] = { { .op = VM_PUSH }, { .op = VM_RET } };
	const struct vm_function good = { .name = "f", .end = 2 };
	struct vm_function f = good;
	struct vm_program program = { code, 2, &f, 1, 0 };
	struct vm_config config = { .check_interval = 0, .hooks = &hooks };
	struct vm *vm = NULL;
	uint16_t operands = 0;
	char why[4];

	(void)state;
	assert_int_equal(vm__check(&program, &operands, NULL, 0), 0);
	assert_int_equal(operands, 1);
	assert_int_equal(vm__create(&vm, &program, &config), -EINVAL);
	f.end = 3;
	assert_int_equal(vm__check(&program, NULL, why, sizeof(why)), -EINVAL);
	f.end = 0;
	assert_int_equal(vm__check(&program, NULL, NULL, 0), -EINVAL);
	f = good;
	f.args = 1;
	assert_int_equal(vm__check(&program, NULL, NULL, 0), -EINVAL);
	f.args = f.locals = VM_MAX_LOCALS + 1;
	assert_int_equal(vm__check(&program, NULL, NULL, 0), -EINVAL);
	f = good;
	program.length = 0;
	assert_int_equal(vm__check(&program, NULL, NULL, 0), -EINVAL);
	program.length = 2;
	program.function_count = 0;
	assert_int_equal(vm__check(&program, NULL, NULL, 0), -EINVAL);
	vm__destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arithmetic),
		cmocka_unit_test(test_arithmetic_wraps),
		cmocka_unit_test(test_compare),
		cmocka_unit_test(test_division_by_zero),
		cmocka_unit_test(test_locals_start_as_zero_and_dup_pop),
		cmocka_unit_test(test_recursion),
		cmocka_unit_test(test_recursion_too_deep_leaves_it_usable),
		cmocka_unit_test(test_wrong_calls_from_outside),
		cmocka_unit_test(test_checkpoints_are_counted_exactly),
		cmocka_unit_test(test_every_instruction_a_checkpoint),
		cmocka_unit_test(test_a_run_that_ends_where_a_pause_is_due),
		cmocka_unit_test(test_yield_starts_a_new_turn),
		cmocka_unit_test(test_yield_and_check_at_once_is_one_pause),
		cmocka_unit_test(test_a_failing_hook_ends_the_run),
		cmocka_unit_test(test_sleep_is_a_blocking_call_and_a_new_turn),
		cmocka_unit_test(test_natives),
		cmocka_unit_test(test_natives_need_a_hook),
		cmocka_unit_test(test_bad_code_is_refused),
		cmocka_unit_test(test_too_many_operands_are_refused),
		cmocka_unit_test(test_bad_outlines_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
