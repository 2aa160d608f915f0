// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * recording_decode.c - columns to events. Whatever the content is, nothing is read or
 * written beyond it, and every loop ends.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "recording_events.h"

#define EVENT_MAX sizeof(struct convoy_ev_seen)

struct events_decoder {
	uint32_t n_shapes;
	struct column columns[COLUMN_COUNT];
	struct shape shapes[RECORDING_SHAPES_MAX];
	struct model model;
	uint8_t *events;
	uint32_t max_threads, max_events;	/* that there is room for */
};

int events_decoder__new(struct events_decoder **decoder)
{
	*decoder = calloc(1, sizeof(**decoder));
	return *decoder ? 0 : -ENOMEM;
}

void events_decoder__free(struct events_decoder *decoder)
{
	if (!decoder)
		return;
	free(decoder->model.threads);
	free(decoder->events);
	free(decoder);
}

/* Room for a block, within the limits of one. */
static int make_room(struct events_decoder *decoder, uint32_t n_threads, uint32_t n_events)
{
	if (n_threads > decoder->max_threads) {
		free(decoder->model.threads);
		decoder->model.threads = malloc(n_threads * sizeof(*decoder->model.threads));
		decoder->max_threads = decoder->model.threads ? n_threads : 0;
	}
	if (n_events > decoder->max_events) {
		free(decoder->events);
		decoder->events = malloc(n_events * EVENT_MAX);
		decoder->max_events = decoder->events ? n_events : 0;
	}
	return n_threads > decoder->max_threads || n_events > decoder->max_events ? -ENOMEM : 0;
}

/* A number that is at most `max`. */
static bool take_up_to(struct column *column, uint64_t max, uint64_t *value)
{
	return varint__take(column, value) && *value <= max;
}

static bool take_threads(struct model *model, struct column *in, uint64_t n)
{
	uint32_t id = 0;
	uint64_t value;

	model__begin(model);
	for (uint64_t i = 0; i < n; i++) {
		if (!varint__take(in, &value))
			return false;
		id += (uint32_t)varint__unfold(value);
		model__new_thread(&model->threads[i], id);
	}
	model->n_threads = (uint32_t)n;
	return true;
}

static bool take_shapes(struct events_decoder *decoder, struct column *in, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++) {
		uint64_t type, flags, nr, op, told;

		if (!take_up_to(in, UINT16_MAX, &type) || !take_up_to(in, UINT16_MAX, &flags) ||
		    !take_up_to(in, UINT16_MAX, &nr) || !take_up_to(in, UINT16_MAX, &op) ||
		    !take_up_to(in, TOLD_ALL, &told) || !recording_events__size((unsigned)type))
			return false;
		decoder->shapes[i] = (struct shape){
			.type = (uint16_t)type,
			.flags = (uint16_t)flags,
			.nr = (int16_t)nr,
			.op = (uint16_t)op,
			.told = (uint16_t)told,
		};
	}
	decoder->n_shapes = (uint32_t)n;
	return true;
}

/* Finds the lists and where the columns are. Returns 0, -EBADMSG or -ENOMEM. */
static int open_block(struct events_decoder *decoder, const uint8_t *raw, size_t size,
		      uint32_t items)
{
	struct column in = { raw, raw + size };
	uint64_t n_threads, n_shapes, sizes[COLUMN_COUNT];
	const uint8_t *at;

	if (items > RECORDING_EVENTS_MAX || !take_up_to(&in, RECORDING_EVENTS_MAX, &n_threads) ||
	    !take_up_to(&in, RECORDING_SHAPES_MAX, &n_shapes))
		return -EBADMSG;
	if (make_room(decoder, (uint32_t)n_threads, items))
		return -ENOMEM;
	sizes[COLUMN_THREAD] = n_threads <= 256 ? items : 2 * (uint64_t)items;
	sizes[COLUMN_SHAPE] = items;
	for (int c = COLUMN_TIME_LOW; c < COLUMN_COUNT; c++)
		if (!take_up_to(&in, size, &sizes[c]))
			return -EBADMSG;
	if (!take_threads(&decoder->model, &in, n_threads) || !take_shapes(decoder, &in, n_shapes))
		return -EBADMSG;
	at = in.at;
	for (int c = 0; c < COLUMN_COUNT; c++) {
		/* The last number of the lists may have run over the end. */
		if (at > raw + size || sizes[c] > (uint64_t)(raw + size - at))
			return -EBADMSG;
		decoder->columns[c] = (struct column){ at, at + sizes[c] };
		at += sizes[c];
	}
	return at == raw + size ? 0 : -EBADMSG;
}

static inline uint32_t get_place(const uint8_t *places, uint32_t at)
{
	return places[2 * at] | (uint32_t)places[2 * at + 1] << 8;
}

/* How far a time is from where it was guessed to be. */
static inline bool take_time(struct column *columns, enum event_column column, uint64_t *difference)
{
	struct column *low = &columns[COLUMN_LOW(column)];
	uint64_t value;

	if (low->at >= low->end || !varint__take(&columns[column], &value))
		return false;
	*difference = varint__unfold(value << 8 | *low->at++);
	return true;
}

static inline bool take_interval(struct column *columns, const struct model_thread *thread,
				 unsigned told, struct convoy_ev_runnable *ev)
{
	uint64_t value;

	ev->out_ns = thread->off_ns;
	ev->next = thread->next;
	ev->cpu_out = thread->cpu;
	if (told & TOLD_OUT) {
		if (!take_time(columns, COLUMN_OUT, &value))
			return false;
		ev->out_ns = value + model_thread__base_ns(thread, ev->hdr.time_ns);
		ev->next = MODEL_IDLE;
	}
	if (told & TOLD_NEXT) {
		if (!varint__take(&columns[COLUMN_NEXT], &value))
			return false;
		ev->next = recording_events__turn_back(value);
	}
	if (told & TOLD_CPU_OUT) {
		if (!varint__take(&columns[COLUMN_CPU], &value))
			return false;
		ev->cpu_out = (uint16_t)value;
	}
	ev->cpu_in = ev->cpu_out;
	if (told & TOLD_CPU_IN) {
		if (!varint__take(&columns[COLUMN_CPU], &value))
			return false;
		ev->cpu_in = (uint16_t)value;
	}
	return true;
}

static inline bool take_wait(struct events_decoder *decoder, struct model_thread *thread,
			     const struct shape *shape, struct convoy_ev_wait *ev)
{
	struct column *columns = decoder->columns;
	unsigned told = shape->told, flags = shape->flags;
	uint64_t value;

	ev->waking_ns = 0;
	ev->word = flags & MODEL_HAS_WORD ? thread->word : 0;
	ev->val = flags & CONVOY_F_FUTEX ? thread->val : 0;
	ev->holder = flags & CONVOY_F_HOLDER ? thread->holder : 0;
	ev->nr = shape->nr;
	ev->op = shape->op;
	if (told & TOLD_WAKING) {
		if (!take_time(columns, COLUMN_WAKING, &value))
			return false;
		ev->waking_ns = ev->hdr.time_ns - value;
	}
	if (told & TOLD_WAKER) {
		if (!varint__take(&columns[COLUMN_WAKER], &value))
			return false;
		thread->waker = recording_events__turn_back(value);
	}
	ev->waker = thread->waker;
	if (told & TOLD_OLDER_WORD) {
		ev->word = thread->older_word;
		ev->val = flags & CONVOY_F_FUTEX ? thread->older_val : 0;
	}
	if (told & TOLD_WORD) {
		if (!varint__take(&columns[COLUMN_WORD], &value))
			return false;
		ev->word = varint__unfold(value) + model__base_word(&decoder->model, thread);
	}
	if (told & TOLD_VAL) {
		if (!varint__take(&columns[COLUMN_VAL], &value))
			return false;
		ev->val += (uint32_t)varint__unfold(value);
	}
	if (told & TOLD_HOLDER) {
		if (!varint__take(&columns[COLUMN_HOLDER], &value))
			return false;
		ev->holder = thread->holder = (uint32_t)value;
	}
	if (flags & MODEL_HAS_WORD)
		model__waits_on(&decoder->model, thread, ev->word, ev->val);
	return true;
}

/* A rare type: `event` is all zero but for its header. */
static bool take_rest(struct column *column, struct convoy_ev_hdr *event)
{
	const struct event_field *field = recording_events__fields(event->type);

	for (; field->size; field++) {
		uint8_t *to = (uint8_t *)event + field->offset;
		uint64_t u64;
		uint32_t u32;
		uint16_t u16;

		if (field->size == CONVOY_COMM_LEN) {
			if (column->at > column->end || column->end - column->at < CONVOY_COMM_LEN)
				return false;
			memcpy(to, column->at, CONVOY_COMM_LEN);
			column->at += CONVOY_COMM_LEN;
			continue;
		}
		if (!varint__take(column, &u64))
			return false;
		u32 = (uint32_t)u64;
		u16 = (uint16_t)u64;
		memcpy(to,
		       field->size == sizeof(u64) ? (void *)&u64 :
		       field->size == sizeof(u32) ? (void *)&u32 :
						    (void *)&u16,
		       field->size);
	}
	return true;
}

/* The event at `out`, whose header is there. Returns its size, 0: damage. */
static inline size_t take_event(struct events_decoder *decoder, uint32_t place,
				const struct shape *shape, uint8_t *out)
{
	struct model *model = &decoder->model;
	struct model_thread *thread = &model->threads[place];
	struct convoy_ev_hdr *hdr = (void *)out;
	size_t size;

	if (shape->type == CONVOY_EV_RUNNABLE) {
		struct convoy_ev_runnable *ev = (void *)out;

		if (!take_interval(decoder->columns, thread, shape->told, ev))
			return 0;
		model__comes_in(model, place, ev->cpu_in, hdr->time_ns);
		return sizeof(*ev);
	}
	if (shape->type == CONVOY_EV_WAIT || shape->type == CONVOY_EV_OPEN) {
		struct convoy_ev_runnable interval = { .hdr = *hdr };
		struct convoy_ev_wait *ev = (void *)out;

		if (!take_interval(decoder->columns, thread, shape->told, &interval))
			return 0;
		ev->out_ns = interval.out_ns;
		ev->next = interval.next;
		ev->cpu_out = interval.cpu_out;
		ev->cpu_in = interval.cpu_in;
		if (!take_wait(decoder, thread, shape, ev))
			return 0;
		if (shape->type == CONVOY_EV_WAIT)
			model__comes_in(model, place, ev->cpu_in, hdr->time_ns);
		return sizeof(*ev);
	}
	size = recording_events__size(shape->type);
	memset(out + sizeof(*hdr), 0, size - sizeof(*hdr));
	if (!take_rest(&decoder->columns[COLUMN_REST], hdr))
		return 0;
	if (shape->type == CONVOY_EV_BIRTH)
		model__comes_in(model, place, ((struct convoy_ev_birth *)(void *)out)->cpu_in,
				hdr->time_ns);
	return size;
}

/* All events of an opened block; false: damage. */
static bool take_all(struct events_decoder *decoder, uint32_t items)
{
	struct model *model = &decoder->model;
	const uint8_t *places = decoder->columns[COLUMN_THREAD].at;
	const uint8_t *shapes = decoder->columns[COLUMN_SHAPE].at;
	bool wide = model->n_threads > 256;
	uint8_t *out = decoder->events;

	for (uint32_t i = 0; i < items; i++) {
		uint32_t place = wide ? get_place(places, i) : places[i];
		const struct shape *shape = &decoder->shapes[shapes[i]];
		uint64_t time;
		size_t size;

		if (place >= model->n_threads || shapes[i] >= decoder->n_shapes ||
		    !take_time(decoder->columns, COLUMN_TIME, &time))
			return false;
		model->time_ns += time;
		*(struct convoy_ev_hdr *)(void *)out = (struct convoy_ev_hdr){
			.type = shape->type,
			.flags = shape->flags,
			.id = model->threads[place].id,
			.time_ns = model->time_ns,
		};
		size = take_event(decoder, place, shape, out);
		if (!size)
			return false;
		out += size;
	}
	/* All used up, and none run over. */
	for (int c = COLUMN_TIME_LOW; c < COLUMN_COUNT; c++)
		if (decoder->columns[c].at != decoder->columns[c].end)
			return false;
	return true;
}

int events_decoder__decode(struct events_decoder *decoder, const uint8_t *raw, size_t size,
			   uint32_t items, const uint8_t **events, const char **why)
{
	int err = open_block(decoder, raw, size, items);

	*why = "its lists are damaged";
	if (err)
		return err;
	*why = "its columns are damaged";
	if (!take_all(decoder, items))
		return -EBADMSG;
	*why = NULL;
	*events = decoder->events;
	return 0;
}
