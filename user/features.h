/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * features.h - what this kernel and this user can do.
 */
#ifndef CONVOY_FEATURES_H
#define CONVOY_FEATURES_H

#include <stdbool.h>
#include <stdint.h>

struct btf;

/* Read from the kernel's type information alone. */
struct kernel_features {
	bool sched_switch;	/* tp_btf/sched_switch exists */
	bool switch_has_state;	/* it passes prev_state (5.18, fa2c3254d7cf) */
	bool task_pt_regs;	/* the helper bpf_task_pt_regs (5.15, dd6e10fbd9fb) */
	bool contention;	/* lock:contention_begin/end (5.19, 16edd9b511a1) */
	bool sched_waking, task_newtask;	/* tp_btf of that name */
	bool sys_exit;		/* tp_btf/sys_exit, where tracefs cannot be read */
	bool cgroup_attach_task;	/* tp_btf/cgroup_attach_task */
	bool iter_task;		/* BPF iterators over threads (5.8, eaaacd23910f) */
	bool sched_info;	/* the scheduler notes arrivals (CONFIG_SCHED_INFO) */
};

/* Pure: looks only at the given types. NULL gives no feature at all. */
struct kernel_features features__of_btf(const struct btf *btf);

/* The effective capabilities, one bit each. Returns 0, or -errno without /proc. */
int features__capabilities(uint64_t *caps);

/* Pure: are they enough to trace (in the initial user namespace)? */
bool features__may_trace(uint64_t caps);

/*
 * Can convoy trace here? Returns 0, or -EPERM / -EOPNOTSUPP after printing what
 * is missing and how to get it. *features is filled in when 0 is returned.
 */
int features__require(struct kernel_features *features);

#endif /* CONVOY_FEATURES_H */
