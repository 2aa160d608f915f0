// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/futex.h>

#include "found.h"
#include "host.h"
#include "merge.h"

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

/* A word of another process's memory. Returns 0 or a negative errno. */
static int read_word(uint32_t pid, uint64_t address, uint32_t *word)
{
	char path[64];
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/mem", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	got = pread(fd, word, sizeof(*word), (off_t)address);
	close(fd);
	return got == (ssize_t)sizeof(*word) ? 0 : got < 0 ? -errno : -EFAULT;
}

/*
 * As the probe does it when a thread blocks under its eyes: glibc's owner field beside
 * a mutex, or the word of a priority-inheriting lock.
 */
static int keep_holder(struct found *found, const struct convoy_ev_wait *wait)
{
	unsigned command = wait->op & FUTEX_CMD_MASK;
	bool pi = command == FUTEX_LOCK_PI || command == FUTEX_LOCK_PI2;
	struct convoy_ev_holder holder = {
		.hdr = { CONVOY_EV_HOLDER, 0, wait->hdr.id, wait->hdr.time_ns },
		.word = wait->word,
	};

	if (!(wait->hdr.flags & CONVOY_F_FUTEX) ||
	    (!pi && (command != FUTEX_WAIT || wait->val != 2)))
		return 0;
	/* There, `next` is the process as we see it: in a PID namespace it is not `pid`. */
	if (read_word(wait->next, pi ? wait->word : wait->word + 8, &holder.holder)) {
		found->failed_reads++;
		return 0;
	}
	if (pi)
		holder.holder &= FUTEX_TID_MASK;
	return keep(found, &holder, sizeof(holder));
}

static int find_one(void *ctx, const struct convoy_ev_hdr *ev)
{
	struct found *found = ctx;

	if (ev->type == CONVOY_EV_OPEN)
		return keep_holder(found, (const void *)ev);
	if (ev->type == CONVOY_EV_DEATH) /* it died while it was looked at */
		return keep(found, ev, event__size(ev->type));
	if (ev->type != CONVOY_EV_SEEN)
		return 0;
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
