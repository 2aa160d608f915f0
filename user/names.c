// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * names.c - finds no name yet: what stands here until it does.
 */
#include <errno.h>
#include <stdlib.h>

#include "names.h"

struct names {
	bool read_proc;
};

int names__new(struct names **names, bool read_proc)
{
	*names = calloc(1, sizeof(**names));
	if (!*names)
		return -ENOMEM;
	(*names)->read_proc = read_proc;
	return 0;
}

void names__free(struct names *names)
{
	free(names);
}

int names__mapping(struct names *names, const struct mapping *mapping)
{
	(void)names;
	(void)mapping;
	return 0;
}

int names__stack(struct names *names, const struct convoy_ev_stack *stack)
{
	(void)names;
	(void)stack;
	return 0;
}

int names__write(struct names *names, struct recording_writer *writer, uint64_t budget_ns)
{
	(void)names;
	(void)writer;
	(void)budget_ns;
	return 0;
}

void names__forget(struct names *names, uint32_t pid)
{
	(void)names;
	(void)pid;
}

uint64_t names__dropped(const struct names *names)
{
	(void)names;
	return 0;
}
