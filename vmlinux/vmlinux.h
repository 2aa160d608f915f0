/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * vmlinux.h - the kernel types that convoy's probes use, written by hand.
 *
 * Only the fields that are read are here. preserve_access_index makes clang
 * record each access, and libbpf puts in the running kernel's own offsets
 * (CO-RE), so order, padding and sizes here mean nothing. One header serves
 * every architecture: registers come as flavours (name___flavour), of which the
 * probes use the one for their target.
 */
#ifndef __VMLINUX_H__
#define __VMLINUX_H__

typedef signed char __s8;
typedef unsigned char __u8;
typedef short __s16;
typedef unsigned short __u16;
typedef int __s32;
typedef unsigned int __u32;
typedef long long __s64;
typedef unsigned long long __u64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __s64 s64;
typedef __u64 u64;

typedef _Bool bool;
#define true 1
#define false 0
#define NULL ((void *)0)

/* include/uapi/linux/bpf.h */
enum bpf_map_type {
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_LRU_HASH = 9,
	BPF_MAP_TYPE_TASK_STORAGE = 29,
};

enum {
	BPF_NOEXIST = 1,
};

enum {
	BPF_F_NO_PREALLOC = 1u << 0,
	BPF_F_MMAPABLE = 1u << 10,
};

enum {
	BPF_LOCAL_STORAGE_GET_F_CREATE = 1,
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct thread_info {
	u32 status; /* x86: TS_COMPAT */
	u32 cpu; /* where the architecture has it here: x86 since 5.16 (bcf9033e5449) */
};

struct sched_entity {
	u64 sum_exec_runtime;
	unsigned char sched_delayed; /* blocked and still queued; 6.12 (152e11f6df29) */
};

struct sched_info {
	unsigned long long run_delay;
	unsigned long long last_arrival; /* on a CPU, by its runqueue's clock */
	unsigned long long last_queued; /* while it waits for a CPU, else 0 */
};

struct upid {
	int nr;
};

struct pid {
	unsigned int level;
	struct upid numbers[1];
};

struct rw_semaphore {
	int dummy;
};

struct mm_struct {
	struct rw_semaphore mmap_lock;
};

struct kernfs_node {
	u64 id;
};

struct cgroup {
	struct kernfs_node *kn;
	int level;
	struct cgroup *ancestors[1]; /* 6.1 (7f203bc89eb6), a flexible array */
};

/* Before: their numbers. */
struct cgroup___ids {
	u64 ancestor_ids[1];
};

struct css_set {
	struct cgroup *dfl_cgrp;
};

struct seq_file {
	int dummy;
};

struct bpf_iter_meta {
	struct seq_file *seq;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

struct task_struct {
	struct thread_info thread_info;
	unsigned int flags; /* PF_* */
	int on_cpu;
	int on_rq;
	u64 start_time; /* CLOCK_MONOTONIC */
	struct css_set *cgroups;
	unsigned int __state; /* `state` before 5.14 (2f064a59a11f) */
	int exit_state;
	unsigned in_iowait : 1;
	int pid;
	int tgid;
	struct task_struct *group_leader;
	struct pid *thread_pid;
	struct mm_struct *mm;
	struct sighand_struct *sighand;
	u64 self_exec_id;
	unsigned long nvcsw;
	unsigned long nivcsw;
	struct sched_entity se;
	struct sched_info sched_info;
	char comm[16];
};

/*
 * Registers. bpf_tracing.h has a pt_regs___arm64 of its own, hence these names.
 * arch/x86/include/asm/ptrace.h
 */
struct pt_regs___convoy_x86 {
	unsigned long r15;
	unsigned long r14;
	unsigned long r13;
	unsigned long r12;
	unsigned long bp;
	unsigned long bx;
	unsigned long dx;
	unsigned long si;
	unsigned long di;
	unsigned long orig_ax;
	unsigned long ip;
	unsigned long sp;
};

/* arch/arm64/include/asm/ptrace.h */
struct pt_regs___convoy_arm64 {
	u64 regs[31];
	u64 sp;
	u64 pc;
	u64 orig_x0;
	__s32 syscallno;
};

struct trace_event_raw_sys_exit {
	long id;
	long ret;
};

/* Where thread_info has no cpu. */
struct task_struct___cpu {
	unsigned int cpu;
};

struct pt_regs;

#pragma clang attribute pop

#endif /* __VMLINUX_H__ */
