/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * host.h - which machine this is, for the report.
 */
#ifndef CONVOY_HOST_H
#define CONVOY_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "report.h"

/* Fill in report->host but for what depends on the run. Unknown stays empty. */
void host__describe(struct report *report);

/*
 * Time that the hypervisor ran something else while a CPU had work, summed over
 * all CPUs since boot, in ns. Returns 0 or a negative errno. From /proc/stat, in
 * its resolution (USER_HZ, 10 ms).
 */
int host__stolen_ns(uint64_t *ns);

/* Do PIDs mean here what the probes mean by them, those of the initial PID namespace? */
bool host__in_initial_pid_namespace(void);

/* How much of the CPUs' time the hypervisor took while something went on. */
struct stolen_clock {
	uint64_t began_ns, stolen_ns;
	bool known;
};

void stolen_clock__start(struct stolen_clock *clock);
/* Of the time of all CPUs since then, 0..1; unknown where the kernel does not tell. */
struct maybe stolen_clock__share(const struct stolen_clock *clock);

/* CLOCK_MONOTONIC, ns: the clock of the events. */
uint64_t monotonic_ns(void);

/* CLOCK_REALTIME, ns. */
uint64_t realtime_ns(void);

/* CPU time that this process has used, ns. */
uint64_t own_cpu_ns(void);

#endif /* CONVOY_HOST_H */
