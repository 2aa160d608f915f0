/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * gil_ticks.c - the GIL of Python 2: a semaphore, given away blindly.
 *
 * At every checkpoint the holder posts and takes again at once. The waiter it
 * has woken needs longer to get on a CPU than the holder needs to come back,
 * so it mostly finds the semaphore taken and sleeps again: many wake-ups, few
 * switches. That is the point of this style, so nothing here is made fairer.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "workloads/gil_style.h"
#include "workloads/publish.h"

#include <errno.h>
#include <semaphore.h>
#include <stdlib.h>

struct gil_ticks {
	struct gil base;
	/* All threads write the semaphore; the fields around it are read-only. */
	sem_t free_slot __attribute__((aligned(128)));
	const struct gil_account *last_holder __attribute__((aligned(128))); /* holder's */
};

static struct gil_ticks *ticks_of(struct gil *gil)
{
	return (struct gil_ticks *)gil;
}

static int ticks_create(struct gil **out, const struct gil_config *config)
{
	struct gil_ticks *ticks = aligned_alloc(128, sizeof(*ticks));
	int err;

	(void)config;
	if (!ticks)
		return -ENOMEM;
	*ticks = (struct gil_ticks){ .base.ops = &gil_ticks_ops };
	if (sem_init(&ticks->free_slot, 0, 1)) {
		err = -errno;
		free(ticks);
		return err;
	}
	*out = &ticks->base;
	return 0;
}

static void ticks_destroy(struct gil *gil)
{
	sem_destroy(&ticks_of(gil)->free_slot);
	free(ticks_of(gil));
}

static int ticks_publish(const struct gil *gil, struct publisher *publisher)
{
	const struct gil_ticks *ticks = (const struct gil_ticks *)gil;

	return publish__lock(publisher, &ticks->free_slot, sizeof(ticks->free_slot), LOCK_GIL,
			     LOCK_ROLE_ACQUIRE, GIL_LOCK_NAME);
}

static int ticks_take(struct gil *gil, struct gil_account *me)
{
	struct gil_ticks *ticks = ticks_of(gil);

	if (sem_trywait(&ticks->free_slot)) {
		uint64_t since = clock__now();

		while (sem_wait(&ticks->free_slot))
			if (errno != EINTR)
				return -errno;
		gil__count_wait(me, since);
		me->contended++;
	}
	me->acquires++;
	if (ticks->last_holder != me) {
		ticks->last_holder = me;
		me->switches++;
	}
	return 0;
}

static int ticks_drop(struct gil *gil, struct gil_account *me, int for_good)
{
	(void)for_good;
	me->drops++;
	return sem_post(&ticks_of(gil)->free_slot) ? -errno : 0;
}

static int ticks_checkpoint(struct gil *gil, struct gil_account *me)
{
	int err = ticks_drop(gil, me, 0);

	return err ? err : ticks_take(gil, me);
}

const struct gil_ops gil_ticks_ops = {
	.create = ticks_create,
	.destroy = ticks_destroy,
	.publish = ticks_publish,
	.take = ticks_take,
	.drop = ticks_drop,
	.checkpoint = ticks_checkpoint,
};
