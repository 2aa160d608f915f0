// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "interpreter_parts.h"
#include "message.h"
#include "py_interpreter.h"

static int add(struct interpreters *interpreters, const struct interpreter_search *search,
	       const char *spec)
{
	int err = interpreters__add(interpreters, search, spec);

	if (err)
		return err;
	return interpreters->n ? 0 : -EINVAL;
}

/* A path that is not there is one that somebody meant to be there: its name tells. */
static int check_shebang(const struct py_plan *plan, const struct shebang *shebang)
{
	const struct interpreter_language *language =
		interpreter_language__of_path(shebang->program);

	if (language && !strcmp(language->name, "python"))
		return 0;
	message("the first line of '%s' names '%s', which is no Python; -i names the Python to run "
		"it, and `convoy record` takes any program",
		plan->script, shebang->program);
	return -EINVAL;
}

/* python3, or where there is none of that name, python. */
static const char *usual_name(char *const *environment)
{
	struct candidates candidates = { 0 };
	bool found = !candidates__of_name(&candidates, environment, "python3") && candidates.n;

	candidates__free(&candidates);
	if (found)
		return "python3";
	found = !candidates__of_name(&candidates, environment, "python") && candidates.n;
	candidates__free(&candidates);
	return found ? "python" : "python3";
}

int py_interpreter__find(struct interpreters *interpreters, const struct py_plan *plan,
			 const struct shebang *shebang, const struct interpreter_user *user)
{
	char sources[PATH_MAX];
	struct interpreter_search search = {
		.environment = user->environment,
		.as = user->as,
		.sources = sources,
		.as_found = true,
	};
	int err = interpreter__sources(sources, sizeof(sources));

	if (err)
		return err;
	if (plan->interpreter)
		err = add(interpreters, &search, plan->interpreter);
	else if (shebang->program)
		err = check_shebang(plan, shebang) ? -EINVAL :
						     add(interpreters, &search, shebang->program);
	else
		err = add(interpreters, &search, usual_name(user->environment));
	if (err == -EINVAL && !plan->interpreter && shebang->program)
		message("the first line of '%s' names that one; -i names another", plan->script);
	if (!err && strcmp(interpreters->list[0].language->name, "python") != 0) {
		message("'%s' is %s, not Python: `convoy record` takes any program",
			interpreters->list[0].path, interpreters->list[0].implementation);
		return -EINVAL;
	}
	return err;
}
