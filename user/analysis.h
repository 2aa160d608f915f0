/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * analysis.h - from a recording to a report. The only way there is, live or offline.
 *
 * Needs no kernel, no clock and no permission, and the same recording always gives the
 * same report.
 */
#ifndef CONVOY_ANALYSIS_H
#define CONVOY_ANALYSIS_H

#include <stdbool.h>
#include <stdint.h>

#include "recording.h"
#include "report.h"

struct analysis_options {
	/* A part of the recording only, in ns since its round began; to_ns 0: to its end. */
	bool window;
	uint64_t from_ns, to_ns;
	mapping_fn mapping;	/* sees every mapping; may be NULL */
	int (*event)(void *ctx, const struct convoy_ev_hdr *
					ev); /* sees every event before it is booked; may be NULL */
	void *ctx;
};

/*
 * Read the recording in `fd` from where it stands, twice, so that it must be one that can be
 * sought (record_file__seekable()), and make its report (the version of the tool is left to
 * who prints it). Damage and an early end are no error: the report
 * is of what comes before, and says that it is incomplete. Returns 0, and report__free()
 * ends it; -EBADMSG when it is no recording or makes no sense (status->damage says why);
 * -ERANGE when a window is asked of several rounds, or lies beyond the end; -ENOMEM; or
 * what lseek(2) or read(2) gave.
 */
int analysis__read(int fd, const struct analysis_options *options, struct report **report,
		   struct recording_status *status);

#endif /* CONVOY_ANALYSIS_H */
