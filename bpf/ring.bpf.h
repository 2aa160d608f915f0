/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * ring.bpf.h - the per-CPU rings, producer side.
 *
 * A mmapable array with one ring per CPU: no lock that CPUs share and no
 * helper call to reserve or submit, which measured cheaper than a BPF ring
 * buffer (design: 1.10-1.13 against 1.13-1.15 of an untraced handoff).
 *
 * The one rule: only sched_switch programs write, because there interrupts are
 * off and so nothing else can write to the same CPU's ring in between.
 */
#ifndef CONVOY_RING_BPF_H
#define CONVOY_RING_BPF_H

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(key_size, sizeof(u32));
	__uint(value_size, sizeof(struct convoy_ring)); /* the tool sets the real one */
	__uint(max_entries, 1);				/* and the number of CPUs */
} rings SEC(".maps");

/* Room for one record in this CPU's ring; NULL, and counted, when there is none. */
static __always_inline void *ring__reserve(struct convoy_ring *ring, u64 size)
{
	u64 mask = config.ring_mask;
	u64 head = ring->head;

	if (head + size - *(volatile u64 *)&ring->tail > mask + 1) {
		ring->dropped++;
		return NULL;
	}
	return (void *)ring + sizeof(*ring) + (head & mask);
}

/*
 * Room for a record that can be done without: it never takes what is left for those that
 * cannot, the ring's other half. Not counted.
 */
static __always_inline void *ring__reserve_spare(struct convoy_ring *ring, u64 size)
{
	u64 mask = config.ring_mask;
	u64 head = ring->head;

	if (head + size - *(volatile u64 *)&ring->tail > (mask + 1) / 2)
		return NULL;
	return (void *)ring + sizeof(*ring) + (head & mask);
}

/* Make the record visible: everything in it is written before the new head is. */
static __always_inline void ring__submit(struct convoy_ring *ring, u64 size)
{
#if defined(__TARGET_ARCH_x86)
	/* Stores are not reordered with stores; only the compiler must be held. */
	barrier();
	*(volatile u64 *)&ring->head += size;
#else
	/* An atomic that returns the old value is ordered after the stores before it. */
	volatile u64 old = __sync_fetch_and_add(&ring->head, size);
	(void)old;
#endif
}

#endif /* CONVOY_RING_BPF_H */
