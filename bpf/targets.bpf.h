/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * targets.bpf.h - which threads are to be traced besides the launcher's.
 */
#ifndef CONVOY_TARGETS_BPF_H
#define CONVOY_TARGETS_BPF_H

/* Is the task below the cgroup that is recorded? By the default (v2) hierarchy. */
static __always_inline bool task__in_cgroup(struct task_struct *task)
{
	struct cgroup *cgroup = BPF_CORE_READ(task, cgroups, dfl_cgrp);
	u32 level = config.cgroup_level;
	u64 id = 0;

	if (!cgroup || BPF_CORE_READ(cgroup, level) < (int)level)
		return false;
	if (bpf_core_field_exists(cgroup->ancestors)) {
		struct cgroup *ancestor = NULL;

		bpf_probe_read_kernel(&ancestor, sizeof(ancestor),
				      (void *)cgroup + bpf_core_field_offset(cgroup->ancestors) +
					      level * sizeof(ancestor));
		id = BPF_CORE_READ(ancestor, kn, id);
	} else {
		struct cgroup___ids *old = (void *)cgroup;

		bpf_probe_read_kernel(&id, sizeof(id),
				      (void *)old + bpf_core_field_offset(old->ancestor_ids) +
					      level * sizeof(id));
	}
	return id == config.cgroup_id;
}

/* Is this number among those that were asked for? */
static __always_inline bool is_wanted(u32 nr)
{
	for (u32 i = 0; i < CONVOY_MAX_WANTED && i < config.n_wanted; i++)
		if (config.wanted[i] == nr)
			return true;
	return false;
}

/* How deep the PID namespace of the tool is, which runs the iterators. */
static __always_inline u32 tool__level(void)
{
	struct task_struct *tool = bpf_get_current_task_btf();
	struct pid *pid = tool->thread_pid;

	return pid ? pid->level : 0;
}

/* Is a task that is there already to be traced? Its numbers are as the tool sees them. */
static __always_inline bool task__wanted(struct task_struct *task)
{
	u32 level = tool__level();

	switch (config.targets) {
	case CONVOY_TARGETS_PIDS:
		return is_wanted(task__nr_at(task->group_leader, level));
	case CONVOY_TARGETS_THREADS:
		return is_wanted(task__nr_at(task, level));
	case CONVOY_TARGETS_CGROUP:
		return task__in_cgroup(task);
	case CONVOY_TARGETS_ALL:
		return true;
	}
	return false;
}

/* Is a new thread to be traced, by who created it (NULL: not traced) or where it is? */
static __always_inline bool follows(const struct convoy_thread *creator, struct task_struct *child)
{
	if (creator && creator->ignored)
		return creator->launcher;
	if (creator && (creator->id || creator->launcher))
		return !creator->alone;
	if (config.targets == CONVOY_TARGETS_CGROUP)
		return task__in_cgroup(child);
	return config.targets == CONVOY_TARGETS_ALL;
}

#endif /* CONVOY_TARGETS_BPF_H */
