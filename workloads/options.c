/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* options.c - parse the command line with argp, and check every value. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "workloads/options.h"
#include "workloads/catalog.h"
#include "workloads/clock.h"
#include "workloads/cpulist.h"
#include "workloads/work_log.h"
#include "workloads/parse_number.h"

#include <argp.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_COUNT 1000000000000ull
#define MAX_SLEEP_SCALE 1000.0
#define MIN_SWITCH_MS 0.001
#define MAX_SWITCH_MS 60000.0

enum {
	KEY_LIST = 0x100,
	KEY_SLEEP_SCALE,
	KEY_SEED,
	KEY_INSIDE,
	KEY_OUTSIDE,
	KEY_START,
	KEY_YIELD_EVERY,
	KEY_CHECK_INTERVAL,
	KEY_SWITCH_INTERVAL,
	KEY_CPUS,
	KEY_WORKER,
};

static const struct argp_option argp_options[] = {
	{ "job", 'j', "JOB", 0, "What work to do (see --list)", 1 },
	{ "mode", 'm', "MODE", 0, "How to run it (see --list)", 1 },
	{ "workers", 'w', "N", 0, "Workers; default: the job's, see --list", 1 },
	{ "work", 'n', "WORK", 0, "Work of each worker; default: the job's, see --list", 1 },
	{ "sleep-scale", KEY_SLEEP_SCALE, "F", 0, "Multiply the sleeps of the job by F (1)", 2 },
	{ "seed", KEY_SEED, "N", 0, "Random times of the job: the same for the same N (11)", 2 },
	{ "inside", KEY_INSIDE, "N", 0,
	  "Iterations of work with the job's lock held; default: the job's", 2 },
	{ "outside", KEY_OUTSIDE, "N", 0,
	  "Iterations of work without it, between two times; default: the job's", 2 },
	{ "start", KEY_START, "fork|spawn", 0, "How processes are started (fork)", 2 },
	{ "yield-every", KEY_YIELD_EVERY, "N", 0,
	  "Give up control every N instructions, as sleep(0) does; 0 is never (0)", 2 },
	{ "check-interval", KEY_CHECK_INTERVAL, "N", 0,
	  "Instructions between two checkpoints of the interpreter (100)", 2 },
	{ "switch-interval", KEY_SWITCH_INTERVAL, "MS", 0,
	  "gil-timed: how long a waiter waits before it requests the GIL (5)", 2 },
	{ "cpus", KEY_CPUS, "LIST", 0, "Run on these CPUs only, e.g. 0,2-3", 2 },
	{ "verbose", 'v', NULL, 0, "Log the start and finish of each task", 3 },
	{ "list", KEY_LIST, NULL, 0, "List the jobs and modes", 3 },
	{ "worker", KEY_WORKER, "FD:INDEX", OPTION_HIDDEN, NULL, 4 },
	{ 0 },
};

static const char doc[] =
	"Run one job in one mode, once, and print the results as JSON.\v"
	"Examples:\n"
	"  convoy-work --list\n"
	"  convoy-work -j countdown -m gil-timed -w 2\n"
	"  convoy-work -j countdown -m gil-ticks --check-interval 1000\n"
	"  convoy-work -j recursion -m threads --sleep-scale 0.2 -v\n"
	"  convoy-work -j countdown -m processes --start=spawn --cpus 0\n"
	"  convoy-work -j sleepers -m pool -w 2 --seed 3 -v\n"
	"  convoy-work -j counter -m threads --inside 90 --outside 10\n"
	"\n"
	"Exit status: 0 done; 2 usage; 6 failed (a wrong result, a worker that died).";

/* The text of a range error names the whole range, so one message does. */
static int bad_number(const char *option, const char *text, const char *what)
{
	work_log__print("%s: '%s' is not %s", option, text, what);
	return EINVAL;
}

static int parse_count(const char *option, const char *text, unsigned long long min,
		       unsigned long long max, uint64_t *out)
{
	unsigned long long value;
	char what[96];

	if (parse__u64(text, min, max, &value)) {
		snprintf(what, sizeof(what), "a whole number from %llu to %llu", min, max);
		return bad_number(option, text, what);
	}
	*out = value;
	return 0;
}

static int parse_real(const char *option, const char *text, double min, double max, double *out)
{
	char what[96];

	if (parse__double(text, min, max, out)) {
		snprintf(what, sizeof(what), "a number from %.15g to %.15g", min, max);
		return bad_number(option, text, what);
	}
	return 0;
}

static int parse_cpus(const char *text, struct run_params *params)
{
	int err = cpulist__parse(text, &params->cpus);

	if (err == -ERANGE)
		work_log__print("--cpus: '%s' has a CPU above %d, the highest possible", text,
				CPU_SETSIZE - 1);
	else if (err)
		work_log__print("--cpus: '%s' is not a list of CPUs; write it like 0,2-3", text);
	params->pinned = 1;
	return -err;
}

/* Written by mode_processes.c, not by a person. */
static int parse_worker(const char *text, struct options *options)
{
	unsigned long long fd, index;
	char copy[64], *colon;

	snprintf(copy, sizeof(copy), "%s", text);
	colon = strchr(copy, ':');
	if (colon)
		*colon = '\0';
	if (!colon || parse__u64(copy, 0, INT_MAX, &fd) ||
	    parse__u64(colon + 1, 0, CATALOG_MAX_WORKERS - 1, &index)) {
		work_log__print("--worker is for convoy-work itself; use -j and -m");
		return EINVAL;
	}
	options->worker_fd = (int)fd;
	options->worker_index = (unsigned)index;
	return 0;
}

static int parse_start(const char *text, struct run_params *params)
{
	if (!strcmp(text, "fork"))
		params->start = START_FORK;
	else if (!strcmp(text, "spawn"))
		params->start = START_SPAWN;
	else
		return bad_number("--start", text, "fork or spawn");
	return 0;
}

static int parse_job(const char *text, struct options *options)
{
	options->job = catalog_job(text);
	if (options->job)
		return 0;
	work_log__print("there is no job '%s'; convoy-work --list shows them", text);
	return EINVAL;
}

static int parse_mode(const char *text, struct options *options)
{
	options->mode = catalog_mode(text);
	if (options->mode)
		return 0;
	work_log__print("there is no mode '%s'; convoy-work --list shows them", text);
	return EINVAL;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;
	struct run_params *params = &options->params;
	uint64_t count;
	double real;
	int err = 0;

	switch (key) {
	case 'j':
		return parse_job(arg, options);
	case 'm':
		return parse_mode(arg, options);
	case 'w':
		/* What is too many is said by catalog_refusal(). */
		err = parse_count("-w", arg, 1, UINT_MAX, &count);
		if (!err)
			params->workers = (uint32_t)count;
		break;
	case 'n':
		return parse_count("-n", arg, 1, MAX_COUNT, &params->work);
	case KEY_SLEEP_SCALE:
		return parse_real("--sleep-scale", arg, 0, MAX_SLEEP_SCALE, &params->sleep_scale);
	case KEY_SEED:
		return parse_count("--seed", arg, 0, CATALOG_MAX_SEED, &params->seed);
	case KEY_INSIDE:
		options->has_inside = 1;
		return parse_count("--inside", arg, 0, CATALOG_MAX_LOCK_WORK, &params->inside);
	case KEY_OUTSIDE:
		options->has_outside = 1;
		return parse_count("--outside", arg, 0, CATALOG_MAX_LOCK_WORK, &params->outside);
	case KEY_START:
		return parse_start(arg, params);
	case KEY_YIELD_EVERY:
		return parse_count("--yield-every", arg, 0, MAX_COUNT, &params->yield_every);
	case KEY_CHECK_INTERVAL:
		return parse_count("--check-interval", arg, 1, MAX_COUNT, &params->check_interval);
	case KEY_SWITCH_INTERVAL:
		err = parse_real("--switch-interval", arg, MIN_SWITCH_MS, MAX_SWITCH_MS, &real);
		if (!err)
			params->switch_interval_ns = (uint64_t)(real * NSEC_PER_MSEC + 0.5);
		break;
	case KEY_CPUS:
		return parse_cpus(arg, params);
	case KEY_WORKER:
		return parse_worker(arg, options);
	case KEY_LIST:
		options->list = 1;
		break;
	case 'v':
		params->verbose = 1;
		break;
	case ARGP_KEY_ARG:
		work_log__print("'%s' is not an option; see --help", arg);
		return EINVAL;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return err;
}

/* What only the options together show. */
static int check_job(struct options *options)
{
	const struct job_info *job = options->job;
	struct run_params *params = &options->params;

	if (!job || !options->mode) {
		work_log__print("say what to run and how: -j JOB -m MODE; --list shows them");
		return -EINVAL;
	}
	if (!job->work_unit && params->work) {
		work_log__print("-n: the work of %s is fixed; leave -n out", job->name);
		return -EINVAL;
	}
	if (job->work_unit && params->work > job->max_work) {
		work_log__print("-n: at most %llu %s; use a smaller number", job->max_work,
				job->work_unit);
		return -EINVAL;
	}
	if (job->work_unit && !params->work)
		params->work = job->default_work;
	if (!options->has_inside)
		params->inside = job->default_inside;
	if (!options->has_outside)
		params->outside = job->default_outside;
	snprintf(params->job, sizeof(params->job), "%s", job->name);
	snprintf(params->mode, sizeof(params->mode), "%s", options->mode->name);
	return 0;
}

int options__parse(int argc, char **argv, struct options *options)
{
	static const struct argp argp = {
		.options = argp_options,
		.parser = parse_option,
		.doc = doc,
	};
	int err;

	*options = (struct options){
		.worker_fd = -1,
		.params = {
			.sleep_scale = 1.0,
			.seed = CATALOG_DEFAULT_SEED,
			.check_interval = 100,
			.switch_interval_ns = 5 * NSEC_PER_MSEC,
		},
	};
	err = argp_parse(&argp, argc, argv, 0, NULL, options);
	if (err)
		return -EINVAL;
	if (options->list || options->worker_fd >= 0)
		return 0;
	return check_job(options);
}
