/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * why_words.h - words and lists that the sentences of `convoy why` are made of, and its
 * rules. Private to why*.c.
 */
#ifndef CONVOY_WHY_WORDS_H
#define CONVOY_WHY_WORDS_H

#include "why_facts.h"

#define WHY_WORD 640		/* room for one name or number */

/* Each writes to `buf` (WHY_WORD bytes) and returns it. */
const char *why__percent(char *buf, double share);
const char *why__duration(char *buf, double ns);
/* A text from outside, made harmless for a terminal that shows UTF-8. */
const char *why__harmless(char *buf, const char *text, size_t max);
/* "CPython 3.11.7" */
const char *why__runtime(char *buf, const struct report_runtime *runtime);
/* A name from outside in quotes, harmless. */
const char *why__quoted(char *buf, const char *name, size_t max);
/* A thread by its name, with its TID where others are called the same. */
const char *why__thread(const struct why_facts *facts, char *buf,
			const struct report_thread *thread);
/* "the lock 'db' of app", "an unnamed mutex", "the GIL of CPython 3.13" */
const char *why__lock(char *buf, const struct report_lock *lock);

/* "asleep", "waiting for I/O": what a thread did. */
const char *why__doing(enum account account);

/* "44 % of their time waiting for a lock, 20 % running" of the busy threads. */
void why__say_spent(const struct why_facts *facts, FILE *out);

/*
 * "'main', 6 x 'worker' and 2 more" of the threads that the test is true of. `arg` is
 * passed on.
 */
void why__say_threads(const struct why_facts *facts, why_test test, enum account arg, FILE *out);

/* "4 for work, 2 for I/O" of the idle threads. */
void why__say_idle(const struct why_facts *facts, FILE *out);

/* One way in which a process can be slow, or not slow at all. */
struct why_rule {
	const char *name;
	bool decisive;		/* where it applies, no other rule is asked */
	bool complete;		/* says itself where the time went */
	/* 0: it does not apply; else how much of the busy threads' time it explains, 0..1. */
	double (*weigh)(const struct why_facts *facts);
	/* Sentences, each with its full stop; then what to try, without "Try: " ("" : none). */
	void (*say)(const struct why_facts *facts, FILE *out);
	void (*advise)(const struct why_facts *facts, FILE *out);
};

/* The rule to follow. Never NULL: the last one of the table always applies. */
const struct why_rule *why_rule__choose(const struct why_facts *facts);

#endif /* CONVOY_WHY_WORDS_H */
