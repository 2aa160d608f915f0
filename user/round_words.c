// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "record_docs.h"
#include "recording.h"
#include "round_words.h"

struct round_words {
	struct words **rounds;
	size_t n_rounds, room;
	size_t current;		/* the round that is being told of */
	bool in_round;
	uint64_t n_good;	/* documents of words and runtimes before the first bad one */
};

void round_words__free(struct round_words *words)
{
	if (!words)
		return;
	for (size_t i = 0; i < words->n_rounds; i++)
		words__free(words->rounds[i]);
	free(words->rounds);
	free(words);
}

const struct words *round_words__of(const struct round_words *words, unsigned round)
{
	return round < words->n_rounds ? words->rounds[round] : NULL;
}

bool round_words__good(const struct round_words *words, uint64_t document)
{
	return document < words->n_good;
}

/* The words of the current round, of which there may be none before; NULL without memory. */
static struct words *current(struct round_words *words)
{
	if (words->current >= words->room) {
		size_t room = 2 * words->current + 8;
		struct words **grown = realloc(words->rounds, room * sizeof(*grown));

		if (!grown)
			return NULL;
		words->rounds = grown;
		words->room = room;
	}
	while (words->n_rounds <= words->current)
		words->rounds[words->n_rounds++] = NULL;
	if (!words->rounds[words->current] && words__new(&words->rounds[words->current]))
		return NULL;
	return words->rounds[words->current];
}

static int add(struct round_words *words, enum record_doc type, const json_t *document)
{
	struct words *to = current(words);

	if (!to)
		return -ENOMEM;
	return type == RECORD_DOC_WORDS ? record_docs__read_words(document, to) :
					  record_docs__read_runtime(document, to);
}

static int on_document(void *ctx, json_t *document)
{
	struct round_words *words = ctx;
	enum record_doc type = record_docs__type(document);
	int err;

	switch (type) {
	case RECORD_DOC_ROUND:
		/* One that did not end is over, too. */
		words->current += words->in_round;
		words->in_round = true;
		return 0;
	case RECORD_DOC_ROUND_END:
		words->current += words->in_round;
		words->in_round = false;
		return 0;
	case RECORD_DOC_WORDS:
	case RECORD_DOC_RUNTIME:
		err = add(words, type, document);
		words->n_good += !err;
		return err;
	default:
		return 0;
	}
}

int round_words__read(int fd, struct round_words **out)
{
	off_t start = lseek(fd, 0, SEEK_CUR);
	struct round_words *words;
	struct recording_status status;
	int err;

	if (start < 0)
		return -errno;
	words = calloc(1, sizeof(*words));
	if (!words)
		return -ENOMEM;
	const struct recording_handler handler = {
		.document = on_document,
		.documents_only = true,
		.ctx = words,
	};

	err = recording__read(fd, &handler, &status);
	if (err == -EBADMSG)
		err = 0; /* no recording, or a bad document: who reads all of it says so */
	if (!err && lseek(fd, start, SEEK_SET) < 0)
		err = -errno;
	if (err) {
		round_words__free(words);
		return err;
	}
	*out = words;
	return 0;
}
