/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * why_fixture.c - reports of one running process, made by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/why_fixture.h"

static struct why_context context_of(const char *name)
{
	return (struct why_context){
		.pid = 4711, .name = name, .seconds = WATCHED_S, .futex = FUTEX_BLOCKING
	};
}

struct report *watched(unsigned cpus)
{
	struct report *report = need(report__new());
	const double wall = WATCHED_NS;

	report->valid = true;
	report->probes.sched = true;
	report->probes.futex = FUTEX_BLOCKING;
	report->host.cpus = report->host.cpus_usable = cpus;
	report->modes = need(calloc(1, sizeof(*report->modes)));
	report->n_modes = 1;
	snprintf(report->modes->mode, sizeof(report->modes->mode), "command");
	report->modes->rounds = 1;
	assert_int_equal(estimate__init(&report->modes->wall_ns, &wall, 1), 0);
	return report;
}

static struct report_thread *add_thread(struct report *report, const char *comm)
{
	struct report_mode *mode = report->modes;
	struct report_thread *thread;

	mode->threads =
		need(realloc(mode->threads, (mode->n_threads + 1) * sizeof(*mode->threads)));
	thread = memset(&mode->threads[mode->n_threads++], 0, sizeof(*thread));
	thread->pid = 1;
	thread->tid = (uint32_t)mode->n_threads;
	memcpy(thread->comm, comm, strnlen(comm, sizeof(thread->comm)));
	thread->lifetime_ns = WATCHED_NS;
	return thread;
}

struct report_thread *add_busy(struct report *report, const char *comm, double often, ...)
{
	struct report_thread *thread = add_thread(report, comm);
	int account, sum = 0;
	va_list list;

	thread->voluntary = (uint64_t)(often * WATCHED_S);
	va_start(list, often);
	while ((account = va_arg(list, int)) >= 0) {
		int share = va_arg(list, int);

		thread->time_ns[account] = WATCHED_NS / 1000 * (unsigned)share;
		sum += share;
	}
	va_end(list);
	assert_int_equal(sum, 1000);
	return thread;
}

struct report_thread *add_stuck(struct report *report, const char *comm, enum account account)
{
	struct report_thread *thread = add_thread(report, comm);

	thread->time_ns[account] = WATCHED_NS;
	thread->since_before = thread->unfinished = true;
	return thread;
}

struct report_lock *add_waited(struct report *report, const char *name, enum lock_kind kind,
			       uint64_t total_ns)
{
	struct report_mode *mode = report->modes;
	struct report_lock *lock;

	mode->locks = need(realloc(mode->locks, (mode->n_locks + 1) * sizeof(*mode->locks)));
	lock = memset(&mode->locks[mode->n_locks++], 0, sizeof(*lock));
	memcpy(lock->name, name, strnlen(name, sizeof(lock->name)));
	lock->kind = kind;
	lock->waits = 1020;
	lock->total_ns = total_ns;
	return lock;
}

void hold(struct report_lock *lock, uint32_t tid, const char *comm, double share)
{
	struct report_holder *holder;

	lock->holders = need(realloc(lock->holders, (lock->n_holders + 1) * sizeof(*holder)));
	holder = memset(&lock->holders[lock->n_holders++], 0, sizeof(*holder));
	holder->tid = tid;
	memcpy(holder->comm, comm, strnlen(comm, sizeof(holder->comm)));
	holder->share = share;
}

/* The sums that metrics would have made. */
static void add_up(struct report_mode *mode)
{
	double cores;

	mode->lifetime_ns = 0;
	memset(mode->time_ns, 0, sizeof(mode->time_ns));
	for (size_t i = 0; i < mode->n_threads; i++) {
		mode->lifetime_ns += mode->threads[i].lifetime_ns;
		for (size_t a = 0; a < ACCOUNT_COUNT; a++)
			mode->time_ns[a] += mode->threads[i].time_ns[a];
	}
	cores = (double)mode->time_ns[ACCOUNT_RUNNING] / WATCHED_NS;
	estimate__free(&mode->cores_used);
	assert_int_equal(estimate__init(&mode->cores_used, &cores, 1), 0);
}

/* What every explanation keeps to. */
static void check(const char *text)
{
	static const char *const unknown[] = { "nan", "inf", " 0 threads", "(null)", "%!" };

	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
		assert_lacks(text, unknown[i]);
	assert_lacks(text, "\n\n");
	assert_contains(text, "\nMore: convoy record -p 4711 -d 10 -o why.rec && "
			      "convoy report why.rec --threads");
	for (const char *c = text; *c; c++)
		if ((unsigned char)*c < 0x20 && *c != '\n')
			fail_msg("byte %#x in:\n%s", *c, text);
	if (getenv("CONVOY_TEST_SHOW"))
		printf("%s\n\n", text);
}

char *explain_as(struct report *report, const char *name)
{
	struct why_context context = context_of(name);
	char *text = NULL;

	add_up(report->modes);
	assert_int_equal(why__explain(report, &context, &text), 0);
	check(need(text));
	return text;
}

char *explain(struct report *report)
{
	return explain_as(report, "app");
}

char *explain_by(struct report *report, const char *rule)
{
	struct why_context context = context_of("app");
	char *text = explain(report);

	assert_string_equal(why__rule(report, &context), rule);
	report__free(report);
	return text;
}
