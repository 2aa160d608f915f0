/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * run.h - one execution of a job in a mode: parameters, barrier, results.
 *
 * They live in one shared mapping (a memfd) in every mode, so that workers in
 * processes return their results in the same way as threads, and so that a
 * spawned worker finds everything in it that it needs.
 */
#ifndef CONVOY_RUN_H
#define CONVOY_RUN_H

#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <sys/types.h>

#include "workloads/gil.h"

#define TASK_NAME_LEN 32
#define RUN_NAME_LEN 32
#define RUN_BARRIER_NAME "start barrier"

enum start_method { START_FORK, START_SPAWN };

struct run_params {
	char job[RUN_NAME_LEN];
	char mode[RUN_NAME_LEN];
	uint32_t workers;	 /* as asked for: the amount of work */
	uint32_t start;		 /* enum start_method */
	uint64_t work;		 /* 0 if the job takes none */
	uint64_t yield_every;	 /* instructions; 0: never */
	uint64_t check_interval; /* instructions */
	uint64_t switch_interval_ns;
	double sleep_scale;
	uint32_t pinned; /* cpus is valid */
	uint32_t verbose;
	cpu_set_t cpus;
};

/* Written by its worker only; times are CLOCK_MONOTONIC ns. */
struct worker_slot {
	int32_t pid;
	int32_t tid;
	uint64_t start_ns; /* after the barrier */
	uint64_t end_ns;   /* its work is done, the GIL released */
	uint64_t instructions;
	int32_t error; /* 0 or a negative errno */
	int32_t finished;
	struct gil_account lock;
} __attribute__((aligned(128)));

struct task_slot {
	uint32_t worker;  /* index of its worker, from 0 */
	int32_t finished; /* result is valid */
	int32_t ok;	  /* and it is right, as is the number of instructions */
	int32_t pad;
	uint64_t start_ns;
	uint64_t end_ns;
	int64_t result;
	char name[TASK_NAME_LEN];
} __attribute__((aligned(128)));

struct run_shared {
	uint32_t magic;
	uint32_t slot_count; /* workers that really exist: 1 in mode serial */
	uint32_t task_count;
	int32_t parent; /* pid of convoy-work itself */
	struct run_params params;
	uint64_t start_ns; /* before the first worker is started */
	uint64_t end_ns;   /* all workers are joined */
	pthread_barrier_t barrier;
	struct worker_slot slots[]; /* then struct task_slot [task_count] */
};

struct job;
struct spawner;
struct publisher;

struct run {
	struct run_shared *shared;
	size_t size; /* of the mapping */
	int fd;	     /* of the memfd; inherited across exec */
	const struct job *job;
	const struct spawner *spawner;
	struct publisher *publisher; /* not owned; NULL: nobody asks */
	int in_worker;		     /* this is a forked worker, not the parent */
};

/*
 * Make a run from parameters that were checked before. Returns 0, -EINVAL for
 * an unknown job or mode, or the system's reason.
 */
int run__create(struct run *run, const struct run_params *params);

/*
 * In a spawned worker: map the run behind this inherited descriptor. Returns
 * 0, or -EPROTO if it is no run, or the system's reason.
 */
int run__open(struct run *run, int fd);

/* Idempotent. The barrier is left as it is: workers may still stand in it. */
void run__close(struct run *run);

struct task_slot *run__tasks(const struct run_shared *shared);

/* All workers finished without error and all results are right. */
int run__ok(const struct run_shared *shared);

#endif /* CONVOY_RUN_H */
