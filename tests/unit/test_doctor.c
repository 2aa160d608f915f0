/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_doctor.c - kernels made by hand, and what is said of them.
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

static void test_all_well(void **state)
{
	struct doctor_facts facts = all_well();
	struct diagnosis diagnosis = judged(&facts);

	(void)state;
	expect_only(&diagnosis, ONLY(NULL));
	for (unsigned i = 0; i < DOCTOR_WORKS; i++)
		assert_true(diagnosis.works[i]);
	expect(&diagnosis, "sched_switch", DOCTOR_OK, "passes prev_state");
	expect(&diagnosis, "tracefs", DOCTOR_OK, "mounted at /sys/kernel/tracing");
	expect(&diagnosis, "exit_futex", DOCTOR_OK, "521");
	expect(&diagnosis, "sys_exit", DOCTOR_OK, "not needed");
	expect(&diagnosis, "cgroup2", DOCTOR_OK, "/sys/fs/cgroup");
	expect(&diagnosis, "virt", DOCTOR_OK, "KVM");
	expect(&diagnosis, "codec", DOCTOR_OK, "zstd");
	expect(&diagnosis, "probes", DOCTOR_OK, "57 ms");
}

static void test_5_15_lacks_what_came_later(void **state)
{
	struct doctor_facts facts = all_well();
	struct diagnosis diagnosis;

	(void)state;
	strcpy(facts.kernel, "5.15.0-91-generic");
	facts.features.switch_has_state = false;
	facts.features.contention = false;
	facts.futex_exits[1] = facts.futex_exits[2] = -ENOENT;
	diagnosis = judged(&facts);
	expect_only(&diagnosis, ONLY("contention"));
	expect(&diagnosis, "contention", DOCTOR_MISSING, "not in this kernel");
	assert_non_null(strstr(check_of(&diagnosis, "contention")->remedy, "5.19"));
	expect(&diagnosis, "sched_switch", DOCTOR_OK, "does not pass");
	expect(&diagnosis, "exit_futex_wait", DOCTOR_OK, "6.7");
	assert_true(diagnosis.works[DOCTOR_RECORD_CGROUP]);

	/* A kernel that has the calls, without their tracepoints. */
	strcpy(facts.kernel, "6.7.1");
	diagnosis = judged(&facts);
	expect_only(&diagnosis, ONLY("contention", "exit_futex_wait", "exit_futex_wake"));
	assert_true(diagnosis.works[DOCTOR_RUN]);
}

static void test_too_old_a_kernel(void **state)
{
	struct doctor_facts facts = all_well();
	struct diagnosis diagnosis;

	(void)state;
	strcpy(facts.kernel, "5.10.0-28-amd64");
	facts.features.task_pt_regs = false;
	facts.features.contention = false;
	facts.probes = facts.probes_blocking = DOCTOR_NOT_TRIED;
	facts.probes_ns = 0;
	diagnosis = judged(&facts);
	expect(&diagnosis, "version", DOCTOR_MISSING, "older than 5.15");
	expect(&diagnosis, "task_pt_regs", DOCTOR_MISSING, "not in this kernel");
	expect(&diagnosis, "probes", DOCTOR_UNKNOWN, "not tried");
	expect(&diagnosis, "memlock", DOCTOR_OK, "CAP_SYS_RESOURCE");
	assert_string_equal(why_not(&diagnosis, DOCTOR_RUN), "version, registers of threads");

	facts.caps &= ~CAP(CAP_SYS_RESOURCE);
	diagnosis = judged(&facts);
	expect(&diagnosis, "memlock", DOCTOR_LIMITED, "8192 KiB");
}

/* A distribution's kernel with a low number, and what is needed ported back. */
static void test_backports_count(void **state)
{
	struct doctor_facts facts = all_well();
	struct diagnosis diagnosis;

	(void)state;
	strcpy(facts.kernel, "5.14.0-503.el9.x86_64");
	diagnosis = judged(&facts);
	expect_only(&diagnosis, ONLY(NULL));
	expect(&diagnosis, "version", DOCTOR_OK, "older than 5.15, with what");
}

static void test_versions(void **state)
{
	static const struct {
		const char *kernel;
		enum doctor_state state;
	} cases[] = {
		{ "5.15", DOCTOR_OK },	     { "5.15.1", DOCTOR_OK },
		{ "6.0", DOCTOR_OK },	     { "10.1-rc1", DOCTOR_OK },
		{ "5.14.99", DOCTOR_MISSING }, { "4.20", DOCTOR_MISSING },
		{ "nonsense", DOCTOR_MISSING }, { "", DOCTOR_UNKNOWN },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct doctor_facts facts = all_well();
		struct diagnosis diagnosis;

		strcpy(facts.kernel, cases[i].kernel);
		facts.features = (struct kernel_features){ 0 };
		facts.probes = facts.probes_blocking = DOCTOR_NOT_TRIED;
		diagnosis = judged(&facts);
		expect(&diagnosis, "version", cases[i].state, "");
	}
}

static void test_no_btf(void **state)
{
	struct doctor_facts facts = all_well();
	struct diagnosis diagnosis;
	char *text;

	(void)state;
	facts.btf = -ENOENT;
	facts.features = (struct kernel_features){ 0 };
	facts.prog_tracing = facts.prog_iter_task = DOCTOR_NOT_TRIED;
	facts.probes = facts.probes_blocking = DOCTOR_NOT_TRIED;
	diagnosis = judged(&facts);
	expect(&diagnosis, "btf", DOCTOR_MISSING, "No such file");
	assert_non_null(strstr(check_of(&diagnosis, "btf")->remedy, "CONFIG_DEBUG_INFO_BTF"));
	/* What cannot be known is not called missing. */
	expect(&diagnosis, "sched_switch", DOCTOR_UNKNOWN, "BTF");
	expect(&diagnosis, "contention", DOCTOR_UNKNOWN, "BTF");
	expect(&diagnosis, "prog_tracing", DOCTOR_UNKNOWN, "BTF");
	expect(&diagnosis, "sys_exit", DOCTOR_UNKNOWN, "BTF");
	expect(&diagnosis, "map_task_storage", DOCTOR_OK, "");
	assert_string_equal(why_not(&diagnosis, DOCTOR_RUN), "BTF");
	text = as_text(&diagnosis, 80);
	assert_lacks(text, "without permission");
	free(text);

	facts.btf = -EACCES;
	diagnosis = judged(&facts);
	assert_null(strstr(check_of(&diagnosis, "btf")->remedy, "CONFIG"));
}

static void test_tracefs(void **state)
{
	struct doctor_facts facts = all_well();
	struct diagnosis diagnosis;

	(void)state;
	/* Not mounted, but root can. */
	facts.tracefs_mount[0] = 0;
	diagnosis = judged(&facts);
	expect_only(&diagnosis, ONLY(NULL));
	expect(&diagnosis, "tracefs", DOCTOR_OK, "for itself alone");

	/* Mounted, on a kernel that does not trace system calls. */
	facts = all_well();
	facts.tracefs = -ENOENT;
	diagnosis = judged(&facts);
	expect(&diagnosis, "tracefs", DOCTOR_MISSING, "without system calls");
	assert_non_null(strstr(check_of(&diagnosis, "tracefs")->remedy, "CONFIG_FTRACE_SYSCALLS"));

	/* Not in the kernel at all. */
	facts.tracefs_mount[0] = 0;
	facts.tracefs = -ENODEV;
	diagnosis = judged(&facts);
	expect(&diagnosis, "tracefs", DOCTOR_MISSING, "No such device");
	assert_non_null(strstr(check_of(&diagnosis, "tracefs")->remedy, "CONFIG_FTRACE=y"));

	/* The exits of futex alone are missing. */
	facts = all_well();
	facts.futex_exits[0] = -ENOENT;
	facts.features.sys_exit = true;
	diagnosis = judged(&facts);
	expect_only(&diagnosis, ONLY("exit_futex"));
	expect(&diagnosis, "sys_exit", DOCTOR_OK, "takes the place");
	strcpy(facts.kernel, "5.15.0");
	diagnosis = judged(&facts);
	expect(&diagnosis, "exit_futex", DOCTOR_MISSING, "");

	/* Without need it may be missing. */
	facts = all_well();
	facts.features.sys_exit = false;
	diagnosis = judged(&facts);
	expect_only(&diagnosis, ONLY(NULL));
}

static void test_lockdown(void **state)
{
	struct doctor_facts facts = all_well();
	struct diagnosis diagnosis;

	(void)state;
	strcpy(facts.lockdown, "integrity");
	diagnosis = judged(&facts);
	expect_only(&diagnosis, ONLY(NULL));

	strcpy(facts.lockdown, "confidentiality");
	facts.probes = facts.probes_blocking = -EPERM;
	diagnosis = judged(&facts);
	expect(&diagnosis, "lockdown", DOCTOR_MISSING, "confidentiality");
	assert_non_null(strstr(check_of(&diagnosis, "lockdown")->remedy, "lockdown=integrity"));
	assert_string_equal(why_not(&diagnosis, DOCTOR_RUN), "readable kernel memory");

	/* Not shown: then the probes tell. */
	facts.lockdown[0] = 0;
	diagnosis = judged(&facts);
	expect(&diagnosis, "lockdown", DOCTOR_UNKNOWN, "not shown");
	facts.probes = facts.probes_blocking = 0;
	diagnosis = judged(&facts);
	expect(&diagnosis, "lockdown", DOCTOR_OK, "not shown");
}

static void test_probes_alone_are_refused(void **state)
{
	struct doctor_facts facts = all_well();
	struct diagnosis diagnosis;

	(void)state;
	facts.probes = facts.probes_blocking = -E2BIG;
	diagnosis = judged(&facts);
	expect_only(&diagnosis, ONLY("probes"));
	expect(&diagnosis, "probes", DOCTOR_MISSING, "Argument list too long");
	assert_non_null(strstr(check_of(&diagnosis, "probes")->remedy, "-v"));
	assert_string_equal(why_not(&diagnosis, DOCTOR_RUN), "probes");
	for (unsigned i = 0; i < DOCTOR_WORKS; i++)
		assert_false(diagnosis.works[i]);
}

static void test_what_recording_needs_besides(void **state)
{
	struct doctor_facts facts = all_well();
	struct diagnosis diagnosis;

	(void)state;
	facts.features.iter_task = false;
	facts.prog_iter_task = DOCTOR_NOT_TRIED;
	diagnosis = judged(&facts);
	expect(&diagnosis, "prog_iter_task", DOCTOR_MISSING, "");
	assert_true(diagnosis.works[DOCTOR_RECORD_COMMAND]);
	assert_false(diagnosis.works[DOCTOR_RECORD_PID]);
	assert_false(diagnosis.works[DOCTOR_RECORD_CGROUP]);
	assert_false(diagnosis.works[DOCTOR_RECORD_ALL]);
	assert_false(diagnosis.works[DOCTOR_WHY]);
	assert_string_equal(why_not(&diagnosis, DOCTOR_RECORD_PID), "iterators over threads");

	/* There, and not tried: no promise. */
	facts.features.iter_task = true;
	diagnosis = judged(&facts);
	assert_false(diagnosis.works[DOCTOR_RECORD_PID]);

	/* What run needs is proved by the probes, whatever else could not be told. */
	facts = all_well();
	facts.user_ns = DOCTOR_NS_UNKNOWN;
	diagnosis = judged(&facts);
	for (unsigned i = 0; i < DOCTOR_WORKS; i++)
		assert_true(diagnosis.works[i]);

	facts = all_well();
	facts.features.cgroup_attach_task = false;
	facts.cgroup2_mount[0] = 0;
	diagnosis = judged(&facts);
	assert_true(diagnosis.works[DOCTOR_RECORD_PID]);
	assert_true(diagnosis.works[DOCTOR_RECORD_ALL]);
	assert_true(diagnosis.works[DOCTOR_WHY]);
	assert_false(diagnosis.works[DOCTOR_RECORD_CGROUP]);
	assert_string_equal(why_not(&diagnosis, DOCTOR_RECORD_CGROUP),
			    "cgroup_attach_task, cgroup v2");
	/* Cut short, and terminated. */
	for (size_t size = 1; size < 40; size++) {
		char why[40];

		memset(why, 'x', sizeof(why));
		doctor__why_not(&diagnosis, DOCTOR_RECORD_CGROUP, why, size);
		assert_true(strlen(why) < size);
	}
}

/* By default run opens perf events, unless it cannot trace exits by number anyway. */
static void test_perf_events(void **state)
{
	struct doctor_facts facts = all_well();
	struct diagnosis diagnosis;

	(void)state;
	facts.perf_event = -EACCES;
	facts.perf_event_paranoid = 4;
	facts.probes = -EACCES;
	diagnosis = judged(&facts);
	expect(&diagnosis, "perf_event", DOCTOR_MISSING, "perf_event_paranoid is 4");
	assert_true(is_required(check_of(&diagnosis, "perf_event")));
	assert_non_null(strstr(check_of(&diagnosis, "perf_event")->loses, "--futex=blocking"));

	facts.tracefs = -EPERM;
	facts.tracefs_mount[0] = 0;
	facts.perf_event_paranoid = DOCTOR_NO_VALUE;
	facts.probes = facts.probes_blocking = 0;
	diagnosis = judged(&facts);
	expect(&diagnosis, "perf_event", DOCTOR_MISSING, "refused: Permission denied");
	assert_false(is_required(check_of(&diagnosis, "perf_event")));
	assert_null(strstr(check_of(&diagnosis, "perf_event")->detail, "paranoid"));

	facts.perf_event = -ENOSYS;
	diagnosis = judged(&facts);
	assert_non_null(strstr(check_of(&diagnosis, "perf_event")->remedy, "CONFIG_PERF_EVENTS"));
}

static void test_small_things(void **state)
{
	struct doctor_facts facts = all_well();
	struct diagnosis diagnosis;
	size_t all = judged(&facts).n_checks;

	(void)state;
	facts.codec[0] = 0;
	assert_int_equal(judged(&facts).n_checks, all - 1);
	strcpy(facts.codec, "zlib");
	facts.cpus_usable = 1;
	facts.features.sched_info = false;
	facts.caps_known = false;
	facts.caps = 0;
	facts.probes = facts.probes_blocking = DOCTOR_NOT_TRIED;
	diagnosis = judged(&facts);
	expect(&diagnosis, "codec", DOCTOR_LIMITED, "zlib");
	expect(&diagnosis, "cpus", DOCTOR_LIMITED, "8, 1 usable, Brand Model 7");
	expect(&diagnosis, "sched_info", DOCTOR_MISSING, "");
	expect(&diagnosis, "cap_bpf", DOCTOR_UNKNOWN, "/proc");
	assert_non_null(strstr(why_not(&diagnosis, DOCTOR_RUN), "CAP_BPF"));

	facts = all_well();
	facts.virt[0] = facts.cpu_model[0] = 0;
	facts.cpus = facts.cpus_usable = 0;
	diagnosis = judged(&facts);
	expect(&diagnosis, "virt", DOCTOR_OK, "none");
	expect(&diagnosis, "cpus", DOCTOR_UNKNOWN, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_well),
		cmocka_unit_test(test_5_15_lacks_what_came_later),
		cmocka_unit_test(test_too_old_a_kernel),
		cmocka_unit_test(test_backports_count),
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_no_btf),
		cmocka_unit_test(test_tracefs),
		cmocka_unit_test(test_lockdown),
		cmocka_unit_test(test_probes_alone_are_refused),
		cmocka_unit_test(test_what_recording_needs_besides),
		cmocka_unit_test(test_perf_events),
		cmocka_unit_test(test_small_things),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
