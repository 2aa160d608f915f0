/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * runtime_ruby.h - Ruby (the one in C, of ruby-lang.org), as runtime.h wants it.
 */
#ifndef CONVOY_RUNTIME_RUBY_H
#define CONVOY_RUNTIME_RUBY_H

#include "runtime.h"

extern const struct runtime runtime_ruby;

#endif /* CONVOY_RUNTIME_RUBY_H */
