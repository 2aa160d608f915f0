/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * process_memory.h - the memory of another process.
 */
#ifndef CONVOY_PROCESS_MEMORY_H
#define CONVOY_PROCESS_MEMORY_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Read up to `size` bytes at `address` of the process `pid` (as this process's PID namespace
 * has it) into `buffer`: as many as there are before a page that cannot be read. Returns how
 * many, at least 1, or a negative errno (-EFAULT: none there; -ESRCH: no such process).
 *
 * Not through /proc/PID/mem, which opens for the owner of the process and for those who may
 * pass by every file's mode: what the recorder keeps is not enough.
 */
ssize_t process_memory__read(pid_t pid, uint64_t address, void *buffer, size_t size);

#endif /* CONVOY_PROCESS_MEMORY_H */
