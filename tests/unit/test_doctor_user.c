/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_doctor_user.c - who asks, and from where: capabilities, namespaces, filters.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "tests/unit/doctor_fixture.h"
#include "tests/unit/report_fixture.h"

static void test_nobody(void **state)
{
	static const char *const missing[] = { "cap_bpf", "cap_perfmon", "bpf" };
	struct doctor_facts facts = nobody();
	struct diagnosis diagnosis = judged(&facts);

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		const struct doctor_check *check = check_of(&diagnosis, missing[i]);

		assert_int_equal(check->state, DOCTOR_MISSING);
		assert_true(is_required(check));
		assert_non_null(strstr(check->remedy, "sudo"));
		assert_non_null(strstr(check->remedy, "setcap cap_bpf,cap_perfmon"));
	}
	expect(&diagnosis, "bpf", DOCTOR_MISSING, "unprivileged_bpf_disabled is 2");
	expect(&diagnosis, "prog_tracing", DOCTOR_UNKNOWN, "not permitted to try");
	expect(&diagnosis, "map_task_storage", DOCTOR_UNKNOWN, "not permitted to try");
	expect(&diagnosis, "probes", DOCTOR_UNKNOWN, "not permitted to try");
	assert_non_null(strstr(check_of(&diagnosis, "probes")->remedy, "sudo convoy doctor"));
	expect(&diagnosis, "tracefs", DOCTOR_MISSING, "cannot be read");
	expect(&diagnosis, "cap_sys_admin", DOCTOR_MISSING, "");
	expect(&diagnosis, "sched_switch", DOCTOR_OK, "");
	assert_string_equal(why_not(&diagnosis, DOCTOR_RUN), "CAP_BPF, CAP_PERFMON, bpf(2)");
	assert_string_equal(why_not(&diagnosis, DOCTOR_RECORD_PID), "CAP_BPF, CAP_PERFMON, bpf(2)");
	assert_false(is_required(check_of(&diagnosis, "perf_event")));
}

static void test_half_of_the_capabilities(void **state)
{
	struct doctor_facts facts = nobody();
	struct diagnosis diagnosis;

	(void)state;
	facts.caps = CAP(CAP_BPF);
	facts.bpf = 0;
	facts.map_mmapable = facts.map_task_storage = 0;
	diagnosis = judged(&facts);
	expect(&diagnosis, "cap_bpf", DOCTOR_OK, "");
	expect(&diagnosis, "bpf", DOCTOR_OK, "");
	assert_string_equal(why_not(&diagnosis, DOCTOR_RUN), "CAP_PERFMON");
}

/* Just the two: everything works, some of it dearer. */
static void test_enough_of_the_capabilities(void **state)
{
	struct doctor_facts facts = all_well();
	struct diagnosis diagnosis;

	(void)state;
	facts.caps = CAP(CAP_BPF) | CAP(CAP_PERFMON);
	facts.tracefs_mount[0] = 0;
	facts.tracefs = -EPERM;
	memset(facts.futex_exits, 0, sizeof(facts.futex_exits));
	strcpy(facts.probes_note, "a dearer probe");
	diagnosis = judged(&facts);
	expect_only(&diagnosis,
		    ONLY("cap_sys_admin", "cap_sys_ptrace", "cap_dac_read_search", "tracefs",
			 "exit_futex", "exit_futex_wait", "exit_futex_wake"));
	expect(&diagnosis, "exit_futex", DOCTOR_UNKNOWN, "tracefs");
	expect(&diagnosis, "sys_exit", DOCTOR_OK, "takes the place");
	expect(&diagnosis, "probes", DOCTOR_OK, "a dearer probe");
	for (unsigned i = 0; i < DOCTOR_WORKS; i++)
		assert_true(diagnosis.works[i]);

	/* And not even that. */
	facts.features.sys_exit = false;
	facts.probes = -ESRCH;
	diagnosis = judged(&facts);
	expect(&diagnosis, "sys_exit", DOCTOR_MISSING, "");
	assert_string_equal(why_not(&diagnosis, DOCTOR_RUN), "tp_btf/sys_exit");
	assert_non_null(strstr(check_of(&diagnosis, "sys_exit")->loses, "--futex=blocking"));
	expect(&diagnosis, "probes", DOCTOR_MISSING, "but not with --futex=blocking");
	assert_non_null(strstr(check_of(&diagnosis, "probes")->loses, "--futex=blocking"));
	assert_false(diagnosis.works[DOCTOR_RECORD_COMMAND]);
	assert_true(diagnosis.works[DOCTOR_RECORD_PID]);
	assert_true(diagnosis.works[DOCTOR_RECORD_CGROUP]);

	/* CAP_SYS_ADMIN is as good as both. */
	facts = all_well();
	facts.caps = CAP(CAP_SYS_ADMIN);
	diagnosis = judged(&facts);
	expect(&diagnosis, "cap_bpf", DOCTOR_OK, "by CAP_SYS_ADMIN");
	expect(&diagnosis, "cap_perfmon", DOCTOR_OK, "by CAP_SYS_ADMIN");
	expect_only(&diagnosis, ONLY("cap_sys_ptrace", "cap_dac_read_search"));
}

/* What names are read with: each says what is missing without it, and neither stops anything. */
static void test_capabilities_for_names(void **state)
{
	static const struct {
		int cap;
		const char *id, *loses, *remedy;
	} names[] = {
		{ CAP_SYS_PTRACE, "cap_sys_ptrace", "memory", "add cap_sys_ptrace" },
		{ CAP_DAC_READ_SEARCH, "cap_dac_read_search", "home", "add cap_dac_read_search" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct doctor_facts facts = all_well();
		const struct doctor_check *check;
		struct diagnosis diagnosis;

		facts.caps &= ~CAP(names[i].cap);
		diagnosis = judged(&facts);
		expect_only(&diagnosis, ONLY(names[i].id));
		check = check_of(&diagnosis, names[i].id);
		assert_int_equal(check->state, DOCTOR_MISSING);
		assert_non_null(strstr(check->loses, names[i].loses));
		assert_non_null(strstr(check->remedy, names[i].remedy));
		for (unsigned work = 0; work < DOCTOR_WORKS; work++)
			assert_true(diagnosis.works[work]);
	}
}

static void test_user_namespace(void **state)
{
	struct doctor_facts facts = nobody();
	struct diagnosis diagnosis;

	(void)state;
	/* Root in there: all capabilities, and none that count. */
	facts.caps = all_well().caps;
	facts.user_ns = DOCTOR_NS_CHILD;
	facts.probes = facts.probes_blocking = -EPERM;
	diagnosis = judged(&facts);
	assert_false(diagnosis.permitted);
	expect(&diagnosis, "cap_bpf", DOCTOR_OK, "");
	expect(&diagnosis, "user_ns", DOCTOR_MISSING, "do not count");
	assert_string_equal(why_not(&diagnosis, DOCTOR_RUN), "initial user namespace, bpf(2)");
	assert_string_equal(check_of(&diagnosis, "bpf")->remedy,
			    check_of(&diagnosis, "user_ns")->remedy);
	assert_string_equal(check_of(&diagnosis, "probes")->remedy,
			    check_of(&diagnosis, "user_ns")->remedy);
	assert_null(strstr(check_of(&diagnosis, "bpf")->remedy, "setcap"));

	facts.user_ns = DOCTOR_NS_UNKNOWN;
	diagnosis = judged(&facts);
	expect(&diagnosis, "user_ns", DOCTOR_UNKNOWN, "");
}

/* Root of the machine in a container: a PID namespace, and a filter that forbids bpf(2). */
static void test_container(void **state)
{
	static const char *const refused[] = { "bpf", "probes" };
	static const char *const untried[] = { "prog_tracing", "prog_iter_task", "map_mmapable",
					       "map_task_storage" };
	struct doctor_facts facts = all_well();
	struct diagnosis diagnosis;

	(void)state;
	facts.pid_ns = DOCTOR_NS_CHILD;
	facts.seccomp_filter = true;
	facts.cgroup2_mount[0] = 0;
	facts.bpf = facts.prog_tracing = facts.prog_tracepoint = facts.prog_iter_task = -EPERM;
	facts.map_mmapable = facts.map_task_storage = -EPERM;
	facts.probes = facts.probes_blocking = -EPERM;
	diagnosis = judged(&facts);
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		expect(&diagnosis, refused[i], DOCTOR_MISSING, "Operation not permitted");
		assert_non_null(strstr(check_of(&diagnosis, refused[i])->remedy, "seccomp"));
	}
	for (size_t i = 0; i < sizeof(untried) / sizeof(*untried); i++)
		expect(&diagnosis, untried[i], DOCTOR_UNKNOWN, "without bpf(2)");
	assert_string_equal(why_not(&diagnosis, DOCTOR_RUN), "bpf(2)");
	expect(&diagnosis, "pid_ns", DOCTOR_LIMITED, "");
	assert_non_null(strstr(why_not(&diagnosis, DOCTOR_RECORD_CGROUP), "cgroup v2"));
	assert_null(strstr(why_not(&diagnosis, DOCTOR_RECORD_PID), "cgroup v2"));

	/* The same as nobody: the filter would remain. */
	facts.caps = 0;
	diagnosis = judged(&facts);
	assert_non_null(strstr(check_of(&diagnosis, "bpf")->remedy, "seccomp"));
	expect(&diagnosis, "prog_tracing", DOCTOR_UNKNOWN, "");

	/* A profile that forbids programs, and no more. */
	facts = all_well();
	facts.prog_tracing = facts.probes = facts.probes_blocking = -EPERM;
	diagnosis = judged(&facts);
	expect_only(&diagnosis, ONLY("prog_tracing", "probes"));
	expect(&diagnosis, "prog_tracing", DOCTOR_MISSING, "Operation not permitted");
	assert_non_null(strstr(check_of(&diagnosis, "prog_tracing")->remedy, "seccomp"));

	/* A filter that answers as if there were no such call. */
	facts = all_well();
	facts.bpf = facts.probes = facts.probes_blocking = -ENOSYS;
	diagnosis = judged(&facts);
	expect(&diagnosis, "bpf", DOCTOR_MISSING, "no bpf(2)");
	assert_non_null(strstr(check_of(&diagnosis, "bpf")->remedy, "CONFIG_BPF_SYSCALL"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_half_of_the_capabilities),
		cmocka_unit_test(test_enough_of_the_capabilities),
		cmocka_unit_test(test_capabilities_for_names),
		cmocka_unit_test(test_user_namespace),
		cmocka_unit_test(test_container),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
