// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "map_record.h"

/* Linux 5.12 */
#ifndef PERF_RECORD_MISC_MMAP_BUILD_ID
#define PERF_RECORD_MISC_MMAP_BUILD_ID (1 << 14)
#endif

/* Bodies as include/uapi/linux/perf_event.h describes them, up to their string. */
struct comm_record {
	struct perf_event_header header;
	uint32_t pid, tid;
	char name[];
};

struct mmap2_record {
	struct perf_event_header header;
	uint32_t pid, tid;
	uint64_t start, length, offset;
	union {
		struct {
			uint32_t major, minor;
			uint64_t inode, generation;
		};
		struct {
			uint8_t build_id_size;
			uint8_t reserved[3];
			uint8_t build_id[20];
		};
	};
	uint32_t prot, flags;
	char path[];
};

struct lost_record {
	struct perf_event_header header;
	uint64_t id, lost;
};

_Static_assert(sizeof(struct comm_record) == 16, "comm");
_Static_assert(sizeof(struct mmap2_record) == 72, "mmap2");
_Static_assert(sizeof(struct lost_record) == 24, "lost");

/* A process that the opener's PID namespace does not see has no number there. */
static bool is_visible(uint32_t pid)
{
	return pid && pid != UINT32_MAX;
}

/* The string between the fixed members and the time; NULL if it does not end there. */
static const char *string(const void *record, size_t offset, size_t end)
{
	const char *text = (const char *)record + offset;

	return end > offset && memchr(text, 0, end - offset) ? text : NULL;
}

static int parse_comm(struct map_record *parsed, const struct comm_record *record, size_t end)
{
	struct mapping *mapping = &parsed->mapping;

	if (!(record->header.misc & PERF_RECORD_MISC_COMM_EXEC))
		return 0;
	mapping->path = string(record, sizeof(*record), end);
	if (!mapping->path)
		return -EBADMSG;
	mapping->kind = MAPPING_EXEC;
	mapping->pid = record->pid;
	parsed->is_mapping = is_visible(record->pid);
	return 0;
}

static int parse_mmap2(struct map_record *parsed, const struct mmap2_record *record, size_t end)
{
	struct mapping *mapping = &parsed->mapping;

	mapping->path = string(record, sizeof(*record), end);
	if (!mapping->path || record->start + record->length < record->start)
		return -EBADMSG;
	if (!strcmp(mapping->path, "//anon"))
		return 0;
	/* The kernel's "//enomem" and "//toolong": a file, but what file. */
	if (!strncmp(mapping->path, "//", 2) || strlen(mapping->path) >= MAPPING_PATH_MAX)
		mapping->path = "";
	mapping->kind = MAPPING_FILE;
	mapping->pid = record->pid;
	mapping->start = record->start;
	mapping->length = record->length;
	mapping->offset = record->offset;
	mapping->executable = record->prot & PROT_EXEC;
	mapping->shared = record->flags & MAP_SHARED;
	if (record->header.misc & PERF_RECORD_MISC_MMAP_BUILD_ID) {
		if (record->build_id_size > sizeof(record->build_id))
			return -EBADMSG;
		mapping->build_id_size = record->build_id_size;
		memcpy(mapping->build_id, record->build_id, record->build_id_size);
	} else {
		mapping->major = record->major;
		mapping->minor = record->minor;
		mapping->inode = record->inode;
	}
	parsed->is_mapping = is_visible(record->pid);
	return 0;
}

int map_record__parse(struct map_record *parsed, const void *record, size_t size)
{
	const struct perf_event_header *header = record;
	size_t end = size - sizeof(uint64_t);
	size_t fixed;

	memset(parsed, 0, sizeof(*parsed));
	parsed->mapping.path = "";
	if (size < sizeof(*header) || header->size != size || size % sizeof(uint64_t))
		return -EBADMSG;
	switch (header->type) {
	case PERF_RECORD_COMM:
		fixed = sizeof(struct comm_record);
		break;
	case PERF_RECORD_MMAP2:
		fixed = sizeof(struct mmap2_record);
		break;
	case PERF_RECORD_LOST:
		fixed = sizeof(struct lost_record);
		break;
	default:
		return 0;
	}
	if (size < fixed + sizeof(uint64_t) || size > MAP_RECORD_MAX)
		return -EBADMSG;
	memcpy(&parsed->mapping.time_ns, (const char *)record + end, sizeof(uint64_t));
	if (header->type == PERF_RECORD_COMM)
		return parse_comm(parsed, record, end);
	if (header->type == PERF_RECORD_MMAP2)
		return parse_mmap2(parsed, record, end);
	parsed->lost = ((const struct lost_record *)record)->lost;
	return 0;
}

void map_ring__init(struct map_ring *ring, struct perf_event_mmap_page *page, const void *data,
		    uint64_t size)
{
	ring->page = page;
	ring->data = data;
	ring->size = size;
	ring->head = ring->tail = __atomic_load_n(&page->data_tail, __ATOMIC_RELAXED);
}

int map_ring__look(struct map_ring *ring)
{
	uint64_t head = __atomic_load_n(&ring->page->data_head, __ATOMIC_ACQUIRE);

	if (head - ring->tail > ring->size || head % sizeof(uint64_t))
		return -EBADMSG;
	ring->head = head;
	return 0;
}

int map_ring__next(struct map_ring *ring, const void **record, size_t *size)
{
	uint64_t available = ring->head - ring->tail;
	uint64_t begin = ring->tail & (ring->size - 1);
	const struct perf_event_header *header;
	uint64_t until_end = ring->size - begin;

	if (!available)
		return 0;
	/* Positions are multiples of 8: a header is never cut by the ring's end. */
	header = (const void *)(ring->data + begin);
	*size = header->size;
	if (*size < sizeof(*header) || *size > available || *size % sizeof(uint64_t))
		return -EBADMSG;
	*record = header;
	if (*size <= until_end)
		return 1;
	if (*size > sizeof(ring->scratch))
		return -EBADMSG;
	memcpy(ring->scratch, header, until_end);
	memcpy(ring->scratch + until_end, ring->data, *size - until_end);
	*record = ring->scratch;
	return 1;
}

void map_ring__advance(struct map_ring *ring, size_t size)
{
	ring->tail += size;
	/* Only after the record was read may the kernel write over it. */
	__atomic_store_n(&ring->page->data_tail, ring->tail, __ATOMIC_RELEASE);
}
