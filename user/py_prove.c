// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * py_prove.c - the commands that prove an answer of `convoy py`, to be pasted.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "parse_option.h"
#include "py_answer.h"
#include "workloads/catalog.h"

static void begin(const struct py_context *context, const char *command, FILE *out)
{
	fprintf(out, "  %sconvoy %s", context->sudo ? "sudo " : "", command);
}

/*
 * The bundled job in all modes that tell threads from processes, in the same interpreter, with as
 * many workers as the script has threads, if it has work for so many.
 */
static void put_job(const struct py_context *context, const char *job, unsigned workers, FILE *out)
{
	const struct job_info *info = catalog_job(job);
	unsigned most = info && info->tasks ? info->tasks : CATALOG_MAX_WORKERS;

	if (workers > most)
		workers = most;
	begin(context, "run", out);
	fprintf(out, " -j %s -w %u -m serial,threads,processes --interpreter ", job, workers);
	word__put(out, context->command[0]);
	fputc('\n', out);
}

/* The word as it is within a line for sh -c. False without memory. */
static bool put_inner(FILE *out, const char *word)
{
	size_t size = 4 * strlen(word) + 3;
	char *quoted = malloc(size);

	if (!quoted)
		return false;
	word__quote(quoted, size, word);
	fputs(quoted, out);
	free(quoted);
	return true;
}

/* " --cmd 'LABEL=...'" of what was run; with another script (NULL: the same) in its place. */
static void put_cmd(const struct py_context *context, const char *label, const char *script,
		    FILE *out)
{
	size_t at = context->script_at, size = 0;
	char *line = NULL;
	FILE *command = open_memstream(&line, &size);
	bool complete = command;

	if (!command)
		return;
	fprintf(command, "%s=", label);
	for (size_t i = 0; complete && context->command[i]; i++) {
		/* What takes the place of code is a file. */
		if (script && context->kind == PY_CODE && i + 1 == at)
			continue;
		complete = put_inner(command, script && i == at ? script : context->command[i]);
		if (context->command[i + 1])
			fputc(' ', command);
	}
	if (!fclose(command) && complete) {
		fputs(" --cmd ", out);
		word__put(out, line);
	}
	free(line);
}

/* A version of it with processes against this one. */
static void put_rewritten(const struct py_context *context, FILE *out)
{
	/* What came on its standard input is gone. */
	if (context->kind == PY_SCRIPT && !strcmp(context->command[context->script_at], "-"))
		return;
	fprintf(out, "Then a version of it with processes, here called %s, against this one:\n",
		context->kind == PY_MODULE ? "MODULE2" : "SCRIPT2");
	begin(context, "run", out);
	put_cmd(context, "threads", NULL, out);
	put_cmd(context, "processes", context->kind == PY_MODULE ? "MODULE2" : "SCRIPT2", out);
	fputs(" --reference threads\n", out);
}

/* Each thread's own account: of what was kept, or else of another run. */
static void put_threads(const struct py_context *context, FILE *out)
{
	static const char *const flags[] = {
		[PY_SCRIPT] = "--", [PY_MODULE] = "-m", [PY_CODE] = "-c"
	};

	if (context->recording) {
		fputs("What each thread waited for:\n  convoy report --threads -- ", out);
		word__put(out, context->recording);
	} else if (!context->threads) {
		fputs("What each thread waits for:\n", out);
		begin(context, "py --threads -i ", out);
		word__put(out, context->command[0]);
		fprintf(out, " %s", flags[context->kind]);
		for (size_t i = context->script_at; context->command[i]; i++) {
			fputc(' ', out);
			word__put(out, context->command[i]);
		}
	} else {
		return;
	}
	fputc('\n', out);
}

void py_answer__prove(const struct py_context *context, enum py_proof proof, unsigned workers,
		      FILE *out)
{
	switch (proof) {
	case PROOF_NONE:
		break;
	case PROOF_GIL:
		fputs("Prove it: what threads and processes of this Python do with computing, on "
		      "this machine:\n",
		      out);
		put_job(context, "countdown", workers, out);
		put_rewritten(context, out);
		break;
	case PROOF_SPLIT:
		fputs("What it would be to split it: threads and processes of this Python "
		      "computing, on this machine:\n",
		      out);
		put_job(context, "countdown", workers, out);
		break;
	case PROOF_SLEEP:
		fputs("Prove it: what threads and processes of this Python do with sleeping, on "
		      "this machine:\n",
		      out);
		put_job(context, "recursion", workers, out);
		break;
	case PROOF_THREADS:
		put_threads(context, out);
		break;
	}
}
