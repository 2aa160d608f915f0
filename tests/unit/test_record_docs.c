// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * test_record_docs.c - each document of a recording comes back as it was, and one that
 * is anything else is refused or read as not known, never a crash.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "user/record_docs.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

static const char odd[] = "a\xff\xfe\"\\\n\x1b[31m\xc3\xa4\xf0\x9f\x98\x80=";

/* Through text, as in a file. Takes the document. */
static json_t *again(json_t *document)
{
	char *text;
	json_t *read;

	assert_non_null(document);
	text = json_dumps(document, JSON_COMPACT);
	assert_non_null(text);
	read = json_loads(text, 0, NULL);
	assert_non_null(read);
	free(text);
	json_decref(document);
	return read;
}

static void test_bytes(void **state)
{
	char byte[2] = "", text[8];

	(void)state;
	for (int i = 1; i < 256; i++) {
		json_t *json;
		char back[2];

		byte[0] = (char)i;
		json = again(json_pack("[o]", record_docs__bytes(byte, SIZE_MAX)));
		assert_true(record_docs__to_bytes(json_array_get(json, 0), back, sizeof(back)));
		assert_memory_equal(back, byte, 2);
		json_decref(json);
	}
	/* Not NUL-terminated; cut; nothing of the kind. */
	static const char *const no_hex[] = { "zz", "+f", "-1", " f", "f ", "0x", "41g1" };
	json_t *json = record_docs__bytes("abcdefgh", 3);

	assert_string_equal(json_string_value(json), "abc");
	assert_true(record_docs__to_bytes(json, text, 3));
	assert_string_equal(text, "ab");
	json_decref(json);
	json = json_pack("{s:s}", "hex", "ff0");
	assert_true(record_docs__to_bytes(json, text, sizeof(text)));
	assert_string_equal(text, "\xff");
	json_decref(json);
	for (size_t i = 0; i < sizeof(no_hex) / sizeof(*no_hex); i++) {
		json = json_pack("{s:s}", "hex", no_hex[i]);
		assert_false(record_docs__to_bytes(json, text, sizeof(text)));
		json_decref(json);
	}
	assert_false(record_docs__to_bytes(NULL, text, sizeof(text)));
	json = json_integer(5);
	assert_false(record_docs__to_bytes(json, text, sizeof(text)));
	json_decref(json);
}

static void fill_meta(struct record_meta *meta)
{
	char *words[] = { (char *)"sh", (char *)odd, (char *)"" };
	struct report *report = report__new();

	assert_non_null(report);
	memset(meta, 0, sizeof(*meta));
	meta->kind = RECORDING_OF_TARGETS;
	meta->report = report;
	meta->realtime_ns = 1800000000000000000u;
	meta->monotonic_ns = 12345678901u;
	meta->n_modes = 2;
	meta->modes = calloc(2, sizeof(*meta->modes));
	assert_non_null(meta->modes);
	snprintf(meta->modes[0].label, sizeof(meta->modes[0].label), "%s", odd);
	snprintf(meta->modes[1].label, sizeof(meta->modes[1].label), "second");
	meta->modes[1].command = calloc(4, sizeof(char *));
	assert_non_null(meta->modes[1].command);
	for (size_t i = 0; i < 3; i++)
		meta->modes[1].command[i] = strdup(words[i]);
	meta->modes[0].interpreter =
		(struct report_interpreter){ "python3.13t", "CPython", "3.13.0", "" };
	snprintf(meta->modes[0].interpreter.path, sizeof(meta->modes[0].interpreter.path), "%s",
		 odd);
	snprintf(report->version, sizeof(report->version), "1.2");
	snprintf(report->command_line, sizeof(report->command_line), "convoy %s", odd);
	snprintf(report->host.kernel, sizeof(report->host.kernel), "Linux %s", odd);
	snprintf(report->host.arch, sizeof(report->host.arch), "riscv64");
	snprintf(report->host.cpu_model, sizeof(report->host.cpu_model), "model");
	snprintf(report->host.virt, sizeof(report->host.virt), "kvm");
	report->host.cpus = 256;
	report->host.cpus_usable = 3;
	report->probes.sched = true;
	report->probes.futex = FUTEX_BLOCKING;
	report->probes.stacks = true;
	snprintf(report->probes.note, sizeof(report->probes.note), "%s", odd);
	snprintf(report->job, sizeof(report->job), "mixed");
	snprintf(report->reference, sizeof(report->reference), "serial");
	report->workers = 7;
	report->allow_loss = true;
	report->params = json_pack("{s:[i, n]}", "list", 1);
	assert_non_null(report->params);
}

static void test_meta(void **state)
{
	struct record_meta meta, back = { .report = report__new() };
	json_t *document;

	(void)state;
	fill_meta(&meta);
	document = again(record_docs__meta(&meta));
	assert_int_equal(record_docs__type(document), RECORD_DOC_META);
	assert_int_equal(record_docs__read_meta(document, &back), 0);
	assert_int_equal(back.kind, meta.kind);
	assert_int_equal(back.realtime_ns, meta.realtime_ns);
	assert_int_equal(back.monotonic_ns, meta.monotonic_ns);
	assert_int_equal(back.n_modes, 2);
	assert_string_equal(back.modes[0].label, odd);
	assert_null(back.modes[0].command);
	assert_memory_equal(&back.modes[0].interpreter, &meta.modes[0].interpreter,
			    sizeof(meta.modes[0].interpreter));
	assert_string_equal(back.modes[1].interpreter.name, "");
	assert_string_equal(back.modes[1].command[1], odd);
	assert_string_equal(back.modes[1].command[2], "");
	assert_null(back.modes[1].command[3]);
	assert_string_equal(back.report->command_line, meta.report->command_line);
	assert_memory_equal(&back.report->host, &meta.report->host, sizeof(meta.report->host));
	assert_memory_equal(&back.report->probes, &meta.report->probes,
			    sizeof(meta.report->probes));
	assert_string_equal(back.report->job, "mixed");
	assert_string_equal(back.report->reference, "serial");
	assert_int_equal(back.report->workers, 7);
	assert_true(back.report->allow_loss);
	assert_true(json_equal(back.report->params, meta.report->params));
	for (int nr = 0; nr < 400; nr++) {
		const char *name = syscalls__name(syscalls__native(), nr);

		if (name)
			assert_string_equal(syscalls__name(back.syscalls, nr), name);
		else
			assert_null(syscalls__name(back.syscalls, nr));
	}
	json_decref(document);
	report__free(back.report);
	record_meta__free(&back);
	report__free(meta.report);
	record_meta__free(&meta);
}

static void test_round(void **state)
{
	struct record_round round = { .start_ns = INT64_MAX, .first_id = UINT32_MAX }, back;
	json_t *document;

	(void)state;
	snprintf(round.mode, sizeof(round.mode), "%s", odd);
	document = again(record_docs__round(&round));
	assert_int_equal(record_docs__type(document), RECORD_DOC_ROUND);
	assert_int_equal(record_docs__read_round(document, &back), 0);
	assert_memory_equal(&back, &round, sizeof(round));
	json_decref(document);
}

static struct lock_table *new_table(void)
{
	struct lock_table *table = calloc(1, sizeof(*table));

	assert_non_null(table);
	table->capacity = LOCK_TABLE_CAPACITY;
	table->magic = LOCK_TABLE_MAGIC;
	return table;
}

static void test_locks(void **state)
{
	struct lock_table *table = new_table(), *back = new_table();
	json_t *document;
	unsigned n = 0;

	(void)state;
	for (unsigned kind = 0; kind < LOCK_KIND_COUNT; kind++)
		for (unsigned role = 0; role <= LOCK_ROLE_ACK; role++) {
			struct lock_entry *entry = &table->entries[n++];

			entry->ready = 1;
			entry->pid = 4194303;
			entry->address = 0xffffffffff600000u + kind;
			entry->size = UINT32_MAX;
			entry->kind = kind;
			entry->role = role;
			/* All of its room, and no NUL. */
			memset(entry->name, 0xc0 + (int)role, sizeof(entry->name));
		}
	/* The work can write anything there: these are left out. */
	table->entries[n].kind = LOCK_KIND_COUNT;
	table->entries[n + 1].role = 77;
	document = again(record_docs__locks(table, 0, n + 2));
	assert_int_equal(record_docs__type(document), RECORD_DOC_LOCKS);
	assert_int_equal(record_docs__read_locks(document, back), 0);
	assert_int_equal(back->count, n);
	for (unsigned i = 0; i < n; i++) {
		const struct lock_entry *a = &table->entries[i], *b = &back->entries[i];

		assert_int_equal(b->pid, a->pid);
		assert_true(b->address == a->address);
		assert_int_equal(b->size, a->size);
		assert_int_equal(b->kind, a->kind);
		assert_int_equal(b->role, a->role);
		assert_memory_equal(b->name, a->name, sizeof(b->name) - 1);
		assert_int_equal(b->name[sizeof(b->name) - 1], 0);
	}
	/* More than there is room for: what fits. */
	while (back->count < back->capacity)
		assert_int_equal(record_docs__read_locks(document, back), 0);
	assert_int_equal(record_docs__read_locks(document, back), 0);
	assert_int_equal(back->count, back->capacity);
	json_decref(document);
	free(table);
	free(back);
}

static void test_ends(void **state)
{
	struct record_round_end end = { .measured = true,
					.end_ns = 77,
					.has_usage = true,
					.tool_cpu_ns = 99 },
				back;
	struct record_end last = { .incomplete = true,
				   .loss = { 1, 2, 3, 4, 5, 6 },
				   .stolen_share = { true, 0.25 },
				   .command_status = 0 },
			  last_back;
	uint64_t stop;
	json_t *document;

	(void)state;
	end.usage.ru_utime = (struct timeval){ 5, 999999 };
	end.usage.ru_stime = (struct timeval){ 0, 1 };
	end.usage.ru_nvcsw = 12;
	end.usage.ru_nivcsw = 34;
	end.work = json_pack("{s:i}", "x", 1);
	document = again(record_docs__round_end(&end));
	assert_int_equal(record_docs__type(document), RECORD_DOC_ROUND_END);
	assert_int_equal(record_docs__read_round_end(document, &back), 0);
	assert_true(json_equal(back.work, end.work));
	json_decref(end.work);
	end.work = back.work = NULL;
	assert_memory_equal(&back, &end, sizeof(end));
	json_decref(document);

	end.measured = end.has_usage = false;
	document = again(record_docs__round_end(&end));
	assert_int_equal(record_docs__read_round_end(document, &back), 0);
	assert_false(back.measured || back.has_usage || back.work);
	json_decref(document);

	document = again(record_docs__loss(&last.loss));
	assert_int_equal(record_docs__type(document), RECORD_DOC_LOSS);
	assert_int_equal(record_docs__read_loss(document, &last_back.loss), 0);
	assert_memory_equal(&last_back.loss, &last.loss, sizeof(last.loss));
	json_decref(document);

	document = again(record_docs__end(&last));
	assert_int_equal(record_docs__type(document), RECORD_DOC_END);
	assert_int_equal(record_docs__read_end(document, &last_back), 0);
	assert_memory_equal(&last_back.loss, &last.loss, sizeof(last.loss));
	assert_true(last_back.incomplete && last_back.stolen_share.known);
	assert_true(last_back.stolen_share.value == 0.25);
	assert_int_equal(last_back.command_status, 0);
	assert_string_equal(last_back.incomplete_why, "");
	json_decref(document);

	snprintf(last.incomplete_why, sizeof(last.incomplete_why), "%s", odd);
	document = again(record_docs__end(&last));
	assert_int_equal(record_docs__read_end(document, &last_back), 0);
	assert_string_equal(last_back.incomplete_why, odd);
	json_decref(document);

	last.stolen_share.known = false;
	last.command_status = -1;
	document = again(record_docs__end(&last));
	assert_int_equal(record_docs__read_end(document, &last_back), 0);
	assert_false(last_back.stolen_share.known);
	assert_int_equal(last_back.command_status, -1);
	json_decref(document);

	document = again(record_docs__stop(INT64_MAX));
	assert_int_equal(record_docs__type(document), RECORD_DOC_STOP);
	assert_int_equal(record_docs__read_stop(document, &stop), 0);
	assert_true(stop == INT64_MAX);
	json_decref(document);
}

/* Read by all readers; whatever they say, they live. */
static void read_by_all(const json_t *document)
{
	struct record_meta meta = { .report = report__new() };
	struct lock_table *table = new_table();
	struct record_round_end round_end;
	struct record_round round;
	struct record_end end;
	struct words *words;
	uint64_t stop;

	assert_int_equal(words__new(&words), 0);
	record_docs__read_words(document, words);
	record_docs__read_runtime(document, words);
	words__find(words, 7, 0x1000);
	words__free(words);
	record_docs__type(document);
	record_docs__read_meta(document, &meta);
	record_docs__read_round(document, &round);
	record_docs__read_locks(document, table);
	record_docs__read_stop(document, &stop);
	record_docs__read_round_end(document, &round_end);
	record_docs__read_end(document, &end);
	free(table);
	report__free(meta.report);
	record_meta__free(&meta);
}

/* Each value anywhere in `at`, gone or of another type, and back. */
static void damage(json_t *whole, json_t *at)
{
	static const char *const others[] = { "null",
					      "true",
					      "-1",
					      "9223372036854775807",
					      "1e300",
					      "\"x\"",
					      "[]",
					      "[[]]",
					      "{}",
					      "{\"hex\": 5}",
					      "{\"hex\": \"f\"}",
					      "{\"hex\": \"\"}" };
	json_t *keys = json_array(), *key, *value;
	const char *word;
	size_t i, k;

	json_object_foreach(at, word, value)
		json_array_append_new(keys, json_string(word));
	json_array_foreach(keys, k, key) {
		const char *name = json_string_value(key);

		value = json_incref(json_object_get(at, name));
		for (i = 0; i < N(others); i++) {
			json_object_set_new(at, name, json_loads(others[i], JSON_DECODE_ANY, NULL));
			read_by_all(whole);
		}
		json_object_del(at, name);
		read_by_all(whole);
		json_object_set(at, name, value);
		damage(whole, value);
		json_decref(value);
	}
	json_decref(keys);
	json_array_foreach(at, i, value) {
		if (i > 3)
			break; /* the many names of system calls */
		json_incref(value);
		for (k = 0; k < N(others); k++) {
			json_array_set_new(at, i, json_loads(others[k], JSON_DECODE_ANY, NULL));
			read_by_all(whole);
		}
		json_array_set(at, i, value);
		damage(whole, value);
		json_decref(value);
	}
}

static void test_wrong_types(void **state)
{
	struct record_round_end round_end = { .has_usage = true };
	struct lock_table *table = new_table();
	struct record_end end = { 0 };
	struct record_round round = { .mode = "m" };
	const struct word_info word = { .pid = 7, .address = 0x1000, .size = 4, .name = "w" };
	const struct runtime_info runtime = { .pid = 7, .name = "R" };
	struct record_meta meta;

	(void)state;
	fill_meta(&meta);
	json_t *documents[] = {
		record_docs__meta(&meta),	    record_docs__round(&round),
		record_docs__locks(table, 0, 1),    record_docs__stop(5),
		record_docs__round_end(&round_end), record_docs__end(&end),
		record_docs__words(&word, 1),	    record_docs__runtime(&runtime),
	};

	for (size_t i = 0; i < N(documents); i++) {
		assert_non_null(documents[i]);
		damage(documents[i], documents[i]);
		json_decref(documents[i]);
	}
	free(table);
	report__free(meta.report);
	record_meta__free(&meta);
}

/* What makes no sense is refused; what is only missing is not known. */
static void test_refused(void **state)
{
	static const char *const metas[] = {
		"{}",
		"{\"kind\": \"flower\", \"probes\": {\"futex\": \"all\"}, \"host\": {}, \"modes\": []}",
		"{\"kind\": \"run\", \"probes\": {\"futex\": \"some\"}, \"host\": {}, \"modes\": []}",
		"{\"kind\": \"run\", \"probes\": {\"futex\": \"all\"}, \"host\": [], \"modes\": []}",
		"{\"kind\": \"run\", \"probes\": {\"futex\": \"all\"}, \"host\": {}, \"modes\": {}}",
		"{\"kind\": \"run\", \"probes\": {\"futex\": \"all\"}, \"host\": {}, \"modes\": [{}],"
		" \"syscalls\": []}",
		"{\"kind\": \"run\", \"probes\": {\"futex\": \"all\"}, \"host\": {}, \"modes\": ["
		"{\"label\": \"a\", \"command\": [1]}], \"syscalls\": []}",
	};

	(void)state;
	for (size_t i = 0; i < N(metas); i++) {
		struct record_meta meta = { .report = report__new() };
		json_t *document = json_loads(metas[i], 0, NULL);

		assert_non_null(document);
		assert_int_equal(record_docs__read_meta(document, &meta), -EBADMSG);
		json_decref(document);
		report__free(meta.report);
		record_meta__free(&meta);
	}
}

/* A number that has no room is the largest that has: never one that looks right. */
static void test_out_of_range(void **state)
{
	struct record_meta meta = { .report = report__new() };
	json_t *document = json_loads(
		"{\"kind\": \"run\", \"probes\": {\"futex\": \"all\"}, \"modes\": [], \"syscalls\": [],"
		" \"host\": {\"cpus\": 4294967298, \"cpus_usable\": -3}, \"workers\": 4294967296}",
		0, NULL);
	struct record_end end;

	(void)state;
	assert_non_null(document);
	assert_int_equal(record_docs__read_meta(document, &meta), 0);
	assert_int_equal(meta.report->host.cpus, UINT32_MAX);
	assert_int_equal(meta.report->host.cpus_usable, 0);
	assert_int_equal(meta.report->workers, UINT32_MAX);
	json_decref(document);
	report__free(meta.report);
	record_meta__free(&meta);
	document =
		json_loads("{\"loss\": {\"ring\": -5}, \"command_status\": 4294967296}", 0, NULL);
	assert_int_equal(record_docs__read_end(document, &end), 0);
	assert_int_equal(end.loss.ring, 0);
	assert_int_equal(end.command_status, -1);
	json_decref(document);
}

static void test_unknown(void **state)
{
	static const char *const documents[] = { "{}", "{\"type\": 5}", "{\"type\": \"weather\"}",
						 "[]", "5" };

	(void)state;
	for (size_t i = 0; i < N(documents); i++) {
		json_t *document = json_loads(documents[i], JSON_DECODE_ANY, NULL);

		assert_int_equal(record_docs__type(document), RECORD_DOC_OTHER);
		read_by_all(document);
		json_decref(document);
	}
	assert_int_equal(record_docs__type(NULL), RECORD_DOC_OTHER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes),	    cmocka_unit_test(test_meta),
		cmocka_unit_test(test_round),	    cmocka_unit_test(test_locks),
		cmocka_unit_test(test_ends),	    cmocka_unit_test(test_wrong_types),
		cmocka_unit_test(test_refused),	    cmocka_unit_test(test_out_of_range),
		cmocka_unit_test(test_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
