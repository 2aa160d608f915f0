// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * recording_events.c - the fields of the events that are rare.
 */
#include "recording_events.h"

#define FIELD(type, member)                                                       \
	{                                                                         \
		offsetof(struct type, member), sizeof(((struct type *)0)->member) \
	}

static const struct event_field birth_fields[] = {
	FIELD(convoy_ev_birth, born_ns), FIELD(convoy_ev_birth, parent),
	FIELD(convoy_ev_birth, tid),	 FIELD(convoy_ev_birth, pid),
	FIELD(convoy_ev_birth, ns_tid),	 FIELD(convoy_ev_birth, ns_pid),
	FIELD(convoy_ev_birth, comm),	 { 0, 0 },
};

static const struct event_field death_fields[] = {
	FIELD(convoy_ev_death, nvcsw),	    FIELD(convoy_ev_death, nivcsw),
	FIELD(convoy_ev_death, runtime_ns), FIELD(convoy_ev_death, run_delay_ns),
	FIELD(convoy_ev_death, tid),	    FIELD(convoy_ev_death, pid),
	FIELD(convoy_ev_death, yields),	    FIELD(convoy_ev_death, cpu_out),
	FIELD(convoy_ev_death, comm),	    { 0, 0 },
};

static const struct event_field futex_fields[] = {
	FIELD(convoy_ev_futex, word),	      FIELD(convoy_ev_futex, waits),
	FIELD(convoy_ev_futex, eagain),	      FIELD(convoy_ev_futex, timeouts),
	FIELD(convoy_ev_futex, interrupted),  FIELD(convoy_ev_futex, wakes),
	FIELD(convoy_ev_futex, wakes_nobody), { 0, 0 },
};

static const struct event_field seen_fields[] = {
	FIELD(convoy_ev_seen, started_ns),   FIELD(convoy_ev_seen, nvcsw),
	FIELD(convoy_ev_seen, nivcsw),	     FIELD(convoy_ev_seen, runtime_ns),
	FIELD(convoy_ev_seen, run_delay_ns), FIELD(convoy_ev_seen, tid),
	FIELD(convoy_ev_seen, pid),	     FIELD(convoy_ev_seen, ns_tid),
	FIELD(convoy_ev_seen, ns_pid),	     FIELD(convoy_ev_seen, cpu),
	FIELD(convoy_ev_seen, comm),	     { 0, 0 },
};

static const struct event_field holder_fields[] = {
	FIELD(convoy_ev_holder, word),
	FIELD(convoy_ev_holder, holder),
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
