/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * exit_codes.h - how convoy ends, the same for every subcommand.
 */
#ifndef CONVOY_EXIT_CODES_H
#define CONVOY_EXIT_CODES_H

enum exit_code {
	CONVOY_EXIT_OK = 0,
	CONVOY_EXIT_USAGE = 2,		/* usage, or input that cannot be used */
	CONVOY_EXIT_REFUSED = 3,	/* not permitted, or the kernel lacks something */
	CONVOY_EXIT_INVALID = 4,	/* events were lost */
	CONVOY_EXIT_FAILED = 6,		/* I/O, a workload's own failure, internal */
	CONVOY_EXIT_SIGNAL = 128,	/* plus the signal's number */
};

#endif /* CONVOY_EXIT_CODES_H */
