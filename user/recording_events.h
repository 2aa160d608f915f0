/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * recording_events.h - a block of events as columns, and back.
 *
 * Both sides keep the same small model of the machine (who is on which CPU, what each
 * thread did last) from the events of this block alone. It guesses most of an event;
 * the shape of the event says which guesses were wrong, and only those fields are in the
 * columns. docs/recording-format.md says it for a reader in another language.
 */
#ifndef CONVOY_RECORDING_EVENTS_H
#define CONVOY_RECORDING_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/events.h"
#include "varint.h"

/* Most events of a block, and so the most threads. */
#define RECORDING_EVENTS_MAX 8192u
/* Most shapes of a block: an event names its own in one byte. */
#define RECORDING_SHAPES_MAX 256u

/* Which guesses were wrong: that field is in a column. */
enum told {
	TOLD_OUT = 0x001,
	TOLD_NEXT = 0x002,
	TOLD_CPU_OUT = 0x004,
	TOLD_CPU_IN = 0x008,
	TOLD_WAKING = 0x010,
	TOLD_WAKER = 0x020,
	TOLD_WORD = 0x040,
	TOLD_VAL = 0x080,
	TOLD_HOLDER = 0x100,
	/* No column: the word is the thread's last but one. */
	TOLD_OLDER_WORD = 0x200,
	TOLD_ALL = 0x3ff,
};

/* What many events have in common. */
struct shape {
	uint16_t type, flags;
	int16_t nr;
	uint16_t op;
	uint16_t told;		/* enum told; 0 but for EV_RUNNABLE, EV_WAIT, EV_OPEN */
};

enum event_column {
	COLUMN_THREAD,		/* place in the list of threads, one byte each, or two */
	COLUMN_SHAPE,		/* place in the list of shapes, one byte each */
	/*
	 * Times: the lowest byte, which is noise and better left alone, and the rest, which
	 * is not.
	 */
	COLUMN_TIME_LOW,
	COLUMN_OUT_LOW,
	COLUMN_WAKING_LOW,
	/* Varints: */
	COLUMN_TIME,
	COLUMN_OUT,
	COLUMN_WAKING,
	COLUMN_NEXT,
	COLUMN_CPU,
	COLUMN_WAKER,
	COLUMN_WORD,
	COLUMN_VAL,
	COLUMN_HOLDER,
	COLUMN_REST,		/* all fields of the rare types */
	COLUMN_COUNT,
};

/* From the column of the rest to that of the lowest bytes. */
#define COLUMN_LOW(rest) ((rest)-COLUMN_TIME + COLUMN_TIME_LOW)

/* --- the model ----------------------------------------------------------------------- */

struct model_thread {
	uint64_t in_ns;		/* last time it came on a CPU; 0: not in this block */
	uint64_t off_ns;	/* when somebody else came on that CPU; 0: nobody did */
	uint64_t word, older_word;
	uint32_t val, older_val;	/* that these were waited for with */
	uint32_t id;
	uint32_t next;		/* who came on that CPU */
	uint32_t waker, holder;
	uint16_t cpu;		/* where it was last */
};

/* CPUs that have the same place share it: their guesses are worse, no less right. */
#define MODEL_CPUS 1024u

struct model {
	uint64_t time_ns;	/* of the last event */
	uint64_t word;		/* of the last event that had one */
	uint32_t n_threads;
	uint16_t running[MODEL_CPUS];	/* place of a thread + 1; 0: not known */
	struct model_thread *threads;	/* in the order they come up; room is the owner's */
};

/* The guess for who ran instead, when nobody of ours did: the idle thread. */
#define MODEL_IDLE CONVOY_FOREIGN

static inline void model__begin(struct model *model)
{
	model->time_ns = 0;
	model->word = 0;
	model->n_threads = 0;
	memset(model->running, 0, sizeof(model->running));
}

/* What is known of a thread before its first event. */
static inline void model__new_thread(struct model_thread *thread, uint32_t id)
{
	*thread = (struct model_thread){ .id = id };
}

/* On the CPU again: whoever was there until now has just left it. */
static inline void model__comes_in(struct model *model, uint32_t place, uint16_t cpu,
				   uint64_t time_ns)
{
	uint16_t *running = &model->running[cpu % MODEL_CPUS];
	struct model_thread *thread = &model->threads[place];

	if (*running) {
		struct model_thread *before = &model->threads[*running - 1];

		if (before->cpu == cpu) {
			before->off_ns = time_ns;
			before->next = thread->id;
		}
	}
	*running = (uint16_t)(place + 1);
	thread->in_ns = time_ns;
	thread->off_ns = 0;
	thread->cpu = cpu;
}

/* Flags that go with a word. */
#define MODEL_HAS_WORD (CONVOY_F_FUTEX | CONVOY_F_KLOCK)

/* What the time of a switch-out is told relative to. */
static inline uint64_t model_thread__base_ns(const struct model_thread *thread, uint64_t time_ns)
{
	return thread->in_ns ? thread->in_ns : time_ns;
}

/* And a word: one of the same process, if the thread had one before. */
static inline uint64_t model__base_word(const struct model *model,
					const struct model_thread *thread)
{
	return thread->word ? thread->word : model->word;
}

static inline void model__waits_on(struct model *model, struct model_thread *thread, uint64_t word,
				   uint32_t val)
{
	if (word != thread->word) {
		thread->older_word = thread->word;
		thread->older_val = thread->val;
		thread->word = word;
	}
	thread->val = val;
	model->word = word;
}

/* `waker` and `next` are told with CONVOY_FOREIGN turned to the lowest bit: fewer bytes. */
static inline uint32_t recording_events__turn(uint32_t thread)
{
	return thread << 1 | thread >> 31;
}

static inline uint32_t recording_events__turn_back(uint64_t turned)
{
	return (uint32_t)turned >> 1 | (uint32_t)turned << 31;
}

/* --- the rare types: field by field --------------------------------------------------- */

struct event_field {
	uint8_t offset, size;	/* 2, 4, 8: a varint; CONVOY_COMM_LEN: as it is */
};

/*
 * In the order in which they are stored, up to the one with size 0; padding is not stored,
 * it is zero. NULL for the types that the model knows, and for no types. These lists are
 * the file's: a struct that gets another field needs another version of the format.
 */
const struct event_field *recording_events__fields(unsigned type);

/* Bytes of an event of this type, 0 for none. */
static inline size_t recording_events__size(unsigned type)
{
	/* One byte each, looked up without a branch for every event. */
	static const uint8_t sizes[16] = {
		[CONVOY_EV_RUNNABLE] = sizeof(struct convoy_ev_runnable),
		[CONVOY_EV_WAIT] = sizeof(struct convoy_ev_wait),
		[CONVOY_EV_BIRTH] = sizeof(struct convoy_ev_birth),
		[CONVOY_EV_DEATH] = sizeof(struct convoy_ev_death),
		[CONVOY_EV_FUTEX] = sizeof(struct convoy_ev_futex),
		[CONVOY_EV_OPEN] = sizeof(struct convoy_ev_wait),
		[CONVOY_EV_SEEN] = sizeof(struct convoy_ev_seen),
		[CONVOY_EV_ALIVE] = sizeof(struct convoy_ev_death),
		[CONVOY_EV_HOLDER] = sizeof(struct convoy_ev_holder),
	};

	return type < sizeof(sizes) ? sizes[type] : 0;
}

/* --- to columns ----------------------------------------------------------------------- */

/* The lists, then the columns. */
#define EVENTS_PARTS (1 + COLUMN_COUNT)

struct events_encoder;

/* Returns 0 or -ENOMEM. */
int events_encoder__new(struct events_encoder **encoder);
void events_encoder__free(struct events_encoder *encoder);
/* Returns 0, -ENOSPC (the block is full: take it, then add again) or -EINVAL (no type). */
int events_encoder__add(struct events_encoder *encoder, const struct convoy_ev_hdr *event);
uint32_t events_encoder__count(const struct events_encoder *encoder);
/* The block's content, valid until the next call; the encoder is empty afterwards. */
void events_encoder__take(struct events_encoder *encoder, struct column parts[EVENTS_PARTS]);

/* --- from columns --------------------------------------------------------------------- */

struct events_decoder;

/* Returns 0 or -ENOMEM. */
int events_decoder__new(struct events_decoder **decoder);
void events_decoder__free(struct events_decoder *decoder);
/*
 * `items` events of a block's content, behind which VARINT_SLACK bytes must be readable.
 * They stand one behind the other in *events, valid until the next call. Returns 0,
 * -ENOMEM, or -EBADMSG and in *why what is wrong with the content, whatever it is.
 */
int events_decoder__decode(struct events_decoder *decoder, const uint8_t *raw, size_t size,
			   uint32_t items, const uint8_t **events, const char **why);

#endif /* CONVOY_RECORDING_EVENTS_H */
