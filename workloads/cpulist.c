/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* cpulist.c - parse, write and apply lists of CPUs. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "workloads/cpulist.h"

#include <errno.h>
#include <stdio.h>

/* One CPU number at *p, which is moved behind it. */
static int parse_cpu(const char **p, int *cpu)
{
	int value = 0, too_big = 0;

	if (**p < '0' || **p > '9')
		return -EINVAL;
	for (; **p >= '0' && **p <= '9'; (*p)++) {
		value = value * 10 + (**p - '0');
		if (value >= CPU_SETSIZE) {
			too_big = 1;
			value = CPU_SETSIZE;
		}
	}
	*cpu = value;
	return too_big ? -ERANGE : 0;
}

int cpulist__parse(const char *text, cpu_set_t *out)
{
	const char *p = text;
	cpu_set_t set;
	int range = 0;

	if (!text)
		return -EINVAL;
	CPU_ZERO(&set);
	for (;;) {
		int first, last, error;

		error = parse_cpu(&p, &first);
		if (error == -EINVAL)
			return error;
		range |= error;
		last = first;
		if (*p == '-') {
			p++;
			error = parse_cpu(&p, &last);
			if (error == -EINVAL)
				return error;
			range |= error;
		}
		if (last < first)
			return -EINVAL;
		for (int cpu = first; cpu <= last && cpu < CPU_SETSIZE; cpu++)
			CPU_SET(cpu, &set);
		if (!*p)
			break;
		if (*p++ != ',')
			return -EINVAL;
	}
	if (range)
		return -ERANGE;
	*out = set;
	return 0;
}

int cpulist__format(const cpu_set_t *set, char *text, size_t size)
{
	size_t used = 0;

	if (!size)
		return -ENOSPC;
	text[0] = '\0';
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		int last = cpu, n;

		if (!CPU_ISSET(cpu, set))
			continue;
		while (last + 1 < CPU_SETSIZE && CPU_ISSET(last + 1, set))
			last++;
		if (last > cpu)
			n = snprintf(text + used, size - used, "%s%d-%d", used ? "," : "", cpu,
				     last);
		else
			n = snprintf(text + used, size - used, "%s%d", used ? "," : "", cpu);
		if (n < 0 || (size_t)n >= size - used)
			return -ENOSPC;
		used += (size_t)n;
		cpu = last;
	}
	return (int)used;
}

static int first_missing(const cpu_set_t *wanted, const cpu_set_t *got)
{
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, wanted) && !CPU_ISSET(cpu, got))
			return cpu;
	return -1;
}

int cpulist__apply(const cpu_set_t *set, int *missing)
{
	cpu_set_t before, after;

	if (missing)
		*missing = -1;
	if (sched_getaffinity(0, sizeof(before), &before))
		return -errno;
	if (sched_setaffinity(0, sizeof(*set), set)) {
		if (errno != EINVAL)
			return -errno;
		/* None of them can be used; name the first that could not be before. */
		if (missing)
			*missing = first_missing(set, &before);
		return -ENODEV;
	}
	/* The kernel silently leaves out CPUs that are offline or not allowed. */
	if (sched_getaffinity(0, sizeof(after), &after))
		return -errno;
	if (CPU_EQUAL(set, &after))
		return 0;
	if (missing)
		*missing = first_missing(set, &after);
	sched_setaffinity(0, sizeof(before), &before);
	return -ENODEV;
}
