// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * render_csv.c - one row a mode, by RFC 4180; docs/reading-a-report.md has the columns.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "account.h"
#include "contention.h"
#include "outside.h"
#include "render.h"

/*
 * A field of outside text: quoted, and with an apostrophe where a spreadsheet
 * would take it for a formula.
 */
static void put_text(FILE *out, const char *text, size_t max)
{
	char safe[4 * 256 + 1];

	outside__terminal(safe, sizeof(safe), text, max, true);
	fputc('"', out);
	if (safe[0] && strchr("=+-@", safe[0]))
		fputc('\'', out);
	for (const char *c = safe; *c; c++) {
		if (*c == '"')
			fputc('"', out);
		fputc(*c, out);
	}
	fputc('"', out);
}

/* Unknown numbers are empty fields. */
static void put_real(FILE *out, double value)
{
	fputc(',', out);
	if (isfinite(value))
		fprintf(out, "%.9g", value);
}

static void put_whole(FILE *out, double value)
{
	fputc(',', out);
	if (isfinite(value))
		fprintf(out, "%.0f", round(value)); /* as in JSON, not to even */
}

static void put_maybe(FILE *out, struct maybe value)
{
	put_whole(out, value.known ? value.value : NAN);
}

static double median(const struct estimate *estimate)
{
	return estimate->n ? estimate->median : NAN;
}

static void put_header(FILE *out)
{
	fputs("mode,rounds,wall_ns,wall_ci_lo_ns,wall_ci_hi_ns,speedup,cpu_ns,system_ns,cores_used,"
	      "cpu_util,voluntary,involuntary,migrations",
	      out);
	for (int i = 0; i < ACCOUNT_COUNT; i++)
		fprintf(out, ",%s_ns", account__name((enum account)i));
	fputs(",lifetime_ns,residual_ns,worker_lock_ns,worker_lifetime_ns,lock_episodes,lock_p50_ns,"
	      "lock_p90_ns,lock_p99_ns,lock_max_ns,own_thread_ns,own_lock_wait_ns,schedstat_run_ns,"
	      "schedstat_run_delay_ns,valid,gil_wait_ns,gil_lifetime_ns,could_run,interpreter\r\n",
	      out);
}

static void put_mode(FILE *out, const struct report *report, const struct report_mode *mode)
{
	struct gil_sum gils = report_mode__gils(mode);
	bool traced = report->probes.sched;

	put_text(out, mode->mode, sizeof(mode->mode));
	put_whole(out, mode->rounds);
	put_whole(out, median(&mode->wall_ns));
	put_whole(out, mode->wall_ns.has_ci ? mode->wall_ns.ci_lo : NAN);
	put_whole(out, mode->wall_ns.has_ci ? mode->wall_ns.ci_hi : NAN);
	put_real(out, mode->speedup.known ? mode->speedup.value : NAN);
	put_whole(out, median(&mode->cpu_ns));
	put_whole(out, median(&mode->system_ns));
	put_real(out, median(&mode->cores_used));
	put_real(out, median(&mode->cpu_util));
	put_real(out, median(&mode->voluntary));
	put_real(out, median(&mode->involuntary));
	put_real(out, median(&mode->migrations));
	for (int i = 0; i < ACCOUNT_COUNT; i++)
		put_whole(out, traced ? (double)mode->time_ns[i] : NAN);
	put_whole(out, traced ? (double)mode->lifetime_ns : NAN);
	put_whole(out, traced ? (double)mode->residual_ns : NAN);
	put_whole(out, traced ? (double)mode->worker_time_ns[ACCOUNT_LOCK] : NAN);
	put_whole(out, traced ? (double)mode->worker_lifetime_ns : NAN);
	put_whole(out, traced ? (double)mode->lock_wait.episodes : NAN);
	put_maybe(out, mode->lock_wait.p50_ns);
	put_maybe(out, mode->lock_wait.p90_ns);
	put_maybe(out, mode->lock_wait.p99_ns);
	put_maybe(out, mode->lock_wait.max_ns);
	put_maybe(out, mode->own.thread_ns);
	put_maybe(out, mode->own.lock_wait_ns);
	put_maybe(out, mode->own.run_ns);
	put_maybe(out, mode->own.run_delay_ns);
	fprintf(out, ",%s", report->valid ? "true" : "false");
	put_whole(out, gils.with ? (double)gils.wait_ns : NAN);
	put_whole(out, gils.with ? (double)gils.lifetime_ns : NAN);
	put_real(out, mode->could_run.known ? mode->could_run.value : NAN);
	fputc(',', out);
	if (mode->interpreter.name[0])
		put_text(out, mode->interpreter.name, sizeof(mode->interpreter.name));
	fputs("\r\n", out);
}

int render_csv(const struct report *report, const struct render_options *options, FILE *out)
{
	(void)options;
	put_header(out);
	for (size_t i = 0; i < report->n_modes; i++)
		put_mode(out, report, &report->modes[i]);
	return ferror(out) ? -EIO : 0;
}
