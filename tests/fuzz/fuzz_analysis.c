// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * fuzz_analysis.c - a recording whose documents and events are anything, and its report.
 *
 * An input is a list of items, each a kind (a byte), a size (two bytes) and so many
 * bytes: the text of a document, or an event as it is in memory. They are written as a
 * recording whose checksums are right, so that the analysis gets to see them all. The
 * first byte of the input says whether a part is asked for, and whether it ends well.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"
#include "tests/unit/recording_fixture.h"
#include "user/analysis.h"
#include "user/record_docs.h"
#include "user/recording_events.h"
#include "user/render.h"

const unsigned long fuzz__count = 2000;

enum item {
	ITEM_DOCUMENT,
	ITEM_EVENT,
	ITEM_KINDS,
};

enum {
	ASK_PART = 1,
	ASK_TO = 2,
	UNFINISHED = 4,
	RENDERED = 8,
};

static void require(bool condition, const char *what)
{
	if (!condition) {
		fprintf(stderr, "fuzz_analysis: %s\n", what);
		abort();
	}
}

static void write_item(struct recording_writer *writer, enum item item, const uint8_t *data,
		       size_t size)
{
	union any_event event = { 0 };
	json_t *document;

	if (item == ITEM_DOCUMENT) {
		document = json_loadb((const char *)data, size, 0, NULL);
		if (json_is_object(document))
			require(!recording_writer__document(writer, document), "write a document");
		json_decref(document);
		return;
	}
	memcpy(&event, data, size < sizeof(event) ? size : sizeof(event));
	if (recording_events__size(event.hdr.type))
		recording_writer__event(writer, &event.hdr); /* one that cannot be is refused */
}

static int write_recording(const uint8_t *data, size_t size, bool finish)
{
	struct recording_writer *writer;
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	require(fd >= 0, "memfd_create");
	require(!recording_writer__new(&writer, fd, RECORDING_RAW), "a writer");
	while (size > 3) {
		enum item item = data[0] % ITEM_KINDS;
		size_t n = get_le16(data + 1);

		data += 3;
		size -= 3;
		if (n > size)
			n = size;
		write_item(writer, item, data, n);
		data += n;
		size -= n;
	}
	if (finish)
		recording_writer__finish(writer);
	else
		recording_writer__flush(writer);
	recording_writer__free(writer);
	require(!lseek(fd, 0, SEEK_SET), "lseek");
	return fd;
}

static void check_estimate(const struct estimate *estimate)
{
	require(!estimate->n || isfinite(estimate->median), "a median that is no number");
}

static void check_report(const struct report *report, const struct recording_status *status)
{
	require(report->incomplete || status->complete, "not complete, and not marked");
	for (size_t i = 0; i < report->n_modes; i++) {
		const struct report_mode *mode = &report->modes[i];

		require(mode->rounds > 0, "a mode without a round");
		check_estimate(&mode->wall_ns);
		check_estimate(&mode->cpu_ns);
		check_estimate(&mode->cpu_util);
	}
}

static void render(const struct report *report)
{
	static const char *const formats[] = { "text", "json", "csv" };
	const struct render_options options = { .width = 80, .threads = true, .verbose = true };
	FILE *out = fopen("/dev/null", "we");

	require(out != NULL, "/dev/null");
	for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++)
		require(!render__write(render__find(formats[i]), report, &options, out),
			formats[i]);
	fclose(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct recording_status status;
	struct report *report;
	int fd, err;

	if (!size)
		return 0;
	const struct analysis_options options = {
		.window = data[0] & ASK_PART,
		.from_ns = data[0] >> 4,
		.to_ns = data[0] & ASK_TO ? 700 : 0,
	};

	fd = write_recording(data + 1, size - 1, !(data[0] & UNFINISHED));
	err = analysis__read(fd, &options, &report, &status);
	close(fd);
	require(!err || err == -EBADMSG || (err == -ERANGE && options.window), "another error");
	require(err != -EBADMSG || status.damage[0], "refused without a reason");
	if (err)
		return 0;
	check_report(report, &status);
	if (data[0] & RENDERED)
		render(report);
	report__free(report);
	return 0;
}

/* --- seeds --- */

static void add_item(struct bytes *bytes, enum item item, const void *data, size_t size)
{
	uint8_t head[3] = { (uint8_t)item };

	put_le16(head + 1, (uint16_t)size);
	bytes__add(bytes, head, sizeof(head));
	bytes__add(bytes, data, size);
}

/* Takes it. */
static void add_document(struct bytes *bytes, json_t *document)
{
	char *text = json_dumps(document, JSON_COMPACT);

	require(text != NULL, "a document of a seed");
	add_item(bytes, ITEM_DOCUMENT, text, strlen(text));
	free(text);
	json_decref(document);
}

static void add_meta(struct bytes *bytes, enum recording_kind kind)
{
	struct record_meta meta = { .kind = kind, .report = report__new(), .n_modes = 1 };
	json_t *document, *names = json_array();

	meta.modes = calloc(1, sizeof(*meta.modes));
	require(meta.modes && meta.report, "memory");
	strcpy(meta.modes->label, "m");
	meta.report->host.cpus = meta.report->host.cpus_usable = 2;
	meta.report->probes.sched = true;
	meta.report->probes.futex = FUTEX_ALL;
	meta.report->params = json_object();
	document = record_docs__meta(&meta);
	/* Short, for what is changed to matter; 0 is read, 1 is a futex call. */
	json_array_append_new(names, json_string("read"));
	json_array_append_new(names, json_string("futex"));
	json_object_set_new(document, "syscalls", names);
	add_document(bytes, document);
	report__free(meta.report);
	record_meta__free(&meta);
}

static void add_thread(struct bytes *bytes, uint32_t id, uint64_t start)
{
	struct convoy_ev_birth birth = { .hdr = { CONVOY_EV_BIRTH, 0, id, start },
					 .born_ns = start,
					 .tid = id,
					 .pid = 1,
					 .ns_tid = id,
					 .ns_pid = 1 };
	struct convoy_ev_wait wait = { .hdr = { CONVOY_EV_WAIT,
						CONVOY_F_VOLUNTARY | CONVOY_F_SYSCALL |
							CONVOY_F_FUTEX | CONVOY_F_HOLDER,
						id, start + 400 },
				       .out_ns = start + 100,
				       .waking_ns = start + 300,
				       .word = 0x1000,
				       .op = 128,
				       .val = 2,
				       .nr = 1,
				       .holder = 1 };
	struct convoy_ev_runnable runnable = { .hdr = { CONVOY_EV_RUNNABLE, 0, id, start + 600 },
					       .out_ns = start + 500 };
	struct convoy_ev_futex futex = { .hdr = { CONVOY_EV_FUTEX, 0, id, start + 900 },
					 .word = 0x1000,
					 .waits = 4,
					 .eagain = 2,
					 .wakes = 1 };
	struct convoy_ev_death death = { .hdr = { CONVOY_EV_DEATH, CONVOY_F_VOLUNTARY, id,
						  start + 900 },
					 .nvcsw = 2,
					 .nivcsw = 1,
					 .runtime_ns = 500,
					 .tid = id,
					 .pid = 1 };

	add_item(bytes, ITEM_EVENT, &birth, sizeof(birth));
	add_item(bytes, ITEM_EVENT, &wait, sizeof(wait));
	add_item(bytes, ITEM_EVENT, &runnable, sizeof(runnable));
	add_item(bytes, ITEM_EVENT, &futex, sizeof(futex));
	add_item(bytes, ITEM_EVENT, &death, sizeof(death));
}

/* Found at the start, still there at the end. */
static void add_lasting(struct bytes *bytes, uint32_t id, uint64_t start)
{
	struct convoy_ev_seen seen = { .hdr = { CONVOY_EV_SEEN, 0, id, start },
				       .nvcsw = 3,
				       .tid = id,
				       .pid = 1,
				       .ns_tid = id,
				       .ns_pid = 1,
				       .state = CONVOY_SEEN_BLOCKED };
	struct convoy_ev_holder holder = { .hdr = { CONVOY_EV_HOLDER, 0, id, start },
					   .word = 0x1000,
					   .holder = 1 };
	struct convoy_ev_wait open = { .hdr = { CONVOY_EV_OPEN,
						CONVOY_F_SINCE_BEFORE | CONVOY_F_VOLUNTARY, id, 0 },
				       .out_ns = start - 50 };
	struct convoy_ev_death alive = {
		.hdr = { CONVOY_EV_ALIVE, 0, id, start + 1010 }, .nvcsw = 3, .tid = id, .pid = 1
	};

	add_item(bytes, ITEM_EVENT, &seen, sizeof(seen));
	add_item(bytes, ITEM_EVENT, &holder, sizeof(holder));
	add_document(bytes, record_docs__stop(start + 1000));
	add_item(bytes, ITEM_EVENT, &open, sizeof(open));
	add_item(bytes, ITEM_EVENT, &alive, sizeof(alive));
}

static void add_round(struct bytes *bytes, uint32_t id, uint64_t start, bool lasting, json_t *work)
{
	struct record_round round = { .mode = "m", .start_ns = start, .first_id = id - 1 };
	struct record_round_end end = { .measured = true,
					.end_ns = start + 1000,
					.has_usage = true,
					.tool_cpu_ns = 5,
					.work = work };
	const struct word_info infos[] = {
		{ 1, 0x2000, 64, LOCK_MUTEX, LOCK_ROLE_ACQUIRE, false, "o", "n", "f+0x1", "R 1" },
		{ 1, 0x2008, 4, LOCK_UNKNOWN, LOCK_ROLE_GUARD, true, "", "", "", "" },
	};
	const struct runtime_info runtime = { 1, "R", "1", GIL_PRESENT, "h" };
	struct lock_table *locks = calloc(1, sizeof(*locks));

	require(locks != NULL, "memory");
	locks->entries[0] = (struct lock_entry){
		.ready = 1, .pid = 1, .address = 0x1000, .size = 8, .kind = LOCK_GIL, .name = "GIL"
	};
	add_document(bytes, record_docs__round(&round));
	add_document(bytes, record_docs__locks(locks, 0, 1));
	add_document(bytes, record_docs__words(infos, 2));
	add_document(bytes, record_docs__runtime(&runtime));
	add_thread(bytes, id, start);
	add_thread(bytes, id + 1, start + 20);
	if (lasting)
		add_lasting(bytes, id + 2, start);
	add_document(bytes, record_docs__round_end(&end));
	json_decref(work);
	free(locks);
}

static json_t *work_of(int tid)
{
	return json_pack("{s:s, s:[{s:s, s:s, s:i, s:i, s:i, s:i, s:b}], s:[{s:i, s:i, s:i, s:i, "
			 "s:{s:i}, s:{s:i, s:i}}], s:{s:i}}",
			 "schema", "convoy.work/1", "tasks", "name", "fib", "result", "1", "pid", 1,
			 "tid", tid, "start_ns", 5000, "end_ns", 5100, "ok", 1, "threads", "pid", 1,
			 "tid", tid, "start_ns", 5000, "end_ns", 5100, "lock", "wait_ns", 10,
			 "schedstat", "run_ns", 3, "run_delay_ns", 4, "metrics", "rate", 7);
}

void fuzz__seeds(fuzz_seed_fn fn, void *ctx)
{
	static const uint8_t asked[] = { 0, RENDERED, UNFINISHED | RENDERED, ASK_PART,
					 ASK_PART | ASK_TO | 0x20 };
	const struct record_end record_end = { .command_status = -1 };

	for (size_t i = 0; i < 3 * sizeof(asked); i++) {
		enum recording_kind kind = (enum recording_kind)(i % 3);
		struct bytes bytes = { 0 };

		bytes__add(&bytes, &asked[i / 3], 1);
		add_meta(&bytes, kind);
		add_round(&bytes, 1, 5000, kind == RECORDING_OF_TARGETS,
			  kind == RECORDING_OF_RUN ? work_of(1) : NULL);
		if (kind == RECORDING_OF_RUN)
			add_round(&bytes, 4, 9000, false, work_of(4));
		add_document(&bytes, record_docs__end(&record_end));
		fn(ctx, bytes.at, bytes.size);
		bytes__free(&bytes);
	}
}
