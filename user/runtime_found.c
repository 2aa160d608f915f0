// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * runtime_found.c - what finding a runtime fills in, the same for all of them.
 */
#include <stdio.h>

#include "runtime.h"

int runtime_found__unknown(struct runtime_found *found, const char *hint)
{
	found->info.gil = GIL_UNKNOWN;
	snprintf(found->info.hint, sizeof(found->info.hint), "%s", hint);
	return 0;
}

struct word_info *runtime_found__add_word(struct runtime_found *found, const char *what,
					  uint64_t lock, uint64_t address, size_t size,
					  enum lock_role role)
{
	struct word_info *info;

	if (found->n_words >= RUNTIME_WORDS_MAX)
		return NULL;
	info = &found->words[found->n_words++];
	*info = (struct word_info){
		.pid = found->info.pid,
		.address = address,
		.size = (uint32_t)size,
		.kind = LOCK_GIL,
		.role = role,
	};
	snprintf(info->object, sizeof(info->object), "%s:%u:%llx", what, found->info.pid,
		 (unsigned long long)lock);
	return info;
}
