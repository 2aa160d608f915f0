/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * mapping.h - what a process had mapped where, for naming addresses later.
 */
#ifndef CONVOY_MAPPING_H
#define CONVOY_MAPPING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAPPING_BUILD_ID_MAX 20
#define MAPPING_PATH_MAX 4096

enum mapping_kind {
	MAPPING_EXEC = 1,	/* the process began another program: all older mappings are gone;
				 * `path` is the program, or its name where that is all there is */
	MAPPING_FILE = 2,	/* a file (or memory with a name) was mapped at an address */
};

/* Whoever hands one over owns `path`; it is valid until the callback returns. */
struct mapping {
	enum mapping_kind kind;
	uint32_t pid;		/* thread group, as the initial PID namespace sees it */
	uint64_t time_ns;	/* CLOCK_MONOTONIC */
	/* MAPPING_FILE only; 0 otherwise: */
	uint64_t start, length;	/* bytes, in the process's address space */
	uint64_t offset;	/* bytes, in the file */
	uint32_t major, minor;	/* of the device; 0 where the kernel gave a build-id instead */
	uint64_t inode;
	bool executable, shared;
	uint8_t build_id_size;	/* 0: unknown */
	uint8_t build_id[MAPPING_BUILD_ID_MAX];
	const char *path;	/* never NULL; raw bytes, "" when there is no name */
};

/* A negative return ends what calls it, and is returned. */
typedef int (*mapping_fn)(void *ctx, const struct mapping *mapping);

#endif /* CONVOY_MAPPING_H */
