// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/futex.h>

#include "found.h"
#include "merge.h"
#include "process_memory.h"

/* The same on every architecture; Linux 5.16 */
#define NR_FUTEX_WAITV 449

static int keep(struct found *found, const void *ev, size_t size)
{
	if (found->room - found->size < size) {
		size_t room = found->room ? 2 * found->room : 1 << 14;
		uint8_t *grown = realloc(found->events, room);

		if (!grown)
			return -ENOMEM;
		found->events = grown;
		found->room = room;
	}
	memcpy(found->events + found->size, ev, size);
	found->size += size;
	return 0;
}

/*
 * As the probe does it when a thread blocks under its eyes: glibc's owner field beside a
 * mutex, or the word of a priority-inheriting lock (thread__read_holder() in bpf/).
 */
static int keep_holder(struct found *found, const struct convoy_ev_wait *wait)
{
	unsigned command = wait->op & FUTEX_CMD_MASK;
	bool pi = command == FUTEX_LOCK_PI || command == FUTEX_LOCK_PI2;
	uint32_t robust = wait->val & FUTEX_WAITERS ? wait->val & FUTEX_TID_MASK : 0;
	struct convoy_ev_holder holder = {
		.hdr = { CONVOY_EV_HOLDER, 0, wait->hdr.id, wait->hdr.time_ns },
		.word = wait->word,
	};

	if (!(wait->hdr.flags & CONVOY_F_FUTEX) || wait->nr == NR_FUTEX_WAITV ||
	    (!pi && (command != FUTEX_WAIT || (wait->val != 2 && !robust))))
		return 0;
	if (process_memory__read((pid_t)wait->next, pi ? wait->word : wait->word + 8,
				 &holder.holder, sizeof(holder.holder)) != sizeof(holder.holder)) {
		found->failed_reads++;
		return 0;
	}
	if (pi)
		holder.holder &= FUTEX_TID_MASK;
	else if (robust && holder.holder != robust)
		return 0;
	return keep(found, &holder, sizeof(holder));
}

/* The number behind a line's name in a file of /proc; UINT64_MAX if there is no such line. */
static uint64_t number_after(const char *text, const char *name)
{
	const char *line = strstr(text, name);

	return line ? strtoull(line + strlen(name), NULL, 10) : UINT64_MAX;
}

/*
 * Is the thread that was looked at last still blocked as it was then? It has not been off a
 * CPU again, so if it is off one it has not been on one.
 */
static bool is_still_there(const struct found *found)
{
	const struct convoy_ev_seen *seen = &found->seen;
	char path[64], text[4096];
	const char *state;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/task/%u/status", found->blocked.next,
		 found->blocked.holder);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	state = strstr(text, "\nState:\t");
	return state && state[8] != 'R' &&
	       number_after(text, "\nvoluntary_ctxt_switches:\t") == seen->nvcsw &&
	       number_after(text, "\nnonvoluntary_ctxt_switches:\t") == seen->nivcsw;
}

/* It comes with the registers of the thread that was looked at last; now the memory. */
static int keep_stack(struct found *found, const struct convoy_ev_stack *stack)
{
	struct convoy_ev_stack *kept;
	ssize_t got;

	if (found->n_stacks == found->stacks_room) {
		size_t room = found->stacks_room ? 2 * found->stacks_room : 16;

		kept = realloc(found->stacks, room * sizeof(*kept));
		if (!kept)
			return -ENOMEM;
		found->stacks = kept;
		found->stacks_room = room;
	}
	kept = &found->stacks[found->n_stacks];
	*kept = *stack;
	got = process_memory__read((pid_t)found->blocked.next, kept->sp, kept->bytes,
				   sizeof(kept->bytes));
	kept->size = got > 0 ? (uint32_t)got : 0;
	/* If it went on, these are not the bytes that belong to its registers. */
	if (is_still_there(found))
		found->n_stacks++;
	return 0;
}

static int find_one(void *ctx, const struct convoy_ev_hdr *ev)
{
	struct found *found = ctx;

	if (ev->type == CONVOY_EV_OPEN) {
		found->blocked = *(const struct convoy_ev_wait *)(const void *)ev;
		return keep_holder(found, &found->blocked);
	}
	if (ev->type == CONVOY_EV_STACK)
		return keep_stack(found, (const void *)ev);
	if (ev->type == CONVOY_EV_DEATH) /* it died while it was looked at */
		return keep(found, ev, event__size(ev->type));
	if (ev->type != CONVOY_EV_SEEN)
		return 0;
	found->seen = *(const struct convoy_ev_seen *)(const void *)ev;
	found->n_threads++;
	return keep(found, ev, event__size(ev->type));
}

int found__find(struct found *found, struct session *session, int times)
{
	size_t n = 1;
	int err = 0;

	/* What an older thread forks between being looked for and found shows the next time. */
	for (int i = 0; i < times && n && !err; i++)
		err = session__find(session, find_one, found, &n);
	return err;
}

void found__free(struct found *found)
{
	free(found->events);
	free(found->stacks);
	free(found->pids);
	memset(found, 0, sizeof(*found));
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* Each process once, however many threads of it were found. */
static int list_processes(struct found *found)
{
	size_t n = 0;

	found->pids = calloc(found->n_threads + 1, sizeof(*found->pids));
	if (!found->pids)
		return -ENOMEM;
	for (size_t at = 0; at < found->size;) {
		const struct convoy_ev_hdr *ev = (const void *)(found->events + at);

		if (ev->type == CONVOY_EV_SEEN)
			found->pids[n++] = ((const struct convoy_ev_seen *)ev)->pid;
		at += event__size(ev->type);
	}
	qsort(found->pids, n, sizeof(*found->pids), by_number);
	for (size_t i = 0; i < n; i++)
		if (!i || found->pids[i] != found->pids[i - 1])
			found->pids[found->n_pids++] = found->pids[i];
	return 0;
}

int found__follow(struct found *found, struct maps *maps)
{
	int err = list_processes(found);

	for (size_t i = 0; i < found->n_pids && !err; i++)
		err = maps__follow(maps, found->pids[i]);
	return err;
}

int found__write_maps(struct found *found, struct maps *maps, struct recording_writer *writer,
		      size_t at_most)
{
	int err = 0;

	for (; found->n_mapped < found->n_pids && at_most && !err; at_most--)
		err = maps__write_now(maps, found->pids[found->n_mapped++], writer);
	return err;
}

int found__give_stacks(struct found *found, struct names *names)
{
	int err = 0;

	for (size_t i = 0; i < found->n_stacks && !err; i++)
		err = names__stack(names, &found->stacks[i]);
	free(found->stacks);
	found->stacks = NULL;
	found->n_stacks = found->stacks_room = 0;
	return err;
}

int found__write(const struct found *found, struct recording_writer *writer)
{
	int err = 0;

	for (size_t at = 0; at < found->size && !err;) {
		const struct convoy_ev_hdr *ev = (const void *)(found->events + at);

		err = recording_writer__event(writer, ev);
		at += event__size(ev->type);
	}
	return err;
}
