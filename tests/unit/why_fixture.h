/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * why_fixture.h - reports of one running process, made by hand, and what is said of them.
 */
#ifndef CONVOY_TESTS_WHY_FIXTURE_H
#define CONVOY_TESTS_WHY_FIXTURE_H

#include "tests/unit/report_fixture.h"
#include "user/why.h"

#define WATCHED_S 10
#define WATCHED_NS (WATCHED_S * 1000000000ull)

/* A valid report of a process without threads, on so many CPUs. */
struct report *watched(unsigned cpus);

/*
 * One more thread, alive all the time and with as many switches a second as `often`. What
 * follows are pairs of an account and a share per mille of its life, the end is -1.
 * Threads get the TIDs 1, 2, ... Pointers are valid until the next call.
 */
struct report_thread *add_busy(struct report *report, const char *comm, double often, ...);
/* The same, in one wait from the beginning to the end. */
struct report_thread *add_stuck(struct report *report, const char *comm, enum account account);

/* A lock that was waited for in `total_ns`; nobody is known to have held it. */
struct report_lock *add_waited(struct report *report, const char *name, enum lock_kind kind,
			       uint64_t total_ns);
void hold(struct report_lock *lock, uint32_t tid, const char *comm, double share);

/* Adds the threads up and explains them as `name`, PID 4711. The caller frees the text. */
char *explain_as(struct report *report, const char *name);
char *explain(struct report *report);

/* Explains, checks that it was by this rule, and frees the report. */
char *explain_by(struct report *report, const char *rule);

#endif /* CONVOY_TESTS_WHY_FIXTURE_H */
