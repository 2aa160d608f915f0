// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <argp.h>
#include <errno.h>
#include <langinfo.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "doctor.h"
#include "exit_codes.h"
#include "message.h"
#include "parse_option.h"
#include "recording.h"

struct doctor_options {
	bool json, verbose;
};

enum { KEY_FORMAT = 256 };

static const struct argp_option options[] = {
	{ "format", KEY_FORMAT, "text|json", 0, "Format of what is printed (default: text)", 0 },
	{ "verbose", 'v', 0, 0, "Show what libbpf and the kernel say to the probes", 0 },
	{ 0 }
};

static const char doc[] =
	"Say what this kernel and this user can do, what convoy loses without it, and how to "
	"get it. The probes are loaded and attached for a moment; nothing is traced, and nothing "
	"is changed."
	"\v"
	"Examples:\n"
	"  sudo convoy doctor                    can run and record work here?\n"
	"  convoy doctor                         what can I do without root?\n"
	"  sudo convoy doctor -v                 why does the kernel refuse the probes?\n"
	"  convoy doctor --format json | jq .works\n"
	"                                        for a script\n"
	"\n"
	"Exit status: 0 `convoy run` works here; 3 it does not; 2 usage; 6 failed.";

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct doctor_options *chosen = state->input;

	switch (key) {
	case KEY_FORMAT:
		chosen->json = !strcmp(arg, "json");
		if (!chosen->json && strcmp(arg, "text") != 0) {
			message("--format '%s' does not exist; there are text and json", arg);
			return EINVAL;
		}
		return 0;
	case 'v':
		chosen->verbose = true;
		return 0;
	case ARGP_KEY_ARG:
		message("'%s' is not an option; `convoy doctor --help` lists them", arg);
		return EINVAL;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int cmd_doctor(int argc, char **argv)
{
	const struct argp argp = { .options = options, .parser = parse_option, .doc = doc };
	struct doctor_options chosen = { 0 };
	struct diagnosis diagnosis;
	struct doctor_facts facts;
	int err;

	if (option__parse_all(&argp, "convoy doctor", argc, argv, 0, &chosen))
		return CONVOY_EXIT_USAGE;
	signal(SIGPIPE, SIG_IGN); /* a closed pipe is an error of write() */
	doctor__look(&facts, chosen.verbose);
	snprintf(facts.codec, sizeof(facts.codec), "%s",
		 recording__codec_name(recording__best_codec()));
	doctor__judge(&facts, &diagnosis);
	if (chosen.json)
		err = render_doctor_json(&diagnosis, CONVOY_VERSION, stdout);
	else
		err = render_doctor_text(&diagnosis, 80, !strcmp(nl_langinfo(CODESET), "UTF-8"),
					 stdout);
	if (!err && fflush(stdout))
		err = -errno;
	if (err) {
		message("cannot write the diagnosis: %s", strerror(-err));
		return CONVOY_EXIT_FAILED;
	}
	return diagnosis.works[DOCTOR_RUN] ? CONVOY_EXIT_OK : CONVOY_EXIT_REFUSED;
}
