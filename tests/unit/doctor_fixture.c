/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
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

static const int exits_of_6_8[] = { 521, 515, 517 };

/* Root on a current machine, where nothing is missing. */
struct doctor_facts all_well(void)
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
struct doctor_facts nobody(void)
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
struct diagnosis judged(const struct doctor_facts *facts)
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

const struct doctor_check *check_of(const struct diagnosis *diagnosis, const char *id)
{
	for (size_t i = 0; i < diagnosis->n_checks; i++)
		if (!strcmp(diagnosis->checks[i].id, id))
			return &diagnosis->checks[i];
	fail_msg("no check %s", id);
	return NULL;
}

bool is_required(const struct doctor_check *check)
{
	return check->stops == DOCTOR_STOPS_RUN;
}

/* That check has that state, and something to do with `detail`. */
void expect(const struct diagnosis *diagnosis, const char *id, enum doctor_state state,
	    const char *detail)
{
	const struct doctor_check *check = check_of(diagnosis, id);

	if (check->state != state || !strstr(check->detail, detail))
		fail_msg("%s is %s: %s", id, doctor__state_name(check->state), check->detail);
}

/* Nothing but these is not ok; NULL ends them. */
void expect_only(const struct diagnosis *diagnosis, const char *const *ids)
{
	size_t bad = 0, named = 0;

	for (size_t i = 0; i < diagnosis->n_checks; i++)
		bad += diagnosis->checks[i].state != DOCTOR_OK;
	for (; ids[named]; named++)
		assert_int_not_equal(check_of(diagnosis, ids[named])->state, DOCTOR_OK);
	if (bad != named)
		for (size_t i = 0; i < diagnosis->n_checks; i++)
			if (diagnosis->checks[i].state != DOCTOR_OK)
				print_error("%s: %s\n", diagnosis->checks[i].id,
					    diagnosis->checks[i].detail);
	assert_int_equal(bad, named);
}

char *why_not(const struct diagnosis *diagnosis, enum doctor_work work)
{
	static char why[512];

	doctor__why_not(diagnosis, work, why, sizeof(why));
	return why;
}

char *as_text(const struct diagnosis *diagnosis, unsigned width)
{
	char *out = NULL;
	size_t size;
	FILE *stream = need(open_memstream(&out, &size));

	assert_int_equal(render_doctor_text(diagnosis, width, true, stream), 0);
	assert_int_equal(fclose(stream), 0);
	return out;
}
