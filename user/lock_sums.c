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
};

struct lock_sum {
	enum lock_kind kind;
	char name[LOCK_NAME_LEN];
	uint64_t since_before, unfinished;
	uint64_t waits, total_ns, wakeup_ns, woken_early, timeouts, eagain, calls, handoffs;
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
	free(sums);
}

/* The sum for locks of this name and kind; NULL without memory. */
static struct lock_sum *find_sum(struct lock_sums *sums, const struct lock *lock)
{
	struct lock_sum *grown, *sum;

	for (size_t i = 0; i < sums->n_locks; i++)
		if (sums->locks[i].kind == lock->kind && !strcmp(sums->locks[i].name, lock->name))
			return &sums->locks[i];
	grown = realloc(sums->locks, (sums->n_locks + 1) * sizeof(*grown));
	if (!grown)
		return NULL;
	sums->locks = grown;
	sum = &grown[sums->n_locks++];
	memset(sum, 0, sizeof(*sum));
	sum->kind = lock->kind;
	memcpy(sum->name, lock->name, sizeof(sum->name));
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
	uint64_t hash = key->any_tid ? 0 : key->tid;

	for (size_t i = 0; i < CONVOY_COMM_LEN && key->comm[i]; i++)
		hash = place_table__hash(hash + (unsigned char)key->comm[i] + 1);
	return place_table__hash(hash);
}

/* `comm` must not lie in the sum's holders: they may move. */
static int add_holder(struct lock_sum *sum, const char *comm, uint32_t tid, uint64_t wait_ns,
		      unsigned rounds)
{
	const struct holder_key key = { sum, comm, tid, rounds > 1 };
	uint64_t hash = holder_hash(&key);
	size_t place = place_table__find(&sum->holder_places, hash, is_holder, &key);
	struct holder_sum *grown, *holder;

	if (place != NO_PLACE) {
		sum->holders[place].wait_ns += wait_ns;
		return 0;
	}
	grown = realloc(sum->holders, (sum->n_holders + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	sum->holders = grown;
	holder = &grown[sum->n_holders];
	memcpy(holder->comm, comm, sizeof(holder->comm));
	holder->tid = tid;
	holder->wait_ns = wait_ns;
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
		err = add_holder(sum, holders[i].comm, holders[i].tid, holders[i].wait_ns, 2);
	free(holders);
	return err;
}

static int add_lock(struct lock_sums *sums, const struct lock *lock, const struct ledger *ledger)
{
	struct lock_sum *sum = find_sum(sums, lock);
	int err;

	if (!sum)
		return -ENOMEM;
	sum->waits += lock->waits;
	sum->total_ns += lock->total_ns;
	sum->wakeup_ns += lock->wakeup_ns;
	sum->woken_early += lock->woken_early;
	sum->since_before += lock->since_before;
	sum->unfinished += lock->unfinished;
	sum->timeouts += lock->timeouts;
	sum->eagain += lock->eagain;
	sum->calls += lock->calls;
	sum->handoffs += lock->handoffs;
	if (lock->handoffs > 1) {
		sum->held_ns += lock->last_handoff_ns - lock->first_handoff_ns;
		sum->held_steps += lock->handoffs - 1;
	}
	err = histogram__merge(&sum->episodes, &lock->episodes);
	if (!err)
		err = histogram__merge(&sum->handoff_ns, &lock->handoff_ns);
	for (size_t i = 0; i < lock->n_holders && !err; i++) {
		const struct ledger_thread *holder =
			ledger__thread(ledger, lock->holders[i].thread);

		err = add_holder(sum, holder->comm, holder->tid, lock->holders[i].wait_ns,
				 sums->rounds);
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

static int fill_holders(const struct lock_sum *sum, struct report_lock *lock)
{
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
	}
	qsort(lock->holders, lock->n_holders, sizeof(*lock->holders), by_share);
	return 0;
}

static int fill_lock(const struct lock_sum *sum, bool futex_exits, struct report_lock *lock)
{
	bool published = sum->name[0] != '(' && sum->kind != LOCK_KERNEL;

	snprintf(lock->name, sizeof(lock->name), "%s", sum->name);
	lock->kind = sum->kind;
	lock->episodes = sum->episodes.count;
	lock->waits = sum->waits;
	lock->timeouts = (struct maybe){ futex_exits && published, (double)sum->timeouts };
	lock->eagain = (struct maybe){ futex_exits && published, (double)sum->eagain };
	lock->futex_calls = (struct maybe){ futex_exits && published, (double)sum->calls };
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
	/*
	 * Where most takes need no handoff, the time between handoffs is nobody's. Of locks
	 * without a name neither the calls are known nor which handoffs are of one lock.
	 */
	if (sum->held_steps && futex_exits && published &&
	    sum->calls <= CALLS_PER_HANDOFF * sum->handoffs)
		lock->mean_hold_ns =
			(struct maybe){ true, (double)sum->held_ns / (double)sum->held_steps };
	return fill_holders(sum, lock);
}

static int by_wait(const void *a, const void *b)
{
	const struct report_lock *x = a, *y = b;
	bool x_contended = classify__kind_account(x->kind) == ACCOUNT_LOCK;
	bool y_contended = classify__kind_account(y->kind) == ACCOUNT_LOCK;

	if (x_contended != y_contended)
		return x_contended ? -1 : 1;
	if (x->total_ns != y->total_ns)
		return x->total_ns < y->total_ns ? 1 : -1;
	return strcmp(x->name, y->name);
}

static int fill_lock_wait(const struct lock_sums *sums, struct report_mode *mode)
{
	struct histogram episodes;
	int err = 0;

	histogram__init(&episodes);
	for (size_t i = 0; i < sums->n_locks && !err; i++) {
		if (classify__kind_account(sums->locks[i].kind) != ACCOUNT_LOCK)
			continue;
		mode->lock_wait.total_ns += sums->locks[i].total_ns;
		err = histogram__merge(&episodes, &sums->locks[i].episodes);
	}
	mode->lock_wait.episodes = episodes.count;
	if (episodes.count)
		mode->lock_wait.mean_ns = (struct maybe){ true, (double)mode->lock_wait.total_ns /
									(double)episodes.count };
	mode->lock_wait.p50_ns = quantile(&episodes, 0.5);
	mode->lock_wait.p90_ns = quantile(&episodes, 0.9);
	mode->lock_wait.p99_ns = quantile(&episodes, 0.99);
	mode->lock_wait.max_ns = quantile(&episodes, 1);
	histogram__free(&episodes);
	return err;
}

int lock_sums__fill(const struct lock_sums *sums, bool futex_exits, struct report_mode *mode)
{
	int err = 0;

	mode->locks = calloc(sums->n_locks + 1, sizeof(*mode->locks));
	if (!mode->locks)
		return -ENOMEM;
	for (size_t i = 0; i < sums->n_locks && !err; i++)
		err = fill_lock(&sums->locks[i], futex_exits, &mode->locks[mode->n_locks++]);
	qsort(mode->locks, mode->n_locks, sizeof(*mode->locks), by_wait);
	return err ? err : fill_lock_wait(sums, mode);
}
