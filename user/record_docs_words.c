// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <string.h>

#include "classify.h"
#include "record_docs.h"
#include "record_docs_json.h"

static const char *const gils[] = {
	[GIL_UNKNOWN] = "unknown",
	[GIL_PRESENT] = "present",
	[GIL_ABSENT] = "absent",
};
#define N_GILS (sizeof(gils) / sizeof(*gils))

#define BYTES(array) record_docs__bytes(array, sizeof(array))

/* A key that is missing is "", as in what an earlier version wrote. */
static bool to_bytes(const json_t *object, const char *key, char *text, size_t size)
{
	const json_t *json = json_object_get(object, key);

	text[0] = '\0';
	return !json || record_docs__to_bytes(json, text, size);
}

#define TO_BYTES(object, key, array) to_bytes(object, key, array, sizeof(array))

json_t *record_docs__words(const struct word_info *infos, size_t n)
{
	json_t *entries = json_array();

	for (size_t i = 0; i < n; i++) {
		const struct word_info *info = &infos[i];
		enum lock_kind kind = info->kind < LOCK_KIND_COUNT ? info->kind : LOCK_UNKNOWN;

		json_array_append_new(
			entries,
			json_pack("{s:I, s:I, s:I, s:s, s:s, s:b, s:o, s:o, s:o, s:o}", "pid",
				  (json_int_t)info->pid, "address", (json_int_t)info->address,
				  "size", (json_int_t)info->size, "kind", lock_kind__name(kind),
				  "role", record_docs__role_name(info->role), "foreign",
				  info->foreign, "object", BYTES(info->object), "name",
				  BYTES(info->name), "site", BYTES(info->site), "runtime",
				  BYTES(info->runtime)));
	}
	return json_pack("{s:s, s:o}", "type", record_docs__type_name(RECORD_DOC_WORDS), "entries",
			 entries);
}

int record_docs__read_words(const json_t *document, struct words *words)
{
	const json_t *entries = json_object_get(document, "entries"), *from;
	size_t i;

	if (!json_is_array(entries))
		return -EBADMSG;
	json_array_foreach(entries, i, from) {
		const json_t *kind = json_object_get(from, "kind");
		const json_t *address = json_object_get(from, "address");
		struct word_info info = { .kind = record_docs__kind(kind) };
		int err;

		if (!json_is_string(kind) || !json_is_integer(address) ||
		    !TO_BYTES(from, "object", info.object) || !TO_BYTES(from, "name", info.name) ||
		    !TO_BYTES(from, "site", info.site) || !TO_BYTES(from, "runtime", info.runtime))
			return -EBADMSG;
		info.pid = record_docs__u32(json_object_get(from, "pid"));
		info.address = (uint64_t)json_integer_value(address);
		info.size = record_docs__u32(json_object_get(from, "size"));
		info.role = record_docs__role(json_object_get(from, "role"));
		info.foreign = json_is_true(json_object_get(from, "foreign"));
		err = words__add(words, &info);
		if (err)
			return err;
	}
	return 0;
}

json_t *record_docs__runtime(const struct runtime_info *info)
{
	return json_pack("{s:s, s:I, s:o, s:o, s:s, s:o}", "type",
			 record_docs__type_name(RECORD_DOC_RUNTIME), "pid", (json_int_t)info->pid,
			 "name", BYTES(info->name), "version", BYTES(info->version), "gil",
			 gils[info->gil], "hint", BYTES(info->hint));
}

int record_docs__read_runtime(const json_t *document, struct words *words)
{
	const char *gil = json_string_value(json_object_get(document, "gil"));
	size_t g = record_docs__index_of(gils, N_GILS, gil);
	struct runtime_info info = { 0 };

	if (!TO_BYTES(document, "name", info.name) || !info.name[0] ||
	    !TO_BYTES(document, "version", info.version) || !TO_BYTES(document, "hint", info.hint))
		return -EBADMSG;
	info.pid = record_docs__u32(json_object_get(document, "pid"));
	info.gil = g < N_GILS ? (enum gil_state)g : GIL_UNKNOWN;
	return words__add_runtime(words, &info);
}
