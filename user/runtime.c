/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * runtime.c - the runtimes that are known; one row each.
 */
#include "runtime.h"

#include "runtime_cpython.h"
#include "runtime_pypy.h"
#include "runtime_ruby.h"

const struct runtime *const runtimes[] = {
	&runtime_cpython,
	&runtime_pypy,
	&runtime_ruby,
	NULL,
};
