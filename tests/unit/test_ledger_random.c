/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_ledger_random.c - random lives under a small model of a scheduler.
 *
 * The model adds up each thread's time state by state as it goes, and writes the
 * records that the probes would write, each into the ring of its CPU. The ledger
 * sees only those, through merge.c, and must come to the same sums.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include <linux/futex.h>

#include <cmocka.h>

#include "tests/unit/events_fixture.h"
#include "user/ledger.h"
#include "user/merge.h"

#define CPUS 4
#define THREADS 60
#define RING 4096
#define FIRST_ID 500u

enum where { UNBORN, QUEUED, RUNNING, BLOCKED, DEAD };

struct model_thread {
	enum where where;
	enum account account;	/* what the time since `since_ns` is */
	uint64_t since_ns;
	uint64_t time_ns[ACCOUNT_COUNT];
	uint64_t born_ns, died_ns;
	uint64_t nvcsw, nivcsw, rusage_voluntary, migrations;
	int cpu;
	bool is_new;
	bool early;		/* woken before it leaves the CPU */
	uint64_t early_ns;
	bool blocked;		/* the record will be a wait */
	union event out;	/* that record, as far as it is known */
};

/* A run on a CPU. */
struct stretch {
	uint64_t from_ns, to_ns;
	int cpu;
};

struct model {
	uint64_t seed, now, start_ns;
	struct model_thread threads[THREADS];
	int running[CPUS];	/* thread, -1: idle */
	uint8_t rings[CPUS][RING + CONVOY_RING_SLACK];
	struct merge_source sources[CPUS];
	struct ledger *ledger;
	uint64_t busy_ns[CPUS];
	struct stretch *stretches;
	size_t n_stretches, room;
};

static const struct {
	enum account account;
	int nr;
	unsigned flags, op;
	uint32_t val;
} reasons[] = {
	{ ACCOUNT_SLEEP, SYS_nanosleep, 0, 0, 0 },
	{ ACCOUNT_IO, SYS_read, 0, 0, 0 },
	{ ACCOUNT_CHILD, SYS_wait4, 0, 0, 0 },
	{ ACCOUNT_DISK, SYS_read, CONVOY_F_IOWAIT, 0, 0 },
	{ ACCOUNT_FAULT, -1, 0, 0, 0 },
	{ ACCOUNT_STOPPED, SYS_read, CONVOY_F_STOPPED, 0, 0 },
	{ ACCOUNT_LOCK, SYS_futex, CONVOY_F_FUTEX, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 2 },
	{ ACCOUNT_LOCK, SYS_munmap, CONVOY_F_KLOCK | CONVOY_F_MMAP_LOCK, 0, 0 },
	{ ACCOUNT_OTHER, SYS_futex, CONVOY_F_FUTEX, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 0 },
	{ ACCOUNT_JOIN, SYS_futex, CONVOY_F_FUTEX, FUTEX_WAIT_BITSET, 1 /* thread 1's TID */ },
};

/* Close the span that ends now, as far as it lies after the cork. */
static void account_for(struct model *model, struct model_thread *thread, enum account next)
{
	uint64_t from = thread->since_ns > model->start_ns ? thread->since_ns : model->start_ns;

	if (model->now > from) {
		thread->time_ns[thread->account] += model->now - from;
		if (thread->account == ACCOUNT_RUNNING)
			model->busy_ns[thread->cpu] += model->now - from;
	}
	if (thread->account == ACCOUNT_RUNNING && thread->where == RUNNING) {
		if (model->n_stretches == model->room) {
			model->room = model->room ? 2 * model->room : 1024;
			model->stretches =
				realloc(model->stretches, model->room * sizeof(*model->stretches));
			assert_non_null(model->stretches);
		}
		model->stretches[model->n_stretches++] =
			(struct stretch){ thread->since_ns, model->now, thread->cpu };
	}
	thread->since_ns = model->now;
	thread->account = next;
}

static void drain(struct model *model, uint64_t limit_ns)
{
	const struct convoy_ev_hdr *ev;
	struct merge merge;
	size_t heap[CPUS];

	assert_int_equal(merge__init(&merge, model->sources, CPUS, heap), 0);
	for (;;) {
		assert_int_equal(merge__next(&merge, limit_ns, &ev), 0);
		if (!ev)
			return;
		assert_int_equal(ledger__feed(model->ledger, ev), 0);
	}
}

static void emit(struct model *model, int cpu, union event event)
{
	struct merge_source *source = &model->sources[cpu];
	size_t size = event__size(event.hdr.type);

	if (source->end + size - source->pos > RING)
		drain(model, model->now);
	memcpy(model->rings[cpu] + (source->end & (RING - 1)), &event, size);
	source->end += size;
}

static uint32_t id_of(const struct model *model, const struct model_thread *thread)
{
	return FIRST_ID + 1 + (uint32_t)(thread - model->threads);
}

static void be_born(struct model *model, struct model_thread *thread)
{
	thread->where = QUEUED;
	thread->account = ACCOUNT_WAKEUP;
	thread->since_ns = thread->born_ns = model->now;
	thread->is_new = true;
	thread->cpu = 0;
}

/* The queued thread gets the CPU: its record is written. */
static void switch_in(struct model *model, struct model_thread *thread, int cpu)
{
	uint32_t id = id_of(model, thread);
	union event event = thread->out;

	account_for(model, thread, ACCOUNT_RUNNING);
	if (thread->is_new) {
		event = ev_birth(id, thread->born_ns, model->now);
		event.birth.ns_tid = id - FIRST_ID; /* 1 for the first */
	} else {
		/* Before the cork it is none of the work's. */
		thread->migrations += thread->cpu != cpu && model->now > model->start_ns &&
				      model->now > thread->born_ns;
	}
	event.hdr.time_ns = model->now;
	emit(model, cpu, on_cpus(event, (unsigned)thread->cpu, (unsigned)cpu));
	thread->is_new = thread->early = false;
	thread->where = RUNNING;
	thread->cpu = cpu;
	model->running[cpu] = (int)(thread - model->threads);
}

static void preempt(struct model *model, struct model_thread *thread, bool refused)
{
	union event event = ev_runnable(id_of(model, thread), model->now, 0);

	account_for(model, thread, ACCOUNT_PREEMPTED);
	thread->where = QUEUED;
	thread->blocked = false;
	if (refused) { /* a block that a signal refused: voluntary, yet runnable */
		event = with_flags(event, CONVOY_F_VOLUNTARY);
		thread->nvcsw++;
		thread->rusage_voluntary++;
	} else {
		thread->nivcsw++;
	}
	thread->out = event;
}

static void block(struct model *model, struct model_thread *thread)
{
	unsigned why = random_below(&model->seed, N(reasons));
	union event event = ev_wait(id_of(model, thread), model->now, 0, 0, reasons[why].nr);

	event = with_flags(event, reasons[why].flags);
	event.wait.op = (__u16)reasons[why].op;
	event.wait.val = reasons[why].val;
	event.wait.word = 0x1000 + 8 * random_below(&model->seed, 4);
	thread->nvcsw++;
	thread->rusage_voluntary++;
	thread->blocked = true;
	if (thread->early || !random_below(&model->seed, 20)) {
		/* Woken already, or refused without any waking: it never sleeps. */
		event.wait.waking_ns = thread->early ? thread->early_ns : 0;
		account_for(model, thread, ACCOUNT_WAKEUP);
		thread->where = QUEUED;
	} else {
		account_for(model, thread, reasons[why].account);
		thread->where = BLOCKED;
	}
	thread->out = event;
}

static void die(struct model *model, struct model_thread *thread)
{
	bool zombie = random_below(&model->seed, 2);
	union event event =
		ev_death(id_of(model, thread), model->now, ++thread->nvcsw, thread->nivcsw);

	thread->rusage_voluntary += zombie;
	account_for(model, thread, ACCOUNT_COUNT);
	thread->where = DEAD;
	thread->died_ns = model->now;
	event = with_flags(event, zombie ? CONVOY_F_ZOMBIE : 0);
	emit(model, thread->cpu, on_cpus(event, (unsigned)thread->cpu, 0));
}

static struct model_thread *pick(struct model *model, enum where where)
{
	unsigned from = random_below(&model->seed, THREADS);

	for (unsigned i = 0; i < THREADS; i++) {
		struct model_thread *thread = &model->threads[(from + i) % THREADS];

		if (thread->where == where)
			return thread;
	}
	return NULL;
}

/* The CPU's thread leaves it, one way or another; the next one comes. */
static void switch_threads(struct model *model, int cpu)
{
	struct model_thread *in = pick(model, QUEUED);

	if (model->running[cpu] >= 0) {
		struct model_thread *out = &model->threads[model->running[cpu]];
		unsigned dice = random_below(&model->seed, 100);

		if (dice < 3)
			die(model, out);
		else if (dice < 55)
			block(model, out);
		else if (in)
			preempt(model, out, dice < 60);
		else
			return; /* nobody else wants the CPU */
		model->running[cpu] = -1;
	}
	if (in)
		switch_in(model, in, cpu);
}

static void wake(struct model *model)
{
	struct model_thread *thread = pick(model, BLOCKED);

	if (thread) {
		thread->out.wait.waking_ns = model->now;
		account_for(model, thread, ACCOUNT_WAKEUP);
		thread->where = QUEUED;
	}
	/* A thread on its way to sleep is woken from another CPU. */
	thread = pick(model, RUNNING);
	if (thread && !random_below(&model->seed, 8)) {
		thread->early = true;
		thread->early_ns = model->now;
	}
}

static void run(struct model *model, unsigned steps)
{
	unsigned born = 1;

	for (unsigned i = 0; i < steps; i++) {
		model->now += random_below(&model->seed, 1000);
		switch (random_below(&model->seed, 4)) {
		case 0:
			wake(model);
			break;
		case 1:
			/* In the order of their ids, as the probes give them out. */
			if (born < THREADS && !random_below(&model->seed, 8))
				be_born(model, &model->threads[born++]);
			break;
		default:
			switch_threads(model, (int)random_below(&model->seed, CPUS));
		}
		if (!random_below(&model->seed, 50))
			drain(model, model->now - random_below(&model->seed, 5000));
	}
}

/* A thread that is off the CPU, as it looks from outside. */
static union event look_at(const struct model *model, struct model_thread *thread)
{
	union event event = thread->out;

	if (!thread->blocked) {
		event = ev_wait(id_of(model, thread), thread->out.runnable.out_ns, 0, 0, -1);
		event.hdr.flags = 0;
		/* It cannot be told from a block that was refused. */
		if (thread->out.hdr.flags & CONVOY_F_VOLUNTARY) {
			thread->nvcsw--;
			thread->rusage_voluntary--;
			thread->nivcsw++;
		}
	} else if (thread->where == QUEUED && !event.wait.waking_ns) {
		event.wait.waking_ns = event.wait.out_ns;
	}
	return ev_still(on_cpus(event, (unsigned)thread->cpu, 0));
}

/* What is still going on at the end. */
static void close_lives(struct model *model)
{
	for (size_t i = 0; i < THREADS; i++) {
		struct model_thread *thread = &model->threads[i];

		if (thread->where == UNBORN || thread->where == DEAD)
			continue;
		if (thread->is_new) { /* of those there would be no record at all */
			int cpu = 0;

			while (cpu < CPUS && model->running[cpu] >= 0)
				cpu++;
			if (cpu == CPUS) {
				cpu = 0;
				preempt(model, &model->threads[model->running[0]], false);
			}
			switch_in(model, thread, cpu);
		}
	}
	drain(model, UINT64_MAX);
	model->now += 777;
	for (size_t i = 0; i < THREADS; i++) {
		struct model_thread *thread = &model->threads[i];

		if (thread->where == QUEUED || thread->where == BLOCKED)
			feed(model->ledger, look_at(model, thread));
		if (thread->where != UNBORN && thread->where != DEAD)
			account_for(model, thread, ACCOUNT_COUNT);
	}
}

static int by_cpu_and_time(const void *a, const void *b)
{
	const struct stretch *x = a, *y = b;

	if (x->cpu != y->cpu)
		return x->cpu < y->cpu ? -1 : 1;
	if (x->from_ns != y->from_ns)
		return x->from_ns < y->from_ns ? -1 : 1;
	return (x->to_ns > y->to_ns) - (x->to_ns < y->to_ns);
}

/* Is the model one that a machine could be? */
static void check_model(struct model *model)
{
	qsort(model->stretches, model->n_stretches, sizeof(*model->stretches), by_cpu_and_time);
	for (size_t i = 1; i < model->n_stretches; i++) {
		const struct stretch *a = &model->stretches[i - 1], *b = &model->stretches[i];

		assert_true(a->cpu != b->cpu || a->to_ns <= b->from_ns);
	}
}

static void check_ledger(const struct model *model)
{
	const struct ledger *ledger = model->ledger;
	uint64_t running = 0, busy = 0, locked = 0;
	const struct locks *locks = ledger__locks(model->ledger);

	for (size_t i = 0; i < ledger__n_threads(ledger); i++) {
		const struct ledger_thread *t = ledger__thread(ledger, i);
		const struct model_thread *expected = &model->threads[i];
		uint64_t begin = expected->born_ns > model->start_ns ? expected->born_ns :
								       model->start_ns;
		uint64_t end = expected->where == DEAD ? expected->died_ns : model->now;

		assert_int_equal(t->id, FIRST_ID + 1 + i);
		check_times(t, expected->time_ns);
		assert_int_equal(ledger_thread__lifetime_ns(t), end > begin ? end - begin : 0);
		assert_int_equal(t->disordered, 0);
		assert_int_equal(t->dead, expected->where == DEAD);
		assert_int_equal(t->unfinished,
				 expected->where == QUEUED || expected->where == BLOCKED);
		assert_int_equal(t->voluntary, expected->nvcsw);
		assert_int_equal(t->involuntary, expected->nivcsw);
		assert_int_equal(t->rusage_voluntary, expected->rusage_voluntary);
		assert_int_equal(t->migrations, expected->migrations);
		assert_int_equal(ledger_thread__audited(t), t->dead);
		if (t->dead)
			assert_true(ledger_thread__audit_equal(t));
		running += t->time_ns[ACCOUNT_RUNNING];
		/* All other waits here are for a futex of no known kind. */
		locked += t->time_ns[ACCOUNT_LOCK] + t->time_ns[ACCOUNT_OTHER] +
			  t->time_ns[ACCOUNT_JOIN];
	}
	for (unsigned cpu = 0; cpu < CPUS; cpu++) {
		assert_int_equal(ledger__cpu_busy_ns(ledger, cpu), model->busy_ns[cpu]);
		/* Not busier than time itself. */
		assert_true(model->busy_ns[cpu] <= model->now - model->start_ns);
		busy += model->busy_ns[cpu];
	}
	assert_int_equal(busy, running);
	assert_int_equal(ledger__unmatched(ledger), 0);
	/* What waits on locks took is in the locks, and all of it in episodes. */
	for (size_t i = 0; i < locks__n(locks); i++) {
		locked -= locks__at(locks, i)->total_ns;
		assert_int_equal(locks__at(locks, i)->episodes.sum, locks__at(locks, i)->total_ns);
	}
	assert_int_equal(locked, 0);
}

static void live(uint64_t seed, unsigned steps)
{
	struct model *model = calloc(1, sizeof(*model));
	struct ledger_options options = { .first_id = FIRST_ID };
	size_t n = 0;

	assert_non_null(model);
	model->seed = seed * 0x9e3779b97f4a7c15ull + 1;
	model->now = 1000000;
	/* The cork goes at a random time, before or after the first births. */
	model->start_ns = options.start_ns = model->now + random_below(&model->seed, 60000);
	for (int cpu = 0; cpu < CPUS; cpu++) {
		model->running[cpu] = -1;
		model->sources[cpu] = (struct merge_source){ model->rings[cpu], RING - 1, 0, 0 };
	}
	assert_int_equal(ledger__new(&model->ledger, &options), 0);
	be_born(model, &model->threads[0]);
	switch_in(model, &model->threads[0], 0);
	run(model, steps);
	if (model->now < model->start_ns)
		model->now = model->start_ns;
	close_lives(model);
	finish(model->ledger, model->now);
	while (n < THREADS && model->threads[n].where != UNBORN)
		n++;
	assert_int_equal(ledger__n_threads(model->ledger), n);
	check_model(model);
	check_ledger(model);
	ledger__free(model->ledger);
	free(model->stretches);
	free(model);
}

static void test_short_lives(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 400; seed++)
		live(seed, 5 + (unsigned)seed % 100);
}

static void test_long_lives(void **state)
{
	(void)state;
	for (uint64_t seed = 1000; seed < 1040; seed++)
		live(seed, 6000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_short_lives),
		cmocka_unit_test(test_long_lives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
