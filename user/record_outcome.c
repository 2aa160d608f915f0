// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * record_outcome.c - what becomes of a recording when it is over: its file, its exit status.
 */
#include <signal.h>

#include "exit_codes.h"
#include "message.h"
#include "record.h"

bool record_outcome__keep(struct record_outcome *outcome, int status, struct record_file *file)
{
	/* Of what never ran there is nothing to keep. */
	if (!outcome->begun || outcome->exec_status || (status && !outcome->failed)) {
		record_file__remove(file);
		return false;
	}
	if (!record_file__keep(file))
		return true;
	outcome->failed = true;
	return false;
}

int record_outcome__status(const struct record_outcome *outcome, bool valid, bool allow_loss)
{
	/* Ctrl-C is how a recording is ended; a command's own status says more. */
	if (outcome->command_status > 0)
		return outcome->command_status;
	if (outcome->signal && outcome->signal != SIGINT)
		return CONVOY_EXIT_SIGNAL + outcome->signal;
	return valid || allow_loss ? CONVOY_EXIT_OK : CONVOY_EXIT_INVALID;
}

void record__say_lost(void)
{
	message("events were lost, so its numbers cannot be trusted (exit 4); "
		"--allow-loss accepts them, a larger --ring-bytes may help");
}
