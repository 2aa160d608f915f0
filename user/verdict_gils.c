// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * verdict_gils.c - old GIL against new: what those of several interpreters did in the same job.
 *
 * Only what was measured tells them apart. Interpreters whose GILs were passed on about as
 * often are one kind, whatever their versions.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "contention.h"
#include "verdict_parts.h"

#define OTHER_KIND 3		/* times as often as the one before, sorted */
#define MOST_KINDS 4		/* in a sentence; the table of runtimes has all */
#define MOST_NAMES 3		/* that a kind is named by; else they are counted */

/* One interpreter that ran threads under its GIL. */
struct gil {
	const struct family *family;
	struct gil_rates rates;
	double often;		/* by what they are sorted */
};

/* Most often first; what is as often stays in order. */
static int compare_gils(const void *a, const void *b)
{
	const struct gil *x = a, *y = b;

	if (x->often < y->often || x->often > y->often)
		return x->often < y->often ? 1 : -1;
	return x->family < y->family ? -1 : x->family > y->family;
}

/* A number of each, of those of a kind; false unless it is known of all. */
static bool rate_range(const struct gil *gils, size_t n, size_t offset, struct range *range)
{
	for (size_t i = 0; i < n; i++) {
		struct maybe value;

		memcpy(&value, (const char *)&gils[i].rates + offset, sizeof(value));
		if (!value.known)
			return false;
		verdict__widen(range, value.value, NULL, i == 0);
	}
	return n > 0;
}

/* "205", "195-230"; false if it is not known. */
static bool count_words(char buf[64], const struct gil *gils, size_t n, size_t offset)
{
	struct range range = { 0 };
	char least[24], most[24];

	if (!rate_range(gils, n, offset, &range))
		return false;
	verdict__count(least, range.least);
	verdict__count(most, range.most);
	snprintf(buf, 64, "%s%s%s", least, strcmp(least, most) ? "-" : "",
		 strcmp(least, most) ? most : "");
	return true;
}

static void say_names(FILE *out, const struct gil *gils, size_t n, size_t all)
{
	if (n > MOST_NAMES && n < all) {
		fprintf(out, "the other %zu", n);
		return;
	}
	for (size_t i = 0; i < n; i++)
		fprintf(out, "%s%s",
			i == 0	  ? "" :
			i + 1 < n ? ", " :
				    " and ",
			gils[i].family->label);
}

/* "python2.7 54,000 futex calls on the GIL, 9,100 handoffs, 41,000 context switches" */
static void say_kind(FILE *out, const struct gil *gils, size_t n, size_t all)
{
	static const struct {
		size_t offset;
		const char *what;
	} rates[] = {
		{ offsetof(struct gil_rates, calls), "futex calls on the GIL" },
		{ offsetof(struct gil_rates, handoffs), "handoffs" },
		{ offsetof(struct gil_rates, switches), "context switches" },
	};
	struct range hold = { 0 };
	char words[64];
	bool any = false;

	say_names(out, gils, n, all);
	for (size_t i = 0; i < sizeof(rates) / sizeof(*rates); i++) {
		if (!count_words(words, gils, n, rates[i].offset))
			continue;
		fprintf(out, "%s %s %s", any ? "," : "", words, rates[i].what);
		any = true;
	}
	if (!rate_range(gils, n, offsetof(struct gil_rates, hold_ns), &hold))
		return;
	snprintf(words, sizeof(words), "%.3g", hold.least / 1e6);
	fprintf(out, " (held %s", words);
	snprintf(words, sizeof(words), "%.3g", hold.most / 1e6);
	if (fabs(hold.most - hold.least) > 0.01 * hold.most)
		fprintf(out, "-%s", words);
	fputs(" ms on average)", out);
}

/*
 * Sorts them by how often their GILs are asked for, and returns how many can be compared: by
 * futex calls, which tell the most, those in which they were counted; else all by switches.
 */
static size_t rank(struct gil *gils, size_t n)
{
	size_t counted = 0, kept = 0;
	bool by_calls;

	for (size_t i = 0; i < n; i++)
		counted += gils[i].rates.calls.known;
	by_calls = counted >= 2;
	for (size_t i = 0; i < n; i++) {
		struct gil gil = gils[i];

		if (by_calls && !gil.rates.calls.known)
			continue;
		/* What nobody asked for is as often as once a second. */
		gil.often = fmax(1, by_calls ? gil.rates.calls.value : gil.rates.voluntary.value);
		gils[kept++] = gil;
	}
	qsort(gils, kept, sizeof(*gils), compare_gils);
	return kept;
}

/* Where a kind ends that begins at `from`. */
static size_t kind_end(const struct gil *gils, size_t n, size_t from)
{
	size_t to = from + 1;

	while (to < n && gils[to - 1].often < OTHER_KIND * gils[to].often)
		to++;
	return to;
}

/* Within a kind, as they were asked for. */
static int compare_order(const void *a, const void *b)
{
	const struct gil *x = a, *y = b;

	return x->family < y->family ? -1 : x->family > y->family;
}

static void say_kinds(struct gil *gils, size_t n, FILE *out)
{
	size_t kinds = 0, most = 0;

	for (size_t from = 0, to; from < n; from = to, kinds++) {
		to = kind_end(gils, n, from);
		most = to - from > most ? to - from : most;
	}
	if (kinds < 2 || kinds > MOST_KINDS)
		return;
	fputs("The GILs differ, in each second of threads:", out);
	for (size_t from = 0, to; from < n; from = to) {
		to = kind_end(gils, n, from);
		fputs(from ? "; " : " ", out);
		qsort(gils + from, to - from, sizeof(*gils), compare_order);
		/* Two kinds of "the other 4" would be none. */
		say_kind(out, gils + from, to - from, to - from == most ? n : 0);
		if (to - from == most)
			most = 0;
	}
	fputs(".\n", out);
}

void verdict__say_gils_differ(const struct report *report, const struct family *families, size_t n,
			      FILE *out)
{
	struct gil *gils = calloc(n + 1, sizeof(*gils));
	size_t with = 0;

	/* Without memory for it, open_memstream() has none either, and tells of it. */
	if (!gils || !report->valid)
		goto out;
	for (size_t i = 0; i < n; i++) {
		const struct report_mode *mode = families[i].ways[WAY_GIL];
		struct gil_rates rates;

		/* Where threads wait for something else, they leave the GIL alone. */
		if (!families[i].name[0] || !mode || verdict__work_waits(&families[i]))
			continue;
		rates = report_mode__gil_rates(mode);
		if (rates.voluntary.known)
			gils[with++] = (struct gil){ &families[i], rates, 0 };
	}
	if (with < 2)
		goto out;
	say_kinds(gils, rank(gils, with), out);
out:
	free(gils);
}
