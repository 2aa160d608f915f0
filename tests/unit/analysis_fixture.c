// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* analysis_fixture.c - recordings written in a test, and the reports of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/analysis_fixture.h"

static void must(bool condition, const char *what)
{
	if (!condition) {
		perror(what);
		abort();
	}
}

struct written written__new(void)
{
	struct written written = { .fd = memfd_create("test", MFD_CLOEXEC) };

	must(written.fd >= 0, "memfd_create");
	must(!recording_writer__new(&written.writer, written.fd, RECORDING_RAW), "writer");
	return written;
}

json_t *meta_of(enum recording_kind kind, const char *const *modes, size_t n_modes)
{
	static const char *const one[] = { "command" };
	struct record_meta meta = { .kind = kind, .report = report__new() };
	json_t *document;

	must(meta.report, "report__new");
	if (!n_modes) {
		modes = one;
		n_modes = 1;
	}
	meta.modes = calloc(n_modes, sizeof(*meta.modes));
	must(meta.modes, "calloc");
	for (; meta.n_modes < n_modes; meta.n_modes++)
		snprintf(meta.modes[meta.n_modes].label, sizeof(meta.modes->label), "%s",
			 modes[meta.n_modes]);
	snprintf(meta.report->version, sizeof(meta.report->version), "1.0");
	snprintf(meta.report->host.arch, sizeof(meta.report->host.arch), "x86_64");
	meta.report->host.cpus = meta.report->host.cpus_usable = 2;
	meta.report->probes.sched = true;
	meta.report->probes.futex = FUTEX_ALL;
	meta.report->params = json_object();
	document = record_docs__meta(&meta);
	must(document, "record_docs__meta");
	report__free(meta.report);
	record_meta__free(&meta);
	return document;
}

void write_document(struct written *written, json_t *document)
{
	must(document, "a document");
	must(!recording_writer__document(written->writer, document), "write a document");
	json_decref(document);
}

void write_json(struct written *written, const char *json)
{
	write_document(written, json_loads(json, 0, NULL));
}

void write_event(struct written *written, const struct convoy_ev_hdr *event)
{
	must(!recording_writer__event(written->writer, event), "write an event");
}

void write_round(struct written *written, const char *mode, uint64_t start_ns, uint32_t first_id)
{
	struct record_round round = { .start_ns = start_ns, .first_id = first_id };

	snprintf(round.mode, sizeof(round.mode), "%s", mode);
	write_document(written, record_docs__round(&round));
}

void write_round_end(struct written *written, uint64_t end_ns, bool measured)
{
	struct record_round_end end = {
		.measured = measured,
		.end_ns = end_ns,
		.has_usage = true,
		.tool_cpu_ns = 7,
	};

	end.usage.ru_utime.tv_usec = 3;
	end.usage.ru_nvcsw = 2;
	write_document(written, record_docs__round_end(&end));
}

void write_end(struct written *written)
{
	struct record_end end = { .command_status = -1 };

	write_document(written, record_docs__end(&end));
}

void written__finish(struct written *written)
{
	must(!recording_writer__finish(written->writer), "finish");
	written->finished = true;
}

void written__free(struct written *written)
{
	recording_writer__free(written->writer);
	close(written->fd);
}

uint8_t *written__bytes(struct written *written, size_t *size)
{
	uint8_t *bytes;
	off_t end;

	if (!written->finished)
		must(!recording_writer__flush(written->writer), "flush");
	end = lseek(written->fd, 0, SEEK_END);
	must(end > 0, "lseek");
	*size = (size_t)end;
	bytes = malloc(*size);
	must(bytes && pread(written->fd, bytes, *size, 0) == end, "read it back");
	return bytes;
}

int analyse(const void *bytes, size_t size, const struct analysis_options *options,
	    struct report **report, struct recording_status *status)
{
	const struct analysis_options none = { 0 };
	int fd = memfd_create("test", MFD_CLOEXEC), err;

	must(fd >= 0 && write(fd, bytes, size) == (ssize_t)size && !lseek(fd, 0, SEEK_SET),
	     "memfd_create");
	*report = NULL;
	err = analysis__read(fd, options ? options : &none, report, status);
	close(fd);
	return err;
}
