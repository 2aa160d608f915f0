/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * map_events.h - programs and mappings as the kernel tells of them, while they begin.
 *
 * A process that lives a millisecond is over before its /proc could be read; the
 * kernel's own records of exec and of executable mappings (perf side-band events) are
 * not. They come in time order over all CPUs, as struct mapping:
 *
 * MAPPING_EXEC	with the program's name, at most 15 bytes. Its path follows: that of the
 *		first MAPPING_FILE after it (of a script: its interpreter's).
 * MAPPING_FILE	executable ones only (what else a library maps lies at a fixed distance),
 *		with the build-id since Linux 5.12, else, and for what has none, with device
 *		and inode. Also [vdso]; not executable memory without a name. Unmapping is
 *		not told: a newer mapping takes the place of older ones it overlaps.
 *
 * fork() is not told either: a child has its parent's mappings of that moment, until it
 * execs. CONVOY_EV_BIRTH says whose child it is and when it was born.
 *
 * `pid` is as the PID namespace of whoever called map_events__open() sees it, which is
 * the initial one unless convoy runs in a container; processes outside it are left out.
 */
#ifndef CONVOY_MAP_EVENTS_H
#define CONVOY_MAP_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "mapping.h"

struct map_events;

struct map_events_options {
	/*
	 * -1: the whole machine; the receiver keeps what it wants. Needs CAP_PERFMON or
	 * root. Switches and other system calls cost what they did.
	 * Else: this process, and what it forks from now on. May be one's own without any
	 * privilege, but all its switches take longer, and forks with the number of CPUs.
	 * Either way every mmap() on the machine takes longer, as the kernel looks for
	 * names before it looks who is interested.
	 */
	pid_t pid;
	size_t pages;	/* of each CPU's buffer, a power of two; 0: MAP_EVENTS_BYTES of them */
};

/* By default, for each CPU: what perf_event_mlock_kb leaves to anyone. */
#define MAP_EVENTS_BYTES (256u << 10)

/*
 * Open the events: the part that needs privilege. What happens before map_events__map()
 * is not recorded, nor counted as lost. A CPU that comes on line later is not watched.
 * Returns 0 or a negative errno, without a message: -EACCES or -EPERM without permission,
 * -ESRCH when the process is gone, -EMFILE, -EINVAL for `pages`. map_events__free() ends it.
 */
int map_events__open(struct map_events **events, const struct map_events_options *options);

/*
 * Map the buffers: in the process that will drain, because perf's are not inherited over
 * fork(), and before it drops capabilities, because large ones need CAP_IPC_LOCK. Other
 * processes that have the descriptors then just call map_events__free(). Returns 0 or a
 * negative errno; -EPERM: more locked memory than allowed.
 */
int map_events__map(struct map_events *events);

/*
 * Hand over, in order, what is no younger than limit_ns (CLOCK_MONOTONIC, ns; UINT64_MAX:
 * all there is). The order holds over all drains if limit_ns leaves out the last few
 * milliseconds. Reads memory only: it needs no privilege, and may find nothing.
 * Returns 0, what `fn` returned if negative, -EBADMSG for a buffer that makes no sense,
 * or -EINVAL before map_events__map().
 */
int map_events__drain(struct map_events *events, uint64_t limit_ns, mapping_fn fn, void *ctx);

/*
 * Records that found no room, as far as drained records tell; with the kernel's own
 * count, too, where it keeps one (Linux 6.0), which costs a read(2) for each CPU.
 */
uint64_t map_events__lost(struct map_events *events);

/* Close and unmap, in this process; NULL is fine. */
void map_events__free(struct map_events *events);

#endif /* CONVOY_MAP_EVENTS_H */
