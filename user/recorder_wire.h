/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * recorder_wire.h - what the recorder and who started it say to each other. Private to
 * recorder.c and recorder_process.c.
 */
#ifndef CONVOY_RECORDER_WIRE_H
#define CONVOY_RECORDER_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "recorder.h"

enum recorder_request {
	RECORDER_DOCUMENT,
	RECORDER_BEGIN,
	RECORDER_END,
	RECORDER_FINISH,
};

struct request_header {
	uint32_t kind;		/* enum recorder_request */
	uint32_t flags;		/* RECORDER_FIND */
	uint32_t patience_ms;
	uint32_t size;		/* bytes of JSON that follow */
};

#define RECORDER_FIND 1u

enum recorder_reply_kind {
	RECORDER_DONE,		/* the answer to a request */
	RECORDER_GONE,		/* unasked for: nothing is left to trace */
	RECORDER_FAILED,	/* unasked for: it can record no more, and ends */
};

struct recorder_reply {
	uint32_t kind;
	int32_t err;
	uint64_t found, start_ns;
	uint64_t switches, bytes, threads, reads, mappings, words;
};

/*
 * All of it, whatever signals come; 0 or a negative errno, -ECONNRESET when the other has
 * ended (-EPIPE is a recording's that nobody reads).
 */
int wire__send(int fd, const void *data, size_t size);
int wire__receive(int fd, void *data, size_t size);

/*
 * The recorder itself. Does not return before its end; the value is its exit status.
 * `before`: the probes' counters before anything that belongs to the recording.
 */
int recorder_process__run(int socket, const struct recorder_options *options,
			  const struct convoy_counters *before);

#endif /* CONVOY_RECORDER_WIRE_H */
