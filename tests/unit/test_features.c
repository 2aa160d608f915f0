/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_features.c - what a kernel can do, read from type information made by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <bpf/btf.h>

#include <cmocka.h>
#include <linux/capability.h>

#include "user/features.h"

static struct btf *new_btf(void)
{
	struct btf *btf = btf__new_empty();

	assert_non_null(btf);
	return btf;
}

/* As the kernel has it: typedef void (*btf_trace_NAME)(void *, ...), `args` after the first. */
static void add_tracepoint(struct btf *btf, const char *name, int args)
{
	char type_name[64];
	int void_ptr = btf__add_ptr(btf, 0);
	int proto = btf__add_func_proto(btf, 0);
	int ptr;

	assert_true(void_ptr > 0 && proto > 0);
	for (int i = 0; i <= args; i++)
		assert_int_equal(btf__add_func_param(btf, "arg", void_ptr), 0);
	ptr = btf__add_ptr(btf, proto);
	snprintf(type_name, sizeof(type_name), "btf_trace_%s", name);
	assert_true(btf__add_typedef(btf, type_name, ptr) > 0);
}

static void add_helpers(struct btf *btf, const char *enum_name, const char *last)
{
	assert_true(btf__add_enum(btf, enum_name, 4) > 0);
	assert_int_equal(btf__add_enum_value(btf, "BPF_FUNC_unspec", 0), 0);
	assert_int_equal(btf__add_enum_value(btf, "BPF_FUNC_map_lookup_elem", 1), 0);
	if (last)
		assert_int_equal(btf__add_enum_value(btf, last, 175), 0);
}

static struct kernel_features features_of(struct btf *btf)
{
	struct kernel_features features = features__of_btf(btf);

	btf__free(btf);
	return features;
}

static void check(struct kernel_features features, bool sched_switch, bool has_state, bool regs,
		  bool contention)
{
	assert_int_equal(features.sched_switch, sched_switch);
	assert_int_equal(features.switch_has_state, has_state);
	assert_int_equal(features.task_pt_regs, regs);
	assert_int_equal(features.contention, contention);
}

static void test_no_types_no_features(void **state)
{
	(void)state;
	check(features__of_btf(NULL), false, false, false, false);
	check(features_of(new_btf()), false, false, false, false);
}

static void test_5_15_passes_no_state(void **state)
{
	struct btf *btf = new_btf();

	(void)state;
	add_tracepoint(btf, "sched_switch", 3);
	add_helpers(btf, "bpf_func_id", "BPF_FUNC_task_pt_regs");
	check(features_of(btf), true, false, true, false);
}

static void test_5_18_passes_the_state(void **state)
{
	struct btf *btf = new_btf();

	(void)state;
	add_helpers(btf, "bpf_func_id", "BPF_FUNC_task_pt_regs");
	add_tracepoint(btf, "sched_switch", 4);
	check(features_of(btf), true, true, true, false);
}

static void test_6_x_has_contention(void **state)
{
	struct btf *btf = new_btf();

	(void)state;
	add_tracepoint(btf, "contention_begin", 2);
	add_tracepoint(btf, "contention_end", 2);
	add_tracepoint(btf, "sched_switch", 4);
	add_helpers(btf, "bpf_func_id", "BPF_FUNC_task_pt_regs");
	check(features_of(btf), true, true, true, true);
}

static struct btf *with_function(const char *name)
{
	struct btf *btf = new_btf();
	int proto = btf__add_func_proto(btf, 0);

	assert_true(btf__add_func(btf, name, BTF_FUNC_STATIC, proto) > 0);
	return btf;
}

static struct btf *with_sched_info(const char *member)
{
	struct btf *btf = new_btf();
	int u64_id = btf__add_int(btf, "unsigned long long", 8, 0);

	assert_true(btf__add_struct(btf, "sched_info", 16) > 0);
	assert_int_equal(btf__add_field(btf, "pcount", u64_id, 0, 0), 0);
	if (member)
		assert_int_equal(btf__add_field(btf, member, u64_id, 64, 0), 0);
	return btf;
}

/* What only the doctor looks at, each by itself. */
static void test_other_capabilities(void **state)
{
	struct kernel_features none = features_of(new_btf());
	struct btf *btf;

	(void)state;
	assert_false(none.sched_waking || none.task_newtask || none.sys_exit ||
		     none.cgroup_attach_task || none.iter_task || none.sched_info);

	btf = new_btf();
	add_tracepoint(btf, "sched_waking", 1);
	assert_true(features_of(btf).sched_waking);
	for (int args = 2; args <= 3; args++) {
		btf = new_btf();
		add_tracepoint(btf, "task_newtask", args);
		assert_true(features_of(btf).task_newtask);
	}
	btf = new_btf();
	add_tracepoint(btf, "task_newtask", 1);
	assert_false(features_of(btf).task_newtask);
	btf = new_btf();
	add_tracepoint(btf, "sys_exit", 2);
	assert_true(features_of(btf).sys_exit);
	btf = new_btf();
	add_tracepoint(btf, "sys_exit", 3);
	assert_false(features_of(btf).sys_exit);
	btf = new_btf();
	add_tracepoint(btf, "cgroup_attach_task", 5);
	assert_true(features_of(btf).cgroup_attach_task);

	assert_true(features_of(with_function("bpf_iter_task")).iter_task);
	assert_false(features_of(with_function("bpf_iter_task_file")).iter_task);
	assert_true(features_of(with_sched_info("last_arrival")).sched_info);
	assert_false(features_of(with_sched_info("last_queued")).sched_info);
	assert_false(features_of(with_sched_info(NULL)).sched_info);
}

static void test_capabilities(void **state)
{
	uint64_t bpf = 1ull << CAP_BPF, perfmon = 1ull << CAP_PERFMON;
	uint64_t admin = 1ull << CAP_SYS_ADMIN;

	(void)state;
	assert_false(features__may_trace(0));
	assert_false(features__may_trace(bpf));
	assert_false(features__may_trace(perfmon));
	assert_true(features__may_trace(bpf | perfmon));
	assert_true(features__may_trace(admin));
	assert_false(features__may_trace(~(bpf | admin)));
}

static void test_half_of_the_contention_is_none(void **state)
{
	static const struct {
		int begin, end; /* arguments; -1: not there */
	} halves[] = { { 2, -1 }, { -1, 2 }, { 1, 2 }, { 2, 1 }, { 3, 2 }, { 2, 3 } };

	(void)state;
	for (size_t i = 0; i < sizeof(halves) / sizeof(halves[0]); i++) {
		struct btf *btf = new_btf();

		add_tracepoint(btf, "sched_switch", 4);
		if (halves[i].begin >= 0)
			add_tracepoint(btf, "contention_begin", halves[i].begin);
		if (halves[i].end >= 0)
			add_tracepoint(btf, "contention_end", halves[i].end);
		check(features_of(btf), true, true, false, false);
	}
}

static void test_helper_is_looked_for_where_helpers_are(void **state)
{
	struct btf *btf = new_btf();

	(void)state;
	/* Too old a kernel. */
	add_tracepoint(btf, "sched_switch", 3);
	add_helpers(btf, "bpf_func_id", NULL);
	check(features_of(btf), true, false, false, false);

	/* Names that only resemble it. */
	btf = new_btf();
	add_helpers(btf, "bpf_func_id", "BPF_FUNC_task_pt_regs_and_more");
	check(features_of(btf), false, false, false, false);
	btf = new_btf();
	add_helpers(btf, "bpf_func_id", "BPF_FUNC_task_pt_reg");
	check(features_of(btf), false, false, false, false);

	/* In another enum. */
	btf = new_btf();
	add_helpers(btf, "bpf_other_id", "BPF_FUNC_task_pt_regs");
	add_helpers(btf, "bpf_func_id", "BPF_FUNC_get_func_ip");
	check(features_of(btf), false, false, false, false);

	/* A type that is named like the enum and is none. */
	btf = new_btf();
	assert_true(btf__add_typedef(btf, "bpf_func_id", 0) > 0);
	check(features_of(btf), false, false, false, false);

	/* An enum without enumerators. */
	btf = new_btf();
	assert_true(btf__add_enum(btf, "bpf_func_id", 4) > 0);
	check(features_of(btf), false, false, false, false);
}

static void test_tracepoint_of_too_few_arguments(void **state)
{
	(void)state;
	for (int args = 0; args <= 2; args++) {
		struct btf *btf = new_btf();

		add_tracepoint(btf, "sched_switch", args);
		check(features_of(btf), false, false, false, false);
	}
}

/* Types of the right name and the wrong shape. */
static void test_typedef_of_something_else(void **state)
{
	struct btf *btf = new_btf();
	int id;

	(void)state;
	/* of void */
	assert_true(btf__add_typedef(btf, "btf_trace_sched_switch", 0) > 0);
	check(features_of(btf), false, false, false, false);

	/* of an int */
	btf = new_btf();
	id = btf__add_int(btf, "int", 4, BTF_INT_SIGNED);
	assert_true(btf__add_typedef(btf, "btf_trace_sched_switch", id) > 0);
	check(features_of(btf), false, false, false, false);

	/* of a pointer to void, to an int, to a pointer */
	for (int i = 0; i < 3; i++) {
		btf = new_btf();
		id = btf__add_int(btf, "int", 4, BTF_INT_SIGNED);
		id = btf__add_ptr(btf, i ? id : 0);
		if (i == 2)
			id = btf__add_ptr(btf, id);
		assert_true(btf__add_typedef(btf, "btf_trace_sched_switch", id) > 0);
		check(features_of(btf), false, false, false, false);
	}

	/* of the prototype itself, without a pointer */
	btf = new_btf();
	id = btf__add_func_proto(btf, 0);
	for (int i = 0; i < 5; i++)
		assert_int_equal(btf__add_func_param(btf, "arg", 0), 0);
	assert_true(btf__add_typedef(btf, "btf_trace_sched_switch", id) > 0);
	check(features_of(btf), false, false, false, false);

	/* of something else than a pointer that leads to it */
	btf = new_btf();
	id = btf__add_func_proto(btf, 0);
	for (int i = 0; i < 5; i++)
		assert_int_equal(btf__add_func_param(btf, "arg", 0), 0);
	id = btf__add_const(btf, id);
	assert_true(btf__add_typedef(btf, "btf_trace_sched_switch", id) > 0);
	check(features_of(btf), false, false, false, false);

	/* of a function without any argument */
	btf = new_btf();
	id = btf__add_func_proto(btf, 0);
	id = btf__add_ptr(btf, id);
	assert_true(btf__add_typedef(btf, "btf_trace_sched_switch", id) > 0);
	check(features_of(btf), false, false, false, false);

	/* of a type that does not exist */
	btf = new_btf();
	assert_true(btf__add_typedef(btf, "btf_trace_sched_switch", 1000) > 0);
	check(features_of(btf), false, false, false, false);

	/* a struct of that name */
	btf = new_btf();
	assert_true(btf__add_struct(btf, "btf_trace_sched_switch", 0) > 0);
	check(features_of(btf), false, false, false, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_types_no_features),
		cmocka_unit_test(test_5_15_passes_no_state),
		cmocka_unit_test(test_5_18_passes_the_state),
		cmocka_unit_test(test_6_x_has_contention),
		cmocka_unit_test(test_other_capabilities),
		cmocka_unit_test(test_capabilities),
		cmocka_unit_test(test_half_of_the_contention_is_none),
		cmocka_unit_test(test_helper_is_looked_for_where_helpers_are),
		cmocka_unit_test(test_tracepoint_of_too_few_arguments),
		cmocka_unit_test(test_typedef_of_something_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
