/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_doctor.c - kernels and users made by hand, and what is said of them.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>
#include <linux/capability.h>

#include "tests/unit/report_fixture.h"
#include "user/doctor.h"

#define CAP(name) (1ull << (name))

static const int exits_of_6_8[] = { 521, 515, 517 };

/* Root on a current machine, where nothing is missing. */
static struct doctor_facts all_well(void)
{
	struct doctor_facts facts = {
		.kernel = "6.8.0-45-generic",
		.arch = "x86_64",
		.cpu_model = "Brand Model 7",
		.virt = "KVM",
		.cpus = 8,
		.cpus_usable = 8,
		.features = {
			.sched_switch = true,
			.switch_has_state = true,
			.task_pt_regs = true,
			.contention = true,
			.sched_waking = true,
			.task_newtask = true,
			.sys_exit = true,
			.cgroup_attach_task = true,
			.iter_task = true,
			.sched_info = true,
		},
		.caps_known = true,
		.caps = UINT64_MAX >> (64 - CAP_LAST_CAP - 1),
		.user_ns = DOCTOR_NS_INITIAL,
		.pid_ns = DOCTOR_NS_INITIAL,
		.unprivileged_bpf_disabled = 2,
		.perf_event_paranoid = 2,
		.memlock_bytes = 8 << 20,
		.lockdown = "none",
		.tracefs_mount = "/sys/kernel/tracing",
		.cgroup2_mount = "/sys/fs/cgroup",
		.codec = "zstd",
		.probes_ns = 57000000,
	};

	memcpy(facts.futex_exits, exits_of_6_8, sizeof(exits_of_6_8));
	return facts;
}

/* The same machine for a user without any capability. */
static struct doctor_facts nobody(void)
{
	struct doctor_facts facts = all_well();

	facts.caps = 0;
	facts.bpf = facts.prog_tracing = facts.prog_tracepoint = facts.prog_iter_task = -EPERM;
	facts.map_mmapable = facts.map_task_storage = -EPERM;
	facts.perf_event = -EACCES;
	facts.tracefs_mount[0] = 0;
	facts.tracefs = -EPERM;
	facts.probes = facts.probes_blocking = DOCTOR_NOT_TRIED;
	return facts;
}

/* Judged, with what must hold of every diagnosis. */
static struct diagnosis judged(const struct doctor_facts *facts)
{
	struct diagnosis diagnosis;

	doctor__judge(facts, &diagnosis);
	assert_in_range(diagnosis.n_checks, 30, DOCTOR_MAX_CHECKS);
	for (size_t i = 0; i < diagnosis.n_checks; i++) {
		const struct doctor_check *check = &diagnosis.checks[i];

		assert_non_null(check->group);
		assert_true(check->detail[0] != 0);
		if ((check->state == DOCTOR_OK) != !check->loses ||
		    (check->state == DOCTOR_OK) != !check->remedy)
			fail_msg("%s is %s: loses %s, remedy %s", check->id,
				 doctor__state_name(check->state),
				 check->loses ? check->loses : "nothing",
				 check->remedy ? check->remedy : "none");
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(check->id, diagnosis.checks[j].id);
	}
	assert_int_equal(diagnosis.works[DOCTOR_RUN], !facts->probes);
	assert_int_equal(diagnosis.works[DOCTOR_RECORD_COMMAND], !facts->probes);
	for (unsigned i = 0; i < DOCTOR_WORKS; i++) {
		char why[512];

		doctor__why_not(&diagnosis, (enum doctor_work)i, why, sizeof(why));
		assert_int_equal(diagnosis.works[i], !why[0]);
	}
	return diagnosis;
}

static const struct doctor_check *find(const struct diagnosis *diagnosis, const char *id)
{
	for (size_t i = 0; i < diagnosis->n_checks; i++)
		if (!strcmp(diagnosis->checks[i].id, id))
			return &diagnosis->checks[i];
	fail_msg("no check %s", id);
	return NULL;
}

static bool is_required(const struct doctor_check *check)
{
	return check->stops == DOCTOR_STOPS_RUN;
}

/* That check has that state, and something to do with `detail`. */
static void expect(const struct diagnosis *diagnosis, const char *id, enum doctor_state state,
		   const char *detail)
{
	const struct doctor_check *check = find(diagnosis, id);

	if (check->state != state || !strstr(check->detail, detail))
		fail_msg("%s is %s: %s", id, doctor__state_name(check->state), check->detail);
}

/* Nothing but these is not ok; NULL ends them. */
static void expect_only(const struct diagnosis *diagnosis, const char *const *ids)
{
	size_t bad = 0, named = 0;

	for (size_t i = 0; i < diagnosis->n_checks; i++)
		bad += diagnosis->checks[i].state != DOCTOR_OK;
	for (; ids[named]; named++)
		assert_int_not_equal(find(diagnosis, ids[named])->state, DOCTOR_OK);
	if (bad != named)
		for (size_t i = 0; i < diagnosis->n_checks; i++)
			if (diagnosis->checks[i].state != DOCTOR_OK)
				print_error("%s: %s\n", diagnosis->checks[i].id,
					    diagnosis->checks[i].detail);
	assert_int_equal(bad, named);
}

#define ONLY(...) ((const char *const[]){ __VA_ARGS__, NULL })

static char *why_not(const struct diagnosis *diagnosis, enum doctor_work work)
{
	static char why[512];

	doctor__why_not(diagnosis, work, why, sizeof(why));
	return why;
}

static char *as_text(const struct diagnosis *diagnosis, unsigned width)
{
	char *out = NULL;
	size_t size;
	FILE *stream = need(open_memstream(&out, &size));

	assert_int_equal(render_doctor_text(diagnosis, width, true, stream), 0);
	assert_int_equal(fclose(stream), 0);
	return out;
}

/* doctor_schema.sh wants them as files, NAME.json in this directory. */
static void keep(const char *name, const char *json)
{
	const char *directory = getenv("CONVOY_TEST_JSON_OUT");
	char path[4096];
	FILE *file;

	if (!directory)
		return;
	snprintf(path, sizeof(path), "%s/%s.json", directory, name);
	file = need(fopen(path, "w"));
	assert_true(fputs(json, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static json_t *as_json(const char *name, const struct diagnosis *diagnosis)
{
	char *out = NULL;
	size_t size;
	FILE *stream = need(open_memstream(&out, &size));
	json_t *json;

	assert_int_equal(render_doctor_json(diagnosis, "1.2-test", stream), 0);
	assert_int_equal(fclose(stream), 0);
	json = need(json_loads(out, JSON_REJECT_DUPLICATES, NULL));
	assert_int_equal(out[size - 1], '\n');
	keep(name, out);
	free(out);
	return json;
}

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
	assert_non_null(strstr(find(&diagnosis, "contention")->remedy, "5.19"));
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
	assert_non_null(strstr(find(&diagnosis, "btf")->remedy, "CONFIG_DEBUG_INFO_BTF"));
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
	assert_null(strstr(find(&diagnosis, "btf")->remedy, "CONFIG"));
}

static void test_nobody(void **state)
{
	static const char *const missing[] = { "cap_bpf", "cap_perfmon", "bpf" };
	struct doctor_facts facts = nobody();
	struct diagnosis diagnosis = judged(&facts);

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		const struct doctor_check *check = find(&diagnosis, missing[i]);

		assert_int_equal(check->state, DOCTOR_MISSING);
		assert_true(is_required(check));
		assert_non_null(strstr(check->remedy, "sudo"));
		assert_non_null(strstr(check->remedy, "setcap cap_bpf,cap_perfmon"));
	}
	expect(&diagnosis, "bpf", DOCTOR_MISSING, "unprivileged_bpf_disabled is 2");
	expect(&diagnosis, "prog_tracing", DOCTOR_UNKNOWN, "not permitted to try");
	expect(&diagnosis, "map_task_storage", DOCTOR_UNKNOWN, "not permitted to try");
	expect(&diagnosis, "probes", DOCTOR_UNKNOWN, "not permitted to try");
	assert_non_null(strstr(find(&diagnosis, "probes")->remedy, "sudo convoy doctor"));
	expect(&diagnosis, "tracefs", DOCTOR_MISSING, "cannot be read");
	expect(&diagnosis, "cap_sys_admin", DOCTOR_MISSING, "");
	expect(&diagnosis, "sched_switch", DOCTOR_OK, "");
	assert_string_equal(why_not(&diagnosis, DOCTOR_RUN), "CAP_BPF, CAP_PERFMON, bpf(2)");
	assert_string_equal(why_not(&diagnosis, DOCTOR_RECORD_PID), "CAP_BPF, CAP_PERFMON, bpf(2)");
	assert_false(is_required(find(&diagnosis, "perf_event")));
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
	expect_only(&diagnosis, ONLY("cap_sys_admin", "cap_sys_ptrace", "tracefs", "exit_futex",
				     "exit_futex_wait", "exit_futex_wake"));
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
	assert_non_null(strstr(find(&diagnosis, "sys_exit")->loses, "--futex=blocking"));
	expect(&diagnosis, "probes", DOCTOR_MISSING, "but not with --futex=blocking");
	assert_non_null(strstr(find(&diagnosis, "probes")->loses, "--futex=blocking"));
	assert_false(diagnosis.works[DOCTOR_RECORD_COMMAND]);
	assert_true(diagnosis.works[DOCTOR_RECORD_PID]);
	assert_true(diagnosis.works[DOCTOR_RECORD_CGROUP]);

	/* CAP_SYS_ADMIN is as good as both. */
	facts = all_well();
	facts.caps = CAP(CAP_SYS_ADMIN);
	diagnosis = judged(&facts);
	expect(&diagnosis, "cap_bpf", DOCTOR_OK, "by CAP_SYS_ADMIN");
	expect(&diagnosis, "cap_perfmon", DOCTOR_OK, "by CAP_SYS_ADMIN");
	expect_only(&diagnosis, ONLY("cap_sys_ptrace"));
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
	assert_non_null(strstr(find(&diagnosis, "tracefs")->remedy, "CONFIG_FTRACE_SYSCALLS"));

	/* Not in the kernel at all. */
	facts.tracefs_mount[0] = 0;
	facts.tracefs = -ENODEV;
	diagnosis = judged(&facts);
	expect(&diagnosis, "tracefs", DOCTOR_MISSING, "No such device");
	assert_non_null(strstr(find(&diagnosis, "tracefs")->remedy, "CONFIG_FTRACE=y"));

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
	assert_string_equal(find(&diagnosis, "bpf")->remedy, find(&diagnosis, "user_ns")->remedy);
	assert_string_equal(find(&diagnosis, "probes")->remedy,
			    find(&diagnosis, "user_ns")->remedy);
	assert_null(strstr(find(&diagnosis, "bpf")->remedy, "setcap"));

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
		assert_non_null(strstr(find(&diagnosis, refused[i])->remedy, "seccomp"));
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
	assert_non_null(strstr(find(&diagnosis, "bpf")->remedy, "seccomp"));
	expect(&diagnosis, "prog_tracing", DOCTOR_UNKNOWN, "");

	/* A profile that forbids programs, and no more. */
	facts = all_well();
	facts.prog_tracing = facts.probes = facts.probes_blocking = -EPERM;
	diagnosis = judged(&facts);
	expect_only(&diagnosis, ONLY("prog_tracing", "probes"));
	expect(&diagnosis, "prog_tracing", DOCTOR_MISSING, "Operation not permitted");
	assert_non_null(strstr(find(&diagnosis, "prog_tracing")->remedy, "seccomp"));

	/* A filter that answers as if there were no such call. */
	facts = all_well();
	facts.bpf = facts.probes = facts.probes_blocking = -ENOSYS;
	diagnosis = judged(&facts);
	expect(&diagnosis, "bpf", DOCTOR_MISSING, "no bpf(2)");
	assert_non_null(strstr(find(&diagnosis, "bpf")->remedy, "CONFIG_BPF_SYSCALL"));
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
	assert_non_null(strstr(find(&diagnosis, "lockdown")->remedy, "lockdown=integrity"));
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
	assert_non_null(strstr(find(&diagnosis, "probes")->remedy, "-v"));
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
	assert_true(is_required(find(&diagnosis, "perf_event")));
	assert_non_null(strstr(find(&diagnosis, "perf_event")->loses, "--futex=blocking"));

	facts.tracefs = -EPERM;
	facts.tracefs_mount[0] = 0;
	facts.perf_event_paranoid = DOCTOR_NO_VALUE;
	facts.probes = facts.probes_blocking = 0;
	diagnosis = judged(&facts);
	expect(&diagnosis, "perf_event", DOCTOR_MISSING, "refused: Permission denied");
	assert_false(is_required(find(&diagnosis, "perf_event")));
	assert_null(strstr(find(&diagnosis, "perf_event")->detail, "paranoid"));

	facts.perf_event = -ENOSYS;
	diagnosis = judged(&facts);
	assert_non_null(strstr(find(&diagnosis, "perf_event")->remedy, "CONFIG_PERF_EVENTS"));
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

static void test_text(void **state)
{
	struct doctor_facts facts = all_well();
	struct diagnosis diagnosis = judged(&facts);
	char *text = as_text(&diagnosis, 80);

	(void)state;
	assert_contains(text, "Linux 6.8.0-45-generic x86_64, 8 CPUs\n");
	assert_contains(text, "\nrun: works\n");
	assert_contains(text, "\nrecord --cgroup PATH: works\n");
	assert_contains(text, "\nrecord -a: works\n");
	assert_contains(text, "\nwhy -p PID: works\n");
	assert_contains(text, "\n  ok       BTF ");
	assert_lacks(text, "without it");
	assert_lacks(text, "could not be looked at");
	free(text);

	facts = nobody();
	diagnosis = judged(&facts);
	text = as_text(&diagnosis, 80);
	assert_contains(text, "\n  MISSING  CAP_BPF ");
	assert_contains(text, "\n      without it: ");
	assert_contains(text, "\n      to get it: run convoy with sudo");
	assert_contains(text, "\n      the same as for CAP_BPF\n");
	assert_contains(text, "\n  missing  CAP_SYS_PTRACE ");
	assert_contains(text, "\n  unknown  task storage            not permitted to try\n");
	assert_contains(text, "\nrun: does not work: see CAP_BPF, CAP_PERFMON, bpf(2)\n");
	assert_contains(text, "could not be looked at without permission");
	free(text);
}

/* Lines are as narrow as asked, and nothing from outside gets through. */
static void test_hostile(void **state)
{
	struct doctor_facts facts = all_well();
	struct diagnosis diagnosis;
	json_t *json;

	(void)state;
	snprintf(facts.kernel, sizeof(facts.kernel), "6.8%s", HOSTILE);
	snprintf(facts.arch, sizeof(facts.arch), "%s", HOSTILE);
	snprintf(facts.cpu_model, sizeof(facts.cpu_model), "%s", HOSTILE);
	snprintf(facts.virt, sizeof(facts.virt), "%s", HOSTILE);
	snprintf(facts.lockdown, sizeof(facts.lockdown), "%s", HOSTILE);
	snprintf(facts.cgroup2_mount, sizeof(facts.cgroup2_mount), "/%s", HOSTILE);
	snprintf(facts.probes_note, sizeof(facts.probes_note), "%s", HOSTILE);
	memset(facts.tracefs_mount, 0x9b, sizeof(facts.tracefs_mount) - 1);
	diagnosis = judged(&facts);
	for (unsigned width = 60; width <= 120; width += 20) {
		char *text = as_text(&diagnosis, width);

		for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
			assert_true((size_t)(end - line) <= width);
			for (; line < end; line++)
				assert_in_range(*line, ' ', '~');
		}
		free(text);
	}
	json = as_json("hostile", &diagnosis);
	json_decref(json);
}

static void test_json(void **state)
{
	struct doctor_facts facts = nobody();
	struct diagnosis diagnosis = judged(&facts);
	json_t *json = as_json("nobody", &diagnosis), *check;
	size_t i;

	(void)state;
	assert_string_equal(json_string_value(json_object_get(json, "schema")), "convoy.doctor/1");
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(json, "tool"), "version")),
		"1.2-test");
	assert_int_equal(json_integer_value(json_object_get(json_object_get(json, "host"), "cpus")),
			 8);
	assert_true(json_is_false(json_object_get(json_object_get(json, "works"), "run")));
	assert_true(
		json_is_false(json_object_get(json_object_get(json, "works"), "record_cgroup")));
	assert_int_equal(json_array_size(json_object_get(json, "checks")), diagnosis.n_checks);
	json_array_foreach(json_object_get(json, "checks"), i, check) {
		const struct doctor_check *from = &diagnosis.checks[i];

		assert_string_equal(json_string_value(json_object_get(check, "id")), from->id);
		assert_string_equal(json_string_value(json_object_get(check, "state")),
				    doctor__state_name(from->state));
		assert_string_equal(json_string_value(json_object_get(check, "detail")),
				    from->detail);
		assert_int_equal(json_is_true(json_object_get(check, "required")),
				 is_required(from));
		assert_int_equal(json_is_null(json_object_get(check, "loses")),
				 from->state == DOCTOR_OK);
	}
	json_decref(json);

	facts.virt[0] = facts.cpu_model[0] = 0;
	diagnosis = judged(&facts);
	json = as_json("bare", &diagnosis);
	assert_true(json_is_null(json_object_get(json_object_get(json, "host"), "virt")));
	json_decref(json);

	facts = all_well();
	diagnosis = judged(&facts);
	json = as_json("well", &diagnosis);
	assert_true(json_is_true(json_object_get(json_object_get(json, "works"), "run")));
	json_decref(json);
}

static void test_output_errors(void **state)
{
	struct doctor_facts facts = all_well();
	struct diagnosis diagnosis = judged(&facts);
	FILE *full = fopen("/dev/full", "w");

	(void)state;
	if (!full)
		skip();
	setvbuf(full, NULL, _IONBF, 0);
	assert_int_equal(render_doctor_text(&diagnosis, 80, true, full), -ENOSPC);
	clearerr(full);
	assert_int_equal(render_doctor_json(&diagnosis, "1", full), -ENOSPC);
	fclose(full);
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
		cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_half_of_the_capabilities),
		cmocka_unit_test(test_enough_of_the_capabilities),
		cmocka_unit_test(test_tracefs),
		cmocka_unit_test(test_user_namespace),
		cmocka_unit_test(test_container),
		cmocka_unit_test(test_lockdown),
		cmocka_unit_test(test_probes_alone_are_refused),
		cmocka_unit_test(test_what_recording_needs_besides),
		cmocka_unit_test(test_perf_events),
		cmocka_unit_test(test_small_things),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_output_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
