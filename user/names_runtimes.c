// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guards.h"
#include "names_parts.h"
#include "process_memory.h"
#include "record_docs.h"

/* What a runtime may read at once. */
#define READ_MAX (1u << 20)

/* --- a process as a runtime sees it --------------------------------------------------- */

/* Its memory, if it is still there afterwards: the number may be another's by now. */
static bool read_memory(const struct process *process, uint64_t address, void *buffer, size_t size)
{
	struct stat there;

	return process->proc >= 0 && address <= INT64_MAX &&
	       process_memory__read((pid_t)process->pid, address, buffer, size) == (ssize_t)size &&
	       !fstatat(process->proc, "stat", &there, 0);
}

static int view_read(void *ctx, uint64_t address, void *buffer, size_t size, bool *live)
{
	struct process *process = ctx;
	struct module module;
	bool is_live = size <= READ_MAX && read_memory(process, address, buffer, size);

	if (live)
		*live = is_live;
	if (is_live)
		return 0;
	if (size > READ_MAX ||
	    !address_space__module(process->space, process->cache, address, &module))
		return -EFAULT;
	return elf_file__read(module.file, address - module.bias, buffer, size);
}

/*
 * Can a runtime, or what it is found by, be in this file? The program, a library that is named
 * after it, or the C library. Reading the symbols of all that a process has mapped can take
 * longer than the rings last.
 */
static bool is_looked_in(size_t at, const char *path)
{
	const char *base = strrchr(path, '/');

	base = base ? base + 1 : path;
	for (size_t i = 0; runtimes[i]; i++)
		if (strstr(base, runtimes[i]->file))
			return true;
	return !at || !strncmp(base, "libc.so", 7) || !strncmp(base, "libc-2.", 7) ||
	       !strncmp(base, "libpthread", 10);
}

static int view_symbol(void *ctx, const char *name, uint64_t *address, uint64_t *size)
{
	struct process *process = ctx;
	struct elf_symbol symbol;
	struct module module;
	const char *path;

	for (size_t i = 0; address_space__module_path(process->space, i, &path); i++) {
		if (!is_looked_in(i, path) ||
		    !address_space__module_at(process->space, process->cache, i, &module) ||
		    !elf_file__find(module.file, name, &symbol))
			continue;
		*address = symbol.vaddr + module.bias;
		*size = symbol.size;
		return 0;
	}
	return -ENOENT;
}

static bool view_module(void *ctx, size_t at, const char **path, bool *has_symtab)
{
	struct process *process = ctx;
	struct module module;

	if (!address_space__module_path(process->space, at, path))
		return false;
	*has_symtab = is_looked_in(at, *path) &&
		      address_space__module_at(process->space, process->cache, at, &module) &&
		      elf_file__has_symtab(module.file);
	return true;
}

struct process_view process__view(struct process *process)
{
	return (struct process_view){ .pid = process->pid,
				      .ctx = process,
				      .read = view_read,
				      .symbol = view_symbol,
				      .module = view_module };
}

/* --- looking for them ----------------------------------------------------------------- */

static size_t count_runtimes(void)
{
	size_t n = 0;

	while (runtimes[n])
		n++;
	return n;
}

/* The probes are told how its waits are told apart; where they cannot be, they are not known. */
static void put_guard(struct process *process, struct runtime_found *at)
{
	at->guard.pid = process->pid;
	if (process->guards && guards__put(process->guards, &at->guard))
		return;
	at->info.gil = GIL_UNKNOWN;
	snprintf(at->info.hint, sizeof(at->info.hint),
		 "another process has its place in the table of those whose waits are told apart");
	at->guard.lock = 0;
	at->n_words = 0;
}

static int write_found(struct process *process, struct runtime_found *at, struct found_words *found)
{
	json_t *document;
	int err;

	at->info.pid = process->pid;
	if (at->guard.lock && !process->gone)
		put_guard(process, at);
	document = record_docs__runtime(&at->info);
	if (!document)
		return -ENOMEM;
	err = recording_writer__document(found->writer, document);
	json_decref(document);
	if (at->n_words > RUNTIME_WORDS_MAX)
		at->n_words = RUNTIME_WORDS_MAX;
	for (size_t i = 0; i < at->n_words && !err; i++) {
		at->words[i].pid = process->pid;
		err = found_words__add(found, &at->words[i]);
	}
	return err;
}

/* Once, but again where it was not set up yet, or has come with a library since. */
static int look_for(const struct runtime *runtime, struct runtime_seen *seen,
		    struct process *process, struct found_words *found)
{
	const struct process_view view = process__view(process);
	size_t modules = address_space__modules(process->space);
	struct runtime_found *result;

	if (seen->found || (seen->state != 1 && seen->state != -EAGAIN && seen->modules == modules))
		return 0;
	result = calloc(1, sizeof(*result));
	if (!result)
		return -ENOMEM;
	seen->modules = modules;
	seen->state = runtime->find(&view, result);
	free(seen->not_yet);
	seen->not_yet = seen->state == -EAGAIN ? result : NULL;
	if (!seen->state) {
		seen->found = result;
		return write_found(process, result, found);
	}
	if (!seen->not_yet)
		free(result);
	return 0;
}

int names_runtimes__look(struct process *process, struct found_words *found)
{
	size_t n = count_runtimes();
	int err = 0;

	if (n && !process->runtimes) {
		process->runtimes = calloc(n, sizeof(*process->runtimes));
		if (!process->runtimes)
			return -ENOMEM;
		for (size_t i = 0; i < n; i++)
			process->runtimes[i].state = 1;
	}
	for (size_t i = 0; i < n && !err; i++)
		err = look_for(runtimes[i], &process->runtimes[i], process, found);
	return err;
}

static const struct word_info *word_of(const struct runtime_found *found, uint64_t word)
{
	const struct word_info *best = NULL;

	for (size_t i = 0; i < found->n_words; i++)
		if (word - found->words[i].address < found->words[i].size &&
		    (!best || found->words[i].size < best->size))
			best = &found->words[i];
	return best;
}

bool names_runtimes__word(struct process *process, uint64_t word, const char *const *functions,
			  size_t n, struct word_info *info)
{
	size_t n_runtimes = process->runtimes ? count_runtimes() : 0;

	for (size_t i = 0; i < n_runtimes; i++) {
		const struct runtime_found *found = process->runtimes[i].found;
		const struct word_info *its = found ? word_of(found, word) : NULL;

		if (its) {
			*info = *its;
			return true;
		}
	}
	for (size_t i = 0; i < n_runtimes; i++) {
		const struct runtime_found *found = process->runtimes[i].found;

		memset(info, 0, sizeof(*info));
		if (found && runtimes[i]->claims &&
		    runtimes[i]->claims(found, functions, n, info)) {
			info->pid = process->pid;
			info->address = word;
			info->size = 4;
			return true;
		}
	}
	return false;
}

/* --- those that must be found early ------------------------------------------------------ */

bool names_runtimes__is_early(const char *path)
{
	const char *base = strrchr(path, '/');

	base = base ? base + 1 : path;
	for (size_t i = 0; runtimes[i]; i++)
		if (runtimes[i]->early && strstr(base, runtimes[i]->file))
			return true;
	return false;
}

bool names_runtimes__are_found(const struct process *process)
{
	for (size_t i = 0; runtimes[i]; i++)
		if (runtimes[i]->early &&
		    (!process->runtimes || process->runtimes[i].state == -EAGAIN ||
		     process->runtimes[i].state == 1))
			return false;
	return true;
}

int names_runtimes__give_up(struct process *process, struct found_words *found)
{
	int err = 0;

	for (size_t i = 0; process->runtimes && runtimes[i] && !err; i++) {
		struct runtime_seen *seen = &process->runtimes[i];

		if (!runtimes[i]->early || !seen->not_yet || !seen->not_yet->info.hint[0])
			continue;
		seen->state = 0;
		seen->found = seen->not_yet;
		seen->not_yet = NULL;
		err = write_found(process, seen->found, found);
	}
	return err;
}

const struct convoy_guard *names_runtimes__guard(const struct process *process)
{
	for (size_t i = 0; process->runtimes && runtimes[i]; i++) {
		const struct runtime_found *found = process->runtimes[i].found;

		if (found && found->guard.lock)
			return &found->guard;
	}
	return NULL;
}

void names_runtimes__free(struct process *process)
{
	for (size_t i = 0; process->runtimes && runtimes[i]; i++) {
		free(process->runtimes[i].found);
		free(process->runtimes[i].not_yet);
	}
	free(process->runtimes);
	process->runtimes = NULL;
}
