// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "classify.h"
#include "outside.h"
#include "record_docs.h"
#include "record_docs_json.h"

static const char *const types[] = {
	[RECORD_DOC_META] = "meta",	  [RECORD_DOC_ROUND] = "round",
	[RECORD_DOC_LOCKS] = "locks",	  [RECORD_DOC_WORDS] = "words",
	[RECORD_DOC_RUNTIME] = "runtime", [RECORD_DOC_STOP] = "stop",
	[RECORD_DOC_LOSS] = "loss",	  [RECORD_DOC_ROUND_END] = "round_end",
	[RECORD_DOC_END] = "end",
};
#define N_TYPES (sizeof(types) / sizeof(*types))

static const char *const kinds[] = {
	[RECORDING_OF_RUN] = "run",
	[RECORDING_OF_COMMAND] = "command",
	[RECORDING_OF_TARGETS] = "targets",
};

static const char *const futexes[] = {
	[FUTEX_NONE] = "none",
	[FUTEX_BLOCKING] = "blocking",
	[FUTEX_ALL] = "all",
};

static const char *const roles[] = {
	[LOCK_ROLE_ACQUIRE] = "acquire",
	[LOCK_ROLE_GUARD] = "guard",
	[LOCK_ROLE_ACK] = "ack",
};

size_t record_docs__index_of(const char *const *words, size_t n, const char *word)
{
	size_t i = 0;

	while (i < n && (!words[i] || !word || strcmp(words[i], word)))
		i++;
	return i;
}

const char *record_docs__type_name(int type)
{
	return types[type];
}

enum record_doc record_docs__type(const json_t *document)
{
	const char *type = json_string_value(json_object_get(document, "type"));
	size_t i = record_docs__index_of(types, N_TYPES, type);

	return i < N_TYPES ? (enum record_doc)i : RECORD_DOC_OTHER;
}

json_t *record_docs__bytes(const char *text, size_t size)
{
	size_t n = strnlen(text, size);
	char *valid = outside__utf8(text, n), *hex;
	json_t *json = NULL;

	if (!valid)
		return NULL;
	if (strlen(valid) == n && !memcmp(valid, text, n)) {
		json = json_string_nocheck(valid);
		free(valid);
		return json;
	}
	free(valid);
	hex = malloc(2 * n + 1);
	if (!hex)
		return NULL;
	for (size_t i = 0; i < n; i++)
		sprintf(hex + 2 * i, "%02x", (unsigned char)text[i]);
	json = json_pack("{s:s}", "hex", hex);
	free(hex);
	return json;
}

/* -1: it is none. */
static int hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

bool record_docs__to_bytes(const json_t *json, char *text, size_t size)
{
	const char *hex = json_string_value(json_object_get(json, "hex"));
	size_t n = 0;

	text[0] = '\0';
	if (json_is_string(json)) {
		snprintf(text, size, "%s", json_string_value(json));
		return true;
	}
	if (!hex)
		return false;
	for (; hex[0] && hex[1] && n + 1 < size; hex += 2) {
		int high = hex_digit(hex[0]), low = hex_digit(hex[1]);

		if (high < 0 || low < 0)
			return false;
		text[n++] = (char)(high << 4 | low);
	}
	text[n] = '\0';
	return true;
}

#define BYTES(array) record_docs__bytes(array, sizeof(array))
#define TO_BYTES(json, array) record_docs__to_bytes(json, array, sizeof(array))

static json_t *maybe(struct maybe value)
{
	return value.known ? json_real(value.value) : json_null();
}

static struct maybe to_maybe(const json_t *json)
{
	return json_is_number(json) ? (struct maybe){ true, json_number_value(json) } :
				      (struct maybe){ 0 };
}

uint64_t record_docs__u64(const json_t *json)
{
	return json_is_integer(json) && json_integer_value(json) > 0 ?
		       (uint64_t)json_integer_value(json) :
		       0;
}

uint32_t record_docs__u32(const json_t *json)
{
	uint64_t value = record_docs__u64(json);

	return value < UINT32_MAX ? (uint32_t)value : UINT32_MAX;
}

const char *record_docs__role_name(enum lock_role role)
{
	return roles[role <= LOCK_ROLE_ACK ? role : LOCK_ROLE_ACQUIRE];
}

enum lock_role record_docs__role(const json_t *json)
{
	size_t n = sizeof(roles) / sizeof(*roles);
	size_t r = record_docs__index_of(roles, n, json_string_value(json));

	return r < n ? (enum lock_role)r : LOCK_ROLE_ACQUIRE;
}

enum lock_kind record_docs__kind(const json_t *json)
{
	const char *kind = json_string_value(json);
	unsigned k = 0;

	while (k < LOCK_KIND_COUNT && kind && strcmp(lock_kind__name((enum lock_kind)k), kind))
		k++;
	return kind && k < LOCK_KIND_COUNT ? (enum lock_kind)k : LOCK_UNKNOWN;
}

/* --- META --- */

static json_t *interpreter_json(const struct report_interpreter *interpreter)
{
	return json_pack("{s:o, s:o, s:o, s:o}", "name", BYTES(interpreter->name), "implementation",
			 BYTES(interpreter->implementation), "version", BYTES(interpreter->version),
			 "path", BYTES(interpreter->path));
}

/* What runs in none has no such key. */
static json_t *mode_json(const struct record_mode *mode)
{
	json_t *command = mode->command ? json_array() : json_null(), *json;

	for (char **word = mode->command; word && *word; word++)
		json_array_append_new(command, record_docs__bytes(*word, SIZE_MAX));
	json = json_pack("{s:o, s:o}", "label", BYTES(mode->label), "command", command);
	if (mode->interpreter.name[0])
		json_object_set_new(json, "interpreter", interpreter_json(&mode->interpreter));
	return json;
}

static json_t *modes_json(const struct record_meta *meta)
{
	json_t *modes = json_array();

	for (size_t i = 0; i < meta->n_modes; i++)
		json_array_append_new(modes, mode_json(&meta->modes[i]));
	return modes;
}

json_t *record_docs__meta(const struct record_meta *meta)
{
	const struct report *report = meta->report;
	json_t *host, *probes;

	host = json_pack("{s:o, s:o, s:I, s:I, s:o, s:o}", "kernel", BYTES(report->host.kernel),
			 "arch", BYTES(report->host.arch), "cpus", (json_int_t)report->host.cpus,
			 "cpus_usable", (json_int_t)report->host.cpus_usable, "cpu_model",
			 BYTES(report->host.cpu_model), "virt", BYTES(report->host.virt));
	probes = json_pack("{s:b, s:s, s:b, s:o}", "sched", report->probes.sched, "futex",
			   futexes[report->probes.futex], "stacks", report->probes.stacks, "note",
			   BYTES(report->probes.note));
	return json_pack("{s:s, s:s, s:{s:s, s:s}, s:o, s:{s:s, s:I, s:I}, s:o, s:o, s:o, s:o, "
			 "s:I, s:O?, s:b, s:o, s:o}",
			 "type", types[RECORD_DOC_META], "kind", kinds[meta->kind], "tool", "name",
			 "convoy", "version", report->version, "command_line",
			 BYTES(report->command_line), "clock", "name", "CLOCK_MONOTONIC", "ns",
			 (json_int_t)meta->monotonic_ns, "realtime_ns",
			 (json_int_t)meta->realtime_ns, "host", host, "probes", probes, "job",
			 BYTES(report->job), "reference", BYTES(report->reference), "workers",
			 (json_int_t)report->workers, "params", report->params, "allow_loss",
			 report->allow_loss, "modes", modes_json(meta), "syscalls",
			 syscalls__to_json(syscalls__native()));
}

static int read_command(const json_t *words, char ***command)
{
	size_t n = json_array_size(words);

	*command = NULL;
	if (!json_is_array(words))
		return 0;
	*command = calloc(n + 1, sizeof(**command));
	if (!*command)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const json_t *word = json_array_get(words, i);
		const char *hex = json_string_value(json_object_get(word, "hex"));
		size_t room = json_is_string(word) ? json_string_length(word) + 1 :
			      hex		   ? strlen(hex) / 2 + 1 :
						     1;

		(*command)[i] = malloc(room);
		if (!(*command)[i])
			return -ENOMEM;
		if (!record_docs__to_bytes(word, (*command)[i], room))
			return -EBADMSG;
	}
	return 0;
}

/* One without a name is none. */
static int read_interpreter(const json_t *json, struct report_interpreter *interpreter)
{
	if (!json || json_is_null(json))
		return 0;
	if (!TO_BYTES(json_object_get(json, "name"), interpreter->name) || !interpreter->name[0])
		return -EBADMSG;
	TO_BYTES(json_object_get(json, "implementation"), interpreter->implementation);
	TO_BYTES(json_object_get(json, "version"), interpreter->version);
	TO_BYTES(json_object_get(json, "path"), interpreter->path);
	return 0;
}

#define MOST_MODES 1024		/* more are no modes that anybody named */

static int read_modes(const json_t *modes, struct record_meta *meta)
{
	size_t n = json_array_size(modes);
	int err = 0;

	if (n > MOST_MODES)
		return -EBADMSG;
	meta->modes = calloc(n + 1, sizeof(*meta->modes));
	if (!meta->modes)
		return -ENOMEM;
	for (size_t i = 0; i < n && !err; i++) {
		const json_t *mode = json_array_get(modes, i);
		struct record_mode *to = &meta->modes[meta->n_modes++];

		if (!TO_BYTES(json_object_get(mode, "label"), to->label))
			return -EBADMSG;
		err = read_command(json_object_get(mode, "command"), &to->command);
		if (!err)
			err = read_interpreter(json_object_get(mode, "interpreter"),
					       &to->interpreter);
	}
	return err;
}

int record_docs__read_meta(const json_t *document, struct record_meta *meta)
{
	struct report *report = meta->report;
	const json_t *host = json_object_get(document, "host");
	const json_t *probes = json_object_get(document, "probes");
	const json_t *clock = json_object_get(document, "clock");
	const char *kind = json_string_value(json_object_get(document, "kind"));
	const char *futex = json_string_value(json_object_get(probes, "futex"));
	json_t *params = json_object_get(document, "params");
	size_t k = record_docs__index_of(kinds, sizeof(kinds) / sizeof(*kinds), kind);
	size_t f = record_docs__index_of(futexes, sizeof(futexes) / sizeof(*futexes), futex);
	int err;

	if (k == sizeof(kinds) / sizeof(*kinds) || f == sizeof(futexes) / sizeof(*futexes) ||
	    !json_is_object(host) || !json_is_array(json_object_get(document, "modes")))
		return -EBADMSG;
	meta->kind = (enum recording_kind)k;
	meta->monotonic_ns = record_docs__u64(json_object_get(clock, "ns"));
	meta->realtime_ns = record_docs__u64(json_object_get(clock, "realtime_ns"));
	TO_BYTES(json_object_get(document, "command_line"), report->command_line);
	TO_BYTES(json_object_get(host, "kernel"), report->host.kernel);
	TO_BYTES(json_object_get(host, "arch"), report->host.arch);
	TO_BYTES(json_object_get(host, "cpu_model"), report->host.cpu_model);
	TO_BYTES(json_object_get(host, "virt"), report->host.virt);
	report->host.cpus = record_docs__u32(json_object_get(host, "cpus"));
	report->host.cpus_usable = record_docs__u32(json_object_get(host, "cpus_usable"));
	report->probes.sched = json_is_true(json_object_get(probes, "sched"));
	report->probes.futex = (enum futex_probes)f;
	report->probes.stacks = json_is_true(json_object_get(probes, "stacks"));
	TO_BYTES(json_object_get(probes, "note"), report->probes.note);
	TO_BYTES(json_object_get(document, "job"), report->job);
	TO_BYTES(json_object_get(document, "reference"), report->reference);
	report->workers = record_docs__u32(json_object_get(document, "workers"));
	report->allow_loss = json_is_true(json_object_get(document, "allow_loss"));
	json_decref(report->params);
	report->params = json_is_object(params) ? json_incref(params) : NULL;
	err = read_modes(json_object_get(document, "modes"), meta);
	return err ? err :
		     syscalls__of_json(&meta->syscalls, json_object_get(document, "syscalls"));
}

void record_meta__free(struct record_meta *meta)
{
	for (size_t i = 0; i < meta->n_modes; i++) {
		for (char **word = meta->modes[i].command; word && *word; word++)
			free(*word);
		free(meta->modes[i].command);
	}
	free(meta->modes);
	syscalls__free(meta->syscalls);
	memset(meta, 0, sizeof(*meta));
}

/* --- rounds --- */

json_t *record_docs__round(const struct record_round *round)
{
	return json_pack("{s:s, s:o, s:I, s:I}", "type", types[RECORD_DOC_ROUND], "mode",
			 BYTES(round->mode), "start_ns", (json_int_t)round->start_ns, "first_id",
			 (json_int_t)round->first_id);
}

int record_docs__read_round(const json_t *document, struct record_round *round)
{
	memset(round, 0, sizeof(*round));
	if (!TO_BYTES(json_object_get(document, "mode"), round->mode))
		return -EBADMSG;
	round->start_ns = record_docs__u64(json_object_get(document, "start_ns"));
	round->first_id = record_docs__u32(json_object_get(document, "first_id"));
	return 0;
}

json_t *record_docs__locks(const struct lock_table *table, uint32_t from, uint32_t to)
{
	json_t *entries = json_array();

	for (uint32_t i = from; i < to; i++) {
		struct lock_entry entry;

		/* The work can write to it at any time: the copy is what is believed. */
		memcpy(&entry, &table->entries[i], sizeof(entry));
		if (entry.kind >= LOCK_KIND_COUNT || entry.role > LOCK_ROLE_ACK)
			continue;
		json_array_append_new(entries, json_pack("{s:I, s:I, s:I, s:s, s:s, s:o}", "pid",
							 (json_int_t)entry.pid, "address",
							 (json_int_t)entry.address, "size",
							 (json_int_t)entry.size, "kind",
							 lock_kind__name(entry.kind), "role",
							 record_docs__role_name(entry.role), "name",
							 BYTES(entry.name)));
	}
	return json_pack("{s:s, s:o}", "type", types[RECORD_DOC_LOCKS], "entries", entries);
}

int record_docs__read_locks(const json_t *document, struct lock_table *table)
{
	const json_t *entries = json_object_get(document, "entries"), *from;
	size_t i;

	if (!json_is_array(entries))
		return -EBADMSG;
	json_array_foreach(entries, i, from) {
		const json_t *kind = json_object_get(from, "kind");
		struct lock_entry *entry = &table->entries[table->count];

		if (table->count >= table->capacity)
			break;
		if (!json_is_string(kind) || !TO_BYTES(json_object_get(from, "name"), entry->name))
			return -EBADMSG;
		entry->pid = (int32_t)record_docs__u64(json_object_get(from, "pid"));
		entry->address = (uint64_t)json_integer_value(json_object_get(from, "address"));
		entry->size = record_docs__u32(json_object_get(from, "size"));
		entry->kind = record_docs__kind(kind);
		entry->role = record_docs__role(json_object_get(from, "role"));
		entry->ready = 1;
		table->count++;
	}
	return 0;
}

json_t *record_docs__stop(uint64_t end_ns)
{
	return json_pack("{s:s, s:I}", "type", types[RECORD_DOC_STOP], "end_ns",
			 (json_int_t)end_ns);
}

int record_docs__read_stop(const json_t *document, uint64_t *end_ns)
{
	*end_ns = record_docs__u64(json_object_get(document, "end_ns"));
	return *end_ns ? 0 : -EBADMSG;
}

/* --- LOSS, and as a part of END --- */

static json_t *loss_json(const struct report_loss *loss)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "ring", (json_int_t)loss->ring,
			 "task_state", (json_int_t)loss->task_state, "unmatched",
			 (json_int_t)loss->unmatched, "reads", (json_int_t)loss->reads, "recovered",
			 (json_int_t)loss->recovered, "mappings", (json_int_t)loss->mappings,
			 "words", (json_int_t)loss->words);
}

static void to_loss(const json_t *json, struct report_loss *loss)
{
	loss->ring = record_docs__u64(json_object_get(json, "ring"));
	loss->task_state = record_docs__u64(json_object_get(json, "task_state"));
	loss->unmatched = record_docs__u64(json_object_get(json, "unmatched"));
	loss->reads = record_docs__u64(json_object_get(json, "reads"));
	loss->recovered = record_docs__u64(json_object_get(json, "recovered"));
	loss->mappings = record_docs__u64(json_object_get(json, "mappings"));
	loss->words = record_docs__u64(json_object_get(json, "words"));
}

json_t *record_docs__loss(const struct report_loss *loss)
{
	json_t *document = loss_json(loss);

	if (document &&
	    json_object_set_new(document, "type", json_string(types[RECORD_DOC_LOSS]))) {
		json_decref(document);
		return NULL;
	}
	return document;
}

int record_docs__read_loss(const json_t *document, struct report_loss *loss)
{
	memset(loss, 0, sizeof(*loss));
	if (!json_is_object(document))
		return -EBADMSG;
	to_loss(document, loss);
	return 0;
}

static json_int_t timeval_ns(const struct timeval *tv)
{
	return (json_int_t)tv->tv_sec * 1000000000 + (json_int_t)tv->tv_usec * 1000;
}

static struct timeval to_timeval(const json_t *json)
{
	uint64_t ns = record_docs__u64(json);

	return (struct timeval){ (time_t)(ns / 1000000000u),
				 (suseconds_t)(ns % 1000000000u / 1000u) };
}

json_t *record_docs__round_end(const struct record_round_end *end)
{
	json_t *usage = json_null();

	if (end->has_usage)
		usage = json_pack("{s:I, s:I, s:I, s:I}", "utime_ns",
				  timeval_ns(&end->usage.ru_utime), "stime_ns",
				  timeval_ns(&end->usage.ru_stime), "nvcsw",
				  (json_int_t)end->usage.ru_nvcsw, "nivcsw",
				  (json_int_t)end->usage.ru_nivcsw);
	return json_pack("{s:s, s:b, s:I, s:o, s:I, s:O?}", "type", types[RECORD_DOC_ROUND_END],
			 "measured", end->measured, "end_ns", (json_int_t)end->end_ns, "usage",
			 usage, "tool_cpu_ns", (json_int_t)end->tool_cpu_ns, "work", end->work);
}

int record_docs__read_round_end(const json_t *document, struct record_round_end *end)
{
	const json_t *usage = json_object_get(document, "usage");
	json_t *work = json_object_get(document, "work");

	memset(end, 0, sizeof(*end));
	end->measured = json_is_true(json_object_get(document, "measured"));
	end->end_ns = record_docs__u64(json_object_get(document, "end_ns"));
	end->tool_cpu_ns = record_docs__u64(json_object_get(document, "tool_cpu_ns"));
	end->work = json_is_object(work) ? work : NULL;
	end->has_usage = json_is_object(usage);
	if (end->has_usage) {
		end->usage.ru_utime = to_timeval(json_object_get(usage, "utime_ns"));
		end->usage.ru_stime = to_timeval(json_object_get(usage, "stime_ns"));
		end->usage.ru_nvcsw = (long)record_docs__u64(json_object_get(usage, "nvcsw"));
		end->usage.ru_nivcsw = (long)record_docs__u64(json_object_get(usage, "nivcsw"));
	}
	return 0;
}

/* --- END --- */

json_t *record_docs__end(const struct record_end *end)
{
	json_t *why = end->incomplete_why[0] ? BYTES(end->incomplete_why) : json_null();

	return json_pack("{s:s, s:b, s:o, s:o, s:o, s:o}", "type", types[RECORD_DOC_END],
			 "incomplete", end->incomplete, "loss", loss_json(&end->loss),
			 "stolen_share", maybe(end->stolen_share), "command_status",
			 end->command_status < 0 ? json_null() : json_integer(end->command_status),
			 "incomplete_why", why);
}

int record_docs__read_end(const json_t *document, struct record_end *end)
{
	const json_t *loss = json_object_get(document, "loss");
	const json_t *status = json_object_get(document, "command_status");
	json_int_t command_status = json_is_integer(status) ? json_integer_value(status) : -1;

	memset(end, 0, sizeof(*end));
	if (!json_is_object(loss))
		return -EBADMSG;
	end->incomplete = json_is_true(json_object_get(document, "incomplete"));
	TO_BYTES(json_object_get(document, "incomplete_why"), end->incomplete_why);
	to_loss(loss, &end->loss);
	end->stolen_share = to_maybe(json_object_get(document, "stolen_share"));
	end->command_status = command_status >= 0 && command_status < 256 ? (int)command_status :
									    -1;
	return 0;
}
