// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "message.h"
#include "signals.h"

int signals__take(int *signal_fd, sigset_t *old_mask)
{
	static const int endings[] = { SIGINT, SIGTERM, SIGHUP };
	sigset_t mask;
	int err;

	signal(SIGCHLD, SIG_DFL); /* ignored, as a caller may have left it, it loses rusage */
	sigemptyset(&mask);
	sigaddset(&mask, SIGCHLD);
	for (size_t i = 0; i < sizeof(endings) / sizeof(*endings); i++) {
		struct sigaction action;

		if (!sigaction(endings[i], NULL, &action) && action.sa_handler != SIG_IGN)
			sigaddset(&mask, endings[i]);
	}
	sigprocmask(SIG_BLOCK, &mask, old_mask);
	*signal_fd = signalfd(-1, &mask, SFD_NONBLOCK | SFD_CLOEXEC);
	if (*signal_fd >= 0)
		return 0;
	err = -errno;
	message("signalfd: %s", strerror(-err));
	sigprocmask(SIG_SETMASK, old_mask, NULL);
	return err;
}

int signals__read(int signal_fd)
{
	struct signalfd_siginfo info;

	while (read(signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		if (info.ssi_signo != SIGCHLD)
			return (int)info.ssi_signo;
	return 0;
}

void signals__give_back(int signal_fd, const sigset_t *old_mask)
{
	close(signal_fd);
	sigprocmask(SIG_SETMASK, old_mask, NULL);
}
