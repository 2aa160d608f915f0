// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "classify.h"
#include "histogram.h"
#include "lock_sums.h"
#include "place_table.h"

/*
 * A handoff takes a wait and a wake, and a few calls more for a lock that is made
 * of several; one with many more is mostly taken without one.
 */
#define CALLS_PER_HANDOFF 20

struct holder_sum {
	char comm[CONVOY_COMM_LEN];
	uint32_t tid;	/* over several rounds: of the first that had this name */
	uint64_t wait_ns;
	uint64_t did[HOLDER_STATES];
};

struct lock_sum {
	enum lock_kind kind;
	char name[WORD_NAME_LEN];
	char object[WORD_OBJECT_LEN];	/* of one that several processes have; "" of others */
	char site[WORD_SITE_LEN], runtime[WORD_RUNTIME_LEN];
	bool known;		/* all that are added up here are known by more than their waits */
	bool pi, robust, shared;
	unsigned objects;	/* most of one round */
	unsigned round, round_objects;	/* the last round that had it, and those of that */
	uint64_t since_before, unfinished;
	uint64_t waits, total_ns, wakeup_ns, woken_early, handoffs;
	uint64_t contended_ns;	/* of total_ns: what counts as waiting for a lock */
	uint64_t timeouts, eagain, interrupted, calls, lost_races;
	struct histogram episodes, handoff_ns;
	/* Time between the first and the last handoff of one lock, and the steps in it. */
	uint64_t held_ns, held_steps;
	struct holder_sum *holders;
	size_t n_holders;
	struct place_table holder_places;
};

struct lock_sums {
	struct lock_sum *locks;
	size_t n_locks;
	struct place_table places;	/* in `locks` */
	struct histogram contended;	/* episodes of locks for which waiting is contention */
	uint64_t contended_ns;
	unsigned rounds;
};

int lock_sums__new(struct lock_sums **out)
{
	*out = calloc(1, sizeof(**out));
	return *out ? 0 : -ENOMEM;
}

void lock_sums__free(struct lock_sums *sums)
{
	if (!sums)
		return;
	for (size_t i = 0; i < sums->n_locks; i++) {
		histogram__free(&sums->locks[i].episodes);
		histogram__free(&sums->locks[i].handoff_ns);
		free(sums->locks[i].holders);
		place_table__free(&sums->locks[i].holder_places);
	}
	free(sums->locks);
	place_table__free(&sums->places);
	histogram__free(&sums->contended);
	free(sums);
}

/* What is in several processes is told apart by what it is, too. */
static const char *object_of(const struct lock *lock)
{
	return lock->several || lock->shared ? lock->object : "";
}

struct lock_key {
	const struct lock_sums *sums;
	const struct lock *lock;
};

static bool is_lock(const void *ctx, size_t place)
{
	const struct lock_key *key = ctx;
	const struct lock_sum *sum = &key->sums->locks[place];

	return sum->kind == key->lock->kind && !strcmp(sum->name, key->lock->name) &&
	       !strcmp(sum->object, object_of(key->lock));
}

static uint64_t text_hash(uint64_t hash, const char *text, size_t size)
{
	for (size_t i = 0; i < size && text[i]; i++)
		hash = place_table__hash(hash + (unsigned char)text[i] + 1);
	return hash;
}

/* The sum for locks of this name, kind and object; NULL without memory. */
static struct lock_sum *find_sum(struct lock_sums *sums, const struct lock *lock)
{
	const struct lock_key key = { sums, lock };
	uint64_t hash = place_table__hash(text_hash(text_hash(lock->kind, lock->name, SIZE_MAX) + 1,
						    object_of(lock), SIZE_MAX));
	size_t place = place_table__find(&sums->places, hash, is_lock, &key);
	struct lock_sum *grown, *sum;

	if (place != NO_PLACE)
		return &sums->locks[place];
	grown = realloc(sums->locks, (sums->n_locks + 1) * sizeof(*grown));
	if (!grown)
		return NULL;
	sums->locks = grown;
	if (place_table__add(&sums->places, hash, sums->n_locks))
		return NULL;
	sum = &grown[sums->n_locks++];
	memset(sum, 0, sizeof(*sum));
	sum->kind = lock->kind;
	memcpy(sum->name, lock->name, sizeof(sum->name));
	memcpy(sum->object, object_of(lock), strlen(object_of(lock)));
	memcpy(sum->site, lock->site, sizeof(sum->site));
	memcpy(sum->runtime, lock->runtime, sizeof(sum->runtime));
	sum->known = true;
	histogram__init(&sum->episodes);
	histogram__init(&sum->handoff_ns);
	return sum;
}

/* In one round a holder is a thread; those of several meet by name, as locks do. */
struct holder_key {
	const struct lock_sum *sum;
	const char *comm;
	uint32_t tid;
	bool any_tid;
};

static bool is_holder(const void *ctx, size_t place)
{
	const struct holder_key *key = ctx;
	const struct holder_sum *holder = &key->sum->holders[place];

	return (key->any_tid || holder->tid == key->tid) &&
	       !strncmp(holder->comm, key->comm, sizeof(holder->comm));
}

static uint64_t holder_hash(const struct holder_key *key)
{
	return place_table__hash(
		text_hash(key->any_tid ? 0 : key->tid, key->comm, CONVOY_COMM_LEN));
}

static void add_times(struct holder_sum *holder, uint64_t wait_ns, const uint64_t *did)
{
	holder->wait_ns += wait_ns;
	for (int i = 0; i < HOLDER_STATES; i++)
		holder->did[i] += did[i];
}

/* `comm` must not lie in the sum's holders: they may move. */
static int add_holder(struct lock_sum *sum, const char *comm, uint32_t tid, uint64_t wait_ns,
		      const uint64_t *did, unsigned rounds)
{
	const struct holder_key key = { sum, comm, tid, rounds > 1 };
	uint64_t hash = holder_hash(&key);
	size_t place = place_table__find(&sum->holder_places, hash, is_holder, &key);
	struct holder_sum *grown, *holder;

	if (place != NO_PLACE) {
		add_times(&sum->holders[place], wait_ns, did);
		return 0;
	}
	grown = realloc(sum->holders, (sum->n_holders + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	sum->holders = grown;
	holder = &grown[sum->n_holders];
	memset(holder, 0, sizeof(*holder));
	memcpy(holder->comm, comm, sizeof(holder->comm));
	holder->tid = tid;
	add_times(holder, wait_ns, did);
	return place_table__add(&sum->holder_places, hash, sum->n_holders++);
}

/* After the first round: the holders that it knew apart are one where they have one name. */
static int join_holders(struct lock_sum *sum)
{
	struct holder_sum *holders = sum->holders;
	size_t n = sum->n_holders;
	int err = 0;

	sum->holders = NULL;
	sum->n_holders = 0;
	place_table__free(&sum->holder_places);
	for (size_t i = 0; i < n && !err; i++)
		err = add_holder(sum, holders[i].comm, holders[i].tid, holders[i].wait_ns,
				 holders[i].did, 2);
	free(holders);
	return err;
}

/* How many locks it is of: in several rounds the same ones come again. */
static void count_objects(struct lock_sum *sum, const struct lock *lock, unsigned round)
{
	if (sum->round != round)
		sum->round_objects = 0;
	sum->round = round;
	sum->round_objects += lock->objects;
	if (sum->round_objects > sum->objects)
		sum->objects = sum->round_objects;
}

static void add_counts(struct lock_sum *sum, const struct lock *lock)
{
	sum->waits += lock->waits;
	sum->total_ns += lock->total_ns;
	sum->wakeup_ns += lock->wakeup_ns;
	sum->woken_early += lock->woken_early;
	sum->since_before += lock->since_before;
	sum->unfinished += lock->unfinished;
	sum->timeouts += lock->timeouts;
	sum->eagain += lock->eagain;
	sum->interrupted += lock->interrupted;
	sum->calls += lock->calls;
	sum->lost_races += lock->lost_races;
	sum->handoffs += lock->handoffs;
	sum->known &= lock->known;
	sum->pi |= lock->pi;
	sum->robust |= lock->robust;
	sum->shared |= lock->shared;
	if (lock->handoffs > 1) {
		sum->held_ns += lock->last_handoff_ns - lock->first_handoff_ns;
		sum->held_steps += lock->handoffs - 1;
	}
}

static int add_lock(struct lock_sums *sums, const struct lock *lock, const struct ledger *ledger)
{
	struct lock_sum *sum = find_sum(sums, lock);
	int err;

	if (!sum)
		return -ENOMEM;
	add_counts(sum, lock);
	count_objects(sum, lock, sums->rounds);
	err = histogram__merge(&sum->episodes, &lock->episodes);
	if (!err)
		err = histogram__merge(&sum->handoff_ns, &lock->handoff_ns);
	if (!err && lock->account == ACCOUNT_LOCK) {
		sum->contended_ns += lock->total_ns;
		sums->contended_ns += lock->total_ns;
		err = histogram__merge(&sums->contended, &lock->episodes);
	}
	for (size_t i = 0; i < lock->n_holders && !err; i++) {
		const struct ledger_thread *holder =
			ledger__thread(ledger, lock->holders[i].thread);

		err = add_holder(sum, holder->comm, holder->tid, lock->holders[i].wait_ns,
				 lock->holders[i].did, sums->rounds);
	}
	return err;
}

int lock_sums__add(struct lock_sums *sums, struct ledger *ledger)
{
	const struct locks *locks = ledger__locks(ledger);
	int err = 0;

	if (++sums->rounds == 2)
		for (size_t i = 0; i < sums->n_locks && !err; i++)
			err = join_holders(&sums->locks[i]);
	for (size_t i = 0; i < locks__n(locks) && !err; i++)
		err = add_lock(sums, locks__at(locks, i), ledger);
	return err;
}

static struct maybe quantile(const struct histogram *histogram, double q)
{
	uint64_t value;

	if (!histogram__quantile(histogram, q, &value))
		return (struct maybe){ 0 };
	return (struct maybe){ true, (double)value };
}

static int by_share(const void *a, const void *b)
{
	const struct report_holder *x = a, *y = b;

	if (x->share != y->share)
		return x->share < y->share ? 1 : -1;
	if (strncmp(x->comm, y->comm, sizeof(x->comm)))
		return strncmp(x->comm, y->comm, sizeof(x->comm));
	return x->tid < y->tid ? -1 : x->tid > y->tid;
}

static struct report_holding holding(const uint64_t *did)
{
	return (struct report_holding){
		.running = did[HOLDER_RUNNING],
		.runnable = did[HOLDER_RUNNABLE],
		.asleep = did[HOLDER_ASLEEP],
		.waiting = did[HOLDER_WAITING],
	};
}

static int fill_holders(const struct lock_sum *sum, struct report_lock *lock)
{
	uint64_t held[HOLDER_STATES] = { 0 }, known = 0;

	if (!sum->n_holders || !sum->total_ns)
		return 0;
	lock->holders = calloc(sum->n_holders, sizeof(*lock->holders));
	if (!lock->holders)
		return -ENOMEM;
	for (size_t i = 0; i < sum->n_holders; i++) {
		struct report_holder *holder = &lock->holders[lock->n_holders++];

		holder->tid = sum->holders[i].tid;
		memcpy(holder->comm, sum->holders[i].comm, sizeof(holder->comm));
		holder->share = (double)sum->holders[i].wait_ns / (double)sum->total_ns;
		holder->did = holding(sum->holders[i].did);
		known += sum->holders[i].wait_ns;
		for (int j = 0; j < HOLDER_STATES; j++)
			held[j] += sum->holders[i].did[j];
	}
	lock->holder_known = (double)known / (double)sum->total_ns;
	lock->held = holding(held);
	qsort(lock->holders, lock->n_holders, sizeof(*lock->holders), by_share);
	return 0;
}

struct maybe lock_sums__mean_hold(uint64_t held_ns, uint64_t steps, uint64_t calls,
				  uint64_t handoffs, uint64_t waited_ns)
{
	if (!steps || calls > CALLS_PER_HANDOFF * handoffs || waited_ns < held_ns / 10 * 8)
		return (struct maybe){ 0 };
	return (struct maybe){ true, (double)held_ns / (double)steps };
}

static bool is_contended(const struct lock_sum *sum)
{
	return sum->contended_ns * 2 > sum->total_ns ||
	       classify__kind_account(sum->kind) == ACCOUNT_LOCK;
}

static int fill_lock(const struct lock_sum *sum, bool futex_exits, struct report_lock *lock)
{
	/* Of locks that are known by their waits only, their other calls are not known. */
	bool called = futex_exits && sum->known && sum->kind != LOCK_KERNEL &&
		      sum->kind != LOCK_UNKNOWN;

	snprintf(lock->name, sizeof(lock->name), "%s", sum->name);
	snprintf(lock->object, sizeof(lock->object), "%s", sum->object);
	snprintf(lock->site, sizeof(lock->site), "%s", sum->site);
	snprintf(lock->runtime, sizeof(lock->runtime), "%s", sum->runtime);
	lock->kind = sum->kind;
	lock->objects = sum->objects;
	lock->pi = sum->pi;
	lock->robust = sum->robust;
	lock->shared = sum->shared;
	lock->as_lock = sum->kind == LOCK_SEMAPHORE && is_contended(sum);
	lock->episodes = sum->episodes.count;
	lock->waits = sum->waits;
	lock->timeouts = (struct maybe){ called, (double)sum->timeouts };
	lock->eagain = (struct maybe){ called, (double)sum->eagain };
	lock->interrupted = (struct maybe){ called, (double)sum->interrupted };
	lock->futex_calls = (struct maybe){ called, (double)sum->calls };
	lock->lost_races = sum->lost_races;
	lock->total_ns = sum->total_ns;
	lock->wakeup_ns = sum->wakeup_ns;
	lock->woken_early = sum->woken_early;
	lock->since_before = sum->since_before;
	lock->unfinished = sum->unfinished;
	lock->p50_ns = quantile(&sum->episodes, 0.5);
	lock->p99_ns = quantile(&sum->episodes, 0.99);
	lock->max_ns = quantile(&sum->episodes, 1);
	lock->handoffs = sum->handoffs;
	lock->handoff_p50_ns = quantile(&sum->handoff_ns, 0.5);
	if (called)
		lock->mean_hold_ns = lock_sums__mean_hold(sum->held_ns, sum->held_steps, sum->calls,
							  sum->handoffs,
							  sum->total_ns + sum->wakeup_ns);
	return fill_holders(sum, lock);
}

static int by_wait(const void *a, const void *b)
{
	const struct lock_sum *x = *(const struct lock_sum *const *)a;
	const struct lock_sum *y = *(const struct lock_sum *const *)b;

	if (is_contended(x) != is_contended(y))
		return is_contended(x) ? -1 : 1;
	if (x->total_ns != y->total_ns)
		return x->total_ns < y->total_ns ? 1 : -1;
	return strcmp(x->name, y->name) ? strcmp(x->name, y->name) : strcmp(x->object, y->object);
}

static void fill_lock_wait(const struct lock_sums *sums, struct report_mode *mode)
{
	const struct histogram *episodes = &sums->contended;

	mode->lock_wait.total_ns = sums->contended_ns;
	mode->lock_wait.episodes = episodes->count;
	if (episodes->count)
		mode->lock_wait.mean_ns = (struct maybe){ true, (double)mode->lock_wait.total_ns /
									(double)episodes->count };
	mode->lock_wait.p50_ns = quantile(episodes, 0.5);
	mode->lock_wait.p90_ns = quantile(episodes, 0.9);
	mode->lock_wait.p99_ns = quantile(episodes, 0.99);
	mode->lock_wait.max_ns = quantile(episodes, 1);
}

int lock_sums__fill(const struct lock_sums *sums, bool futex_exits, struct report_mode *mode)
{
	const struct lock_sum **sorted = calloc(sums->n_locks + 1, sizeof(*sorted));
	int err = 0;

	mode->locks = calloc(sums->n_locks + 1, sizeof(*mode->locks));
	if (!mode->locks || !sorted) {
		free(sorted);
		return -ENOMEM;
	}
	for (size_t i = 0; i < sums->n_locks; i++)
		sorted[i] = &sums->locks[i];
	qsort(sorted, sums->n_locks, sizeof(*sorted), by_wait);
	for (size_t i = 0; i < sums->n_locks && !err; i++)
		err = fill_lock(sorted[i], futex_exits, &mode->locks[mode->n_locks++]);
	free(sorted);
	fill_lock_wait(sums, mode);
	return err;
}
