/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * host.h - which machine this is, for the report.
 */
#ifndef CONVOY_HOST_H
#define CONVOY_HOST_H

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

/* CLOCK_MONOTONIC, ns: the clock of the events. */
uint64_t monotonic_ns(void);

/* CPU time that this process has used, ns. */
uint64_t own_cpu_ns(void);

#endif /* CONVOY_HOST_H */
