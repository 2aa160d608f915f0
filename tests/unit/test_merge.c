/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_merge.c - rings become one stream: in order, complete, and never garbage.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/events_fixture.h"
#include "user/merge.h"

/* A ring as the probes write it: a record may run on into the slack. */
struct ring {
	uint8_t *data;
	uint64_t size, head;
};

static struct ring make_ring(uint64_t size)
{
	/* Exactly as long as the contract says, so that sanitizers see one byte more. */
	struct ring ring = { .data = malloc(size + CONVOY_RING_SLACK), .size = size };

	assert_non_null(ring.data);
	memset(ring.data, 0xee, size + CONVOY_RING_SLACK);
	return ring;
}

static void put(struct ring *ring, union event event)
{
	size_t size = event__size(event.hdr.type);

	assert_true(size > 0);
	memcpy(ring->data + (ring->head & (ring->size - 1)), &event, size);
	ring->head += size;
}

static struct merge_source source_of(const struct ring *ring, uint64_t pos)
{
	return (struct merge_source){ ring->data, ring->size - 1, pos, ring->head };
}

/* A record of this type, with nothing but a time and an id. */
static union event blank(unsigned type, uint32_t id, uint64_t time_ns)
{
	union event event;

	memset(&event, 0, sizeof(event));
	event.hdr.type = (__u16)type;
	event.hdr.id = id;
	event.hdr.time_ns = time_ns;
	return event;
}

static const struct convoy_ev_hdr *next(struct merge *merge, uint64_t limit_ns)
{
	const struct convoy_ev_hdr *ev = NULL;

	assert_int_equal(merge__next(merge, limit_ns, &ev), 0);
	return ev;
}

static void test_sizes_are_those_of_the_structs(void **state)
{
	(void)state;
	assert_int_equal(event__size(CONVOY_EV_NONE), 0);
	assert_int_equal(event__size(CONVOY_EV_RUNNABLE), sizeof(struct convoy_ev_runnable));
	assert_int_equal(event__size(CONVOY_EV_WAIT), sizeof(struct convoy_ev_wait));
	assert_int_equal(event__size(CONVOY_EV_OPEN), sizeof(struct convoy_ev_wait));
	assert_int_equal(event__size(CONVOY_EV_BIRTH), sizeof(struct convoy_ev_birth));
	assert_int_equal(event__size(CONVOY_EV_DEATH), sizeof(struct convoy_ev_death));
	assert_int_equal(event__size(CONVOY_EV_FUTEX), sizeof(struct convoy_ev_futex));
	assert_int_equal(event__size(CONVOY_EV_SEEN), sizeof(struct convoy_ev_seen));
	assert_int_equal(event__size(CONVOY_EV_ALIVE), sizeof(struct convoy_ev_death));
	assert_int_equal(event__size(CONVOY_EV_HOLDER), sizeof(struct convoy_ev_holder));
	assert_int_equal(event__size(CONVOY_EV_STACK), sizeof(struct convoy_ev_stack));
	assert_int_equal(event__size(CONVOY_EV_STACK + 1), 0);
	assert_int_equal(event__size(0xffff), 0);
	for (unsigned type = 0; type <= 0xffff; type++)
		assert_true(event__size((uint16_t)type) <= CONVOY_RING_SLACK);
}

static void test_nothing_at_all(void **state)
{
	struct ring ring = make_ring(4096);
	struct merge_source sources[3];
	struct merge merge;
	size_t heap[3];

	(void)state;
	assert_int_equal(merge__init(&merge, NULL, 0, heap), 0);
	assert_null(next(&merge, UINT64_MAX));

	/* Empty ones are not looked into, wherever they stand. */
	ring.head = 12345 * 8;
	for (size_t i = 0; i < N(sources); i++)
		sources[i] = source_of(&ring, ring.head);
	assert_int_equal(merge__init(&merge, sources, N(sources), heap), 0);
	assert_null(next(&merge, UINT64_MAX));
	assert_null(next(&merge, UINT64_MAX));
	free(ring.data);
}

static void test_two_cpus_interleave(void **state)
{
	struct ring a = make_ring(4096), b = make_ring(4096), empty = make_ring(4096);
	struct merge_source sources[3];
	struct merge merge;
	size_t heap[3];

	(void)state;
	put(&a, blank(CONVOY_EV_WAIT, 1, 10));
	put(&a, blank(CONVOY_EV_DEATH, 1, 40));
	put(&b, blank(CONVOY_EV_BIRTH, 2, 20));
	put(&b, blank(CONVOY_EV_RUNNABLE, 2, 30));
	put(&b, blank(CONVOY_EV_FUTEX, 2, 50));
	sources[0] = source_of(&b, 0);
	sources[1] = source_of(&empty, 0);
	sources[2] = source_of(&a, 0);
	assert_int_equal(merge__init(&merge, sources, N(sources), heap), 0);
	for (unsigned i = 1; i <= 5; i++)
		assert_int_equal(next(&merge, UINT64_MAX)->time_ns, 10 * i);
	assert_null(next(&merge, UINT64_MAX));
	assert_int_equal(sources[0].pos, b.head);
	assert_int_equal(sources[2].pos, a.head);
	free(a.data);
	free(b.data);
	free(empty.data);
}

static void test_limit_is_inclusive_and_can_move(void **state)
{
	struct ring a = make_ring(4096), b = make_ring(4096);
	struct merge_source sources[2];
	struct merge merge;
	size_t heap[2];

	(void)state;
	put(&a, blank(CONVOY_EV_RUNNABLE, 1, 100));
	put(&a, blank(CONVOY_EV_RUNNABLE, 1, 300));
	put(&b, blank(CONVOY_EV_RUNNABLE, 2, 200));
	sources[0] = source_of(&a, 0);
	sources[1] = source_of(&b, 0);
	assert_int_equal(merge__init(&merge, sources, 2, heap), 0);
	assert_null(next(&merge, 99));
	assert_int_equal(next(&merge, 100)->time_ns, 100);
	assert_null(next(&merge, 199));
	assert_int_equal(sources[0].pos, sizeof(struct convoy_ev_runnable));
	assert_int_equal(sources[1].pos, 0);

	/* The next drain begins where this one stopped, with what has come since. */
	put(&b, blank(CONVOY_EV_RUNNABLE, 2, 250));
	sources[1].end = b.head;
	assert_int_equal(merge__init(&merge, sources, 2, heap), 0);
	assert_int_equal(next(&merge, 250)->time_ns, 200);
	assert_int_equal(next(&merge, 250)->time_ns, 250);
	assert_null(next(&merge, 250));
	assert_int_equal(next(&merge, UINT64_MAX)->time_ns, 300);
	assert_null(next(&merge, UINT64_MAX));
	free(a.data);
	free(b.data);
}

static void test_records_wrap_into_the_slack(void **state)
{
	const uint64_t size = 4096;
	struct ring ring = make_ring(size);
	uint64_t pos = 0, time_ns = 1;
	struct merge merge;
	size_t heap[1];

	(void)state;
	/* Records of 80 and 48 bytes do not divide it: every alignment comes by. */
	for (unsigned lap = 0; lap < 200; lap++) {
		struct merge_source source;
		unsigned n = 0;

		while (ring.head + 80 - pos <= size) {
			union event event =
				blank(n % 3 ? CONVOY_EV_DEATH : CONVOY_EV_FUTEX, n + 1, time_ns++);

			event.death.runtime_ns = event.hdr.time_ns * 3;
			put(&ring, event);
			n++;
		}
		source = source_of(&ring, pos);
		assert_int_equal(merge__init(&merge, &source, 1, heap), 0);
		for (unsigned i = 0; i < n; i++) {
			const struct convoy_ev_hdr *ev = next(&merge, UINT64_MAX);

			assert_int_equal(ev->id, i + 1);
			assert_int_equal(ev->time_ns, time_ns - n + i);
			/* What lies in the slack is read as it was written. */
			if (ev->type == CONVOY_EV_DEATH)
				assert_int_equal(((const struct convoy_ev_death *)ev)->runtime_ns,
						 ev->time_ns * 3);
		}
		assert_null(next(&merge, UINT64_MAX));
		pos = source.pos;
		assert_int_equal(pos, ring.head);
	}
	assert_true(ring.head > 100 * size);
	free(ring.data);
}

static void test_positions_near_their_end(void **state)
{
	struct ring ring = make_ring(4096);
	struct merge_source source;
	struct merge merge;
	size_t heap[1];
	uint64_t begin = UINT64_MAX - 4096 * 3 + 1;

	(void)state;
	ring.head = begin;
	put(&ring, blank(CONVOY_EV_WAIT, 7, 70));
	put(&ring, blank(CONVOY_EV_WAIT, 8, UINT64_MAX));
	source = source_of(&ring, begin);
	assert_int_equal(merge__init(&merge, &source, 1, heap), 0);
	assert_int_equal(next(&merge, UINT64_MAX - 1)->id, 7);
	assert_null(next(&merge, UINT64_MAX - 1));
	assert_int_equal(next(&merge, UINT64_MAX)->id, 8);
	assert_null(next(&merge, UINT64_MAX));
	free(ring.data);
}

/* A recovered arrival is older than records before it in its ring: all come, in ring order. */
static void test_disorder_within_a_ring_loses_nothing(void **state)
{
	static const uint64_t times[] = { 100, 50, 120, 119, 200 };
	struct ring a = make_ring(4096), b = make_ring(4096);
	struct merge_source sources[2];
	struct merge merge;
	size_t heap[2], n = 0;
	bool seen_b = false;

	(void)state;
	for (size_t i = 0; i < N(times); i++)
		put(&a, blank(CONVOY_EV_RUNNABLE, (uint32_t)i + 1, times[i]));
	put(&b, blank(CONVOY_EV_RUNNABLE, 99, 110));
	sources[0] = source_of(&a, 0);
	sources[1] = source_of(&b, 0);
	assert_int_equal(merge__init(&merge, sources, 2, heap), 0);
	for (size_t i = 0; i < N(times) + 1; i++) {
		const struct convoy_ev_hdr *ev = next(&merge, UINT64_MAX);

		assert_non_null(ev);
		if (ev->id == 99)
			seen_b = true;
		else
			assert_int_equal(ev->id, ++n);
	}
	assert_true(seen_b);
	assert_null(next(&merge, UINT64_MAX));
	free(a.data);
	free(b.data);
}

struct stamp {
	uint64_t time_ns;
	uint32_t source, serial;
};

static int by_time(const void *a, const void *b)
{
	const struct stamp *x = a, *y = b;

	return (x->time_ns > y->time_ns) - (x->time_ns < y->time_ns);
}

#define CPUS 64

/* Many rounds of drains from 64 rings, against a sort of everything ever written. */
static void test_64_sources_against_a_sort(void **state)
{
	static const unsigned types[] = { CONVOY_EV_RUNNABLE, CONVOY_EV_WAIT, CONVOY_EV_BIRTH,
					  CONVOY_EV_DEATH, CONVOY_EV_FUTEX };
	const size_t total = 20000;
	struct stamp *written = calloc(total, sizeof(*written));
	struct ring rings[CPUS];
	struct merge_source sources[CPUS];
	uint32_t serials[CPUS] = { 0 };
	uint32_t expected[CPUS] = { 0 };
	uint64_t seed = 20240601, now = 1;
	size_t heap[CPUS], n_written = 0, n_read = 0;

	(void)state;
	assert_non_null(written);
	for (unsigned i = 0; i < CPUS; i++) {
		rings[i] = make_ring(4096);
		sources[i] = source_of(&rings[i], 0);
	}
	while (n_read < total) {
		unsigned burst = random_below(&seed, 400);
		uint64_t limit;
		struct merge merge;
		const struct convoy_ev_hdr *ev;

		for (unsigned i = 0; i < burst && n_written < total; i++) {
			/* The upper half of the CPUs is hardly ever used. */
			unsigned cpu = random_below(&seed, random_below(&seed, 20) ? 32 : CPUS);
			union event event;

			if (rings[cpu].head + 80 - sources[cpu].pos > rings[cpu].size)
				break;
			now += random_below(&seed, 3); /* many have the same time */
			event = blank(types[random_below(&seed, N(types))], cpu + 1, now);
			event.birth.born_ns = serials[cpu]; /* 8 bytes that all types have */
			written[n_written++] = (struct stamp){ now, cpu, serials[cpu]++ };
			put(&rings[cpu], event);
		}
		limit = n_written == total ? UINT64_MAX : now - random_below(&seed, 20);
		for (unsigned i = 0; i < CPUS; i++)
			sources[i].end = rings[i].head;
		assert_int_equal(merge__init(&merge, sources, CPUS, heap), 0);
		while ((ev = next(&merge, limit))) {
			uint32_t cpu = ev->id - 1;
			union event event;

			memcpy(&event, ev, event__size(ev->type));
			assert_true(ev->time_ns <= limit);
			/* `written` is in order of time already, but let qsort say so. */
			assert_int_equal(ev->time_ns, written[n_read].time_ns);
			assert_int_equal(event.birth.born_ns, expected[cpu]++);
			n_read++;
		}
		/* Whatever is left is later than the limit. */
		if (n_read < n_written)
			assert_true(written[n_read].time_ns > limit);
	}
	qsort(written, total, sizeof(*written), by_time);
	for (size_t i = 1; i < total; i++)
		assert_true(written[i - 1].time_ns <= written[i].time_ns);
	for (unsigned i = 0; i < CPUS; i++) {
		assert_int_equal(expected[i], serials[i]);
		free(rings[i].data);
	}
	free(written);
}

static void test_unsorted_input_against_qsort(void **state)
{
	struct stamp all[CPUS * 40];
	struct ring rings[CPUS];
	struct merge_source sources[CPUS];
	struct merge merge;
	uint64_t seed = 77;
	size_t heap[CPUS], n = 0;

	(void)state;
	for (unsigned cpu = 0; cpu < CPUS; cpu++) {
		uint64_t time_ns = random_below(&seed, 100000);
		unsigned records = random_below(&seed, 41);

		rings[cpu] = make_ring(8192);
		rings[cpu].head = 8 * random_below(&seed, 100000);
		sources[cpu] = source_of(&rings[cpu], rings[cpu].head);
		for (unsigned i = 0; i < records; i++) {
			time_ns += random_below(&seed, 5000);
			put(&rings[cpu], blank(CONVOY_EV_WAIT, cpu + 1, time_ns));
			all[n++] = (struct stamp){ time_ns, cpu, i };
		}
		sources[cpu].end = rings[cpu].head;
	}
	qsort(all, n, sizeof(all[0]), by_time);
	assert_int_equal(merge__init(&merge, sources, CPUS, heap), 0);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(next(&merge, UINT64_MAX)->time_ns, all[i].time_ns);
	assert_null(next(&merge, UINT64_MAX));
	for (unsigned cpu = 0; cpu < CPUS; cpu++)
		free(rings[cpu].data);
}

/* Every way to cut the last record of a source is found, at once or when it comes by. */
static void test_truncated_records_are_refused(void **state)
{
	(void)state;
	for (size_t cut = 8; cut < sizeof(struct convoy_ev_death); cut += 8) {
		struct ring ring = make_ring(4096);
		struct merge_source source;
		const struct convoy_ev_hdr *ev;
		struct merge merge;
		size_t heap[1];
		int err;

		put(&ring, blank(CONVOY_EV_DEATH, 1, 10));
		source = source_of(&ring, 0);
		source.end = cut;
		assert_int_equal(merge__init(&merge, &source, 1, heap), -EBADMSG);

		put(&ring, blank(CONVOY_EV_DEATH, 2, 20));
		source = source_of(&ring, 0);
		source.end = sizeof(struct convoy_ev_death) + cut;
		assert_int_equal(merge__init(&merge, &source, 1, heap), 0);
		err = merge__next(&merge, UINT64_MAX, &ev);
		if (!err) { /* the whole one may come first */
			assert_int_equal(ev->id, 1);
			err = merge__next(&merge, UINT64_MAX, &ev);
		}
		assert_int_equal(err, -EBADMSG);
		assert_null(ev);
		free(ring.data);
	}
}

static void test_garbage_is_refused(void **state)
{
	static const uint16_t bad_types[] = { 0, 7, 8, 0x100, 0x4000, 0xeeee, 0xffff };

	(void)state;
	for (size_t i = 0; i < N(bad_types); i++) {
		struct ring good = make_ring(4096), bad = make_ring(4096);
		struct merge_source sources[2];
		const struct convoy_ev_hdr *ev = NULL;
		struct merge merge;
		size_t heap[2];
		int err = 0, delivered = 0;

		/* As the first record. */
		put(&good, blank(CONVOY_EV_WAIT, 1, 5));
		put(&bad, blank(CONVOY_EV_WAIT, 2, 10));
		memcpy(bad.data, &bad_types[i], sizeof(bad_types[i]));
		sources[0] = source_of(&good, 0);
		sources[1] = source_of(&bad, 0);
		assert_int_equal(merge__init(&merge, sources, 2, heap), -EBADMSG);

		/* Behind a good one; whatever else is asked for, it does not go away. */
		bad.head = 0;
		put(&bad, blank(CONVOY_EV_WAIT, 2, 10));
		put(&bad, blank(CONVOY_EV_WAIT, 2, 20));
		memcpy(bad.data + sizeof(struct convoy_ev_wait), &bad_types[i],
		       sizeof(bad_types[i]));
		sources[1] = source_of(&bad, 0);
		assert_int_equal(merge__init(&merge, sources, 2, heap), 0);
		while (!err && delivered < 4) {
			err = merge__next(&merge, UINT64_MAX, &ev);
			delivered += !err;
			if (!err)
				assert_non_null(ev);
		}
		assert_int_equal(err, -EBADMSG);
		assert_int_equal(merge__next(&merge, UINT64_MAX, &ev), -EBADMSG);
		assert_null(ev);
		free(good.data);
		free(bad.data);
	}
}

/* Random bytes: an end is reached without a crash, and no position leaves its ring. */
static void test_random_bytes_end(void **state)
{
	uint64_t seed = 4711;

	(void)state;
	for (unsigned run = 0; run < 2000; run++) {
		struct ring ring = make_ring(4096);
		struct merge_source source;
		const struct convoy_ev_hdr *ev = NULL;
		struct merge merge;
		size_t heap[1];
		unsigned n = 0;
		int err;

		for (size_t i = 0; i < 4096 + CONVOY_RING_SLACK; i++)
			ring.data[i] = (uint8_t)random_below(&seed, 8);
		for (size_t i = 1; i < 4096; i += 8)
			ring.data[i] = 0; /* types that exist now and then */
		ring.head = 8 * random_below(&seed, 513);
		source = source_of(&ring, 0);
		err = merge__init(&merge, &source, 1, heap);
		while (!err && n++ < 4096) {
			err = merge__next(&merge, UINT64_MAX, &ev);
			if (!err && !ev)
				break;
			assert_true(source.pos <= source.end);
		}
		assert_true(err == 0 || err == -EBADMSG);
		assert_true(n < 4096);
		free(ring.data);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes_are_those_of_the_structs),
		cmocka_unit_test(test_nothing_at_all),
		cmocka_unit_test(test_two_cpus_interleave),
		cmocka_unit_test(test_limit_is_inclusive_and_can_move),
		cmocka_unit_test(test_records_wrap_into_the_slack),
		cmocka_unit_test(test_positions_near_their_end),
		cmocka_unit_test(test_disorder_within_a_ring_loses_nothing),
		cmocka_unit_test(test_64_sources_against_a_sort),
		cmocka_unit_test(test_unsorted_input_against_qsort),
		cmocka_unit_test(test_truncated_records_are_refused),
		cmocka_unit_test(test_garbage_is_refused),
		cmocka_unit_test(test_random_bytes_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
