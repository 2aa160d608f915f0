/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* modes.c - the table of spawners. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "workloads/mode.h"
#include "workloads/work_log.h"
#include "workloads/publish.h"

#include <string.h>

static const struct spawner spawners[] = {
	{ .mode = "serial", .gil = GIL_NONE, .one_worker = 1, .run = mode_threads__run },
	{ .mode = "threads", .gil = GIL_NONE, .run = mode_threads__run },
	{ .mode = "gil-ticks", .gil = GIL_TICKS, .run = mode_threads__run },
	{ .mode = "gil-timed", .gil = GIL_TIMED, .run = mode_threads__run },
	{ .mode = "processes", .gil = GIL_TIMED, .processes = 1, .run = mode_processes__run },
};

const struct spawner *spawner__find(const char *mode)
{
	for (size_t i = 0; i < sizeof(spawners) / sizeof(spawners[0]); i++)
		if (!strcmp(spawners[i].mode, mode))
			return &spawners[i];
	return NULL;
}

int mode__make_gil(struct run *run, struct gil **out)
{
	const struct gil_config config = {
		.style = run->spawner->gil,
		.switch_interval_ns = run->shared->params.switch_interval_ns,
	};
	struct gil *gil;
	int err = gil__create(&gil, &config);

	if (!err) {
		err = publish__lock(run->publisher, &run->shared->barrier,
				    sizeof(run->shared->barrier), LOCK_BARRIER, LOCK_ROLE_ACQUIRE,
				    RUN_BARRIER_NAME);
		if (!err)
			err = gil__publish(gil, run->publisher);
		if (err)
			gil__destroy(gil);
	}
	if (err)
		work_log__print("cannot make the locks of an interpreter: %s", strerror(-err));
	else
		*out = gil;
	return err;
}
