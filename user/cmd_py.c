// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "exit_codes.h"
#include "message.h"
#include "py_answer.h"
#include "py_interpreter.h"
#include "py_plan.h"
#include "py_script.h"
#include "read_back.h"
#include "record.h"
#include "record_docs.h"
#include "record_file.h"
#include "report_output.h"

extern char **environ;

/* All of one call. */
struct py {
	struct py_plan plan;
	struct interpreter_user user;
	struct interpreters interpreters;	/* one, when it is found */
	struct shebang shebang;
	char **command;
};

/* --- before anything starts --------------------------------------------------------------- */

/* --as, else who called sudo, else the caller. Returns 0 or an exit status after a message. */
static int find_user(struct py *py)
{
	struct interpreter_user *user = &py->user;
	int err;

	if (!py->plan.as)
		return interpreter_user__find(user) ? CONVOY_EXIT_USAGE : 0;
	err = identity__find(py->plan.as, &user->identity);
	if (err)
		return CONVOY_EXIT_USAGE;
	if (identity__may_switch(&user->identity))
		return CONVOY_EXIT_REFUSED;
	user->environment = identity__environ(&user->identity, environ);
	if (!user->environment)
		return CONVOY_EXIT_FAILED;
	user->owned = true;
	user->as = &user->identity;
	return 0;
}

static int find_script(struct py *py)
{
	int err = 0;

	if (py->plan.kind == PY_SCRIPT && strcmp(py->plan.script, "-") != 0)
		err = py_script__look(py->plan.script, py->user.as, &py->shebang);
	return !err ? 0 : err == -EINVAL ? CONVOY_EXIT_USAGE : CONVOY_EXIT_FAILED;
}

static int find_interpreter(struct py *py)
{
	int err = py_interpreter__find(&py->interpreters, &py->plan, &py->shebang, &py->user);

	if (err == -EINTR)
		return CONVOY_EXIT_SIGNAL + py->interpreters.signal;
	if (err)
		return err == -EINVAL ? CONVOY_EXIT_USAGE : CONVOY_EXIT_FAILED;
	/* Options in the first line are for the interpreter that it names. */
	py->command = py_plan__command(&py->plan, py->interpreters.list[0].path,
				       py->plan.interpreter ? NULL : py->shebang.options);
	if (!py->command) {
		message("%s", strerror(ENOMEM));
		return CONVOY_EXIT_FAILED;
	}
	return 0;
}

/* What takes part in running it again, and is not in the command. */
static json_t *describe(const struct py *py)
{
	static const char *const kinds[] = {
		[PY_SCRIPT] = "script", [PY_MODULE] = "module", [PY_CODE] = "code"
	};
	const struct interpreter *interpreter = &py->interpreters.list[0];

	return json_pack("{s:s, s:o, s:{s:o, s:s, s:s}}", "kind", kinds[py->plan.kind], "name",
			 record_docs__bytes(py->plan.script, SIZE_MAX), "interpreter", "path",
			 record_docs__bytes(interpreter->path, SIZE_MAX), "implementation",
			 interpreter->implementation, "version", interpreter->version);
}

/* --- the answer ----------------------------------------------------------------------------- */

/* The answer first, then the report, which need not give it again. */
static int render_answered(const struct report *report, const struct render_options *options,
			   FILE *out)
{
	struct report rest = *report;
	int err;

	fputc('\n', out); /* below what the script printed */
	err = render_verdict(report, options, out);
	if (err)
		return err;
	fputc('\n', out);
	rest.verdict.text = NULL;
	return render_text(&rest, options, out);
}

static int render_answer(const struct report *report, const struct render_options *options,
			 FILE *out)
{
	fputc('\n', out);
	return render_verdict(report, options, out);
}

static int print(const struct py_plan *plan, const struct report *report)
{
	static const struct renderer answered = { "text", "", render_answered };
	static const struct renderer answer = { "text", "", render_answer };
	struct report_output output = plan->report;

	if (!py_plan__takes_stdout(plan))
		output.renderer = plan->answer_only ? &answer : &answered;
	return report_output__write(&output, report);
}

/* Where in the command the script is: what the plan puts behind it is its own. */
static size_t script_at(const struct py *py)
{
	size_t n = 0, arguments = 0;

	while (py->command[n])
		n++;
	while (py->plan.arguments[arguments])
		arguments++;
	return n - arguments - 1;
}

static int answer(const struct py *py, struct report *report)
{
	const struct interpreter *interpreter = &py->interpreters.list[0];
	const char *sudo = getenv("SUDO_USER");
	const struct py_context context = {
		.kind = py->plan.kind,
		.script = py->plan.script,
		.command = py->command,
		.script_at = script_at(py),
		.implementation = interpreter->implementation,
		.version = interpreter->version,
		.recording = py->plan.recording,
		.sudo = !geteuid() && sudo && *sudo,
		.threads = py->plan.report.threads,
	};
	char *text;
	int err = py_answer__make(report, &context, &text);

	if (err)
		return err;
	free(report->verdict.text);
	report->verdict.text = text;
	return 0;
}

/* Prints the report. Returns 0 or an exit status after a message. */
static int make_report(const struct py *py, int fd, bool *valid)
{
	struct report *report;
	int err = read_back(fd, &report);

	if (err)
		return CONVOY_EXIT_FAILED;
	*valid = report->valid;
	err = answer(py, report);
	if (err)
		message("cannot make the answer: %s", strerror(-err));
	else
		err = print(&py->plan, report); /* says itself what is wrong */
	report__free(report);
	return err ? CONVOY_EXIT_FAILED : 0;
}

/* --- the run -------------------------------------------------------------------------------- */

static int conclude(const struct py *py, const struct record_outcome *outcome, int fd)
{
	bool valid = true;
	int status = make_report(py, fd, &valid);

	if (status)
		return status;
	if (outcome->left)
		message("the script still runs, as process %ld: it is left alone",
			(long)outcome->left);
	if (!valid && !py->plan.allow_loss)
		record__say_lost();
	return record_outcome__status(outcome, valid, py->plan.allow_loss);
}

static int run(const struct py *py, const struct record_plan *record)
{
	struct record_request request = {
		.plan = record,
		.as = py->user.as,
		.quiet = true,
		.stdout_taken = py_plan__takes_stdout(&py->plan),
	};
	struct record_outcome outcome;
	struct record_file file;
	int status = py->plan.recording ?
			     record_file__create(&file, py->plan.recording, py->plan.force) :
			     record_file__in_memory(&file);

	if (status)
		return CONVOY_EXIT_USAGE;
	request.fd = file.fd;
	request.file = py->plan.recording ? &file : NULL;
	status = record__run(&request, &outcome);
	if (py->plan.recording)
		record_outcome__keep(&outcome, status, &file);
	if (!status)
		status = outcome.exec_status ? outcome.exec_status :
			 outcome.failed	     ? CONVOY_EXIT_FAILED :
					       conclude(py, &outcome, file.fd);
	close(file.fd);
	return status;
}

static int record(const struct py *py)
{
	struct record_plan record = {
		.targets = CONVOY_TARGETS_NONE,
		.command = py->command,
		.output = py->plan.recording,
		.force = py->plan.force,
		.futex = py->plan.futex,
		.as = py->user.as ? py->user.as->name : NULL,
		.maps = RECORD_MAPS_EVENTS,
		.ring_bytes = py->plan.ring_bytes,
		.allow_loss = py->plan.allow_loss,
		.verbose = py->plan.verbose,
		.python = describe(py),
	};
	int status;

	if (!record.python) {
		message("%s", strerror(ENOMEM));
		return CONVOY_EXIT_FAILED;
	}
	snprintf(record.command_line, sizeof(record.command_line), "%s", py->plan.command_line);
	status = run(py, &record);
	json_decref(record.python);
	return status;
}

int cmd_py(int argc, char **argv)
{
	struct py py = { 0 };
	int status;

	if (py_plan__parse(&py.plan, argc, argv))
		return CONVOY_EXIT_USAGE;
	status = find_user(&py);
	if (!status)
		status = find_script(&py);
	if (!status)
		status = find_interpreter(&py);
	if (!status)
		status = record(&py);
	py_plan__free_command(py.command);
	interpreters__free(&py.interpreters);
	interpreter_user__free(&py.user);
	return status;
}
