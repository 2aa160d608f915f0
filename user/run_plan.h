/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * run_plan.h - what `convoy run` was asked to do, checked.
 */
#ifndef CONVOY_RUN_PLAN_H
#define CONVOY_RUN_PLAN_H

#include <sched.h>
#include <stdbool.h>

#include <jansson.h>

#include "interpreter.h"
#include "report.h"
#include "report_output.h"
#include "workloads/catalog.h"
#include "workloads/cpulist.h"

#define MAX_MODES 256
#define MAX_REQUESTS 256

/* A way to run: one of the bundled modes, in convoy's own machine or in an interpreter, or a
 * command of the user's. */
struct plan_mode {
	char label[64];			/* its name in the report: "threads", "python3.13:threads" */
	const struct mode_info *bundled;	/* NULL: a command */
	const struct interpreter *interpreter;	/* the plan's; NULL: convoy's own machine */
	const char *command;		/* for sh -c */
	unsigned workers;		/* of a bundled mode */
};

/*
 * What was asked of interpreters, before anybody has asked which these are: what
 * interpreters__add() takes, and a mode; NULL: all of plan->plain.
 */
struct plan_request {
	const char *spec;	/* so many bytes of argv's */
	size_t length;
	const struct mode_info *mode;
	const struct interpreter
		*only; /* the plan's that it turned out to be; NULL: none, or many */
};

struct run_plan {
	const struct job_info *job;
	struct plan_mode modes[MAX_MODES];
	size_t n_modes;
	struct plan_request requests[MAX_REQUESTS];
	size_t n_requests;
	const struct mode_info *plain[MODE_COUNT];	/* of each --interpreter, if it has them */
	size_t n_plain;
	bool plain_said;		/* -m named them */
	struct interpreters interpreters;	/* that modes run in; those that failed are counted */
	size_t n_lacking;		/* modes that were asked for and an interpreter has not */
	const char *reference_said;	/* --reference, argv's; NULL: nothing */
	char reference[64];		/* mode that speed-up is against */
	bool probes;			/* false: --probes=none */
	unsigned workers;		/* -w; 0: each job's and mode's own */
	unsigned rounds;
	unsigned long long work;	/* 0: the job takes none */
	double sleep_scale;
	unsigned long long seed, inside, outside;	/* of jobs that take them */
	bool spawn;			/* --start=spawn */
	unsigned long long yield_every;	/* 0: never */
	unsigned long long check_interval;
	double switch_interval_ms;
	bool pinned;
	cpu_set_t cpus;			/* where the run may be; all of ours if not pinned */
	char cpu_list[CPULIST_TEXT_MAX];		/* as text, "" if not pinned */
	enum futex_probes futex;
	size_t ring_bytes;		/* 0: default */
	bool allow_loss;
	struct report_output report;
	const char *output;		/* -o: keep the recording there; NULL: nowhere */
	bool force;			/* replace what is there */
	bool verbose;
	char command_line[512];
};

/*
 * Parse the arguments after `convoy` (argv[0] is "run"). Returns 0, or -EINVAL
 * after a message. --help, --version and unknown options end the process, as argp does.
 */
int run_plan__parse(struct run_plan *plan, int argc, char **argv);

/* Finds what `spec` names and adds it to what is found, as interpreters__add() does. */
typedef int (*interpreter_finder)(void *ctx, const char *spec, struct interpreters *found);

/*
 * Ask who the interpreters of plan->requests are, each spec once, and put their modes before
 * the commands; once, after run_plan__parse(). One that cannot be used is left out and counted in
 * plan->interpreters.failed. Returns 0, -EINVAL after a message when no mode is left at all,
 * or what is asked for cannot be (exit 2), or what the finder returned.
 */
int run_plan__add_interpreters(struct run_plan *plan, interpreter_finder find, void *ctx);

/* After an error, too. */
void run_plan__free(struct run_plan *plan);

/* Everything that is needed to run it again, as JSON; NULL without memory. */
json_t *run_plan__params(const struct run_plan *plan);

#endif /* CONVOY_RUN_PLAN_H */
