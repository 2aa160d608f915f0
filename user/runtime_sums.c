// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lock_sums.h"
#include "place_table.h"
#include "runtime_sums.h"

/* Those that waited most are told of by themselves; the others are counted. */
#define MOST_THREADS 64
#define NO_RUNTIME ((size_t)-1)
/* From so many on, the median of timed waits is told. */
#define ENOUGH_WAITS 10

struct runtime_sum {
	struct runtime_info info;	/* of the first process that had it, but for: */
	char label[WORD_RUNTIME_LEN];	/* as its locks' words name it */
	unsigned processes;
	uint64_t gil_wait_ns, lifetime_ns, wanted_ns;
	uint64_t handoffs, held_ns, held_steps, calls, waited_ns;
	struct histogram unreleased_ns;
	struct report_runtime_thread threads[MOST_THREADS];
	size_t n_threads;		/* may exceed that */
};

struct runtime_sums {
	struct runtime_sum *runtimes;
	size_t n_runtimes;
	uint64_t wanted_ns, ready_ns, ran_ns, walls_ns;	/* could_run's parts, ... */
	bool waited;			/* for any GIL */
};

int runtime_sums__new(struct runtime_sums **sums)
{
	*sums = calloc(1, sizeof(**sums));
	return *sums ? 0 : -ENOMEM;
}

void runtime_sums__free(struct runtime_sums *sums)
{
	if (!sums)
		return;
	for (size_t i = 0; i < sums->n_runtimes; i++)
		histogram__free(&sums->runtimes[i].unreleased_ns);
	free(sums->runtimes);
	free(sums);
}

/* The index of this version of a runtime; NO_RUNTIME without memory. There are but a few. */
static size_t find_runtime(struct runtime_sums *sums, const struct runtime_info *info)
{
	struct runtime_sum *grown, *sum;

	for (size_t i = 0; i < sums->n_runtimes; i++)
		if (!strcmp(sums->runtimes[i].info.name, info->name) &&
		    !strcmp(sums->runtimes[i].info.version, info->version))
			return i;
	grown = realloc(sums->runtimes, (sums->n_runtimes + 1) * sizeof(*grown));
	if (!grown)
		return NO_RUNTIME;
	sums->runtimes = grown;
	sum = &grown[sums->n_runtimes];
	memset(sum, 0, sizeof(*sum));
	sum->info = *info;
	snprintf(sum->label, sizeof(sum->label), "%s%s%s", info->name, info->version[0] ? " " : "",
		 info->version);
	histogram__init(&sum->unreleased_ns);
	return sums->n_runtimes++;
}

/* A process of the round. */
struct process {
	uint32_t pid;
	size_t runtime;		/* or NO_RUNTIME */
	bool gil;		/* its threads cannot run at the same time */
};

/* What is gathered of one round. */
struct gathering {
	struct runtime_sums *sums;
	struct ledger *ledger;
	const struct words *words;
	struct process *processes;
	size_t n_processes, room;
	struct place_table places;
	/* By thread: what others waited while it held a GIL, and all that was waited for those. */
	uint64_t *held_ns, *base_ns;
};

struct pid_key {
	const struct gathering *gathering;
	uint32_t pid;
};

static bool is_process(const void *ctx, size_t place)
{
	const struct pid_key *key = ctx;

	return key->gathering->processes[place].pid == key->pid;
}

/* What a process says of itself, the first time that it is met. */
static int describe_process(const struct gathering *gathering, struct process *process)
{
	const struct runtime_info *info =
		gathering->words ? words__runtime(gathering->words, process->pid) : NULL;
	struct runtime_sum *sum;

	process->runtime = NO_RUNTIME;
	if (!info)
		return 0;
	process->runtime = find_runtime(gathering->sums, info);
	if (process->runtime == NO_RUNTIME)
		return -ENOMEM;
	process->gil = info->gil == GIL_PRESENT;
	sum = &gathering->sums->runtimes[process->runtime];
	if (sum->info.gil != GIL_PRESENT && info->gil != GIL_UNKNOWN)
		sum->info.gil = info->gil;
	if (!sum->info.hint[0])
		memcpy(sum->info.hint, info->hint, sizeof(sum->info.hint));
	sum->processes++;
	return 0;
}

/* NULL without memory. Valid until the next one is new. */
static struct process *process_of(struct gathering *gathering, uint32_t pid)
{
	const struct pid_key key = { gathering, pid };
	uint64_t hash = place_table__hash(pid);
	size_t place = place_table__find(&gathering->places, hash, is_process, &key);
	struct process *process;

	if (place != NO_PLACE)
		return &gathering->processes[place];
	if (gathering->n_processes == gathering->room) {
		size_t room = gathering->room ? 2 * gathering->room : 16;
		struct process *grown = realloc(gathering->processes, room * sizeof(*grown));

		if (!grown)
			return NULL;
		gathering->processes = grown;
		gathering->room = room;
	}
	process = &gathering->processes[gathering->n_processes];
	memset(process, 0, sizeof(*process));
	process->pid = pid;
	if (place_table__add(&gathering->places, hash, gathering->n_processes) ||
	    describe_process(gathering, process))
		return NULL;
	gathering->n_processes++;
	return process;
}

static struct runtime_sum *runtime_of_lock(struct runtime_sums *sums, const struct lock *lock)
{
	for (size_t i = 0; i < sums->n_runtimes; i++)
		if (lock->runtime[0] && !strcmp(sums->runtimes[i].label, lock->runtime))
			return &sums->runtimes[i];
	return NULL;
}

static int add_gil(struct gathering *gathering, const struct lock *lock)
{
	struct runtime_sum *sum = runtime_of_lock(gathering->sums, lock);

	for (size_t i = 0; i < lock->n_holders; i++) {
		gathering->held_ns[lock->holders[i].thread] += lock->holders[i].wait_ns;
		gathering->base_ns[lock->holders[i].thread] += lock->total_ns;
	}
	if (!sum)
		return 0;
	sum->handoffs += lock->handoffs;
	sum->calls += lock->calls;
	sum->waited_ns += lock->total_ns + lock->wakeup_ns;
	if (lock->handoffs > 1) {
		sum->held_ns += lock->last_handoff_ns - lock->first_handoff_ns;
		sum->held_steps += lock->handoffs - 1;
	}
	return histogram__merge(&sum->unreleased_ns, &lock->unreleased_ns);
}

/* Among those that waited most, or else counted only. */
static void list_thread(struct runtime_sum *sum, const struct report_runtime_thread *thread)
{
	struct report_runtime_thread *least = &sum->threads[0];

	if (sum->n_threads++ < MOST_THREADS) {
		sum->threads[sum->n_threads - 1] = *thread;
		return;
	}
	for (size_t i = 1; i < MOST_THREADS; i++)
		if (sum->threads[i].gil_wait_ns < least->gil_wait_ns)
			least = &sum->threads[i];
	if (least->gil_wait_ns < thread->gil_wait_ns)
		*least = *thread;
}

static void add_thread(struct gathering *gathering, const struct process *process, size_t index,
		       const struct ledger_thread *thread)
{
	struct runtime_sums *sums = gathering->sums;
	uint64_t ran = thread->time_ns[ACCOUNT_RUNNING];
	uint64_t ready = ran + thread->time_ns[ACCOUNT_PREEMPTED] + thread->time_ns[ACCOUNT_WAKEUP];
	uint64_t held = gathering->held_ns[index], base = gathering->base_ns[index];
	struct report_runtime_thread listed = {
		.pid = thread->pid,
		.tid = thread->tid,
		.lifetime_ns = ledger_thread__lifetime_ns(thread),
		.gil_wait_ns = thread->gil_wait_ns,
	};
	struct runtime_sum *sum;

	if (process->gil) {
		sums->ran_ns += ran;
		sums->ready_ns += ready;
		sums->wanted_ns += ready + thread->gil_wait_ns;
	}
	if (process->runtime == NO_RUNTIME)
		return;
	sum = &sums->runtimes[process->runtime];
	sum->gil_wait_ns += thread->gil_wait_ns;
	sum->lifetime_ns += listed.lifetime_ns;
	sum->wanted_ns += ready + thread->gil_wait_ns;
	if (!thread->gil_wait_ns && !held)
		return;
	memcpy(listed.comm, thread->comm, sizeof(listed.comm));
	/* Of the waits of others: nobody waits for himself. */
	base = base > thread->gil_wait_ns ? base - thread->gil_wait_ns : 0;
	if (base)
		listed.held_share = held < base ? (double)held / (double)base : 1;
	list_thread(sum, &listed);
}

static int gather(struct gathering *gathering)
{
	const struct locks *locks = ledger__locks(gathering->ledger);
	size_t n = ledger__n_threads(gathering->ledger);
	int err = 0;

	/* Processes and their runtimes first, then what belongs to them. */
	for (size_t i = 0; i < n; i++) {
		const struct ledger_thread *thread = ledger__thread(gathering->ledger, i);
		struct process *process;

		if (!thread->seen)
			continue;
		process = process_of(gathering, thread->pid);
		if (!process)
			return -ENOMEM;
		process->gil |= thread->gil_wait_ns > 0;
		gathering->sums->waited |= thread->gil_wait_ns > 0;
	}
	for (size_t i = 0; i < locks__n(locks) && !err; i++)
		if (locks__at(locks, i)->kind == LOCK_GIL)
			err = add_gil(gathering, locks__at(locks, i));
	for (size_t i = 0; i < n && !err; i++) {
		const struct ledger_thread *thread = ledger__thread(gathering->ledger, i);

		if (thread->seen)
			add_thread(gathering, process_of(gathering, thread->pid), i, thread);
	}
	return err;
}

int runtime_sums__add(struct runtime_sums *sums, struct ledger *ledger, const struct words *words,
		      uint64_t wall_ns)
{
	size_t n = ledger__n_threads(ledger);
	struct gathering gathering = {
		.sums = sums,
		.ledger = ledger,
		.words = words,
		.held_ns = calloc(n + 1, sizeof(uint64_t)),
		.base_ns = calloc(n + 1, sizeof(uint64_t)),
	};
	int err = gathering.held_ns && gathering.base_ns ? gather(&gathering) : -ENOMEM;

	sums->walls_ns += wall_ns;
	free(gathering.held_ns);
	free(gathering.base_ns);
	free(gathering.processes);
	place_table__free(&gathering.places);
	return err;
}

static int by_wait(const void *a, const void *b)
{
	const struct report_runtime *x = a, *y = b;

	if (x->gil_wait_ns != y->gil_wait_ns)
		return x->gil_wait_ns < y->gil_wait_ns ? 1 : -1;
	if (strcmp(x->name, y->name))
		return strcmp(x->name, y->name);
	return strcmp(x->version, y->version);
}

static int by_thread_wait(const void *a, const void *b)
{
	const struct report_runtime_thread *x = a, *y = b;

	if (x->gil_wait_ns != y->gil_wait_ns)
		return x->gil_wait_ns < y->gil_wait_ns ? 1 : -1;
	return x->tid < y->tid ? -1 : x->tid > y->tid;
}

/* Who waits for PyPy's GIL looks again each 0.1 ms, whatever its switch interval is. */
static bool is_polled(const struct runtime_sum *sum)
{
	return !strcmp(sum->info.name, "PyPy");
}

static int fill_runtime(const struct runtime_sum *sum, bool futex_exits, uint64_t walls_ns,
			struct report_runtime *to)
{
	uint64_t interval;
	size_t n;

	memcpy(to->name, sum->info.name, sizeof(to->name));
	memcpy(to->version, sum->info.version, sizeof(to->version));
	memcpy(to->hint, sum->info.hint, sizeof(to->hint));
	to->gil = sum->info.gil;
	to->processes = sum->processes;
	to->gil_wait_ns = sum->gil_wait_ns;
	to->lifetime_ns = sum->lifetime_ns;
	to->wanted_ns = sum->wanted_ns;
	to->handoffs = sum->handoffs;
	if (walls_ns)
		to->handoffs_per_s =
			(struct maybe){ true, (double)sum->handoffs * 1e9 / (double)walls_ns };
	if (futex_exits)
		to->mean_hold_ns = lock_sums__mean_hold(sum->held_ns, sum->held_steps, sum->calls,
							sum->handoffs, sum->waited_ns);
	/* A few waits can have been ended by anything. */
	if (sum->unreleased_ns.count >= ENOUGH_WAITS && !is_polled(sum) &&
	    histogram__quantile(&sum->unreleased_ns, 0.5, &interval))
		to->switch_interval_ns = (struct maybe){ true, (double)interval };
	n = sum->n_threads < MOST_THREADS ? sum->n_threads : MOST_THREADS;
	to->n_more_threads = sum->n_threads - n;
	if (!n)
		return 0;
	to->threads = malloc(n * sizeof(*to->threads));
	if (!to->threads)
		return -ENOMEM;
	memcpy(to->threads, sum->threads, n * sizeof(*to->threads));
	to->n_threads = n;
	qsort(to->threads, to->n_threads, sizeof(*to->threads), by_thread_wait);
	return 0;
}

static struct maybe on_average(uint64_t ns, uint64_t walls_ns)
{
	return (struct maybe){ true, (double)ns / (double)walls_ns };
}

int runtime_sums__fill(const struct runtime_sums *sums, bool futex_exits, struct report_mode *mode)
{
	int err = 0;

	if (sums->waited && sums->walls_ns) {
		mode->could_run = on_average(sums->wanted_ns, sums->walls_ns);
		mode->ready_run = on_average(sums->ready_ns, sums->walls_ns);
		mode->did_run = on_average(sums->ran_ns, sums->walls_ns);
	}
	mode->runtimes = calloc(sums->n_runtimes + 1, sizeof(*mode->runtimes));
	if (!mode->runtimes)
		return -ENOMEM;
	for (size_t i = 0; i < sums->n_runtimes && !err; i++)
		err = fill_runtime(&sums->runtimes[i], futex_exits, sums->walls_ns,
				   &mode->runtimes[mode->n_runtimes++]);
	qsort(mode->runtimes, mode->n_runtimes, sizeof(*mode->runtimes), by_wait);
	return err;
}
