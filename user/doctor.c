// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * doctor.c - from facts to checks: one row and one small function a capability.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <linux/capability.h>

#include "doctor.h"

#define NO_PROBES "convoy run works with --probes=none only, and nothing can be recorded"
#define BE_ROOT \
	"run convoy with sudo, or: sudo setcap cap_bpf,cap_perfmon,cap_dac_read_search+ep convoy"
#define NEW_KERNEL "Linux 5.15 or later, as current distributions have"
#define WITH_BTF \
	"a kernel built with CONFIG_DEBUG_INFO_BTF=y, as those of current distributions are"
#define LET_IN \
	"something forbids it in spite of the capabilities: in a container its seccomp filter " \
	"or the runtime's profile (docker run --privileged, or a profile that allows bpf and " \
	"perf_event_open), else kernel lockdown or another security module"

#define OUTSIDE \
	"run convoy as root of the machine; in a container: in one without a user namespace of " \
	"its own"

#define CAP(name) (1ull << (name))

__attribute__((format(printf, 3, 4))) static void
conclude(struct doctor_check *check, enum doctor_state state, const char *format, ...)
{
	va_list args;

	check->state = state;
	va_start(args, format);
	vsnprintf(check->detail, sizeof(check->detail), format, args);
	va_end(args);
}

/* Has root of a user namespace all capabilities, and none that count here? */
static bool permitted(const struct doctor_facts *facts)
{
	return facts->caps_known && features__may_trace(facts->caps) &&
	       facts->user_ns != DOCTOR_NS_CHILD;
}

static bool refused(int attempt)
{
	return attempt == -EPERM || attempt == -EACCES;
}

static const char *remedy_of_refusal(const struct doctor_facts *facts)
{
	if (permitted(facts))
		return LET_IN;
	return facts->user_ns == DOCTOR_NS_CHILD ? OUTSIDE : BE_ROOT;
}

/* As session__new() chooses between futex exits by number and tp_btf/sys_exit. */
static bool exits_by_id(const struct doctor_facts *facts)
{
	return !facts->tracefs && facts->futex_exits[0] >= 0;
}

/* What was tried, where that is all that counts. */
static void conclude_attempt(const struct doctor_facts *facts, struct doctor_check *check,
			     int attempt, const char *detail)
{
	if (!attempt) {
		conclude(check, DOCTOR_OK, "%s", detail);
	} else if (attempt == DOCTOR_NOT_TRIED) {
		conclude(check, DOCTOR_UNKNOWN, "cannot be tried without BTF");
	} else if (refused(attempt) && !permitted(facts)) {
		conclude(check, DOCTOR_UNKNOWN, "not permitted to try");
	} else if (facts->bpf) {
		conclude(check, DOCTOR_UNKNOWN, "cannot be tried without bpf(2)");
	} else {
		conclude(check, DOCTOR_MISSING, "refused: %s", strerror(-attempt));
		if (refused(attempt))
			check->remedy = remedy_of_refusal(facts);
	}
}

/* What the kernel's types say. */
static bool conclude_feature(const struct doctor_facts *facts, struct doctor_check *check,
			     bool feature, const char *detail)
{
	if (facts->btf)
		conclude(check, DOCTOR_UNKNOWN, "cannot be told without BTF");
	else if (feature)
		conclude(check, DOCTOR_OK, "%s", detail);
	else
		conclude(check, DOCTOR_MISSING, "not in this kernel");
	return !facts->btf && feature;
}

/* --- kernel --- */

/* Is the release MAJOR.MINOR or later? False for one that is no version. */
static bool is_since(const struct doctor_facts *facts, unsigned major, unsigned minor)
{
	unsigned have_major, have_minor;

	if (sscanf(facts->kernel, "%u.%u", &have_major, &have_minor) != 2)
		return false;
	return have_major > major || (have_major == major && have_minor >= minor);
}

static void judge_version(const struct doctor_facts *facts, struct doctor_check *check)
{
	if (is_since(facts, 5, 15))
		conclude(check, DOCTOR_OK, "%s; convoy needs 5.15", facts->kernel);
	else if (facts->features.sched_switch && facts->features.task_pt_regs)
		conclude(check, DOCTOR_OK, "%s, older than 5.15, with what convoy needs of it",
			 facts->kernel);
	else if (facts->kernel[0])
		conclude(check, DOCTOR_MISSING, "%s, older than 5.15", facts->kernel);
	else
		conclude(check, DOCTOR_UNKNOWN, "uname does not say");
}

static void judge_btf(const struct doctor_facts *facts, struct doctor_check *check)
{
	if (!facts->btf)
		conclude(check, DOCTOR_OK, "types of the kernel can be read");
	else
		conclude(check, DOCTOR_MISSING, "types of the kernel cannot be read: %s",
			 strerror(-facts->btf));
	if (refused(facts->btf))
		check->remedy = "make /sys/kernel/btf/vmlinux readable; it is for everybody, "
				"unless a container hides it";
}

static void judge_pt_regs(const struct doctor_facts *facts, struct doctor_check *check)
{
	conclude_feature(facts, check, facts->features.task_pt_regs, "bpf_task_pt_regs");
}

static void judge_sched_info(const struct doctor_facts *facts, struct doctor_check *check)
{
	conclude_feature(facts, check, facts->features.sched_info, "CONFIG_SCHED_INFO");
}

static void judge_lockdown(const struct doctor_facts *facts, struct doctor_check *check)
{
	if (!facts->lockdown[0] && !facts->probes_blocking)
		conclude(check, DOCTOR_OK, "lockdown is not shown, and lets the probes in");
	else if (!facts->lockdown[0])
		conclude(check, DOCTOR_UNKNOWN, "lockdown is not shown");
	else if (strcmp(facts->lockdown, "confidentiality") != 0)
		conclude(check, DOCTOR_OK, "lockdown: %s", facts->lockdown);
	else
		conclude(check, DOCTOR_MISSING, "lockdown: confidentiality");
}

/* --- permission --- */

static void judge_capability(const struct doctor_facts *facts, struct doctor_check *check, int cap)
{
	if (!facts->caps_known)
		conclude(check, DOCTOR_UNKNOWN, "/proc/self/status cannot be read; mount /proc");
	else if (facts->caps & CAP(cap))
		conclude(check, DOCTOR_OK, "effective");
	else if (facts->caps & CAP(CAP_SYS_ADMIN) && (cap == CAP_BPF || cap == CAP_PERFMON))
		conclude(check, DOCTOR_OK, "by CAP_SYS_ADMIN");
	else
		conclude(check, DOCTOR_MISSING, "not effective");
}

static void judge_cap_bpf(const struct doctor_facts *facts, struct doctor_check *check)
{
	judge_capability(facts, check, CAP_BPF);
}

static void judge_cap_perfmon(const struct doctor_facts *facts, struct doctor_check *check)
{
	judge_capability(facts, check, CAP_PERFMON);
}

static void judge_cap_sys_admin(const struct doctor_facts *facts, struct doctor_check *check)
{
	judge_capability(facts, check, CAP_SYS_ADMIN);
	if (check->state == DOCTOR_MISSING && facts->tracefs_mount[0])
		conclude(check, DOCTOR_OK, "not effective, and not needed: tracefs is mounted");
}

static void judge_cap_sys_ptrace(const struct doctor_facts *facts, struct doctor_check *check)
{
	judge_capability(facts, check, CAP_SYS_PTRACE);
}

/* The recorder keeps it, and not CAP_DAC_OVERRIDE, which would do as well. */
static void judge_cap_dac_read_search(const struct doctor_facts *facts, struct doctor_check *check)
{
	judge_capability(facts, check, CAP_DAC_READ_SEARCH);
}

static void judge_memlock(const struct doctor_facts *facts, struct doctor_check *check)
{
	/* Since then BPF memory is charged to the control group (97306be45fbe). */
	if (is_since(facts, 5, 11))
		conclude(check, DOCTOR_OK, "does not limit BPF since 5.11");
	else if (facts->memlock_bytes == UINT64_MAX || facts->caps & CAP(CAP_SYS_RESOURCE))
		conclude(check, DOCTOR_OK, "unlimited, or CAP_SYS_RESOURCE raises it");
	else
		conclude(check, DOCTOR_LIMITED,
			 "%" PRIu64 " KiB, in which this kernel counts BPF memory",
			 facts->memlock_bytes >> 10);
}

static void judge_user_ns(const struct doctor_facts *facts, struct doctor_check *check)
{
	if (facts->user_ns == DOCTOR_NS_INITIAL)
		conclude(check, DOCTOR_OK, "this is it");
	else if (facts->user_ns == DOCTOR_NS_CHILD)
		conclude(check, DOCTOR_MISSING, "this is another, whose capabilities do not count");
	else
		conclude(check, DOCTOR_UNKNOWN, "/proc/self/ns/user cannot be read");
}

static void judge_pid_ns(const struct doctor_facts *facts, struct doctor_check *check)
{
	if (facts->pid_ns == DOCTOR_NS_INITIAL)
		conclude(check, DOCTOR_OK, "this is it");
	else if (facts->pid_ns == DOCTOR_NS_CHILD)
		conclude(check, DOCTOR_LIMITED, "this is another");
	else
		conclude(check, DOCTOR_UNKNOWN, "/proc/self/ns/pid cannot be read");
}

static void judge_bpf(const struct doctor_facts *facts, struct doctor_check *check)
{
	int sysctl = facts->unprivileged_bpf_disabled;

	if (!facts->bpf)
		conclude(check, DOCTOR_OK, "permitted");
	else if (facts->bpf == -ENOSYS)
		conclude(check, DOCTOR_MISSING, "this kernel has no bpf(2)");
	else if (refused(facts->bpf) && !permitted(facts) && sysctl != DOCTOR_NO_VALUE)
		conclude(check, DOCTOR_MISSING,
			 "not permitted; kernel.unprivileged_bpf_disabled is %d", sysctl);
	else
		conclude(check, DOCTOR_MISSING, "refused: %s", strerror(-facts->bpf));
	if (facts->bpf == -ENOSYS)
		check->remedy = "a kernel built with CONFIG_BPF_SYSCALL=y";
	else if (refused(facts->bpf))
		check->remedy = facts->seccomp_filter ? LET_IN : remedy_of_refusal(facts);
}

static void judge_perf_event(const struct doctor_facts *facts, struct doctor_check *check)
{
	char paranoid[48] = "";

	if (exits_by_id(facts)) {
		check->stops = DOCTOR_STOPS_RUN;
		check->loses = "run needs --futex=blocking, and files that short programs map have "
			       "no names";
	}
	/* It does not bind those with CAP_PERFMON. */
	if (facts->perf_event_paranoid != DOCTOR_NO_VALUE)
		snprintf(paranoid, sizeof(paranoid), "; perf_event_paranoid is %d",
			 facts->perf_event_paranoid);
	if (!facts->perf_event)
		conclude(check, DOCTOR_OK, "can be opened%s", paranoid);
	else
		conclude(check, DOCTOR_MISSING, "refused: %s%s", strerror(-facts->perf_event),
			 paranoid);
	if (refused(facts->perf_event))
		check->remedy = remedy_of_refusal(facts);
	else if (facts->perf_event == -ENOSYS || facts->perf_event == -ENOENT)
		check->remedy = "a kernel built with CONFIG_PERF_EVENTS=y";
}

/* --- programs and maps --- */

static void judge_prog_tracing(const struct doctor_facts *facts, struct doctor_check *check)
{
	conclude_attempt(facts, check, facts->prog_tracing, "can be loaded");
}

static void judge_prog_tracepoint(const struct doctor_facts *facts, struct doctor_check *check)
{
	if (exits_by_id(facts))
		check->stops = DOCTOR_STOPS_RUN;
	conclude_attempt(facts, check, facts->prog_tracepoint, "can be loaded");
}

static void judge_prog_iter(const struct doctor_facts *facts, struct doctor_check *check)
{
	if (!facts->btf && !facts->features.iter_task)
		conclude(check, DOCTOR_MISSING, "not in this kernel");
	else
		conclude_attempt(facts, check, facts->prog_iter_task, "can be loaded");
}

static void judge_map_mmapable(const struct doctor_facts *facts, struct doctor_check *check)
{
	conclude_attempt(facts, check, facts->map_mmapable, "can be made");
}

static void judge_map_task_storage(const struct doctor_facts *facts, struct doctor_check *check)
{
	conclude_attempt(facts, check, facts->map_task_storage, "can be made");
}

/* --- tracepoints --- */

static void judge_sched_switch(const struct doctor_facts *facts, struct doctor_check *check)
{
	conclude_feature(facts, check, facts->features.sched_switch,
			 facts->features.switch_has_state ?
				 "passes prev_state" :
				 "does not pass prev_state (5.18): it is read from the thread");
}

static void judge_sched_waking(const struct doctor_facts *facts, struct doctor_check *check)
{
	conclude_feature(facts, check, facts->features.sched_waking, "there");
}

static void judge_task_newtask(const struct doctor_facts *facts, struct doctor_check *check)
{
	conclude_feature(facts, check, facts->features.task_newtask, "there");
}

static void judge_contention(const struct doctor_facts *facts, struct doctor_check *check)
{
	conclude_feature(facts, check, facts->features.contention, "there");
}

static void judge_cgroup_attach(const struct doctor_facts *facts, struct doctor_check *check)
{
	conclude_feature(facts, check, facts->features.cgroup_attach_task, "there");
}

/* --- futex calls --- */

static void judge_tracefs(const struct doctor_facts *facts, struct doctor_check *check)
{
	if (!facts->tracefs && facts->tracefs_mount[0]) {
		conclude(check, DOCTOR_OK, "mounted at %s", facts->tracefs_mount);
	} else if (!facts->tracefs) {
		conclude(check, DOCTOR_OK, "not mounted; convoy mounts it for itself alone");
	} else if (facts->tracefs_mount[0]) {
		conclude(check, DOCTOR_MISSING, "mounted at %s, without system calls: %s",
			 facts->tracefs_mount, strerror(-facts->tracefs));
		check->remedy = "a kernel built with CONFIG_FTRACE_SYSCALLS=y";
	} else if (refused(facts->tracefs)) {
		conclude(check, DOCTOR_MISSING,
			 "cannot be read where it may be mounted, nor mounted by this user");
	} else {
		conclude(check, DOCTOR_MISSING, "cannot be mounted: %s", strerror(-facts->tracefs));
		check->remedy = "a kernel built with CONFIG_FTRACE=y";
	}
}

static void judge_exit(const struct doctor_facts *facts, struct doctor_check *check, unsigned i)
{
	if (facts->tracefs)
		conclude(check, DOCTOR_UNKNOWN, "cannot be told without tracefs");
	else if (facts->futex_exits[i] >= 0)
		conclude(check, DOCTOR_OK, "number %d", facts->futex_exits[i]);
	else if (i && facts->futex_exits[i] == -ENOENT && !is_since(facts, 6, 7))
		conclude(check, DOCTOR_OK, "nothing to trace: the call came with 6.7");
	else
		conclude(check, DOCTOR_MISSING, "%s", strerror(-facts->futex_exits[i]));
}

static void judge_exit_futex(const struct doctor_facts *facts, struct doctor_check *check)
{
	judge_exit(facts, check, 0);
}

static void judge_exit_futex_wait(const struct doctor_facts *facts, struct doctor_check *check)
{
	judge_exit(facts, check, 1);
}

static void judge_exit_futex_wake(const struct doctor_facts *facts, struct doctor_check *check)
{
	judge_exit(facts, check, 2);
}

static void judge_sys_exit(const struct doctor_facts *facts, struct doctor_check *check)
{
	bool needed = !exits_by_id(facts);

	if (!conclude_feature(facts, check, facts->features.sys_exit,
			      needed ? "takes the place of the above" :
				       "there, and not needed: the above is cheaper") &&
	    check->state == DOCTOR_MISSING) {
		if (needed)
			check->stops = DOCTOR_STOPS_RUN;
		else
			conclude(check, DOCTOR_OK, "not in this kernel, and not needed");
	}
}

/* --- surroundings --- */

static void judge_cgroup2(const struct doctor_facts *facts, struct doctor_check *check)
{
	if (facts->cgroup2_mount[0])
		conclude(check, DOCTOR_OK, "mounted at %s", facts->cgroup2_mount);
	else
		conclude(check, DOCTOR_MISSING, "not mounted");
}

static void judge_cpus(const struct doctor_facts *facts, struct doctor_check *check)
{
	int n;

	conclude(check, DOCTOR_OK, "%u", facts->cpus);
	n = (int)strlen(check->detail);
	if (facts->cpus_usable && facts->cpus_usable != facts->cpus)
		n += snprintf(check->detail + n, sizeof(check->detail) - (size_t)n, ", %u usable",
			      facts->cpus_usable);
	if (facts->cpu_model[0])
		snprintf(check->detail + n, sizeof(check->detail) - (size_t)n, ", %s",
			 facts->cpu_model);
	if (!facts->cpus)
		conclude(check, DOCTOR_UNKNOWN, "their number cannot be told");
	else if (facts->cpus == 1 || facts->cpus_usable == 1)
		check->state = DOCTOR_LIMITED;
}

static void judge_virt(const struct doctor_facts *facts, struct doctor_check *check)
{
	if (facts->virt[0])
		conclude(check, DOCTOR_OK, "%s; what it takes is reported as stolen", facts->virt);
	else
		conclude(check, DOCTOR_OK, "none is known");
}

static void judge_codec(const struct doctor_facts *facts, struct doctor_check *check)
{
	conclude(check, !strcmp(facts->codec, "zstd") ? DOCTOR_OK : DOCTOR_LIMITED, "%s",
		 facts->codec);
}

/* --- all together --- */

static void judge_probes(const struct doctor_facts *facts, struct doctor_check *check)
{
	if (!facts->probes)
		conclude(check, DOCTOR_OK, "loaded and attached in %.0f ms%s%s",
			 (double)facts->probes_ns / 1e6, facts->probes_note[0] ? "; " : "",
			 facts->probes_note);
	else if (facts->probes != DOCTOR_NOT_TRIED)
		conclude(check, DOCTOR_MISSING, "refused: %s%s", strerror(-facts->probes),
			 facts->probes_blocking ? "" : ", but not with --futex=blocking");
	else if (!permitted(facts))
		conclude(check, DOCTOR_UNKNOWN, "not permitted to try");
	else
		conclude(check, DOCTOR_UNKNOWN, "not tried, for lack of what is above");
	if (refused(facts->probes))
		check->remedy = remedy_of_refusal(facts);
	if (!facts->probes_blocking)
		check->loses =
			"run and record need --futex=blocking, which does not count calls that "
			"do not block";
}

struct rule {
	const char *id, *name;
	enum doctor_stops stops;
	void (*judge)(const struct doctor_facts *facts, struct doctor_check *check);
	const char *loses, *remedy;
	const char *group;	/* where one begins */
};

static const struct rule rules[] = {
	{ "version", "version", DOCTOR_STOPS_RUN, judge_version, NO_PROBES, NEW_KERNEL, "kernel" },
	{ "btf", "BTF", DOCTOR_STOPS_RUN, judge_btf, NO_PROBES, WITH_BTF, NULL },
	{ "task_pt_regs", "registers of threads", DOCTOR_STOPS_RUN, judge_pt_regs, NO_PROBES,
	  NEW_KERNEL, NULL },
	{ "sched_info", "notes of the scheduler", DOCTOR_STOPS_NOTHING, judge_sched_info,
	  "events that the kernel does not trace cannot be recovered, and count as lost",
	  "a kernel built with CONFIG_SCHED_INFO=y, as by CONFIG_SCHEDSTATS=y", NULL },
	{ "lockdown", "readable kernel memory", DOCTOR_STOPS_RUN, judge_lockdown, NO_PROBES,
	  "boot with lockdown=integrity, or without", NULL },

	{ "cap_bpf", "CAP_BPF", DOCTOR_STOPS_RUN, judge_cap_bpf, NO_PROBES, BE_ROOT, "permission" },
	{ "cap_perfmon", "CAP_PERFMON", DOCTOR_STOPS_RUN, judge_cap_perfmon, NO_PROBES, BE_ROOT,
	  NULL },
	{ "cap_sys_admin", "CAP_SYS_ADMIN", DOCTOR_STOPS_NOTHING, judge_cap_sys_admin,
	  "convoy cannot mount tracefs for itself (see tracefs)",
	  "run convoy with sudo; not needed where tracefs is mounted and can be read", NULL },
	{ "cap_sys_ptrace", "CAP_SYS_PTRACE", DOCTOR_STOPS_NOTHING, judge_cap_sys_ptrace,
	  "memory and mapped files of other users' processes cannot be read: their locks have "
	  "no names",
	  "run convoy with sudo, or add cap_sys_ptrace to the capabilities of its file", NULL },
	{ "cap_dac_read_search", "CAP_DAC_READ_SEARCH", DOCTOR_STOPS_NOTHING,
	  judge_cap_dac_read_search,
	  "programs and libraries in directories that are closed to this user, such as another's "
	  "home, cannot be opened: their locks have no names, and Pythons there no GIL",
	  "run convoy with sudo, or add cap_dac_read_search to the capabilities of its file",
	  NULL },
	{ "memlock", "RLIMIT_MEMLOCK", DOCTOR_STOPS_NOTHING, judge_memlock,
	  "rings for events may not fit in it", "ulimit -l unlimited", NULL },
	{ "user_ns", "initial user namespace", DOCTOR_STOPS_RUN, judge_user_ns, NO_PROBES, OUTSIDE,
	  NULL },
	{ "pid_ns", "initial PID namespace", DOCTOR_STOPS_NOTHING, judge_pid_ns,
	  "programs outside of it have no PIDs here: they cannot be recorded by -p",
	  "run convoy outside; in a container: docker run --pid=host", NULL },
	{ "bpf", "bpf(2)", DOCTOR_STOPS_RUN, judge_bpf, NO_PROBES, BE_ROOT, NULL },
	{ "perf_event", "perf events", DOCTOR_STOPS_NOTHING, judge_perf_event,
	  "files that short programs map have no names", BE_ROOT, NULL },

	{ "prog_tracing", "tp_btf programs", DOCTOR_STOPS_RUN, judge_prog_tracing, NO_PROBES,
	  NEW_KERNEL, "programs and maps" },
	{ "prog_tracepoint", "tracepoint programs", DOCTOR_STOPS_NOTHING, judge_prog_tracepoint,
	  "run needs --futex=blocking, which does not count calls that do not block",
	  "a kernel built with CONFIG_BPF_EVENTS=y", NULL },
	{ "prog_iter_task", "iterators over threads", DOCTOR_STOPS_PID, judge_prog_iter,
	  "programs that run already cannot be recorded", NEW_KERNEL, NULL },
	{ "map_mmapable", "arrays to be mapped", DOCTOR_STOPS_RUN, judge_map_mmapable, NO_PROBES,
	  NEW_KERNEL, NULL },
	{ "map_task_storage", "task storage", DOCTOR_STOPS_RUN, judge_map_task_storage, NO_PROBES,
	  NEW_KERNEL, NULL },

	{ "sched_switch", "sched_switch", DOCTOR_STOPS_RUN, judge_sched_switch, NO_PROBES,
	  NEW_KERNEL, "tracepoints" },
	{ "sched_waking", "sched_waking", DOCTOR_STOPS_RUN, judge_sched_waking, NO_PROBES,
	  NEW_KERNEL, NULL },
	{ "task_newtask", "task_newtask", DOCTOR_STOPS_RUN, judge_task_newtask, NO_PROBES,
	  NEW_KERNEL, NULL },
	{ "contention", "contention_begin, _end", DOCTOR_STOPS_NOTHING, judge_contention,
	  "waits for locks of the kernel, such as mmap_lock, are not told from other waits",
	  "Linux 5.19 or later", NULL },
	{ "cgroup_attach_task", "cgroup_attach_task", DOCTOR_STOPS_CGROUP, judge_cgroup_attach,
	  "programs that join a control group while it is recorded are not seen",
	  "a kernel built with CONFIG_CGROUPS=y", NULL },

	{ "tracefs", "tracefs", DOCTOR_STOPS_NOTHING, judge_tracefs,
	  "--futex=all slows every system call of every process (tp_btf/sys_exit); "
	  "--futex=blocking does not",
	  "run convoy with sudo, or as root: mount -t tracefs tracefs /sys/kernel/tracing, and "
	  "give convoy cap_dac_read_search",
	  "futex calls that do not block (--futex=all)" },
	{ "exit_futex", "exits of futex", DOCTOR_STOPS_NOTHING, judge_exit_futex,
	  "--futex=all slows every system call of every process (tp_btf/sys_exit)",
	  "a kernel built with CONFIG_FTRACE_SYSCALLS=y", NULL },
	{ "exit_futex_wait", "exits of futex_wait", DOCTOR_STOPS_NOTHING, judge_exit_futex_wait,
	  "calls of futex_wait(2) are not counted", "a kernel built with CONFIG_FTRACE_SYSCALLS=y",
	  NULL },
	{ "exit_futex_wake", "exits of futex_wake", DOCTOR_STOPS_NOTHING, judge_exit_futex_wake,
	  "calls of futex_wake(2) are not counted", "a kernel built with CONFIG_FTRACE_SYSCALLS=y",
	  NULL },
	{ "sys_exit", "tp_btf/sys_exit", DOCTOR_STOPS_NOTHING, judge_sys_exit,
	  "run needs --futex=blocking, which does not count calls that do not block",
	  "a kernel built with CONFIG_FTRACE_SYSCALLS=y", NULL },

	{ "cgroup2", "cgroup v2", DOCTOR_STOPS_CGROUP, judge_cgroup2,
	  "control groups cannot be recorded",
	  "mount -t cgroup2 none /sys/fs/cgroup, or in a "
	  "container: give it the host's",
	  "surroundings" },
	{ "cpus", "CPUs", DOCTOR_STOPS_NOTHING, judge_cpus,
	  "on one CPU nothing runs in parallel, whatever the mode", "taskset, or a larger machine",
	  NULL },
	{ "virt", "hypervisor", DOCTOR_STOPS_NOTHING, judge_virt, NULL, NULL, NULL },
	{ "codec", "compression", DOCTOR_STOPS_NOTHING, judge_codec,
	  "recordings are larger, and slower to read; those made with zstd cannot be read",
	  "build convoy where libzstd's headers are installed", NULL },

	{ "probes", "probes", DOCTOR_STOPS_RUN, judge_probes, NO_PROBES,
	  "see above; -v shows the kernel's own words", "all together" },
};

_Static_assert(sizeof(rules) / sizeof(*rules) <= DOCTOR_MAX_CHECKS, "room for all checks");

void doctor__judge(const struct doctor_facts *facts, struct diagnosis *diagnosis)
{
	const char *group = NULL;

	memset(diagnosis, 0, sizeof(*diagnosis));
	diagnosis->facts = facts;
	diagnosis->permitted = permitted(facts);
	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++) {
		const struct rule *rule = &rules[i];
		struct doctor_check *check = &diagnosis->checks[diagnosis->n_checks];

		group = rule->group ? rule->group : group;
		if (rule->judge == judge_codec && !facts->codec[0])
			continue;
		*check = (struct doctor_check){
			.id = rule->id,
			.group = group,
			.name = rule->name,
			.stops = rule->stops,
			.loses = rule->loses,
			.remedy = rule->remedy,
		};
		rule->judge(facts, check);
		if (check->state == DOCTOR_OK)
			check->loses = check->remedy = NULL;
		/* What could not be looked at may well be there. */
		if (check->state == DOCTOR_UNKNOWN && !diagnosis->permitted)
			check->remedy = "sudo convoy doctor finds out";
		diagnosis->n_checks++;
	}
	doctor__judge_works(diagnosis);
}
