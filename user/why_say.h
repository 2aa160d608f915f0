/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * why_say.h - what each rule of `convoy why` says and advises. Private to why*.c.
 */
#ifndef CONVOY_WHY_SAY_H
#define CONVOY_WHY_SAY_H

#include "why_words.h"

typedef void why_say_fn(const struct why_facts *facts, FILE *out);

why_say_fn why_say__nothing, why_advise__nothing;
why_say_fn why_say__stopped, why_advise__stopped;
why_say_fn why_say__deadlock, why_advise__deadlock;
why_say_fn why_say__blocked, why_say__idle, why_say__waiting, why_say__sleep, why_advise__waits;
why_say_fn why_say__polling, why_advise__polling;
why_say_fn why_say__gil, why_advise__gil;
why_say_fn why_say__lock, why_advise__lock;
why_say_fn why_say__unknown, why_advise__unknown;
why_say_fn why_say__queue, why_advise__queue;
why_say_fn why_say__paging, why_advise__paging;
why_say_fn why_say__io, why_advise__io;
why_say_fn why_say__spinning, why_advise__spinning;
why_say_fn why_say__serial, why_advise__serial;
why_say_fn why_say__compute, why_advise__compute;
why_say_fn why_say__child, why_advise__child;
why_say_fn why_say__other, why_say__mixed, why_advise__other;

#endif /* CONVOY_WHY_SAY_H */
