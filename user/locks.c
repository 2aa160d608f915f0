// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "attempt.h"
#include "classify.h"
#include "locks.h"

/*
 * Waits of one attempt follow each other closely: a thread that was woken looks at the lock
 * and waits again. One that ran longer than this in between had the lock. (Looking again
 * costs a few microseconds; a GIL is held for milliseconds.)
 */
#define SAME_ATTEMPT_NS 50000
/*
 * One that was not given the lock has more to do: whose wait timed out, works out until when to
 * wait next, and looks at what it waits for; who was woken by a holder that keeps the lock (a
 * GVL's, to take over the watch on its time) does what it was woken for.
 */
#define NOT_GIVEN_NS 500000

struct locks {
	struct lock_words *words;
	struct holders *holders;
	struct lock_objects objects;
	struct attempt *attempts;	/* by thread */
	size_t n_attempts;
	struct lock_thread *threads;
	size_t n_threads, threads_room;
	struct place_table thread_places;	/* in `threads`, by thread and lock */
};

int locks__new(struct locks **out, const struct locks_options *options)
{
	struct locks *locks = calloc(1, sizeof(*locks));
	int err;

	if (!locks)
		return -ENOMEM;
	err = lock_words__new(&locks->words, options->published, options->words);
	if (err) {
		free(locks);
		return err;
	}
	locks->holders = options->holders;
	*out = locks;
	return 0;
}

void locks__free(struct locks *locks)
{
	if (!locks)
		return;
	for (size_t i = 0; i < locks->n_attempts; i++)
		free(locks->attempts[i].waits);
	free(locks->attempts);
	free(locks->threads);
	place_table__free(&locks->thread_places);
	lock_objects__free(&locks->objects);
	lock_words__free(locks->words);
	free(locks);
}

struct lock_word *locks__find(struct locks *locks, uint32_t pid, uint32_t ns_pid, uint64_t word)
{
	return lock_words__find(locks->words, pid, ns_pid, word);
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

/* --- what each thread waited for a lock -------------------------------------------------- */

struct thread_key {
	const struct locks *locks;
	size_t thread, lock;
};

static bool is_thread(const void *ctx, size_t place)
{
	const struct thread_key *key = ctx;
	const struct lock_thread *thread = &key->locks->threads[place];

	return thread->thread == key->thread && thread->lock == key->lock;
}

/* The index of what the thread waited for the lock, plus 1; 0 without memory. */
static size_t thread_of(struct locks *locks, size_t thread, size_t lock)
{
	const struct thread_key key = { locks, thread, lock };
	uint64_t hash = place_table__hash(place_table__hash(thread) + lock);
	size_t place = place_table__find(&locks->thread_places, hash, is_thread, &key);

	if (place != NO_PLACE)
		return place + 1;
	if (locks->n_threads == locks->threads_room) {
		size_t room = locks->threads_room ? 2 * locks->threads_room : 16;
		struct lock_thread *grown = realloc(locks->threads, room * sizeof(*grown));

		if (!grown)
			return 0;
		locks->threads = grown;
		locks->threads_room = room;
	}
	if (place_table__add(&locks->thread_places, hash, locks->n_threads))
		return 0;
	locks->threads[locks->n_threads] = (struct lock_thread){ .thread = thread, .lock = lock };
	return ++locks->n_threads;
}

static bool is_by_thread(enum lock_kind kind)
{
	return kind == LOCK_GIL || kind == LOCK_SEMAPHORE;
}

/* Who waits for a GIL or a semaphore, and who posts it. */
static int note_thread(struct locks *locks, struct attempt *attempt, size_t object,
		       const struct lock_wait *wait)
{
	size_t row = locks->objects.objects[object].row, posted;

	if (!is_by_thread(wait->kind))
		return 0;
	if (attempt->object != object + 1 || !attempt->of_thread)
		attempt->of_thread = thread_of(locks, wait->thread, row);
	if (!attempt->of_thread)
		return -ENOMEM;
	locks->threads[attempt->of_thread - 1].wait_ns += wait->blocked_ns;
	locks->threads[attempt->of_thread - 1].waited = true;
	if (wait->kind != LOCK_SEMAPHORE || wait->releaser == NO_THREAD)
		return 0;
	posted = thread_of(locks, wait->releaser, row);
	if (!posted)
		return -ENOMEM;
	locks->threads[posted - 1].posted = true;
	return 0;
}

/* --- attempts ---------------------------------------------------------------------------- */

/*
 * Has it one owner at a time, for whom the next one waits? Only then can a race for it be
 * lost. Who is woken from a queue is through, and if it soon waits again, for the next item.
 */
static bool is_owned(enum lock_kind kind)
{
	return classify__kind_account(kind) == ACCOUNT_LOCK && kind != LOCK_KERNEL;
}

/* The lock passed from one thread to another. */
static void add_handoff(struct lock *row, uint64_t when_ns)
{
	if (!row->handoffs || when_ns < row->first_handoff_ns)
		row->first_handoff_ns = when_ns;
	if (when_ns > row->last_handoff_ns)
		row->last_handoff_ns = when_ns;
	row->handoffs++;
}

static struct tenures *tenures_of(struct lock_object *object)
{
	if (!object->tenures && tenures__new(&object->tenures))
		return NULL;
	return object->tenures;
}

static int took(struct locks *locks, size_t object, size_t thread, uint64_t when_ns)
{
	struct lock_object *of = &locks->objects.objects[object];

	if (!is_owned(of->kind))
		return 0;
	return tenures_of(of) ? tenures__took(of->tenures, thread, when_ns) : -ENOMEM;
}

static int gave_up(struct locks *locks, size_t object, size_t thread, uint64_t when_ns)
{
	struct lock_object *of = &locks->objects.objects[object];

	if (!is_owned(of->kind) || thread == NO_THREAD)
		return 0;
	return tenures_of(of) ? tenures__gave_up(of->tenures, thread, when_ns) : -ENOMEM;
}

static int divide(struct locks *locks, size_t thread, struct attempt *attempt, size_t releaser)
{
	struct lock_object *object = &locks->objects.objects[attempt->object - 1];
	bool owned = is_owned(object->kind);

	if (!attempt->n_waits)
		return 0;
	if (owned && !tenures_of(object))
		return -ENOMEM;
	/* What someone does who fills a queue is not what its waiters wait for the end of. */
	return attempt__divide(attempt, thread,
			       lock_objects__row(&locks->objects, attempt->object - 1),
			       object->tenures, owned, releaser,
			       owned || object->kind == LOCK_SEMAPHORE ? locks->holders : NULL);
}

/* End of an attempt: its waits become one episode, and are divided by who held the lock. */
static int close_attempt(struct locks *locks, size_t thread, struct attempt *attempt,
			 size_t releaser)
{
	struct lock *row;
	int err;

	if (!attempt->object)
		return 0;
	row = lock_objects__row(&locks->objects, attempt->object - 1);
	err = histogram__add(&row->episodes, attempt->blocked_ns);
	if (!err)
		err = divide(locks, thread, attempt, releaser);
	attempt->object = 0;
	attempt->of_thread = 0;
	attempt->blocked_ns = 0;
	attempt->n_waits = 0;
	attempt->open = attempt->released = false;
	return err;
}

/* The last wait was ended by a release, and the lock was taken over. */
static int close_taken(struct locks *locks, size_t thread, struct attempt *attempt, size_t releaser)
{
	struct lock *row = lock_objects__row(&locks->objects, attempt->object - 1);
	int err;

	add_handoff(row, attempt->woken_ns);
	err = histogram__add(&row->handoff_ns, attempt->wakeup_ns);
	if (!err)
		err = took(locks, attempt->object - 1, thread, attempt->in_ns);
	return err ? err : close_attempt(locks, thread, attempt, releaser);
}

/* An attempt that goes on no more: given up, except that one for a GIL never is. */
static int end_attempt(struct locks *locks, size_t thread, struct attempt *attempt)
{
	int err = 0;

	if (!attempt->object)
		return 0;
	if (attempt->released && !attempt->open)
		return close_taken(locks, thread, attempt, NO_THREAD);
	if (!attempt->open &&
	    lock_objects__row(&locks->objects, attempt->object - 1)->kind == LOCK_GIL) {
		add_handoff(lock_objects__row(&locks->objects, attempt->object - 1),
			    attempt->in_ns);
		err = took(locks, attempt->object - 1, thread, attempt->in_ns);
	}
	return err ? err : close_attempt(locks, thread, attempt, NO_THREAD);
}

/*
 * A thread that releases the lock had it, so that its own attempt is over, however short it
 * ran since it was woken.
 */
static int end_releasers_attempt(struct locks *locks, size_t object, const struct lock_wait *wait)
{
	struct attempt *attempt;

	if (wait->releaser >= locks->n_attempts)
		return 0;
	attempt = &locks->attempts[wait->releaser];
	if (attempt->object != object + 1 || !attempt->released ||
	    wait->released_ns <= attempt->in_ns)
		return 0;
	return end_attempt(locks, wait->releaser, attempt);
}

/*
 * A thread that had released the lock waited for it to be taken, and the taker
 * woke it: that ends the taker's attempt, and tells who held the lock before.
 */
static int taken_over(struct locks *locks, size_t object, const struct lock_wait *wait)
{
	struct attempt *taker;
	int err;

	if (wait->releaser >= locks->n_attempts)
		return 0;
	taker = &locks->attempts[wait->releaser];
	if (taker->object != object + 1)
		return 0;
	if (taker->released)
		return end_attempt(locks, wait->releaser, taker);
	if (taker->n_waits)
		taker->waits[taker->n_waits - 1].releaser = wait->thread;
	add_handoff(lock_objects__row(&locks->objects, object), taker->in_ns);
	err = gave_up(locks, object, wait->thread, taker->in_ns);
	if (!err)
		err = took(locks, object, wait->releaser, taker->in_ns);
	return err ? err : close_attempt(locks, wait->releaser, taker, wait->thread);
}

static int count_wait(struct lock *row, const struct lock_wait *wait, enum lock_role role)
{
	row->waits++;
	row->total_ns += wait->blocked_ns;
	row->wakeup_ns += wait->wakeup_ns;
	row->woken_early += wait->early;
	row->since_before += wait->since_before;
	row->unfinished += wait->open;
	row->pi |= wait->pi;
	row->robust |= wait->robust;
	row->shared |= wait->shared;
	if (wait->kind != LOCK_GIL || role != LOCK_ROLE_ACQUIRE || wait->released || wait->open ||
	    wait->since_before || wait->early)
		return 0;
	return histogram__add(&row->unreleased_ns, wait->blocked_ns);
}

/*
 * Can the thread have been given the lock by the end of its last wait? Of a GIL that timed out,
 * unless its holder is known to be another: it may have been free. One whose holder is who woke
 * the thread has not changed hands, but any other lock can have been retaken.
 */
static bool was_given(const struct attempt *attempt, const struct lock_wait *wait)
{
	if (wait->kind != LOCK_GIL)
		return attempt->released;
	return wait->holder == NO_THREAD ||
	       (attempt->released && wait->holder != attempt->releaser);
}

/* Does this wait go on with what the thread did last? Of what is unknown, nobody can say. */
static bool goes_on(const struct attempt *attempt, size_t object, const struct lock_wait *wait)
{
	uint64_t least_ns = was_given(attempt, wait) ? SAME_ATTEMPT_NS : NOT_GIVEN_NS;

	return attempt->object == object + 1 && wait->kind != LOCK_UNKNOWN &&
	       attempt->others == wait->others && wait->ran_ns - attempt->ran_ns <= least_ns;
}

static int add_to_attempt(struct locks *locks, struct attempt *attempt, size_t object,
			  const struct lock_wait *wait, enum lock_role role, bool handed_over)
{
	int err = 0;

	/* Who waits for the lock to be taken by another had it. */
	if (attempt->object &&
	    (!goes_on(attempt, object, wait) || (attempt->released && role == LOCK_ROLE_ACK)))
		err = end_attempt(locks, wait->thread, attempt);
	if (err)
		return err;
	if (attempt->released && role == LOCK_ROLE_ACQUIRE) {
		lock_objects__row(&locks->objects, object)->lost_races += was_given(attempt, wait);
		attempt->released = false;
	}
	err = note_thread(locks, attempt, object, wait);
	if (!attempt->released) {
		attempt->woken_ns = wait->woken_ns;
		attempt->wakeup_ns = wait->wakeup_ns;
	}
	attempt->object = object + 1;
	attempt->blocked_ns += wait->blocked_ns;
	attempt->in_ns = wait->in_ns;
	attempt->ran_ns = wait->ran_ns;
	attempt->others = wait->others;
	attempt->open = wait->open;
	if (!err && attempt__is_full(attempt))
		err = divide(locks, wait->thread, attempt, NO_THREAD);
	return err ? err : attempt__add(attempt, wait, handed_over ? wait->releaser : NO_THREAD);
}

/* One wait that is an episode by itself: nothing tells who had the lock. */
static int add_single(struct locks *locks, size_t object, const struct lock_wait *wait)
{
	struct lock *row = lock_objects__row(&locks->objects, object);
	int err = count_wait(row, wait, LOCK_ROLE_ACQUIRE);

	return err ? err : histogram__add(&row->episodes, wait->blocked_ns);
}

int locks__wait(struct locks *locks, const struct lock_wait *wait)
{
	enum lock_role role = wait->word ? wait->word->role : LOCK_ROLE_ACQUIRE;
	struct attempt *attempt = attempt_of(locks, wait->thread);
	size_t object = lock_objects__of_wait(&locks->objects, wait);
	bool handed_over = wait->released && !wait->open && role == LOCK_ROLE_ACQUIRE;
	int err;

	if (!attempt || object == NO_OBJECT)
		return -ENOMEM;
	/* On its way a thread can run into the kernel's locks; they end no attempt. */
	if (wait->kind == LOCK_KERNEL)
		return add_single(locks, object, wait);
	if (wait->kind == LOCK_JOIN) {
		err = end_attempt(locks, wait->thread, attempt);
		return err ? err : add_single(locks, object, wait);
	}
	err = count_wait(lock_objects__row(&locks->objects, object), wait, role);
	if (!err && handed_over)
		err = end_releasers_attempt(locks, object, wait);
	if (!err)
		err = add_to_attempt(locks, attempt, object, wait, role, handed_over);
	if (err)
		return err;
	/* A time-out or a signal does not end the attempt; the releaser does. */
	if (!wait->released || wait->open)
		return 0;
	if (role == LOCK_ROLE_ACK)
		return taken_over(locks, object, wait);
	if (role == LOCK_ROLE_GUARD)
		return 0;
	err = gave_up(locks, object, wait->releaser, wait->released_ns);
	if (err)
		return err;
	if (!is_owned(wait->kind))
		return close_taken(locks, wait->thread, attempt, wait->releaser);
	/* Another may be faster: what the thread does next tells. */
	attempt->released = true;
	attempt->releaser = wait->releaser;
	return 0;
}

int locks__calls(struct locks *locks, uint32_t pid, uint32_t ns_pid,
		 const struct convoy_ev_futex *calls)
{
	struct lock_word *word = locks__find(locks, pid, ns_pid, calls->word);
	int err;
	size_t object = lock_objects__of_calls(&locks->objects, word, pid, ns_pid, &err);
	struct lock *row;

	if (object == NO_OBJECT)
		return err;
	row = lock_objects__row(&locks->objects, object);
	row->timeouts += calls->timeouts;
	row->eagain += calls->eagain;
	row->interrupted += calls->interrupted;
	row->calls += (uint64_t)calls->waits + calls->wakes;
	return 0;
}

int locks__finish(struct locks *locks)
{
	int err = 0;

	for (size_t i = 0; i < locks->n_attempts; i++) {
		int one = end_attempt(locks, i, &locks->attempts[i]);

		if (!err)
			err = one;
	}
	for (size_t i = 0; i < locks->n_threads; i++) {
		const struct lock_thread *thread = &locks->threads[i];
		struct lock *row = locks->objects.rows[thread->lock];

		if (row->kind == LOCK_SEMAPHORE && thread->waited && thread->posted)
			row->account = ACCOUNT_LOCK;
	}
	return err;
}

size_t locks__n(const struct locks *locks)
{
	return locks->objects.n_rows;
}

const struct lock *locks__at(const struct locks *locks, size_t at)
{
	return locks->objects.rows[at];
}

size_t locks__n_threads(const struct locks *locks)
{
	return locks->n_threads;
}

const struct lock_thread *locks__thread(const struct locks *locks, size_t at)
{
	return &locks->threads[at];
}
