// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * doctor_look.c - finding the facts: reads files, and tries what can be tried.
 *
 * A trial says more than a version number: distributions backport, containers and
 * security modules forbid.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <linux/perf_event.h>

#include "doctor.h"
#include "host.h"
#include "tracefs.h"

/* The inodes of the namespaces that the kernel starts with (include/linux/proc_ns.h). */
#define INITIAL_USER_NS 0xeffffffdu
#define INITIAL_PID_NS 0xeffffffcu

static enum doctor_namespace which_namespace(const char *path, ino_t initial)
{
	struct stat st;

	if (stat(path, &st))
		return DOCTOR_NS_UNKNOWN;
	return st.st_ino == initial ? DOCTOR_NS_INITIAL : DOCTOR_NS_CHILD;
}

/* The beginning of a file, without the newline at its end. Returns 0 or -errno. */
static int read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;
	int err;

	text[0] = 0;
	if (fd < 0)
		return -errno;
	n = read(fd, text, size - 1);
	err = n < 0 ? -errno : 0;
	close(fd);
	text[n > 0 ? n : 0] = 0;
	text[strcspn(text, "\n")] = 0;
	return err;
}

static int read_sysctl(const char *path)
{
	char text[32], *end;
	long value;

	if (read_text(path, text, sizeof(text)))
		return DOCTOR_NO_VALUE;
	value = strtol(text, &end, 10);
	return end == text ? DOCTOR_NO_VALUE : (int)value;
}

/* "none [integrity] confidentiality": the one in brackets. */
static void read_lockdown(char *level, size_t size)
{
	char text[128], *begin;

	level[0] = 0;
	if (read_text("/sys/kernel/security/lockdown", text, sizeof(text)))
		return;
	begin = strchr(text, '[');
	if (!begin)
		return;
	begin++;
	begin[strcspn(begin, "]")] = 0;
	snprintf(level, size, "%s", begin);
}

/* The first cgroup v2 hierarchy that this process can see. */
static void find_cgroup2(char *mount, size_t size)
{
	FILE *file = fopen("/proc/self/mountinfo", "re");
	char *line = NULL;
	size_t room = 0;

	mount[0] = 0;
	if (!file)
		return;
	while (!mount[0] && getline(&line, &room, file) > 0) {
		/* id parent major:minor root MOUNT options [fields] - TYPE source options */
		char *words = line, *where = NULL;

		if (!strstr(line, " - cgroup2 "))
			continue;
		for (int i = 0; i < 5; i++)
			where = strsep(&words, " ");
		if (where)
			snprintf(mount, size, "%s", where);
	}
	free(line);
	fclose(file);
}

static int result(int fd)
{
	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

/* A program that returns 0. */
static int try_program(enum bpf_prog_type type, struct bpf_prog_load_opts *opts)
{
	static const struct bpf_insn nothing[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	return result(bpf_prog_load(type, "convoy_doctor", "Dual BSD/GPL", nothing,
				    sizeof(nothing) / sizeof(*nothing), opts));
}

/* The same, attached by a type of the kernel's. */
static int try_tracing(const struct btf *btf, enum bpf_attach_type attach, const char *type_name,
		       __u32 kind)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = attach);
	int id = btf ? btf__find_by_name_kind(btf, type_name, kind) : -ENOENT;

	if (id < 0)
		return DOCTOR_NOT_TRIED;
	opts.attach_btf_id = (__u32)id;
	return try_program(BPF_PROG_TYPE_TRACING, &opts);
}

static int try_mmapable_array(void)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);

	return result(bpf_map_create(BPF_MAP_TYPE_ARRAY, "convoy_doctor", sizeof(int), sizeof(int),
				     1, &opts));
}

/* Task storage has to say what types its keys and values are. */
static int try_task_storage(void)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_NO_PREALLOC);
	struct btf *btf = btf__new_empty();
	int id, err;

	if (!btf)
		return -errno;
	id = btf__add_int(btf, "int", sizeof(int), BTF_INT_SIGNED);
	err = id < 0 ? id : btf__load_into_kernel(btf);
	if (!err) {
		opts.btf_fd = (__u32)btf__fd(btf);
		opts.btf_key_type_id = (__u32)id;
		opts.btf_value_type_id = (__u32)id;
		err = result(bpf_map_create(BPF_MAP_TYPE_TASK_STORAGE, "convoy_doctor", sizeof(int),
					    sizeof(int), 0, &opts));
	}
	btf__free(btf);
	return err;
}

static int try_perf_event(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_DUMMY,
		.mmap = 1,
	};
	int fd = (int)syscall(SYS_perf_event_open, &attr, -1, sched_getcpu(), -1,
			      PERF_FLAG_FD_CLOEXEC);

	return result(fd < 0 ? -errno : fd);
}

static void look_at_host(struct doctor_facts *facts)
{
	struct report report = { 0 };
	cpu_set_t cpus;

	host__describe(&report);
	snprintf(facts->kernel, sizeof(facts->kernel), "%s", report.host.kernel);
	snprintf(facts->arch, sizeof(facts->arch), "%s", report.host.arch);
	snprintf(facts->cpu_model, sizeof(facts->cpu_model), "%s", report.host.cpu_model);
	snprintf(facts->virt, sizeof(facts->virt), "%s", report.host.virt);
	facts->cpus = report.host.cpus;
	/* Fails on machines of more than 1024 CPUs: then it is not known. */
	if (!sched_getaffinity(0, sizeof(cpus), &cpus))
		facts->cpus_usable = (unsigned)CPU_COUNT(&cpus);
	read_lockdown(facts->lockdown, sizeof(facts->lockdown));
	find_cgroup2(facts->cgroup2_mount, sizeof(facts->cgroup2_mount));
}

static void look_at_user(struct doctor_facts *facts)
{
	struct rlimit limit = { 0 };

	facts->caps_known = !features__capabilities(&facts->caps);
	facts->user_ns = which_namespace("/proc/self/ns/user", INITIAL_USER_NS);
	facts->pid_ns = which_namespace("/proc/self/ns/pid", INITIAL_PID_NS);
	facts->seccomp_filter = prctl(PR_GET_SECCOMP) == 2;
	facts->unprivileged_bpf_disabled =
		read_sysctl("/proc/sys/kernel/unprivileged_bpf_disabled");
	facts->perf_event_paranoid = read_sysctl("/proc/sys/kernel/perf_event_paranoid");
	getrlimit(RLIMIT_MEMLOCK, &limit);
	facts->memlock_bytes = limit.rlim_cur == RLIM_INFINITY ? UINT64_MAX : limit.rlim_cur;
}

static void try_bpf(struct doctor_facts *facts)
{
	struct btf *btf = btf__load_vmlinux_btf();

	/* libbpf looks in many places, and ends with the last one's error. */
	facts->btf = btf ? 0 : -errno;
	if (!btf && access("/sys/kernel/btf/vmlinux", R_OK))
		facts->btf = -errno;
	facts->features = features__of_btf(btf);
	/* Of all types of programs the one that asks for the least. */
	facts->bpf = try_program(BPF_PROG_TYPE_SOCKET_FILTER, NULL);
	facts->prog_tracing =
		try_tracing(btf, BPF_TRACE_RAW_TP, "btf_trace_sched_switch", BTF_KIND_TYPEDEF);
	facts->prog_iter_task = try_tracing(btf, BPF_TRACE_ITER, "bpf_iter_task", BTF_KIND_FUNC);
	facts->prog_tracepoint = try_program(BPF_PROG_TYPE_TRACEPOINT, NULL);
	facts->map_mmapable = try_mmapable_array();
	facts->map_task_storage = try_task_storage();
	facts->perf_event = try_perf_event();
	btf__free(btf);
}

static void look_at_tracefs(struct doctor_facts *facts)
{
	const char *mount = tracefs__mounted();

	snprintf(facts->tracefs_mount, sizeof(facts->tracefs_mount), "%s", mount ? mount : "");
	facts->tracefs = tracefs__syscall_event_ids(session_futex_exits, SESSION_FUTEX_EXITS,
						    facts->futex_exits);
}

/* What the kernel refuses, session__new() says on stderr. */
static int try_session(struct doctor_facts *facts, enum futex_probes futex, bool verbose)
{
	struct session_options options = {
		.futex = futex,
		.features = facts->features,
		.verbose = verbose,
	};
	struct session *session;
	uint64_t begin = monotonic_ns();
	int err = session__new(&session, &options);

	if (err)
		return err;
	facts->probes_ns = monotonic_ns() - begin;
	snprintf(facts->probes_note, sizeof(facts->probes_note), "%s", session__note(session));
	session__free(session);
	return 0;
}

static void try_probes(struct doctor_facts *facts, bool verbose)
{
	facts->probes = try_session(facts, FUTEX_ALL, verbose);
	if (!facts->probes)
		facts->probes_blocking = 0;
	else if (!facts->bpf && !facts->prog_tracing)
		facts->probes_blocking = try_session(facts, FUTEX_BLOCKING, verbose);
}

void doctor__look(struct doctor_facts *facts, bool verbose)
{
	memset(facts, 0, sizeof(*facts));
	if (!verbose)
		libbpf_set_print(NULL);
	look_at_host(facts);
	look_at_user(facts);
	try_bpf(facts);
	look_at_tracefs(facts);
	facts->probes = facts->probes_blocking = DOCTOR_NOT_TRIED;
	/* The conditions of features__require(). */
	if (facts->caps_known && features__may_trace(facts->caps) && facts->features.sched_switch &&
	    facts->features.task_pt_regs)
		try_probes(facts, verbose);
}
