/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * recording.h - the file that holds everything a report needs.
 *
 * A header, then blocks: each is compressed and checksummed by itself and can be
 * read without the others. docs/recording-format.md has it byte by byte. What a
 * document means is not this layer's business (record_docs.h).
 *
 * Nothing here needs a kernel, a clock or permission. Errors are negative errno.
 */
#ifndef CONVOY_RECORDING_H
#define CONVOY_RECORDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "bpf/events.h"
#include "mapping.h"

/* How blocks are compressed. A codec that was not built in cannot be chosen or read. */
enum recording_codec {
	RECORDING_RAW = 0,
	RECORDING_ZLIB = 1,
	RECORDING_ZSTD = 2,
};

/* The best that was built in. */
enum recording_codec recording__best_codec(void);
/* "zstd", "zlib", "raw"; NULL for a number that is no codec. */
const char *recording__codec_name(enum recording_codec codec);

struct recording_writer;

/*
 * Begin a recording in a file that is open for writing and empty; `fd` stays the
 * caller's, and may be a pipe. Writes the header. Returns 0, -EOPNOTSUPP (codec not
 * built in), -ENOMEM or what write(2) gave.
 */
int recording_writer__new(struct recording_writer **writer, int fd, enum recording_codec codec);

/*
 * Each adds to the recording, in the order of the calls. Events and mappings are
 * gathered until a block is full; a document is a block of its own, written at once,
 * after all that was gathered before it. An error of write(2) (a full disk) is
 * returned by this call and by all later ones; the file then ends with its last
 * complete block, since what was written of the next is cut off again if it can be.
 *
 * What cannot be recorded is refused without harm to the rest: -EINVAL (an event of no
 * type, a mapping of no kind, no object, or anything after the end), -ENAMETOOLONG (a path
 * of more than MAPPING_PATH_MAX bytes), -EFBIG (a document of more than 4 MiB of text).
 *
 * Since all stays in order, an event after a mapping begins another block: many of one
 * kind, then many of the other, make the smallest file.
 */
int recording_writer__event(struct recording_writer *writer, const struct convoy_ev_hdr *event);
int recording_writer__mapping(struct recording_writer *writer, const struct mapping *mapping);
/* `document` is an object; it stays the caller's. */
int recording_writer__document(struct recording_writer *writer, json_t *document);

/* Write out what was gathered: after it, a crash costs nothing. */
int recording_writer__flush(struct recording_writer *writer);

/* Flush, and say that the recording is complete. */
int recording_writer__finish(struct recording_writer *writer);

/* Bytes of the recording so far, what is gathered and not yet written left out. */
uint64_t recording_writer__size(const struct recording_writer *writer);

/* Frees without flushing or finishing; NULL is fine. */
void recording_writer__free(struct recording_writer *writer);

/* Who wants to know what is in a recording. A NULL member is not interested. */
struct recording_handler {
	/* Events of one block, in their order; valid until it returns. */
	int (*event)(void *ctx, const struct convoy_ev_hdr *event);
	mapping_fn mapping;
	int (*document)(void *ctx, json_t *document);	/* borrowed */
	void *ctx;
	/*
	 * Nothing but documents is wanted: blocks of events and of mappings are not even
	 * read where they can be passed over, so what is wrong with them is not noticed.
	 */
	bool documents_only;
};

struct recording_status {
	bool complete;		/* recording_writer__finish() was reached; what follows
				 * after that is damage, too, but nothing is missing */
	uint64_t blocks;	/* that were read */
	uint64_t bytes;		/* up to the end of the last of them */
	uint64_t events;
	char damage[160];	/* why reading ended before the end; "" : nothing is wrong, or
				 * the file just ends (a crash) */
};

/*
 * Read a recording from its beginning, which need not be seekable, block by block in
 * bounded memory, and hand over what is in it. Reading ends at the first block that is
 * cut off or damaged: everything before it was handed over, status->complete is false
 * and status->damage says why. Returns 0 then, too.
 *
 * -EBADMSG: it is no recording at all, or of a version or codec that cannot be read
 * (status->damage says which); what a handler returned; -ENOMEM; or read(2)'s errno.
 */
int recording__read(int fd, const struct recording_handler *handler,
		    struct recording_status *status);

/* The same, of a recording that is in memory. */
int recording__read_memory(const void *bytes, size_t size, const struct recording_handler *handler,
			   struct recording_status *status);

#endif /* CONVOY_RECORDING_H */
