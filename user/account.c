// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "account.h"

static const char *const names[ACCOUNT_COUNT] = {
	[ACCOUNT_RUNNING] = "running",
	[ACCOUNT_PREEMPTED] = "preempted",
	[ACCOUNT_WAKEUP] = "wakeup",
	[ACCOUNT_LOCK] = "lock",
	[ACCOUNT_COND] = "cond",
	[ACCOUNT_JOIN] = "join",
	[ACCOUNT_SLEEP] = "sleep",
	[ACCOUNT_IO] = "io",
	[ACCOUNT_DISK] = "disk",
	[ACCOUNT_CHILD] = "child",
	[ACCOUNT_FAULT] = "fault",
	[ACCOUNT_STOPPED] = "stopped",
	[ACCOUNT_OTHER] = "other",
};

const char *account__name(enum account account)
{
	return names[account];
}
