// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "analysis.h"
#include "message.h"
#include "read_back.h"

int read_back(int fd, struct report **report)
{
	const struct analysis_options options = { 0 };
	struct recording_status status = { 0 };
	int err = lseek(fd, 0, SEEK_SET) ? -errno : analysis__read(fd, &options, report, &status);

	if (err) {
		message("cannot make the report: %s%s%s", strerror(-err),
			status.damage[0] ? ": " : "", status.damage);
		return err;
	}
	snprintf((*report)->version, sizeof((*report)->version), "%s", CONVOY_VERSION);
	return 0;
}
