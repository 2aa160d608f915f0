/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * verdict.h - which mode wins and why, in sentences that only state what was measured.
 */
#ifndef CONVOY_VERDICT_H
#define CONVOY_VERDICT_H

#include "report.h"

/*
 * Fills report->verdict from report->modes; pure apart from that.
 *
 * best_mode   the mode of the smallest median wall, when its 95 % interval lies wholly
 *             below that of every other mode; "" otherwise, and when there is one mode.
 * confidence  how often that mode (whether or not it was named best) is the fastest when
 *             the rounds of all modes are resampled; unknown when there is one mode or
 *             one of them has fewer than 3 rounds.
 * text        sentences, '\n' between them. A difference is stated as one only when the
 *             intervals of the two walls do not overlap; "same within N %" when the 95 %
 *             interval of their ratio allows no more than that (N <= 10). The GIL threads
 *             meant are those of gil-timed if it was run, else of gil-ticks.
 *
 * A verdict that is there already is replaced. Returns 0 or -ENOMEM.
 */
int verdict__judge(struct report *report);

#endif /* CONVOY_VERDICT_H */
