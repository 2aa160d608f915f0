/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* gil.c - the table of styles and the calls through it. */
#include "workloads/gil_style.h"

#include <errno.h>

static const struct gil_ops *const styles[GIL_STYLE_COUNT] = {
	[GIL_NONE] = &gil_none_ops,
	[GIL_TICKS] = &gil_ticks_ops,
	[GIL_TIMED] = &gil_timed_ops,
};

int gil__create(struct gil **out, const struct gil_config *config)
{
	if ((unsigned)config->style >= GIL_STYLE_COUNT)
		return -EINVAL;
	return styles[config->style]->create(out, config);
}

void gil__destroy(struct gil *gil)
{
	if (gil)
		gil->ops->destroy(gil);
}

int gil__publish(const struct gil *gil, struct publisher *publisher)
{
	return gil->ops->publish(gil, publisher);
}

int gil__take(struct gil *gil, struct gil_account *me)
{
	return gil->ops->take(gil, me);
}

int gil__drop(struct gil *gil, struct gil_account *me)
{
	return gil->ops->drop(gil, me, 0);
}

int gil__leave(struct gil *gil, struct gil_account *me)
{
	return gil->ops->drop(gil, me, 1);
}

int gil__checkpoint(struct gil *gil, struct gil_account *me)
{
	return gil->ops->checkpoint(gil, me);
}
