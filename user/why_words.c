// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * why_words.c - words and lists that the sentences of `convoy why` are made of.
 */
#include "why_words.h"

#include <stdlib.h>
#include <string.h>

#include "contention.h"
#include "outside.h"

#define MOST_NAMES 3		/* in a list of threads */
#define MOST_ITEMS 4		/* in a list of what time was spent on */

const char *why__percent(char *buf, double share)
{
	double value = share * 100;

	if (value > 0 && value < 0.1)
		snprintf(buf, WHY_WORD, "less than 0.1 %%");
	else
		snprintf(buf, WHY_WORD, "%.*f %%", value > 0 && value < 9.95 ? 1 : 0, value);
	return buf;
}

const char *why__duration(char *buf, double ns)
{
	static const struct {
		double from;
		const char *unit;
	} units[] = { { 1e9, "s" }, { 1e6, "ms" }, { 1e3, "us" }, { 1, "ns" } };
	size_t i = 0;

	while (i < 3 && ns < units[i].from)
		i++;
	ns /= units[i].from;
	snprintf(buf, WHY_WORD, "%.*f %s",
		 i == 3 || ns >= 99.5 ? 0 :
		 ns >= 9.95	      ? 1 :
					2,
		 ns, units[i].unit);
	return buf;
}

/* A name from outside, made harmless for a terminal that shows UTF-8. */
static const char *harmless(char *buf, size_t size, const char *name, size_t max)
{
	outside__terminal(buf, size, name, max, true);
	return buf;
}

const char *why__harmless(char *buf, const char *text, size_t max)
{
	return harmless(buf, WHY_WORD, text, max);
}

const char *why__runtime(char *buf, const struct report_runtime *runtime)
{
	char name[4 * sizeof(runtime->name) + 1], version[4 * sizeof(runtime->version) + 1];

	harmless(name, sizeof(name), runtime->name, sizeof(runtime->name));
	harmless(version, sizeof(version), runtime->version, sizeof(runtime->version));
	snprintf(buf, WHY_WORD, "%s%s%s", name, version[0] ? " " : "", version);
	return buf;
}

const char *why__quoted(char *buf, const char *name, size_t max)
{
	char safe[WHY_WORD - 3];

	snprintf(buf, WHY_WORD, "'%s'", harmless(safe, sizeof(safe), name, max));
	return buf;
}

static bool same_comm(const struct report_thread *a, const struct report_thread *b)
{
	return !strncmp(a->comm, b->comm, sizeof(a->comm));
}

const char *why__thread(const struct why_facts *facts, char *buf,
			const struct report_thread *thread)
{
	why__quoted(buf, thread->comm, sizeof(thread->comm));
	for (size_t i = 0; i < facts->mode->n_threads; i++) {
		const struct report_thread *other = &facts->mode->threads[i];
		size_t length = strlen(buf);

		if (other == thread || !same_comm(other, thread))
			continue;
		snprintf(buf + length, WHY_WORD - length, " (TID %u)", thread->tid);
		break;
	}
	return buf;
}

const char *why__lock(char *buf, const struct report_lock *lock)
{
	char name[4 * sizeof(lock->name) + 1], runtime[4 * sizeof(lock->runtime) + 1];
	size_t length;

	harmless(name, sizeof(name), lock->name, sizeof(lock->name));
	harmless(runtime, sizeof(runtime), lock->runtime, sizeof(lock->runtime));
	length = strlen(name);
	if (lock->kind == LOCK_GIL) {
		/* "GIL", or "GIL of CPython 3.13" already */
		bool named = report_lock__names_runtime(lock);

		snprintf(buf, WHY_WORD, "the %s%s%s", length ? name : "GIL",
			 runtime[0] && !named ? " of " : "", named ? "" : runtime);
	} else if (length > 2 && name[0] == '(' && name[length - 1] == ')') {
		/* "(unnamed mutex)": may be several, which is said elsewhere */
		snprintf(buf, WHY_WORD, "%s %.*s", strchr("aeiou", name[1]) ? "an" : "a",
			 (int)length - 2, name + 1);
	} else if (lock->kind == LOCK_KERNEL) {
		snprintf(buf, WHY_WORD, "the kernel's %s", length ? name : "own lock");
	} else if (!length) {
		snprintf(buf, WHY_WORD, "a lock without a name");
	} else {
		snprintf(buf, WHY_WORD, "the lock '%s'%s%s", name, runtime[0] ? " of " : "",
			 runtime);
	}
	return buf;
}

const char *why__doing(enum account account)
{
	static const char *const words[ACCOUNT_COUNT] = {
		[ACCOUNT_RUNNING] = "running",
		[ACCOUNT_PREEMPTED] = "ready to run without a CPU",
		[ACCOUNT_WAKEUP] = "ready to run without a CPU",
		[ACCOUNT_LOCK] = "waiting for a lock",
		[ACCOUNT_COND] = "waiting for work",
		[ACCOUNT_JOIN] = "waiting for threads to end",
		[ACCOUNT_SLEEP] = "asleep",
		[ACCOUNT_IO] = "waiting for I/O",
		[ACCOUNT_DISK] = "waiting for the disk",
		[ACCOUNT_CHILD] = "waiting for child processes",
		[ACCOUNT_FAULT] = "blocked in page faults",
		[ACCOUNT_STOPPED] = "stopped",
		[ACCOUNT_OTHER] = "blocked in other system calls",
	};

	return words[account];
}

struct item {
	double share;
	enum account account;
};

static int compare_items(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	if (x->share != y->share)
		return x->share < y->share ? 1 : -1;
	return (int)x->account - (int)y->account;
}

void why__say_spent(const struct why_facts *facts, FILE *out)
{
	struct item items[ACCOUNT_COUNT];
	size_t n = facts->mode->n_threads;
	const char *whose = n && n - (facts->all_idle ? 0 : facts->n_idle) == 1 ? "its" : "their";
	char buf[WHY_WORD];
	size_t said = 0;

	for (enum account a = 0; a < ACCOUNT_COUNT; a++)
		items[a] = (struct item){ why_facts__share(facts, a), a };
	/* Both are the same to whoever waits for a CPU. */
	items[ACCOUNT_PREEMPTED].share += items[ACCOUNT_WAKEUP].share;
	items[ACCOUNT_WAKEUP].share = 0;
	qsort(items, ACCOUNT_COUNT, sizeof(items[0]), compare_items);
	for (size_t i = 0; i < MOST_ITEMS; i++) {
		if (said && items[i].share < WORTH_SAYING)
			break;
		fprintf(out, "%s%s", said ? ", " : "", why__percent(buf, items[i].share));
		if (!said)
			fprintf(out, " of %s time", whose);
		fprintf(out, " %s", why__doing(items[i].account));
		said++;
	}
}

void why__say_threads(const struct why_facts *facts, why_test test, enum account arg, FILE *out)
{
	const struct report_thread *first[MOST_NAMES];
	size_t times[MOST_NAMES] = { 0 }, n = 0, more = 0;
	char buf[WHY_WORD];

	for (size_t i = 0; i < facts->mode->n_threads; i++) {
		const struct report_thread *thread = &facts->mode->threads[i];
		size_t at = 0;

		if (!test(thread, arg))
			continue;
		while (at < n && !same_comm(first[at], thread))
			at++;
		if (at == MOST_NAMES) {
			more++;
			continue;
		}
		if (at == n)
			first[n++] = thread;
		times[at]++;
	}
	for (size_t i = 0; i < n; i++) {
		if (i)
			fputs(i + 1 == n && !more ? " and " : ", ", out);
		if (times[i] > 1)
			fprintf(out, "%zu x ", times[i]);
		fputs(why__quoted(buf, first[i]->comm, sizeof(first[i]->comm)), out);
	}
	if (more)
		fprintf(out, " and %zu more", more);
}

void why__say_idle(const struct why_facts *facts, FILE *out)
{
	static const struct {
		enum account account;
		const char *words;
	} reasons[] = {
		{ ACCOUNT_COND, "for work" },
		{ ACCOUNT_IO, "for I/O" },
		{ ACCOUNT_SLEEP, "for time to pass" },
		{ ACCOUNT_JOIN, "for threads to end" },
		{ ACCOUNT_CHILD, "for child processes" },
		{ ACCOUNT_OTHER, "in other system calls" },
	};
	bool said = false;

	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		size_t n = facts->idle_for[reasons[i].account];

		if (!n)
			continue;
		fprintf(out, "%s%zu %s", said ? ", " : "", n, reasons[i].words);
		said = true;
	}
}
