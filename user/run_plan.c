// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <argp.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "message.h"
#include "parse_option.h"
#include "run_plan.h"
#include "run_plan_modes.h"
#include "workloads/cpulist.h"

enum option_key {
	KEY_SLEEP_SCALE = 0x100,
	KEY_SEED,
	KEY_INSIDE,
	KEY_OUTSIDE,
	KEY_START,
	KEY_YIELD_EVERY,
	KEY_CHECK_INTERVAL,
	KEY_SWITCH_INTERVAL,
	KEY_CMD,
	KEY_INTERPRETER,
	KEY_REFERENCE,
	KEY_PROBES,
	KEY_FUTEX,
	KEY_CPUS,
	KEY_FORMAT,
	KEY_EXPORT,
	KEY_THREADS,
	KEY_RING_BYTES,
	KEY_ALLOW_LOSS,
	KEY_FORCE,
};

static const struct argp_option options[] = {
	{ 0, 0, 0, 0, "What to run:", 1 },
	{ "job", 'j', "JOB", 0, "The work to do (default: countdown; see `convoy list`)", 0 },
	{ "modes", 'm', "MODE,...", 0,
	  "Ways to run it (default: the job's own); python3.13:threads is an interpreter's", 0 },
	{ "workers", 'w', "N", 0, "Threads or processes (default: the job's own, or the CPUs)", 0 },
	{ "work", 'n', "WORK", 0, "Amount of work per worker (default: the job's own)", 0 },
	{ "rounds", 'r', "ROUNDS", 0,
	  "Times to run each mode, interleaved (default: the job's own)", 0 },
	{ "sleep-scale", KEY_SLEEP_SCALE, "F", 0, "Shorten or lengthen the sleeps of a job", 0 },
	{ "seed", KEY_SEED, "N", 0, "Seed of a job's random numbers (default: fixed)", 0 },
	{ "inside", KEY_INSIDE, "N", 0, "Work with the job's lock held (default: the job's own)",
	  0 },
	{ "outside", KEY_OUTSIDE, "N", 0, "Work without it (default: the job's own)", 0 },
	{ "start", KEY_START, "fork|spawn", 0, "How processes are started (default: fork)", 0 },
	{ "yield-every", KEY_YIELD_EVERY, "N", 0,
	  "Give up control every N instructions, as sleep(0) does (default: never)", 0 },
	{ "check-interval", KEY_CHECK_INTERVAL, "N", 0,
	  "Instructions between two looks at the GIL (default: 100)", 0 },
	{ "switch-interval", KEY_SWITCH_INTERVAL, "MS", 0,
	  "gil-timed: how long a waiter waits before it asks (default: 5)", 0 },
	{ "cpus", KEY_CPUS, "LIST", 0, "Run on these CPUs only, e.g. 0,2-3", 0 },
	{ "cmd", KEY_CMD, "LABEL=COMMAND", 0,
	  "Also run a command of yours, by sh -c; repeatable. Without -j and -m, only these", 0 },
	{ "interpreter", KEY_INTERPRETER, "NAME,...", 0,
	  "Also run the job in these interpreters: python3.13, 2.7, pypy3, ruby, a path, or all; "
	  "repeatable. With -m, its modes serial, threads, processes and pool are theirs",
	  0 },
	{ "reference", KEY_REFERENCE, "LABEL", 0,
	  "The mode that speed-up is against (default: serial, else the first command; of "
	  "an interpreter's modes, its serial)",
	  0 },
	{ 0, 0, 0, 0, "How to watch it:", 2 },
	{ "probes", KEY_PROBES, "ebpf|none", 0,
	  "none: no permission needed, no ledger; what rusage and schedstat tell (default: ebpf)",
	  0 },
	{ "futex", KEY_FUTEX, "all|blocking", 0,
	  "Count every futex call, or only those that block: cheaper (default: all)", 0 },
	{ "ring-bytes", KEY_RING_BYTES, "N", 0,
	  "Size of each CPU's event ring, a power of two (default: by the CPUs)", 0 },
	{ "allow-loss", KEY_ALLOW_LOSS, 0, 0, "Lost events do not fail the run (exit 4)", 0 },
	{ 0, 0, 0, 0, "What to print:", 3 },
	{ "format", KEY_FORMAT, "text|json|csv", 0,
	  "Format of the report on stdout (default: text)", 0 },
	{ "export", KEY_EXPORT, "FORMAT=FILE", 0, "Also write the report to a file; repeatable",
	  0 },
	{ "output", 'o', "FILE", 0, "Also keep the recording, for `convoy report FILE`", 0 },
	{ "force", KEY_FORCE, 0, 0, "Replace FILE if it is there", 0 },
	{ "threads", KEY_THREADS, 0, 0, "Show every thread's own account", 0 },
	{ "verbose", 'v', 0, 0, "Say more: the tasks' log, what libbpf says", 0 },
	{ 0 }
};

static const char doc[] =
	"Run a job in several modes, watch it with eBPF, and say which mode wins and why."
	"\v"
	"Examples:\n"
	"  convoy run                                  the GIL benchmark in five modes\n"
	"  convoy run -j countdown -w 4 -r 10          four workers, ten rounds\n"
	"  convoy run -m threads,processes --cpus 0    both on one CPU\n"
	"  convoy run -j recursion --sleep-scale 0.2   work that mostly sleeps\n"
	"  convoy run --format json | jq .verdict      for a script\n"
	"  convoy run --export json=report.json        read it now, keep it for later\n"
	"  convoy run -o run.rec && convoy report run.rec --threads\n"
	"                                              keep everything, look again later\n"
	"  convoy run --cmd 'j1=make -j1' --cmd 'j2=make -j2' --reference j1\n"
	"                                              commands of your own\n"
	"  convoy run --interpreter all                every Python and Ruby there is here\n"
	"  convoy run --interpreter python3.13,2.7 -m serial,threads,processes\n"
	"                                              two, and no modes of convoy's own\n"
	"  convoy run -m gil-timed,3.13:threads        a model, and what it is a model of\n"
	"\n"
	"Exit status: 0 done; 2 usage; 3 not permitted, or the kernel lacks something; "
	"4 events were lost; 6 failed, or something was left out; 128+N ended by signal N.";

/* What was said on the command line, before defaults are known. */
struct parse_state {
	struct run_plan *plan;
	struct modes_said said;
	const char *cpus;
	bool has_work, has_workers, has_sleep_scale, has_seed, has_inside, has_outside;
	int err;
};

/* One more of what may be said often. */
static int keep(const char *what, const char **list, size_t *n, const char *arg)
{
	if (*n == MAX_MODES) {
		message("more than %d %s", MAX_MODES, what);
		return -EINVAL;
	}
	list[(*n)++] = arg;
	return 0;
}

static error_t parse_option(int key, char *arg, struct argp_state *argp)
{
	static const char *const starts[] = { "fork", "spawn", NULL };
	static const char *const futexes[] = { "all", "blocking", NULL };
	static const char *const probes[] = { "ebpf", "none", NULL };
	struct parse_state *state = argp->input;
	struct run_plan *plan = state->plan;
	size_t which = 0;
	int err = 0;

	switch (key) {
	case 'j':
		state->said.job = arg;
		break;
	case 'm':
		state->said.modes = arg;
		break;
	case 'w':
		err = option__count("--workers", arg, CATALOG_MAX_WORKERS, &plan->workers);
		state->has_workers = true;
		break;
	case 'n':
		/* How much a job can take is checked when the job is known. */
		err = option__unsigned("--work", arg, 1, ULLONG_MAX / 2, &plan->work);
		state->has_work = true;
		break;
	case 'r':
		err = option__count("--rounds", arg, 10000, &plan->rounds);
		break;
	case KEY_SLEEP_SCALE:
		err = option__real("--sleep-scale", arg, 0, 1000, &plan->sleep_scale);
		state->has_sleep_scale = true;
		break;
	case KEY_SEED:
		err = option__unsigned("--seed", arg, 0, CATALOG_MAX_SEED, &plan->seed);
		state->has_seed = true;
		break;
	case KEY_INSIDE:
		err = option__unsigned("--inside", arg, 0, CATALOG_MAX_LOCK_WORK, &plan->inside);
		state->has_inside = true;
		break;
	case KEY_OUTSIDE:
		err = option__unsigned("--outside", arg, 0, CATALOG_MAX_LOCK_WORK, &plan->outside);
		state->has_outside = true;
		break;
	case KEY_START:
		err = option__choice("--start", arg, starts, &which);
		plan->spawn = which == 1;
		break;
	case KEY_YIELD_EVERY:
		err = option__unsigned("--yield-every", arg, 0, ULLONG_MAX / 2, &plan->yield_every);
		break;
	case KEY_CHECK_INTERVAL:
		err = option__unsigned("--check-interval", arg, 1, 1000000000,
				       &plan->check_interval);
		break;
	case KEY_SWITCH_INTERVAL:
		err = option__real("--switch-interval", arg, 0.001, 10000,
				   &plan->switch_interval_ms);
		break;
	case KEY_CPUS:
		state->cpus = arg;
		break;
	case KEY_CMD:
		err = keep("commands", state->said.commands, &state->said.n_commands, arg);
		break;
	case KEY_INTERPRETER:
		err = keep("interpreters", state->said.interpreters, &state->said.n_interpreters,
			   arg);
		break;
	case KEY_REFERENCE:
		state->said.reference = arg;
		break;
	case KEY_PROBES:
		err = option__choice("--probes", arg, probes, &which);
		plan->probes = which == 0;
		break;
	case KEY_FUTEX:
		err = option__choice("--futex", arg, futexes, &which);
		plan->futex = which ? FUTEX_BLOCKING : FUTEX_ALL;
		break;
	case KEY_RING_BYTES:
		err = option__ring_bytes(arg, &plan->ring_bytes);
		break;
	case KEY_ALLOW_LOSS:
		plan->allow_loss = true;
		break;
	case KEY_FORMAT:
		err = report_output__format(&plan->report, arg);
		break;
	case KEY_EXPORT:
		err = report_output__export(&plan->report, arg);
		break;
	case 'o':
		plan->output = arg;
		break;
	case KEY_FORCE:
		plan->force = true;
		break;
	case KEY_THREADS:
		plan->report.threads = true;
		break;
	case 'v':
		plan->verbose = plan->report.verbose = true;
		break;
	case ARGP_KEY_ARG:
		message("'%s' is not an option; `convoy run --help` shows what there is", arg);
		err = -EINVAL;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	if (err)
		state->err = err;
	return -err;
}

static int choose_job(struct run_plan *plan, const struct parse_state *state)
{
	const char *name = state->said.job ? state->said.job : "countdown";
	const struct job_info *job = catalog_job(name);

	if (!job) {
		message("job '%s' does not exist; there are:", name);
		for (size_t i = 0; catalog_job_at(i); i++)
			fprintf(stderr, "  %-12s %s\n", catalog_job_at(i)->name,
				catalog_job_at(i)->summary);
		return -EINVAL;
	}
	if (modes_said__only_commands(&state->said) &&
	    (state->has_work || state->has_workers || state->has_sleep_scale || state->has_seed ||
	     state->has_inside || state->has_outside)) {
		message("-n, -w, --sleep-scale, --seed, --inside and --outside are for bundled jobs, "
			"and this run has none: name one with -j, or leave them out");
		return -EINVAL;
	}
	if (state->has_work && !job->work_unit) {
		message("job '%s' has a fixed amount of work: it takes no -n", job->name);
		return -EINVAL;
	}
	if (state->has_work && plan->work > job->max_work) {
		message("--work %llu is out of range: job '%s' takes from 1 to %llu %s", plan->work,
			job->name, job->max_work, job->work_unit);
		return -EINVAL;
	}
	if (state->has_sleep_scale && !job->sleeps) {
		message("job '%s' does not sleep: it takes no --sleep-scale", job->name);
		return -EINVAL;
	}
	if (state->has_seed && !job->seeded) {
		message("job '%s' has nothing random: it takes no --seed", job->name);
		return -EINVAL;
	}
	if ((state->has_inside || state->has_outside) && !job->lock_work) {
		message("job '%s' has no lock of its own: it takes no --inside and no --outside",
			job->name);
		return -EINVAL;
	}
	plan->job = job;
	if (!state->has_work)
		plan->work = job->default_work;
	if (!state->has_seed)
		plan->seed = CATALOG_DEFAULT_SEED;
	if (!state->has_inside)
		plan->inside = job->default_inside;
	if (!state->has_outside)
		plan->outside = job->default_outside;
	if (!plan->rounds)
		plan->rounds = job->default_rounds;
	return 0;
}

static int choose_cpus(struct run_plan *plan, const char *list)
{
	cpu_set_t allowed;
	int err;

	if (sched_getaffinity(0, sizeof(allowed), &allowed)) {
		message("sched_getaffinity: %s", strerror(errno));
		return -EINVAL;
	}
	plan->cpus = allowed;
	if (!list)
		return 0;
	plan->pinned = true;
	err = cpulist__parse(list, &plan->cpus);
	if (err || strlen(list) >= sizeof(plan->cpu_list)) {
		message("--cpus '%s' is not a list of CPUs, such as 0 or 0,2-3", list);
		return -EINVAL;
	}
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (CPU_ISSET(cpu, &plan->cpus) && !CPU_ISSET(cpu, &allowed)) {
			message("--cpus %s: CPU %d is not there, or not for this process", list,
				cpu);
			return -EINVAL;
		}
	}
	strcpy(plan->cpu_list, list);
	return 0;
}

int run_plan__parse(struct run_plan *plan, int argc, char **argv)
{
	const struct argp argp = { options, parse_option, NULL, doc, NULL, NULL, NULL };
	struct parse_state state = { .plan = plan };
	int err;

	memset(plan, 0, sizeof(*plan));
	plan->sleep_scale = 1;
	plan->check_interval = 100;
	plan->switch_interval_ms = 5;
	plan->futex = FUTEX_ALL;
	plan->probes = true;
	report_output__init(&plan->report);
	command_line__quote(plan->command_line, sizeof(plan->command_line), argc, argv);

	err = option__parse_all(&argp, "convoy run", argc, argv, 0, &state);
	if (err || state.err)
		return -EINVAL;
	err = choose_job(plan, &state);
	if (!err)
		err = choose_cpus(plan, state.cpus);
	if (err)
		return err;
	return run_plan__choose_modes(plan, &state.said);
}
