// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "classify.h"
#include "record_docs.h"

static const char *const roles[] = {
	[LOCK_ROLE_ACQUIRE] = "acquire",
	[LOCK_ROLE_GUARD] = "guard",
	[LOCK_ROLE_ACK] = "ack",
};

static const char *const gils[] = {
	[GIL_UNKNOWN] = "unknown",
	[GIL_PRESENT] = "present",
	[GIL_ABSENT] = "absent",
};

#define BYTES(array) record_docs__bytes(array, sizeof(array))

json_t *record_docs__words(const struct word_info *infos, size_t n)
{
	json_t *entries = json_array();

	for (size_t i = 0; i < n; i++) {
		const struct word_info *at = &infos[i];

		json_array_append_new(
			entries,
			json_pack("{s:I, s:I, s:I, s:s, s:s, s:b, s:o, s:o, s:o, s:o}", "pid",
				  (json_int_t)at->pid, "address", (json_int_t)at->address, "size",
				  (json_int_t)at->size, "kind", lock_kind__name(at->kind), "role",
				  roles[at->role], "foreign", at->foreign, "object",
				  BYTES(at->object), "name", BYTES(at->name), "site",
				  BYTES(at->site), "runtime", BYTES(at->runtime)));
	}
	return json_pack("{s:s, s:o}", "type", "words", "entries", entries);
}

json_t *record_docs__runtime(const struct runtime_info *info)
{
	return json_pack("{s:s, s:I, s:o, s:o, s:s, s:o}", "type", "runtime", "pid",
			 (json_int_t)info->pid, "name", BYTES(info->name), "version",
			 BYTES(info->version), "gil", gils[info->gil], "hint", BYTES(info->hint));
}
