// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "classify.h"
#include "lock_objects.h"

/* So many are told apart of which nothing is known; the others of their kind are one. */
#define MOST_UNKNOWN 16384

void lock_objects__free(struct lock_objects *objects)
{
	for (size_t i = 0; i < objects->n_objects; i++)
		tenures__free(objects->objects[i].tenures);
	for (size_t i = 0; i < objects->n_rows; i++) {
		struct lock *row = objects->rows[i];

		histogram__free(&row->episodes);
		histogram__free(&row->handoff_ns);
		histogram__free(&row->unreleased_ns);
		for (size_t j = 0; j < row->n_holders; j++)
			free(row->holders[j].did);
		free(row->holders);
		place_table__free(&row->holder_places);
		free(row);
	}
	free(objects->objects);
	free(objects->rows);
	place_table__free(&objects->places);
	memset(objects, 0, sizeof(*objects));
}

/* What tells an object from others, and what is to be said of it if it is new. */
struct request {
	const struct lock_objects *objects;
	enum object_scope scope;
	enum lock_kind kind;
	uint32_t pid;
	uint64_t address;
	const char *text;		/* name or object: "" where neither counts */
	bool mmap_lock;
	const struct lock_word *word;	/* NULL: of a kernel lock */
};

static const char *text_of(const struct lock_objects *objects, const struct lock_object *object)
{
	const struct lock *row = objects->rows[object->row];

	switch (object->scope) {
	case OBJECT_PUBLISHED:
		return row->name;
	case OBJECT_SHARED:
		return row->object;
	default:
		return "";
	}
}

static bool is_object(const void *ctx, size_t place)
{
	const struct request *request = ctx;
	const struct lock_object *object = &request->objects->objects[place];

	return object->scope == request->scope && object->kind == request->kind &&
	       object->pid == request->pid && object->address == request->address &&
	       !strcmp(text_of(request->objects, object), request->text);
}

static uint64_t hash_of(const struct request *request)
{
	uint64_t hash = place_table__hash(request->address + request->kind) ^
			place_table__hash((uint64_t)request->pid << 8 | request->scope);

	for (const char *c = request->text; *c; c++)
		hash = place_table__hash(hash + (unsigned char)*c + 1);
	return place_table__hash(hash);
}

/* What to call a lock that has no name. */
static const char *unnamed(enum lock_kind kind, bool mmap_lock)
{
	switch (kind) {
	case LOCK_KERNEL:
		return mmap_lock ? "mmap_lock" : "(kernel lock)";
	case LOCK_JOIN:
		return "(thread exit)";
	case LOCK_GIL:
		return "(unnamed GIL)";
	case LOCK_MUTEX:
		return "(unnamed mutex)";
	case LOCK_RWLOCK:
		return "(unnamed rwlock)";
	case LOCK_SEMAPHORE:
		return "(unnamed semaphore)";
	case LOCK_COND:
		return "(unnamed condition variable)";
	case LOCK_BARRIER:
		return "(unnamed barrier)";
	case LOCK_ONCE:
		return "(unnamed once)";
	case LOCK_UNKNOWN:
	case LOCK_KIND_COUNT:
		break;
	}
	return "(unnamed futex)";
}

/* Is more known of it than its waits? Which thread was waited for to end says its handle only. */
static bool is_known(const struct request *request)
{
	return request->word && request->kind != LOCK_JOIN &&
	       (request->word->is_published || request->word->info);
}

static void describe(struct lock *row, const struct request *request, bool known)
{
	const struct word_info *info = request->word ? request->word->info : NULL;
	const char *name = unnamed(request->kind, request->mmap_lock);

	row->kind = request->kind;
	row->account = classify__kind_account(request->kind);
	row->known = known;
	row->pid = known ? request->pid : 0;
	if (request->scope == OBJECT_PUBLISHED)
		name = request->text;
	else if (info && info->name[0] && known)
		name = info->name;
	snprintf(row->name, sizeof(row->name), "%s", name);
	if (!info)
		return;
	if (request->scope == OBJECT_SHARED)
		snprintf(row->object, sizeof(row->object), "%s", request->text);
	snprintf(row->site, sizeof(row->site), "%s", info->site);
	snprintf(row->runtime, sizeof(row->runtime), "%s", info->runtime);
}

/* The row for an object that is new; NO_OBJECT without memory. */
static size_t row_for(struct lock_objects *objects, const struct request *request)
{
	bool known = is_known(request);
	/* One for all locks of a kind of which nothing is known. */
	size_t *unnamed_row = &objects->unnamed_rows[request->kind][request->mmap_lock];
	struct lock **grown;

	if (!known && *unnamed_row)
		return *unnamed_row - 1;
	grown = realloc(objects->rows, (objects->n_rows + 1) * sizeof(*grown));
	if (!grown)
		return NO_OBJECT;
	objects->rows = grown;
	grown[objects->n_rows] = calloc(1, sizeof(**grown));
	if (!grown[objects->n_rows])
		return NO_OBJECT;
	describe(grown[objects->n_rows], request, known);
	if (!known)
		*unnamed_row = objects->n_rows + 1;
	return objects->n_rows++;
}

static size_t find_object(struct lock_objects *objects, struct request *request)
{
	uint64_t hash = hash_of(request);
	size_t place = place_table__find(&objects->places, hash, is_object, request);
	size_t row;

	if (place != NO_PLACE)
		return place;
	row = row_for(objects, request);
	if (row == NO_OBJECT)
		return NO_OBJECT;
	if (!is_known(request) && request->scope != OBJECT_REST &&
	    objects->rows[row]->objects >= MOST_UNKNOWN) {
		request->scope = OBJECT_REST;
		request->pid = 0;
		request->address = 0;
		return find_object(objects, request);
	}
	if (objects->n_objects == objects->room) {
		size_t room = objects->room ? 2 * objects->room : 16;
		struct lock_object *grown = realloc(objects->objects, room * sizeof(*grown));

		if (!grown)
			return NO_OBJECT;
		objects->objects = grown;
		objects->room = room;
	}
	objects->objects[objects->n_objects] = (struct lock_object){
		.scope = request->scope,
		.kind = request->kind,
		.pid = request->pid,
		.address = request->address,
		.row = row,
	};
	if (place_table__add(&objects->places, hash, objects->n_objects))
		return NO_OBJECT;
	objects->rows[row]->objects++;
	return objects->n_objects++;
}

static size_t find_of_word(struct lock_objects *objects, struct lock_word *word,
			   enum lock_kind kind, uint32_t pid, uint32_t ns_pid, uint64_t address)
{
	struct request request = {
		.objects = objects,
		.scope = OBJECT_PRIVATE,
		.kind = kind,
		.pid = pid,
		.address = address,
		.text = "",
		.word = word,
	};
	size_t object;

	if (word->object && word->object_kind == kind)
		return word->object - 1;
	if (word->is_published) {
		request.scope = OBJECT_PUBLISHED;
		request.pid = ns_pid;
		request.address = 0;
		request.text = word->published;
	} else if (word->info && word->info->object[0]) {
		request.scope = OBJECT_SHARED;
		request.pid = 0;
		request.address = 0;
		request.text = word->info->object;
	} else if (word->info) {
		request.address = word->info->address;
	}
	object = find_object(objects, &request);
	if (object != NO_OBJECT) {
		word->object = object + 1;
		word->object_kind = kind;
	}
	return object;
}

size_t lock_objects__of_wait(struct lock_objects *objects, const struct lock_wait *wait)
{
	struct request request = {
		.objects = objects,
		.scope = OBJECT_KERNEL,
		.kind = wait->kind,
		.pid = wait->mmap_lock,
		.address = wait->address,
		.text = "",
		.mmap_lock = wait->mmap_lock,
	};
	size_t object;
	struct lock *row;

	if (!wait->word)
		return find_object(objects, &request);
	object = find_of_word(objects, wait->word, wait->kind, wait->pid, wait->ns_pid,
			      wait->address);
	if (object == NO_OBJECT || objects->objects[object].scope != OBJECT_SHARED)
		return object;
	row = lock_objects__row(objects, object);
	if (!row->waits && !row->several)
		row->pid = wait->pid;
	else if (row->pid != wait->pid) {
		row->pid = 0;
		row->several = true;
	}
	return object;
}

size_t lock_objects__of_calls(struct lock_objects *objects, struct lock_word *word, uint32_t pid,
			      uint32_t ns_pid, int *err)
{
	size_t object;

	*err = 0;
	/* Without its waits' kinds it is not known whose these calls were. */
	if (word->kind == LOCK_UNKNOWN)
		return word->info && word->object ? word->object - 1 : NO_OBJECT;
	object = find_of_word(objects, word, word->kind, pid, ns_pid,
			      word->info ? word->info->address : 0);
	*err = object == NO_OBJECT ? -ENOMEM : 0;
	return object;
}
