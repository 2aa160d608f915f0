// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * recording_events.c - the fields of the events that are rare.
 */
#include "recording_events.h"

#define AT(type, member) offsetof(struct type, member), sizeof(((struct type *)0)->member)

static const struct event_field birth_fields[] = {
	{ AT(convoy_ev_birth, born_ns) },
	{ AT(convoy_ev_birth, parent) },
	{ AT(convoy_ev_birth, tid) },
	{ AT(convoy_ev_birth, pid) },
	{ AT(convoy_ev_birth, ns_tid) },
	{ AT(convoy_ev_birth, ns_pid) },
	{ AT(convoy_ev_birth, cpu_in) },
	{ AT(convoy_ev_birth, comm) },
	{ 0, 0 },
};

static const struct event_field death_fields[] = {
	{ AT(convoy_ev_death, nvcsw) },
	{ AT(convoy_ev_death, nivcsw) },
	{ AT(convoy_ev_death, runtime_ns) },
	{ AT(convoy_ev_death, run_delay_ns) },
	{ AT(convoy_ev_death, tid) },
	{ AT(convoy_ev_death, pid) },
	{ AT(convoy_ev_death, yields) },
	{ AT(convoy_ev_death, cpu_out) },
	{ AT(convoy_ev_death, comm) },
	{ 0, 0 },
};

static const struct event_field futex_fields[] = {
	{ AT(convoy_ev_futex, word) },
	{ AT(convoy_ev_futex, waits) },
	{ AT(convoy_ev_futex, eagain) },
	{ AT(convoy_ev_futex, timeouts) },
	{ AT(convoy_ev_futex, interrupted) },
	{ AT(convoy_ev_futex, wakes) },
	{ AT(convoy_ev_futex, wakes_nobody) },
	{ 0, 0 },
};

static const struct event_field seen_fields[] = {
	{ AT(convoy_ev_seen, started_ns) },
	{ AT(convoy_ev_seen, nvcsw) },
	{ AT(convoy_ev_seen, nivcsw) },
	{ AT(convoy_ev_seen, runtime_ns) },
	{ AT(convoy_ev_seen, run_delay_ns) },
	{ AT(convoy_ev_seen, tid) },
	{ AT(convoy_ev_seen, pid) },
	{ AT(convoy_ev_seen, ns_tid) },
	{ AT(convoy_ev_seen, ns_pid) },
	{ AT(convoy_ev_seen, cpu) },
	{ AT(convoy_ev_seen, state) },
	{ AT(convoy_ev_seen, comm) },
	{ 0, 0 },
};

static const struct event_field holder_fields[] = {
	{ AT(convoy_ev_holder, word) },
	{ AT(convoy_ev_holder, holder) },
	{ 0, 0 },
};

const struct event_field *recording_events__fields(unsigned type)
{
	switch (type) {
	case CONVOY_EV_BIRTH:
		return birth_fields;
	case CONVOY_EV_DEATH:
	case CONVOY_EV_ALIVE:
		return death_fields;
	case CONVOY_EV_FUTEX:
		return futex_fields;
	case CONVOY_EV_SEEN:
		return seen_fields;
	case CONVOY_EV_HOLDER:
		return holder_fields;
	default:
		return NULL;
	}
}
