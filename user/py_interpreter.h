/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * py_interpreter.h - which Python runs a script.
 */
#ifndef CONVOY_PY_INTERPRETER_H
#define CONVOY_PY_INTERPRETER_H

#include "interpreter.h"
#include "py_plan.h"
#include "shebang.h"

/*
 * Find the one that the user's shell would take: -i, else what the script's first line names,
 * else python3, else python of the user's PATH. It becomes the only one in *interpreters, which
 * interpreters__free() ends, after an error, too. Returns 0, -EINVAL after a message that says
 * why there is none, -EINTR (interpreters->signal), or another negative errno after a message.
 */
int py_interpreter__find(struct interpreters *interpreters, const struct py_plan *plan,
			 const struct shebang *shebang, const struct interpreter_user *user);

#endif /* CONVOY_PY_INTERPRETER_H */
