/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * recording_fixture.h - what goes into a recording and comes out again, for unit tests
 * and for what throws damage at the reader. Needs no test framework: what must not fail
 * ends the program.
 */
#ifndef CONVOY_TESTS_RECORDING_FIXTURE_H
#define CONVOY_TESTS_RECORDING_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/events.h"
#include "user/recording.h"
#include "user/recording_block.h"

union any_event {
	struct convoy_ev_hdr hdr;
	struct convoy_ev_runnable runnable;
	struct convoy_ev_wait wait;
	struct convoy_ev_birth birth;
	struct convoy_ev_death death;
	struct convoy_ev_futex futex;
	struct convoy_ev_seen seen;
	struct convoy_ev_holder holder;
};

/* Bytes that grow. */
struct bytes {
	uint8_t *at;
	size_t size, room;
};

void bytes__add(struct bytes *bytes, const void *from, size_t size);
void bytes__free(struct bytes *bytes);
/* All that is in a file, from its beginning. */
struct bytes bytes__of(int fd);

/*
 * What was recorded or read, in its order: each event, mapping and document as bytes
 * that are equal when they are.
 */
struct tape {
	struct bytes bytes;
	size_t events, mappings, documents;
};

void tape__event(struct tape *tape, const struct convoy_ev_hdr *event);
void tape__mapping(struct tape *tape, const struct mapping *mapping);
void tape__document(struct tape *tape, json_t *document);
void tape__free(struct tape *tape);
/* A handler that puts all on the tape. */
struct recording_handler tape__handler(struct tape *tape);
bool tape__equal(const struct tape *a, const struct tape *b);
/* Whether `tape` is how `whole` begins. */
bool tape__begins(const struct tape *tape, const struct tape *whole);

/* An event of some type, its fields at random: small, large, or the last one's again. */
union any_event random_event(uint64_t *seed);
/* One as a machine makes them: a few threads that take turns on a few CPUs. */
struct machine {
	uint64_t seed, time_ns;
	uint64_t in_ns[8], out_ns[8];	/* of each thread */
	uint32_t running[2];	/* which thread is on each CPU */
};
union any_event machine__next(struct machine *machine);
/* `path` must outlive it. */
struct mapping random_mapping(uint64_t *seed, const char *path);

/* A writer and what it was told. */
struct recorder {
	struct recording_writer *writer;
	int fd;			/* of a file in memory */
	struct tape tape;
};

struct recorder recorder__new(enum recording_codec codec);
void recorder__event(struct recorder *recorder, union any_event event);
void recorder__mapping(struct recorder *recorder, struct mapping mapping);
void recorder__document(struct recorder *recorder, const char *json);
void recorder__finish(struct recorder *recorder);
void recorder__free(struct recorder *recorder);

/* A small recording with blocks of all kinds, finished. */
struct recorder recorder__sample(enum recording_codec codec);

/* Another block at the end of a recording, its checksums right, stored as it is. */
void add_block(struct bytes *recording, struct recording_block block, const void *content,
	       size_t size);
/* The header of a recording. */
void add_header(struct bytes *recording);
/* Make the checksums right in what may have been a recording. */
void correct_checksums(uint8_t *bytes, size_t size);

#endif /* CONVOY_TESTS_RECORDING_FIXTURE_H */
