/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* events_fixture.c - hand-written events for unit tests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include <cmocka.h>

#include "tests/unit/events_fixture.h"

static struct convoy_ev_hdr header(unsigned type, unsigned flags, uint32_t id, uint64_t time_ns)
{
	return (struct convoy_ev_hdr){ (__u16)type, (__u16)flags, id, time_ns };
}

union event ev_birth(uint32_t id, uint64_t born_ns, uint64_t in_ns)
{
	union event event = { 0 };

	event.birth.hdr = header(CONVOY_EV_BIRTH, 0, id, in_ns);
	event.birth.born_ns = born_ns;
	event.birth.pid = FIXTURE_ROOT_PID;
	event.birth.tid = FIXTURE_ROOT_PID + id - 1;
	event.birth.ns_pid = FIXTURE_PID;
	event.birth.ns_tid = FIXTURE_PID + id - 1;
	snprintf(event.birth.comm, sizeof(event.birth.comm), "born-%u", id);
	return event;
}

union event ev_runnable(uint32_t id, uint64_t out_ns, uint64_t in_ns)
{
	union event event = { 0 };

	event.runnable.hdr = header(CONVOY_EV_RUNNABLE, 0, id, in_ns);
	event.runnable.out_ns = out_ns;
	return event;
}

union event ev_wait(uint32_t id, uint64_t out_ns, uint64_t waking_ns, uint64_t in_ns, int nr)
{
	unsigned flags = CONVOY_F_VOLUNTARY | (nr >= 0 ? CONVOY_F_SYSCALL : 0);
	union event event = { 0 };

	event.wait.hdr = header(CONVOY_EV_WAIT, flags, id, in_ns);
	event.wait.out_ns = out_ns;
	event.wait.waking_ns = waking_ns;
	event.wait.nr = (__s16)nr;
	return event;
}

union event ev_futex(uint32_t id, uint64_t out_ns, uint64_t waking_ns, uint64_t in_ns,
		     uint64_t word, unsigned op, uint32_t val)
{
	union event event = ev_wait(id, out_ns, waking_ns, in_ns, SYS_futex);

	event.wait.hdr.flags |= CONVOY_F_FUTEX;
	event.wait.word = word;
	event.wait.op = (__u16)op;
	event.wait.val = val;
	return event;
}

union event ev_still(union event wait)
{
	wait.hdr.type = CONVOY_EV_OPEN;
	wait.hdr.time_ns = 0;
	return wait;
}

union event ev_death(uint32_t id, uint64_t at_ns, uint64_t nvcsw, uint64_t nivcsw)
{
	union event event = { 0 };

	event.death.hdr = header(CONVOY_EV_DEATH, CONVOY_F_VOLUNTARY, id, at_ns);
	event.death.nvcsw = nvcsw;
	event.death.nivcsw = nivcsw;
	event.death.pid = FIXTURE_ROOT_PID;
	event.death.tid = FIXTURE_ROOT_PID + id - 1;
	snprintf(event.death.comm, sizeof(event.death.comm), "thread-%u", id);
	return event;
}

union event ev_seen(uint32_t id, uint64_t at_ns, enum convoy_seen_state state, uint64_t nvcsw,
		    uint64_t nivcsw)
{
	union event event = { 0 };

	event.seen.hdr = header(CONVOY_EV_SEEN, 0, id, at_ns);
	event.seen.state = (__u16)state;
	event.seen.nvcsw = nvcsw;
	event.seen.nivcsw = nivcsw;
	event.seen.pid = FIXTURE_ROOT_PID;
	event.seen.tid = FIXTURE_ROOT_PID + id - 1;
	event.seen.ns_pid = FIXTURE_PID;
	event.seen.ns_tid = FIXTURE_PID + id - 1;
	snprintf(event.seen.comm, sizeof(event.seen.comm), "seen-%u", id);
	return event;
}

union event ev_alive(uint32_t id, uint64_t at_ns)
{
	union event event = ev_death(id, at_ns, 0, 0);

	event.hdr.type = CONVOY_EV_ALIVE;
	event.hdr.flags = 0;
	return event;
}

union event ev_holder(uint32_t waiter, uint64_t word, uint32_t ns_tid)
{
	union event event = { 0 };

	event.holder.hdr = header(CONVOY_EV_HOLDER, 0, waiter, 0);
	event.holder.word = word;
	event.holder.holder = ns_tid;
	return event;
}

union event ev_calls(uint32_t id, uint64_t at_ns, uint64_t word, uint32_t eagain, uint32_t timeouts)
{
	union event event = { 0 };

	event.calls.hdr = header(CONVOY_EV_FUTEX, 0, id, at_ns);
	event.calls.word = word;
	event.calls.waits = eagain + timeouts + 1;
	event.calls.eagain = eagain;
	event.calls.timeouts = timeouts;
	return event;
}

union event with_flags(union event event, unsigned flags)
{
	event.hdr.flags |= (__u16)flags;
	return event;
}

union event on_cpus(union event event, unsigned cpu_out, unsigned cpu_in)
{
	switch (event.hdr.type) {
	case CONVOY_EV_RUNNABLE:
		event.runnable.cpu_out = (__u16)cpu_out;
		event.runnable.cpu_in = (__u16)cpu_in;
		break;
	case CONVOY_EV_WAIT:
	case CONVOY_EV_OPEN:
		event.wait.cpu_out = (__u16)cpu_out;
		event.wait.cpu_in = (__u16)cpu_in;
		break;
	case CONVOY_EV_BIRTH:
		event.birth.cpu_in = (__u16)cpu_in;
		break;
	case CONVOY_EV_DEATH:
		event.death.cpu_out = (__u16)cpu_out;
		break;
	case CONVOY_EV_SEEN:
		event.seen.cpu = (__u16)cpu_in;
		break;
	}
	return event;
}

struct ledger *new_ledger(uint64_t start_ns, const struct lock_table *published)
{
	struct ledger_options options = { .start_ns = start_ns, .published = published };
	struct ledger *ledger = NULL;

	assert_int_equal(ledger__new(&ledger, &options), 0);
	assert_non_null(ledger);
	return ledger;
}

void feed(struct ledger *ledger, union event event)
{
	int err = ledger__feed(ledger, &event.hdr);

	if (err)
		fail_msg("event of type %u, id %u, time %llu: %s", event.hdr.type, event.hdr.id,
			 (unsigned long long)event.hdr.time_ns, strerror(-err));
}

void feed_all(struct ledger *ledger, const union event *events, size_t n)
{
	for (size_t i = 0; i < n; i++)
		feed(ledger, events[i]);
}

void finish(struct ledger *ledger, uint64_t end_ns)
{
	assert_int_equal(ledger__finish(ledger, end_ns), 0);
}

const struct ledger_thread *thread_at(const struct ledger *ledger, size_t at)
{
	assert_true(at < ledger__n_threads(ledger));
	return ledger__thread(ledger, at);
}

void check_times(const struct ledger_thread *thread, const uint64_t *expected)
{
	uint64_t lifetime = 0;

	for (int i = 0; i < ACCOUNT_COUNT; i++) {
		if (thread->time_ns[i] != expected[i])
			fail_msg("thread %u, %s: %llu ns instead of %llu", thread->id,
				 account__name((enum account)i),
				 (unsigned long long)thread->time_ns[i],
				 (unsigned long long)expected[i]);
		lifetime += expected[i];
	}
	assert_int_equal(ledger_thread__lifetime_ns(thread), lifetime);
	assert_int_equal(ledger_thread__residual_ns(thread), 0);
}

void publish_range(struct lock_table *table, uint32_t pid, uint64_t address, uint32_t size,
		   enum lock_kind kind, enum lock_role role, const char *name)
{
	struct lock_entry *entry = &table->entries[table->count++];

	assert_true(table->count <= LOCK_TABLE_CAPACITY);
	table->magic = LOCK_TABLE_MAGIC;
	table->capacity = LOCK_TABLE_CAPACITY;
	entry->pid = (int32_t)pid;
	entry->address = address;
	entry->size = size;
	entry->kind = kind;
	entry->role = role;
	snprintf(entry->name, sizeof(entry->name), "%s", name);
	entry->ready = 1;
}

const struct lock *find_lock(const struct locks *locks, uint32_t pid, const char *name)
{
	for (size_t i = 0; i < locks__n(locks); i++) {
		const struct lock *lock = locks__at(locks, i);

		if (lock->pid == pid && !strcmp(lock->name, name))
			return lock;
	}
	return NULL;
}

uint64_t random_next(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

unsigned random_below(uint64_t *seed, unsigned n)
{
	return (unsigned)((random_next(seed) >> 11) % n);
}
