/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * doctor_fixture.h - machines and users made by hand, and what must hold of every diagnosis.
 */
#ifndef CONVOY_TESTS_DOCTOR_FIXTURE_H
#define CONVOY_TESTS_DOCTOR_FIXTURE_H

#include <linux/capability.h>
#include <stdbool.h>

#include "user/doctor.h"

#define CAP(name) (1ull << (name))

/* Root on a current machine, where nothing is missing; a user without any capability on it. */
struct doctor_facts all_well(void);
struct doctor_facts nobody(void);

/* Judged, with what must hold of every diagnosis. */
struct diagnosis judged(const struct doctor_facts *facts);

/* The check with that id, which there must be. */
const struct doctor_check *check_of(const struct diagnosis *diagnosis, const char *id);
bool is_required(const struct doctor_check *check);
/* That check has that state, and something to do with `detail`. */
void expect(const struct diagnosis *diagnosis, const char *id, enum doctor_state state,
	    const char *detail);
/* Nothing but these is not ok; NULL ends them. */
void expect_only(const struct diagnosis *diagnosis, const char *const *ids);
#define ONLY(...) ((const char *const[]){ __VA_ARGS__, NULL })

/* Valid until the next call. */
char *why_not(const struct diagnosis *diagnosis, enum doctor_work work);
/* As a person sees it; to be freed. */
char *as_text(const struct diagnosis *diagnosis, unsigned width);

#endif /* CONVOY_TESTS_DOCTOR_FIXTURE_H */
