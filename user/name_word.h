/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * name_word.h - one stack of a thread that waits on a futex word: which lock that is.
 */
#ifndef CONVOY_NAME_WORD_H
#define CONVOY_NAME_WORD_H

#include <stddef.h>
#include <stdint.h>

#include "address_space.h"
#include "bpf/events.h"
#include "runtime.h"
#include "words.h"

#define WORD_FRAMES_MAX 12

struct word_frame {
	uint64_t pc;
	const char *function;	/* "": not known */
	uint64_t offset;	/* in the function, or in the file where that is not known */
	const char *path;	/* of the module; "": of none */
	struct elf_file *file;	/* NULL: cannot be read */
};

/* Where it stands, the innermost first. Valid until the files of others are asked for. */
struct word_frames {
	size_t n;
	struct word_frame frames[WORD_FRAMES_MAX];
};

void name_word__frames(struct word_frames *frames, struct address_space *space,
		       struct elf_cache *cache, const struct convoy_ev_stack *stack,
		       const struct process_view *view);

/* What the functions say: kind, foreign and site. The rest of *info stays as it is. */
void name_word__site(struct word_info *info, const struct word_frames *frames,
		     const struct convoy_ev_stack *stack);

/*
 * What the address says, once name_word__site() has filled in the kind: pid, address and size
 * of all of it, object and name.
 */
void name_word__place(struct word_info *info, const struct word_frames *frames,
		      struct address_space *space, struct elf_cache *cache,
		      const struct convoy_ev_stack *stack);

#endif /* CONVOY_NAME_WORD_H */
