// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"
#include "map_events.h"
#include "map_proc.h"
#include "maps.h"
#include "message.h"

struct maps {
	struct map_events *events;	/* NULL: none */
	struct map_proc *proc;
	bool all;
	bool initial_namespace;		/* numbers here are the initial namespace's */
	uint32_t *pids;			/* that are recorded; open addressing, 0: free */
	size_t n_pids, room;
	struct recording_writer *writer;	/* where mappings go, while they do */
	mapping_fn observe;		/* NULL: nobody */
	void *observe_ctx;
};

int maps__open(struct maps **out, bool events, bool all)
{
	const struct map_events_options options = { .pid = -1 };
	struct maps *maps = calloc(1, sizeof(*maps));
	int err = maps ? map_proc__new(&maps->proc) : -ENOMEM;

	if (err) {
		free(maps);
		message("cannot watch mappings: %s", strerror(-err));
		return err;
	}
	maps->all = all;
	maps->initial_namespace = host__in_initial_pid_namespace();
	if (events && maps->initial_namespace) {
		err = map_events__open(&maps->events, &options);
		if (err) {
			message("the kernel does not tell of mappings (%s): processes that end at once "
				"will have no program's name; --maps=proc is without it",
				strerror(-err));
			maps->events = NULL;
		}
	}
	*out = maps;
	return 0;
}

int maps__map(struct maps *maps)
{
	int err = maps->events ? map_events__map(maps->events) : 0;

	if (!err)
		return 0;
	message("the kernel's records of mappings cannot be read (%s): names of processes that "
		"come may be missing; --maps=proc says so beforehand",
		strerror(-err));
	/* Without a buffer there is nothing to drain, which is no error of the recording. */
	map_events__free(maps->events);
	maps->events = NULL;
	return 0;
}

bool maps__has_events(const struct maps *maps)
{
	return maps->events;
}

/* Where the search for it begins. */
static size_t home_of(size_t room, uint32_t pid)
{
	return (pid * 2654435761u) & (room - 1);
}

static size_t slot_of(const uint32_t *pids, size_t room, uint32_t pid)
{
	size_t at = home_of(room, pid);

	while (pids[at] && pids[at] != pid)
		at = (at + 1) & (room - 1);
	return at;
}

int maps__follow(struct maps *maps, uint32_t pid)
{
	if (maps->all || !pid)
		return 0;
	if (2 * (maps->n_pids + 1) > maps->room) {
		size_t room = maps->room ? 2 * maps->room : 64;
		uint32_t *grown = calloc(room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		for (size_t i = 0; i < maps->room; i++)
			if (maps->pids[i])
				grown[slot_of(grown, room, maps->pids[i])] = maps->pids[i];
		free(maps->pids);
		maps->pids = grown;
		maps->room = room;
	}
	size_t at = slot_of(maps->pids, maps->room, pid);

	maps->n_pids += !maps->pids[at];
	maps->pids[at] = pid;
	return 0;
}

void maps__unfollow(struct maps *maps, uint32_t pid)
{
	size_t mask = maps->room - 1, hole;

	if (!maps->room || !pid)
		return;
	hole = slot_of(maps->pids, maps->room, pid);
	if (!maps->pids[hole])
		return;
	/* Those behind it that were put there because it was taken move up. */
	for (size_t at = (hole + 1) & mask; maps->pids[at]; at = (at + 1) & mask) {
		size_t home = home_of(maps->room, maps->pids[at]);

		if (((at - home) & mask) >= ((at - hole) & mask)) {
			maps->pids[hole] = maps->pids[at];
			hole = at;
		}
	}
	maps->pids[hole] = 0;
	maps->n_pids--;
}

bool maps__is_followed(const struct maps *maps, uint32_t pid)
{
	return maps->all || (maps->room && maps->pids[slot_of(maps->pids, maps->room, pid)]);
}

void maps__observe(struct maps *maps, mapping_fn fn, void *ctx)
{
	maps->observe = fn;
	maps->observe_ctx = ctx;
}

static int write_one(void *ctx, const struct mapping *mapping)
{
	struct maps *maps = ctx;
	int err = recording_writer__mapping(maps->writer, mapping);

	return err || !maps->observe ? err : maps->observe(maps->observe_ctx, mapping);
}

static int write_followed(void *ctx, const struct mapping *mapping)
{
	return maps__is_followed(ctx, mapping->pid) ? write_one(ctx, mapping) : 0;
}

int maps__write_now(struct maps *maps, uint32_t pid, struct recording_writer *writer)
{
	int err;

	if (!maps->initial_namespace)
		return 0;
	maps->writer = writer;
	err = map_proc__read(maps->proc, (pid_t)pid, pid, monotonic_ns(), write_one, maps);
	return err == -EACCES || err == -EPERM ? 0 : err;
}

int maps__drain(struct maps *maps, uint64_t limit_ns, struct recording_writer *writer)
{
	if (!maps->events)
		return 0;
	maps->writer = writer;
	return map_events__drain(maps->events, limit_ns, write_followed, maps);
}

uint64_t maps__lost(struct maps *maps)
{
	return maps->events ? map_events__lost(maps->events) : 0;
}

uint64_t maps__unread(const struct maps *maps)
{
	return map_proc__unread(maps->proc);
}

void maps__free(struct maps *maps)
{
	if (!maps)
		return;
	map_events__free(maps->events);
	map_proc__free(maps->proc);
	free(maps->pids);
	free(maps);
}
