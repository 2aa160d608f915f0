/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * report.h - everything a report says, before it is rendered.
 *
 * Filled by metrics, read by the verdict and by every renderer; the shape is
 * that of the JSON contract "convoy.report/1". Times are nanoseconds, shares
 * are 0..1. Strings are the raw bytes that came from outside: renderers make
 * them harmless. The report owns all its memory; report__free() ends it.
 */
#ifndef CONVOY_REPORT_H
#define CONVOY_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <jansson.h>

#include "account.h"
#include "estimate.h"
#include "words.h"
#include "workloads/lock_table.h"

enum futex_probes { FUTEX_NONE, FUTEX_BLOCKING, FUTEX_ALL };

/* A number that may be unknown: JSON null, text "-". */
struct maybe {
	bool known;
	double value;
};

/* What holders of a lock did while others waited for it, ns; what is missing is not known. */
struct report_holding {
	uint64_t running, runnable, asleep, waiting;
};

struct report_holder {
	uint32_t tid;
	char comm[16];
	double share;		/* of the lock's waiting time; shares sum to <= 1 */
	struct report_holding did;
};

struct report_lock {
	char name[96];
	enum lock_kind kind;
	char runtime[32];	/* "CPython 3.11.7"; "" : none known */
	char object[64];	/* the same in every process and run; "" : known by its name only */
	char site[96];		/* who waited first: function+offset; "" : not known */
	unsigned objects;	/* locks of this name and kind that are added up here */
	bool pi, robust, shared;	/* any wait on it was */
	bool as_lock;		/* a semaphore that those who wait for it post, too */
	uint64_t episodes, waits;
	struct maybe timeouts;	/* known with futex=all only */
	struct maybe eagain;	/* known with futex=all only */
	struct maybe interrupted;	/* known with futex=all only */
	uint64_t lost_races;	/* woken by a release, and then had to wait again */
	struct maybe futex_calls;	/* waiting and waking; known with futex=all only */
	uint64_t total_ns;	/* blocked, without the run-queue delay after it */
	uint64_t wakeup_ns;	/* that delay */
	struct maybe p50_ns, p99_ns, max_ns;	/* of episodes */
	struct report_holder *holders;	/* largest share first */
	size_t n_holders;
	double holder_known;	/* share of total_ns for which there is one: the coverage */
	struct report_holding held;	/* what all of them did meanwhile */
	uint64_t handoffs;	/* attempts that slept and ended with the lock taken over */
	struct maybe handoff_p50_ns;	/* from that wake-up to running */
	struct maybe mean_hold_ns;	/* time between handoffs; unknown below two of them,
					 * where most takes need none, and where it was not
					 * waited for nearly all the time between them */
	uint64_t woken_early;	/* waits whose wake-up preceded their switch-out */
	uint64_t since_before;	/* waits that were under way when it began */
	uint64_t unfinished;	/* waits that were not over at its end */
};

struct report_thread {
	unsigned round;		/* 0-based, among the mode's measured rounds */
	uint32_t pid, tid;	/* the host's */
	uint32_t ns_pid, ns_tid;	/* as the thread itself sees them */
	char comm[16];
	char role[16];		/* "worker" or "main" or "" */
	uint64_t lifetime_ns;
	uint64_t time_ns[ACCOUNT_COUNT];
	uint64_t voluntary, involuntary;	/* switches */
	uint64_t cpu_ns;
	bool since_before;	/* it was there when the recording began */
	bool unfinished;	/* it was off the CPU when the recording ended */
	bool alive;		/* it had not ended then, wherever it was */
	bool audited;		/* the kernel's own counts were read at its death */
	bool audit_equal;	/* they equal the records */
};

struct report_cpu {
	int cpu;
	uint64_t busy_ns;
};

/* What a job says of its own tasks, by its own clock. */
struct report_task {
	char name[32];
	unsigned round;
	uint32_t pid, tid;
	uint64_t start_ns, end_ns;	/* since the release of the cork */
	char result[32];		/* decimal */
};

/* Something that the job measured of itself. */
struct report_metric {
	char name[40];
	struct estimate value;	/* in the unit that the name ends in */
};

struct report_runtime_thread {
	uint32_t pid, tid;	/* the host's */
	char comm[16];
	uint64_t lifetime_ns, gil_wait_ns;
	double held_share;	/* of the waits of others for its GIL */
};

/* A language runtime, of all processes and rounds that had this version of it. */
struct report_runtime {
	char name[16], version[16];
	enum gil_state gil;
	unsigned processes;
	char hint[160];		/* why its lock is not known; "" : nothing to say */
	uint64_t gil_wait_ns;	/* of all its threads */
	uint64_t lifetime_ns;	/* of all threads of these processes */
	uint64_t wanted_ns;	/* of that: running, runnable, or waiting for the GIL */
	uint64_t handoffs;
	struct maybe handoffs_per_s;	/* of all processes, per second of the walls */
	struct maybe mean_hold_ns;
	struct maybe switch_interval_ns;	/* as observed: what most timed waits took */
	struct report_runtime_thread *threads;	/* that waited for it or held it; at most 64 */
	size_t n_threads;
	size_t n_more_threads;	/* that waited less, and are not listed */
};

/* The interpreter that a mode's work ran in; an empty name: convoy's own machine, or a command. */
struct report_interpreter {
	char name[32];		/* "python3.13t": the family of its modes, see report_mode__family() */
	char implementation[16];	/* "CPython", "PyPy", "CRuby" */
	char version[24];	/* "3.13.0" */
	char path[512];		/* what was executed; cut if it is longer */
};

struct report_mode {
	char mode[64];		/* "gil-timed", "python3.13:threads", a label of the user's */
	struct report_interpreter interpreter;
	char **command;		/* NULL-terminated argv, or NULL */
	unsigned rounds;	/* measured ones */
	struct estimate wall_ns, cpu_ns, cpu_util, cores_used;
	struct estimate system_ns;	/* the part of cpu_ns that was in the kernel */
	struct estimate voluntary, involuntary, migrations;
	/* Sums over the measured rounds and all threads. */
	uint64_t time_ns[ACCOUNT_COUNT];
	uint64_t lifetime_ns;
	int64_t residual_ns;	/* lifetime minus the accounts */
	/* The same over threads of role "worker" only (all, if no role is known): thread time. */
	uint64_t worker_time_ns[ACCOUNT_COUNT];
	uint64_t worker_lifetime_ns;
	struct {
		uint64_t episodes, total_ns;
		struct maybe mean_ns, p50_ns, p90_ns, p99_ns, max_ns;
	} lock_wait;
	struct report_lock *locks;	/* most waiting time first */
	size_t n_locks;
	struct report_runtime *runtimes;	/* most waiting time first */
	size_t n_runtimes;
	/*
	 * Of processes with a GIL that was waited for, how many threads on average: wanted to run
	 * (running, runnable, or waiting for a GIL); could have with a CPU each (running or
	 * runnable); and did.
	 */
	struct maybe could_run, ready_run, did_run;
	struct report_thread *threads;	/* [] unless asked for */
	size_t n_threads;
	struct report_cpu *cpus;
	size_t n_cpus;
	struct report_task *tasks;
	size_t n_tasks;
	struct report_metric *metrics;
	size_t n_metrics;
	/* By the workers' own clock, and by /proc/thread-self/schedstat; sums. */
	struct {
		struct maybe thread_ns;		/* their lives */
		struct maybe lock_wait_ns;	/* contended acquires, on the CPU or off */
		struct maybe run_ns, run_delay_ns;
	} own;
	struct maybe speedup;	/* wall of the reference / wall of this mode */
	struct maybe tool_cpu_ns;	/* the tool's own CPU time in these rounds */
	struct maybe probe_ns;
	/* The kernel's account of the same threads, for the text report's audit. */
	uint64_t threads_checked, threads_equal;
	/* By wait4(2), of the command and whom it waited for. */
	struct maybe rusage_voluntary, rusage_involuntary;
	uint64_t rusage_unsure;	/* voluntary ones more that may be among these, or not */
	uint64_t yields;	/* sched_yield switches: spinning that futex tracing cannot see */
	bool no_yields;		/* they are not known */
	uint64_t tasks_checked, tasks_wrong;	/* results compared by the workload itself */
};

/* What is said of one family of modes: see report_mode__family(). */
struct report_family {
	char name[32];		/* "" : convoy's own machine, and commands (JSON null) */
	char best_mode[64];	/* among its own modes; "" : no single best one */
	struct maybe confidence;
	char *text;		/* as of the whole report, but of this family alone (owned) */
};

struct report_loss {
	uint64_t ring, task_state, unmatched, reads;
	uint64_t recovered;	/* no loss: not traced, but in the scheduler's own notes */
	uint64_t mappings;	/* of the names only, no part of whether the numbers are valid */
	uint64_t words;		/* likewise: for which there was no room to find a name */
};

struct report {
	char version[32];
	char command_line[512];	/* what the user typed, for the first line */
	struct {
		char kernel[128], arch[32], cpu_model[128], virt[32];	/* "" : unknown/none */
		unsigned cpus;		/* online */
		unsigned cpus_usable;	/* the run's affinity: base of cpu_util */
		struct maybe stolen_share;	/* of CPU time, by the hypervisor, during the run */
	} host;
	struct {
		bool sched;
		enum futex_probes futex;
		bool stacks;
		char note[160];		/* e.g. why a dearer probe had to be used; "" : none */
	} probes;
	struct report_loss loss;
	bool valid;
	bool incomplete;	/* interrupted: some rounds are missing */
	char incomplete_why[240];	/* what to say of it; "" : that rounds are missing */
	struct {		/* a part of the recording only, ns since it began */
		bool given;
		uint64_t from_ns, to_ns;
	} window;
	bool allow_loss;
	char job[64];		/* "" : none */
	char reference[64];	/* the mode that speed-up is against */
	unsigned workers;
	json_t *params;		/* everything needed to run it again (owned) */
	int command_status;	/* wait status style exit code; -1: no command */
	struct report_mode *modes;	/* in the order asked for */
	size_t n_modes;
	struct {
		char best_mode[64];	/* "" : no single best mode (JSON null) */
		char *text;		/* one or more sentences, '\n' between lines (owned) */
		struct maybe confidence;	/* 0..1 */
		struct report_family *families;	/* in the order of their first modes */
		size_t n_families;
	} verdict;
};

/* A zeroed report; NULL when memory runs out. */
struct report *report__new(void);
void report__free(struct report *report);

/* As if it had not been judged. */
void report__forget_verdict(struct report *report);

/* The mode of that name, or NULL. */
const struct report_mode *report__mode(const struct report *report, const char *mode);

/*
 * Modes of one family differ in how the work is shared out, not in what runs it: all of one
 * interpreter, or those of convoy's own machine and the user's commands, whose family is "".
 * What is returned is the mode's.
 */
const char *report_mode__family(const struct report_mode *mode);
/* "threads" of "python3.13:threads", and of "threads". */
const char *report_mode__kind(const struct report_mode *mode);
/* The mode of that family and kind, or NULL: "python3.13", "threads". */
const struct report_mode *report__mode_of(const struct report *report, const char *family,
					  const char *kind);

#endif /* CONVOY_REPORT_H */
