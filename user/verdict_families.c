// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * verdict_families.c - one judgement for each interpreter and for convoy's own machine; once
 * only for those that came out alike.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "contention.h"
#include "outside.h"
#include "verdict_parts.h"

#define FEW 3			/* families from which on the alike are told of together */
#define NAMED 3			/* members that a group is named by; else they are counted */
#define SERIAL_WAITED 0.20	/* share of its time without a CPU, from which it was not alone */
#define PROCESSES_WAITED 0.35	/* the same of processes that have a CPU each */

static struct family *family_of(struct family *families, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(families[i].name, name))
			return &families[i];
	return NULL;
}

static void find_ways(const struct report *report, struct family *family)
{
	static const struct {
		enum way way;
		const char *kind;
	} kinds[] = {
		{ WAY_SERIAL, "serial" },	{ WAY_THREADS, "threads" },
		{ WAY_TICKS, "gil-ticks" },	{ WAY_TIMED, "gil-timed" },
		{ WAY_PROCESSES, "processes" }, { WAY_POOL, "pool" },
	};
	const struct report_mode **ways = family->ways;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		ways[kinds[i].way] = report__mode_of(report, family->name, kinds[i].kind);
	if (!family->name[0]) {
		ways[WAY_GIL] = ways[WAY_TIMED] ? ways[WAY_TIMED] : ways[WAY_TICKS];
	} else if (ways[WAY_THREADS] && report_mode__has_gil(ways[WAY_THREADS]) == GIL_PRESENT) {
		ways[WAY_GIL] = ways[WAY_THREADS];
		ways[WAY_THREADS] = NULL;
	}
}

/*
 * Walls of a machine that does other things as well tell of these, and may be clearly apart
 * for no other reason. One thread alone that waits for a CPU waits for other programs, or has
 * used up what it was given; so do processes that are no more than the CPUs.
 */
static const struct report_mode *find_waited(const struct report *report,
					     const struct family *family)
{
	const struct report_mode *serial = family->ways[WAY_SERIAL];
	const struct report_mode *processes = family->ways[WAY_PROCESSES];

	if (serial)
		return verdict__queued(serial) >= SERIAL_WAITED ? serial : NULL;
	if (processes && report->workers && report->workers <= report->host.cpus_usable &&
	    verdict__queued(processes) >= PROCESSES_WAITED)
		return processes;
	return NULL;
}

int verdict__families(const struct report *report, struct family **families, size_t *n)
{
	*n = 0;
	*families = calloc(report->n_modes + 1, sizeof(**families));
	if (!*families)
		return -ENOMEM;
	for (size_t i = 0; i < report->n_modes; i++) {
		const char *name = report_mode__family(&report->modes[i]);
		struct family *family = family_of(*families, *n, name);

		if (family)
			continue;
		family = &(*families)[(*n)++];
		family->name = name;
		outside__terminal(family->label, sizeof(family->label),
				  name[0] ? name : "convoy-work", 32, true);
		find_ways(report, family);
		family->waited = find_waited(report, family);
	}
	return 0;
}

static struct judge judge_of(const struct report *report, const struct family *const *members,
			     size_t n, bool brief, FILE *out)
{
	bool own = !members[0]->name[0];

	return (struct judge){
		.report = report,
		.families = members,
		.n = n,
		.under = own ? "Under a GIL, " : "",
		.without = own ? "Without a GIL, " : "",
		.gil_threads = own ? "GIL threads" : "threads",
		.brief = brief,
		.busy = members[0]->waited != NULL,
		.out = out,
	};
}

static void say_all_of(const struct judge *j)
{
	verdict__say_choice(j);
	verdict__say_gil(j);
	verdict__say_others(j);
	verdict__say_convoy(j);
}

static bool same_outcome(const struct family *a, const struct family *b, enum way first,
			 enum way second)
{
	struct comparison all, one;

	all = verdict__compare(a->ways[first], a->ways[second]);
	one = verdict__compare(b->ways[first], b->ways[second]);
	return verdict__merge(&all, &one, NULL, false);
}

/* Would all that is said of the one be true of the other, but for the numbers? */
static bool alike(const struct family *a, const struct family *b)
{
	enum way threads = verdict__threads(a);
	bool waits = verdict__work_waits(a);

	/* Convoy's own machine has sentences of its own. */
	if (!a->name[0] || !b->name[0])
		return false;
	if (!a->waited != !b->waited || threads != verdict__threads(b) ||
	    !a->ways[threads] != !b->ways[threads] || waits != verdict__work_waits(b) ||
	    verdict__serial_wins(a) != verdict__serial_wins(b))
		return false;
	if (!a->ways[threads])
		return same_outcome(a, b, WAY_PROCESSES, WAY_SERIAL);
	/* Where processes are the answer to a GIL, serial is one more number only. */
	return same_outcome(a, b, threads, WAY_PROCESSES) &&
	       ((threads == WAY_GIL && !waits && a->ways[WAY_PROCESSES]) ||
		same_outcome(a, b, threads, WAY_SERIAL));
}

static void list_labels(FILE *out, const struct family *const *members, size_t n)
{
	for (size_t i = 0; i < n; i++)
		fprintf(out, "%s%s", i == 0 ? "" : i + 1 < n ? ", " : " and ", members[i]->label);
}

void verdict__say_names(const struct judge *j)
{
	if (j->n > NAMED)
		fprintf(j->out, "%zu of them", j->n);
	else
		list_labels(j->out, j->families, j->n);
}

/* "In all 9 interpreters", "In 8 of 10 interpreters", "python2.7, python3.6 and python3.7" */
static void say_who(FILE *out, const struct family *const *members, size_t n, size_t interpreters,
		    bool largest)
{
	const struct report_mode *threads = members[0]->ways[WAY_THREADS];

	if (n == 1) {
		fputs(members[0]->label, out);
		if (threads && report_mode__has_gil(threads) == GIL_ABSENT)
			fputs(" (no GIL)", out);
	} else if (n == interpreters) {
		fprintf(out, "In all %zu interpreters", n);
	} else if (n > NAMED && largest) {
		fprintf(out, "In %zu of %zu interpreters", n, interpreters);
	} else {
		for (size_t i = 0; i < n; i++)
			fprintf(out, "%s%s",
				i == 0	  ? "" :
				i + 1 < n ? ", " :
					    " and ",
				members[i]->label);
	}
}

/* After a colon a sentence begins small, unless with an abbreviation. */
static void lower_first(char *text)
{
	if (isupper((unsigned char)text[0]) && !isupper((unsigned char)text[1]))
		text[0] = (char)tolower((unsigned char)text[0]);
}

/* What the sentences are, without the last line's end; NULL without memory. The caller frees. */
static char *sentences(const struct report *report, const struct family *const *members, size_t n,
		       bool brief)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	struct judge j = judge_of(report, members, n, brief, out);

	if (!out)
		return NULL;
	say_all_of(&j);
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	if (size && text[size - 1] == '\n')
		text[size - 1] = '\0';
	return text;
}

int verdict__say_family(const struct report *report, const struct family *family, FILE *out)
{
	char *text = sentences(report, &family, 1, false);

	if (!text)
		return -ENOMEM;
	if (text[0] && family->name[0]) {
		lower_first(text);
		say_who(out, &family, 1, 1, false);
		fputs(": ", out);
	}
	if (text[0])
		fprintf(out, "%s\n", text);
	free(text);
	return 0;
}

/* One line of those that are alike. */
static int say_group(const struct report *report, const struct family *const *members, size_t n,
		     size_t interpreters, bool largest, bool brief, FILE *out)
{
	char *text = sentences(report, members, n, brief);

	if (!text)
		return -ENOMEM;
	if (text[0]) {
		lower_first(text);
		for (char *end = strchr(text, '\n'); end; end = strchr(end, '\n'))
			*end = ' ';
		say_who(out, members, n, interpreters, largest);
		fprintf(out, ": %s\n", text);
	}
	free(text);
	return 0;
}

/* Those that are alike `families[first]`, that one included; they are said then. */
static size_t gather(const struct family *families, size_t n, size_t first, bool *said,
		     const struct family **members)
{
	size_t found = 0;

	for (size_t i = first; i < n; i++) {
		if (said[i] || (i != first && !alike(&families[first], &families[i])))
			continue;
		said[i] = true;
		members[found++] = &families[i];
	}
	return found;
}

int verdict__say_families(const struct report *report, const struct family *families, size_t n,
			  FILE *out)
{
	const struct family **members = calloc(n + 1, sizeof(*members));
	bool *said = calloc(n + 1, sizeof(*said)), brief = n > FEW, counted = false;
	size_t interpreters = 0, found;
	int err = members && said ? 0 : -ENOMEM;

	for (size_t i = 0; i < n; i++)
		interpreters += families[i].name[0] != '\0';
	for (size_t i = 0; i < n && !err; i++) {
		if (said[i])
			continue;
		if (interpreters >= FEW) {
			found = gather(families, n, i, said, members);
		} else {
			members[0] = &families[i];
			found = 1;
		}
		/* Two groups must not be told of by their number alone. */
		err = say_group(report, members, found, interpreters, !counted, brief, out);
		counted = counted || found > NAMED;
	}
	if (!err)
		verdict__say_gils_differ(report, families, n, out);
	free(members);
	free(said);
	return err;
}
