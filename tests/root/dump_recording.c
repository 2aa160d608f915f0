// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * dump_recording.c - what a recording says of lives and mappings, for tests that want to
 * know more than a report tells.
 *
 *	dump_recording FILE
 *
 * One line of JSON each, in the order of the file: {"exec": PATH, "pid", "time_ns"},
 * {"file": PATH, "pid", "time_ns", "start", "length", "offset", "executable"},
 * {"birth": COMM, "id", "parent", "pid", "tid", "ns_pid", "ns_tid"}, {"death": COMM, "id",
 * "pid", "tid", "voluntary", "involuntary", "flags"}, {"document": {...}}; and at last
 * {"events", "switches", "bytes", "complete"}. Exit status 1 when it is damaged.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "user/recording.h"

/* Takes `object`. Bytes that are no UTF-8 are not what the tests name their files with. */
static int print(json_t *object)
{
	int err = object ? json_dumpf(object, stdout, JSON_COMPACT) : -1;

	json_decref(object);
	if (err || putchar('\n') == EOF)
		return -EIO;
	return 0;
}

static json_t *text(const char *bytes, size_t size)
{
	json_t *string = json_stringn(bytes, strnlen(bytes, size));

	return string ? string : json_string("?");
}

static int on_mapping(void *ctx, const struct mapping *mapping)
{
	json_t *path = text(mapping->path, MAPPING_PATH_MAX);

	(void)ctx;
	if (mapping->kind == MAPPING_EXEC)
		return print(json_pack("{s:o, s:I, s:I}", "exec", path, "pid",
				       (json_int_t)mapping->pid, "time_ns",
				       (json_int_t)mapping->time_ns));
	return print(json_pack("{s:o, s:I, s:I, s:I, s:I, s:I, s:b}", "file", path, "pid",
			       (json_int_t)mapping->pid, "time_ns", (json_int_t)mapping->time_ns,
			       "start", (json_int_t)mapping->start, "length",
			       (json_int_t)mapping->length, "offset", (json_int_t)mapping->offset,
			       "executable", mapping->executable));
}

static int print_birth(const struct convoy_ev_birth *ev)
{
	return print(json_pack("{s:o, s:I, s:I, s:I, s:I, s:I, s:I}", "birth",
			       text(ev->comm, sizeof(ev->comm)), "id", (json_int_t)ev->hdr.id,
			       "parent", (json_int_t)ev->parent, "pid", (json_int_t)ev->pid, "tid",
			       (json_int_t)ev->tid, "ns_pid", (json_int_t)ev->ns_pid, "ns_tid",
			       (json_int_t)ev->ns_tid));
}

static int print_death(const struct convoy_ev_death *ev)
{
	return print(json_pack("{s:o, s:I, s:I, s:I, s:I, s:I, s:i}", "death",
			       text(ev->comm, sizeof(ev->comm)), "id", (json_int_t)ev->hdr.id,
			       "pid", (json_int_t)ev->pid, "tid", (json_int_t)ev->tid, "voluntary",
			       (json_int_t)ev->nvcsw, "involuntary", (json_int_t)ev->nivcsw,
			       "flags", (int)ev->hdr.flags));
}

static int on_event(void *ctx, const struct convoy_ev_hdr *ev)
{
	json_int_t *switches = ctx;

	switch (ev->type) {
	case CONVOY_EV_BIRTH:
		return print_birth((const void *)ev);
	case CONVOY_EV_DEATH:
		++*switches;
		return print_death((const void *)ev);
	case CONVOY_EV_RUNNABLE:
	case CONVOY_EV_WAIT:
		++*switches;
		return 0;
	default:
		return 0;
	}
}

static int on_document(void *ctx, json_t *document)
{
	(void)ctx;
	return print(json_pack("{s:O}", "document", document));
}

int main(int argc, char **argv)
{
	json_int_t switches = 0;
	struct recording_handler handler = {
		.event = on_event,
		.mapping = on_mapping,
		.document = on_document,
		.ctx = &switches,
	};
	struct recording_status status;
	int fd, err;

	if (argc != 2) {
		fputs("usage: dump_recording FILE\n", stderr);
		return 2;
	}
	fd = open(argv[1], O_RDONLY | O_CLOEXEC);
	err = fd < 0 ? -errno : recording__read(fd, &handler, &status);
	if (err) {
		fprintf(stderr, "dump_recording: %s: %s\n", argv[1], strerror(-err));
		return 2;
	}
	close(fd);
	err = print(json_pack("{s:I, s:I, s:I, s:b}", "events", (json_int_t)status.events,
			      "switches", switches, "bytes", (json_int_t)status.bytes, "complete",
			      status.complete));
	return err || status.damage[0];
}
