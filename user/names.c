// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "elf_cache.h"
#include "guards.h"
#include "host.h"
#include "map_proc.h"
#include "name_word.h"
#include "names.h"
#include "names_parts.h"
#include "record_docs.h"

#define STACKS_MAX 4096
#define PROCESSES_MAX 32768
#define BUCKETS 1024
/* Words of one document: so that it stays below what a document may take. */
#define WORDS_MAX 2048
/*
 * How often it is looked whether a runtime is there now that must be found early: one that is
 * not set up within a second or two, as they are looked for, has its reasons.
 */
#define WATCH_LOOKS 200
/* A process whose memory is asked for and has no file is not read again for a while. */
#define READ_INTERVAL_NS 50000000u

struct pending {
	struct pending *next;
	struct process *process;
	struct convoy_ev_stack stack;
};

/* A process that begins as its parent is at that time, once all is known until then. */
struct birth {
	uint64_t born_ns;
	uint32_t parent_pid;
	struct process *process, *parent;	/* the parent, as far as it was known; or NULL */
};

/* A process in which a runtime may come to be that must be found early. */
struct watched {
	struct process *process;
	unsigned looks;		/* how often it was looked for */
};

struct names {
	bool read_proc;
	struct map_proc *map_proc;
	struct elf_cache *cache;
	struct process *processes[BUCKETS];	/* by PID, those that go on */
	size_t n_processes;
	struct pending *first, **last;
	size_t n_pending;
	uint64_t dropped;
	struct birth *births;	/* by time; those before first_birth are done */
	size_t first_birth, n_births, births_room;
	struct convoy_guard *guards;
	struct watched *watched;
	size_t n_watched, watched_room;
};

int names__new(struct names **result, bool read_proc, struct convoy_guard *guards)
{
	struct names *names = calloc(1, sizeof(*names));

	if (!names)
		return -ENOMEM;
	names->read_proc = read_proc;
	names->guards = guards;
	names->last = &names->first;
	names->cache = elf_cache__new();
	if (!names->cache || map_proc__new(&names->map_proc)) {
		names__free(names);
		return -ENOMEM;
	}
	*result = names;
	return 0;
}

size_t names__pending(const struct names *names)
{
	return names->n_pending;
}

uint64_t names__dropped(const struct names *names)
{
	return names->dropped;
}

bool names__is_watching(const struct names *names)
{
	return names->n_watched;
}

/* --- processes ------------------------------------------------------------------------ */

static void release(struct process *process)
{
	if (--process->refs)
		return;
	names_runtimes__free(process);
	address_space__free(process->space);
	free(process);
}

static struct process **place_of(struct names *names, uint32_t pid)
{
	struct process **place = &names->processes[pid % BUCKETS];

	while (*place && (*place)->pid != pid)
		place = &(*place)->next;
	return place;
}

/* The process that has the number now. -EMFILE: there are too many. */
static int get_process(struct names *names, uint32_t pid, struct process **result)
{
	struct process **place = place_of(names, pid), *process = *place;

	if (!process) {
		if (names->n_processes == PROCESSES_MAX)
			return -EMFILE;
		process = calloc(1, sizeof(*process));
		if (!process)
			return -ENOMEM;
		process->space = address_space__new(pid);
		if (!process->space) {
			free(process);
			return -ENOMEM;
		}
		process->pid = pid;
		process->refs = 1;
		process->cache = names->cache;
		process->guards = names->guards;
		process->proc = -1;
		*place = process;
		names->n_processes++;
	}
	*result = process;
	return 0;
}

static void forget(struct names *names, uint32_t pid)
{
	struct process **place = place_of(names, pid), *process = *place;

	if (!process)
		return;
	*place = process->next;
	names->n_processes--;
	process->next = NULL;
	process->gone = true;
	if (names->guards)
		guards__drop(names->guards, pid);
	release(process);
}

static void release_birth(struct birth *birth)
{
	release(birth->process);
	if (birth->parent)
		release(birth->parent);
}

static void close_process(struct process *process)
{
	if (process->proc >= 0)
		close(process->proc);
	process->proc = -1;
	address_space__set_proc(process->space, -1);
}

static void open_process(const struct names *names, struct process *process)
{
	char path[64];

	if (!names->read_proc || process->gone || process->proc >= 0)
		return;
	snprintf(path, sizeof(path), "/proc/%u", process->pid);
	process->proc = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	address_space__set_proc(process->space, process->proc);
}

void names__free(struct names *names)
{
	if (!names)
		return;
	for (struct pending *at = names->first, *next; at; at = next) {
		next = at->next;
		release(at->process);
		free(at);
	}
	for (size_t i = 0; i < BUCKETS; i++)
		while (names->processes[i])
			forget(names, names->processes[i]->pid);
	for (size_t i = names->first_birth; i < names->n_births; i++)
		release_birth(&names->births[i]);
	free(names->births);
	for (size_t i = 0; i < names->n_watched; i++)
		release(names->watched[i].process);
	free(names->watched);
	elf_cache__free(names->cache);
	map_proc__free(names->map_proc);
	free(names);
}

/* --- runtimes that must be found early -------------------------------------------------- */

static int watch(struct names *names, struct process *process)
{
	if (!names->read_proc || process->watched)
		return 0;
	if (names->n_watched == names->watched_room) {
		size_t room = names->watched_room ? 2 * names->watched_room : 16;
		struct watched *grown = realloc(names->watched, room * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		names->watched = grown;
		names->watched_room = room;
	}
	names->watched[names->n_watched++] = (struct watched){ process, 0 };
	process->watched = true;
	process->refs++;
	return 0;
}

/* It has what its parent had, until it begins another program. */
static int watch_as_parent(struct names *names, struct process *process,
			   const struct process *parent)
{
	const struct convoy_guard *its = names_runtimes__guard(parent);
	struct convoy_guard guard;

	if (!its)
		return parent->watched ? watch(names, process) : 0;
	guard = *its;
	guard.pid = process->pid;
	/* At once; whether it is so is seen when it is looked at. */
	if (names->guards && !process->gone)
		guards__put(names->guards, &guard);
	return watch(names, process);
}

/* Look whether they are there now; those that are, or never will be, are watched no more. */
static int look_at_watched(struct names *names, struct found_words *found)
{
	size_t kept = 0;
	int err = 0;

	for (size_t i = 0; i < names->n_watched; i++) {
		struct watched *watched = &names->watched[i];
		struct process *process = watched->process;
		bool over = process->gone || ++watched->looks > WATCH_LOOKS;

		if (!over && !err) {
			open_process(names, process);
			err = names_runtimes__look(process, found);
			close_process(process);
			over = names_runtimes__are_found(process);
		} else if (!err) {
			err = names_runtimes__give_up(process, found);
		}
		if (over) {
			process->watched = false;
			release(process);
		} else {
			names->watched[kept++] = *watched;
		}
	}
	names->n_watched = kept;
	return err;
}

/* --- births --------------------------------------------------------------------------- */

/* Sorted by time, so that a parent begins before its children do. */
static int note_birth(struct names *names, const struct birth *birth)
{
	size_t at = names->n_births;

	if (at == names->births_room) {
		size_t room = names->births_room ? 2 * names->births_room : 64;
		struct birth *grown = realloc(names->births, room * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		names->births = grown;
		names->births_room = room;
	}
	for (; at > names->first_birth && names->births[at - 1].born_ns > birth->born_ns; at--)
		names->births[at] = names->births[at - 1];
	names->births[at] = *birth;
	names->n_births++;
	birth->process->refs++;
	if (birth->parent)
		birth->parent->refs++;
	return 0;
}

static int inherit(struct names *names, struct birth *birth)
{
	/* The program that it runs by then, unless the number is another's already. */
	struct process *parent = *place_of(names, birth->parent_pid);
	int err = 0;

	if (!parent || parent->born_ns > birth->born_ns)
		parent = birth->parent;
	if (!parent)
		return 0;
	/* Of one that was found, nothing was told yet. */
	if (address_space__is_empty(parent->space) && !parent->gone && names->read_proc &&
	    !address_space__read_ns(parent->space))
		err = address_space__read(parent->space, names->map_proc);
	address_space__inherit(birth->process->space, parent->space, birth->born_ns);
	return err ? err : watch_as_parent(names, birth->process, parent);
}

/* Those who were born until then get what their parents have. */
static int settle_births(struct names *names, uint64_t until_ns)
{
	int err = 0;

	while (!err && names->first_birth < names->n_births &&
	       names->births[names->first_birth].born_ns <= until_ns) {
		struct birth *birth = &names->births[names->first_birth++];

		err = inherit(names, birth);
		release_birth(birth);
	}
	if (names->first_birth == names->n_births)
		names->first_birth = names->n_births = 0;
	return err;
}

int names__born(struct names *names, uint32_t pid, uint32_t parent, uint64_t born_ns)
{
	struct birth birth = { .born_ns = born_ns, .parent_pid = parent };
	int err;

	forget(names, pid);
	err = get_process(names, pid, &birth.process);
	if (err)
		return err == -EMFILE ? 0 : err;
	birth.process->born_ns = born_ns;
	if (!parent || parent == pid)
		return 0;
	err = get_process(names, parent, &birth.parent);
	if (!err || err == -EMFILE)
		err = note_birth(names, &birth);
	return err;
}

/* Without memory, it has less to show. */
void names__forget(struct names *names, uint32_t pid)
{
	settle_births(names, UINT64_MAX);
	forget(names, pid);
}

/* --- what comes in -------------------------------------------------------------------- */

/* Stacks are told of before mappings that are older: those of the new program. */
static void move_stacks(struct names *names, struct process *from, struct process *to,
			uint64_t since_ns)
{
	for (struct pending *at = names->first; at && from->refs > 1; at = at->next) {
		if (at->process != from || at->stack.hdr.time_ns < since_ns)
			continue;
		at->process = to;
		to->refs++;
		release(from);
	}
}

/* Another program: stacks of the one before are still to be named, with its mappings. */
static int begin_program(struct names *names, const struct mapping *mapping)
{
	struct process *before = *place_of(names, mapping->pid), *process;
	int err;

	if (before)
		before->refs++;
	forget(names, mapping->pid);
	err = get_process(names, mapping->pid, &process);
	if (!err && before)
		process->born_ns = before->born_ns;
	if (!err)
		err = address_space__told(process->space, mapping);
	if (!err && before)
		move_stacks(names, before, process, mapping->time_ns);
	if (before)
		release(before);
	return err;
}

int names__mapping(struct names *names, const struct mapping *mapping)
{
	struct process *process = *place_of(names, mapping->pid);
	int err;

	/* Of another one, which had the number before. */
	if (process && mapping->time_ns < process->born_ns)
		return 0;
	err = settle_births(names, mapping->time_ns);
	if (err)
		return err;
	if (mapping->kind == MAPPING_EXEC) {
		err = begin_program(names, mapping);
	} else {
		err = get_process(names, mapping->pid, &process);
		if (!err)
			err = address_space__told(process->space, mapping);
	}
	if (!err && names_runtimes__is_early(mapping->path))
		err = watch(names, *place_of(names, mapping->pid));
	return err == -EMFILE ? 0 : err;
}

int names__stack(struct names *names, const struct convoy_ev_stack *stack)
{
	struct process *process;
	struct pending *pending;
	int err;

	if (names->n_pending == STACKS_MAX) {
		names->dropped++;
		return 0;
	}
	err = get_process(names, stack->pid, &process);
	if (err == -EMFILE) {
		names->dropped++;
		return 0;
	}
	pending = err ? NULL : malloc(sizeof(*pending));
	if (!pending)
		return -ENOMEM;
	pending->next = NULL;
	pending->process = process;
	pending->stack = *stack;
	process->refs++;
	*names->last = pending;
	names->last = &pending->next;
	names->n_pending++;
	return 0;
}

/* --- what was found ------------------------------------------------------------------- */

int found_words__write(struct found_words *found)
{
	json_t *document;
	int err;

	if (!found->n)
		return 0;
	document = record_docs__words(found->infos, found->n);
	found->n = 0;
	if (!document)
		return -ENOMEM;
	err = recording_writer__document(found->writer, document);
	json_decref(document);
	return err;
}

int found_words__add(struct found_words *found, const struct word_info *info)
{
	int err = found->n == WORDS_MAX ? found_words__write(found) : 0;

	if (err)
		return err;
	if (found->n == found->room) {
		size_t room = found->room ? 2 * found->room : 16;
		struct word_info *grown = realloc(found->infos, room * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		found->infos = grown;
		found->room = room;
	}
	found->infos[found->n++] = *info;
	return 0;
}

/* --- one stack ------------------------------------------------------------------------ */

/* Does what was told reach? Of memory that nothing tells of, now and then. */
static bool is_read_enough(struct names *names, struct process *process,
			   const struct convoy_ev_stack *stack)
{
	uint64_t read_ns = address_space__read_ns(process->space);
	struct mapping mapping;
	struct module module;

	if (!names->read_proc || process->gone)
		return true;
	if (read_ns > stack->hdr.time_ns)
		return true;
	if (!address_space__find(process->space, stack->pc, &mapping))
		return false;
	if (address_space__module(process->space, names->cache, stack->word, &module))
		return true;
	/* [heap] grows and [stack] does, but files and what is shared come and go. */
	if (address_space__find(process->space, stack->word, &mapping))
		return mapping.path[0] == '[';
	return read_ns && stack->hdr.time_ns - read_ns < READ_INTERVAL_NS &&
	       (stack->op & FUTEX_PRIVATE_FLAG);
}

static int name_stack(struct names *names, struct process *process,
		      const struct convoy_ev_stack *stack, struct found_words *found)
{
	const struct process_view view = process__view(process);
	const char *functions[WORD_FRAMES_MAX];
	struct word_frames frames;
	struct word_info info = { 0 }, its;
	int err = 0;

	open_process(names, process);
	if (!is_read_enough(names, process, stack))
		err = address_space__read(process->space, names->map_proc);
	if (!err)
		err = names_runtimes__look(process, found);
	if (err)
		return err;
	name_word__frames(&frames, process->space, names->cache, stack, &view);
	for (size_t i = 0; i < frames.n; i++)
		functions[i] = frames.frames[i].function;
	name_word__site(&info, &frames, stack);
	if (names_runtimes__word(process, stack->word, functions, frames.n, &its)) {
		/* What is known of it already gets the place where it was first waited on. */
		if (!its.site[0])
			memcpy(its.site, info.site, sizeof(its.site));
		return found_words__add(found, &its);
	}
	name_word__place(&info, &frames, process->space, names->cache, stack);
	/* Nothing that would not be known without. */
	if (!info.name[0] && !info.site[0] && info.kind == LOCK_UNKNOWN)
		return 0;
	return found_words__add(found, &info);
}

int names__write(struct names *names, struct recording_writer *writer, uint64_t budget_ns)
{
	struct found_words found = { .writer = writer };
	uint64_t start = budget_ns ? monotonic_ns() : 0;
	struct process *current = NULL;
	int err = settle_births(names, UINT64_MAX), written;

	if (!err)
		err = look_at_watched(names, &found);
	while (names->first && !err) {
		struct pending *pending = names->first;

		names->first = pending->next;
		if (!names->first)
			names->last = &names->first;
		names->n_pending--;
		if (current && current != pending->process) {
			close_process(current);
			release(current);
			current = NULL;
		}
		err = name_stack(names, pending->process, &pending->stack, &found);
		/* The stack's reference becomes that of the current one. */
		if (current)
			release(pending->process);
		current = pending->process;
		free(pending);
		if (budget_ns && monotonic_ns() - start >= budget_ns)
			break;
	}
	if (current) {
		close_process(current);
		release(current);
	}
	written = found_words__write(&found);
	free(found.infos);
	return err ? err : written;
}
