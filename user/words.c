// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "place_table.h"
#include "words.h"

/*
 * Ranges in the order of process and address, made anew when one is asked for after some
 * were added: a recording tells of all of them before it is asked for any.
 */
struct order {
	const struct word_info **infos;
	uint64_t *last;		/* the last address of any range of its process up to here */
	size_t n;
};

struct words {
	struct word_info **infos;
	size_t n_infos, room;
	struct place_table places;	/* in `infos`, by the whole range */
	struct order *order;
	struct runtime_info *runtimes;
	size_t n_runtimes;
	struct place_table runtime_places;	/* by the process */
};

int words__new(struct words **out)
{
	struct words *words = calloc(1, sizeof(*words));

	if (words)
		words->order = calloc(1, sizeof(*words->order));
	if (!words || !words->order) {
		free(words);
		return -ENOMEM;
	}
	*out = words;
	return 0;
}

static void drop_order(struct order *order)
{
	free(order->infos);
	free(order->last);
	memset(order, 0, sizeof(*order));
}

void words__free(struct words *words)
{
	if (!words)
		return;
	for (size_t i = 0; i < words->n_infos; i++)
		free(words->infos[i]);
	free(words->infos);
	drop_order(words->order);
	free(words->order);
	place_table__free(&words->places);
	free(words->runtimes);
	place_table__free(&words->runtime_places);
	free(words);
}

struct range_key {
	const struct words *words;
	const struct word_info *info;
};

static bool is_range(const void *ctx, size_t place)
{
	const struct range_key *key = ctx;
	const struct word_info *info = key->words->infos[place];

	return info->pid == key->info->pid && info->address == key->info->address &&
	       info->size == key->info->size;
}

int words__add(struct words *words, const struct word_info *info)
{
	const struct range_key key = { words, info };
	uint64_t hash =
		place_table__hash(info->address + info->size + place_table__hash(info->pid));
	size_t place = place_table__find(&words->places, hash, is_range, &key);
	struct word_info *copy;

	if (!info->size)
		return 0;
	if (place != NO_PLACE) {
		*words->infos[place] = *info;
		return 0;
	}
	if (words->n_infos == words->room) {
		size_t room = words->room ? 2 * words->room : 16;
		struct word_info **grown = realloc(words->infos, room * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		words->infos = grown;
		words->room = room;
	}
	copy = malloc(sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	*copy = *info;
	if (place_table__add(&words->places, hash, words->n_infos)) {
		free(copy);
		return -ENOMEM;
	}
	words->infos[words->n_infos++] = copy;
	drop_order(words->order);
	return 0;
}

struct pid_key {
	const struct words *words;
	uint32_t pid;
};

static bool is_pid(const void *ctx, size_t place)
{
	const struct pid_key *key = ctx;

	return key->words->runtimes[place].pid == key->pid;
}

int words__add_runtime(struct words *words, const struct runtime_info *info)
{
	const struct pid_key key = { words, info->pid };
	uint64_t hash = place_table__hash(info->pid);
	size_t place = place_table__find(&words->runtime_places, hash, is_pid, &key);
	struct runtime_info *grown;

	if (place != NO_PLACE) {
		words->runtimes[place] = *info;
		return 0;
	}
	grown = realloc(words->runtimes, (words->n_runtimes + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	words->runtimes = grown;
	grown[words->n_runtimes] = *info;
	return place_table__add(&words->runtime_places, hash, words->n_runtimes++);
}

const struct runtime_info *words__runtime(const struct words *words, uint32_t pid)
{
	const struct pid_key key = { words, pid };
	size_t place =
		place_table__find(&words->runtime_places, place_table__hash(pid), is_pid, &key);

	return place == NO_PLACE ? NULL : &words->runtimes[place];
}

static int by_address(const void *a, const void *b)
{
	const struct word_info *x = *(const struct word_info *const *)a;
	const struct word_info *y = *(const struct word_info *const *)b;

	if (x->pid != y->pid)
		return x->pid < y->pid ? -1 : 1;
	if (x->address != y->address)
		return x->address < y->address ? -1 : 1;
	return x->size < y->size ? -1 : x->size > y->size;
}

/* Ranges do not come round. */
static uint64_t last_of(const struct word_info *info)
{
	uint64_t last = info->address + info->size - 1;

	return last < info->address ? UINT64_MAX : last;
}

static bool make_order(const struct words *words)
{
	struct order *order = words->order;
	size_t n = words->n_infos;

	if (order->n)
		return true;
	order->infos = malloc((n + 1) * sizeof(*order->infos));
	order->last = malloc((n + 1) * sizeof(*order->last));
	if (!order->infos || !order->last) {
		drop_order(order);
		return false;
	}
	for (size_t i = 0; i < n; i++)
		order->infos[i] = words->infos[i];
	qsort(order->infos, n, sizeof(*order->infos), by_address);
	for (size_t i = 0; i < n; i++) {
		order->last[i] = last_of(order->infos[i]);
		if (i && order->infos[i - 1]->pid == order->infos[i]->pid &&
		    order->last[i - 1] > order->last[i])
			order->last[i] = order->last[i - 1];
	}
	order->n = n;
	return true;
}

/* How many ranges begin at or before the address, of its process or one before it. */
static size_t begun_by(const struct order *order, uint32_t pid, uint64_t address)
{
	size_t low = 0, high = order->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct word_info *info = order->infos[middle];

		if (info->pid < pid || (info->pid == pid && info->address <= address))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct word_info *words__find(const struct words *words, uint32_t pid, uint64_t address)
{
	const struct order *order = words->order;
	const struct word_info *found = NULL;

	if (!words->n_infos || !make_order(words))
		return NULL;
	for (size_t i = begun_by(order, pid, address); i > 0; i--) {
		const struct word_info *info = order->infos[i - 1];

		if (info->pid != pid || order->last[i - 1] < address)
			break;
		if (last_of(info) >= address && (!found || info->size < found->size))
			found = info;
	}
	return found;
}
