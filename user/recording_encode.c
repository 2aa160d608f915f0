// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * recording_encode.c - events to columns. It runs beside the traced work: every event
 * costs a few look-ups and stores, and no allocation.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "recording_events.h"

/* Powers of two, at least twice what they hold: searches stay short. */
#define THREAD_SLOTS (2 * RECORDING_EVENTS_MAX)
#define SHAPE_SLOTS (4 * RECORDING_SHAPES_MAX)

/* Bytes that one event can add to a column. */
#define NUMBERS_MAX VARINT_MAX
#define CPUS_MAX (2 * 3)
#define REST_MAX (6 * VARINT_MAX + 6 * 5 + 3 * 3 + CONVOY_COMM_LEN)

#define LISTS_MAX (COLUMN_COUNT * VARINT_MAX + RECORDING_EVENTS_MAX * 5 + RECORDING_SHAPES_MAX * 15)

struct events_encoder {
	uint32_t n_events, n_shapes;
	uint8_t *at[COLUMN_COUNT];	/* where the next value goes */
	uint8_t *begin[COLUMN_COUNT];
	uint8_t *lists;
	struct shape shapes[RECORDING_SHAPES_MAX];
	uint16_t shape_slots[SHAPE_SLOTS];	/* place + 1; 0: free */
	uint16_t thread_slots[THREAD_SLOTS];
	struct model model;
	struct model_thread model_threads[RECORDING_EVENTS_MAX];
	uint16_t threads[RECORDING_EVENTS_MAX];	/* place of each event's thread */
	uint8_t memory[];	/* of the columns, then the lists */
};

static size_t column_max(enum event_column column)
{
	switch (column) {
	case COLUMN_THREAD:
		return 2; /* packed from `threads` */
	case COLUMN_SHAPE:
	case COLUMN_TIME_LOW:
	case COLUMN_OUT_LOW:
	case COLUMN_WAKING_LOW:
		return 1;
	case COLUMN_CPU:
		return CPUS_MAX;
	case COLUMN_REST:
		return REST_MAX;
	default:
		return NUMBERS_MAX;
	}
}

static void begin(struct events_encoder *encoder)
{
	encoder->n_events = 0;
	encoder->n_shapes = 0;
	for (int c = 0; c < COLUMN_COUNT; c++)
		encoder->at[c] = encoder->begin[c];
	memset(encoder->shape_slots, 0, sizeof(encoder->shape_slots));
	memset(encoder->thread_slots, 0, sizeof(encoder->thread_slots));
	model__begin(&encoder->model);
}

int events_encoder__new(struct events_encoder **encoder)
{
	size_t columns = 0;
	uint8_t *memory;

	for (int c = 0; c < COLUMN_COUNT; c++)
		columns += RECORDING_EVENTS_MAX * column_max(c);
	*encoder = malloc(sizeof(**encoder) + columns + LISTS_MAX);
	if (!*encoder)
		return -ENOMEM;
	(*encoder)->model.threads = (*encoder)->model_threads;
	memory = (*encoder)->memory;
	for (int c = 0; c < COLUMN_COUNT; c++) {
		(*encoder)->begin[c] = memory;
		memory += RECORDING_EVENTS_MAX * column_max(c);
	}
	(*encoder)->lists = memory;
	begin(*encoder);
	return 0;
}

void events_encoder__free(struct events_encoder *encoder)
{
	free(encoder);
}

uint32_t events_encoder__count(const struct events_encoder *encoder)
{
	return encoder->n_events;
}

static uint32_t thread_place(struct events_encoder *encoder, uint32_t id)
{
	struct model *model = &encoder->model;
	uint32_t slot = (id * 0x9e3779b1u) >> 16;
	uint16_t *at;

	for (;; slot++) {
		at = &encoder->thread_slots[slot % THREAD_SLOTS];
		if (!*at)
			break;
		if (model->threads[*at - 1].id == id)
			return *at - 1u;
	}
	model__new_thread(&model->threads[model->n_threads], id);
	*at = (uint16_t)(model->n_threads + 1);
	return model->n_threads++;
}

static bool same_shape(const struct shape *a, const struct shape *b)
{
	return a->type == b->type && a->flags == b->flags && a->nr == b->nr && a->op == b->op &&
	       a->told == b->told;
}

/* Its place in the list, which grows by it if it is new: there must be room. */
static uint8_t shape_place(struct events_encoder *encoder, const struct shape *shape)
{
	uint64_t key = shape->type ^ (uint64_t)shape->flags << 4 ^ (uint64_t)shape->told << 20 ^
		       (uint64_t)(uint16_t)shape->nr << 30 ^ (uint64_t)shape->op << 46;
	uint32_t slot = (uint32_t)((key * 0x9e3779b97f4a7c15u) >> 40);
	uint16_t *at;

	for (;; slot++) {
		at = &encoder->shape_slots[slot % SHAPE_SLOTS];
		if (!*at)
			break;
		if (same_shape(&encoder->shapes[*at - 1], shape))
			return (uint8_t)(*at - 1);
	}
	encoder->shapes[encoder->n_shapes] = *shape;
	*at = (uint16_t)(encoder->n_shapes + 1);
	return (uint8_t)encoder->n_shapes++;
}

static void put(struct events_encoder *encoder, enum event_column column, uint64_t value)
{
	encoder->at[column] = varint__put(encoder->at[column], value);
}

/* How far a time is from where it was guessed to be. */
static void put_time(struct events_encoder *encoder, enum event_column column, uint64_t difference)
{
	uint64_t folded = varint__fold(difference);

	*encoder->at[COLUMN_LOW(column)]++ = (uint8_t)folded;
	put(encoder, column, folded >> 8);
}

static uint64_t fold32(uint32_t difference)
{
	return varint__fold((uint64_t)(int64_t)(int32_t)difference);
}

/* What every off-CPU interval has: which of it must be told, and that put into columns. */
static unsigned put_interval(struct events_encoder *encoder, const struct model_thread *thread,
			     const struct convoy_ev_runnable *ev)
{
	unsigned told = 0;

	if (ev->out_ns != thread->off_ns) {
		told |= TOLD_OUT;
		put_time(encoder, COLUMN_OUT,
			 ev->out_ns - model_thread__base_ns(thread, ev->hdr.time_ns));
	}
	if (ev->next != (told ? MODEL_IDLE : thread->next)) {
		told |= TOLD_NEXT;
		put(encoder, COLUMN_NEXT, recording_events__turn(ev->next));
	}
	if (ev->cpu_out != thread->cpu) {
		told |= TOLD_CPU_OUT;
		put(encoder, COLUMN_CPU, ev->cpu_out);
	}
	if (ev->cpu_in != ev->cpu_out) {
		told |= TOLD_CPU_IN;
		put(encoder, COLUMN_CPU, ev->cpu_in);
	}
	return told;
}

/* And what only a wait has. */
static unsigned put_wait(struct events_encoder *encoder, struct model_thread *thread,
			 const struct convoy_ev_wait *ev)
{
	struct model *model = &encoder->model;
	unsigned flags = ev->hdr.flags, told = 0;
	uint64_t word = flags & MODEL_HAS_WORD ? thread->word : 0;
	uint32_t val = flags & CONVOY_F_FUTEX ? thread->val : 0;

	if (ev->waking_ns) {
		told |= TOLD_WAKING;
		put_time(encoder, COLUMN_WAKING, ev->hdr.time_ns - ev->waking_ns);
	}
	if (ev->waker != thread->waker) {
		told |= TOLD_WAKER;
		put(encoder, COLUMN_WAKER, recording_events__turn(ev->waker));
		thread->waker = ev->waker;
	}
	if (ev->word != word && ev->word == thread->older_word) {
		told |= TOLD_OLDER_WORD;
		val = flags & CONVOY_F_FUTEX ? thread->older_val : 0;
	} else if (ev->word != word) {
		told |= TOLD_WORD;
		put(encoder, COLUMN_WORD, varint__fold(ev->word - model__base_word(model, thread)));
	}
	if (ev->val != val) {
		told |= TOLD_VAL;
		put(encoder, COLUMN_VAL, fold32(ev->val - val));
	}
	if (ev->holder != (flags & CONVOY_F_HOLDER ? thread->holder : 0)) {
		told |= TOLD_HOLDER;
		put(encoder, COLUMN_HOLDER, ev->holder);
		thread->holder = ev->holder;
	}
	if (flags & MODEL_HAS_WORD)
		model__waits_on(model, thread, ev->word, ev->val);
	return told;
}

static void put_rest(struct events_encoder *encoder, const struct convoy_ev_hdr *event)
{
	const struct event_field *field = recording_events__fields(event->type);
	uint8_t *out = encoder->at[COLUMN_REST];

	for (; field->size; field++) {
		const uint8_t *from = (const uint8_t *)event + field->offset;
		uint64_t u64;
		uint32_t u32;
		uint16_t u16;

		switch (field->size) {
		case sizeof(u64):
			memcpy(&u64, from, sizeof(u64));
			out = varint__put(out, u64);
			break;
		case sizeof(u32):
			memcpy(&u32, from, sizeof(u32));
			out = varint__put(out, u32);
			break;
		case sizeof(u16):
			memcpy(&u16, from, sizeof(u16));
			out = varint__put(out, u16);
			break;
		default:
			memcpy(out, from, field->size);
			out += field->size;
		}
	}
	encoder->at[COLUMN_REST] = out;
}

int events_encoder__add(struct events_encoder *encoder, const struct convoy_ev_hdr *event)
{
	struct model *model = &encoder->model;
	struct shape shape = { .type = event->type, .flags = event->flags };
	struct model_thread *thread;
	uint32_t place;

	if (!recording_events__size(event->type))
		return -EINVAL;
	if (encoder->n_events == RECORDING_EVENTS_MAX || encoder->n_shapes == RECORDING_SHAPES_MAX)
		return -ENOSPC;
	place = thread_place(encoder, event->id);
	thread = &model->threads[place];
	put_time(encoder, COLUMN_TIME, event->time_ns - model->time_ns);
	model->time_ns = event->time_ns;
	if (event->type == CONVOY_EV_RUNNABLE) {
		const struct convoy_ev_runnable *ev = (const void *)event;

		shape.told = (uint16_t)put_interval(encoder, thread, ev);
		model__comes_in(model, place, ev->cpu_in, event->time_ns);
	} else if (event->type == CONVOY_EV_WAIT || event->type == CONVOY_EV_OPEN) {
		const struct convoy_ev_wait *ev = (const void *)event;
		const struct convoy_ev_runnable interval = {
			.hdr = ev->hdr,
			.out_ns = ev->out_ns,
			.next = ev->next,
			.cpu_out = ev->cpu_out,
			.cpu_in = ev->cpu_in,
		};

		shape.nr = ev->nr;
		shape.op = ev->op;
		shape.told = (uint16_t)(put_interval(encoder, thread, &interval) |
					put_wait(encoder, thread, ev));
		if (event->type == CONVOY_EV_WAIT)
			model__comes_in(model, place, ev->cpu_in, event->time_ns);
	} else {
		put_rest(encoder, event);
		if (event->type == CONVOY_EV_BIRTH)
			model__comes_in(
				model, place,
				((const struct convoy_ev_birth *)(const void *)event)->cpu_in,
				event->time_ns);
	}
	*encoder->at[COLUMN_SHAPE]++ = shape_place(encoder, &shape);
	encoder->threads[encoder->n_events++] = (uint16_t)place;
	return 0;
}

/* One byte each where that is enough. */
static void put_threads(struct events_encoder *encoder)
{
	uint8_t *out = encoder->begin[COLUMN_THREAD];

	if (encoder->model.n_threads <= 256) {
		for (uint32_t i = 0; i < encoder->n_events; i++)
			*out++ = (uint8_t)encoder->threads[i];
	} else {
		for (uint32_t i = 0; i < encoder->n_events; i++) {
			*out++ = (uint8_t)encoder->threads[i];
			*out++ = (uint8_t)(encoder->threads[i] >> 8);
		}
	}
	encoder->at[COLUMN_THREAD] = out;
}

void events_encoder__take(struct events_encoder *encoder, struct column parts[EVENTS_PARTS])
{
	uint8_t *out = encoder->lists;
	uint32_t id = 0;

	put_threads(encoder);
	out = varint__put(out, encoder->model.n_threads);
	out = varint__put(out, encoder->n_shapes);
	for (int c = COLUMN_TIME_LOW; c < COLUMN_COUNT; c++)
		out = varint__put(out, (uint64_t)(encoder->at[c] - encoder->begin[c]));
	for (uint32_t i = 0; i < encoder->model.n_threads; i++) {
		out = varint__put(out, fold32(encoder->model.threads[i].id - id));
		id = encoder->model.threads[i].id;
	}
	for (uint32_t i = 0; i < encoder->n_shapes; i++) {
		const struct shape *shape = &encoder->shapes[i];

		out = varint__put(out, shape->type);
		out = varint__put(out, shape->flags);
		out = varint__put(out, (uint16_t)shape->nr);
		out = varint__put(out, shape->op);
		out = varint__put(out, shape->told);
	}
	parts[0] = (struct column){ encoder->lists, out };
	for (int c = 0; c < COLUMN_COUNT; c++)
		parts[1 + c] = (struct column){ encoder->begin[c], encoder->at[c] };
	begin(encoder);
}
