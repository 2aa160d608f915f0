/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * recorder.h - the process that drains the probes into a recording.
 *
 * Apart from the one that starts and signals commands, so that it needs no privileges:
 * once it has what it reads mapped and open, it keeps CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH at most. What it
 * is to do it is told over a socket, and it answers when it is done. When who started
 * it is gone, it writes out what it has and ends.
 */
#ifndef CONVOY_RECORDER_H
#define CONVOY_RECORDER_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "maps.h"
#include "record_docs.h"
#include "recording.h"
#include "session.h"

struct recorder;

struct recorder_options {
	struct session *session;	/* attached; NULL: without probes */
	int fd;				/* the recording: empty, open for writing */
	enum recording_codec codec;
	const struct lock_table *published;	/* shared with the work; may be NULL */
	struct maps *maps;		/* opened; NULL: none */
	bool ignore;			/* its own threads are never traced (-a) */
	bool closes;			/* what outlives a round can be told (session__close()) */
};

/*
 * Fork the recorder. `fd` and the session stay open here, but only the recorder reads
 * the rings and writes from now on. Returns 0 or a negative errno after a message.
 */
int recorder__start(struct recorder **recorder, const struct recorder_options *options);

/* Write a document. Like all that follow: 0 or a negative errno, a message is the caller's. */
int recorder__document(struct recorder *recorder, json_t *document);

/* Write META; what the clocks show is filled in. */
int recorder__meta(struct recorder *recorder, struct record_meta *meta);

/*
 * Begin a round: its events are recorded from now on, and those that are in the rings
 * already (the first_id of `round` is set by the recorder). With `find`, first find the
 * session's targets; start_ns is then when that was done, and *found how many threads
 * there were.
 */
int recorder__begin(struct recorder *recorder, struct record_round *round, bool find,
		    uint64_t *found);

/*
 * End it. Whatever is still on its way gets `patience_ms` to end. If something goes on
 * after that, and the session can tell what, the round is closed at `end->end_ns` (or
 * where it was drained to, if that is later), and the usage of `end` is not used, for it
 * is not of all that was recorded.
 */
int recorder__end(struct recorder *recorder, const struct record_round_end *end,
		  unsigned patience_ms);

/* The probes' counters of loss as they are now; all 0 without a session. */
void recorder__loss(const struct session *session, struct report_loss *loss);

/* Write END, say that the recording is complete, and wait for the process to end. */
int recorder__finish(struct recorder *recorder, const struct record_end *end);

/*
 * A signal that can be read from this signalfd while the recorder is waited for ends it
 * there and then, for it may wait for something that never comes (a reader of a pipe).
 * -1, as in the beginning: none does.
 */
void recorder__interruptible(struct recorder *recorder, int signal_fd);

/* Readable when the recorder has something to say; then ask recorder__news(). */
int recorder__fd(const struct recorder *recorder);

struct recorder_news {
	bool gone;		/* every thread that was found or followed has ended */
	int failed;		/* 0, or why it can record no more: a negative errno */
	uint64_t switches, bytes;	/* recorded so far, as of the last answer */
	uint64_t threads;	/* in all rounds that ended */
	uint64_t reads;		/* that failed in the recorder itself */
	uint64_t mappings;	/* the kernel's records of them that found no room */
	uint64_t words;		/* for which there was no room to find a name */
};

/* Does not wait. */
struct recorder_news recorder__news(struct recorder *recorder);

/* Ends the process if it still runs, and frees; NULL is fine. */
void recorder__free(struct recorder *recorder);

#endif /* CONVOY_RECORDER_H */
