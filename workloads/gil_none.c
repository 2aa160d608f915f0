/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* gil_none.c - no global lock: nothing to take, nothing to wait for. */
#include "workloads/gil_style.h"

#include <errno.h>
#include <stdlib.h>

static int none_create(struct gil **out, const struct gil_config *config)
{
	struct gil *gil = calloc(1, sizeof(*gil));

	(void)config;
	if (!gil)
		return -ENOMEM;
	gil->ops = &gil_none_ops;
	*out = gil;
	return 0;
}

static void none_destroy(struct gil *gil)
{
	free(gil);
}

static int none_publish(const struct gil *gil, struct publisher *publisher)
{
	(void)gil;
	(void)publisher;
	return 0;
}

static int none_take(struct gil *gil, struct gil_account *me)
{
	(void)gil;
	(void)me;
	return 0;
}

static int none_drop(struct gil *gil, struct gil_account *me, int for_good)
{
	(void)gil;
	(void)me;
	(void)for_good;
	return 0;
}

const struct gil_ops gil_none_ops = {
	.create = none_create,
	.destroy = none_destroy,
	.publish = none_publish,
	.take = none_take,
	.drop = none_drop,
	.checkpoint = none_take,
};
