// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * verdict_runtimes.c - threads or processes: what the GIL of a command's runtimes has to do
 * with it.
 */
#include <math.h>
#include <stdio.h>

#include "contention.h"
#include "outside.h"
#include "verdict_parts.h"

#define MOSTLY 0.5		/* share of thread time from which a thing is what threads did */
#define ALONE 1.5		/* threads that want to run, on average, below which it is one */
#define SAID 0.05		/* a share that differs by less has been said already */

const char *verdict__runtime(char buf[VERDICT_RUNTIME], const struct report_runtime *runtime,
			     size_t versions)
{
	char which[4 * sizeof(runtime->name) + 1], version[4 * sizeof(runtime->version) + 1];

	outside__terminal(which, sizeof(which), runtime->name, sizeof(runtime->name), true);
	outside__terminal(version, sizeof(version), runtime->version, sizeof(runtime->version),
			  true);
	snprintf(buf, VERDICT_RUNTIME, "%s%s%s%s", which, version[0] ? " " : "", version,
		 versions > 1 ? " and others" : "");
	return buf;
}

static void say_label(const struct judge *j, const struct report_mode *mode)
{
	if (j->report->n_modes > 1)
		fprintf(j->out, "%s: ", mode->mode);
}

void verdict__say_gain(const struct judge *j, const struct report_mode *mode)
{
	struct gil_outlook outlook = report_mode__outlook(j->report, mode);
	int digits = outlook.wanted < 0.1 ? 3 : 1;

	/* Other programs that ran would run beside processes, too: nobody knows how much. */
	if (!outlook.known || !outlook.alone)
		return;
	say_label(j, mode);
	fprintf(j->out, "On average %.*f threads wanted to run at once and %.*f did", digits,
		outlook.wanted, digits, outlook.ran);
	if (outlook.gain >= GAIN_MATTERS)
		fprintf(j->out,
			": on %u CPU%s processes could be up to %.1fx faster; more threads would "
			"not be.\n",
			outlook.cpus, outlook.cpus == 1 ? "" : "s", outlook.gain);
	else if (outlook.cpus == 1 && outlook.ready < ALL_CPUS)
		fputs(", on one CPU: more threads would not be faster, and processes only if the "
		      "GIL is held by threads that sleep.\n",
		      j->out);
	else if (outlook.cpus == 1)
		fputs(", on one CPU: neither processes nor more threads would be faster, what "
		      "waits for the GIL would wait for the CPU.\n",
		      j->out);
	else if (outlook.ran >= ALL_CPUS * outlook.cpus)
		fprintf(j->out,
			", on all of the %u CPUs: processes would not be faster, what waits for "
			"the GIL would wait for a CPU.\n",
			outlook.cpus);
	else if (outlook.ready >= ALL_CPUS * outlook.cpus)
		fputs(", and others waited for a CPU already: processes would not be faster, what "
		      "waits for the GIL would do so, too.\n",
		      j->out);
	else
		fputs(": processes would hardly be faster.\n", j->out);
}

void verdict__say_instead(const struct judge *j, const struct report_mode *mode,
			  enum verdict_instead instead)
{
	struct gil_outlook outlook = report_mode__outlook(j->report, mode);

	switch (instead) {
	case INSTEAD_UNKNOWN:
		return;
	case INSTEAD_OVERLAP:
		fputs("They sleep or wait for I/O or children, which threads do at the same time: "
		      "there is no contention, and processes would hardly be faster.\n",
		      j->out);
		break;
	case INSTEAD_QUEUE:
		fputs("They wait for a CPU: neither processes nor more threads would be faster.\n",
		      j->out);
		break;
	case INSTEAD_ALONE:
		if (outlook.known)
			fprintf(j->out, "On average %.1f threads wanted to run at once: to",
				outlook.wanted);
		else
			fputs("To", j->out);
		fprintf(j->out,
			" use more of the %u CPUs, the work itself must be split, then among "
			"processes.\n",
			j->report->host.cpus_usable);
		break;
	case INSTEAD_LOCKS:
		fputs("What they wait for are other locks, which processes that share them would "
		      "wait for, too.\n",
		      j->out);
		break;
	case INSTEAD_LITTLE:
		fputs("Processes would hardly be faster.\n", j->out);
		break;
	}
}

/* The GIL is free for whoever wants it: what else keeps the threads? */
static enum verdict_instead instead_of(const struct judge *j, const struct report_mode *mode)
{
	struct gil_outlook outlook = report_mode__outlook(j->report, mode);

	/* What the mode did is what all programs in it did. */
	if (outlook.known && !outlook.alone)
		return INSTEAD_UNKNOWN;
	if (verdict__waits_overlap(mode))
		return INSTEAD_OVERLAP;
	if (verdict__queued(mode) >= MOSTLY)
		return INSTEAD_QUEUE;
	if (outlook.known && outlook.cpus > 1 && outlook.wanted < ALONE &&
	    verdict__share(mode, ACCOUNT_RUNNING) >= WORTH_SAYING)
		return INSTEAD_ALONE;
	if (verdict__share(mode, ACCOUNT_LOCK) >= WORTH_SAYING)
		return INSTEAD_LOCKS;
	return INSTEAD_LITTLE;
}

static void say_instead(const struct judge *j, const struct report_mode *mode)
{
	enum verdict_instead instead = instead_of(j, mode);

	if (instead != INSTEAD_UNKNOWN)
		say_label(j, mode);
	verdict__say_instead(j, mode, instead);
}

void verdict__say_runtimes(const struct judge *j, const struct report_mode *mode)
{
	struct gil_sum gils = report_mode__gils(mode);
	char which[VERDICT_RUNTIME], share[24];

	if (gils.with && gils.lifetime_ns) {
		verdict__runtime(which, gils.with, gils.n_with);
		if (gils.share >= GIL_MATTERS) {
			/*
			 * Of one mode, the sentence before has said what part of thread time
			 * it was: where threads did not sleep besides, that is the same.
			 */
			if (j->report->n_modes > 1 ||
			    fabs(verdict__gil_share(mode) - gils.share) >= SAID) {
				say_label(j, mode);
				fprintf(j->out,
					"Of the time that its threads wanted to run, %s went by "
					"waiting for the GIL of %s.\n",
					verdict__percent(share, gils.share), which);
			}
			verdict__say_gain(j, mode);
		} else {
			say_label(j, mode);
			fprintf(j->out,
				"The GIL of %s is not what threads wait for: of the time that they "
				"wanted to run, %s went by waiting for it.\n",
				which, verdict__percent(share, gils.share));
			say_instead(j, mode);
		}
	}
	if (gils.without) {
		say_label(j, mode);
		fprintf(j->out,
			"%s is free-threaded: its threads run in parallel, there is no GIL to wait "
			"for.\n",
			verdict__runtime(which, gils.without, 1));
	}
	if (gils.unknown) {
		say_label(j, mode);
		fprintf(j->out,
			"The GIL of %s was not found: what waits for it is among the other "
			"waits.\n",
			verdict__runtime(which, gils.unknown, 1));
	}
}
