/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/recording_fixture.h"
#include "user/recording_events.h"

#define must(condition)                                                                            \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);            \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

static uint64_t next(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static unsigned below(uint64_t *seed, unsigned n)
{
	return (unsigned)((next(seed) >> 11) % n);
}

/* --- bytes and tapes ------------------------------------------------------------------ */

void bytes__add(struct bytes *bytes, const void *from, size_t size)
{
	if (bytes->size + size > bytes->room) {
		bytes->room = 2 * bytes->room + size;
		bytes->at = realloc(bytes->at, bytes->room);
		must(bytes->at);
	}
	if (size)
		memcpy(bytes->at + bytes->size, from, size);
	bytes->size += size;
}

void bytes__free(struct bytes *bytes)
{
	free(bytes->at);
	*bytes = (struct bytes){ 0 };
}

struct bytes bytes__of(int fd)
{
	struct bytes bytes = { 0 };
	char buffer[65536];
	ssize_t n;

	must(lseek(fd, 0, SEEK_SET) == 0);
	while ((n = read(fd, buffer, sizeof(buffer))) > 0)
		bytes__add(&bytes, buffer, (size_t)n);
	must(n == 0);
	return bytes;
}

void tape__event(struct tape *tape, const struct convoy_ev_hdr *event)
{
	bytes__add(&tape->bytes, "E", 1);
	bytes__add(&tape->bytes, event, recording_events__size(event->type));
	tape->events++;
}

void tape__mapping(struct tape *tape, const struct mapping *mapping)
{
	uint64_t numbers[] = {
		mapping->kind,	 mapping->pid,	  mapping->time_ns,    mapping->start,
		mapping->length, mapping->offset, mapping->major,      mapping->minor,
		mapping->inode,	 mapping->shared, mapping->executable, mapping->build_id_size,
	};

	bytes__add(&tape->bytes, "M", 1);
	bytes__add(&tape->bytes, numbers, sizeof(numbers));
	bytes__add(&tape->bytes, mapping->build_id, sizeof(mapping->build_id));
	bytes__add(&tape->bytes, mapping->path, strlen(mapping->path) + 1);
	tape->mappings++;
}

void tape__document(struct tape *tape, json_t *document)
{
	char *text = json_dumps(document, JSON_COMPACT | JSON_SORT_KEYS);

	must(text);
	bytes__add(&tape->bytes, "D", 1);
	bytes__add(&tape->bytes, text, strlen(text) + 1);
	free(text);
	tape->documents++;
}

void tape__free(struct tape *tape)
{
	bytes__free(&tape->bytes);
	*tape = (struct tape){ 0 };
}

static int on_event(void *ctx, const struct convoy_ev_hdr *event)
{
	tape__event(ctx, event);
	return 0;
}

static int on_mapping(void *ctx, const struct mapping *mapping)
{
	tape__mapping(ctx, mapping);
	return 0;
}

static int on_document(void *ctx, json_t *document)
{
	tape__document(ctx, document);
	return 0;
}

struct recording_handler tape__handler(struct tape *tape)
{
	return (struct recording_handler){
		.event = on_event,
		.mapping = on_mapping,
		.document = on_document,
		.ctx = tape,
	};
}

bool tape__begins(const struct tape *tape, const struct tape *whole)
{
	return tape->bytes.size <= whole->bytes.size &&
	       (!tape->bytes.size || !memcmp(tape->bytes.at, whole->bytes.at, tape->bytes.size));
}

bool tape__equal(const struct tape *a, const struct tape *b)
{
	return a->bytes.size == b->bytes.size && tape__begins(a, b);
}

/* --- what is recorded ----------------------------------------------------------------- */

static uint64_t random_number(uint64_t *seed)
{
	switch (below(seed, 8)) {
	case 0:
		return 0;
	case 1:
		return UINT64_MAX;
	case 2:
		return below(seed, 4);
	default:
		return next(seed) >> below(seed, 64);
	}
}

/* The bytes of a field, from a number that several events share now and then. */
static void randomize(uint64_t *seed, uint8_t *field, size_t size)
{
	uint64_t number = random_number(seed);

	if (size > sizeof(number)) {
		for (size_t i = 0; i < size; i++)
			field[i] = (uint8_t)next(seed);
		return;
	}
	if (size == 4 && below(seed, 4) == 0)
		number |= CONVOY_FOREIGN;
	memcpy(field, &number, size);
}

#define RANDOMIZE(seed, field) randomize(seed, (uint8_t *)&(field), sizeof(field))

static void randomize_wait(uint64_t *seed, struct convoy_ev_wait *ev)
{
	RANDOMIZE(seed, ev->out_ns);
	RANDOMIZE(seed, ev->waking_ns);
	RANDOMIZE(seed, ev->word);
	RANDOMIZE(seed, ev->next);
	RANDOMIZE(seed, ev->cpu_out);
	RANDOMIZE(seed, ev->cpu_in);
	RANDOMIZE(seed, ev->waker);
	RANDOMIZE(seed, ev->holder);
	RANDOMIZE(seed, ev->nr);
	RANDOMIZE(seed, ev->op);
	RANDOMIZE(seed, ev->val);
	/* A few of each, so that what was guessed is right at times. */
	if (below(seed, 2)) {
		ev->nr = (__s16)below(seed, 3);
		ev->op = 128;
		ev->word = 0x7f0000001000u + 8 * below(seed, 3);
		ev->cpu_out = (__u16)below(seed, 2);
		ev->cpu_in = ev->cpu_out;
	}
}

/* Not by the lists of fields, which might lack one: everything but what is padding. */
static void randomize_rest(uint64_t *seed, union any_event *event)
{
	size_t size = recording_events__size(event->hdr.type);

	for (size_t at = sizeof(event->hdr); at < size; at += 4)
		randomize(seed, (uint8_t *)event + at, below(seed, 4) ? 4 : 2);
	switch (event->hdr.type) {
	case CONVOY_EV_BIRTH:
		event->birth.pad = 0;
		break;
	case CONVOY_EV_DEATH:
	case CONVOY_EV_ALIVE:
		event->death.pad = 0;
		break;
	case CONVOY_EV_SEEN:
		event->seen.pad = 0;
		break;
	case CONVOY_EV_HOLDER:
		event->holder.pad = 0;
		break;
	}
}

static union any_event random_event_of(uint64_t *seed, unsigned type)
{
	union any_event event = { 0 };

	event.hdr.type = (__u16)type;
	if (type == CONVOY_EV_RUNNABLE) {
		RANDOMIZE(seed, event.runnable.out_ns);
		RANDOMIZE(seed, event.runnable.next);
		RANDOMIZE(seed, event.runnable.cpu_out);
		RANDOMIZE(seed, event.runnable.cpu_in);
	} else if (type == CONVOY_EV_WAIT || type == CONVOY_EV_OPEN) {
		randomize_wait(seed, &event.wait);
	} else {
		randomize_rest(seed, &event);
	}
	RANDOMIZE(seed, event.hdr.flags);
	RANDOMIZE(seed, event.hdr.time_ns);
	event.hdr.id = below(seed, 4) ? below(seed, 5) : (__u32)random_number(seed);
	if (below(seed, 2))
		event.hdr.flags = CONVOY_F_FUTEX | CONVOY_F_SYSCALL;
	return event;
}

union any_event random_event(uint64_t *seed)
{
	return random_event_of(seed, CONVOY_EV_RUNNABLE + below(seed, CONVOY_EV_HOLDER));
}

#define MACHINE_CPUS 2u
#define MACHINE_THREADS 8u

/* A thread leaves a CPU, another comes back on it: its record. */
union any_event machine__next(struct machine *machine)
{
	unsigned cpu = below(&machine->seed, MACHINE_CPUS);
	uint32_t out = machine->running[cpu], in;
	union any_event event = { 0 };

	if (!machine->time_ns)
		for (unsigned c = 0; c < MACHINE_CPUS; c++)
			machine->running[c] = c;
	out = machine->running[cpu];
	do
		in = below(&machine->seed, MACHINE_THREADS);
	while (in == machine->running[0] || in == machine->running[1]);
	machine->time_ns += 1000 + below(&machine->seed, 9000);
	machine->out_ns[out] = machine->time_ns;
	machine->running[cpu] = in;
	event.hdr.time_ns = machine->time_ns;
	event.hdr.id = in + 1;
	if (below(&machine->seed, 3) == 0) {
		event.hdr.type = CONVOY_EV_RUNNABLE;
		event.runnable.out_ns = machine->out_ns[in];
		event.runnable.next = out + 1;
		event.runnable.cpu_out = event.runnable.cpu_in = (__u16)cpu;
		return event;
	}
	event.hdr.type = CONVOY_EV_WAIT;
	event.hdr.flags = CONVOY_F_VOLUNTARY | CONVOY_F_SYSCALL | CONVOY_F_FUTEX | CONVOY_F_HOLDER;
	event.wait.out_ns = machine->out_ns[in];
	event.wait.waking_ns = machine->time_ns - 500 - below(&machine->seed, 500);
	event.wait.word = 0x55550000f000u + 64 * below(&machine->seed, 2);
	event.wait.next = CONVOY_FOREIGN;
	event.wait.cpu_out = (__u16)below(&machine->seed, MACHINE_CPUS);
	event.wait.cpu_in = (__u16)cpu;
	event.wait.waker = out + 1;
	event.wait.holder = 4000 + out;
	event.wait.nr = 202;
	event.wait.op = 128;
	event.wait.val = 2;
	return event;
}

struct mapping random_mapping(uint64_t *seed, const char *path)
{
	struct mapping mapping = {
		.kind = below(seed, 4) ? MAPPING_FILE : MAPPING_EXEC,
		.pid = (uint32_t)random_number(seed),
		.time_ns = random_number(seed),
		.path = path,
	};

	if (mapping.kind == MAPPING_EXEC)
		return mapping;
	mapping.start = random_number(seed);
	mapping.length = random_number(seed);
	mapping.offset = random_number(seed);
	mapping.major = (uint32_t)random_number(seed);
	mapping.minor = (uint32_t)random_number(seed);
	mapping.inode = random_number(seed);
	mapping.executable = below(seed, 2);
	mapping.shared = below(seed, 2);
	mapping.build_id_size = (uint8_t)below(seed, MAPPING_BUILD_ID_MAX + 1);
	for (unsigned i = 0; i < mapping.build_id_size; i++)
		mapping.build_id[i] = (uint8_t)next(seed);
	return mapping;
}

/* --- recordings ----------------------------------------------------------------------- */

struct recorder recorder__new(enum recording_codec codec)
{
	struct recorder recorder = { .fd = memfd_create("recording", MFD_CLOEXEC) };

	must(recorder.fd >= 0);
	must(!recording_writer__new(&recorder.writer, recorder.fd, codec));
	return recorder;
}

void recorder__event(struct recorder *recorder, union any_event event)
{
	must(!recording_writer__event(recorder->writer, &event.hdr));
	tape__event(&recorder->tape, &event.hdr);
}

void recorder__mapping(struct recorder *recorder, struct mapping mapping)
{
	must(!recording_writer__mapping(recorder->writer, &mapping));
	tape__mapping(&recorder->tape, &mapping);
}

void recorder__document(struct recorder *recorder, const char *json)
{
	json_t *document = json_loads(json, 0, NULL);

	must(document);
	must(!recording_writer__document(recorder->writer, document));
	tape__document(&recorder->tape, document);
	json_decref(document);
}

void recorder__finish(struct recorder *recorder)
{
	must(!recording_writer__finish(recorder->writer));
}

void recorder__free(struct recorder *recorder)
{
	recording_writer__free(recorder->writer);
	close(recorder->fd);
	tape__free(&recorder->tape);
}

struct recorder recorder__sample(enum recording_codec codec)
{
	struct recorder recorder = recorder__new(codec);
	struct machine machine = { .seed = 4711 };
	uint64_t seed = 17;

	recorder__document(&recorder, "{\"kind\":\"start\",\"command\":[\"true\",\"\\u00e9\"]}");
	for (int i = 0; i < 40; i++)
		recorder__event(&recorder, machine__next(&machine));
	for (int i = 0; i < 4; i++)
		recorder__mapping(&recorder, random_mapping(&seed, "/usr/lib/libc.so.6"));
	for (unsigned type = CONVOY_EV_RUNNABLE; type <= CONVOY_EV_HOLDER; type++)
		recorder__event(&recorder, random_event_of(&seed, type));
	for (int i = 0; i < 21; i++)
		recorder__event(&recorder, random_event(&seed));
	recorder__document(&recorder,
			   "{\"kind\":\"end\",\"list\":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,"
			   "15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30]}");
	recorder__finish(&recorder);
	return recorder;
}

void add_header(struct bytes *recording)
{
	uint8_t header[RECORDING_HEADER_SIZE];

	recording_header__put(header);
	bytes__add(recording, header, sizeof(header));
}

void add_block(struct bytes *recording, struct recording_block block, const void *content,
	       size_t size)
{
	uint8_t header[RECORDING_BLOCK_HEADER_SIZE];

	block.raw_size = (uint32_t)size;
	block.stored_size = (uint32_t)size;
	block.content_sum = recording__checksum(content, size);
	recording_block__put(header, &block);
	bytes__add(recording, header, sizeof(header));
	bytes__add(recording, content, size);
}

/* The last four bytes of a header are the checksum of what precedes them. */
static void correct(uint8_t *header, size_t size)
{
	put_le32(header + size - 4, recording__checksum(header, size - 4));
}

void correct_checksums(uint8_t *bytes, size_t size)
{
	size_t at = RECORDING_HEADER_SIZE;

	if (size >= at)
		correct(bytes, at);
	while (size - at >= RECORDING_BLOCK_HEADER_SIZE && at < size) {
		uint8_t *header = bytes + at;
		size_t left = size - at - RECORDING_BLOCK_HEADER_SIZE;
		size_t stored = get_le32(header + 20);

		if (stored > left)
			stored = left;
		put_le32(header + 32,
			 recording__checksum(header + RECORDING_BLOCK_HEADER_SIZE, stored));
		correct(header, RECORDING_BLOCK_HEADER_SIZE);
		at += RECORDING_BLOCK_HEADER_SIZE + stored;
	}
}
