// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <bpf/libbpf.h>
#include <linux/perf_event.h>

#include "map_events.h"
#include "map_record.h"

/* PERF_FORMAT_LOST, Linux 6.0: an enumerator, so no #ifdef can ask for it. */
#define FORMAT_LOST (1u << 4)

struct cpu_buffer {
	int fd;
	void *memory;			/* NULL: not mapped */
	struct map_ring ring;
	bool is_pending;		/* `next` is parsed and not yet handed over */
	size_t size;			/* of its record */
	struct map_record next;
};

struct map_events {
	struct cpu_buffer *buffers;	/* one for each CPU that was on line */
	size_t n_buffers;
	size_t page_bytes, data_bytes;
	bool counts_lost;
	uint64_t lost;			/* as the records told */
};

static int open_event(struct perf_event_attr *attr, pid_t pid, int cpu)
{
	int fd = (int)syscall(SYS_perf_event_open, attr, pid, cpu, -1, PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* The same without what an older kernel does not know, until it accepts. */
static int open_event_as_known(struct perf_event_attr *attr, pid_t pid, int cpu)
{
	int fd = open_event(attr, pid, cpu);

	if (fd == -EINVAL && attr->read_format) {
		attr->read_format = 0;
		fd = open_event(attr, pid, cpu);
	}
	if (fd == -EINVAL && attr->build_id) {
		attr->build_id = 0;
		fd = open_event(attr, pid, cpu);
	}
	return fd;
}

static int open_all(struct map_events *events, pid_t pid)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_DUMMY,
		.sample_type = PERF_SAMPLE_TIME,
		.read_format = FORMAT_LOST,
		.inherit = pid != -1,
		/* It counts nothing; without this, one's own process would need privilege. */
		.exclude_kernel = 1,
		.exclude_hv = 1,
		.mmap = 1,
		.mmap2 = 1,
		.comm = 1,
		.comm_exec = 1,
		.sample_id_all = 1,
		.use_clockid = 1,
		.clockid = CLOCK_MONOTONIC,
		.build_id = 1,
		/* Nobody sleeps on it: wake up nobody. */
		.watermark = 1,
		.wakeup_watermark = UINT32_MAX,
	};
	int n_cpus = libbpf_num_possible_cpus();
	int fd;

	if (n_cpus < 0)
		return n_cpus;
	events->buffers = calloc((size_t)n_cpus, sizeof(*events->buffers));
	if (!events->buffers)
		return -ENOMEM;
	for (int cpu = 0; cpu < n_cpus; cpu++) {
		fd = open_event_as_known(&attr, pid, cpu);
		if (fd == -ENODEV)
			continue; /* off line */
		if (fd < 0)
			return fd;
		events->buffers[events->n_buffers++].fd = fd;
	}
	events->counts_lost = attr.read_format & FORMAT_LOST;
	return events->n_buffers ? 0 : -ENODEV;
}

int map_events__open(struct map_events **result, const struct map_events_options *options)
{
	size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);
	size_t pages = options->pages ? options->pages : MAP_EVENTS_BYTES / page_bytes;
	struct map_events *events;
	int err;

	/* MAP_RECORD_MAX must fit, or a long path would be lost each time. */
	if (pages & (pages - 1) || pages < 2 || pages > 1u << 20)
		return -EINVAL;
	events = calloc(1, sizeof(*events));
	if (!events)
		return -ENOMEM;
	events->page_bytes = page_bytes;
	events->data_bytes = pages * page_bytes;
	err = open_all(events, options->pid);
	if (err) {
		map_events__free(events);
		return err;
	}
	*result = events;
	return 0;
}

int map_events__map(struct map_events *events)
{
	for (size_t i = 0; i < events->n_buffers; i++) {
		struct cpu_buffer *buffer = &events->buffers[i];
		void *memory;

		if (buffer->memory)
			continue;
		memory = mmap(NULL, events->page_bytes + events->data_bytes, PROT_READ | PROT_WRITE,
			      MAP_SHARED, buffer->fd, 0);
		if (memory == MAP_FAILED)
			return -errno;
		buffer->memory = memory;
		map_ring__init(&buffer->ring, memory, (char *)memory + events->page_bytes,
			       events->data_bytes);
	}
	return 0;
}

/* Have the next mapping of this buffer at hand, unless there is none. */
static int fetch(struct map_events *events, struct cpu_buffer *buffer)
{
	const void *record;
	int err;

	while (!buffer->is_pending) {
		err = map_ring__next(&buffer->ring, &record, &buffer->size);
		if (err <= 0)
			return err;
		err = map_record__parse(&buffer->next, record, buffer->size);
		if (err)
			return err;
		events->lost += buffer->next.lost;
		buffer->is_pending = buffer->next.is_mapping;
		if (!buffer->is_pending)
			map_ring__advance(&buffer->ring, buffer->size);
	}
	return 0;
}

int map_events__drain(struct map_events *events, uint64_t limit_ns, mapping_fn fn, void *ctx)
{
	/* Only what is there now: a busy machine must not keep the caller here. */
	for (size_t i = 0; i < events->n_buffers; i++) {
		int err = events->buffers[i].memory ? map_ring__look(&events->buffers[i].ring) :
						      -EINVAL;

		if (err)
			return err;
	}
	for (;;) {
		struct cpu_buffer *first = NULL;
		int err;

		for (size_t i = 0; i < events->n_buffers; i++) {
			struct cpu_buffer *buffer = &events->buffers[i];

			err = fetch(events, buffer);
			if (err)
				return err;
			if (buffer->is_pending &&
			    (!first || buffer->next.mapping.time_ns < first->next.mapping.time_ns))
				first = buffer;
		}
		if (!first || first->next.mapping.time_ns > limit_ns)
			return 0;
		err = fn(ctx, &first->next.mapping);
		first->is_pending = false;
		map_ring__advance(&first->ring, first->size);
		if (err < 0)
			return err;
	}
}

uint64_t map_events__lost(struct map_events *events)
{
	struct {
		uint64_t value, lost;
	} count;
	uint64_t counted = 0;

	for (size_t i = 0; i < events->n_buffers && events->counts_lost; i++)
		if (read(events->buffers[i].fd, &count, sizeof(count)) == sizeof(count))
			counted += count.lost;
	/* The records lag behind: one is written with the next that finds room. */
	return counted > events->lost ? counted : events->lost;
}

void map_events__free(struct map_events *events)
{
	if (!events)
		return;
	for (size_t i = 0; i < events->n_buffers; i++) {
		if (events->buffers[i].memory)
			munmap(events->buffers[i].memory, events->page_bytes + events->data_bytes);
		close(events->buffers[i].fd);
	}
	free(events->buffers);
	free(events);
}
