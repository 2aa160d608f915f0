/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* modes.c - the list of spawners, and what they have in common. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "workloads/catalog.h"
#include "workloads/job.h"
#include "workloads/mode.h"
#include "workloads/publish.h"
#include "workloads/work_log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

static const struct spawner *const spawners[MODE_COUNT] = {
#define MODE(id, symbol, ...) [MODE_##id] = &spawner_##symbol,
#include "workloads/mode_rows.h"
#undef MODE
};

const struct spawner *spawner__find(const char *mode)
{
	const struct mode_info *info = catalog_mode(mode);

	return info ? spawners[info->id] : NULL;
}

int mode__make_locks(struct run *run, struct gil **out)
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
		if (!err && run->job->publish)
			err = run->job->publish(run);
		if (err)
			gil__destroy(gil);
	}
	if (err)
		work_log__print("cannot make the locks of an interpreter: %s", strerror(-err));
	else
		*out = gil;
	return err;
}

struct client {
	pthread_t thread;
	struct run *run;
};

static void *client_main(void *argument)
{
	struct client *client = argument;

	prctl(PR_SET_NAME, "client");
	client->run->shared->client_error = client->run->job->client(client->run);
	return NULL;
}

int mode__start_client(struct run *run)
{
	struct client *client;
	int err;

	if (!run->job->client)
		return 0;
	client = malloc(sizeof(*client));
	if (!client)
		return -ENOMEM;
	client->run = run;
	err = pthread_create(&client->thread, NULL, client_main, client);
	if (err) {
		work_log__print("cannot start the client: %s", strerror(err));
		free(client);
		return -err;
	}
	run->client = client;
	return 0;
}

void mode__join_client(struct run *run)
{
	if (!run->client)
		return;
	pthread_join(run->client->thread, NULL);
	free(run->client);
	run->client = NULL;
}
