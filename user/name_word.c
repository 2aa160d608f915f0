// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <inttypes.h>
#include <linux/futex.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>

#include "lock_site.h"
#include "name_word.h"

#ifndef FUTEX_LOCK_PI2
#define FUTEX_LOCK_PI2 13
#endif

/* How far from a thread's stack pointer its stack is taken to be, where nothing tells. */
#define OWN_STACK_BYTES 65536

/* --- frames --------------------------------------------------------------------------- */

static int read_stack(void *ctx, uint64_t address, uint64_t *word)
{
	const struct convoy_ev_stack *stack = ctx;
	uint64_t at = address - stack->sp;
	uint32_t size = stack->size < CONVOY_STACK_BYTES ? stack->size : CONVOY_STACK_BYTES;

	if (at > size || size - at < sizeof(*word))
		return -EFAULT;
	memcpy(word, stack->bytes + at, sizeof(*word));
	return 0;
}

/* All of them; names for those that have one. */
static void unwind(struct word_frames *frames, struct address_space *space, struct elf_cache *cache,
		   const struct convoy_ev_stack *stack)
{
	struct unwind_frame at;
	struct mapping mapping;
	struct module module;

	frames->n = 0;
	unwind__begin(&at, stack);
	while (frames->n < WORD_FRAMES_MAX) {
		struct word_frame *frame = &frames->frames[frames->n++];
		/* What follows a call can be another function's beginning. */
		uint64_t inside = at.pc - !at.exact;
		struct elf_symbol symbol;

		*frame = (struct word_frame){ .pc = at.pc, .function = "", .path = "" };
		if (!address_space__module(space, cache, inside, &module)) {
			if (address_space__find(space, inside, &mapping) && mapping.executable) {
				frame->path = mapping.path;
				frame->offset = at.pc - mapping.start + mapping.offset;
			}
			return;
		}
		frame->file = module.file;
		frame->path = module.path;
		frame->offset = at.pc - module.bias;
		if (elf_file__function(module.file, inside - module.bias, &symbol)) {
			frame->function = symbol.name;
			frame->offset -= symbol.vaddr;
		}
		if (unwind__step(module.file, module.bias, &at, read_stack, (void *)stack))
			return;
	}
}

#if defined(__x86_64__)
/* Four bytes of an instruction: a distance from its end. */
static uint64_t distance(const uint8_t *bytes)
{
	int32_t value;

	memcpy(&value, bytes, sizeof(value));
	return (uint64_t)(int64_t)value;
}

/* Which address was called, by the instruction before this one; 0: it cannot be told. */
static uint64_t called_from(const struct process_view *view, uint64_t pc)
{
	uint8_t code[16];
	uint64_t slot, target;
	bool live;
	size_t at;

	if (pc < 6 || view->read(view->ctx, pc - 6, code, 6, NULL))
		return 0;
	if (code[0] == 0xff && code[1] == 0x15) {
		/* call *slot(%rip) */
		slot = pc + distance(code + 2);
	} else if (code[1] == 0xe8) {
		/* call target: a function, or a jump to one, jmp *slot(%rip) */
		target = pc + distance(code + 2);
		if (view->read(view->ctx, target, code, sizeof(code), NULL))
			return 0;
		at = !memcmp(code, "\xf3\x0f\x1e\xfa", 4) ? 4 : 0; /* endbr64 */
		at += code[at] == 0xf2; /* bnd */
		if (code[at] != 0xff || code[at + 1] != 0x25)
			return target;
		slot = target + at + 6 + distance(code + at + 2);
	} else {
		return 0;
	}
	return !view->read(view->ctx, slot, &target, sizeof(target), &live) && live ? target : 0;
}
#else
static uint64_t called_from(const struct process_view *view, uint64_t pc)
{
	(void)view, (void)pc;
	return 0;
}
#endif

/*
 * A library's function that ends with a jump to an inner one is on no stack: sem_wait() and
 * pthread_join() of glibc. Where names of inner functions are stripped nothing else would
 * tell, so the frame gets the name of what was called there.
 */
static void name_what_was_called(struct word_frames *frames, struct address_space *space,
				 struct elf_cache *cache, const struct process_view *view)
{
	struct word_frame *frame;
	struct elf_symbol symbol;
	struct module module;
	uint64_t target;
	size_t at = 0;

	while (at < frames->n && frames->frames[at].file == frames->frames[0].file &&
	       !frames->frames[at].function[0])
		at++;
	if (!at || at == frames->n || !frames->frames[0].file ||
	    frames->frames[at].file == frames->frames[0].file)
		return;
	frame = &frames->frames[at - 1];
	target = called_from(view, frames->frames[at].pc);
	if (target && address_space__module(space, cache, target, &module) &&
	    module.file == frame->file &&
	    elf_file__function(module.file, target - module.bias, &symbol) &&
	    symbol.vaddr + module.bias == target && lock_site__is_inner(symbol.name))
		frame->function = symbol.name;
}

void name_word__frames(struct word_frames *frames, struct address_space *space,
		       struct elf_cache *cache, const struct convoy_ev_stack *stack,
		       const struct process_view *view)
{
	unwind(frames, space, cache, stack);
	name_what_was_called(frames, space, cache, view);
}

/* --- what the functions say ----------------------------------------------------------- */

static const char *basename_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* A C library: it has functions of its own around the call that no table may name. */
static bool is_libc(struct elf_file *file)
{
	struct elf_symbol symbol;

	return elf_file__find(file, "syscall", &symbol);
}

static bool is_glibc(const struct word_frame *frame)
{
	struct elf_symbol symbol;

	return frame->file && (elf_file__find(frame->file, "gnu_get_libc_version", &symbol) ||
			       elf_file__find(frame->file, "__pthread_mutex_cond_lock", &symbol) ||
			       !strncmp(basename_of(frame->path), "libpthread", 10));
}

/*
 * Is this frame a part of how a library waits? One without a name is if it is in the C
 * library that also makes the call: names of inner functions are stripped there.
 */
static bool is_inner(const struct word_frames *frames, size_t at)
{
	const struct word_frame *frame = &frames->frames[at];

	if (frame->function[0])
		return lock_site__is_inner(frame->function);
	return frame->file && frame->file == frames->frames[0].file && is_libc(frame->file);
}

/* The innermost of the frames that are a library's and tell; n if none does. */
static size_t telling(const struct word_frames *frames)
{
	for (size_t i = 0; i < frames->n && is_inner(frames, i); i++)
		if (lock_site__kind(frames->frames[i].function) != LOCK_UNKNOWN)
			return i;
	return frames->n;
}

/*
 * Whoever waited for a condition variable of glibc's and was woken waits for its mutex, and
 * the function that does is a local one. The call differs: a mutex is waited for as 2.
 */
static bool is_mutex_of_cond(const struct word_frames *frames, size_t at,
			     const struct convoy_ev_stack *stack)
{
	unsigned op = stack->op & FUTEX_CMD_MASK;

	if (op == FUTEX_LOCK_PI || op == FUTEX_LOCK_PI2)
		return true;
	return op == FUTEX_WAIT && stack->val == 2 && at && !frames->frames[0].function[0] &&
	       is_glibc(&frames->frames[0]);
}

/* "function+0x1f", or "file+0x1f"; what is long is cut before the number. */
static void print_place(char *text, size_t size, const char *name, uint64_t offset)
{
	char number[24];
	int n = offset ? snprintf(number, sizeof(number), "+0x%" PRIx64, offset) : 0;

	if (!offset)
		number[0] = '\0';
	snprintf(text, size, "%.*s%s", (int)(size - 1) - n, name, number);
}

void name_word__site(struct word_info *info, const struct word_frames *frames,
		     const struct convoy_ev_stack *stack)
{
	size_t at = telling(frames), site = 0;
	bool named = true;

	info->kind = LOCK_UNKNOWN;
	info->foreign = false;
	info->site[0] = '\0';
	if (at < frames->n) {
		info->kind = lock_site__kind(frames->frames[at].function);
		if (info->kind == LOCK_COND && is_mutex_of_cond(frames, at, stack))
			info->kind = LOCK_MUTEX;
	}
	for (; site < frames->n && is_inner(frames, site); site++)
		named &= frames->frames[site].function[0] != '\0';
	if (site < frames->n) {
		const struct word_frame *frame = &frames->frames[site];

		if (frame->function[0]) {
			size_t length = strcspn(frame->function, "@");
			char name[WORD_SITE_LEN];

			snprintf(name, sizeof(name), "%.*s", (int)length, frame->function);
			print_place(info->site, sizeof(info->site), name, frame->offset);
			info->foreign = info->kind == LOCK_UNKNOWN && named;
		} else if (frame->path[0]) {
			print_place(info->site, sizeof(info->site), basename_of(frame->path),
				    frame->offset);
		}
	}
}

/* Is what is waited for one of glibc's objects? Those of others lie differently. */
static bool is_object_of_glibc(const struct word_frames *frames)
{
	size_t at = telling(frames);
	const struct word_frame *frame = &frames->frames[at];

	return at < frames->n && frame->file == frames->frames[0].file &&
	       strncmp(frame->function, "_Z", 2) && strncmp(frame->function, "_R", 2) &&
	       is_glibc(frame);
}

/* --- what the address says ------------------------------------------------------------ */

/* Bytes of glibc's object of that kind; 0: any. */
static uint64_t object_size(enum lock_kind kind)
{
	switch (kind) {
	case LOCK_MUTEX:
		return sizeof(pthread_mutex_t);
	case LOCK_COND:
		return sizeof(pthread_cond_t);
	case LOCK_RWLOCK:
		return sizeof(pthread_rwlock_t);
	case LOCK_SEMAPHORE:
		return sizeof(sem_t);
	case LOCK_BARRIER:
		return sizeof(pthread_barrier_t);
	default:
		return 0;
	}
}

/*
 * The two words on which waiters for a condition variable of glibc's sleep in turn lie
 * together, at +40 and +44 (from 2.41 on at +32), those of a read-write lock's at +8 and +12,
 * and both objects are aligned to 8 bytes.
 */
static bool has_two_words(const struct word_info *info, const struct convoy_ev_stack *stack)
{
	return info->kind == LOCK_RWLOCK ||
	       (info->kind == LOCK_COND && (stack->op & FUTEX_CMD_MASK) == FUTEX_WAIT_BITSET);
}

/* A variable of the module's, or a place in it. */
static void name_in_module(struct word_info *info, const struct module *module, bool glibc)
{
	uint64_t vaddr = info->address - module->bias;
	struct elf_symbol symbol;
	char name[WORD_NAME_LEN];

	if (!elf_file__object(module->file, vaddr, &symbol)) {
		print_place(info->name, sizeof(info->name), basename_of(module->path), vaddr);
		return;
	}
	/* A variable that is this object, and nothing else: then it is all of it. */
	if (glibc && symbol.size && symbol.size == object_size(info->kind)) {
		info->address = symbol.vaddr + module->bias;
		info->size = (uint32_t)symbol.size;
		vaddr = symbol.vaddr;
	}
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(symbol.name, "@"), symbol.name);
	print_place(info->name, sizeof(info->name), name, vaddr - symbol.vaddr);
}

/* The file's name as people know it. */
static void print_file_name(char *name, size_t size, const char *path)
{
	static const char deleted[] = " (deleted)";
	size_t n;

	snprintf(name, size, "%s", basename_of(path));
	n = strlen(name);
	if (n > strlen(deleted) && !strcmp(name + n - strlen(deleted), deleted))
		name[n - strlen(deleted)] = '\0';
	/* What MAP_SHARED | MAP_ANONYMOUS gives has names of the kernel's own. */
	if (!name[0] || !strcmp(path, "/dev/zero (deleted)") || strstr(path, "/anon_hugepage"))
		snprintf(name, size, "shared memory");
}

static void name_in_file(struct word_info *info, const struct mapping *mapping, bool shared)
{
	uint64_t offset = info->address - mapping->start + mapping->offset;
	char name[WORD_NAME_LEN];

	print_file_name(name, sizeof(name), mapping->path);
	print_place(info->name, sizeof(info->name), name, offset);
	if (shared)
		snprintf(info->object, sizeof(info->object),
			 "shared:%" PRIu32 ":%" PRIu32 ":%" PRIu64 ":0x%" PRIx64, mapping->major,
			 mapping->minor, mapping->inode, offset);
}

/* Memory that has no name to tell one lock in it from another: by who waits. */
static void name_by_site(struct word_info *info, const char *memory)
{
	if (info->site[0])
		snprintf(info->name, sizeof(info->name), "%s at %.*s", memory,
			 (int)(sizeof(info->name) - strlen(memory) - 5), info->site);
	else
		snprintf(info->name, sizeof(info->name), "%s", memory);
}

void name_word__place(struct word_info *info, const struct word_frames *frames,
		      struct address_space *space, struct elf_cache *cache,
		      const struct convoy_ev_stack *stack)
{
	bool glibc = is_object_of_glibc(frames);
	struct mapping mapping;
	struct module module;
	bool mapped;

	info->pid = stack->pid;
	info->address = stack->word;
	info->size = 4;
	info->object[0] = '\0';
	info->name[0] = '\0';
	if (glibc && has_two_words(info, stack)) {
		info->address &= ~7ull;
		info->size = 8;
	}
	/* What kind of memory it is, only where it is known what there is. */
	if (address_space__is_empty(space))
		return;
	mapped = address_space__find(space, stack->word, &mapping);
	if (mapped && mapping.shared) {
		name_in_file(info, &mapping, !(stack->op & FUTEX_PRIVATE_FLAG) && mapping.inode);
		return;
	}
	if (address_space__module(space, cache, stack->word, &module))
		name_in_module(info, &module, glibc);
	else if (mapped && !strcmp(mapping.path, "[heap]"))
		print_place(info->name, sizeof(info->name), "[heap]",
			    info->address - mapping.start);
	else if (mapped && !strcmp(mapping.path, "[stack]"))
		name_by_site(info, "[stack]");
	else if (mapped && mapping.inode)
		name_in_file(info, &mapping, false);
	else if (stack->word - stack->sp < OWN_STACK_BYTES)
		name_by_site(info, "thread's stack");
	else
		name_by_site(info, "anonymous memory");
}
