// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>

#include "merge.h"

size_t event__size(uint16_t type)
{
	switch (type) {
	case CONVOY_EV_RUNNABLE:
		return sizeof(struct convoy_ev_runnable);
	case CONVOY_EV_WAIT:
	case CONVOY_EV_OPEN:
		return sizeof(struct convoy_ev_wait);
	case CONVOY_EV_BIRTH:
		return sizeof(struct convoy_ev_birth);
	case CONVOY_EV_DEATH:
	case CONVOY_EV_ALIVE:
		return sizeof(struct convoy_ev_death);
	case CONVOY_EV_FUTEX:
		return sizeof(struct convoy_ev_futex);
	case CONVOY_EV_SEEN:
		return sizeof(struct convoy_ev_seen);
	case CONVOY_EV_HOLDER:
		return sizeof(struct convoy_ev_holder);
	case CONVOY_EV_STACK:
		return sizeof(struct convoy_ev_stack);
	}
	return 0;
}

static const struct convoy_ev_hdr *source__head(const struct merge_source *source)
{
	return (const struct convoy_ev_hdr *)(source->data + (source->pos & source->mask));
}

static int source__check(const struct merge_source *source)
{
	size_t size = event__size(source__head(source)->type);

	return size && source->end - source->pos >= size ? 0 : -EBADMSG;
}

static uint64_t heap__time(const struct merge *merge, size_t at)
{
	return source__head(&merge->sources[merge->heap[at]])->time_ns;
}

static void heap__sift_down(struct merge *merge, size_t at)
{
	for (;;) {
		size_t least = at;

		for (size_t child = 2 * at + 1; child <= 2 * at + 2; child++)
			if (child < merge->n_heap &&
			    heap__time(merge, child) < heap__time(merge, least))
				least = child;
		if (least == at)
			return;

		size_t swap = merge->heap[at];

		merge->heap[at] = merge->heap[least];
		merge->heap[least] = swap;
		at = least;
	}
}

int merge__init(struct merge *merge, struct merge_source *sources, size_t n, size_t *heap)
{
	merge->sources = sources;
	merge->heap = heap;
	merge->n_heap = 0;
	merge->damaged = false;
	for (size_t i = 0; i < n; i++) {
		if (sources[i].pos == sources[i].end)
			continue;
		if (source__check(&sources[i]))
			return -EBADMSG;
		heap[merge->n_heap++] = i;
	}
	for (size_t i = merge->n_heap; i-- > 0;)
		heap__sift_down(merge, i);
	return 0;
}

int merge__next(struct merge *merge, uint64_t limit_ns, const struct convoy_ev_hdr **next)
{
	struct merge_source *source;
	const struct convoy_ev_hdr *ev;

	*next = NULL;
	if (merge->damaged)
		return -EBADMSG;
	if (!merge->n_heap)
		return 0;
	source = &merge->sources[merge->heap[0]];
	ev = source__head(source);
	if (ev->time_ns > limit_ns)
		return 0;

	source->pos += event__size(ev->type);
	/* What follows may be damaged: this record still counts, the next call says so. */
	if (source->pos != source->end && source__check(source))
		merge->damaged = true;
	if (source->pos == source->end || merge->damaged)
		merge->heap[0] = merge->heap[--merge->n_heap];
	heap__sift_down(merge, 0);
	*next = ev;
	return 0;
}
