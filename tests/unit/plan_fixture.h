/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * plan_fixture.h - arguments of `convoy run`, parsed with stderr put aside.
 */
#ifndef CONVOY_TESTS_PLAN_FIXTURE_H
#define CONVOY_TESTS_PLAN_FIXTURE_H

#include "tests/unit/stderr_fixture.h"
#include "user/run_plan.h"

/* argv[0] is "run". */
int parse_argv(struct run_plan *plan, int argc, char **argv);

/* The plan that these arguments give, without a word on stderr; the last is NULL. */
#define take(...) take_args(0, __VA_ARGS__)
struct run_plan take_args(int first, ...) __attribute__((sentinel));

/* -EINVAL, and one line for the user that contains `words`. */
void refuse(const char *words, ...) __attribute__((sentinel));

#endif /* CONVOY_TESTS_PLAN_FIXTURE_H */
