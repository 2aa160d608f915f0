// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include <bpf/btf.h>
#include <linux/capability.h>

#include "features.h"
#include "message.h"

/* Number of arguments of a traced function, without the leading void *; -1: none. */
static int tracepoint_args(const struct btf *btf, const char *name)
{
	char type_name[64];
	const struct btf_type *type;
	int id;

	snprintf(type_name, sizeof(type_name), "btf_trace_%s", name);
	id = btf__find_by_name_kind(btf, type_name, BTF_KIND_TYPEDEF);
	if (id < 0)
		return -1;
	type = btf__type_by_id(btf, btf__type_by_id(btf, (__u32)id)->type);
	if (!type || !btf_is_ptr(type))
		return -1;
	type = btf__type_by_id(btf, type->type);
	if (!type || !btf_is_func_proto(type))
		return -1;
	return btf_vlen(type) - 1;
}

/* Is `name` one of the enumerators of the kernel's list of BPF helpers? */
static bool has_helper(const struct btf *btf, const char *name)
{
	int id = btf__find_by_name_kind(btf, "bpf_func_id", BTF_KIND_ENUM);
	const struct btf_type *type;
	const struct btf_enum *e;

	if (id < 0)
		return false;
	type = btf__type_by_id(btf, (__u32)id);
	e = btf_enum(type);
	for (int i = 0; i < btf_vlen(type); i++)
		if (!strcmp(btf__str_by_offset(btf, e[i].name_off), name))
			return true;
	return false;
}

static bool has_member(const struct btf *btf, const char *struct_name, const char *name)
{
	int id = btf__find_by_name_kind(btf, struct_name, BTF_KIND_STRUCT);
	const struct btf_type *type;
	const struct btf_member *members;

	if (id < 0)
		return false;
	type = btf__type_by_id(btf, (__u32)id);
	members = btf_members(type);
	for (int i = 0; i < btf_vlen(type); i++)
		if (!strcmp(btf__str_by_offset(btf, members[i].name_off), name))
			return true;
	return false;
}

struct kernel_features features__of_btf(const struct btf *btf)
{
	struct kernel_features features = { 0 };

	if (!btf)
		return features;
	features.sched_switch = tracepoint_args(btf, "sched_switch") >= 3;
	features.switch_has_state = tracepoint_args(btf, "sched_switch") >= 4;
	features.task_pt_regs = has_helper(btf, "BPF_FUNC_task_pt_regs");
	features.contention = tracepoint_args(btf, "contention_begin") == 2 &&
			      tracepoint_args(btf, "contention_end") == 2;
	features.sched_waking = tracepoint_args(btf, "sched_waking") >= 1;
	features.task_newtask = tracepoint_args(btf, "task_newtask") >= 2;
	features.sys_exit = tracepoint_args(btf, "sys_exit") == 2;
	features.cgroup_attach_task = tracepoint_args(btf, "cgroup_attach_task") >= 0;
	features.iter_task = btf__find_by_name_kind(btf, "bpf_iter_task", BTF_KIND_FUNC) > 0;
	features.sched_info = has_member(btf, "sched_info", "last_arrival");
	return features;
}

int features__capabilities(uint64_t *caps)
{
	FILE *file = fopen("/proc/self/status", "re");
	char line[256];
	int err = -ENOENT;

	if (!file)
		return -errno;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "CapEff: %" SCNx64, caps) == 1) {
			err = 0;
			break;
		}
	}
	fclose(file);
	return err;
}

bool features__may_trace(uint64_t caps)
{
	uint64_t admin = 1ull << CAP_SYS_ADMIN;
	uint64_t both = 1ull << CAP_BPF | 1ull << CAP_PERFMON;

	return (caps & admin) || (caps & both) == both;
}

static int require(struct kernel_features *features)
{
	struct utsname uts;
	struct btf *btf;
	uint64_t caps = 0;
	int err;

	err = features__capabilities(&caps);
	if (err) {
		message("cannot read /proc/self/status: %s; mount /proc", strerror(-err));
		return -EOPNOTSUPP;
	}
	if (!features__may_trace(caps)) {
		message("not permitted to trace: it takes root, or CAP_BPF and CAP_PERFMON");
		message("run it with sudo, or give the binary the capabilities:\n"
			"        sudo setcap cap_bpf,cap_perfmon,cap_dac_read_search+ep convoy");
		return -EPERM;
	}
	btf = btf__load_vmlinux_btf();
	if (!btf) {
		message("the kernel's type information (BTF) cannot be read: %s", strerror(errno));
		message("/sys/kernel/btf/vmlinux is there in kernels built with CONFIG_DEBUG_INFO_BTF=y, "
			"as those of current distributions are");
		return -EOPNOTSUPP;
	}
	*features = features__of_btf(btf);
	btf__free(btf);
	if (!features->sched_switch || !features->task_pt_regs) {
		uname(&uts);
		message("Linux %s lacks %s; convoy needs Linux 5.15 or later", uts.release,
			features->sched_switch ? "the BPF helper bpf_task_pt_regs" :
						 "the sched_switch tracepoint in its BTF");
		return -EOPNOTSUPP;
	}
	return 0;
}

int features__require(struct kernel_features *features)
{
	int err = require(features);

	if (err)
		message("`convoy doctor` says what else is missing, and what it is good for");
	return err;
}
