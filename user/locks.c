// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "locks.h"

/*
 * Waits of one attempt follow each other closely: a thread whose wait timed out
 * looks at the lock and waits again. One that ran longer than this in between
 * had the lock. (Looking again costs a few microseconds; a GIL is held for
 * milliseconds.)
 */
#define SAME_ATTEMPT_NS 50000

/* A thread's attempt to acquire a lock that has not succeeded yet. */
struct attempt {
	size_t lock;		/* index + 1; 0: none */
	uint64_t blocked_ns;
	uint64_t unattributed_ns;	/* of it, with no holder known so far */
	uint64_t in_ns, ran_ns;	/* when its last wait ended */
	bool open;		/* it has not ended */
};

/* A remembered answer of locks__find(). */
struct word_entry {
	uint64_t word;
	uint32_t pid;
	bool used;
	struct lock_word found;
};

struct locks {
	const struct lock_table *published;
	struct lock **locks;
	size_t n_locks;
	struct attempt *attempts;	/* by thread */
	size_t n_attempts;
	struct word_entry *words;
	size_t n_words, words_room;
	uint32_t n_published;		/* entries there were when `words` was begun */
};

int locks__new(struct locks **out, const struct lock_table *published)
{
	struct locks *locks = calloc(1, sizeof(*locks));

	if (!locks)
		return -ENOMEM;
	locks->published = published;
	*out = locks;
	return 0;
}

void locks__free(struct locks *locks)
{
	if (!locks)
		return;
	for (size_t i = 0; i < locks->n_locks; i++) {
		histogram__free(&locks->locks[i]->episodes);
		histogram__free(&locks->locks[i]->handoff_ns);
		free(locks->locks[i]->holders);
		place_table__free(&locks->locks[i]->holder_places);
		free(locks->locks[i]);
	}
	free(locks->locks);
	free(locks->attempts);
	free(locks->words);
	free(locks);
}

/*
 * The smallest published range that holds the word. *final is false while an
 * entry is being filled in. The workload can write to the table at any time:
 * each entry is copied, and the copy is what is checked and believed.
 */
static struct lock_word search_published(const struct lock_table *table, uint32_t n, uint32_t pid,
					 uint64_t word, bool *final)
{
	struct lock_word found = { .kind = LOCK_UNKNOWN };
	uint32_t smallest = UINT32_MAX;

	*final = true;
	for (uint32_t i = 0; i < n; i++) {
		struct lock_entry entry;

		if (!__atomic_load_n(&table->entries[i].ready, __ATOMIC_ACQUIRE)) {
			*final = false;
			continue;
		}
		memcpy(&entry, &table->entries[i], sizeof(entry));
		if (entry.pid != (int32_t)pid || word < entry.address ||
		    word - entry.address >= entry.size || entry.kind >= LOCK_KIND_COUNT ||
		    entry.size > smallest)
			continue;
		if (entry.size == smallest && found.kind != LOCK_UNKNOWN)
			continue;
		smallest = entry.size;
		found.kind = entry.kind;
		found.role = entry.role;
		memcpy(found.name, entry.name, sizeof(found.name) - 1);
	}
	return found;
}

static struct word_entry *word_slot(struct word_entry *words, size_t room, uint32_t pid,
				    uint64_t word)
{
	uint64_t key = (word ^ (uint64_t)pid << 40) * 0x9e3779b97f4a7c15ull;
	size_t at = (key >> 32) & (room - 1);

	while (words[at].used && (words[at].word != word || words[at].pid != pid))
		at = (at + 1) & (room - 1);
	return &words[at];
}

/* Room for one more remembered word. Without memory the answers are just not kept. */
static bool grow_words(struct locks *locks)
{
	struct word_entry *grown;
	size_t room;

	if (2 * (locks->n_words + 1) <= locks->words_room)
		return true;
	room = locks->words_room ? 2 * locks->words_room : 64;
	grown = calloc(room, sizeof(*grown));
	if (!grown)
		return false;
	for (size_t i = 0; i < locks->words_room; i++)
		if (locks->words[i].used)
			*word_slot(grown, room, locks->words[i].pid, locks->words[i].word) =
				locks->words[i];
	free(locks->words);
	locks->words = grown;
	locks->words_room = room;
	return true;
}

struct lock_word locks__find(struct locks *locks, uint32_t pid, uint64_t word)
{
	struct lock_word found = { .kind = LOCK_UNKNOWN };
	struct word_entry *slot = NULL;
	bool final;
	uint32_t n;

	if (!locks->published || !word)
		return found;
	n = __atomic_load_n(&locks->published->count, __ATOMIC_ACQUIRE);
	if (n > LOCK_TABLE_CAPACITY)
		n = LOCK_TABLE_CAPACITY;
	if (n != locks->n_published) {
		/* What was looked up before may have another answer now. */
		if (locks->words)
			memset(locks->words, 0, locks->words_room * sizeof(*locks->words));
		locks->n_words = 0;
		locks->n_published = n;
	}
	if (grow_words(locks))
		slot = word_slot(locks->words, locks->words_room, pid, word);
	if (slot && slot->used)
		return slot->found;
	found = search_published(locks->published, n, pid, word, &final);
	if (slot && final) {
		*slot = (struct word_entry){ word, pid, true, found };
		locks->n_words++;
	}
	return found;
}

/* What to call a lock that nobody published. */
static const char *unnamed(enum lock_kind kind, bool mmap_lock)
{
	switch (kind) {
	case LOCK_KERNEL:
		return mmap_lock ? "mmap_lock" : "(kernel lock)";
	case LOCK_JOIN:
		return "(thread exit)";
	case LOCK_MUTEX:
		return "(unnamed mutex)";
	default:
		return "(unnamed futex, no mutex)";
	}
}

/* The lock's index + 1, made when it is new; 0 without memory. */
static size_t lock_index(struct locks *locks, uint32_t pid, enum lock_kind kind, const char *name)
{
	struct lock **grown;
	struct lock *lock;

	for (size_t i = 0; i < locks->n_locks; i++) {
		lock = locks->locks[i];
		if (lock->pid == pid && lock->kind == kind &&
		    !strncmp(lock->name, name, sizeof(lock->name) - 1))
			return i + 1;
	}
	grown = realloc(locks->locks, (locks->n_locks + 1) * sizeof(*grown));
	if (!grown)
		return 0;
	locks->locks = grown;
	lock = calloc(1, sizeof(*lock));
	if (!lock)
		return 0;
	lock->pid = pid;
	lock->kind = kind;
	strncpy(lock->name, name, sizeof(lock->name) - 1);
	histogram__init(&lock->episodes);
	histogram__init(&lock->handoff_ns);
	locks->locks[locks->n_locks++] = lock;
	return locks->n_locks;
}

static struct attempt *attempt_of(struct locks *locks, size_t thread)
{
	if (thread >= locks->n_attempts) {
		size_t room = locks->n_attempts ? locks->n_attempts : 16;
		struct attempt *grown;

		while (room <= thread)
			room *= 2;
		grown = realloc(locks->attempts, room * sizeof(*grown));
		if (!grown)
			return NULL;
		memset(grown + locks->n_attempts, 0, (room - locks->n_attempts) * sizeof(*grown));
		locks->attempts = grown;
		locks->n_attempts = room;
	}
	return &locks->attempts[thread];
}

struct holder_key {
	const struct lock *lock;
	size_t thread;
};

static bool is_holder(const void *ctx, size_t place)
{
	const struct holder_key *key = ctx;

	return key->lock->holders[place].thread == key->thread;
}

static int add_holder(struct lock *lock, size_t thread, uint64_t ns)
{
	const struct holder_key key = { lock, thread };
	uint64_t hash = place_table__hash(thread);
	size_t place = place_table__find(&lock->holder_places, hash, is_holder, &key);
	struct lock_holder *grown;

	if (place != NO_PLACE) {
		lock->holders[place].wait_ns += ns;
		return 0;
	}
	grown = realloc(lock->holders, (lock->n_holders + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	lock->holders = grown;
	lock->holders[lock->n_holders] = (struct lock_holder){ thread, ns };
	return place_table__add(&lock->holder_places, hash, lock->n_holders++);
}

/* The lock passed from one thread to another. */
static void add_handoff(struct lock *lock, uint64_t when_ns)
{
	if (!lock->handoffs || when_ns < lock->first_handoff_ns)
		lock->first_handoff_ns = when_ns;
	if (when_ns > lock->last_handoff_ns)
		lock->last_handoff_ns = when_ns;
	lock->handoffs++;
}

/* End of an attempt: its waits become one episode, and `holder`'s if it is known. */
static int close_attempt(struct locks *locks, struct attempt *attempt, size_t holder)
{
	struct lock *lock;
	int err;

	if (!attempt->lock)
		return 0;
	lock = locks->locks[attempt->lock - 1];
	err = histogram__add(&lock->episodes, attempt->blocked_ns);
	if (!err && holder != NO_THREAD)
		err = add_holder(lock, holder, attempt->unattributed_ns);
	memset(attempt, 0, sizeof(*attempt));
	return err;
}

/* An attempt that no release ended: given up, except that one for a GIL never is. */
static int end_attempt(struct locks *locks, struct attempt *attempt)
{
	if (attempt->lock && !attempt->open && locks->locks[attempt->lock - 1]->kind == LOCK_GIL)
		add_handoff(locks->locks[attempt->lock - 1], attempt->in_ns);
	return close_attempt(locks, attempt, NO_THREAD);
}

/*
 * A thread that had released the lock waited for it to be taken, and the taker
 * woke it: that ends the taker's attempt, and tells who held the lock before.
 */
static int taken_over(struct locks *locks, size_t index, const struct lock_wait *wait)
{
	struct attempt *taker;

	if (wait->releaser == NO_THREAD || wait->releaser >= locks->n_attempts)
		return 0;
	taker = &locks->attempts[wait->releaser];
	if (taker->lock != index)
		return 0;
	add_handoff(locks->locks[index - 1], taker->in_ns);
	return close_attempt(locks, taker, wait->thread);
}

int locks__wait(struct locks *locks, const struct lock_wait *wait)
{
	bool published = wait->word.kind != LOCK_UNKNOWN;
	enum lock_role role = published ? wait->word.role : LOCK_ROLE_ACQUIRE;
	struct attempt *attempt = attempt_of(locks, wait->thread);
	size_t index =
		lock_index(locks, published ? wait->pid : 0, wait->kind,
			   published ? wait->word.name : unnamed(wait->kind, wait->mmap_lock));
	struct lock *lock;
	int err = 0;

	if (!attempt || !index)
		return -ENOMEM;
	lock = locks->locks[index - 1];
	lock->waits++;
	lock->total_ns += wait->blocked_ns;
	lock->wakeup_ns += wait->wakeup_ns;
	lock->woken_early += wait->early;
	lock->since_before += wait->since_before;
	lock->unfinished += wait->open;

	if (attempt->lock &&
	    (attempt->lock != index || wait->ran_ns - attempt->ran_ns > SAME_ATTEMPT_NS))
		err = end_attempt(locks, attempt);
	if (err)
		return err;
	attempt->lock = index;
	attempt->blocked_ns += wait->blocked_ns;
	attempt->in_ns = wait->in_ns;
	attempt->ran_ns = wait->ran_ns;
	attempt->open = wait->open;
	if (wait->holder != NO_THREAD)
		err = add_holder(lock, wait->holder, wait->blocked_ns);
	else
		attempt->unattributed_ns += wait->blocked_ns;
	if (err)
		return err;

	if (wait->kind == LOCK_KERNEL || wait->kind == LOCK_JOIN)
		return close_attempt(locks, attempt, NO_THREAD);
	/* A time-out or a signal does not end the attempt; the releaser does. */
	if (!wait->released || wait->open)
		return 0;
	if (role == LOCK_ROLE_ACK)
		return taken_over(locks, index, wait);
	if (role == LOCK_ROLE_GUARD)
		return 0;
	add_handoff(lock, wait->woken_ns);
	err = histogram__add(&lock->handoff_ns, wait->wakeup_ns);
	return err ? err : close_attempt(locks, attempt, wait->releaser);
}

int locks__calls(struct locks *locks, uint32_t pid, const struct convoy_ev_futex *calls)
{
	struct lock_word word = locks__find(locks, pid, calls->word);
	size_t index;

	if (word.kind == LOCK_UNKNOWN)
		return 0; /* whose lock it was is not known without its waits' kinds */
	index = lock_index(locks, pid, word.kind, word.name);
	if (!index)
		return -ENOMEM;
	locks->locks[index - 1]->timeouts += calls->timeouts;
	locks->locks[index - 1]->eagain += calls->eagain;
	locks->locks[index - 1]->calls += (uint64_t)calls->waits + calls->wakes;
	return 0;
}

int locks__finish(struct locks *locks)
{
	int err = 0;

	for (size_t i = 0; i < locks->n_attempts; i++) {
		int one = end_attempt(locks, &locks->attempts[i]);

		if (!err)
			err = one;
	}
	return err;
}

size_t locks__n(const struct locks *locks)
{
	return locks->n_locks;
}

const struct lock *locks__at(const struct locks *locks, size_t at)
{
	return locks->locks[at];
}
