// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "classify.h"
#include "estimate.h"
#include "lock_sums.h"
#include "metrics.h"
#include "runtime_sums.h"

/* Numbers that are measured once a round. */
enum per_round {
	ROUND_WALL,
	ROUND_CPU,
	ROUND_SYSTEM,
	ROUND_CORES,
	ROUND_VOLUNTARY,
	ROUND_INVOLUNTARY,
	ROUND_MIGRATIONS,
	PER_ROUND_COUNT,
};

/* The job's own measurements: one value a round, NAN where a round has none. */
struct metric_values {
	char name[40];
	double *values;
};

struct mode_metrics {
	char mode[64];
	unsigned rounds;
	bool traced;
	bool no_usage;	/* of one round at least, no rusage is known */
	struct metric_values *metrics;
	size_t n_metrics;
	uint64_t own_thread_ns, own_lock_wait_ns, run_ns, run_delay_ns;
	bool has_own, has_lock_wait, has_schedstat;
	double *per_round[PER_ROUND_COUNT];
	uint64_t time_ns[ACCOUNT_COUNT], lifetime_ns;
	uint64_t worker_time_ns[ACCOUNT_COUNT], worker_lifetime_ns;
	int64_t residual_ns;
	uint64_t tool_cpu_ns, yields;
	bool no_tool_cpu, no_yields;	/* not known of one round at least */
	uint64_t threads_checked, threads_equal, tasks_wrong;
	uint64_t rusage_voluntary, rusage_involuntary, rusage_unsure;
	struct lock_sums *locks;
	struct runtime_sums *runtimes;
	struct report_thread *threads;
	size_t n_threads;
	struct report_task *tasks;
	size_t n_tasks;
	uint64_t *cpu_busy_ns;
	unsigned n_cpus;
};

int mode_metrics__new(struct mode_metrics **out, const char *mode)
{
	struct mode_metrics *metrics = calloc(1, sizeof(*metrics));
	int err;

	if (!metrics)
		return -ENOMEM;
	snprintf(metrics->mode, sizeof(metrics->mode), "%s", mode);
	err = lock_sums__new(&metrics->locks);
	if (!err)
		err = runtime_sums__new(&metrics->runtimes);
	if (err) {
		lock_sums__free(metrics->locks);
		free(metrics);
		return err;
	}
	*out = metrics;
	return 0;
}

void mode_metrics__free(struct mode_metrics *metrics)
{
	if (!metrics)
		return;
	for (int i = 0; i < PER_ROUND_COUNT; i++)
		free(metrics->per_round[i]);
	for (size_t i = 0; i < metrics->n_metrics; i++)
		free(metrics->metrics[i].values);
	free(metrics->metrics);
	lock_sums__free(metrics->locks);
	runtime_sums__free(metrics->runtimes);
	free(metrics->threads);
	free(metrics->tasks);
	free(metrics->cpu_busy_ns);
	free(metrics);
}

unsigned mode_metrics__rounds(const struct mode_metrics *metrics)
{
	return metrics->rounds;
}

static bool is_worker(const struct work_result *work, const struct ledger_thread *thread)
{
	for (size_t i = 0; work && i < work->n_threads; i++)
		if (work->threads[i].pid == thread->ns_pid &&
		    work->threads[i].tid == thread->ns_tid)
			return true;
	return false;
}

static void describe_thread(struct report_thread *out, const struct ledger_thread *thread,
			    unsigned round, bool worker)
{
	out->round = round;
	out->pid = thread->pid;
	out->tid = thread->tid;
	out->ns_pid = thread->ns_pid;
	out->ns_tid = thread->ns_tid;
	memcpy(out->comm, thread->comm, sizeof(out->comm));
	snprintf(out->role, sizeof(out->role), "%s",
		 worker	      ? "worker" :
		 thread->root ? "main" :
				"");
	out->lifetime_ns = ledger_thread__lifetime_ns(thread);
	memcpy(out->time_ns, thread->time_ns, sizeof(out->time_ns));
	out->voluntary = thread->rusage_voluntary;
	out->involuntary = thread->rusage_involuntary;
	out->cpu_ns = thread->runtime_ns;
	out->since_before = thread->since_before;
	out->unfinished = thread->unfinished;
	out->audited = ledger_thread__audited(thread);
	out->audit_equal = ledger_thread__audit_equal(thread);
}

/* What a round's threads add up to. */
struct round_sums {
	uint64_t cpu_ns, voluntary, involuntary, migrations;
};

static int add_threads(struct mode_metrics *metrics, const struct round *round,
		       struct round_sums *sums)
{
	size_t n = ledger__n_threads(round->ledger);
	struct report_thread *grown =
		realloc(metrics->threads, (metrics->n_threads + n + 1) * sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	metrics->threads = grown;
	memset(grown + metrics->n_threads, 0, (n + 1) * sizeof(*grown));
	for (size_t i = 0; i < n; i++) {
		const struct ledger_thread *thread = ledger__thread(round->ledger, i);
		uint64_t lifetime = ledger_thread__lifetime_ns(thread);
		/* Of a command that says nothing of itself, every thread counts. */
		bool worker = is_worker(round->work, thread);

		if (!thread->seen)
			continue;
		describe_thread(&grown[metrics->n_threads++], thread, metrics->rounds, worker);
		metrics->lifetime_ns += lifetime;
		metrics->residual_ns = (int64_t)((uint64_t)metrics->residual_ns +
						 (uint64_t)ledger_thread__residual_ns(thread));
		metrics->yields += thread->yields;
		metrics->rusage_unsure += thread->rusage_unsure;
		metrics->threads_checked += ledger_thread__audited(thread);
		metrics->threads_equal += ledger_thread__audited(thread) &&
					  ledger_thread__audit_equal(thread);
		sums->cpu_ns += thread->runtime_ns;
		sums->voluntary += thread->rusage_voluntary;
		sums->involuntary += thread->rusage_involuntary;
		sums->migrations += thread->migrations;
		if (worker || !round->work)
			metrics->worker_lifetime_ns += lifetime;
		for (int a = 0; a < ACCOUNT_COUNT; a++) {
			metrics->time_ns[a] += thread->time_ns[a];
			if (worker || !round->work)
				metrics->worker_time_ns[a] += thread->time_ns[a];
		}
	}
	return 0;
}

static int add_cpus(struct mode_metrics *metrics, const struct ledger *ledger)
{
	unsigned n = ledger__n_cpus(ledger);

	if (n > metrics->n_cpus) {
		uint64_t *grown = realloc(metrics->cpu_busy_ns, n * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		memset(grown + metrics->n_cpus, 0, (n - metrics->n_cpus) * sizeof(*grown));
		metrics->cpu_busy_ns = grown;
		metrics->n_cpus = n;
	}
	for (unsigned cpu = 0; cpu < n; cpu++)
		metrics->cpu_busy_ns[cpu] += ledger__cpu_busy_ns(ledger, cpu);
	return 0;
}

static int add_tasks(struct mode_metrics *metrics, const struct round *round)
{
	struct report_task *grown;

	if (!round->work)
		return 0;
	grown = realloc(metrics->tasks,
			(metrics->n_tasks + round->work->n_tasks + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	metrics->tasks = grown;
	for (size_t i = 0; i < round->work->n_tasks; i++) {
		const struct work_task *from = &round->work->tasks[i];
		struct report_task *task = &grown[metrics->n_tasks++];
		const struct ledger_thread *thread =
			round->ledger ? ledger__find(round->ledger, from->pid, from->tid) : NULL;

		memset(task, 0, sizeof(*task));
		snprintf(task->name, sizeof(task->name), "%s", from->name);
		snprintf(task->result, sizeof(task->result), "%s", from->result);
		task->round = metrics->rounds;
		/* By the numbers that the threads have, which a container's own are not. */
		task->pid = thread ? thread->pid : from->pid;
		task->tid = thread ? thread->tid : from->tid;
		task->start_ns =
			from->start_ns > round->start_ns ? from->start_ns - round->start_ns : 0;
		task->end_ns = from->end_ns > round->start_ns ? from->end_ns - round->start_ns : 0;
		metrics->tasks_wrong += !from->ok;
	}
	return 0;
}

static struct metric_values *find_metric(struct mode_metrics *metrics, const char *name)
{
	struct metric_values *grown;

	for (size_t i = 0; i < metrics->n_metrics; i++)
		if (!strcmp(metrics->metrics[i].name, name))
			return &metrics->metrics[i];
	grown = realloc(metrics->metrics, (metrics->n_metrics + 1) * sizeof(*grown));
	if (!grown)
		return NULL;
	metrics->metrics = grown;
	memset(&grown[metrics->n_metrics], 0, sizeof(*grown));
	snprintf(grown[metrics->n_metrics].name, sizeof(grown->name), "%s", name);
	return &grown[metrics->n_metrics++];
}

/* What the workload says of itself: its metrics, its workers' clocks. */
static int add_own(struct mode_metrics *metrics, const struct work_result *work)
{
	for (size_t i = 0; work && i < work->n_metrics; i++)
		if (!find_metric(metrics, work->metrics[i].name))
			return -ENOMEM;
	for (size_t i = 0; i < metrics->n_metrics; i++) {
		struct metric_values *metric = &metrics->metrics[i];
		double *grown = realloc(metric->values, (metrics->rounds + 1) * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		/* Rounds before its first, and this one if it is missing. */
		for (unsigned r = metric->values ? metrics->rounds : 0; r <= metrics->rounds; r++)
			grown[r] = NAN;
		metric->values = grown;
		for (size_t j = 0; work && j < work->n_metrics; j++)
			if (!strcmp(work->metrics[j].name, metric->name))
				grown[metrics->rounds] = work->metrics[j].value;
	}
	/* Of some rounds only, a sum would be none. */
	if (!work) {
		metrics->has_lock_wait = metrics->has_schedstat = false;
		return 0;
	}
	if (!metrics->rounds)
		metrics->has_lock_wait = metrics->has_schedstat = true;
	metrics->has_own = true;
	metrics->has_schedstat &= work->n_threads > 0;
	for (size_t i = 0; i < work->n_threads; i++) {
		const struct work_thread *thread = &work->threads[i];

		metrics->own_thread_ns += thread->end_ns - thread->start_ns;
		metrics->own_lock_wait_ns += thread->lock_wait_ns;
		metrics->has_lock_wait &= thread->has_lock_wait;
		metrics->has_schedstat &= thread->has_schedstat;
		metrics->run_ns += thread->run_ns;
		metrics->run_delay_ns += thread->run_delay_ns;
	}
	return 0;
}

static uint64_t timeval_ns(const struct timeval *tv)
{
	return (uint64_t)tv->tv_sec * 1000000000u + (uint64_t)tv->tv_usec * 1000u;
}

static int add_per_round(struct mode_metrics *metrics, const struct round *round,
			 const struct round_sums *sums)
{
	double wall = (double)(round->end_ns - round->start_ns);
	double system = (double)timeval_ns(&round->usage.ru_stime);
	double cpu = round->has_usage ? (double)timeval_ns(&round->usage.ru_utime) + system :
					(double)sums->cpu_ns;
	double values[PER_ROUND_COUNT] = {
		[ROUND_WALL] = wall,
		[ROUND_CPU] = cpu,
		[ROUND_SYSTEM] = system,
		[ROUND_CORES] = wall > 0 ? cpu / wall : 0,
		[ROUND_VOLUNTARY] = (double)sums->voluntary,
		[ROUND_INVOLUNTARY] = (double)sums->involuntary,
		[ROUND_MIGRATIONS] = (double)sums->migrations,
	};

	for (int i = 0; i < PER_ROUND_COUNT; i++) {
		double *grown =
			realloc(metrics->per_round[i], (metrics->rounds + 1) * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		metrics->per_round[i] = grown;
		grown[metrics->rounds] = values[i];
	}
	metrics->rounds++;
	return 0;
}

int mode_metrics__add(struct mode_metrics *metrics, const struct round *round)
{
	/* Without probes, the kernel's own counts. */
	struct round_sums sums = {
		.voluntary = (uint64_t)round->usage.ru_nvcsw,
		.involuntary = (uint64_t)round->usage.ru_nivcsw,
	};
	int err = 0;

	metrics->traced = round->ledger;
	metrics->no_usage |= !round->has_usage;
	metrics->rusage_voluntary += (uint64_t)round->usage.ru_nvcsw;
	metrics->rusage_involuntary += (uint64_t)round->usage.ru_nivcsw;
	if (round->ledger) {
		memset(&sums, 0, sizeof(sums));
		err = add_threads(metrics, round, &sums);
		if (!err)
			err = add_cpus(metrics, round->ledger);
		if (!err)
			err = lock_sums__add(metrics->locks, round->ledger);
		if (!err)
			err = runtime_sums__add(metrics->runtimes, round->ledger, round->words,
						round->end_ns - round->start_ns);
	}
	if (!err)
		err = add_tasks(metrics, round);
	if (!err)
		err = add_own(metrics, round->work);
	if (!err)
		err = add_per_round(metrics, round, &sums);
	metrics->tool_cpu_ns += round->tool_cpu_ns;
	metrics->no_tool_cpu |= round->no_tool_cpu;
	metrics->no_yields |= round->no_yields;
	return err;
}

static int fill_estimates(const struct mode_metrics *metrics, const struct metrics_context *context,
			  struct report_mode *mode)
{
	struct estimate *const estimates[PER_ROUND_COUNT] = {
		[ROUND_WALL] = &mode->wall_ns,
		[ROUND_CPU] = &mode->cpu_ns,
		[ROUND_SYSTEM] = &mode->system_ns,
		[ROUND_CORES] = &mode->cores_used,
		[ROUND_VOLUNTARY] = &mode->voluntary,
		[ROUND_INVOLUNTARY] = &mode->involuntary,
		[ROUND_MIGRATIONS] = &mode->migrations,
	};
	double *util;
	int err = 0;

	for (int i = 0; i < PER_ROUND_COUNT && !err; i++) {
		bool unknown = (i == ROUND_MIGRATIONS && !metrics->traced) ||
			       (i == ROUND_SYSTEM && metrics->no_usage);

		if (!unknown)
			err = estimate__init(estimates[i], metrics->per_round[i], metrics->rounds);
	}
	if (err || !metrics->rounds || !context->cpus_usable)
		return err;
	util = calloc(metrics->rounds, sizeof(*util));
	if (!util)
		return -ENOMEM;
	for (unsigned i = 0; i < metrics->rounds; i++)
		util[i] = metrics->per_round[ROUND_CORES][i] / context->cpus_usable;
	err = estimate__init(&mode->cpu_util, util, metrics->rounds);
	free(util);
	return err;
}

static int fill_own(const struct mode_metrics *metrics, struct report_mode *mode)
{
	double *known = calloc(metrics->rounds + 1, sizeof(*known));
	int err = 0;

	mode->metrics = calloc(metrics->n_metrics + 1, sizeof(*mode->metrics));
	if (!known || !mode->metrics)
		err = -ENOMEM;
	for (size_t i = 0; i < metrics->n_metrics && !err; i++) {
		const struct metric_values *from = &metrics->metrics[i];
		struct report_metric *to = &mode->metrics[mode->n_metrics++];
		size_t n = 0;

		snprintf(to->name, sizeof(to->name), "%s", from->name);
		for (unsigned r = 0; r < metrics->rounds; r++)
			if (!isnan(from->values[r]))
				known[n++] = from->values[r];
		err = estimate__init(&to->value, known, n);
	}
	free(known);
	mode->own.thread_ns = (struct maybe){ metrics->has_own, (double)metrics->own_thread_ns };
	mode->own.lock_wait_ns =
		(struct maybe){ metrics->has_lock_wait, (double)metrics->own_lock_wait_ns };
	mode->own.run_ns = (struct maybe){ metrics->has_schedstat, (double)metrics->run_ns };
	mode->own.run_delay_ns =
		(struct maybe){ metrics->has_schedstat, (double)metrics->run_delay_ns };
	return err;
}

/* A copy of `n` items, or NULL with *err set; NULL without error for none. */
static void *copy(const void *items, size_t n, size_t size, int *err)
{
	void *copied = n ? malloc(n * size) : NULL;

	if (n && !copied)
		*err = -ENOMEM;
	if (copied)
		memcpy(copied, items, n * size);
	return copied;
}

int mode_metrics__fill(const struct mode_metrics *metrics, const struct metrics_context *context,
		       struct report_mode *mode)
{
	int err = fill_estimates(metrics, context, mode);

	if (!err)
		err = fill_own(metrics, mode);
	snprintf(mode->mode, sizeof(mode->mode), "%s", metrics->mode);
	mode->rounds = metrics->rounds;
	memcpy(mode->time_ns, metrics->time_ns, sizeof(mode->time_ns));
	memcpy(mode->worker_time_ns, metrics->worker_time_ns, sizeof(mode->worker_time_ns));
	mode->lifetime_ns = metrics->lifetime_ns;
	mode->worker_lifetime_ns = metrics->worker_lifetime_ns;
	mode->residual_ns = metrics->residual_ns;
	mode->yields = metrics->yields;
	mode->no_yields = metrics->no_yields;
	mode->threads_checked = metrics->threads_checked;
	mode->threads_equal = metrics->threads_equal;
	mode->rusage_voluntary =
		(struct maybe){ !metrics->no_usage, (double)metrics->rusage_voluntary };
	mode->rusage_involuntary =
		(struct maybe){ !metrics->no_usage, (double)metrics->rusage_involuntary };
	mode->rusage_unsure = metrics->rusage_unsure;
	mode->tasks_checked = metrics->n_tasks;
	mode->tasks_wrong = metrics->tasks_wrong;
	mode->tool_cpu_ns = (struct maybe){ metrics->rounds > 0 && !metrics->no_tool_cpu,
					    (double)metrics->tool_cpu_ns };
	if (!err)
		mode->threads =
			copy(metrics->threads, metrics->n_threads, sizeof(*metrics->threads), &err);
	mode->n_threads = mode->threads ? metrics->n_threads : 0;
	if (!err)
		mode->tasks = copy(metrics->tasks, metrics->n_tasks, sizeof(*metrics->tasks), &err);
	mode->n_tasks = mode->tasks ? metrics->n_tasks : 0;
	if (!err)
		mode->cpus = calloc(metrics->n_cpus + 1, sizeof(*mode->cpus));
	if (!mode->cpus)
		return -ENOMEM;
	for (unsigned cpu = 0; cpu < metrics->n_cpus; cpu++)
		if (metrics->cpu_busy_ns[cpu])
			mode->cpus[mode->n_cpus++] =
				(struct report_cpu){ (int)cpu, metrics->cpu_busy_ns[cpu] };
	if (!err)
		err = lock_sums__fill(metrics->locks, context->futex_exits, mode);
	return err ? err : runtime_sums__fill(metrics->runtimes, context->futex_exits, mode);
}

void report__fill_speedups(struct report *report)
{
	const struct report_mode *reference = report__mode(report, report->reference);

	if (!reference || !reference->wall_ns.n)
		return;
	for (size_t i = 0; i < report->n_modes; i++) {
		struct report_mode *mode = &report->modes[i];

		if (mode->wall_ns.n && mode->wall_ns.median > 0)
			mode->speedup = (struct maybe){ true, reference->wall_ns.median /
								      mode->wall_ns.median };
	}
}
