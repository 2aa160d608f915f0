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
#define RUN_MAX_METRICS 8
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
	uint64_t seed;
	uint64_t inside; /* iterations with the job's lock held */
	uint64_t outside; /* and without it */
	uint32_t pinned; /* cpus is valid */
	uint32_t verbose;
	cpu_set_t cpus;
};

/*
 * A worker's own account of the locks of its job, kept as that of the GIL is;
 * times are ns. A wait for a condition includes getting its mutex back.
 */
struct lock_account {
	uint64_t acquires;
	uint64_t contended; /* of these, not at the first attempt */
	uint64_t wait_ns;   /* of the contended ones */
	uint64_t max_wait_ns;
	uint64_t recovered; /* acquired from an owner that died with the lock */
	uint64_t cond_waits;
	uint64_t cond_wait_ns;
};

/* Written by its worker only; times are CLOCK_MONOTONIC ns. */
struct worker_slot {
	int32_t pid;
	int32_t tid;
	uint64_t start_ns; /* after the barrier */
	uint64_t end_ns;   /* its work is done, the GIL released */
	uint64_t instructions;
	/* /proc/thread-self/schedstat since start_ns; valid if has_schedstat. */
	uint64_t run_ns, run_delay_ns;
	int32_t has_schedstat;
	int32_t error; /* 0 or a negative errno */
	int32_t finished;
	int32_t fd; /* mode pool: its end of the line to the main process */
	int32_t pad;
	struct gil_account lock;
	struct lock_account job_lock;
} __attribute__((aligned(128)));

struct task_slot {
	uint32_t worker;  /* index of its worker, from 0; in a pool, once it has one */
	int32_t finished; /* result is valid */
	int32_t ok;	  /* it is right, as are the instructions and the time taken */
	int32_t pad;
	uint64_t start_ns;
	uint64_t end_ns;
	int64_t result;
	char name[TASK_NAME_LEN];
} __attribute__((aligned(128)));

/* A number of the whole run, for its JSON. */
struct run_metric {
	const char *name; /* static, in the main process */
	uint64_t whole;
	double real;
	int32_t is_real;
	int32_t pad;
};

struct run_metrics {
	uint64_t count;
	struct run_metric list[RUN_MAX_METRICS];
};

struct run_shared {
	uint32_t magic;
	uint32_t slot_count; /* workers that really exist: 1 in mode serial */
	uint32_t task_count;
	int32_t parent; /* pid of convoy-work itself: the main process */
	int32_t client_error; /* of job->client: 0 or a negative errno */
	int32_t wrong; /* the results together are not right */
	struct run_params params;
	uint64_t start_ns; /* before the first worker is started */
	uint64_t end_ns;   /* all workers are joined */
	struct run_metrics metrics; /* by job->finish */
	pthread_barrier_t barrier;
	/* Then struct task_slot [task_count], and the area of the job. */
	struct worker_slot slots[];
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
	int stuck; /* threads still stand in the barrier: leave all to the exit */
	int prepared;		     /* by the job, so it has something to release */
	void *job_state;	     /* the job's own, in the main process */
	struct client *client;	     /* see mode.h */
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

/*
 * Idempotent. The barrier is left as it is: workers may still stand in it. In a
 * forked worker it gives up only that process's share.
 */
void run__close(struct run *run);

struct task_slot *run__tasks(const struct run_shared *shared);

/* The job's own shared memory, of its area_size, zeroed when the run is made. */
void *run__area(const struct run_shared *shared);

/* Has a worker come out of the barrier? Then all were there, and none will stand in it for ever. */
int run__barrier_opened(const struct run_shared *shared);

/* All workers and the client finished without error and all results are right. */
int run__ok(const struct run_shared *shared);

#endif /* CONVOY_RUN_H */
