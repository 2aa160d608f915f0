/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * words.bpf.h - where a futex word is waited on for the first time: the thread's user
 * registers and the top of its stack, from which the recorder finds a name.
 *
 * Once a word and process. A thread keeps the last words of its own that were told, so that
 * one which waits on the same words all the time pays one comparison.
 */
#ifndef CONVOY_WORDS_BPF_H
#define CONVOY_WORDS_BPF_H

/* include/uapi/asm-generic/errno-base.h */
#define EEXIST			17

/* What is read of a stack at once: where its end is near, the rest of it is lost. */
#define STACK_PIECE		256

/* A word in the memory of a process, as long as that runs one program. */
struct word_key {
	u64 word;
	u64 began;	/* when the process did, for its number can come again */
	u32 pid;
	u16 program;	/* counts how often it began another one */
	u16 found;	/* 1: told by find_tasks, whose reader may not get at the stack in time */
};

/* Full, it forgets what was not asked for lately: a stack then comes once more. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct word_key);
	__type(value, u8);
} words SEC(".maps");

/* find_tasks fills one in at a time, and has no room for it on its own stack. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct convoy_ev_stack);
} found_stack SEC(".maps");

static __always_inline void word_key__fill(struct word_key *key, u64 word, struct task_struct *task)
{
	key->word = word;
	key->began = task->group_leader->start_time;
	key->pid = (u32)task->tgid;
	key->program = (u16)task->self_exec_id;
	key->found = 0;
}

/* Words are multiples of 4, and those of one object lie side by side. */
static __always_inline u64 *thread__known_slot(struct convoy_thread *thread)
{
	u32 slot = (u32)(thread->word >> 2) ^ (u32)(thread->word >> 6);

	return &thread->known[slot & (CONVOY_KNOWN_WORDS - 1)];
}

/* Another program's words are others, wherever they are. 0 is none: nobody waits there. */
static __always_inline u64 thread__known_as(const struct convoy_thread *thread,
					    struct task_struct *task)
{
	return thread->word ^ (task->self_exec_id << 48);
}

static __always_inline bool thread__knows_word(struct convoy_thread *thread,
					       struct task_struct *task)
{
	return *thread__known_slot(thread) == thread__known_as(thread, task);
}

/* All but the bytes. */
static __always_inline void fill_stack(struct convoy_ev_stack *ev,
				       const struct convoy_thread *thread, struct task_struct *task,
				       u32 id, u64 now)
{
	ev->hdr.type = CONVOY_EV_STACK;
	ev->hdr.flags = 0;
	ev->hdr.id = id;
	ev->hdr.time_ns = now;
	ev->word = thread->word;
	user_regs__read(task, ev);
	ev->pid = (u32)task->tgid;
	ev->op = thread->op;
	ev->val = thread->val;
	ev->size = 0;
}

/*
 * This thread, the one that runs here, is about to block on a word that it does not know.
 * Apart from what runs at every switch, which should stay in few cache lines.
 */
static __noinline void emit_stack(struct convoy_ring *ring, struct convoy_thread *thread,
				  struct task_struct *task, u64 now)
{
	struct word_key key;
	struct convoy_ev_stack *ev;
	u8 value = 1;
	long err;
	u64 sp;

	word_key__fill(&key, thread->word, task);
	/* Looked for first: an update makes room for another word before it finds this one. */
	if (bpf_map_lookup_elem(&words, &key)) {
		*thread__known_slot(thread) = thread__known_as(thread, task);
		return;
	}
	ev = ring__reserve_spare(ring, sizeof(*ev));
	if (!ev) {
		__sync_fetch_and_add(&counters.stacks, 1);
		return;
	}
	err = bpf_map_update_elem(&words, &key, &value, BPF_NOEXIST);
	if (err && err != -EEXIST)
		return; /* the next time, perhaps */
	*thread__known_slot(thread) = thread__known_as(thread, task);
	if (err)
		return;
	fill_stack(ev, thread, task, thread->id, now);
	sp = ev->sp;
#pragma unroll
	for (int i = 0; i < CONVOY_STACK_BYTES / STACK_PIECE; i++) {
		if (bpf_probe_read_user(ev->bytes + i * STACK_PIECE, STACK_PIECE,
					(void *)(sp + i * STACK_PIECE)))
			break;
		ev->size = (i + 1) * STACK_PIECE;
	}
	ring__submit(ring, sizeof(*ev));
}

/*
 * For the reader of find_tasks, who can read the memory of a thread that stays blocked: its
 * registers. False when the reader's buffer is full.
 */
static __always_inline bool write_found_stack(struct seq_file *seq,
					      const struct convoy_thread *thread,
					      struct task_struct *task, u64 now)
{
	struct word_key key;
	struct convoy_ev_stack *ev;
	u32 first = 0;
	u8 value = 1;

	if (!(thread->flags & CONVOY_F_FUTEX))
		return true;
	word_key__fill(&key, thread->word, task);
	key.found = 1;
	ev = bpf_map_lookup_elem(&found_stack, &first);
	if (!ev || bpf_map_lookup_elem(&words, &key))
		return true;
	fill_stack(ev, thread, task, thread->found_id, now);
	if (bpf_seq_write(seq, ev, sizeof(*ev)))
		return false;
	bpf_map_update_elem(&words, &key, &value, BPF_NOEXIST);
	return true;
}

#endif /* CONVOY_WORDS_BPF_H */
