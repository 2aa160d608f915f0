/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_ledger_cut.c - random lives, recorded from somewhere to somewhere.
 *
 * Whole lives are made up first. Then a recording of them is written, as the probes and
 * the tool would: threads are found, records follow, others are born, the end is fixed,
 * a look is taken at who is there, and a few records still arrive. The ledger is to come
 * to what each life says of every single nanosecond.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include <linux/futex.h>

#include <cmocka.h>

#include "tests/unit/events_fixture.h"
#include "user/ledger.h"

#define LIVES 5
#define OFFS 40
#define CPUS 3
#define NEVER UINT64_MAX

/* A time off the CPU. */
struct off {
	uint64_t out_ns, waking_ns, in_ns;
	bool voluntary;
	bool blocked;		/* else preempted */
	bool found;		/* it was under way when the thread was found */
	unsigned why;		/* of reasons[] */
	unsigned cpu_in;
};

struct life {
	uint64_t born_ns, first_ns, died_ns;
	struct off offs[OFFS];
	size_t n_offs;
	unsigned cpu;		/* of its first run */
	uint32_t id;		/* 0: not in the recording */
	bool seen;		/* it was found when the recording began, with these counts: */
	uint64_t base_voluntary, base_involuntary;
};

/* found <= from < to < looked <= stopped */
struct cut {
	uint64_t found_ns, from_ns, to_ns;
	uint64_t looked_ns, stopped_ns;
};

static const struct {
	enum account account;
	int nr;
	unsigned flags;
} reasons[] = {
	{ ACCOUNT_SLEEP, SYS_nanosleep, 0 },
	{ ACCOUNT_IO, SYS_read, 0 },
	{ ACCOUNT_FAULT, -1, 0 },
	{ ACCOUNT_LOCK, SYS_futex, CONVOY_F_FUTEX },
};

static void make_life(struct life *life, uint64_t *seed)
{
	uint64_t now;
	bool dies = random_below(seed, 2);

	memset(life, 0, sizeof(*life));
	life->born_ns = 1 + random_below(seed, 300);
	life->first_ns = life->born_ns + random_below(seed, 20);
	life->cpu = random_below(seed, CPUS);
	now = life->first_ns + 1;
	for (life->n_offs = 0; life->n_offs < OFFS; life->n_offs++) {
		struct off *off = &life->offs[life->n_offs];
		uint64_t ran = random_below(seed, 20);

		if (dies && !random_below(seed, 15))
			break;
		now += ran;
		off->out_ns = now;
		off->why = random_below(seed, N(reasons));
		off->blocked = random_below(seed, 3);
		off->voluntary = off->blocked || !random_below(seed, 8);
		now += random_below(seed, random_below(seed, 10) ? 20 : 200);
		off->in_ns = now;
		off->cpu_in = random_below(seed, CPUS);
		/* Woken on the way, before, or never. */
		if (off->blocked && random_below(seed, 8))
			off->waking_ns =
				off->out_ns +
				random_below(seed, (unsigned)(now - off->out_ns) + 1) -
				(random_below(seed, 4) ? 0 : random_below(seed, (unsigned)ran + 1));
	}
	life->died_ns = dies ? now + random_below(seed, 20) : NEVER;
}

/* When it stopped sleeping, if it ever did. */
static uint64_t woken_ns(const struct off *off)
{
	return off->waking_ns > off->out_ns ? off->waking_ns : off->out_ns;
}

/* What it was doing in the nanosecond that begins at `ns`; ACCOUNT_COUNT: it was not there. */
static enum account state_at(const struct life *life, uint64_t ns, unsigned *cpu)
{
	*cpu = life->cpu;
	if (ns < life->born_ns || ns >= life->died_ns)
		return ACCOUNT_COUNT;
	if (ns < life->first_ns)
		return ACCOUNT_WAKEUP;
	for (size_t i = 0; i < life->n_offs; i++) {
		const struct off *off = &life->offs[i];

		if (ns < off->out_ns)
			break;
		if (ns < off->in_ns && !off->blocked)
			return ACCOUNT_PREEMPTED;
		if (ns < off->in_ns)
			return ns < woken_ns(off) ? reasons[off->why].account : ACCOUNT_WAKEUP;
		*cpu = off->cpu_in;
	}
	return ACCOUNT_RUNNING;
}

/* The stream of events, to be sorted by time; equal times stay in order. */
struct stream {
	union event events[LIVES * (OFFS + 6)];
	uint64_t time_ns[LIVES * (OFFS + 6)];
	size_t n;
};

static void add(struct stream *stream, uint64_t time_ns, union event event)
{
	size_t at = stream->n++;

	assert_true(stream->n <= N(stream->events));
	for (; at > 0 && stream->time_ns[at - 1] > time_ns; at--) {
		stream->events[at] = stream->events[at - 1];
		stream->time_ns[at] = stream->time_ns[at - 1];
	}
	stream->events[at] = event;
	stream->time_ns[at] = time_ns;
}

static union event record_of(const struct life *life, const struct off *off, unsigned cpu_out)
{
	union event event;

	if (off->blocked) {
		event = ev_wait(life->id, off->out_ns, off->waking_ns, off->in_ns,
				reasons[off->why].nr);
		event.wait.op = FUTEX_WAIT | FUTEX_PRIVATE_FLAG;
		event.wait.val = 2;
		event.wait.word = 0x1000;
		event = with_flags(event, reasons[off->why].flags);
	} else {
		event = ev_runnable(life->id, off->out_ns, off->in_ns);
		event.hdr.flags = off->voluntary ? CONVOY_F_VOLUNTARY : 0;
	}
	if (off->found)
		event = with_flags(event, CONVOY_F_SINCE_BEFORE);
	return on_cpus(event, cpu_out, off->cpu_in);
}

/* The same, looked at before it was over. */
static union event open_of(const struct life *life, const struct off *off, unsigned cpu_out,
			   uint64_t now)
{
	union event event = record_of(life, off, cpu_out);

	if (!off->blocked) {
		event = ev_wait(life->id, off->out_ns, 0, 0, -1);
		event.hdr.flags = off->found ? CONVOY_F_SINCE_BEFORE : 0;
		event = on_cpus(event, cpu_out, 0);
	} else if (woken_ns(off) > now) {
		event.wait.waking_ns = 0;
	} else {
		event.wait.waking_ns = woken_ns(off);
	}
	return ev_still(event);
}

/* It is found; what it is doing began, as far as the recording can know, right then. */
static void be_found(struct stream *stream, struct life *life, const struct cut *cut, unsigned *cpu)
{
	uint64_t now = cut->found_ns;
	enum convoy_seen_state state = CONVOY_SEEN_RUNNING;
	uint64_t voluntary = 0, involuntary = 0;
	size_t past = 0;

	while (past < life->n_offs && life->offs[past].out_ns <= now) {
		struct off *off = &life->offs[past];

		voluntary += off->voluntary;
		involuntary += !off->voluntary;
		if (off->in_ns > now) {
			state = off->blocked && woken_ns(off) > now ? CONVOY_SEEN_BLOCKED :
								      CONVOY_SEEN_RUNNABLE;
			off->found = true;
			off->out_ns = now;
			off->blocked = state == CONVOY_SEEN_BLOCKED;
			break;
		}
		*cpu = off->cpu_in;
		past++;
	}
	life->seen = true;
	life->cpu = *cpu;
	/* What was over by then is in no record. */
	memmove(life->offs, life->offs + past, (life->n_offs - past) * sizeof(*life->offs));
	life->n_offs -= past;
	add(stream, now, on_cpus(ev_seen(life->id, now, state, voluntary, involuntary), 0, *cpu));
	life->base_voluntary = voluntary;
	life->base_involuntary = involuntary;
}

static void be_born(struct stream *stream, const struct life *life, const struct cut *cut)
{
	/* One that has not run yet is told of when somebody looks. */
	uint64_t in_ns = life->first_ns > cut->looked_ns ? cut->looked_ns : life->first_ns;

	add(stream, in_ns, on_cpus(ev_birth(life->id, life->born_ns, in_ns), 0, life->cpu));
}

/* The kernel counts this last switch, too. */
static void be_dead(struct stream *stream, const struct life *life)
{
	uint64_t voluntary = life->base_voluntary + 1, involuntary = life->base_involuntary;

	for (size_t i = 0; i < life->n_offs; i++) {
		voluntary += !life->offs[i].found && life->offs[i].voluntary;
		involuntary += !life->offs[i].found && !life->offs[i].voluntary;
	}
	add(stream, life->died_ns, ev_death(life->id, life->died_ns, voluntary, involuntary));
}

static void record_life(struct stream *stream, struct life *life, const struct cut *cut)
{
	uint64_t looked = cut->looked_ns;
	unsigned cpu = life->cpu;

	if (life->first_ns <= cut->found_ns)
		be_found(stream, life, cut, &cpu);
	else
		be_born(stream, life, cut);
	if (life->died_ns > looked && life->born_ns <= looked)
		add(stream, looked, ev_alive(life->id, looked));
	for (size_t i = 0; i < life->n_offs; i++) {
		const struct off *off = &life->offs[i];

		if (off->in_ns <= cut->stopped_ns)
			add(stream, off->in_ns, record_of(life, off, cpu));
		if (off->out_ns <= looked && off->in_ns > looked)
			add(stream, looked, open_of(life, off, cpu, looked));
		cpu = off->cpu_in;
	}
	if (life->died_ns <= cut->stopped_ns)
		be_dead(stream, life);
}

/* What the recording should say of one life, by asking it for each nanosecond. */
static void check_life(const struct ledger_thread *t, const struct life *life,
		       const struct cut *cut, bool window, uint64_t *busy)
{
	uint64_t from = cut->from_ns, to = cut->to_ns, times[ACCOUNT_COUNT] = { 0 };
	uint64_t voluntary = 0, involuntary = 0, migrations = 0;
	uint64_t start = life->born_ns > from ? life->born_ns : from;
	bool unfinished = life->born_ns < to && life->first_ns > to, waited_before = false;
	bool dead = life->died_ns <= to;
	unsigned cpu = life->cpu;

	if (life->born_ns >= to || (window && life->died_ns <= from)) {
		assert_false(t->seen);
		return;
	}
	assert_true(t->seen);
	for (uint64_t ns = from; ns < to; ns++) {
		unsigned on;
		enum account account = state_at(life, ns, &on);

		if (account == ACCOUNT_COUNT)
			continue;
		times[account]++;
		busy[on] += account == ACCOUNT_RUNNING;
	}
	if (life->died_ns > from)
		check_times(t, times);
	assert_int_equal(ledger_thread__residual_ns(t), 0);
	for (size_t i = 0; i < life->n_offs; i++) {
		const struct off *off = &life->offs[i];

		if (off->out_ns < to && !off->found && !(window && off->out_ns < from)) {
			/* While it lasts, a refused block looks like a preemption. */
			bool counts = off->in_ns <= cut->stopped_ns ? off->voluntary : off->blocked;

			voluntary += counts;
			involuntary += !counts;
		}
		unfinished |= off->out_ns < to && off->in_ns > to;
		waited_before |= (off->found || off->out_ns < from) && off->in_ns > start;
		migrations += off->out_ns < to && off->in_ns <= to && off->in_ns > start &&
			      off->cpu_in != cpu;
		cpu = off->cpu_in;
	}
	assert_int_equal(t->voluntary, voluntary + dead);
	assert_int_equal(t->involuntary, involuntary);
	assert_int_equal(t->migrations, migrations);
	assert_int_equal(t->dead, dead);
	assert_int_equal(t->unfinished, unfinished);
	assert_int_equal(t->waited_before, waited_before);
	assert_int_equal(t->since_before, life->seen || (window && life->born_ns < from));
	assert_int_equal(t->disordered, 0);
	assert_int_equal(ledger_thread__audited(t), dead && !window);
	if (ledger_thread__audited(t))
		assert_true(ledger_thread__audit_equal(t));
}

static void check_lock(struct ledger *ledger, const struct life *lives, const struct cut *cut)
{
	const struct lock *lock = find_lock(ledger__locks(ledger), 0, "(unnamed mutex)");
	uint64_t waits = 0, before = 0, unfinished = 0, total = 0;

	for (size_t i = 0; i < LIVES; i++) {
		for (size_t j = 0; lives[i].id && j < lives[i].n_offs; j++) {
			const struct off *off = &lives[i].offs[j];

			if (!off->blocked || reasons[off->why].account != ACCOUNT_LOCK ||
			    off->out_ns >= cut->to_ns || off->in_ns <= cut->from_ns)
				continue;
			waits++;
			before += off->found || off->out_ns < cut->from_ns;
			unfinished += off->in_ns > cut->to_ns;
		}
	}
	for (size_t i = 0; i < ledger__n_threads(ledger); i++)
		total += ledger__thread(ledger, i)->time_ns[ACCOUNT_LOCK];
	if (!lock) {
		assert_int_equal(waits, 0);
		return;
	}
	assert_int_equal(lock->waits, waits);
	assert_int_equal(lock->since_before, before);
	assert_int_equal(lock->unfinished, unfinished);
	assert_int_equal(lock->total_ns, total);
	assert_int_equal(lock->episodes.sum, total);
}

static void check_ledger(struct ledger *ledger, const struct life *lives, const struct cut *cut,
			 bool window)
{
	uint64_t busy[CPUS] = { 0 };

	for (size_t i = 0; i < LIVES; i++)
		if (lives[i].id && lives[i].id <= ledger__n_threads(ledger))
			check_life(thread_at(ledger, lives[i].id - 1), &lives[i], cut, window,
				   busy);
	for (unsigned cpu = 0; cpu < CPUS; cpu++)
		assert_int_equal(ledger__cpu_busy_ns(ledger, cpu), busy[cpu]);
	check_lock(ledger, lives, cut);
	assert_int_equal(ledger__unmatched(ledger), 0);
	assert_int_equal(ledger__n_vanished(ledger), 0);
}

static int by_birth(const void *a, const void *b)
{
	const struct life *x = a, *y = b;

	return (x->born_ns > y->born_ns) - (x->born_ns < y->born_ns);
}

/* `from` .. `to` is the whole recording, or a part of it (window). */
static void analyse(const struct stream *stream, const struct life *lives, const struct cut *cut,
		    bool window)
{
	struct ledger_options options = { .start_ns = cut->from_ns, .window = window };
	struct ledger *ledger = NULL;
	bool ended = false;

	assert_int_equal(ledger__new(&ledger, &options), 0);
	for (size_t i = 0; i < stream->n; i++) {
		/* Of a recording that is being made the end is not known before. */
		if (!ended && (window || stream->time_ns[i] >= cut->to_ns)) {
			ledger__end_at(ledger, cut->to_ns);
			ended = true;
		}
		feed(ledger, stream->events[i]);
	}
	if (!ended)
		ledger__end_at(ledger, cut->to_ns);
	finish(ledger, cut->to_ns);
	check_ledger(ledger, lives, cut, window);
	ledger__free(ledger);
}

static void live_and_record(uint64_t seed)
{
	struct life lives[LIVES];
	struct stream stream = { .n = 0 };
	struct cut cut, part;
	uint32_t id = 0;

	seed = seed * 0x9e3779b97f4a7c15ull + 1;
	for (size_t i = 0; i < LIVES; i++)
		make_life(&lives[i], &seed);
	qsort(lives, LIVES, sizeof(*lives), by_birth);
	cut.found_ns = random_below(&seed, 400);
	cut.from_ns = cut.found_ns + random_below(&seed, 20);
	cut.to_ns = cut.from_ns + 1 + random_below(&seed, 400);
	cut.looked_ns = cut.to_ns + 1 + random_below(&seed, 20);
	cut.stopped_ns = cut.looked_ns + random_below(&seed, 20);
	for (size_t i = 0; i < LIVES; i++) {
		if (lives[i].died_ns <= cut.found_ns || lives[i].born_ns > cut.looked_ns)
			continue;
		lives[i].id = ++id;
		record_life(&stream, &lives[i], &cut);
	}
	analyse(&stream, lives, &cut, false);

	part = cut;
	part.from_ns += random_below(&seed, (unsigned)(cut.to_ns - cut.from_ns));
	part.to_ns = part.from_ns + 1 + random_below(&seed, (unsigned)(cut.to_ns - part.from_ns));
	analyse(&stream, lives, &part, true);
}

static void test_random_cuts(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20000; seed++)
		live_and_record(seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_cuts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
