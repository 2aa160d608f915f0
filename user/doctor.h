/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * doctor.h - what this kernel and this user can do, one check a capability.
 *
 * doctor__look() finds facts, with all the system calls that takes. doctor__judge() is
 * pure: facts in, checks out. The renderers only read.
 */
#ifndef CONVOY_DOCTOR_H
#define CONVOY_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "features.h"
#include "session.h"

/* The result of an attempt is 0, the negative errno that refused it, or this. */
#define DOCTOR_NOT_TRIED 1

#define DOCTOR_NO_VALUE INT32_MIN	/* a sysctl that cannot be read */

enum doctor_namespace { DOCTOR_NS_UNKNOWN, DOCTOR_NS_INITIAL, DOCTOR_NS_CHILD };

/* What was found. Strings are raw bytes from outside; "" : not there, or unknown. */
struct doctor_facts {
	char kernel[128], arch[32], cpu_model[128], virt[32];
	unsigned cpus, cpus_usable;

	int btf;		/* attempt to read the kernel's types */
	struct kernel_features features;

	bool caps_known;	/* false: /proc cannot be read */
	uint64_t caps;		/* effective, one bit each */
	enum doctor_namespace user_ns, pid_ns;
	bool seccomp_filter;	/* system calls of this process are filtered */
	int unprivileged_bpf_disabled, perf_event_paranoid;	/* or DOCTOR_NO_VALUE */
	uint64_t memlock_bytes;	/* RLIMIT_MEMLOCK; UINT64_MAX: unlimited */
	char lockdown[32];	/* "none", "integrity", "confidentiality" */

	/* Attempts, each with a program or map that does nothing. */
	int bpf;		/* bpf() at all */
	int prog_tracing, prog_tracepoint, prog_iter_task;
	int map_mmapable, map_task_storage;
	int perf_event;		/* a software event of all processes on one CPU */

	char tracefs_mount[64];	/* where it can be read without mounting it */
	int tracefs;		/* attempt to read the ids below */
	int futex_exits[SESSION_FUTEX_EXITS];	/* ids, or negative errno */
	char cgroup2_mount[256];
	char codec[16];		/* how recordings are compressed; "": check left out */

	/* Attempts to load and attach the real ones, as run and as record -p do by default. */
	int probes, probes_blocking;	/* --futex=all and blocking, which asks for less */
	uint64_t probes_ns;	/* how long it took */
	char probes_note[160];	/* session__note() */
};

enum doctor_state {
	DOCTOR_OK,
	DOCTOR_LIMITED,	/* something else has to do */
	DOCTOR_MISSING,
	DOCTOR_UNKNOWN,		/* could not be looked at */
};

/* What cannot be done without a capability; each includes those before it. */
enum doctor_stops { DOCTOR_STOPS_NOTHING, DOCTOR_STOPS_CGROUP, DOCTOR_STOPS_PID, DOCTOR_STOPS_RUN };

struct doctor_check {
	const char *id;		/* for programs: [a-z0-9_] */
	const char *group, *name;	/* for people */
	enum doctor_state state;
	enum doctor_stops stops;
	char detail[320];	/* may contain bytes from outside */
	const char *loses;	/* what convoy cannot do; NULL when nothing is lost */
	const char *remedy;	/* how to get it; NULL when there is nothing to get */
};

enum doctor_work {
	DOCTOR_RUN,
	DOCTOR_RECORD_COMMAND,
	DOCTOR_RECORD_PID,
	DOCTOR_RECORD_CGROUP,
	DOCTOR_RECORD_ALL,
	DOCTOR_WHY,
	DOCTOR_WORKS,		/* how many there are */
};

#define DOCTOR_MAX_CHECKS 40

struct diagnosis {
	const struct doctor_facts *facts;
	struct doctor_check checks[DOCTOR_MAX_CHECKS];
	size_t n_checks;
	bool permitted;		/* to trace; else much is unknown */
	bool works[DOCTOR_WORKS];
};

/*
 * Find all facts but `codec`. Where tracing is permitted the real probes are attached
 * for a moment; nothing is traced with them. Mounts nothing where others see it.
 * `verbose` lets libbpf speak, on stderr. Never fails: what cannot be found is unknown.
 */
void doctor__look(struct doctor_facts *facts, bool verbose);

/* Pure. `facts` must live as long as the diagnosis. */
void doctor__judge(const struct doctor_facts *facts, struct diagnosis *diagnosis);

/* The last part of it: `works` from the checks. */
void doctor__judge_works(struct diagnosis *diagnosis);

/* "ok", "limited", "missing", "unknown" */
const char *doctor__state_name(enum doctor_state state);

/*
 * Why something does not work: names of the checks that stop it, "" when it works.
 * At most `size` bytes, always terminated.
 */
void doctor__why_not(const struct diagnosis *diagnosis, enum doctor_work work, char *why,
		     size_t size);

/*
 * Write a diagnosis. Return 0 or a negative errno (-EIO: `out` has failed).
 * Lines of text are at most `width` columns.
 */
int render_doctor_text(const struct diagnosis *diagnosis, unsigned width, bool utf8, FILE *out);
/* "convoy.doctor/1": docs/doctor.schema.json */
int render_doctor_json(const struct diagnosis *diagnosis, const char *version, FILE *out);

#endif /* CONVOY_DOCTOR_H */
