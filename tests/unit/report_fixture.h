/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * report_fixture.h - reports made by hand, and what every rendering of one must keep to.
 */
#ifndef CONVOY_TESTS_REPORT_FIXTURE_H
#define CONVOY_TESTS_REPORT_FIXTURE_H

#include <stdbool.h>
#include <string.h>

#include <jansson.h>

#include "user/render.h"
#include "user/report.h"

#define HOSTILE                                     \
	"\033[2J\x9b"                               \
	"31m\xff\xc0\xaf\xed\xa0\x80\n\xe2\x80\xae" \
	"evil"

/* What one hand-made mode is like. Shares are per mille of thread time. */
struct sketch {
	const char *mode;
	double wall_ms, scatter, cores;
	double voluntary, involuntary;
	unsigned running, preempted, wakeup, lock, sleep;
};

#define FIVE 5
extern const struct sketch five[FIVE];

void *need(void *memory);
struct maybe known(double value);

/* An estimate of up to 5 rounds around `median`, scattered by `scatter` (0.01: 1 %). */
void around(struct estimate *estimate, double median, double scatter, unsigned rounds);

/* A report of countdown on two CPUs, with room for FIXTURE_MODES modes. */
#define FIXTURE_MODES 64
struct report *empty_report(void);
struct report_mode *add_mode(struct report *report, const struct sketch *sketch, unsigned rounds);

/* The same in an interpreter: "python3.13:threads" of the sketch "threads"; and several of one. */
struct report_mode *add_interpreter_mode(struct report *report, const char *family,
					 const struct sketch *sketch, unsigned rounds);
void add_interpreter(struct report *report, const char *family, const struct sketch *sketches,
		     size_t n, unsigned rounds);

void add_metric(struct report_mode *mode, const char *name, double median, unsigned rounds);
void give_command(struct report_mode *mode, const char *command);

/* Speed-ups and verdict. */
void judge(struct report *report);

struct report *full_report(unsigned rounds);

/* Every outside string is as bad as can be, and fills its array. */
struct report *hostile_report(void);

/* The five modes as --probes=none leaves them: the workload's own clock, rusage, schedstat. */
struct report *untraced_report(unsigned rounds);

/*
 * What a recording of a container's processes says: one command, threads that were there
 * before it and go on, no rusage.
 */
struct report *recording_report(void);

/*
 * A recording of Python threads: they wait for their GIL, and a little for a mutex that two
 * processes share, whose holder sleeps; of what holds both, all is known but a little.
 */
struct report *python_report(void);

/* One more runtime of the mode, without threads. Valid until the next call. */
struct report_runtime *add_runtime(struct report_mode *mode, const char *version,
				   enum gil_state gil);

/* One more lock, with nothing known of it but this. Valid until the next call. */
struct report_lock *add_bare_lock(struct report_mode *mode, const char *name, enum lock_kind kind,
				  uint64_t total_ns);

/* What a renderer writes; the caller frees it. */
char *rendered(const char *format, const struct report *report,
	       const struct render_options *options);
json_t *parsed(const struct report *report, bool threads);

/*
 * As text for each of many terminals: no line is wider than they are, and no byte is a
 * control character, or one beyond ASCII where these are not shown.
 */
void check_widths(const struct report *report);

#define assert_contains(text, words) \
	do { \
		if (!strstr(text, words)) \
			fail_msg("\"%s\" is not in:\n%s", words, text); \
	} while (0)
#define assert_lacks(text, words) \
	do { \
		if (strstr(text, words)) \
			fail_msg("\"%s\" is in:\n%s", words, text); \
	} while (0)

#endif /* CONVOY_TESTS_REPORT_FIXTURE_H */
