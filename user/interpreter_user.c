// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "interpreter.h"
#include "message.h"

extern char **environ;

int interpreter_user__find(struct interpreter_user *user)
{
	const char *name = getenv("SUDO_USER");
	int err;

	memset(user, 0, sizeof(*user));
	user->environment = environ;
	if (geteuid() || !name || !*name)
		return 0;
	err = identity__look_up(name, &user->identity);
	if (err) {
		message("cannot look up user '%s', who called sudo ($SUDO_USER): %s", name,
			err == -ENOENT ? "there is none of that name" : strerror(-err));
		return err;
	}
	if (!user->identity.uid) /* root called it */
		return 0;
	user->environment = identity__environ(&user->identity, environ);
	if (!user->environment) {
		message("cannot make the environment of user '%s': %s", name, strerror(ENOMEM));
		return -ENOMEM;
	}
	user->as = &user->identity;
	user->owned = true;
	return 0;
}

void interpreter_user__free(struct interpreter_user *user)
{
	if (user->owned)
		identity__free_environ(user->environment);
	identity__free(&user->identity);
	memset(user, 0, sizeof(*user));
}
