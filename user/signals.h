/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * signals.h - signals as a descriptor, while convoy waits for something else, too.
 */
#ifndef CONVOY_SIGNALS_H
#define CONVOY_SIGNALS_H

#include <signal.h>

/*
 * Block SIGCHLD and the signals that end convoy (those that the caller ignores stay
 * so: who uses nohup wants to go on), and open a signalfd for them. *old_mask is what
 * a command is to be started with. Returns 0 or a negative errno after a message.
 */
int signals__take(int *signal_fd, sigset_t *old_mask);

/* The signal that asked convoy to end, or 0; SIGCHLD only wakes. Does not wait. */
int signals__read(int signal_fd);

/* Undo it. A signal that is pending then takes effect: read it before. */
void signals__give_back(int signal_fd, const sigset_t *old_mask);

#endif /* CONVOY_SIGNALS_H */
